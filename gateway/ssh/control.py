"""Control commands over plain ssh: `ssh vestibule@gateway request|consents|sessions|routers|…`, no installation needed.

Each command is a function of the arguments and the service that returns text. Counterpart: `gateway.ssh.session`,
which runs one and shows the text. The same use cases stand behind the REST API and the `vestibule` command.
"""

import argparse
import dataclasses
import json
import shlex
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NoReturn

from config.ids import is_id
from gateway.access.identity import Authenticated
from gateway.consent.model import Consent
from gateway.errors import BadRequest
from gateway.policy.capabilities import SCOPE
from gateway.session.service import AccessService

Command = Callable[[AccessService, Authenticated, argparse.Namespace], Awaitable[str]]


class _Parser(argparse.ArgumentParser):
    """argparse that raises instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise BadRequest(f"{message}. Usage: {self.format_usage().removeprefix('usage: ').strip()}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise BadRequest(message or f"exit {status}")


class _Help(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class _HelpAction(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise _Help(parser.format_help())


def _parser() -> _Parser:
    parser = _Parser(prog="ssh vestibule@GATEWAY", add_help=False, description="Ask for consent and look after it.")
    parser.add_argument("-h", "--help", action=_HelpAction, nargs=0)
    parser.add_argument("--json", action="store_true", help="print JSON")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser, metavar="COMMAND")

    def command(name: str, run: Command, text: str) -> _Parser:
        sub: _Parser = commands.add_parser(name, help=text, description=text, add_help=False)
        sub.add_argument("-h", "--help", action=_HelpAction, nargs=0)
        # SUPPRESS: `--json` before the command must not be undone by this one's default.
        sub.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
        sub.set_defaults(run=run)
        return sub

    command("help", _help, "this list")
    command("routers", _routers, "routers you may ask for")
    command("consents", _consents, "your requests and consents, newest first")
    command("sessions", _sessions, "live sessions")
    ask = command("request", _request, "ask a subscriber for access to a router")
    ask.add_argument("router")
    ask.add_argument("--ticket", required=True, help="number of the support case")
    ask.add_argument("--reason", required=True, help="one sentence the subscriber reads")
    ask.add_argument("--scope", default="", help="extra capabilities, comma separated: " + ", ".join(SCOPE))
    ask.add_argument("--minutes", type=int, help="how long")
    ask.add_argument("--sessions", type=int, default=1, help="how many sessions")
    ask.add_argument("--language", default="en", help="en or fr")
    ask.add_argument("--channel", default="link", help="link (default) or spoken_code")
    code = command("code", _code, "enter the code that the subscriber read out")
    code.add_argument("consent")
    code.add_argument("code", nargs="+", help="as it was read; blanks and dashes do not matter")
    answer = command("answer", _answer, "answer the subscriber's question")
    answer.add_argument("consent")
    answer.add_argument("text")
    close = command("close", _close, "give a consent back before its time")
    close.add_argument("consent")
    extend = command("extend", _extend, "ask for more time or further capabilities while a consent is live")
    extend.add_argument("consent")
    extend.add_argument("--minutes", type=int, default=0, help="minutes on top")
    extend.add_argument("--scope", default="", help="further capabilities, comma separated")
    token = command("token", _token, "print the signed consent token for automation")
    token.add_argument("consent")
    command("web", _web, "print a one-time link to the review pages")
    kill = command("kill", _kill, "end a live session now")
    kill.add_argument("session")
    return parser


async def run(service: AccessService, auth: Authenticated, line: str) -> str:
    """Run one control command. Raises `VestibuleError` with a sentence for the rep."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise BadRequest(f"The quotes in this command do not match: {error}.") from error
    try:
        args = _parser().parse_args(words or ["help"])
    except _Help as wanted:
        return wanted.text
    command: Command = args.run
    return await command(service, auth, args)


async def _help(_service: AccessService, _auth: Authenticated, _args: argparse.Namespace) -> str:
    return _parser().format_help() + "\nTo open a session: ssh ROUTER@GATEWAY\n"


async def _routers(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    rows = [{"router": router.name, "platform": router.platform} for router in await service.routers(auth)]
    return _render(rows, args.json, "No routers are registered; the operator adds them with `vestibule router add`.")


async def _consents(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    rows = [consent_row(consent) for consent in await service.consents.list(auth)]
    return _render(rows, args.json, "Nothing was asked for yet; ask with `request`.")


async def _sessions(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    rows = [dataclasses.asdict(view) for view in service.sessions(auth)]
    return _render(rows, args.json, "No session is open.")


async def _request(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    consent = await service.consents.request(
        auth,
        args.router,
        ticket=args.ticket,
        reason=args.reason,
        scope=tuple(part for part in args.scope.split(",") if part),
        minutes=args.minutes or service.parts.settings.consent.default_minutes,
        sessions=args.sessions,
        language=args.language,
        channel=args.channel,
    )
    if args.json:
        return _render([consent_row(consent)], True, "")
    then = (
        f"the subscriber reads you a code: enter it with `code {consent.id} CODE`"
        if args.channel == "spoken_code"
        else "the subscriber was sent a link"
    )
    return f"Asked. Consent {consent.id}: {then}.\nWhen it is granted: ssh {args.router}@GATEWAY\n"


async def _code(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    consent = await service.consents.enter_code(auth, _id(args.consent), "".join(args.code))
    return _render([consent_row(consent)], args.json, "")


async def _answer(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    consent = await service.consents.answer_question(auth, _id(args.consent), args.text)
    return _render([consent_row(consent)], args.json, "")


async def _close(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    consent = await service.consents.close(auth, _id(args.consent))
    return _render([consent_row(consent)], args.json, "")


async def _extend(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    scope = tuple(part for part in args.scope.split(",") if part)
    consent = await service.consents.request_extension(auth, _id(args.consent), minutes=args.minutes, scope=scope)
    return _render([consent_row(consent)], args.json, "")


async def _token(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    return await service.consents.token_for(auth, _id(args.consent)) + "\n"


async def _web(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    link = service.web_links.make(auth)
    return _render([{"link": link}], True, "") if args.json else f"{link}\nIt opens once, within five minutes.\n"


async def _kill(service: AccessService, auth: Authenticated, args: argparse.Namespace) -> str:
    await service.kill(auth, _id(args.session))
    return "Ended.\n"


def _id(text: str) -> str:
    if not is_id(text.upper()):
        raise BadRequest(f"'{text[:40]}' is no id; ids have 26 characters, as `consents` and `sessions` print them.")
    return text.upper()


def consent_row(consent: Consent) -> dict[str, Any]:
    """A consent as a rep sees it in lists."""
    return {
        "consent": consent.id,
        "router": consent.router_name,
        "state": consent.state.value,
        "scope": list(consent.granted or consent.asked),
        "until": consent.expires_at or consent.lapses_at,
        "ticket": consent.ticket,
    }


def _render(rows: list[dict[str, Any]], as_json: bool, empty: str) -> str:
    """A plain table that needs no terminal, or JSON."""
    if as_json:
        return json.dumps(rows, default=str) + "\n"
    if not rows:
        return empty + "\n"
    heads = list(rows[0])
    cells = [[_cell(row[head]) for head in heads] for row in rows]
    widths = [max(len(head), *(len(line[i]) for line in cells)) for i, head in enumerate(heads)]
    lines = [heads, *cells]
    return "".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, list):
        return ",".join(str(part) for part in value) or "-"
    return str(value)

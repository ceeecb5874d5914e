"""`vestibule consent`: ask a subscriber, look after what was asked, give it back. For reps and automation.

Over the REST API; the same acts exist as `ssh vestibule@gateway request|…`, where nothing needs to be installed.
"""

import time
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from gateway import exits
from gateway.cli.call import Call, command, group
from gateway.cli.evidence import an_id
from gateway.cli.output import moment, note, print_record, print_table, print_text

if TYPE_CHECKING:
    from gateway.cli.client import Api

PENDING: Final = frozenset({"requested", "more-info-requested"})
LIVE: Final = frozenset({"granted", "in-use", "extension-requested"})
_PIECE: Final = 50
"""Seconds of one wait; below what proxies between us may cut."""

Id = Annotated[str, typer.Argument(metavar="CONSENT", help="Id, as `vestibule consent list` shows.")]
Scope = Annotated[
    list[str] | None,
    typer.Option("--scope", metavar="NAME", help="Capability to ask for in addition; may be repeated, or a,b,c."),
]
Seconds = Annotated[
    int | None,
    typer.Option("--wait", min=1, metavar="SECONDS", help="Wait for the decision. Exit status 77 if it is no."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    below = group("consent", "Ask a subscriber for access, see what became of it, give it back.")
    command(below, "request", remote=True)(request)
    command(below, "list", remote=True)(list_consents)
    command(below, "show", remote=True)(show)
    command(below, "code", remote=True)(code)
    command(below, "answer", remote=True)(answer)
    command(below, "extend", remote=True)(extend)
    command(below, "close", remote=True)(close)
    command(below, "token", remote=True)(token)
    app.add_typer(below, rich_help_panel="Access to a router")


def request(
    call: Call,
    router: Annotated[str, typer.Argument(metavar="ROUTER", help="Its name, as `vestibule router list` shows.")],
    *,
    ticket: Annotated[str, typer.Option(help="Number of the support case.")],
    reason: Annotated[str, typer.Option(help="One sentence that the subscriber reads.")],
    scope: Scope = None,
    minutes: Annotated[int | None, typer.Option(min=1, help="How long; the settings have a default.")] = None,
    sessions: Annotated[int, typer.Option(min=1, help="How many sessions.")] = 1,
    language: Annotated[Literal["en", "fr"] | None, typer.Option(help="Of the statement; else the contact's.")] = None,
    channel: Annotated[
        Literal["link", "spoken_code"], typer.Option(help="A link to open, or a code that is read out to you.")
    ] = "link",
    wait: Seconds = None,
) -> int:
    """Ask the subscriber of a router for access, by a message to the contact on file."""
    with call.api() as api:
        consent = api.post(
            "/v1/consents",
            {
                "router": router,
                "ticket": ticket,
                "reason": reason,
                "scope": _names(scope),
                "minutes": minutes,
                "sessions": sessions,
                "language": language,
                "channel": channel,
            },
        )
        if wait is not None:
            note(f"Asked, as {consent['id']}; waiting for the subscriber.")
            consent = _wait(api, consent, wait)
    then = f"vestibule consent code {consent['id']} CODE" if channel == "spoken_code" else f"vestibule open {router}"
    when = "the subscriber has read you the code" if channel == "spoken_code" else "it is granted"

    def people() -> None:
        _print(consent)
        if consent["state"] in PENDING:
            note(f"When {when}: {then}")

    call.show(consent, people)
    return _status(consent, waited=wait is not None)


def list_consents(
    call: Call,
    *,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Only those that have not ended.")] = False,
    last: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="The newest N.")] = 50,
) -> None:
    """List requests and consents, newest first: yours, or all for a supervisor."""
    with call.api() as api:
        found = api.get("/v1/consents", unfinished=unfinished or None, limit=last)
    heads = ["consent", "router", "state", "rep", "ticket", "scope", "until"]

    def people() -> None:
        print_table(heads, map(_row, found), empty="Nothing was asked for yet; ask with `vestibule consent request`.")

    call.show(found, people)


def show(call: Call, consent: Id, *, wait: Seconds = None) -> int:
    """Show one consent: what was asked, what was granted, questions and answers."""
    with call.api() as api:
        found = api.get(f"/v1/consents/{an_id(consent, 'consent')}")
        if wait is not None:
            found = _wait(api, found, wait)
    call.show(found, lambda: _print(found))
    return _status(found, waited=wait is not None)


def code(
    call: Call,
    consent: Id,
    spoken: Annotated[str, typer.Argument(metavar="CODE", help="As the subscriber reads it; dashes do not matter.")],
) -> None:
    """Enter the code that the subscriber read out to you. All that was asked is then granted."""
    _act(call, consent, "code", {"code": spoken})


def answer(
    call: Call, consent: Id, text: Annotated[str, typer.Argument(metavar="TEXT", help="What the subscriber reads.")]
) -> None:
    """Answer the subscriber's open question. Question and answer stay on record."""
    _act(call, consent, "answer", {"text": text})


def extend(
    call: Call,
    consent: Id,
    *,
    minutes: Annotated[int, typer.Option(min=0, help="So much more time.")] = 0,
    scope: Scope = None,
) -> None:
    """Ask for more time, for further capabilities, or both, while a consent is live."""
    _act(call, consent, "extension", {"minutes": minutes, "scope": _names(scope)})


def close(call: Call, consent: Id) -> None:
    """Give a consent back before its time. Live sessions under it end."""
    _act(call, consent, "close", None)


def token(call: Call, consent: Id) -> None:
    """Print the signed consent token: evidence of what its bearer acts under. It works for its own rep only."""
    with call.api() as api:
        found = api.post(f"/v1/consents/{an_id(consent, 'consent')}/token")
    call.show(found, lambda: print_text(str(found["token"])))


def _act(call: Call, consent: str, what: str, body: dict[str, Any] | None) -> None:
    with call.api() as api:
        found = api.post(f"/v1/consents/{an_id(consent, 'consent')}/{what}", body)
    call.show(found, lambda: _print(found))


def _wait(api: "Api", consent: dict[str, Any], seconds: int) -> dict[str, Any]:
    """The consent once it is decided, or as it stands after `seconds`. Questions are shown as they come."""
    until = time.monotonic() + seconds
    asked = len(consent["questions"])
    while consent["state"] in PENDING and (left := until - time.monotonic()) > 0:
        path = f"/v1/consents/{consent['id']}"
        consent = api.get(path, since=consent["revision"], wait=max(1, min(_PIECE, int(left))))
        for question in consent["questions"][asked:]:
            note(f"The subscriber asks: {question['text']}\nAnswer: vestibule consent answer {consent['id']} TEXT")
        asked = len(consent["questions"])
    return consent


def _status(consent: dict[str, Any], *, waited: bool) -> int:
    if not waited or consent["state"] in LIVE:
        return exits.OK
    return exits.UNAVAILABLE if consent["state"] in PENDING else exits.NOT_PERMITTED


def _names(scope: list[str] | None) -> list[str]:
    return [name for part in scope or [] for name in part.split(",") if name]


def _row(consent: dict[str, Any]) -> list[object]:
    return [
        consent["id"],
        consent["router"],
        consent["state"],
        consent["rep"],
        consent["ticket"],
        consent["granted"] if consent["granted_at"] else consent["asked"],
        moment(consent["ended_at"] or consent["expires_at"] or consent["lapses_at"]),
    ]


def _print(consent: dict[str, Any]) -> None:
    granted = consent["granted_at"] is not None
    record: dict[str, object] = {
        "consent": consent["id"],
        "state": consent["state"],
        "router": consent["router"],
        "rep": consent["rep"],
        "ticket": consent["ticket"],
        "reason": consent["reason"],
        "asked for": consent["asked"] or "nothing beyond reading state and testing the line",
        **({"granted": consent["granted"] or "nothing beyond that"} if granted else {}),
        "minutes": consent["minutes"],
        "sessions": f"{consent['sessions_used']} of {consent['sessions']} used, {consent['sessions_live']} live",
        "asked at": moment(consent["requested_at"]),
    }
    if granted:
        record |= {"granted at": f"{moment(consent['granted_at'])}, by {consent['channel']}"}
    if consent["ended_at"]:
        record |= {"ended at": f"{moment(consent['ended_at'])}, {consent['ended_reason']}"}
    else:
        record |= {"until": moment(consent["expires_at"] or consent["lapses_at"])}
    if consent["entry_index"] is not None:
        record |= {"entry": consent["entry_index"]}
    for number, question in enumerate(consent["questions"], 1):
        record |= {f"question {number}": question["text"], f"answer {number}": question["answer"]}
    print_record(record)

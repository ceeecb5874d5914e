"""Simulated routers that follow a script: prompts with paths, modes, menus, questions, a pager and canned answers.

Counterparts: `drivers.lab.script` is what they follow, `drivers.lab.openwrt` and `drivers.lab.ios` are their siblings
with a mind of their own. They are for trying on how a platform prompts and asks; nothing stands behind them.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import asyncssh

from drivers.lab.console import Console, Hangup, Interrupted
from drivers.lab.script import Ask, Rule, Script, load_script
from drivers.lab.server import Access, LabServer, Wire
from drivers.session import Target

_FILTERS: dict[str, Callable[[list[str], str], list[str]]] = {
    "match": lambda lines, text: [line for line in lines if re.search(text, line, re.IGNORECASE)],
    "include": lambda lines, text: [line for line in lines if re.search(text, line)],
    "except": lambda lines, text: [line for line in lines if not re.search(text, line, re.IGNORECASE)],
    "exclude": lambda lines, text: [line for line in lines if not re.search(text, line)],
    "count": lambda lines, _: [f"Count: {len(lines)} lines"],
    "no-more": lambda lines, _: lines,
}
"""What may stand behind a pipe, by its first word."""


class ScriptedRouter:
    """`async with ScriptedRouter("junos") as router:` listens on 127.0.0.1 until the block ends."""

    def __init__(
        self,
        platform: str,
        *,
        access: Access | None = None,
        wire: Wire | None = None,
        host_key: asyncssh.SSHKey | None = None,
        port: int = 0,
    ) -> None:
        """Raises `DriverError` if there is no script for `platform`."""
        self.script = load_script(platform)
        self.access = access or Access(user=self.script.user)
        self.access.console_options = self.script.console_options
        self.wire = wire or Wire()
        self._port = port
        self._server = LabServer(
            _Scripted(self.script, self._reboot),
            access=self.access,
            wire=self.wire,
            version=self.script.version,
            host_key=host_key,
        )

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return self._server.port

    @property
    def host_key(self) -> str:
        """Public host key as an OpenSSH line."""
        return self._server.host_key

    @property
    def received(self) -> list[tuple[int, bytes]]:
        """Every piece of bytes that arrived inside a channel, numbered, in order."""
        return self.wire.received

    def target(self, name: str = "edge-1") -> Target:
        """A target that fits this router; `dataclasses.replace` changes single fields."""
        return self._server.target(name, self.script.platform)

    async def __aenter__(self) -> Self:
        await self._server.start(self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop()

    def _reboot(self) -> None:
        asyncio.get_running_loop().call_soon(self._server.cut)


class _Scripted:
    """The brain: one session per channel."""

    interrupt = 0x03

    def __init__(self, script: Script, cut: Callable[[], None]) -> None:
        self._script = script
        self._cut = cut

    async def shell(self, console: Console) -> int:
        console.ignored = self._script.ignores.encode()
        console.print(self._script.banner)
        session = _Session(self._script, console, self._cut, paged=self._script.more is not None)
        while await session.step():
            pass
        return 0

    async def execute(self, console: Console, command: str) -> int:
        with contextlib.suppress(Hangup):
            await _Session(self._script, console, self._cut).run(command)
        return 0


@dataclass
class _Session:
    """Where one login stands."""

    script: Script
    console: Console
    cut: Callable[[], None]
    mode: str = ""
    levels: list[list[str]] = field(default_factory=list)
    """Words of each level, in the order they were entered."""
    changed: bool = False
    paged: bool = False

    def __post_init__(self) -> None:
        self.mode = self.script.start

    @property
    def path(self) -> list[str]:
        return [word for level in self.levels for word in level]

    @property
    def prompt(self) -> str:
        words = (self.levels[-1] if self.script.last_only else self.path) if self.levels else []
        path = self.script.lead + self.script.joint.join(words) if words else ""
        return self.script.prompts[self.mode].format(path=path, star="*" if self.changed else "")

    async def step(self) -> bool:
        """One line; whether the session goes on."""
        line = await self.console.edit_line(self.prompt) if self.console.tty else None
        if line is None:
            return False
        try:
            await self.console.foreground(self._status(line))
        except Interrupted:
            self.console.print("\n")
        except Hangup:
            return False
        return True

    async def _status(self, line: str) -> int:
        await self.run(line)
        return 0

    async def run(self, line: str) -> None:
        """Carry out one line."""
        words = line.split()
        if words:
            await (self._in_menu if self.script.menus else self._carry_out)(" ".join(words))

    # --- menus --------------------------------------------------------------------------------------------------------

    async def _in_menu(self, line: str) -> None:
        if line == "..":
            self.levels = self.levels[:-1]
            return
        first, _, rest = line.removeprefix("/").strip().partition(" ")
        words = [*first.split("/"), *rest.split()]  # /ip/address/print is /ip address print; arguments may hold slashes
        spelled = [word for word in ([] if line.startswith("/") else self.path) + words if word]
        if " ".join(spelled) in self.script.menus or not spelled:
            self.levels = [[word] for word in spelled]
            return
        await self._carry_out(" ".join(spelled), typed=line)

    # --- lines --------------------------------------------------------------------------------------------------------

    async def _carry_out(self, line: str, *, typed: str = "") -> None:
        for rule in self.script.rules:
            match = re.fullmatch(rule.line, line)
            if match is not None and self._holds(rule):
                await self._follow(rule, match)
                return
        await self._reply(line if self.mode == self.script.start else None, typed or line)

    async def _reply(self, line: str | None, typed: str) -> None:
        """Print the answer to `line`, or the platform's error."""
        text = None if line is None else self._answer(line)
        if text is None:
            self.console.print(self.script.unknown.format(line=typed, word=typed.split(maxsplit=1)[0]))
        else:
            await self._page(self.script.before + text)

    def _holds(self, rule: Rule) -> bool:
        return (
            (not rule.mode or self.mode in rule.mode)
            and rule.changed in (None, self.changed)
            and rule.inside in (None, bool(self.levels))
        )

    async def _follow(self, rule: Rule, match: re.Match[str]) -> None:
        if rule.ask is not None and not await self._agreed(rule.ask):
            self.console.print(rule.ask.stay)
            return
        self.console.print(match.expand(rule.say) if rule.say else "")
        self._move(rule, match)
        if rule.again is not None:
            await self._reply(match.expand(rule.again), match[0])
        if rule.wait:
            await asyncio.Event().wait()
        if rule.cut:
            self.cut()
        if rule.cut or rule.ends:
            raise Hangup

    def _move(self, rule: Rule, match: re.Match[str]) -> None:
        if rule.to is not None:
            self.mode, self.levels = rule.to, []
        if rule.top:
            self.levels = []
        if rule.pop:
            self.levels = self.levels[:-1]
        if rule.up and self.levels:
            shorter = self.levels[-1][:-1]
            self.levels = [*self.levels[:-1], *([shorter] if shorter else [])]
        if rule.push is not None:
            self.levels = [*self.levels, match.expand(rule.push).split()]
        self.changed = self.changed if rule.change is None else rule.change
        self.paged = self.paged if rule.page is None else rule.page

    async def _agreed(self, ask: Ask) -> bool:
        self.console.print(ask.text)
        if ask.key:
            answer = await self.console.key() or ""
            self.console.print(f"{answer.strip()}\n")
        else:
            answer = (await self.console.read_line() or b"").decode("utf-8", "replace")
        return answer.strip().lower().startswith(ask.agree)

    def _answer(self, line: str) -> str | None:
        line, *filters = (part.strip() for part in line.split("|"))
        text = self.script.answers.get(line)
        if text is None:
            text = next((a for key, a in self.script.answers.items() if _begins(line, key)), None)
        for one in filters:
            name, _, argument = one.partition(" ")
            if text is None or name not in _FILTERS:
                return None
            lines = _FILTERS[name](text.splitlines(), argument.strip('"'))
            text = "".join(f"{kept}\n" for kept in lines)
        return text

    async def _page(self, text: str) -> None:
        """Print with the pager: `q` stops, any other key goes on."""
        more = self.script.more
        left = more.lines - 1 if more is not None else 0
        for line in text.splitlines(keepends=True):
            if more is not None and self.paged and self.console.tty and left <= 0:
                self.console.print(more.text)
                key = await self.console.key()
                self.console.print("\r" + " " * len(more.text) + "\r")
                if key is None or key in more.quit:
                    return
                left = more.lines - 1
            self.console.print(line)
            left -= 1


def _begins(line: str, key: str) -> bool:
    return key.endswith(" *") and (line == key[:-2] or line.startswith(key[:-1]))

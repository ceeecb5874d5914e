"""A simulated Cisco-like router: user, privileged and config modes, abbreviations, a pager, questions, onward telnet.

Counterparts: `drivers.lab.openwrt` is its sibling with a shell; `drivers.lab.ios_texts` holds what `show` prints. There
is enough of IOS to try modes, `--More--`, `[confirm]` and the enable password on.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeAlias

import asyncssh

from drivers.lab import ios_texts
from drivers.lab.console import Console, Hangup, Interrupted
from drivers.lab.home import HomeComputer
from drivers.lab.server import Access, LabServer, Wire
from drivers.session import Target

_MORE = " --More-- "
_ERASE = "\b" * 9 + " " * 8 + "\b" * 9
_INVALID = "% Invalid input detected at '^' marker.\n\n"

Run: TypeAlias = Callable[["_Session", list[str]], Awaitable[None]]


@dataclass
class IosState:
    """What lasts from one session to the next."""

    home: HomeComputer
    hostname: str = "R1"
    enable_password: str | None = None
    privileged: bool = False
    """Whether a login starts in privileged mode."""
    lines: list[str] = field(default_factory=lambda: list(ios_texts.CONFIGURATION))
    saved: bool = True
    reload: Callable[[], None] = lambda: None


class IosRouter:
    """`async with IosRouter() as router:` listens on 127.0.0.1 until the block ends.

    With `privileged` a login starts at `R1#`; without, at `R1>`, and `enable` asks for `access.enable_password`.
    """

    def __init__(
        self,
        *,
        home: HomeComputer | None = None,
        access: Access | None = None,
        wire: Wire | None = None,
        host_key: asyncssh.SSHKey | None = None,
        privileged: bool = False,
        algorithms: dict[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.home = home or HomeComputer()
        self.access = access or Access(user="admin", enable_password="lab-enable-secret")  # noqa: S106  loopback only
        self.wire = wire or Wire()
        self.state = IosState(
            self.home, enable_password=self.access.enable_password, privileged=privileged, reload=self._reload
        )
        self._server = LabServer(
            _Ios(self.state),
            access=self.access,
            wire=self.wire,
            version="Cisco-1.25",
            host_key=host_key,
            algorithms=algorithms,
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

    def target(self, name: str = "branch-1") -> Target:
        """A target that fits this router; `dataclasses.replace` changes single fields."""
        return self._server.target(name, "ios")

    async def __aenter__(self) -> Self:
        await self.home.__aenter__()
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop()
        await self.home.__aexit__(kind, error, trace)

    def _reload(self) -> None:
        asyncio.get_running_loop().call_soon(self._server.cut)


class _Ios:
    """The brain: one command interpreter per channel."""

    interrupt = 0x1E  # Ctrl-^, the escape character of vty lines

    def __init__(self, state: IosState) -> None:
        self._state = state

    async def shell(self, console: Console) -> int:
        session = _Session(self._state, console)
        while await session.step():
            pass
        return 0

    async def execute(self, console: Console, command: str) -> int:
        session = _Session(self._state, console)
        session.length = 0
        with contextlib.suppress(Hangup):
            await session.execute(command)
        return 0


class _Session:
    """Modes and settings of one login."""

    def __init__(self, state: IosState, console: Console) -> None:
        self.state = state
        self.console = console
        self.mode = "privileged" if state.privileged else "exec"
        self.context = ""
        self.length = console.height

    @property
    def prompt(self) -> str:
        if self.mode == "exec":
            return f"{self.state.hostname}>"
        return f"{self.state.hostname}{f'(config{self.context})' if self.mode == 'config' else ''}#"

    async def step(self) -> bool:
        """One line; whether the session goes on."""
        if not self.console.tty:
            return False
        line = await self.console.edit_line(self.prompt)
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
        await self.execute(line)
        return 0

    async def execute(self, line: str) -> None:
        """Resolve the line against the mode's commands and run it."""
        text, _, filter_text = line.strip().partition("|")
        words = text.split()
        if not words or words[0].startswith("!"):
            return
        mode = self.mode
        if mode == "config" and "do".startswith(words[0]) and len(words) > 1:
            mode, words = "privileged", words[1:]
        found = _resolve(_COMMANDS[mode], words)
        if isinstance(found, str):
            if mode != "config" and len(words) == 1 and found == _INVALID:
                await _onward(self, words)  # an unknown word or a bare address: telnet
            else:
                self.console.print(found)
            return
        run, arguments = found
        if filter_text:
            await self._filtered(run, arguments, filter_text.split(maxsplit=1))
        else:
            await run(self, arguments)

    async def _filtered(self, run: Run, arguments: list[str], words: list[str]) -> None:
        if len(words) != 2 or not any(name.startswith(words[0]) for name in ("include", "exclude", "begin")):
            self.console.print(_INVALID)
            return
        pages: list[str] = []
        inner = _Session(self.state, Console(lambda data, _: pages.append(data.decode()), tty=False))
        inner.mode, inner.length = self.mode, 0
        await run(inner, arguments)
        lines = "".join(pages).splitlines()
        hits = [bool(re.search(words[1], line)) for line in lines]
        if words[0].startswith("b"):
            start = hits.index(True) if True in hits else len(lines)
            kept = lines[start:]
        else:
            kept = [line for line, hit in zip(lines, hits, strict=True) if hit == words[0].startswith("i")]
        await self.page("".join(f"{line}\n" for line in kept))

    async def page(self, text: str) -> None:
        """Print with the pager: space goes on, Enter gives a line, anything else stops."""
        left = self.length - 1
        for line in text.splitlines(keepends=True):
            if self.length and self.console.tty and left <= 0:
                self.console.print(_MORE)
                key = await self.console.key()
                self.console.print(_ERASE)
                if key == " ":
                    left = self.length - 1
                elif key in {"\r", "\n"}:
                    left = 1
                else:
                    return
            self.console.print(line)
            left -= 1

    async def ask(self, question: str) -> str:
        """A question that any line answers; `[confirm]` takes one key."""
        self.console.print(question)
        if question.endswith("[confirm]"):
            key = await self.console.key() or "n"
            self.console.print("\n" if key in {"\r", "\n", "y"} else f"{key}\n")
            return "y" if key in {"\r", "\n", "y"} else "n"
        answer = await self.console.read_line()
        return "" if answer is None else answer.decode("utf-8", "replace").strip()


def _resolve(commands: dict[str, Run], words: list[str]) -> tuple[Run, list[str]] | str:
    """Word by word, an exact word before a prefix; the longest command wins. Text is what IOS says against it."""
    rows = [(name.split(), run) for name, run in commands.items()]
    for place, word in enumerate(words):
        whole = [row for row in rows if len(row[0]) == place]
        deeper = [row for row in rows if len(row[0]) > place]
        exact = [row for row in deeper if row[0][place] == word.lower()]
        close = exact or [row for row in deeper if row[0][place].startswith(word.lower())]
        if not close:
            return (whole[0][1], words[place:]) if whole else _INVALID
        if len({row[0][place] for row in close}) > 1:
            return f'% Ambiguous command:  "{" ".join(words)}"\n'
        rows = close
    finished = [run for row, run in rows if len(row) == len(words)]
    return (finished[0], []) if finished else "% Incomplete command.\n\n"


def _text(text: str) -> Run:
    async def run(session: _Session, _: list[str]) -> None:
        await session.page(text)

    return run


def _quiet(saved: bool = True) -> Run:
    async def run(session: _Session, _: list[str]) -> None:
        session.state.saved = session.state.saved and saved

    return run


def _enter(context: str) -> Run:
    async def run(session: _Session, arguments: list[str]) -> None:
        if not arguments:
            session.console.print("% Incomplete command.\n\n")
            return
        session.context = context
        session.state.saved = False

    return run


async def _enable(session: _Session, _: list[str]) -> None:
    for _attempt in range(3):
        if session.mode == "exec" and session.state.enable_password is not None:
            typed = await session.console.read_secret("Password: ")
            if typed != session.state.enable_password:
                continue
        session.mode = "privileged"
        return
    session.console.print("% Bad secrets\n\n")


async def _disable(session: _Session, _: list[str]) -> None:
    session.mode = "exec"


async def _configure(session: _Session, _: list[str]) -> None:
    session.console.print("Enter configuration commands, one per line.  End with CNTL/Z.\n")
    session.mode, session.context = "config", ""


async def _end(session: _Session, _: list[str]) -> None:
    session.mode, session.context = "privileged", ""


async def _exit(session: _Session, _: list[str]) -> None:
    if session.mode == "config" and session.context:
        session.context = ""
    elif session.mode == "config":
        session.mode = "privileged"
    else:
        raise Hangup


async def _length(session: _Session, arguments: list[str]) -> None:
    if arguments and arguments[0].isdigit():
        session.length = int(arguments[0])
    else:
        session.console.print(_INVALID)


async def _running(session: _Session, _: list[str]) -> None:
    head = f"Building configuration...\n\nCurrent configuration : 1804 bytes\n!\nhostname {session.state.hostname}\n"
    await session.page(head + "".join(f"{line}\n" for line in session.state.lines) + "end\n\n")


async def _reload(session: _Session, _: list[str]) -> None:
    if not session.state.saved:
        await session.ask("\nSystem configuration has been modified. Save? [yes/no]: ")
    if await session.ask("Proceed with reload? [confirm]") == "y":
        session.state.reload()
        raise Hangup


async def _clear_counters(session: _Session, _: list[str]) -> None:
    await session.ask('Clear "show interface" counters on all interfaces [confirm]')


async def _copy(session: _Session, _: list[str]) -> None:
    await session.ask("Destination filename [startup-config]? ")
    await _write(session, [])


async def _write(session: _Session, _: list[str]) -> None:
    session.console.print("Building configuration...\n[OK]\n")
    session.state.saved = True


async def _hostname(session: _Session, arguments: list[str]) -> None:
    if arguments:
        session.state.hostname = arguments[0]
        session.state.saved = False


async def _ping(session: _Session, arguments: list[str]) -> None:
    host = arguments[0] if arguments else await session.ask("Target IP address: ")
    count = 5
    if "repeat" in arguments:
        count = int(arguments[arguments.index("repeat") + 1])
    session.console.print(
        f"Type escape sequence to abort.\nSending {count}, 100-byte ICMP Echos to {host}, timeout is 2 seconds:\n"
    )
    for number in range(count):
        session.console.print("!")
        if number >= 5:
            await asyncio.sleep(0.01)
    session.console.print(f"\nSuccess rate is 100 percent ({count}/{count}), round-trip min/avg/max = 8/9/12 ms\n")


async def _onward(session: _Session, arguments: list[str]) -> None:
    """Telnet or ssh from the router: a real connection if it goes to the home."""
    host = arguments[-1] if arguments else ""
    port = session.state.home.port(23) if session.state.home.answers(host) else None
    if port is None:
        session.console.print(f'Translating "{host}"...domain server (255.255.255.255)\n')
        session.console.print("% Unknown command or computer name, or unable to find computer address\n")
        return
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    session.console.print(f"Trying {host} ... Open\n")
    try:
        session.console.print((await reader.read(256)).decode().replace("\r\n", "\n"))
        line = await session.console.read_line()
        writer.write(line or b"")
        await writer.drain()
    finally:
        writer.close()


_SHOW: dict[str, Run] = {f"show {name}": _text(text) for name, text in ios_texts.SHOW.items()}

_EVERYWHERE: dict[str, Run] = {
    **_SHOW, "enable": _enable, "disable": _disable, "exit": _exit, "logout": _exit, "terminal length": _length,
    "terminal width": _quiet(), "terminal no monitor": _quiet(), "ping": _ping, "traceroute": _ping,
    "telnet": _onward, "ssh": _onward, "connect": _onward, "rlogin": _onward,
}  # fmt: skip

_COMMANDS: dict[str, dict[str, Run]] = {
    "exec": _EVERYWHERE,
    "privileged": _EVERYWHERE | {
        "show running-config": _running, "configure terminal": _configure, "reload": _reload,
        "clear counters": _clear_counters, "clear pppoe all": _quiet(), "write memory": _write,
        "copy running-config startup-config": _copy, "undebug all": _quiet(),
    },
    "config": {
        "interface": _enter("-if"), "dot11 ssid": _enter("-ssid"), "line": _enter("-line"), "router": _enter("-router"),
        "hostname": _hostname, "exit": _exit, "end": _end, "shutdown": _quiet(saved=False), "no": _quiet(saved=False),
        "description": _quiet(saved=False), "ip": _quiet(saved=False), "mtu": _quiet(saved=False),
    },
}  # fmt: skip
"""By mode: the commands in full and what they do; words after a full command are its arguments."""

"""The simulated router's shell: runs what `drivers.lab.syntax` parsed, like BusyBox ash with its applets.

Counterparts: `drivers.lab.applets`, `openwrt_tools`, `network_tools` and `pivots` are its programs, and
`drivers.lab.openwrt` is the router around it. Pipes run one side after the other; that shows only with programs that
never end.
"""

import asyncio
import fnmatch
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from drivers.lab.console import Console, Interrupted
from drivers.lab.syntax import (
    Command,
    Function,
    Group,
    Part,
    Pipeline,
    Redirect,
    Sequence,
    ShellSyntaxError,
    Word,
    parse,
)

if TYPE_CHECKING:
    from drivers.lab.system import System

_DEEPEST = 20
"""Substitutions inside functions inside groups …: deeper than this is a runaway."""

Print: TypeAlias = Callable[[str], None]


@dataclass(slots=True)
class Streams:
    """Standard streams of a command. `stdin` is none where it is the console."""

    out: Print
    err: Print
    stdin: str | None = None


@dataclass(slots=True)
class Call:
    """What a program is given."""

    argv: list[str]
    streams: Streams
    shell: "Ash"

    @property
    def arguments(self) -> list[str]:
        """Words after the program's name."""
        return self.argv[1:]

    @property
    def system(self) -> "System":
        """The router's state."""
        return self.shell.system

    def out(self, text: str) -> None:
        """Print to standard output."""
        self.streams.out(text)

    def fail(self, text: str, status: int = 1) -> int:
        """Print `name: text` to standard error and return the status."""
        self.streams.err(f"{self.argv[0]}: {text}\n")
        return status

    async def stdin_text(self) -> str:
        """All of standard input; from a console until Ctrl-D."""
        if self.streams.stdin is not None:
            return self.streams.stdin
        lines = []
        while (line := await self.shell.console.read_line()) is not None:
            lines.append(line.decode("utf-8", "surrogateescape"))
        return "".join(lines)

    async def texts(self, paths: list[str]) -> list[str]:
        """Contents of the files, or of standard input without any. What is missing is reported as `cat` does."""
        if not paths:
            return [await self.stdin_text()]
        found = []
        for path in paths:
            text = self.system.files.read(self.shell.path(path))
            if text is None:
                self.fail(f"can't open '{path}': No such file or directory")
            else:
                found.append(text)
        return found


Program: TypeAlias = Callable[[Call], Awaitable[int]]


@dataclass
class Ash:
    """One shell process."""

    system: "System"
    console: Console
    programs: Mapping[str, Program]
    variables: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Group] = field(default_factory=dict)
    cwd: str = "/root"
    status: int = 0
    depth: int = 0

    async def interactive(self) -> int:
        """Prompt, read, run, until `exit` or the end of input."""
        while True:
            place = "~" if self.cwd == "/root" else self.cwd
            line = await self.console.edit_line(f"root@{self.system.hostname}:{place}# ")
            if line is None:
                return self.status
            try:
                self.status = await self.console.foreground(self.run(line, self.to_console()))
            except Interrupted:
                self.status = 130
            except Exit as leaving:
                return leaving.status

    async def once(self, source: str) -> int:
        """Run one line, as `ash -c` does, with the console as its streams."""
        try:
            return await self.console.foreground(self.run(source, self.to_console()))
        except Interrupted:
            return 130
        except Exit as leaving:
            return leaving.status

    async def nested(self) -> int:
        """An interactive shell inside this one (`sh`)."""
        return await Ash(self.system, self.console, self.programs, dict(self.variables), cwd=self.cwd).interactive()

    def to_console(self) -> Streams:
        """Streams that are the console."""
        return Streams(
            out=self.console.print,
            err=lambda text: self.console.print(text, stderr=True),
            stdin=None,
        )

    async def run(self, source: str, streams: Streams) -> int:
        """Parse and run; the status of the last command. Raises `Exit`."""
        try:
            tree = parse(source)
        except ShellSyntaxError as error:
            streams.err(f"-ash: {error}\n")
            return 2
        return await self._sequence(tree, streams)

    def path(self, path: str) -> str:
        """Absolute path, without `.` and `..`."""
        parts: list[str] = []
        for part in (path if path.startswith("/") else f"{self.cwd}/{path}").split("/"):
            if part == "..":
                del parts[-1:]
            elif part not in {"", "."}:
                parts.append(part)
        return "/" + "/".join(parts)

    async def call(self, argv: list[str], streams: Streams) -> int:
        """Run a function or program by its words."""
        name = argv[0]
        if name in self.functions:
            return await self._deeper(self._group(self.functions[name], streams))
        program = self.programs.get(name.rpartition("/")[2] if "/" in name else name)
        initscript = name.startswith("/etc/init.d/")
        if initscript:
            program = self.programs["/etc/init.d"]
        if program is None or ("/" in name and not initscript and not self.system.files.executable(self.path(name))):
            streams.err(f"-ash: {name}: not found\n")
            return 127
        await asyncio.sleep(0)  # Ctrl-C and revocation come between two programs at the latest
        return await self._deeper(program(Call(argv, streams, self)))

    async def _deeper(self, running: Awaitable[int]) -> int:
        self.depth += 1
        try:
            if self.depth > _DEEPEST:
                if asyncio.iscoroutine(running):
                    running.close()
                return 1
            return await running
        finally:
            self.depth -= 1

    async def _sequence(self, tree: Sequence, streams: Streams) -> int:
        for joint, pipeline in tree.items:
            if (joint == "&&" and self.status != 0) or (joint == "||" and self.status == 0):
                continue
            self.status = await self._pipeline(pipeline, streams)
        return self.status

    async def _pipeline(self, pipeline: Pipeline, streams: Streams) -> int:
        stdin = streams.stdin
        status = 0
        for index, command in enumerate(pipeline.commands):
            last = index == len(pipeline.commands) - 1
            collected: list[str] = []
            out = streams.out if last else collected.append
            status = await self._command(command, Streams(out, streams.err, stdin))
            stdin = "".join(collected)
        return int(status == 0) if pipeline.negated else status

    async def _command(self, command: Command, streams: Streams) -> int:
        match command:
            case Function(name=name, body=body):
                self.functions[name] = body
                return 0
            case Group():
                return await self._deeper(self._group(command, streams))
        words = [text for word in command.words for text in await self._expand(word)]
        values = [(name, "".join(await self._expand(word, split=False))) for name, word in command.assignments]
        redirected = await self._redirect(command.redirects, streams)
        if redirected is None:
            return 1
        target, finish = redirected
        self.variables.update(values)
        status = await self.call(words, target) if words else 0
        finish()
        return status

    async def _group(self, group: Group, streams: Streams) -> int:
        redirected = await self._redirect(group.redirects, streams)
        if redirected is None:
            return 1
        target, finish = redirected
        status = await self._sequence(group.body, target)
        finish()
        return status

    async def _redirect(
        self, redirects: tuple[Redirect, ...], streams: Streams
    ) -> tuple[Streams, Callable[[], None]] | None:
        current = Streams(streams.out, streams.err, streams.stdin)
        writes: list[tuple[str, list[str], bool]] = []
        for redirect in redirects:
            name = "".join(await self._expand(redirect.word, split=False))
            if redirect.operator == "<":
                current.stdin = self.system.files.read(self.path(name))
                if current.stdin is None:
                    streams.err(f"-ash: can't open {name}: no such file\n")
                    return None
                continue
            if redirect.operator == ">&":
                printer = {"1": current.out, "2": current.err}.get(name, current.out)
            else:
                text: list[str] = []
                writes.append((self.path(name), text, redirect.operator == ">>"))
                printer = text.append
            if redirect.fd == 2:
                current.err = printer
            else:
                current.out = printer

        def finish() -> None:
            for path, text, append in writes:
                self.system.files.write(path, "".join(text), append=append)

        return current, finish

    async def _expand(self, word: Word, *, split: bool = True) -> list[str]:
        """Words after expansion: several, or none, where an unquoted expansion is split at blanks."""
        fields: list[str] = []
        current, seen, pattern = "", False, False
        for part in word.parts:
            value = await self._value(part)
            if part.quoted or part.kind == "text" or not split:
                current, seen = current + value, True
                pattern = pattern or (part.kind == "text" and not part.quoted and bool(re.search(r"[*?\[]", value)))
                continue
            pieces = value.split()
            if value[:1].isspace() and seen:
                fields.append(current)
                current, seen = "", False
            for number, piece in enumerate(pieces):
                if number:
                    fields.append(current)
                    current = ""
                current, seen = current + piece, True
            if value[-1:].isspace() and seen:
                fields.append(current)
                current, seen = "", False
        if seen:
            fields.append(current)
        return self._globbed(fields) if pattern and split else fields

    def _globbed(self, fields: list[str]) -> list[str]:
        found: list[str] = []
        for text in fields:
            names = self.system.files.names() if "/" in text else ()
            matches = [name for name in names if name.count("/") == text.count("/") and fnmatch.fnmatchcase(name, text)]
            found.extend(sorted(matches) or [text])
        return found

    async def _value(self, part: Part) -> str:
        if part.kind == "text":
            return part.value
        if part.kind == "variable":
            return str(self.status) if part.value == "?" else self.variables.get(part.value, "")
        collected: list[str] = []
        await self._deeper(self.run(part.value, Streams(collected.append, self.to_console().err, "")))
        return "".join(collected).rstrip("\n")


class Exit(Exception):
    """`exit`, or a program that ends the session."""

    def __init__(self, status: int = 0) -> None:
        super().__init__(status)
        self.status = status

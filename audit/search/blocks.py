"""Cuts a recording into searchable pieces: a few lines of output, when they appeared, and which command printed them.

Pure. A piece is at most `SECONDS` long or `CHARACTERS` large, so that a hit opens the replay at its moment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from audit.recording.cast import CommandMark, Event, Item
from audit.recording.lines import Lines

SECONDS: Final = 1
CHARACTERS: Final = 1024


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of output. `at`: microseconds since the start of the recording. `n`, `command`: what printed them."""

    at: int
    n: int | None
    command: str
    text: str


@dataclass(slots=True)
class Blocks:
    """One session's output on its way into blocks; fed chunk by chunk, in order."""

    n: int | None = None
    command: str = ""
    _split: Lines = field(default_factory=Lines)
    _lines: list[str] = field(default_factory=list)
    _at: int = 0
    _mark: CommandMark | None = None

    def feed(self, items: Iterable[Item]) -> Iterator[Block]:
        """The blocks that are complete after these items; call `flush` for what is left of the chunk."""
        for item in items:
            if not isinstance(item, Event):
                continue
            match item.code:
                case "o":
                    yield from self._begin_command("")
                    for at, line in self._split.feed(item.at, item.data):
                        yield from self._add(at, line)
                case "m":
                    self._mark = CommandMark.parse(item.data) or self._mark
                case "i":
                    self._drop_echo(item.data)
                    yield from self._begin_command(item.data)
                case _:
                    pass

    def flush(self, *, last: bool = False) -> Iterator[Block]:
        """What was collected. A line that is not finished waits for the next chunk, unless this was the last one."""
        for at, line in self._split.flush() if last else ():
            yield from self._add(at, line)
        yield from self._end_block()

    def _add(self, at: int, line: str) -> Iterator[Block]:
        if self._lines and (at - self._at >= SECONDS * 1_000_000 or self._size() > CHARACTERS):
            yield from self._end_block()
        if not self._lines:
            self._at = at
        self._lines.append(line)

    def _drop_echo(self, command: str) -> None:
        """The echo of a command is no output of the one before it, and the command is found by itself."""
        if self._mark is not None and self._lines and self._lines[-1].endswith(command.strip()):
            self._lines.pop()

    def _begin_command(self, text: str) -> Iterator[Block]:
        if self._mark is not None:
            yield from self._end_block()
            self.n, self.command, self._mark = self._mark.n, text, None

    def _size(self) -> int:
        return sum(len(line) + 1 for line in self._lines)

    def _end_block(self) -> Iterator[Block]:
        if self._lines:
            yield Block(self._at, self.n, self.command, "\n".join(self._lines))
            self._lines = []

"""Cuts a recording into searchable pieces: a few lines of output, when they appeared, and which command printed them.

Pure. A piece is at most `SECONDS` long or `CHARACTERS` large, so that a hit opens the replay at its moment.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from audit.recording.cast import CommandMark, Event, Item
from audit.recording.terminal import Cleaner

SECONDS: Final = 1
CHARACTERS: Final = 1024
_LONGEST_LINE: Final = 1024
_STYLE: Final = re.compile(r"\x1b\[[0-9;:]*m|\x1b\[[0-2]?K")


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
    _cleaner: Cleaner = field(default_factory=Cleaner)
    _line: str = ""
    _line_at: int = 0
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
                    yield from self._output(item.at, self._cleaner.feed(item.data.encode("utf-8", "replace")))
                case "m":
                    self._mark = CommandMark.parse(item.data) or self._mark
                case "i":
                    self._drop_echo(item.data)
                    yield from self._begin_command(item.data)
                case _:
                    pass

    def flush(self, *, last: bool = False) -> Iterator[Block]:
        """What was collected. A line that is not finished waits for the next chunk, unless this was the last one."""
        if last and self._line:
            yield from self._add(self._line)
            self._line = ""
        yield from self._end_block()

    def _output(self, at: int, text: str) -> Iterator[Block]:
        for piece in text.splitlines(keepends=True):
            if not self._line:
                self._line_at = at
            self._line += piece
            if piece.endswith(("\n", "\r")) or len(self._line) > _LONGEST_LINE:
                line, self._line = self._line, ""
                yield from self._add(line)

    def _add(self, raw: str) -> Iterator[Block]:
        # What a backspace or a carriage return would have overwritten is kept: it was seen for a moment.
        line = _STYLE.sub("", raw).replace("\b", "").strip()
        if not line:
            return
        if self._lines and (self._line_at - self._at >= SECONDS * 1_000_000 or self._size() > CHARACTERS):
            yield from self._end_block()
        if not self._lines:
            self._at = self._line_at
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

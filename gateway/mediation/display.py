"""What a command printed, on its way to the rep: line ends, and the account that its result needs. Pure."""

import hashlib
import re
from copy import copy
from typing import Final

LINE_LIMIT: Final = 256
"""Characters of a first or last line that a result keeps."""

_RETURNS: Final = re.compile(r"(?<!\r)\r++(\n?)")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*[mK]")


class LineEnds:
    """Brings every line end of one stream to `newline`. CRs at the end of a piece wait for the next one; several in a
    row count as one.

    `newline` is CR LF for a terminal, LF for everything else; none leaves the stream as it is.
    """

    def __init__(self, newline: str | None) -> None:
        self._newline = newline
        self._held = ""

    def feed(self, text: str) -> str:
        """`text` with the client's line ends."""
        if self._newline is None:
            return text
        if self._held:
            text = self._held + text
            self._held = ""
        if "\r" in text:
            if text[-1] == "\r":
                self._held, text = "\r", text.rstrip("\r")
            text = text.replace("\r\n", "\n")
        if "\r" in text:
            text = _RETURNS.sub(lambda match: match[1] or "\r", text)
        return text if self._newline == "\n" else text.replace("\n", self._newline)

    def flush(self) -> str:
        """What is held back, at the end of the stream."""
        text, self._held = self._held, ""
        return text


class TwinLineEnds:
    """The line ends of a stream that is sometimes recorded in other words than it is shown in."""

    def __init__(self, newline: str | None) -> None:
        self._shown = LineEnds(newline)
        self._kept: LineEnds | None = None

    def feed(self, text: str, recorded: str | None = None) -> tuple[str, str | None]:
        """Both texts with the client's line ends; none again where they are the same."""
        if recorded is None:
            self._kept = None
            return self._shown.feed(text), None
        if self._kept is None:
            self._kept = copy(self._shown)
        return self._shown.feed(text), self._kept.feed(recorded)

    def flush(self) -> tuple[str, str | None]:
        """What is held back, at the end of the stream."""
        kept, self._kept = self._kept, None
        return self._shown.flush(), None if kept is None else kept.flush()


class Account:
    """Sums up a command's output as it is shown. Memory is bounded."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._head = ""
        self._tail = ""
        self._complete = False
        """The first line with text in it has ended."""
        self.output_bytes = 0

    def add(self, text: str) -> None:
        """Count output."""
        data = text.encode("utf-8", "replace")
        self._hash.update(data)
        self.output_bytes += len(data)
        if not self._complete:
            self._head = (self._head + text[: 4 * LINE_LIMIT]).lstrip("\r\n")[: 4 * LINE_LIMIT]
            self._complete = "\n" in self._head or len(self._head) == 4 * LINE_LIMIT
        self._tail = (self._tail + text[-4 * LINE_LIMIT :])[-4 * LINE_LIMIT :]

    @property
    def digest(self) -> bytes:
        """SHA-256 of all of it, UTF-8."""
        return self._hash.digest()

    @property
    def first_line(self) -> str:
        """First line that is not empty, cut."""
        return _bare(self._head.split("\n", 1)[0])

    @property
    def last_line(self) -> str:
        """Last line that is not empty, cut."""
        return _bare(self._tail.rstrip().rsplit("\n", 1)[-1])

    def begins_with(self, patterns: tuple[re.Pattern[str], ...]) -> bool:
        """Whether one of the first lines, or the last one, begins with one of `patterns`."""
        lines = [_bare(line) for line in self._head.split("\n")[:4]] + [self.last_line]
        return any(pattern.match(line) for pattern in patterns for line in lines)


def _bare(line: str) -> str:
    return _COLOUR.sub("", line).strip()[:LINE_LIMIT]

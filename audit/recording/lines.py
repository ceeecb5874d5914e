"""The lines that a recording shows, as plain text, and when each began. Pure.

For finding text: in the terminal (`audit.recording.seek`) and by the index (`audit.search.blocks`).
"""

import re
from collections.abc import Iterator
from typing import Final

from audit.recording.terminal import Cleaner

LONGEST_LINE: Final = 1024
_STYLE: Final = re.compile(r"\x1b\[[0-9;:]*m|\x1b\[[0-2]?K")


class Lines:
    """Recorded output on its way into lines; fed piece by piece, in order."""

    def __init__(self) -> None:
        self._cleaner = Cleaner()
        self._line = ""
        self._at = 0

    def feed(self, at: int, data: str) -> Iterator[tuple[int, str]]:
        """The lines that end in this piece of output, shown at `at` (microseconds), each with when it began."""
        for piece in self._cleaner.feed(data.encode("utf-8", "replace")).splitlines(keepends=True):
            if not self._line:
                self._at = at
            self._line += piece
            if piece.endswith(("\n", "\r")) or len(self._line) > LONGEST_LINE:
                yield from self.flush()

    def flush(self) -> Iterator[tuple[int, str]]:
        """The line that is not finished yet, if there is one."""
        # What a backspace or a carriage return would have overwritten is kept: it was seen for a moment.
        text = _STYLE.sub("", self._line).replace("\b", "").strip()
        self._line = ""
        if text:
            yield self._at, text

"""Takes the echo out of a terminal's output, so that what a rep typed is seen once. Pure.

A terminal repeats a line that is sent to it, and how differs: BusyBox ash breaks it at the screen's width (CR CR LF),
readline pads the break (blank CR) or scrolls the line sideways (CR, BS and half of the text again), IOS scrolls with
BS and `$`, VRP puts blanks in between, RouterOS draws prompt and line again for each key. All of this is taken out up
to the line end; a line that is not the echo is passed on unchanged. Input is text that
`audit.recording.terminal.Cleaner` has cleaned, in pieces of any size; the result does not depend on them.
Counterpart: `drivers.prompt`.
"""

import re
from enum import Enum, auto
from typing import Final, assert_never

SEARCH_LINES: Final = 64
"""The echo may come behind so many lines that an earlier command still printed. After that, there is none."""

_SLACK: Final = 1024
"""Characters beyond four times the line that its echo may take with all its redrawing."""

_DRAWING: Final = 1200
"""Characters for each one of the line, where the line is drawn again from its start: RouterOS draws prompt and line
twice for each key, padded to the width of 511."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*[mK]")
_ERASING: Final = re.compile(r"[\b\r ]|\x1b\[[0-9;:]*[mK]")


class _State(Enum):
    PASS = auto()
    ECHO = auto()
    OTHER_LINE = auto()
    """Inside a line that is not the echo."""
    ERASE = auto()


class _Match(Enum):
    MORE = auto()
    FOUND = auto()
    OTHER = auto()


class Transcript:
    """One terminal's output. `sent` before each line, then `feed` everything that comes."""

    def __init__(self) -> None:
        self._state = _State.PASS
        self._held = ""
        self._line = ""
        self._prompt = ""
        self._plain = "\r\n"
        self._lines_left = 0
        self._scan = _Scan("", "", first=True)
        self.echoed = True
        """Whether the echo of the last line was seen."""

    def sent(self, line: str, prompt: str = "") -> None:
        """`line` goes to the router, which shows `prompt` now and may show it again before the echo.

        Of a prompt of two lines the lower one counts: the other is a line of its own.
        """
        self._held, self._line, self._prompt = "", line, prompt.rstrip().rpartition("\n")[2]
        self._plain = f"{line}\r\n"
        self._lines_left = SEARCH_LINES
        self._scan = _Scan(self._line, self._prompt, first=True)
        self._state = _State.ECHO if line else _State.PASS
        self.echoed = not line

    def pager_answered(self) -> None:
        """A pager goes on; it wipes its own text first (BS or CR, blanks, BS or CR, erase in line)."""
        if self._state is _State.PASS:
            self._state = _State.ERASE

    def feed(self, text: str) -> str:
        """Output without echo and wiping, as far as it is certain yet."""
        if self._state is _State.PASS:
            return text
        passed: list[str] = []
        while text:
            done, text = self._step(text)
            passed.append(done)
        return "".join(passed)

    def flush(self) -> str:
        """What is held back, at the end of a command. Nothing is searched for any more."""
        text, self._held, self._state = self._held, "", _State.PASS
        return text

    def _step(self, text: str) -> tuple[str, str]:
        """What is certain of `text`, and what is still to be looked at."""
        match self._state:
            case _State.PASS:
                return text, ""
            case _State.OTHER_LINE:
                end = text.find("\n") + 1 or len(text)
                if text[end - 1] == "\n":
                    self._next_line()
                return text[:end], text[end:]
            case _State.ERASE:
                return "", self._erase(text)
            case _State.ECHO:
                return "", self._search(text)
            case _:
                assert_never(self._state)

    def _search(self, text: str) -> str:
        if not self._held and text.startswith(self._plain):  # nearly always
            self._state, self.echoed = _State.PASS, True
            return text[len(self._plain) :]
        self._held += text
        result = self._scan.go_on(self._held)
        most = _DRAWING * (len(self._line) + 1) if self._scan.redrawn else 4 * len(self._line) + _SLACK
        if result is _Match.MORE and len(self._held) <= most:
            return ""
        held, self._held = self._held, ""
        if result is _Match.FOUND:
            self._state, self.echoed = _State.PASS, True
            return held[self._scan.end :]
        self._state = _State.OTHER_LINE
        return held

    def _next_line(self) -> None:
        self._lines_left -= 1
        self._scan = _Scan(self._line, self._prompt, first=False)
        self._state = _State.ECHO if self._lines_left > 0 else _State.PASS

    def _erase(self, text: str) -> str:
        self._held += text
        end = 0
        while (match := _ERASING.match(self._held, end)) is not None:
            end = match.end()
        if end == len(self._held) and end <= _SLACK:
            return ""
        wiping = max(self._held.rfind(char, 0, end) for char in ("\b", "\r", "m", "K")) + 1
        held, self._held, self._state = self._held, "", _State.PASS
        return held[wiping:]


class _Scan:
    """Compares one line of output with the line that was sent, character by character, each looked at once."""

    def __init__(self, line: str, prompt: str, *, first: bool) -> None:
        self._line = line
        self._first = first
        self._prompt = prompt
        self._seen = 0
        """Characters of the line that were found."""
        self._position = 0
        self.redrawn = False
        """The line is being drawn again in a way that is not followed further: all up to the line end is echo."""
        self._returned = False
        """The last character was CR."""
        self.end = 0

    def go_on(self, held: str) -> _Match:
        """Look at what is new in `held`. On FOUND, `end` is where the echo ends."""
        if self._seen == 0 and not self.redrawn and self._prompt:
            start = self._skip_prompt(held)
            if start is None:
                return _Match.MORE
        while self._position < len(held):
            char = held[self._position]
            if char == "\x1b":
                colour = _COLOUR.match(held, self._position)
                if colour is not None:
                    self._position = colour.end()
                    continue
            self._position += 1
            result = self._take(char)
            if result is not _Match.MORE:
                self.end = self._position
                return result
        return _Match.MORE

    def _skip_prompt(self, held: str) -> int | None:
        """Step over the prompt at the start; none if more is needed to tell."""
        if self._position == 0:
            if held.startswith(self._prompt):
                self._position = len(self._prompt)
            elif self._prompt.startswith(held):
                return None
        return self._position

    def _take(self, char: str) -> _Match:
        returned, self._returned = self._returned, char == "\r"
        complete = self._seen == len(self._line)
        if char == "\n":
            return self._at_line_end(complete)
        if char == "\r" or self.redrawn:
            return _Match.MORE
        if char == "\b":
            self.redrawn = True
            return _Match.MORE if self._seen else _Match.OTHER
        if not complete and char == self._line[self._seen]:
            self._seen += 1
            return _Match.MORE
        if char == " ":
            # Padding, or VRP's way to draw: a blank more, and the cursor back (which the cleaner drops).
            return _Match.MORE
        spelled = not complete and not self._line[self._seen].isascii()
        if (self._seen or self._first) and (returned or spelled):
            # Drawn again from the start, or a character that the terminal spells in a way of its own.
            self.redrawn = True
            return _Match.MORE
        return _Match.OTHER

    def _at_line_end(self, complete: bool) -> _Match:
        if complete or self.redrawn:
            return _Match.FOUND
        return _Match.MORE if self._seen else _Match.OTHER  # broken at the screen's width, or an empty line

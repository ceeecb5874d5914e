"""Bytes that a client types, made safe for the line editor. Counterpart: `gateway.session.lines`.

What comes out is printable text, LF for each line end (CR, LF and CR LF alike, also when they come in two packets) and
the editing keys as single control characters. NUL is dropped, escape sequences that are no editing key are swallowed
whole, and every other control character and all that is not UTF-8 is refused with a bell.
"""

import codecs
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

DELETE: Final = "\x1b[3~"
"""The one editing key that has no control character of its own in the editor."""

_KEYS: Final = {
    "\x1b[A": "\x10",
    "\x1bOA": "\x10",
    "\x1b[B": "\x0e",
    "\x1bOB": "\x0e",
    "\x1b[C": "\x06",
    "\x1bOC": "\x06",
    "\x1b[D": "\x02",
    "\x1bOD": "\x02",
    "\x1b[H": "\x01",
    "\x1bOH": "\x01",
    "\x1b[1~": "\x01",
    "\x1b[7~": "\x01",
    "\x1b[F": "\x05",
    "\x1bOF": "\x05",
    "\x1b[4~": "\x05",
    "\x1b[8~": "\x05",
    DELETE: DELETE,
    "\x1bOM": "\n",
}
"""Escape sequences of editing keys (VT220, xterm, rxvt) and what the editor is given for them."""

_EDITING: Final = frozenset("\x01\x02\x03\x04\x05\x06\x08\x09\x0b\x0e\x10\x12\x15\x17\x19\x7f")
"""Control characters that are editing keys."""

_STRING_LIMIT: Final = 4096
"""A control string (OSC, DCS and the like) is swallowed up to its end, a line end, or so many characters."""

_SEQUENCE_LIMIT: Final = 64


class _State(Enum):
    TEXT = auto()
    ESCAPE = auto()
    CSI = auto()
    SS3 = auto()
    CONSOLE_KEY = auto()
    """One more character of a Linux console function key (`ESC [ [ A`)."""
    STRING = auto()


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys in order. `pasted`: from a bracketed paste, so printable text and line ends only. `bell`: then ring."""

    text: str
    pasted: bool = False
    bell: bool = False


class InputFilter:
    """One client's keyboard. Where its bytes are cut into packets makes no difference."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._state = _State.TEXT
        self._sequence = ""
        self._after_cr = False
        self._pasting = False
        self._out: list[Keys] = []
        self._text: list[str] = []

    def feed(self, data: bytes) -> list[Keys]:
        """The keys in `data`."""
        self._out = []
        for char in self._decoder.decode(data):
            self._take(char)
        self._cut()
        return self._out

    def _take(self, char: str) -> None:
        match self._state:
            case _State.TEXT:
                self._character(char)
            case _State.STRING:
                self._in_string(char)
            case _:
                self._in_sequence(char)

    def _character(self, char: str) -> None:
        after_cr, self._after_cr = self._after_cr, char == "\r"
        if char == "\r" or (char == "\n" and not after_cr):
            self._text.append("\n")
        elif char in "\n\0":
            self._after_cr = after_cr and char == "\0"  # telnet clients send CR NUL
        elif char == "\x1b":
            self._state, self._sequence = _State.ESCAPE, char
        elif char in "\x9b\udc9b":
            self._state, self._sequence = _State.CSI, "\x1b["
        elif char.isprintable():
            self._text.append(char)
        elif char == "\t" and self._pasting:
            self._text.append(" ")
        elif char in _EDITING and not self._pasting:
            self._text.append(char)
        else:
            self._bell()

    def _in_sequence(self, char: str) -> None:
        if char < " " or char == "\x7f":  # a control character ends the sequence and counts for itself
            self._state = _State.TEXT
            self._bell()
            self._character(char)
            return
        self._sequence += char
        match self._state:
            case _State.ESCAPE:
                following = {"[": _State.CSI, "O": _State.SS3}.get(char)
                if char in "]P_^X":
                    self._state = _State.STRING
                elif following is not None:
                    self._state = following
                elif not " " <= char <= "/":
                    self._end_sequence()
            case _State.CSI:
                if char == "[" and len(self._sequence) == 3:
                    self._state = _State.CONSOLE_KEY
                elif "@" <= char <= "~" or len(self._sequence) > _SEQUENCE_LIMIT or char > "~":
                    self._end_sequence()
            case _:
                self._end_sequence()

    def _end_sequence(self) -> None:
        sequence, self._sequence, self._state = self._sequence, "", _State.TEXT
        self._after_cr = False
        if sequence in {"\x1b[200~", "\x1b[201~"}:
            self._cut()
            self._pasting = sequence == "\x1b[200~"
        elif sequence in _KEYS and not self._pasting:
            self._text.append(_KEYS[sequence])
        else:
            self._bell()

    def _in_string(self, char: str) -> None:
        self._sequence += char
        ended = char == "\a" or self._sequence.endswith("\x1b\\") or len(self._sequence) > _STRING_LIMIT
        if ended or char in "\r\n\x03":
            self._state, self._sequence = _State.TEXT, ""
            self._bell()
            if char in "\r\n\x03":
                self._character(char)

    def _cut(self) -> None:
        """End the run of keys that are alike."""
        if self._text:
            self._out.append(Keys("".join(self._text), self._pasting))
            self._text = []

    def _bell(self) -> None:
        self._cut()
        self._out.append(Keys("", self._pasting, bell=True))

"""Cleans what a router prints, so that it cannot drive the terminal of the person who reads it.

`gateway.mediation` cleans before a rep sees anything; `audit.replay` cleans again before it prints. Pure.

What stays: printable text, CR, LF, BS, TAB, colours (SGR, `CSI … m` without a private prefix) and erase in line
(`CSI K`). A router's line-oriented CLI needs no more, and each of these works on the current line only. What goes:

- control strings with all they carry: OSC (title, clipboard, hyperlink, palette), DCS (DECRQSS, key redefinition), APC,
  PM, SOS, and the title string `ESC k` of screen and tmux;
- every other CSI: window operations (`t`), reports (`c`, `n`, `x`), modes (`h`, `l`), `CSI > … m` (keyboard modes),
  cursor movement, erase in display, scrolling regions;
- every other escape sequence: reset, character sets, keypad modes, DECID;
- every other C0 and C1 control, ENQ (answerback), BEL, SO and SI included.

Sequences count in their 7-bit form, as C1 code points, and as raw C1 bytes (which are no UTF-8, but which an old
terminal obeys). Grammar: ECMA-48 5.4 and the parser of the DEC VT500. One thing differs on purpose: a control string
ends at CR or LF too, so that a string without an end hides the rest of one line and not of the session. That is safe:
what follows is only text by then.
"""

import codecs
import re
from enum import Enum, auto
from typing import Final

MAX_PARAMETERS: Final = 64
"""Characters of an SGR sequence's parameters; two 24-bit colours take 37. A longer one is dropped whole."""

_HOLD: Final = 2 + MAX_PARAMETERS
"""Longest tail kept for the next chunk. A longer unfinished sequence is one that will be dropped."""

_HOT: Final = re.compile(r"[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What plain text never holds. Kept to code points below 256: the regex engine then scans by bitmap."""

_HOT_ASCII: Final = bytes(code for code in range(0x80) if _HOT.match(chr(code)))

_KEPT: Final = rf"\[(?:[0-9;:]{{0,{MAX_PARAMETERS}}}+m|[0-2]?K)"
_STRING_BODY: Final = r"[^\x07\x0a\x0d\x18\x1a\x1b]*+"

# The pattern starts with a plain character class, so that the engine skips over text quickly. Quantifiers are
# possessive and every branch after an introducer can match: no input makes it go back. An end of a string (BEL, CAN,
# SUB, ESC \) needs no mention, as it is dropped by itself.
_DROP: Final = re.compile(
    _HOT.pattern
    + r"(?:(?<=\x1b)(?!"
    + _KEPT
    + r")(?:\[[ -?]*+[@-~]?|[\]PX^_k]"
    + _STRING_BODY
    + r"|[ -/]*+[0-~]?)|(?<!\x1b))"
)
_UNFINISHED: Final = re.compile(r"\x1b(?:(?P<string>[\]PX^_k]" + _STRING_BODY + r")|(?P<csi>\[[ -?]*+)|[ -/]*+)\Z")

_C1_BYTES: Final = {0x90: "P", 0x98: "X", 0x9B: "[", 0x9C: "\\", 0x9D: "]", 0x9E: "^", 0x9F: "_"}
_TO_7_BIT: Final = {
    code: "\x1b" + final for byte, final in _C1_BYTES.items() for code in (byte, 0xDC00 + byte)
}  # 0xDC00 + byte: how `surrogateescape` spells a raw byte
_C1: Final = re.compile("[" + "".join(map(chr, _TO_7_BIT)) + "]")

# Raw bytes that are no UTF-8, grouped as the Unicode Standard 3.9 (U+FFFD substitution of maximal subparts) and the
# "replace" of Python do. The seven C1 bytes above are left for `_TO_7_BIT` unless they are part of such a group.
_RAW: Final = re.compile("[\udc80-\udcff]")
_INVALID: Final = re.compile(
    "\udce0[\udca0-\udcbf]?"
    "|[\udce1-\udcec\udcee\udcef][\udc80-\udcbf]?"
    "|\udced[\udc80-\udc9f]?"
    "|\udcf0(?:[\udc90-\udcbf][\udc80-\udcbf]?)?"
    "|[\udcf1-\udcf3](?:[\udc80-\udcbf][\udc80-\udcbf]?)?"
    "|\udcf4(?:[\udc80-\udc8f][\udc80-\udcbf]?)?"
    "|[\udc80-\udc8f\udc91-\udc97\udc99\udc9a\udca0-\udcff]"
)


class _Skip(Enum):
    """What the cleaner is in the middle of dropping when a chunk ends."""

    NOTHING = auto()
    STRING = auto()
    CSI = auto()
    ESCAPE = auto()


_SKIPPED: Final = {
    _Skip.STRING: re.compile(_STRING_BODY),
    _Skip.CSI: re.compile(r"[ -?]*+"),
    _Skip.ESCAPE: re.compile(r"[ -/]*+"),
}
_FINAL: Final = {
    _Skip.STRING: re.compile(""),
    _Skip.CSI: re.compile(r"[@-~]?"),
    _Skip.ESCAPE: re.compile(r"[0-~]?"),
}


class Cleaner:
    """Cleans one stream of terminal output. One object per stream; memory is bounded however the stream is cut.

    Where the stream is cut into chunks makes no difference to the joined result.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._held = ""
        self._skip = _Skip.NOTHING

    def feed(self, data: bytes) -> str:
        """Clean text of `data` (UTF-8; invalid bytes become U+FFFD), as far as it is certain yet."""
        if self._idle() and data.isascii() and len(data.translate(None, _HOT_ASCII)) == len(data):
            return data.decode("ascii")  # nearly all output; four times as fast as the way below
        return self._clean(self._decoder.decode(data))

    def flush(self) -> str:
        """What is left at the end of the stream; an unfinished sequence is dropped. The cleaner starts afresh."""
        text = self._clean(self._decoder.decode(b"", final=True))
        self._held, self._skip = "", _Skip.NOTHING
        self._decoder.reset()
        return text

    def _idle(self) -> bool:
        """Whether nothing of an earlier chunk waits for this one."""
        return self._skip is _Skip.NOTHING and not self._held and not self._decoder.getstate()[0]

    def _clean(self, text: str) -> str:
        if not text.isascii():
            text = _seven_bit(text)
        if self._skip is not _Skip.NOTHING:
            text = self._go_on_skipping(text)
        if self._held:
            text = self._held + text
            self._held = ""
        if _HOT.search(text) is None:
            return text
        return _DROP.sub("", self._hold_tail(text))

    def _go_on_skipping(self, text: str) -> str:
        """`text` without the rest of the sequence that an earlier chunk began."""
        body = _SKIPPED[self._skip].match(text)
        assert body is not None  # all of these patterns match the empty string
        if body.end() == len(text):
            return ""
        end = _FINAL[self._skip].match(text, body.end())
        assert end is not None
        self._skip = _Skip.NOTHING
        return text[end.end() :]

    def _hold_tail(self, text: str) -> str:
        """`text` without the unfinished sequence at its end, which is kept, or skipped if it will be dropped anyway.

        The last ESC always begins a sequence, since ESC cancels whatever came before it.
        """
        start = text.rfind("\x1b")
        tail = _UNFINISHED.match(text, start) if start >= 0 else None
        if tail is None:
            return text
        if tail["string"] is not None:
            self._skip = _Skip.STRING
        elif len(text) - start <= _HOLD:
            self._held = text[start:]
        else:
            self._skip = _Skip.CSI if tail["csi"] is not None else _Skip.ESCAPE
        return text[:start]


def clean(data: bytes) -> str:
    """`data` cleaned as one whole stream."""
    cleaner = Cleaner()
    return cleaner.feed(data) + cleaner.flush()


def _seven_bit(text: str) -> str:
    """`text` with invalid bytes as U+FFFD and C1 introducers in their 7-bit form."""
    if _RAW.search(text):
        text = _INVALID.sub("\ufffd", text)
    return text.translate(_TO_7_BIT) if _C1.search(text) else text


_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls (Unicode UAX #9)
    "\u2028\u2029\u206a-\u206f\ufeff"  # line and paragraph separators, deprecated format controls, byte order mark
    "\ud800-\udfff]"  # half characters, which no output stream can encode
)
_SHORT: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def visible(text: str) -> str:
    """`text` for a log line or a table cell: C0, C1 and bidi controls spelled out (`\\x1b`, `\\n`, `\\u202e`).

    For the eye only: a backslash in `text` stays as it is, so the result cannot be turned back.
    """
    return _INVISIBLE.sub(_spell, text)


def _spell(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def for_the_eye(text: str, keep: str = "") -> str:
    """`text` without what would change the order or the place of its neighbours on a page: U+FFFD in its stead.

    Controls in `keep` stay: those of a cleaned stream.
    """
    return _INVISIBLE.sub(lambda match: match[0] if match[0] in keep else "\ufffd", text)

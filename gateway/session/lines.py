"""From what a client types to whole lines, and a screen that keeps the line in work. Counterpart: `gateway.mediation`.

`LineEditor` serves a client with a terminal. It is asyncssh's server-side line editor behind our own filter
(`gateway.session.keys`), so keys, history, completion and pasted text stay on this side of the gateway. `PlainLines`
serves pipes and programs without a terminal.
"""

import codecs
import re
from collections.abc import Callable
from typing import Any, Final

from asyncssh.editor import SSHLineEditor

from gateway.mediation.local import help_request
from gateway.session.keys import InputFilter, Keys

MAX_LINE: Final = 4096
"""Characters of a line; the rest is not taken. Longer than any line the policy allows, so a cut line is refused."""

HISTORY: Final = 200

Complete = Callable[[str, int], tuple[str, int] | None]
"""Completes the line at a position (Tab); none if nothing fits."""

Describe = Callable[[str], str]
"""What can follow the line (`?`), as whole lines; empty where `?` is an ordinary character."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*[mK]")
_PRINTABLE: Final = re.compile(r"[^\x00-\x1f\x7f?]*")
"""A run of characters that are no keys."""

_ERASED_WORD: Final = re.compile(r"\S*\s*\Z")


class LineEditor:
    """A terminal's keyboard and screen.

    `on_line` gets each line without its end. A submitted line stands on the screen until output follows: if that
    begins with the same text (the session's echo), the text is not shown twice. Lines that come in one packet with an
    earlier one (a paste) are not drawn at all: each appears when the session echoes it.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        on_line: Callable[[str], None],
        on_interrupt: Callable[[], None],
        on_eof: Callable[[], None],
        complete: Complete | None = None,
        describe: Describe | None = None,
        term_type: str = "xterm",
        width: int = 80,
        echo: bool = True,
    ) -> None:
        self._write = write
        self._on_line = on_line
        self._on_interrupt = on_interrupt
        self._on_eof = on_eof
        self._complete = complete
        self._describe = describe
        self._filter = InputFilter()
        self._editor = _Editor(_Screen(self, write), self, term_type, width)
        self._unseen: _Editor | None = None
        """Edits pasted lines; made when it is needed first."""
        self._term_type = term_type
        self._busy = False
        """A line of the packet at hand waits for its echo."""
        self._later = ""
        """Beginning of a line behind pasted ones; drawn when the first of them was echoed."""
        if not echo:
            self._editor.set_echo(False)

    def feed(self, data: bytes) -> None:
        """Bytes from the client. Calls back for each line, Ctrl-C, and Ctrl-D on an empty line."""
        if self._later:
            self._draw_later()
        self._busy = False
        keys = self._filter.feed(data)
        for index, item in enumerate(keys):
            self._type(item, last=index == len(keys) - 1)

    def end_of_input(self) -> None:
        """The client sends no more. A line that was not submitted is dropped, as a terminal does."""
        self._on_eof()

    def output(self, text: str) -> None:
        """Show text; line ends may be LF or CR LF. The line in work is drawn again after it."""
        if text:
            self._editor.process_output(text.replace("\r\n", "\n"))
            if self._later:
                self._draw_later()

    def set_width(self, width: int) -> None:
        """The terminal's width changed."""
        self._editor.set_width(width)

    # --- for the editor ----------------------------------------------------------------------------------------------

    def submitted(self, line: str) -> None:
        """A line was submitted."""
        self._on_line(line)

    def ended(self) -> None:
        """Ctrl-D on an empty line."""
        self._on_eof()

    def interrupted(self) -> None:
        """Ctrl-C: the line in work is left standing and begun anew."""
        self._editor.leave_line()
        if self._unseen is not None:
            self._unseen.leave_line()
        self._on_interrupt()

    def _type(self, keys: Keys, *, last: bool) -> None:
        """Tab and `?` are keys only as the last thing that came: behind them, more text would be a paste."""
        if keys.bell:
            self._write("\a")
        if not keys.text:
            return
        text = keys.text
        alone = last and not keys.pasted and text[-1] in "\t?" and "\n" not in text and not self._later
        if alone:
            text = text[:-1]
        self._type_text(text.replace("\t", " "))
        if alone:
            self._editor.literal = False
            self._editor.process_input(keys.text[-1], None)
            self._editor.literal = True

    def _type_text(self, text: str) -> None:
        """The first line where the client sees it, further ones unseen, the beginning of one more later."""
        if not self._busy:
            end = text.find("\n") + 1 or len(text)
            if text[:end]:
                self._editor.process_input(text[:end], None)
            text = text[end:]
            self._busy = text != "" or self._editor.waits_for_echo
        if not text:
            return
        end = text.rfind("\n") + 1
        if end:
            self._type_unseen(self._later + text[:end])
            self._later = ""
        self._later += text[end:]

    def _type_unseen(self, text: str) -> None:
        if self._unseen is None:
            self._unseen = _Editor(_Screen(self, _nowhere), self, self._term_type, 0)
        self._unseen.take_history(self._editor)
        self._unseen.process_input(text, None)
        self._editor.take_history(self._unseen)

    def _draw_later(self) -> None:
        text, self._later = self._later, ""
        self._editor.process_input(text, None)

    def tab(self, line: str, position: int) -> tuple[str, int] | bool:
        """Tab was pressed."""
        found = self._complete(line, position) if self._complete is not None else None
        return False if found is None else found

    def question_mark(self, line: str, position: int) -> tuple[str, int] | bool:
        """`?` was pressed: help, or a character."""
        asks = position == len(line) and help_request(f"{line}?") is not None
        text = self._describe(line) if asks and self._describe is not None else ""
        if not text:
            return True
        self._editor.help(text)
        return line, position


class PlainLines:
    """Lines of a client without a terminal: no echo, no editing.

    Control characters stay in the line, where the session refuses them; a tab counts as a blank, and NUL as nothing.
    """

    def __init__(self, *, on_line: Callable[[str], None], on_eof: Callable[[], None]) -> None:
        self._on_line = on_line
        self._on_eof = on_eof
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._line = ""
        self._after_cr = False

    def feed(self, data: bytes) -> None:
        """Bytes from the client. Calls back for each line."""
        text = self._decoder.decode(data).replace("\0", "").replace("\t", " ")
        if self._after_cr and text.startswith("\n"):
            text = text[1:]
            self._after_cr = False
        if text:
            self._after_cr = text.endswith("\r")
        *lines, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines:
            self._submit(self._line + line)
        self._line = (self._line + rest)[: MAX_LINE + 1]

    def end_of_input(self) -> None:
        """The client sends no more. A last line without an end counts."""
        if self._line:
            self._submit(self._line)
        self._on_eof()

    def _submit(self, line: str) -> None:
        self._line = ""
        # Bytes that are no UTF-8 become a control character, so that the line is refused and not changed.
        self._on_line("".join("\x80" if "\udc80" <= char <= "\udcff" else char for char in line[: MAX_LINE + 1]))


def _nowhere(text: str) -> None:
    """A screen that nobody sees."""


class _Screen:
    """What asyncssh's editor calls on its channel and its session."""

    def __init__(self, owner: LineEditor, write: Callable[[str], None]) -> None:
        self._owner = owner
        self.write = write

    def data_received(self, data: str, datatype: object) -> None:
        """A line was submitted."""
        del datatype
        self._owner.submitted(data.removesuffix("\n"))

    def soft_eof_received(self) -> None:
        """Ctrl-D on an empty line."""
        self._owner.ended()

    def break_received(self, msec: int) -> None:
        """Ctrl-C."""
        del msec
        self._owner.interrupted()


def typed_lines(data: str | bytes) -> list[str]:
    """The lines that a terminal session would submit if `data` and then Enter were typed."""
    lines: list[str] = []

    def ignore(*_: object) -> None:
        return

    editor = LineEditor(ignore, on_line=lines.append, on_interrupt=ignore, on_eof=ignore)
    editor.feed((data.encode() if isinstance(data, str) else data) + b"\r")
    return lines


class _Editor(SSHLineEditor):
    """asyncssh's editor on our own screen instead of a channel."""

    def __init__(self, screen: Any, owner: LineEditor, term_type: str, width: int) -> None:
        super().__init__(screen, screen, False, HISTORY, MAX_LINE, term_type, width)
        self.literal = True
        """Tab and `?` are characters now."""
        self._shown = ""
        self._owner = owner
        self.register_key("\t", self._tab)
        self.register_key("?", self._question_mark)
        self.register_key("\x17", _erase_word)

    def _build_printable(self) -> None:
        """As inherited, but not worked out anew for each session: what comes from `InputFilter` is known."""
        self._printable = _PRINTABLE

    @property
    def waits_for_echo(self) -> bool:
        """A line was submitted and no output followed yet."""
        return bool(self._line_pending)

    def _reset_pending(self) -> None:
        """As inherited; but a submitted line that is not echoed is left standing instead of being wiped."""
        if self._line_pending:
            if self._echo:
                self._output("\r\n")
            self._reset_line()
            self._line_pending = False

    def process_output(self, data: str) -> None:
        """As inherited, and remembers the unfinished line that output ends in."""
        if not data.startswith(self._line):
            self._reset_pending()
        end = data.rfind("\n") + 1
        self._shown = data[end:] if end else (self._shown + data)[-MAX_LINE:]
        super().process_output(data)

    def take_history(self, other: "_Editor") -> None:
        """Remember the lines of `other` from now on."""
        self._history, self._history_index = other._history, other._history_index

    def leave_line(self) -> None:
        """Begin a new line behind the one in work, which stays on the screen."""
        self._move_to_end()
        self._reset_line()

    def help(self, text: str) -> None:
        """Show help below the line in work, then what stood before it, then the line."""
        self._move_to_end()
        self._output("?\r\n" + text.replace("\r\n", "\n").replace("\n", "\r\n") + self._shown)
        self._start_column = self._end_column = self._cursor
        self._draw_input()

    def _tab(self, line: str, position: int) -> tuple[str, int] | bool:
        return self._owner.tab(line, position)

    def _question_mark(self, line: str, position: int) -> tuple[str, int] | bool:
        return True if self.literal else self._owner.question_mark(line, position)

    def _determine_column(self, data: str, column: int, pos: int | None = None) -> tuple[str, int]:
        """As inherited for the line in work. Output is counted without looking at each character where possible."""
        if pos is not None:
            return super()._determine_column(data, column, pos)
        if "\x1b" in data:
            plain = _COLOUR.sub("", data)
        else:
            plain = data
        start = plain.rfind("\r") + 1
        if start:
            plain, column = plain[start:], 0
        if plain.isascii() and "\b" not in plain:
            return data, column + len(plain)
        return data, super()._determine_column(plain, column)[1]


def _erase_word(line: str, position: int) -> tuple[str, int]:
    """Ctrl-W: erase the word before the cursor."""
    match = _ERASED_WORD.search(line[:position])
    start = match.start() if match is not None else position
    return line[:start] + line[position:], start

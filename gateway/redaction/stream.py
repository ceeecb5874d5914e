"""A router's output with its secrets and devices masked, while it streams. Pure.

`feed` gives back whole lines, `ease` an unfinished line that cannot become a secret any more, `flush` all that is left,
masked as if the line ended there. How the text is cut into pieces makes no difference. Time is linear in the text,
memory bounded: of a line without an end `MOST` characters are kept; a longer value is masked as it streams.
Input is text that `audit.recording.terminal.Cleaner` has cleaned. Counterpart: `gateway.mediation.masking`.
"""

import re
from collections.abc import Iterable
from typing import Final

from gateway.redaction.devices import Devices
from gateway.redaction.line import Carried, Line, plain
from gateway.redaction.rules import Block, Kind, RuleSet
from gateway.redaction.search import Search
from gateway.redaction.shapes import Shapes
from gateway.redaction.spans import ADDRESS, Span, no_device
from gateway.redaction.tables import Column, header, is_row
from gateway.redaction.what import EVERYTHING, REDACTED, What

MOST: Final = 4096
"""Characters of an unfinished line that are kept."""

KEPT: Final = 512
"""Characters in front of a cut that stay as context of what follows."""

AHEAD: Final = 160
"""Characters that are not given back yet when a line is cut: longer than an address or a secret of the gateway's."""

_PROGRESS: Final = re.compile(
    r"\s*+(?:[A-Za-z][A-Za-z ,/-]{0,80}\.\.\.)?"
    r"(?:[!.UQMC&#*+=>|/\\() \r-]|\[(?=[#=> .-])|(?<=[#=> .-])\]|[0-9]{1,3}%)*+"
)
"""What routers print dot by dot. No secret and no device begins with it."""

_CLOSE: Final = {"q": '"\n', "a": "'\n", "e": '"\n', "w": " \t\r\n", "r": "\n", "x": "<\n"}
"""Characters that end a value, by its form."""

_PART: Final = re.compile(r"[;&]+")
"""What stands between commands of one line."""

_LINE_END: Final = frozenset({b"\r", b"\n"})
_BEFORE: Final = frozenset(b"%d " % digit for digit in range(10))
"""What stands before an address that is certainly a device's: no word that announces one of the router's."""
_MOST_KNOWN: Final = 4096


class Redactor:
    """One stream. `begin` before each command, `feed` its output, `flush` at its end."""

    def __init__(
        self, rules: RuleSet, what: What = EVERYTHING, *, devices: Devices | None = None, own: Iterable[str] = ()
    ) -> None:
        """`own` are secrets of the gateway, masked wherever they stand; `devices` may be shared by several streams."""
        self._rules = rules
        self._devices = devices if devices is not None else Devices()
        self._own = tuple(sorted({secret for secret in own if 4 <= len(secret) < AHEAD}, key=len, reverse=True))
        self._simple: dict[str, str] = {}
        """Addresses that were masked without a closer look."""
        self._use(what)
        self._answer: Kind | None = None
        """The command prints a secret and nothing else."""
        self._forget()

    def _use(self, what: What) -> None:
        self._what = what
        self._search = Search.of(self._rules, devices=what.devices)
        self._special = (*self._search.before_address, b"\x1b", b"\x08")
        """Where one of these is, each line with an address gets a closer look."""

    def _forget(self) -> None:
        self._line = ""
        """The unfinished line, or the end of it."""
        self._done = 0
        """Characters of it that were given back already."""
        self._masked_to = 0
        """Where in it the last mask ends."""
        self._headless = False
        """The line's beginning is not in `_line` any more."""
        self._open = ""
        """Form of a value that goes on, of which nothing is kept."""
        self._before = ""
        """Last character of that value."""
        self._block: Block | None = None
        self._told = False
        """The mask that stands for the block was given back."""
        self._columns: tuple[Column, ...] = ()
        self._carried: Carried = ""

    def begin(self, command: str = "", what: What | None = None, *, holds_masked: bool = False) -> None:
        """Output of `command`, as it is sent, comes next; what is left of an earlier one is forgotten.

        `holds_masked`: it reads what may hold secrets or devices, so if only parts of lines come, all of it is masked.
        """
        if what is not None and what != self._what:
            self._use(what)
        self._forget()
        low = command.lower()
        self._answer = None
        if self._rules.answers.search(low) is not None:
            parts = _PART.split(low)
            wifi = all("wireless." in part for part in parts if self._rules.answers.search(part) is not None)
            self._answer = "wifi_key" if wifi else "secret"
        if holds_masked and self._answer is None and self._rules.cuts.search(low) is not None:
            self._answer = "secret"

    def feed(self, text: str) -> str:
        """Take output; give back what is complete."""
        out: list[str] = []
        at = 0
        while at < len(text):
            if self._open:
                at = self._skip(text, at)
            elif self._line or self._one_by_one:
                at = self._line_by_line(text, at, out)
            else:
                end = text.rfind("\n") + 1
                if end > at:
                    at = self._many(text, at, end, out)
                else:
                    at = self._line_by_line(text, at, out)
        return "".join(out)

    def ease(self) -> str:
        """The unfinished line, if it can be shown already. Makes no difference to the whole result."""
        line = self._line
        if len(line) == self._done or self._one_by_one or self._open or _PROGRESS.fullmatch(line) is None:
            return ""
        if self._begun(line):
            return ""
        text, self._done = line[self._done :], len(line)
        return text

    def flush(self, *, more: bool = False) -> str:
        """All of the unfinished line, masked as if it ended here. What comes next still belongs to it.

        `more`: more may come, so what may be the beginning of a secret of the gateway's own waits.
        """
        end = len(self._line) - (self._begun(self._line) if more else 0)
        if end <= self._done or self._open or self._block is not None:
            return ""
        return self._render(self._line, self._looked_at(self._line).spans(), end)

    # --- in pieces ---------------------------------------------------------------------------------------------------

    @property
    def _one_by_one(self) -> bool:
        """The next line has to be looked at, whatever is in it."""
        return bool(
            self._headless or self._columns or self._block is not None or self._carried or self._answer is not None
        )

    def _line_by_line(self, text: str, at: int, out: list[str]) -> int:
        """Complete the line in work, or cut it. Returns how far `text` is dealt with."""
        room = MOST - len(self._line)
        end = text.find("\n", at, at + room) + 1 or min(at + room, len(text))
        self._line += text[at:end]
        if self._line.endswith("\n"):
            out.append(self._whole())
        elif len(self._line) >= MOST:
            out.append(self._cut())
        return end

    def _many(self, text: str, at: int, end: int, out: list[str]) -> int:
        """Whole lines. Only those with something to look at are looked at."""
        text = text[at:end] if at or end < len(text) else text
        low = text.encode("latin-1", "replace").lower()
        done = 0
        for start, stop in self._search.lines(low, text, self._own):
            done = self._plain(text, low, done, start, out)
            if done < start:
                return at + done
            self._closely(text, start, stop, out)
            done = stop
            if self._one_by_one:
                return at + done
        return at + self._plain(text, low, done, len(text), out)

    def _closely(self, text: str, start: int, stop: int, out: list[str]) -> None:
        """One whole line, cut where it is too long."""
        at = start
        while at < stop:
            at = self._skip(text, at) if self._open else self._line_by_line(text, at, out)

    def _plain(self, text: str, low: bytes, at: int, end: int, out: list[str]) -> int:
        """Lines without a hint: only addresses are looked for. Returns how far that came."""
        if at == end:
            return end
        if not self._what.devices:
            out.append(text[at:end])
            return end
        shapes = Shapes(low[at:end])
        base = done = at
        special = any(low.find(hint, at, end) >= 0 for hint in self._special)
        known = self._simple
        while (found := shapes.next(done - base)) >= 0:
            place = base + found
            ends = place + 17
            if not special and low[place - 2 : place] in _BEFORE and low[ends : ends + 1] in _LINE_END:
                written = text[place:ends]
                shown = known.get(written) or self._simple_address(written)
            else:
                shown = ""
            if shown:
                out += (text[done:place], shown)
                done = ends
            else:
                start = low.rfind(b"\n", 0, place) + 1
                out.append(text[done:start])
                done = low.find(b"\n", place) + 1
                self._closely(text, start, done, out)
                if self._one_by_one:
                    return done
        out.append(text[done:end])
        return end

    def _simple_address(self, written: str) -> str:
        """The mask of an address that ends its line; empty if it needs a closer look."""
        low = written.lower().encode("latin-1", "replace")
        if ADDRESS.fullmatch(low) is None or no_device(low):
            return ""
        shown = self._devices.address(written)
        if len(self._simple) < _MOST_KNOWN:
            self._simple[written] = shown
        return shown

    # --- one line ----------------------------------------------------------------------------------------------------

    def _whole(self) -> str:
        """The line in work has ended."""
        line = self._line
        out = self._blocked(line) if self._block is not None else self._look(line)
        self._line, self._done, self._masked_to, self._headless = "", 0, 0, False
        return out

    def _look(self, line: str) -> str:
        looked = self._looked_at(line)
        out = self._render(line, looked.spans(), len(line))
        text = looked.text
        if self._columns and not is_row(text, self._columns):
            self._columns = ()
        elif self._rules.heading.search(text) is not None:
            self._columns = header(text, self._rules.columns) or self._columns
        self._block, self._told = looked.block(), False
        self._carried = looked.continued()
        return out

    def _looked_at(self, line: str) -> Line:
        """`line`, which may be cut at both ends."""
        looked = Line(line, self._rules, self._search, self._what, headless=self._headless)
        if self._answer is not None:
            looked.mask_answer(self._answer)
        if self._carried:
            looked.mask_continued(self._carried)
        if self._columns and is_row(looked.text, self._columns):
            looked.mask_columns(self._columns)
        looked.mask_own(self._own)
        return looked

    def _blocked(self, line: str) -> str:
        """A line inside of a block: masked, or the end of it."""
        block = self._block
        assert block is not None
        low = line.encode("latin-1", "replace").lower()
        ends = block.end.search(low)
        if ends is None and (not block.body.pattern or block.body.fullmatch(low.strip())):
            return self._mask_block(line)
        self._block = None
        start = 0 if ends is None else ends.start()
        before = self._mask_block(line[:start]) if line[:start].strip() else line[:start]
        self._line = line[start:]
        return before + self._look(line[start:])

    def _mask_block(self, line: str) -> str:
        if self._told or not line.strip():
            return ""
        self._told = True
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        return f"{indent}{REDACTED}{line[len(line.rstrip()) :]}"

    # --- lines without an end ----------------------------------------------------------------------------------------

    def _cut(self) -> str:
        """The line in work is too long: give back its beginning and keep the rest, with some context."""
        line = self._line
        if self._block is not None:
            return self._cut_block(line)
        spans = self._looked_at(line).spans()
        point = _cut_point(line)
        for span in spans:
            if span.start < point < span.end or (span.start < point and span.form == "r"):
                if span.end < len(line) - 1 and span.form != "r":
                    point = span.end
                    continue
                out = self._render(line, spans, span.start) + self._masked_once(span)
                self._open, self._before, self._headless = span.form or "w", line[-1], True
                self._line, self._done, self._masked_to = "", 0, 0
                return out
        out = self._render(line, spans, point)
        self._drop(point - KEPT)
        return out

    def _cut_block(self, line: str) -> str:
        assert self._block is not None
        out = self._mask_block(line + "\n").rstrip("\n")
        self._line = line[-AHEAD:]
        return out

    def _masked_once(self, span: Span) -> str:
        return "" if self._masked_to > span.start and self._done > span.start else REDACTED

    def _drop(self, count: int) -> None:
        self._line = self._line[count:]
        self._done -= count
        self._masked_to = max(0, self._masked_to - count)
        self._headless = True

    def _skip(self, text: str, at: int) -> int:
        """Leave out the rest of a value. Returns where it ends."""
        closing = _CLOSE[self._open]
        place = at
        while True:
            ends = [found for char in closing if (found := text.find(char, place)) >= 0]
            if not ends:
                self._before = text[-1]
                return len(text)
            end = min(ends)
            escaped = self._open == "q" and text[end] == '"' and (text[end - 1] if end > at else self._before) == "\\"
            if not escaped:
                self._open = ""
                return end
            place = end + 1

    def _begun(self, line: str) -> int:
        """How many characters at the end may be the beginning of a secret of the gateway's own."""
        most = 0
        for secret in self._own:
            for length in range(min(len(secret) - 1, len(line)), most, -1):
                if line.endswith(secret[:length]):
                    most = length
                    break
        return most

    # --- what is given back ------------------------------------------------------------------------------------------

    def _render(self, line: str, spans: list[Span], end: int) -> str:
        """`line` up to `end` with masks in the place of `spans`, as far as it was not given back yet."""
        out: list[str] = []
        at = self._done
        for span in spans:
            if span.start >= end:
                break
            if span.end <= at:
                continue
            if span.start >= at:
                out += (line[at : span.start], self._mask(line, span))
            elif self._masked_to <= span.start:
                out.append(self._mask(line, span))
            at = min(span.end, end)
            self._masked_to = at
        out.append(line[at:end])
        self._done = max(at, end)
        return "".join(out)

    def _mask(self, line: str, span: Span) -> str:
        if span.kind != "device":
            return REDACTED
        value = plain(line[span.start : span.end])[0]
        return self._devices.name(value, span.address) if span.is_name else self._devices.address(value)


def _cut_point(line: str) -> int:
    """Where a line without an end is cut: behind a word if there is one, else anywhere."""
    last = len(line) - AHEAD
    found = max(line.rfind(char, last - 1024, last) for char in " \t,;&\r")
    return found + 1 if found >= 0 else last

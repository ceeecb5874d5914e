"""One line of output, looked at closely: all that is to be masked in it, sorted and joined. Pure.

Counterpart: `gateway.redaction.stream`, which decides which lines are looked at.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from gateway.redaction.devices import bare
from gateway.redaction.rules import Block, Kind, RuleSet
from gateway.redaction.search import Search
from gateway.redaction.shapes import holds_address
from gateway.redaction.spans import Span, addresses, find
from gateway.redaction.tables import Column, cells
from gateway.redaction.what import What

_DRAWING: Final = re.compile(r"\x1b\[[0-9;:]*[mK]|[^\x08\n]?\x08")
"""What a terminal does not show as text: colours, and a character that is written over."""

_ERROR: Final = re.compile(r"(?:uci|ash|-ash|sh|grep|nvram): .*|.*not found|Command failed.*", re.IGNORECASE)
"""What a command that prints a secret may print instead of it."""

Carried: TypeAlias = Literal["", "quoted", "value"]
"""A value goes on in the next line: inside of its quotes, or all of it."""

_VALUE: Final = re.compile(r'[ \t]*+(?:"((?:[^"\\\r\n]|\\[^\r\n])*+)|([^\s"][^\s]*+))')
_REST_OF_QUOTED: Final = re.compile(r'[ \t]*+((?:[^"\\\r\n]|\\[^\r\n])*+)')


def plain(line: str) -> tuple[str, list[int] | None]:
    """`line` as it reads, and where each of its characters stands in it (none: where it is)."""
    if "\x1b" not in line and "\x08" not in line:
        return line, None
    kept: list[str] = []
    places: list[int] = []
    at = 0
    for drawn in (*_DRAWING.finditer(line), None):
        end = len(line) if drawn is None else drawn.start()
        kept.append(line[at:end])
        places += range(at, end)
        at = end if drawn is None else drawn.end()
    return "".join(kept), places


class Line:
    """What is masked in one line."""

    def __init__(self, line: str, rules: RuleSet, search: Search, what: What, *, headless: bool) -> None:
        """`headless`: its beginning is not here."""
        self._line = line
        self._text, self._places = plain(line)
        self._low = self._text.encode("latin-1", "replace").lower()
        self._rules, self._search, self._what = rules, search, what
        self._headless = headless
        self._found: list[Span] = []
        self._as_drawn: list[Span] = []
        """In characters of the line as it came."""

    @property
    def text(self) -> str:
        """The line as it reads."""
        return self._text

    def mask_answer(self, kind: Kind) -> None:
        """All of it, unless it is an error."""
        value = self._text.strip()
        if value and _ERROR.fullmatch(value) is None:
            start = self._text.index(value[0])
            self._found.append(Span(start, start + len(value), kind, "r"))

    def mask_continued(self, carried: Carried) -> None:
        """The value with which the line begins."""
        match = (_REST_OF_QUOTED if carried == "quoted" else _VALUE).match(self._text)
        if match is not None and match[match.lastindex or 1]:
            start, end = match.span(match.lastindex or 1)
            self._found.append(Span(start, end, "secret", "w" if match.lastindex == 2 else "q"))

    def mask_columns(self, columns: Iterable[Column]) -> None:
        """Cells of a table."""
        self._found += cells(self._text, columns)

    def mask_own(self, own: Iterable[str]) -> None:
        """Secrets of the gateway's own."""
        for secret in own:
            self._found += _places_of(secret, self._text)
            if self._places is not None:
                self._as_drawn += _places_of(secret, self._line)

    def spans(self) -> list[Span]:
        """All that is masked, in order, none overlapping, in characters of the line as it came."""
        found = self._found
        for block in self._rules.blocks:
            if block.hint in self._low:
                found += self._in_block(block)
        has_address = self._what.devices and holds_address(self._low)
        if has_address:
            found += addresses(self._low, self._rules.own)
        rules = self._search.rules_for(self._low, address=has_address)
        if self._headless:
            rules = tuple(rule for rule in rules if not rule.anchored)
        found += find(rules, self._low)
        if not found and not self._as_drawn:
            return []
        joined = [self._placed(span) for span in _joined(self._named(self._wanted(found)))]
        return _joined(joined + self._as_drawn) if self._as_drawn else joined

    def block(self) -> Block | None:
        """The block that begins on this line and does not end on it."""
        for block in self._rules.blocks:
            begins = block.begin.search(self._low) if block.hint in self._low else None
            if begins is not None and block.end.search(self._low, begins.end()) is None:
                return block
        return None

    def continued(self) -> Carried:
        """Whether a value goes on in the next line, behind the backslash that this one ends in."""
        bare = self._low.rstrip()
        if not bare.endswith(b"\\"):
            return ""
        if any(span.form == "q" and span.end >= len(bare) - 1 for span in self._found):
            return "quoted"
        # A line that lacks only its value would be masked if there was one.
        tried = bare[:-1] + b"zq9zq9zq9"
        for span in find(self._search.rules_for(tried, address=False), tried):
            if span.end == len(tried) and span.kind != "device":
                return "quoted" if span.form == "q" else "value" if span.start == len(bare) - 1 else ""
        return ""

    def _in_block(self, block: Block) -> Iterator[Span]:
        """What of a block stands on the line on which it begins."""
        begins = block.begin.search(self._low)
        if begins is None or block.body.pattern:
            return
        ends = block.end.search(self._low, begins.end())
        start, end = begins.end(), len(self._low.rstrip()) if ends is None else ends.start()
        if self._low[start:end].strip(b" \"'\\,;"):
            yield Span(start, end, "secret", "r" if ends is None else "w")

    def _wanted(self, found: list[Span]) -> list[Span]:
        """Without what may be shown. What is the key of a Wi-Fi is nothing else."""
        wifi = [span for span in found if span.kind == "wifi_key"]
        wanted: list[Span] = []
        for span in found:
            if span.kind == "device":
                keep = self._what.devices
            elif span.kind == "wifi_key" or any(key.start <= span.start < key.end for key in wifi):
                keep = self._what.wifi_key
            else:
                keep = self._what.secrets
            wanted += [span] if keep else []
        return wanted

    def _named(self, found: list[Span]) -> list[Span]:
        """Names with the one address that stands on their line."""
        spans = [span for span in found if span.kind == "device" and not span.is_name]
        written = {bare(address): address for address in (self._text[span.start : span.end] for span in spans)}
        if len(written) != 1:
            return found
        (address,) = written.values()
        return [replace(span, address=address) if span.is_name else span for span in found]

    def _placed(self, span: Span) -> Span:
        if self._places is None:
            return span
        end = self._places[span.end - 1] + 1
        if "\x08" in self._line:  # what is written over was shown, too
            end = self._places[span.end] if span.end < len(self._places) else len(self._line)
        return replace(span, start=self._places[span.start], end=end)


def _places_of(secret: str, text: str) -> Iterator[Span]:
    at = text.find(secret)
    while at >= 0:
        yield Span(at, at + len(secret), "secret", "w")
        at = text.find(secret, at + len(secret))


def _joined(found: list[Span]) -> list[Span]:
    """In order; of what overlaps one, and a secret rather than a device."""
    joined: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        last = joined[-1] if joined else None
        if last is None or span.start >= last.end:
            joined.append(span)
        elif last.kind == "device" and span.kind == "device" and last.is_name and not span.is_name:
            joined[-1] = replace(span, start=last.start, end=max(last.end, span.end))
        else:
            kind = last.kind if last.kind != "device" else span.kind
            form = span.form if span.end > last.end else last.form
            joined[-1] = replace(last, end=max(last.end, span.end), kind=kind, form=form)
    return joined

"""Tables with a column that is masked: their heading, and the cells below it. Pure; used by `line` and `stream`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.redaction.rules import Kind
from gateway.redaction.spans import Span, masks_value

_NO_HEADING: Final = re.compile(r"[0-9:='\"{}\[\]<>]")
_DEVICE_ROW: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9A-Fa-f]{2,4}[:.-][0-9A-Fa-f]{2,4}[:.-]|\A[-= ]+\Z")
_SECRET_ROW: Final = re.compile(r"\s*(?:[0-9]+\s|;;;|[-= ]+\Z|\S+(?: \S+)*\s{2,}\S)")
_CELLS: Final = re.compile(r"\S+(?: \S+)*")


@dataclass(frozen=True, slots=True)
class Column:
    """Characters `start` up to `end` (none: to the end of the line) of each row."""

    start: int
    end: int | None
    kind: Kind


def header(line: str, headings: Iterable[tuple[str, Kind]]) -> tuple[Column, ...]:
    """The columns of `line`, if it is the heading of a table: at least three cells of words, or of capitals.

    RouterOS numbers its rows below a `#`; one more cell is enough there.
    """
    bare = line.rstrip()
    if _NO_HEADING.search(bare) is not None:
        return ()
    found = list(_CELLS.finditer(bare)) if "  " in bare.strip() else []
    if bare == bare.upper():
        found = list(re.finditer(r"\S+", bare))
    if len(found) < (2 if bare.startswith("#") else 3):
        return ()
    starts = [cell.start() for cell in found] + [None]
    kinds = dict(headings)
    return tuple(
        Column(cell.start(), after, kinds[cell[0]])
        for cell, after in zip(found, starts[1:], strict=True)
        if cell[0] in kinds
    )


def is_row(line: str, columns: tuple[Column, ...]) -> bool:
    """Whether the table goes on with `line`: one with an address where it lists devices, else a line of cells."""
    form = _DEVICE_ROW.search if columns[0].kind == "device" else _SECRET_ROW.match
    return form(line.rstrip()) is not None


def cells(line: str, columns: Iterable[Column]) -> Iterator[Span]:
    """What stands in `columns` of a row. A value that does not keep to its column is taken whole."""
    bare = line.rstrip()
    for column in columns:
        start, end = column.start, len(bare) if column.end is None else min(column.end, len(bare))
        while 0 < start < len(bare) and not bare[start - 1].isspace():
            start -= 1
        while end < len(bare) and not bare[end - 1].isspace():
            end += 1
        cell = bare[start:end]
        value = cell.strip()
        if masks_value(value, column.kind):
            start += len(cell) - len(cell.lstrip())
            yield Span(start, start + len(value), column.kind, "w", is_name=column.kind == "device")

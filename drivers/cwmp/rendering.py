"""How values look to a rep: plain lines and aligned tables, with no character that could pass for something else. Pure.

What a CPE prints is hostile: a value must not be able to end its line, draw a prompt or move the cursor.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from drivers.cwmp.words import Form

LONGEST_VALUE: Final = 1024
"""Characters of a value that are shown; tables cut at `WIDEST_CELL`."""
WIDEST_CELL: Final = 48
WIDEST_TABLE: Final = 80
"""A table that needs more columns of a terminal is turned."""
WIDEST_NAME: Final = 80
MOST_LINES: Final = 2000
"""Lines of one command."""

NOTHING: Final = "-"

_PATH: Final = re.compile(r"(?:Device|InternetGatewayDevice)\.(.+?)\.?\Z")


def printable(text: str, longest: int = LONGEST_VALUE) -> str:
    """`text` on one line: what cannot be printed is escaped, what is too long is cut and says so."""
    cut = text[:longest]
    if not cut.isprintable():
        cut = "".join(char if char.isprintable() else _escaped(char) for char in cut)
    return cut if len(text) <= longest else f"{cut}... ({len(text) - longest} more characters)"


def _escaped(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{{{ord(char):x}}}"


def pairs(lines: Iterable[tuple[str, str]]) -> str:
    """Names and values, one a line, values in one column."""
    found = [(printable(name), printable(value)) for name, value in lines]
    width = min(max((len(name) for name, _ in found), default=0), WIDEST_NAME)
    return "".join(f"{name:<{width}}  {value}".rstrip() + "\n" for name, value in found)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their titles, or if that is too wide titles at the left. Cells are printable already."""
    cells = [[_cut(cell) for cell in row] for row in rows]
    upright, turned = [list(titles), *cells], list(zip(titles, *cells, strict=True))
    if _width(upright) <= WIDEST_TABLE:
        return _lined_up(upright)
    if _width(turned) <= WIDEST_TABLE:
        return _lined_up(turned)
    return "\n".join(_lined_up(list(zip(titles, row, strict=True))) for row in cells)


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _width(lines: Sequence[Sequence[str]]) -> int:
    widths = _widths(lines)
    return sum(widths) + 2 * (len(widths) - 1)


def _lined_up(lines: Sequence[Sequence[str]]) -> str:
    widths = _widths(lines)
    return "".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


def _cut(cell: str) -> str:
    return cell if len(cell) <= WIDEST_CELL else f"{cell[: WIDEST_CELL - 3]}..."


def bounded(text: str, most: int = MOST_LINES) -> str:
    """At most `most` lines, and a sentence if there were more."""
    lines = text.splitlines(keepends=True)
    if len(lines) <= most:
        return text
    return "".join(lines[:most]) + f"({len(lines) - most} more lines are not shown: ask for a narrower path.)\n"


def formed(value: str, form: Form | None) -> str:
    """A value as people write it; one that is not what its form says stays as it is."""
    text = printable(value)
    number = value.strip()
    if form == "yes_no":
        return {"true": "yes", "1": "yes", "false": "no", "0": "no"}.get(number.lower(), text)
    if form == "object":
        return ", ".join(_PATH.sub(r"\1", path.strip()) for path in text.split(","))
    if form is None or not number.removeprefix("-").isdigit() or not number.isascii() or len(number) > 15:
        return text
    return _FORMS[form](int(number))


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 value`, `2 values`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def _duration(seconds: int) -> str:
    if seconds < 0:
        return str(seconds)
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    first = next((n for n, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(
        f"{number} {unit}" for number, unit in parts[first : first + 2] if number or len(parts) == first + 1
    )


def _tenths(number: int) -> str:
    return f"{number / 10:.1f} dB"


_FORMS: Final[dict[Form, Callable[[int], str]]] = {
    "yes_no": str,
    "duration": _duration,
    "kib": lambda number: f"{number / 1024:.0f} MiB" if number >= 1024 else f"{number} KiB",
    "object": str,
    "percent": lambda number: f"{number} %" if number >= 0 else "auto",
    "or_auto": lambda number: str(number) if number >= 0 else "auto",
    "kbit": lambda number: f"{number} kbit/s",
    "bit": lambda number: f"{number / 1000:.0f} kbit/s",
    "tenth_db": _tenths,
    "ms": lambda number: f"{number} ms",
    "dbm": lambda number: f"{number} dBm",
    "milli_dbm": lambda number: f"{number / 1000:.1f} dBm",
}

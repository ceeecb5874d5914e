"""What the command prints: one JSON value or text for people on standard output, notes on standard error.

Nothing that was stored reaches a terminal unescaped: control and bidi characters are spelled out
(`audit.recording.terminal.visible`; JSON writes everything beyond ASCII as an escape). Times are UTC.
"""

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from audit.recording.terminal import visible

if TYPE_CHECKING:
    # Loaded when something is printed: `serve` prints nothing, and a gateway has no use for these megabytes.
    from rich.console import Console
    from rich.text import Text

_WIDE: Final = 10_000
"""Columns where nobody looks at the width: in a pipe a row is one line."""

_COLOURS: Final = {
    "allow": "green",
    "confirm": "yellow",
    "sensitive": "yellow",
    "deny": "red",
    "verified": "green",
    "granted": "green",
    "in-use": "green",
    "revoked": "red",
    "denied": "red",
}


def console(*, err: bool = False) -> "Console":
    """Standard output (or error) as it is now. Texts are printed as they are: no markup, no guessed colours."""
    from gateway.cli.console import PipeConsole

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _WIDE
    return PipeConsole(file=stream, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False)


def print_json(value: object) -> None:
    """One JSON value on standard output; indented where a person looks on."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(value, default=_plain, indent=indent, ensure_ascii=True) + "\n")


def print_text(text: str, style: str = "") -> None:
    """Lines for people; controls other than line ends are spelled out."""
    out = console()
    for line in text.split("\n"):
        out.print(_styled(visible(line), style), soft_wrap=True)


def note(text: str) -> None:
    """A remark on standard error, which never mixes with what a program reads."""
    out = console(err=True)
    out.print(_styled("\n".join(visible(line) for line in text.split("\n")), "dim"), soft_wrap=True)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Rows under their heads, or the sentence `empty`."""
    from rich.table import Table

    listed = [[_cell(value) for value in row] for row in rows]
    if not listed:
        print_text(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in listed:
        table.add_row(*row)
    out = console()
    with out.capture() as capture:
        out.print(table)
    # Rich pads every row to the table's width; a pipe needs no blanks at the ends of lines.
    out.file.write("".join(line.rstrip() + "\n" for line in capture.get().splitlines()))


def print_record(record: Mapping[str, object]) -> None:
    """One thing, a line per field; a text of several lines goes on below its first, indented as that is."""
    width = max((len(name) for name in record), default=0)
    out = console()
    for name, value in record.items():
        first, *more = value.split("\n") if isinstance(value, str) else (value,)
        out.print(_styled(f"{name:<{width}}  ") + _cell(first), soft_wrap=True)
        for line in more:
            out.print(_styled(" " * (width + 2)) + _styled(visible(str(line))), soft_wrap=True)


def moment(value: object) -> str:
    """A time as people read it: `2026-01-31 10:42:05Z`. Text that is no time stays as it is."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return "-" if value is None else str(value)


def _cell(value: object) -> "Text":
    text = visible(_words(value))
    return _styled(text, _COLOURS.get(text, ""))


def _styled(text: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(text, style=style)


def _words(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_words(part)}" for name, part in value.items()) or "-"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_words(part) for part in value) or "-"
    return str(value)


def _plain(value: Any) -> object:
    """What JSON has no word for."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")

"""One line of the result: what was measured, its bar, their ratio; as a table, as JSON, and in the documentation."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


@dataclass(frozen=True, kw_only=True)
class Result:
    """`bar` is none for what is only shown beside the others."""

    what: str
    measured: float
    unit: str
    bar: float | None = None
    better: Literal["less", "more"] = "less"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Measured over bar."""
        return self.measured / self.bar if self.bar else None

    @property
    def met(self) -> bool | None:
        """Whether the bar was met; none without a bar."""
        if self.bar is None:
            return None
        return self.measured <= self.bar if self.better == "less" else self.measured >= self.bar

    def cells(self) -> tuple[str, ...]:
        """The line of the table."""
        bar = "" if self.bar is None else f"{'≤' if self.better == 'less' else '≥'} {_number(self.bar)} {self.unit}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        met = {True: "yes", False: "no", None: ""}[self.met]
        return self.what, f"{_number(self.measured)} {self.unit}".strip(), bar, ratio, met, self.note

    def json(self) -> dict[str, Any]:
        """All of it."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


HEADER = ("what", "measured", "bar", "ratio", "met", "in the same run")


def table(results: Iterable[Result]) -> str:
    """For a terminal."""
    rows = [HEADER, *(result.cells() for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "\n".join("  ".join(row).rstrip() for row in padded)


def markdown(results: Iterable[Result], about: Sequence[str]) -> str:
    """For the documentation."""
    rows = [HEADER, ("---",) * len(HEADER), *(result.cells() for result in results)]
    return "\n".join([*about, "", *("| " + " | ".join(row) + " |" for row in rows)])


def publish(path: Path, text: str) -> None:
    """Put `text` between the two markers of a document."""
    document = path.read_text(encoding="utf-8")
    between = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
    path.write_text(between.sub(lambda _: f"{BEGIN}\n{text}\n{END}", document), encoding="utf-8")


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return percentile(values, 0.5)


def _number(value: float) -> str:
    if value != value:  # noqa: PLR0124  not a number
        return "none"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"

"""Which sealed parts and chunks are gone lawfully, by the `erase.done` entries of a log. Pure.

A part is lawfully erased exactly if one of them names its key set and compartment, or ended the retention class and
month that its key set belongs to without keeping that key set. A month's end may take several entries: `part` of
`parts`, each with some of the key sets that holds kept (`kept`); it counts once all of them stand there. The month of a
key set is that of the time in its id. Written by `audit.retention`; `audit.verify.vestibule_verify` has the same rule.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ulid import ULID

from audit.entry import Json, Kind

T = TypeVar("T")

LISTED = 64
"""Names that one entry can list (`audit.leaf.MAX_LIST`)."""


class ErasureEntry(Protocol):
    """What is needed of an `erase.done` entry (`audit.reader.StoredEntry`)."""

    @property
    def index(self) -> int: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def facts(self) -> Mapping[str, Json]: ...


@dataclass(slots=True)
class Erased:
    """What the erasures of a log cover. `add` them in order."""

    _keys: dict[tuple[str, str], int] = field(default_factory=dict)
    _months: dict[tuple[str, str], list[tuple[int, frozenset[str]]]] = field(default_factory=dict)
    """Each end of a class-month: its entry, and the key sets that it kept."""
    _begun: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Kept by an end of which not all entries were seen yet."""

    @classmethod
    def of(cls, entries: Iterable[ErasureEntry]) -> "Erased":
        """From entries in order; others than `erase.done` are passed over."""
        found = cls()
        for entry in entries:
            if entry.kind is Kind.ERASE_DONE:
                found.add(entry.index, entry.facts)
        return found

    def add(self, index: int, facts: Mapping[str, Json]) -> None:
        """Take the facts of the `erase.done` at `index`."""
        if facts.get("scope") == "month":
            self._add_month(index, facts)
            return
        for key_set in words(facts.get("ks")):
            for compartment in words(facts.get("comp")):
                self._keys.setdefault((key_set, compartment), index)

    def _add_month(self, index: int, facts: Mapping[str, Json]) -> None:
        place = (str(facts.get("class")), str(facts.get("month")))
        part, parts = facts.get("part", 0), facts.get("parts", 1)
        if part == 0:
            self._begun[place] = set()
        elif place not in self._begun:
            return
        self._begun[place].update(words(facts.get("kept")))
        if isinstance(part, int) and isinstance(parts, int) and part == parts - 1:
            self._months.setdefault(place, []).append((index, frozenset(self._begun.pop(place))))

    def by(self, retention: str, key_set: str | None, compartment: str) -> int | None:
        """Index of the entry that makes the absence of this part lawful; `rec` is a recording chunk."""
        if key_set is None:
            return None
        found = self._keys.get((key_set, compartment))
        if found is not None or not self._months:
            return found
        ends = self._months.get((retention, month_of(key_set)), ())
        return next((index for index, kept in ends if key_set not in kept), None)

    def ended(self) -> set[tuple[str, str]]:
        """Class-months whose end stands in the log, whole."""
        return set(self._months)


def month_of(key_set: str) -> str:
    """`YYYY-MM` (UTC) of the making of a key set, which its id tells; `never` if that is no id."""
    try:
        return f"{ULID.from_str(key_set).datetime:%Y-%m}"
    except (ValueError, OverflowError):
        return "never"


def pieces(names: Sequence[T]) -> Iterator[list[T]]:
    """As many as one entry can name, at least one piece."""
    for start in range(0, max(len(names), 1), LISTED):
        yield list(names[start : start + LISTED])


def words(value: Json) -> list[str]:
    """The texts of a list among facts; none if it is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

"""Which sealed parts and chunks are gone lawfully: what the `erase.done` entries of a log say. Pure.

Counterpart: `audit.retention` and `gateway.evidence.erasure`, which write these entries.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ulid import ULID

from audit.entry import Json, Kind
from audit.leaf import Head


class ErasureEntry(Protocol):
    """What is needed of an `erase.done` entry (`audit.reader.StoredEntry`)."""

    @property
    def index(self) -> int: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def facts(self) -> Mapping[str, Json]: ...


@dataclass(slots=True)
class Erasures:
    """Ask for a head and compartment (`rec` for its chunk): the index of the `erase.done` entry, or none."""

    _keys: dict[tuple[str, str], int] = field(default_factory=dict)
    _months: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[ErasureEntry]) -> "Erasures":
        """From the `erase.done` entries of a log."""
        found = cls()
        for entry in entries:
            if entry.kind is Kind.ERASE_DONE:
                found._add(entry)
        return found

    def _add(self, entry: ErasureEntry) -> None:
        facts = entry.facts
        if facts.get("scope") == "month":
            self._months.setdefault((str(facts.get("class")), str(facts.get("month"))), entry.index)
            return
        for key_set in _words(facts.get("ks")):
            for compartment in _words(facts.get("comp")):
                self._keys.setdefault((key_set, compartment), entry.index)

    def by(self, head: Head, compartment: str) -> int | None:
        """Which entry says that this part was erased."""
        if head.key_set is None:
            return None
        found = self._keys.get((head.key_set, compartment))
        return self._months.get((head.retention, month_of(head.key_set))) if found is None else found


def month_of(key_set: str) -> str:
    """`YYYY-MM` (UTC) of the making of a key set, which its id tells."""
    return f"{ULID.from_str(key_set).datetime:%Y-%m}"


def _words(value: Json) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

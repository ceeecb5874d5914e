"""Expiry: which class-months have come to the end of their time, what would die with them, and its carrying out.

`plan` changes nothing and says everything; its digest is what `run` is held to, so that what was shown is what is done.
Months whose ciphertext a crash left behind are part of the next plan. Counterpart: `gateway.evidence.retention`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, get_args

from audit.encoding import encode
from audit.entry import Json, Kind, NewEntry, RetentionClass
from audit.erased import Erased, pieces
from audit.keys.ring import KeyRing
from audit.keys.store import RECORDING, KeyStore, StoredKeys
from audit.leaf import parse
from audit.retention.ciphertext import sealed_in_month
from audit.retention.erasure import Eraser
from audit.store import EntryReader

SCHEDULE: Final = "schedule"
BASIS: Final = "retention"


@dataclass(frozen=True, slots=True)
class Kept:
    """How long something is kept, counted from the end of the month it was sealed in."""

    months: int = 0
    days: int = 0

    def last_month(self, now: datetime) -> str:
        """The last month (`YYYY-MM`) that need not be kept any more."""
        limit = now - timedelta(days=self.days)
        year, month = divmod(limit.year * 12 + limit.month - 1 - self.months - 1, 12)
        return f"{year:04}-{month + 1:02}"


Limits = Mapping[RetentionClass, Kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One class-month that is due."""

    retention: RetentionClass
    month: str
    key_sets: int
    """That still have keys and die."""
    held: int
    """That a hold keeps; they outlive their month."""
    holds: tuple[str, ...]
    sessions: int
    consents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryPlan:
    """What a run would do now."""

    due: tuple[Month, ...]
    digest: str
    """Of what is due: changes as soon as a run would do something else."""

    @property
    def key_sets(self) -> int:
        """That would die, over all months."""
        return sum(month.key_sets for month in self.due)

    @property
    def holds(self) -> tuple[str, ...]:
        """That stand in the way of something."""
        return tuple(sorted({hold for month in self.due for hold in month.holds}))


def plan(keys: KeyStore, reader: EntryReader, limits: Limits, now: datetime) -> ExpiryPlan:
    """Look; change nothing."""
    done = _recorded(reader)
    due: list[Month] = []
    for retention in get_args(RetentionClass):
        found: dict[str, list[StoredKeys]] = {}
        for one in keys.key_sets(retention=retention, until=limits[retention].last_month(now)):
            found.setdefault(one.month, []).append(one)
        for month, sets in sorted(found.items()):
            dying = [one for one in sets if one.alive and not one.holds]
            held = [one for one in sets if one.alive and one.holds]
            if dying or (retention, month) not in done:
                due.append(_month(retention, month, dying, held))
    digest = hashlib.sha256(encode([_json(month) for month in due])).hexdigest()
    return ExpiryPlan(due=tuple(due), digest=digest[:16])


def run(eraser: Eraser, retention: RetentionClass, month: str) -> int:
    """Destroy one class-month, delete its ciphertext and record that; the index of its `erase.done`. Blocks.

    What a hold keeps is wrapped anew and stays. Raises as `Eraser.run`.
    """
    spared = eraser.between(lambda _, keys, ring: _destroy(keys, ring, retention, month))
    found = eraser.read(lambda reader: list(sealed_in_month(reader, retention, month, spared)))
    eraser.clear(found)
    names = {name for one in found for name in one.parts} | {RECORDING for one in found if one.chunk is not None}
    index = -1
    for facts in _facts(retention, month, sorted(names), sorted(spared), sum(one.count for one in found)):
        index = eraser.record(NewEntry(kind=Kind.ERASE_DONE, facts=facts))
    eraser.seal_again(found, index)
    return index


def _facts(
    retention: RetentionClass, month: str, names: Sequence[str], spared: Sequence[str], deleted: int
) -> list[dict[str, Json]]:
    """Of the entries that end a class-month. Each key set that a hold kept is named: whatever else is missing from that
    month is lawfully gone, and what was kept is not."""
    kept = list(pieces(spared))
    return [
        {
            "scope": "month",
            "class": retention,
            "month": month,
            "comp": [*names],
            "basis": BASIS,
            "by": [SCHEDULE],
            "deleted": deleted if number == len(kept) - 1 else 0,
            "spared": len(spared),
            "kept": [*piece] or None,
            "part": number,
            "parts": len(kept),
        }
        for number, piece in enumerate(kept)
    ]


def _destroy(keys: KeyStore, ring: KeyRing, retention: RetentionClass, month: str) -> frozenset[str]:
    """The key sets that a hold spared."""
    inside = [one for one in keys.key_sets(retention=retention, until=month) if one.month == month]
    try:
        keys.destroy_month(retention, month, keep_held=True)
    finally:  # they may be gone even if a copy of them is still in a file
        ring.forget([one.id for one in inside])
    return frozenset(one.id for one in inside if one.holds)


def _month(retention: RetentionClass, month: str, dying: Sequence[StoredKeys], held: Sequence[StoredKeys]) -> Month:
    return Month(
        retention=retention,
        month=month,
        key_sets=len(dying),
        held=len(held),
        holds=tuple(sorted({hold for one in held for hold in one.holds})),
        sessions=len({one.subject for one in dying if one.subject_kind == "session"}),
        consents=len({one.subject for one in dying if one.subject_kind == "consent"}),
    )


def _recorded(reader: EntryReader) -> set[tuple[str, str]]:
    """Class-months whose end is on record."""
    erased = Erased()
    for row in reader.of_kinds([Kind.ERASE_DONE.value]):
        head = parse(row.head)
        if head.kind is Kind.ERASE_DONE:
            erased.add(row.index, head.facts)
    return erased.ended()


def _json(month: Month) -> Json:
    return {name: [*value] if isinstance(value, tuple) else value for name, value in asdict(month).items()}

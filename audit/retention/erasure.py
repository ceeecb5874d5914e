"""Carries an erasure out: keys, ciphertext, indexes, then the entry that says so. Every step may be cut by a crash.

Order (docs/explanation/what-is-forgotten.md): the keys are destroyed in one transaction that checks holds; from then on
nothing can be read, whatever happens. Ciphertext is deleted and indexes are purged; `erase.done` is recorded; objects
that were sealed before are sealed again. `run` of the same erasure again goes on where the last one stopped, and does
nothing once it is done. Counterparts: `gateway.evidence.erasure` (who may, and who agreed), `audit.retention.expiry`.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

from audit.entry import Json, Kind, NewEntry
from audit.erased import pieces
from audit.errors import RecordFailed
from audit.journal import Journal
from audit.keys.ring import KeyRing
from audit.keys.store import KeyStore
from audit.leaf import parse
from audit.publish.sealed import SealedObjects
from audit.retention.ciphertext import Ciphertext, sealed_under
from audit.retention.purge import Purgeable
from audit.store import EntryReader, EntryStore
from audit.tlog.tiles import WIDTH

_SLICE = 500
"""Ciphertexts that are deleted at a time: appending waits meanwhile."""

_SCRUBBING_SECONDS = 30.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What exactly is to be destroyed, frozen when it was asked for."""

    keys: Mapping[str, tuple[str, ...]] = field(repr=False)
    """Key set to compartments (`rec` for a recording)."""
    basis: str
    """Why the law allows or wants it: a token, for example `gdpr-17`."""
    by: tuple[str, ...]
    """The two principals, or `schedule`."""
    approval: str | None = None
    again: bool = False
    """It was done and recorded before, in a newer copy of this log; this is the restored one."""
    subscriber: str | None = None
    """Reference of the subscriber all of whose data this is; none if it is less. What stands beside the log follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was done. `entries`: indexes of the `erase.done` entries."""

    entries: tuple[int, ...]
    deleted: int
    purged: int


def no_step(_: str) -> None:
    """The seam of `Eraser`, when nobody listens."""


class Eraser:
    """Over one journal. `step` is told of each step before it is begun (tests raise there)."""

    def __init__(
        self, journal: Journal, purgeable: Sequence[Purgeable] = (), *, step: Callable[[str], None] = no_step
    ) -> None:
        self._journal = journal
        self._purgeable = purgeable
        self._step = step

    def run(self, erasure: Erasure, then: Callable[[], None] = lambda: None) -> Erased:
        """Carry it out, from wherever it stands. `then` is done before it is recorded as done (state beside the log).

        Blocks for as long as it takes; not from an event loop. Raises `KeyHeld` (nothing is destroyed), `RecordFailed`.
        """
        self.between(lambda _, keys, ring: _destroy(keys, ring, erasure.keys))
        found = self.read(lambda reader: list(sealed_under(reader, erasure.keys)))
        purged = self.clear(found)
        self._step("state")
        then()
        entries = self._record(erasure, found)
        self.seal_again(found, entries[-1])
        return Erased(entries=tuple(entries), deleted=sum(one.count for one in found), purged=purged)

    def between(self, act: Callable[[EntryStore, KeyStore, KeyRing], T]) -> T:
        """As `Journal.between`, after saying that the keys are next."""
        self._step("keys")
        return self._journal.between(act)

    def record(self, entry: NewEntry) -> int:
        """Put on record that it was done; the entry's index."""
        self._step("done")
        return self._journal.append_later(entry).result().index

    def clear(self, found: Sequence[Ciphertext]) -> int:
        """Delete ciphertext whose keys are gone, and what was derived from it; how much the indexes knew."""
        self._step("rows")
        parts = [(one.index, name) for one in found for name in one.parts]
        chunks = [one.chunk for one in found if one.chunk is not None]
        for low in range(0, len(parts), _SLICE):
            self._delete(parts[low : low + _SLICE], [])
        for low in range(0, len(chunks), _SLICE):
            self._delete([], chunks[low : low + _SLICE])
        self._step("index")
        purged = self._purge(found)
        self._step("scrub")
        self._scrub()
        return purged

    def seal_again(self, found: Sequence[Ciphertext], done: int) -> None:
        """New digests for the sealed objects that lost something and had a seal; `done`: index of the `erase.done`."""
        self._step("seals")
        touched = sorted({one.index // WIDTH for one in found})
        for number in self.read(lambda reader: _unsealed_since(reader, touched, done)):
            entry = self.read(lambda reader, number=number: SealedObjects(reader).seal(number, after=done))  # type: ignore[misc]
            self._journal.append_later(entry).result()

    def read(self, look: Callable[[EntryReader], T]) -> T:
        """Look at the log's rows beside the writer."""
        with closing(self._journal.reader()) as reader:
            return look(reader.rows)

    def _delete(self, parts: Sequence[tuple[int, str]], chunks: Sequence[tuple[str, int]]) -> None:
        def act(store: EntryStore, _: KeyStore, __: KeyRing) -> int:
            return store.erase(parts, chunks)

        self._journal.between(act)

    def _purge(self, found: Sequence[Ciphertext]) -> int:
        sessions = {one.session for one in found if one.session is not None}
        consents = {one.consent_ref for one in found if one.consent_ref is not None and one.session is None}
        indices = {one.index for one in found}
        return sum(index.purge(sorted(sessions), sorted(consents), sorted(indices)) for index in self._purgeable)

    def _scrub(self) -> None:
        """Readers may stand in the way for a moment; `erase.done` is not written over what can still be found."""
        deadline = time.monotonic() + _SCRUBBING_SECONDS
        while not self._journal.between(lambda store, _, __: store.scrub()):
            if time.monotonic() > deadline:
                raise RecordFailed(
                    "What was erased could not be cleared from the write-ahead log: something has the log open for "
                    "reading and does not let go. End it (a search, a verification); the next try goes on from here."
                )
            time.sleep(0.02)

    def _record(self, erasure: Erasure, found: Sequence[Ciphertext]) -> list[int]:
        """The `erase.done` entries; those that a crash left on record already are not repeated."""
        wanted = list(_entries(erasure, found))
        known = {} if erasure.again else self.read(lambda reader: _recorded(reader, erasure.approval))
        return [known[part] if part in known else self.record(entry) for part, entry in enumerate(wanted)]


def _destroy(keys: KeyStore, ring: KeyRing, doomed: Mapping[str, tuple[str, ...]]) -> None:
    """What is gone already needs no leave of a hold that was set afterwards: the erasure goes on to its end."""
    left = {
        one.id: alive
        for one in keys.key_sets(ids=doomed.keys())
        if (alive := tuple(name for name in doomed[one.id] if name in one.alive))
    }
    try:
        keys.destroy_all(left)
    finally:  # they may be gone even if a copy of them is still in a file
        ring.forget(doomed.keys())


def _entries(erasure: Erasure, found: Sequence[Ciphertext]) -> Iterator[NewEntry]:
    """One for as many key sets as an entry can name, of those that lose the same compartments."""
    counts: dict[str, int] = {}
    for one in found:
        counts[one.key_set] = counts.get(one.key_set, 0) + one.count
    alike: dict[tuple[str, ...], list[str]] = {}
    for key_set, compartments in sorted(erasure.keys.items()):
        alike.setdefault(tuple(sorted(compartments)), []).append(key_set)
    groups = [(compartments, piece) for compartments, sets in sorted(alike.items()) for piece in pieces(sets)]
    for part, (compartments, sets) in enumerate(groups):
        facts: dict[str, Json] = {
            "approval": erasure.approval,
            "again": erasure.again or None,
            "subscriber": erasure.subscriber,
            "scope": "keys",
            "ks": [*sets],
            "comp": [*compartments],
            "basis": erasure.basis,
            "by": [*erasure.by],
            "deleted": sum(counts.get(name, 0) for name in sets),
            "part": part,
            "parts": len(groups),
        }
        yield NewEntry(kind=Kind.ERASE_DONE, facts=facts)


def _recorded(reader: EntryReader, approval: str | None) -> dict[int, int]:
    """Which parts of this approval's erasure are on record: part to index."""
    if approval is None:
        return {}
    heads = ((row.index, parse(row.head)) for row in reader.of_kinds([Kind.ERASE_DONE.value]))
    return {
        int(str(head.facts["part"])): index
        for index, head in heads
        if head.kind is Kind.ERASE_DONE and head.facts.get("approval") == approval
    }


def _unsealed_since(reader: EntryReader, touched: Sequence[int], done: int) -> list[int]:
    """Those of these objects that have a seal, but none since the entry `done`."""
    newest: dict[int, int] = {}
    for row in reader.of_kinds([Kind.INTEGRITY_SEAL.value]):
        facts = parse(row.head).facts
        if isinstance(facts.get("from"), int):
            newest[int(str(facts["from"])) // WIDTH] = row.index
    return [number for number in touched if number in newest and newest[number] < done]

"""Which ciphertext belongs to which keys, as the heads tell: the same before and after it is gone. Reads only.

Heads stay for ever, so an erasure that a crash cut anywhere finds the same places again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from audit.entry import Kind
from audit.erased import month_of
from audit.keys.store import RECORDING
from audit.leaf import Head, parse
from audit.store import EntryReader, EntryRow

_MARK = b'"ks":"'
_ID = 26


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """What one entry has sealed under doomed keys: compartments of its parts, and its recording chunk if any."""

    index: int
    key_set: str
    parts: tuple[str, ...]
    chunk: tuple[str, int] | None
    session: str | None
    consent_ref: str | None

    @property
    def count(self) -> int:
        """Number of ciphertexts."""
        return len(self.parts) + (self.chunk is not None)


def sealed_under(reader: EntryReader, doomed: Mapping[str, tuple[str, ...]]) -> Iterator[Ciphertext]:
    """The ciphertext of these key sets (key set to compartments). Reads every head once, and parses few."""
    yield from _found(reader, lambda ks, _: doomed.get(ks, ()))


def sealed_in_month(reader: EntryReader, retention: str, month: str, spared: frozenset[str]) -> Iterator[Ciphertext]:
    """The ciphertext of a whole class-month, but for that of the key sets `spared`."""
    mark = f'"rc":"{retention}"'.encode()

    def wanted(key_set: str, row: EntryRow) -> tuple[str, ...] | None:
        if key_set in spared or month_of(key_set) != month or mark not in row.head:
            return ()
        return None

    yield from _found(reader, wanted)


def _found(reader: EntryReader, wanted: Callable[[str, EntryRow], tuple[str, ...] | None]) -> Iterator[Ciphertext]:
    """`wanted` gives the compartments that count for a key set: none for all of them."""
    for row in reader.entries(0, reader.size()):
        at = row.head.find(_MARK)
        if at < 0:
            continue
        key_set = row.head[at + len(_MARK) : at + len(_MARK) + _ID].decode("ascii", "replace")
        compartments = wanted(key_set, row)
        if compartments == ():
            continue
        head = parse(row.head)
        if head.key_set == key_set and (found := _of(row.index, key_set, head, compartments)).count:
            yield found


def _of(index: int, key_set: str, head: Head, compartments: tuple[str, ...] | None) -> Ciphertext:
    chunk = None
    if head.kind is Kind.REC_CHUNK and head.session and (compartments is None or RECORDING in compartments):
        number = head.facts["no"]
        assert isinstance(number, int)
        chunk = (head.session, number)
    parts = tuple(sorted(name for name in head.commitments if compartments is None or name in compartments))
    named = head.facts.get("session")
    session = head.session or (named if isinstance(named, str) and named else None)
    return Ciphertext(index, key_set, parts, chunk, session, head.consent_ref)

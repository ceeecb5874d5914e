"""Where entries live: rows as they are stored, and the protocols of reading and appending.

Implementations: `audit.stores.sqlite` (embedded default) and `audit.stores.memory` (the fake that ships). Both pass
tests/contract/test_entry_store.py. The heads are the truth; `SessionRow`, `ConsentEnd` and the frontier are derived
from them in the same transaction so that appending need not search, and verification recomputes them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from audit.tlog.merkle import Frontier
from config.records import record

SessionState = Literal["requested", "open", "killed", "frozen", "closed"]


@record
class EntryRow:
    """One entry: its index (dense from 0), leaf bytes and leaf hash.

    For look-ups the head's session is repeated, or, outside sessions, its consent reference.
    """

    index: int
    head: bytes
    leaf: bytes
    session: str | None = None
    consent_ref: str | None = None


@record
class SealedPart:
    """One compartment of one entry: which key set, and nonce || ciphertext || tag."""

    index: int
    compartment: str
    key_set: str
    sealed: bytes


@record
class ChunkRow:
    """One recording chunk: session, number from 0, index of its `rec.chunk` entry, nonce || ciphertext || tag."""

    session: str
    number: int
    index: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Where a session stands, and the index of the first entry of its chain."""

    session: str
    state: SessionState
    consent_ref: str | None
    first_index: int


@dataclass(frozen=True, slots=True)
class ConsentEnd:
    """A consent ended (or was used up) by the entry at `index`. `reason` as in `RecordRefused`."""

    consent_ref: str
    reason: str
    index: int


@record(kw_only=True)
class Batch:
    """Everything of one transaction. `entries` follow each other without a gap."""

    entries: Sequence[EntryRow] = ()
    sealed: Sequence[SealedPart] = ()
    chunks: Sequence[ChunkRow] = ()
    sessions: Sequence[SessionRow] = ()
    """New or changed."""
    consent_ends: Sequence[ConsentEnd] = ()
    frontier: Frontier | None = None
    """After the last entry."""
    meta: Mapping[str, str] = field(default_factory=dict)
    epoch: int | None = None
    """The worker's epoch from this batch on, if its clock began a new one."""
    urgent: bool = False
    """Other workers have to hear of it at once: it ends a session or a consent, or asks for a checkpoint."""


Stage: TypeAlias = Callable[[Sequence[EntryRow]], Batch]
"""Makes the batch that follows the entries it is given, which other workers appended."""


@dataclass(frozen=True, slots=True)
class Boot:
    """One run of one worker, as it stands in heads: `<worker>/<epoch>`."""

    worker: str
    epoch: int


def kind_mark(kind: str) -> bytes:
    """How a head of this kind shows it, byte for byte: heads are canonical JSON, and no other value holds quotes."""
    return f'"k":"{kind}"'.encode()


class EntryReader(Protocol):
    """Reading side. Rows come in order of index; methods raise `LogDamaged` if the medium cannot be read."""

    def size(self) -> int:
        """One more than the largest index; 0 if empty."""
        ...

    def count(self) -> int:
        """Number of entry rows. Differs from `size` only if rows were removed."""
        ...

    def entries(self, low: int, high: int) -> Iterator[EntryRow]:
        """The rows with low <= index < high that exist."""
        ...

    def leaves(self, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        """Index and stored leaf hash of the same rows, without reading heads."""
        ...

    def session_entries(self, session: str) -> Iterator[EntryRow]:
        """The chain of one session."""
        ...

    def consent_entries(self, consent_ref: str) -> Iterator[EntryRow]:
        """Entries of one consent that are in no session."""
        ...

    def of_kinds(self, kinds: Collection[str]) -> Iterator[EntryRow]:
        """Entries of these kinds (`Kind` values), in order. May read the whole log: for what is asked once a start."""
        ...

    def sealed(self, low: int, high: int) -> Iterator[SealedPart]:
        """The sealed parts of these entries, by index and compartment."""
        ...

    def chunk(self, session: str, number: int) -> ChunkRow | None: ...

    def chunk_places(self) -> Iterator[tuple[str, int, int]]:
        """Session, number and entry index of all chunks."""
        ...

    def session(self, session: str) -> SessionRow | None: ...

    def sessions(self, *, only_unclosed: bool = False) -> Iterator[SessionRow]:
        """By first index."""
        ...

    def consent_end(self, consent_ref: str) -> ConsentEnd | None: ...

    def consent_ends(self) -> Iterator[ConsentEnd]: ...

    def frontier(self) -> Frontier:
        """As the last batch left it; empty for an empty log."""
        ...

    def meta(self, key: str) -> str | None: ...

    def integrity(self) -> list[str]:
        """What the medium itself finds wrong with its structure; empty if nothing."""
        ...

    def begin(self) -> None:
        """Hold one snapshot: until `end`, every read shows the log as it is now."""
        ...

    def end(self) -> None:
        """Let go of the snapshot, if one is held."""
        ...

    def close(self) -> None: ...


class EntryStore(EntryReader, Protocol):
    """Writing side of one worker; calls come from one thread at a time."""

    @property
    def boot(self) -> Boot | None:
        """This run, where several workers append to one log; none where the log tells all of it."""
        ...

    def append_with(self, known: int, stage: Stage) -> None:
        """One transaction at the end of the log, which nobody else can move until it is over.

        `stage` gets the entries from index `known` on, all by other workers, and gives the batch that follows them. It
        is written as by `append`; if there is nothing in it, nothing is. What `stage` raises goes through. Raises
        `WorkerFenced` if another run of this worker took its place.
        """
        ...

    def append(self, batch: Batch) -> None:
        """Write the batch in one transaction, durable on return.

        MUST leave nothing of the batch visible if it raises. Any error it raises is final: the caller never retries.
        """
        ...

    def tidy(self) -> None:
        """Housekeeping between batches (emptying a write-ahead log). An error is as final as one of `append`."""
        ...

    def erase(self, parts: Sequence[tuple[int, str]], chunks: Sequence[tuple[str, int]]) -> int:
        """Delete ciphertext: parts by index and compartment, chunks by session and number; how many there were.

        One transaction, durable on return. Heads, leaves and derived rows stay. What is not there is not an error.
        """
        ...

    def scrub(self) -> bool:
        """See that no copy of what `erase` deleted is left in the medium's own files (a write-ahead log, free pages).

        False if a reader stands in the way; try again. Only the medium below the files is beyond reach.
        """
        ...

    def abandon(self) -> None:
        """Give up after an error: release locks without writing anything more."""
        ...

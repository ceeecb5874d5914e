"""Entries in memory: the fake that ships, for tests and demonstrations. It can be told to fail like a disk."""

import threading
from collections.abc import Collection, Iterator, Sequence

from audit.errors import WorkerFenced
from audit.store import Batch, Boot, ChunkRow, ConsentEnd, EntryRow, SealedPart, SessionRow, Stage, kind_mark
from audit.tlog.merkle import Frontier


class MemoryEntryStore:
    """An `EntryStore` that forgets everything. `fail`, once set, is raised by every later `append`.

    `gate` is open; a test that clears it holds every `append` back, like a disk that does not answer. `beside` gives
    another worker's store of the same log.
    """

    def __init__(self, boot: Boot | None = None) -> None:
        self.boot = boot
        self._epochs: dict[str, int] = {} if boot is None else {boot.worker: boot.epoch}
        self._turn = threading.RLock()
        """Held by who appends, as the end of a log in a database is."""
        self._entries: list[EntryRow] = []
        self._sealed: dict[int, list[SealedPart]] = {}
        self._chunks: dict[tuple[str, int], ChunkRow] = {}
        self._sessions: dict[str, SessionRow] = {}
        self._ends: dict[str, ConsentEnd] = {}
        self._frontier = [Frontier()]
        self._meta: dict[str, str] = {}
        self._lock = threading.Lock()
        self.fail: Exception | None = None
        self.batches = 0
        self.gate = threading.Event()
        self.gate.set()

    def beside(self, boot: Boot) -> "MemoryEntryStore":
        """The same log as another worker sees it; an earlier run of that worker is fenced. It fails by itself."""
        other = MemoryEntryStore(boot)
        with self._turn:
            self._epochs[boot.worker] = boot.epoch
            for name in ("_epochs", "_turn", "_entries", "_sealed", "_chunks", "_sessions", "_ends", "_frontier"):
                setattr(other, name, getattr(self, name))
            other._meta, other._lock = self._meta, self._lock
        return other

    def append_with(self, known: int, stage: Stage) -> None:
        with self._turn:
            if self.boot is not None and self._epochs[self.boot.worker] != self.boot.epoch:
                raise WorkerFenced(self.boot.worker)
            batch = stage(self._entries[known:])
            if batch.entries or batch.meta:
                self.append(batch)
            if self.boot is not None and batch.epoch is not None:
                self.boot = Boot(self.boot.worker, batch.epoch)
                self._epochs[self.boot.worker] = batch.epoch

    def begin(self) -> None:
        """Nothing is held: rows are never changed."""

    def end(self) -> None:
        """Nothing is held."""

    def append(self, batch: Batch) -> None:
        self.gate.wait()
        if self.fail is not None:
            raise self.fail
        with self._lock:
            for offset, row in enumerate(batch.entries):
                if row.index != len(self._entries) + offset:
                    raise ValueError(f"Entry {row.index} does not follow entry {len(self._entries) + offset - 1}.")
            self._entries.extend(batch.entries)
            for part in batch.sealed:
                self._sealed.setdefault(part.index, []).append(part)
            self._chunks.update({(chunk.session, chunk.number): chunk for chunk in batch.chunks})
            self._sessions.update({row.session: row for row in batch.sessions})
            self._ends.update({end.consent_ref: end for end in batch.consent_ends})
            if batch.frontier is not None:
                self._frontier[0] = batch.frontier.copy()
            self._meta.update(batch.meta)
            self.batches += 1

    def erase(self, parts: Sequence[tuple[int, str]], chunks: Sequence[tuple[str, int]]) -> int:
        if self.fail is not None:
            raise self.fail
        wanted = set(parts)
        with self._lock:
            gone = sum(self._chunks.pop(place, None) is not None for place in set(chunks))
            for index in {index for index, _ in wanted}:
                stored = self._sealed.pop(index, [])
                kept = [part for part in stored if (index, part.compartment) not in wanted]
                gone += len(stored) - len(kept)
                if kept:
                    self._sealed[index] = kept
        return gone

    def scrub(self) -> bool:
        return True

    def tidy(self) -> None:
        """Nothing to tidy."""

    def abandon(self) -> None:
        """Nothing to release."""

    def close(self) -> None:
        """Nothing to release."""

    def size(self) -> int:
        return len(self._entries)

    def count(self) -> int:
        return len(self._entries)

    def entries(self, low: int, high: int) -> Iterator[EntryRow]:
        yield from self._entries[max(low, 0) : max(high, 0)]

    def leaves(self, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        for row in self.entries(low, high):
            yield row.index, row.leaf

    def session_entries(self, session: str) -> Iterator[EntryRow]:
        yield from [row for row in self._entries if row.session == session]

    def consent_entries(self, consent_ref: str) -> Iterator[EntryRow]:
        yield from [row for row in self._entries if row.consent_ref == consent_ref and row.session is None]

    def of_kinds(self, kinds: Collection[str]) -> Iterator[EntryRow]:
        marks = [kind_mark(kind) for kind in kinds]
        yield from [row for row in self._entries if any(mark in row.head for mark in marks)]

    def sealed(self, low: int, high: int) -> Iterator[SealedPart]:
        with self._lock:
            found = [part for index, parts in self._sealed.items() if low <= index < high for part in parts]
        yield from sorted(found, key=lambda part: (part.index, part.compartment))

    def chunk(self, session: str, number: int) -> ChunkRow | None:
        return self._chunks.get((session, number))

    def chunk_places(self) -> Iterator[tuple[str, int, int]]:
        with self._lock:
            chunks = list(self._chunks.values())
        yield from sorted((chunk.session, chunk.number, chunk.index) for chunk in chunks)

    def session(self, session: str) -> SessionRow | None:
        return self._sessions.get(session)

    def sessions(self, *, only_unclosed: bool = False) -> Iterator[SessionRow]:
        with self._lock:
            rows = list(self._sessions.values())
        yield from sorted(
            (row for row in rows if not only_unclosed or row.state != "closed"), key=lambda row: row.first_index
        )

    def consent_end(self, consent_ref: str) -> ConsentEnd | None:
        return self._ends.get(consent_ref)

    def consent_ends(self) -> Iterator[ConsentEnd]:
        with self._lock:
            ends = list(self._ends.values())
        yield from sorted(ends, key=lambda end: end.index)

    def frontier(self) -> Frontier:
        return self._frontier[0].copy()

    def meta(self, key: str) -> str | None:
        return self._meta.get(key)

    def integrity(self) -> list[str]:
        return []

"""A journal in memory for tests of recordings: `audit.recording.recorder.ChunkSink` to write, and the reading side too.

It seals nothing. It can be told to fail or to stall, as a disk does, and to lose or change chunks, as an attacker does.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from audit.entry import EntryRef, Json, Kind, NewEntry
from audit.errors import KeyUnavailable, LogDamaged
from config.clock import Clock, FakeClock


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """An entry as the reading side sees it (`audit.recording.library.LogEntry`)."""

    index: int
    n: int
    kind: Kind
    time: datetime
    facts: Mapping[str, Json]
    leaf_hash: bytes


@dataclass
class MemoryEvidence:
    """Entries and chunks of any number of sessions."""

    clock: Clock = field(default_factory=FakeClock)
    entries: list[tuple[str, MemoryEntry]] = field(default_factory=list)
    chunks: dict[tuple[str, int], bytes] = field(default_factory=dict)
    erased: dict[int, int] = field(default_factory=dict)
    """Entry of a chunk that was erased to that of its erasure."""
    failure: Exception | None = None
    """What the next append raises."""
    go_on: asyncio.Event | None = None
    """If set, appends wait for it: a disk that stalls."""

    async def append(self, entry: NewEntry) -> EntryRef:
        return await self._append(entry)

    async def append_chunk(self, entry: NewEntry, frame: bytes, lines: bytes) -> EntryRef:
        ref = await self._append(entry)
        number = entry.facts["no"]
        assert isinstance(number, int)
        assert entry.session is not None
        assert entry.facts["bytes"] == len(lines)
        self.chunks[entry.session, number] = frame
        return ref

    def session(self, session: str) -> Sequence[MemoryEntry]:
        return [entry for name, entry in self.entries if name == session]

    def chunk(self, session: str, no: int) -> bytes:
        frame = self.chunks.get((session, no))
        if frame is None:
            raise KeyUnavailable("The key of the chunk is gone.")
        if frame == b"changed":
            raise LogDamaged("The chunk is not the one that the log names.")
        return frame

    def erased_by(self, index: int, compartment: str) -> int | None:
        return self.erased.get(index) if compartment == "rec" else None

    async def _append(self, entry: NewEntry) -> EntryRef:
        if self.go_on is not None:
            await self.go_on.wait()
        if self.failure is not None:
            raise self.failure
        assert entry.session is not None
        index, n = len(self.entries), len(self.session(entry.session))
        leaf_hash = hashlib.sha256(repr((index, entry)).encode()).digest()
        stored = MemoryEntry(index, n, entry.kind, self.clock.now(), dict(entry.facts), leaf_hash)
        self.entries.append((entry.session, stored))
        return EntryRef(index, leaf_hash, n)

"""Checks sealed parts and recording chunks against the heads that commit to them. Counterpart: `audit.staging`.

Without keys: what is committed is stored, and nothing else is; chunk digests agree. With keys: everything opens in its
own place and matches its commitment.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from audit.entry import Kind
from audit.errors import KeyUnavailable, SealBroken
from audit.keys.sealing import chunk_aad, part_aad, salt, unseal
from audit.keys.store import RECORDING, KeyStore
from audit.leaf import Head, commit
from audit.recording.chunk import ChunkFacts, unpack_bytes
from audit.recording.errors import BadRecording
from audit.store import ChunkRow, EntryReader, SealedPart
from audit.verify.report import Severity

_EVERYTHING = (-(1 << 62), 1 << 62)
"""Any index a row can have, also one it should not have."""

_DEKS_KEPT = 10_000


@dataclass(slots=True)
class Count:
    """How many are committed to, and how many were opened and found to match."""

    committed: int = 0
    matching: int = 0


class PartCheck:
    """Ask with each head, in order of index; then for what is left over."""

    def __init__(self, store: EntryReader, keys: KeyStore | None, origin: str, only: str | None) -> None:
        """`only`: open the parts of this session and of no other."""
        self._keys = keys
        self._origin = origin
        self._only = only
        self._parts = store.sealed(*_EVERYTHING)
        self._next = next(self._parts, None)
        self._chunks: dict[int, list[tuple[str, int]]] = {}
        for session, number, index in store.chunk_places():
            self._chunks.setdefault(index, []).append((session, number))
        self._store = store
        self._deks: dict[tuple[str, str], bytes] = {}
        self.sealed = Count()
        self.chunks = Count()

    def check(self, index: int, head: Head) -> Iterator[tuple[Severity, str]]:
        """What is wrong with the parts and the chunk of the entry at `index`."""
        stored = {}
        for part in self._take(index):
            if part.index == index:
                stored[part.compartment] = part
            else:
                yield "contradiction", f"a sealed part is stored for index {part.index}, which commits to none"
        for name in sorted(head.commitments.keys() | stored.keys()):
            if name not in head.commitments:
                yield "contradiction", f"a sealed part '{name}' is stored that it does not commit to"
            else:
                self.sealed.committed += 1
                yield from self._check_part(index, head, name, stored.get(name))
        places = self._chunks.pop(index, [])
        if head.kind is Kind.REC_CHUNK:
            self.chunks.committed += 1
            yield from self._check_chunk(head, places.pop() if places else None)
        if places:
            yield "contradiction", "a recording chunk is stored for it that it does not name"

    def left_over(self) -> Iterator[tuple[int, Severity, str]]:
        """Parts and chunks that belong to no entry that was asked about; the first item is the index they name."""
        for part in self._take(_EVERYTHING[1]):
            yield part.index, "contradiction", f"a sealed part '{part.compartment}' is stored that no entry commits to"
        for index in self._chunks:
            yield index, "contradiction", "a recording chunk is stored that no entry names"

    def _take(self, index: int) -> list[SealedPart]:
        """The stored parts up to this index, those of entries that are not there or cannot be read included."""
        taken = []
        while self._next is not None and self._next.index <= index:
            taken.append(self._next)
            self._next = next(self._parts, None)
        return taken

    def _check_part(self, index: int, head: Head, name: str, part: SealedPart | None) -> Iterator[tuple[Severity, str]]:
        if part is None:
            yield "missing", f"its sealed part '{name}' is not stored"
            return
        if part.key_set != head.key_set:
            yield "contradiction", f"its sealed part '{name}' names another key set"
            return
        if self._keys is None or self._only not in (None, head.session):
            return
        number = index if head.n is None else head.n
        try:
            dek = self._dek(self._keys, part.key_set, name)
            content = unseal(dek, part.sealed, part_aad(self._origin, head.session, number, name))
        except KeyUnavailable:
            yield "missing", f"the key of its sealed part '{name}' is not there"
        except SealBroken:
            yield "contradiction", f"its sealed part '{name}' was changed or moved"
        else:
            if commit(name, content, salt(dek, number)) == head.commitments[name]:
                self.sealed.matching += 1
            else:
                yield "contradiction", f"its sealed part '{name}' is not what it commits to"

    def _check_chunk(self, head: Head, place: tuple[str, int] | None) -> Iterator[tuple[Severity, str]]:
        if place is None:
            yield "missing", "its recording chunk is not stored"
            return
        chunk = self._store.chunk(*place)
        if chunk is None or place != (head.session, head.facts.get("no")):
            yield "contradiction", "its recording chunk is filed under another session or number"
        elif _b64(hashlib.sha256(chunk.sealed).digest()) != head.facts.get("cd"):
            yield "contradiction", "its recording chunk was changed"
        elif self._keys is not None and self._only in (None, head.session):
            yield from self._open_chunk(head, chunk, self._keys)

    def _open_chunk(self, head: Head, chunk: ChunkRow, keys: KeyStore) -> Iterator[tuple[Severity, str]]:
        try:
            dek = self._dek(keys, head.key_set or "", RECORDING)
            frame = unseal(dek, chunk.sealed, chunk_aad(self._origin, chunk.session, chunk.number))
            lines = unpack_bytes(frame, ChunkFacts.parse(head.facts).size)
        except KeyUnavailable:
            yield "missing", "the key of its recording chunk is not there"
        except SealBroken:
            yield "contradiction", "its recording chunk was sealed for another place"
        except BadRecording:
            yield "contradiction", "its recording chunk cannot be unpacked, or has another length than it says"
        else:
            if _b64(commit(RECORDING, lines, salt(dek, head.n or 0))) == head.facts.get("pc"):
                self.chunks.matching += 1
            else:
                yield "contradiction", "its recording chunk is not what it commits to"

    def _dek(self, keys: KeyStore, key_set: str, compartment: str) -> bytes:
        """Unwrapped once; the entries of a session lie close together."""
        if len(self._deks) > _DEKS_KEPT:
            self._deks.clear()
        if (key_set, compartment) not in self._deks:
            self._deks[key_set, compartment] = keys.get(key_set, compartment)
        return self._deks[key_set, compartment]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()

"""Checks sealed parts and recording chunks against the heads that commit to them. Counterpart: `audit.staging`.

Without keys: what is committed is stored, or was lawfully erased, and nothing else is; chunk digests and seals agree.
With keys: everything opens in its own place and matches its commitment.
"""

import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.entry import Kind
from audit.errors import KeyUnavailable, SealBroken
from audit.keys.sealing import NONCE_BYTES, Salts, chunk_aad, part_aad
from audit.keys.store import RECORDING, KeyStore
from audit.leaf import Head, commit
from audit.recording.chunk import ChunkFacts, unpack_bytes
from audit.recording.errors import BadRecording
from audit.store import ChunkRow, EntryReader, SealedPart
from audit.verify.erasures import ErasureCheck
from audit.verify.heads import QuickHead, committed
from audit.verify.report import Severity
from audit.verify.seals import SealCheck

_LOWEST, _HIGHEST = -(1 << 62), 1 << 62
"""Any index a row can have, also one it should not have."""

_DEKS_KEPT = 10_000

_Finding = tuple[Severity, str]
_NOTHING: tuple[()] = ()
_Dek = tuple[Callable[[int], bytes], Callable[[bytes, bytes, bytes], bytes]]
"""What a data key is for: salts by number, and decryption (nonce, ciphertext, associated data)."""


@dataclass(slots=True)
class Count:
    """How many are committed to, how many were opened and found to match, how many were lawfully erased."""

    committed: int = 0
    matching: int = 0
    erased: int = 0

    def add(self, other: "Count") -> None:
        """Those of another part of the log."""
        self.committed += other.committed
        self.matching += other.matching
        self.erased += other.erased


@dataclass(slots=True)
class Tally:
    """What was counted; can be handed from process to process."""

    erasures: ErasureCheck
    sealed: Count = field(default_factory=Count)
    chunks: Count = field(default_factory=Count)
    seals: SealCheck = field(default_factory=SealCheck)


class PartCheck:
    """Ask with each head of a range, in order of index; then for what is left over."""

    def __init__(
        self,
        store: EntryReader,
        keys: KeyStore | None,
        origin: str,
        only: str | None,
        erasures: ErasureCheck,
        *,
        low: int = _LOWEST,
        high: int = _HIGHEST,
    ) -> None:
        """`only`: open the parts of this session and of no other. `low`, `high`: the range of indexes."""
        self._keys = keys
        self._origin = origin
        self._only = only
        self._parts = store.sealed(low, high)
        self._next = next(self._parts, None)
        self._chunks: dict[int, list[tuple[str, int]]] = {}
        for session, number, index in store.chunk_places():
            if low <= index < high:
                self._chunks.setdefault(index, []).append((session, number))
        self._store = store
        self._deks: dict[tuple[str, str], _Dek] = {}
        self._erased_by: int | None = None
        self.tally = Tally(erasures)

    def check(self, index: int, head: Head | QuickHead) -> Sequence[_Finding]:
        """What is wrong with the parts and the chunk of the entry at `index`."""
        commitments = committed(head)
        ahead = self._next
        nothing = not commitments and head.kind is not Kind.REC_CHUNK
        if nothing and (ahead is None or ahead.index > index) and index not in self._chunks:
            self.tally.seals.take(index, _NOTHING, None)
            return _NOTHING
        found: list[_Finding] = []
        stored = self._take(index, found)
        frames: list[bytes] = []
        part: SealedPart | None
        self._erased_by = None
        if not stored.keys() <= commitments.keys():
            found.append(("contradiction", "a sealed part is stored that it does not commit to"))
        for name in sorted(commitments):
            part = stored.get(name)
            frames.append(b"" if part is None else part.sealed)
            self.tally.sealed.committed += 1
            wrong = self._check_part(index, head, name, commitments[name], part)
            if wrong is not None:
                found.append(wrong)
        if head.kind is Kind.REC_CHUNK:
            self.tally.chunks.committed += 1
            wrong = self._check_chunk(index, head, self._chunks.pop(index, []), frames)
            if wrong is not None:
                found.append(wrong)
        elif index in self._chunks:
            del self._chunks[index]
            found.append(("contradiction", "a recording chunk is stored for it that it does not name"))
        self.tally.seals.take(index, frames, self._erased_by)
        return found

    def left_over(self) -> Sequence[tuple[int, Severity, str]]:
        """Parts and chunks that belong to no entry that was asked about; the first item is the index they name."""
        rest: list[tuple[int, Severity, str]] = []
        while self._next is not None:
            text = f"a sealed part '{self._next.compartment}' is stored that no entry commits to"
            rest.append((self._next.index, "contradiction", text))
            self._next = next(self._parts, None)
        rest += [(index, "contradiction", "a recording chunk is stored that no entry names") for index in self._chunks]
        return rest

    def _take(self, index: int, found: list[_Finding]) -> dict[str, SealedPart]:
        """The stored parts of this entry; those of entries before it that were not asked about are findings."""
        stored = {}
        part = self._next
        while part is not None and part.index <= index:
            if part.index == index:
                stored[part.compartment] = part
            else:
                text = f"a sealed part is stored for index {part.index}, which commits to none"
                found.append(("contradiction", text))
            part = self._next = next(self._parts, None)
        return stored

    def _check_part(
        self, index: int, head: Head | QuickHead, name: str, commitment: str, part: SealedPart | None
    ) -> _Finding | None:
        if part is None:
            return self._gone(index, head, name, f"its sealed part '{name}' is not stored")
        key_set = head.key_set
        if part.key_set != key_set:
            return "contradiction", f"its sealed part '{name}' names another key set"
        if self._keys is None or (self._only is not None and self._only != head.session):
            return None
        number = index if head.n is None else head.n
        aad = part_aad(self._origin, head.session, number, name)
        try:
            salt, decrypt = self._dek(self._keys, key_set, name)
            content = decrypt(part.sealed[:NONCE_BYTES], part.sealed[NONCE_BYTES:], aad)
        except KeyUnavailable:
            return self._gone(index, head, name, f"the key of its sealed part '{name}' is not there")
        except (InvalidTag, ValueError):
            return "contradiction", f"its sealed part '{name}' was changed or moved"
        if _b64(commit(name, content, salt(number))) != commitment:
            return "contradiction", f"its sealed part '{name}' is not what it commits to"
        self.tally.sealed.matching += 1
        return None

    def _gone(self, index: int, head: Head | QuickHead, name: str, text: str) -> _Finding | None:
        """A part that is not there: lawfully erased, or missing."""
        erasures = self.tally.erasures
        by = erasures.by(head.retention, head.key_set, name)
        if by is None:
            return "missing", text
        erasures.count(by, index)
        self._erased_by = max(by, self._erased_by or 0)
        (self.tally.chunks if name == RECORDING else self.tally.sealed).erased += 1
        return None

    def _check_chunk(
        self, index: int, head: Head | QuickHead, places: list[tuple[str, int]], frames: list[bytes]
    ) -> _Finding | None:
        """`frames`: takes the stored bytes."""
        frames.append(b"")
        if not places:
            return self._gone(index, head, RECORDING, "its recording chunk is not stored")
        if len(places) > 1:
            return "contradiction", "a recording chunk is stored for it that it does not name"
        chunk = self._store.chunk(*places[0])
        if chunk is None or places[0] != (head.session, head.facts.get("no")):
            return "contradiction", "its recording chunk is filed under another session or number"
        frames[-1] = chunk.sealed
        if _b64(hashlib.sha256(chunk.sealed).digest()) != head.facts.get("cd"):
            return "contradiction", "its recording chunk was changed"
        if self._keys is not None and self._only in (None, head.session):
            return self._open_chunk(index, head, chunk, self._keys)
        return None

    def _open_chunk(self, index: int, head: Head | QuickHead, chunk: ChunkRow, keys: KeyStore) -> _Finding | None:
        aad = chunk_aad(self._origin, chunk.session, chunk.number)
        try:
            salt, decrypt = self._dek(keys, head.key_set or "", RECORDING)
            frame = decrypt(chunk.sealed[:NONCE_BYTES], chunk.sealed[NONCE_BYTES:], aad)
            lines = unpack_bytes(frame, ChunkFacts.parse(head.facts).size)
        except KeyUnavailable:
            return self._gone(index, head, RECORDING, "the key of its recording chunk is not there")
        except (InvalidTag, ValueError, SealBroken):
            return "contradiction", "its recording chunk was sealed for another place"
        except BadRecording:
            return "contradiction", "its recording chunk cannot be unpacked, or has another length than it says"
        if _b64(commit(RECORDING, lines, salt(head.n or 0))) != head.facts.get("pc"):
            return "contradiction", "its recording chunk is not what it commits to"
        self.tally.chunks.matching += 1
        return None

    def _dek(self, keys: KeyStore, key_set: str, compartment: str) -> _Dek:
        """Unwrapped once; the entries of a session lie close together."""
        found = self._deks.get((key_set, compartment))
        if found is None:
            if len(self._deks) > _DEKS_KEPT:
                self._deks.clear()
            dek = keys.get(key_set, compartment)
            found = self._deks[key_set, compartment] = (Salts(dek).of, AESGCM(dek).decrypt)
        return found


def _b64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()

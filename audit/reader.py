"""Reading the evidence: entries, sessions, sealed parts and recording chunks, beside a running gateway or without one.

Nothing is written and nothing is verified here beyond what opening a sealed part proves; `audit.verify.log` verifies.
Opened with the keys it can open sealed parts; without them the heads can be read.
"""

import base64
import functools
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from audit.encoding import decode
from audit.entry import Json, Kind
from audit.erased import Erased
from audit.errors import BadEntry, KeyUnavailable, LogDamaged, SealBroken
from audit.keys.sealing import chunk_aad, part_aad, salt, unseal
from audit.keys.store import RECORDING, KeyStore
from audit.leaf import Head, parse
from audit.store import EntryReader, EntryRow, SealedPart, SessionRow
from audit.stores.choose import open_keys, open_reader


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One entry as it stands in the log."""

    index: int
    leaf_hash: bytes
    head_bytes: bytes
    head: Head

    @property
    def kind(self) -> Kind:
        return self.head.kind

    @property
    def time(self) -> datetime:
        return self.head.time

    @property
    def session(self) -> str | None:
        """The session in whose chain it stands."""
        return self.head.session

    @property
    def n(self) -> int | None:
        return self.head.n

    @property
    def consent_ref(self) -> str | None:
        return self.head.consent_ref

    @property
    def facts(self) -> Mapping[str, Json]:
        return self.head.facts

    @property
    def ref(self) -> str:
        """Short form for people: `#<index>`."""
        return f"#{self.index}"


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One sealed part as it is shown to others: canonical JSON, and the salt (32 bytes) of the commitment to it."""

    content: bytes = field(repr=False)
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """One session of the log, as its first entry and its state tell."""

    session: str
    consent_ref: str | None
    state: str
    """requested, open, killed, frozen or closed."""
    first_index: int
    started: datetime


@dataclass(frozen=True, slots=True)
class WithParts:
    """One entry with its sealed parts, as `EvidenceReader.with_parts` comes across it."""

    entry: StoredEntry
    _parts: Mapping[str, SealedPart]
    _unseal: Callable[[StoredEntry, SealedPart], bytes]

    def sealed(self, compartment: str) -> dict[str, Json]:
        """As `EvidenceReader.sealed`."""
        part = self._parts.get(compartment)
        if part is None:
            raise _not_stored(self.entry.index, compartment)
        return _content(self._unseal(self.entry, part), self.entry.index, compartment)


class EvidenceReader:
    """Read-only view of one log. One thread at a time."""

    def __init__(self, store: EntryReader, keys: KeyStore | None, origin: str) -> None:
        self._store = store
        self._keys = keys
        self._erased: Erased | None = None
        self.origin = origin

    @classmethod
    def open(cls, directory: Path, keys_dir: Path | None = None) -> "EvidenceReader":
        """Open the log in `directory`; with `keys_dir` sealed parts can be opened.

        Raises `LogMissing`, `LogDamaged`, `KeyUnavailable`.
        """
        store = open_reader(directory)
        try:
            origin = _origin(store, directory)
            keys = None
            if keys_dir is not None:
                keys = open_keys(directory, keys_dir, origin, read_only=True)
        except BaseException:
            store.close()
            raise
        return cls(store, keys, origin)

    @property
    def rows(self) -> EntryReader:
        """The stored rows beneath."""
        return self._store

    @property
    def keys(self) -> KeyStore | None:
        """Their keys, if the log was opened with them."""
        return self._keys

    @property
    def size(self) -> int:
        """Number of entries now."""
        return self._store.size()

    def entries(self, low: int = 0, high: int | None = None) -> Iterator[StoredEntry]:
        """Entries with low <= index < high, in order. Raises `LogDamaged` at one that cannot be read."""
        for row in self._store.entries(low, self.size if high is None else high):
            yield _entry(row)

    def with_parts(self, low: int, high: int) -> Iterator[WithParts]:
        """Entries with low <= index < high, in order, whose parts are read and keys asked for once.

        A key that is destroyed meanwhile may still open parts of this pass: keep it short. Raises as `entries`.
        """
        parts = self._store.sealed(low, high)
        ahead = next(parts, None)
        key = functools.cache(self._key)

        def content(entry: StoredEntry, part: SealedPart) -> bytes:
            return self._unseal(entry, part, key(part.key_set, part.compartment))

        for entry in self.entries(low, high):
            own: dict[str, SealedPart] = {}
            while ahead is not None and ahead.index <= entry.index:
                if ahead.index == entry.index:
                    own[ahead.compartment] = ahead
                ahead = next(parts, None)
            yield WithParts(entry, own, content)

    def entry(self, index: int) -> StoredEntry:
        """One entry. Raises `LogDamaged` if it is not there."""
        for row in self._store.entries(index, index + 1):
            return _entry(row)
        raise LogDamaged(f"The log has no entry {index}.")

    def session(self, session: str) -> list[StoredEntry]:
        """The chain of one session, in order; empty if there is no such session."""
        return [_entry(row) for row in self._store.session_entries(session)]

    def first_of(self, session: str) -> StoredEntry | None:
        """The first entry of a session's chain; none if there is no such session."""
        row = self._store.session(session)
        return None if row is None else self.entry(row.first_index)

    def consent(self, consent_ref: str) -> list[StoredEntry]:
        """The entries of one consent outside sessions, in order."""
        return [_entry(row) for row in self._store.consent_entries(consent_ref)]

    def of_kinds(self, kinds: Collection[Kind]) -> Iterator[StoredEntry]:
        """All entries of these kinds, in order. May read the whole log."""
        for row in self._store.of_kinds([kind.value for kind in kinds]):
            entry = _entry(row)
            if entry.kind in kinds:
                yield entry

    def sessions(self) -> list[SessionSummary]:
        """All sessions, oldest first."""
        return [self._summary(row) for row in self._store.sessions()]

    def _summary(self, row: SessionRow) -> SessionSummary:
        return SessionSummary(
            session=row.session,
            consent_ref=row.consent_ref,
            state=row.state,
            first_index=row.first_index,
            started=self.entry(row.first_index).time,
        )

    def leaves(self, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        """Index and stored leaf hash of the entries with low <= index < high."""
        return self._store.leaves(low, high)

    def compartments(self, index: int) -> list[str]:
        """Which sealed parts of an entry are stored."""
        return [part.compartment for part in self._store.sealed(index, index + 1)]

    def sealed(self, index: int, compartment: str) -> dict[str, Json]:
        """The content of a sealed part.

        Raises `KeyUnavailable` if it is not stored, was erased or no keys were given; `SealBroken` if it was changed.
        """
        return _content(self.disclose(index, compartment).content, index, compartment)

    def disclose(self, index: int, compartment: str) -> Disclosed:
        """What it takes to show one sealed part to somebody and prove it: never the key. Raises as `sealed`."""
        entry = self.entry(index)
        for part in self._store.sealed(index, index + 1):
            if part.compartment == compartment:
                dek = self._key(part.key_set, compartment)
                return Disclosed(self._unseal(entry, part, dek), salt(dek, _number(entry)))
        raise _not_stored(index, compartment)

    def _unseal(self, entry: StoredEntry, part: SealedPart, dek: bytes) -> bytes:
        return unseal(dek, part.sealed, part_aad(self.origin, entry.session, _number(entry), part.compartment))

    def chunk_salt(self, session: str, number: int) -> bytes:
        """The salt of a recording chunk's commitment to its lines. Raises as `sealed`."""
        row = self._store.chunk(session, number)
        if row is None:
            raise KeyUnavailable(f"Session {session} has no stored chunk {number}.")
        entry = self.entry(row.index)
        if entry.head.key_set is None or entry.n is None:
            raise LogDamaged(f"Entry {row.index} is not that of chunk {number} of session {session}.")
        return salt(self._key(entry.head.key_set, RECORDING), entry.n)

    def chunk(self, session: str, number: int) -> bytes:
        """The frame of a recording chunk (its lines compressed), if it is the one that its entry names.

        Raises as `sealed`.
        """
        row = self._store.chunk(session, number)
        if row is None:
            raise KeyUnavailable(f"Session {session} has no stored chunk {number}.")
        entry = self.entry(row.index)
        key_set = entry.head.key_set
        if key_set is None or (entry.kind, entry.session, entry.facts.get("no")) != (Kind.REC_CHUNK, session, number):
            raise LogDamaged(f"Entry {row.index} is not that of chunk {number} of session {session}.")
        if entry.facts.get("cd") != base64.b64encode(hashlib.sha256(row.sealed).digest()).decode():
            raise SealBroken(
                f"The stored chunk {number} of session {session} is not the one that entry {row.index} names."
            )
        return unseal(self._key(key_set, RECORDING), row.sealed, chunk_aad(self.origin, session, number))

    def erased_by(self, index: int, compartment: str) -> int | None:
        """Index of the `erase.done` entry that makes the absence of this part lawful; `rec` is a recording chunk.

        Reads the whole log at the first call, and knows no erasure that came later.
        """
        if self._erased is None:
            self._erased = Erased.of(self.of_kinds([Kind.ERASE_DONE]))
        head = self.entry(index).head
        return self._erased.by(head.retention, head.key_set, compartment)

    def checkpoint(self) -> bytes | None:
        """The signed checkpoint as the database keeps it."""
        note = self._store.meta("checkpoint")
        return None if note is None else note.encode()

    def _key(self, key_set: str, compartment: str) -> bytes:
        if self._keys is None:
            raise KeyUnavailable("The log was opened without its keys, so sealed parts stay closed.")
        return self._keys.get(key_set, compartment)

    def close(self) -> None:
        """Let go of the files."""
        self._store.close()
        if self._keys is not None:
            self._keys.close()


def _origin(store: EntryReader, directory: Path) -> str:
    origin = store.meta("origin")
    if origin is None:
        raise LogDamaged(f"The log in {directory} has no origin: it was never started, or it was changed.")
    return origin


def _number(entry: StoredEntry) -> int:
    """What its parts are bound to: its number in the session, or its index if it is in no session."""
    return entry.index if entry.n is None else entry.n


def _content(data: bytes, index: int, compartment: str) -> dict[str, Json]:
    content = decode(data)
    if not isinstance(content, dict):
        raise BadEntry(f"The part '{compartment}' of entry {index} is not an object.")
    return content


def _not_stored(index: int, compartment: str) -> KeyUnavailable:
    return KeyUnavailable(f"Entry {index} has no stored part '{compartment}'.")


def _entry(row: EntryRow) -> StoredEntry:
    try:
        return StoredEntry(row.index, row.leaf, row.head, parse(row.head))
    except BadEntry as error:
        raise LogDamaged(f"Entry {row.index} cannot be read: {error}") from error

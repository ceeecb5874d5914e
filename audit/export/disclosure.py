"""Opens what is laid open, holds it against the log's commitments, and says of everything else why it is not there.

A disclosed part is its content and its salt, never the key, so that one line can be shown without the others.
Counterpart: the bundle's reader, who recomputes the commitment (docs/reference/bundle.md).
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from audit.encoding import encode
from audit.entry import Json, Kind
from audit.erased import Erased
from audit.errors import AuditError, BadEntry, KeyUnavailable, LogDamaged, SealBroken
from audit.export.request import Disclosure
from audit.keys.store import RECORDING
from audit.leaf import commit
from audit.reader import Disclosed, EvidenceReader, StoredEntry
from audit.recording.chunk import ChunkFacts, unpack_bytes
from audit.recording.errors import BadRecording

Why = Literal["undisclosed", "erased", "unreadable", "damaged", "running", "absent", "beyond"]
"""`undisclosed`: not asked for, or not for this reader. `erased`: lawfully, an entry says so. `unreadable`: the key is
not here. `damaged`: not what the log commits to. `running`: the session has not ended. `absent`: not stored. `beyond`:
after the bundle's checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something that a reader could miss, and why it is not there. `by`: index of the `erase.done` entry."""

    what: Literal["session", "entries", "part", "chunk"]
    why: Why
    session: str | None = None
    index: int | None = None
    comp: str | None = None
    no: int | None = None
    by: int | None = None

    def as_json(self) -> dict[str, Json]:
        """Without what does not apply."""
        values: dict[str, Json] = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class GivenChunk:
    """One chunk that the log names: its lines and salt, or why they are not given."""

    index: int
    facts: ChunkFacts
    disclosed: Disclosed | None
    """`content` are the lines."""
    why: Why | None


@dataclass(frozen=True, slots=True)
class GivenRecording:
    """A session's recording as it is handed out."""

    session: str
    chunks: tuple[GivenChunk, ...]

    @property
    def cast(self) -> bytes | None:
        """The given chunks' lines, joined: an asciicast v3 file. None if no chunk is given."""
        given = [chunk.disclosed.content for chunk in self.chunks if chunk.disclosed is not None]
        return b"".join(given) if given else None

    def places(self) -> bytes:
        """`recording/<session>.json`: where each chunk's lines stand in the cast, and its salt (canonical JSON)."""
        rows: list[Json] = []
        offset = 0
        for chunk in self.chunks:
            size = 0 if chunk.disclosed is None else len(chunk.disclosed.content)
            rows.append(
                {
                    "no": chunk.facts.no,
                    "index": chunk.index,
                    "offset": offset,
                    "bytes": size,
                    "salt": None if chunk.disclosed is None else b64(chunk.disclosed.salt),
                    "why": chunk.why,
                }
            )
            offset += size
        return encode({"chunks": rows})


@dataclass(slots=True)
class Opener:
    """Opens parts and recordings of one log for one disclosure. `left_out` grows with what could not be opened."""

    reader: EvidenceReader
    erasures: Erased
    disclosure: Disclosure
    left_out: list[LeftOut] = field(default_factory=list)
    undisclosed: set[str] = field(default_factory=set)
    """Compartments that were left closed somewhere."""
    used: set[int] = field(default_factory=set)
    """Indices of `erase.done` entries that explain what is gone."""

    def parts(self, entry: StoredEntry) -> Iterator[tuple[str, Disclosed]]:
        """The parts of an entry that are laid open, by compartment."""
        for name in sorted(entry.head.commitments):
            if self._is_erased(entry, name):
                self._leave(entry, name, "erased")
            elif not self.disclosure.allows(entry.index, name):
                self.undisclosed.add(name)
            else:
                part = self._open(entry, name)
                if part is not None:
                    yield name, part

    def recording(self, session: str, entries: Sequence[StoredEntry]) -> GivenRecording | None:
        """The recording of a session, or none if it has no chunks. Raises `LogDamaged` for a bad head."""
        chunks = [self._chunk(session, entry) for entry in entries if entry.kind is Kind.REC_CHUNK]
        return GivenRecording(session, tuple(chunks)) if chunks else None

    def _is_erased(self, entry: StoredEntry, name: str) -> bool:
        by = self.erasures.by(entry.head.retention, entry.head.key_set, name)
        if by is not None:
            self.used.add(by)
        return by is not None

    def _leave(self, entry: StoredEntry, name: str, why: Why) -> None:
        no = entry.facts.get("no") if name == RECORDING else None
        self.left_out.append(
            LeftOut(
                what="chunk" if name == RECORDING else "part",
                why=why,
                session=entry.session,
                index=entry.index,
                comp=None if name == RECORDING else name,
                no=no if isinstance(no, int) else None,
                by=self.erasures.by(entry.head.retention, entry.head.key_set, name) if why == "erased" else None,
            )
        )

    def _open(self, entry: StoredEntry, name: str) -> Disclosed | None:
        why: Why = "damaged"
        try:
            part = self.reader.disclose(entry.index, name)
            if commit(name, part.content, part.salt) == entry.head.commitments[name]:
                return part
        except KeyUnavailable:
            why = "unreadable"
        except (SealBroken, BadEntry):
            pass
        self._leave(entry, name, why)
        return None

    def _chunk(self, session: str, entry: StoredEntry) -> GivenChunk:
        try:
            facts = ChunkFacts.parse(entry.facts)
        except BadRecording as error:
            raise LogDamaged(f"Entry {entry.index} is no chunk of a recording: {error}") from error
        if self._is_erased(entry, RECORDING):
            given: Disclosed | Why = "erased"
        elif not self.disclosure.recording:
            self.undisclosed.add(RECORDING)
            return GivenChunk(entry.index, facts, None, "undisclosed")
        else:
            given = self._lines(session, entry, facts)
        if isinstance(given, Disclosed):
            return GivenChunk(entry.index, facts, given, None)
        self._leave(entry, RECORDING, given)
        return GivenChunk(entry.index, facts, None, given)

    def _lines(self, session: str, entry: StoredEntry, facts: ChunkFacts) -> Disclosed | Why:
        try:
            lines = unpack_bytes(self.reader.chunk(session, facts.no), facts.size)
            salt = self.reader.chunk_salt(session, facts.no)
        except KeyUnavailable:
            return "unreadable"
        except AuditError:
            return "damaged"
        if b64(commit(RECORDING, lines, salt)) != entry.facts.get("pc"):
            return "damaged"
        return Disclosed(lines, salt)


def disclosed_json(part: Disclosed) -> bytes:
    """`disclosed/<index>.<compartment>.json`: canonical JSON of content and salt."""
    # The content is canonical JSON already, and so may be put in as it stands.
    return b'{"content":' + part.content + b',"salt":"' + b64(part.salt).encode() + b'"}'


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()

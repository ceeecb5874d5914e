"""Reads the recording of a session back, chunk by chunk, and shows what is missing instead of hiding it.

The counterpart that writes is `audit.recording.recorder`. Evidence comes from `audit.reader.EvidenceReader`, which
opens a chunk only if its digest is the one in its entry; here size, times and numbers are held against the entries, and
all chunks together against the recording's end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeAlias

from audit.entry import Json, Kind
from audit.errors import AuditError, KeyUnavailable
from audit.keys.store import RECORDING
from audit.recording.cast import CommandMark, Event, Header, parse_events, parse_header
from audit.recording.chunk import CHAIN_START, ChunkFacts, EndFacts, extend_chain, unpack
from audit.recording.errors import BadRecording


class LogEntry(Protocol):
    """What the library needs of a stored entry."""

    @property
    def index(self) -> int: ...

    @property
    def n(self) -> int | None: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def facts(self) -> Mapping[str, Json]: ...

    @property
    def leaf_hash(self) -> bytes: ...


class Evidence(Protocol):
    """What the library needs of `audit.reader.EvidenceReader`."""

    def session(self, session: str) -> Sequence[LogEntry]:
        """All entries of a session, in order; empty if there is no such session."""
        ...

    def chunk(self, session: str, no: int) -> bytes:
        """The frame of a chunk. Raises `AuditError`; `KeyUnavailable` if its key was destroyed."""
        ...

    def erased_by(self, index: int, compartment: str) -> int | None:
        """The entry that makes the absence of what the entry `index` had sealed lawful; `rec` for its chunk."""
        ...


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the session that cannot be shown, from `at` to `until` (microseconds; none: not known).

    `closed`: key or stored bytes are gone, by erasure, expiry or loss. `damaged`: what is stored is not what the log
    names. `missing`: the log itself leaves chunks out. `unfinished`: there is no end on record.
    """

    at: int
    until: int | None
    kind: Literal["closed", "damaged", "missing", "unfinished"]
    why: str


Moment: TypeAlias = Event | Gap


@dataclass(frozen=True, slots=True)
class ChunkPart:
    """A chunk that the log names."""

    entry_index: int
    facts: ChunkFacts


@dataclass(frozen=True, slots=True)
class RecordedLine:
    """An approved line in a recording: when, which, and its text."""

    at: int
    mark: CommandMark
    shown: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A session's recording. Chunks are opened one at a time, while it is read."""

    session: str
    header: Header
    parts: tuple[ChunkPart | Gap, ...]
    live: bool
    """No end of the session is in the log: it still runs, or the gateway stopped and has not started again."""
    _evidence: Evidence = field(repr=False)
    _entry_index: Mapping[int, int] = field(repr=False)

    @property
    def duration(self) -> int:
        """Microseconds from the start to the last event."""
        return max((part.facts.t1 for part in self.parts if isinstance(part, ChunkPart)), default=0)

    def moments(self, start: int = 0) -> Iterator[Moment]:
        """Everything in order; chunks that end before `start` (microseconds) are not opened."""
        for part in self.parts:
            match part:
                case Gap():
                    yield part
                case ChunkPart(_, facts) if facts.t1 >= start:
                    yield from self.open(part)
                case ChunkPart():
                    continue

    def lines(self) -> Iterator[RecordedLine]:
        """The approved lines, in order."""
        mark: CommandMark | None = None
        for moment in self.moments():
            if not isinstance(moment, Event):
                continue
            if moment.code == "m":
                mark = CommandMark.parse(moment.data)
            elif moment.code == "i" and mark is not None:
                yield RecordedLine(moment.at, mark, moment.data)
                mark = None

    def gaps(self) -> list[Gap]:
        """What cannot be shown. Opens every chunk."""
        return [moment for moment in self.moments() if isinstance(moment, Gap)]

    def open(self, chunk: ChunkPart) -> list[Moment]:
        """The events of one chunk, or one gap in place of all of them."""
        try:
            return [self._with_entry(event) for event in _events(self._evidence, self.session, chunk)]
        except KeyUnavailable as error:
            by = self._evidence.erased_by(chunk.entry_index, RECORDING)
            return [_gap(chunk, "closed", f"cannot be shown. {error}" if by is None else f"was erased by entry {by}.")]
        except AuditError as error:
            return [_gap(chunk, "damaged", f"cannot be shown. {error}")]

    def _with_entry(self, event: Event) -> Event:
        """A command's marker names its entry, so that every frame leads to a proof."""
        mark = CommandMark.parse(event.data) if event.code == "m" else None
        if mark is None or mark.entry_index is not None:
            return event
        return replace(event, data=replace(mark, entry_index=self._entry_index.get(mark.n)).label())


def read_recording(evidence: Evidence, session: str) -> Recording:
    """The recording of `session`. Raises `BadRecording` if the log has no such session or it was not recorded."""
    entries = evidence.session(session)
    if not entries:
        raise BadRecording(f"The log has no session {session}.")
    chunks = [(entry, ChunkFacts.parse(entry.facts)) for entry in entries if entry.kind is Kind.REC_CHUNK]
    parts = list(_in_sequence([ChunkPart(entry.index, facts) for entry, facts in chunks]))
    ends = [EndFacts.parse(entry.facts) for entry in entries if entry.kind is Kind.REC_END]
    if not chunks and not ends:
        raise BadRecording(f"Session {session} has no recording.")
    live = not ends and not any(entry.kind is Kind.SESSION_CLOSED for entry in entries)
    until = max((facts.t1 for _, facts in chunks), default=0)
    if gap := _end_gap(ends, [entry.leaf_hash for entry, _ in chunks], until, live=live):
        parts.append(gap)
    return Recording(
        session,
        _header(evidence, session, parts),
        tuple(parts),
        live,
        evidence,
        {entry.n: entry.index for entry in entries if entry.n is not None},
    )


def _gap(chunk: ChunkPart, kind: Literal["closed", "damaged"], what: str) -> Gap:
    return Gap(chunk.facts.t0, chunk.facts.t1, kind, f"Chunk {chunk.facts.no} (entry {chunk.entry_index}) {what}")


def _in_sequence(chunks: Sequence[ChunkPart]) -> Iterator[ChunkPart | Gap]:
    """The chunks, with a gap wherever their numbers leave one out or their times do not join."""
    number = until = 0
    for chunk in chunks:
        facts = chunk.facts
        if facts.no != number or facts.t0 != until:
            why = f"Chunk {facts.no} (entry {chunk.entry_index}) follows where chunk {number} should."
            yield Gap(until, max(until, facts.t0), "missing", why)
        yield chunk
        number, until = facts.no + 1, max(until, facts.t1)


def _end_gap(ends: Sequence[EndFacts], leaves: Sequence[bytes], until: int, *, live: bool) -> Gap | None:
    """What the end entry, or its absence, says about the tail."""
    if not ends:
        why = (
            "The session has no end in the log: it is still running, or the gateway stopped and has not started again."
            if live
            else "The recording breaks off: the gateway stopped before it was ended. At most the last seconds are lost."
        )
        return Gap(until, None, "unfinished", why)
    chain = CHAIN_START
    for leaf in leaves:
        chain = extend_chain(chain, leaf)
    if len(ends) == 1 and ends[0] == EndFacts(len(leaves), chain):
        return None
    why = f"The end of the recording names {ends[0].chunks} chunks; the log holds {len(leaves)}, or other ones."
    return Gap(until, None, "missing", why)


def _header(evidence: Evidence, session: str, parts: Sequence[ChunkPart | Gap]) -> Header:
    """The header in the first chunk; a plain one if that cannot be opened."""
    first = parts[0] if parts else None
    if isinstance(first, ChunkPart) and first.facts.no == 0:
        try:
            return parse_header(_lines(evidence, session, first).partition("\n")[0])
        except AuditError:
            pass  # reading the chunk itself will show the gap
    return Header(80, 24, None, f"Vestibule session {session}")


def _events(evidence: Evidence, session: str, chunk: ChunkPart) -> Iterator[Event]:
    lines = _lines(evidence, session, chunk)
    if chunk.facts.no == 0:
        lines = lines.partition("\n")[2]
    at = chunk.facts.t0
    for item in parse_events(lines, at):
        if isinstance(item, Event):
            at = item.at
            yield item
    if at != chunk.facts.t1:
        raise BadRecording("Its events end at another time than the log says.")


def _lines(evidence: Evidence, session: str, chunk: ChunkPart) -> str:
    return unpack(evidence.chunk(session, chunk.facts.no), chunk.facts.size)

"""From entries of the log to rows of the index: opens sealed parts and chunks, and leaves out what stays shut.

Counterparts: `audit.reader.EvidenceReader`, `audit.search.indexer`.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, Protocol

from ulid import ULID

from audit.entry import Json, Kind
from audit.errors import AuditError
from audit.exchanges import names_in
from audit.reader import StoredEntry, WithParts
from audit.recording.cast import parse_events
from audit.recording.chunk import ChunkFacts, unpack
from audit.search.blocks import Block, Blocks
from audit.search.index import LONGEST, PARTS, About, Row

_SESSIONS: Final = 2048
"""Sessions whose people and routers are remembered."""
_OPEN_COMMANDS: Final = 4096


class Source(Protocol):
    """What is needed of `audit.reader.EvidenceReader`."""

    def with_parts(self, low: int, high: int) -> Iterator[WithParts]: ...
    def first_of(self, session: str) -> StoredEntry | None: ...
    def sealed(self, index: int, compartment: str) -> Mapping[str, Json]: ...
    def chunk(self, session: str, number: int) -> bytes: ...


@dataclass(slots=True)
class _Session:
    about: About
    blocks: Blocks = field(default_factory=Blocks)
    commands: "OrderedDict[int, Row]" = field(default_factory=OrderedDict)
    """By number in the session: what waits for its result."""


class Gatherer:
    """Reads a log in order. One thread at a time."""

    def __init__(self, source: Source, *, output: bool = True) -> None:
        """`output`: whether the text of recordings is taken in, besides the first and last line of each command."""
        self._source = source
        self._output = output
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def rows(self, low: int, high: int) -> list[Row]:
        """The rows of these entries. A command whose result came is there again, with its first and last line."""
        rows: dict[int, Row] = {}
        for found in self._source.with_parts(low, high):
            for row in self._of(found):
                rows[row.place] = row
        return list(rows.values())

    def _of(self, found: WithParts) -> Iterator[Row]:
        entry = found.entry
        if entry.session is None:
            return
        match entry.kind:
            case Kind.SESSION_REQUESTED | Kind.SESSION_OPENED:
                self._session(entry)
            case Kind.CMD_INTENT | Kind.CMD_BLOCKED:
                yield from self._command(found)
            case Kind.CMD_RESULT:
                yield from self._result(found)
            case Kind.RPC_INTENT:
                yield from self._rpc(found)
            case Kind.REC_CHUNK if self._output:
                yield from self._chunk(entry)
            case Kind.REC_END if self._output:
                session = self._session(entry)
                yield from self._rows_of(entry, session, session.blocks.flush(last=True))
            case Kind.SESSION_CLOSED:
                self._sessions.pop(entry.session, None)
            case _:
                pass

    def _session(self, entry: StoredEntry) -> _Session:
        """What is known of the entry's session."""
        assert entry.session is not None
        known = self._sessions.get(entry.session)
        if known is None:
            first = self._source.first_of(entry.session) or entry
            known = self._sessions[entry.session] = _Session(self._about(first))
            if len(self._sessions) > _SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(entry.session)
        return known

    def _about(self, first: StoredEntry) -> About:
        def part(compartment: str) -> Mapping[str, Json]:
            return _opened(lambda: self._source.sealed(first.index, compartment))

        who, subj = part("who"), part("subj")
        return About(
            session=first.session or "",
            consent=first.consent_ref or "",
            rep=_text(who, "name"),
            rep_id=_text(who, "id"),
            router=_text(subj, "router"),
            subscriber=_text(subj, "subscriber"),
        )

    def _command(self, found: WithParts) -> Iterator[Row]:
        entry = found.entry
        session = self._session(entry)
        act = _opened(lambda: found.sealed("act"))
        typed, canonical = _text(act, "typed"), _text(act, "canonical")
        text = typed if canonical in ("", typed) else f"{typed}\n{canonical}"
        if entry.facts.get("purpose") in ("preparation", "interrupt") or not text:
            return
        row = replace(self._row(entry, session), verdict=_text(entry.facts, "verdict"), command=text)
        if row.n is not None and entry.kind is Kind.CMD_INTENT:
            session.commands[row.n] = row
            if len(session.commands) > _OPEN_COMMANDS:
                session.commands.popitem(last=False)
        yield row

    def _rpc(self, found: WithParts) -> Iterator[Row]:
        """Names only: what came is in the output, and values that were written are in the command."""
        entry = found.entry
        of = entry.facts.get("of")
        if not isinstance(of, int):
            return  # of no command: it keeps the router waiting
        session = self._session(entry)
        command = session.commands.get(of)
        row = replace(self._row(entry, session), what="rpc", n=of, command="" if command is None else command.command)
        names = dict.fromkeys(names_in(_opened(lambda: found.sealed("act"))))
        for part, text in enumerate(islice(_pieces(names), PARTS)):
            yield replace(row, part=part, output=text)

    def _result(self, found: WithParts) -> Iterator[Row]:
        entry = found.entry
        of = entry.facts.get("of")
        row = self._session(entry).commands.pop(of, None) if isinstance(of, int) else None
        if row is None:
            return
        out = _opened(lambda: found.sealed("out"))
        lines = dict.fromkeys(line for line in (_text(out, "first"), _text(out, "last")) if line)
        if lines:
            yield replace(row, output="\n".join(lines))

    def _chunk(self, entry: StoredEntry) -> Iterator[Row]:
        session = self._session(entry)
        try:
            facts = ChunkFacts.parse(entry.facts)
            lines = unpack(self._source.chunk(session.about.session, facts.no), facts.size)
            if facts.no == 0:
                lines = lines.partition("\n")[2]
            blocks = [*session.blocks.feed(parse_events(lines, facts.t0)), *session.blocks.flush()]
        except AuditError:
            session.blocks = Blocks()  # shut or damaged; the replay says which, and where
            return
        yield from self._rows_of(entry, session, blocks)

    def _rows_of(self, entry: StoredEntry, session: _Session, blocks: "Iterator[Block] | list[Block]") -> Iterator[Row]:
        for part, block in enumerate(blocks):
            if part >= PARTS:
                return
            yield replace(
                self._row(entry, session),
                part=part,
                what="output",
                n=block.n,
                at=block.at,
                command=block.command,
                output=block.text,
            )

    def _row(self, entry: StoredEntry, session: _Session) -> Row:
        return Row(
            index=entry.index,
            what="command",
            about=session.about,
            n=entry.n,
            time=entry.time,
            month=month_of(entry),
            retention=entry.head.retention,
        )


def month_of(entry: StoredEntry) -> str:
    """`YYYYMM` of the key set that seals the entry, in whose id it stands; of the entry where nothing is sealed."""
    key_set = entry.head.key_set
    return entry.time.strftime("%Y%m") if key_set is None else _month_of_keys(key_set)


@functools.lru_cache(_SESSIONS)
def _month_of_keys(key_set: str) -> str:
    return ULID.from_str(key_set).datetime.strftime("%Y%m")


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    """Lines, joined as long as a row keeps them whole."""
    piece: list[str] = []
    size = 0
    for line in lines:
        if piece and size + len(line) >= LONGEST:
            yield "\n".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 1
    if piece:
        yield "\n".join(piece)


def _opened(part: Callable[[], Mapping[str, Json]]) -> Mapping[str, Json]:
    """A sealed part; empty if it stays shut."""
    try:
        return part()
    except AuditError:
        return {}


def _text(values: Mapping[str, Json], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""

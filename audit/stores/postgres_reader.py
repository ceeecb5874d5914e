"""The log in PostgreSQL, read: beside running gateways or not, by a role that can read and do nothing else.

Rows come in pages, so that a log of any size can be walked; entries are only ever added at the end, so pages fit
together even without a snapshot. Counterpart: `audit.stores.postgres`.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import psycopg

from audit.errors import LogDamaged
from audit.store import ChunkRow, ConsentEnd, EntryRow, SealedPart, SessionRow, kind_mark
from audit.stores import postgres_schema
from audit.stores.postgres_connect import Connection, connect
from audit.tlog.merkle import HASH_SIZE, Frontier

PAGE = 2000

_ENTRY = "SELECT idx, head, leaf, s, cr FROM evidence.entry"
_SEALED = "SELECT idx, comp, ks, ct FROM evidence.sealed"
_SESSION = "SELECT session, state, cr, first FROM evidence.session"
_CONSENT_END = "SELECT cr, reason, idx FROM evidence.consent_end"
_WITHIN = "idx >= %s AND idx < %s"
_LARGEST = (1 << 63) - 1


class PostgresEntryReader:
    """The reading side over one connection; see `open_reader`. One thread at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, values, binary=True).fetchall()
        except psycopg.Error as error:
            raise LogDamaged(f"The log's database cannot be read: {type(error).__name__}.") from error

    def _one(self, sql: str, values: Sequence[object] = ()) -> Any:
        return next(iter(self._rows(sql, values)), None)

    def _pages(
        self, select: str, low: int, high: int, where: str = "", values: Sequence[object] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of unique `idx` in [low, high), in order."""
        sql = f"{select} WHERE {_WITHIN} {where} ORDER BY idx LIMIT {PAGE}"
        while rows := self._rows(sql, (low, min(high, _LARGEST), *values)):
            yield from rows
            if len(rows) < PAGE:
                return
            low = rows[-1][0] + 1

    def size(self) -> int:
        largest: int | None = self._one("SELECT max(idx) FROM evidence.entry")[0]
        return 0 if largest is None else largest + 1

    def count(self) -> int:
        number: int = self._one("SELECT count(*) FROM evidence.entry")[0]
        return number

    def entries(self, low: int, high: int) -> Iterator[EntryRow]:
        for row in self._pages(_ENTRY, low, high):
            yield EntryRow(*row)

    def leaves(self, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        for index, leaf in self._pages("SELECT idx, leaf FROM evidence.entry", low, high):
            yield int(index), leaf

    def session_entries(self, session: str) -> Iterator[EntryRow]:
        for row in self._rows(f"{_ENTRY} WHERE s = %s ORDER BY idx", (session,)):
            yield EntryRow(*row)

    def consent_entries(self, consent_ref: str) -> Iterator[EntryRow]:
        for row in self._rows(f"{_ENTRY} WHERE cr = %s AND s IS NULL ORDER BY idx", (consent_ref,)):
            yield EntryRow(*row)

    def of_kinds(self, kinds: Collection[str]) -> Iterator[EntryRow]:
        found = " OR ".join(["position(%s::bytea IN head) > 0"] * len(kinds)) or "false"
        for row in self._pages(_ENTRY, 0, _LARGEST, f"AND ({found})", [kind_mark(kind) for kind in kinds]):
            yield EntryRow(*row)

    def sealed(self, low: int, high: int) -> Iterator[SealedPart]:
        sql = f"{_SEALED} WHERE {_WITHIN} AND (idx, comp) > (%s, %s) ORDER BY idx, comp LIMIT {PAGE}"
        high, last = min(high, _LARGEST), (-_LARGEST, "")
        while rows := self._rows(sql, (low, high, *last)):
            for row in rows:
                yield SealedPart(*row)
            if len(rows) < PAGE:
                return
            last = low, _ = rows[-1][:2]

    def chunk(self, session: str, number: int) -> ChunkRow | None:
        sql = "SELECT session, no, idx, ct FROM evidence.chunk WHERE session = %s AND no = %s"
        row = self._one(sql, (session, number))
        return None if row is None else ChunkRow(*row)

    def chunk_places(self) -> Iterator[tuple[str, int, int]]:
        for session, number, index in self._rows("SELECT session, no, idx FROM evidence.chunk ORDER BY session, no"):
            yield session, int(number), int(index)

    def session(self, session: str) -> SessionRow | None:
        row = self._one(f"{_SESSION} WHERE session = %s", (session,))
        return None if row is None else SessionRow(*row)

    def sessions(self, *, only_unclosed: bool = False) -> Iterator[SessionRow]:
        where = " WHERE state <> 'closed'" if only_unclosed else ""
        for row in self._rows(f"{_SESSION}{where} ORDER BY first"):
            yield SessionRow(*row)

    def consent_end(self, consent_ref: str) -> ConsentEnd | None:
        row = self._one(f"{_CONSENT_END} WHERE cr = %s", (consent_ref,))
        return None if row is None else ConsentEnd(*row)

    def consent_ends(self) -> Iterator[ConsentEnd]:
        for row in self._rows(f"{_CONSENT_END} ORDER BY idx"):
            yield ConsentEnd(*row)

    def frontier(self) -> Frontier:
        size, nodes = self._one("SELECT size, nodes FROM evidence.seq") or (0, b"")
        try:
            return Frontier(size, [nodes[at : at + HASH_SIZE] for at in range(0, len(nodes), HASH_SIZE)])
        except ValueError as error:
            raise LogDamaged("The stored frontier of the tree is damaged.") from error

    def meta(self, key: str) -> str | None:
        row = self._one("SELECT value FROM evidence.meta WHERE key = %s", (key,))
        return None if row is None else row[0]

    def integrity(self) -> list[str]:
        following = self._one("SELECT next FROM evidence.seq")
        size = self.size()
        if following is None or following[0] != size:
            return [f"the last entry has index {size - 1}, but the sequence is at another one"]
        return []

    def begin(self) -> None:
        """Hold one snapshot: until `end`, every read shows the log as it is now."""
        self._rows_none("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._one("SELECT 1")  # the first query takes the snapshot

    def end(self) -> None:
        """Let go of the snapshot."""
        if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self._rows_none("ROLLBACK")

    def _rows_none(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except psycopg.Error as error:
            raise LogDamaged(f"The log's database cannot be read: {type(error).__name__}.") from error

    def close(self) -> None:
        self._connection.close()


def open_reader(address: str) -> PostgresEntryReader:
    """Open the log for reading; nothing can be written through it. Raises `LogMissing`, `LogDamaged`."""
    connection = connect(address, "reader", options="-c default_transaction_read_only=on")
    try:
        postgres_schema.check(connection)
    except BaseException:
        connection.close()
        raise
    return PostgresEntryReader(connection)

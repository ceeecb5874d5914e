"""Entries in SQLite (`audit.db`): WAL, `synchronous=FULL` read back at open, one writer held by a lock file.

What must stay true: `append` returns only after SQLite synced the write-ahead log, and nobody but the committer thread
uses the writing connection. The WAL is emptied by `tidy` and not by SQLite's automatic checkpoint, because that one
swallows I/O errors. Sealed parts are the only personal data here, and they are ciphertext.
"""

import functools
import itertools
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from audit.errors import LogDamaged, LogInUse, LogMissing
from audit.files import sync_directory, take_lock
from audit.store import Batch, ChunkRow, ConsentEnd, EntryRow, SealedPart, SessionRow, Stage, kind_mark
from audit.tlog.merkle import HASH_SIZE, Frontier

LOG_FILE = "audit.db"
LOCK_FILE = "lock"
SCHEMA_VERSION = 1
WAL_PAGES = 1000
"""Size of the write-ahead log, in pages of 4 KiB, at which `tidy` empties it; SQLite's own default."""

_SCHEMA = f"""
CREATE TABLE entry (idx INTEGER PRIMARY KEY, head BLOB NOT NULL, leaf BLOB NOT NULL, s TEXT, cr TEXT) STRICT;
CREATE INDEX entry_session ON entry (s) WHERE s IS NOT NULL;
CREATE INDEX entry_consent ON entry (cr) WHERE s IS NULL AND cr IS NOT NULL;
CREATE TABLE sealed (idx INTEGER NOT NULL, comp TEXT NOT NULL, ks TEXT NOT NULL, ct BLOB NOT NULL,
    PRIMARY KEY (idx, comp)) WITHOUT ROWID, STRICT;
CREATE TABLE chunk (session TEXT NOT NULL, no INTEGER NOT NULL, idx INTEGER NOT NULL, ct BLOB NOT NULL,
    UNIQUE (session, no)) STRICT;
CREATE TABLE session (session TEXT PRIMARY KEY, state TEXT NOT NULL, cr TEXT, first INTEGER NOT NULL)
    WITHOUT ROWID, STRICT;
CREATE INDEX session_unclosed ON session (state) WHERE state <> 'closed';
CREATE TABLE consent_end (cr TEXT PRIMARY KEY, reason TEXT NOT NULL, idx INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE frontier (one INTEGER PRIMARY KEY, size INTEGER NOT NULL, nodes BLOB NOT NULL) STRICT;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
PRAGMA user_version = {SCHEMA_VERSION};
"""

_MAX_ROWS = 128
_COLUMNS = {"entry": 5, "sealed": 4, "chunk": 4, "session": 4, "consent_end": 3, "meta": 2, "frontier": 3}
_CHANGES = {
    "session": "ON CONFLICT DO UPDATE SET state = excluded.state",
    "consent_end": "ON CONFLICT DO UPDATE SET reason = excluded.reason, idx = excluded.idx",
    "meta": "ON CONFLICT DO UPDATE SET value = excluded.value",
    "frontier": "ON CONFLICT DO UPDATE SET size = excluded.size, nodes = excluded.nodes",
}
"""Tables of derived rows, which are replaced; the others only ever grow."""

_ENTRY = "SELECT idx, head, leaf, s, cr FROM entry"
_SEALED = "SELECT idx, comp, ks, ct FROM sealed"
_CHUNK = "SELECT session, no, idx, ct FROM chunk"
_SESSION = "SELECT session, state, cr, first FROM session"
_CONSENT_END = "SELECT cr, reason, idx FROM consent_end"


class SqliteEntryReader:
    """The reading side over one connection; see `open_reader`. One thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _rows(self, sql: str, values: Sequence[object] = (), made: Callable[..., Any] | None = None) -> Iterator[Any]:
        """Rows as tuples, or what `made` makes of their values."""
        try:
            rows = self._connection.execute(sql, values)
            # Not `yield from`: it would close the cursor, which fails if the connection was closed before.
            for row in rows if made is None else itertools.starmap(made, rows):  # noqa: UP028
                yield row
        except sqlite3.Error as error:
            raise LogDamaged(f"The log database cannot be read: {error}.") from error

    def _one(self, sql: str, values: Sequence[object] = ()) -> Any:
        return next(self._rows(sql, values), None)

    def size(self) -> int:
        largest: int | None = self._one("SELECT max(idx) FROM entry")[0]
        return 0 if largest is None else largest + 1

    def count(self) -> int:
        number: int = self._one("SELECT count(*) FROM entry")[0]
        return number

    def entries(self, low: int, high: int) -> Iterator[EntryRow]:
        return self._rows(f"{_ENTRY} WHERE idx >= ? AND idx < ? ORDER BY idx", (low, high), EntryRow)

    def leaves(self, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        yield from self._rows("SELECT idx, leaf FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx", (low, high))

    def session_entries(self, session: str) -> Iterator[EntryRow]:
        for row in self._rows(f"{_ENTRY} WHERE s = ? ORDER BY idx", (session,)):
            yield EntryRow(*row)

    def consent_entries(self, consent_ref: str) -> Iterator[EntryRow]:
        for row in self._rows(f"{_ENTRY} WHERE cr = ? AND s IS NULL ORDER BY idx", (consent_ref,)):
            yield EntryRow(*row)

    def of_kinds(self, kinds: Collection[str]) -> Iterator[EntryRow]:
        marks = [kind_mark(kind) for kind in kinds]
        found = " OR ".join(["instr(head, ?)"] * len(marks)) or "0"
        for row in self._rows(f"{_ENTRY} WHERE {found} ORDER BY idx", marks):
            yield EntryRow(*row)

    def sealed(self, low: int, high: int) -> Iterator[SealedPart]:
        return self._rows(f"{_SEALED} WHERE idx >= ? AND idx < ? ORDER BY idx, comp", (low, high), SealedPart)

    def chunk(self, session: str, number: int) -> ChunkRow | None:
        row = self._one(f"{_CHUNK} WHERE session = ? AND no = ?", (session, number))
        return None if row is None else ChunkRow(*row)

    def chunk_places(self) -> Iterator[tuple[str, int, int]]:
        yield from self._rows("SELECT session, no, idx FROM chunk ORDER BY session, no")

    def session(self, session: str) -> SessionRow | None:
        row = self._one(f"{_SESSION} WHERE session = ?", (session,))
        return None if row is None else SessionRow(*row)

    def sessions(self, *, only_unclosed: bool = False) -> Iterator[SessionRow]:
        where = " WHERE state <> 'closed'" if only_unclosed else ""
        for row in self._rows(f"{_SESSION}{where} ORDER BY first"):
            yield SessionRow(*row)

    def consent_end(self, consent_ref: str) -> ConsentEnd | None:
        row = self._one(f"{_CONSENT_END} WHERE cr = ?", (consent_ref,))
        return None if row is None else ConsentEnd(*row)

    def consent_ends(self) -> Iterator[ConsentEnd]:
        for row in self._rows(f"{_CONSENT_END} ORDER BY idx"):
            yield ConsentEnd(*row)

    def frontier(self) -> Frontier:
        row = self._one("SELECT size, nodes FROM frontier")
        if row is None:
            return Frontier()
        size, nodes = row
        try:
            return Frontier(size, [nodes[at : at + HASH_SIZE] for at in range(0, len(nodes), HASH_SIZE)])
        except (TypeError, ValueError) as error:
            raise LogDamaged("The stored frontier of the tree is damaged.") from error

    def meta(self, key: str) -> str | None:
        row = self._one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else row[0]

    def integrity(self) -> list[str]:
        found = [str(row[0]) for row in self._rows("PRAGMA integrity_check(5)")]
        return [] if found == ["ok"] else found

    def begin(self) -> None:
        """Hold one snapshot: until `end`, every read shows the log as it is at the first read from now on."""
        self._one("BEGIN")

    def end(self) -> None:
        """Let go of the snapshot."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


class SqliteEntryStore(SqliteEntryReader):
    """The writing side; see `open_store`. The lock file is held until `close` or `abandon`."""

    def __init__(self, connection: sqlite3.Connection, lock: int) -> None:
        super().__init__(connection)
        self._lock = lock
        self._size = self.size()
        self._wal_pages = 0

    @property
    def boot(self) -> None:
        """One worker holds the lock; the log tells its epoch."""

    def append_with(self, known: int, stage: Stage) -> None:  # noqa: ARG002 - there are no others
        batch = stage(())
        if batch.entries or batch.meta:
            self.append(batch)

    def append(self, batch: Batch) -> None:
        self._check_dense(batch.entries)
        frontier = batch.frontier
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._insert("entry", [(e.index, e.head, e.leaf, e.session, e.consent_ref) for e in batch.entries])
            self._insert("sealed", [(part.index, part.compartment, part.key_set, part.sealed) for part in batch.sealed])
            self._insert("chunk", [(c.session, c.number, c.index, c.sealed) for c in batch.chunks])
            self._insert("session", [(s.session, s.state, s.consent_ref, s.first_index) for s in batch.sessions])
            self._insert("consent_end", [(end.consent_ref, end.reason, end.index) for end in batch.consent_ends])
            self._insert("meta", list(batch.meta.items()))
            if frontier is not None:
                self._insert("frontier", [(0, frontier.size, b"".join(frontier.nodes))])
            self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        self._size += len(batch.entries)
        self._count_pages(batch)

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        """One statement for up to 128 rows: SQLite gives up Python's interpreter lock once a statement, and under
        load each return of that lock costs more than the rows."""
        start = 0
        while start < len(rows):
            width = min(_MAX_ROWS, 1 << ((len(rows) - start).bit_length() - 1))
            values = [value for row in rows[start : start + width] for value in row]
            self._connection.execute(_insert_sql(table, width), values)
            start += width

    def _check_dense(self, entries: Sequence[EntryRow]) -> None:
        for expected, entry in enumerate(entries, self._size):
            if entry.index != expected:
                raise ValueError(f"Entry {entry.index} does not follow entry {expected - 1}.")

    def _count_pages(self, batch: Batch) -> None:
        """Estimate how far the write-ahead log grew: the pages of rows, and one for the end of each table touched."""
        blobs = [entry.head for entry in batch.entries]
        blobs += [part.sealed for part in batch.sealed] + [chunk.sealed for chunk in batch.chunks]
        self._wal_pages += 8 + sum(len(blob) + 128 for blob in blobs) // 3072

    def _roll_back(self) -> None:
        """After a failed sync SQLite may refuse even this; the error that counts is the first one."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._connection.interrupt()

    def tidy(self) -> None:
        if self._wal_pages >= WAL_PAGES:
            self._wal_pages = 0
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def erase(self, parts: Sequence[tuple[int, str]], chunks: Sequence[tuple[str, int]]) -> int:
        before = self._connection.total_changes
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany("DELETE FROM sealed WHERE idx = ? AND comp = ?", parts)
            self._connection.executemany("DELETE FROM chunk WHERE session = ? AND no = ?", chunks)
            self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        self._wal_pages = WAL_PAGES
        return self._connection.total_changes - before

    def scrub(self) -> bool:
        """Deleted rows are zeroed in place (`secure_delete`); what is left is the log that was written ahead."""
        (patience,) = self._connection.execute("PRAGMA busy_timeout").fetchone()
        self._connection.execute("PRAGMA busy_timeout=0")
        try:
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={patience}")
        return not busy

    def abandon(self) -> None:
        """The connection stays open, unused, so that closing it cannot write the log after a failed sync."""
        _ABANDONED.append(self._connection)
        os.close(self._lock)

    def close(self) -> None:
        super().close()
        os.close(self._lock)


_ABANDONED: list[sqlite3.Connection] = []
"""Connections of poisoned logs; the process is about to end."""


@functools.cache
def _insert_sql(table: str, rows: int) -> str:
    values = ", ".join([f"({', '.join('?' * _COLUMNS[table])})"] * rows)
    return f"INSERT INTO {table} VALUES {values} {_CHANGES.get(table, '')}"  # noqa: S608 - no text from outside


def open_store(directory: Path) -> SqliteEntryStore:
    """Open (or make) the log in `directory` for writing.

    Raises `LogInUse` if another process writes it, `LogDamaged` if the file is no log of this version or does not
    give the promised durability.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(directory / LOCK_FILE)
    try:
        path = directory / LOG_FILE
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
        try:
            _prepare(connection, path)
            return SqliteEntryStore(connection, lock)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        os.close(lock)
        raise LogDamaged(f"The log database {directory / LOG_FILE} cannot be opened: {error}.") from error
    except BaseException:
        os.close(lock)
        raise


def open_reader(directory: Path) -> SqliteEntryReader:
    """Open the log in `directory` for reading, beside a running gateway or not. Raises `LogMissing`, `LogDamaged`."""
    path = directory / LOG_FILE
    if not path.is_file():
        raise LogMissing(f"There is no log in {directory}: {LOG_FILE} is missing.")
    wal = path.with_name(f"{LOG_FILE}-wal")
    # On a read-only medium WAL needs files that cannot be made; without a pending WAL the database is complete alone.
    frozen = not os.access(directory, os.W_OK) and not (wal.exists() and wal.stat().st_size)
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if frozen else ''}"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise LogDamaged(f"The log database {path} cannot be opened: {error}.") from error
    if version != SCHEMA_VERSION:
        connection.close()
        raise LogDamaged(f"The log database {path} has version {version}; this program reads {SCHEMA_VERSION}.")
    return SqliteEntryReader(connection)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    path.chmod(0o600)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA cache_size=-512")  # KiB: the system keeps the file's pages in memory anyway
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        sync_directory(path.parent)
    elif version != SCHEMA_VERSION:
        raise LogDamaged(f"The log database {path} has version {version}; this program writes {SCHEMA_VERSION}.")
    for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1)):
        found = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
        if found != wanted:
            raise LogDamaged(f"The log database {path} must run with {pragma} = {wanted} but has {found}.")


def _lock(path: Path) -> int:
    try:
        return take_lock(path)
    except BlockingIOError as error:
        raise LogInUse(f"Another gateway has the log in {path.parent} open. Stop it first.") from error

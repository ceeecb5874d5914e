"""The index as files: `index-YYYYMM.db` a month, and `index.db` with what was purged and how far the log was read.

Lies on the encrypted volume of the evidence, is of mode 0600, and dies with the keys of its month. Safe to delete while
no gateway runs: it is made anew from the log.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final, TypeVar

import apsw

from audit.entry import RetentionClass
from audit.search.errors import IndexFailed
from audit.search.index import PART_BITS, Hit, Row
from audit.search.month import Month
from audit.search.query import Query

_FILE: Final = re.compile(r"index-(\d{6})\.db\Z")
_T = TypeVar("_T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS gone (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class FtsIndex:
    """`audit.search.index.Index` over SQLite's FTS5. Several processes may have it open."""

    def __init__(self, directory: Path, origin: str = "") -> None:
        """Open or make the index in `directory`. One of another log than `origin` begins anew. Raises `IndexFailed`."""
        self._directory = directory
        self._months: dict[str, Month] = {}
        self._lock = threading.RLock()
        self._state = self._sql(lambda: _open_state(directory))
        if origin and self._meta("origin") != origin:
            self._run("DELETE FROM gone", ())
            self.rewind()
            self._run("INSERT OR REPLACE INTO meta VALUES ('origin', ?)", (origin,))

    def add(self, rows: Sequence[Row]) -> None:
        # Whoever purges, in another process too, waits until the rows are in, and then finds them.
        with self._lock, self._changing():
            gone = self._gone(rows)
            kept = [row for row in rows if gone.isdisjoint(_ids(row))]
            for month, group in groupby(sorted(kept, key=lambda row: (row.month, row.place)), lambda row: row.month):
                self._month(month).add(list(group))

    def query(self, query: Query) -> list[Hit]:
        hits: list[Hit] = []
        for _, month in sorted(self._open_all().items(), reverse=True):
            # A session that runs over the turn of a month stays with the keys it began with, so files overlap a bit.
            if len(hits) >= query.limit and month.highest < hits[query.limit - 1].place:
                continue
            hits = sorted([*hits, *month.query(query)], key=lambda hit: -hit.place)
        return hits[: query.limit]

    def purge(self, sessions: Iterable[str] = (), consents: Iterable[str] = (), indices: Iterable[int] = ()) -> int:
        names, refs, numbers = list(sessions), list(consents), list(indices)
        places = [(index << PART_BITS, (index + 1 << PART_BITS) - 1) for index in numbers]
        with self._lock:
            # First, so that an indexer that is about to add such rows no longer can.
            self._sql(lambda: self._leave_out([*names, *refs, *map(str, numbers)]))
            return sum(month.remove(names, refs, places) for month in self._open_all().values())

    def expire(self, retention: RetentionClass, month: str) -> int:
        with self._lock:
            held = self._open_all().get(month)
            removed = 0 if held is None else held.expire(retention)
            if held is not None and not held.size:
                self._delete(month)
            return removed

    def rewind(self) -> None:
        with self._lock:
            for month in list(self._open_all()):
                self._delete(month)
            self.advance(0)

    @property
    def size(self) -> int:
        return sum(month.size for month in self._open_all().values())

    @property
    def cursor(self) -> int:
        return int(self._meta("cursor") or 0)

    def advance(self, cursor: int) -> None:
        self._run("INSERT OR REPLACE INTO meta VALUES ('cursor', ?)", (str(cursor),))

    def close(self) -> None:
        with self._lock:
            for month in self._months.values():
                month.close()
            self._months.clear()
            self._sql(self._state.close)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _open_all(self) -> dict[str, Month]:
        """Every month there is a file of. Another process may have made or deleted some."""
        with self._lock:
            there = {match[1] for path in self._directory.iterdir() if (match := _FILE.match(path.name))}
            return {name: self._month(name) for name in there}

    def _month(self, name: str) -> Month:
        with self._lock:
            known = self._months.get(name)
            if known is not None and not known.is_current():
                # Another process began the index anew, and what is written to a deleted file is lost.
                known.close()
                known = None
            if known is None:
                known = self._months[name] = Month(self._directory / f"index-{name}.db")
            return known

    def _delete(self, name: str) -> None:
        self._month(name).close()
        del self._months[name]
        for end in ("", "-wal", "-shm"):
            (self._directory / f"index-{name}.db{end}").unlink(missing_ok=True)

    def _leave_out(self, ids: Sequence[str]) -> None:
        with self._state:
            self._state.executemany("INSERT OR IGNORE INTO gone VALUES (?)", ((one,) for one in ids))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Nobody else leaves anything out meanwhile."""
        self._run("BEGIN IMMEDIATE", ())
        try:
            yield
        finally:
            self._run("COMMIT", ())

    def _gone(self, rows: Sequence[Row]) -> frozenset[str]:
        """What of these rows' sessions, consents and entries is left out."""
        ids = json.dumps(sorted({one for row in rows for one in _ids(row)}))
        found = self._run("SELECT id FROM gone WHERE id IN (SELECT value FROM json_each(?))", (ids,))
        return frozenset(row[0] for row in found)

    def _meta(self, key: str) -> str | None:
        found = self._run("SELECT value FROM meta WHERE key = ?", (key,))
        return str(found[0][0]) if found else None

    def _run(self, statement: str, values: tuple[str, ...]) -> list[tuple[str, ...]]:
        with self._lock:
            return self._sql(lambda: [*self._state.execute(statement, values)])

    def _sql(self, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except (apsw.Error, OSError) as error:
            raise IndexFailed(
                f"The search index in {self._directory} cannot be used ({type(error).__name__}); delete its files "
                "index*.db, and they are made anew."
            ) from error


def _ids(row: Row) -> tuple[str, str, str]:
    """By what a row can be left out."""
    return row.about.session, row.about.consent, str(row.index)


def _open_state(directory: Path) -> apsw.Connection:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / "index.db"
    state = apsw.Connection(str(path))
    path.chmod(0o600)
    state.set_busy_timeout(10_000)
    state.execute("PRAGMA journal_mode=WAL").fetchall()
    state.execute("PRAGMA synchronous=NORMAL").fetchall()
    state.execute(_SCHEMA)
    return state

"""One file of the index: rows of one month in SQLite, an FTS5 table over them. Counterpart: `audit.search.fts`.

The FTS table has its text from the rows beside it (external content), so that after a purge it can be made anew from
what is left: words of removed rows then stand nowhere, not even as separators in the tree of terms. Fields that must
be equal (person, router, …) are in it as the hexadecimal digits of their value: one word each, which text never is.
"""

import json
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import apsw

from audit.search.errors import IndexFailed
from audit.search.index import LONGEST, About, Hit, Row
from audit.search.query import Query, Term, words

_BUSY_MS: Final = 10_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SPAN_ROWS: Final = 4096

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS about (
  id INTEGER PRIMARY KEY, session TEXT NOT NULL UNIQUE, consent TEXT NOT NULL, rep TEXT NOT NULL, rep_id TEXT NOT NULL,
  router TEXT NOT NULL, subscriber TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS row (
  id INTEGER PRIMARY KEY, about INTEGER NOT NULL, n INTEGER, at INTEGER, time INTEGER NOT NULL, what TEXT NOT NULL,
  retention TEXT NOT NULL, verdict TEXT NOT NULL, command TEXT NOT NULL, output TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS span (
  low INTEGER PRIMARY KEY, high INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, rows INTEGER NOT NULL);
CREATE VIEW IF NOT EXISTS shown AS SELECT
  row.id AS id, hex(rep) || ' ' || hex(rep_id) AS actor, hex(router) AS target, hex(subscriber) AS subscriber,
  hex(verdict) AS verdict, hex(session) AS session, hex(consent) AS consent,
  CASE what WHEN 'command' THEN command ELSE '' END AS cmd,
  CASE what WHEN 'command' THEN '' ELSE command END AS ctx, output AS out
  FROM row JOIN about ON about.id = row.about;
CREATE VIRTUAL TABLE IF NOT EXISTS found USING fts5(
  actor, target, subscriber, verdict, session, consent, cmd, ctx, out,
  content='shown', content_rowid='id', columnsize=0, tokenize="unicode61 remove_diacritics 2");
"""

_COLUMNS: Final = "actor, target, subscriber, verdict, session, consent, cmd, ctx, out"
_HIT: Final = """
SELECT row.id, what, about.session, about.consent, n, at, time, row.verdict, rep, router, command, output
FROM {source} JOIN about ON about.id = row.about
WHERE {condition} AND row.id BETWEEN ? AND ? AND row.time >= ? AND row.time < ? ORDER BY {order} DESC LIMIT ?
"""


class Month:
    """The rows of one month. One thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises `IndexFailed`."""
        self._path = path
        self._lock = threading.Lock()
        with self._guarded():
            self._db = apsw.Connection(str(path))
            path.chmod(0o600)
            self._inode = path.stat().st_ino
            self._db.set_busy_timeout(_BUSY_MS)
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", "cache_size=-16384"):
                self._db.execute(f"PRAGMA {pragma}").fetchall()
            with self._db:
                self._db.execute(_SCHEMA)
                self._db.execute("INSERT INTO found(found, rank) VALUES('secure-delete', 1)")

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows in, replacing those with the same place."""
        newest = {row.place: row for row in rows}
        with self._guarded(), self._db:
            self._forget_words(newest)
            ids = self._ids(row.about for row in newest.values())
            self._db.executemany(
                "INSERT OR REPLACE INTO row VALUES (?,?,?,?,?,?,?,?,?,?)",
                [_values(row, ids[row.about.session]) for row in newest.values()],
            )
            # One statement for all of them, in rising order: FTS5 writes out what it has collected before each
            # statement like this one, and before each row whose number is not higher than that of the last one.
            self._db.execute(
                f"INSERT INTO found(rowid, {_COLUMNS}) SELECT id, {_COLUMNS} FROM shown "  # noqa: S608
                "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
                (json.dumps(list(newest)),),
            )
            self._widen(rows)

    def query(self, query: Query) -> list[Hit]:
        """The newest hits of this month."""
        low, high = self._places(query)
        if low > high:
            return []
        match = _match(query)
        if match is None:
            text = _HIT.format(source="row", condition="?1 IS NULL", order="row.id")
        else:
            text = _HIT.format(
                source="found JOIN row ON row.id = found.rowid", condition="found MATCH ?", order="found.rowid"
            )
            # The range stands on the FTS table itself, so that it seeks and does not look at every match.
            text = text.replace("row.id BETWEEN", "found.rowid BETWEEN")
        first = -(1 << 62) if query.since is None else _microseconds(query.since)
        last = 1 << 62 if query.until is None else _microseconds(query.until)
        with self._guarded():
            found = self._read(text, (match, low, high, first, last, query.limit))
        return [_hit(values) for values in found]

    def remove(self, sessions: Sequence[str], consents: Sequence[str], places: Sequence[tuple[int, int]]) -> int:
        """Forget rows so that no word of them is left in the file."""
        of_session = "about IN (SELECT id FROM about WHERE {} = ?)"
        return self._remove(
            (of_session.format("session"), [(value,) for value in sessions]),
            (of_session.format("consent"), [(value,) for value in consents]),
            ("id BETWEEN ? AND ?", places),
        )

    def expire(self, retention: str) -> int:
        """Forget the rows of one retention class."""
        return self._remove(("retention = ?", [(retention,)]))

    @property
    def size(self) -> int:
        """Rows held."""
        with self._guarded():
            return int(self._read("SELECT count(*) FROM row")[0][0])

    @property
    def highest(self) -> int:
        """The newest row's place; -1 if there is none."""
        with self._guarded():
            value = self._read("SELECT max(id) FROM row")[0][0]
        return -1 if value is None else int(value)

    def is_current(self) -> bool:
        """Whether the file is still the one that stands under its name."""
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        """Let go of the file."""
        with self._guarded():
            self._db.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _ids(self, abouts: Iterable[About]) -> dict[str, int]:
        """The row of each session; made for those that have none."""
        of_session = {about.session: about for about in abouts}
        sql = "SELECT session, id FROM about WHERE session IN (SELECT value FROM json_each(?))"
        known: dict[str, int] = dict(self._read(sql, (json.dumps(list(of_session)),)))
        for session, about in of_session.items():
            if session not in known:
                people = (about.rep, about.rep_id, about.router, about.subscriber)
                self._db.execute(
                    "INSERT INTO about(session, consent, rep, rep_id, router, subscriber) VALUES (?,?,?,?,?,?)",
                    (session, about.consent, *(value.casefold() for value in people)),
                )
                known[session] = int(self._db.last_insert_rowid())
        return known

    def _forget_words(self, places: Collection[int]) -> None:
        """External content: the index is told what stood there before it changes."""
        self._db.execute(
            f"INSERT INTO found(found, rowid, {_COLUMNS}) SELECT 'delete', id, {_COLUMNS} FROM shown "  # noqa: S608
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(list(places)),),
        )

    def _widen(self, rows: Sequence[Row]) -> None:
        """Keep which places a stretch of time has, so that a question about a day looks at that day only."""
        places = [row.place for row in rows]
        times = [_microseconds(row.time) for row in rows]
        last = self._read("SELECT low, high, first, last, rows FROM span ORDER BY low DESC LIMIT 1")
        low, high, first, until, count = min(places), max(places), min(times), max(times), len(rows)
        if last and (last[0][4] < _SPAN_ROWS or low <= last[0][1]):
            low, high = min(low, last[0][0]), max(high, last[0][1])
            first, until = min(first, last[0][2]), max(until, last[0][3])
            count += last[0][4]
            self._db.execute("DELETE FROM span WHERE low = ?", (last[0][0],))
        self._db.execute("INSERT OR REPLACE INTO span VALUES (?,?,?,?,?)", (low, high, first, until, count))

    def _places(self, query: Query) -> tuple[int, int]:
        high = (1 << 62) if query.before is None else query.before - 1
        if query.since is None and query.until is None:
            return 0, high
        since = -(1 << 62) if query.since is None else _microseconds(query.since)
        until = 1 << 62 if query.until is None else _microseconds(query.until)
        with self._guarded():
            found = self._read("SELECT min(low), max(high) FROM span WHERE last >= ? AND first < ?", (since, until))[0]
        return (1, 0) if found[0] is None else (found[0], min(high, found[1]))

    def _remove(self, *conditions: tuple[str, Sequence[tuple[Any, ...]]]) -> int:
        """Delete the rows of each condition with each of its values."""
        with self._guarded():
            before = self._db.total_changes()
            with self._db:
                for condition, values in conditions:
                    self._db.executemany(f"DELETE FROM row WHERE {condition}", values)  # noqa: S608
                removed = self._db.total_changes() - before
                if removed:
                    self._db.execute("DELETE FROM about WHERE id NOT IN (SELECT about FROM row)")
                    self._db.execute("INSERT INTO found(found) VALUES('rebuild')")
            if removed:
                self._db.execute("VACUUM")
            self._read("PRAGMA wal_checkpoint(TRUNCATE)")
        return removed

    def _read(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return [*self._db.execute(statement, values)]

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (apsw.Error, OSError) as error:
                # The text of SQLite's errors may quote what was asked for.
                raise IndexFailed(
                    f"The search index {self._path.name} cannot be used ({type(error).__name__}); make it anew with "
                    "`vestibule search --rebuild`."
                ) from error


def _values(row: Row, about: int) -> tuple[Any, ...]:
    """As it stands in the table."""
    return (
        row.place,
        about,
        row.n,
        row.at,
        _microseconds(row.time),
        row.what,
        row.retention,
        row.verdict,
        row.command[:LONGEST],
        row.output[:LONGEST],
    )


def _match(query: Query) -> str | None:
    """The question in the syntax of FTS5: every value a quoted string. None if nothing but time is asked."""
    fields = {
        "actor": query.rep,
        "target": query.router,
        "subscriber": query.subscriber,
        "verdict": query.verdict,
        "session": query.session,
        "consent": query.consent,
    }
    parts = [
        f'{{{column}}} : "{(value if column in ("session", "consent") else value.casefold()).encode().hex()}"'
        for column, value in fields.items()
        if value is not None
    ]
    terms = [_string(term) for term in query.terms]
    if len(terms) == 1:
        parts.append(f"{{cmd out}} : {terms[0]}")
    elif terms:
        parts += [f"{{cmd ctx out}} : {term}" for term in terms]
        parts.append("(" + " OR ".join(f"{{cmd out}} : {term}" for term in terms) + ")")
    return " AND ".join(parts) or None


def _string(term: Term) -> str:
    """An FTS5 string of the term's words. They hold letters and digits only, so there is nothing to escape."""
    return f'"{" ".join(words(term.text))}"' + ("*" if term.prefix else "")


def _hit(values: Sequence[Any]) -> Hit:
    place, what, session, consent, n, at, time, verdict, rep, router, command, output = values
    return Hit(
        place=place,
        index=place >> 12,
        what=what,
        session=session,
        consent=consent,
        n=n,
        at=at,
        time=_EPOCH + timedelta(microseconds=time),
        verdict=verdict,
        rep=rep,
        router=router,
        command=command,
        output=output,
    )


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)

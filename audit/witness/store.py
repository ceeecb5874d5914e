"""What a witness remembers: which logs it knows, and the newest checkpoint of each that it cosigned. One SQLite file.

What must stay true: `advance` compares and sets in one transaction that is on disk when it returns, and only after it
a cosignature leaves; so no two trees of one size are ever cosigned, and none smaller than one before, across crashes.
The file MUST NOT be put back from a backup: a witness that forgot is retired, with its key.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.errors import BadEntry, LogDamaged, RecordFailed
from audit.tlog.note import VerifierKey

STORE_FILE = "witness.db"
BUSY_SECONDS = 10.0
KEPT_REFUSALS = 100
"""Requests kept for each log and status, which it signed and which contradict what it showed before: evidence."""

_SCHEMA = """
CREATE TABLE log_key (origin TEXT NOT NULL, vkey TEXT NOT NULL, PRIMARY KEY (origin, vkey)) WITHOUT ROWID, STRICT;
CREATE TABLE latest (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL,
    at INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE refused (id INTEGER PRIMARY KEY, origin TEXT NOT NULL, at INTEGER NOT NULL, status INTEGER NOT NULL,
    body BLOB NOT NULL) STRICT;
CREATE INDEX refused_origin ON refused (origin);
PRAGMA user_version = 1;
"""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The newest cosigned checkpoint of a log: size, root, the whole note, and when (Unix seconds)."""

    size: int
    root: bytes
    note: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that the log signed and the witness refused: when (Unix seconds), with which status, and its body."""

    at: int
    status: int
    body: bytes


class WitnessStore:
    """The file. Any thread, and any process: SQLite lets one change it at a time."""

    def __init__(self, path: Path) -> None:
        """Opens or makes it. Raises `LogDamaged`, OSError."""
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._connection = _connect(path)
        self._lock = threading.Lock()
        self._broken = False

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    # --- which logs --------------------------------------------------------------------------------------------------

    def add_log(self, keys: Sequence[VerifierKey]) -> None:
        """Cosign for the log of these keys from now on; they have one name, its origin. Raises `BadEntry`."""
        if not keys or len({key.name for key in keys}) != 1:
            raise BadEntry("The keys of one log have one name, which is its origin.")
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO log_key VALUES (?, ?) ON CONFLICT DO NOTHING", [(key.name, str(key)) for key in keys]
            )

    def keys(self, origin: str) -> list[VerifierKey]:
        """Keys of a log; none for one that is not known."""
        rows = self._rows("SELECT vkey FROM log_key WHERE origin = ? ORDER BY vkey", (origin,))
        return [VerifierKey.parse(vkey) for (vkey,) in rows]

    def origins(self) -> list[str]:
        """All known logs, by name."""
        return [origin for (origin,) in self._rows("SELECT DISTINCT origin FROM log_key ORDER BY origin")]

    # --- what was cosigned -------------------------------------------------------------------------------------------

    def latest(self, origin: str) -> Cosigned | None:
        """The newest checkpoint that was cosigned."""
        for size, root, note, at in self._rows("SELECT size, root, note, at FROM latest WHERE origin = ?", (origin,)):
            return Cosigned(size, root, note, at)
        return None

    def advance(self, origin: str, before: Cosigned | None, new: Cosigned) -> bool:
        """Put `new` in the place of `before`, durably. False, and nothing done, if `before` is not the newest any more.

        Raises `RecordFailed`: nothing may leave, and nothing is tried again.
        """
        with self._transaction() as connection:
            row = connection.execute("SELECT size, root FROM latest WHERE origin = ?", (origin,)).fetchone()
            if row != (None if before is None else (before.size, before.root)):
                return False
            connection.execute(
                "INSERT INTO latest VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " size = excluded.size, root = excluded.root, note = excluded.note, at = excluded.at",
                (origin, new.size, new.root, new.note, new.at),
            )
        return True

    def keep_refusal(self, origin: str, refusal: Refusal, text: bytes) -> None:
        """Keep a request that speaks against its log. `text`: of its checkpoint, without signatures.

        Each checkpoint once, and the first `KEPT_REFUSALS` of each status: anybody can send a checkpoint of the log
        with a proof that leads nowhere (422), and what proves a fork by itself (409) must not be crowded out by that.
        Raises `RecordFailed`.
        """
        place = (origin, refusal.status)
        with self._transaction() as connection:
            sql = "SELECT count(*), coalesce(max(instr(body, ?)), 0) FROM refused WHERE origin = ? AND status = ?"
            count, known = connection.execute(sql, (text, *place)).fetchone()
            if count < KEPT_REFUSALS and not known:
                connection.execute(
                    "INSERT INTO refused (origin, at, status, body) VALUES (?, ?, ?, ?)",
                    (origin, refusal.at, refusal.status, refusal.body),
                )

    def refusals(self, origin: str) -> list[Refusal]:
        """What was kept, oldest first."""
        rows = self._rows("SELECT at, status, body FROM refused WHERE origin = ? ORDER BY id", (origin,))
        return [Refusal(*row) for row in rows]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise LogDamaged(f"The witness's file cannot be read: {error}.") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._broken:
                raise RecordFailed("The witness's file could not be written before. Restart it once its disk is sound.")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._broken = True
                raise RecordFailed("The witness's file cannot be written, so nothing is cosigned.") from error
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise


def _connect(path: Path) -> sqlite3.Connection:
    """One file, no write-ahead log beside it; EXTRA syncs the directory too, else a power cut could undo a commit."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = EXTRA")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        if connection.execute("PRAGMA synchronous").fetchone() != (3,) or version not in (0, 1):
            raise LogDamaged(f"{path} is not a witness's file of this version.")
    except sqlite3.Error as error:
        raise LogDamaged(f"{path} is no witness's file, or damaged: {error}.") from error
    return connection

"""Key store of the embedded default: a root key file and `keys.db` (SQLite, kept apart from the entries).

`keys.db` has `secure_delete` on and its WAL is emptied after a destruction, so that no copy of a destroyed key is left
in the file. On SSDs an overwrite cannot be proved; see docs/reference/entry.md.
"""

import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from audit.entry import RetentionClass
from audit.errors import KeyUnavailable
from audit.files import make_secret, read_secret
from audit.keys.store import KeySet, unwrap, wrap

ROOT_KEY_FILE = "root.key"
KEYS_FILE = "keys.db"
ROOT_KEY_BYTES = 32

_SCHEMA = """
CREATE TABLE kek (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, class TEXT NOT NULL, month TEXT NOT NULL,
    wrapped BLOB, UNIQUE (tenant, class, month));
CREATE TABLE keyset (ks TEXT PRIMARY KEY, subject_kind TEXT NOT NULL, subject TEXT NOT NULL,
    kek INTEGER NOT NULL REFERENCES kek (id)) WITHOUT ROWID;
CREATE INDEX keyset_subject ON keyset (subject_kind, subject);
CREATE TABLE dek (ks TEXT NOT NULL REFERENCES keyset (ks), comp TEXT NOT NULL, wrapped BLOB,
    PRIMARY KEY (ks, comp)) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


class FileKeyStore:
    """Keys wrapped by a root key that lives in its own file. One writer; safe from several threads."""

    def __init__(self, connection: sqlite3.Connection, root: bytes, tenant: str) -> None:
        self._connection = connection
        self._root = root
        self._tenant = tenant
        self._lock = threading.Lock()
        self._keks: dict[bytes, bytes] = {}
        """By their wrapped form: a row that was rolled back or destroyed finds nothing here."""

    @classmethod
    def open(cls, path: Path, keys_dir: Path, tenant: str) -> "FileKeyStore":
        """Open for writing; `path` is `keys.db`. Makes both files where neither exists.

        Raises `KeyUnavailable` if the root key is missing although there are keys that need it.
        """
        root_path = keys_dir / ROOT_KEY_FILE
        if path.exists():
            root = read_secret(root_path, ROOT_KEY_BYTES)
        else:
            root = make_secret(root_path, ROOT_KEY_BYTES)
        try:
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            path.chmod(0o600)
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            if connection.execute("PRAGMA user_version").fetchone() == (0,):
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            _assert_safe(connection)
        except sqlite3.Error as error:
            raise KeyUnavailable(f"The key database {path} cannot be opened ({error}).") from error
        return cls(connection, root, tenant)

    @classmethod
    def open_read_only(cls, path: Path, keys_dir: Path, tenant: str) -> "FileKeyStore":
        """Open beside a running gateway; nothing is created or changed. Raises `KeyUnavailable`."""
        root = read_secret(keys_dir / ROOT_KEY_FILE, ROOT_KEY_BYTES)
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
            connection.execute("SELECT count(*) FROM kek")
        except sqlite3.Error as error:
            raise KeyUnavailable(f"The key database {path} cannot be opened ({error}).") from error
        return cls(connection, root, tenant)

    def add(self, sets: Sequence[KeySet]) -> None:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for key_set in sets:
                    self._add(key_set)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _add(self, key_set: KeySet) -> None:
        kek_id, kek = self._kek(key_set.retention, key_set.month)
        self._connection.execute(
            "INSERT INTO keyset VALUES (?, ?, ?, ?)", (key_set.id, key_set.subject_kind, key_set.subject, kek_id)
        )
        self._connection.executemany(
            "INSERT INTO dek VALUES (?, ?, ?)",
            [(key_set.id, compartment, wrap(kek, key)) for compartment, key in key_set.keys.items()],
        )

    def _kek(self, retention: str, month: str) -> tuple[int, bytes]:
        row = self._connection.execute(
            "SELECT id, wrapped FROM kek WHERE tenant = ? AND class = ? AND month = ?", (self._tenant, retention, month)
        ).fetchone()
        if row is not None:
            return row[0], self._unwrap_kek(row[1])
        kek = os.urandom(ROOT_KEY_BYTES)
        cursor = self._connection.execute(
            "INSERT INTO kek (tenant, class, month, wrapped) VALUES (?, ?, ?, ?)",
            (self._tenant, retention, month, wrap(self._root, kek)),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid, kek

    def _unwrap_kek(self, wrapped: bytes | None) -> bytes:
        if wrapped is None:
            raise KeyUnavailable("The month's key was destroyed at the end of its retention.")
        if wrapped not in self._keks:
            self._keks[wrapped] = unwrap(self._root, wrapped)
        return self._keks[wrapped]

    def get(self, key_set: str, compartment: str) -> bytes:
        with self._lock:
            try:
                row = self._connection.execute(
                    "SELECT dek.wrapped, kek.wrapped FROM dek JOIN keyset USING (ks) "
                    "JOIN kek ON kek.id = keyset.kek WHERE ks = ? AND comp = ?",
                    (key_set, compartment),
                ).fetchone()
            except sqlite3.Error as error:
                raise KeyUnavailable(f"The key database cannot be read ({error}).") from error
            if row is None or row[0] is None:
                raise KeyUnavailable(f"The key for '{compartment}' of key set {key_set} is missing or was destroyed.")
            return unwrap(self._unwrap_kek(row[1]), row[0])

    def destroy(self, key_set: str, compartments: Sequence[str]) -> None:
        with self._lock:
            known = self._connection.execute("SELECT 1 FROM keyset WHERE ks = ?", (key_set,)).fetchone()
            if known is None:
                raise KeyUnavailable(f"There is no key set {key_set}.")
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(
                    "UPDATE dek SET wrapped = NULL WHERE ks = ? AND comp = ?",
                    [(key_set, name) for name in compartments],
                )
            self._empty_wal()

    def destroy_month(self, retention: RetentionClass, month: str) -> int:
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            row = self._connection.execute(
                "SELECT id FROM kek WHERE tenant = ? AND class = ? AND month = ?", (self._tenant, retention, month)
            ).fetchone()
            if row is None:
                return 0
            self._connection.execute("UPDATE kek SET wrapped = NULL WHERE id = ?", row)
            self._connection.execute(
                "UPDATE dek SET wrapped = NULL WHERE ks IN (SELECT ks FROM keyset WHERE kek = ?)", row
            )
            count: int = self._connection.execute("SELECT count(*) FROM keyset WHERE kek = ?", row).fetchone()[0]
            self._keks.clear()
        self._empty_wal()
        return count

    def _empty_wal(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _assert_safe(connection: sqlite3.Connection) -> None:
    """Read back what durability and erasure depend on."""
    for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1)):
        found = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
        if found != wanted:
            raise KeyUnavailable(f"The key database must have {pragma} = {wanted} but has {found}.")

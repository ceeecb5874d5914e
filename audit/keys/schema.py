"""The tables of `keys.db`, their migration, and the settings of SQLite that erasure depends on.

Version 1 had KEKs wrapped by `root.key` itself and no holds. Version 2 names the root beside each KEK, keeps a second
copy for recovery, and remembers a key set's own month (`home`) when a hold moves it under another KEK.
"""

import sqlite3
from pathlib import Path

from audit.errors import KeyUnavailable
from audit.keys.root import LEGACY_NAME

VERSION = 2

_KEK = """CREATE TABLE {name} (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, class TEXT NOT NULL, month TEXT NOT NULL,
    root TEXT NOT NULL, wrapped BLOB, recovery BLOB);"""
_HOLD = """CREATE TABLE hold (hold TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (hold, kind, name)) WITHOUT ROWID;"""
_SCHEMA = f"""
{_KEK.format(name="kek")}
CREATE INDEX kek_month ON kek (tenant, class, month);
CREATE TABLE keyset (ks TEXT PRIMARY KEY, subject_kind TEXT NOT NULL, subject TEXT NOT NULL,
    kek INTEGER NOT NULL, home INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX keyset_subject ON keyset (subject_kind, subject);
CREATE INDEX keyset_home ON keyset (home);
CREATE TABLE dek (ks TEXT NOT NULL REFERENCES keyset (ks), comp TEXT NOT NULL, wrapped BLOB,
    PRIMARY KEY (ks, comp)) WITHOUT ROWID;
{_HOLD}
PRAGMA user_version = {VERSION};
"""
_FROM_1 = f"""
{_KEK.format(name="kek2")}
INSERT INTO kek2 (id, tenant, class, month, root, wrapped)
    SELECT id, tenant, class, month, '{LEGACY_NAME}', wrapped FROM kek;
CREATE TABLE keyset2 (ks TEXT PRIMARY KEY, subject_kind TEXT NOT NULL, subject TEXT NOT NULL,
    kek INTEGER NOT NULL, home INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO keyset2 SELECT ks, subject_kind, subject, kek, kek FROM keyset;
DROP TABLE keyset;
DROP TABLE kek;
ALTER TABLE kek2 RENAME TO kek;
ALTER TABLE keyset2 RENAME TO keyset;
CREATE INDEX kek_month ON kek (tenant, class, month);
CREATE INDEX keyset_subject ON keyset (subject_kind, subject);
CREATE INDEX keyset_home ON keyset (home);
{_HOLD}
PRAGMA user_version = {VERSION};
"""  # noqa: S608


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing, with tables as they are now. Raises sqlite3.Error, `KeyUnavailable`."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        path.chmod(0o600)
        for pragma in ("secure_delete=ON", "journal_mode=WAL", "synchronous=FULL", "legacy_alter_table=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA cache_size=-512")  # KiB: the system keeps the file's pages in memory anyway
        if version := _behind(connection, path):
            connection.executescript(f"BEGIN IMMEDIATE; {version} COMMIT;")
        _assert_safe(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open beside a writer; changes nothing, also not tables of an older version. Raises sqlite3.Error."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM kek")
    except BaseException:
        connection.close()
        raise
    return connection


def root_column(connection: sqlite3.Connection) -> str:
    """The SQL that gives the name of a KEK's root, whatever the version."""
    return "kek.root" if _version(connection) >= VERSION else f"'{LEGACY_NAME}'"


def _behind(connection: sqlite3.Connection, path: Path) -> str | None:
    """The SQL that brings the tables up to date; none if they are."""
    version = _version(connection)
    if version > VERSION:
        raise KeyUnavailable(f"The key database {path} has version {version}; this program knows {VERSION}.")
    return {0: _SCHEMA, 1: _FROM_1}.get(version)


def _version(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def _assert_safe(connection: sqlite3.Connection) -> None:
    """Read back what durability and erasure depend on."""
    for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1)):
        found = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
        if found != wanted:
            raise KeyUnavailable(f"The key database must have {pragma} = {wanted} but has {found}.")

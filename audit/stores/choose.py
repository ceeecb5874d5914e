"""Where the log of a directory is: in the directory itself (SQLite), or in the PostgreSQL that a file there names.

The file is written when a gateway opens its log in a database, and says where the addresses lie, never what they are.
So a directory that belongs to a database is not mistaken for an empty one, and whoever reads evidence needs to know the
directory only. Keys follow the same file. What is for PostgreSQL is imported when a log is there: it takes 8 MB.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import LogDamaged
from audit.files import OWNER_ONLY, write_durably
from audit.keys.file_store import KEYS_FILE, FileKeyStore
from audit.keys.store import KeyStore
from audit.store import EntryReader
from audit.stores import sqlite

if TYPE_CHECKING:
    from audit.stores.postgres import PostgresEntryStore
    from audit.stores.postgres_watch import PostgresWatch

PLACE_FILE = "database.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A log in PostgreSQL, as one worker comes to it. Each file, of mode 0600, holds a connection string or URI."""

    address: Path
    """Of the role that records."""
    keys: Path | None = None
    """Of the role that keeps keys; without it they are in `keys.db`."""
    eraser: Path | None = None
    """Of the role that may delete ciphertext."""
    worker: str = "main"


def remember(directory: Path, database: Database) -> None:
    """Note in `directory` that its log is in this database. Raises `LogDamaged` if it holds a log itself, OSError."""
    if (directory / sqlite.LOG_FILE).exists():
        raise LogDamaged(
            f"{directory} holds a log of its own ({sqlite.LOG_FILE}), which is not moved into a database. Use another "
            "data_dir for the log in PostgreSQL, and keep this one to read."
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {"address": database.address, "keys": database.keys, "eraser": database.eraser}
    told = {name: str(path.absolute()) for name, path in files.items() if path is not None}
    text = json.dumps({"postgresql": told}, indent=2, sort_keys=True) + "\n"
    path = directory / PLACE_FILE
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_durably(path, text.encode(), OWNER_ONLY)


def database_of(directory: Path) -> Database | None:
    """The database that holds the log of `directory`; none if the directory does. Raises `LogDamaged`."""
    try:
        told: Any = json.loads((directory / PLACE_FILE).read_bytes())["postgresql"]
        keys, eraser = (Path(told[name]) if name in told else None for name in ("keys", "eraser"))
        return Database(address=Path(told["address"]), keys=keys, eraser=eraser)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LogDamaged(f"{directory / PLACE_FILE} does not say where the log is. Start the gateway once.") from error


def not_in_database(directory: Path) -> None:
    """Refuse to begin a log in `directory` beside the one in its database. Raises `LogDamaged`."""
    if (directory / PLACE_FILE).exists():
        raise LogDamaged(
            f"The log of {directory} is in a database ({PLACE_FILE}), but the settings do not say so: set "
            "evidence.store to postgresql."
        )


def open_reader(directory: Path) -> EntryReader:
    """The log of `directory` for reading, wherever it is. Raises `LogMissing`, `LogDamaged`, `ConfigError`."""
    database = database_of(directory)
    if database is None:
        return sqlite.open_reader(directory)
    from audit.stores import postgres_connect, postgres_reader

    return postgres_reader.open_reader(postgres_connect.read_address(database.address))


def open_keys(directory: Path, keys_dir: Path, origin: str, *, read_only: bool = False) -> KeyStore:
    """The keys of the log of `directory`, wherever they are. Raises `KeyUnavailable`, `ConfigError`."""
    database = database_of(directory)
    if database is not None and database.keys is not None:
        from audit.keys.postgres_store import PostgresKeyStore
        from audit.stores import postgres_connect

        address = postgres_connect.read_address(database.keys)
        return PostgresKeyStore.open(address, keys_dir, origin, read_only=read_only)
    opened = FileKeyStore.open_read_only if read_only else FileKeyStore.open
    return opened(directory / KEYS_FILE, keys_dir, origin)


def open_worker(database: Database) -> "tuple[PostgresEntryStore, PostgresWatch]":
    """Take the lease of `database.worker` and open the log for it: the store, and its watch, which holds the lease.

    Raises `LogInUse`, `LogMissing`, `LogDamaged`, `ConfigError`.
    """
    from audit.stores import postgres_connect, postgres_lease, postgres_schema
    from audit.stores.postgres import PostgresEntryStore
    from audit.stores.postgres_watch import PostgresWatch

    address = postgres_connect.read_address(database.address)
    eraser = None if database.eraser is None else postgres_connect.read_address(database.eraser)
    watching = postgres_connect.connect(address, f"worker {database.worker}")
    try:
        postgres_schema.check(watching)
        postgres_connect.limit_waits(watching)
        lease = postgres_lease.claim(watching, database.worker)
        writing = postgres_connect.connect(address, f"committer {database.worker}")
        try:
            postgres_connect.assert_durable(writing)
            postgres_connect.limit_waits(writing)
            writing.execute("SELECT evidence.prepare_partitions()")
        except BaseException:
            writing.close()
            raise
    except BaseException:
        watching.close()
        raise
    store = PostgresEntryStore(writing, lease, eraser=eraser)
    return store, PostgresWatch(watching, lease, store)

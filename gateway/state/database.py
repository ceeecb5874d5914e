"""The database of the operational state: opened, migrated, and used from one thread. SQLite by default.

Counterparts: `schema` for the tables, which `migrate` makes; `directory`, `consents` and `registry` for what is done
with them.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from config.errors import ConfigError
from gateway.errors import Unavailable
from gateway.state.schema import REVISION

T = TypeVar("T")


class Database:
    """One engine, one thread. Every unit of work is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open and bring the tables up to date. Raises `ConfigError`."""
        engine = _engine(url)
        try:
            with engine.begin() as connection:
                _bring_up_to_date(connection)
        except ConfigError:
            engine.dispose()
            raise
        except SQLAlchemyError as error:
            engine.dispose()
            raise ConfigError(f"The state database cannot be opened: {_words(error)}.") from error
        return cls(engine)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction, committed when this returns. Raises `Unavailable` if the database fails."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.run_now, work)

    def run_now(self, work: Callable[[Connection], T]) -> T:
        """As `run`, for code outside an event loop."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise Unavailable(f"The state database failed: {_words(error)}.") from error

    async def scrub(self) -> None:
        """See that no copy of deleted rows is left in SQLite's write-ahead log. Other databases have their own ways."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._scrub)

    def _scrub(self) -> None:
        if self._engine.dialect.name != "sqlite":
            return
        raw = self._engine.raw_connection()
        try:
            cursor = raw.cursor()
            busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            cursor.close()
        finally:
            raw.close()
        if busy:
            raise Unavailable("What was erased is still in the state's write-ahead log: another program reads it.")

    def close(self) -> None:
        """Let go of the thread and the connections. Safe to call twice."""
        self._thread.shutdown()
        self._engine.dispose()


def sqlite_url(path: Path) -> str:
    """The URL of the embedded default."""
    return f"sqlite:///{path}"


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    _make_private(Path(make_url(url).database or ""))
    # Every unit of work commits or rolls back by itself, so nothing is left to undo when its connection is put back.
    engine = create_engine(url, pool_reset_on_return=None)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """The file is the owner's alone; SQLite gives its side files the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigError(f"The state database {path} cannot be written: {error.strerror}.") from error


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # Transactions are begun by us (`_begin_sqlite`), so that a reading one that goes on to write cannot deadlock.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("PRAGMA cache_size=-512")  # KiB: the system keeps the file's pages in memory anyway
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _bring_up_to_date(connection: Connection) -> None:
    """The migrations are loaded only where one is due: loading them takes a good part of the gateway's start."""
    if _revision(connection) != REVISION:
        from gateway.state.migrate import migrate

        migrate(connection)


def _revision(connection: Connection) -> str | None:
    """The migration that was done last; none in an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _words(error: SQLAlchemyError) -> str:
    """The database's own complaint, without the statement and its values."""
    original: Any = getattr(error, "orig", None)
    return str(original or type(error).__name__).strip().rstrip(".").splitlines()[0]

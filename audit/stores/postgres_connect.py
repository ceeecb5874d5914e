"""Connections to the PostgreSQL that holds the evidence: private addresses, live sockets, promised durability.

The address (a libpq connection string or URI) is read from a file of mode 0600 and never shown. Counterparts:
`audit.stores.postgres` appends, `audit.stores.postgres_reader` reads, `audit.stores.postgres_watch` hears of others.
"""

from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from audit.errors import LogDamaged, LogMissing
from config.files import read_private

Connection: TypeAlias = psycopg.Connection[Any]

IDLE_IN_TRANSACTION_MS = 3000
"""A worker that stalls while it holds the end of the log loses its connection after this, and the others go on."""

LOCK_WAIT_MS = 30_000
"""Longest wait for the end of the log; beyond it the worker gives up for good."""

_SOCKET = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

DURABLE = ("on", "remote_apply")
"""Values of `synchronous_commit` under which COMMIT returns only when its record is on disk (and on the standby)."""


def read_address(path: Path) -> str:
    """The connection string in a private file. Raises `ConfigError`."""
    return read_private(path).decode("utf-8", "replace").strip()


def connect(address: str, purpose: str, **parameters: Any) -> Connection:
    """Connect; each statement is a transaction of its own unless BEGIN says otherwise.

    `purpose` shows in pg_stat_activity, `parameters` are libpq's. Raises `LogMissing` if the server cannot be reached
    or lets nobody in; the address is not repeated.
    """
    try:
        given = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        # Its text repeats the address, which may hold a password.
        raise LogMissing("The file with the database's address holds no PostgreSQL connection string or URI.") from None
    wanted = {**_SOCKET, **given, "application_name": f"vestibule {purpose}", **parameters}
    try:
        return psycopg.connect(autocommit=True, **wanted)
    except psycopg.Error as error:
        raise LogMissing(f"The log's database cannot be opened: {_first_line(error)}.") from error


def assert_durable(connection: Connection) -> None:
    """See that what COMMIT acknowledges survives a crash, and read it back. Raises `LogDamaged`."""
    if _show(connection, "synchronous_commit") not in DURABLE:
        connection.execute("SET synchronous_commit = on")
    for name, allowed in (("synchronous_commit", DURABLE), ("fsync", ("on",)), ("full_page_writes", ("on",))):
        found = _show(connection, name)
        if found not in allowed:
            raise LogDamaged(f"The log's database must run with {name} = {allowed[0]} but has {found}.")


def limit_waits(connection: Connection) -> None:
    """A stalled worker must not hold the others up for long, nor wait for them for ever. For every connection that
    takes a lock."""
    connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}")
    connection.execute(f"SET lock_timeout = {LOCK_WAIT_MS}")


def _show(connection: Connection, name: str) -> str:
    row = connection.execute(f"SHOW {name}").fetchone()
    assert row is not None
    return str(row[0])


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__

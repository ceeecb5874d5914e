"""The lease of a worker: who appends under a name, and how a run that is no longer heard of is shut out.

Two things hold it. A lock of the database session, which is gone the moment the process or its host is; and the lease's
end, which a run that hangs fails to push on. Whoever takes over raises the epoch while nobody can append, and a run of
an older epoch matches no row any more (`audit.stores.postgres`).
"""

import threading
import time

import psycopg

from audit.errors import LogInUse, WorkerFenced
from audit.store import Boot
from audit.stores.postgres_connect import Connection

LEASE_SECONDS = 10.0

_LOCK_PATIENCE = 5.0
_TRY = "SELECT pg_try_advisory_lock(hashtextextended('vestibule worker ' || %s, 0))"
_HOLD_END = "SELECT next FROM evidence.seq FOR UPDATE"
_FIND = "SELECT backend, lease_until <= clock_timestamp() FROM evidence.worker WHERE id = %s"
_TAKE = """
INSERT INTO evidence.worker (id, epoch, lease_until, backend)
VALUES (%s, 0, clock_timestamp() + make_interval(secs => %s), pg_backend_pid())
ON CONFLICT (id) DO UPDATE SET epoch = worker.epoch + 1, lease_until = excluded.lease_until, backend = excluded.backend
RETURNING epoch
"""
_RENEW = """
UPDATE evidence.worker SET lease_until = clock_timestamp() + make_interval(secs => %s) WHERE id = %s AND epoch = %s
"""


class WorkerLease:
    """The right to append as one worker; held by the connection it was claimed on."""

    def __init__(self, connection: Connection, worker: str, epoch: int, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self.boot = Boot(worker, epoch)
        self.changing = threading.Lock()
        """Held while the epoch changes, so that a renewal does not miss its row."""

    def renew(self) -> None:
        """Push the lease's end on. Raises `WorkerFenced` if another run has it."""
        self._set(self._seconds)

    def release(self) -> None:
        """Let the next run begin at once."""
        self._set(0.0)

    def _set(self, seconds: float) -> None:
        with self.changing:
            done = self._connection.execute(_RENEW, (seconds, self.boot.worker, self.boot.epoch))
            if done.rowcount != 1:
                raise WorkerFenced(self.boot.worker)


def claim(connection: Connection, worker: str, *, seconds: float = LEASE_SECONDS) -> WorkerLease:
    """Take the lease of `worker`, from its last run if that is gone or has not renewed it. Raises `LogInUse`."""
    _lock(connection, worker)
    with connection.transaction():
        connection.execute(_HOLD_END)  # whoever appended as this worker before is done now, or comes too late
        row = connection.execute(_TAKE, (worker, seconds)).fetchone()
    assert row is not None
    return WorkerLease(connection, worker, row[0], seconds)


def _lock(connection: Connection, worker: str) -> None:
    if _try(connection, worker):
        return
    found = connection.execute(_FIND, (worker,)).fetchone()
    if found is None or not found[1]:
        raise LogInUse(
            f"Another gateway writes this log as worker '{worker}'. Stop it, wait until its lease of "
            f"{LEASE_SECONDS:g} s has run out, or give this one another name (evidence.worker)."
        )
    try:
        connection.execute("SELECT pg_terminate_backend(%s)", (found[0],))
    except psycopg.errors.InsufficientPrivilege as error:
        raise LogInUse(
            f"The gateway that wrote this log as worker '{worker}' hangs, and this database user may not end its "
            "connection. Stop that gateway."
        ) from error
    until = time.monotonic() + _LOCK_PATIENCE
    while not _try(connection, worker):
        if time.monotonic() > until:
            raise LogInUse(f"The connection of the gateway that hangs as worker '{worker}' could not be ended.")
        time.sleep(0.05)


def _try(connection: Connection, worker: str) -> bool:
    row = connection.execute(_TRY, (worker,)).fetchone()
    return row is not None and bool(row[0])

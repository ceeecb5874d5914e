"""A worker's eye on the others: renews its lease, hears of new entries, and takes the lead when nobody has it.

One thread with a connection of its own. Entries that end something are announced (NOTIFY) and heard of at once; for all
others it looks every quarter of a second. If the connection or the lease is lost the worker stops for good: without it,
it could not hear of a revocation. Counterpart: `audit.journal` acts on what is heard.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg

from audit.errors import AuditError, RecordFailed
from audit.stores.postgres import CHANNEL, PostgresEntryStore
from audit.stores.postgres_connect import IDLE_IN_TRANSACTION_MS, Connection
from audit.stores.postgres_lease import WorkerLease

HEAR_SECONDS = 0.25
RENEW_SECONDS = 2.0
PARTITION_SECONDS = 30.0
STUCK_SECONDS = IDLE_IN_TRANSACTION_MS / 1000
"""The same limit for who stalls in the middle of pipelined statements: there the server has no clock of its own."""

_LEAD_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('vestibule leader', 0))"
_HOLD_END = "SELECT next FROM evidence.seq FOR UPDATE"
_LEAD = "UPDATE evidence.leader SET generation = generation + 1, worker = %s RETURNING generation"
_HANGING = """
SELECT worker.backend FROM evidence.worker JOIN evidence.leader ON leader.worker = worker.id
JOIN pg_stat_activity ON pid = backend AND application_name = 'vestibule worker ' || worker.id
WHERE lease_until < clock_timestamp()
"""
_STUCK = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND starts_with(application_name, 'vestibule committer ')
AND state = 'active' AND wait_event = 'ClientRead' AND query_start < clock_timestamp() - make_interval(secs => %s)
"""
_SIGNED = "SELECT split_part(value, E'\\n', 2) FROM evidence.meta WHERE key = 'checkpoint'"


class PostgresWatch:
    """See `audit.publish.leading.Watch`. Owns the connection that holds the lease."""

    def __init__(self, connection: Connection, lease: WorkerLease, store: PostgresEntryStore) -> None:
        self._connection = connection
        self._lease = lease
        self._store = store
        self._leads = False
        self._signed = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lost = False

    def start(self, *, heard: Callable[[], None], lead: Callable[[], None], lost: Callable[[Exception], None]) -> None:
        """Begin; the callbacks come from the thread."""
        self._thread = threading.Thread(target=self._run, args=(heard, lead, lost), name="audit-watch", daemon=True)
        self._thread.start()

    def signed_size(self) -> int:
        """Size of the newest checkpoint, at most a quarter of a second old."""
        if self._lost:
            raise RecordFailed("The connection to the log's database was lost.")
        return self._signed

    def stop(self) -> None:
        """End the thread, give up lease and lead. Safe to call twice."""
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        if not self._connection.closed:
            try:
                self._lease.release()
            except (AuditError, psycopg.Error):
                self._lost = True  # it is another's, or nobody's
            self._connection.close()

    def _run(self, heard: Callable[[], None], lead: Callable[[], None], lost: Callable[[Exception], None]) -> None:
        try:
            self._connection.execute(f"LISTEN {CHANNEL}")
            renew = partition = 0.0
            while not self._stopping.is_set():
                now = time.monotonic()
                if now >= renew:
                    self._lease.renew()
                    self._end(_STUCK, STUCK_SECONDS)
                    renew = now + RENEW_SECONDS
                if now >= partition:
                    self._connection.execute("SELECT evidence.prepare_partitions()")
                    partition = now + PARTITION_SECONDS
                if not self._leads and self._elected():
                    self._leads = True
                    lead()
                self._signed = self._read_signed()
                heard()
                for _ in self._connection.notifies(timeout=HEAR_SECONDS, stop_after=1):
                    pass
        except Exception as error:  # noqa: BLE001 - whatever it was, this worker does not hear the others any more
            self._lost = True
            if not self._stopping.is_set():
                lost(error)

    def _elected(self) -> bool:
        """Whether this worker leads from now on. The lock is gone when its holder is; the generation shuts it out."""
        row = self._connection.execute(_LEAD_LOCK).fetchone()
        if row is None or not row[0]:
            self._end(_HANGING)  # its lease has run out, and its lock would stay for ever
            return False
        with self._connection.transaction():
            self._connection.execute(_HOLD_END)
            generation = self._connection.execute(_LEAD, (self._lease.boot.worker,)).fetchone()
        assert generation is not None
        self._store.generation = generation[0]
        return True

    def _end(self, which: str, *parameters: float) -> None:
        """End the connections that a statement finds: of workers that hang and hold what the others need."""
        for (backend,) in self._connection.execute(which, parameters).fetchall():
            with suppress(psycopg.errors.InsufficientPrivilege):  # of another database user: an operator ends it
                self._connection.execute("SELECT pg_terminate_backend(%s)", (backend,))

    def _read_signed(self) -> int:
        row = self._connection.execute(_SIGNED).fetchone()
        return int(row[0]) if row is not None and str(row[0]).isdigit() else 0

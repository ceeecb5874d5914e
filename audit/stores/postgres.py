"""Entries in PostgreSQL: several workers append to one log, without gaps, in the order in which they become visible.

The single row of `seq` is the end of the log. Whoever appends locks it, learns what the others appended, adds its own
batch and commits; nobody overtakes, and an index that can be read has all smaller ones before it. COMMIT returns when
the batch is on disk (`synchronous_commit`, read back at open). The role of a gateway can add evidence, never change or
remove it: see `sql/0001_evidence.sql`. Counterpart: `audit.stores.postgres_watch` keeps the worker's lease.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import psycopg

from audit.errors import LeadLost, LogDamaged, RecordFailed, WorkerFenced
from audit.store import Batch, Boot, EntryRow, Stage
from audit.stores.postgres_connect import Connection, connect
from audit.stores.postgres_lease import WorkerLease
from audit.stores.postgres_reader import PostgresEntryReader

CHANNEL = "vestibule_evidence"
"""Announces entries that end something."""

_NONE_KNOWN = (1 << 63) - 1

# Each statement sees what was committed before it began; the first waits for its turn, so the others see all of it.
_END = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT next FROM evidence.seq FOR UPDATE"
_FENCE = "SELECT epoch, (SELECT generation FROM evidence.leader) FROM evidence.worker WHERE id = %s"
_FOREIGN = "SELECT idx, head, leaf, s, cr FROM evidence.entry WHERE idx >= %s ORDER BY idx"

_ENTRIES = """
INSERT INTO evidence.entry (idx, head, leaf, s, cr)
SELECT * FROM unnest(%b::bigint[], %b::bytea[], %b::bytea[], %b::text[], %b::text[])
"""
_SEALED = """
INSERT INTO evidence.sealed (idx, comp, ks, ct) SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::bytea[])
"""
_CHUNKS = """
INSERT INTO evidence.chunk (idx, session, no, ct)
SELECT * FROM unnest(%b::bigint[], %b::text[], %b::bigint[], %b::bytea[])
"""
_SESSIONS = """
INSERT INTO evidence.session (session, state, cr, first)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[])
ON CONFLICT (session) DO UPDATE SET state = excluded.state
"""
_ENDS = """
INSERT INTO evidence.consent_end (cr, reason, idx) SELECT * FROM unnest(%b::text[], %b::text[], %b::bigint[])
ON CONFLICT (cr) DO UPDATE SET reason = excluded.reason, idx = excluded.idx
"""
_META = """
INSERT INTO evidence.meta (key, value) SELECT * FROM unnest(%b::text[], %b::text[])
ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
_ERASE_PARTS = """
DELETE FROM evidence.sealed USING unnest(%b::bigint[], %b::text[]) AS gone (idx, comp)
WHERE sealed.idx = gone.idx AND sealed.comp = gone.comp
"""
_ERASE_CHUNKS = """
DELETE FROM evidence.chunk USING unnest(%b::text[], %b::bigint[]) AS gone (session, no)
WHERE chunk.session = gone.session AND chunk.no = gone.no
"""


class PostgresEntryStore(PostgresEntryReader):
    """The writing side of one worker; see `audit.stores.choose.open_worker`. The committer thread owns it."""

    def __init__(self, connection: Connection, lease: WorkerLease, *, eraser: str | None = None) -> None:
        """`eraser`: the address of the role that may delete ciphertext."""
        super().__init__(connection)
        self._lease = lease
        self._eraser = eraser
        self.generation = 0
        """With which this worker leads; 0 while it does not."""

    @property
    def boot(self) -> Boot:
        return self._lease.boot

    def claim_origin(self, origin: str) -> str:
        """Name a log that has no name yet; the name it has now, which another worker may have given it."""
        self._connection.execute(
            "INSERT INTO evidence.meta (key, value) VALUES ('origin', %s) ON CONFLICT DO NOTHING", (origin,)
        )
        return self.meta("origin") or origin

    def append(self, batch: Batch) -> None:
        self.append_with(_NONE_KNOWN, lambda _: batch)

    def append_with(self, known: int, stage: Stage) -> None:
        try:
            following, generation, foreign = self._take_end(known)
            batch = stage(foreign)
            _check_dense(batch.entries, following)
            self._check_lead(batch, generation)
            with self._lease.changing if batch.epoch is not None else nullcontext():
                self._write(batch)
                if batch.epoch is not None:
                    self._lease.boot = Boot(self.boot.worker, batch.epoch)
        except BaseException:
            self._roll_back()
            raise

    def _check_lead(self, batch: Batch, generation: int) -> None:
        if "checkpoint" in batch.meta and generation != self.generation:
            raise LeadLost(self.boot.worker)

    def _take_end(self, known: int) -> tuple[int, int, list[EntryRow]]:
        """Begin, wait for the end of the log and hold it: the next index, who leads, and what others appended."""
        # No pipeline here: it leaves the server's clock for transactions that hang (`limit_waits`) switched off.
        end = self._connection.execute(_END)
        end.nextset()
        fence = self._connection.execute(_FENCE, (self.boot.worker,), binary=True)
        rows = self._connection.execute(_FOREIGN, (known,), binary=True)
        following, worker = end.fetchone(), fence.fetchone()
        if worker is None or worker[0] != self.boot.epoch:
            raise WorkerFenced(self.boot.worker)
        if following is None:
            raise LogDamaged("The database has lost the row that holds the end of the log.")
        return following[0], worker[1], [EntryRow(*row) for row in rows.fetchall()]

    def _write(self, batch: Batch) -> None:
        """Everything and COMMIT in one go; if a statement fails, those after it are not carried out."""
        if not (batch.entries or batch.meta or batch.sealed or batch.chunks or batch.sessions or batch.consent_ends):
            self._connection.execute("ROLLBACK")
            return
        with self._connection.pipeline():
            self._insert(_ENTRIES, [(e.index, e.head, e.leaf, e.session, e.consent_ref) for e in batch.entries])
            self._insert(_SEALED, [(part.index, part.compartment, part.key_set, part.sealed) for part in batch.sealed])
            self._insert(_CHUNKS, [(chunk.index, chunk.session, chunk.number, chunk.sealed) for chunk in batch.chunks])
            self._insert(
                _SESSIONS, [(row.session, row.state, row.consent_ref, row.first_index) for row in batch.sessions]
            )
            self._insert(_ENDS, [(end.consent_ref, end.reason, end.index) for end in batch.consent_ends])
            self._insert(_META, list(batch.meta.items()))
            self._move_end(batch)
            committed = self._connection.execute("COMMIT")
        if committed.statusmessage != "COMMIT":
            raise RecordFailed("The database did not commit the record.")

    def _insert(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            self._connection.execute(sql, [list(column) for column in zip(*rows, strict=True)])

    def _move_end(self, batch: Batch) -> None:
        if batch.entries:
            self._connection.execute("UPDATE evidence.seq SET next = next + %s", (len(batch.entries),))
        if batch.frontier is not None:
            nodes = b"".join(batch.frontier.nodes)
            self._connection.execute("UPDATE evidence.seq SET size = %s, nodes = %b", (batch.frontier.size, nodes))
        if batch.epoch is not None:
            self._connection.execute(
                "UPDATE evidence.worker SET epoch = %s WHERE id = %s", (batch.epoch, self.boot.worker)
            )
        if batch.urgent:
            self._connection.execute(f"NOTIFY {CHANNEL}")

    def _roll_back(self) -> None:
        """The error that counts is the first one; a broken connection has let go of everything already."""
        try:
            if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self._connection.close()

    def tidy(self) -> None:
        """The server tidies by itself."""

    def erase(self, parts: Sequence[tuple[int, str]], chunks: Sequence[tuple[str, int]]) -> int:
        """By another role than the one that records: `evidence.eraser_url_file`. Raises `RecordFailed` without it."""
        if self._eraser is None:
            raise RecordFailed(
                "This gateway's database user cannot delete ciphertext, and the settings name no other one: set "
                "evidence.eraser_url_file."
            )
        gone = 0
        with connect(self._eraser, "eraser") as connection, connection.transaction():
            for sql, places in ((_ERASE_PARTS, parts), (_ERASE_CHUNKS, chunks)):
                if places:
                    columns = [list(column) for column in zip(*places, strict=True)]
                    gone += connection.execute(sql, columns).rowcount
        return gone

    def scrub(self) -> bool:
        """Nothing a role without the tables can do: vacuuming reuses the pages, and what is left is ciphertext whose
        key was destroyed. See docs/howto/postgresql.md."""
        return True

    def abandon(self) -> None:
        self._connection.close()


def _check_dense(entries: Sequence[EntryRow], following: int) -> None:
    for expected, entry in enumerate(entries, following):
        if entry.index != expected:
            raise ValueError(f"Entry {entry.index} does not follow entry {expected - 1}.")

"""How a log in PostgreSQL stands, for operators: entries, checkpoint, leader, workers. Reads only."""

from dataclasses import asdict, dataclass
from typing import Any

from audit.stores import postgres_schema
from audit.stores.postgres_connect import connect

_LOG = """
SELECT next, (SELECT split_part(value, E'\\n', 2) FROM evidence.meta WHERE key = 'checkpoint'),
    (SELECT worker FROM evidence.leader) FROM evidence.seq
"""
_WORKERS = "SELECT id, epoch, lease_until > clock_timestamp() FROM evidence.worker ORDER BY id"


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker's name, its last start, and whether it still renews its lease."""

    id: str
    epoch: int
    alive: bool


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """The whole log."""

    entries: int
    signed: int
    leader: str | None
    """Who signs, or did so last."""
    workers: tuple[WorkerStatus, ...]

    def json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def read_status(address: str) -> DatabaseStatus:
    """Ask the database. Raises `LogMissing`, `LogDamaged`."""
    with connect(address, "status", options="-c default_transaction_read_only=on") as connection:
        postgres_schema.check(connection)
        row = connection.execute(_LOG).fetchone()
        workers = connection.execute(_WORKERS).fetchall()
    entries, signed, leader = row or (0, None, None)
    return DatabaseStatus(entries, int(signed or 0), leader, tuple(WorkerStatus(*worker) for worker in workers))

"""Keys in PostgreSQL, for several workers: a schema of its own, by a role of its own, wrapped by the same roots.

Writers take turns (one lock of the transaction), so that a hold and a destruction never pass each other. A destroyed
key is gone for every query; its bytes may stay in pages, WAL and backups of the database until those are reused, which
docs/howto/postgresql.md says how to bound. Counterpart: `audit.keys.file_store`, which is stronger there.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from audit.entry import RetentionClass
from audit.errors import KeyHeld, KeyUnavailable, LogDamaged, LogMissing
from audit.keys.keks import Keks, WrappedKek
from audit.keys.root import Roots
from audit.keys.root_choice import finish_rotation, open_roots
from audit.keys.store import HeldThing, KeySet, StoredKeys, SubjectKind, unwrap, wrap
from audit.stores import postgres_schema
from audit.stores.postgres_connect import Connection, assert_durable, connect, limit_waits

SCHEMA = "evidence_keys"
VERSION = 1

_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('vestibule keys', 0))"
_HOLDS = """
SELECT hold.hold FROM evidence_keys.hold JOIN evidence_keys.keyset ON (hold.kind = 'ks' AND hold.name = keyset.ks)
    OR (hold.kind = keyset.subject_kind AND hold.name = keyset.subject)
WHERE keyset.ks = %s ORDER BY hold.hold
"""
_COVERED = """
SELECT count(DISTINCT keyset.ks) FROM evidence_keys.hold JOIN evidence_keys.keyset
    ON (hold.kind = 'ks' AND hold.name = keyset.ks) OR (hold.kind = keyset.subject_kind AND hold.name = keyset.subject)
WHERE hold.hold = %s
"""
_SETS = """
SELECT keyset.ks, subject_kind, subject, home.class, home.month, ARRAY(
    SELECT comp FROM evidence_keys.dek WHERE dek.ks = keyset.ks AND wrapped IS NOT NULL ORDER BY comp COLLATE "C")
FROM evidence_keys.keyset JOIN evidence_keys.kek AS home ON home.id = keyset.home
WHERE home.tenant = %s AND (%s::text IS NULL OR home.class = %s) AND (%s::text IS NULL OR home.month <= %s)
ORDER BY keyset.ks COLLATE "C"
"""
_INSIDE = """
SELECT ks FROM evidence_keys.keyset WHERE home IN (
    SELECT id FROM evidence_keys.kek WHERE tenant = %s AND class = %s AND month = %s)
"""
_HELD_CLASS = ("hold", "")
"""Class and month under which the KEK of holds is filed."""


class PostgresKeyStore:
    """A `KeyStore` that several workers share. Safe from several threads."""

    def __init__(self, connection: Connection, roots: Roots, tenant: str) -> None:
        self._connection = connection
        self._roots = roots
        self._tenant = tenant
        self._lock = threading.RLock()
        self._keks = Keks(roots)
        """By their wrapped form: a row that was rolled back or destroyed finds nothing here."""

    @classmethod
    def open(cls, address: str, keys_dir: Path, tenant: str, *, read_only: bool = False) -> "PostgresKeyStore":
        """Open; for writing also make `root.key` if there are no keys yet, and finish a rotation of the root.

        Raises `KeyUnavailable`.
        """
        try:
            connection = connect(address, "keys", **_options(read_only))
        except LogMissing as error:
            raise KeyUnavailable(f"The database of the keys cannot be opened: {error}") from error
        with ExitStack() as opened:
            opened.enter_context(closing(connection))
            try:
                postgres_schema.check(connection, SCHEMA, VERSION)
                if not read_only:
                    assert_durable(connection)
                    limit_waits(connection)
                empty = connection.execute("SELECT 1 FROM evidence_keys.kek LIMIT 1").fetchone() is None
                roots = opened.enter_context(closing(open_roots(keys_dir, create=empty and not read_only)))
                store = cls(connection, roots, tenant)
                if not read_only:
                    store._move_to_current()
            except (LogDamaged, psycopg.Error) as error:
                raise KeyUnavailable(f"The database of the keys cannot be used: {error}") from error
            opened.pop_all()  # they are the store's now
        if not read_only:
            finish_rotation(keys_dir)
        return store

    # --- keys --------------------------------------------------------------------------------------------------------

    def add(self, sets: Sequence[KeySet]) -> None:
        with self._writing():
            for key_set in sets:
                kek_id, kek = self._kek(key_set.retention, key_set.month)
                self._connection.execute(
                    "INSERT INTO evidence_keys.keyset (ks, subject_kind, subject, kek, home) "
                    "VALUES (%s, %s, %s, %s, %s)",
                    (key_set.id, key_set.subject_kind, key_set.subject, kek_id, kek_id),
                )
                for compartment, key in key_set.keys.items():
                    self._connection.execute(
                        "INSERT INTO evidence_keys.dek (ks, comp, wrapped) VALUES (%s, %s, %s)",
                        (key_set.id, compartment, wrap(kek, key)),
                    )

    def _kek(self, retention: str, month: str) -> tuple[int, bytes]:
        """The KEK of a class and month; made if there is none, or none that can be opened here."""
        row = self._one(
            "SELECT id, root, wrapped FROM evidence_keys.kek WHERE tenant = %s AND class = %s AND month = %s "
            "ORDER BY id DESC LIMIT 1",
            (self._tenant, retention, month),
        )
        if row is not None and self._keks.serves(row[1], row[2]):
            return row[0], self._keks.unwrap(row[1], row[2])
        made, kek = self._keks.make()
        stored = self._one(
            "INSERT INTO evidence_keys.kek (tenant, class, month, root, wrapped, recovery) "
            "VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
            (self._tenant, retention, month, made.root, made.wrapped, made.recovery),
        )
        return stored[0], kek

    def get(self, key_set: str, compartment: str) -> bytes:
        with self._lock:
            row = self._one(
                "SELECT dek.wrapped, kek.root, kek.wrapped FROM evidence_keys.dek JOIN evidence_keys.keyset USING (ks) "
                "JOIN evidence_keys.kek ON kek.id = keyset.kek WHERE ks = %s AND comp = %s",
                (key_set, compartment),
            )
            if row is None or row[0] is None:
                raise KeyUnavailable(f"The key for '{compartment}' of key set {key_set} is missing or was destroyed.")
            return unwrap(self._keks.unwrap(row[1], row[2]), row[0])

    def key_sets(
        self,
        *,
        ids: Collection[str] | None = None,
        subjects: Collection[tuple[SubjectKind, str]] | None = None,
        retention: RetentionClass | None = None,
        until: str | None = None,
    ) -> Iterator[StoredKeys]:
        with self._lock:
            for row in self._rows(_SETS, (self._tenant, retention, retention, until, until)):
                if (ids is None or row[0] in ids) and (subjects is None or (row[1], row[2]) in subjects):
                    yield StoredKeys(
                        id=row[0],
                        subject_kind=row[1],
                        subject=row[2],
                        retention=row[3],
                        month=row[4],
                        alive=tuple(row[5]),
                        holds=tuple(self._holding(row[0])),
                    )

    # --- destruction and holds ---------------------------------------------------------------------------------------

    def destroy(self, key_set: str, compartments: Sequence[str]) -> None:
        self.destroy_all({key_set: compartments})

    def destroy_all(self, doomed: Mapping[str, Sequence[str]]) -> int:
        with self._writing():
            for name in doomed:
                if self._one("SELECT 1 FROM evidence_keys.keyset WHERE ks = %s", (name,)) is None:
                    raise KeyUnavailable(f"There is no key set {name}.")
                if holding := self._holding(name):
                    raise KeyHeld(holding[0])
            return sum(
                self._count(
                    "UPDATE evidence_keys.dek SET wrapped = NULL WHERE ks = %s AND comp = ANY(%s) AND wrapped NOTNULL",
                    (name, list(compartments)),
                )
                for name, compartments in doomed.items()
            )

    def destroy_month(self, retention: RetentionClass, month: str, *, keep_held: bool = False) -> int:
        values = (self._tenant, retention, month)
        with self._writing():
            inside = [row[0] for row in self._rows(_INSIDE, values)]
            held = {name: holding[0] for name in inside if (holding := self._holding(name))}
            if held and not keep_held:
                raise KeyHeld(next(iter(held.values())))
            for name in held:
                self._rewrap(name)
            doomed = [name for name in inside if name not in held]
            dying = self._one(
                "SELECT count(DISTINCT ks) FROM evidence_keys.dek WHERE ks = ANY(%s) AND wrapped NOTNULL", (doomed,)
            )
            self._count("UPDATE evidence_keys.dek SET wrapped = NULL WHERE ks = ANY(%s)", (doomed,))
            self._count(
                "UPDATE evidence_keys.kek SET wrapped = NULL, recovery = NULL "
                "WHERE tenant = %s AND class = %s AND month = %s",
                values,
            )
            self._keks.forget()
            return int(dying[0])

    def _rewrap(self, key_set: str) -> None:
        """Move a held key set under the KEK of holds, so that it outlives its month."""
        rows = self._rows("SELECT comp FROM evidence_keys.dek WHERE ks = %s AND wrapped NOTNULL", (key_set,))
        keys = {row[0]: self.get(key_set, row[0]) for row in rows}
        kek_id, kek = self._kek(*_HELD_CLASS)
        for compartment, key in keys.items():
            values = (wrap(kek, key), key_set, compartment)
            self._count("UPDATE evidence_keys.dek SET wrapped = %s WHERE ks = %s AND comp = %s", values)
        self._count("UPDATE evidence_keys.keyset SET kek = %s WHERE ks = %s", (kek_id, key_set))

    def hold(self, hold: str, things: Collection[HeldThing]) -> int:
        with self._writing():
            for kind, name in things:
                self._count(
                    "INSERT INTO evidence_keys.hold (hold, kind, name) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    (hold, kind, name),
                )
            return int(self._one(_COVERED, (hold,))[0])

    def release(self, hold: str) -> bool:
        with self._writing():
            return self._count("DELETE FROM evidence_keys.hold WHERE hold = %s", (hold,)) > 0

    def holds(self) -> dict[str, list[HeldThing]]:
        found: dict[str, list[HeldThing]] = {}
        with self._lock:
            sql = 'SELECT hold, kind, name FROM evidence_keys.hold ORDER BY hold, kind, name COLLATE "C"'
            for hold, kind, name in self._rows(sql):
                found.setdefault(hold, []).append((kind, name))
        return found

    def _holding(self, key_set: str) -> list[str]:
        return [row[0] for row in self._rows(_HOLDS, (key_set,))]

    # --- the root ----------------------------------------------------------------------------------------------------

    @property
    def root(self) -> str:
        """Name of the root in use."""
        return self._roots.current.name

    def _move_to_current(self) -> None:
        """Wrap every KEK by the current root, and for recovery where that is set. What cannot be opened here stays."""
        with self._writing():
            sql = "SELECT id, root, wrapped, recovery FROM evidence_keys.kek WHERE wrapped NOTNULL"
            for kek_id, *parts in self._rows(sql):
                stored = WrappedKek(*parts)
                if not self._keks.is_stale(stored):
                    continue
                moved = self._keks.moved(stored)
                self._count(
                    "UPDATE evidence_keys.kek SET root = %s, wrapped = %s, recovery = %s WHERE id = %s",
                    (moved.root, moved.wrapped, moved.recovery, kek_id),
                )

    # --- the database ------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, self._connection.transaction():
            self._connection.execute(_TURN)
            yield

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except psycopg.Error as error:
            raise KeyUnavailable(f"The database of the keys cannot be read ({type(error).__name__}).") from error

    def _one(self, sql: str, values: Sequence[object] = ()) -> Any:
        return next(iter(self._rows(sql, values)), None)

    def _count(self, sql: str, values: Sequence[object]) -> int:
        return self._connection.execute(sql, values).rowcount

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            self._roots.close()


def _options(read_only: bool) -> dict[str, str]:
    return {"options": "-c default_transaction_read_only=on"} if read_only else {}


def migrate(address: str) -> list[str]:
    """Make the tables of the keys, as their owner; names of the files applied. Raises `LogMissing`, `LogDamaged`."""
    with connect(address, "migrate") as connection:
        return postgres_schema.apply(connection, "audit.keys", SCHEMA)

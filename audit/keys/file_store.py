"""Key store of the embedded default: `keys.db` (SQLite, kept apart from the entries), its KEKs wrapped by a root key.

`keys.db` has `secure_delete` on and its WAL is emptied after a destruction, so that no copy of a destroyed key is left
in the file. On SSDs an overwrite cannot be proved; see docs/explanation/what-is-forgotten.md. Counterparts:
`audit.keys.schema` (tables and their migration), `audit.keys.root_choice` (the root).
"""

import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from audit.entry import RetentionClass
from audit.errors import KeyHeld, KeyUnavailable, RecordFailed
from audit.keys import schema
from audit.keys.keks import Keks, WrappedKek, wrapped_for_good
from audit.keys.root import RootKey, Roots
from audit.keys.root_choice import ROOT_KEY_FILE, finish_rotation, open_roots
from audit.keys.store import HeldThing, KeySet, StoredKeys, SubjectKind, unwrap, wrap

KEYS_FILE = "keys.db"

__all__ = ["KEYS_FILE", "ROOT_KEY_FILE", "FileKeyStore"]

_HOLDING = (
    "SELECT hold FROM hold JOIN keyset ON (hold.kind = 'ks' AND hold.name = keyset.ks) "
    "OR (hold.kind = keyset.subject_kind AND hold.name = keyset.subject) WHERE keyset.ks = ? ORDER BY hold"
)
_SETS = (
    "SELECT keyset.ks, subject_kind, subject, home.class, home.month, "
    "(SELECT group_concat(comp) FROM dek WHERE dek.ks = keyset.ks AND wrapped IS NOT NULL) "
    "FROM keyset JOIN kek AS home ON home.id = keyset.home WHERE home.tenant = ?"
)
_HELD_CLASS = ("hold", "")
"""Class and month under which the KEK of holds is filed."""


class FileKeyStore:
    """Keys wrapped by a root. One writer; safe from several threads."""

    def __init__(self, connection: sqlite3.Connection, roots: Roots, tenant: str) -> None:
        self._connection = connection
        self._roots = roots
        self._tenant = tenant
        self._root_column = schema.root_column(connection)
        self._lock = threading.RLock()
        self._keks = Keks(roots)
        """By their wrapped form: a row that was rolled back or destroyed finds nothing here."""

    @classmethod
    def open(cls, path: Path, keys_dir: Path, tenant: str, *, lost: bool = False) -> "FileKeyStore":
        """Open for writing; `path` is `keys.db`. Makes it and the root key where neither exists.

        Brings tables of older versions up to date and finishes a rotation of the root. Raises `KeyUnavailable` if the
        root key is missing although there are keys that need it; with `lost` it is made anew, for `recover`.
        """
        with ExitStack() as opened:
            roots = opened.enter_context(closing(open_roots(keys_dir, create=lost or not path.exists())))
            try:
                connection = opened.enter_context(closing(schema.connect(path)))
                store = cls(connection, roots, tenant)
                if not lost:
                    store._move_to_current()
            except sqlite3.Error as error:
                raise KeyUnavailable(f"The key database {path} cannot be opened ({error}).") from error
            opened.pop_all()  # they are the store's now
        if not lost:
            finish_rotation(keys_dir)
        return store

    @classmethod
    def open_read_only(cls, path: Path, keys_dir: Path, tenant: str) -> "FileKeyStore":
        """Open beside a running gateway; nothing is created or changed. Raises `KeyUnavailable`."""
        roots = open_roots(keys_dir)
        try:
            connection = schema.connect_read_only(path)
        except sqlite3.Error as error:
            roots.close()
            raise KeyUnavailable(f"The key database {path} cannot be opened ({error}).") from error
        return cls(connection, roots, tenant)

    # --- keys --------------------------------------------------------------------------------------------------------

    def add(self, sets: Sequence[KeySet]) -> None:
        with self._writing():
            for key_set in sets:
                kek_id, kek = self._kek(key_set.retention, key_set.month)
                self._connection.execute(
                    "INSERT INTO keyset (ks, subject_kind, subject, kek, home) VALUES (?, ?, ?, ?, ?)",
                    (key_set.id, key_set.subject_kind, key_set.subject, kek_id, kek_id),
                )
                self._connection.executemany(
                    "INSERT INTO dek VALUES (?, ?, ?)",
                    [(key_set.id, compartment, wrap(kek, key)) for compartment, key in key_set.keys.items()],
                )

    def _kek(self, retention: str, month: str) -> tuple[int, bytes]:
        """The KEK of a class and month; made if there is none, or none that can be opened here."""
        row = self._connection.execute(
            "SELECT id, root, wrapped FROM kek WHERE tenant = ? AND class = ? AND month = ? ORDER BY id DESC",
            (self._tenant, retention, month),
        ).fetchone()
        if row is not None and self._keks.serves(row[1], row[2]):
            return row[0], self._keks.unwrap(row[1], row[2])
        made, kek = self._keks.make()
        cursor = self._connection.execute(
            "INSERT INTO kek (tenant, class, month, root, wrapped, recovery) VALUES (?, ?, ?, ?, ?, ?)",
            (self._tenant, retention, month, made.root, made.wrapped, made.recovery),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid, kek

    def get(self, key_set: str, compartment: str) -> bytes:
        with self._lock:
            row = self._one(
                f"SELECT dek.wrapped, {self._root_column}, kek.wrapped FROM dek "  # noqa: S608
                "JOIN keyset USING (ks) JOIN kek ON kek.id = keyset.kek WHERE ks = ? AND comp = ?",
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
        where, values = "", [self._tenant]
        if retention is not None:
            where, values = f"{where} AND home.class = ?", [*values, retention]
        if until is not None:
            where, values = f"{where} AND home.month <= ?", [*values, until]
        with self._lock:
            for row in self._rows(f"{_SETS}{where} ORDER BY keyset.ks", values):
                if (ids is None or row[0] in ids) and (subjects is None or (row[1], row[2]) in subjects):
                    yield StoredKeys(
                        id=row[0],
                        subject_kind=row[1],
                        subject=row[2],
                        retention=row[3],
                        month=row[4],
                        alive=tuple(sorted((row[5] or "").split(","))) if row[5] else (),
                        holds=tuple(self._holding(row[0])),
                    )

    # --- destruction and holds ---------------------------------------------------------------------------------------

    def destroy(self, key_set: str, compartments: Sequence[str]) -> None:
        self.destroy_all({key_set: compartments})

    def destroy_all(self, doomed: Mapping[str, Sequence[str]]) -> int:
        with self._lock:
            with self._writing():
                for name in doomed:
                    if self._one("SELECT 1 FROM keyset WHERE ks = ?", (name,)) is None:
                        raise KeyUnavailable(f"There is no key set {name}.")
                    if holding := self._holding(name):
                        raise KeyHeld(holding[0])
                gone = sum(self._destroy(name, compartment) for name, parts in doomed.items() for compartment in parts)
            self._empty_wal()
        return gone

    def _destroy(self, key_set: str, compartment: str) -> int:
        sql = "UPDATE dek SET wrapped = NULL WHERE ks = ? AND comp = ? AND wrapped IS NOT NULL"
        return self._connection.execute(sql, (key_set, compartment)).rowcount

    def destroy_month(self, retention: RetentionClass, month: str, *, keep_held: bool = False) -> int:
        with self._lock:
            with self._writing():
                gone = self._destroy_month(retention, month, keep_held=keep_held)
            self._keks.forget()
            self._empty_wal()
        return gone

    def _destroy_month(self, retention: str, month: str, *, keep_held: bool) -> int:
        values = (self._tenant, retention, month)
        found = "SELECT id FROM kek WHERE tenant = ? AND class = ? AND month = ?"
        inside = [row[0] for row in self._rows(f"SELECT ks FROM keyset WHERE home IN ({found})", values)]  # noqa: S608
        held = {name: holding[0] for name in inside if (holding := self._holding(name))}
        if held and not keep_held:
            raise KeyHeld(next(iter(held.values())))
        for name in held:
            self._rewrap(name)
        doomed = [name for name in inside if name not in held]
        gone = sum(self._one("SELECT 1 FROM dek WHERE ks = ? AND wrapped NOT NULL", (n,)) is not None for n in doomed)
        self._connection.executemany("UPDATE dek SET wrapped = NULL WHERE ks = ?", [(name,) for name in doomed])
        self._connection.execute(f"UPDATE kek SET wrapped = NULL, recovery = NULL WHERE id IN ({found})", values)  # noqa: S608
        return gone

    def _rewrap(self, key_set: str) -> None:
        """Move a held key set under the KEK of holds, so that it outlives its month."""
        rows = list(self._rows("SELECT comp FROM dek WHERE ks = ? AND wrapped IS NOT NULL", (key_set,)))
        keys = {row[0]: self.get(key_set, row[0]) for row in rows}
        kek_id, kek = self._kek(*_HELD_CLASS)
        for compartment, key in keys.items():
            values = (wrap(kek, key), key_set, compartment)
            self._connection.execute("UPDATE dek SET wrapped = ? WHERE ks = ? AND comp = ?", values)
        self._connection.execute("UPDATE keyset SET kek = ? WHERE ks = ?", (kek_id, key_set))

    def hold(self, hold: str, things: Collection[HeldThing]) -> int:
        with self._lock, self._writing():
            rows = [(hold, kind, name) for kind, name in things]
            self._connection.executemany("INSERT OR IGNORE INTO hold VALUES (?, ?, ?)", rows)
            sql = _HOLDING.replace("keyset.ks = ?", "hold.hold = ?").replace("SELECT hold", "SELECT DISTINCT keyset.ks")
            return len(list(self._rows(sql, (hold,))))

    def release(self, hold: str) -> bool:
        with self._lock, self._writing():
            return self._connection.execute("DELETE FROM hold WHERE hold = ?", (hold,)).rowcount > 0

    def holds(self) -> dict[str, list[HeldThing]]:
        with self._lock:
            found: dict[str, list[HeldThing]] = {}
            for hold, kind, name in self._rows("SELECT hold, kind, name FROM hold ORDER BY hold, kind, name", ()):
                found.setdefault(hold, []).append((kind, name))
            return found

    def _holding(self, key_set: str) -> list[str]:
        return [row[0] for row in self._rows(_HOLDING, (key_set,))]

    # --- the root ----------------------------------------------------------------------------------------------------

    @property
    def root(self) -> str:
        """Name of the root in use."""
        return self._roots.current.name

    def wrapped_by(self) -> dict[str, int]:
        """How many living KEKs each root wraps, and how many can be recovered (`recovery`)."""
        with self._lock:
            counts = dict(self._rows("SELECT root, count(*) FROM kek WHERE wrapped NOT NULL GROUP BY root", ()))
            recoverable = self._one("SELECT count(*) FROM kek WHERE recovery NOT NULL")[0]
        return counts | ({"recovery": recoverable} if recoverable else {})

    def recover(self, root: RootKey) -> int:
        """Wrap by the current root what `root` (an age root with an identity) can recover; how many KEKs."""
        moved = 0
        with self._lock, self._writing():
            for kek_id, recovery in list(self._rows("SELECT id, recovery FROM kek WHERE recovery NOT NULL", ())):
                moving = wrapped_for_good(self._roots.current, root.unwrap(recovery))
                values = (self._roots.current.name, moving, kek_id)
                self._connection.execute("UPDATE kek SET root = ?, wrapped = ? WHERE id = ?", values)
                moved += 1
        return moved

    def forget_recovery(self) -> None:
        """Nobody can recover from here on, until the KEKs are wrapped for recovery anew (at the next opening)."""
        with self._lock, self._writing():
            self._connection.execute("UPDATE kek SET recovery = NULL")
        self._empty_wal()

    def _move_to_current(self) -> None:
        """Wrap every KEK by the current root, and for recovery where that is set. What cannot be opened here stays."""
        sql = "SELECT id, root, wrapped, recovery FROM kek WHERE wrapped IS NOT NULL"
        stored = [(kek_id, WrappedKek(*parts)) for kek_id, *parts in self._rows(sql, ())]
        stale = [(kek_id, kek) for kek_id, kek in stored if self._keks.is_stale(kek)]
        if not stale:
            return
        with self._writing():
            for kek_id, kek in stale:
                moved = self._keks.moved(kek)
                values = (moved.root, moved.wrapped, moved.recovery, kek_id)
                self._connection.execute("UPDATE kek SET root = ?, wrapped = ?, recovery = ? WHERE id = ?", values)
        with suppress(RecordFailed):  # the old root, which opens what is left there, is forgotten next
            self._empty_wal()

    # --- the database ------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, values: Sequence[object]) -> Iterator[Any]:
        try:
            return iter(self._connection.execute(sql, values).fetchall())
        except sqlite3.Error as error:
            raise KeyUnavailable(f"The key database cannot be read ({error}).") from error

    def _one(self, sql: str, values: Sequence[object] = ()) -> Any:
        return next(self._rows(sql, values), None)

    def _empty_wal(self) -> None:
        """What was destroyed is in no file any more. Raises `RecordFailed` if a reader stands in the way."""
        (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise RecordFailed(
                "Destroyed keys could not be cleared from the write-ahead log of the key database: something has it "
                "open for reading and does not let go. End it; the next try goes on from here."
            )

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            self._roots.close()

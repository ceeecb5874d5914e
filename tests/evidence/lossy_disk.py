"""A disk that forgets at a power cut what was not synced, sector by sector: a SQLite VFS in memory.

`LossyDisk` holds files as the medium has them, and what was written since their last sync. At the cut every pending
sector is kept or dropped by itself, as disks do that reorder and tear. `LossyConnection` gives apsw the face of
`sqlite3.Connection`, so that the product's own stores run on it. Shared memory is not simulated: SQLite keeps the index
of its write-ahead log in the heap with `locking_mode = EXCLUSIVE`, and writes the same bytes.
"""

import contextlib
import random
import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512


class PowerCut(apsw.IOError):
    """The power is gone: this call and all after it fail."""


@dataclass
class _File:
    content: bytearray
    """As the operating system shows it."""
    durable: bytes
    """As the medium has it for certain."""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Since the last sync, in order: (offset, data) of a write, (size, None) of a truncation."""


class LossyDisk:
    """Files by name. `cut_after` calls that change something the power goes; none: never."""

    def __init__(self, files: dict[str, bytes], cut_after: int | None = None) -> None:
        self.files = {name: _File(bytearray(data), data) for name, data in files.items()}
        self.calls = 0
        self.syncs = 0
        self._cut_after = cut_after
        self._lock = threading.RLock()

    @property
    def is_cut(self) -> bool:
        return self._cut_after is not None and self.calls >= self._cut_after

    def cut(self) -> None:
        """The power goes now."""
        self._cut_after = 0

    def _change(self) -> None:
        with self._lock:
            if self.is_cut:
                raise PowerCut("power cut")
            self.calls += 1

    def open(self, name: str) -> _File:
        return self.files.setdefault(name, _File(bytearray(), b""))

    def write(self, file: _File, data: bytes, offset: int) -> None:
        self._change()
        if len(file.content) < offset:
            file.content.extend(bytes(offset - len(file.content)))
        file.content[offset : offset + len(data)] = data
        file.pending.append((offset, bytes(data)))

    def truncate(self, file: _File, size: int) -> None:
        self._change()
        del file.content[size:]
        file.pending.append((size, None))

    def sync(self, file: _File) -> None:
        self._change()
        self.syncs += 1
        file.durable = bytes(file.content)
        file.pending.clear()

    def delete(self, name: str) -> None:
        self._change()
        self.files.pop(name, None)

    def after_the_cut(self, choice: random.Random, directory: Path) -> None:
        """Write into `directory` what the medium may hold now."""
        for name, file in self.files.items():
            kept = bytearray(file.durable)
            for offset, data in file.pending:
                if data is None:
                    if choice.random() < 0.5:
                        del kept[offset:]
                    continue
                for start in range(0, len(data), SECTOR):
                    if choice.random() < 0.5:
                        piece = data[start : start + SECTOR]
                        if len(kept) < offset + start:
                            kept.extend(bytes(offset + start - len(kept)))
                        kept[offset + start : offset + start + len(piece)] = piece
            (directory / name).write_bytes(kept)


class _OpenFile:
    """One handle. Method names are SQLite's."""

    def __init__(self, disk: LossyDisk, file: _File) -> None:
        self._disk, self._file = disk, file

    def excepthook(self, *_error: object) -> None:
        """SQLite learns of a power cut by the result code; nothing more is to be said."""

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._file.content[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.write(self._file, data, offset)

    def xTruncate(self, size: int) -> None:
        self._disk.truncate(self._file, size)

    def xSync(self, _flags: int) -> None:
        self._disk.sync(self._file)

    def xFileSize(self) -> int:
        return len(self._file.content)

    def xLock(self, _level: int) -> None:
        """One process, one connection a file: nothing to lock."""

    def xUnlock(self, _level: int) -> None:
        """As `xLock`."""

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, _operation: int, _pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return 0  # nothing is promised: no atomic sectors, no order

    def xClose(self) -> None:
        """Closing syncs nothing."""


class _Vfs(apsw.VFS):
    def __init__(self, name: str, disk: LossyDisk) -> None:
        self._disk = disk
        super().__init__(name, base="")

    def excepthook(self, *_error: object) -> None:
        """As `_OpenFile.excepthook`."""

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        flags[1] = flags[0]
        return _OpenFile(self._disk, self._disk.open(Path(path).name))

    def xAccess(self, path: str, _flags: int) -> bool:
        return Path(path).name in self._disk.files

    def xDelete(self, path: str, _sync: bool) -> None:
        self._disk.delete(Path(path).name)

    def xFullPathname(self, path: str) -> str:
        return path


class _Rows:
    """What `sqlite3.Connection.execute` gives, as far as the stores use it."""

    def __init__(self, rows: list[Any], lastrowid: int) -> None:
        self._rows = iter(rows)
        self.lastrowid = lastrowid

    def __iter__(self) -> Any:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)


class LossyConnection:
    """A connection to `name` on the disk, with the methods that the stores use of `sqlite3.Connection`."""

    def __init__(self, disk: LossyDisk, name: str, synchronous: str) -> None:
        self._vfs = _Vfs(f"lossy-{id(disk)}-{name}", disk)
        self._connection = apsw.Connection(name, vfs=f"lossy-{id(disk)}-{name}")
        for pragma in ("locking_mode=EXCLUSIVE", f"synchronous={synchronous}", "wal_autocheckpoint=0"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        assert self._connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]

    def execute(self, sql: str, values: Any = ()) -> _Rows:
        try:
            rows = self._connection.execute(sql, tuple(values)).fetchall()
        except apsw.Error as error:
            raise sqlite3.OperationalError(str(error)) from None
        return _Rows(rows, self._connection.last_insert_rowid())

    def executemany(self, sql: str, rows: Any) -> None:
        for row in rows:
            self.execute(sql, row)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def interrupt(self) -> None:
        self._connection.interrupt()

    def close(self) -> None:
        """Left open: closing would write the log, and the power is gone."""

    def let_go(self) -> None:
        """Free the memory. The disk MUST be cut."""
        with contextlib.suppress(apsw.Error):
            self._connection.close(force=True)
        self._vfs.unregister()

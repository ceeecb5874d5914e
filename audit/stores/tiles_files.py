"""Tiles as files: written whole beside their place, synced, linked into it, and the directory synced.

What must stay true: nothing is visible under its path before its bytes are durable, and nothing is overwritten but the
checkpoint. Files whose names begin with a dot are unfinished and belong to nobody; `open` removes them.
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from audit.errors import LogMissing
from audit.files import sync_directory, write_all, write_durably
from audit.stores.put_once import check_path, check_prefix, check_same


class FileTileStore:
    """A `TileStore` below one directory. `open` for the writer, the constructor for readers."""

    def __init__(self, root: Path) -> None:
        """Raises `LogMissing` if there is no such directory."""
        if not root.is_dir():
            raise LogMissing(f"There is no published log in {root}.")
        self.root = root
        self._counter = itertools.count()

    @classmethod
    def open(cls, root: Path) -> "FileTileStore":
        """Make the directory if need be, and remove what a crash left unfinished. Raises OSError."""
        _make(root)
        for folder, _, names in os.walk(root):
            for name in names:
                if name.startswith("."):
                    Path(folder, name).unlink(missing_ok=True)
        return cls(root)

    def put_new(self, path: str, data: bytes) -> None:
        place = self.root / check_path(path)
        found = _read(place)
        if found is None:
            if place.parent != self.root:
                _make(place.parent)
            if self._link(place, data):
                return
            found = place.read_bytes()
        check_same(path, found, data)
        _sync(place)  # whoever wrote it may have been killed before it was durable

    def _link(self, place: Path, data: bytes) -> bool:
        """Write a new file and give it its name; false if the name is taken."""
        unfinished = place.with_name(f".{place.name}.{os.getpid()}-{next(self._counter)}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            try:
                write_all(descriptor, data)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            try:
                os.link(unfinished, place)
            except FileExistsError:
                return False
        finally:
            unfinished.unlink()
        sync_directory(place.parent)
        return True

    def replace(self, path: str, data: bytes) -> None:
        write_durably(self.root / check_path(path), data)

    def get(self, path: str) -> bytes | None:
        return _read(self.root / check_path(path))

    def delete(self, path: str) -> None:
        """A deletion that a power cut undoes does no harm, so nothing is synced. An empty directory goes too."""
        place = self.root / check_path(path)
        place.unlink(missing_ok=True)
        if place.parent.suffix == ".p":
            try:
                place.parent.rmdir()
            except OSError:
                return  # not empty, or gone already

    def list(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        for folder, _, names in os.walk(self.root / prefix):
            base = os.path.relpath(folder, self.root)
            for name in names:
                if not name.startswith("."):
                    yield name if base == "." else f"{base}/{name}"


def _read(place: Path) -> bytes | None:
    try:
        return place.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _make(directory: Path) -> None:
    """Make `directory` and what is above it, each durable in its parent."""
    if directory.is_dir():
        return
    _make(directory.parent)
    directory.mkdir(exist_ok=True)
    sync_directory(directory.parent)


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(place.parent)

"""Tiles as files: what lies on the disk, before and after a crash."""

import os

import pytest

from audit.errors import LogDamaged, LogMissing
from audit.stores.tiles_files import FileTileStore


@pytest.fixture
def store(tmp_path):
    return FileTileStore.open(tmp_path / "evidence/log")


def names(store):
    return {path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file()}


def test_nothing_unfinished_stays(store):
    store.put_new("tile/0/000", b"one")
    store.put_new("tile/0/000", b"one")
    with pytest.raises(LogDamaged):
        store.put_new("tile/0/000", b"two")
    store.replace("checkpoint", b"note")
    assert names(store) == {"tile/0/000", "checkpoint"}
    assert (store.root / "tile/0/000").stat().st_nlink == 1


def test_what_a_crash_left_unfinished_is_removed_at_open_and_never_listed(store):
    store.put_new("tile/0/000", b"one")
    for name in ("tile/0/.000.77-3", "tile/.x", ".checkpoint.tmp"):
        (store.root / name).write_bytes(b"unfinished")
    assert set(store.list("")) == {"tile/0/000"}
    again = FileTileStore.open(store.root)
    assert names(again) == {"tile/0/000"}


def test_a_folder_of_partial_tiles_goes_with_the_last_of_them(store):
    for width in (1, 2):
        store.put_new(f"tile/0/000.p/{width}", b"x")
    store.delete("tile/0/000.p/1")
    assert (store.root / "tile/0/000.p").is_dir()
    store.delete("tile/0/000.p/2")
    assert not (store.root / "tile/0/000.p").exists()
    assert (store.root / "tile/0").is_dir()


def test_a_name_that_is_a_folder_is_nothing(store):
    store.put_new("tile/0/x001/000", b"one")
    assert store.get("tile/0/x001") is None
    assert store.get("tile/0/x001/000/5") is None


def test_a_medium_that_fails_is_an_error_of_the_system(store):
    (store.root / "tile").write_bytes(b"in the way")
    with pytest.raises(OSError):
        store.put_new("tile/0/000", b"one")
    with pytest.raises(OSError):
        FileTileStore.open(store.root / "tile" / "log")


def test_readers_make_nothing(tmp_path):
    with pytest.raises(LogMissing):
        FileTileStore(tmp_path / "log")
    assert os.listdir(tmp_path) == []


def test_tiles_can_be_served_by_others_but_not_changed(store):
    store.put_new("tile/0/000", b"one")
    mode = (store.root / "tile/0/000").stat().st_mode
    assert mode & 0o022 == 0
    assert mode & 0o400

"""What SQLite adds to the entry store's contract: durability settings, one writer, full disks, damaged files."""

import contextlib
import os
import resource
import signal
import sqlite3

import pytest

from audit.errors import LogDamaged, LogInUse, LogMissing
from audit.store import Batch, ChunkRow, EntryRow, SealedPart
from audit.stores.sqlite import LOG_FILE, open_reader, open_store
from audit.tlog.merkle import leaf_hash


def batch(first, count=1, size=100):
    entries = [EntryRow(index, b"h" * size, leaf_hash(b"h" * size)) for index in range(first, first + count)]
    return Batch(entries=entries)


def test_every_commit_is_synced(tmp_path):
    store = open_store(tmp_path)
    pragma = {name: store._one(f"PRAGMA {name}")[0] for name in ("synchronous", "journal_mode", "wal_autocheckpoint")}
    assert pragma == {"synchronous": 2, "journal_mode": "wal", "wal_autocheckpoint": 0}
    store.close()
    assert (tmp_path / LOG_FILE).stat().st_mode & 0o777 == 0o600


def test_one_writer(tmp_path):
    store = open_store(tmp_path)
    with pytest.raises(LogInUse, match=str(tmp_path)):
        open_store(tmp_path)
    store.close()
    open_store(tmp_path).close()


def test_an_abandoned_store_lets_go_of_the_lock(tmp_path):
    store = open_store(tmp_path)
    store.append(batch(0))
    store.abandon()
    again = open_store(tmp_path)
    assert again.size() == 1
    again.close()


def test_a_reader_beside_the_writer_sees_each_commit(tmp_path):
    store = open_store(tmp_path)
    reader = open_reader(tmp_path)
    store.append(batch(0, 3))
    assert reader.size() == 3
    reader.begin()
    assert reader.count() == 3
    store.append(batch(3, 3))
    assert reader.count() == 3
    reader.end()
    assert reader.count() == 6
    with pytest.raises(sqlite3.OperationalError):
        reader._connection.execute("DELETE FROM entry")
    reader.close()
    store.close()


def test_a_closed_log_on_a_read_only_medium_can_be_read(tmp_path):
    store = open_store(tmp_path)
    store.append(batch(0, 3))
    store.close()
    for leftover in tmp_path.glob(f"{LOG_FILE}-*"):
        leftover.unlink()
    tmp_path.chmod(0o500)
    try:
        reader = open_reader(tmp_path)
        assert reader.count() == 3
        reader.close()
    finally:
        tmp_path.chmod(0o700)


def test_no_log_another_version_and_no_database(tmp_path):
    with pytest.raises(LogMissing):
        open_reader(tmp_path)
    open_store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / LOG_FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for opener in (open_reader, open_store):
        with pytest.raises(LogDamaged, match="version 99"):
            opener(tmp_path)
    (tmp_path / LOG_FILE).write_bytes(b"no database" * 1000)
    for opener in (open_reader, open_store):
        with pytest.raises(LogDamaged, match=r"audit\.db"):
            opener(tmp_path)


def test_the_write_ahead_log_does_not_grow_without_end(tmp_path):
    store = open_store(tmp_path)
    wal = tmp_path / f"{LOG_FILE}-wal"
    for index in range(400):
        parts = [SealedPart(index, "act", "K", bytes(40_000))]
        store.append(Batch(entries=batch(index).entries, sealed=parts))
        store.tidy()
    assert wal.stat().st_size < 12_000_000
    assert (tmp_path / LOG_FILE).stat().st_size > 12_000_000
    store.close()


def test_a_full_disk_stores_nothing_of_the_batch(tmp_path):
    store = open_store(tmp_path)
    store.append(batch(0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(sqlite3.Error):
            store.append(batch(1, 500, size=4000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    store.abandon()
    again = open_store(tmp_path)
    assert again.count() == again.size() == 1
    again.close()


def test_a_damaged_page_raises_and_is_reported(tmp_path):
    store = open_store(tmp_path)
    store.append(batch(0, 500))
    store.close()
    path = tmp_path / LOG_FILE
    data = bytearray(path.read_bytes())
    data[4096 * 20 : 4096 * 21] = b"\xff" * 4096
    path.write_bytes(data)
    reader = open_reader(tmp_path)
    with pytest.raises(LogDamaged):
        list(reader.entries(0, 500))
    reader.close()


def test_erased_ciphertext_is_in_no_file(tmp_path):
    store = open_store(tmp_path / "log")
    secret = os.urandom(9000)  # more than a page, so that some of it lies on pages of its own
    small = os.urandom(40)
    rows = [EntryRow(index, b"head", bytes(32)) for index in range(50)]
    parts = [SealedPart(index, "act", "K", small if index % 2 else secret) for index in range(50)]
    store.append(Batch(entries=rows, sealed=parts, chunks=[ChunkRow("S", 0, 1, secret)]))
    store.tidy()

    def held() -> list[str]:
        files = [path for path in (tmp_path / "log").iterdir() if path.is_file()]
        return [path.name for path in files if small in path.read_bytes() or secret[4500:4600] in path.read_bytes()]

    assert held()
    store.erase([(index, "act") for index in range(50)], [("S", 0)])
    with contextlib.closing(open_reader(tmp_path / "log")) as reader:
        reader.begin()
        assert reader.count() == 50
        assert not store.scrub(), "a reader stood in the way"
    assert store.scrub()
    assert held() == []
    store.close()

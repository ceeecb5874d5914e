"""Durable small files and key files."""

import fcntl
import os
import threading

import pytest

from audit.errors import KeyUnavailable
from audit.files import make_secret, read_secret, take_lock, write_all, write_durably


def test_replaced_whole_and_nothing_is_left_over(tmp_path):
    path = tmp_path / "checkpoint"
    write_durably(path, b"one")
    write_durably(path, b"two" * 100_000)
    assert path.read_bytes() == b"two" * 100_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "checkpoint"
    write_durably(path, b"one")
    (tmp_path / ".checkpoint.tmp").mkdir()
    with pytest.raises(OSError):
        write_durably(path, b"two")
    assert path.read_bytes() == b"one"


def test_a_secret_is_made_once_for_its_owner_only(tmp_path):
    path = tmp_path / "keys" / "root.key"
    before = os.umask(0)
    try:
        first = make_secret(path, 32)
    finally:
        os.umask(before)
    assert len(first) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert make_secret(path, 32) == read_secret(path, 32) == first


def test_a_missing_short_or_readable_secret_is_refused_with_a_remedy(tmp_path):
    path = tmp_path / "root.key"
    with pytest.raises(KeyUnavailable, match="missing"):
        read_secret(path, 32)
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(KeyUnavailable, match="5 bytes"):
        read_secret(path, 32)
    path.write_bytes(bytes(32))
    path.chmod(0o640)
    with pytest.raises(KeyUnavailable, match="chmod 600"):
        read_secret(path, 32)
    path.chmod(0o600)
    path.unlink()
    path.mkdir(mode=0o700)
    with pytest.raises(KeyUnavailable, match="cannot be read"):
        read_secret(path, 32)


def test_all_is_written_through_a_pipe_that_takes_little_at_a_time():
    data = os.urandom(300_000)
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    taken = []

    def take():
        while piece := os.read(read, 1000):
            taken.append(piece)

    taker = threading.Thread(target=take)
    taker.start()
    write_all(write, data)
    os.close(write)
    taker.join()
    os.close(read)
    assert b"".join(taken) == data


def test_a_lock_file_is_for_one_at_a_time_and_its_owner_only(tmp_path):
    path = tmp_path / "lock"
    before = os.umask(0)
    try:
        first = take_lock(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    opened = len(os.listdir("/proc/self/fd"))
    with pytest.raises(BlockingIOError):
        take_lock(path)
    assert len(os.listdir("/proc/self/fd")) == opened, "the vain try holds nothing"
    os.close(first)
    os.close(take_lock(path))
    with pytest.raises(FileNotFoundError):
        take_lock(tmp_path / "nowhere" / "lock")

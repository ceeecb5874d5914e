"""Private files: whole or not at all, and for one pair of eyes."""

import os
import stat
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.files import make_private_dir, read_private, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_read_back_and_is_nobody_elses(private_dir: Path):
    key = private_dir / "root.key"
    write_private(key, b"\x00secret")
    assert read_private(key) == b"\x00secret"
    assert mode(key) == 0o600


def test_mode_does_not_depend_on_the_umask(private_dir: Path):
    before = os.umask(0o000)
    try:
        write_private(private_dir / "open", b"x")
        made = make_private_dir(private_dir / "dir")
    finally:
        os.umask(before)
    assert mode(private_dir / "open") == 0o600
    assert mode(made) == 0o700


def test_writing_again_replaces_and_leaves_nothing_beside(private_dir: Path):
    key = private_dir / "k"
    write_private(key, b"old")
    write_private(key, b"new")
    assert read_private(key) == b"new"
    assert [path.name for path in private_dir.iterdir()] == ["k"]


def test_a_failed_write_keeps_the_old_file_and_cleans_up(private_dir: Path):
    target = private_dir / "k"
    target.mkdir()  # a directory cannot be replaced by a file
    with pytest.raises(ConfigError, match=r"k: cannot be written"):
        write_private(target, b"new")
    assert [path.name for path in private_dir.iterdir()] == ["k"]


def test_writing_does_not_follow_a_link(private_dir: Path, tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (private_dir / "k").symlink_to(victim)
    write_private(private_dir / "k", b"secret")
    assert victim.read_bytes() == b"precious"
    assert not (private_dir / "k").is_symlink()


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o620])
def test_a_secret_that_others_may_touch_is_refused_with_the_remedy(private_dir: Path, bits: int):
    key = private_dir / "k"
    write_private(key, b"s")
    key.chmod(bits)
    with pytest.raises(ConfigError, match=r"others may read this secret.*chmod 600"):
        read_private(key)


def test_a_mounted_secret_behind_a_link_is_judged_by_its_target(private_dir: Path):
    write_private(private_dir / "data", b"s")
    (private_dir / "link").symlink_to("data")
    assert read_private(private_dir / "link") == b"s"
    (private_dir / "data").chmod(0o644)
    with pytest.raises(ConfigError):
        read_private(private_dir / "link")


def test_missing_and_wrong_kinds_are_clear_sentences(private_dir: Path):
    with pytest.raises(ConfigError, match="no such file"):
        read_private(private_dir / "absent")
    with pytest.raises(ConfigError, match="directory"):
        read_private(private_dir)
    (private_dir / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="a directory is wanted"):
        make_private_dir(private_dir / "file")


def test_an_empty_directory_is_narrowed_and_a_used_one_is_refused(tmp_path: Path):
    path = tmp_path / "keys"
    path.mkdir()
    path.chmod(0o755)
    assert make_private_dir(path) == path
    assert mode(path) == 0o700
    (path / "k").write_bytes(b"")
    path.chmod(0o755)
    with pytest.raises(ConfigError, match=r"others may enter.*chmod 700"):
        make_private_dir(path)


def test_parents_are_made(tmp_path: Path):
    assert mode(make_private_dir(tmp_path / "a" / "b" / "keys")) == 0o700

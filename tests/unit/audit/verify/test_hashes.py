"""Hashes only: the same root and the same contradictions about bytes, and it says what it leaves out."""

import random
import sqlite3

import pytest

from audit.errors import LogMissing
from audit.tlog.merkle import Frontier
from audit.tlog.note import SigningKey
from audit.verify.hashes import _Tree, verify_hashes
from audit.verify.log import verify_log


@pytest.fixture
async def log(scene):
    journal = scene.open()
    for _ in range(22):
        await scene.story(journal)
    await journal.checkpoint()
    scene.older = (scene.directory / "checkpoint").read_bytes()
    await scene.story(journal)
    journal.close()
    return scene


def changed(log, sql):
    connection = sqlite3.connect(log.directory / "audit.db")
    with connection:
        connection.execute(sql)
    connection.close()
    return verify_hashes(log.directory, log.public_key)


def test_the_same_as_the_whole(log):
    found, whole = verify_hashes(log.directory, log.public_key), verify_log(log.directory, log.public_key)
    assert (found.exit_code, found.root, found.size, found.signed_size) == (
        0,
        whole.root,
        whole.size,
        whole.signed_size,
    )
    assert found.size > 256
    lines = list(found.lines())
    assert lines[-1] == "hashes verified"
    assert any(line.startswith("not checked") and "sealed parts" in line for line in lines)
    assert verify_hashes(log.directory, log.public_key, since=log.older).exit_code == 0


def test_any_change_of_a_head_hash_or_place(log):
    for sql in (
        "UPDATE entry SET head = CAST(head || x'20' AS BLOB) WHERE idx = 270",
        "UPDATE entry SET leaf = zeroblob(32) WHERE idx = 5",
        "DELETE FROM entry WHERE idx = 255",
        "DELETE FROM entry WHERE idx > 270",
        "UPDATE entry SET idx = -1 WHERE idx = 0",
    ):
        assert changed(log, sql).exit_code == 1, sql


def test_without_a_checkpoint_or_a_log(log, tmp_path):
    stranger = str(SigningKey(verify_hashes(log.directory, log.public_key).origin, bytes(32)).verifier)
    assert verify_hashes(log.directory, stranger).exit_code == 1
    (log.directory / "checkpoint").unlink()
    assert verify_hashes(log.directory, log.public_key).exit_code == 2
    with pytest.raises(LogMissing):
        verify_hashes(tmp_path, log.public_key)


def test_the_tree_of_pieces():
    randomness = random.Random(2)
    tree, frontier = _Tree(), Frontier()
    while tree.size < 1500:
        width = randomness.randrange(1, 257 - tree.size % 256)
        leaves = [randomness.randbytes(32) for _ in range(width)]
        tree.add(leaves)
        frontier.extend(leaves)
        assert (tree.size, tree.root()) == (frontier.size, frontier.root())

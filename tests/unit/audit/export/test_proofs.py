"""`audit.export.proofs`: the same proofs as from the whole tree, each leaf read once, bad tiles seen through."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import LogDamaged
from audit.export.proofs import Prover
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import Tree, leaf_hash, root
from audit.tlog.proof import TlogProof


class Log:
    def __init__(self, size):
        self.hashes = [leaf_hash(b"%d" % number) for number in range(size)]
        self.read = [0] * size

    def leaves(self, low, high):
        for index in range(low, min(high, len(self.hashes))):
            self.read[index] += 1
            yield index, self.hashes[index]

    def checkpoint(self):
        return Checkpoint("logs.test/1", len(self.hashes), root(self.hashes))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1500), st.data())
def test_the_same_as_from_the_whole_tree(size, data):
    log = Log(size)
    wanted = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=8))
    tree = Tree(log.hashes)
    prover = Prover(log, log.checkpoint(), wanted)
    for index in wanted:
        assert list(prover.path(index)) == tree.inclusion(index, size)
    assert max(log.read) <= 1


LARGE = 65536 + 700


@pytest.fixture(scope="module")
def large():
    log = Log(LARGE)
    return log, log.checkpoint(), Tree(log.hashes)


def tiles_of(log):
    rows = [root(log.hashes[at : at + 256]) for at in range(0, 65536, 256)]
    return {"tile/1/000": b"".join(rows)}


def test_stored_tiles_spare_the_leaves(large):
    log, checkpoint, tree = large
    log.read = [0] * LARGE
    prover = Prover(log, checkpoint, [65600], tiles_of(log).get)
    assert list(prover.path(65600)) == tree.inclusion(65600, LARGE)
    assert sum(log.read[:65536]) == 0


@pytest.mark.parametrize("tile", [bytes(8192), b"short"])
def test_a_bad_tile_is_seen_through(large, tile):
    log, checkpoint, tree = large
    prover = Prover(log, checkpoint, [65600], {"tile/1/000": tile}.get)
    assert list(prover.path(65600)) == tree.inclusion(65600, LARGE)


def test_a_changed_or_missing_leaf_is_refused():
    log = Log(300)
    checkpoint = log.checkpoint()
    log.hashes[7] = bytes(32)
    with pytest.raises(LogDamaged, match="does not stand under"):
        Prover(log, checkpoint, [8]).path(8)
    del log.hashes[200:]
    with pytest.raises(LogDamaged, match="missing"):
        Prover(log, checkpoint, [8]).path(8)
    with pytest.raises(LogDamaged, match="says nothing of entry 300"):
        Prover(log, checkpoint, [300]).path(300)


def test_a_proof_file_carries_the_checkpoint():
    log = Log(9)
    data = Prover(log, log.checkpoint(), [3]).proof(3, b"text\n\n\xe2\x80\x94 name AAAAAAA=\n", b"head")
    parsed = TlogProof.parse(data)
    assert (parsed.index, parsed.extra) == (3, b"head")
    assert parsed.leads(log.hashes[3], log.checkpoint())

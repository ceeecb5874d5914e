"""Proofs from tiles and from leaf hashes are the same, and right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.publish.prove import from_leaves, from_tiles
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import Tree, leaf_hash, verify_consistency
from audit.tlog.tiles import Tile, tile_path

LEAVES = [leaf_hash(str(number).encode()) for number in range(700)]
TREE = Tree(LEAVES)


def leaves(low, high):
    return iter(enumerate(LEAVES[low:high], low))


class Tiles:
    """All tiles of the tree, whole and partial, made when they are asked for."""

    def get(self, path):
        for level in (0, 1):
            count = len(LEAVES) >> 8 * level
            row = TREE._levels[8 * level]
            for index in range(count // 256 + 1):
                for width in range(1, min(256, count - 256 * index) + 1):
                    if tile_path(Tile(level, index, width)) == path:
                        return b"".join(row[256 * index : 256 * index + width])
        return None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 700), st.integers(0, 700))
def test_they_agree(first, second):
    old, size = sorted((first, second))
    checkpoint = Checkpoint("logs.isp/1", size, TREE.root(size))
    proof = from_leaves(leaves)(checkpoint, old)
    assert list(from_tiles(Tiles())(checkpoint, old)) == list(proof)
    if old:
        assert verify_consistency(old, size, TREE.root(old), TREE.root(size), proof)


def test_tiles_that_are_not_there_or_not_those():
    class Nothing:
        def get(self, _path):
            return None

    with pytest.raises(LookupError):
        from_tiles(Nothing())(Checkpoint("logs.isp/1", 9, TREE.root(9)), 3)
    with pytest.raises(BadEntry):
        from_tiles(Tiles())(Checkpoint("logs.isp/1", 9, bytes(32)), 3)

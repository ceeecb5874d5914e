"""Which tiles a growing log writes, and what stands in them: the Go implementation's tiles, and the definition."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog import merkle, tiles
from audit.tlog.merkle import leaf_hash
from audit.tlog.tiles import EntryBundle, Tile, bundles_between, grow, tile_path, tiles_between


def some_leaves(count):
    return [leaf_hash(b"leaf %d" % number) for number in range(count)]


class Files:
    """A log's tiles in memory, grown step by step."""

    def __init__(self):
        self.size, self.tiles = 0, {}

    def grow(self, leaves):
        written = list(grow(self.size, leaves, self.tiles.__getitem__))
        assert [tile for tile, _ in written] == tiles_between(self.size, self.size + len(leaves))
        self.tiles.update(written)
        self.size += len(leaves)


def test_tiles_of_go_xmod(vectors):
    """Block xmod_cross: all 357 tiles, by the path that x/mod gives them, grown by one entry at a time."""
    expected = vectors["xmod_cross"]["tile_sha256_by_size_and_xmod_path"]
    leaves, files = some_leaves(1100), Files()
    for leaf in leaves:
        files.grow([leaf])
    found = {tile_path(tile).replace("tile/", "tile/8/"): data for tile, data in files.tiles.items()}
    assert len(expected) == 357
    for name, digest in expected.items():
        assert hashlib.sha256(found[name.split(" ")[1]]).hexdigest() == digest, name


def test_how_many_tiles_the_specification_says_a_tree_has(vectors):
    """Block tile_paths: sizes."""
    for case in vectors["tile_paths"]["sizes"]:
        written = tiles_between(0, case["tree_size"])
        for level in range(3):
            full = [tile for tile in written if tile.level == level and not tile.partial]
            partial = [tile.width for tile in written if tile.level == level and tile.partial]
            assert len(full) == case.get(f"level{level}_full", 0)
            width = case.get(f"level{level}_partial_width", 0)
            assert partial == ([width] if width else [])


def test_a_step_writes_what_it_changes_and_nothing_else():
    assert tiles_between(5, 5) == []
    assert tiles_between(0, 1) == [Tile(0, 0, 1)]
    assert tiles_between(255, 256) == [Tile(0, 0), Tile(1, 0, 1)]
    assert tiles_between(256, 257) == [Tile(0, 1, 1)]
    assert tiles_between(65_535, 65_537) == [Tile(0, 255), Tile(0, 256, 1), Tile(1, 0), Tile(2, 0, 1)]
    assert bundles_between(255, 700) == [EntryBundle(0), EntryBundle(1), EntryBundle(2, 188)]
    assert bundles_between(3, 3) == []


def test_a_log_does_not_shrink():
    for between in (tiles_between, bundles_between):
        for sizes in ((2, 1), (-1, 1)):
            with pytest.raises(ValueError, match="cannot become"):
                between(*sizes)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=4))
def test_tiles_hold_the_hashes_of_the_definition(steps):
    leaves, files = some_leaves(sum(steps)), Files()
    for step in steps:
        files.grow(leaves[files.size : files.size + step])
    for tile, data in files.tiles.items():
        span, first = 256**tile.level, tile.index * 256
        row = [merkle.root(leaves[at * span : (at + 1) * span]) for at in range(first, first + tile.width)]
        assert data == b"".join(row)


def test_a_cut_partial_tile_is_refused():
    with pytest.raises(BadEntry, match=r"000\.p/3 has not 3"):
        list(grow(3, some_leaves(1), lambda _: bytes(95)))


def test_all_about_tiles_is_found_in_one_module():
    assert set(tiles.__all__) <= set(dir(tiles))

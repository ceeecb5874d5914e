"""A log read from its tiles alone: a whole log of Tessera, equality with the tree in memory, and every changed byte."""

from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog.bundle import encode_bundle
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import EMPTY_ROOT, Tree, leaf_hash, verify_consistency, verify_inclusion
from audit.tlog.note import VerifierKey
from audit.tlog.tile_tree import KEPT, TileTree
from audit.tlog.tiles import EntryBundle, Tile, bundles_between, grow, tile_path, tiles_between


def entries(count):
    return [b"entry %d" % number for number in range(count)]


def published(size):
    """The files of a log of `size` entries that was published once, at its end."""
    leaves = entries(size)
    grown = grow(0, [leaf_hash(leaf) for leaf in leaves], {}.__getitem__)
    files = {tile_path(tile): data for tile, data in grown}
    for bundle in bundles_between(0, size):
        files[str(bundle)] = encode_bundle(leaves[bundle.index * 256 : bundle.index * 256 + bundle.width])
    return files


def tree_of(size):
    return Tree(leaf_hash(leaf) for leaf in entries(size))


def checkpoint(tree):
    return Checkpoint("logs.example/1", tree.size, tree.root())


def test_the_whole_tessera_log(vectors):
    """Block tiled_log: at each size the roots from its tiles and from its bundles are those of its checkpoint."""
    block = vectors["tiled_log"]
    files = {name: b64decode(data) for name, data in block["files"].items()}
    key = VerifierKey.parse(block["vkey"])
    assert open_checkpoint(files["checkpoint"], key).size == 15
    for size in range(16):
        found = TileTree(open_checkpoint(files[f"checkpoint.{size}"], key), files.__getitem__)
        assert found.size == size
        if not size:
            continue
        leaves = [leaf_hash(entry) for entry in found.bundle(0)]
        assert Tree(leaves).root() == found.checkpoint.root
        for index in range(size):
            assert found.leaf_hash(index) == leaves[index]
            assert verify_inclusion(index, size, leaves[index], found.inclusion(index), found.checkpoint.root)
            old = open_checkpoint(files[f"checkpoint.{index + 1}"], key)
            assert verify_consistency(old.size, size, old.root, found.checkpoint.root, found.consistency(old.size))
            assert found.root(old.size) == old.root
        assert {tile_path(tile) for tile in tiles_between(0, size)} <= files.keys()


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 700, 65_536 + 300])
def test_leaves_roots_and_proofs_are_those_of_the_tree_in_memory(size):
    tree, files = tree_of(size), published(size)
    found = TileTree(checkpoint(tree), files.__getitem__)
    picked = sorted(
        {0, 1, 2, 3, 254, 255, 256, 257, 511, 512, size // 2, size // 3, size - 2, size - 1} & {*range(size)}
    )
    for index in picked:
        assert found.leaf_hash(index) == tree.inclusion(index ^ 1, size)[0] if index ^ 1 < size else True
        assert found.inclusion(index) == tree.inclusion(index, size)
        assert found.consistency(index + 1) == tree.consistency(index + 1, size)
        assert found.root(index) == tree.root(index)
    assert found.consistency(0) == []
    assert found.root(0) == EMPTY_ROOT
    assert found.root(size) == tree.root()


@settings(max_examples=20)
@given(st.integers(1, 1500), st.data())
def test_any_size_any_entry(size, data):
    tree, files = tree_of(size), published(size)
    found = TileTree(checkpoint(tree), files.__getitem__)
    index = data.draw(st.integers(0, size - 1))
    assert found.inclusion(index) == tree.inclusion(index, size)
    assert found.consistency(index + 1) == tree.consistency(index + 1, size)
    assert found.bundle(index // 256)[index % 256] == b"entry %d" % index


def test_only_the_tiles_that_are_needed_are_read():
    tree, files, read = tree_of(70_000), published(70_000), []
    found = TileTree(checkpoint(tree), lambda path: read.append(path) or files[path])
    assert read == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
    found.inclusion(1000)
    assert read[3:] == ["tile/1/000", "tile/0/003"]
    found.inclusion(1001)
    assert len(read) == 5


def test_a_walk_through_the_log_keeps_a_bounded_number_of_tiles():
    size = (KEPT + 40) * 256
    tree, files, read = tree_of(size), published(size), []
    found = TileTree(checkpoint(tree), lambda path: read.append(path) or files[path])
    for index in range(0, size, 256):
        found.leaf_hash(index)
    assert len(found._checked) <= KEPT
    assert len(read) == len(set(read))


def test_a_full_tile_or_bundle_stands_in_for_a_partial_one():
    """C2SP lets a log delete a partial tile once the full one is there: an old checkpoint is still readable."""
    old, new = tree_of(700), published(1024)
    for name in [name for name in new if ".p/" in name]:
        del new[name]
    found = TileTree(checkpoint(old), {**new, "tile/1/000.p/2": published(700)["tile/1/000.p/2"]}.__getitem__)
    assert found.inclusion(699) == old.inclusion(699, 700)
    assert found.bundle(2) == entries(700)[512:]


def test_what_is_missing_is_not_taken_for_a_contradiction():
    tree, files = tree_of(700), published(700)
    del files["tile/0/001"]
    found = TileTree(checkpoint(tree), files.__getitem__)
    found.inclusion(0)
    with pytest.raises(KeyError):
        found.inclusion(300)
    del files["tile/entries/000"]
    with pytest.raises(KeyError):
        found.bundle(0)
    del files["tile/0/002.p/188"]
    with pytest.raises(KeyError):
        TileTree(checkpoint(tree), files.__getitem__)


def _read_all(found):
    for index in range(0, found.size, 256):
        found.leaf_hash(index)
        found.bundle(index // 256)


@settings(max_examples=60)
@given(st.data())
def test_every_changed_byte_of_a_tile_or_bundle_is_found(data):
    tree, files = tree_of(600), dict(FILES_600)
    name = data.draw(st.sampled_from(sorted(files)))
    content = files[name]
    kind = data.draw(st.sampled_from(["flip", "cut", "more", "empty"]))
    at = data.draw(st.integers(0, len(content) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    files[name] = {
        "flip": content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :],
        "cut": content[:at],
        "more": content + bytes([bit]),
        "empty": b"",
    }[kind]
    with pytest.raises(BadEntry):
        _read_all(TileTree(checkpoint(tree), files.__getitem__))


FILES_600 = published(600)


def test_exchanged_tiles_and_a_changed_checkpoint_are_found():
    tree = tree_of(600)
    _read_all(TileTree(checkpoint(tree), FILES_600.__getitem__))
    swapped = {**FILES_600, "tile/0/000": FILES_600["tile/0/001"], "tile/0/001": FILES_600["tile/0/000"]}
    with pytest.raises(BadEntry, match="does not fit"):
        _read_all(TileTree(checkpoint(tree), swapped.__getitem__))
    entries_moved = {**FILES_600, "tile/entries/000": FILES_600["tile/entries/001"]}
    with pytest.raises(BadEntry, match="not those of the tile"):
        _read_all(TileTree(checkpoint(tree), entries_moved.__getitem__))
    with pytest.raises(BadEntry, match="right edge"):
        TileTree(Checkpoint("logs.example/1", 600, leaf_hash(b"")), FILES_600.__getitem__)
    with pytest.raises(BadEntry, match="right edge"):
        TileTree(Checkpoint("logs.example/1", 0, leaf_hash(b"")), FILES_600.__getitem__)


def test_beyond_the_log_there_is_nothing():
    found = TileTree(checkpoint(tree_of(3)), published(3).__getitem__)
    calls = [lambda: found.leaf_hash(3), lambda: found.leaf_hash(-1), lambda: found.inclusion(3)]
    calls += [lambda: found.consistency(4), lambda: found.root(4), lambda: found.bundle(1), lambda: found.bundle(-1)]
    calls += [lambda: found.consistency(-1), lambda: found.root(-1), lambda: found.inclusion(-1)]
    for call in calls:
        with pytest.raises(BadEntry, match="no such entry"):
            call()


def test_tiles_and_bundles_have_the_names_of_the_specification():
    assert set(published(257)) == {
        *("tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/1")
    }
    assert str(EntryBundle(1, 1)) == "tile/entries/001.p/1"
    assert tile_path(Tile(0, 1, 1)) == "tile/0/001.p/1"

"""Tiles and bundles from entries: the same bytes however the log grew, in whatever order things failed on the way."""

import random

import pytest

from audit.errors import LogDamaged, PublishFailed
from audit.publish.integrator import Edge, Integrator
from audit.publish.place import Place
from audit.publish.restore import read_checkpoint, restore
from audit.publish.tile_store import path_of
from audit.store import Batch, EntryRow
from audit.stores.memory import MemoryEntryStore
from audit.stores.tiles_memory import MemoryTileStore
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import Frontier, leaf_hash, root
from audit.tlog.note import SigningKey, sign_note
from audit.tlog.tiles import TileTree, bundles_between, decode_bundle, tiles_between

KEY = SigningKey("logs.isp/1", bytes(range(32)))
HEADS = [b'{"entry":%d}' % index for index in range(70_000)]
LEAVES = [leaf_hash(head) for head in HEADS]


def entries(size):
    store = MemoryEntryStore()
    store.append(Batch(entries=[EntryRow(index, HEADS[index], LEAVES[index]) for index in range(size)]))
    return store


def checkpoint(size):
    return Checkpoint(KEY.verifier.name, size, root(LEAVES[:size]))


def note(size):
    return sign_note(checkpoint(size).text(), KEY).encode()


def fetch(tiles):
    def get(path):
        if (data := tiles.get(path)) is None:
            raise LookupError(path)
        return data

    return get


def check(tiles, size):
    """The store holds what a reader of the log at this size needs, all of it right."""
    tree = TileTree(checkpoint(size), fetch(tiles))
    for number in range((size + 255) // 256):
        assert tree.bundle(number) == HEADS[number * 256 : min(size, number * 256 + 256)]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 5000])
def test_all_that_a_reader_needs_is_there(size):
    tiles = MemoryTileStore()
    integrator = Integrator(entries(size), tiles)
    integrator.advance(size)
    assert (integrator.size, integrator.root()) == (size, root(LEAVES[:size]))
    check(tiles, size)
    pieces = [*tiles_between(0, size), *bundles_between(0, size)]
    assert set(tiles.objects) == {path_of(piece) for piece in pieces}


def test_three_levels():
    store, tiles = entries(66_000), MemoryTileStore()
    integrator = Integrator(store, tiles)
    for size in (65_535, 65_536, 65_537, 66_000):
        integrator.advance(size)
        assert integrator.root() == root(LEAVES[:size])
    check(tiles, 66_000)
    assert tiles.get("tile/2/000.p/1") == TileTree(checkpoint(65_536), fetch(tiles))._tile(1, 0)[8]


def test_the_same_bytes_however_it_grew():
    store = entries(3000)
    at_once, slowly = MemoryTileStore(), MemoryTileStore()
    Integrator(store, at_once).advance(3000)
    integrator, randomness, size = Integrator(store, slowly), random.Random(5), 0
    while size < 3000:
        size = min(3000, size + randomness.randint(1, 300))
        integrator.advance(size)
        integrator.advance(size)
    assert at_once.objects.items() <= slowly.objects.items()
    # Of the partial tiles on the way only those remain whose full tile is not there yet.
    extra = slowly.objects.keys() - at_once.objects.keys()
    assert all(path.startswith(("tile/0/011.p/", "tile/1/000.p/", "tile/entries/011.p/")) for path in extra)


def test_only_what_changed_is_written():
    store, tiles = entries(2000), MemoryTileStore()
    integrator = Integrator(store, tiles)
    integrator.advance(1800)
    written = []
    tiles.before = lambda call, path: written.append(path) if call == "put_new" else None
    integrator.advance(1805)
    assert sorted(written) == ["tile/0/007.p/13", "tile/entries/007.p/13"]


def test_missing_and_changed_entries_are_not_published():
    store = entries(300)
    with pytest.raises(LogDamaged, match="Entry 300"):
        Integrator(store, MemoryTileStore()).advance(301)
    store._entries[7] = EntryRow(7, b"changed", LEAVES[7])
    with pytest.raises(LogDamaged, match="Entry 7"):
        Integrator(store, MemoryTileStore()).advance(300)


def test_other_tiles_are_an_alarm():
    tiles = MemoryTileStore()
    tiles.put_new("tile/0/000", bytes(8192))
    with pytest.raises(LogDamaged, match="tile/0/000"):
        Integrator(entries(300), tiles).advance(300)


def test_the_edge_is_the_tree():
    tiles = MemoryTileStore()
    for size in (1, 2, 3, 255, 256, 257, 65_536, 66_001):
        integrator = Integrator(entries(size), tiles)
        integrator.advance(size)
        frontier = Frontier()
        frontier.extend(LEAVES[:size])
        assert integrator._state.edge.frontier().nodes == frontier.nodes
    with pytest.raises(ValueError):
        Edge(3, {0: bytes(64)}).root()


class Stop(Exception):
    """The machine stops here."""


@pytest.mark.parametrize("error", [Stop, PublishFailed])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_stopped_at_any_call_and_gone_on(moment, error):
    """Whatever call the process ends at, or the store fails at: the checkpoint that is visible can be read to its
    end at that moment, and afterwards publishing goes on to the same bytes."""
    store, sizes = entries(900), (5, 255, 256, 600, 769, 900)
    for stop_at in range(1000):
        tiles, calls = MemoryTileStore(), iter(range(1000))

        def hook(call, path, calls=calls, stop_at=stop_at):
            if next(calls) == stop_at:
                raise error("here")

        setattr(tiles, moment, hook)
        place = Place(store, tiles, KEY.verifier)
        place.restore(checkpoint(0))
        stopped = False
        for size in sizes:
            try:
                place.publish(note(size))
            except error:
                stopped = True
                setattr(tiles, moment, None)
                shown = read_checkpoint(tiles, KEY.verifier)
                check(tiles, 0 if shown is None else shown.size)
                if error is Stop:  # the process is gone; the next one finds its way
                    place = Place(store, tiles, KEY.verifier)
                    place.restore(checkpoint(size), whole=bool(stop_at % 2))
                place.publish(note(size))
            check(tiles, size)
        clean = MemoryTileStore()
        Integrator(store, clean).advance(900)
        kept = {path for path in tiles.objects if not path.startswith(("tile/0/003.p/", "tile/entries/003.p/"))}
        assert kept - {"checkpoint", "tile/1/000.p/1", "tile/1/000.p/2"} <= clean.objects.keys()
        assert all(tiles.objects[path] == data for path, data in clean.objects.items())
        if not stopped:
            return
    raise AssertionError("It never came to an end.")


def test_restore_begins_with_nothing():
    restored = restore(entries(10), MemoryTileStore(), KEY.verifier, checkpoint(10), whole=True)
    assert (restored.edge.size, restored.checked, restored.rewritten) == (0, 0, 0)


def test_bundles_hold_the_heads():
    tiles = MemoryTileStore()
    Integrator(entries(300), tiles).advance(300)
    assert decode_bundle(tiles.objects["tile/entries/001.p/44"], 44) == HEADS[256:300]

"""A mirror recomputes before it stores, goes on where it was, and follows no fork."""

import pytest

from audit.errors import LogDamaged, LogMissing, PublishFailed
from audit.publish.fsck import fsck
from audit.publish.mirror import cosigning, mirror
from audit.publish.place import Place
from audit.stores.tiles_memory import MemoryTileStore
from audit.tlog.cosignature import CosigningKey
from audit.tlog.note import parse_note
from audit.witness.store import WitnessStore
from audit.witness.witness import Witness
from config.clock import FakeClock


class Log:
    """A published log that grows."""

    def __init__(self, numbered):
        self.numbered = numbered
        self.tiles = MemoryTileStore()
        self.place = Place(numbered.store(3000), self.tiles, numbered.key.verifier)

    def grow(self, size):
        self.place.publish(self.numbered.note(size))


@pytest.fixture
def log(numbered):
    made = Log(numbered)
    made.grow(700)
    return made


@pytest.fixture
def place():
    return MemoryTileStore()


def test_a_copy_is_a_log(numbered, log, place):
    done = mirror(log.tiles, place, numbered.key.verifier)
    assert (done.before, done.size, done.cosigned) == (0, 700, False)
    assert place.objects == log.tiles.objects
    log.grow(1500)
    done = mirror(log.tiles, place, numbered.key.verifier)
    assert (done.before, done.size) == (700, 1500)
    assert fsck(place, numbered.key.verifier, database=numbered.store(1500)).exit_code == 0
    assert mirror(log.tiles, place, numbered.key.verifier).before == 1500
    assert "1500, of them 800 new" in "\n".join(done.lines())


def test_an_empty_log(numbered, place):
    log = Log(numbered)
    log.grow(0)
    assert mirror(log.tiles, place, numbered.key.verifier).size == 0
    log.grow(5)
    assert mirror(log.tiles, place, numbered.key.verifier).size == 5


def test_what_does_not_fit_the_checkpoint_is_not_stored(numbered, log, place):
    for path in [path for path in log.tiles.objects if path.startswith("tile/")]:
        data = log.tiles.objects[path]
        log.tiles.objects[path] = bytes([data[3] ^ 1]).join((data[:3], data[4:]))
        other = MemoryTileStore()
        with pytest.raises(LogDamaged):
            mirror(log.tiles, other, numbered.key.verifier)
        assert "checkpoint" not in other.objects
        assert all(numbered_content(numbered, name) == stored for name, stored in other.objects.items())
        log.tiles.objects[path] = data


def numbered_content(numbered, path):
    tiles = MemoryTileStore()
    Place(numbered.store(700), tiles, numbered.key.verifier).publish(numbered.note(700))
    return tiles.objects[path]


def test_stopped_at_any_call_it_goes_on(numbered, log, place):
    for stop_at in range(100):
        other, calls = MemoryTileStore(), iter(range(1000))

        def hook(call, path, calls=calls, stop_at=stop_at):
            if next(calls) == stop_at:
                raise PublishFailed("gone")

        other.before = hook
        try:
            mirror(log.tiles, other, numbered.key.verifier)
        except PublishFailed:
            other.before = None
            assert "checkpoint" not in other.objects
            assert mirror(log.tiles, other, numbered.key.verifier).size == 700
            assert other.objects == log.tiles.objects
        else:
            return
    raise AssertionError("It never came to an end.")


def test_bundles_that_are_there_are_not_fetched_again(numbered, log, place):
    mirror(log.tiles, place, numbered.key.verifier)
    log.grow(1500)
    asked = []

    class Counting:
        def get(self, path):
            asked.append(path)
            return log.tiles.get(path)

    mirror(Counting(), place, numbered.key.verifier)
    assert "tile/entries/001" not in asked
    assert "tile/entries/002" in asked


@pytest.mark.parametrize("at", [0, 300, 699])
def test_a_fork_is_refused(numbered, log, place, at):
    mirror(log.tiles, place, numbered.key.verifier)
    before = dict(place.objects)
    forked = Log(numbered.forked(at))
    forked.grow(900)
    with pytest.raises(LogDamaged, match="forked"):
        mirror(forked.tiles, place, numbered.key.verifier)
    assert place.objects == before


def test_a_fork_behind_what_the_mirror_has_is_another_log_that_goes_on(numbered, log, place):
    mirror(log.tiles, place, numbered.key.verifier)
    forked = Log(numbered.forked(700))
    forked.grow(900)
    assert mirror(forked.tiles, place, numbered.key.verifier).size == 900
    with pytest.raises(LogDamaged, match="forked"):
        log.grow(1000)
        mirror(log.tiles, place, numbered.key.verifier)


def test_a_log_that_shrank_is_not_followed(numbered, log, place):
    log.grow(900)
    mirror(log.tiles, place, numbered.key.verifier)
    shrunk = Log(numbered)
    shrunk.grow(800)
    with pytest.raises(LogMissing, match="mirror has 900 already"):
        mirror(shrunk.tiles, place, numbered.key.verifier)


def test_missing_tiles_are_no_contradiction(numbered, log, place):
    del log.tiles.objects["tile/entries/001"]
    with pytest.raises(LogMissing, match="tile/entries/001 is missing"):
        mirror(log.tiles, place, numbered.key.verifier)
    with pytest.raises(LogMissing):
        mirror(MemoryTileStore(), place, numbered.key.verifier)


def test_a_mirror_that_was_changed_notices(numbered, log, place):
    mirror(log.tiles, place, numbered.key.verifier)
    place.objects["tile/entries/000"] = b"changed"
    place.objects["tile/1/000.p/2"] = bytes(64)  # so that it begins anew
    log.grow(900)
    with pytest.raises(LogDamaged):
        mirror(log.tiles, place, numbered.key.verifier)


def test_it_cosigns_what_it_recomputed(numbered, log, place, tmp_path):
    key = CosigningKey("mirror.example/1", bytes(range(1, 33)))
    store = WitnessStore(tmp_path / "witness.db")
    store.add_log([numbered.key.verifier])
    cosign = cosigning(Witness([key], store, FakeClock()))
    for size in (700, 700, 1500):
        log.grow(size)
        assert mirror(log.tiles, place, numbered.key.verifier, cosign=cosign).cosigned
        found = parse_note(place.objects["checkpoint"])
        assert found.verified_by([numbered.key.verifier, key.verifier]) == [numbered.key.verifier, key.verifier]
        assert len(found.signatures) == 2
    forked = Log(numbered.forked(100))
    forked.grow(2000)
    with pytest.raises(LogDamaged, match="does not cosign"):
        mirror(forked.tiles, MemoryTileStore(), numbered.key.verifier, cosign=cosign)
    store.close()

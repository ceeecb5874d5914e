"""At open: what a crash lost or tore is made again; what contradicts the entries is an alarm."""

import pytest

from audit.errors import LogDamaged
from audit.publish.place import Place
from audit.publish.restore import load_edge, restore
from audit.stores.tiles_files import FileTileStore
from audit.stores.tiles_memory import MemoryTileStore
from audit.tlog.note import SigningKey, sign_note

SIZE = 1500


@pytest.fixture
def tiles(numbered):
    """Published at 700 and at 1500."""
    made = MemoryTileStore()
    place = Place(numbered.store(SIZE), made, numbered.key.verifier)
    for size in (700, SIZE):
        place.publish(numbered.note(size))
    return made


def again(numbered, tiles, *, whole, size=SIZE, signed=None):
    store = numbered.store(size)
    return restore(store, tiles, numbered.key.verifier, numbered.checkpoint(signed or size), whole=whole)


both = pytest.mark.parametrize("whole", [True, False])


@both
def test_a_sound_place_is_left_alone(numbered, tiles, whole):
    before = dict(tiles.objects)
    restored = again(numbered, tiles, whole=whole)
    assert (restored.edge.size, restored.rewritten, restored.deleted) == (SIZE, 0, 0)
    assert restored.edge.root() == numbered.checkpoint(SIZE).root
    assert tiles.objects == before
    assert restored.checked > 0
    assert "1500 entries" in restored.step()


@both
@pytest.mark.parametrize("damage", ["gone", "empty", "torn", "zeros", "zero tail"])
def test_whatever_is_lost_or_torn_is_made_again(numbered, tiles, whole, damage):
    before = dict(tiles.objects)
    for path in [path for path in before if path.startswith("tile/")]:
        data = before[path]
        kept = {"gone": None, "empty": b"", "torn": data[:-5], "zeros": bytes(len(data))}
        found = kept.get(damage, data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
        tiles.objects.pop(path)
        if found is not None:
            tiles.objects[path] = found
        restored = again(numbered, tiles, whole=whole)
        if found is None and path == "tile/1/000.p/2":  # of the older checkpoint, and nobody can know that it was there
            tiles.objects[path] = data
        else:
            assert restored.rewritten == 1, path
        assert tiles.objects == before


@both
def test_every_other_byte_is_an_alarm(numbered, tiles, whole):
    before = dict(tiles.objects)
    for path in [path for path in before if path.startswith("tile/")]:
        data = before[path]
        for changed in (bytes([data[0] ^ 1]) + data[1:], data[:-1] + bytes([data[-1] ^ 1]), data + b"\x00"):
            tiles.objects[path] = changed
            with pytest.raises(LogDamaged):
                again(numbered, tiles, whole=whole)
        tiles.objects[path] = data


@both
def test_a_place_that_is_all_gone_is_made_again(numbered, whole):
    tiles = MemoryTileStore()
    restored = again(numbered, tiles, whole=whole)
    assert restored.edge.size == 0
    Place(numbered.store(SIZE), tiles, numbered.key.verifier).publish(numbered.note(SIZE))
    numbered.check(tiles, SIZE)


@both
@pytest.mark.parametrize("note", [b"", b"logs.isp/1\n", bytes(100)])
def test_a_torn_checkpoint_is_none(numbered, tiles, whole, note):
    tiles.objects["checkpoint"] = note
    place = Place(numbered.store(SIZE), tiles, numbered.key.verifier)
    assert "0 entries" in place.restore(numbered.checkpoint(SIZE), whole=whole)
    place.publish(numbered.note(SIZE))
    numbered.check(tiles, SIZE)


@both
def test_a_checkpoint_of_somebody_else_is_an_alarm(numbered, tiles, whole):
    text = numbered.checkpoint(SIZE).text()
    tiles.objects["checkpoint"] = sign_note(text, SigningKey("logs.isp/1", bytes(32))).encode()
    with pytest.raises(LogDamaged, match="not of this log"):
        again(numbered, tiles, whole=whole)


@both
def test_a_database_older_than_what_was_shown_is_an_alarm(numbered, tiles, whole):
    with pytest.raises(LogDamaged, match="older than what others have seen"):
        again(numbered, tiles, whole=whole, size=1400)
    del tiles.objects["checkpoint"]  # and if it is gone, the tiles still tell
    with pytest.raises(LogDamaged, match="was published, but the log has only 1400 entries"):
        again(numbered, tiles, whole=whole, size=1400)


@both
def test_a_database_of_another_history_is_an_alarm(numbered, tiles, whole):
    for at in (0, 3, 800, 1499):
        with pytest.raises(LogDamaged):
            again(numbered.forked(at), tiles, whole=whole)


@both
def test_tiles_ahead_of_the_checkpoint_are_a_crash_and_stay(numbered, tiles, whole):
    before = dict(tiles.objects)
    tiles.objects["checkpoint"] = numbered.note(700)
    for path in ("tile/0/004", "tile/entries/002"):
        tiles.objects[path] = tiles.objects[path][:10]
    tiles.objects["tile/0/002.p/200"] = before["tile/0/002"][: 200 * 32]
    restored = again(numbered, tiles, whole=whole)
    assert (restored.edge.size, restored.deleted) == (700, 1)
    assert tiles.objects["tile/0/004"] == before["tile/0/004"]
    Place(numbered.store(SIZE), tiles, numbered.key.verifier).publish(numbered.note(SIZE))
    numbered.check(tiles, SIZE)


def test_an_edge_that_is_not_all_there_is_none(numbered, tiles):
    assert load_edge(tiles, SIZE) is not None
    for path in ("tile/0/005.p/220", "tile/1/000.p/5"):
        data = tiles.objects.pop(path)
        assert load_edge(tiles, SIZE) is None
        tiles.objects[path] = data


def test_strangers_files_are_left_alone(numbered, tmp_path):
    tiles = FileTileStore.open(tmp_path / "log")
    Place(numbered.store(300), tiles, numbered.key.verifier).publish(numbered.note(300))
    (tmp_path / "log/tile/README.txt").write_text("hello")
    (tmp_path / "log/tile/0/.000.1-1").write_text("unfinished")
    again(numbered, FileTileStore.open(tmp_path / "log"), whole=True, size=300)
    assert (tmp_path / "log/tile/README.txt").exists()
    assert not (tmp_path / "log/tile/0/.000.1-1").exists()


@both
def test_what_witnesses_cosigned_is_part_of_the_log(numbered, tiles, whole, tmp_path):
    seen = tmp_path / "checkpoint.witnessed"

    def restored(size, signed=SIZE):
        place = Place(numbered.store(SIZE), tiles, numbered.key.verifier)
        return place.restore(numbered.checkpoint(signed), whole=whole, seen=seen)

    assert "1500 entries" in restored(SIZE)  # nobody cosigned yet
    seen.write_bytes(b"")  # torn
    assert "1500 entries" in restored(SIZE)
    for size in (1, 256, 700, SIZE):
        seen.write_bytes(numbered.note(size))
        assert "1500 entries" in restored(size)
    for note in (numbered.forked(3).note(700), numbered.forked(3).note(SIZE), numbered.note(1501)):
        seen.write_bytes(note)
        with pytest.raises(LogDamaged, match="itnesses cosigned"):
            restored(SIZE)
    tiles.objects.clear()  # and where nothing is published any more
    for note in (numbered.forked(3).note(SIZE), numbered.note(1501)):
        seen.write_bytes(note)
        with pytest.raises(LogDamaged, match="itnesses cosigned"):
            restored(SIZE)

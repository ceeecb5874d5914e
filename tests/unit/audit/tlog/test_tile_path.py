"""Names of tiles and bundles: the specification's example, the paths no parser may take, and that a name is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog.tile_path import EntryBundle, Tile, entries_path, parse_path, tile_path

indexes = st.integers(0, 2**63 - 1) | st.integers(0, 2_000_000)
widths = st.integers(1, 256)


def test_the_paths_of_the_vectors(vectors):
    """Block tile_paths: index and path."""
    for case in vectors["tile_paths"]["vectors"]:
        assert tile_path(Tile(3, case["index"])) == f"tile/3/{case['path_suffix']}"
        assert entries_path(case["index"], 5) == f"tile/entries/{case['path_suffix']}.p/5"


def test_the_paths_that_must_be_refused(vectors):
    """Block tile_paths: must_reject_paths."""
    assert len(vectors["tile_paths"]["must_reject_paths"]) == 9
    for path in vectors["tile_paths"]["must_reject_paths"]:
        with pytest.raises(BadEntry):
            parse_path(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/tile/0/000", "tile/0/000/", "tile/0/000\n", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/01"),
        *("tile/0/000.p/+1", "tile/0/000.p/1/2", "tile/0/x000/001", "tile/0/000/001", "tile/-1/000", "tile/0/٠٠٠"),
        *("tile/entries/000.p/256", "tile/entries/000.p/0", "tile/Entries/000", "tile/data/000", "tile/entries/0/000"),
        *("tile/0/../000", "tile//000", "tile/0//000", "checkpoint", "TILE/0/000", "tile/0/X001/000", "tile/00/000"),
        *("tile/0/x009/x223/x372/x036/x854/x775/808", "tile/0/" + "x001/" * 7 + "000", "tile/0/" + "x001/" * 9999),
        *("tile/0/000.p/1.p/1", "tile/0/000 ", " tile/0/000", "tile/0/000\x00", "tile/1e1/000", "tile/0/1_0"),
    ],
)
def test_more_paths_that_must_be_refused(path):
    with pytest.raises(BadEntry):
        parse_path(path)


def test_the_last_tile_there_can_be_has_a_path():
    last = Tile(63, 2**63 - 1, 255)
    assert parse_path(tile_path(last)) == last


@given(st.integers(0, 63), indexes, widths)
def test_tiles_and_bundles_are_read_back(level, index, width):
    tile, bundle = Tile(level, index, width), EntryBundle(index, width)
    assert parse_path(tile_path(tile)) == tile
    assert parse_path(str(bundle)) == parse_path(entries_path(index, width)) == bundle
    assert tile.partial == bundle.partial == (width < 256)


@given(st.text("tile/0123456789xp.entris-+ \n", max_size=50) | st.text(max_size=20))
def test_a_path_that_is_taken_is_the_only_one_for_its_tile(path):
    try:
        found = parse_path(path)
    except BadEntry:
        return
    assert (tile_path(found) if isinstance(found, Tile) else str(found)) == path


@given(st.integers(0, 63), indexes, widths, st.data())
def test_a_changed_path_is_refused_or_another_tile(level, index, width, data):
    path = tile_path(Tile(level, index, width))
    at = data.draw(st.integers(0, len(path) - 1))
    char = data.draw(st.characters())
    for changed in (path[:at] + char + path[at + 1 :], path[:at] + path[at + 1 :], path[:at] + char + path[at:]):
        try:
            found = parse_path(changed)
        except BadEntry:
            continue
        assert (found == Tile(level, index, width)) == (changed == path)


@pytest.mark.parametrize("values", [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257)])
def test_tiles_that_cannot_be(values):
    with pytest.raises(ValueError, match="no such tile"):
        Tile(*values)
    if values[0] == 0:
        with pytest.raises(ValueError, match="no such tile"):
            EntryBundle(*values[1:])

"""Published tiles are held against the entries of the database."""

import shutil

import pytest

from audit.tlog.bundle import encode_bundle
from audit.tlog.merkle import leaf_hash
from audit.tlog.tiles import grow, tile_path
from audit.verify.published import PublishedCheck

HEADS = [b"entry %d" % number for number in range(600)]


@pytest.fixture
def root(tmp_path):
    def write(name, data):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)

    for tile, data in grow(0, [leaf_hash(head) for head in HEADS], lambda tile: b""):
        write(tile_path(tile), data)
    for name, part in (("000", HEADS[:256]), ("001", HEADS[256:512]), ("002.p/88", HEADS[512:])):
        write(f"tile/entries/{name}", encode_bundle(part))
    return tmp_path


def findings(root, size=600, heads=HEADS):
    check = PublishedCheck(root, size)
    found = [one for head in heads for one in check.feed(head, leaf_hash(head))]
    return check, found + list(check.finish())


def test_sound_tiles(root):
    check, found = findings(root)
    assert found == []
    assert check.compared == 7  # 3 bundles, 3 tiles of leaves, one above them


def test_a_database_that_is_ahead(root):
    more = [b"more %d" % number for number in range(500)]
    _, found = findings(root, heads=HEADS + more)
    assert found == []


def test_tiles_that_are_ahead_of_the_checkpoint_and_of_the_database(root):
    _, found = findings(root, size=520, heads=HEADS[:550])
    assert [text for _, text in found] == ["tile/entries/002.p/8 is not there", "tile/0/002.p/8 is not there"]
    shutil.copy(root / "tile/entries/000", root / "tile/entries/009")
    assert len(findings(root, size=520, heads=HEADS[:550])[1]) == 2


def test_every_file_changed_gone_or_foreign(root):
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        data = path.read_bytes()
        for changed in (data[:-1], data + b"x", b"x" + data[1:]):
            path.write_bytes(changed)
            _, found = findings(root)
            assert [severity for severity, _ in found] == ["contradiction"], path
        path.unlink()
        assert [severity for severity, _ in findings(root)[1]] == ["missing"], path
        path.write_bytes(data)
    for name in ("tile/0/01", "tile/x", "tile/entries/000.p/0"):
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_bytes(b"")
        assert [severity for severity, _ in findings(root)[1]] == ["contradiction"], name
        (root / name).unlink()

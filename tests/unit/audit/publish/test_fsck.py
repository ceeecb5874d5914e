"""Recomputation of a published log finds every changed byte and every missing file, and nothing in a sound one."""

import base64
import hashlib

import pytest

from audit.errors import LogMissing
from audit.publish.fsck import fsck
from audit.publish.place import Place
from audit.publish.sealed import StoredObjects, sealed_path
from audit.stores.tiles_memory import MemoryTileStore
from audit.tlog.merkle import leaf_hash
from audit.tlog.note import SigningKey, sign_note


def publish(numbered, size):
    tiles = MemoryTileStore()
    Place(numbered.store(size), tiles, numbered.key.verifier).publish(numbered.note(size))
    return tiles


@pytest.mark.parametrize("size", [0, 1, 256, 257, 1500])
def test_a_sound_log(numbered, size):
    report = fsck(publish(numbered, size), numbered.key.verifier, database=numbered.store(size))
    assert (report.exit_code, report.entries, report.size, report.findings) == (0, size, size, ())
    assert report.root == numbered.checkpoint(size).root
    assert list(report.lines())[-1].startswith("whole")
    assert fsck(publish(numbered, size), numbered.key.verifier).compared is False


def test_every_changed_byte_is_found(numbered):
    tiles = publish(numbered, 300)
    for path, data in list(tiles.objects.items()):
        for at in {0, 1, len(data) // 2, len(data) - 1} | set(range(0, len(data), max(1, len(data) // 50))):
            tiles.objects[path] = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
            assert fsck(tiles, numbered.key.verifier).exit_code == 1, (path, at)
        for other in (b"", data[:-1], data + b"\x00"):
            tiles.objects[path] = other
            assert fsck(tiles, numbered.key.verifier).exit_code == 1, path
        tiles.objects[path] = data
    assert fsck(tiles, numbered.key.verifier).exit_code == 0


def test_every_missing_file_is_found_and_named(numbered):
    tiles = publish(numbered, 1500)
    for path in [path for path in tiles.objects if path.startswith("tile/")]:
        data = tiles.objects.pop(path)
        report = fsck(tiles, numbered.key.verifier)
        assert report.exit_code == 2
        assert [finding.path for finding in report.findings] == [path]
        tiles.objects[path] = data


def test_a_range_of_which_nothing_is_left_is_incomplete_not_a_contradiction(numbered):
    tiles = publish(numbered, 1500)
    for path in ("tile/0/002", "tile/entries/002"):
        del tiles.objects[path]
    report = fsck(tiles, numbered.key.verifier)
    assert report.exit_code == 2
    assert {finding.path for finding in report.findings} == {"tile/0/002", "tile/entries/002"}


def test_partial_tiles_may_have_become_full_ones(numbered):
    tiles = publish(numbered, 300)
    whole = publish(numbered, 600)
    for path in ("tile/0/001.p/44", "tile/entries/001.p/44"):
        del tiles.objects[path]
        tiles.objects[path.removesuffix(".p/44")] = whole.objects[path.removesuffix(".p/44")]
    assert fsck(tiles, numbered.key.verifier).exit_code == 0


def test_a_consistent_forgery_needs_the_key(numbered):
    forged = numbered.forked(40)
    tiles = publish(forged, 300)
    assert fsck(tiles, numbered.key.verifier).exit_code == 0  # whoever has the key can write another history,
    report = fsck(tiles, numbered.key.verifier, database=numbered.store(300))  # which the database shows
    assert report.exit_code == 1
    assert report.findings[0].path == "tile/entries/000"
    tiles.objects["checkpoint"] = sign_note(
        numbered.checkpoint(300).text(), SigningKey("logs.isp/1", bytes(32))
    ).encode()
    assert fsck(tiles, numbered.key.verifier).findings[0].path == "checkpoint"


def test_a_database_that_is_shorter_contradicts(numbered):
    report = fsck(publish(numbered, 300), numbered.key.verifier, database=numbered.store(299))
    assert report.exit_code == 1


def test_nothing_published_is_no_report(numbered):
    with pytest.raises(LogMissing):
        fsck(MemoryTileStore(), numbered.key.verifier)


def test_sealed_objects_are_held_against_seals(numbered):
    digest = base64.b64encode(hashlib.sha256(b"object").digest()).decode()
    seal = b'{"d":{"from":0,"sha256":"%s","to":255},"k":"integrity.seal"}' % digest.encode()
    heads = [*numbered.heads[:256], seal]
    log = type(numbered)(numbered.key, heads, [leaf_hash(head) for head in heads])
    tiles = publish(log, 257)
    for stored, expected in ((None, 2), (b"object", 0), (b"other", 1)):
        if stored is not None:
            tiles.objects[sealed_path(0)] = stored
        report = fsck(tiles, log.key.verifier, sealed=StoredObjects(tiles))
        assert (report.exit_code, report.sealed) == (expected, int(expected == 0))

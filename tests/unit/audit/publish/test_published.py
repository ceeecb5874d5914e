"""The journal publishes: tiles before checkpoints, seals after them, and nothing goes on where histories differ."""

import json
import shutil
import threading

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import LogDamaged, RecordFailed
from audit.publish.fsck import fsck
from audit.publish.sealed import SealedObjects
from audit.publish.seals import seals_in
from audit.publish.tile_store import CHECKPOINT
from audit.stores.sqlite import open_reader
from audit.stores.tiles_files import FileTileStore
from audit.stores.tiles_memory import MemoryTileStore
from audit.tlog.checkpoint import open_checkpoint
from audit.tlog.note import VerifierKey


def noise(count):
    return [
        NewEntry(kind=Kind.AUTH_OK, facts={"number": number}, sealed={"who": {"a": "b"}}) for number in range(count)
    ]


def record(journal, count):
    for future in [journal.append_later(entry) for entry in noise(count)]:
        future.result()


def verifier(scene):
    return VerifierKey.parse(scene.public_key.read_text().strip())


def look(scene, tiles=None):
    """Everything that can be recomputed, beside the database."""
    reader = open_reader(scene.directory)
    try:
        return fsck(
            tiles or FileTileStore(scene.directory / "log"),
            verifier(scene),
            database=reader,
            sealed=SealedObjects(reader),
        )
    finally:
        reader.close()


async def test_the_log_is_published_beside_the_database(scene):
    journal = scene.open()
    await scene.story(journal)
    await journal.checkpoint()
    published = (scene.directory / "log" / CHECKPOINT).read_bytes()
    assert published == (scene.directory / "checkpoint").read_bytes()
    assert open_checkpoint(published, verifier(scene)).size >= 10
    report = look(scene)
    assert (report.exit_code, report.findings) == (0, ())
    journal.close()
    report = look(scene)
    assert (report.exit_code, report.compared) == (0, True)
    assert report.size == open_reader(scene.directory).size()


async def test_closed_ranges_are_sealed(scene):
    journal = scene.open()
    record(journal, 700)
    await journal.checkpoint()
    record(journal, 1)  # the seals ride along with the next entry
    reader = open_reader(scene.directory)
    assert set(seals_in(reader)) == {0, 1}
    size = reader.size()
    for _ in range(3):
        await journal.checkpoint()
    record(journal, 1)
    assert reader.size() == size + 1  # and no seals of seals
    reader.close()
    journal.close()
    journal = scene.open()
    record(journal, 200)
    await journal.checkpoint()
    record(journal, 1)
    journal.close()
    report = look(scene)
    assert (report.exit_code, report.sealed) == (0, 3)


async def test_a_checkpoint_writes_only_what_changed(scene):
    journal = scene.open()
    record(journal, 600)
    await journal.checkpoint()
    tiles = FileTileStore(scene.directory / "log")
    before = {path: (scene.directory / "log" / path).stat().st_ino for path in tiles.list("")}
    record(journal, 1)
    await journal.checkpoint()
    after = {path: (scene.directory / "log" / path).stat().st_ino for path in tiles.list("")}
    changed = {path for path in after if before.get(path) != after[path]}
    assert {path.partition(".p/")[0] for path in changed} == {"checkpoint", "tile/0/002", "tile/entries/002"}


async def test_another_history_closes_the_log_and_says_so_in_it(scene):
    journal = scene.open()
    record(journal, 10)
    await journal.checkpoint()
    forged = scene.directory / "log/tile/0/000.p"
    size = open_reader(scene.directory).size()
    for width in range(size, size + 40):
        (forged / str(width + 1)).write_bytes(bytes(32 * (width + 1)))
    with pytest.raises(RecordFailed):
        for _ in range(5):
            record(journal, 1)
            await journal.checkpoint()
    assert journal.poisoned
    journal.abandon()
    reader = open_reader(scene.directory)
    *_, last = reader.entries(0, 1000)
    assert json.loads(last.head)["k"] == "integrity.alarm"
    assert json.loads(last.head)["d"] == {"what": "published_differs"}
    reader.close()
    with pytest.raises(LogDamaged):
        scene.open()


async def test_a_disk_that_fails_under_the_tiles_is_the_disk_under_the_database(scene):
    journal = scene.open()
    record(journal, 3)
    await journal.checkpoint()
    folder = scene.directory / "log/tile/entries/000.p"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    poisoned = threading.Event()
    journal.on_poison(poisoned.set)
    with pytest.raises(RecordFailed):
        record(journal, 1)
        await journal.checkpoint()
    assert poisoned.wait(10)
    journal.abandon()
    folder.unlink()
    scene.open().close()
    assert look(scene).exit_code == 0


async def test_a_log_from_before_there_were_tiles_gets_them(scene):
    journal = scene.open()
    record(journal, 600)
    journal.close()
    shutil.rmtree(scene.directory / "log")
    scene.open().close()
    assert look(scene).exit_code == 0


async def test_delivered_elsewhere_too(scene):
    objects = MemoryTileStore()
    journal = scene.open(objects=objects)
    record(journal, 300)
    journal.close()
    assert look(scene, objects).exit_code == 0


async def test_another_history_elsewhere_closes_the_log_too(scene):
    objects = MemoryTileStore()
    objects.put_new("tile/entries/000", b"another")
    journal = scene.open(objects=objects)
    with pytest.raises(RecordFailed):
        for _ in range(200):
            record(journal, 20)
            await journal.checkpoint()
    journal.abandon()
    assert "checkpoint" not in objects.objects


async def test_an_older_database_is_refused_for_what_was_published(scene):
    """Even with a signer's state as old as the database: the tiles remember."""
    journal = scene.open()
    record(journal, 5)
    journal.close()
    shutil.copytree(scene.directory, scene.directory.parent / "old")
    shutil.copytree(scene.keys_dir, scene.directory.parent / "old-keys")
    journal = scene.open()
    record(journal, 5)
    journal.close()
    old = scene.directory.parent / "old"
    shutil.rmtree(old / "log")
    shutil.copytree(scene.directory / "log", old / "log")
    scene.directory, scene.keys_dir = old, scene.directory.parent / "old-keys"
    with pytest.raises(LogDamaged, match="older than what others have seen"):
        scene.open()

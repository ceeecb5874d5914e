"""Killed while it publishes, again and again: whatever checkpoint is visible can be read to its end at that moment, no
published size is ever taken back, and the log opens and goes on."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.publish.fsck import fsck
from audit.publish.sealed import SealedObjects
from audit.stores.sqlite import open_reader
from audit.stores.tiles_files import FileTileStore
from audit.tlog.note import VerifierKey
from config.clock import SystemClock

WRITER = Path(__file__).with_name("publish_writer.py")
ROOT = Path(__file__).resolve().parents[4]


def run_and_kill(directory, keys_dir, seconds):
    """Let the writer publish for `seconds`, kill it; the sizes that it was told were published."""
    process = subprocess.Popen(
        [sys.executable, str(WRITER), str(directory), str(keys_dir)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        data = process.stdout.read()
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
    return [int(line) for line in data.decode().split("\n")[:-1]]


def look(directory, keys_dir):
    """Recompute what is published, beside the database."""
    key = VerifierKey.parse((keys_dir / "log.pub").read_text().strip())
    reader = open_reader(directory)
    try:
        return fsck(FileTileStore(directory / "log"), key, database=reader, sealed=SealedObjects(reader))
    finally:
        reader.close()


@pytest.mark.slow
async def test_killed_while_publishing(tmp_path):
    directory, keys_dir = tmp_path / "evidence", tmp_path / "keys"
    randomness, newest = random.Random(4), 0
    for _ in range(8):
        told = run_and_kill(directory, keys_dir, 0.02 + randomness.random() * 0.4)
        newest = max([newest, *told])
        report = look(directory, keys_dir)
        assert (report.exit_code, report.findings) == (0, ())
        assert report.size >= newest
        newest = report.size
    journal = Journal.open(directory, keys_dir=keys_dir, origin="logs.isp", clock=SystemClock())
    for _ in range(2):  # the seals of all that was closed before, and a checkpoint over them
        await journal.append(NewEntry(kind=Kind.AUTH_OK))
        await journal.checkpoint()
    journal.close()
    report = look(directory, keys_dir)
    assert (report.exit_code, report.findings) == (0, ())
    assert report.size > 500
    assert report.sealed >= report.size // 256 - 1
    partial = [path for path in FileTileStore(directory / "log").list("tile/") if ".p/" in path]
    full = set(FileTileStore(directory / "log").list("tile/"))
    assert not [path for path in partial if path.partition(".p/")[0] in full]

"""Killed in full flight, again and again: what was acknowledged is there; the log opens, closes sessions, verifies."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audit.journal import Journal
from audit.verify.log import verify_log
from config.clock import SystemClock

WRITER = Path(__file__).with_name("crash_writer.py")
ROOT = Path(__file__).resolve().parents[3]


def run_and_kill(directory, keys_dir, seconds):
    """Let the writer record for `seconds`, kill it, give back what it had been told: {index: leaf hash}."""
    process = subprocess.Popen(
        [sys.executable, str(WRITER), str(directory), str(keys_dir)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        os.set_blocking(process.stdout.fileno(), False)
        data, until = b"", time.monotonic() + seconds
        while time.monotonic() < until:
            data += process.stdout.read() or b""
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        os.set_blocking(process.stdout.fileno(), True)
        data += process.stdout.read()
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
    lines = data.decode().split("\n")[:-1]  # the last one may be cut short
    return {int(index): bytes.fromhex(leaf) for index, leaf in (line.split(" ") for line in lines)}


@pytest.mark.slow
def test_killed_again_and_again(tmp_path):
    directory, keys_dir = tmp_path / "evidence", tmp_path / "keys"
    randomness, acknowledged = random.Random(11), {}
    for round_number in range(4):
        acknowledged.update(run_and_kill(directory, keys_dir, 0.05 + randomness.random() * 0.5))
        journal = Journal.open(directory, keys_dir=keys_dir, origin="logs.isp", clock=SystemClock())
        reader = journal.reader()
        stored = {entry.index: entry.leaf_hash for entry in reader.entries()}
        assert acknowledged.items() <= stored.items()
        assert all(summary.state == "closed" for summary in reader.sessions())
        reader.close()
        if round_number % 2:
            journal.close()
        else:
            journal.abandon()
    journal = Journal.open(directory, keys_dir=keys_dir, origin="logs.isp", clock=SystemClock())
    journal.close()
    report = verify_log(directory, keys_dir / "log.pub", keys_dir=keys_dir)
    assert report.exit_code == 0, list(report.lines())
    assert all(check.complete for check in report.sessions)
    assert report.parts_checked == report.parts_committed
    assert report.chunks_checked == report.chunks_recorded
    assert len(acknowledged) > 100
    assert {check.close_reason for check in report.sessions} <= {"end", "crash"}

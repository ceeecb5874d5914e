"""System calls that fail for real (strace injects the error): nothing acknowledged is missing, nothing is retried.

The program of `crash_writer` records until the error, then has to stop by itself; the log is opened again without the
fault and has to hold all that was acknowledged.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from audit.journal import Journal
from audit.verify.log import verify_log
from config.clock import SystemClock

WRITER = Path(__file__).with_name("crash_writer.py")
ROOT = Path(__file__).resolve().parents[3]

CASES = [
    # the write-ahead log and the key database cannot be synced, early and late
    ("fdatasync", "EIO", "30+"),
    ("fdatasync", "ENOSPC", "200"),  # once only: there must be no second try
    # a row cannot be written
    ("pwrite64", "ENOSPC", "400+"),
    ("pwrite64", "EIO", "2000"),
    # the checkpoint or the signer's state cannot be put in place
    ("rename", "EIO", "8+"),
    ("fsync", "EIO", "14"),
    # while the log is being made
    ("fdatasync", "EIO", "3"),
    ("rename", "ENOSPC", "1+"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("call", "error", "when"), CASES, ids=lambda value: value)
def test_an_error_stops_recording_and_loses_nothing(tmp_path, require_program, call, error, when):
    strace = require_program("strace")
    directory, keys_dir, trace = tmp_path / "evidence", tmp_path / "keys", tmp_path / "trace"
    inject = f"inject={call}:error={error}:when={when}"
    tracer = [strace, "-f", "-qq", "-o", trace, "-e", f"trace={call}", "-e", inject]
    done = subprocess.run(
        [*tracer, sys.executable, str(WRITER), str(directory), str(keys_dir)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert "INJECTED" in trace.read_text(), "the fault was not met"
    assert done.returncode == 1
    told = [line for line in done.stderr.decode().splitlines() if line.startswith("audit.errors.")]
    assert told, done.stderr.decode()
    assert told[-1].startswith(
        ("audit.errors.RecordFailed: ", "audit.errors.KeyUnavailable: ", "audit.errors.LogDamaged")
    )
    lines = [line.split(" ") for line in done.stdout.decode().split("\n")[:-1] if line != "ready"]
    acknowledged = {int(index): bytes.fromhex(leaf) for index, leaf in lines}

    journal = Journal.open(directory, keys_dir=keys_dir, origin="logs.isp", clock=SystemClock())
    reader = journal.reader()
    stored = {entry.index: entry.leaf_hash for entry in reader.entries()}
    reader.close()
    journal.close()
    assert acknowledged.items() <= stored.items()
    report = verify_log(directory, keys_dir / "log.pub", keys_dir=keys_dir)
    assert report.exit_code == 0, list(report.lines())

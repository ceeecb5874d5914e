"""Every file call of recording, publishing and closing fails once, for real; nothing acknowledged is lost.

strace makes one system call after the other fail (the method is that of the Tessera project's tests). After each run
the log is opened without faults, checked, published and verified. By default a sample of the calls is taken: the first,
the last and some between of each kind; `FAULTS=all` takes all of them.
"""

import collections
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.journal import Journal
from audit.verify.log import verify_log
from config.clock import SystemClock
from tests.evidence.fault_writer import FAILED, RECORDED
from tests.evidence.published import fsck_is_clean

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 5
CALLS = "openat,write,pwrite64,fdatasync,fsync,rename,renameat2,link,linkat,unlink,ftruncate,fallocate,fchmod,mkdir"
FULL = {"write", "pwrite64", "openat", "ftruncate", "fallocate", "link", "linkat", "mkdir"}
_LINE = re.compile(r"^(\d+)\s+(?:<\.\.\. )?(\w+)\(")

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(3000)]


class Writer:
    """The preloaded program, and one run of it under strace."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/evidence/fault_writer.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def run(self, place: Path, *options: str) -> int:
        """Exit status of the writer, traced with `options`."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{place}\n")
        process.stdin.flush()
        pid = int(process.stdout.readline())
        tracer = subprocess.Popen(
            ["strace", "-f", "-y", "-p", str(pid), *options],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        os.kill(pid, signal.SIGCONT)
        status = int(process.stdout.readline())
        tracer.communicate(timeout=60)
        return status

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture
def writer() -> Iterator[Writer]:
    if shutil.which("strace") is None:
        if os.environ.get("VESTIBULE_REQUIRE_REAL"):
            pytest.fail("strace is not installed: run scripts/debian-packages")
        pytest.skip("strace is not installed")
    writer = Writer()
    yield writer
    writer.close()


def made(tmp_path: Path, name: str) -> Path:
    place = tmp_path / name
    place.mkdir()
    return place


def file_calls(trace: Path, place: Path) -> dict[str, int]:
    """How often the busiest thread made each call that names a file below `place`."""
    made_by: dict[tuple[str, str], int] = collections.Counter()
    ours: set[tuple[str, str]] = set()
    for line in trace.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        made_by[match[1], match[2]] += 1
        if str(place) in line:
            ours.add((match[1], match[2]))
    found: dict[str, int] = {}
    for thread, call in ours:
        found[call] = max(found.get(call, 0), made_by[thread, call])
    return found


def chosen(count: int) -> list[int]:
    """Which of `count` calls fail, each in a run of its own."""
    if os.environ.get("FAULTS") == "all" or count <= SAMPLE:
        return list(range(1, count + 1))
    return sorted({1, 2, count, *(1 + (count - 1) * step // (SAMPLE - 1) for step in range(SAMPLE))})


def check(place: Path, status: int) -> None:
    """What must hold after every run."""
    assert status in (RECORDED, FAILED)
    lines = (place / "acknowledged").read_bytes().rstrip(b"\0").decode().splitlines()
    acknowledged = {int(index): leaf for index, leaf in (line.split() for line in lines)}
    Journal.open(place / "evidence", keys_dir=place / "keys", origin="logs.isp/faults", clock=SystemClock()).close()
    with contextlib.closing(
        Journal.open(place / "evidence", keys_dir=place / "keys", origin="logs.isp/faults", clock=SystemClock())
    ) as journal:
        reader = journal.reader()
        stored = {entry.index: entry.leaf_hash.hex() for entry in reader.entries()}
        assert acknowledged.items() <= stored.items()
        for index in acknowledged:
            assert reader.sealed(index, "who") == {"user": "alice"}
        reader.close()
    report = verify_log(place / "evidence", place / "keys" / "log.pub", keys_dir=place / "keys")
    assert report.exit_code == 0, list(report.lines())
    fsck_is_clean(place / "evidence", place / "keys")


def test_fault_injection_on_every_file_call(writer, tmp_path):
    whole = made(tmp_path, "whole")
    assert writer.run(whole, "-e", f"trace={CALLS}", "-o", str(whole / "trace")) == RECORDED
    check(whole, RECORDED)
    calls = file_calls(whole / "trace", whole)
    assert {"openat", "pwrite64", "fdatasync", "rename"} <= calls.keys()
    runs, failed = 0, collections.Counter[str]()
    for call, count in sorted(calls.items()):
        for error in ("EIO", "ENOSPC", "EINTR") if call in FULL else ("EIO", "EINTR"):
            for which in chosen(count):
                place = made(tmp_path, f"{call}-{error}-{which}")
                inject = f"inject={call}:error={error}:when={which}"
                status = writer.run(place, "-e", f"trace={call}", "-e", inject, "-o", "/dev/null")
                try:
                    check(place, status)
                except Exception as problem:
                    pytest.fail(f"{call} number {which} failed with {error}: {problem!r}")
                runs += 1
                failed[call] += status == FAILED
                shutil.rmtree(place)
    print(f"{runs} runs, recording stopped in {sum(failed.values())}: {dict(failed)}")
    assert failed["fdatasync"], "no failed sync stopped the recording: the faults did not reach it"
    assert failed["pwrite64"]

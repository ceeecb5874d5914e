"""docs/tutorial/check-a-bundle.md, word for word: a stranger with Python, a bundle, a policy file and nothing else."""

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audit.journal import Journal
from audit.tlog.cosignature import CosigningKey
from audit.tlog.note import Note, parse_note
from config.clock import FakeClock
from tests.bundles import Desk, court, record

pytestmark = pytest.mark.system

PAGE = Path(__file__).resolve().parents[2] / "docs/tutorial/check-a-bundle.md"
STEP = re.compile(r"```sh\n(?P<command>.*?)\n```(?:\n\n```text\n(?P<shown>.*?)\n```)?", re.DOTALL)
STATUSES = (0, 0, 0, 0, 1)

WITNESSES = [CosigningKey(f"witness.example/{number}", bytes([number]) * 32) for number in (1, 2, 3)]


def cosigned(note: bytes) -> bytes:
    """Two of the three witnesses were there."""
    parsed = parse_note(note)
    signatures = [witness.cosign(parsed.text, int(time.time())) for witness in WITNESSES[:2]]
    return Note(parsed.text, (*parsed.signatures, *signatures)).encode()


async def _make(folder: Path, desk: Path) -> None:
    clock = FakeClock()
    journal = Journal.open(folder / "evidence", keys_dir=folder / "keys", origin="logs.isp", clock=clock)
    try:
        lines = [f"witness w{number} {key.verifier}" for number, key in enumerate(WITNESSES, 1)]
        policy = "\n".join([f"log {journal.verifier_key}", *lines, "group most 2 w1 w2 w3", "quorum most", ""])
        made = await record(journal, clock, commands=14, blocked=False)
        writer = Desk(journal, clock, policy, cosigned)
        (desk / "bundle.zip").write_bytes(await writer.bundle(court([made.session], "act,out,rec")))
        (desk / "policy.txt").write_text(policy)
    finally:
        journal.close()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The stranger's empty folder with the two files, and away from it the house that made them."""
    house, desk = tmp_path / "house", tmp_path / "desk"
    house.mkdir()
    desk.mkdir()
    asyncio.run(_make(house, desk))
    return desk


@pytest.fixture
def stranger(desk: Path, tmp_path: Path):
    """Runs one line of a shell where there is no Vestibule: a bare Python, and no environment."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(Path(getattr(sys, "_base_executable", sys.executable)).resolve())

    def run(line: str) -> "subprocess.CompletedProcess[str]":
        command = ["/usr/bin/env", "-i", f"PATH={programs}", "/bin/sh", "-c", line]
        return subprocess.run(command, cwd=desk, capture_output=True, text=True, check=False)

    return run


def _as_pattern(shown: str) -> str:
    """Output as the page shows it: an ellipsis stands for anything."""
    return ".*?".join(re.escape(part) for part in shown.split("…"))


def test_the_stranger_has_no_vestibule(stranger):
    for package in ("audit", "gateway", "config"):
        assert "ModuleNotFoundError" in stranger(f'python3 -I -c "import {package}"').stderr


def test_the_page_is_what_happens(stranger):
    steps = list(STEP.finditer(PAGE.read_text()))
    assert len(steps) == len(STATUSES)
    for step, status in zip(steps, STATUSES, strict=True):
        result = stranger(step["command"])
        assert result.returncode == status, step["command"] + "\n" + result.stdout + result.stderr
        if step["shown"] is not None:
            assert re.search(_as_pattern(step["shown"]), result.stdout, re.DOTALL), result.stdout

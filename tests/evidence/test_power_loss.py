"""The power goes at any moment, and unsynced sectors survive or vanish one by one: nothing acknowledged is lost.

The same harness with `synchronous = NORMAL` must lose entries: a test that cannot fail would prove nothing.
"""

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import AuditError, KeyUnavailable
from audit.journal import Journal
from audit.keys.file_store import FileKeyStore
from audit.keys.root_choice import open_roots
from audit.reader import EvidenceReader
from audit.signing.signer import FileState, Signer
from audit.stores.sqlite import SqliteEntryStore
from audit.tlog.note import SigningKey
from audit.verify.log import verify_log
from config.clock import SystemClock
from config.ids import new_id
from tests.evidence.lossy_disk import LossyConnection, LossyDisk

RUNS = int(os.environ.get("POWER_LOSS_RUNS", "200"))
ORIGIN = "logs.isp/power"


@dataclass(frozen=True)
class Ground:
    """An empty log as the product makes it, and its keys."""

    evidence: Path
    keys: Path

    def files(self) -> dict[str, bytes]:
        return {name: (self.evidence / name).read_bytes() for name in ("audit.db", "keys.db")}


@pytest.fixture(scope="module")
def ground(tmp_path_factory) -> Ground:
    place = tmp_path_factory.mktemp("ground")
    evidence, keys = place / "evidence", place / "keys"
    Journal.open(evidence, keys_dir=keys, origin=ORIGIN, clock=SystemClock()).close()
    for name in ("audit.db-wal", "audit.db-shm", "keys.db-wal", "keys.db-shm"):
        assert not (evidence / name).exists() or not (evidence / name).stat().st_size
    return Ground(evidence, keys)


@dataclass
class Run:
    """What one run left: the directory after the cut, and what had been acknowledged: {index: leaf hash}."""

    evidence: Path
    keys: Path
    acknowledged: dict[int, bytes]
    calls: int


async def _write(journal: Journal, acknowledged: dict[int, bytes], randomness: random.Random) -> None:
    """One rep: sessions with small entries, and now and then a part so large that the write-ahead log is emptied."""
    with contextlib.suppress(AuditError):
        for _ in range(3):
            session = new_id()
            kinds = [Kind.SESSION_REQUESTED, *[Kind.CMD_BLOCKED] * 4, Kind.SESSION_CLOSED]
            for kind in kinds:
                size = 700_000 if kind is Kind.CMD_BLOCKED and randomness.random() < 0.12 else 200
                sealed = {"act": {"typed": randomness.randbytes(size // 2).hex()}}
                entry = NewEntry(kind=kind, session=session, facts={"reason": "end"}, sealed=cast("Any", sealed))
                ref = await journal.append(entry)
                acknowledged[ref.index] = ref.leaf_hash


def run_until_cut(ground: Ground, place: Path, seed: int, synchronous: str, cut_after: int | None) -> Run:
    randomness = random.Random(seed)
    keys_dir, evidence = place / "keys", place / "evidence"
    shutil.copytree(ground.keys, keys_dir)
    evidence.mkdir()
    disk = LossyDisk(ground.files(), cut_after)
    seed_bytes = (keys_dir / "log.key").read_bytes()
    lock = os.open(evidence / "lock", os.O_CREAT | os.O_RDWR)
    acknowledged: dict[int, bytes] = {}

    connections = {name: LossyConnection(disk, name, synchronous) for name in ("audit.db", "keys.db")}

    async def record() -> None:
        store = SqliteEntryStore(cast("Any", connections["audit.db"]), lock)
        keys = FileKeyStore(cast("Any", connections["keys.db"]), open_roots(keys_dir), ORIGIN)
        signer = Signer(SigningKey(ORIGIN, seed_bytes), FileState(keys_dir / "signer.state"))
        journal = Journal(store, keys, signer, SystemClock())
        journal.append_seconds = 30.0
        try:
            await asyncio.gather(*(_write(journal, acknowledged, randomness) for _ in range(4)))
        finally:
            journal.abandon()

    with contextlib.suppress(AuditError, sqlite3.Error):
        asyncio.run(record())
    disk.cut()  # at the latest now: no two runs make quite the same number of calls
    for connection in connections.values():
        connection.let_go()
    disk.after_the_cut(randomness, evidence)
    return Run(evidence, keys_dir, acknowledged, disk.calls)


def lost(run: Run) -> int:
    """How many acknowledged entries are not there once the power is back; all if the log does not open."""
    try:
        journal = Journal.open(run.evidence, keys_dir=run.keys, origin=ORIGIN, clock=SystemClock())
    except AuditError:
        return len(run.acknowledged)
    reader = journal.reader()
    try:
        stored = {entry.index: entry.leaf_hash for entry in reader.entries()}
        missing = [
            index for index, leaf in run.acknowledged.items() if stored.get(index) != leaf or not opens(reader, index)
        ]
    finally:
        reader.close()
        journal.close()
    if not missing:
        report = verify_log(run.evidence, run.keys / "log.pub", keys_dir=run.keys)
        assert report.exit_code == 0, list(report.lines())
    return len(missing)


def opens(reader: EvidenceReader, index: int) -> bool:
    """Whether the key of the entry's sealed part survived too."""
    try:
        return "typed" in reader.sealed(index, "act")
    except KeyUnavailable:
        return False


def campaign(ground: Ground, tmp_path: Path, synchronous: str, runs: int) -> list[tuple[int, int]]:
    """(acknowledged, lost) for cuts spread over a whole run; most of them before its end."""
    whole = run_until_cut(ground, fresh(tmp_path), 0, synchronous, None)
    assert len(whole.acknowledged) == 4 * 3 * 6
    assert lost(whole) == 0 or synchronous == "NORMAL"
    found = []
    for number in range(runs):
        cut = 1 + number * (whole.calls - 1) // runs
        place = fresh(tmp_path)
        run = run_until_cut(ground, place, number, synchronous, cut)
        found.append((len(run.acknowledged), lost(run)))
        shutil.rmtree(place)
    return found


def fresh(tmp_path: Path) -> Path:
    place = tmp_path / new_id()
    place.mkdir()
    return place


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_power_loss_with_full_loses_nothing(ground, tmp_path):
    found = campaign(ground, tmp_path, "FULL", RUNS)
    assert [lost for _, lost in found] == [0] * RUNS
    assert sum(acknowledged for acknowledged, _ in found) > 20 * RUNS  # the cuts fell into full work


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_power_loss_with_normal_loses_entries(ground, tmp_path):
    found = campaign(ground, tmp_path, "NORMAL", RUNS // 3)
    assert sum(1 for acknowledged, lost in found if acknowledged and lost) > RUNS // 6

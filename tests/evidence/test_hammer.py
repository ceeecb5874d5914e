"""Written to from all sides for a while: memory stays flat, the tree is that of the entries, what is published too.

`HAMMER_SECONDS=86400` makes it a day; the database with several workers has its own in tests/system.
"""

import asyncio
import os
import time
from datetime import timedelta

import psutil
import pytest

from audit.command import NewCommand
from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.verify.log import verify_log
from config.clock import SystemClock
from config.ids import new_id
from tests.evidence.published import fsck_is_clean

SECONDS = float(os.environ.get("HAMMER_SECONDS", "8"))
WRITERS = 32
GROWTH = 48 << 20
"""Bytes that the process may grow by after a third of the time: caches fill, and no more."""


@pytest.mark.slow
@pytest.mark.timeout(0)
async def test_hammered_from_all_sides(tmp_path):
    evidence, keys = tmp_path / "evidence", tmp_path / "keys"
    clock = SystemClock()
    journal = Journal.open(evidence, keys_dir=keys, origin="logs.isp/hammer", clock=clock)
    journal.append_seconds = 30.0
    until = time.monotonic() + SECONDS
    memory: list[int] = []

    async def write() -> None:
        while time.monotonic() < until:
            session = new_id()
            await journal.append(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=session))
            for kind in (Kind.SESSION_REQUESTED, Kind.SESSION_OPENED):
                await journal.append(NewEntry(kind=kind, session=session, consent_ref=session))
            for number in range(20):
                recorded = await journal.append_command(
                    NewCommand(
                        session=session, consent_ref=session, deadline=clock.now() + timedelta(hours=1), wire=b"x\n",
                        typed="uptime", canonical="uptime", capability="diagnose.read", rule_id="1", policy_digest="0",
                    )
                )  # fmt: skip
                journal.append_along(NewEntry(kind=Kind.CMD_RESULT, session=session, facts={"of": recorded.n}))
                lines = f'[0.1,"o","line {number}"]\n'.encode()
                chunk = NewEntry(
                    kind=Kind.REC_CHUNK, session=session, facts={"no": number, "t0": 0, "t1": 1, "bytes": 9}
                )
                await journal.append_chunk(chunk, b"frame", lines)
            await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "end"}))

    async def watch() -> None:
        while time.monotonic() < until:
            memory.append(psutil.Process().memory_info().rss)
            await asyncio.sleep(SECONDS / 24)

    await asyncio.gather(watch(), *(write() for _ in range(WRITERS)))
    journal.close()
    settled = memory[len(memory) // 3 :]
    assert max(settled) - settled[0] < GROWTH, [size >> 20 for size in memory]
    report = verify_log(evidence, keys / "log.pub")
    assert report.exit_code == 0, list(report.lines())
    assert report.size > 500
    assert all(session.complete for session in report.sessions)
    fsck_is_clean(evidence, keys)

"""Measurements of the evidence: the whole pipeline on this disk, checkpoints, bytes a command; a log of a million."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from audit.command import NewCommand
from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.reader import EvidenceReader
from audit.search.fts import FtsIndex
from audit.search.indexer import fill
from audit.search.query import parse
from audit.tlog.merkle import leaf_hash
from audit.verify.hashes import verify_hashes
from audit.verify.log import verify_log
from benchmarks.bars import Result, median, percentile
from benchmarks.inside import Disk
from config.clock import SystemClock
from config.ids import new_id
from gateway.access.credentials import ensure_root_key

LINES = (
    "show interfaces GigabitEthernet0/1",
    "show ip route summary",
    "ping 203.0.113.7 repeat 5",
    "uptime",
    "ubus call network.interface.wan status",
    "show dsl interface line 1",
)


@dataclass
class Desk:
    """Writes what sessions write: for each command its intent, what was sent and what came back."""

    journal: Journal
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def session(self) -> str:
        """A session that is open under a consent of its own; both have the same id here."""
        session = new_id()
        seal = {"subj": {"router": f"cpe-{next(self.numbers):05}", "subscriber": "A-1007"}}
        await self.journal.append(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=session, sealed=seal))
        for kind in (Kind.SESSION_REQUESTED, Kind.SESSION_OPENED):
            await self.journal.append(NewEntry(kind=kind, session=session, consent_ref=session, sealed=seal))
        return session

    async def command(self, session: str) -> float:
        """One command; the seconds until it could be sent. What follows it is not waited for."""
        line = LINES[next(self.numbers) % len(LINES)]
        start = time.perf_counter()
        recorded = await self.journal.append_command(
            NewCommand(
                session=session,
                consent_ref=session,
                deadline=SystemClock().now() + timedelta(hours=1),
                wire=line.encode() + b"\n",
                typed=line,
                canonical=line,
                capability="diagnose.read",
                rule_id="ios.17",
                policy_digest="0" * 64,
            )
        )
        took = time.perf_counter() - start
        self.journal.append_along(NewEntry(kind=Kind.CMD_SENT, session=session, facts={"of": recorded.n}))
        self.journal.append_along(
            NewEntry(
                kind=Kind.CMD_RESULT,
                session=session,
                facts={"of": recorded.n, "bytes": 1400, "ms": 31},
                sealed={"out": {"first": f"{line}: up", "last": "5 minute output rate 0 bits/sec"}},
            )
        )
        return took

    async def close(self, session: str) -> None:
        await self.journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "logout"}))


def opened(directory: Path) -> Journal:
    """A new log below `directory`."""
    keys = directory / "keys"
    keys.mkdir(mode=0o700)
    ensure_root_key(keys)
    journal = Journal.open(directory / "evidence", keys_dir=keys, origin="logs.bench", clock=SystemClock())
    journal.append_seconds = 60.0
    return journal


def pipeline(directory: Path, disk: Disk, *, seconds: float) -> Iterator[Result]:
    """Commands at a steady rate, as many as it takes, and checkpoints."""
    with tempfile.TemporaryDirectory(dir=directory) as made:
        journal = opened(Path(made))
        try:
            yield from asyncio.run(_steady(journal, disk, seconds))
            yield from asyncio.run(_sustained(journal, seconds))
            yield from asyncio.run(_checkpoints(journal))
        finally:
            journal.close()
        commands = sum(check.commands for check in verify_log(Path(made) / "evidence", journal.verifier_key).sessions)
        stored = sum(file.stat().st_size for file in (Path(made) / "evidence").rglob("*") if file.is_file())
        yield Result(
            what="evidence on disk, a command", measured=stored / commands, unit="bytes", bar=1229,
            note=f"{commands:,} commands: intent, sent, result, their sealed parts, tiles",
        )  # fmt: skip


async def _steady(journal: Journal, disk: Disk, seconds: float) -> list[Result]:
    """An open loop of 500 commands a second over 50 sessions."""
    desk = Desk(journal)
    sessions = [await desk.session() for _ in range(50)]
    raw = disk.measure()
    start = time.perf_counter()
    tasks = []
    for number in range(int(500 * seconds)):
        await asyncio.sleep(max(0.0, start + number / 500 - time.perf_counter()))
        tasks.append(asyncio.create_task(desk.command(sessions[number % 50])))
    times = await asyncio.gather(*tasks)
    floor = median([raw, disk.measure()])
    return [
        Result(
            what="evidence: 500 commands/s, p50", measured=median(times) / floor, unit="× sync", bar=3,
            note=f"{median(times) * 1e3:.3g} ms; sync {floor * 1e3:.3g} ms",
        ),
        Result(what="evidence: 500 commands/s, p99", measured=percentile(times, 0.99) * 1e3, unit="ms", bar=10),
    ]  # fmt: skip


async def _sustained(journal: Journal, seconds: float) -> list[Result]:
    """256 sessions, each with its next command as soon as the last is on record."""
    desk = Desk(journal)
    sessions = [await desk.session() for _ in range(256)]
    until = time.perf_counter() + seconds
    times: list[float] = []

    async def work(session: str) -> None:
        while time.perf_counter() < until:
            times.append(await desk.command(session))

    start = time.perf_counter()
    await asyncio.gather(*(work(session) for session in sessions))
    rate = 3 * len(times) / (time.perf_counter() - start)
    note = f"{rate / 3:,.0f} commands/s; p99 until a command may be sent {percentile(times, 0.99) * 1e3:.3g} ms"
    return [
        Result(what="evidence: sustained, one process", measured=rate, unit="entries/s", bar=10_000, better="more",
               note=note)
    ]  # fmt: skip


async def _checkpoints(journal: Journal) -> list[Result]:
    """Sign and publish, tiles included, after each few entries."""
    desk = Desk(journal)
    session = await desk.session()
    times = []
    for _ in range(200):
        await desk.command(session)
        start = time.perf_counter()
        await journal.checkpoint()
        times.append(time.perf_counter() - start)
    note = f"p99 {percentile(times, 0.99) * 1e3:.3g} ms"
    return [
        Result(what="evidence: checkpoint published, p50", measured=median(times) * 1e3, unit="ms", bar=10, note=note)
    ]


# --- a large log ------------------------------------------------------------------------------------------------------


async def _grow(journal: Journal, entries: int) -> None:
    """Sessions of 50 commands, 256 side by side, until the log has so many entries."""
    desk = Desk(journal)
    left = itertools.count(entries // (50 * 3 + 4), -1)

    async def work() -> None:
        while next(left) > 0:
            session = await desk.session()
            for _ in range(50):
                await desk.command(session)
            await desk.close(session)

    await asyncio.gather(*(work() for _ in range(256)))


def large(directory: Path, *, entries: int) -> Iterator[Result]:
    """Verification and search over a log of `entries` entries."""
    with tempfile.TemporaryDirectory(dir=directory) as made:
        journal = opened(Path(made))
        start = time.perf_counter()
        try:
            asyncio.run(_grow(journal, entries))
        finally:
            journal.close()
        rate = entries / (time.perf_counter() - start)
        yield Result(what=f"evidence: {entries:,} entries recorded", measured=rate, unit="entries/s")
        evidence, keys = Path(made) / "evidence", Path(made) / "keys"
        yield from _verified(evidence, keys, journal.verifier_key)
        yield from _searched(evidence, keys, Path(made) / "index")


def _verified(evidence: Path, keys: Path, key: str) -> Iterator[Result]:
    floor = _hashing()
    hashes = partial(verify_hashes, evidence, key)
    heads = partial(verify_log, evidence, key)
    whole = partial(verify_log, evidence, key, keys_dir=keys)
    for what, check, bar in (("hashes only", hashes, 500_000), ("without keys", heads, None), ("all", whole, 100_000)):
        start = time.process_time()
        report = check()
        seconds = time.process_time() - start
        assert report.exit_code == 0, report.problems[:3]
        rate = report.size / seconds
        yield Result(
            what=f"verify, {what}, a core", measured=rate, unit="entries/s", bar=bar, better="more",
            note=f"{report.size:,} entries; {rate / floor:.3f} of bare leaf hashing",
        )  # fmt: skip


def _hashing() -> float:
    """Leaf hashes a second of heads of the usual length, in a bare loop."""
    head = b"x" * 420
    start = time.process_time()
    for _ in range(200_000):
        leaf_hash(head)
    return 200_000 / (time.process_time() - start)


QUESTIONS = (
    "route", "interface up", "router:cpe-00042", "rep:nobody ping", '"network.interface.wan status"',
    "verdict:allow dsl", "uptime router:cpe-00007", "ping repeat",
)  # fmt: skip


def _searched(evidence: Path, keys: Path, directory: Path) -> Iterator[Result]:
    reader = EvidenceReader.open(evidence, keys)
    index = FtsIndex(directory, reader.origin)
    try:
        start = time.perf_counter()
        fill(reader, index)
        took = time.perf_counter() - start
        stored = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
        yield Result(
            what="search: indexed", measured=reader.size / took, unit="entries/s",
            note=f"{index.size:,} rows, {stored / index.size:.0f} bytes each",
        )  # fmt: skip
        times = []
        for question in QUESTIONS * 25:
            start = time.perf_counter()
            index.query(parse(question))
            times.append(time.perf_counter() - start)
        note = f"p50 {median(times) * 1e3:.3g} ms over {len(QUESTIONS)} questions"
        yield Result(what="search: p95", measured=percentile(times, 0.95) * 1e3, unit="ms", bar=20, note=note)
    finally:
        index.close()
        reader.close()

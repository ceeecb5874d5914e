"""Measurements of single parts in this process: the disk's sync, the journal, verification, the policy."""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from audit.command import NewCommand
from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.verify.log import verify_log
from benchmarks.bars import Result, median, percentile
from config.clock import SystemClock
from config.ids import new_id
from gateway.access.credentials import ensure_root_key
from gateway.policy.decide import decide
from gateway.policy.load import load_bundle
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.verdict import Allow, Position
from gateway.redaction.rules import load_rules
from gateway.redaction.stream import Redactor

PRODUCERS = 32


class Disk:
    """Raw syncs of the disk that the journal lies on."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "sync-probe"
        self.times: list[float] = []

    def measure(self, count: int = 200) -> float:
        """Append and sync so many times; their median in seconds."""
        times = []
        handle = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            for _ in range(count):
                os.write(handle, b"x" * 4096)
                start = time.perf_counter()
                os.fdatasync(handle)
                times.append(time.perf_counter() - start)
        finally:
            os.close(handle)
            self._path.unlink()
        self.times += times
        return median(times)

    def results(self) -> Iterator[Result]:
        yield Result(what="raw fdatasync, p50", measured=median(self.times) * 1e3, unit="ms")
        yield Result(what="raw fdatasync, p99", measured=percentile(self.times, 0.99) * 1e3, unit="ms")


def policy() -> Iterator[Result]:
    """All tables loaded; then one verdict, over the lines that the tables' own tests allow and those they refuse."""
    loads = []
    for _ in range(5):
        start = time.perf_counter()
        bundle = load_bundle()
        loads.append(time.perf_counter() - start)
    rules = sum(len(table.rules) for table in bundle.tables.values())
    about = f"{len(bundle.tables)} platforms, {rules} patterns"
    yield Result(what="policy tables loaded", measured=median(loads) * 1e3, unit="ms", bar=300, note=about)
    allowed: dict[str, list[float]] = {}
    refused: list[float] = []
    for table in bundle.tables.values():
        for test in table.spec.tests:
            position = Position(table.platform, test.mode or table.spec.start or table.spec.modes[0], test.context)
            decide(bundle, TEST_SITE, position, test.line, EVERYTHING, NOW)  # makes its part of the graph
            for _ in range(20):
                start = time.perf_counter()
                verdict = decide(bundle, TEST_SITE, position, test.line, EVERYTHING, NOW)
                took = time.perf_counter() - start
                (allowed.setdefault(table.platform, []) if isinstance(verdict, Allow) else refused).append(took)
    times = [one for several in allowed.values() for one in several]
    slowest = max(allowed, key=lambda platform: median(allowed[platform]))
    note = f"slowest {slowest}, {median(allowed[slowest]) * 1e6:.0f} µs"
    yield Result(what="policy decision, p50", measured=median(times) * 1e6, unit="µs", bar=100, note=note)
    yield Result(what="policy decision, p99", measured=percentile(times, 0.99) * 1e6, unit="µs")
    yield Result(what="policy refusal, p50", measured=median(refused) * 1e6, unit="µs", note="with the nearest command")
    yield Result(what="policy refusal, p99", measured=percentile(refused, 0.99) * 1e6, unit="µs")


def redaction() -> Iterator[Result]:
    """Masking in pieces of 64 KiB: ordinary lines, log lines with an address each, lines with a secret each."""
    ordinary = "".join(
        f"Nov 23 10:00:{n % 60:02d} netifd: Interface 'wan' is now up, rx {n * 77} packets, {n % 3} errors\r\n"
        f"GigabitEthernet0/{n % 24} is up, line protocol is up, MTU 1500 bytes, reliability 255/255, txload 1/255\r\n"
        for n in range(400)
    )
    addresses = "".join(
        f"Nov 23 10:00:{n % 60:02d} dnsmasq-dhcp[1432]: DHCPACK(br-lan) 10.0.0.{n} 8c:16:45:aa:bb:{n:02x}\r\n"
        for n in range(200)
    )
    secrets = "".join(f"username bob{n} privilege 15 password 7 0822455D0A{n % 90 + 10}\r\n" for n in range(400))
    for what, lines, bar in (("ordinary lines", ordinary, 150), ("an address on each line", addresses, None),
                             ("a secret on each line", secrets, None)):  # fmt: skip
        text = (lines * (65536 // len(lines) + 1))[:65536]
        times = []
        for _ in range(15):
            redactor = Redactor(load_rules("openwrt"))
            start = time.thread_time()
            redactor.feed(text)
            times.append(time.thread_time() - start)
        rate = len(text) / median(times) / 1e6
        yield Result(what=f"masking, {what}", measured=rate, unit="MB/s", bar=bar, better="more")


def journal(directory: Path, disk: Disk, *, entries: int) -> Iterator[Result]:
    """The evidence journal on this disk: one writer, many writers, then verification of what was written."""
    with tempfile.TemporaryDirectory(dir=directory) as made:
        evidence, keys = Path(made) / "evidence", Path(made) / "keys"
        keys.mkdir(mode=0o700)
        ensure_root_key(keys)
        opened = Journal.open(evidence, keys_dir=keys, origin="logs.bench", clock=SystemClock())
        try:
            lone, rates, raw = asyncio.run(_write(opened, disk, entries))
        finally:
            opened.close()
        floor = median(raw)
        yield Result(
            what="journal: one command, one writer, p50",
            measured=median(lone) / floor, unit="× sync", bar=3,
            note=f"{median(lone) * 1e3:.3g} ms; sync {floor * 1e3:.3g} ms",
        )  # fmt: skip
        yield Result(
            what="journal: one writer, closed loop", measured=sum(raw) / len(raw) / (sum(lone) / len(lone)),
            unit="× syncs/s", bar=0.6, better="more", note=f"{len(lone) / sum(lone):,.0f} entries/s",
        )  # fmt: skip
        yield Result(
            what=f"journal: {PRODUCERS} writers, closed loop", measured=median(rates) * floor, unit="× syncs/s",
            bar=5, better="more", note=f"{median(rates):,.0f} entries/s",
        )  # fmt: skip
        yield from _verification(evidence, keys, opened.verifier_key)


async def _write(journal: Journal, disk: Disk, entries: int) -> tuple[list[float], list[float], list[float]]:
    """Latencies of a lone writer, entries a second of many, syncs of the disk between them."""
    session, consent = new_id(), new_id()
    await journal.append(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=consent))
    for kind in (Kind.SESSION_REQUESTED, Kind.SESSION_OPENED):
        await journal.append(NewEntry(kind=kind, session=session, consent_ref=consent))
    command = NewCommand(
        session=session,
        consent_ref=consent,
        deadline=SystemClock().now() + timedelta(hours=1),
        wire=b"uptime\n",
        typed="uptime",
        canonical="uptime",
        capability="diagnose.read",
        rule_id="bench.1",
        policy_digest="0" * 64,
    )
    lone: list[float] = []
    rates: list[float] = []
    raw: list[float] = []
    for _ in range(5):
        raw.append(disk.measure(100))
        for _ in range(100):
            start = time.perf_counter()
            await journal.append_command(command)
            lone.append(time.perf_counter() - start)
        start = time.perf_counter()
        each = entries // 5 // PRODUCERS

        async def produce(count: int = each) -> None:
            for _ in range(count):
                await journal.append_command(command)

        await asyncio.gather(*(produce() for _ in range(PRODUCERS)))
        rates.append(each * PRODUCERS / (time.perf_counter() - start))
    return lone, rates, raw


def _verification(evidence: Path, keys: Path, key: str) -> Iterator[Result]:
    for what, keys_dir, bar in (("without keys", None, 500_000), ("with keys", keys, 100_000)):
        start = time.process_time()
        report = verify_log(evidence, key, keys_dir=keys_dir)
        seconds = time.process_time() - start
        assert report.exit_code == 0, report.problems[:3]
        yield Result(
            what=f"verify, {what}, a core", measured=report.size / seconds, unit="entries/s", bar=bar, better="more",
            note=f"{report.size:,} entries",
        )  # fmt: skip

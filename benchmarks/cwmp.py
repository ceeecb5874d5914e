"""Measurements of routers that speak TR-069: the embedded ACS, the mediator, and a rep's line in a held session.

Everything is a process of its own on loopback: the gateway, its CPEs (`benchmarks.cwmp_load`, and `drivers.lab.cpe`
where a CPE must understand what it is asked), and for the mediator an ACS (`benchmarks.cwmp_acs`).
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from audit.entry import Kind
from audit.reader import EvidenceReader
from benchmarks.bars import Result, median, percentile
from benchmarks.cwmp_load import CLASS, OUI, PASSWORD, USER, serial
from benchmarks.ground import ROOT, Talker, cpu_seconds, pss_bytes
from benchmarks.inside import Disk
from config.settings import CwmpSettings
from drivers.session import Credential
from gateway import assembly
from gateway.session.admin import RouterEntry
from tests.real.ground import free_port
from tests.running import LoopThread, RunningGateway

MB = 1e6
PERIODIC, CHANGE = "2 PERIODIC", "4 VALUE CHANGE"
"""The first is not recorded unless `cwmp.record_informs` says so, the second always is."""
_CONNECTIONS = 50
_SIGN_IN = Credential(user=USER, password=PASSWORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How much of each."""

    devices: int = 10_000
    seconds: float = 8.0
    rounds: int = 3
    idle_seconds: float = 20.0
    rpcs: int = 300
    lines: int = 300


QUICK = Lengths(devices=2_000, seconds=4.0, rounds=2, idle_seconds=5.0, rpcs=150, lines=150)
FULL = Lengths(seconds=20.0, rounds=5, idle_seconds=300.0, rpcs=1000, lines=1000)


def cwmp(directory: Path, disk: Disk, lengths: Lengths) -> Iterator[Result]:
    """All of it."""
    with tempfile.TemporaryDirectory(dir=directory) as made:
        yield from _acs(Path(made) / "acs", disk, lengths)
        yield from _mediator(Path(made) / "mediator", disk, lengths)


def _gateway(directory: Path, settings: CwmpSettings, devices: int) -> RunningGateway:
    """Registered: so many devices of the load generator, and `line`, which a rep may use. Not started."""
    running = RunningGateway(directory)
    running.settings = running.settings.model_copy(update={"cwmp": settings})
    running.prepare({"rep": "rep"}, [])
    asyncio.run(_register(running, devices))
    return running


async def _register(running: RunningGateway, devices: int) -> None:
    house = await assembly.House.open(running.settings)
    try:
        for number in range(devices):
            await house.registry.register(_entry(f"d{number}", serial(number)))
        router = await house.registry.register(_entry("line", "LINE"))
        await house.registry.add_contact(router.subscriber_ref, "mail", "line@example.org")
    finally:
        await house.stop("prepared")


def _entry(name: str, number: str) -> RouterEntry:
    return RouterEntry(
        name=name, platform="cwmp", address="", port=0, host_key="", credential=_SIGN_IN,
        device=f"{OUI}-{CLASS}-{number}",
    )  # fmt: skip


def _acs(directory: Path, disk: Disk, lengths: Lengths) -> Iterator[Result]:
    settings = CwmpSettings(mode="acs", plain_port=free_port())
    running = _gateway(directory, settings, lengths.devices)
    with contextlib.ExitStack() as stack:
        running.start()
        stack.callback(running.stop)
        assert running.process is not None
        process = psutil.Process(running.process.pid)
        load = Talker("benchmarks.cwmp_load")
        stack.callback(load.close)
        fleet = {"port": settings.plain_port, "devices": lengths.devices}
        load.ask("prepare", code=PERIODIC, **fleet)
        yield from _idle(load, process, lengths)
        yield _rate("sessions", "whole sessions", load, process, lengths)
        yield _rate("informs", "periodic Informs", load, process, lengths)
        load.ask("prepare", code=CHANGE, **fleet)
        yield _rate("informs", "Informs, each an entry of the log", load, process, lengths)
        yield from _held(running, settings, load, disk, lengths)


def _idle(load: Talker, process: psutil.Process, lengths: Lengths) -> Iterator[Result]:
    """Memory after every device was there once, while they come again every 300 s."""
    empty = process.memory_info().rss
    met = load.ask("every_device")
    before = cpu_seconds(process)
    done = load.ask("periodic", seconds=lengths.idle_seconds, interval=300.0)
    cpu = (cpu_seconds(process) - before) / lengths.idle_seconds
    resident = process.memory_info().rss
    others = sum(pss_bytes(child) for child in process.children(recursive=True))
    memory = process.memory_full_info()
    problems = sum(met["problems"].values()) + done["problems"]
    note = f"{empty / MB:.0f} MB before the first called, {memory.uss / MB:.0f} MB shared with nobody"
    note += f" (PSS {memory.pss / MB:.0f} MB); {cpu:.1%} of a core"
    note += f"; helper processes {others / MB:.0f} MB" if others else ""
    note += f"; {problems} failed" if problems else ""
    yield Result(
        what=f"CPEs: {lengths.devices:,} known, an Inform each 300 s: resident memory",
        measured=resident / MB, unit="MB", bar=150, note=note,
    )  # fmt: skip


def _rate(do: str, what: str, load: Talker, process: psutil.Process, lengths: Lengths) -> Result:
    """How many a second, of all devices in turn."""
    load.ask(do, seconds=1.0, connections=_CONNECTIONS)
    rates, times, cpu, problems = [], [], [], 0
    for _ in range(lengths.rounds):
        before = cpu_seconds(process)
        done = load.ask(do, seconds=lengths.seconds, connections=_CONNECTIONS)
        rates.append(done["done"] / done["seconds"])
        cpu.append((cpu_seconds(process) - before) / max(1, done["done"]))
        times += done["times"]
        problems += sum(done["problems"].values())
    note = f"{_CONNECTIONS} connections, p50 {median(times) * 1e3:.3g} ms, p99 {percentile(times, 0.99) * 1e3:.3g} ms"
    note += f", {median(cpu) * 1e6:.0f} µs CPU each" + (f"; {problems} failed" if problems else "")
    bar = 1500 if do == "informs" else None
    return Result(what=f"CPEs: {what}", measured=median(rates), unit="/s", bar=bar, better="more", note=note)


def _held(
    running: RunningGateway, settings: CwmpSettings, load: Talker, disk: Disk, lengths: Lengths
) -> Iterator[Result]:
    """From typing `get …` to the next prompt, in a session whose CPE is held."""
    with _cpe(running.directory, f"http://127.0.0.1:{settings.plain_port}/", "LINE"):
        _until_informed(running.directory)
        loop = LoopThread()
        try:
            running.consent(loop, "rep", "line", sessions=10)
        finally:
            loop.close()
        host_key = assembly.host_key(running.settings).export_public_key().decode().strip()
        way = {"port": running.settings.ssh.port, "host_key": host_key, "key": str(running.people["rep"].key)}
        done = load.ask("type", user="line", line="get Device.DeviceInfo.UpTime", count=lengths.lines, **way)
    times, rpcs, sync = done["times"], _rpc_times(running), disk.measure()
    yield Result(
        what="CPEs: an RPC in a held session, p50", measured=median(rpcs) * 1e3, unit="ms", bar=5,
        note=f"p99 {percentile(rpcs, 0.99) * 1e3:.3g} ms; sync {sync * 1e3:.3g} ms; from its entry to its answer's",
    )  # fmt: skip
    yield Result(
        what="CPEs: a rep's `get` in a held session, p50", measured=median(times) * 1e3, unit="ms",
        note=f"p99 {percentile(times, 0.99) * 1e3:.3g} ms; {median(times) / sync:.3g} × sync; typed over ssh, to the "
        "next prompt: recorded as a command, as an RPC and as output",
    )  # fmt: skip


def _rpc_times(running: RunningGateway) -> list[float]:
    """Seconds of each RPC of a rep, by the worker's clock in the entries: its commit, the CPE, its answer's turn."""
    began: dict[tuple[str | None, int | None], int] = {}
    times = []
    with contextlib.closing(EvidenceReader.open(running.settings.evidence_dir)) as reader:
        for entry in reader.entries():
            if entry.kind is Kind.RPC_INTENT and entry.facts["purpose"] == "command":
                began[entry.session, entry.n] = entry.head.monotonic_ns
            elif entry.kind is Kind.RPC_RESULT and isinstance(of := entry.facts.get("of"), int):
                times.append((entry.head.monotonic_ns - began[entry.session, of]) / 1e9)
    return times


def _mediator(directory: Path, disk: Disk, lengths: Lengths) -> Iterator[Result]:
    """What the mediator adds to an RPC of the provider's ACS."""
    acs = Talker("benchmarks.cwmp_acs", str(lengths.rpcs))
    try:
        upstream = f"http://127.0.0.1:{acs.read()['port']}/"
        settings = CwmpSettings(mode="mediator", plain_port=free_port(), upstream=upstream)
        running = _gateway(directory, settings, 0)
        running.start()
        try:
            ways = {"direct": upstream, "through": f"http://127.0.0.1:{settings.plain_port}/"}
            times: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(lengths.rounds):
                for name, url in ways.items():
                    with _cpe(directory, url, "LINE"):
                        times[name].append(median(acs.read()["times"]))
        finally:
            running.stop()
    finally:
        acs.close()
    direct, through, sync = median(times["direct"]), median(times["through"]), disk.measure()
    yield Result(
        what="CPEs: what the mediator adds to an RPC, p50", measured=(through - direct) * 1e3, unit="ms", bar=1,
        note=f"direct {direct * 1e3:.3g} ms, through {through * 1e3:.3g} ms; sync {sync * 1e3:.3g} ms: "
        f"{(through - direct) / sync:.3g} ×",
    )  # fmt: skip


@contextlib.contextmanager
def _cpe(directory: Path, acs: str, number: str) -> Iterator[None]:
    """A simulated CPE, in a process."""
    password = directory / "cpe-password"
    password.write_text(PASSWORD, encoding="utf-8")
    words = ["--acs", acs, "--oui", OUI, "--product-class", CLASS, "--serial", number, "--user", USER, "--bootstrapped"]
    words += ["--password-file", str(password), "--boot-seconds", "0.05", "--retry-seconds", "0.5"]
    with (directory / "cpe.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "drivers.lab", "cpe", *words], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _until_informed(directory: Path) -> None:
    """Wait until a simulated CPE has been in a session."""
    deadline = time.monotonic() + 30
    while "informed:" not in (directory / "cpe.log").read_text(encoding="utf-8"):
        if time.monotonic() > deadline:
            raise RuntimeError("the simulated CPE was not let in")
        time.sleep(0.05)
    time.sleep(0.5)


def main() -> None:
    """This part alone, as JSON: for a look at one figure."""
    with tempfile.TemporaryDirectory() as made:
        for result in cwmp(Path(made), Disk(Path(made)), QUICK):
            print(json.dumps(result.json()), flush=True)


if __name__ == "__main__":
    main()

"""Measurements through the whole gateway, beside the same work done directly and through an OpenSSH jump host.

Rounds of the different ways are interleaved, and medians compared, so that what else the machine does hits all alike.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.bars import Result, median, percentile
from benchmarks.ground import Stand, cpu_seconds, pss_bytes
from benchmarks.inside import Disk
from benchmarks.load import Way

MB = 1e6


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How much of each; `full` takes a quarter of an hour."""

    rounds: int = 3
    paced_seconds: int = 5
    opens: int = 60
    jump_opens: int = 24
    idle_sessions: int = 150
    cycles: int = 400
    many_sessions: int = 0
    large_log: int = 1_000_000
    """Entries of the log that is verified and searched."""


QUICK = Lengths(rounds=2, paced_seconds=3, opens=40, jump_opens=16, idle_sessions=100, cycles=100, large_log=100_000)
FULL = Lengths(
    rounds=5,
    paced_seconds=10,
    opens=200,
    jump_opens=60,
    idle_sessions=1000,
    cycles=5000,
    many_sessions=1000,
    large_log=10_000_000,
)


def latency(stand: Stand, disk: Disk, lengths: Lengths) -> Iterator[Result]:
    """What the gateway adds to a command."""
    for sessions in (50, 200):
        times: dict[str, list[list[float]]] = {"direct": [], "gateway": []}
        syncs = []
        for _ in range(lengths.rounds):
            syncs.append(disk.measure())
            for name, way in (("direct", stand.direct), ("gateway", stand.gateway)):
                times[name].append(_paced(stand, way, sessions, lengths.paced_seconds))
        for share, label in ((0.5, "p50"), (0.99, "p99")):
            direct, through = (median(percentile(one, share) for one in times[name]) for name in ("direct", "gateway"))
            sync = median(syncs)
            bar = {(50, "p50"): 4 * sync * 1e3, (200, "p99"): 10.0}.get((sessions, label))
            note = f"direct {direct * 1e3:.3g} ms, gateway {through * 1e3:.3g} ms"
            if sessions == 50 and label == "p50":
                note += f", sync {sync * 1e3:.3g} ms: {(through - direct) / sync:.1f} ×"
            yield Result(
                what=f"added latency of a command, {label}, {sessions} sessions",
                measured=(through - direct) * 1e3, unit="ms", bar=bar, note=note,
            )  # fmt: skip


def _paced(stand: Stand, way: Way, sessions: int, seconds: int) -> list[float]:
    stand.load.ask("hold", way=way, sessions=sessions)
    try:
        stand.load.ask("paced", seconds=1)
        return list(stand.load.ask("paced", seconds=seconds)["times"])
    finally:
        stand.load.ask("let_go")


def opening(stand: Stand, lengths: Lengths) -> Iterator[Result]:
    """CPU and pace of opening sessions, the router's connection included."""
    stand.load.ask("cycle", way=stand.gateway, sessions=16, at_once=8)  # warm
    cpu: dict[str, list[float]] = {"gateway": [], "jump": []}
    pace: dict[str, list[float]] = {"gateway": [], "jump": [], "direct": []}
    alone: dict[str, list[float]] = {"gateway": [], "jump": [], "direct": []}
    for _ in range(lengths.rounds):
        for name, way, process, count in (
            ("gateway", stand.gateway, stand.process, lengths.opens),
            ("jump", stand.jump, stand.jump_process, lengths.jump_opens),
            ("direct", stand.direct, None, lengths.opens),
        ):
            if way is None:
                continue
            alone[name] += stand.load.ask("cycle", way=way, sessions=8, at_once=1)["times"]
            before = cpu_seconds(process) if process else 0.0
            done = stand.load.ask("cycle", way=way, sessions=count, at_once=8)
            time.sleep(0.3)  # what is written after the client is gone counts too
            pace[name].append(count / done["seconds"])
            if process is not None:
                cpu[name].append((cpu_seconds(process) - before) / count)
    mine, jump = median(cpu["gateway"]) * 1e3, median(cpu["jump"]) * 1e3
    beside = f"jump host {jump:.3g} ms" if cpu["jump"] else "no sshd here to compare with"
    yield Result(what="CPU to open and close a session", measured=mine, unit="ms", bar=8, note=beside)
    if cpu["jump"]:
        yield Result(what="the same, of a jump host", measured=mine / jump, unit="×", bar=0.5)
    rates = {name: median(values) for name, values in pace.items() if values}
    note = ", ".join(f"{name} {rate:.0f}/s" for name, rate in rates.items() if name != "gateway")
    yield Result(what="sessions opened a second, 8 at once", measured=rates["gateway"], unit="/s", note=note)
    if cpu["jump"]:
        yield Result(
            what="the same, of a jump host", measured=rates["gateway"] / rates["jump"], unit="×", bar=5, better="more"
        )
    note = ", ".join(f"{name} {median(t) * 1e3:.3g} ms" for name, t in alone.items() if t and name != "gateway")
    yield Result(what="time to a prompt, alone, p50", measured=median(alone["gateway"]) * 1e3, unit="ms", note=note)


def bulk(stand: Stand, lengths: Lengths) -> Iterator[Result]:
    """Output of one command."""
    for shape in ("exec", "terminal"):
        rates: dict[str, list[float]] = {"direct": [], "gateway": []}
        for _ in range(lengths.rounds):
            for name, way in (("direct", stand.direct), ("gateway", stand.gateway)):
                done = stand.load.ask("bulk", way=way, shape=shape)
                rates[name].append(done["bytes"] / done["seconds"] / MB)
        what = "output of one command, recorded" + (", to a terminal" if shape == "terminal" else "")
        note = f"direct {median(rates['direct']):.0f} MB/s"
        yield Result(what=what, measured=median(rates["gateway"]), unit="MB/s", bar=60, better="more", note=note)


def memory(stand: Stand, lengths: Lengths) -> Iterator[Result]:
    """Of a session at its prompt that nobody uses."""
    count = lengths.idle_sessions
    stand.load.ask("hold", way=stand.gateway, sessions=40)
    stand.load.ask("let_go")
    time.sleep(1)
    before = pss_bytes(stand.process)
    opened = stand.load.ask("hold", way=stand.gateway, sessions=count)
    time.sleep(3)  # the first chunk of each recording is written
    used = (pss_bytes(stand.process) - before) / opened["held"] / 1024
    idle = cpu_seconds(stand.process)
    time.sleep(3)
    idle = (cpu_seconds(stand.process) - idle) / 3
    stand.load.ask("let_go")
    note = f"process without sessions {before / 1e6:.0f} MB"
    yield Result(what=f"memory of an idle session, {count} open", measured=used, unit="KB", bar=100, note=note)
    yield Result(what=f"CPU of {count} idle sessions", measured=idle * 100, unit="% of a core")


def fairness(stand: Stand, lengths: Lengths) -> Iterator[Result]:
    """What somebody's flood of output costs the others."""
    quiet, beside, pulled = [], [], 0
    stand.load.ask("hold", way=stand.gateway, sessions=20)
    for _ in range(lengths.rounds):
        quiet.append(percentile(stand.load.ask("paced", seconds=lengths.paced_seconds)["times"], 0.99))
        done = stand.load.ask("beside", way=stand.gateway, seconds=lengths.paced_seconds)
        beside.append(percentile(done["times"], 0.99))
        pulled += done["pulled"]
    stand.load.ask("let_go")
    yield Result(
        what="commands of 20 sessions while one pulls output, p99, of that without",
        measured=median(beside) / median(quiet), unit="×", bar=5,
        note=f"{median(quiet) * 1e3:.3g} ms and {median(beside) * 1e3:.3g} ms; {pulled / MB:.0f} MB pulled",
    )  # fmt: skip


def leak(stand: Stand, lengths: Lengths) -> Iterator[Result]:
    """Memory that opening and closing leaves behind."""
    stand.load.ask("cycle", way=stand.gateway, sessions=max(100, lengths.cycles // 5), at_once=8)
    time.sleep(1)
    before = pss_bytes(stand.process)
    stand.load.ask("cycle", way=stand.gateway, sessions=lengths.cycles, at_once=8)
    time.sleep(1)
    grown = (pss_bytes(stand.process) - before) / 1024
    yield leak_of(grown, lengths.cycles)


def leak_of(grown: float, cycles: int) -> Result:
    """`grown` KB over so many sessions. A process that shrank gave back memory of earlier parts: no proof."""
    shrank = grown < 0
    return Result(
        what=f"memory left behind, per 1,000 sessions of {cycles:,}",
        measured=grown / cycles * 1000,
        unit="KB",
        bar=None if shrank else 1,
        note="not conclusive: the process gave back memory of earlier parts" if shrank else "",
    )


def many(stand: Stand, lengths: Lengths) -> Iterator[Result]:
    """A thousand sessions at a steady pace."""
    if not lengths.many_sessions:
        return
    opened = stand.load.ask("hold", way=stand.gateway, sessions=lengths.many_sessions)
    stand.load.ask("paced", seconds=2)
    done = stand.load.ask("paced", seconds=lengths.paced_seconds)
    stand.load.ask("let_go")
    times = done["times"]
    yield Result(
        what=f"{lengths.many_sessions:,} sessions, a command a second each, p99",
        measured=percentile(times, 0.99) * 1e3, unit="ms", bar=50,
        note=f"p50 {median(times) * 1e3:.3g} ms; refused {opened['refused']}, failed {done['failed']}",
    )  # fmt: skip

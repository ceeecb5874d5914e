"""`make bench`: measures, prints a table, and JSON where asked. See benchmarks/README.md."""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks import cwmp as routers
from benchmarks import evidence, inside, through
from benchmarks import postgres as databases
from benchmarks import search as searching
from benchmarks.bars import Result, markdown, publish, table
from benchmarks.ground import ROOT, Stand
from config.clock import SystemClock

DOCUMENT = ROOT / "docs" / "reference" / "performance.md"
PARTS = (
    "disk",
    "policy",
    "redaction",
    "journal",
    "evidence",
    "large",
    "search",
    "postgres",
    "cwmp",
    "memory",
    "latency",
    "opening",
    "bulk",
    "fairness",
    "leak",
    "many",
)
"""In this order; `disk` is what the others compare with, and always runs."""


def main() -> int:
    """Exit status 0, however slow the machine is."""
    options = _options()
    lengths = through.QUICK if options.quick else through.FULL if options.full else through.Lengths()
    cpes = routers.QUICK if options.quick else routers.FULL if options.full else routers.Lengths()
    wanted = options.parts or PARTS
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vestibule-bench-", dir=options.directory) as made:
        results = list(_run(Path(made), wanted, lengths, cpes))
    about = _about(time.monotonic() - started, options)
    print("\n".join(["", *about, "", table(results)]))
    if options.json is not None:
        text = json.dumps({"about": about, "results": [result.json() for result in results]}, indent=2)
        if options.json == "-":
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")
    if options.publish:
        publish(DOCUMENT, markdown(results, about))
        print(f"Published in {DOCUMENT.relative_to(ROOT)}.")
    return 0


def _run(
    directory: Path, wanted: tuple[str, ...], lengths: through.Lengths, cwmp_lengths: routers.Lengths
) -> Iterator[Result]:
    disk = inside.Disk(directory)
    disk.measure()
    results: list[Result] = []
    alone: dict[str, Callable[[], Iterator[Result]]] = {
        "policy": inside.policy,
        "redaction": inside.redaction,
        "journal": lambda: inside.journal(directory, disk, entries=20_000),
        "evidence": lambda: evidence.pipeline(directory, disk, seconds=4.0),
        "large": lambda: evidence.large(directory, entries=lengths.large_log),
        "search": lambda: searching.search(directory),
        "postgres": lambda: databases.postgres(directory, disk),
        "cwmp": lambda: routers.cwmp(directory, disk, cwmp_lengths),
    }
    standing: dict[str, Callable[[Stand], Iterator[Result]]] = {
        "memory": lambda stand: through.memory(stand, lengths),  # first: nothing else has used memory yet
        "latency": lambda stand: through.latency(stand, disk, lengths),
        "opening": lambda stand: through.opening(stand, lengths),
        "bulk": lambda stand: through.bulk(stand, lengths),
        "fairness": lambda stand: through.fairness(stand, lengths),
        "leak": lambda stand: through.leak(stand, lengths),
        "many": lambda stand: through.many(stand, lengths),
    }
    for name, part in alone.items():
        if name in wanted:
            results += _told(name, part)
    if any(name in wanted for name in standing):
        with Stand(directory / "gateway", bulk_bytes=64_000_000) as stand:
            for name, measure in standing.items():
                if name in wanted:
                    results += _told(name, partial(measure, stand))
    yield from disk.results()
    yield from results


def _told(name: str, part: Callable[[], Iterator[Result]]) -> list[Result]:
    """A part's results. One that breaks is said and left out: the others still count."""
    print(f"{name} …", file=sys.stderr, flush=True)
    try:
        return list(part())
    except Exception as error:
        print(f"{name} could not be measured: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
        return []


def _about(seconds: float, options: argparse.Namespace) -> list[str]:
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    length = "quick" if options.quick else "full" if options.full else "default"
    load = os.getloadavg()[0]
    machine = f"{os.cpu_count()} cores ({_processor()}), {system}, Python {platform.python_version()}"
    run = f"{length} lengths, {seconds:.0f} s, load average at the end {load:.1f}"
    return [f"{SystemClock().now():%Y-%m-%d}, {machine}; {run}."]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure against the bars of the documentation.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="short lengths: a minute")
    parser.add_argument("--full", action="store_true", default=os.environ.get("BENCH_FULL") == "1",
                        help="1,000 sessions and long lengths (also with BENCH_FULL=1)")  # fmt: skip
    parser.add_argument("--json", metavar="FILE", help="write the results there as JSON; - prints them")
    parser.add_argument("--publish", action="store_true", help=f"put the table into {DOCUMENT.relative_to(ROOT)}")
    parser.add_argument("--directory", type=Path, help="where data lies meanwhile: the disk to measure")
    options = parser.parse_args()
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"There is no part '{part}'; there are {', '.join(PARTS)}.")
    return options


if __name__ == "__main__":
    sys.exit(main())

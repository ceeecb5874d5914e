"""The log in PostgreSQL on this disk: batches of several workers, one after another at the end of the log.

A server of its own from Debian's programs, on the disk that is measured, reached by a Unix socket. Left out where there
is none.
"""

import multiprocessing
import multiprocessing.synchronize
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from audit.store import Batch, EntryRow, SealedPart
from audit.stores.choose import Database, open_worker
from audit.tlog.merkle import leaf_hash
from benchmarks.bars import Result, median
from benchmarks.inside import Disk
from tests.postgres_server import BINARIES, PostgresServer, end_server

WORKERS = 8
HEAD = b"x" * 300
CIPHERTEXT = b"y" * 200
_NEXT = "SELECT next FROM evidence.seq"


def postgres(directory: Path, disk: Disk, *, seconds: float = 4.0) -> Iterator[Result]:
    """Gap-free batches of one entry and of fifty, by one worker and by eight, against raw syncs in between."""
    if not BINARIES:
        print("postgres: PostgreSQL is not installed; left out", file=sys.stderr)
        return
    made = Path(tempfile.mkdtemp(prefix="pg", dir=directory))
    for parent in (made, *made.parents):
        if parent != Path("/tmp") and parent.is_relative_to(tempfile.gettempdir()):
            parent.chmod(0o755)  # the server runs as another user than root
    server = PostgresServer(made)
    try:
        for workers, width, bar in ((1, 1, None), (1, 50, None), (WORKERS, 1, None), (WORKERS, 50, 0.4)):
            floor = disk.measure()
            batches = _run(server, made, workers, width, seconds)
            floor = statistics.mean((floor, disk.measure()))
            note = f"{batches:,.0f} batches/s, {batches * width:,.0f} entries/s"
            yield Result(
                what=f"PostgreSQL: {workers} workers, batches of {width}", measured=batches * floor,
                unit="× syncs/s", bar=bar, better="more", note=note,
            )  # fmt: skip
            if bar is not None:
                yield Result(
                    what=f"PostgreSQL: entries, {workers} workers", measured=batches * width, unit="entries/s",
                    bar=10_000, better="more", note=f"raw sync {median([floor]) * 1e3:.3g} ms",
                )  # fmt: skip
    finally:
        end_server(server)


def _run(server: PostgresServer, directory: Path, workers: int, width: int, seconds: float) -> float:
    """Batches a second of all workers together, once all of them append."""
    name = server.new_log()
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    places = [server.place(directory / "addresses", name, worker=f"w{number}") for number in range(workers)]
    processes = [context.Process(target=_append, args=(place, width, over), daemon=True) for place in places]
    for process in processes:
        process.start()
    try:
        with server.connect(name) as connection:

            def ask(what: str) -> int:
                row = connection.execute(what).fetchone()
                return int(str(row[0])) if row else 0

            until = time.monotonic() + 60
            while ask("SELECT count(*) FROM evidence.worker") < workers and time.monotonic() < until:
                time.sleep(0.1)
            time.sleep(0.5)
            before, start = ask(_NEXT), time.monotonic()
            time.sleep(seconds)
            return (ask(_NEXT) - before) / width / (time.monotonic() - start)
    finally:
        over.set()
        for process in processes:
            process.join(30)


def _append(place: Database, width: int, over: "multiprocessing.synchronize.Event") -> None:
    store, watch = open_worker(place)
    leaf = leaf_hash(HEAD)
    known = 0

    def stage(foreign: Sequence[EntryRow]) -> Batch:
        nonlocal known
        first = known + len(foreign)
        known = first + width
        return Batch(
            entries=[EntryRow(index, HEAD, leaf, "S") for index in range(first, known)],
            sealed=[SealedPart(index, "act", "K", CIPHERTEXT) for index in range(first, known)],
        )

    while not over.is_set():
        store.append_with(known, stage)
    store.close()
    watch.stop()

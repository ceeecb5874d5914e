"""Measurements of the search index alone: a million commands of a plausible vocabulary, ten million with BENCH_FULL=1.

The questions are those an auditor asks: words of one person, of one router, what was refused, a day, a phrase.
"""

import itertools
import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audit.search.fts import FtsIndex
from audit.search.index import About, Row
from audit.search.query import parse
from benchmarks.bars import Result, median, percentile
from config.ids import new_id

COMMANDS = 10_000_000 if os.environ.get("BENCH_FULL") == "1" else 1_000_000
PER_SESSION = 12
BATCH = 2000
QUESTIONS = 1000
VERBS = ("show", "display", "ping", "traceroute", "set", "interface", "version", "route", "clear", "status")
WORDS = tuple(f"word{number}" for number in range(20_000))
REPS = tuple(f"rep{number}" for number in range(300))
ROUTERS = tuple(f"cpe-{number:05}" for number in range(20_000))
START = datetime(2026, 11, 1, tzinfo=UTC)


def search(directory: Path, commands: int = COMMANDS) -> Iterator[Result]:
    """Filling and asking one month's index."""
    rng = random.Random(1)
    index = FtsIndex(directory / "search-index")
    start = time.perf_counter()
    rows = _rows(rng, commands)
    while batch := list(itertools.islice(rows, BATCH)):
        index.add(batch)
    took = time.perf_counter() - start
    size = sum(path.stat().st_size for path in (directory / "search-index").iterdir())
    times = []
    for question in _questions(rng):
        query = parse(question)
        asked = time.perf_counter()
        index.query(query)
        times.append((time.perf_counter() - asked) * 1000)
    yield Result(what=f"search: p50 of {commands:,} commands", measured=median(times), unit="ms")
    yield Result(what=f"search: p95 of {commands:,} commands", measured=percentile(times, 0.95), unit="ms", bar=20)
    yield Result(what=f"search: p99 of {commands:,} commands", measured=percentile(times, 0.99), unit="ms")
    yield Result(what="search: rows taken in", measured=commands / took, unit="rows/s", better="more")
    yield Result(what="search: index on disk", measured=size / commands, unit="B/command", note="text included")
    if commands <= 1_000_000:
        session = index.query(parse("show"))[0].session
        asked = time.perf_counter()
        index.purge(sessions=[session])
        yield Result(what="search: forget a session of that month", measured=time.perf_counter() - asked, unit="s")
    index.close()


def _rows(rng: random.Random, commands: int) -> Iterator[Row]:
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(WORDS))))
    ids = {rep: new_id() for rep in REPS}
    subscribers = {router: new_id() for router in ROUTERS}
    for number in range(commands):
        if number % PER_SESSION == 0:
            rep, router = rng.choice(REPS), rng.choice(ROUTERS)
            about = About(
                session=new_id(),
                consent=new_id(),
                rep=rep,
                rep_id=ids[rep],
                router=router,
                subscriber=subscribers[router],
            )
        words = rng.choices(WORDS, cum_weights=weights, k=8)
        yield Row(
            index=number * 4,
            what="command",
            about=about,
            n=number % PER_SESSION,
            time=START + timedelta(seconds=number * 30 * 86_400 / commands),
            month="202611",
            retention="access",
            verdict="deny" if rng.random() < 0.03 else "allow",
            command=f"{rng.choice(VERBS)} {' '.join(words[:3])} gi0/{rng.randrange(48)}",
            output=" ".join(words[3:]),
        )


def _questions(rng: random.Random) -> Iterator[str]:
    for _ in range(QUESTIONS):
        rep, router, word = rng.choice(REPS), rng.choice(ROUTERS), rng.choice(WORDS[:2000])
        day = rng.randrange(1, 29)
        yield rng.choice(
            (
                f"show rep:{rep}",
                f"ping router:{router}",
                f"{word} verdict:deny",
                f"show {word}",
                f"rep:{rep} router:{router}",
                f'"show {word}"',
                "show",
                f"clear rep:{rep} from:2026-11-{day:02} to:2026-11-{day:02}",
                f"verdict:deny rep:{rep} show gi0/7",
                f"{word} {rng.choice(WORDS[:2000])}",
            )
        )

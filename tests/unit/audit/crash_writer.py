"""The program that test_crash kills: records as fast as it can, and prints each entry only after it was acknowledged.

Arguments: directory of the log, directory of the keys. Lines: `ready`, then `<index> <leaf hash>` for each entry.
"""

import asyncio
import logging
import sys
from datetime import timedelta
from pathlib import Path

import structlog
import zstandard

from audit.command import NewCommand
from audit.entry import EntryRef, Kind, NewEntry
from audit.journal import Journal
from config.clock import SystemClock
from config.ids import new_id

LINES = b"x" * 900
FRAME = zstandard.compress(LINES)


def acknowledge(ref: EntryRef) -> None:
    sys.stdout.write(f"{ref.index} {ref.leaf_hash.hex()}\n")
    sys.stdout.flush()


async def rep(journal: Journal, clock: SystemClock) -> None:
    consent = new_id()
    acknowledge(
        await journal.append(
            NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=consent, retention="consent", sealed={"subj": {"a": "b"}})
        )
    )
    while True:
        session = new_id()
        acknowledge(await journal.append(NewEntry(kind=Kind.SESSION_OPENED, session=session, consent_ref=consent)))
        for number in range(20):
            recorded = await journal.append_command(
                NewCommand(
                    session=session,
                    consent_ref=consent,
                    deadline=clock.now() + timedelta(hours=1),
                    wire=b"show version\n",
                    typed="show version",
                    canonical="show version",
                    capability="read.status",
                    rule_id="ios/1",
                    policy_digest="ab" * 32,
                )
            )
            entry = NewEntry(
                kind=Kind.REC_CHUNK, session=session, facts={"no": number, "t0": 0, "t1": 1, "bytes": len(LINES)}
            )
            acknowledge(await journal.append_chunk(entry, FRAME, LINES))
            if number % 7:
                acknowledge(
                    await journal.append(NewEntry(kind=Kind.CMD_RESULT, session=session, facts={"of": recorded.n}))
                )
        acknowledge(await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "end"})))


async def main() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    clock = SystemClock()
    journal = Journal.open(Path(sys.argv[1]), keys_dir=Path(sys.argv[2]), origin="logs.isp", clock=clock)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(*(rep(journal, clock) for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main())

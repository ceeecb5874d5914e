"""One worker of a log in PostgreSQL, as test_postgres_crash drives it: it records under consents that all workers
share, and sometimes revokes one. Each entry is told only after it was acknowledged.

Arguments: directory of the log, of the keys, of the addresses; worker; file to tell in; consents, and seconds to run.
"""

import asyncio
import logging
import os
import random
import sys
from datetime import timedelta
from pathlib import Path

import structlog

from audit.command import NewCommand
from audit.entry import EntryRef, Kind, NewEntry
from audit.errors import AuditError, RecordFailed, RecordRefused
from audit.journal import Journal
from audit.stores.choose import Database
from config.clock import SystemClock
from config.ids import new_id

REPS = 6


class Worker:
    def __init__(self, journal: Journal, told: Path, consents: list[str]) -> None:
        self.journal = journal
        self.consents = consents
        self.clock = SystemClock()
        self._told = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def acknowledge(self, ref: EntryRef) -> None:
        os.write(self._told, f"{ref.index} {ref.leaf_hash.hex()}\n".encode())

    async def rep(self) -> None:
        while True:
            consent = random.choice(self.consents)
            try:
                await self.session(consent)
            except RecordRefused:
                if consent in self.consents and len(self.consents) > 1:
                    self.consents.remove(consent)
            except RecordFailed:
                if self.journal.poisoned:
                    raise  # otherwise it only took too long: another worker hung at the end of the log

    async def session(self, consent: str) -> None:
        session = new_id()
        opened = NewEntry(
            kind=Kind.SESSION_OPENED, session=session, consent_ref=consent, sealed={"who": {"rep": "bob"}}
        )
        self.acknowledge(await self.journal.append(opened))
        try:
            for _ in range(random.randrange(12)):
                recorded = await self.journal.append_command(self.command(session, consent))
                self.journal.why_ended(recorded)
                result = NewEntry(kind=Kind.CMD_RESULT, session=session, facts={"of": recorded.n})
                self.acknowledge(await self.journal.append(result))
                if random.random() < 0.004:
                    revoked = NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=random.choice(self.consents))
                    self.acknowledge(await self.journal.append(revoked))
        finally:
            closed = NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "end"})
            self.acknowledge(await self.journal.append(closed))

    def command(self, session: str, consent: str) -> NewCommand:
        return NewCommand(
            session=session, consent_ref=consent, deadline=self.clock.now() + timedelta(hours=1), wire=b"x\n",
            typed="show version", canonical="show version", capability="read.status", rule_id="ios/1",
            policy_digest="ab" * 32,
        )  # fmt: skip


async def main() -> int:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    directory, keys_dir, addresses, worker, told = sys.argv[1:6]
    consents, seconds = sys.argv[6].split(","), float(sys.argv[7])
    database = Database(
        address=Path(addresses) / "gateway.url",
        keys=Path(addresses) / "keys.url",
        eraser=Path(addresses) / "eraser.url",
        worker=worker,
    )
    journal = Journal.open(
        Path(directory), keys_dir=Path(keys_dir), origin="logs.isp", clock=SystemClock(), database=database
    )
    hand = Worker(journal, Path(told), consents)
    reps = [asyncio.create_task(hand.rep()) for _ in range(REPS)]
    try:
        await asyncio.wait(reps, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        failed = [rep for rep in reps if rep.done()]
        for rep in reps:
            rep.cancel()
        for outcome in await asyncio.gather(*reps, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError | AuditError):
                raise outcome
        return 1 if failed or journal.poisoned else 0
    finally:
        await asyncio.to_thread(journal.close)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

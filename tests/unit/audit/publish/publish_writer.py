"""The program that test_publish_crash kills: grows a log and publishes as fast as it can. Prints `ready`, then the size
of each checkpoint that was published, once it was.

Arguments: directory of the log, directory of the keys.
"""

import asyncio
import logging
import sys
from pathlib import Path

import structlog

from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import parse_note
from config.clock import SystemClock


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    directory = Path(sys.argv[1])
    journal = Journal.open(directory, keys_dir=Path(sys.argv[2]), origin="logs.isp", clock=SystemClock())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    number = 0
    while True:
        number += 1
        for _ in range(1 + number * 37 % 90):
            journal.append_later(NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"user": "alice"}}))
        await journal.checkpoint()
        note = (directory / "log/checkpoint").read_bytes()
        sys.stdout.write(f"{Checkpoint.parse(parse_note(note).text).size}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())

"""The program that test_fault_injection makes fail: records, publishes and closes a log while its system calls fail.

A preloaded parent forks a child for each line `<directory of the run>` on standard input; the child stops itself until
it is continued, so that a tracer can be attached first. What was acknowledged goes into a shared mapping, which takes
no system call: `<index> <leaf hash>` lines in the file `acknowledged`. The parent answers `<pid>`, then
`<exit status>`: 0 all recorded; 9 recording failed, as it should when a call did.
"""

import asyncio
import logging
import mmap
import os
import signal
import sys
from pathlib import Path

import structlog

from audit.entry import Kind, NewEntry
from audit.errors import AuditError
from audit.journal import Journal
from config.clock import SystemClock

ENTRIES = 280
"""More than a closed range of 256, so that its seal is recorded too."""

AT_ONCE = 28
MAPPING = 1 << 16
RECORDED, FAILED = 0, 9


async def record(place: Path, acknowledged: mmap.mmap) -> None:
    journal = Journal.open(place / "evidence", keys_dir=place / "keys", origin="logs.isp/faults", clock=SystemClock())
    journal.append_seconds = 30.0
    try:
        for start in range(0, ENTRIES, AT_ONCE):
            entries = [
                NewEntry(kind=Kind.AUTH_OK, facts={"number": start + number}, sealed={"who": {"user": "alice"}})
                for number in range(AT_ONCE)
            ]
            for ref in await asyncio.gather(*(journal.append(entry) for entry in entries)):
                acknowledged.write(f"{ref.index} {ref.leaf_hash.hex()}\n".encode())
            if start % (AT_ONCE * 3) == 0:
                await journal.checkpoint()
    finally:
        journal.close()


def child(place: Path) -> int:
    with (place / "acknowledged").open("r+b") as file, mmap.mmap(file.fileno(), MAPPING) as acknowledged:
        os.kill(os.getpid(), signal.SIGSTOP)
        try:
            asyncio.run(record(place, acknowledged))
        except (AuditError, OSError):
            return FAILED
        return RECORDED


def main() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for line in sys.stdin:
        place = Path(line.strip())
        (place / "acknowledged").write_bytes(bytes(MAPPING))
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = child(place)
            finally:
                os._exit(status)
        os.waitpid(pid, os.WUNTRACED)
        print(pid, flush=True)
        _, result = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(result), flush=True)


if __name__ == "__main__":
    main()

"""The embedded default: one file per message in a directory, and if wanted the console. For trials and for relays.

A file holds an address and a one-time secret until somebody takes it away, so directory and files are the owner's
alone. Counterpart: whatever program of the provider picks the files up, or the person who tries Vestibule out.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TextIO

from audit.files import OWNER_ONLY, write_durably
from config.ids import new_id
from gateway.consent.notifier import ContactKind, Message, NotifyFailed


class OutboxNotifier:
    """Writes `<ULID>.json` with to, kind, language, subject and body; file names sort by time."""

    def __init__(self, directory: Path, *, console: TextIO | None = None) -> None:
        self._directory = directory
        self._console = console

    @property
    def reaches(self) -> frozenset[ContactKind]:
        return frozenset({"mail", "phone"})

    async def send(self, message: Message) -> None:
        """Durable when it returns. Raises `NotifyFailed`."""
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as error:
            raise NotifyFailed(f"The message could not be written to the outbox: {error.strerror}.") from error
        if self._console is not None:
            self._console.write(f"\n--- message to the subscriber ---\n{message.subject}\n\n{message.body}\n")
            self._console.flush()

    async def close(self) -> None:
        """Nothing to let go of."""

    def _write(self, message: Message) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._directory.stat().st_mode & 0o077:
            self._directory.chmod(0o700)
        content = {
            "to": {"kind": message.to.kind, "address": message.to.address},
            "kind": message.kind,
            "language": message.language,
            "subject": message.subject,
            "body": message.body,
        }
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        write_durably(self._directory / f"{new_id()}.json", text.encode(), OWNER_ONLY)


def console() -> TextIO | None:
    """Standard error if a person sits in front of it."""
    return sys.stderr if os.isatty(2) else None

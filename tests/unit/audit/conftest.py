"""What tests of the evidence share: the vectors, and a scene that writes plausible entries."""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from audit.command import NewCommand, RecordedCommand
from audit.entry import Kind, NewEntry
from audit.journal import Journal
from config.clock import FakeClock
from config.ids import new_id


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    path = Path(__file__).parent / "vectors" / "tlog-vectors.json"
    return json.loads(path.read_text())


@dataclass
class Scene:
    """Writes what the gateway would write: consents, sessions, commands."""

    clock: FakeClock
    directory: Path
    keys_dir: Path
    opened: list[Journal] = field(default_factory=list)

    @property
    def public_key(self) -> Path:
        return self.keys_dir / "log.pub"

    def open(self, **options: Any) -> Journal:
        journal = Journal.open(self.directory, keys_dir=self.keys_dir, origin="logs.isp", clock=self.clock, **options)
        self.opened.append(journal)
        return journal

    def in_memory(self, **options: Any) -> Journal:
        journal = Journal.in_memory(self.clock, **options)
        self.opened.append(journal)
        return journal

    async def consent(self, journal: Journal) -> str:
        consent = new_id()
        for kind in (Kind.CONSENT_ASKED, Kind.CONSENT_GRANTED):
            await journal.append(
                NewEntry(
                    kind=kind,
                    consent_ref=consent,
                    retention="consent",
                    facts={"minutes": 30},
                    sealed={"subj": {"subscriber": "Ann Example", "router": "cpe-0042"}},
                )
            )
        return consent

    async def session(self, journal: Journal, consent: str) -> str:
        session = new_id()
        await journal.append(
            NewEntry(
                kind=Kind.SESSION_OPENED,
                session=session,
                consent_ref=consent,
                policy_digest="ab" * 32,
                facts={"platform": "openwrt", "shape": "shell"},
                sealed={"who": {"rep": "bob", "source": "192.0.2.7"}, "subj": {"router": "cpe-0042"}},
            )
        )
        return session

    def command(self, session: str, consent: str, line: str = "show version", **changes: Any) -> NewCommand:
        values: dict[str, Any] = {
            "session": session,
            "consent_ref": consent,
            "deadline": self.clock.now() + timedelta(minutes=30),
            "wire": f"{line}\n".encode(),
            "typed": line,
            "canonical": line,
            "capability": "read.status",
            "rule_id": "openwrt/read-1",
            "policy_digest": "ab" * 32,
        }
        return NewCommand(**{**values, **changes})

    async def run(self, journal: Journal, session: str, consent: str, line: str = "show version") -> RecordedCommand:
        """A command with its result."""
        command = await journal.append_command(self.command(session, consent, line))
        await journal.append(self.result(command))
        return command

    def result(self, command: RecordedCommand) -> NewEntry:
        return NewEntry(
            kind=Kind.CMD_RESULT,
            session=command.session,
            consent_ref=command.consent_ref,
            facts={"of": command.n, "outcome": "done", "bytes": 12},
            sealed={"out": {"first": "OpenWrt 24.10", "last": "ok"}},
        )

    async def chunk(self, journal: Journal, session: str, number: int, text: bytes) -> None:
        entry = NewEntry(
            kind=Kind.REC_CHUNK, session=session, facts={"no": number, "t0": 0, "t1": 9, "bytes": len(text)}
        )
        await journal.append_chunk(entry, zstandard.compress(text), text)

    async def close(self, journal: Journal, session: str) -> None:
        await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "logout"}))

    async def story(self, journal: Journal, *, commands: int = 3, close: bool = True) -> tuple[str, str]:
        """Consent, session, commands, two chunks, end. Returns session and consent."""
        consent = await self.consent(journal)
        session = await self.session(journal, consent)
        for number in range(commands):
            await self.run(journal, session, consent, f"show interface {number}")
        await self.chunk(journal, session, 0, b"first chunk")
        await self.chunk(journal, session, 1, b"second chunk")
        if close:
            await self.close(journal, session)
        return session, consent


@pytest.fixture
def quick_dir() -> Iterator[Path]:
    """A directory in memory where there is one: hundreds of syncs a test need no disk to be right."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as path:
        yield Path(path)


@pytest.fixture
def scene(clock: FakeClock, quick_dir: Path) -> Iterator[Scene]:
    stage = Scene(clock, quick_dir / "evidence", quick_dir / "keys")
    yield stage
    for journal in stage.opened:
        journal.close()

"""A log in files with two subscribers in it, people who keep it, and a state beside it that is a fake."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import zstandard

from audit.command import NewCommand
from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.retention.erasure import no_step
from config.clock import FakeClock
from config.ids import new_id
from config.settings import RetentionSettings, Settings
from gateway.access.authenticate import by_key
from gateway.access.fakes import FakeDirectory
from gateway.access.identity import Authenticated, Principal, Role
from gateway.evidence.custody import Custody
from gateway.evidence.persons import Found, StoredConsent, Subject


@dataclass
class FakePersons:
    """The state: consents of subscribers. `fail` is raised by the next erasure."""

    consents: dict[str, str] = field(default_factory=dict)
    """Consent to subscriber."""
    living: set[str] = field(default_factory=set)
    erased: list[tuple[tuple[str, ...], str | None]] = field(default_factory=list)
    known_to: int = 1 << 40

    async def find(self, subject: Subject) -> Found | None:
        theirs = [
            StoredConsent(name, name not in self.living)
            for name, owner in self.consents.items()
            if subject.id in (name, owner)
        ]
        if not theirs:
            return None
        return Found(subscriber=subject.id if subject.kind == "subscriber" else None, consents=tuple(theirs))

    async def erase(self, *, consents: Sequence[str], subscriber: str | None) -> int:
        self.erased.append((tuple(consents), subscriber))
        return len(consents)

    async def reconciled_to(self) -> int:
        return self.known_to


@dataclass
class FakeIndex:
    """Something that holds copies."""

    asked: list[tuple[set[str], set[str], set[int]]] = field(default_factory=list)

    def purge(self, sessions: Iterable[str] = (), consents: Iterable[str] = (), indices: Iterable[int] = ()) -> int:
        self.asked.append((set(sessions), set(consents), set(indices)))
        return len(self.asked[-1][2])


@dataclass(frozen=True)
class Life:
    """What one subscriber left in the log."""

    subscriber: str
    consent: str
    sessions: tuple[str, ...]
    words: tuple[str, ...]
    """That nobody may find once they are erased."""


@dataclass
class House:
    """Everything on stage."""

    directory: Path
    clock: FakeClock
    settings: Settings = field(init=False)
    journal: Journal = field(init=False)
    custody: Custody = field(init=False)
    persons: FakePersons = field(default_factory=FakePersons)
    index: FakeIndex = field(default_factory=FakeIndex)
    people: dict[str, Authenticated] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = Settings(data_dir=self.directory, retention=RetentionSettings())

    @property
    def evidence(self) -> Path:
        return self.directory / "evidence"

    @property
    def keys(self) -> Path:
        return self.directory / "keys"

    async def open(self, step: Callable[[str], None] = no_step) -> Custody:
        self.journal = Journal.open(self.evidence, keys_dir=self.keys, origin="logs.isp", clock=self.clock)
        try:
            self.custody = await Custody.open(
                self.journal,
                self.clock,
                self.settings,
                self.persons,
                [self.index],
                directory=self.evidence,
                step=step,
            )
        except BaseException:
            self.journal.close()
            raise
        return self.custody

    async def person(self, name: str, role: Role) -> Authenticated:
        directory = FakeDirectory()
        directory.add_principal(Principal(id=new_id(), name=name, role=role, alias=name), key=f"ssh-ed25519 {name}")
        found = await by_key(directory, f"ssh-ed25519 {name}", "192.0.2.9", self.clock.now())
        assert found is not None
        self.people[name] = found
        return found

    async def live(self, mark: str, sessions: int = 2) -> Life:
        """A subscriber's consent and sessions, all ended; every personal word begins with `mark`."""
        journal, consent, subscriber = self.journal, new_id(), new_id()
        words = tuple(f"{mark}-{what}" for what in ("name", "street", "serial", "host", "output", "screen", "mail"))
        await journal.append(
            NewEntry(
                kind=Kind.ADMIN_CHANGE,
                subscriber=subscriber,
                facts={"act": "contact.set"},
                sealed={"act": {"address": f"{mark}-mail@example.org"}},
            )
        )
        for kind in (Kind.CONSENT_ASKED, Kind.CONSENT_GRANTED):
            await journal.append(
                NewEntry(
                    kind=kind,
                    consent_ref=consent,
                    retention="consent",
                    sealed={
                        "who": {"source": f"{mark}-street"},
                        "subj": {"subscriber": subscriber, "reason": f"{mark}-name calls"},
                    },
                )
            )
        done = tuple([await self._session(consent, mark) for _ in range(sessions)])
        await journal.append(NewEntry(kind=Kind.CONSENT_CLOSED, consent_ref=consent, retention="consent"))
        self.persons.consents[consent] = subscriber
        return Life(subscriber, consent, done, words)

    async def _session(self, consent: str, mark: str) -> str:
        journal, session = self.journal, new_id()
        await journal.append(
            NewEntry(
                kind=Kind.SESSION_OPENED,
                session=session,
                consent_ref=consent,
                sealed={"who": {"rep": "bob"}, "subj": {"router": f"{mark}-serial"}},
            )
        )
        command = await journal.append_command(
            NewCommand(
                session=session,
                consent_ref=consent,
                deadline=self.clock.now() + timedelta(minutes=30),
                wire=b"x\n",
                typed=f"ping {mark}-host",
                canonical=f"ping {mark}-host",
                capability="read.status",
                rule_id="r",
                policy_digest="ab" * 32,
            )
        )
        await journal.append(
            NewEntry(
                kind=Kind.CMD_RESULT,
                session=session,
                facts={"of": command.n},
                sealed={"out": {"first": f"{mark}-output"}},
            )
        )
        await journal.append(
            NewEntry(
                kind=Kind.CMD_BLOCKED, session=session, retention="strike", sealed={"act": {"typed": f"{mark}-host"}}
            )
        )
        text = f'[0.1, "o", "{mark}-screen"]\n'.encode()
        chunk = NewEntry(kind=Kind.REC_CHUNK, session=session, facts={"no": 0, "t0": 0, "t1": 1, "bytes": len(text)})
        await journal.append_chunk(chunk, zstandard.compress(text), text)
        await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "logout"}))
        return session

"""A recorded session with all that a real one puts on record, and bundles of it: for tests of what is exported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from audit.command import NewCommand
from audit.entry import Kind, NewEntry
from audit.export.bundle import Draft, Making, Source, prepare
from audit.export.checkpoints import choose, published
from audit.export.custody import Custody, Exporter, Registered, export_entry, sign_manifest
from audit.export.proofs import Prover
from audit.export.request import Disclosure, ExportRequest
from audit.journal import Journal
from audit.reader import EvidenceReader
from audit.recording.recorder import Recorder
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import SigningKey, parse_note
from audit.tlog.policy import Policy
from config.clock import FakeClock
from config.ids import new_id
from tests.rpcs_on_record import add_rpcs

TOKENS = {
    "who": "Zebulon-Quackenbush",
    "subj": "SN-48151623421",
    "act": "xyzzy-interface",
    "out": "plugh-output",
    "rec": "screenful-of-words",
}
"""What stands in the sealed parts, and nowhere else."""

HOSTILE = (
    "\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b]8;;https://evil.example/\x07click\x1b]8;;\x07"
    '\x1bP$q"p\x1b\\\x1b[?1049h\x1b[2J\x1bc'
    "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
)


@dataclass
class Recorded:
    """One session on record, under one consent."""

    journal: Journal
    session: str
    consent: str
    commands: list[int] = field(default_factory=list)
    """Indices of the allowed commands."""


async def consent(journal: Journal) -> str:
    """Asked and granted."""
    ref = new_id()
    for kind in (Kind.CONSENT_ASKED, Kind.CONSENT_GRANTED):
        await journal.append(
            NewEntry(
                kind=kind,
                consent_ref=ref,
                retention="consent",
                facts={"minutes": 30},
                sealed={
                    "who": {"rep": TOKENS["who"], "alias": "Rep 7F3A"},
                    "subj": {"router": TOKENS["subj"], "router_name": "cpe-0042"},
                },
            )
        )
    return ref


async def record(
    journal: Journal,
    clock: FakeClock,
    *,
    commands: int = 3,
    close: bool = True,
    output: str = "",
    blocked: bool = True,
    rpcs: bool = False,
) -> Recorded:
    """A session with its recording: `commands` allowed lines, one refused line, seconds apart.

    `rpcs`: RPCs of TR-069 carry out the first line.
    """
    made = Recorded(journal, new_id(), await consent(journal))
    who, subj = {"name": TOKENS["who"]}, {"router": TOKENS["subj"]}
    start = NewEntry(
        kind=Kind.SESSION_OPENED,
        session=made.session,
        consent_ref=made.consent,
        policy_digest="ab" * 32,
        facts={"platform": "openwrt", "shape": "shell"},
        sealed={"who": who, "subj": subj},
    )
    await journal.append(start)
    await journal.append(
        NewEntry(
            kind=Kind.CONSENT_USED,
            consent_ref=made.consent,
            retention="consent",
            facts={"session": made.session},
            sealed={"subj": subj},
        )
    )
    recorder = Recorder(journal, made.session, made.consent, clock, 80, 24)
    for number in range(commands):
        await _command(made, clock, recorder, number, output, rpcs and number == 0)
    if blocked:
        await _blocked(made, clock, recorder)
    await recorder.close(0)
    if close:
        await _close(made)
    await journal.append(NewEntry(kind=Kind.AUTH_OK, sealed={"who": who}))
    await journal.checkpoint()
    return made


async def _command(made: Recorded, clock: FakeClock, recorder: Recorder, number: int, output: str, rpcs: bool) -> None:
    clock.advance(3)
    line = f"show {TOKENS['act']} {number}"
    recorded = await made.journal.append_command(
        NewCommand(
            session=made.session,
            consent_ref=made.consent,
            deadline=clock.now() + timedelta(minutes=30),
            wire=f"{line}\n".encode(),
            typed=line,
            canonical=line,
            capability="diagnose.read",
            rule_id="openwrt/read-1",
            policy_digest="ab" * 32,
        )
    )
    made.commands.append(recorded.entry_index)
    recorder.command(recorded.n, line, "allow", recorded.entry_index)
    recorder.output(f"router> {line}\nmoment {number} {TOKENS['rec']}{output}\n")
    await recorder.ready()
    if rpcs:
        await add_rpcs(made.journal, made.session, made.consent, recorded.n)
    result = NewEntry(
        kind=Kind.CMD_RESULT,
        session=made.session,
        consent_ref=made.consent,
        facts={"of": recorded.n, "outcome": "done", "bytes": 12},
        sealed={"out": {"first": TOKENS["out"], "last": f"{TOKENS['out']} {number}"}},
    )
    await made.journal.append(result)


async def _blocked(made: Recorded, clock: FakeClock, recorder: Recorder) -> None:
    clock.advance(60)
    entry = NewEntry(
        kind=Kind.CMD_BLOCKED,
        session=made.session,
        consent_ref=made.consent,
        retention="strike",
        facts={"verdict": "deny", "why": "never", "rule": "never/1", "cap": "pivot"},
        sealed={"act": {"typed": f"ssh {TOKENS['act']}", "reason": "never"}},
    )
    await made.journal.append(entry)
    recorder.output("refused\n")


async def _close(made: Recorded) -> None:
    facts: dict[str, Any] = {"reason": "logout", "commands": len(made.commands), "blocked": 1}
    await made.journal.append(
        NewEntry(kind=Kind.SESSION_CLOSED, session=made.session, consent_ref=made.consent, facts=facts)
    )


@dataclass
class Desk:
    """Makes bundles of a journal as the gateway does."""

    journal: Journal
    clock: FakeClock
    policy: str = ""
    cosign: Callable[[bytes], bytes] = lambda note: note
    """What witnesses make of a checkpoint."""
    key: SigningKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = SigningKey(f"{self.journal.origin}/export", bytes(range(32)))
        self.policy = self.policy or f"log {self.journal.verifier_key}\nquorum none\n"

    def source(self, reader: EvidenceReader, checkpoint: bytes | None = None) -> Source:
        return Source(reader=reader, checkpoint=checkpoint or self.checkpoint(reader), policy=self.policy)

    def checkpoint(self, reader: EvidenceReader) -> bytes:
        """The newest, with the witnesses' cosignatures."""
        policy = Policy.parse(self.policy)
        return self.cosign(choose(published(reader, self.journal._directory), reader.origin, policy, reader.size))

    def making(self, *, recorded: bool = True, **more: Any) -> Making:
        by = Exporter(role="operator", alias="Operator 1")
        custody = Custody(by=by, basis="court-order 7 of 2026", approvals=(), recorded=recorded)
        signer = str(self.key.verifier) if recorded else None
        return Making(now=self.clock.now(), custody=custody, controller="Example Ltd.", signer=signer, **more)

    def draft(self, request: ExportRequest, checkpoint: bytes | None = None, **more: Any) -> Draft:
        reader = self.journal.reader()
        try:
            return prepare(self.source(reader, checkpoint), request, self.making(**more))
        finally:
            reader.close()

    async def bundle(self, request: ExportRequest, checkpoint: bytes | None = None) -> bytes:
        """With its `export.made` entry."""
        draft = self.draft(request, checkpoint)
        ref = await self.journal.append(export_entry(request, draft.sessions, draft.digest, {"id": "x"}))
        await self.journal.checkpoint()
        reader = self.journal.reader()
        try:
            note = self.checkpoint(reader)
            prover = Prover(reader, Checkpoint.parse(parse_note(note).text), [ref.index])
            head = reader.entry(ref.index).head_bytes
            proof = prover.proof(ref.index, note)
            return draft.finish(Registered(ref.index, head, proof, sign_manifest(self.key, draft.digest)))
        finally:
            reader.close()


def court(sessions: Sequence[str], disclose: str = "") -> ExportRequest:
    """What a court gets of these sessions."""
    return ExportRequest(
        profile="court",
        sessions=tuple(sessions),
        disclosure=Disclosure.parse(disclose),
        basis="court-order 7 of 2026",
    )

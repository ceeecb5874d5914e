"""From what writers handed in to rows: numbers, links, seals and leaf hashes, allocated in commit order.

`Draft` is an entry checked and encoded on the writer's own thread; `Stager` (committer thread) makes a `Batch` of many
drafts. If the batch cannot be written the stager MUST not be used again: its numbers are ahead of the store.
Counterpart: `audit.ledger` decides what may be recorded.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from audit.command import NewCommand
from audit.encoding import encode
from audit.entry import Compartment, EntryRef, Json, Kind, NewEntry, token
from audit.errors import AuditError, BadEntry, LogDamaged, RecordRefused
from audit.keys.ring import ActiveKeys, KeyRing, Subject, subject_of
from audit.keys.sealing import chunk_aad, part_aad, salt
from audit.keys.store import RECORDING
from audit.leaf import COMPARTMENTS, Head, Outline, build, check_facts, commit, outline
from audit.ledger import RAISES_GENERATION, STARTS, ChainedSession, Ledger, check_chain
from audit.rpc import CLAIMING, NewRpc
from audit.store import Batch, ChunkRow, ConsentEnd, EntryRow, SealedPart, SessionRow
from audit.tlog.merkle import Frontier, leaf_hash
from config.clock import Clock
from config.records import record

MAX_SEALED_BYTES = 1 << 20
"""Of one compartment. Long output belongs into the recording."""

MAX_CHUNK_BYTES = 1 << 20

CHECKPOINTED = frozenset({Kind.SESSION_CLOSED, Kind.CONSENT_GRANTED})
"""Kinds after which a checkpoint is signed at once: both are moments that somebody outside wants to prove."""

URGENT = CHECKPOINTED | RAISES_GENERATION
"""Kinds of which other workers hear at once."""

EPOCH_NS = 90 * 24 * 3600 * 1_000_000_000
"""An epoch of the worker's clock. After 104 days nanoseconds no longer fit the integers of canonical JSON (2^53)."""


@record
class ChunkText:
    """A recording chunk: the frame that is sealed and stored, and the lines in it, which the entry commits to."""

    frame: bytes
    lines: bytes


@record(kw_only=True)
class Draft:
    """An entry ready to be staged. `parts`: canonical bytes a compartment; `chunk`: a recording chunk."""

    entry: NewEntry
    facts: Mapping[str, Json]
    parts: Mapping[Compartment, bytes] = field(repr=False)
    chunk: ChunkText | None = field(default=None, repr=False)
    claim: "Claim | None" = None


@record
class Claim:
    """What bytes for a router rely on: refused once this consent or session has ended, or from `deadline` on."""

    session: str
    consent_ref: str
    deadline: datetime | None


@record
class Staged:
    """What became of a draft: its place, and the generation it was recorded under."""

    ref: EntryRef
    generation: int


def draft_entry(entry: NewEntry) -> Draft:
    """Check and encode an entry. Raises `BadEntry`."""
    check_chain(entry.kind, entry.session, entry.consent_ref)
    if entry.kind is Kind.REC_CHUNK:
        raise BadEntry("A recording chunk is recorded with append_chunk.")
    return _draft(entry)


def draft_chunk(entry: NewEntry, frame: bytes, lines: bytes) -> Draft:
    """The same for a recording chunk: `frame` holds `lines`; the fact `no` is its number in its session.

    Raises `BadEntry`.
    """
    number = entry.facts.get("no")
    if entry.kind is not Kind.REC_CHUNK or entry.session is None or entry.sealed:
        raise BadEntry("A chunk is an entry of kind rec.chunk that names its session and seals nothing else.")
    if isinstance(number, bool) or not isinstance(number, int):
        raise BadEntry("A chunk has its number in the fact 'no'.")
    if len(frame) > MAX_CHUNK_BYTES:
        raise BadEntry("A recording chunk is larger than 1 MiB.")
    return _draft(replace(entry, retention="recording"), chunk=ChunkText(frame, lines))


def draft_command(command: NewCommand) -> Draft:
    """The `cmd.intent` entry of a command. Its wire bytes are counted, never stored. Raises `BadEntry`."""
    facts: dict[str, Json] = {
        "verdict": "allow",
        "rule": command.rule_id,
        "cap": command.capability,
        "purpose": command.purpose,
        "confirmed": command.confirmed,
        # The length of an answer is left out: an answer may be a password.
        "bytes": None if command.purpose == "answer" else len(command.wire),
    }
    entry = NewEntry(
        kind=Kind.CMD_INTENT,
        session=command.session,
        consent_ref=command.consent_ref,
        policy_digest=command.policy_digest,
        facts=facts,
        sealed={"act": {"typed": command.typed, "canonical": command.canonical}},
    )
    return _draft(entry, claim=Claim(command.session, command.consent_ref, command.deadline))


def draft_rpc(rpc: NewRpc) -> Draft:
    """The `rpc.intent` entry of an RPC. Its envelope is never stored. Raises `BadEntry`.

    What belongs to a session's consent claims it like a command; `undo` and `machine` only name the session.
    """
    facts: dict[str, Json] = {"method": token(rpc.method), "purpose": rpc.purpose, **rpc.facts}
    claims = rpc.purpose in CLAIMING
    if claims and (rpc.session is None or rpc.consent_ref is None):
        raise BadEntry("An RPC for a rep names its session and its consent.")
    if rpc.of is not None:
        facts["of"] = rpc.of
    if not claims and rpc.session is not None:
        facts["session"] = rpc.session
    entry = NewEntry(
        kind=Kind.RPC_INTENT,
        session=rpc.session if claims else None,
        consent_ref=rpc.consent_ref if claims else None,
        subscriber=None if claims else rpc.subscriber,
        facts=facts,
        sealed={"act": dict(rpc.kept)} if rpc.kept else {},
    )
    if rpc.session is None or rpc.consent_ref is None or not claims:
        return _draft(entry)
    return _draft(entry, claim=Claim(rpc.session, rpc.consent_ref, rpc.deadline))


def _draft(entry: NewEntry, *, chunk: ChunkText | None = None, claim: Claim | None = None) -> Draft:
    parts: dict[Compartment, bytes] = {}
    for name, content in entry.sealed.items():
        if name not in COMPARTMENTS:
            raise BadEntry("An entry seals only the compartments who, subj, act and out.")
        parts[name] = encode(dict(content))
        if len(parts[name]) > MAX_SEALED_BYTES:
            raise BadEntry(f"The part '{name}' of the entry is larger than 1 MiB.")
    return Draft(entry=entry, facts=check_facts(entry.facts), parts=parts, chunk=chunk, claim=claim)


@dataclass(slots=True)
class _Rows:
    """A batch in the making."""

    entries: list[EntryRow] = field(default_factory=list)
    sealed: list[SealedPart] = field(default_factory=list)
    chunks: list[ChunkRow] = field(default_factory=list)
    sessions: dict[str, SessionRow] = field(default_factory=dict)
    ends: dict[str, ConsentEnd] = field(default_factory=dict)


class Stager:
    """Allocates places in the log. Owned by the committer thread."""

    def __init__(
        self, *, origin: str, worker: str, clock: Clock, ledger: Ledger, keyring: KeyRing, frontier: Frontier
    ) -> None:
        self.ledger = ledger
        self.frontier = frontier
        self._origin = origin
        self.worker = worker
        """`<worker id>/<epoch>`, as it stands in heads."""
        self._clock = clock
        self._keyring = keyring
        self._started_ns = clock.monotonic_ns()

    def prepare(self, drafts: Sequence[Draft]) -> None:
        """See that there are keys for these drafts, before anybody is kept waiting at the end of the log.

        Raises what the key store raises; that is fatal.
        """
        now = self._clock.now()
        self._keyring.provide(self._subjects(drafts, now), now)

    def absorb(self, rows: Sequence[EntryRow]) -> list[Outline]:
        """Go on behind entries of other workers, which follow the last one known. Raises `LogDamaged`, `BadEntry`."""
        outlines = []
        for row in rows:
            if row.index != self.frontier.size or leaf_hash(row.head) != row.leaf:
                raise LogDamaged(f"Entry {row.index} was changed, or one before it is missing.")
            found = outline(row.head)
            self.ledger.absorb(found, row.index, row.leaf)
            self.frontier.append(row.leaf)
            outlines.append(found)
        return outlines

    def stage(self, drafts: Sequence[Draft], meta: Mapping[str, str]) -> tuple[Batch, list[Staged | AuditError]]:
        """Rows for all drafts that may be recorded, and for each draft its place or its refusal.

        The drafts were prepared. Raises what the key store raises, for a key set that still had to be made.
        """
        now, monotonic_ns = self._clock.now(), self._clock.monotonic_ns() - self._started_ns
        rows, epoch = _Rows(), None
        if drafts and monotonic_ns >= EPOCH_NS:
            self._started_ns += monotonic_ns
            name, _, number = self.worker.rpartition("/")
            epoch = int(number) + 1
            self.worker = f"{name}/{epoch}"
            monotonic_ns = 0
            renewed = draft_entry(NewEntry(kind=Kind.LOG_CLOCK, facts={"epoch": epoch}))
            self._stage(renewed, rows, now, monotonic_ns)
        outcomes: list[Staged | AuditError] = []
        for draft in drafts:
            try:
                outcomes.append(self._stage(draft, rows, now, monotonic_ns))
            except (RecordRefused, BadEntry) as refusal:
                outcomes.append(refusal)
        batch = Batch(
            entries=rows.entries,
            sealed=rows.sealed,
            chunks=rows.chunks,
            sessions=list(rows.sessions.values()),
            consent_ends=list(rows.ends.values()),
            frontier=self.frontier.copy() if rows.entries else None,
            meta=meta,
            epoch=epoch,
            urgent=any(
                isinstance(outcome, Staged) and draft.entry.kind in URGENT
                for draft, outcome in zip(drafts, outcomes, strict=True)
            ),
        )
        for row in batch.sessions:
            if row.state == "closed":
                self._keyring.forget_session(row.session)
        self._keyring.tidy()
        return batch, outcomes

    def _subjects(self, drafts: Sequence[Draft], now: datetime) -> list[Subject]:
        """Key sets that this batch will need. A session gets those of its commands and its recording at its start, so
        that no later line waits for a second sync."""
        subjects = []
        started = {draft.entry.session for draft in drafts if draft.entry.kind in STARTS}
        for draft in drafts:
            entry = draft.entry
            subject = subject_of(entry, self.worker, now)
            if subject.kind == "session" and subject.id not in started and self.ledger.session(subject.id) is None:
                continue  # it will be refused
            if draft.parts or draft.chunk is not None:
                subjects.append(subject)
            if entry.kind in STARTS and entry.session is not None and entry.kind is not Kind.SESSION_REFUSED:
                subjects += [Subject("session", entry.session, name) for name in ("access", "recording")]
        return subjects

    def _stage(self, draft: Draft, rows: _Rows, now: datetime, monotonic_ns: int) -> Staged:
        entry, index = draft.entry, self.frontier.size
        if draft.claim is not None:
            session: ChainedSession | None = self._admit_claim(draft.claim, now)
        else:
            session = self.ledger.admit(entry.kind, entry.session, entry.consent_ref, index)
        facts = dict(draft.facts)
        if session is None and entry.session is not None:
            facts["session"] = entry.session
        keys = self._keys(draft, now)
        number = index if session is None else session.n
        sealed, commitments = self._seal(draft, keys, session, number, index)
        chunk = None
        if draft.chunk is not None and keys is not None and session is not None:
            chunk, facts = self._seal_chunk(draft.chunk, keys, session, index, facts)
        generation = self.ledger.generation
        head = build(
            Head(
                kind=entry.kind,
                time=now,
                monotonic_ns=monotonic_ns,
                worker=self.worker,
                session=None if session is None else session.id,
                n=None if session is None else session.n,
                previous=None if session is None else session.previous,
                consent_ref=entry.consent_ref,
                policy_digest=entry.policy_digest,
                generation=generation,
                retention=entry.retention,
                key_set=None if keys is None else keys.id,
                commitments=commitments,
                facts=facts,
            )
        )
        rows.sealed.extend(sealed)
        if chunk is not None:
            rows.chunks.append(chunk)
        return Staged(self._place(entry, session, head, index, rows), generation)

    def _place(self, entry: NewEntry, session: ChainedSession | None, head: bytes, index: int, rows: _Rows) -> EntryRef:
        """Give an admitted entry its place; nothing is refused any more."""
        leaf = leaf_hash(head)
        n = None if session is None else session.n
        rows.entries.append(
            EntryRow(index, head, leaf, None, entry.consent_ref)
            if session is None
            else EntryRow(index, head, leaf, session.id)
        )
        end = self.ledger.settle(entry.kind, session, entry.consent_ref, index, leaf)
        if end is not None:
            rows.ends[end.consent_ref] = end
        if session is not None and (session.n == 1 or session.state != "open" or entry.kind is Kind.SESSION_OPENED):
            rows.sessions[session.id] = session.row()
        self.frontier.append(leaf)
        return EntryRef(index, leaf, n)

    def _admit_claim(self, claim: Claim, now: datetime) -> ChainedSession:
        session = self.ledger.admit_command(claim.session, claim.consent_ref)
        if claim.deadline is not None and now >= claim.deadline:
            raise RecordRefused("expired")
        return session

    def _keys(self, draft: Draft, now: datetime) -> ActiveKeys | None:
        if not draft.parts and draft.chunk is None:
            return None
        subject = subject_of(draft.entry, self.worker, now)
        if (found := self._keyring.find(subject)) is None:  # another worker began the session a moment ago
            self._keyring.provide([subject], now)
            found = self._keyring.get(subject)
        return found

    def _seal(
        self, draft: Draft, keys: ActiveKeys | None, session: ChainedSession | None, number: int, index: int
    ) -> tuple[list[SealedPart], dict[str, bytes]]:
        """The entry's parts as they are stored, and the commitments to them."""
        sealed: list[SealedPart] = []
        commitments: dict[str, bytes] = {}
        if keys is None:
            return sealed, commitments
        name = None if session is None else session.id
        for compartment, content in draft.parts.items():
            key = keys.keys[compartment]
            kept = key.seal(content, part_aad(self._origin, name, number, compartment))
            sealed.append(SealedPart(index, compartment, keys.id, kept))
            commitments[compartment] = commit(compartment, content, salt(key.dek, number))
        return sealed, commitments

    def _seal_chunk(
        self, chunk: ChunkText, keys: ActiveKeys, session: ChainedSession, index: int, facts: dict[str, Json]
    ) -> tuple[ChunkRow, dict[str, Json]]:
        """The chunk's row, and the facts with `cd` (SHA-256 of the stored bytes) and `pc` (commitment to its lines)."""
        if facts["no"] != session.chunks:
            raise BadEntry(f"The session's next recording chunk has number {session.chunks}.")
        key = keys.keys[RECORDING]
        sealed = key.seal(chunk.frame, chunk_aad(self._origin, session.id, session.chunks))
        digests = (hashlib.sha256(sealed).digest(), commit(RECORDING, chunk.lines, salt(key.dek, session.n)))
        facts["cd"], facts["pc"] = (base64.b64encode(digest).decode() for digest in digests)
        return ChunkRow(session.id, session.chunks, index, sealed), facts

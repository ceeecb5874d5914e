"""What the pages show of the log: heads for everybody who is signed in, sealed parts under a look on record.

Everything shown is held against the signed checkpoint first. Runs in threads; counterpart: `gateway.review.pages`.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from audit.entry import Json, Kind
from audit.errors import AuditError, KeyUnavailable
from audit.exchanges import Exchange, exchanges, lines_of
from audit.export.checkpoints import choose, published, tiles_beside
from audit.export.proofs import Prover
from audit.export.request import BadExport
from audit.journal import Journal
from audit.reader import EvidenceReader, SessionSummary, StoredEntry
from audit.recording.library import Recording, read_recording
from audit.recording.segments import Timeline, index, segment, timeline
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import leaf_hash
from audit.tlog.note import parse_note
from audit.tlog.policy import Policy
from gateway.errors import NotAllowed

Proof = Literal["verified", "waiting", "contradiction"]
"""Stands under the signed checkpoint; not yet in one; does not stand where the log says."""

Content = Literal["open", "sealed", "erased", "closed", "damaged", "none"]
"""Opened; sealed, because nobody asked to open it; erased lawfully; its key is gone, and nothing says why; changed."""

PAGE: Final = 50
MOST_RPCS: Final = 50
"""RPCs that one command is shown with; the page counts the others, and `vestibule log` has all."""
MOST_LINES: Final = 40
"""Names or values that an RPC is shown with; the page of its entry has all."""
_LATER: Final = 50_000
"""Microseconds."""
_SHOWN: Final = frozenset(
    {Kind.CMD_INTENT, Kind.CMD_BLOCKED, Kind.SESSION_ATTEMPT, Kind.STRIKE, Kind.SESSION_KILLED, Kind.SESSION_FROZEN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A sealed part of an entry. `erased_by`: index of the entry that says so."""

    name: str
    content: Content
    values: Mapping[str, Json] | None = None
    erased_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An entry with the state of its proof and of its sealed parts."""

    entry: StoredEntry
    proof: Proof
    parts: tuple[Part, ...] = ()

    @property
    def content(self) -> Content:
        """The state of its parts together: the worst of them."""
        states = {part.content for part in self.parts}
        order: tuple[Content, ...] = ("damaged", "closed", "erased", "sealed", "open")
        return next((state for state in order if state in states), "none")

    @property
    def erased_by(self) -> int | None:
        return next((part.erased_by for part in self.parts if part.erased_by is not None), None)

    def text(self, part: str, key: str) -> str:
        """A value of an opened part, if it is a text."""
        values = next((one.values for one in self.parts if one.name == part), None) or {}
        value = values.get(key)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc:
    """One RPC of TR-069. Counts are those of the heads; lines are there as far as the parts are open."""

    exchange: Exchange
    intent: Shown
    result: Shown | None

    @property
    def asked(self) -> tuple[str, ...]:
        """What was asked for or written."""
        return _lines(self.intent, "act")

    @property
    def came(self) -> tuple[str, ...]:
        """What came back."""
        return () if self.result is None else _lines(self.result, "out")


@dataclass(frozen=True, slots=True)
class Rpcs:
    """The RPCs of a command: the first `MOST_RPCS`, and how many follow."""

    shown: tuple[Rpc, ...] = ()
    more: int = 0

    @property
    def count(self) -> int:
        return len(self.shown) + self.more


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One line beside the terminal. `at`: microseconds of the recording; `shown_at`: seconds of the player."""

    shown: Shown
    at: int | None
    shown_at: float | None
    in_gap: bool
    rpcs: Rpcs = Rpcs()

    @property
    def text(self) -> str:
        """What was typed, if it is open."""
        return self.shown.text("act", "typed") or self.shown.text("act", "asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLook:
    """One session as its page shows it."""

    session: str
    first: Shown
    state: str
    consent: str | None
    started: datetime
    commands: tuple[Command, ...]
    rpcs: Rpcs
    """RPCs that belong to none of the commands: what kept the router waiting."""
    whole: bool
    """The numbers of its entries leave none out."""
    last: Shown
    covered: int
    """Entries under the signed checkpoint."""
    recorded: bool
    duration: int
    entries: int


class Looks:
    """Reads one log for the pages."""

    def __init__(self, journal: Journal, policy: Policy, evidence_dir: Path | None) -> None:
        self._journal = journal
        self._policy = policy
        self._directory = evidence_dir

    def sessions(self, before: int | None) -> list[SessionSummary]:
        """The newest sessions whose first entry stands before `before`, newest first. Nothing sealed."""
        with closing(self._journal.reader()) as reader:
            found = [one for one in reader.sessions() if before is None or one.first_index < before]
        return found[: -PAGE - 1 : -1]

    def session(self, session: str, *, opened: bool) -> SessionLook:
        """A session; with `opened` its sealed parts too. Raises `NotAllowed` if there is none."""
        with closing(self._journal.reader()) as reader:
            chain = reader.session(session)
            if not chain:
                raise NotAllowed("The log has no such session.")
            checked = _Checked(reader, self._policy, self._directory, chain)
            recording = _recording(reader, session) if opened else None
            line = None if recording is None else timeline(recording)
            shown = [entry for entry in chain if _is_shown(entry)]
            rpcs = _rpcs(checked, chain, {entry.n for entry in shown}, opened)
            commands = [
                replace(_command(checked, entry, chain, line, opened), rpcs=rpcs.get(entry.n, Rpcs()))
                for entry in shown
            ]
            return SessionLook(
                session=session,
                first=checked.show(chain[0], opened=opened),
                state=_state(chain),
                consent=chain[0].consent_ref,
                started=chain[0].time,
                commands=tuple(commands),
                rpcs=rpcs.get(None, Rpcs()),
                whole=[entry.n for entry in chain] == list(range(len(chain))),
                last=checked.show(chain[-1], opened=False),
                covered=checked.size,
                recorded=any(entry.kind in (Kind.REC_CHUNK, Kind.REC_END) for entry in chain),
                duration=0 if recording is None else recording.duration,
                entries=len(chain),
            )

    def entry(self, number: int, *, opened: bool) -> tuple[Shown, int]:
        """One entry, and how many the signed checkpoint covers. Raises `NotAllowed` if there is none."""
        with closing(self._journal.reader()) as reader:
            if not 0 <= number < reader.size:
                raise NotAllowed("The log has no such entry.")
            entry = reader.entry(number)
            checked = _Checked(reader, self._policy, self._directory, [entry])
            return checked.show(entry, opened=opened), checked.size

    def consent(self, consent: str, *, opened: bool) -> list[Shown]:
        """The entries of a consent outside sessions. Raises `NotAllowed` if there are none."""
        with closing(self._journal.reader()) as reader:
            entries = reader.consent(consent)
            if not entries:
                raise NotAllowed("The log has no such consent.")
            checked = _Checked(reader, self._policy, self._directory, entries)
            return [checked.show(entry, opened=opened) for entry in entries]

    def recording(self, session: str, url: str, *, seconds: float | None, n: int | None) -> dict[str, Any] | None:
        """The player's index; none if there is no recording.

        On top, `start`: where to begin (the moment recorded at `seconds`, or the command number `n`), and `shifts`: how
        shown time becomes recorded time.
        """
        with closing(self._journal.reader()) as reader:
            recording = _recording(reader, session)
            if recording is None:
                return None
            line = timeline(recording)
            chain = reader.session(session)
            marks = [
                (at, f"{entry.n} {entry.facts.get('verdict', '')}")
                for entry in chain
                if entry.kind is Kind.CMD_INTENT
                and entry.facts.get("purpose") == "command"
                and (at := _since_start(entry, chain)) is not None
            ]
            at = 0 if seconds is None else int(seconds * 1e6)
            if n is not None:
                at = next((_since_start(entry, chain) or 0 for entry in chain if entry.n == n), at)
            # A little later: the player shows what stood before its start, and the hit is to be seen.
            start = 0.0 if at == 0 else min(line.shown(at) + _LATER, line.duration) / 1e6
            return {**index(recording, line, marks, url), "start": start, "shifts": line.shifts()}

    def segment(self, session: str, number: int) -> dict[str, Any] | None:
        """One segment of a recording; none if there is no such one."""
        with closing(self._journal.reader()) as reader:
            recording = _recording(reader, session)
            return None if recording is None else segment(recording, timeline(recording), number)

    def head(self, number: int) -> bytes | None:
        """The bytes of an entry's head, as they were hashed."""
        with closing(self._journal.reader()) as reader:
            return reader.entry(number).head_bytes if 0 <= number < reader.size else None


class _Checked:
    """Entries held against the newest signed checkpoint."""

    def __init__(
        self, reader: EvidenceReader, policy: Policy, directory: Path | None, wanted: Sequence[StoredEntry]
    ) -> None:
        self._reader = reader
        self.size = 0
        try:
            note = choose(published(reader, directory), reader.origin, policy, wanted[-1].index + 1)
        except BadExport:
            return
        checkpoint = Checkpoint.parse(parse_note(note).text)
        self.size = checkpoint.size
        below = [entry.index for entry in wanted if entry.index < self.size]
        self._prover = Prover(reader, checkpoint, below, tiles_beside(directory))

    def show(self, entry: StoredEntry, *, opened: bool) -> Shown:
        parts = [self._part(entry, name, opened=opened) for name in self._reader.compartments(entry.index)]
        held = {part.name for part in parts}
        # A commitment whose ciphertext is gone: deleted after an erasure, or lost.
        parts += [self._gone(entry, name) for name in sorted(entry.head.commitments.keys() - held)]
        return Shown(entry=entry, proof=self._proof(entry), parts=tuple(parts))

    def _proof(self, entry: StoredEntry) -> Proof:
        if entry.index >= self.size:
            return "waiting"
        try:
            if leaf_hash(entry.head_bytes) != entry.leaf_hash:
                return "contradiction"
            self._prover.path(entry.index)
        except AuditError:
            return "contradiction"
        return "verified"

    def _part(self, entry: StoredEntry, name: str, *, opened: bool) -> Part:
        if not opened:
            return Part(name=name, content="sealed")
        try:
            return Part(name=name, content="open", values=self._reader.sealed(entry.index, name))
        except KeyUnavailable:
            return self._gone(entry, name)
        except AuditError:
            return Part(name=name, content="damaged")

    def _gone(self, entry: StoredEntry, name: str) -> Part:
        by = self._reader.erased_by(entry.index, name)
        return Part(name=name, content="closed" if by is None else "erased", erased_by=by)


def _recording(reader: EvidenceReader, session: str) -> Recording | None:
    try:
        return read_recording(reader, session)
    except AuditError:
        return None


def _is_shown(entry: StoredEntry) -> bool:
    """What a person did, or what was done to the session; not what the gateway typed itself."""
    return entry.kind in _SHOWN and entry.facts.get("purpose") not in ("preparation", "interrupt", "answer")


def _command(
    checked: _Checked, entry: StoredEntry, chain: Sequence[StoredEntry], line: Timeline | None, opened: bool
) -> Command:
    at = None if line is None else _since_start(entry, chain)
    piece = None if line is None or at is None else line.at(at)
    return Command(
        shown=checked.show(entry, opened=opened),
        at=at,
        shown_at=None if line is None or at is None else line.shown(at) / 1e6,
        in_gap=piece is not None and piece.is_gap,
    )


def _rpcs(
    checked: _Checked, chain: Sequence[StoredEntry], commands: Collection[int | None], opened: bool
) -> dict[int | None, Rpcs]:
    """By number of the command; under none those that belong to no command of the page."""
    found: dict[int | None, list[Exchange]] = {}
    for one in exchanges(chain):
        found.setdefault(one.command if one.command in commands else None, []).append(one)
    return {
        n: Rpcs(tuple(_rpc(checked, one, opened) for one in every[:MOST_RPCS]), max(0, len(every) - MOST_RPCS))
        for n, every in found.items()
    }


def _rpc(checked: _Checked, one: Exchange, opened: bool) -> Rpc:
    return Rpc(
        exchange=one,
        intent=checked.show(one.intent, opened=opened),
        result=None if one.result is None else checked.show(one.result, opened=opened),
    )


def _lines(shown: Shown, part: str) -> tuple[str, ...]:
    """The first lines of an opened part, and a word about the others."""
    values = next((one.values for one in shown.parts if one.name == part), None) or {}
    every = list(lines_of(values))
    rest = len(every) - MOST_LINES
    return (*every[:MOST_LINES], *((f"and {rest} more, on the page of entry {shown.entry.index}",) if rest > 0 else ()))


def _since_start(entry: StoredEntry, chain: Sequence[StoredEntry]) -> int | None:
    """Microseconds since the recording began, by the worker's monotonic clock; none if its epoch changed between.

    The recorder starts when `session.opened` is durable, and an intent is durable just before its mark is recorded.
    """
    opened = next((one for one in chain if one.kind is Kind.SESSION_OPENED), None)
    if opened is None or opened.head.worker != entry.head.worker:
        return None
    return max(0, (entry.head.monotonic_ns - opened.head.monotonic_ns) // 1000)


def _state(chain: Sequence[StoredEntry]) -> str:
    kinds = {entry.kind for entry in chain}
    for kind, word in _STATES:
        if kind in kinds:
            return word
    return "requested"


_STATES: Final = (
    (Kind.SESSION_CLOSED, "closed"),
    (Kind.SESSION_KILLED, "killed"),
    (Kind.SESSION_FROZEN, "frozen"),
    (Kind.SESSION_OPENED, "open"),
)

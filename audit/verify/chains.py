"""Replays heads through the journal's own rules and notes every place where they could not have been written. Pure.

Checked: dense numbers and links of each session, no command after the end of its consent or session, no session without
a consent on record, generations, clocks and starts. Counterparts: `audit.ledger` holds the rules,
`audit.verify.log` feeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from audit.entry import Kind
from audit.errors import RecordRefused
from audit.leaf import Head
from audit.ledger import CHAINED, ChainedSession, Ledger
from audit.store import ConsentEnd, SessionRow
from audit.verify.report import ClockStep, SessionCheck, Severity

STEP_SECONDS = 1.0
"""The wall clock may drift this far against the monotonic clock between two entries before it counts as a step."""


@dataclass(slots=True)
class _Seen:
    """What was seen of one session."""

    row: SessionRow
    entries: int = 0
    commands: int = 0
    blocked: int = 0
    chunks: int = 0
    unanswered: set[int] = field(default_factory=set)
    close_reason: str | None = None
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Moment:
    worker: str
    monotonic_ns: int
    time: datetime


class ChainCheck:
    """Feed all heads of a log in order, then ask for what was found."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._granted: set[str] = set()
        self._last: _Moment | None = None
        self.consent_ends: dict[str, ConsentEnd] = {}
        self._ledger = Ledger(0, self._closed, self.consent_ends.get)
        self.clock_steps: list[ClockStep] = []
        self.starts = 0

    def feed(self, index: int, head: Head, leaf: bytes) -> Iterator[tuple[Severity, str]]:
        """Take one entry. Yields what is wrong with its place."""
        yield from self._check_time(index, head)
        if head.generation != self._ledger.generation:
            yield (
                "contradiction",
                f"its generation is {head.generation}, but {self._ledger.generation} ends came before it",
            )
        session = None
        if head.session is not None:
            if head.kind not in CHAINED:
                yield "contradiction", f"an entry of kind {head.kind.value} is no link of a session"
            else:
                try:
                    session = self._admit(index, head)
                except RecordRefused as refusal:
                    yield "contradiction", _refusal(head, refusal.reason)
                else:
                    yield from self._check_link(head, session)
        if head.kind is Kind.SESSION_OPENED and head.consent_ref not in self._granted:
            yield "missing", f"session {head.session} was opened, but the log holds no grant of its consent"
        if head.kind is Kind.CONSENT_GRANTED and head.consent_ref is not None:
            self._granted.add(head.consent_ref)
        end = self._ledger.settle(head.kind, session, head.consent_ref, index, leaf)
        if end is not None:
            self.consent_ends[end.consent_ref] = end
        if session is not None:
            self._note(head, session)

    def _admit(self, index: int, head: Head) -> ChainedSession:
        assert head.session is not None
        if head.kind is Kind.CMD_INTENT:
            return self._ledger.admit_command(head.session, head.consent_ref or "")
        session = self._ledger.admit(head.kind, head.session, head.consent_ref, index)
        assert session is not None
        return session

    def _check_link(self, head: Head, session: ChainedSession) -> Iterator[tuple[Severity, str]]:
        found = None
        if head.n != session.n:
            found = f"gap: number {session.n} was expected, {head.n} follows"
        elif head.previous != session.previous:
            found = f"number {head.n} does not link to the entry before it"
        if found is not None:
            self._seen_of(session).reasons.append(found)
            session.n = head.n or 0  # go on from here: one break is one finding
            yield "contradiction", f"session {session.id}: {found}"

    def _check_time(self, index: int, head: Head) -> Iterator[tuple[Severity, str]]:
        last, self._last = self._last, _Moment(head.worker, head.monotonic_ns, head.time)
        if last is None or last.worker != head.worker:
            self.starts += head.kind is Kind.LOG_START
            if head.kind not in (Kind.LOG_START, Kind.LOG_CLOCK):
                yield "contradiction", f"worker {head.worker} records without having started"
        elif head.monotonic_ns < last.monotonic_ns:
            yield "contradiction", "it is older than the entry before it by the worker's own clock"
        else:
            passed = (head.monotonic_ns - last.monotonic_ns) / 1e9
            step = (head.time - last.time).total_seconds() - passed
            if abs(step) > STEP_SECONDS:
                self.clock_steps.append(ClockStep(index, step))

    def _seen_of(self, session: ChainedSession) -> _Seen:
        if session.id not in self._seen:
            self._seen[session.id] = _Seen(session.row())
        return self._seen[session.id]

    def _note(self, head: Head, session: ChainedSession) -> None:
        seen = self._seen_of(session)
        seen.row = session.row()
        seen.entries += 1
        of = head.facts.get("of")
        match head.kind:
            case Kind.CMD_INTENT:
                seen.commands += 1
                seen.unanswered.add(head.n or 0)
            case Kind.CMD_RESULT | Kind.CMD_UNKNOWN if isinstance(of, int):
                seen.unanswered.discard(of)
            case Kind.CMD_BLOCKED:
                seen.blocked += 1
            case Kind.REC_CHUNK:
                seen.chunks += 1
            case Kind.SESSION_CLOSED | Kind.SESSION_REFUSED:
                seen.close_reason = str(head.facts.get("reason", head.kind.value))
            case _:
                pass

    def _closed(self, session: str) -> SessionRow | None:
        seen = self._seen.get(session)
        return None if seen is None else seen.row

    def rows(self) -> dict[str, SessionRow]:
        """Where each session stands, as the store should have it."""
        return {session: seen.row for session, seen in self._seen.items()}

    def sessions(self, only: str | None = None) -> tuple[SessionCheck, ...]:
        """All sessions (or one), oldest first."""
        return tuple(_check_of(seen) for name, seen in self._seen.items() if only is None or name == only)


def _check_of(seen: _Seen) -> SessionCheck:
    reasons = list(seen.reasons)
    if seen.row.state != "closed":
        reasons.append(f"it is not closed ({seen.row.state}): it still runs, or the gateway stopped")
    return SessionCheck(
        session=seen.row.session,
        consent_ref=seen.row.consent_ref,
        state=seen.row.state,
        entries=seen.entries,
        commands=seen.commands,
        blocked=seen.blocked,
        chunks=seen.chunks,
        unanswered=tuple(sorted(seen.unanswered)),
        close_reason=seen.close_reason,
        reasons=tuple(reasons),
    )


def _refusal(head: Head, reason: str) -> str:
    if head.kind is Kind.CMD_INTENT:
        return f"a command stands in session {head.session} although its consent or session had ended ({reason})"
    return f"an entry of kind {head.kind.value} stands in session {head.session} where it cannot ({reason})"

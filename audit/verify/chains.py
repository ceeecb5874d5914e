"""Replays heads through the journal's own rules and notes every place where they could not have been written. Pure.

Checked: dense numbers and links of each session, no command after the end of its consent or session, no session without
a consent on record, generations, clocks and starts of each worker, ends of recordings. Counterparts: `audit.ledger`
holds the rules, `audit.verify.log` feeds. `audit.verify.vestibule_verify` has the same rules, written apart.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from audit.entry import Kind
from audit.errors import RecordRefused
from audit.leaf import Head
from audit.ledger import CHAINED, RELYING, ChainedSession, Ledger
from audit.store import ConsentEnd, SessionRow
from audit.verify.heads import QuickHead
from audit.verify.report import ClockStep, SessionCheck, Severity

STEP_SECONDS = 1.0
"""The wall clock may drift this far against the monotonic clock between two entries before it counts as a step."""


@dataclass(slots=True)
class _Seen:
    """What was seen of one session."""

    session: ChainedSession
    entries: int = 0
    commands: int = 0
    blocked: int = 0
    chunks: int = 0
    unanswered: set[int] = field(default_factory=set)
    close_reason: str | None = None
    reasons: list[str] = field(default_factory=list)
    chain: bytes = bytes(32)
    """Running digest over the leaf hashes of its recording chunks."""


_Finding = tuple[Severity, str]
_NONE: Sequence[_Finding] = ()


class ChainCheck:
    """Feed all heads of a log in order, then ask for what was found."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._granted: set[str] = set()
        self._workers: dict[str, tuple[int, str, int, datetime]] = {}
        self.consent_ends: dict[str, ConsentEnd] = {}
        self._ledger = Ledger(0, self._closed, self.consent_ends.get)
        self.clock_steps: list[ClockStep] = []
        self.starts = 0

    def feed(self, index: int, head: Head | QuickHead, leaf: bytes) -> Sequence[_Finding]:
        """Take one entry. What is wrong with its place."""
        found: list[_Finding] | None = None
        if wrong := self._check_time(index, head):
            found = [wrong]
        if head.generation != self._ledger.generation:
            ends = f"its generation is {head.generation}, but {self._ledger.generation} ends came before it"
            found = [*(found or ()), ("contradiction", ends)]
        session = None
        if head.session is not None:
            session, wrong = self._take(index, head)
            if wrong is not None:
                found = [*(found or ()), wrong]
        if head.kind is Kind.SESSION_OPENED and head.consent_ref not in self._granted:
            text = f"session {head.session} was opened, but the log holds no grant of its consent"
            found = [*(found or ()), ("missing", text)]
        if head.kind is Kind.CONSENT_GRANTED and head.consent_ref is not None:
            self._granted.add(head.consent_ref)
        end = self._ledger.settle(head.kind, session, head.consent_ref, index, leaf)
        if end is not None:
            self.consent_ends[end.consent_ref] = end
        if session is not None and (wrong := self._note(head, session, leaf)):
            found = [*(found or ()), wrong]
        return found or _NONE

    def _take(self, index: int, head: Head | QuickHead) -> tuple[ChainedSession | None, _Finding | None]:
        """The session whose chain the entry joins, if it may, and what is wrong."""
        if head.kind not in CHAINED:
            return None, ("contradiction", f"an entry of kind {head.kind.value} is no link of a session")
        try:
            session = self._admit(index, head)
        except RecordRefused as refusal:
            return None, ("contradiction", _refusal(head, refusal.reason))
        return session, self._check_link(head, session)

    def _admit(self, index: int, head: Head | QuickHead) -> ChainedSession:
        assert head.session is not None
        if head.kind in RELYING:
            return self._ledger.admit_command(head.session, head.consent_ref or "")
        session = self._ledger.admit(head.kind, head.session, head.consent_ref, index)
        assert session is not None
        return session

    def _check_link(self, head: Head | QuickHead, session: ChainedSession) -> _Finding | None:
        if head.n != session.n:
            found = f"gap: number {session.n} was expected, {head.n} follows"
        elif head.previous != session.previous:
            found = f"number {head.n} does not link to the entry before it"
        else:
            return None
        self._seen_of(session).reasons.append(found)
        session.n = head.n or 0  # go on from here: one break is one finding
        return "contradiction", f"session {session.id}: {found}"

    def _check_time(self, index: int, head: Head | QuickHead) -> _Finding | None:
        """Each worker's clock runs forward from each of its starts; several workers write in turn."""
        name, _, number = head.worker.rpartition("/")
        epoch, before = int(number), self._workers.get(name)
        self._workers[name] = (epoch, head.worker, head.monotonic_ns, head.time)
        if before is None or epoch > before[0]:
            # A log that continues another begins with that one's end, and then with the start.
            starts = head.kind is Kind.LOG_START or (index == 0 and head.kind is Kind.LOG_ROTATE)
            self.starts += starts
            if not starts and head.kind is not Kind.LOG_CLOCK:
                return "contradiction", f"worker {head.worker} records without having started"
        elif epoch < before[0] or head.worker != before[1]:
            return "contradiction", f"worker {head.worker} records after a later start of it"
        elif head.monotonic_ns < before[2]:
            return "contradiction", "it is older than the entry before it by the worker's own clock"
        elif head.time != before[3] or head.monotonic_ns != before[2]:
            step = (head.time - before[3]).total_seconds() - (head.monotonic_ns - before[2]) / 1e9
            if abs(step) > STEP_SECONDS:
                self.clock_steps.append(ClockStep(index, step))
        return None

    def _seen_of(self, session: ChainedSession) -> _Seen:
        if session.id not in self._seen:
            self._seen[session.id] = _Seen(session)
        return self._seen[session.id]

    def _note(self, head: Head | QuickHead, session: ChainedSession, leaf: bytes) -> _Finding | None:
        """Count, and hold the end of a recording against its chunks."""
        seen = self._seen.get(session.id) or self._seen_of(session)
        seen.session = session
        seen.entries += 1
        kind = head.kind
        if kind is Kind.CMD_INTENT:
            seen.commands += 1
            seen.unanswered.add(head.n or 0)
        elif kind is Kind.CMD_RESULT or kind is Kind.CMD_UNKNOWN:
            if isinstance(of := head.facts.get("of"), int):
                seen.unanswered.discard(of)
        elif kind is Kind.CMD_BLOCKED:
            seen.blocked += 1
        elif kind is Kind.REC_CHUNK:
            return self._note_chunk(head, seen, leaf)
        elif kind is Kind.REC_END:
            end = (seen.chunks, base64.b64encode(seen.chain).decode())
            if not seen.reasons and (head.facts.get("chunks"), head.facts.get("chain")) != end:
                return "contradiction", "it ends a recording of other chunks than those before it"
        elif kind is Kind.SESSION_CLOSED or kind is Kind.SESSION_REFUSED:
            seen.close_reason = str(head.facts.get("reason", kind.value))
        return None

    def _note_chunk(self, head: Head | QuickHead, seen: _Seen, leaf: bytes) -> _Finding | None:
        number, seen.chunks = seen.chunks, seen.chunks + 1
        seen.chain = hashlib.sha256(seen.chain + leaf).digest()
        if head.facts.get("no") != number and not seen.reasons:
            return "contradiction", f"it is not the recording chunk {number} that is next in its session"
        return None

    def _closed(self, session: str) -> SessionRow | None:
        seen = self._seen.get(session)
        return None if seen is None else seen.session.row()

    def rows(self) -> dict[str, SessionRow]:
        """Where each session stands, as the store should have it."""
        return {session: seen.session.row() for session, seen in self._seen.items()}

    def sessions(self, only: str | None = None) -> tuple[SessionCheck, ...]:
        """All sessions (or one), oldest first."""
        return tuple(_check_of(seen) for name, seen in self._seen.items() if only is None or name == only)


def _check_of(seen: _Seen) -> SessionCheck:
    reasons, row = list(seen.reasons), seen.session.row()
    if row.state != "closed":
        reasons.append(f"it is not closed ({row.state}): it still runs, or the gateway stopped")
    return SessionCheck(
        session=row.session,
        consent_ref=row.consent_ref,
        state=row.state,
        entries=seen.entries,
        commands=seen.commands,
        blocked=seen.blocked,
        chunks=seen.chunks,
        unanswered=tuple(sorted(seen.unanswered)),
        close_reason=seen.close_reason,
        reasons=tuple(reasons),
    )


def _refusal(head: Head | QuickHead, reason: str) -> str:
    if head.kind in RELYING:
        what = "a command" if head.kind is Kind.CMD_INTENT else "an RPC"
        return f"{what} stands in session {head.session} although its consent or session had ended ({reason})"
    return f"an entry of kind {head.kind.value} stands in session {head.session} where it cannot ({reason})"

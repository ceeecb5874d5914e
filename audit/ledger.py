"""What may still be recorded: the state of sessions and consents in log order, and the numbers of their chains. Pure.

One instance, owned by the committer thread, decides every entry in commit order; that is what makes the journal the
linearisation point: a command stands before the revocation in the log, or is refused. `why_ended` may be asked from
any thread. Counterpart: `audit.staging` writes what is admitted here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from audit.entry import Kind
from audit.errors import BadEntry, LogDamaged, RecordRefused
from audit.leaf import Outline
from audit.store import ConsentEnd, SessionRow, SessionState

CHAINED: frozenset[Kind] = frozenset(
    kind for kind in Kind if kind.value.partition(".")[0] in {"session", "cmd", "rpc", "rec", "watch", "strike", "api"}
)
"""Kinds that, when they name a session, are links of its chain. Others only speak of it (fact `session`)."""

RELYING: frozenset[Kind] = frozenset({Kind.CMD_INTENT, Kind.RPC_INTENT})
"""Links of a chain that stand only while the session is open and its consent has not ended."""

STARTS: frozenset[Kind] = frozenset({Kind.SESSION_REQUESTED, Kind.SESSION_OPENED, Kind.SESSION_REFUSED})

CONSENT_ENDS: dict[Kind, str] = {
    Kind.CONSENT_REVOKED: "revoked",
    Kind.CONSENT_EXPIRED: "expired",
    Kind.CONSENT_DENIED: "denied",
    Kind.CONSENT_LAPSED: "lapsed",
    Kind.CONSENT_CLOSED: "closed",
    Kind.CONSENT_USED_UP: "used_up",
}
"""`used_up` only stops new sessions; the others also stop commands."""

SESSION_STATES: dict[Kind, SessionState] = {
    Kind.SESSION_REQUESTED: "requested",
    Kind.SESSION_OPENED: "open",
    Kind.SESSION_REFUSED: "closed",
    Kind.SESSION_CLOSED: "closed",
    Kind.SESSION_KILLED: "killed",
    Kind.SESSION_FROZEN: "frozen",
}

RAISES_GENERATION: frozenset[Kind] = frozenset(
    {kind for kind, reason in CONSENT_ENDS.items() if reason != "used_up"} | {Kind.SESSION_KILLED, Kind.SESSION_FROZEN}
)

_Row = TypeVar("_Row", ConsentEnd, SessionRow)

_RECENT = 10_000
"""Ends kept in memory. At least twice the journal's queue: those of the batch in work are not in the store yet."""


@dataclass(slots=True)
class ChainedSession:
    """One session that is not closed: its state and the end of its chain."""

    id: str
    consent_ref: str | None
    first_index: int
    state: SessionState = "requested"
    n: int = 0
    """Number of its next entry."""
    previous: bytes | None = None
    """Leaf hash of its last entry."""
    chunks: int = 0
    """Number of its next recording chunk."""
    consents: dict[str, str | None] = field(default_factory=dict)
    """Consents its commands rely on, and why one no longer counts."""

    def row(self) -> SessionRow:
        """As it is stored."""
        return SessionRow(self.id, self.state, self.consent_ref, self.first_index)


class Ledger:
    """State of all unclosed sessions and of consents, at the end of what was staged."""

    def __init__(
        self,
        generation: int,
        stored_session: Callable[[str], SessionRow | None],
        stored_end: Callable[[str], ConsentEnd | None],
    ) -> None:
        """The callables ask the store; they are used for what is not in memory, by the committer thread only."""
        self.generation = generation
        self._stored_session = stored_session
        self._stored_end = stored_end
        self._sessions: dict[str, ChainedSession] = {}
        self._by_consent: dict[str, set[str]] = {}
        self._recent_ends: dict[str, ConsentEnd] = {}
        self._recent_closed: dict[str, SessionRow] = {}

    def session(self, session: str) -> ChainedSession | None:
        """An unclosed session."""
        return self._sessions.get(session)

    def unclosed(self) -> list[ChainedSession]:
        """All unclosed sessions."""
        return list(self._sessions.values())

    def restore(self, session: ChainedSession) -> None:
        """Take up an unclosed session found at open."""
        self._sessions[session.id] = session
        if session.consent_ref is not None:
            self._rely(session, session.consent_ref)

    def admit(self, kind: Kind, session: str | None, consent_ref: str | None, index: int) -> ChainedSession | None:
        """Whether an entry may stand at `index`; the session whose chain it joins. Changes nothing yet.

        Raises `RecordRefused`. A start of a chain gives a session that `settle` takes up.
        """
        if session is None or kind not in CHAINED:
            return None
        known = self._sessions.get(session)
        if kind in STARTS:
            self._check_start(kind, session, known, consent_ref)
            return known or ChainedSession(session, consent_ref, index)
        if known is None:
            raise RecordRefused("unopened" if self._closed(session) is None else "closed")
        return known

    def admit_command(self, session: str, consent_ref: str) -> ChainedSession:
        """The same for what is `RELYING`: the session is open and the consent has not ended. Raises `RecordRefused`."""
        known = self.admit(Kind.CMD_INTENT, session, consent_ref, -1)
        assert known is not None
        if known.state != "open":
            raise RecordRefused("unopened" if known.state == "requested" else known.state)
        if consent_ref not in known.consents:
            self._rely(known, consent_ref)
        reason = known.consents[consent_ref]
        if reason is not None:
            raise RecordRefused(reason)
        return known

    def _check_start(self, kind: Kind, session: str, known: ChainedSession | None, consent_ref: str | None) -> None:
        if known is None:
            if self._closed(session) is not None:
                raise RecordRefused("duplicate")
        elif kind is Kind.SESSION_REQUESTED or known.state == "open":
            raise RecordRefused("duplicate")
        elif known.state != "requested":
            raise RecordRefused(known.state)
        if kind is Kind.SESSION_REFUSED or consent_ref is None:
            return
        end = self._end(consent_ref)
        # A session requested before its consent was used up is the one that used it up.
        if end is not None and not (end.reason == "used_up" and known is not None and known.first_index < end.index):
            raise RecordRefused(end.reason)

    def absorb(self, outline: Outline, index: int, leaf: bytes) -> None:
        """Take into account what another worker recorded at `index`. Raises `LogDamaged` if it does not follow."""
        session = None
        if outline.session is not None:
            session = self._sessions.get(outline.session) or ChainedSession(outline.session, outline.consent_ref, index)
            if outline.n != session.n:
                raise LogDamaged(f"Entry {index} does not follow in the chain of session {session.id}.")
        self.settle(outline.kind, session, outline.consent_ref, index, leaf)

    def settle(
        self, kind: Kind, session: ChainedSession | None, consent_ref: str | None, index: int, leaf: bytes
    ) -> ConsentEnd | None:
        """Take an admitted entry into account: it now stands at `index`. The end of a consent, if it is one."""
        if session is not None:
            self._settle_session(kind, session, leaf)
        if kind in RAISES_GENERATION:
            self.generation += 1
        if kind not in CONSENT_ENDS or consent_ref is None:
            return None
        end = self._end(consent_ref)
        reason = CONSENT_ENDS[kind]
        if end is not None and end.index < index and (end.reason != "used_up" or reason == "used_up"):
            return None  # an end at `index` or later is what another worker stored, and absorbed here only now
        end = ConsentEnd(consent_ref, reason, index)
        _remember(self._recent_ends, consent_ref, end)
        if reason != "used_up":
            for name in self._by_consent.get(consent_ref, ()):
                self._sessions[name].consents[consent_ref] = reason
        return end

    def _settle_session(self, kind: Kind, session: ChainedSession, leaf: bytes) -> None:
        if session.id not in self._sessions:
            self.restore(session)
        session.n += 1
        session.previous = leaf
        if kind is Kind.REC_CHUNK:
            session.chunks += 1
        state = SESSION_STATES.get(kind)
        if state is not None and not (state == "frozen" and session.state == "killed"):
            session.state = state
        if session.state == "closed":
            del self._sessions[session.id]
            _remember(self._recent_closed, session.id, session.row())
            for consent_ref in session.consents:
                self._by_consent[consent_ref].discard(session.id)
                if not self._by_consent[consent_ref]:
                    del self._by_consent[consent_ref]

    def why_ended(self, session: str, consent_ref: str) -> str | None:
        """Why a command recorded earlier may not be sent any more, in the words of `RecordRefused`. Any thread."""
        known = self._sessions.get(session)
        if known is None:
            return "closed"
        if known.state != "open":
            return known.state
        return known.consents.get(consent_ref, "closed")

    def _rely(self, session: ChainedSession, consent_ref: str) -> None:
        end = self._end(consent_ref)
        session.consents[consent_ref] = None if end is None or end.reason == "used_up" else end.reason
        self._by_consent.setdefault(consent_ref, set()).add(session.id)

    def _end(self, consent_ref: str) -> ConsentEnd | None:
        return self._recent_ends.get(consent_ref) or self._stored_end(consent_ref)

    def _closed(self, session: str) -> SessionRow | None:
        return self._recent_closed.get(session) or self._stored_session(session)


def _remember(recent: dict[str, _Row], name: str, row: _Row) -> None:
    """Rows of the batch in work must be found in memory; older ones merely save a query, so the oldest half may go."""
    if len(recent) >= _RECENT:
        for old in list(recent)[: _RECENT // 2]:
            del recent[old]
    recent[name] = row


def check_chain(kind: Kind, session: str | None, consent_ref: str | None) -> None:
    """What must hold for an entry whatever the state. Raises `BadEntry`."""
    if kind is Kind.CMD_INTENT:
        raise BadEntry("A command is recorded with append_command, which refuses it once its consent has ended.")
    if session is None and kind in (Kind.SESSION_OPENED, Kind.SESSION_CLOSED, Kind.SESSION_KILLED, Kind.SESSION_FROZEN):
        raise BadEntry(f"An entry of kind {kind.value} names its session.")
    if consent_ref is None and kind in CONSENT_ENDS:
        raise BadEntry(f"An entry of kind {kind.value} names its consent.")

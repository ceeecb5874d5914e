"""Which entries of the log belong into an export: chains of sessions, their consents, what explains an erasure.

Only entries below the bundle's checkpoint can be proved, so only these are given; what comes after it is named.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from audit.entry import Kind
from audit.errors import KeyUnavailable, SealBroken
from audit.export.disclosure import LeftOut
from audit.export.request import BadExport, ExportRequest
from audit.reader import EvidenceReader, StoredEntry

_ENDS = frozenset({Kind.SESSION_CLOSED, Kind.SESSION_REFUSED})


@dataclass(frozen=True, slots=True)
class SelectedSession:
    """The chain of one session, as far as the checkpoint covers it."""

    session: str
    consent_ref: str | None
    entries: tuple[StoredEntry, ...]

    @property
    def complete(self) -> bool:
        """Dense from 0 to its closing entry."""
        dense = all(entry.n == number for number, entry in enumerate(self.entries))
        return dense and bool(self.entries) and self.entries[-1].kind in _ENDS


@dataclass(frozen=True, slots=True)
class Selection:
    """What an export holds."""

    sessions: tuple[SelectedSession, ...]
    consents: tuple[tuple[str, tuple[StoredEntry, ...]], ...]
    left_out: tuple[LeftOut, ...]

    def entries(self) -> list[StoredEntry]:
        """All of them, by index."""
        found = [entry for session in self.sessions for entry in session.entries]
        found += [entry for _, entries in self.consents for entry in entries]
        return sorted(found, key=lambda entry: entry.index)


@dataclass(slots=True)
class _Gathering:
    reader: EvidenceReader
    size: int
    sessions: dict[str, SelectedSession] = field(default_factory=dict)
    consents: dict[str, tuple[StoredEntry, ...]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def add_session(self, session: str) -> None:
        if session in self.sessions:
            return
        chain = self.reader.session(session)
        if not chain:
            raise BadExport(f"The log has no session {session}; `vestibule log --sessions` lists them.")
        covered = tuple(entry for entry in chain if entry.index < self.size)
        if not covered:
            raise BadExport(f"No signed checkpoint covers session {session} yet; try again in a second.")
        if len(covered) < len(chain):
            self.left_out.append(LeftOut(what="entries", why="beyond", session=session))
        elif chain[-1].kind not in _ENDS:
            self.left_out.append(LeftOut(what="entries", why="running", session=session))
        consent = next((entry.consent_ref for entry in chain if entry.consent_ref is not None), None)
        self.sessions[session] = SelectedSession(session, consent, covered)
        if consent is not None:
            self.add_consent(consent, with_sessions=False)

    def add_consent(self, consent: str, *, with_sessions: bool) -> None:
        entries = tuple(entry for entry in self.reader.consent(consent) if entry.index < self.size)
        if with_sessions and not entries:
            raise BadExport(f"The log has no consent {consent}, or no signed checkpoint covers it yet.")
        if entries:
            self.consents[consent] = entries
        if with_sessions:
            for entry in entries:
                session = entry.facts.get("session")
                if entry.kind is Kind.CONSENT_USED and isinstance(session, str):
                    self.add_session(session)


def select(reader: EvidenceReader, request: ExportRequest, size: int) -> Selection:
    """The entries of `request` below `size`. Raises `BadExport` for what is not in the log."""
    found = _Gathering(reader, size)
    for consent in request.consents:
        found.add_consent(consent, with_sessions=True)
    for session in request.sessions:
        found.add_session(session)
    sessions = sorted(found.sessions.values(), key=lambda one: one.entries[0].index)
    return Selection(tuple(sessions), tuple(sorted(found.consents.items())), tuple(found.left_out))


@dataclass(frozen=True, slots=True)
class RouterHistory:
    """What the log holds about one router. `unread`: entries whose `subj` could not be opened, so may be about it."""

    sessions: tuple[str, ...]
    consents: tuple[str, ...]
    unread: int


def of_router(reader: EvidenceReader, names: Collection[str]) -> RouterHistory:
    """Sessions and consents whose sealed `subj` names this router, by name or id. Needs the keys."""
    sessions: dict[str, None] = {}
    consents: dict[str, None] = {}
    unread = 0
    for entry in reader.of_kinds((Kind.CONSENT_ASKED, Kind.SESSION_REQUESTED, Kind.SESSION_OPENED)):
        if "subj" not in entry.head.commitments:
            continue
        try:
            subject = reader.sealed(entry.index, "subj")
        except (KeyUnavailable, SealBroken):
            unread += 1
            continue
        if {subject.get("router"), subject.get("router_name")} & {*names}:
            if entry.session is not None:
                sessions.setdefault(entry.session)
            if entry.consent_ref is not None:
                consents.setdefault(entry.consent_ref)
    return RouterHistory(tuple(sessions), tuple(consents), unread)


def erasures_in(reader: EvidenceReader, size: int) -> Iterable[StoredEntry]:
    """The `erase.done` entries that the checkpoint covers."""
    return [entry for entry in reader.of_kinds((Kind.ERASE_DONE,)) if entry.index < size]

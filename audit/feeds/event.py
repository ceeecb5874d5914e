"""One entry as a feed tells it: who, where, what, as pseudonyms or, for cleared feeds, in clear.

A pseudonym is the same for the same person or router in all feeds of one log, and cannot be turned back without the
log's keys. What was erased stays a pseudonym of nothing: the fields are absent.
"""

import hmac
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from audit.entry import Json, Kind
from audit.errors import KeyUnavailable, SealBroken

DENIED: Final = frozenset(
    {
        Kind.AUTH_FAIL,
        Kind.SESSION_REFUSED,
        Kind.SESSION_ATTEMPT,
        Kind.CMD_BLOCKED,
        Kind.RPC_BLOCKED,
        Kind.CPE_REFUSED,
        Kind.CPE_VIOLATION,
    }
)
"""Kinds of what somebody tried and did not get."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SESSIONS_KEPT = 2000


class Entry(Protocol):
    """What is needed of `audit.reader.StoredEntry`."""

    @property
    def index(self) -> int: ...
    @property
    def leaf_hash(self) -> bytes: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def time(self) -> datetime: ...
    @property
    def session(self) -> str | None: ...
    @property
    def n(self) -> int | None: ...
    @property
    def consent_ref(self) -> str | None: ...
    @property
    def facts(self) -> Mapping[str, Json]: ...


class Evidence(Protocol):
    """What is needed of `audit.reader.EvidenceReader`."""

    @property
    def origin(self) -> str: ...
    @property
    def size(self) -> int: ...
    def entries(self, low: int, high: int) -> Iterator[Entry]: ...
    def first_of(self, session: str) -> Entry | None: ...
    def sealed(self, index: int, compartment: str) -> dict[str, Json]: ...
    def compartments(self, index: int) -> list[str]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Party:
    """A person or a router: a pseudonym, and the name if the feed is cleared for it."""

    uid: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry, ready to be spelled."""

    origin: str
    index: int
    leaf_hash: bytes
    kind: Kind
    time: datetime
    session: str | None = None
    n: int | None = None
    consent_ref: str | None = None
    facts: Mapping[str, Json] = field(default_factory=dict)
    actor: Party | None = None
    router: Party | None = None
    source: str | None = None
    """Address the actor came from; cleared feeds only."""
    command: str | None = field(default=None, repr=False)
    """Canonical text; cleared feeds only."""

    @property
    def uid(self) -> str:
        """`<origin>#<index>`: the same at every delivery, so that receivers can drop repetitions."""
        return f"{self.origin}#{self.index}"

    def text(self, fact: str) -> str | None:
        """A fact as text; none if it is absent."""
        value = self.facts.get(fact)
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class _Context:
    """Who is at work in a session, and on which router."""

    actor: Party | None = None
    router: Party | None = None
    source: str | None = None


class Teller:
    """Makes events of entries. Not thread-safe. Opens only the parts `who`, `subj` and, if cleared, `act`."""

    def __init__(self, evidence: Evidence, pseudonym_key: bytes, *, cleared: bool) -> None:
        self._evidence = evidence
        self._key = pseudonym_key
        self._cleared = cleared
        self._sessions: OrderedDict[str, _Context] = OrderedDict()

    def tell(self, entry: Entry) -> Event:
        """The event of one entry."""
        if entry.kind is Kind.ERASE_DONE:
            self._sessions.clear()  # nothing that was erased is told from memory
        own = self._own_context(entry)
        session = entry.session or _text(entry.facts.get("session"))
        known = _Context() if session is None else self._session(session, entry, own)
        return Event(
            origin=self._evidence.origin,
            index=entry.index,
            leaf_hash=entry.leaf_hash,
            kind=entry.kind,
            time=entry.time,
            session=session,
            n=entry.n,
            consent_ref=entry.consent_ref,
            facts=entry.facts,
            actor=own.actor or known.actor,
            router=own.router or known.router,
            source=own.source or known.source,
            command=self._command(entry),
        )

    def _session(self, session: str, entry: Entry, own: _Context) -> _Context:
        if session in self._sessions:
            self._sessions.move_to_end(session)
        else:
            first = entry if entry.n == 0 else self._evidence.first_of(session)
            self._sessions[session] = own if first is entry else self._own_context(first) if first else _Context()
            if len(self._sessions) > _SESSIONS_KEPT:
                self._sessions.popitem(last=False)
        return self._sessions[session]

    def _own_context(self, entry: Entry) -> _Context:
        who, subject = self._open(entry, "who"), self._open(entry, "subj")
        identity = _text(who.get("id")) or _text(who.get("name"))
        router = _text(subject.get("router"))
        return _Context(
            actor=None if identity is None else self._party("actor", identity, _text(who.get("name"))),
            router=None if router is None else self._party("router", router, router),
            source=_text(who.get("source")) if self._cleared else None,
        )

    def _command(self, entry: Entry) -> str | None:
        if not self._cleared or entry.kind not in (Kind.CMD_INTENT, Kind.CMD_BLOCKED):
            return None
        act = self._open(entry, "act")
        return _text(act.get("canonical")) or _text(act.get("typed"))

    def _party(self, sort: Literal["actor", "router"], identity: str, name: str | None) -> Party:
        digest = hmac.digest(self._key, f"{sort}\0{identity}".encode(), "sha256")
        return Party(f"{sort}-{digest[:8].hex()}", name if self._cleared else None)

    def _open(self, entry: Entry, compartment: str) -> dict[str, Json]:
        if compartment not in self._evidence.compartments(entry.index):
            return {}
        try:
            return self._evidence.sealed(entry.index, compartment)
        except (KeyUnavailable, SealBroken):
            return {}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def without_controls(text: str) -> str:
    """Blanks for controls and for what ends a line: no value begins a new field or a new line."""
    return _CONTROLS.sub(" ", text)

"""Consent's seams without a database or network: `MemoryConsentStore`, `MemoryNotifier`, `MemoryContacts`,
`MemoryEvidence`. They pass the same contract suites as the real ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from audit.entry import Compartment, EntryRef, Json, Kind, NewEntry
from gateway.consent.model import FINAL, PENDING, Consent
from gateway.consent.notifier import Contact, ContactKind, Message, NotifyFailed
from gateway.consent.store import MOST, Code, Link

Consents: TypeAlias = list[Consent]


class MemoryConsentStore:
    """A `ConsentStore` in dictionaries."""

    def __init__(self) -> None:
        self._consents: dict[str, Consent] = {}
        self._links: dict[str, Link] = {}
        self._codes: dict[str, Code] = {}
        self._tokens: dict[str, list[str]] = {}
        self._statements: dict[str, tuple[str, str, str]] = {}
        self._reconciled = 0

    async def put(self, consent: Consent) -> None:
        assert consent.id not in self._consents
        self._consents[consent.id] = consent

    async def get(self, consent_id: str) -> Consent | None:
        return self._consents.get(consent_id)

    async def replace(self, before: Consent, after: Consent) -> bool:
        stored = self._consents.get(before.id)
        if stored is None or stored.revision != before.revision:
            return False
        self._consents[after.id] = after
        return True

    async def overwrite(self, consent: Consent) -> None:
        stored = self._consents.get(consent.id)
        if stored is None or stored.revision <= consent.revision:
            self._consents[consent.id] = consent

    async def of(self, rep_id: str, router_id: str) -> Consents:
        found = [c for c in self._newest() if (c.rep_id, c.router_id) == (rep_id, router_id)]
        return sorted(found, key=lambda c: c.state in FINAL)[:MOST]

    async def latest(self, *, rep_id: str | None = None, unfinished: bool = False, limit: int = 200) -> Consents:
        found = [
            c
            for c in self._newest()
            if (rep_id is None or c.rep_id == rep_id) and not (unfinished and c.state in FINAL)
        ]
        return found[:limit]

    async def due(self, now: datetime) -> Consents:
        def end(consent: Consent) -> datetime | None:
            return consent.lapses_at if consent.state in PENDING else consent.expires_at

        return [c for c in self._consents.values() if c.state not in FINAL and (at := end(c)) is not None and at <= now]

    async def put_link(self, link: Link) -> None:
        for ref, earlier in self._links.items():
            if earlier.consent_id == link.consent_id:
                self._links[ref] = replace(earlier, replaced=True)
        self._links[link.ref] = link

    async def link_by_digest(self, digest: str) -> Link | None:
        return next((link for link in self._links.values() if link.digest == digest), None)

    async def link_by_ref(self, ref: str) -> Link | None:
        return self._links.get(ref)

    async def links(self, consent_id: str) -> list[Link]:
        found = [link for link in self._links.values() if link.consent_id == consent_id]
        return sorted(found, key=lambda link: (link.made_at, link.ref), reverse=True)

    async def open_link(self, ref: str, now: datetime) -> bool:
        link = self._links.get(ref)
        if link is None or link.replaced or link.opened_at is not None:
            return False
        self._links[ref] = replace(link, opened_at=now)
        return True

    async def put_code(self, code: Code) -> None:
        self._codes[code.consent_id] = code

    async def code(self, consent_id: str) -> Code | None:
        return self._codes.get(consent_id)

    async def put_token(self, consent_id: str, digest: str) -> None:
        known = self._tokens.setdefault(consent_id, [])
        if digest not in known:
            known.append(digest)

    async def token_digests(self, consent_id: str) -> list[str]:
        return list(self._tokens.get(consent_id, ()))

    async def keep_statement(self, digest: str, language: str, version: str, text: str) -> None:
        self._statements.setdefault(digest, (language, version, text))

    async def statement_text(self, digest: str) -> str | None:
        kept = self._statements.get(digest)
        return None if kept is None else kept[2]

    async def reconciled_to(self) -> int:
        return self._reconciled

    async def set_reconciled_to(self, size: int) -> None:
        self._reconciled = size

    def _newest(self) -> Consents:
        return sorted(self._consents.values(), key=lambda c: (c.requested_at, c.id), reverse=True)


class MemoryNotifier:
    """Keeps what was sent. `failing` makes every sending fail."""

    def __init__(self, reaches: frozenset[ContactKind] = frozenset({"mail", "phone"})) -> None:
        self.sent: list[Message] = []
        self.failing = False
        self._reaches = reaches

    @property
    def reaches(self) -> frozenset[ContactKind]:
        return self._reaches

    async def send(self, message: Message) -> None:
        if self.failing or message.to.kind not in self._reaches:
            raise NotifyFailed("The message could not be sent.")
        self.sent.append(message)

    async def close(self) -> None:
        """Nothing to let go of."""


class MemoryContacts:
    """Contacts by subscriber."""

    def __init__(self, known: dict[str, list[Contact]] | None = None) -> None:
        self.known = dict(known or {})

    async def contacts(self, subscriber_ref: str) -> list[Contact]:
        return list(self.known.get(subscriber_ref, ()))


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """An entry as `gateway.consent.reconcile.History` gives it back."""

    index: int
    kind: Kind
    consent_ref: str | None
    facts: Mapping[str, Json]


class MemoryEvidence:
    """Entries in a list, durable at once, and readable. Set `failing` to an exception to have every append raise it."""

    def __init__(self) -> None:
        self.written: list[NewEntry] = []
        self.failing: Exception | None = None

    async def append(self, entry: NewEntry) -> EntryRef:
        if self.failing is not None:
            raise self.failing
        self.written.append(entry)
        index = len(self.written) - 1
        return EntryRef(index=index, leaf_hash=sha256(str(index).encode()).digest(), n=None)

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.written)

    def entries(self, low: int = 0) -> list[MemoryEntry]:
        """Heads, from index `low`."""
        return [
            MemoryEntry(index, entry.kind, entry.consent_ref, entry.facts)
            for index, entry in enumerate(self.written)
            if index >= low
        ]

    def sealed(self, index: int, compartment: Compartment) -> dict[str, Json]:
        """A sealed part; empty if the entry has none."""
        return dict(self.written[index].sealed.get(compartment, {}))

"""Where consents are kept between requests: the protocol. `gateway.state` implements it; a fake ships in `fakes`.

The store is never ahead of the evidence: a new revision is written only after its entry is durable. It may be behind
after a crash; `ConsentService.reconcile` then brings it in line.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from gateway.consent.model import Consent

MOST: Final = 50
"""Consents of one rep for one router that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A one-time link to a consent. The link itself is never stored, only its SHA-256 (hex)."""

    ref: str
    """ULID; names the link in the browser's cookie."""
    consent_id: str
    digest: str = field(repr=False)
    made_at: datetime
    opened_at: datetime | None = None
    replaced: bool = False
    """A newer link was sent; this one, and the browser that opened it, no longer count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The one-time code of a consent: keyed digest (`gateway.consent.secrecy`), never the code."""

    consent_id: str
    digest: str = field(repr=False)
    made_at: datetime


class ConsentStore(Protocol):
    """Consents, their links, codes and issued tokens. Every method is atomic."""

    async def put(self, consent: Consent) -> None:
        """A new consent. Its id MUST be new."""
        ...

    async def get(self, consent_id: str) -> Consent | None: ...

    async def replace(self, before: Consent, after: Consent) -> bool:
        """Store `after` if `before` is still what is stored; false if something else came first."""
        ...

    async def overwrite(self, consent: Consent) -> None:
        """Store what the journal says, new or not, unless a later revision is there already."""
        ...

    async def of(self, rep_id: str, router_id: str) -> list[Consent]:
        """Of this rep for this router: unfinished ones first, then newest first; at most `MOST`."""
        ...

    async def latest(self, *, rep_id: str | None = None, unfinished: bool = False, limit: int = 200) -> list[Consent]:
        """Newest first; of one rep or of all; `unfinished` leaves out final states."""
        ...

    async def due(self, now: datetime) -> list[Consent]:
        """Pending ones past their lapse, and live ones past their end."""
        ...

    async def put_link(self, link: Link) -> None:
        """A new link; every earlier link of the same consent becomes `replaced`."""
        ...

    async def link_by_digest(self, digest: str) -> Link | None: ...

    async def link_by_ref(self, ref: str) -> Link | None: ...

    async def links(self, consent_id: str) -> list[Link]:
        """Newest first."""
        ...

    async def open_link(self, ref: str, now: datetime) -> bool:
        """Note the single opening; false if it was opened or replaced before."""
        ...

    async def put_code(self, code: Code) -> None: ...

    async def code(self, consent_id: str) -> Code | None: ...

    async def put_token(self, consent_id: str, digest: str) -> None:
        """Remember the digest of an issued token. Putting it again changes nothing."""
        ...

    async def token_digests(self, consent_id: str) -> list[str]: ...

    async def keep_statement(self, digest: str, language: str, version: str, text: str) -> None:
        """Keep the text behind a digest for ever. Putting it again changes nothing."""
        ...

    async def statement_text(self, digest: str) -> str | None: ...

    async def reconciled_to(self) -> int:
        """Size of the log up to which the store was last brought in line."""
        ...

    async def set_reconciled_to(self, size: int) -> None: ...

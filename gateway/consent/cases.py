"""The subscriber's side of a consent: one-time links, the browser that opened one, and what it may do then.

A link opens once. The browser that opened it keeps a signed cookie and so stays the subscriber's; every other browser
is refused and may have a new link sent to the contact on file, which ends the earlier ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from config.clock import Clock
from config.ids import new_id
from gateway.consent.secrecy import LINK_BYTES, case_cookie, cookie_case, form_token, link_digest, link_text
from gateway.consent.store import ConsentStore, Link
from gateway.errors import ConsentProblem

MAX_LINKS: Final = 5
"""Links sent for one consent; more would let somebody flood the subscriber."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A browser that proved to be the subscriber's for one consent. Made by `Cases` only."""

    consent_id: str
    link_ref: str
    link_digest: str = field(repr=False)
    cookie: str = field(repr=False)
    """Value to keep in the browser."""
    form_token: str = field(repr=False)
    """Value every form of this case must bring back."""


class Cases:
    """Makes and opens links. `key` is 32 secret bytes; `random` gives that many random bytes."""

    def __init__(self, store: ConsentStore, clock: Clock, key: bytes, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._clock = clock
        self._key = key
        self._random = random

    async def new_link(self, consent_id: str) -> str:
        """The secret part of a fresh link; earlier links of this consent stop working. Raises `ConsentProblem`."""
        if len(await self._store.links(consent_id)) >= MAX_LINKS:
            raise ConsentProblem("too_many_links", f"{MAX_LINKS} links were already sent for this request.")
        text = link_text(self._random(LINK_BYTES))
        digest = link_digest(text)
        assert digest is not None
        await self._store.put_link(Link(ref=new_id(), consent_id=consent_id, digest=digest, made_at=self._clock.now()))
        return text

    async def find(self, link_token: str) -> Link:
        """The link as stored. Raises `ConsentProblem` (missing) for one that never was."""
        digest = link_digest(link_token)
        link = None if digest is None else await self._store.link_by_digest(digest)
        if link is None:
            raise ConsentProblem("missing", "This link is not known. Check that it was copied whole.")
        return link

    async def open(self, link_token: str, cookies: tuple[str, ...] = ()) -> Case:
        """Open a link, or come back with the cookie of having opened it. Raises `ConsentProblem` (link_used)."""
        link = await self.find(link_token)
        for cookie in cookies:
            if cookie_case(self._key, cookie) == link.ref and not link.replaced:
                return self._case(link)
        if not await self._store.open_link(link.ref, self._clock.now()):
            raise ConsentProblem("link_used", "This link was already opened, or replaced by a newer one.")
        return self._case(link)

    async def resume(self, cookie: str) -> Case:
        """The case of a browser that opened a link before. Raises `ConsentProblem` (missing, link_used)."""
        ref = cookie_case(self._key, cookie)
        link = None if ref is None else await self._store.link_by_ref(ref)
        if link is None or link.opened_at is None:
            raise ConsentProblem("missing", "This page needs the link that was sent to you.")
        if link.replaced:
            raise ConsentProblem("link_used", "This link was replaced by a newer one.")
        return self._case(link)

    def _case(self, link: Link) -> Case:
        return Case(
            consent_id=link.consent_id,
            link_ref=link.ref,
            link_digest=link.digest,
            cookie=case_cookie(self._key, link.ref),
            form_token=form_token(self._key, link.ref),
        )

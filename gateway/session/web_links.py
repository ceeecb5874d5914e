"""One-time links that take somebody who is signed in elsewhere (ssh, the local socket) into the web pages.

Kept in memory only: a link lives for minutes, opens once, and a restart ends it. What is kept is its digest.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from config.clock import Clock
from gateway.access.identity import Authenticated
from gateway.errors import NotAllowed, Unavailable

LIFE: Final = timedelta(minutes=5)
WELCOME: Final = frozenset({"auditor", "reviewer", "supervisor"})
"""Roles that the pages are for."""

_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class _Link:
    auth: Authenticated
    until: datetime


class WebLinks:
    """Makes and opens links. `address` is where the pages are; none while there are none."""

    def __init__(self, clock: Clock, address: str | None = None) -> None:
        self.address = address
        self._clock = clock
        self._links: dict[bytes, _Link] = {}

    def make(self, auth: Authenticated) -> str:
        """The whole link, for this person and once. Raises `NotAllowed`, `Unavailable`."""
        if auth.principal.role not in WELCOME:
            raise NotAllowed("The review pages are for auditors, reviewers and supervisors.")
        if self.address is None:
            raise Unavailable("This gateway serves no review pages; review.port is not set.")
        now = self._clock.now()
        self._links = {digest: link for digest, link in self._links.items() if now < link.until}
        if len(self._links) >= _MOST:
            raise Unavailable("Too many links wait to be opened; try again in a few minutes.")
        secret = secrets.token_urlsafe(32)
        self._links[_digest(secret)] = _Link(auth, now + LIFE)
        return f"{self.address}/l/{secret}"

    def find(self, secret: str) -> Authenticated | None:
        """Whom the link is for, while it lasts. It stays unopened."""
        link = self._links.get(_digest(secret))
        return None if link is None or self._clock.now() >= link.until else link.auth

    def open(self, secret: str) -> Authenticated | None:
        """Whom the link is for. It opens no more after that."""
        found = self.find(secret)
        self._links.pop(_digest(secret), None)
        return found


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()

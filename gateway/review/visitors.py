"""Who is signed in to the review pages: in memory, by a cookie whose digest is kept. A restart signs everybody out.

People come by a one-time link (`gateway.session.web_links`), which they got while signed in by ssh or by the local
socket. The cookie is `HttpOnly` and `SameSite=Strict`; over TLS it is `Secure` and bound to the host by its name.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from config.clock import Clock
from gateway.access.identity import Authenticated
from gateway.evidence.reading import Results

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
_MOST: Final = 1000
_KEPT_SEARCHES: Final = 20


@dataclass(slots=True)
class Visitor:
    """One browser that is signed in."""

    auth: Authenticated
    form_token: str = field(repr=False)
    """Stands hidden in every form: a page of another site cannot know it."""
    until: datetime
    seen: datetime
    reason: str = field(default="", repr=False)
    """What was given last, offered again."""
    searches: "OrderedDict[int, tuple[str, Results]]" = field(default_factory=OrderedDict, repr=False)
    """By index of their entry: so that going back to the hits is no further search."""

    def keep(self, text: str, results: Results) -> None:
        """Keep a search for going back to."""
        self.searches[results.index] = (text, results)
        while len(self.searches) > _KEPT_SEARCHES:
            self.searches.popitem(last=False)


class Visitors:
    """Everybody who is signed in."""

    def __init__(self, clock: Clock, *, https: bool) -> None:
        self._clock = clock
        self._https = https
        self._known: dict[bytes, Visitor] = {}

    @property
    def cookie(self) -> str:
        """Its name."""
        return "__Host-review" if self._https else "review"

    def welcome(self, auth: Authenticated, response: Response) -> None:
        """Sign somebody in and have the browser keep it."""
        now = self._clock.now()
        self._known = {digest: one for digest, one in self._known.items() if self._lasts(one, now)}
        while len(self._known) >= _MOST:
            del self._known[min(self._known, key=lambda digest: self._known[digest].seen)]
        value = secrets.token_urlsafe(32)
        self._known[_digest(value)] = Visitor(auth, secrets.token_urlsafe(24), now + LONGEST, now)
        response.set_cookie(self.cookie, value, path="/", httponly=True, samesite="strict", secure=self._https)

    def of(self, request: Request) -> Visitor | None:
        """Who sent this request, if they are signed in."""
        visitor = self._known.get(_digest(request.cookies.get(self.cookie, "")))
        now = self._clock.now()
        if visitor is None or not self._lasts(visitor, now):
            return None
        visitor.seen = now
        return visitor

    def farewell(self, request: Request, response: Response) -> None:
        """Sign the sender out."""
        self._known.pop(_digest(request.cookies.get(self.cookie, "")), None)
        response.delete_cookie(self.cookie, path="/", httponly=True, samesite="strict", secure=self._https)

    def _lasts(self, visitor: Visitor, now: datetime) -> bool:
        return now < visitor.until and now - visitor.seen < IDLE


def _digest(value: str) -> bytes:
    return sha256(value.encode("utf-8", "surrogatepass")).digest()

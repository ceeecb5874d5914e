"""The sessions that live in this worker: who to cut when a consent ends, a session is killed or the journal fails."""

import asyncio
import contextlib
from collections.abc import Iterator

import structlog

from gateway.session.runner import LiveSession

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.25
"""How often every live session's timers are looked at; bounds how late an expiry or idle close can be."""

TICK_GROUP = 20
"""How many sessions are looked at in one turn of the event loop."""


class LiveSessions:
    """Live sessions by id. Used from the event loop only."""

    def __init__(self) -> None:
        self._live: dict[str, LiveSession] = {}
        self._ticker: asyncio.Task[None] | None = None

    def __iter__(self) -> Iterator[LiveSession]:
        return iter(list(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    def get(self, session_id: str) -> LiveSession | None:
        """The live session of this id, if it lives here."""
        return self._live.get(session_id)

    def on_router(self, router_id: str) -> int:
        """How many sessions are open to a router."""
        return sum(1 for session in self._live.values() if session.grant.router.id == router_id)

    @contextlib.contextmanager
    def live(self, session: LiveSession) -> Iterator[None]:
        """Hold `session` while it runs."""
        self._live[session.id] = session
        if self._ticker is None:
            self._ticker = asyncio.get_running_loop().create_task(self._tick())
        try:
            yield
        finally:
            del self._live[session.id]

    def end_consent(self, consent_ref: str, reason: str) -> int:
        """Cut every session under a consent that ended. Returns how many there were."""
        hit = [session for session in self._live.values() if session.grant.consent_ref == consent_ref]
        for session in hit:
            session.end(reason)
        return len(hit)

    def end_person(self, name: str, reason: str) -> None:
        """Cut every session of somebody who may not go on."""
        for session in self:
            if session.grant.principal.name == name:
                session.end(reason)

    def end_all(self, reason: str) -> None:
        """Cut everything (shutdown, journal lost)."""
        for session in self:
            session.end(reason)

    async def _tick(self) -> None:
        """Runs while sessions live, and stops itself when none is left."""
        while self._live:
            sessions = list(self)
            # In groups over the whole interval: all at once would hold up everybody's commands several times a second.
            groups = [sessions[start : start + TICK_GROUP] for start in range(0, len(sessions), TICK_GROUP)]
            for group in groups:
                await asyncio.sleep(TICK_SECONDS / len(groups))
                for session in group:
                    _tick(session)
        self._ticker = None


def _tick(session: LiveSession) -> None:
    try:
        session.tick()
    except Exception as error:
        # One session's fault must not stop the clock of the others; without a clock it must not go on.
        log.exception("tick_broke", session=session.id, error_type=type(error).__name__)
        session.end("aborted")

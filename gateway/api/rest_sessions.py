"""The sessions that were opened over REST: run in the background, one line at a time, remembered when they end.

Counterpart: `gateway.session.service`, which opens and runs them; it knows the live sessions of all front ends.
"""

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from gateway.access.identity import Authenticated
from gateway.api.problems import BUSY, UNFINISHED, Problem, Refusal
from gateway.api.rest_terminal import rest_terminal
from gateway.errors import NotAllowed
from gateway.session.entries import Closing
from gateway.session.program import MOST_OUTPUT, Outcome, ProgramTerminal, run_line
from gateway.session.runner import LiveSession
from gateway.session.service import ROLES_THAT_KILL, AccessService, SessionView, view_of

log = structlog.get_logger(__name__)

MOST_ENDED: Final = 1000
"""Ended sessions whose end can still be asked for; the evidence keeps all."""
CLOSE_SECONDS: Final = 5.0
"""So long may a session take to end by itself before it is cut."""

NOT_YOURS: Final = "There is no such session, or it is not yours."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A session that is over."""

    view: SessionView
    principal_id: str
    closing: Closing
    at: datetime


@dataclass(frozen=True, slots=True)
class _Running:
    live: LiveSession
    terminal: ProgramTerminal
    task: asyncio.Task[Closing]


class RestSessions:
    """One an app. Used from the event loop only."""

    def __init__(self, service: AccessService) -> None:
        self.most_output = MOST_OUTPUT
        """Bound on the output of one command in sessions that open from now on."""
        self._service = service
        self._running: dict[str, _Running] = {}
        self._ended: OrderedDict[str, Ended] = OrderedDict()

    # --- looking -----------------------------------------------------------------------------------------------------

    def look(self, auth: Authenticated, session_id: str) -> SessionView | Ended:
        """A session as it stands: one's own, or any for a supervisor or operator. Raises `NotAllowed`.

        Live ones of every front end; ended ones as far as they are remembered.
        """
        for view in self._service.sessions(auth):
            if view.id == session_id:
                return view
        ended = self._ended.get(session_id)
        if ended is None or not (ended.principal_id == auth.principal.id or auth.principal.role in ROLES_THAT_KILL):
            raise NotAllowed(NOT_YOURS)
        return ended

    def busy(self, session_id: str) -> bool:
        """Whether a line is under way. Known of sessions over REST only."""
        running = self._running.get(session_id)
        return running is not None and running.terminal.busy

    # --- opening and ending ------------------------------------------------------------------------------------------

    async def open(
        self, auth: Authenticated, router: str, *, consent_id: str | None, token: str | None
    ) -> SessionView | Ended:
        """Open a session and have it run. Raises what `AccessService.open` raises."""
        terminal = rest_terminal(self.most_output)
        live = await self._service.open(
            auth,
            router,
            terminal,
            shape="shell",
            front_end="rest",
            consent_id=consent_id,
            token=token,
            observer=terminal,
            veto=terminal.veto,
        )
        definition = self._service.parts.definitions[live.grant.target.platform]
        terminal.errors = tuple(re.compile(pattern) for pattern in definition.errors)
        task = asyncio.create_task(self._run(live, terminal))
        self._running[live.id] = _Running(live, terminal, task)
        await asyncio.sleep(0)  # let it begin, so that it is among the live ones
        return self.look(auth, live.id)

    async def _run(self, live: LiveSession, terminal: ProgramTerminal) -> Closing:
        closing = Closing("aborted", "The session broke off.", 255)
        try:
            closing = await self._service.run(live)
        except Exception as error:
            log.exception("session_broke", session=live.id, error_type=type(error).__name__)
        finally:
            self._running.pop(live.id, None)
            self._remember(live, closing)
            terminal.end()
        return closing

    def _remember(self, live: LiveSession, closing: Closing) -> None:
        self._ended[live.id] = Ended(
            view=view_of(live),
            principal_id=live.grant.principal.id,
            closing=closing,
            at=self._service.parts.clock.now(),
        )
        while len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)

    async def close(self, auth: Authenticated, session_id: str) -> Ended:
        """End one's own session: at once if a line is under way, else as a client that says goodbye."""
        found = self._own(auth, session_id)
        if isinstance(found, Ended):
            return found
        if found.terminal.busy:
            found.live.end("gone")
        else:
            found.live.input_ended()
        await asyncio.wait({found.task}, timeout=CLOSE_SECONDS)
        if not found.task.done():
            found.live.end("gone")
            await asyncio.wait({found.task})
        return self._ended[session_id]

    # --- lines -------------------------------------------------------------------------------------------------------

    async def run_line(
        self, auth: Authenticated, session_id: str, line: str, *, confirm: bool, seconds: float
    ) -> Outcome | Ended:
        """Have one line judged and run in one's own session, and wait for what becomes of it.

        `Ended` if the session was over before. A line that takes longer than `seconds` is interrupted. Raises `Refusal`
        (busy, or the interrupted command did not come back) and `NotAllowed`.
        """
        found = self._own(auth, session_id)
        if isinstance(found, Ended):
            return found
        if found.terminal.busy:
            raise Refusal(_busy())
        outcome = await run_line(found.live, found.terminal, line, confirm=confirm, seconds=seconds)
        if outcome is None:
            raise Refusal(
                UNFINISHED.problem("The command was interrupted but did not come back; close the session or wait.")
            )
        return outcome

    def ended(self, session_id: str) -> Ended | None:
        """How a session ended, if it did and is remembered."""
        return self._ended.get(session_id)

    def _own(self, auth: Authenticated, session_id: str) -> _Running | Ended:
        running, ended = self._running.get(session_id), self._ended.get(session_id)
        if running is not None and running.live.grant.principal.id == auth.principal.id:
            return running
        if ended is not None and ended.principal_id == auth.principal.id:
            return ended
        raise NotAllowed(NOT_YOURS)


def _busy() -> Problem:
    return BUSY.problem("Another line of this session is under way; wait for its answer.")

"""What a CPE tells of earlier deeds: a reboot that was done, a transfer that ended, a reset. On record before it is
answered, for a CPE repeats what was not answered.

A CommandKey counts only if a session ordered something of this very CPE with it. Counterparts: `gateway.cwmp.sessions`
asks here before any mode is asked, `gateway.cwmp.leftovers` knows what was ordered.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from audit.entry import Json
from config.clock import Clock
from drivers.cwmp.known import CpeDirectory
from drivers.cwmp.messages import TransferComplete
from gateway.cwmp.credentials import was_reset
from gateway.cwmp.leftovers import OwedByCpes, given_up
from gateway.cwmp.recording import CpeJournal, event_code
from gateway.cwmp.responder import CpeTurn

Bootstrapped = Callable[[str], Awaitable[None]]
"""Told the router's id when a router that had called before was reset or moved: its consents are to be asked anew."""

MinutesOf = Callable[[str], int | None]
"""Of a router: how long a transfer's end is waited for; None: for ever. By the quirks of its model."""

RESET: Final = "bootstrap"
NOT_SAID: Final = "the router did not say whether it succeeded"
"""Of a transfer that ended without a word of how (quirk 9)."""


async def nobody_minds(router_id: str) -> None:
    """A `Bootstrapped` that does nothing."""
    del router_id


class Happenings:
    """One for all CPEs."""

    def __init__(
        self,
        journal: CpeJournal,
        owed: OwedByCpes,
        directory: CpeDirectory,
        clock: Clock,
        *,
        on_bootstrap: Bootstrapped = nobody_minds,
        minutes_of: MinutesOf = lambda _router_id: None,
    ) -> None:
        self._journal = journal
        self._owed = owed
        self._directory = directory
        self._clock = clock
        self._on_bootstrap = on_bootstrap
        self._minutes_of = minutes_of

    def tied(self, router_id: str, command_key: str) -> str | None:
        """The support session that ordered something of this CPE with this CommandKey."""
        if not command_key:
            return None
        expected = self._owed.expected(router_id, command_key)
        return None if expected is None else expected.session

    def of_inform(self, turn: CpeTurn) -> Awaitable[None] | None:
        """What is to be recorded, and who is to be told, before this Inform is answered; usually nothing."""
        reset = turn.known.informed_at is not None and was_reset(turn.known, turn.contact)
        if not reset and turn.tied is None:
            return None
        return self._informed(turn, reset=reset)

    async def _informed(self, turn: CpeTurn, *, reset: bool) -> None:
        router_id = turn.known.router_id
        if reset:
            await self._journal.event(RESET, turn.known, session=turn.tied, detail={})
            await self._on_bootstrap(router_id)
        for event in turn.contact.inform.events:
            session = self.tied(router_id, event.command_key)
            if session is not None:
                detail: dict[str, Json] = {"command_key": event.command_key}
                await self._journal.event(event_code(event.code), turn.known, session=session, detail=detail)
                if event.code == "M Reboot":
                    await self._owed.told(router_id, event.command_key)

    async def of_transfer(self, turn: CpeTurn, told: TransferComplete) -> None:
        """Durable when it returns."""
        detail: dict[str, Json] = {
            "command_key": told.command_key,
            "fault": told.fault_code,
            "text": told.fault_string[:256] if told.fault_code is not None else NOT_SAID,
            "start": told.start_time,
            "complete": told.complete_time,
        }
        session = None if told.autonomous else self.tied(turn.known.router_id, told.command_key)
        what = "AutonomousTransferComplete" if told.autonomous else "TransferComplete"
        await self._journal.event(what, turn.known, session=session, detail=detail)
        if session is not None:
            await self._owed.told(turn.known.router_id, told.command_key, told)

    async def give_up(self) -> None:
        """Record as unknown how those transfers ended that nothing will be heard of any more (quirk 23)."""
        now = self._clock.now()
        for router_id, expected in self._owed.open_transfers():
            known = self._directory.by_router(router_id)
            if known is not None and given_up(expected, self._minutes_of(router_id), now):
                detail: dict[str, Json] = {"command_key": expected.key, "what": expected.what}
                await self._journal.event("unknown end", known, session=expected.session, detail=detail)
                await self._owed.told(router_id, expected.key)

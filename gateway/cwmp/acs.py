"""Mode `acs`: the gateway is the only ACS. It takes every Inform, serves consoles, and provisions nothing.

Source: TR-069 Annex A. Counterparts: `gateway.cwmp.responder`, the seam; `gateway.cwmp.upkeep`, what is sent unasked.
"""

from collections.abc import Coroutine
from typing import Any, Final

from drivers.cwmp.hub import CpeHub
from drivers.cwmp.messages import CpeRequest, Done, Inform, TransferComplete
from drivers.cwmp.wire.session import own_answer
from gateway.cwmp.responder import CpeTurn, Reply
from gateway.cwmp.upkeep import Upkeep

_INFORMED: Final = Done("Inform")
_KICK: Final = CpeRequest("Kicked")
_KICKED: Final = Done("Kicked")
"""Somebody in the home clicked something that the provider's web site is meant for: noted, with nowhere to go next."""


class EmbeddedAcs:
    """A `Responder`. Nothing is kept for single sessions."""

    def __init__(self, hub: CpeHub, upkeep: Upkeep) -> None:
        self._hub = hub
        self._upkeep = upkeep

    def on_inform(self, turn: CpeTurn, inform: Inform) -> Reply:
        del turn, inform
        return _INFORMED

    def on_request(self, turn: CpeTurn, request: TransferComplete | CpeRequest) -> Reply:
        """Methods that an ACS of support functions does not have get fault 8000: RequestDownload above all."""
        del turn
        return _KICKED if request == _KICK else own_answer(request)

    def on_turn(self, turn: CpeTurn) -> Coroutine[Any, Any, None] | None:
        if self._hub.wanted(turn.contact) or self._upkeep.due(turn):
            return self._work(turn)
        return None

    async def _work(self, turn: CpeTurn) -> None:
        await self._upkeep.run(turn)
        await self._hub.lend(turn)

    def on_end(self, turn: CpeTurn) -> None:
        """Nothing to forget."""

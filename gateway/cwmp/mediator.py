"""Mode `mediator`: between the CPEs and the provider's own ACS, which stays as it is.

The CPE proves to the gateway who it is; towards the ACS the gateway signs in as that device. A transfer that a support
session ordered is answered here: the ACS ordered none. Credentials for Connection Requests are the ACS's to set, and
the gateway remembers what it set, so that both can wake the CPE. Counterparts: `gateway.cwmp.responder` (the seam),
`gateway.cwmp.relay` (one session), `gateway.cwmp.acs` (the other mode).
"""

from collections.abc import Awaitable, Coroutine
from typing import Any

from drivers.cwmp.messages import CpeRequest, Done, Inform, TransferComplete
from gateway.cwmp.relay import Relay, RelayParts
from gateway.cwmp.responder import CpeTurn, Reply


class Mediator:
    """A `Responder`. `parts.upkeep` MUST be one with `sets_credentials=False`."""

    def __init__(self, parts: RelayParts) -> None:
        self._parts = parts
        self._relays: dict[CpeTurn, Relay] = {}

    def on_inform(self, turn: CpeTurn, inform: Inform) -> Awaitable[Reply]:
        relay = self._relays[turn] = Relay(self._parts, turn)
        return relay.inform(inform)

    def on_request(self, turn: CpeTurn, request: TransferComplete | CpeRequest) -> Reply | Awaitable[Reply]:
        if isinstance(request, TransferComplete) and self._ours(turn, request):
            return Done("TransferComplete")
        return self._relays[turn].request(request)

    def on_turn(self, turn: CpeTurn) -> Coroutine[Any, Any, None] | None:
        return self._relays[turn].serve()

    def on_end(self, turn: CpeTurn) -> None:
        relay = self._relays.pop(turn, None)
        if relay is not None:
            relay.close()

    def _ours(self, turn: CpeTurn, request: TransferComplete) -> bool:
        if request.autonomous or not request.command_key:
            return False
        return self._parts.upkeep.owed.expected(turn.known.router_id, request.command_key) is not None

"""The seam between the listener and a mode: what is said to a CPE that has proved who it is.

The listener does HTTP, TLS, signing in, limits, the state of the session and its record (Informs, and what they tell of
earlier sessions' deeds, before the mode is asked); a mode never sees an unauthenticated or unknown device.
Counterparts: `gateway.cwmp.acs` answers by itself, `gateway.cwmp.mediator` asks the provider's own ACS;
`gateway.cwmp.sessions` calls them.
"""

from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from drivers.cwmp.known import KnownCpe
from drivers.cwmp.messages import Answer, CpeRequest, Inform, TransferComplete
from drivers.cwmp.turns import Turn
from drivers.errors import RouterUnreachable


@dataclass(frozen=True, slots=True)
class Busy:
    """HTTP 503 with Retry-After instead of an answer; the session ends. The CPE comes back and says the same again."""

    seconds: int = 60


class ComeAgain(RouterUnreachable):
    """Raised by what `Responder.on_turn` gave: `Busy` for a CPE that waits for an RPC."""

    def __init__(self, sentence: str, seconds: int = 60) -> None:
        super().__init__(sentence)
        self.seconds = seconds


Reply: TypeAlias = Answer | Busy
"""What a CPE's own request is answered with: `Done("Inform")`, `Done("TransferComplete")`, `Methods(…)`, or a fault
8000-8899. It is written with the namespace of the CPE's Inform and the ID of its request."""


class CpeTurn(Turn, Protocol):
    """One CPE session, from its Inform to its 204, as a mode sees it. The same object in all calls of a session.

    `call` (see `Turn`) may be used only inside the coroutine that `Responder.on_turn` gave.
    """

    @property
    def known(self) -> KnownCpe:
        """The inventory's entry as it was before this Inform: `informed_at`, `software` are those of the last one."""
        ...

    @property
    def address(self) -> str:
        """Where it calls from, without a port."""
        ...

    @property
    def tied(self) -> str | None:
        """The support session of ours that one of the Inform's events belongs to, by its CommandKey."""
        ...


class Responder(Protocol):
    """A mode. One object for all CPEs; what belongs to one session it keeps under the `CpeTurn` until `on_end`.

    Order in each session: `on_inform` once; `on_request` for each request of the CPE; `on_turn` once, when the CPE has
    posted its first empty body; while its coroutine runs, `on_request` may still come (quirk 26); `on_end` once,
    whatever happened. All in the event loop. `on_inform` and `on_request` give the answer itself where nothing must be
    waited for: thousands come each second.
    """

    def on_inform(self, turn: CpeTurn, inform: Inform) -> Reply | Awaitable[Reply]:
        """A session began. Usually `Done("Inform")`; anything else ends it."""
        ...

    def on_request(self, turn: CpeTurn, request: TransferComplete | CpeRequest) -> Reply | Awaitable[Reply]:
        """A request of the CPE. Never raises for what a CPE says: unknown methods get a fault 8000."""
        ...

    def on_turn(self, turn: CpeTurn) -> Coroutine[Any, Any, None] | None:
        """The CPE waits for RPCs. None: nothing, it gets its 204 at once. Else the coroutine is run as a task: it
        records and sends RPCs with `turn.call`, lends the turn to consoles with `CpeHub.lend`, and when it returns the
        CPE gets its 204. If it raises, the connection is cut (and what it raised logged, unless `RouterUnreachable`).
        It is not cancelled when the CPE goes (see `Turn.on_lost`); only when the gateway stops."""
        ...

    def on_end(self, turn: CpeTurn) -> None:
        """The session is over: 204 sent, or the CPE gone, or cut. `turn.call` raises from now on. Must not raise."""
        ...

"""Consoles and CPEs meet here: a console waits for a router, the router's session comes along and is lent to it.

The front end's mode asks `wanted` when a CPE has said all it had to say, and lends the session until the console gives
it back. Counterparts: `gateway.cwmp` (modes) lends, `drivers.cwmp.driver` attaches.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from audit.rpc import RecordedRpc
from drivers.cwmp.link import Contact, CpeLink
from drivers.cwmp.messages import Answer
from drivers.cwmp.turns import Turn
from drivers.errors import RouterUnreachable

log = structlog.get_logger(__name__)

SAFE_HOLD_SECONDS: Final = 28.0
"""A CPE that no RPC was sent to for so long is let go: real ones give up after 30 s, consoles after 25 at most."""

WAKE_PAUSES: Final = (2.0, 5.0, 10.0)
"""Seconds before each further Connection Request, when one failed: a CPE in a session often answers none."""


class Waker(Protocol):
    """How a CPE is asked to call. `gateway.cwmp.wake` implements it."""

    async def wake(self, router_id: str) -> None:
        """Send a Connection Request. Raises `NotToBeWoken`, or `RouterUnreachable` if it may work a moment later."""
        ...

    def expected_in(self, router_id: str) -> float | None:
        """Seconds until its next periodic Inform is due, if known."""
        ...


class NotToBeWoken(RouterUnreachable):
    """No Connection Request can be sent: there is no address for it, or not one that may be asked."""


class NeverCalled(NotToBeWoken):
    """Nothing was ever heard of the router, so that waiting for it is in vain."""


@dataclass(eq=False, slots=True)
class _Console:
    """A console that waits for a router, or has its link."""

    events: frozenset[str]
    link: "asyncio.Future[_Link]"
    waking_failed: str = ""
    lent: bool = field(default=False)


class _Link:
    """A `CpeLink` on a lent turn."""

    def __init__(self, turn: Turn, safe_hold: float) -> None:
        self._turn = turn
        self._safe_hold = safe_hold
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._calling = False
        self._timer: asyncio.TimerHandle | None = None
        turn.on_lost(self._end)
        self._hold()

    @property
    def contact(self) -> Contact:
        return self._turn.contact

    @property
    def alive(self) -> bool:
        return not self._over.done() and self._turn.alive

    async def call(self, rpc: RecordedRpc, *, seconds: float = 30.0) -> Answer:
        if not self.alive:
            raise RouterUnreachable("The router's session is over, so nothing was sent; it must be attached again.")
        if self._calling:
            raise RouterUnreachable("The router is still busy with the RPC before; nothing was sent.")
        self._calling = True
        self._stop_timer()
        try:
            return await self._turn.call(rpc, seconds=seconds)
        except RouterUnreachable:
            self._end()
            raise
        finally:
            self._calling = False
            self._hold()

    def release(self) -> None:
        if self._calling:
            self._turn.cut()
        self._end()

    def cut(self) -> None:
        self._turn.cut()
        self._end()

    async def over(self) -> None:
        """Wait until the console gave it back, or the CPE is gone."""
        await asyncio.shield(self._over)

    def _hold(self) -> None:
        if not self._over.done():
            self._timer = self._loop.call_later(self._safe_hold, self._held_too_long)

    def _held_too_long(self) -> None:
        log.info("cpe_hold_released")
        self._end()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._stop_timer()
        if not self._over.done():
            self._over.set_result(None)


class CpeHub:
    """`CpeLinks` over the sessions that the front end lends. One console for each router at one time."""

    def __init__(
        self, waker: Waker, *, safe_hold: float = SAFE_HOLD_SECONDS, pauses: tuple[float, ...] = WAKE_PAUSES
    ) -> None:
        self._waker = waker
        self._safe_hold = safe_hold
        self._pauses = pauses
        self._consoles: dict[str, _Console] = {}
        self._links: dict[str, _Link] = {}

    # --- for the front end -------------------------------------------------------------------------------------------

    def wanted(self, contact: Contact) -> bool:
        """Whether a console waits for just this session."""
        console = self._consoles.get(contact.router_id)
        if console is None or console.lent or console.link.done():
            return False
        return not console.events or any(event.code in console.events for event in contact.inform.events)

    async def lend(self, turn: Turn) -> None:
        """Give the session to the console that wants it; returns when that gave it back or the CPE is gone, and at
        once if nobody wants it. The CPE then gets its 204 from the front end."""
        router_id = turn.contact.router_id
        if not turn.alive or not self.wanted(turn.contact):
            return
        console = self._consoles[router_id]
        console.lent = True
        link = self._links[router_id] = _Link(turn, self._safe_hold)
        console.link.set_result(link)
        try:
            await link.over()
        finally:
            link.release()
            if self._consoles.get(router_id) is console:
                del self._consoles[router_id]
            if self._links.get(router_id) is link:
                del self._links[router_id]

    # --- for consoles ------------------------------------------------------------------------------------------------

    async def attach(
        self, router_id: str, *, wanted: frozenset[str] = frozenset(), seconds: float = 60.0, wake: bool = True
    ) -> CpeLink:
        """See `CpeLinks.attach`."""
        self._make_room(router_id)
        console = _Console(wanted, asyncio.get_running_loop().create_future())
        self._consoles[router_id] = console
        waking = asyncio.create_task(self._wake(router_id, console, seconds)) if wake else None
        try:
            async with asyncio.timeout(seconds):
                return await console.link
        except TimeoutError as error:
            raise RouterUnreachable(self._why(router_id, console, seconds, wake=wake)) from error
        except asyncio.CancelledError:
            if console.link.done() and not console.link.cancelled() and console.link.exception() is None:
                console.link.result().release()
            raise
        finally:
            if waking is not None:
                waking.cancel()
            if not console.lent and self._consoles.get(router_id) is console:
                del self._consoles[router_id]

    def _make_room(self, router_id: str) -> None:
        """A link that was given back may still be on its way out. Raises `RouterUnreachable`."""
        link = self._links.get(router_id)
        if link is not None and not link.alive:
            del self._links[router_id]
            del self._consoles[router_id]
        if router_id in self._consoles:
            raise RouterUnreachable("The router is in use by another console of the gateway; one at a time.")

    async def _wake(self, router_id: str, console: _Console, seconds: float) -> None:
        """Ask the CPE to call, a few times. A failure ends the wait only if the CPE is not expected within it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        for pause in (*self._pauses, None):
            try:
                await self._waker.wake(router_id)
                return
            except NotToBeWoken as error:
                console.waking_failed = str(error)
                if not isinstance(error, NeverCalled) and self._waker.expected_in(router_id) is None:
                    return  # it calls by itself, nobody knows when: the rep can only wait
                break
            except RouterUnreachable as error:
                console.waking_failed = str(error)
            if pause is not None:
                await asyncio.sleep(pause)
        due = self._waker.expected_in(router_id)
        if (due is None or loop.time() + due > until) and not console.link.done():
            console.link.set_exception(RouterUnreachable(self._why(router_id, console, seconds, wake=True)))

    def _why(self, router_id: str, console: _Console, seconds: float, *, wake: bool) -> str:
        """What was tried, and when to try again."""
        if console.waking_failed:
            tried = f"It could not be woken: {console.waking_failed}"
        elif wake:
            tried = f"It took the Connection Request but did not call within {seconds:.0f} s."
        else:
            tried = f"It did not call within {seconds:.0f} s."
        due = self._waker.expected_in(router_id)
        if due is None:
            return f"{tried} It is not known when it calls next; it may be off, or reach another address."
        about = f", about {due / 60:.0f} minutes" if due >= 90 else ""
        return f"{tried} Next contact expected in {max(due, 1):.0f} s{about}."

"""What must not outlive a consent and was not undone at its end, because the CPE was gone: undone when it next calls.

A notification that was switched on, a transfer that is queued, an object that was made. Counterparts:
`drivers.cwmp.driver` leaves them, `gateway.cwmp.acs` and `gateway.cwmp.mediator` undo them before all else.
"""

from dataclasses import dataclass
from typing import Protocol

from drivers.cwmp.messages import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One RPC that undoes something. Sent with purpose `undo`: it belongs to no consent and is never refused."""

    id: str
    router_id: str
    session: str
    """The support session that left it."""
    request: Request


class Leftovers(Protocol):
    """Where they are kept. Look-ups are in memory: every Inform asks."""

    def of(self, router_id: str) -> tuple[Leftover, ...]:
        """Oldest first."""
        ...

    async def add(self, leftover: Leftover) -> None:
        """Durable when it returns."""
        ...

    async def done(self, leftover: Leftover) -> None:
        """The CPE answered it, be it with a fault. Safe to call twice."""
        ...


class MemoryLeftovers:
    """`Leftovers` that forgets with the process: the fake, and where nothing durable is configured."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Leftover]] = {}

    def of(self, router_id: str) -> tuple[Leftover, ...]:
        return tuple(self._kept.get(router_id, ()))

    async def add(self, leftover: Leftover) -> None:
        self._kept.setdefault(leftover.router_id, []).append(leftover)

    async def done(self, leftover: Leftover) -> None:
        left = [one for one in self._kept.get(leftover.router_id, ()) if one.id != leftover.id]
        if left:
            self._kept[leftover.router_id] = left
        else:
            self._kept.pop(leftover.router_id, None)

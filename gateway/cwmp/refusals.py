"""Who was turned away: counted, remembered for operators, and on record, all of it bounded, for strangers make it.

Counterparts: `gateway.cwmp.reception` turns away; `gateway.cwmp.limits` counts.
"""

import asyncio
from dataclasses import dataclass, field

from drivers.cwmp.known import KnownCpe
from gateway.cwmp.desk import Desk
from gateway.cwmp.limits import Folded, Tries
from gateway.cwmp.sign_in import Shown, user_of
from gateway.session.cpes import Turned


@dataclass(frozen=True, slots=True)
class _Refused:
    """Under which refusals are folded into one record."""

    why: str
    device: str
    address: str
    cpe: KnownCpe | None = field(default=None, compare=False)


class Refusals:
    """One for all listeners of a gateway."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._folded: Folded[_Refused] = Folded(_Refused("many", "", ""))
        self._of_device: Tries[tuple[str, str]] = Tries(desk.limits.failures_per_minute)
        self._of_address: Tries[str] = Tries(desk.limits.failures_per_address)
        self._loop = asyncio.get_running_loop()
        self.turned_away: dict[str, Turned] = {}
        """Of routers of the inventory, the last time that somebody failed to prove to be it."""

    def in_turn(self, address: str) -> bool:
        """Whether so much went wrong there that whoever calls from there is looked at in turn."""
        return self._of_address.too_many(address, self._loop.time())

    def costly(self, address: str, times: int = 1) -> None:
        """Somebody there, whom nobody knows, made work: as much as so many failures."""
        self._of_address.failed(address, self._loop.time(), times)

    def stranger(self, why: str, address: str) -> None:
        """Somebody who does not even say who he is."""
        self.costly(address)
        self.record(why, "", address, None)

    def device(self, why: str, device: str, shown: Shown, known: KnownCpe | None) -> None:
        """Somebody who is not the device that he says he is, or one that is not in the inventory (`known`)."""
        now, claimed = self._loop.time(), (shown.address, device)
        self._of_device.failed(claimed, now)
        self.costly(shown.address)
        if known is None:
            user, certificate = user_of(shown.authorization), bool(shown.names)
            self._desk.seen.note(device, shown.address, user, self._desk.clock.now(), certificate=certificate)
        self.record(why, device, shown.address, known)
        if self._of_device.too_many(claimed, now):
            self.costly(shown.address, self._desk.limits.failures_per_address)
            self.record("too many", device, shown.address, None)

    def record(self, why: str, device: str, address: str, known: KnownCpe | None) -> None:
        """On record, folded; while nothing can be recorded, a stranger is refused all the same."""
        if known is not None:
            self.turned_away[known.router_id] = Turned(self._desk.clock.now(), why)
        if self._folded.take(_Refused(why, device, address, known), self._loop.time()):
            self._desk.journal.refused(why, device=device, address=address, cpe=known)

    def sweep(self, now: float) -> None:
        """Record how often what repeats came."""
        for refused, count in self._folded.due(now):
            self._desk.journal.refused(
                refused.why, device=refused.device, address=refused.address, cpe=refused.cpe, count=count
            )

"""Waking a CPE of the inventory: with its own credentials, at the address it called from, and nowhere else.

Counterparts: `drivers.cwmp.hub` asks, `drivers.cwmp.wire.connection_request` has the SSRF rules and the request.
"""

from collections.abc import Awaitable, Callable, Collection

from config.clock import Clock
from drivers.cwmp.hub import NeverCalled, NotToBeWoken
from drivers.cwmp.known import CpeDirectory, KnownCpe
from drivers.cwmp.quirks import Quirks
from drivers.cwmp.wire.connection_request import check_url
from drivers.cwmp.wire.connection_request import wake as request
from drivers.errors import RouterUnreachable
from gateway.cwmp.credentials import Rotation

Asks = Callable[..., Awaitable[None]]
"""`drivers.cwmp.wire.connection_request.wake`, or a fake of it."""


class CpeWaker:
    """`drivers.cwmp.hub.Waker` over the inventory."""

    def __init__(
        self,
        directory: CpeDirectory,
        clock: Clock,
        rotation: Rotation,
        quirks_of: Callable[[KnownCpe], Quirks],
        *,
        hosts: Collection[str] = (),
        ports: Collection[int] = (),
        seconds: float = 2.0,
        asks: Asks = request,
    ) -> None:
        """`hosts`, `ports`: where Connection Requests may go besides the CPE's own address and high ports."""
        self._directory = directory
        self._clock = clock
        self._rotation = rotation
        self._quirks_of = quirks_of
        self._hosts = hosts
        self._ports = ports
        self._seconds = seconds
        self._asks = asks

    async def wake(self, router_id: str) -> None:
        """See `Waker.wake`."""
        known = self._directory.by_router(router_id)
        if known is None:
            raise NeverCalled("The router is not in the inventory as one that speaks TR-069.")
        if known.informed_at is None:
            raise NeverCalled("The router has never called this gateway; check its ACS URL, user and password.")
        if not known.cr_url or not known.cr_password:
            raise NotToBeWoken("The router has not told where it can be asked to call, or has no password for it yet.")
        if not known.cr_user.isprintable():  # a provider's ACS sets what it likes
            raise NotToBeWoken("Its user name for Connection Requests holds characters that cannot be sent.")
        try:
            url = check_url(known.cr_url, peer=known.address, allowed_hosts=self._hosts, allowed_ports=self._ports)
        except RouterUnreachable as error:
            raise NotToBeWoken(str(error)) from error
        try:
            await self._asks(
                url, known.cr_user, known.cr_password, quirks=self._quirks_of(known), seconds=self._seconds
            )
        except RouterUnreachable as error:
            if "password" in str(error):  # it has others: they are set anew when it calls
                self._rotation.again(router_id)
            raise

    def expected_in(self, router_id: str) -> float | None:
        """See `Waker.expected_in`. A CPE that missed one is expected at the next."""
        known = self._directory.by_router(router_id)
        if known is None or known.informed_at is None or not known.inform_seconds:
            return None
        passed = (self._clock.now() - known.informed_at).total_seconds()
        return known.inform_seconds - passed % known.inform_seconds

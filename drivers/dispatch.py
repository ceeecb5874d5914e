"""One driver for all routers: each platform that needs a driver of its own has it, the others share one."""

from collections.abc import Mapping

from drivers.session import Driver, DriverSession, Shape, Target


class PlatformDrivers:
    """A `Driver` that hands each target to the driver of its platform."""

    def __init__(self, others: Driver, special: Mapping[str, Driver]) -> None:
        """`special`: by platform; `others` opens all the rest."""
        self._others = others
        self._special = dict(special)

    async def open(self, target: Target, shape: Shape) -> DriverSession:
        """See `Driver.open`."""
        return await self._special.get(target.platform, self._others).open(target, shape)

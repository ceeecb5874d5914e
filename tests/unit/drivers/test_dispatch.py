"""Each target goes to the driver of its platform."""

from drivers.dispatch import PlatformDrivers
from drivers.session import Credential, DriverSession, Shape, Target


class Named:
    def __init__(self) -> None:
        self.opened: list[tuple[str, Shape]] = []

    async def open(self, target: Target, shape: Shape) -> DriverSession:
        self.opened.append((target.platform, shape))
        return object()  # type: ignore[return-value]


def target(platform: str) -> Target:
    return Target(
        router_id="r", name="r", platform=platform, address="", port=0, host_key="", credential=Credential(user="u")
    )


async def test_each_target_goes_to_the_driver_of_its_platform():
    usual, special = Named(), Named()
    driver = PlatformDrivers(usual, {"cwmp": special})
    await driver.open(target("openwrt"), "shell")
    await driver.open(target("cwmp"), "exec")
    assert usual.opened == [("openwrt", "shell")]
    assert special.opened == [("cwmp", "exec")]

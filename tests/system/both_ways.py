"""The same work done both ways: the lines, the two ways, and the comparison. Counterpart: `test_same_output_*.py`.

What may differ between the two is written down in `tests.system.screens`, and nowhere else.
"""

import difflib
import pprint
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real.dropbear import DropbearBox
from tests.real.ground import RealRouter
from tests.running import LoopThread, RunningGateway
from tests.system.screens import PROMPTS
from tests.system.ways import Way, straight, through

ROBOT = "robot"

AT_PROMPT = {platform: rf"{prompt}(?:\x1b\[[0-9?]+[a-z])*\Z" for platform, prompt in PROMPTS.items()}
"""At its prompt: BusyBox then asks where the cursor is, readline switches bracketed paste on."""

READS = {
    "frr": (
        "show version",
        "sh int br",
        "show interface description",
        "show interface eth0",
        "show ip route",
        "show ip ro summary",
        "show ip route json",
        "show ip route 198.51.100.5",
        "show ip protocol",
        "show bgp summary",
        "show running-config",
        "show running-config | include description",
        "show ip nht",
        "show route-map",
    ),
    "openwrt": (
        "uptime",
        "ip addr",
        "ip -4 addr",
        "ip route",
        "route -n",
        "ip link show br-lan",
        "cat /proc/version",
        "cat /etc/openwrt_release",
        "cat /tmp/system.log",
        "cat /proc/cpuinfo | grep -c processor",
        "ubus call system board",
        "ifstatus wan",
        "uname -a",
        "mount",
    ),
}
FAILURES = {
    "frr": ("show ip route vrf nosuch", "show bgp neighbors 192.0.2.9", "show interface nosuch"),
    "openwrt": ("ifstatus nosuch", "uci get network.lan.ipaddr", "logread", "cat /tmp/resolv.conf"),
}
CONFIGURES = ("configure terminal", "interface eth0", "description to the provider", "end")
"""Changes nothing: the description is that already."""


@dataclass(frozen=True)
class Ways:
    """One router, reached both ways."""

    platform: str
    straight: Way
    through: Way

    def __iter__(self) -> Iterator[Way]:
        return iter((self.straight, self.through))


@pytest.fixture(scope="session")
def robots_gateway(
    frr_router: RealRouter,
    dropbear_box: DropbearBox,
    require_program: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningGateway]:
    """A gateway with both routers, and a machine identity that both subscribers said yes to."""
    require_program("ssh")
    gateway = RunningGateway(tmp_path_factory.mktemp("same"))
    gateway.prepare({ROBOT: "automation"}, [frr_router.target(), dropbear_box.router.target()])
    loop = LoopThread()
    with gateway:
        for router in (frr_router, dropbear_box.router):
            wide = {"scope": ("config.read",), "sessions": 10_000, "minutes": 120}
            _, subscriber = gateway.consent(loop, ROBOT, router.name, **wide)  # type: ignore[arg-type]
            loop.run(subscriber.close())
        yield gateway
    loop.close()


@pytest.fixture(params=["frr", "openwrt"])
def ways(request: pytest.FixtureRequest, robots_gateway: RunningGateway) -> Ways:
    """The router of each platform in turn."""
    router = request.getfixturevalue("frr_router" if request.param == "frr" else "dropbear_box")
    router = getattr(router, "router", router)
    return Ways(request.param, straight(router), through(robots_gateway, ROBOT, router.name))


def both(ways: Ways, work: Callable[[Way], object]) -> None:
    """Do the work both ways and compare."""
    expected, found = work(ways.straight), work(ways.through)
    assert expected, "the router itself gave nothing to compare"
    if found != expected:
        lines = [pprint.pformat(value, width=120).splitlines() for value in (expected, found)]
        raise AssertionError("\n".join(difflib.unified_diff(*lines, "straight", "through", lineterm="")))

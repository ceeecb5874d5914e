"""netmiko's and scrapli's drivers get through the gateway what they get from a router of each platform itself.

The routers are simulated (`drivers.lab`): what is tried is how each platform prompts, moves and asks, and that the
drivers' own lines of preparation do no harm. Counterpart: `test_same_output_python.py`, on real routers.
"""

import contextlib
import difflib
import pprint
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import netmiko
import pytest

from drivers.lab import IosRouter, ScriptedRouter
from tests.running import LoopThread, RunningGateway

scrapli: Any = None
with contextlib.suppress(ImportError):  # it is not packaged for every machine
    import scrapli

ROBOT = "robot"
AT_ONCE = 4
"""Scripts that run at the same time: netmiko spends most of its time asleep."""

PATIENCE = 100.0


@dataclass(frozen=True)
class Job:
    """What a script does on one platform, with the driver it takes for it."""

    driver: str
    reads: tuple[str, ...]
    edits: tuple[str, ...] = ()
    """Lines of configuration, after which the session is left as it stands."""
    configures: bool = True
    """The driver has a configuration mode here."""


NETMIKO = {
    "junos": Job(
        "juniper_junos",
        ("show version", "show interfaces terse | match pp0", "show interfaces terse"),
        ("edit interfaces ge-0/0/0", "set description uplink", "up", "top"),
    ),
    "routeros": Job(
        "mikrotik_routeros", ("/system resource print", "/ip address print", "/interface print"), configures=False
    ),
    "vyos": Job("vyos", ("show version", "show interfaces"), ("edit interfaces ethernet eth0", "exit")),
    "edgeos": Job(
        "ubiquiti_edgerouter", ("show version", "show interfaces"), ("edit interfaces ethernet eth0", "exit")
    ),
    "huawei_vrp": Job(
        "huawei_vrp",
        ("display version", "display interface brief"),
        ("interface GigabitEthernet0/0/1", "description uplink", "quit"),
    ),
    "sros": Job("nokia_sros", ("show version", "show port")),
    "iosxr": Job(
        "cisco_xr", ("show version", "show ipv4 interface brief"), ("interface GigabitEthernet0/0/0/1", "exit")
    ),
    "nxos": Job("cisco_nxos", ("show version", "show interface brief"), ("interface Ethernet1/1", "exit")),
}
SCRAPLI = {
    "ios": Job("cisco_iosxe", ("show version", "show ip interface brief")),
    "junos": Job("juniper_junos", ("show version", "show interfaces terse")),
    "nxos": Job("cisco_nxos", ("show version", "show interface brief")),
    "iosxr": Job("cisco_iosxr", ("show version", "show ipv4 interface brief")),
}
Found = dict[str, object]


@dataclass(frozen=True)
class Place:
    """The gateway, and a router of each platform behind it."""

    gateway: RunningGateway
    routers: dict[str, Any]
    results: dict[tuple[str, str], tuple[Future[Found], Future[Found]]] = field(default_factory=dict)
    """By program and platform: the script's results, straight and through the gateway."""

    def same(self, program: str, platform: str) -> Found:
        """Fail with what differs between the two ways; what both gave."""
        straight, through = self.results[program, platform]
        expected, found = straight.result(PATIENCE), through.result(PATIENCE)
        assert expected, "the router itself gave nothing to compare"
        if found != expected:
            lines = [pprint.pformat(value, width=120).splitlines() for value in (expected, found)]
            raise AssertionError("\n".join(difflib.unified_diff(*lines, "straight", "through", lineterm="")))
        return found

    def netmiko(self, platform: str, *, through: bool) -> dict[str, Any]:
        """How netmiko logs in."""
        if not through:
            router = self.routers[platform]
            return {
                "host": "127.0.0.1",
                "port": router.port,
                "username": router.access.user,
                "password": router.access.password,
            }
        return {
            "host": "127.0.0.1",
            "port": self.gateway.settings.ssh.port,
            "username": name_of(platform),
            "use_keys": True,
            "key_file": str(self.gateway.people[ROBOT].key),
            "allow_agent": False,
            "ssh_strict": True,
            "system_host_keys": False,
            "alt_host_keys": True,
            "alt_key_file": str(self.gateway.known_hosts),
        }

    def scrapli(self, platform: str, *, through: bool) -> dict[str, Any]:
        """How scrapli does."""
        router = self.routers[platform]
        given: dict[str, Any] = (
            {"username": name_of(platform), "private_key_path": str(self.gateway.people[ROBOT].key)}
            if through
            else {"username": router.access.user, "password": router.access.password}
        )
        return {
            "host": "127.0.0.1",
            "port": self.gateway.settings.ssh.port if through else router.port,
            "auth_options": scrapli.AuthOptions(**given),
            "session_options": scrapli.SessionOptions(operation_timeout_s=30),
            "transport_options": scrapli.TransportSsh2Options(),
        }


def name_of(platform: str) -> str:
    """The router's name in the gateway."""
    return f"edge-{platform.replace('_', '-')}"


def with_netmiko(job: Job, way: dict[str, Any]) -> Found:
    """The whole script with netmiko, in its own words for everything."""
    with netmiko.ConnectHandler(device_type=job.driver, **way) as connection:
        found: Found = {"prompt": connection.find_prompt(), "alive": connection.is_alive()}
        for line in job.reads:
            found[line] = connection.send_command(line)
        if job.configures:
            found["config"] = connection.config_mode(), connection.check_config_mode()
            found["back"] = connection.exit_config_mode(), connection.check_config_mode()
        found["then"] = connection.send_command(job.reads[0])
    if job.edits:
        connection = netmiko.ConnectHandler(device_type=job.driver, **way)
        found["edits"] = connection.send_config_set(list(job.edits), exit_config_mode=False)
        connection.paramiko_cleanup()
    return found


def with_scrapli(job: Job, way: dict[str, Any]) -> Found:
    """The same with scrapli."""
    with scrapli.Cli(definition_file_or_name=job.driver, **way) as connection:
        found: Found = {"prompt": connection.get_prompt().result}
        for line in job.reads:
            answer = connection.send_input(line)
            found[line] = answer.result, answer.failed
        connection.enter_mode("configuration")
        found["config"] = connection.get_prompt().result
        connection.enter_mode("exec" if job.driver == "juniper_junos" else "privileged_exec")
        found["back"] = connection.get_prompt().result
    return found


@pytest.fixture(scope="module")
def place(require_program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Everything, running, with consents; all scripts are under way."""
    require_program("ssh")
    loop = LoopThread()
    routers: dict[str, Any] = {platform: ScriptedRouter(platform) for platform in NETMIKO}
    routers["ios"] = IosRouter(privileged=True)
    for router in routers.values():
        loop.run(router.__aenter__())
        loop.at_close(partial(router.__aexit__, None, None, None))
    gateway = RunningGateway(tmp_path_factory.mktemp("platforms"))
    gateway.prepare({ROBOT: "automation"}, [router.target(name_of(name)) for name, router in routers.items()])
    with gateway:
        for platform in routers:
            gateway.consent(loop, ROBOT, name_of(platform), sessions=100, minutes=60)
        place = Place(gateway, routers)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for platform, job in NETMIKO.items():
                ways = (place.netmiko(platform, through=through) for through in (False, True))
                straight, through = (threads.submit(with_netmiko, job, way) for way in ways)
                place.results["netmiko", platform] = straight, through
            for platform, job in SCRAPLI.items() if scrapli is not None else ():
                ways = (place.scrapli(platform, through=through) for through in (False, True))
                straight, through = (threads.submit(with_scrapli, job, way) for way in ways)
                place.results["scrapli", platform] = straight, through
            yield place
    loop.close()


@pytest.mark.parametrize("platform", NETMIKO)
def test_netmiko(place: Place, platform: str) -> None:
    found = place.same("netmiko", platform)
    assert found["alive"] is True
    if NETMIKO[platform].configures and platform != "sros":  # of the classic command line netmiko knows no mode
        assert (found["config"][1], found["back"][1]) == (True, False)  # type: ignore[index]


@pytest.mark.skipif(scrapli is None, reason="scrapli has no package for this machine")
@pytest.mark.parametrize("platform", SCRAPLI)
def test_scrapli(place: Place, platform: str) -> None:
    found = place.same("scrapli", platform)
    assert not any(found[line][1] for line in SCRAPLI[platform].reads)  # type: ignore[index]
    assert found["config"] != found["back"] == found["prompt"]


def test_routeros_is_logged_in_to_with_the_options_of_its_console(place: Place) -> None:
    """Also if the client named them: they are the gateway's to choose."""
    place.same("netmiko", "routeros")
    router = place.routers["routeros"]
    assert set(router.access.names) == {"admin+ct511w4098h"}


def test_lines_to_routeros_end_in_cr(place: Place) -> None:
    """netmiko's end in CR LF, and it sends NUL to see whether somebody is there; neither makes a line of its own."""
    place.same("netmiko", "routeros")
    sent = [data for _, data in place.routers["routeros"].received]
    for line in NETMIKO["routeros"].reads:
        assert f"{line}\r".encode() in sent, "so the gateway sends it"
        assert f"{line}\r\n".encode() in sent, "so netmiko does"


@pytest.mark.parametrize("platform", [*NETMIKO, "ios"])
def test_a_single_command_gives_its_output_and_nothing_else(place: Place, platform: str) -> None:
    """No line of a prompt, no preparation: none of these platforms has exec channels that could be used."""
    line = {**NETMIKO, **SCRAPLI}[platform].reads[0]
    done = place.gateway.ssh(ROBOT, name_of(platform), line)
    assert done.returncode == 0, done.stderr.decode()
    if platform == "ios":
        assert done.stdout.startswith(b"Cisco IOS Software")
        return
    script = place.routers[platform].script
    assert done.stdout.decode() == script.before + script.answers[line.removeprefix("/")]


WALKS = {
    "junos": [
        "configure",
        "edit interfaces ge-0/0/0",
        "set mtu 1500",
        "up",
        "top",
        "rollback",
        "exit configuration-mode",
    ],
    "vyos": ["configure", "edit interfaces ethernet eth0", "set mtu 1500", "exit", "discard", "exit", "show version"],
    "edgeos": ["configure", "edit interfaces ethernet eth0", "set mtu 1500", "exit", "discard", "exit", "show version"],
    "huawei_vrp": ["system-view", "interface GigabitEthernet0/0/1", "mtu 1500", "quit", "quit", "display version"],
    "sros": ["configure", "port 1/1/1", "shutdown", "no shutdown", "exit", "exit all", "show version"],
    "routeros": ["/ip address", "print", "..", "/ip", "address", "print", "/", "system resource print"],
    "iosxr": ["configure", "interface GigabitEthernet0/0/0/1", "shutdown", "end", "show version"],
    "nxos": ["configure terminal", "interface Ethernet1/1", "shutdown", "end", "show version"],
}
"""Down into the configuration or a menu, a change where the session then stands, and out again."""


@pytest.mark.parametrize("platform", WALKS)
def test_lines_from_a_pipe_are_judged_where_they_find_the_session(place: Place, platform: str) -> None:
    lines = WALKS[platform]
    done = place.gateway.ssh(ROBOT, name_of(platform), stdin="".join(f"{line}\n" for line in lines).encode())
    assert (done.returncode, done.stderr.decode()) == (0, "")
    for mark in (b"[edit", b"[edge-1", b"edge-1#", b"edge-1>", b"edge-1(", b"] /ip"):
        assert mark not in done.stdout, "no prompt is output"
    sent = b"".join(data for _, data in place.routers[platform].received)
    assert all(line.lstrip("/.").encode() in sent for line in lines)

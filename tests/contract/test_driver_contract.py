"""What every driver keeps, whatever stands behind it: one suite, over the fake and over SSH to a simulated router.

netmiko's driver has terminals only: it takes part where no single command is asked for. The driver of routers without
a command line keeps the same in its own words.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import asyncssh
import pytest

from drivers.errors import DriverError, HostKeyChanged, LoginRefused, RouterClosed, RouterUnreachable
from drivers.fakes import FakeDriver, FakeReply
from drivers.lab import OpenWrtRouter, ScriptedRouter, scripts
from drivers.netmiko_batch import BatchDriver
from drivers.session import Credential, Driver, DriverSession, Target
from drivers.shell_ssh import SshDriver
from tests.unit.drivers.cwmp.driver_stage import TARGET as CPE_TARGET
from tests.unit.drivers.cwmp.driver_stage import DriverStage
from tests.unit.drivers.minting import Minting

FLOOD = b"x" * 60 + b"\n"
PASSWORD = "lab-router-password"
ANOTHER_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


@dataclass
class Place:
    """A driver, a router that it reaches, and what the router received."""

    driver: Driver
    target: Target
    received: "Received"


class Received:
    def __init__(self, read) -> None:
        self._read = read

    @property
    def data(self) -> bytes:
        return b"".join(self._read())


@asynccontextmanager
async def lab_place(driver: Driver) -> AsyncIterator[Place]:
    async with OpenWrtRouter() as router:
        received = Received(lambda: [data for _, data in router.received])
        yield Place(driver, router.target(), received)


@asynccontextmanager
async def fake_place() -> AsyncIterator[Place]:
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    driver = FakeDriver(respond=_like_a_shell, prompt=b"root@OpenWrt:~# ", host_key=key, password=PASSWORD)
    target = Target(
        router_id="r1",
        name="home-1",
        platform="openwrt",
        address="127.0.0.1",
        port=22,
        host_key=key,
        credential=Credential(user="root", password=PASSWORD),
    )
    yield Place(driver, target, Received(lambda: [item.data for item in driver.received]))


def _like_a_shell(wire: bytes) -> FakeReply:
    line = wire.rstrip(b"\r\n").decode()
    match line.split():
        case ["echo", *words]:
            return FakeReply(output=" ".join(words).encode() + b"\n")
        case ["ls", "/nosuch"]:
            return FakeReply(stderr=b"ls: /nosuch: No such file or directory\n", exit_status=1)
        case ["yes", *_]:
            return FakeReply(output=FLOOD * 100_000)
        case ["sleep", _]:
            return FakeReply(prompt=False)
        case ["reboot"]:
            return FakeReply(close=True, exit_status=None)
        case ["\x03"]:
            return FakeReply(output=b"^C\n", exit_status=130)
    return FakeReply(output=f"-ash: {line}: not found\n".encode(), exit_status=127)


DRIVERS = {
    "fake": fake_place,
    "ssh": lambda: lab_place(SshDriver(connect_seconds=10)),
    "netmiko": lambda: lab_place(BatchDriver()),
}


@pytest.fixture(params=["fake", "ssh"])
async def place(request) -> AsyncIterator[Place]:
    async with DRIVERS[request.param]() as found:
        yield found


terminals = pytest.mark.parametrize("place", DRIVERS, indirect=True)


@pytest.fixture
def mint() -> Minting:
    return Minting()


async def until(session: DriverSession, expected: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(10):
        while expected not in seen:
            output = await session.read()
            assert output.data, f"the session ended after {seen!r}"
            seen += output.data
    return seen


REPLIES = {
    "bcm_cpe": ("swversion show", "\n", b"4.16L.02A.A2pv6F039v.d26u\r\n", b" > "),
    "edgeos": ("show uptime", "\n", b"Uptime: 2w 2h 11m\r\n", b"ubnt@edge-1:~$ "),
    "huawei_vrp": ("display alarm active", "\n", b"No alarm.\r\n", b"<edge-1>"),
    "iosxr": (
        "show clock",
        "\n",
        b"\r\nTue Feb  3 10:11:12.345 UTC\r\n10:11:12.345 UTC Tue Feb 3 2026\r\n",
        b"edge-1#",
    ),
    "junos": ("show system alarms", "\n", b"No alarms currently active\r\n", b"admin@edge-1> "),
    "nxos": ("clear counters", "\n", b"", b"edge-1# "),
    "routeros": ("/system identity print", "\r", b"  name: edge-1\r\n", b"[admin@edge-1] > "),
    "sros": ("environment no more", "\n", b"", b"A:edge-1# "),
    "vyos": ("show uptime", "\n", b"Uptime: 2w 2h 11m\r\n", b"vyos@vyos:~$ "),
}
"""A line of each platform, what ends it, its answer, and the prompt."""


@pytest.mark.parametrize("driver", [SshDriver(connect_seconds=10), BatchDriver()], ids=["ssh", "netmiko"])
@pytest.mark.parametrize("platform", scripts())
async def test_a_terminal_of_each_platform(driver, platform, mint):
    line, end, answer, prompt = REPLIES[platform]
    async with ScriptedRouter(platform) as router:
        session = await driver.open(router.target(), "shell")
        assert (await until(session, prompt)).endswith(prompt)
        assert router.received == []
        for _ in range(2):
            await session.send(mint(line + end))
            seen = await until(session, prompt)
            assert seen.startswith(line.encode() + b"\r\n" + answer)
            assert seen.endswith(prompt)
        assert b"".join(data for _, data in router.received) == (line + end).encode() * 2
        await session.close()


async def to_the_end(session: DriverSession) -> tuple[bytes, bytes]:
    streams = {False: b"", True: b""}
    async with asyncio.timeout(20):
        while (output := await session.read()).data:
            assert len(output.data) <= 64 * 1024
            streams[output.stderr] += output.data
    return streams[False], streams[True]


@terminals
async def test_a_shell_opens_at_a_prompt_and_nothing_was_sent(place):
    session = await place.driver.open(place.target, "shell")
    assert (await until(session, b"# ")).endswith(b"root@OpenWrt:~# ")
    assert place.received.data == b""
    await session.close()


@terminals
async def test_a_shell_echoes_answers_and_prompts_again(place, mint):
    session = await place.driver.open(place.target, "shell")
    await until(session, b"# ")
    await session.send(mint("echo one two\n"))
    seen = (await until(session, b"# ")).replace(b"\r\n", b"\n")
    assert seen == b"echo one two\none two\nroot@OpenWrt:~# "
    assert session.exit_status is None
    await session.close()


@terminals
async def test_exactly_the_recorded_bytes_arrive_in_order(place, mint):
    session = await place.driver.open(place.target, "shell")
    wires = ["echo 1\n", "echo 'ü & |'\n", "echo 3\r"]
    for wire in wires:
        await until(session, b"# ")
        await session.send(mint(wire))
    await until(session, b"# ")
    assert place.received.data == "".join(wires).encode()
    await session.close()


async def test_an_exec_session_gives_output_and_status(place, mint):
    session = await place.driver.open(place.target, "exec")
    assert session.exit_status is None
    await session.send(mint("echo hello\n"))
    assert await to_the_end(session) == (b"hello\n", b"")
    assert session.exit_status == 0
    assert place.received.data == b"echo hello\n"
    await session.close()


async def test_errors_of_an_exec_session_come_apart(place, mint):
    session = await place.driver.open(place.target, "exec")
    await session.send(mint("ls /nosuch\n"))
    assert await to_the_end(session) == (b"", b"ls: /nosuch: No such file or directory\n")
    assert session.exit_status == 1
    await session.close()


async def test_an_exec_session_runs_one_command_after_another(place, mint):
    session = await place.driver.open(place.target, "exec")
    for word, status in (("echo a", 0), ("nosuch", 127), ("echo b", 0)):
        await session.send(mint(f"{word}\n"))
        await to_the_end(session)
        assert session.exit_status == status
    await session.close()


async def test_reading_may_begin_before_the_command_is_sent(place, mint):
    session = await place.driver.open(place.target, "exec")
    reading = asyncio.ensure_future(session.read())
    await asyncio.sleep(0.01)
    await session.send(mint("echo early\n"))
    assert (await asyncio.wait_for(reading, 10)).data == b"early\n"
    await session.close()


async def test_no_byte_of_a_flood_is_lost_behind_a_slow_reader(place, mint):
    session = await place.driver.open(place.target, "exec")
    await session.send(mint("yes " + "x" * 60 + "\n"))
    await asyncio.sleep(0.3)
    out, err = await to_the_end(session)
    assert (len(out), err) == (100_000 * len(FLOOD), b"")
    assert out.count(FLOOD) == 100_000
    await session.close()


@terminals
async def test_an_interrupt_ends_a_running_command_in_a_terminal(place, mint):
    session = await place.driver.open(place.target, "shell")
    await until(session, b"# ")
    await session.send(mint("sleep 600\n"))
    await until(session, b"sleep 600\r\n")
    await asyncio.sleep(0.1)
    await session.send(mint(b"\x03", "interrupt"))
    assert b"^C" in await until(session, b"# ")
    await session.close()


async def test_an_interrupt_ends_a_running_exec_command(place, mint):
    session = await place.driver.open(place.target, "exec")
    await session.send(mint("sleep 600\n"))
    await asyncio.sleep(0.1)
    await session.send(mint(b"\x03", "interrupt"))
    await to_the_end(session)
    assert session.exit_status == 130
    await session.close()


@terminals
async def test_the_router_may_hang_up(place, mint):
    session = await place.driver.open(place.target, "shell")
    await until(session, b"# ")
    await session.send(mint("reboot\n"))
    await to_the_end(session)
    assert (await session.read()).data == b""
    with pytest.raises(RouterClosed, match="home-1"):
        await session.send(mint("echo late\n"))
    assert b"late" not in place.received.data
    await session.close()


@pytest.mark.parametrize(
    ("place", "shape"),
    [("fake", "shell"), ("fake", "exec"), ("ssh", "shell"), ("ssh", "exec"), ("netmiko", "shell")],
    indirect=["place"],
)
async def test_closing_wakes_the_reader_and_stops_everything(place, mint, shape):
    session = await place.driver.open(place.target, shape)
    if shape == "shell":
        await until(session, b"# ")
    reading = asyncio.ensure_future(session.read())
    await asyncio.sleep(0.01)
    await session.close()
    await session.close()
    assert (await asyncio.wait_for(reading, 10)).data == b""
    with pytest.raises(RouterClosed):
        await session.send(mint("echo late\n"))
    assert (await session.read()).data == b""
    assert b"late" not in place.received.data


async def test_closing_drops_what_was_not_read(place, mint):
    session = await place.driver.open(place.target, "exec")
    await session.send(mint("yes " + "x" * 60 + "\n"))
    await session.read()
    await session.close()
    assert (await session.read()).data == b""


@terminals
async def test_a_command_is_sent_once(place, mint):
    session = await place.driver.open(place.target, "shell")
    await until(session, b"# ")
    command = mint("echo once\n")
    await session.send(command)
    await until(session, b"# ")
    with pytest.raises(DriverError, match="second time"):
        await session.send(command)
    assert place.received.data == b"echo once\n"
    await session.close()


@terminals
async def test_a_command_of_another_session_is_not_sent(place, mint):
    session = await place.driver.open(place.target, "shell")
    await until(session, b"# ")
    await session.send(mint("echo mine\n"))
    await until(session, b"# ")
    strange = Minting("01J99999999999999999999999")
    strange("skipped\n")
    with pytest.raises(DriverError, match="another"):
        await session.send(strange("echo yours\n"))
    assert place.received.data == b"echo mine\n"
    await session.close()


@terminals
async def test_another_host_key_ends_it_before_a_credential_is_offered(place):
    with pytest.raises(HostKeyChanged, match="home-1") as caught:
        await place.driver.open(replace(place.target, host_key=ANOTHER_KEY), "shell")
    assert PASSWORD not in str(caught.value)
    assert place.received.data == b""


@terminals
async def test_a_wrong_password_is_refused_without_naming_it(place):
    credential = Credential(user="root", password="wrong-secret-1")
    with pytest.raises(LoginRefused, match="home-1") as caught:
        await place.driver.open(replace(place.target, credential=credential), "shell")
    assert "wrong-secret-1" not in str(caught.value)


@terminals
async def test_a_router_that_is_not_there_is_unreachable(place):
    if isinstance(place.driver, FakeDriver):
        place.driver.reachable = False
        target = place.target
    else:
        target = replace(place.target, port=1)
    with pytest.raises(RouterUnreachable, match="home-1"):
        await place.driver.open(target, "shell")


# --- a router without a command line ----------------------------------------------------------------------------------
# Its lines are not a shell's, so what the drivers above keep is asked of it in its own words.

CPE_PROMPT = b"home-1(tr181)> "


@pytest.fixture
def cpe() -> DriverStage:
    return DriverStage()


async def test_a_cpe_opens_at_a_prompt_and_nothing_was_sent(cpe):
    session = await cpe.driver.open(CPE_TARGET, "shell")
    assert await until(session, b"> ") == CPE_PROMPT
    assert cpe.links.received == []
    await session.close()


async def test_a_cpe_answers_and_prompts_again(cpe):
    session = await cpe.driver.open(CPE_TARGET, "shell")
    await until(session, b"> ")
    for _ in range(2):
        await session.send(cpe.mint("get Device.DeviceInfo.UpTime\n"))
        assert await until(session, CPE_PROMPT) == b"Device.DeviceInfo.UpTime  90061\n" + CPE_PROMPT
    assert session.exit_status is None
    assert cpe.links.methods == ["GetParameterValues"] * 2
    await session.close()


async def test_a_cpe_runs_single_commands_with_a_status(cpe):
    session = await cpe.driver.open(CPE_TARGET, "exec")
    assert session.exit_status is None
    for line, status in (("get Device.DeviceInfo.UpTime", 0), ("get Device.Nope", 1), ("show events", 0)):
        await session.send(cpe.mint(line))
        out, err = await to_the_end(session)
        assert out
        assert (err, session.exit_status) == (b"", status)
    await session.close()


async def test_reading_from_a_cpe_may_begin_before_the_command_is_sent(cpe):
    session = await cpe.driver.open(CPE_TARGET, "exec")
    reading = asyncio.ensure_future(session.read())
    await asyncio.sleep(0.01)
    await session.send(cpe.mint("get Device.DeviceInfo.UpTime"))
    assert (await asyncio.wait_for(reading, 10)).data == b"Device.DeviceInfo.UpTime  90061\n"
    await session.close()


async def test_an_interrupt_ends_what_a_cpe_does(cpe):
    cpe.cpe.moods.endless_tests = True
    session = await cpe.driver.open(CPE_TARGET, "exec")
    await session.send(cpe.mint("diagnose ping a.example"))
    while "released" not in cpe.links.happened:
        await asyncio.sleep(0)
    await session.send(cpe.mint(b"\x03", "interrupt"))
    await to_the_end(session)
    assert session.exit_status == 130
    await session.close()


@pytest.mark.parametrize("shape", ["shell", "exec"])
async def test_closing_wakes_the_reader_of_a_cpe_and_stops_everything(cpe, shape):
    session = await cpe.driver.open(CPE_TARGET, shape)
    if shape == "shell":
        await until(session, b"> ")
    reading = asyncio.ensure_future(session.read())
    await asyncio.sleep(0.01)
    await session.close()
    await session.close()
    assert (await asyncio.wait_for(reading, 10)).data == b""
    with pytest.raises(RouterClosed):
        await session.send(cpe.mint("get Device.DeviceInfo.UpTime\n"))
    assert (await session.read()).data == b""
    assert cpe.links.received == []


async def test_a_command_is_sent_to_a_cpe_once_and_in_its_own_session(cpe):
    session = await cpe.driver.open(CPE_TARGET, "shell")
    await until(session, b"> ")
    command = cpe.mint("get Device.DeviceInfo.UpTime\n")
    await session.send(command)
    await until(session, b"> ")
    with pytest.raises(DriverError, match="second time"):
        await session.send(command)
    strange = Minting("01J99999999999999999999999")
    strange("skipped\n")
    with pytest.raises(DriverError, match="another"):
        await session.send(strange("methods\n"))
    assert cpe.links.methods == ["GetParameterValues"]
    await session.close()


async def test_a_cpe_that_does_not_call_is_unreachable(cpe):
    cpe.links.reachable = False
    with pytest.raises(RouterUnreachable, match="home-1"):
        await cpe.driver.open(CPE_TARGET, "shell")

"""The simulated Cisco-like router: modes, abbreviations, pager, questions."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from drivers.lab import Access, IosRouter
from drivers.shell_ssh import SshDriver
from tests.unit.drivers.minting import Minting


class Typist:
    """Types into a terminal and reads on to an expected end."""

    def __init__(self, router: IosRouter, session) -> None:
        self.router = router
        self.session = session
        self.mint = Minting()

    async def __call__(self, keys: str, until: str) -> str:
        if keys:
            await self.session.send(self.mint(keys))
        seen = b""
        async with asyncio.timeout(5):
            while not seen.endswith(until.encode()):
                output = await self.session.read()
                assert output.data, seen
                seen += output.data
        return seen.decode().replace("\r\n", "\n")


@pytest.fixture
async def typist(request) -> AsyncIterator[Typist]:
    async with IosRouter(**getattr(request, "param", {"privileged": True})) as router:
        session = await SshDriver().open(router.target(), "shell")
        found = Typist(router, session)
        await found("", "#" if router.state.privileged else ">")
        await found("terminal length 0\r", "#" if router.state.privileged else ">")
        yield found
        await session.close()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("show version", "Cisco IOS Software"),
        ("sh ver", "Cisco IOS Software"),
        ("sh ip int br", "Dialer1"),
        ("show run | include hostname", "hostname R1\n ppp chap hostname"),
        ("show run | begin line vty", "line vty 0 4\n transport input ssh"),
        ("show ip interface brief | exclude up", "GigabitEthernet1"),
        ("ping 8.8.8.8", "Success rate is 100 percent (5/5)"),
        ("ping 8.8.8.8 repeat 7", "Success rate is 100 percent (7/7)"),
        ("sh i", '% Ambiguous command:  "sh i"'),
        ("show", "% Incomplete command."),
        ("show nosuch", "% Invalid input detected"),
        ("show version | redirect tftp://x", "% Invalid input detected"),
        ("terminal length x", "% Invalid input detected"),
        ("nosuchword", 'Translating "nosuchword"'),
        ("write memory", "[OK]"),
    ],
)
async def test_a_line_is_resolved_word_by_word(typist, line, expected):
    assert expected in await typist(f"{line}\r", "#")


async def test_a_filter_shows_only_what_it_lets_through(typist):
    out = await typist("show ip interface brief | include Dialer\r", "R1#")
    assert (
        out
        == "show ip interface brief | include Dialer\n"
        + next(line + "\n" for line in out.splitlines() if line.startswith("Dialer1"))
        + "R1#"
    )


async def test_modes_show_in_the_prompt(typist):
    assert "End with CNTL/Z" in await typist("conf t\r", "R1(config)#")
    await typist("int Gi0\r", "R1(config-if)#")
    await typist("description uplink\r", "R1(config-if)#")
    assert "Cisco" in await typist("do show version\r", "R1(config-if)#")
    await typist("exit\r", "R1(config)#")
    await typist("hostname R2\r", "R2(config)#")
    await typist("dot11 ssid home\r", "R2(config-ssid)#")
    await typist("end\r", "R2#")
    await typist("disable\r", "R2>")


@pytest.mark.parametrize("typist", [{"privileged": False}], indirect=True)
async def test_enable_asks_for_its_password(typist):
    await typist("enable\r", "Password: ")
    for _ in range(2):
        await typist("wrong\r", "Password: ")
    assert "% Bad secrets" in await typist("wrong\r", "R1>")
    await typist("en\r", "Password: ")
    assert await typist("lab-enable-secret\r", "R1#") == "\nR1#"
    assert "Ambiguous" not in await typist("show privilege\r", "R1#")


@pytest.mark.parametrize("typist", [{"access": Access(user="admin")}], indirect=True)
async def test_enable_without_a_password(typist):
    await typist("enable\r", "R1#")


async def test_the_pager_waits_for_a_key(typist):
    await typist("terminal length 6\r", "#")
    await typist("show version\r", " --More-- ")
    assert "Technical" not in await typist(" ", " --More-- ")
    one = await typist("\r", " --More-- ")
    assert one.count("\n") == 1
    assert (await typist("q", "R1#")).endswith("\b" * 9 + " " * 8 + "\b" * 9 + "R1#")


async def test_questions_wait_for_their_answer(typist):
    await typist("clear counters\r", "[confirm]")
    await typist("\r", "R1#")
    await typist("copy running-config startup-config\r", "Destination filename [startup-config]? ")
    assert "[OK]" in await typist("\r", "R1#")
    await typist("conf t\r", "#")
    await typist("interface Gi1\r", "#")
    await typist("end\r", "#")
    await typist("reload\r", "Save? [yes/no]: ")
    await typist("no\r", "[confirm]")
    await typist("n", "R1#")
    await typist("ping\r", "Target IP address: ")
    assert "Success" in await typist("8.8.8.8\r", "R1#")


async def test_a_confirmed_reload_cuts_the_session(typist):
    await typist("reload\r", "[confirm]")
    await typist.session.send(typist.mint("\r"))
    async with asyncio.timeout(5):
        while (await typist.session.read()).data:
            pass


async def test_ctrl_caret_stops_a_ping(typist):
    await typist("ping 8.8.8.8 repeat 100000\r", "!!!!!!")
    await typist("\x1e\x03", "R1#")
    await typist("show clock\r", "R1#")


@pytest.mark.parametrize(
    "line", ["telnet 192.168.1.10", "192.168.1.10", "laptop", "ssh 192.168.1.10", "connect laptop"]
)
async def test_onward_logins_reach_the_home(typist, line):
    await typist(f"{line}\r", "login: ")
    assert typist.router.home.connections == 1
    await typist("x\r", "R1#")


async def test_exit_ends_the_session(typist):
    await typist.session.send(typist.mint("exit\r"))
    async with asyncio.timeout(5):
        while (await typist.session.read()).data:
            pass


async def test_an_exec_request_runs_one_command():
    async with IosRouter() as router:
        session = await SshDriver().open(router.target(), "exec")
        await session.send(Minting()("show clock\n"))
        assert b"UTC" in (await session.read()).data
        assert (await session.read()).data == b""
        await session.close()

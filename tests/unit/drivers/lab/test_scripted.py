"""The scripted routers: prompts with paths, menus, questions, pager, filters; one of each platform."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from drivers.definition import load_definition
from drivers.errors import DriverError
from drivers.lab import ScriptedRouter, scripts
from drivers.lab.script import load_script
from drivers.prompt import PromptDetector
from drivers.shell_ssh import SshDriver
from tests.unit.drivers.minting import Minting


class Typist:
    """Types into a terminal and reads on to an expected end."""

    def __init__(self, router: ScriptedRouter, session) -> None:
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

    async def end(self, keys: str) -> None:
        await self.session.send(self.mint(keys))
        async with asyncio.timeout(5):
            while (await self.session.read()).data:
                pass


@asynccontextmanager
async def at(platform: str) -> AsyncIterator[Typist]:
    async with ScriptedRouter(platform) as router:
        session = await SshDriver().open(router.target(), "shell")
        yield Typist(router, session)
        await session.close()


def test_there_is_one_of_each_platform():
    assert set(scripts()) == {
        *("bcm_cpe", "edgeos", "huawei_vrp", "iosxr", "junos", "nxos", "routeros", "sros", "vyos"),
    }
    with pytest.raises(DriverError, match="no simulated 'ios'; there are bcm_cpe"):
        load_script("ios")


@pytest.mark.parametrize("platform", scripts())
async def test_its_prompt_is_one_that_the_definition_knows(platform):
    detector = PromptDetector(load_definition(platform))
    async with ScriptedRouter(platform) as router:
        session = await SshDriver().open(router.target(), "shell")
        async with asyncio.timeout(5):
            while (seen := detector.prompt()) is None:
                detector.feed((await session.read()).data.decode())
        assert seen.mode == router.script.start
        assert not seen.tag
        await session.close()


@pytest.mark.parametrize("platform", scripts())
def test_it_answers_the_platform_s_script_of_diagnostics(platform):
    answers = load_script(platform).answers
    for line in load_definition(platform).diagnostics:
        plain = line.removeprefix("/").strip()
        assert plain in answers or f"{plain} *" in answers, line


async def test_junos_shows_its_edit_path():
    async with at("junos") as typed:
        await typed("", "admin@edge-1> ")
        assert "Entering configuration mode\n\n[edit]\n" in await typed("configure\n", "# ")
        assert "[edit interfaces ge-0/0/0]" in await typed("edit interfaces ge-0/0/0\n", "# ")
        assert "[edit interfaces]" in await typed("up\n", "# ")
        assert "\n[edit]\n" in await typed("top\n", "# ")
        await typed("edit system\n", "# ")
        await typed("edit services\n", "[edit system services]\r\nadmin@edge-1# ")
        await typed("exit\n", "[edit system]\r\nadmin@edge-1# ")
        assert "Model: srx320" in await typed("run show version | match Model\n", "# ")
        assert "unknown command" in await typed("show version\n", "# ")


async def test_junos_asks_before_changes_are_left_behind():
    async with at("junos") as typed:
        await typed("configure\n", "# ")
        await typed("set system host-name x\n", "# ")
        await typed("exit configuration-mode\n", "[yes,no] (yes) ")
        await typed("no\n", "# ")
        await typed("exit\n", "[yes,no] (yes) ")
        await typed("yes\n", "admin@edge-1> ")
        await typed("request system reboot\n", "[yes,no] (no) ")
        await typed("no\n", "admin@edge-1> ")
        await typed("request system reboot\n", "[yes,no] (no) ")
        await typed.end("yes\n")


async def test_a_pager_until_it_is_switched_off():
    async with at("vyos") as typed:
        assert (await typed("show log\n", ":")).count("pppd") == 23
        assert (await typed(" ", "vyos@vyos:~$ ")).count("pppd") == 7
        await typed("show log\n", ":")
        assert (await typed("q", "vyos@vyos:~$ ")).count("pppd") == 0
        await typed("set terminal length 0\n", "vyos@vyos:~$ ")
        assert (await typed("show log\n", "vyos@vyos:~$ ")).count("pppd") == 30


@pytest.mark.parametrize(
    ("keys", "until", "expected"),
    [
        ("/ip address\r", "[admin@edge-1] /ip/address> ", ""),
        ("/ip/address/print\r", "[admin@edge-1] > ", "192.168.88.1/24"),
        ("ip address print where interface=bridge\r", "[admin@edge-1] > ", "192.168.88.1/24"),
        ("/nosuch\r", "[admin@edge-1] > ", "bad command name /nosuch"),
        ("/ping 198.51.100.1 count=1\r", "[admin@edge-1] > ", "sent=1 received=1"),
        ("/system identity print\r\n", "[admin@edge-1] > ", "name: edge-1"),
    ],
)
async def test_routeros_has_menus(keys, until, expected):
    async with at("routeros") as typed:
        await typed("", "[admin@edge-1] > ")
        assert expected in await typed(keys, until)


async def test_routeros_moves_through_its_menus():
    async with at("routeros") as typed:
        await typed("/ip\r", "[admin@edge-1] /ip> ")
        await typed("address\r", "[admin@edge-1] /ip/address> ")
        assert "ADDRESS" in await typed("print\r", "[admin@edge-1] /ip/address> ")
        assert "DST-ADDRESS" in await typed("/ip route print\r", "[admin@edge-1] /ip/address> ")
        await typed("..\r", "[admin@edge-1] /ip> ")
        await typed("/\r", "[admin@edge-1] > ")
        await typed("/system reboot\r", "[y/N]: \r\n")
        await typed("n", "[admin@edge-1] > ")
        await typed("/system reboot\r", "[y/N]: \r\n")
        await typed.end("y")


async def test_vrp_shows_its_view():
    async with at("huawei_vrp") as typed:
        await typed("system-view\n", "[edge-1]")
        await typed("interface GigabitEthernet 0/0/1\n", "[edge-1-GigabitEthernet0/0/1]")
        await typed("interface Dialer1\n", "[edge-1-Dialer1]")
        await typed("quit\n", "[edge-1]")
        await typed("aaa\n", "[edge-1-aaa]")
        await typed("return\n", "<edge-1>")
        await typed("save\n", "(y/n)[n]:")
        assert "successfully" in await typed("y\n", "<edge-1>")
        assert "Unrecognized command" in await typed("nosuch\n", "<edge-1>")


async def test_sros_shows_its_context():
    async with at("sros") as typed:
        await typed("configure\n", "A:edge-1>config# ")
        await typed("port 1/1/1\n", "A:edge-1>config>port# ")
        await typed("shutdown\n", "*A:edge-1>config>port# ")
        await typed("exit\n", "*A:edge-1>config# ")
        await typed("exit all\n", "*A:edge-1# ")
        await typed("admin save\n", "Completed.\r\nA:edge-1# ")


async def test_xr_asks_before_it_drops_changes():
    async with at("iosxr") as typed:
        await typed("configure terminal\n", "(config)#")
        await typed("interface Gi0/0/0/1\n", "(config-if)#")
        await typed("shutdown\n", "(config-if)#")
        await typed("end\n", "[cancel]:")
        await typed("cancel\n", "(config-if)#")
        await typed("end\n", "[cancel]:")
        await typed("no\n", "CPU0:edge-1#")


@pytest.mark.parametrize("platform", ["vyos", "edgeos"])
async def test_vyatta_refuses_to_leave_changes(platform):
    async with at(platform) as typed:
        await typed("configure\n", "# ")
        await typed("edit interfaces ethernet eth0\n", "# ")
        await typed("set description x\n", "# ")
        await typed("exit\n", "[edit]\r\n" + typed.router.script.prompts["config"].split("\n")[1])
        assert "Cannot exit" in await typed("exit\n", "# ")
        await typed("exit discard\n", "$ ")
        assert "Invalid command: [nosuch]" in await typed("nosuch\n", "$ ")


async def test_a_ping_runs_until_it_is_interrupted():
    async with at("nxos") as typed:
        await typed("", "edge-1# ")
        assert "5 packets received" in await typed("ping 198.51.100.1\n", "edge-1# ")
    async with at("junos") as typed:
        await typed("ping 198.51.100.1\n", "ping 198.51.100.1\r\n")
        await asyncio.sleep(0.05)
        await typed("\x03", "admin@edge-1> ")


async def test_an_exec_request_runs_one_command():
    async with ScriptedRouter("nxos") as router:
        session = await SshDriver().open(router.target(), "exec")
        await session.send(Minting()("show clock\n"))
        assert b"UTC" in (await session.read()).data
        assert (await session.read()).data == b""
        await session.close()

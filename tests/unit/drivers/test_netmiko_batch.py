"""netmiko: platforms are recognised with the least asking; only recorded commands are sent; keys are pinned."""

import asyncio
import re
import threading
from dataclasses import replace

import asyncssh
import pytest

from drivers.errors import DriverError, HostKeyChanged, LoginRefused, RouterUnreachable
from drivers.lab import Access, IosRouter, OpenWrtRouter, ScriptedRouter, scripts
from drivers.netmiko_batch import PROBES, BatchDriver, _recognise, detect_platform, fetch_host_key
from drivers.session import Credential
from drivers.shell_ssh import SshDriver
from tests.unit.drivers.minting import Minting


def sent(router) -> bytes:
    return b"".join(data for _, data in router.received)


async def test_the_host_key_is_fetched_without_a_login():
    async with OpenWrtRouter() as router:
        assert await fetch_host_key("127.0.0.1", router.port) == router.host_key
        assert router.access.attempts == []


async def test_no_host_key_where_nothing_listens():
    with pytest.raises(RouterUnreachable, match="port 1"):
        await fetch_host_key("127.0.0.1", 1)


async def test_a_router_that_shows_what_it_is_is_asked_nothing():
    async with OpenWrtRouter() as router:
        assert await detect_platform(router.target()) == "openwrt"
        assert sent(router) == b""


async def test_a_router_that_does_not_is_asked_one_line_that_is_announced_first():
    announced: list[bytes] = []

    async def announce(probe: bytes) -> None:
        announced.append(probe + sent(router))

    async with IosRouter() as router:
        assert await detect_platform(router.target(), before_probe=announce) == "ios"
        assert announced == [b"show version\n"]
        assert sent(router) == b"show version\n"


@pytest.mark.parametrize("platform", scripts())
async def test_each_platform_is_recognised_and_asked_nothing(platform):
    async with ScriptedRouter(platform) as router:
        target = replace(router.target(), platform="")
        assert await detect_platform(target) == platform
        assert sent(router) == b""
        assert router.access.names == [router.access.user], "what it is was not known yet"


@pytest.mark.parametrize(
    ("prompt", "answer", "platform"),
    [
        ("admin@edge-1>", "Hostname: edge-1\nModel: mx204\nJunos: 21.4R3", "junos"),
        ("<edge-1>", "Huawei Versatile Routing Platform Software", "huawei_vrp"),
        ("A:edge-1#", "TiMOS-C-20.10.R12 cpm/hops64 Nokia 7750 SR", "sros"),
        ("*A:admin@edge-1#", "TiMOS-C-23.3.R1", "sros"),
        ("edge-1#", "Cisco Nexus Operating System (NX-OS) Software", "nxos"),
        ("gw@edge-1:~$", 'NAME="VyOS"', "vyos"),
    ],
)
def test_where_the_login_does_not_tell_one_line_does(prompt, answer, platform):
    assert _recognise(prompt) is None
    assert any(re.search(pattern, prompt) for pattern, _ in PROBES)
    assert _recognise(answer) == platform


@pytest.mark.parametrize("batch", [False, True])
async def test_routeros_is_logged_in_to_with_the_options_of_its_console(batch):
    driver = BatchDriver() if batch else SshDriver()
    async with ScriptedRouter("routeros") as router:
        session = await driver.open(router.target(), "shell")
        await until(session, b"[admin@edge-1] > ")
        assert router.access.names == ["admin+ct511w4098h"]
        await session.close()


async def test_nothing_is_asked_if_it_cannot_be_announced():
    async def refuse(probe: bytes) -> None:
        raise LookupError("the journal is full")

    async with IosRouter() as router:
        with pytest.raises(LookupError):
            await detect_platform(router.target(), before_probe=refuse)
        assert sent(router) == b""


async def until(session, expected: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(10):
        while not seen.endswith(expected):
            output = await session.read()
            assert output.data, f"the session ended after {seen!r}"
            seen += output.data
    return seen


async def test_a_terminal_gets_the_recorded_bytes_and_nothing_else():
    mint = Minting()
    async with OpenWrtRouter() as router:
        session = await BatchDriver().open(router.target(), "shell")
        prompt = (await until(session, b"# "))[-9:]
        for line, answer in (("uci get network.lan.ipaddr", b"192.168.1.1\r\n"), ("echo 'ü'", "ü\r\n".encode())):
            await session.send(mint(f"{line}\n"))
            assert (await until(session, prompt)).startswith(line.encode() + b"\r\n" + answer)
        await session.close()
        assert sent(router) == "uci get network.lan.ipaddr\necho 'ü'\n".encode()


async def test_no_byte_of_a_long_answer_is_lost():
    async with OpenWrtRouter() as router:
        session = await BatchDriver().open(router.target(), "shell")
        await until(session, b"# ")
        await session.send(Minting()(f"yes {'é' * 30} | head -n 50000\n"))
        await asyncio.sleep(0.3)
        assert (await until(session, b"# ")).count("é".encode()) == 30 + 30 * 50_000
        await session.close()


async def test_there_are_no_single_commands():
    async with OpenWrtRouter() as router:
        with pytest.raises(DriverError, match="in a terminal"):
            await BatchDriver().open(router.target(), "exec")
        assert router.access.attempts == []


async def test_a_login_that_nobody_waits_for_any_more_is_cut():
    async with OpenWrtRouter() as router:
        opening = asyncio.ensure_future(BatchDriver().open(router.target(), "shell"))
        await asyncio.sleep(0.01)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        async with asyncio.timeout(10):
            while any(thread.name.startswith("netmiko") for thread in threading.enumerate()):
                await asyncio.sleep(0.01)
        assert sent(router) == b""


async def test_threads_end_with_the_session():
    async with OpenWrtRouter() as router:
        session = await BatchDriver().open(router.target(), "shell")
        reading = asyncio.ensure_future(_to_the_end(session))
        await asyncio.sleep(0.05)
        await session.close()
        await asyncio.wait_for(reading, 10)
    async with asyncio.timeout(10):
        while any(thread.name.startswith("netmiko") for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


async def _to_the_end(session) -> None:
    while (await session.read()).data:
        pass


async def test_another_host_key_ends_it_before_a_credential_is_offered():
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    async with OpenWrtRouter() as router:
        with pytest.raises(HostKeyChanged, match="home-1"):
            await detect_platform(replace(router.target(), host_key=key))
        assert (router.access.attempts, sent(router)) == ([], b"")


async def test_a_private_key_logs_in():
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with OpenWrtRouter(access=Access(public_key=key.export_public_key().decode())) as router:
        credential = Credential(user="root", private_key=key.export_private_key().decode())
        assert await detect_platform(replace(router.target(), credential=credential)) == "openwrt"


async def test_a_private_key_that_cannot_be_read_is_said_so():
    async with OpenWrtRouter() as router:
        credential = Credential(user="root", private_key="nonsense")
        with pytest.raises(DriverError, match="without passphrase"):
            await detect_platform(replace(router.target(), credential=credential))


async def test_a_wrong_password_is_refused_without_naming_it():
    async with OpenWrtRouter() as router:
        target = replace(router.target(), credential=Credential(user="root", password="wrong-secret"))
        with pytest.raises(LoginRefused, match="home-1") as caught:
            await detect_platform(target)
    assert "wrong-secret" not in str(caught.value)


async def test_a_router_that_is_not_there_is_unreachable():
    async with OpenWrtRouter() as router:
        with pytest.raises(RouterUnreachable, match="home-1"):
            await detect_platform(replace(router.target(), port=1))


@pytest.mark.parametrize(
    ("seen", "platform"),
    [
        ("SSH-2.0-dropbear\n OpenWrt 23.05.5, r24106\nroot@OpenWrt:~#", "openwrt"),
        ("Hello, this is FRRouting (version 8.4.4).\nfrr-1#", "frr"),
        ("Welcome to VyOS - vyos ttyS0\nvyos@r1:~$", "vyos"),
        ("Welcome to EdgeOS\nubnt@r1:~$", "edgeos"),
        ("SSH-2.0-ROSSSH\n[admin@MikroTik] >", "routeros"),
        ("--- JUNOS 21.4R1.12 Kernel 64-bit\nadmin@r1>", "junos"),
        ("Junos: 21.4R1.12", "junos"),
        ("SSH-2.0-HUAWEI-1.5\n<r1>", "huawei_vrp"),
        ("TiMOS-B-20.10.R1 both/x86_64 Nokia 7750 SR", "sros"),
        ("Cisco IOS XR Software, Version 7.3.2", "iosxr"),
        ("RP/0/RSP0/CPU0:r1#", "iosxr"),
        ("Cisco Nexus Operating System (NX-OS) Software", "nxos"),
        ("Cisco IOS Software, C880 Software", "ios"),
        ("Cisco IOS XE Software, Version 17\nCisco IOS Software [Bengaluru]", "ios"),
        ("BCM963268 Broadband Router\n>", "bcm_cpe"),
        ("SSH-2.0-OpenSSH_9.6\nuser@machine:~$", None),
    ],
)
def test_what_a_router_shows_names_its_platform(seen, platform):
    assert _recognise(seen) == platform


@pytest.mark.parametrize(
    ("prompt", "probe"),
    [
        ("R1>", "show version\n"),
        ("R1#", "show version\n"),
        ("admin@r1>", "show version\n"),
        ("<r1>", "display version\n"),
        ("user@r1:~$", "cat /etc/openwrt_release /etc/os-release\n"),
        ("/ #", "cat /etc/openwrt_release /etc/os-release\n"),
        ("login:", None),
    ],
)
def test_the_prompt_decides_which_line_is_asked(prompt, probe):
    assert next((text for pattern, text in PROBES if re.search(pattern, prompt)), None) == probe

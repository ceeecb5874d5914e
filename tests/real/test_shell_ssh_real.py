"""The SSH driver against real programs: OpenSSH with a shell, vtysh behind OpenSSH, BusyBox ash behind dropbear."""

import asyncio
from dataclasses import replace

import pytest

from drivers.errors import HostKeyChanged, LoginRefused
from drivers.netmiko_batch import BatchDriver, detect_platform, fetch_host_key
from drivers.session import Credential
from drivers.shell_ssh import SshDriver
from tests.unit.drivers.minting import Minting

pytestmark = pytest.mark.system

CURSOR = b"\x1b[6n"
"""What BusyBox asks the terminal after each prompt."""

PROMPTS = {"frr": b"frr-1# ", "openwrt": b"root@OpenWrt:~# " + CURSOR}
LISTS = {"frr": "show version", "openwrt": "ls -la /bin /usr/bin"}
FAILS = {"frr": ("show foo", 1, b"% Unknown command: show foo\n", b""), "openwrt": ("nosuch", 127, b"", b"not found\n")}


@pytest.fixture(params=["frr", "openwrt"])
def router(request):
    if request.param == "frr":
        return request.getfixturevalue("frr_router")
    return request.getfixturevalue("dropbear_box").router


@pytest.fixture
def driver() -> SshDriver:
    return SshDriver()


@pytest.fixture
def mint() -> Minting:
    return Minting()


async def until(session, expected: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(20):
        while not seen.endswith(expected):
            output = await session.read()
            assert output.data, f"the session ended after {seen!r}"
            seen += output.data
    return seen


async def to_the_end(session) -> tuple[bytes, bytes]:
    streams = {False: b"", True: b""}
    async with asyncio.timeout(30):
        while (output := await session.read()).data:
            streams[output.stderr] += output.data
    return streams[False], streams[True]


async def test_the_echo_is_the_line_itself_and_the_prompt_ends_the_answer(router, driver, mint):
    session = await driver.open(router.target(), "shell")
    prompt = PROMPTS[router.platform]
    await until(session, prompt)
    for line in (LISTS[router.platform], "x" * 300, FAILS[router.platform][0]):
        await session.send(mint(f"{line}\n"))
        assert (await until(session, prompt)).startswith(line.encode() + b"\r\n"), line
    await session.close()


async def test_ctrl_c_stops_a_ping(router, driver, mint):
    session = await driver.open(router.target(), "shell")
    await until(session, PROMPTS[router.platform])
    await session.send(mint("ping 127.0.0.1\n"))
    await until(session, b" ms\r\n")
    await session.send(mint(b"\x03", "interrupt"))
    assert b"packet loss" in await until(session, PROMPTS[router.platform])
    await session.close()


async def test_leaving_ends_the_session(router, driver, mint):
    session = await driver.open(router.target(), "shell")
    await until(session, PROMPTS[router.platform])
    await session.send(mint("exit\n"))
    await to_the_end(session)
    await session.close()


async def test_exec_gives_status_and_both_streams_over_one_connection(router, driver, mint):
    session = await driver.open(router.target(), "exec")
    line, status, out, err = FAILS[router.platform]
    for _ in range(3):
        await session.send(mint(f"{LISTS[router.platform]}\n"))
        good, _none = await to_the_end(session)
        assert len(good) > 500
        assert session.exit_status == 0
        await session.send(mint(f"{line}\n"))
        seen_out, seen_err = await to_the_end(session)
        assert session.exit_status == status
        assert seen_out == out
        assert seen_err.endswith(err)
    await session.close()


async def test_an_exec_command_can_be_interrupted(dropbear_box, driver, mint):
    session = await driver.open(dropbear_box.router.target(), "exec")
    await session.send(mint("ping 127.0.0.1\n"))
    await session.read()
    await session.send(mint(b"\x03", "interrupt"))
    await to_the_end(session)
    assert session.exit_status in {None, 1, 130, 0}
    await session.close()


async def test_a_large_output_is_complete_behind_a_slow_reader(dropbear_box, driver, mint):
    session = await driver.open(dropbear_box.router.target(), "exec")
    await session.send(mint("yes 0123456789abcde | head -c 16000000\n"))
    await asyncio.sleep(0.5)
    out, _ = await to_the_end(session)
    assert len(out) == 16_000_000
    assert session.exit_status == 0
    await session.close()


async def test_a_changed_key_and_a_wrong_credential_are_told_apart(router, plain_sshd, driver):
    with pytest.raises(HostKeyChanged):
        await driver.open(replace(router.target(), host_key=plain_sshd.host_key), "shell")
    stranger = Credential(user=router.user, private_key=plain_sshd.private_key)
    with pytest.raises(LoginRefused):
        await driver.open(replace(router.target(), credential=stranger), "shell")


async def test_the_key_that_is_fetched_is_the_one_that_is_shown(router):
    assert await fetch_host_key(router.host, router.port) == router.host_key


async def test_netmiko_recognises_the_platform_without_asking(router):
    assert await detect_platform(router.target()) == router.platform


async def test_netmiko_carries_a_terminal(router, mint):
    session = await BatchDriver().open(router.target(), "shell")
    prompt = PROMPTS[router.platform].removesuffix(CURSOR).strip()
    await until_seen(session, prompt)
    for line in (LISTS[router.platform], FAILS[router.platform][0]):
        await session.send(mint(f"{line}\n"))
        answer = await until_seen(session, prompt)
        assert line.encode() in answer
        assert len(answer) > 500 or b"nknown" in answer or b"not found" in answer
    await session.close()


async def until_seen(session, prompt: bytes) -> bytes:
    """Up to a last line that holds the prompt, whatever escape sequences stand around it."""
    seen = b""
    async with asyncio.timeout(20):
        while prompt not in seen.rpartition(b"\n")[2]:
            output = await session.read()
            assert output.data, f"the session ended after {seen!r}"
            seen += output.data
    return seen


async def test_a_plain_shell_behind_openssh_works_too(plain_sshd, driver, mint):
    session = await driver.open(plain_sshd.target(), "exec")
    await session.send(mint("echo out; echo err >&2; exit 3\n"))
    assert await to_the_end(session) == (b"out\n", b"err\n")
    assert session.exit_status == 3
    await session.close()

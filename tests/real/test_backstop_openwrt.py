"""The forced command of docs/howto/backstop-openwrt.md behind a real dropbear, with BusyBox ash reading the script."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import asyncssh
import pytest

from drivers.errors import LoginRefused
from drivers.shell_ssh import SshDriver
from gateway.policy.decide import decide
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.verdict import Allow, Position
from tests.real.backstop_openwrt import BackstopBox, start_backstop
from tests.real.backstop_requests import FIXED, HOSTILE, TYPED
from tests.real.ground import Ground, RealRouter
from tests.real.table_lines import bundle
from tests.unit.drivers.minting import Minting

pytestmark = pytest.mark.system

REFUSED = (126, "", "gw-shell: refused\n")


@pytest.fixture(scope="module")
def box(namespaces, require_program) -> Iterator[BackstopBox]:
    for program in ("ssh-keygen", "dropbearkey", "unshare", "ldd"):
        require_program(program)
    with Ground() as ground:
        yield start_backstop(ground, require_program)


def connect(router: RealRouter):
    """Raw requests, exactly the characters given: no shell and no words in between."""
    return asyncssh.connect(
        router.host,
        router.port,
        username=router.user,
        client_keys=[str(router.private_key_file)],
        known_hosts=str(router.known_hosts_file),
        config=[],
        agent_path=None,
    )


def ssh(router: RealRouter, *words: str, **more) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL, **more
    )


def test_the_lists_are_long_enough():
    assert len(set(FIXED)) >= 14
    assert len(set(HOSTILE)) >= 40
    assert not set(HOSTILE) & {*FIXED, *TYPED}


@pytest.mark.parametrize("line", [*FIXED, *TYPED])
def test_what_the_router_would_run_the_gateway_would_send(line):
    """Else a rep would meet a refusal by the router, or the router would trust more than the gateway does."""
    verdict = decide(bundle("openwrt"), TEST_SITE, Position("openwrt", "shell"), line, EVERYTHING, NOW)
    assert isinstance(verdict, Allow)
    assert verdict.canonical == line


async def test_approved_requests_run_and_nothing_else_does(box):
    async with connect(box.gateway) as connection:
        for line in (*FIXED, *TYPED):
            before = box.mark()
            done = await connection.run(line)
            assert (done.exit_status, done.stdout, done.stderr) != REFUSED, line
            assert {name for name, _ in box.started(before)} == {line.split()[0]}, line


async def test_words_answer_and_status_are_the_program_s(box):
    async with connect(box.gateway) as connection:
        done = await connection.run("ubus call system board")
        assert (done.exit_status, done.stdout, done.stderr) == (7, "ubus\ncall\nsystem\nboard\n", "")
        assert (await connection.run("uptime")).exit_status == 0


async def test_hostile_requests_are_refused_and_start_nothing(box):
    tree = [path for path in box.plain.root.rglob("*") if not path.is_relative_to(box.plain.root / "dev")]
    reached = len(box.plain.home.reached())
    async with connect(box.gateway) as connection:
        for line in HOSTILE:
            before = box.mark()
            done = await connection.run(line)
            assert (done.exit_status, done.stdout, done.stderr) == REFUSED, line
            assert box.started(before) == [], line
    assert len(box.plain.home.reached()) == reached
    assert [path for path in box.plain.root.rglob("*") if not path.is_relative_to(box.plain.root / "dev")] == tree


async def test_without_the_forced_command_the_same_requests_do_start_things(box):
    """Else the record that nothing was started would prove nothing."""
    unrestricted = replace(box.gateway, private_key_file=box.plain.router.private_key_file)
    async with connect(unrestricted) as connection:
        for line, name in (("uptime; id", "id"), ("uptime $(id)", "id"), ("uptime\nid", "id"), ("uci show x", "uci")):
            before = box.mark()
            await connection.run(line)
            assert name in {started for started, _ in box.started(before)}, line


async def test_no_terminal_no_shell_no_subsystem(box):
    async with connect(box.gateway) as connection:
        before = box.mark()
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process("uptime", request_pty="force", term_type="dumb")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(request_pty="force", term_type="dumb")
        done = await connection.run()  # a shell request: there is no request line then
        assert (done.exit_status, done.stdout) == (126, "")
        with pytest.raises((asyncssh.SFTPError, asyncssh.ChannelOpenError)):
            await connection.start_sftp_client()
        assert box.started(before) == []
    done = ssh(box.gateway, *box.gateway.ssh("-tt"), "uptime")
    assert "PTY allocation request failed" in done.stderr
    plain = ssh(box.plain.router, *box.plain.router.ssh("-tt"), "tty")
    assert "/dev/pts/" in plain.stdout


def forwarding(router: RealRouter) -> tuple[bool, bool]:
    """Whether the server opens a connection for the client, and whether it listens for it."""
    out = ssh(router, *router.ssh("-W", "192.168.1.10:22"))
    back = ssh(router, *router.ssh("-N", "-oExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9"), "true")
    return "SSH-2.0-OpenSSH_9.6" in out.stdout, "remote port forwarding failed" not in back.stderr


def test_forwarding_is_refused_by_the_key_s_options(box):
    reached = len(box.plain.home.reached())
    assert forwarding(box.gateway) == (False, False)
    assert len(box.plain.home.reached()) == reached


def test_forwarding_is_refused_by_the_server_s_flags(box):
    reached = len(box.plain.home.reached())
    assert forwarding(box.flags) == (False, False)
    assert len(box.plain.home.reached()) == reached


def test_without_options_and_flags_the_home_is_reached(box):
    done = ssh(box.plain.router, *box.plain.router.ssh("-W", "192.168.1.10:22"))
    assert "SSH-2.0-OpenSSH_9.6" in done.stdout


def test_the_agent_is_not_lent(box, require_program):
    with Ground() as ground:
        socket = ground.directory / "agent"
        ground.start(require_program("ssh-agent"), "-D", "-a", socket, log="agent.log")
        ground.wait(socket.exists, "ssh-agent", "agent.log")
        environment = {**os.environ, "SSH_AUTH_SOCK": str(socket)}

        def lent(router: RealRouter) -> bool:
            words = [word for word in router.ssh("-A") if word != "-oIdentityAgent=none"]
            before = box.mark()
            ssh(router, *words, "uptime", env=environment)
            with box.trace.open(errors="replace") as record:
                record.seek(before)
                return "SSH_AUTH_SOCK=" in record.read()

        assert lent(replace(box.gateway, private_key_file=box.plain.router.private_key_file))
        assert not lent(box.gateway)


async def test_the_gateway_s_driver_gets_along_with_it(box):
    """Single commands work as always; a terminal is what this backstop takes away."""
    driver, mint = SshDriver(), Minting()
    session = await driver.open(box.gateway.target(), "exec")
    seen = {}
    for line in ("ubus call system board", "id"):
        await session.send(mint(f"{line}\n"))
        text = b""
        while (output := await session.read()).data:
            text += output.data
        seen[line] = (session.exit_status, text)
    await session.close()
    assert seen["ubus call system board"] == (7, b"ubus\ncall\nsystem\nboard\n")
    assert seen["id"] == (126, b"gw-shell: refused\n")
    with pytest.raises(LoginRefused, match="opened no terminal"):
        await driver.open(box.gateway.target(), "shell")

"""The list for sudo and the forced command of docs/howto/backstop-frr.md, with real sudo, sshd and FRR."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from drivers.errors import LoginRefused
from drivers.shell_ssh import SshDriver
from gateway.policy.decide import decide
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.verdict import Allow, Position
from tests.real.backstop_frr import SNIPPETS, FrrBackstop, start_frr_backstop
from tests.real.ground import Ground
from tests.real.table_lines import bundle
from tests.unit.drivers.minting import Minting

pytestmark = pytest.mark.system

VTYSH = "/usr/bin/vtysh"
LISTED = tuple(
    words.replace("\\ ", " ")
    for words in re.findall(r"vtysh -c ((?:[a-z0-9]|\\ )+)", (SNIPPETS / "gw-support.sudoers").read_text())
)

# Words behind `sudo -u frr -g frrvty`.
HOSTILE = (
    (VTYSH,),
    (VTYSH, "-c"),
    (VTYSH, "-c", ""),
    (VTYSH, "-c", "show running-config"),
    (VTYSH, "-c", "configure terminal"),
    (VTYSH, "-c", "show ip routes"),
    (VTYSH, "-c", "sh ip ro"),
    (VTYSH, "-c", "SHOW IP ROUTE"),
    (VTYSH, "-c", "show ip route "),
    (VTYSH, "-c", " show ip route"),
    (VTYSH, "-c", "show  ip route"),
    (VTYSH, "-c", "show ip route | include 0.0.0.0"),
    (VTYSH, "-c", "show ip route json"),
    (VTYSH, "-c", "show ip route\nconfigure terminal\nhostname owned"),
    (VTYSH, "-c", "configure terminal\nhostname owned\nend\nshow ip route"),
    (VTYSH, "-c", "show ip route\r\nshow running-config"),
    (VTYSH, "-c", "show ip route", "-c", "configure terminal"),
    (VTYSH, "-c", "configure terminal", "-c", "show ip route"),
    (VTYSH, "-c", "show ip route", "-c", "show ip route"),
    (VTYSH, "-c", "show ip route", "-E"),
    (VTYSH, "-E", "-c", "show ip route"),
    (VTYSH, "--command", "show ip route"),
    (VTYSH, "-d", "zebra", "-c", "show ip route"),
    (VTYSH, "--vty_socket", "/tmp", "-c", "show ip route"),
    (VTYSH, "--config_dir", "/tmp", "-c", "show ip route"),
    (VTYSH, "-f", "/etc/shadow"),
    (VTYSH, "-b"),
    (VTYSH, "-w"),
    (VTYSH, "-c", "output file /tmp/owned"),
    (VTYSH, "-c", "copy /etc/shadow running-config"),
    (VTYSH, "-c", "ping -f 192.168.1.10"),
    (VTYSH, "-c", "telnet 192.168.1.10"),
    (VTYSH, "-c", "ssh root@192.168.1.10"),
    (VTYSH, "-c", "start-shell"),
    (VTYSH, "-c", "show ip route; id"),
    (VTYSH, "-c", "show ip route$(id)"),
    ("vtysh", "-c", "show ip routes"),
    ("/bin/vtysh", "-c", "write memory"),
    ("/usr/bin/../bin/vtysh", "-c", "write memory"),
    ("/bin/sh", "-c", "id"),
    ("/bin/sh",),
    ("-s",),
    ("-i",),
    ("-e", "/etc/frr/frr.conf"),
    ("VTYSH_PAGER=/bin/sh", VTYSH, "-c", "show ip route"),
    ("LD_PRELOAD=/tmp/x.so", VTYSH, "-c", "show ip route"),
)


@pytest.fixture(scope="module")
def box(frr_router, require_program) -> Iterator[FrrBackstop]:
    for program in ("sudo", "nsenter", "setpriv", "unshare"):
        require_program(program)
    with Ground() as ground:
        yield start_frr_backstop(ground, frr_router, require_program)


def hostname(box: FrrBackstop) -> str:
    return box.run(VTYSH, "-c", "show running-config", user="frr").stdout


def test_the_list_is_read_without_complaint(require_program, tmp_path):
    require_program("sudo")
    copied = tmp_path / "gw-support"
    copied.write_text((SNIPPETS / "gw-support.sudoers").read_text())
    copied.chmod(0o440)
    visudo = require_program("visudo")
    done = subprocess.run([visudo, "-cf", copied], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line", LISTED)
def test_what_the_list_has_the_gateway_would_send(line):
    verdict = decide(bundle("frr"), TEST_SITE, Position("frr", "exec"), line, EVERYTHING, NOW)
    assert isinstance(verdict, Allow)
    assert verdict.canonical == line


def test_beginnings_of_a_listed_line_are_harmless():
    """sudo compares the arguments joined by blanks, so `-c "show bgp" summary` passes and runs `show bgp`."""
    for line in LISTED:
        words = line.split()
        for end in range(1, len(words)):
            beginning = " ".join(words[:end])
            verdict = decide(bundle("frr"), TEST_SITE, Position("frr", "exec"), beginning, EVERYTHING, NOW)
            if isinstance(verdict, Allow):
                assert verdict.capability == "diagnose.read", beginning
            else:
                assert "not complete" in verdict.reason, beginning


def test_a_beginning_with_the_rest_as_words_of_its_own_passes_sudo(box):
    """The limit that the page names. By the forced command it cannot be reached: that makes one argument."""
    split = box.sudo(VTYSH, "-c", "show ip route", "summary")
    assert (split.returncode, "is directly connected" in split.stdout) == (0, True)
    one = box.sudo(VTYSH, "-c", "show ip route summary")
    assert "Route Source" in one.stdout


def test_the_account_is_outside_frr_s_groups_and_cannot_use_vtysh(box):
    assert box.run("id", "-Gn").stdout.split() == ["gw"]
    alone = box.run(VTYSH, "-c", "show ip route")
    assert alone.returncode != 0
    assert "192.168.1.0/24" not in alone.stdout
    assert "failed to connect to any daemons" in alone.stderr


@pytest.mark.parametrize("line", LISTED)
def test_listed_lines_run(box, line):
    done = box.sudo(VTYSH, "-c", line)
    direct = box.run(VTYSH, "-c", line, user="frr")
    assert done.returncode == direct.returncode
    assert re.sub(r"\d\d:\d\d:\d\d", "", done.stdout) == re.sub(r"\d\d:\d\d:\d\d", "", direct.stdout)
    assert "password is required" not in done.stderr


def test_listed_lines_have_answers(box):
    assert "192.168.1.0/24 is directly connected, br-lan" in box.sudo(VTYSH, "-c", "show ip route").stdout
    assert "FRRouting" in box.sudo(VTYSH, "-c", "show version").stdout


@pytest.mark.parametrize("words", HOSTILE, ids=lambda words: " ".join(words).encode("unicode_escape").decode())
def test_nothing_else_runs(box, words):
    before = hostname(box)
    done = box.sudo(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.search(r"password is required|not allowed|usage: sudo|interactive authentication", done.stderr), words
    assert hostname(box) == before


def test_another_user_s_rights_are_not_to_be_had(box):
    for words in (("-u", "root"), ("-u", "frr", "-g", "root"), ("-u", "gw", "-g", "sudo"), ("-g", "frrvty"), ()):
        done = box.run("sudo", "-n", *words, VTYSH, "-c", "configure terminal")
        assert (done.returncode, done.stdout) == (1, ""), words


def test_a_line_feed_would_be_a_second_command_for_vtysh(box):
    """Why the list and the forced command must not let one through."""
    done = box.run(VTYSH, "-c", "show version\nshow ip route", user="frr")
    assert "FRRouting" in done.stdout
    assert "192.168.1.0/24 is directly connected" in done.stdout


def ssh(box: FrrBackstop, *options: str, request: str = "") -> "subprocess.CompletedProcess[str]":
    words = [*box.router.ssh(*options), *([request] if request else [])]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)


def test_the_forced_command_hands_on_one_argument(box):
    assert "192.168.1.0/24 is directly connected, br-lan" in ssh(box, request="show ip route").stdout
    for request in ("", "show running-config", "show ip route -c configure", "configure terminal", "id", "sh", "vtysh"):
        done = ssh(box, request=request)
        assert (done.returncode, done.stdout) != (0, ""), request
        assert done.stdout == "", request
        assert done.returncode in {1, 126}, request
    for request in (
        "show ip route\nshow version",
        "show ip route;id",
        "show ip route $(id)",
        "$(id)",
        "show ip\troute",
    ):
        done = ssh(box, request=request)
        assert (done.returncode, done.stdout, done.stderr) == (126, "", "gw-vtysh: refused\n"), request


def test_no_terminal_no_forwarding_no_files(box):
    assert "PTY allocation request failed" in ssh(box, "-tt", request="show version").stderr
    assert ssh(box, "-W", f"127.0.0.1:{box.router.port}").stdout == ""
    assert "remote port forwarding failed" in ssh(box, "-N", "-oExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9").stderr
    sftp = ssh(box, "-s", request="sftp")
    assert (sftp.returncode, sftp.stdout) == (126, "")


async def test_the_gateway_s_driver_gets_along_with_it(box):
    driver, mint = SshDriver(), Minting()
    session = await driver.open(box.router.target(), "exec")
    seen = {}
    for line in ("show ip route", "show ipv6 routes", "show running-config"):
        await session.send(mint(f"{line}\n"))
        text = b""
        while (output := await session.read()).data:
            text += output.data
        seen[line] = (session.exit_status, text)
    await session.close()
    assert seen["show ip route"][0] == 0
    assert b"192.168.1.0/24 is directly connected" in seen["show ip route"][1]
    assert seen["show ipv6 routes"][0] == 1
    assert seen["show running-config"] == (126, b"gw-vtysh: refused\n")
    with pytest.raises(LoginRefused, match="opened no terminal"):
        await driver.open(box.router.target(), "shell")

"""The ground under the real programs does what its users rely on, and cleans up after itself."""

import subprocess

import pytest

from tests.real.dropbear import start_dropbear
from tests.real.ground import Ground

pytestmark = pytest.mark.system


def ssh(router, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*router.ssh(), *words], capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL
    )


def test_nothing_is_left_behind_not_even_after_a_failure(namespaces, require_program):
    with pytest.raises(ZeroDivisionError), Ground() as ground:
        box = start_dropbear(ground, require_program)
        directory, tag, address = ground.directory, ground.tag, box.router.host
        assert tag in subprocess.check_output(["ip", "netns"], text=True)
        1 / 0  # noqa: B018
    assert not directory.exists()
    assert tag not in subprocess.check_output(["ip", "netns"], text=True)
    assert tag not in subprocess.check_output(["ip", "link"], text=True)
    assert address not in subprocess.check_output(["ip", "address"], text=True)
    assert str(directory) not in subprocess.check_output(["ps", "axww"], text=True)


def test_the_home_host_can_be_reached_from_the_router_and_sees_it(dropbear_box):
    """Without this, a test that nothing reaches the home would prove nothing."""
    before = len(dropbear_box.home.reached())
    ways = {
        "nc -w 1 192.168.1.10 22 </dev/null": "SSH-2.0-OpenSSH_9.6",
        "(sleep 1) | telnet 192.168.1.10": "laptop login:",
        "ping -c 1 3232235786": "1 packets received",
    }
    for command, expected in ways.items():
        assert expected in ssh(dropbear_box.router, command).stdout, command
    seen = dropbear_box.home.reached()[before:]
    assert {record["port"] for record in seen if record["kind"] == "tcp"} == {22, 23}
    assert {record.get("protocol") for record in seen} >= {"tcp", "icmp"}


def test_the_home_host_can_be_reached_by_a_forwarded_port(dropbear_box):
    before = len(dropbear_box.home.reached())
    words = dropbear_box.router.ssh("-W", "192.168.1.10:22")
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, input="")
    assert "SSH-2.0-OpenSSH_9.6" in done.stdout
    assert len(dropbear_box.home.reached()) > before


def test_nobody_reaches_the_home_by_accident(dropbear_box):
    before = len(dropbear_box.home.reached())
    assert ssh(dropbear_box.router, "uptime; ip neigh; cat /tmp/dhcp.leases").returncode == 0
    assert len(dropbear_box.home.reached()) == before


def test_a_command_of_the_frr_router_runs_in_vtysh_and_nothing_else(frr_router):
    assert "192.168.1.0/24 is directly connected, br-lan" in ssh(frr_router, "show ip route").stdout
    refused = ssh(frr_router, "uname -a")
    assert refused.returncode == 1
    assert "% Unknown command" in refused.stdout

"""Unmodified paramiko and netmiko get through the gateway what they get from the router itself.

Counterpart: `test_same_output_openssh.py`.
"""

import re

import netmiko
import paramiko
import pytest

from tests.real.dropbear import DropbearBox
from tests.real.ground import RealRouter
from tests.running import RunningGateway
from tests.system.both_ways import AT_PROMPT, CONFIGURES, FAILURES, READS, ROBOT, Ways, both
from tests.system.screens import exchanges, steady
from tests.system.ways import Way, straight, through

# --- paramiko ---------------------------------------------------------------------------------------------------------


def connected(way: Way) -> paramiko.SSHClient:
    """A client as its documentation has it."""
    client = paramiko.SSHClient()
    client.load_host_keys(str(way.known_hosts))
    client.connect(way.host, way.port, way.user, key_filename=str(way.key), allow_agent=False, look_for_keys=False)
    return client


def test_paramiko_runs_single_commands_over_one_connection(ways: Ways) -> None:
    def work(way: Way) -> object:
        found = {}
        with connected(way) as client:
            for line in READS[ways.platform] + FAILURES[ways.platform]:
                _, out, err = client.exec_command(line, timeout=30)
                text = (steady(out.read().decode()), steady(err.read().decode()))
                found[line] = (*text, out.channel.recv_exit_status())
            for line in READS[ways.platform][:2]:
                _, out, _ = client.exec_command(line, timeout=30, get_pty=True)
                found[f"{line} (pty)"] = (steady(out.read().decode()), "", out.channel.recv_exit_status())
        return found

    both(ways, work)


def test_paramiko_at_a_shell(ways: Ways) -> None:
    lines = READS[ways.platform] + (CONFIGURES if ways.platform == "frr" else ())

    def work(way: Way) -> object:
        with connected(way) as client:
            shell = client.invoke_shell(width=132, height=50)
            screen = b""
            for line in lines:
                screen += _until_prompt(shell, ways.platform)
                shell.sendall(f"{line}\n".encode())
            screen += _until_prompt(shell, ways.platform)
            shell.sendall(b"exit\n")
            return exchanges(screen, ways.platform), shell.recv_exit_status()

    both(ways, work)


def _until_prompt(shell: paramiko.Channel, platform: str) -> bytes:
    shell.settimeout(30)
    seen = b""
    while re.search(AT_PROMPT[platform].encode(), seen) is None:
        data = shell.recv(65536)
        assert data, f"the session ended after {seen!r}"
        seen += data
    return seen


# --- netmiko ----------------------------------------------------------------------------------------------------------


def netmiko_session(way: Way, device_type: str) -> netmiko.BaseConnection:
    """As netmiko's own examples have it."""
    return netmiko.ConnectHandler(
        device_type=device_type,
        host=way.host,
        port=way.port,
        username=way.user,
        use_keys=True,
        key_file=str(way.key),
        allow_agent=False,
        ssh_strict=True,
        system_host_keys=False,
        alt_host_keys=True,
        alt_key_file=str(way.known_hosts),
    )


def test_netmiko_cisco_ios_on_frr(robots_gateway: RunningGateway, frr_router: RealRouter) -> None:
    def work(way: Way) -> object:
        connection = netmiko_session(way, "cisco_ios")
        found: dict[str, object] = {"prompt": connection.find_prompt(), "privileged": connection.check_enable_mode()}
        for line in READS["frr"] + FAILURES["frr"]:
            found[line] = steady(connection.send_command(line))
        found["timing"] = connection.send_command_timing("show version")
        found["lines"] = connection.send_multiline(["show vrf", "show route-map"])
        found["config"] = connection.send_config_set(CONFIGURES[1:3])
        found["in config"] = (connection.config_mode(), connection.check_config_mode(), connection.exit_config_mode())
        found["save"] = steady(connection.save_config())
        found["paging"] = connection.disable_paging()
        connection.disconnect()
        return found

    both(Ways("frr", straight(frr_router), through(robots_gateway, ROBOT, frr_router.name)), work)


def test_netmiko_notices_a_refused_line(robots_gateway: RunningGateway, frr_router: RealRouter) -> None:
    """By the router's own words for no, as netmiko's users look for them."""
    for way in (straight(frr_router), through(robots_gateway, ROBOT, frr_router.name)):
        connection = netmiko_session(way, "cisco_ios")
        with pytest.raises(netmiko.ConfigInvalidException):
            connection.send_config_set(["no such line"], error_pattern=r"^% Unknown command")
        connection.paramiko_cleanup()


def test_netmiko_linux_on_the_home_router(robots_gateway: RunningGateway, dropbear_box: DropbearBox) -> None:
    router = dropbear_box.router

    def work(way: Way) -> object:
        connection = netmiko_session(way, "linux")
        found: dict[str, object] = {"prompt": connection.find_prompt(), "privileged": connection.check_enable_mode()}
        for line in READS["openwrt"] + FAILURES["openwrt"]:
            found[line] = steady(connection.send_command(line))
        found["timing"] = connection.send_command_timing("uname -a")
        # `disconnect` logs out twice where the user's name is not `root`, and waits for the prompt in between.
        connection.paramiko_cleanup()
        return found

    both(Ways("openwrt", straight(router), through(robots_gateway, ROBOT, router.name)), work)

"""Unmodified OpenSSH and PuTTY's plink get through the gateway what they get from the router itself.

Each test runs the same lines both ways, against FRR's vtysh behind OpenSSH and against BusyBox ash behind dropbear, and
compares what came back to the letter.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.dropbear import DropbearBox
from tests.running import RunningGateway
from tests.system.both_ways import AT_PROMPT, CONFIGURES, FAILURES, READS, ROBOT, Ways, both
from tests.system.screens import Exchange, answers, exchanges, steady
from tests.system.ways import AtTerminal, Way, finish, through

# --- OpenSSH ----------------------------------------------------------------------------------------------------------


def test_openssh_runs_single_commands(ways: Ways) -> None:
    """Standard output, standard error and exit status of each."""

    def work(way: Way) -> object:
        found = {}
        for line in READS[ways.platform] + FAILURES[ways.platform]:
            done = way.run(line)
            found[line] = (steady(done.stdout.decode()), steady(done.stderr.decode()), done.returncode)
        return found

    both(ways, work)


def test_openssh_runs_single_commands_at_a_terminal(ways: Ways) -> None:
    def work(way: Way) -> object:
        found = {}
        for line in (READS[ways.platform][1], FAILURES[ways.platform][0]):
            with AtTerminal([*way.ssh("-t"), line]) as terminal:
                status = terminal.to_the_end()
                found[line] = (status, steady(terminal.seen.decode()))
        return found

    both(ways, work)


def test_openssh_at_a_terminal(ways: Ways) -> None:
    lines = READS[ways.platform] + FAILURES[ways.platform] + (CONFIGURES if ways.platform == "frr" else ()) + ("exit",)

    def work(way: Way) -> object:
        with AtTerminal(way.ssh(), columns=132) as terminal:
            for line in lines:
                terminal.until(AT_PROMPT[ways.platform])
                terminal.type(f"{line}\r")
            return terminal.to_the_end(), exchanges(terminal.seen, ways.platform)

    both(ways, work)
    assert [exchange.line for exchange in work(ways.through)[1]] == list(lines)  # type: ignore[index]


def test_ctrl_c_at_a_terminal_ends_a_single_command(ways: Ways) -> None:
    """sshd sends no signals to a forced command, so FRR's ping here ends with its channel: by a second Ctrl-C."""
    obeys = ways.platform == "openwrt"
    line = f"ping -c 50 {ways.straight.host}" if obeys else "ping 203.0.113.2"
    for way in ways:
        with AtTerminal([*way.ssh("-t"), line]) as terminal:
            terminal.until("seq=1 ")
            terminal.type(b"\x03")
            if way.through_gateway and not obeys:
                terminal.pause(0.5)
                terminal.type(b"\x03")
            terminal.to_the_end()
            assert b"0% packet loss" in terminal.seen or not obeys
            assert b"seq=9 " not in terminal.seen


def test_lines_pasted_at_once_are_all_answered_in_order(ways: Ways) -> None:
    lines = READS[ways.platform][4:10]

    def at_prompt(terminal: AtTerminal) -> bool:
        return re.search(AT_PROMPT[ways.platform].encode(), terminal.seen) is not None

    def work(way: Way) -> list[Exchange]:
        with AtTerminal(way.ssh(), columns=132) as terminal:
            terminal.until(AT_PROMPT[ways.platform])
            if way.through_gateway:
                terminal.type("".join(f"{line}\r" for line in lines))
            else:  # a router's own editor loses or mixes what is typed ahead; that is not to be imitated
                for line in lines:
                    terminal.type(f"{line}\r")
                    terminal.until(AT_PROMPT[ways.platform])
            while len(exchanges(terminal.seen, ways.platform)) < len(lines) or not at_prompt(terminal):
                terminal.more()
            return exchanges(terminal.seen, ways.platform)

    both(ways, work)


def test_openssh_with_lines_from_a_pipe(ways: Ways) -> None:
    """A pipe gets what the lines printed. A router also prints its banner, vtysh its prompts, which are cut here."""
    lines = (*READS[ways.platform], "exit")
    piped = "".join(f"{line}\n" for line in lines).encode()
    banner = ways.straight.run(stdin=b"exit\n").stdout.decode() if ways.platform == "openwrt" else ""

    def work(way: Way) -> object:
        done = way.run(stdin=piped)
        text = done.stdout.decode()
        if way.through_gateway or ways.platform == "openwrt":
            text = steady(text.removeprefix(banner))
        else:
            text = answers(text, ways.platform)
        return "\n".join(line for line in text.splitlines() if line), done.stderr, done.returncode

    both(ways, work)


def test_the_status_of_a_shell_is_the_routers_own(ways: Ways) -> None:
    def work(way: Way) -> list[int]:
        failing = FAILURES[ways.platform][0]
        return [way.run(stdin=f"{line}\nexit\n".encode()).returncode for line in (failing, READS[ways.platform][0])]

    both(ways, work)


def test_two_commands_share_one_connection(ways: Ways, tmp_path: Path) -> None:
    """As Ansible's ssh connections and many scripts do (ControlMaster)."""

    def work(way: Way) -> object:
        socket = tmp_path / f"mux-{way.through_gateway}"
        master = ("-o", f"ControlPath={socket}")
        with AtTerminal(way.ssh(*master, "-M"), columns=132) as terminal:
            terminal.until(AT_PROMPT[ways.platform])
            found = [steady(way.run(line, options=master).stdout.decode()) for line in READS[ways.platform][:3]]
            terminal.type("exit\r")
            return found, terminal.to_the_end()

    both(ways, work)


def test_much_output_arrives_to_the_last_byte(robots_gateway: RunningGateway, dropbear_box: DropbearBox) -> None:
    text = "".join(f"{number:07} état de la ligne ✓ {'x' * (number % 90)}\n" for number in range(20_000)).encode()
    assert len(text) > 1_000_000
    log = dropbear_box.root / "tmp/log/messages"
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(text)
    way = through(robots_gateway, ROBOT, dropbear_box.router.name)
    try:
        for options in ((), ("-o", "RekeyLimit=64K"), ("-C",)):
            assert way.run("cat /tmp/log/messages", options=options).stdout == text
        assert way.run(stdin=b"cat /tmp/log/messages\n").stdout == text
    finally:
        log.unlink()


# --- PuTTY's plink ----------------------------------------------------------------------------------------------------


@pytest.fixture
def plink(require_program: Callable[[str], Path], tmp_path: Path) -> Callable[[Way], list[str]]:
    """Words of a plink command line, with the key in PuTTY's own format."""
    program, puttygen = require_program("plink"), require_program("puttygen")

    def words(way: Way) -> list[str]:
        key = tmp_path / f"{way.user}-{way.through_gateway}.ppk"
        made = finish([str(puttygen), str(way.key), "-O", "private", "-o", str(key)], env={"HOME": str(tmp_path)})
        assert made.returncode == 0, made.stderr
        printed = finish(["ssh-keygen", "-lf", str(way.known_hosts)]).stdout.decode().split()[1]
        known = ["-i", str(key), "-hostkey", printed, "-l", way.user]
        return [str(program), "-batch", "-ssh", *known, "-P", str(way.port)]

    return words


def test_plink_runs_single_commands(ways: Ways, plink: Callable[[Way], list[str]], tmp_path: Path) -> None:
    def work(way: Way) -> object:
        found = {}
        words = plink(way)
        for line in READS[ways.platform][:5] + FAILURES[ways.platform][:2]:
            done = finish([*words, way.host, line], env={"HOME": str(tmp_path)})
            found[line] = (steady(done.stdout.decode()), done.returncode)
        return found

    both(ways, work)


def test_plink_at_a_terminal(ways: Ways, plink: Callable[[Way], list[str]]) -> None:
    lines = (*READS[ways.platform][:6], "exit")

    def work(way: Way) -> object:
        with AtTerminal([*plink(way), "-t", way.host], columns=132) as terminal:
            for line in lines:
                terminal.until(AT_PROMPT[ways.platform])
                terminal.type(f"{line}\r")
            return terminal.to_the_end(), exchanges(terminal.seen, ways.platform)

    both(ways, work)

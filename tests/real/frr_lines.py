"""An FRR with every daemon that Debian's package has, alone in a network namespace, and a way to ask its vtysh.

Lines that write, clear or debug do no harm here. Counterpart: `tests.real.frr`, the router behind sshd.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.real.ground import Ground, lines

_DAEMONS = (
    *("zebra", "staticd", "ripd", "ripngd", "ospfd", "ospf6d", "isisd", "bgpd", "bfdd", "pimd", "eigrpd", "ldpd"),
    *("babeld", "nhrpd", "pbrd", "vrrpd", "pathd", "fabricd"),
)
REFUSALS = ("% Unknown command", "% Ambiguous command", "% Command incomplete", "% There is no matched command")

_WAY: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "exec": (("disable",), ("enable",)),
    "privileged": ((), ()),
    "config": (("configure terminal",), ("end",)),
    "config/interface": (("configure terminal", "interface eth0"), ("end",)),
}


@dataclass(frozen=True)
class Vtysh:
    """The command line of that FRR."""

    program: tuple[str, ...]
    environment: dict[str, str]

    def say(self, text: Sequence[str]) -> str:
        """What it prints for these lines, typed one after another."""
        done = subprocess.run(
            self.program,
            input=lines(*text),
            env=self.environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=240,
            check=False,
        )
        return done.stdout + done.stderr

    def refused(self, asked: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Which of these lines (place, text) it does not take. Marks it does not know show where answers begin."""
        script: list[str] = []
        for number, (place, text) in enumerate(asked):
            there, back = _WAY[place]
            script += [*there, f"zzz{number}zzz", text, f"yyy{number}yyy", *back]
        output = self.say(script)
        refused: list[tuple[str, str]] = []
        for number, line in enumerate(asked):
            _, found, rest = output.partition(f"% Unknown command: zzz{number}zzz")
            assert found, f"vtysh ended before {line!r}: {output[-500:]}"
            answer, found, output = rest.partition(f"% Unknown command: yyy{number}yyy")
            assert found, f"vtysh ended after {line!r}"
            if any(refusal in answer for refusal in REFUSALS):
                refused.append(line)
        return refused

    def refused_alone(self, asked: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The same for lines that lead elsewhere, each in a vtysh of its own."""
        return [
            (place, text)
            for place, text in asked
            if any(refusal in self.say([*_WAY[place][0], text]) for refusal in REFUSALS)
        ]


def start_whole_frr(ground: Ground, require_program: Callable[[str], Path]) -> Vtysh:
    """Start all daemons in a namespace with two ports."""
    vtysh = require_program("vtysh")
    daemons = [require_program(name) for name in _DAEMONS]
    namespace = ground.namespace(f"vst-all-{ground.tag}")
    for interface in ("eth0", "br-lan"):
        ground.inside(namespace, "ip", "link", "add", interface, "type", "veth", "peer", "name", f"{interface}-far")
        ground.inside(namespace, "ip", "link", "set", interface, "up")
        ground.inside(namespace, "ip", "link", "set", f"{interface}-far", "up")
    sockets = ground.directory / "sockets"
    sockets.mkdir(mode=0o755)
    shutil.chown(sockets, "frr", "frr")
    for daemon in daemons:
        configuration = ground.directory / f"{daemon.name}.conf"
        configuration.write_text("hostname frr-1\n")
        shutil.chown(configuration, "frr", "frr")
        ground.start(
            *("ip", "netns", "exec", namespace, daemon, "-u", "frr", "-g", "frr", "-f", configuration),
            *("-i", sockets / f"{daemon.name}.pid", "--vty_socket", sockets, "-z", sockets / "zserv.api"),
            *("-P", "0", "--log", "stdout"),
            log=f"{daemon.name}.log",
        )
        ground.wait((sockets / f"{daemon.name}.vty").exists, daemon.name, f"{daemon.name}.log")
        if daemon.name == "zebra":
            ground.wait((sockets / "zserv.api").exists, "zebra's API", "zebra.log")
    (ground.directory / "vtysh.conf").write_text("no service integrated-vtysh-config\nhostname frr-1\n")
    programs = ground.directory / "bin"
    programs.mkdir()
    for name in ("ping", "traceroute"):  # vtysh only has to start them
        (programs / name).write_text('#!/bin/sh\necho "$0 $*"\n')
        (programs / name).chmod(0o755)
    program = ("ip", "netns", "exec", namespace, str(vtysh), "--vty_socket", str(sockets))
    environment = {**os.environ, "HOME": str(ground.directory), "PATH": f"{programs}:{os.environ['PATH']}"}
    return Vtysh((*program, "--config_dir", str(ground.directory)), environment)

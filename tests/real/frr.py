"""A real FRR router: zebra and friends in a network namespace of their own, vtysh behind a real sshd on loopback.

Counterpart: `tests.real.openssh`. The namespace has two interfaces and static routes, so that `show` has something to
show and nothing of the machine's own network is touched.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.real.ground import Ground, RealRouter, lines
from tests.real.openssh import start_sshd

_DAEMONS = ("zebra", "staticd", "ripd", "bgpd")

_CONFIGURATION = """frr defaults traditional
hostname frr-1
service integrated-vtysh-config
!
interface eth0
 description to the provider
 ip address 203.0.113.2/24
exit
!
interface br-lan
 description home
 ip address 192.168.1.1/24
exit
!
ip route 198.51.100.0/24 203.0.113.1
ip route 0.0.0.0/0 203.0.113.1
!
router rip
 network 192.168.1.0/24
exit
!
router bgp 65001
 no bgp ebgp-requires-policy
 neighbor 203.0.113.1 remote-as 65000
exit
!
"""


def start_frr(ground: Ground, require_program: Callable[[str], Path]) -> RealRouter:
    """Start the daemons, configure them through vtysh, put sshd in front."""
    vtysh, sshd = require_program("vtysh"), require_program("sshd")
    daemons = [require_program(name) for name in _DAEMONS]
    namespace = ground.namespace(f"vst-frr-{ground.tag}")
    for interface in ("eth0", "br-lan"):  # both ends in here: any kernel has veth, not every one has dummy
        ground.inside(namespace, "ip", "link", "add", interface, "type", "veth", "peer", "name", f"{interface}-far")
        ground.inside(namespace, "ip", "link", "set", interface, "up")
        ground.inside(namespace, "ip", "link", "set", f"{interface}-far", "up")
    sockets = ground.directory / "sockets"
    sockets.mkdir(mode=0o755)
    shutil.chown(sockets, "frr", "frr")
    for daemon in daemons:
        _start_daemon(ground, namespace, daemon, sockets)
    configuration = ground.directory / "frr.conf"
    configuration.write_text(_CONFIGURATION)
    (ground.directory / "vtysh.conf").write_text("no service integrated-vtysh-config\nhostname frr-1\n")
    program = [str(vtysh), "--vty_socket", str(sockets), "--config_dir", str(ground.directory)]
    ground.inside(namespace, *program, "-f", configuration)
    programs = ground.directory / "bin"
    programs.mkdir()
    for applet in ("ping", "traceroute"):  # what vtysh starts for these
        (programs / applet).symlink_to(require_program("busybox"))
    shell = ground.directory / "login-shell"
    shell.write_text(
        lines(
            "#!/bin/sh",
            # A home without history: vtysh would keep what was typed in ~/.history_frr.
            f"export HOME={ground.directory} PATH={programs}:/usr/sbin:/usr/bin:/sbin:/bin",
            f'run="ip netns exec {namespace} {" ".join(program)}"',
            'if [ -n "$SSH_ORIGINAL_COMMAND" ]; then exec $run -c "$SSH_ORIGINAL_COMMAND"; fi',
            "exec $run",
        )
    )
    shell.chmod(0o755)
    return start_sshd(ground, sshd=sshd, name="frr-1", platform="frr", force_command=shell)


def _start_daemon(ground: Ground, namespace: str, daemon: Path, sockets: Path) -> None:
    name = daemon.name
    configuration = ground.directory / f"{name}.conf"
    configuration.write_text("hostname frr-1\n")
    ground.start(
        *("ip", "netns", "exec", namespace, daemon),
        *("-u", "frr", "-g", "frr", "-f", configuration, "-i", sockets / f"{name}.pid"),
        *("--vty_socket", sockets, "-z", sockets / "zserv.api", "-P", "0", "--log", "stdout"),
        log=f"{name}.log",
    )
    ground.wait((sockets / f"{name}.vty").exists, name, f"{name}.log")
    if name == "zebra":
        ground.wait((sockets / "zserv.api").exists, "zebra's API", f"{name}.log")

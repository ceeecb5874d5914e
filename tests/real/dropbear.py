"""A real CPE: dropbear with BusyBox ash in a root of its own, in a network namespace, with a home host behind it.

    tests (main namespace) 198.18.x.1 ── 198.18.x.2 router 192.168.1.1 ── 192.168.1.10 home host

Everything that a router would have for going further is there and works: ssh (dbclient), telnet, nc, wget, ping. Needs
root, dropbear-bin and busybox-static. Counterpart: `tests.real.home_host` counts what reaches the home.
"""

import fcntl
import json
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.real.ground import Ground, RealRouter, answers, public_line

HOME_ADDRESS = "192.168.1.10"
_PORTS = (22, 23, 80)

_PROFILE = r"""cat /etc/banner
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root
export PS1='\u@\h:\w\$ '
"""

_BANNER = """ -----------------------------------------------------
 OpenWrt 23.05.5, r24106-10cc5fcd00
 -----------------------------------------------------
"""

_BOARD = """{
	"kernel": "5.15.167",
	"hostname": "OpenWrt",
	"model": "TP-Link Archer C7 v5",
	"release": {
		"distribution": "OpenWrt",
		"version": "23.05.5"
	}
}
"""

_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/ash\n",
    "etc/group": "root:x:0:\n",
    "etc/shells": "/bin/ash\n",
    "etc/profile": _PROFILE,
    "etc/banner": _BANNER,
    "etc/hosts": f"127.0.0.1 localhost\n{HOME_ADDRESS} laptop laptop.lan\n",
    "etc/openwrt_release": "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='23.05.5'\n",
    "etc/nsswitch.conf": "hosts: files\n",
    "tmp/dhcp.leases": f"1767268800 3c:22:fb:10:20:30 {HOME_ADDRESS} laptop *\n",
    "tmp/board.json": _BOARD,
    "tmp/system.log": "Thu Jan  1 12:00:07 2026 daemon.notice netifd: Interface 'wan' is now up\n",
}

# OpenWrt's own commands, as far as a first-line rep uses them; BusyBox has none of these.
_SCRIPTS = {
    "bin/ubus": """case "$*" in
  "call system board") cat /tmp/board.json;;
  *) echo "Command failed: Not found" >&2; exit 4;; esac""",
    "sbin/ifstatus": """case "$1" in
  wan|wan6|lan) echo '{ "up": true }';;
  *) echo "Interface $1 not found"; exit 1;; esac""",
    "sbin/uci": """f=/tmp/uci; touch $f; case "$1" in
  get) v=$(grep "^$2=" $f | tail -n 1); [ -n "$v" ] || { echo "uci: Entry not found" >&2; exit 1; }; echo "${v#*=}";;
  set) echo "$2" >> $f;;
  show) cat $f;;
  commit|changes) ;;
  *) echo "Usage: uci" >&2; exit 255;; esac""",
    "sbin/wifi": "exit 0",
    "sbin/logread": "cat /tmp/system.log",
    "usr/bin/iwinfo": """echo 'wlan0     ESSID: "HomeNet-5G"'
echo '          Mode: Master  Channel: 36 (5.180 GHz)'""",
}

_START = """set -e
root=$1; shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
    touch "$root/dev/$node"
    mount --bind /dev/$node "$root/dev/$node"
done
mkdir -p "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t proc proc "$root/proc"
hostname OpenWrt
exec chroot "$root" "$@"
"""


@dataclass(frozen=True)
class HomeHost:
    """What the home host saw."""

    address: str
    log: Path

    def seen(self) -> list[dict[str, object]]:
        """All contacts so far, connections and frames, after a moment for the last ones to arrive; all are written."""
        time.sleep(0.3)
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(60)
            asking.connect(f"{self.log}.sock")
            assert asking.recv(1), "the home host has ended"
        records = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [record for record in records if record["kind"] != "ready"]

    def reached(self) -> list[dict[str, object]]:
        """Contacts that count: everything but the neighbour discovery of the machines themselves."""
        return [record for record in self.seen() if record.get("type") not in {"arp", "ipv6"}]


@dataclass(frozen=True)
class DropbearBox:
    """The router and the home host behind it."""

    router: RealRouter
    home: HomeHost
    root: Path
    """The router's root directory, to look at its files."""


def start_dropbear(ground: Ground, require_program: Callable[[str], Path]) -> DropbearBox:
    """Build the root, the namespaces, the home host and start dropbear."""
    dropbear, dbclient, busybox = (require_program(name) for name in ("dropbear", "dbclient", "busybox"))
    root = _root(ground, dropbear=dropbear, dbclient=dbclient, busybox=busybox)
    outside, inside = _network(ground)
    home = _home(ground)
    host_key = _host_key(ground, root)
    user_key = ground.key("user_key")
    authorized = root / "root/.ssh/authorized_keys"
    authorized.parent.mkdir(mode=0o700)
    authorized.write_text(f"{public_line(user_key)}\n")
    authorized.chmod(0o600)
    starter = ground.directory / "start"
    starter.write_text(_START)
    ground.start(
        *("ip", "netns", "exec", f"vst-r-{ground.tag}"),
        *("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "sh", starter, root),
        *("/usr/sbin/dropbear", "-F", "-E", "-s", "-r", "/etc/dropbear/host_key", "-p", f"{inside}:22"),
        log="dropbear.log",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    ground.wait(lambda: answers(inside, 22), f"dropbear (from {outside})", "dropbear.log")
    router = RealRouter(
        name="cpe-1",
        platform="openwrt",
        host=inside,
        port=22,
        host_key=host_key,
        user="root",
        private_key_file=user_key,
        known_hosts_file=ground.known_hosts(inside, 22, host_key),
    )
    return DropbearBox(router, home, root)


def _network(ground: Ground) -> tuple[str, str]:
    """Namespaces and cables; the addresses at both ends of the management cable."""
    router, home = ground.namespace(f"vst-r-{ground.tag}"), ground.namespace(f"vst-h-{ground.tag}")
    # The machines in the home must be silent by themselves: any IPv4 frame is then somebody's doing.
    ground.inside(home, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", check=False)
    ground.inside(router, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", check=False)
    cable = f"vst{ground.tag}m"
    ground.run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", router)
    ground.later(lambda: ground.run("ip", "link", "delete", cable, check=False))
    with Path("/run/lock/vestibule-real").open("w") as lock:  # two runs must not choose the same network
        fcntl.flock(lock, fcntl.LOCK_EX)
        outside, inside = _free_network(ground)
        ground.run("ip", "address", "add", f"{outside}/30", "dev", cable)
    ground.run("ip", "link", "set", cable, "up")
    ground.inside(router, "ip", "address", "add", f"{inside}/30", "dev", "eth0")
    ground.inside(router, "ip", "link", "set", "eth0", "up")
    ground.inside(router, "ip", "link", "add", "br-lan", "type", "veth", "peer", "name", "eth0", "netns", home)
    ground.inside(router, "ip", "address", "add", "192.168.1.1/24", "dev", "br-lan")
    ground.inside(router, "ip", "link", "set", "br-lan", "up")
    ground.inside(home, "ip", "address", "add", f"{HOME_ADDRESS}/24", "dev", "eth0")
    ground.inside(home, "ip", "link", "set", "eth0", "up")
    ground.inside(home, "ip", "route", "add", "default", "via", "192.168.1.1")
    return outside, inside


def _free_network(ground: Ground) -> tuple[str, str]:
    """Two addresses of a /30 in 198.18.0.0/15 (RFC 2544: for tests) that no other run on this machine uses."""
    taken = ground.run("ip", "-4", "address", "show")
    for step in range(256):
        third = (int(ground.tag, 16) + step) % 256
        if f"198.18.{third}." not in taken:
            return f"198.18.{third}.1", f"198.18.{third}.2"
    raise RuntimeError("no free network in 198.18.0.0/16")


def _home(ground: Ground) -> HomeHost:
    log = ground.directory / "home.jsonl"
    script = Path(__file__).with_name("home_host.py")
    ground.start(
        *("ip", "netns", "exec", f"vst-h-{ground.tag}", sys.executable, "-I", script, log, HOME_ADDRESS),
        *(str(port) for port in _PORTS),
        log="home.log",
    )
    ground.wait(lambda: log.exists() and "ready" in log.read_text(), "the home host", "home.log")
    return HomeHost(HOME_ADDRESS, log)


def _root(ground: Ground, *, dropbear: Path, dbclient: Path, busybox: Path) -> Path:
    root = ground.directory / "root"
    for folder in (
        "bin",
        "sbin",
        "usr/bin",
        "usr/sbin",
        "etc/dropbear",
        "etc/init.d",
        "root",
        "tmp",
        "dev",
        "proc",
        "var/run",
    ):
        (root / folder).mkdir(parents=True)
    for name, text in _FILES.items():
        (root / name).write_text(text)
    shutil.copy(busybox, root / "bin/busybox")
    for applet in ground.run(busybox, "--list").split():
        if applet not in {"busybox", "reboot", "poweroff", "halt"}:  # in a PID namespace these would only end it
            (root / "bin" / applet).symlink_to("/bin/busybox")
    for name, text in _SCRIPTS.items():
        path = root / name
        path.unlink(missing_ok=True)
        (root / "bin" / path.name).unlink(missing_ok=True)  # an applet of the same name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    _copy_program(ground, root, dropbear, "usr/sbin/dropbear")
    _copy_program(ground, root, dbclient, "usr/bin/dbclient")
    (root / "usr/bin/ssh").symlink_to("dbclient")
    return root


def _copy_program(ground: Ground, root: Path, program: Path, to: str) -> None:
    """Copy a program and the libraries that it names."""
    shutil.copy(program, root / to)
    for word in ground.run("ldd", program).split():
        if word.startswith("/"):
            library = root / word.lstrip("/")
            library.parent.mkdir(parents=True, exist_ok=True)
            if not library.exists():
                shutil.copy(word, library)


def _host_key(ground: Ground, root: Path) -> str:
    """Make the router's host key; its public line."""
    text = ground.run("dropbearkey", "-t", "ed25519", "-f", root / "etc/dropbear/host_key")
    (root / "etc/dropbear/host_key").chmod(0o600)
    line = next(line for line in text.splitlines() if line.startswith("ssh-ed25519 "))
    return " ".join(line.split()[:2])


__all__ = ["HOME_ADDRESS", "DropbearBox", "HomeHost", "start_dropbear"]

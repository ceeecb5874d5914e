"""What the simulated OpenWrt router is at a moment: model, line, wifi, home network, log. Programs read and change it.

Counterpart: `drivers.lab.openwrt` starts it behind an SSH server.
"""

# ruff: noqa: S108  paths are those of the simulated router

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.lab.files import Content, Files
from drivers.lab.home import HomeComputer
from drivers.lab.uci import Section, Uci

HOSTNAME = "OpenWrt"
MODEL = "TP-Link Archer C7 v5"
BOARD = "tplink,archer-c7-v5"
RELEASE = "23.05.5"
REVISION = "r24106-10cc5fcd00"
KERNEL = "5.15.167"
TARGET = "ath79/generic"

WAN_DEVICE = "pppoe-wan"
WAN_ADDRESS = "203.0.113.57"
WAN_GATEWAY = "203.0.113.1"
WAN6_ADDRESS = "2001:db8:57::1"
RESOLVERS = ("198.51.100.53", "198.51.100.54")
LAN_ADDRESS = "192.168.1.1"

_RELEASE_FILE = f"""DISTRIB_ID='OpenWrt'
DISTRIB_RELEASE='{RELEASE}'
DISTRIB_REVISION='{REVISION}'
DISTRIB_TARGET='{TARGET}'
DISTRIB_ARCH='mips_24kc'
DISTRIB_DESCRIPTION='OpenWrt {RELEASE} {REVISION}'
DISTRIB_TAINTS=''
"""

_CPUINFO = """system type\t\t: Qualcomm Atheros QCA956X ver 1 rev 0
machine\t\t\t: TP-Link Archer C7 v5
processor\t\t: 0
cpu model\t\t: MIPS 74Kc V5.0
BogoMIPS\t\t: 385.84
"""

_DMESG = """[    0.000000] Linux version 5.15.167 (builder@buildhost) (mips-openwrt-linux-musl-gcc 12.3.0)
[    0.000000] MIPS: machine is TP-Link Archer C7 v5
[    0.000000] CPU0 revision is: 00019750 (MIPS 74Kc)
[    9.117204] ath10k_pci 0000:00:00.0: pci irq legacy oper_irq_mode 1 irq_mode 0 reset_mode 0
[   18.420711] br-lan: port 1(eth0.1) entered forwarding state
[   26.093315] pppoe-wan: renamed from ppp0
[   31.772404] IPv6: ADDRCONF(NETDEV_CHANGE): wlan0: link becomes ready
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """A device in the home network."""

    mac: str
    address: str
    name: str
    wifi: str | None = None
    """Radio interface, if it is on wifi."""


@dataclass
class System:
    """The router's state. `reboot` is set by the server around it."""

    home: HomeComputer
    programs: list[str]
    reboot: Callable[[], None] = lambda: None
    booted: float = field(default_factory=time.monotonic)
    wan_since: float = field(default_factory=time.monotonic)
    wan_up: bool = True
    radios: dict[str, str] = field(default_factory=dict)
    """Channel that each radio is on, set when wifi was last (re)loaded."""
    pause: float = 0.0
    """Seconds that slow programs (a ping's interval, a restart) take per step; 0 in tests."""

    def __post_init__(self) -> None:
        self.leases = [
            Lease("3c:22:fb:10:20:30", self.home.address, self.home.name),
            Lease("a4:83:e7:5b:11:02", "192.168.1.121", "phone", "wlan0"),
            Lease("00:17:88:4e:90:aa", "192.168.1.140", "tv", "wlan1"),
        ]
        self.uci = Uci(_packages())
        self.log = [
            "daemon.notice pppd[1870]: local  IP address 203.0.113.57",
            "daemon.notice pppd[1870]: remote IP address 203.0.113.1",
            "daemon.notice netifd: Interface 'wan' is now up",
            "daemon.notice hostapd: wlan0: AP-STA-CONNECTED a4:83:e7:5b:11:02 auth_alg=open",
            "daemon.info dnsmasq-dhcp[1]: DHCPACK(br-lan) 192.168.1.10 3c:22:fb:10:20:30 laptop",
            "daemon.warn pppd[1870]: LCP: timeout sending Config-Requests",
            "daemon.notice hostapd: wlan1: AP-STA-DISCONNECTED 00:17:88:4e:90:aa",
        ]
        self.files = Files(self._contents(), self.programs)
        self.load_wifi()

    @property
    def hostname(self) -> str:
        """As the prompt shows it."""
        return self.uci.text("system.@system[0].hostname") or HOSTNAME

    def uptime(self) -> float:
        """Seconds since the router started; a router in the lab has been up for two days already."""
        return time.monotonic() - self.booted + 183_725

    def wan_uptime(self) -> int:
        """Seconds that the line has been up."""
        return int(time.monotonic() - self.wan_since) + (4_210 if self.wan_since <= self.booted else 0)

    def load_wifi(self) -> None:
        """Take the saved settings of the radios into use."""
        for section in self.uci.sections("wireless", "wifi-device"):
            channel = section.options.get("channel", "auto")
            assert section.name is not None
            self.radios[section.name] = {"auto": "1"}.get(str(channel), str(channel))

    def restart_wan(self) -> None:
        """Dial in again."""
        self.wan_up = True
        self.wan_since = time.monotonic()
        self.note("daemon.notice netifd: Interface 'wan' is now up")

    def note(self, text: str) -> None:
        """A line in the system log."""
        self.log.append(text)

    def neighbours(self) -> list[Lease]:
        """Devices of the home that the router has seen."""
        return self.leases

    def _contents(self) -> dict[str, Content]:
        contents: dict[str, Content] = {
            "/etc/openwrt_release": _RELEASE_FILE,
            "/etc/openwrt_version": f"{REVISION}\n",
            "/etc/banner": banner(),
            "/etc/passwd": "root:x:0:0:root:/root:/bin/ash\nnobody:*:65534:65534:nobody:/var:/bin/false\n",
            "/etc/shadow": "root:$1$lab$4YSp5Cv2M1tVhbbX9nWmk0:19700:0:99999:7:::\n",
            "/etc/hosts": "127.0.0.1 localhost\n",
            "/etc/resolv.conf": "search lan\nnameserver 127.0.0.1\n",
            "/tmp/resolv.conf.d/resolv.conf.auto": "# Interface wan\n"
            + "".join(f"nameserver {address}\n" for address in RESOLVERS),
            "/tmp/sysinfo/model": f"{MODEL}\n",
            "/tmp/sysinfo/board_name": f"{BOARD}\n",
            "/proc/cpuinfo": _CPUINFO,
            "/proc/version": f"Linux version {KERNEL} (builder@buildhost) #0 Mon Sep 23 12:34:46 2024\n",
            "/proc/uptime": lambda: f"{self.uptime():.2f} {self.uptime() * 0.93:.2f}\n",
            "/proc/loadavg": "0.08 0.05 0.01 1/71 6120\n",
            "/proc/meminfo": "MemTotal:         122708 kB\nMemFree:           61432 kB\nMemAvailable:      71208 kB\n",
            "/proc/net/dev": _net_dev(),
            "/proc/net/arp": "",
            "/tmp/dhcp.leases": lambda: "".join(
                f"1767268800 {lease.mac} {lease.address} {lease.name} *\n" for lease in self.leases
            ),
            "/var/log/dmesg": _DMESG,
        }
        for package in self.uci.packages:
            contents[f"/etc/config/{package}"] = lambda package=package: self.uci.export(package)  # type: ignore[misc]
        for service in ("network", "dnsmasq", "firewall", "odhcpd", "dropbear", "system", "uhttpd", "log"):
            contents[f"/etc/init.d/{service}"] = "#!/bin/sh /etc/rc.common\n"
        return contents

    @property
    def dmesg(self) -> str:
        """The kernel's messages."""
        return _DMESG


def banner() -> str:
    """What login prints."""
    return f"""  _______                     ________        __
 |       |.-----.-----.-----.|  |  |  |.----.|  |_
 |   -   ||  _  |  -__|     ||  |  |  ||   _||   _|
 |_______||   __|_____|__|__||________||__|  |____|
          |__| W I R E L E S S   F R E E D O M
 -----------------------------------------------------
 OpenWrt {RELEASE}, {REVISION}
 -----------------------------------------------------
"""


def _net_dev() -> str:
    rows = (("br-lan", 912_744_120, 7_411_032), ("eth0", 1_200_345_870, 9_120_331), ("lo", 90_412, 1_041))
    head = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|"
        "bytes    packets errs drop fifo colls carrier compressed\n"
    )
    return head + "".join(
        f"{name:>6}: {octets} {packets} 0 0 0 0 0 0 {octets} {packets} 0 0 0 0 0 0\n" for name, octets, packets in rows
    )


def _packages() -> dict[str, list[Section]]:
    return {
        "network": [
            Section("interface", "loopback", {"device": "lo", "proto": "static", "ipaddr": "127.0.0.1"}),
            Section("interface", "lan", {"device": "br-lan", "proto": "static", "ipaddr": LAN_ADDRESS}),
            Section(
                "interface",
                "wan",
                {"device": "eth0.2", "proto": "pppoe", "username": "dsl-4711@isp.example", "password": "pppoe-lab"},
            ),
            Section("interface", "wan6", {"device": "eth0.2", "proto": "dhcpv6"}),
        ],
        "wireless": [
            Section("wifi-device", "radio0", {"type": "mac80211", "channel": "36", "band": "5g", "htmode": "VHT80"}),
            Section(
                "wifi-iface",
                "default_radio0",
                {
                    "device": "radio0",
                    "network": "lan",
                    "mode": "ap",
                    "ssid": "HomeNet-5G",
                    "encryption": "psk2",
                    "key": "lab-wifi-key-5g",
                },
            ),
            Section("wifi-device", "radio1", {"type": "mac80211", "channel": "11", "band": "2g", "htmode": "HT20"}),
            Section(
                "wifi-iface",
                "default_radio1",
                {
                    "device": "radio1",
                    "network": "lan",
                    "mode": "ap",
                    "ssid": "HomeNet",
                    "encryption": "psk2",
                    "key": "lab-wifi-key-2g",
                },
            ),
        ],
        "dhcp": [
            Section("dnsmasq", None, {"domainneeded": "1", "rebind_protection": "1", "local": "/lan/"}),
            Section("dhcp", "lan", {"interface": "lan", "start": "100", "limit": "150", "leasetime": "12h"}),
        ],
        "firewall": [
            Section("defaults", None, {"syn_flood": "1", "input": "REJECT", "output": "ACCEPT", "forward": "REJECT"}),
            Section("zone", None, {"name": "lan", "network": ["lan"], "input": "ACCEPT"}),
            Section("zone", None, {"name": "wan", "network": ["wan", "wan6"], "input": "REJECT", "masq": "1"}),
        ],
        "system": [Section("system", None, {"hostname": HOSTNAME, "timezone": "UTC", "log_size": "64"})],
        "dropbear": [Section("dropbear", None, {"PasswordAuth": "on", "Port": "22"})],
    }

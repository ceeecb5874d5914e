"""OpenWrt's own commands in the simulated router: ubus, uci, wifi, iwinfo, ifstatus, services, log, reboot.

Counterparts: `drivers.lab.uci` stores, `drivers.lab.system` knows the state. Output follows OpenWrt 23.05.
"""

import asyncio
import json
from typing import Any

from drivers.lab import system
from drivers.lab.ash import Call, Program
from drivers.lab.console import Hangup
from drivers.lab.uci import EntryNotFound

_RADIOS = {
    "wlan0": ("radio0", "5", "VHT80", "867.0 MBit/s", 23, -52, -95),
    "wlan1": ("radio1", "2.4", "HT20", "144.4 MBit/s", 20, -61, -91),
}
"""Interface: radio, band in GHz, mode, bit rate, transmit power in dBm, signal and noise in dBm."""


def _as_json(value: object) -> str:
    return json.dumps(value, indent="\t") + "\n"


def _board() -> dict[str, Any]:
    return {
        "kernel": system.KERNEL,
        "hostname": system.HOSTNAME,
        "system": "Qualcomm Atheros QCA956X ver 1 rev 0",
        "model": system.MODEL,
        "board_name": system.BOARD,
        "rootfs_type": "squashfs",
        "release": {
            "distribution": "OpenWrt",
            "version": system.RELEASE,
            "revision": system.REVISION,
            "target": system.TARGET,
            "description": f"OpenWrt {system.RELEASE} {system.REVISION}",
        },
    }


def _info(box: system.System) -> dict[str, Any]:
    return {
        "localtime": 1767268800,
        "uptime": int(box.uptime()),
        "load": [5242, 3276, 655],
        "memory": {"total": 125652992, "free": 62906368, "shared": 679936, "buffered": 5345280, "available": 72916992},
        "swap": {"total": 0, "free": 0},
    }


def _interface(box: system.System, name: str) -> dict[str, Any] | None:
    addresses = {
        "wan": (system.WAN_DEVICE, "pppoe", [{"address": system.WAN_ADDRESS, "mask": 32}], []),
        "wan6": ("eth0.2", "dhcpv6", [], [{"address": system.WAN6_ADDRESS, "mask": 64}]),
        "lan": ("br-lan", "static", [{"address": system.LAN_ADDRESS, "mask": 24}], []),
        "loopback": ("lo", "static", [{"address": "127.0.0.1", "mask": 8}], []),
    }
    if name not in addresses:
        return None
    device, proto, ipv4, ipv6 = addresses[name]
    up = box.wan_up or not name.startswith("wan")
    status: dict[str, Any] = {"up": up, "pending": False, "available": True, "autostart": True, "dynamic": False}
    if not up:
        return status | {"proto": proto, "device": "eth0.2", "data": {}}
    route = {"target": "0.0.0.0", "mask": 0, "nexthop": system.WAN_GATEWAY, "source": "0.0.0.0/0"}  # noqa: S104
    return status | {
        "uptime": box.wan_uptime() if name.startswith("wan") else int(box.uptime()) - 21,
        "l3_device": device,
        "proto": proto,
        "device": device,
        "metric": 0,
        "ipv4-address": ipv4,
        "ipv6-address": ipv6,
        "route": [route] if name == "wan" else [],
        "dns-server": list(system.RESOLVERS) if name == "wan" else [],
        "data": {},
    }


async def _ifstatus(call: Call) -> int:
    name = call.arguments[0] if call.arguments else ""
    status = _interface(call.system, name)
    if status is None:
        call.out(f"Interface {name} not found\n" if name else "Usage: ifstatus <interface>\n")
        return 1
    call.out(_as_json(status))
    return 0


async def _ubus(call: Call) -> int:
    match [word for word in call.arguments if not word.startswith("-")]:
        case ["list", *_]:
            names = (
                "dhcp",
                "iwinfo",
                "log",
                "network",
                "network.device",
                "network.interface",
                "service",
                "system",
                "uci",
            )
            call.out("".join(f"{name}\n" for name in names))
        case ["call", "system", "board", *_]:
            call.out(_as_json(_board()))
        case ["call", "system", "info", *_]:
            call.out(_as_json(_info(call.system)))
        case ["call", "system", "reboot", *_]:
            return await _reboot(call)
        case ["call", "network.interface", "dump", *_]:
            interfaces = ("lan", "loopback", "wan", "wan6")
            found = [{"interface": name} | (_interface(call.system, name) or {}) for name in interfaces]
            call.out(_as_json({"interface": found}))
        case ["call", path, "status", *_] if _interface(call.system, path.removeprefix("network.interface.")):
            call.out(_as_json(_interface(call.system, path.removeprefix("network.interface."))))
        case ["call", "network.wireless", "status", *_]:
            call.out(_as_json(_wireless(call.system)))
        case ["call", "network.device", "status", *_]:
            call.out(_as_json({"eth0": {"up": True, "carrier": True, "speed": "1000F", "mtu": 1500}}))
        case ["call", "dhcp", "ipv4leases", *_]:
            leases = [
                {"mac": lease.mac, "hostname": lease.name, "address": lease.address} for lease in call.system.leases
            ]
            call.out(_as_json({"device": {"br-lan": {"leases": leases}}}))
        case ["call", "iwinfo", "devices", *_]:
            call.out(_as_json({"devices": list(_RADIOS)}))
        case _:
            call.streams.err("Command failed: Not found\n")
            return 4
    return 0


def _wireless(box: system.System) -> dict[str, Any]:
    networks: dict[str, Any] = {}
    for section in box.uci.sections("wireless", "wifi-iface"):
        radio = str(section.options["device"])
        config = {name: section.options[name] for name in ("ssid", "encryption", "key", "mode")}
        networks[radio] = {
            "up": True,
            "config": {"channel": box.radios.get(radio, "auto")},
            "interfaces": [{"section": section.name, "config": config}],
        }
    return networks


async def _uci(call: Call) -> int:
    words = [word for word in call.arguments if word not in {"-q", "-N", "-X"}]
    if not words:
        call.streams.err("Usage: uci [<options>] <command> [<arguments>]\n")
        return 255
    try:
        return _uci_command(call, words[0], words[1:])
    except EntryNotFound:
        if "-q" not in call.arguments:
            call.streams.err("uci: Entry not found\n")
        return 1


def _uci_command(call: Call, command: str, words: list[str]) -> int:
    store = call.system.uci
    first = words[0] if words else ""
    path, equals, value = first.partition("=")
    lines: list[str] = []
    match command:
        case "show":
            lines = store.show(first or None)
        case "get" if words:
            found = store.get(first)
            lines = [found if isinstance(found, str) else " ".join(found)]
        case "set" if equals:
            store.set(path, value)
        case "add_list" if equals:
            store.add_list(path, value)
        case "delete" | "del_list" if words:
            store.delete(path)
        case "add" if len(words) == 2:
            lines = [store.add(words[0], words[1])]
        case "commit":
            store.commit(first.partition(".")[0] or None)
        case "revert" if words:
            store.revert(first.partition(".")[0])
        case "changes":
            lines = store.changes(first or None)
        case "export":
            lines = [store.export(package) for package in ([first] if first else store.packages)]
        case _:
            call.streams.err("Usage: uci [<options>] <command> [<arguments>]\n")
            return 255
    call.out("".join(f"{line}\n" for line in lines))
    return 0


async def _wifi(call: Call) -> int:
    action = call.arguments[0] if call.arguments else "reload"
    if action == "status":
        call.out(_as_json(_wireless(call.system)))
    elif action in {"reload", "up", "reconf"}:
        await asyncio.sleep(call.system.pause)
        call.system.load_wifi()
        call.system.note("daemon.notice netifd: radio0 reloaded")
    elif action != "down":
        call.out("Usage: /sbin/wifi [config|up|down|reconf|reload|status|isup]\n")
        return 1
    return 0


async def _iwinfo(call: Call) -> int:
    words = call.arguments
    if len(words) == 1 and words[0] in _RADIOS:
        words = [words[0], "info"]
    if not words:
        for name in _RADIOS:
            call.out(_radio_info(call.system, name) + "\n")
        return 0
    if words[0] not in _RADIOS:
        return call.fail(f"No such wireless device: {words[0]}")
    match words[1:]:
        case ["info"]:
            call.out(_radio_info(call.system, words[0]))
        case ["assoclist"]:
            call.out(_associations(call.system, words[0]))
        case ["scan"]:
            await asyncio.sleep(call.system.pause)
            call.out(_SCAN)
        case ["freqlist"]:
            call.out("".join(f"  {2407 + 5 * number} MHz (Channel {number})\n" for number in range(1, 14)))
        case _:
            return call.fail("Usage: iwinfo <device> {info|scan|txpowerlist|freqlist|assoclist|countrylist|htmodelist}")
    return 0


def _radio_info(box: system.System, name: str) -> str:
    radio, band, mode, rate, power, signal, noise = _RADIOS[name]
    ssid = box.uci.text(f"wireless.default_{radio}.ssid")
    channel = box.radios[radio]
    return (
        f'{name}     ESSID: "{ssid}"\n'
        f"          Access Point: 60:32:B1:AA:00:0{name[-1]}\n"
        f"          Mode: Master  Channel: {channel} ({band} GHz)  HT Mode: {mode}\n"
        f"          Center Channel 1: {channel} 2: unknown\n"
        f"          Tx-Power: {power} dBm  Link Quality: 58/70\n"
        f"          Signal: {signal} dBm  Noise: {noise} dBm\n"
        f"          Bit Rate: {rate}\n"
        "          Encryption: WPA2 PSK (CCMP)\n"
        f"          Type: nl80211  HW Mode(s): 802.11\n"
        f"          Hardware: 168C:0056 168C:CAFE [Qualcomm Atheros QCA9880]\n"
        "          TX power offset: none\n"
        "          Frequency offset: none\n"
        f"          Supports VAPs: yes  PHY name: phy{name[-1]}\n"
    )


def _associations(box: system.System, name: str) -> str:
    text = ""
    for lease in box.leases:
        if lease.wifi == name:
            text += (
                f"{lease.mac.upper()}  -58 dBm / -95 dBm (SNR 37)  40 ms ago\n"
                "\tRX: 433.3 MBit/s, VHT-MCS 9, 80MHz                 81220 Pkts.\n"
                "\tTX: 390.0 MBit/s, VHT-MCS 8, 80MHz                104221 Pkts.\n"
                "\texpected throughput: unknown\n\n"
            )
    return text or "No station connected\n"


_SCAN = """Cell 01 - Address: 5C:49:79:11:22:33
          ESSID: "Neighbour"
          Mode: Master  Frequency: 2.462 GHz  Band: 2.4 GHz  Channel: 11
          Signal: -71 dBm  Quality: 39/70
          Encryption: WPA2 PSK (CCMP)

Cell 02 - Address: 94:A6:7E:44:55:66
          ESSID: "Cafe"
          Mode: Master  Frequency: 2.462 GHz  Band: 2.4 GHz  Channel: 11
          Signal: -64 dBm  Quality: 46/70
          Encryption: mixed WPA2/WPA3 PSK/SAE (CCMP)

"""


async def _ifup(call: Call) -> int:
    if call.arguments[:1] not in (["wan"], ["wan6"], ["lan"]):
        return call.fail(f"interface {' '.join(call.arguments)} not found")
    if call.arguments[0] == "wan":
        await asyncio.sleep(call.system.pause)
        call.system.restart_wan()
    return 0


async def _ifdown(call: Call) -> int:
    if call.arguments[:1] not in (["wan"], ["wan6"], ["lan"]):
        return call.fail(f"interface {' '.join(call.arguments)} not found")
    if call.arguments[0] == "wan":
        call.system.wan_up = False
        call.system.note("daemon.notice netifd: Interface 'wan' is now down")
    return 0


async def _service(call: Call) -> int:
    name = call.argv[0].rpartition("/")[2]
    words = call.arguments
    if call.argv[0] == "service":
        name, words = (words[0], words[1:]) if words else ("", [])
    if call.system.files.read(f"/etc/init.d/{name}") is None:
        call.streams.err(f"-ash: {call.argv[0]}: not found\n")
        return 127
    action = words[0] if words else ""
    if action not in {"start", "stop", "restart", "reload", "enable", "disable", "enabled", "status"}:
        call.out(f"Syntax: /etc/init.d/{name} [command]\n")
        return 1
    if action == "status":
        call.out("running\n")
    elif action in {"restart", "reload", "start"}:
        await asyncio.sleep(call.system.pause)
        call.system.note(f"daemon.notice procd: /etc/init.d/{name}: {action}")
        if name == "network":
            call.system.load_wifi()
            call.system.restart_wan()
    return 0


async def _logread(call: Call) -> int:
    lines = [f"Thu Jan  1 12:{index % 60:02d}:07 2026 {line}\n" for index, line in enumerate(call.system.log)]
    words = call.arguments
    if "-e" in words:
        wanted = words[words.index("-e") + 1 :][:1]
        lines = [line for line in lines if wanted and wanted[0] in line]
    if "-l" in words:
        count = words[words.index("-l") + 1 :][:1]
        lines = lines[-int(count[0]) :] if count and count[0].isdigit() else lines
    call.out("".join(lines))
    if "-f" in words:
        await asyncio.Event().wait()  # until Ctrl-C
    return 0


async def _dmesg(call: Call) -> int:
    call.out(call.system.dmesg)
    return 0


async def _reboot(call: Call) -> int:
    call.system.reboot()
    raise Hangup


async def _sysupgrade(call: Call) -> int:
    call.out("Commencing upgrade. Closing all shell sessions.\n")
    return await _reboot(call)


async def _opkg(call: Call) -> int:
    if call.arguments[:1] == ["list-installed"]:
        call.out(
            "base-files - 1562\nbusybox - 1.36.1-1\ndropbear - 2022.82-6\nppp-mod-pppoe - 2.4.9.git-2021-01-04-4\n"
        )
        return 0
    call.out("Downloading https://downloads.openwrt.org/…\n")
    return 0


async def _devstatus(call: Call) -> int:
    name = call.arguments[0] if call.arguments else ""
    if name not in {"br-lan", "eth0", "pppoe-wan", "wlan0", "wlan1"}:
        call.out(f"Device {name} not found\n" if name else "Usage: devstatus <device>\n")
        return 1
    call.out(_as_json({"external": False, "present": True, "type": "Network device", "up": True, "carrier": True}))
    return 0


async def _reload_config(call: Call) -> int:
    call.system.load_wifi()
    return 0


def _fixed(text: str) -> Program:
    """A program that prints the same whatever it is asked."""

    async def program(call: Call) -> int:
        call.out(text)
        return 0

    return program


_IW = "".join(
    f"phy#{number}\n\tInterface wlan{number}\n\t\tifindex {9 + number}\n\t\ttype AP\n\t\ttxpower {power}.00 dBm\n"
    for number, power in ((0, 23), (1, 20))
)
_BRIDGES = "bridge name\tbridge id\t\tSTP enabled\tinterfaces\nbr-lan\t\t7fff.6032b1aa0001\tno\t\teth0.1\n"
_RULES = "table inet fw4 {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n"
_MODULES = "ath10k_pci             40960  0\nath9k                 118784  0\npppoe                  16384  2\n"
_MOUNTS = "/dev/root on /rom type squashfs (ro,relatime)\ntmpfs on /tmp type tmpfs (rw,nosuid,nodev,noatime)\n"


async def _tcpdump(call: Call) -> int:
    call.streams.err("listening on br-lan, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n")
    home = call.system.home.address
    call.out(f"12:00:01.000201 IP {home}.51515 > 192.168.1.1.53: 4660+ A? bank.example. (30)\n")
    return 0


OPENWRT_TOOLS: dict[str, Program] = {
    "ubus": _ubus, "uci": _uci, "wifi": _wifi, "iwinfo": _iwinfo, "ifstatus": _ifstatus, "ifup": _ifup,
    "ifdown": _ifdown, "/etc/init.d": _service, "service": _service, "logread": _logread, "dmesg": _dmesg,
    "reboot": _reboot, "poweroff": _reboot, "halt": _reboot, "sysupgrade": _sysupgrade, "firstboot": _sysupgrade,
    "opkg": _opkg, "tcpdump": _tcpdump, "devstatus": _devstatus, "reload_config": _reload_config,
    "iw": _fixed(_IW), "brctl": _fixed(_BRIDGES), "nft": _fixed(_RULES), "fw4": _fixed(_RULES),
    "lsmod": _fixed(_MODULES), "mount": _fixed(_MOUNTS), "clear": _fixed("\x1b[H\x1b[J"),
    "swconfig": _fixed("Found: switch0 - ag71xx-mdio.0\n"), "nproc": _fixed("1\n"), "sysctl": _fixed("1\n"),
}  # fmt: skip
"""By name as typed."""

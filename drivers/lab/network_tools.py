"""Network diagnosis in the simulated router: ip, ifconfig, route, ping, traceroute, nslookup, netstat.

Counterpart: `drivers.lab.pivots` are the programs that open connections. A ping of the home computer counts as reaching
it, because on a real router it would.
"""

import asyncio
import ipaddress
import re
import zlib

from drivers.lab import system
from drivers.lab.ash import Call, Program
from drivers.lab.home import Contact

_NAMES = {"openwrt.org": "198.51.100.80", "example.com": "198.51.100.7", "dns.isp.example": "198.51.100.53"}

_LINKS = """1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP qlen 1000
    link/ether 60:32:b1:aa:00:01 brd ff:ff:ff:ff:ff:ff
7: br-lan: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP qlen 1000
    link/ether 60:32:b1:aa:00:01 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 brd 192.168.1.255 scope global br-lan
       valid_lft forever preferred_lft forever
"""

_WAN_LINK = """12: pppoe-wan: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1492 qdisc fq_codel state UNKNOWN qlen 3
    link/ppp
    inet 203.0.113.57 peer 203.0.113.1/32 scope global pppoe-wan
       valid_lft forever preferred_lft forever
"""


async def _ip(call: Call) -> int:
    words = [word for word in call.arguments if not word.startswith("-")]
    topic = words[0] if words else ""
    rest = words[1:]
    if rest and not "show".startswith(rest[0]) and not "list".startswith(rest[0]) and rest[0] not in {"dev", "default"}:
        call.streams.err(f'Command "{rest[0]}" is unknown, try "ip {topic} help".\n')
        return 255
    if topic and "address".startswith(topic):
        call.out(_LINKS + (_WAN_LINK if call.system.wan_up else ""))
    elif topic and "link".startswith(topic):
        text = _LINKS + (_WAN_LINK if call.system.wan_up else "")
        call.out("".join(f"{line}\n" for line in text.splitlines() if re.match(r"\d|    link", line)))
    elif topic and "route".startswith(topic):
        call.out(_routes(call.system, only_default="default" in rest))
    elif topic and "neighbour".startswith(topic):
        call.out(_neighbours(call.system))
    elif topic == "rule":
        call.out("0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n")
    else:
        call.streams.err("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n")
        return 255
    return 0


def _routes(box: system.System, *, only_default: bool) -> str:
    default = f"default via {system.WAN_GATEWAY} dev pppoe-wan\n" if box.wan_up else ""
    if only_default:
        return default
    wan = f"{system.WAN_GATEWAY} dev pppoe-wan scope link  src {system.WAN_ADDRESS}\n" if box.wan_up else ""
    return f"{default}192.168.1.0/24 dev br-lan scope link  src 192.168.1.1\n{wan}"


def _neighbours(box: system.System) -> str:
    return "".join(
        f"{lease.address} dev br-lan lladdr {lease.mac} ref 1 used 0/0/0 probes 1 REACHABLE\n" for lease in box.leases
    )


async def _ifconfig(call: Call) -> int:
    call.out(
        "br-lan    Link encap:Ethernet  HWaddr 60:32:B1:AA:00:01\n"
        "          inet addr:192.168.1.1  Bcast:192.168.1.255  Mask:255.255.255.0\n"
        "          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n\n"
    )
    return 0


async def _route(call: Call) -> int:
    call.out(
        "Kernel IP routing table\n"
        "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n"
        "default         203.0.113.1     0.0.0.0         UG    0      0        0 pppoe-wan\n"
        "192.168.1.0     *               255.255.255.0   U     0      0        0 br-lan\n"
    )
    return 0


async def _arp(call: Call) -> int:
    call.out("IP address       HW type     Flags       HW address            Mask     Device\n")
    for lease in call.system.leases:
        call.out(f"{lease.address:<17}0x1         0x2         {lease.mac}     *        br-lan\n")
    return 0


def address_of(box: system.System, host: str) -> str | None:
    """What the router's resolver and C library make of a host, odd spellings included; none if unknown.

    musl and BusyBox take `3232235786` and `0xc0a8010a` for 192.168.1.10, as a real router does.
    """
    if host in _NAMES:
        return _NAMES[host]
    for lease in box.leases:
        if host in {lease.name, f"{lease.name}.lan", lease.address}:
            return lease.address
    try:
        if re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+", host):
            return str(ipaddress.IPv4Address(int(host, 0)))
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


async def _ping(call: Call) -> int:
    count, host = _ping_arguments(call.arguments)
    if host is None:
        call.streams.err("BusyBox v1.36.1 multi-call binary.\n\nUsage: ping [OPTIONS] HOST\n")
        return 1
    address = address_of(call.system, host)
    if address is None:
        call.streams.err(f"ping: bad address '{host}'\n")
        return 1
    home = call.system.home
    in_home = address.startswith("192.168.1.")
    answers = address == home.address or (not in_home and call.system.wan_up) or address == system.LAN_ADDRESS
    call.out(f"PING {host} ({address}): 56 data bytes\n")
    sent = received = 0
    try:
        while count is None or sent < count:
            if sent:
                await asyncio.sleep(max(call.system.pause, 0.0 if count else 0.02))
            if address == home.address:
                home.contacts.append(Contact("icmp", None, 64))
            if answers:
                call.out(f"64 bytes from {address}: seq={sent} ttl=57 time={_delay(address, sent):.3f} ms\n")
                received += 1
            sent += 1
    finally:
        counts = f"{sent} packets transmitted, {received} packets received, {100 - 100 * received // max(sent, 1)}%"
        call.out(f"\n--- {host} ping statistics ---\n{counts} packet loss\n")
        if received:
            call.out("round-trip min/avg/max = 8.114/9.020/11.840 ms\n")
    return int(not received)


def _ping_arguments(words: list[str]) -> tuple[int | None, str | None]:
    count: int | None = None
    host: str | None = None
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word[:2] == "-c" and word[2:].isdigit():
            count = int(word[2:])
        elif word == "-c" and queue and queue[0].isdigit():
            count = int(queue.pop(0))
        elif word in {"-s", "-W", "-w", "-I", "-i", "-t"} and queue:
            queue.pop(0)
        elif not word.startswith("-"):
            host = word
    return count, host


def _delay(address: str, number: int) -> float:
    """Some milliseconds, the same for the same packet, so that transcripts can be compared."""
    return 8 + zlib.crc32(f"{address}{number}".encode()) % 4000 / 1000


async def _traceroute(call: Call) -> int:
    hosts = [word for word in call.arguments if not word.startswith("-")]
    host = hosts[-1] if hosts else ""
    address = address_of(call.system, host)
    if address is None:
        call.streams.err(f"traceroute: bad address '{host}'\n")
        return 1
    call.out(f"traceroute to {host} ({address}), 30 hops max, 46 byte packets\n")
    if address == call.system.home.address:
        call.system.home.contacts.append(Contact("udp", 33434, 46))
        call.out(f" 1  {address} ({address})  0.412 ms  0.398 ms  0.377 ms\n")
        return 0
    for hop, router in enumerate((system.WAN_GATEWAY, "198.51.100.1", address), start=1):
        await asyncio.sleep(call.system.pause)
        call.out(f" {hop}  {router} ({router})  {hop * 4}.101 ms  {hop * 4}.240 ms  {hop * 4}.033 ms\n")
    return 0


async def _nslookup(call: Call) -> int:
    host = call.arguments[0] if call.arguments else ""
    address = address_of(call.system, host)
    call.out("Server:\t\t127.0.0.1\nAddress:\t127.0.0.1:53\n\n")
    if address is None:
        call.out(f"** server can't find {host}: NXDOMAIN\n\n")
        return 1
    call.out(f"Non-authoritative answer:\nName:\t{host}\nAddress: {address}\n\n")
    return 0


async def _netstat(call: Call) -> int:
    call.out(
        "Active Internet connections (servers and established)\n"
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State\n"
        "tcp        0      0 192.168.1.1:22          0.0.0.0:*               LISTEN\n"
        "tcp        0      0 127.0.0.1:53            0.0.0.0:*               LISTEN\n"
    )
    return 0


NETWORK_TOOLS: dict[str, Program] = {
    "ip": _ip, "ifconfig": _ifconfig, "route": _route, "arp": _arp, "ping": _ping, "ping6": _ping,
    "traceroute": _traceroute, "traceroute6": _traceroute, "nslookup": _nslookup, "netstat": _netstat,
}  # fmt: skip
"""By name as typed."""

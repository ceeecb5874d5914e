"""What the simulated Cisco-like router prints. Counterpart: `drivers.lab.ios`."""

# ruff: noqa: E501  lines are as wide as the router prints them

_BRIEF = """Interface                  IP-Address      OK? Method Status                Protocol
GigabitEthernet0           192.168.1.1     YES NVRAM  up                    up
GigabitEthernet1           unassigned      YES NVRAM  administratively down down
ATM0                       unassigned      YES NVRAM  up                    up
Dialer1                    203.0.113.57    YES IPCP   up                    up
Dot11Radio0                unassigned      YES NVRAM  up                    up
"""

_VERSION = """Cisco IOS Software, C880 Software (C880DATA-UNIVERSALK9-M), Version 15.4(3)M3, RELEASE SOFTWARE (fc2)
Technical Support: http://www.cisco.com/techsupport
Copyright (c) 1986-2015 by Cisco Systems, Inc.
Compiled Fri 05-Jun-15 13:24 by prod_rel_team

ROM: System Bootstrap, Version 12.4(22r)YB5, RELEASE SOFTWARE (fc1)

R1 uptime is 2 weeks, 3 days, 4 hours, 11 minutes
System returned to ROM by power-on
System image file is "flash:c880data-universalk9-mz.154-3.M3.bin"
Last reload type: Normal Reload

Cisco 887VA (MPC8300) processor (revision 1.0) with 236544K/25600K bytes of memory.
Processor board ID LAB00000000

1 DSL controller
1 Ethernet interface
4 FastEthernet interfaces
1 ATM interface
256K bytes of non-volatile configuration memory.
125440K bytes of ATA CompactFlash (Read/Write)

License Info:

License UDI:

-------------------------------------------------
Device#   PID                   SN
-------------------------------------------------
*0        C887VA-K9             LAB00000000

Configuration register is 0x2102

"""

_ROUTE = """Codes: L - local, C - connected, S - static, R - RIP, M - mobile, B - BGP

Gateway of last resort is 0.0.0.0 to network 0.0.0.0

S*    0.0.0.0/0 is directly connected, Dialer1
      192.168.1.0/24 is variably subnetted, 2 subnets, 2 masks
C        192.168.1.0/24 is directly connected, GigabitEthernet0
L        192.168.1.1/32 is directly connected, GigabitEthernet0
"""


def _interface(name: str, number: int) -> str:
    return f"""{name} is up, line protocol is up
  Hardware is Fast Ethernet, address is 001f.9eaa.00{number:02d} (bia 001f.9eaa.00{number:02d})
  MTU 1500 bytes, BW 100000 Kbit/sec, DLY 100 usec,
     reliability 255/255, txload 1/255, rxload 1/255
  Encapsulation ARPA, loopback not set
  Full-duplex, 100Mb/s
  Last input never, output never, output hang never
  5 minute input rate 1000 bits/sec, 2 packets/sec
  5 minute output rate 2000 bits/sec, 3 packets/sec
     81220 packets input, 9311201 bytes, 0 no buffer
     0 input errors, 0 CRC, 0 frame, 0 overrun, 0 ignored
     104221 packets output, 12011200 bytes, 0 underruns
"""


SHOW = {
    "version": _VERSION,
    "ip interface brief": _BRIEF,
    "ip interface": _BRIEF,
    "ipv6 interface brief": "GigabitEthernet0           [up/up]\n    FE80::21F:9EFF:FEAA:1\n",
    "interfaces": "".join(
        _interface(name, number)
        for number, name in enumerate(("GigabitEthernet0", "GigabitEthernet1", "ATM0", "Dialer1", "Dot11Radio0"))
    ),
    "ip route": _ROUTE,
    "clock": "*12:00:07.123 UTC Thu Jan 1 2026\n",
    "users": "    Line       User       Host(s)              Idle       Location\n*  2 vty 0     admin      idle                 00:00:00\n",
    "privilege": "Current privilege level is 15\n",
    "logging": "Syslog logging: enabled\n\nLog Buffer (4096 bytes):\n\n*Jan  1 11:58:10: %LINK-3-UPDOWN: Interface ATM0, up\n",
    "arp": "Protocol  Address     Age (min)  Hardware Addr   Type   Interface\nInternet  192.168.1.10      4   3c22.fb10.2030  ARPA   Gi0\n",
    "ip dhcp binding": "IP address       Client-ID/              Lease expiration        Type\n192.168.1.10     013c.22fb.1020.30       Jan 02 2026 12:00 AM    Automatic\n",
    "pppoe session": "     1 client session\n\nUniq ID  PPPoE  RemMAC          Port                    VT  VA         State\n    N/A     44  0090.1a42.0001  ATM0                    Di1 Vi2        UP\n",
    "controllers vdsl 0": "Controller VDSL 0 is UP\n\nDaemon Status:\t\t Up\nModem Status:\t\t TC Sync (Showtime!)\n",
}
"""By words after `show`."""

CONFIGURATION = (
    "!",
    "version 15.4",
    "service timestamps debug datetime msec",
    "no service password-encryption",
    "!",
    "enable secret 5 $1$lab0$Y0m3a0mJpQ2w6rC1yQX8r/",
    "!",
    "ip dhcp pool home",
    " network 192.168.1.0 255.255.255.0",
    " default-router 192.168.1.1",
    "!",
    "interface GigabitEthernet0",
    " ip address 192.168.1.1 255.255.255.0",
    "!",
    "interface GigabitEthernet1",
    " no ip address",
    " shutdown",
    "!",
    "interface Dialer1",
    " ip address negotiated",
    " encapsulation ppp",
    " ppp chap hostname dsl-4711@isp.example",
    " ppp chap password 0 lab-ppp-password",
    "!",
    "ip route 0.0.0.0 0.0.0.0 Dialer1",
    "!",
    "line vty 0 4",
    " transport input ssh",
    "!",
)
"""Lines of the running configuration, without the host name."""

"""Network diagnosis in the simulated router."""

import asyncio

import pytest

from drivers.lab.network_tools import address_of


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.168.1.10", "192.168.1.10"),
        ("laptop", "192.168.1.10"),
        ("laptop.lan", "192.168.1.10"),
        ("3232235786", "192.168.1.10"),
        ("0xC0A8010A", "192.168.1.10"),
        ("example.com", "198.51.100.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("nosuch.example", None),
        ("99999999999", None),
    ],
)
async def test_names_and_odd_spellings_become_addresses(prompt, host, address):
    assert address_of(prompt.system, host) == address


async def test_a_ping_counts_its_packets(prompt):
    out = await prompt("ping -c 3 -s 100 8.8.8.8")
    assert out.count("64 bytes from 8.8.8.8") == 3
    assert "3 packets transmitted, 3 packets received, 0% packet loss" in out
    assert prompt.status == 0
    assert out == await prompt("ping -c 3 8.8.8.8")


@pytest.mark.parametrize("line", ["ping", "ping -c 1 nosuch.example", "ping -c 1 192.168.1.99", "traceroute nosuch"])
async def test_what_does_not_answer_fails(prompt, line):
    await prompt(line)
    assert prompt.status == 1


async def test_nothing_outside_answers_while_the_line_is_down(prompt):
    await prompt("ifdown wan")
    assert "100% packet loss" in await prompt("ping -c 1 8.8.8.8")


async def test_an_interrupted_ping_sums_up(prompt):
    running = asyncio.ensure_future(prompt("ping 8.8.8.8"))
    await asyncio.sleep(0.1)
    prompt.console.interrupt()
    assert "ping statistics" in await running
    assert prompt.status == 130


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ip addr", "inet 192.168.1.1/24"),
        ("ip a show", "pppoe-wan"),
        ("ip link", "link/ether"),
        ("ip route", "192.168.1.0/24 dev br-lan"),
        ("ip neigh", "3c:22:fb:10:20:30"),
        ("ip rule", "lookup main"),
        ("ifconfig", "br-lan"),
        ("route -n", "default"),
        ("arp", "3c:22:fb:10:20:30"),
        ("netstat -tln", "LISTEN"),
        ("traceroute example.com", "198.51.100.7"),
        ("nslookup example.com", "Address: 198.51.100.7"),
    ],
)
async def test_tables_are_shown(prompt, line, expected):
    assert expected in await prompt(line)


@pytest.mark.parametrize(
    ("line", "status"), [("ip", 255), ("ip nosuch", 255), ("ip addr flush", 255), ("nslookup x", 1)]
)
async def test_a_wrong_call_fails(prompt, line, status):
    await prompt(line)
    assert prompt.status == status

"""Programs that open connections reach the home computer for real, however they are spelled."""

import pytest


@pytest.mark.parametrize(
    "line",
    [
        "ssh 192.168.1.10",
        "ssh -p 22 -i /root/key user@192.168.1.10 uptime",
        "ssh pi@laptop.lan/22",
        "dbclient laptop",
        "s\\sh 192.168.1.10",
        "$(echo ssh) 192.168.1.10",
        "`echo ssh` 192.168.1.10",
        "x=ssh; $x 192.168.1.10",
        "uptime; ssh 192.168.1.10",
        "uptime && ssh 192.168.1.10",
        "uptime() { nc 192.168.1.10 22; }; uptime",
        "echo 'ssh 192.168.1.10' | sh",
        "sh -c 'ssh 192.168.1.10'",
        "eval ssh 192.168.1.10",
        "/usr/bin/s?h 192.168.1.10",
        "busybox nc 192.168.1.10 22",
        "nc -z 192.168.1.10 22",
        "nc 3232235786 22",
        "nc 0xc0a8010a 445",
        "telnet 192.168.1.10",
        "telnet 192.168.1.10 80",
        "echo x | nc laptop 23",
        "wget -qO- http://192.168.1.10/",
        "curl 192.168.1.10",
        "uclient-fetch -O - http://laptop.lan:80/secret",
        "scp /etc/passwd root@192.168.1.10:/tmp",
        "xargs ssh < /tmp/host",
        "alias uptime='ssh 192.168.1.10'; uptime",
        "(ssh 192.168.1.10)",
        "true & ssh 192.168.1.10",
    ],
)
async def test_the_home_computer_is_reached(prompt, line):
    await prompt("echo 192.168.1.10 > /tmp/host")
    home = prompt.system.home
    assert home.contacts == []
    await prompt(line)
    assert home.connections == 1


@pytest.mark.parametrize(
    "line", ["ping -c 1 laptop", "ping -c1 192.168.1.10", "traceroute laptop.lan", "etherwake 3c:22:fb:10:20:30"]
)
async def test_it_is_noticed_without_a_connection_too(prompt, line):
    await prompt(line)
    assert len(prompt.system.home.contacts) >= 1
    assert prompt.system.home.connections == 0


@pytest.mark.parametrize(
    "line",
    ["ssh", "ssh 198.51.100.7", "telnet", "telnet 192.168.1.99", "nc", "nc 192.168.1.10 9", "wget", "wget http://x.y/"],
)
async def test_elsewhere_nothing_answers(prompt, line):
    await prompt(line)
    assert prompt.status != 0
    assert prompt.system.home.contacts == []


async def test_the_home_computer_gives_up_what_it_holds(prompt):
    assert await prompt("wget -qO- http://laptop.lan/") == "private files of the home\n"
    assert prompt.system.home.bytes_received > 0

"""OpenWrt's own commands report and change the router's state."""

import json

import pytest


async def test_a_channel_is_changed_as_reps_do_it(prompt):
    assert "Channel: 36 (5 GHz)" in await prompt("iwinfo wlan0 info")
    await prompt("uci set wireless.radio0.channel='44'")
    assert await prompt("uci changes") == "wireless.radio0.channel='44'\n"
    await prompt("wifi reload")
    assert "Channel: 36" in await prompt("iwinfo wlan0 info")
    await prompt("uci commit wireless && wifi reload")
    assert "Channel: 44" in await prompt("iwinfo wlan0")
    assert "option channel '44'" in await prompt("cat /etc/config/wireless")
    assert await prompt("uci get wireless.radio0.channel") == "44\n"


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("ubus call system board", "model", "TP-Link Archer C7 v5"),
        ("ubus call network.interface.wan status", "l3_device", "pppoe-wan"),
        ("ifstatus wan", "proto", "pppoe"),
        ("ifstatus wan6", "proto", "dhcpv6"),
        ("ifstatus lan", "up", True),
    ],
)
async def test_reports_are_json(prompt, line, key, value):
    assert json.loads(await prompt(line))[key] == value


@pytest.mark.parametrize(
    "line",
    [
        "ubus call system info",
        "ubus call network.interface dump",
        "ubus call network.wireless status",
        "ubus call network.device status",
        "ubus call dhcp ipv4leases",
        "ubus call iwinfo devices",
        "wifi status",
    ],
)
async def test_other_reports_are_json_too(prompt, line):
    assert json.loads(await prompt(line))


async def test_the_line_goes_down_and_up(prompt):
    await prompt("ifdown wan")
    assert json.loads(await prompt("ifstatus wan"))["up"] is False
    assert "default" not in await prompt("ip route")
    await prompt("ifup wan")
    assert json.loads(await prompt("ifstatus wan"))["up"] is True
    assert "default via 203.0.113.1" in await prompt("ip -4 route show default")
    assert "'wan' is now up" in await prompt("logread | tail -n 1")


async def test_services_restart(prompt):
    assert await prompt("/etc/init.d/network restart") == ""
    assert "network: restart" in await prompt("logread | tail -n 2")
    assert await prompt("service dnsmasq status") == "running\n"
    await prompt("/etc/init.d/nosuch restart")
    assert prompt.status == 127
    await prompt("/etc/init.d/network")
    assert prompt.status == 1


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("uci get wireless.nosuch", 1),
        ("uci nosuch", 255),
        ("uci", 255),
        ("uci set x", 255),
        ("ubus call nosuch nosuch", 4),
        ("ifstatus nosuch", 1),
        ("ifstatus", 1),
        ("ifup nosuch", 1),
        ("ifdown", 1),
        ("iwinfo nosuch info", 1),
        ("iwinfo wlan0 nosuch", 1),
        ("wifi nosuch", 1),
    ],
)
async def test_a_wrong_call_fails(prompt, line, status):
    await prompt(line)
    assert prompt.status == status


async def test_wifi_and_home_can_be_looked_at(prompt):
    assert "A4:83:E7:5B:11:02" in await prompt("iwinfo wlan0 assoclist")
    assert "Neighbour" in await prompt("iwinfo wlan1 scan")
    assert "Channel 13" in await prompt("iwinfo wlan1 freqlist")
    assert (await prompt("iwinfo")).count("ESSID") == 2
    assert "192.168.1.10 laptop" in await prompt("cat /tmp/dhcp.leases")


async def test_the_log_can_be_narrowed(prompt):
    assert (await prompt("logread -l 2")).count("\n") == 2
    assert "hostapd" in await prompt("logread -e hostapd")
    assert "netifd" not in await prompt("logread -e hostapd")
    assert "Linux version" in await prompt("dmesg | head -n 1")


async def test_other_uci_commands(prompt):
    assert "wireless.radio0=wifi-device" in await prompt("uci show")
    assert "config wifi-device 'radio0'" in await prompt("uci export wireless")
    assert (await prompt("uci add firewall rule")).startswith("cfg")
    await prompt("uci add_list dhcp.lan.dhcp_option=6,1.1.1.1; uci delete wireless.radio0.htmode; uci revert wireless")
    assert await prompt("uci get wireless.radio0.htmode") == "VHT80\n"
    assert await prompt("uci -q get nosuch.x") == ""
    assert prompt.err == b""


async def test_what_the_gateway_must_never_send_does_its_work_here(prompt):
    assert "bank.example" in await prompt("tcpdump -ni br-lan port 53")
    assert await prompt("opkg list-installed")
    assert await prompt("opkg install nmap")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("iw dev", "Interface wlan0"),
        ("brctl show", "br-lan"),
        ("nft list ruleset", "table inet fw4"),
        ("devstatus br-lan", '"carrier": true'),
        ("which uci ssh", "/usr/bin/uci\n/usr/bin/ssh\n"),
        ("pidof dnsmasq", "2044"),
        ("mount | grep tmpfs", "tmpfs on /tmp"),
        ("uci set wireless.radio1.channel=1; uci commit; reload_config; iwinfo wlan1 | grep Channel:", "Channel: 1 "),
    ],
)
async def test_smaller_commands_that_reps_use(prompt, line, expected):
    assert expected in await prompt(line)
    assert prompt.status == 0


@pytest.mark.parametrize("line", ["devstatus nosuch", "devstatus", "which nosuch", "pidof nosuch"])
async def test_what_they_do_not_find_fails(prompt, line):
    await prompt(line)
    assert prompt.status == 1

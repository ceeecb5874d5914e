"""What `gateway/policy/hosts.py` promises."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy import hosts
from gateway.policy.verdict import Site

HOME = Site(lan=(ip_network("192.168.1.0/24"), ip_network("fd00::/64"), ip_network("2001:db8:7::/64")))


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("9.9.9.9", "9.9.9.9"),
        ("192.168.1.10", "192.168.1.10"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fd00::5", "fd00::5"),
        ("Example.COM", "example.com"),
        ("printer", "printer"),
        ("_sip._tcp.isp.example", "_sip._tcp.isp.example"),
    ],
)
def test_plain_spellings_have_one_canonical_form(typed: str, sent: str) -> None:
    assert hosts.host(typed) == sent


@pytest.mark.parametrize(
    "typed",
    [
        "3232235786",
        "0xc0a8010a",
        "0300.0250.0001.0012",
        "192.168.1",
        "192.168.1.010",
        "192.168.1.256",
        "1.2.3.4.",
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "0.1.2.3",
        "255.255.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "169.254.1.1",
        "::1",
        "::",
        "::ffff:192.168.1.10",
        "::ffff:c0a8:010a",
        "::192.168.1.10",
        "64:ff9b::c0a8:10a",
        "2002:c0a8:010a::1",
        "fe80::1",
        "fe80::1%br-lan",
        "ff02::1",
        "localhost",
        "a.localhost",
        "192-168-1-10.nip.io",
        "-c",
        "-.example.com",
        "a..b",
        "a b",
        "a;b",
        "$(id)",
        "ex\u0430mple.com",
        "\u0661\u0662.1.1.1",
        "",
        "x" * 254,
        "1.2.3.4\n",
    ],
)
def test_odd_spellings_and_special_addresses_are_refused(typed: str) -> None:
    assert hosts.host(typed) is None


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("192.168.1.10", "home"),
        ("192.168.1.255", None),
        ("192.168.1.0", None),
        ("fd00::1:2", "home"),
        ("2001:db8:7::9", "home"),
        ("2001:db8:8::9", "outside"),
        ("9.9.9.9", "outside"),
        ("10.20.30.40", "home"),
        ("172.20.0.1", "home"),
        ("172.32.0.1", "outside"),
        ("fc00:1::1", "home"),
        ("100.64.0.1", "outside"),
        ("nas.lan", "home"),
        ("tv.local", "home"),
        ("x.home.arpa", "home"),
        ("fritz.box", "home"),
        ("printer", "home"),
        ("example.com", "outside"),
        ("lan.example.com", "outside"),
    ],
)
def test_what_is_in_the_home(host: str, where: str | None) -> None:
    assert hosts.where(host, HOME) == where


def test_the_providers_own_private_prefixes_are_outside() -> None:
    site = Site(lan=HOME.lan, provider=(ip_network("10.0.0.0/8"), ip_network("192.168.0.0/16")))
    assert hosts.where("10.20.30.40", site) == "outside"
    assert hosts.where("192.168.1.10", site) == "home", "the home wins over the provider's prefixes"


def test_point_to_point_prefixes_have_no_broadcast() -> None:
    assert hosts.where("192.0.2.1", Site(lan=(ip_network("192.0.2.0/31"),))) == "home"


@given(st.text(max_size=60))
def test_a_canonical_host_is_canonical_and_plain(text: str) -> None:
    sent = hosts.host(text)
    if sent is not None:
        assert hosts.host(sent) == sent
        assert not set(sent) - set("abcdefghijklmnopqrstuvwxyz0123456789.:_-")
        assert not sent.startswith("-")


@given(st.ip_addresses())
def test_addresses_of_the_home_are_never_outside(ip) -> None:
    sent = hosts.host(str(ip))
    if sent is not None and any(ip in net for net in HOME.lan):
        assert hosts.where(sent, HOME) != "outside"


@pytest.mark.parametrize("mask", ["255.255.255.0", "255.255.255.252", "0.0.0.0", "255.255.255.255"])
def test_netmasks(mask: str) -> None:
    assert hosts.netmask(mask) == mask


@pytest.mark.parametrize("mask", ["0.0.0.255", "255.0.255.0", "24", "255.255.255", "255.255.255.0x0"])
def test_what_is_no_netmask(mask: str) -> None:
    assert hosts.netmask(mask) is None


@pytest.mark.parametrize(("typed", "sent"), [("10.0.0.0/24", "10.0.0.0/24"), ("FD00::/64", "fd00::/64")])
def test_prefixes(typed: str, sent: str) -> None:
    assert hosts.prefix(typed) == sent


@pytest.mark.parametrize(
    "typed", ["10.0.0.1/24", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/2\u0664", "::1.2.3.4/128", "a/8", "fe80::%1/64"]
)
def test_what_is_no_prefix(typed: str) -> None:
    assert hosts.prefix(typed) is None


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("https://fw.isp.example/a/b.bin", "https://fw.isp.example/a/b.bin"),
        ("tftp://FW.isp.example:69/x", "tftp://fw.isp.example:69/x"),
        ("http://[2001:DB8::1]/x", "http://[2001:db8::1]/x"),
    ],
)
def test_firmware_urls(typed: str, sent: str) -> None:
    assert hosts.firmware_url(typed) == sent


@pytest.mark.parametrize(
    "typed",
    [
        "https://fw.isp.example@198.51.100.8/x",
        "https://user:pass@fw.isp.example/x",
        "https://fw.isp.example/../x",
        "https://fw.isp.example/x?y",
        "https://fw.isp.example/x#y",
        "https://fw.isp.example/%2e%2e",
        "https://fw.isp.example:99999/x",
        "https://fw.isp.example:0/x",
        "https://fw.isp.example/",
        "https:///x",
        "https://0x7f.1/x",
        "file:///etc/passwd",
        "https://fw.isp.example/x y",
        "https://[::1/x",
    ],
)
def test_what_is_no_firmware_url(typed: str) -> None:
    assert hosts.firmware_url(typed) is None


def test_the_host_of_a_firmware_url() -> None:
    assert hosts.url_host("https://fw.isp.example:8443/a") == "fw.isp.example"

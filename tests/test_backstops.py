"""The pages on what routers refuse show the files that are tested, say truly which are, and the access files hold.

The files themselves run in tests/real/test_backstop_*.py. Counterpart of the access files: tests/rpcd_rules.py.
"""

import json
import re
from pathlib import Path

import pytest

from gateway.policy.decide import decide
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.verdict import Allow, Position
from tests.real.table_lines import bundle
from tests.rpcd_rules import Session, login, unauthenticated

HOWTO = Path(__file__).resolve().parent.parent / "docs/howto"
FILES = HOWTO / "backstop"
OPENWRT = FILES / "openwrt"
PAGES = sorted(HOWTO.glob("backstop-*.md"))

# Which test runs a file; all others must be called untested on their page.
RUN_BY = {
    "frr/gw-support.sudoers": "backstop_frr.py",
    "frr/gw-vtysh": "backstop_frr.py",
    "frr/sshd.conf": "backstop_frr.py",
    "openwrt/authorized_keys": "backstop_openwrt.py",
    "openwrt/gw-shell": "backstop_openwrt.py",
    "openwrt/gw-shell.allow": "backstop_openwrt.py",
    "openwrt/no-pivot.nft": "test_backstop_nftables.py",
}
IN_PART = {"openwrt/dropbear.config", "openwrt/firewall.config"}
MODELLED = {"openwrt/gw-support.json", "openwrt/gw-wireless.json", "openwrt/rpcd.config"}

_SHOWN = re.compile(
    r"^\*\*(Tested|Tested in part|Checked against a model|Untested)\*\*[^\n]*\]\(backstop/([^)]+)\)[^\n]*\n\n"
    r"```\w*\n(.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def shown() -> dict[str, tuple[str, str]]:
    """File -> what its page calls it, and the text there."""
    found = [match for page in PAGES for match in _SHOWN.findall(page.read_text())]
    assert len({name for _, name, _ in found}) == len(found), "a file is shown twice"
    return {name: (mark, text) for mark, name, text in found}


def expected_mark(name: str) -> str:
    if name in RUN_BY:
        return "Tested"
    if name in IN_PART:
        return "Tested in part"
    return "Checked against a model" if name in MODELLED else "Untested"


def test_every_file_is_shown_on_a_page():
    files = {str(path.relative_to(FILES)) for path in FILES.rglob("*") if path.is_file()}
    assert files == set(shown())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_is_a_file_with_a_mark(page):
    text = page.read_text()
    assert text.count("\n```") == 2 * len(_SHOWN.findall(text))


@pytest.mark.parametrize("name", sorted(shown()))
def test_the_page_shows_the_file_and_says_truly_whether_it_was_tested(name):
    mark, text = shown()[name]
    assert text == (FILES / name).read_text()
    assert mark == expected_mark(name)
    if name in RUN_BY:
        source = (Path(__file__).parent / "real" / RUN_BY[name]).read_text()
        assert Path(name).name in source


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_index_page_leads_to_every_platform(page):
    assert f"]({page.name})" in (HOWTO / "backstops.md").read_text()


# --- the access files of rpcd, against the model of its rules ---------------------------------------------------------


def session(*groups: str) -> Session:
    """The gateway's login, with more groups in its lists than the file has."""
    text = (OPENWRT / "rpcd.config").read_text()
    text += "".join(f"\tlist write '{group}'\n" for group in groups)
    found = login(text, "gw", sorted(OPENWRT.glob("*.json")))
    assert found is not None
    return found


ALLOWED = [
    ("system", "board"),
    ("system", "info"),
    ("network.interface", "dump"),
    ("network.interface.wan", "status"),
    ("network.interface.wan", "up"),
    ("network.interface.wan", "down"),
    ("network.device", "status"),
    ("iwinfo", "devices"),
    ("iwinfo", "info"),
    ("iwinfo", "freqlist"),
    ("log", "read"),
    ("dsl", "metrics"),
]
REFUSED = [
    ("system", "reboot"),
    ("system", "sysupgrade"),
    ("system", "watchdog"),
    ("network", "restart"),
    ("network.interface", "down"),
    ("network.interface.lan", "down"),
    ("network.interface.lan", "status"),
    ("network.interface.wan", "add_device"),
    ("network.interface.wan6", "down"),
    ("network.device", "set_state"),
    ("iwinfo", "scan"),
    ("iwinfo", "assoclist"),
    ("log", "write"),
    ("file", "exec"),
    ("file", "read"),
    ("file", "write"),
    ("rc", "init"),
    ("rc", "list"),
    ("service", "set"),
    ("session", "grant"),
    ("session", "create"),
    ("session", "list"),
    ("luci", "setPassword"),
    ("luci", "setInitAction"),
    ("luci-rpc", "getHostHints"),
    ("luci-rpc", "getDHCPLeases"),
    ("rpc-sys", "password_set"),
    ("rpc-sys", "packagelist"),
    ("hostapd.wlan0", "get_clients"),
    ("hostapd.wlan0", "wps_start"),
    ("dhcp", "ipv4leases"),
    ("dnsmasq", "metrics"),
    ("uci", "get"),
    ("uci", "set"),
    ("uci", "commit"),
    ("uci", "apply"),
    ("SYSTEM", "board"),
    ("system", "*"),
    ("*", "*"),
    ("", ""),
]


@pytest.mark.parametrize(("thing", "function"), ALLOWED)
def test_the_access_file_allows(thing, function):
    assert session().call(thing, function, {"config": "wireless"})


@pytest.mark.parametrize(("thing", "function"), REFUSED)
def test_the_access_file_refuses(thing, function):
    assert not session().call(thing, function, {"config": "wireless"})


def test_the_list_above_is_the_whole_access_file():
    granted = json.loads((OPENWRT / "gw-support.json").read_text())["gw-support"]
    pairs = {
        (thing, function)
        for kind in ("read", "write")
        for thing, functions in granted[kind]["ubus"].items()
        for function in functions
    }
    assert pairs == set(ALLOWED)
    assert set(granted) == {"description", "read", "write"}
    assert {scope for kind in ("read", "write") for scope in granted[kind]} == {"ubus"}


@pytest.mark.parametrize(("thing", "function"), ALLOWED)
def test_what_the_access_file_allows_the_gateway_would_send_as_a_line(thing, function):
    argument = """ '{"device":"wlan0"}'""" if (thing, function) in {("iwinfo", "info"), ("iwinfo", "freqlist")} else ""
    line = f"ubus call {thing} {function}{argument}"
    verdict = decide(bundle("openwrt"), TEST_SITE, Position("openwrt", "shell"), line, EVERYTHING, NOW)
    assert isinstance(verdict, Allow)


def test_the_wireless_group_writes_that_file_and_reads_nothing():
    wireless = session("gw-wireless")
    assert wireless.call("uci", "set", {"config": "wireless"})
    assert wireless.call("uci", "commit", {"config": "wireless"})
    for config in ("firewall", "network", "dropbear", "rpcd", "wireless.", "wireles"):
        assert not wireless.call("uci", "set", {"config": config})
    assert not wireless.call("uci", "get", {"config": "wireless"})
    assert not wireless.call("uci", "add", {"config": "wireless"})
    assert not wireless.call("file", "exec")


def test_a_file_under_uci_alone_opens_no_call(tmp_path):
    """uhttpd asks for the call itself first: without `uci` among the objects nothing gets as far as the file."""
    only = tmp_path / "only.json"
    only.write_text('{"gw-support": {"write": {"uci": ["wireless"]}}}')
    found = login((OPENWRT / "rpcd.config").read_text(), "gw", [only])
    assert found is not None
    assert found.access("uci", "wireless", "write")
    assert not found.call("uci", "set", {"config": "wireless"})


def test_nobody_else_gets_these_rights():
    files = sorted(OPENWRT.glob("*.json"))
    assert login((OPENWRT / "rpcd.config").read_text(), "root", files) is None
    assert unauthenticated(files).grants == frozenset()


def test_the_model_follows_patterns_negations_and_write_implies_read(tmp_path):
    files = [tmp_path / "all.json"]
    files[0].write_text('{"a": {"read": {"ubus": {"net*": ["st?tus"]}}, "write": {"ubus": {"*": ["*"]}}}}')

    def rights(*lists: str) -> Session:
        text = "config login\n\toption username 'u'\n" + "".join(f"\tlist {entry}\n" for entry in lists)
        found = login(text, "u", files)
        assert found is not None
        return found

    assert rights("read 'a'").call("network", "status")
    assert not rights("read 'a'").call("network", "stattus")
    assert not rights("read 'a'").call("system", "status")
    assert rights("write '*'").call("system", "reboot")
    assert rights("write '*'").call("network", "status")
    assert not rights("read '*'", "read '!a'").call("network", "status")
    assert not rights("write '*'", "write '! a'").call("network", "status")
    with pytest.raises(NotImplementedError):
        rights("write '*'").call("file", "exec")
    with pytest.raises(NotImplementedError):
        rights("write '*'").call("uci", "apply")

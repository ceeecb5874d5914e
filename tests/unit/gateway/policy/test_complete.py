"""What `gateway/policy/complete.py` promises."""

import pytest

from gateway.policy.capabilities import SCOPE
from gateway.policy.complete import Completion, HelpLine, complete, help_lines, help_text
from gateway.policy.selftest import EVERYTHING
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Position, Rights

IOS = Position("ios", "privileged")
SHELL = Position("openwrt", "shell")
NOTHING = Rights(scope=frozenset(), deadline=EVERYTHING.deadline)


@pytest.mark.parametrize(
    ("line", "candidates", "insertion"),
    [
        ("sh", ("show",), "ow "),
        ("SH", ("show",), "ow "),
        ("show ", ("ip", "version"), ""),
        ("show i", ("ip",), "p "),
        ("sh ip int b", ("brief",), "rief "),
        ("show version | i", ("include",), "nclude "),
        ("show version |", ("begin", "count", "exclude", "include", "section"), ""),
        ("ping 9.9.9.9 s", ("size", "source"), ""),
        ("ping 9.9.9.9 si", ("size",), "ze "),
        ("tel", (), ""),
        ("a", (), ""),
        ("nosuch x", (), ""),
        ("show version | nosuch x", (), ""),
        ("ping 9.9.9.9 | i", (), ""),
        ('show "', (), ""),
        ("show \x00", (), ""),
        ("sh\u043ew", (), ""),
    ],
)
def test_words_of_the_router(bundle: PolicyBundle, line: str, candidates: tuple[str, ...], insertion: str) -> None:
    assert complete(bundle, IOS, line, EVERYTHING) == Completion(candidates, insertion)


@pytest.mark.parametrize(
    ("line", "candidates", "insertion"),
    [
        ("upt", ("uptime",), "ime "),
        ("uptime; wi", ("wifi",), "fi "),
        ("uptime && ", ("cat", "fw", "ifdown", "ifup", "logread", "ping", "reboot", "uci", "uptime", "wifi"), ""),
        ("uci set wirel", ("wireless.",), "ess."),
        ("cat /proc/u", ("/proc/uptime",), "ptime "),
        ("logread | ", ("grep", "tail"), ""),
        ("logread | gr", ("grep",), "ep "),
        ("'upt", (), ""),
        ("ss", (), ""),
    ],
)
def test_words_of_a_shell(bundle: PolicyBundle, line: str, candidates: tuple[str, ...], insertion: str) -> None:
    assert complete(bundle, SHELL, line, EVERYTHING) == Completion(candidates, insertion)


def test_tab_offers_only_what_the_subscriber_granted(bundle: PolicyBundle) -> None:
    assert "reboot" not in complete(bundle, SHELL, "", NOTHING).candidates
    assert "reboot" in complete(bundle, SHELL, "", EVERYTHING).candidates
    ended = Rights(scope=frozenset(SCOPE), deadline=EVERYTHING.deadline, ended="revoked")
    assert complete(bundle, SHELL, "", ended) == Completion()
    assert help_lines(bundle, SHELL, "", ended) == ()


def test_help_lists_next_words_and_the_consent_they_need(bundle: PolicyBundle) -> None:
    found = {entry.word: entry.needs for entry in help_lines(bundle, SHELL, "", NOTHING)}
    assert found["reboot"] == ("device.reboot",)
    assert found["uptime"] == ()
    assert found["ping"] == (), "the router's own test needs no consent"
    assert "ssh" not in found
    assert HelpLine("logread", "log of the router") in help_lines(bundle, SHELL, "log?", NOTHING)


def test_help_shows_arguments_and_where_a_line_may_end(bundle: PolicyBundle) -> None:
    words = [entry.word for entry in help_lines(bundle, IOS, "show ip interface ?", NOTHING)]
    assert words == ["<iface>", "brief", "<cr>"]
    words = [entry.word for entry in help_lines(bundle, IOS, "ping ", NOTHING)]
    assert words == ["<host>", "vrf"]
    words = [entry.word for entry in help_lines(bundle, SHELL, "uci set wireless.radio0.", NOTHING)]
    assert "wireless.<radio>.channel=<chan>" in words
    words = [entry.word for entry in help_lines(bundle, IOS, "show version | ", NOTHING)]
    assert words == ["begin", "count", "exclude", "include", "section"]


def test_help_follows_the_position_within_a_line(bundle: PolicyBundle) -> None:
    assert help_text(bundle, Position("ios", "config", "interface Dialer2"), "ip ?", NOTHING) == "  mtu\n"
    assert help_text(bundle, Position("ios", "config", "config-line"), "?", NOTHING) == "  end\n  exit\n"
    assert help_text(bundle, IOS, "nosuch ?", NOTHING) == ""
    assert help_text(bundle, Position("junos", "exec"), "?", NOTHING) == ""
    assert "reboot                 [needs consent: device.reboot]\n" in help_text(bundle, SHELL, "?", NOTHING)


def test_partial_arguments_rule_out_what_they_cannot_become(bundle: PolicyBundle) -> None:
    words = [entry.word for entry in help_lines(bundle, SHELL, "uci set network.", NOTHING)]
    assert words == ["network.wan.dns=<dns>"]

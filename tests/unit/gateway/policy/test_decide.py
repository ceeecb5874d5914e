"""What `gateway/policy/decide.py` promises."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.capabilities import CAPABILITIES, SCOPE
from gateway.policy.decide import decide, own_line
from gateway.policy.errors import PolicyError
from gateway.policy.load import compile_bundle
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Allow, Deny, Position, Rights, Site

NOBODY: frozenset[str] = frozenset()


def test_an_allowed_line_carries_all_that_follows_from_it(ios, bundle: PolicyBundle) -> None:
    verdict = ios("clear int di2")
    assert isinstance(verdict, Allow)
    assert (verdict.canonical, verdict.shown, verdict.typed_shown) == (
        "clear interface Dialer2",
        "clear interface Dialer2",
        "clear int di2",
    )
    assert (verdict.capability, verdict.capabilities, verdict.confirm) == (
        "service.restart",
        ("service.restart",),
        True,
    )
    assert verdict.answers == ((r"\[confirm\]", "\r"),)
    assert verdict.rule_id == "ios.3.1"
    assert verdict.policy_digest == bundle.digest
    assert not verdict.leaves


def test_only_the_decision_makes_an_allow() -> None:
    with pytest.raises(TypeError, match="decide only"):
        Allow(
            canonical="x",
            shown="x",
            typed_shown="x",
            capability="x",
            capabilities=(),
            rule_id="x",
            policy_digest="x",
            confirm=False,
            mint=object(),
        )


def test_the_end_of_the_access_comes_first(bundle: PolicyBundle) -> None:
    here = Position("ios", "privileged")
    for rights, said in (
        (Rights(scope=NOBODY, deadline=EVERYTHING.deadline, ended="the subscriber revoked the consent"), "revoked"),
        (Rights(scope=NOBODY, deadline=NOW), "time"),
        (Rights(scope=NOBODY, deadline=NOW - timedelta(seconds=1)), "time"),
    ):
        for line in ("show version", "telnet 1.2.3.4", "\x00", ""):
            verdict = decide(bundle, TEST_SITE, here, line, rights, NOW)
            assert isinstance(verdict, Deny)
            assert verdict.kind == "ended"
            assert said in verdict.reason


@pytest.mark.parametrize(
    ("line", "kind", "capability", "rule", "said"),
    [
        ("telnet 192.168.1.99", "never", "pivot.telnet", "ios.11.1", "Onward login is not possible."),
        ("show version | tee x", "never", "exfil.redirect", "ios.f.tee", "cannot be copied"),
        ("show version | nosuch x", "unknown", "unknown.command", "ios.filter", "filter"),
        ("192.168.1.99", "unknown", "unknown.command", "ios.default", "not offered here"),
        ("show nosuch", "unknown", "unknown.command", "ios.default", "After “show”, word 2"),
        ("show ip", "unknown", "unknown.command", "ios.incomplete", "“show ip” is not complete"),
        ("a", "ambiguous", "unknown.command", "ios.ambiguous", "access-enable, archive"),
        ("show\x00", "invalid", "parse.invalid", "ios.lexer", "cannot be printed"),
        ("ping 192.168.1.255", "never", "pivot.scan", "ios.2.1", "subscriber's home"),
        ("ping 224.0.0.1", "unknown", "unknown.command", "ios.default", "word 2"),
    ],
)
def test_every_refusal_has_a_reason_and_a_rule(
    ios, line: str, kind: str, capability: str, rule: str, said: str
) -> None:
    verdict = ios(line)
    assert isinstance(verdict, Deny)
    assert (verdict.kind, verdict.capability, verdict.rule_id) == (kind, capability, rule)
    assert said in verdict.reason
    assert verdict.reason.endswith(".")
    assert verdict.askable is None


def test_no_table_no_lines(bundle: PolicyBundle) -> None:
    for platform, mode in (("junos", "exec"), ("ios", "shell")):
        verdict = decide(bundle, TEST_SITE, Position(platform, mode), "show version", EVERYTHING, NOW)
        assert isinstance(verdict, Deny)
        assert verdict.rule_id == f"{platform}.position"


def test_what_the_subscriber_did_not_tick_can_be_asked_for(ios) -> None:
    verdict = ios("ping 192.168.1.10", scope=NOBODY)
    assert isinstance(verdict, Deny)
    assert (verdict.kind, verdict.askable, verdict.capability) == ("scope", "lan.hosts.probe", "lan.hosts.probe")
    granted = ios("ping 192.168.1.10", scope=frozenset({"lan.hosts.probe"}))
    assert isinstance(granted, Allow)
    assert granted.capability == "lan.hosts.probe"
    public = ios("ping 9.9.9.9", scope=NOBODY)
    assert isinstance(public, Allow)
    assert public.capability == "diagnose.probe"


def test_each_scope_opens_its_own_lines_only(shell) -> None:
    lines = {
        "cat /tmp/dhcp.leases": "lan.hosts.read",
        "uci get wireless.x.key": "wifi.credentials.read",
        "uci set wireless.x.ssid=New": "wifi.ssid.write",
        "uci set wireless.x.key=NewSecret1": "wifi.credentials.write",
        "uci set network.wan.dns=203.0.113.53": "dns.change",
        "fw https://fw.isp.example/a.bin": "device.firmware",
        "reboot": "device.reboot",
        "ping nas.lan": "lan.hosts.probe",
    }
    for line, needed in lines.items():
        assert isinstance(shell(line, scope=frozenset({needed})), Allow), line
        verdict = shell(line, scope=frozenset(SCOPE) - {needed})
        assert isinstance(verdict, Deny)
        assert (verdict.kind, verdict.askable) == ("scope", needed)


@pytest.mark.parametrize(
    ("line", "capability"),
    [
        ("uci set network.wan.dns=198.51.100.8", "lan.hijack"),
        ("fw https://198.51.100.8/a.bin", "device.firmware_untrusted"),
        ("fw https://fw.isp.example.evil.example/a.bin", "device.firmware_untrusted"),
    ],
)
def test_values_outside_the_approved_lists_are_never_sent(shell, line: str, capability: str) -> None:
    verdict = shell(line)
    assert isinstance(verdict, Deny)
    assert (verdict.kind, verdict.capability) == ("never", capability)


def test_a_host_of_the_home_is_refused_where_the_row_has_no_word_for_it(bundle: PolicyBundle) -> None:
    own = Site(lan=TEST_SITE.lan, approved_dns=frozenset({"192.168.1.53"}))
    verdict = decide(bundle, own, Position("openwrt", "shell"), "uci set network.wan.dns=192.168.1.53", EVERYTHING, NOW)
    assert isinstance(verdict, Allow), "an approved name server is a value, not a host to talk to"


def test_a_line_of_several_commands_is_as_good_as_its_worst(shell) -> None:
    verdict = shell("uci set wireless.radio1.channel='36' && uci commit wireless; uptime")
    assert isinstance(verdict, Allow)
    assert verdict.canonical == "uci set wireless.radio1.channel=36 && uci commit wireless; uptime"
    assert (verdict.capability, verdict.confirm) == ("wifi.radio.write", True)
    assert verdict.capabilities == ("wifi.radio.write", "config.commit", "diagnose.read")
    for line, kind in (
        ("uptime; nosuch", "unknown"),
        ("uptime; nosuch; ssh x", "never"),
        ("uptime; reboot; nosuch", "unknown"),
        ("uptime && reboot", "scope"),
    ):
        denied = shell(line, scope=NOBODY)
        assert isinstance(denied, Deny), line
        assert denied.kind == kind


def test_secrets_are_sent_but_never_shown(shell, ios) -> None:
    for verdict in (
        shell("uci set wireless.x.key='Blue99 Horse' && wifi reload"),
        ios("wpa-psk asc 0 Blue99 Horse", "config", "config-ssid"),
    ):
        assert isinstance(verdict, Allow)
        assert "Blue99 Horse" in verdict.canonical
        assert "Blue99" not in verdict.shown + verdict.typed_shown + repr(verdict)
        assert "<redacted>" in verdict.shown
        assert "<redacted>" in verdict.typed_shown


@pytest.mark.parametrize(
    "line",
    [
        "uci set wireless.x.key='Blue99Horse'; ssh x",
        "uci set wireless.x.key='Blue99Horse'; uptime x",
        "uci set wireless.x.key='Blue99Horse' extra",
        "uci set wireless.x.key=Blue99Horse $x",
        "uci set nosuch.key=Blue99Horse",
    ],
)
def test_secrets_in_refused_lines_are_not_shown_either(shell, line: str) -> None:
    verdict = shell(line)
    assert isinstance(verdict, Deny)
    assert "Blue99" not in repr(verdict)


def test_secrets_in_lines_of_a_refusing_row_are_not_shown() -> None:
    table = b"""
platform: x1
lexer: {kind: words}
modes: [config]
commands:
- {cap: persist.user, cmd: ["username <name> secret <word>"]}
- {cap: session.control, cmd: [end]}
"""
    position = Position("x1", "config")
    for line in ("username admin secret Blue99Horse", "username admin secret Blue99Horse role x"):
        verdict = decide(compile_bundle({"x1.yaml": table}), TEST_SITE, position, line, EVERYTHING, NOW)
        assert isinstance(verdict, Deny)
        assert verdict.capability == "persist.user"
        assert verdict.typed_shown == "username admin secret <redacted>"


def test_tabs_are_blanks_in_the_record(ios) -> None:
    assert ios("show\tversion").typed_shown == "show version"


def test_a_secret_refused_for_its_scope_is_not_shown(shell) -> None:
    verdict = shell("uci set wireless.x.key=Blue99Horse", scope=NOBODY)
    assert isinstance(verdict, Deny)
    assert verdict.typed_shown == "uci set wireless.x.key=<redacted>"


def test_help_is_marked_and_sends_nothing(ios) -> None:
    for line, capability in (
        ("show version ?", "diagnose.read"),
        ("show ?", "session.control"),
        ("?", "session.control"),
    ):
        verdict = ios(line)
        assert isinstance(verdict, Allow)
        assert (verdict.help, verdict.canonical, verdict.capability) == (True, "", capability)
    ambiguous = ios("a?")
    assert isinstance(ambiguous, Allow), "the beginning of a word is what help is asked for"
    refused = ios("telnet ?")
    assert isinstance(refused, Deny)
    assert refused.help


def test_help_promises_nothing_of_what_the_command_would_do(ios, shell) -> None:
    entering = ios("conf t ?")
    assert isinstance(entering, Allow)
    assert entering.enters is None
    leaving = shell("reboot ?")
    assert isinstance(leaving, Allow)
    assert (leaving.leaves, leaving.confirm, leaving.canonical) == (False, False, "")


def test_an_empty_line_is_harmless(ios) -> None:
    verdict = ios("  ")
    assert isinstance(verdict, Allow)
    assert (verdict.canonical, verdict.capability, verdict.rule_id) == ("", "session.control", "ios.blank")


def test_commands_that_end_the_session_say_so(ios, shell) -> None:
    assert ios("logout").leaves
    assert shell("uptime; reboot").leaves
    assert shell("reboot").confirm


def test_lines_beyond_the_routers_limit_are_refused(ios, shell) -> None:
    assert isinstance(shell("; ".join(["uptime"] * 100)), Allow)
    assert shell("; ".join(["uptime"] * 200)).rule_id == "openwrt.lexer"
    assert isinstance(ios("show version | include " + "x" * 128), Allow)
    assert isinstance(ios("show version | include " + "x" * 600), Deny)


@pytest.mark.parametrize("character", ["é", "\u00d5", "\u00c8", "\u0455", "\u212a", "\u4e00", "\U0001f600"])
def test_routers_that_know_seven_bits_are_sent_seven_bits(ios, shell, character: str) -> None:
    """IOS drops the top bit of what is typed: \u00d5 (C3 95) would be C and Ctrl-U, and the rest another command."""
    assert ios(f"show version | include {character} reload").rule_id == "ios.lexer"
    assert ios(f"description {character}reload", "config", "config-if").rule_id == "ios.lexer"
    assert ios(f"{character}how version").rule_id == "ios.lexer"
    assert shell(f"logread | grep '{character}'").canonical == f"logread | grep '{character}'"


@given(line=st.text(max_size=60))
def test_every_line_gets_a_verdict_that_can_be_recorded(bundle: PolicyBundle, line: str) -> None:
    for position in (
        Position("ios", "privileged"),
        Position("ios", "config", "config-if"),
        Position("openwrt", "shell"),
    ):
        verdict = decide(bundle, TEST_SITE, position, line, EVERYTHING, NOW)
        verdict.typed_shown.encode()
        assert verdict.typed_shown.isprintable()
        if isinstance(verdict, Allow):
            assert verdict.canonical.isprintable()
            assert CAPABILITIES[verdict.capability].kind != "never"


@pytest.mark.parametrize(
    ("text", "reason", "shown"),
    [
        ("terminal length 0", "preparation", "terminal length 0"),
        (" ", "pager", "<next page>"),
        ("q", "pager", "<end of paging>"),
        ("\x03", "interrupt", "^C"),
        ("\r", "answer", ""),
        ("y", "answer", "y"),
        ("enable-Secret1", "answer", "<redacted>"),
    ],
)
def test_own_lines(bundle: PolicyBundle, text: str, reason, shown: str) -> None:
    allow = own_line(bundle, text, reason)
    assert (allow.canonical, allow.shown, allow.rule_id) == (text, shown, f"own.{reason}")
    assert (allow.capability, allow.confirm) == ("session.control", False)
    assert "Secret" not in repr(allow)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\nb", "preparation"),
        ("", "preparation"),
        ("x" * 254, "preparation"),
        ("\u00e9", "preparation"),
        ("!sh", "pager"),
        ("x", "interrupt"),
        ("a\nb", "answer"),
        ("x" * 129, "answer"),
    ],
)
def test_what_is_no_own_line(bundle: PolicyBundle, text: str, reason) -> None:
    with pytest.raises(PolicyError, match=f"no {reason}"):
        own_line(bundle, text, reason)

"""What `gateway/policy/resolver.py` promises."""

import pytest

from gateway.policy.filters import resolve
from gateway.policy.lexer import LineRefused
from gateway.policy.load import compile_bundle
from gateway.policy.resolver import Stop
from gateway.policy.table import PolicyBundle


def run(bundle: PolicyBundle, platform: str, place: str, text: str) -> list[tuple[str, str]] | Stop:
    table = bundle.tables[platform]
    line = table.lex(text)
    found = resolve(table, place, line.commands[0], line.text)
    return found if isinstance(found, Stop) else [(match.canonical, match.rule.capability) for match in found]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("sh ip int br", "show ip interface brief"),
        ("SHOW VER", "show version"),
        ("show ip interface Gi 0/1", "show ip interface GigabitEthernet0/1"),
        ("show ip interface gi0/1 | i up|down", "show ip interface GigabitEthernet0/1 | include up|down"),
        ("ping 9.9.9.9 size 100 repeat 5", "ping 9.9.9.9 size 100 repeat 5"),
        ("ping vrf X 2001:DB8::1 source Gi 0/0 df", "ping vrf X 2001:db8::1 source GigabitEthernet0/0 df-bit"),
    ],
)
def test_words_are_expanded_one_by_one(bundle: PolicyBundle, typed: str, sent: str) -> None:
    found = run(bundle, "ios", "privileged", typed)
    assert isinstance(found, list)
    assert [canonical for canonical, _ in found] == [sent]


@pytest.mark.parametrize(
    ("typed", "kind", "at"),
    [
        ("xyz", "unknown", 0),
        ("show xyz", "unknown", 1),
        ("a", "ambiguous", 0),
        ("c t", "ambiguous", 0),
        ("show ip", "incomplete", 2),
        ("telnet 1.2.3.4", "never", 1),
        ("show ip access-lists", "unknown", 3),
        ("ping 9.9.9.9 repeat 5 repeat 5", "unknown", 4),
        ("ping 9.9.9.9 repeat 101", "unknown", 3),
        ("ping -c", "unknown", 1),
    ],
)
def test_where_a_line_stops(bundle: PolicyBundle, typed: str, kind: str, at: int) -> None:
    found = run(bundle, "ios", "privileged", typed)
    assert isinstance(found, Stop)
    assert (found.kind, found.at) == (kind, at)


def test_a_complete_refusing_pattern_is_a_match_for_the_decision_to_refuse(bundle: PolicyBundle) -> None:
    assert run(bundle, "ios", "privileged", "telnet") == [("telnet", "pivot.telnet")]


def test_the_rest_of_the_line_is_one_value(bundle: PolicyBundle) -> None:
    found = run(bundle, "ios", "config/interface", "desc  LAN | office;  2nd floor ")
    assert found == [("description LAN | office;  2nd floor", "iface.write")]


def test_values_are_quoted_for_a_shell(bundle: PolicyBundle) -> None:
    found = run(bundle, "openwrt", "shell", 'uci set wireless.default_radio1.ssid="Jones & Sons\' 5"')
    assert found == [("uci set wireless.default_radio1.ssid='Jones & Sons'\\'' 5'", "wifi.ssid.write")]
    found = run(bundle, "openwrt", "shell", "uci get wireless.@wifi-iface[0].key")
    assert found == [("uci get 'wireless.@wifi-iface[0].key'", "wifi.credentials.read")]


def test_no_abbreviation_and_no_other_case_in_a_shell(bundle: PolicyBundle) -> None:
    for typed in ("upt", "Uptime", "UPTIME"):
        assert isinstance(run(bundle, "openwrt", "shell", typed), Stop)


def test_a_prefix_word_looks_up_the_other_mode(bundle: PolicyBundle) -> None:
    assert run(bundle, "ios", "config/interface", "do sh ver | i x") == [
        ("do show version | include x", "diagnose.read")
    ]
    assert isinstance(run(bundle, "ios", "config", "do conf t"), Stop), "commands that move stay out"
    assert isinstance(run(bundle, "ios", "privileged", "do sh ver"), Stop)


def test_words_only_known_give_way_to_rows(bundle: PolicyBundle) -> None:
    found = run(bundle, "ios", "privileged", "archive")
    assert isinstance(found, Stop)
    assert found.kind == "unknown"


TWO_WORDS = b"""
platform: x1
lexer: {kind: words, case: fold}
modes: [exec]
types: {iface: {iface: [Loopback, Dialer, Dot11Radio]}}
commands:
- {cap: counters.clear, cmd: ["clear counters <iface>", "clear counters {line|dial} <1-99>"]}
- {cap: diagnose.read, cmd: ["show interfaces <iface>"]}
- {cap: wifi.status.read, cmd: ["show interfaces dot11Radio <0-9>"]}
"""


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("clear counters lo 5", {"clear counters Loopback5"}),
        ("clear counters line 5", {"clear counters line 5"}),
        ("clear counters dial 5", {"clear counters dial 5"}),
        ("clear counters l 5", None),
        ("clear counters di 5", None),
        ("clear counters l5", {"clear counters Loopback5"}),
        ("show int dot 0", {"show interfaces dot11Radio 0", "show interfaces Dot11Radio0"}),
        ("show int dot11radio 0", {"show interfaces dot11Radio 0", "show interfaces Dot11Radio0"}),
    ],
)
def test_an_interface_in_two_words_beside_keywords(typed: str, sent: set[str] | None) -> None:
    found = run(compile_bundle({"x1.yaml": TWO_WORDS}), "x1", "exec", typed)
    if isinstance(found, Stop):
        assert (sent, found.kind) == (None, "ambiguous")
    else:
        assert {canonical for canonical, _ in found} == sent


CONSOLE = rb"""
platform: console
lexer: {kind: routeros}
modes: [exec]
types: {prop: '[a-z][a-z0-9.-]{0,40}', band: [2ghz-b/g/n, 5ghz-a], num: '\d{1,9}', clock: '\d+:\d+:\d+'}
commands:
- {cap: diagnose.read, cmd: ["print where {<prop>=<text>|<prop>~<text>|<prop>\\><num>|<prop>\\><clock>|!<prop>}"]}
- {cap: wifi.radio.write, cmd: ["set ([frequency=<num>] [band=<band>] [country=<text>] [comment=<text>] [co=<num>])"]}
- {cap: iface.write, cmd: ["note <text>"]}
"""


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ('print where topics~"ppp|error"', 'print where topics~"ppp|error"'),
        ("print where name~ether", "print where name~ether"),
        ('print where address="10.0.0.1/24"', 'print where address="10.0.0.1/24"'),
        ("print where dst-address=0.0.0.0/0", 'print where dst-address="0.0.0.0/0"'),
        ("print where rx-byte>5", "print where rx-byte>5"),
        ('print where rx-byte>"5"', "print where rx-byte>5"),
        ("print where time>12:00:00", 'print where time>"12:00:00"'),
        ("print where !dynamic", "print where !dynamic"),
        ("set fr=2412 b=2ghz-b/g/n", 'set frequency=2412 band="2ghz-b/g/n"'),
        ("set co=5", "set co=5"),
        ('set cou="a $"', None),
        ('set cou="a \\$"', 'set country="a \\24"'),
        ("note co=5", 'note "co=5"'),
        ('note "/system"', 'note "/system"'),
        ('note ":put"', 'note ":put"'),
        ("note a/b:c", "note a/b:c"),
    ],
)
def test_keys_of_routeros_keep_their_quotes_and_may_be_short(typed: str, sent: str | None) -> None:
    bundle = compile_bundle({"console.yaml": CONSOLE})
    if sent is None:
        with pytest.raises(LineRefused):
            run(bundle, "console", "exec", typed)
        return
    found = run(bundle, "console", "exec", typed)
    assert isinstance(found, list)
    assert [canonical for canonical, _ in found] == [sent]
    assert run(bundle, "console", "exec", sent) == found


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("set c=5", "ambiguous"),
        ("set x=5", "unknown"),
        ("set =5", "unknown"),
        ("set f=y", "unknown"),
        ('set "fr=2412"', "unknown"),
        ("set co=x", "unknown"),
    ],
)
def test_a_short_key_is_never_guessed(typed: str, kind: str) -> None:
    found = run(compile_bundle({"console.yaml": CONSOLE}), "console", "exec", typed)
    assert isinstance(found, Stop)
    assert found.kind == kind

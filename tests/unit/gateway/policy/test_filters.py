"""What `gateway/policy/filters.py` promises."""

from types import MappingProxyType

import pytest

from gateway.policy.filters import resolve
from gateway.policy.load import compile_bundle
from gateway.policy.resolver import Stop
from gateway.policy.table import PolicyBundle


def run(bundle: PolicyBundle, platform: str, place: str, text: str) -> list[str] | Stop:
    table = bundle.tables[platform]
    line = table.lex(text)
    found = resolve(table, place, line.commands[0], line.text)
    return found if isinstance(found, Stop) else [match.canonical for match in found]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("show version | i up|down", "show version | include up|down"),
        ("show version|inc a", "show version | include a"),
        ("show version | count  a  b ", "show version | count a  b"),
        ("show version | i a | b", "show version | include a | b"),
    ],
)
def test_the_rest_of_the_line_belongs_to_one_filter(bundle: PolicyBundle, typed: str, sent: str) -> None:
    assert run(bundle, "ios", "privileged", typed) == [sent]


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("show version | foo x", "filter"),
        ("show version | include", "filter"),
        ("ping 9.9.9.9 | include x", "filter"),
        ("show version | red x", "never"),
        ("show version | tee", "never"),
        ("show version | include x | redirect tftp:x", "never"),
        ("show version | include x | t flash:x", "never"),
        ("nosuch | include x", "unknown"),
    ],
)
def test_other_filters_are_refused(bundle: PolicyBundle, typed: str, kind: str) -> None:
    found = run(bundle, "ios", "privileged", typed)
    assert isinstance(found, Stop)
    assert found.kind == kind


def test_a_text_may_hold_the_filter_sign(bundle: PolicyBundle) -> None:
    sent = run(bundle, "ios", "config/interface", "description LAN | redirect to 2nd floor")
    assert sent == ["description LAN | redirect to 2nd floor"]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("logread | grep -iE 'a|b' | tail -5", "logread | grep -i -E 'a|b' | tail -5"),
        ("logread | grep -A3 x", "logread | grep -A 3 x"),
        ("logread | grep -iA3 x", "logread | grep -i -A 3 x"),
        ("logread | grep x -i", "logread | grep x -i"),
        ("logread | grep -i -e x -e y", "logread | grep -i -e x -e y"),
        ("logread | grep -e x /etc/shadow", None),
        ("logread | grep x -e y", None),
        ("logread | grep -e -f /etc/shadow", None),
        ("logread | tail -n 20", "logread | tail -n 20"),
        ("logread | grep '-x'", None),
        ("logread | grep -f /etc/shadow x", None),
        ("logread | grep -if x", None),
        ("logread | grep x /etc/shadow", None),
        ("logread | grep -i -i x", None),
        ("logread | wc -l", None),
        ("logread | tail -n 20 /etc/shadow", None),
        ("logread | sh", None),
        ("logread | grep x | sh -c id", None),
        ("cat /proc/uptime | wc -l", "cat /proc/uptime | wc -l"),
        ("cat /tmp/sysinfo/../../etc/shadow", None),
        ("ping -s 100 -c 3 9.9.9.9", "ping -s 100 -c 3 9.9.9.9"),
        ("ping 9.9.9.9", "ping -c 5 9.9.9.9"),
    ],
)
def test_shell_programs_get_listed_options_only(bundle: PolicyBundle, typed: str, sent: str | None) -> None:
    found = run(bundle, "openwrt", "shell", typed)
    assert (found[0] if isinstance(found, list) else None) == sent


QUOTING = rb"""
platform: x1
lexer: {kind: words, quotes: double, filter_char: "|", filter_chain: true, max_line: 1000}
modes: [exec, config]
prefixes:
- {word: run, in: [config], to: exec}
filters: {match: regex, last: int:1-1000, no-more: none, save: exfil.redirect}
commands:
- {in: [exec], cap: log.read, filters: [match, last, no-more], cmd: ["show log <name>"]}
- {in: [exec], cap: diagnose.read, filters: all, cmd: ["show version"]}
- {in: [exec], cap: diagnose.read, cmd: ["show vlans <who:utf8:1-32>"], send: "show vlans <who> detail"}
- {in: [exec], cap: diagnose.read, cmd: ["show vlans <who:utf8:1-32> detail"]}
- {in: [config], cap: iface.write, cmd: ["set interfaces <name> description <text>", "set tag <utf8:1-4> [mtu <1-9>]"]}
"""


@pytest.mark.parametrize(
    ("place", "typed", "sent"),
    [
        (
            "exec",
            'sh log messages | match "a|b" | last 010 | no-m',
            'show log messages | match "a|b" | last 10 | no-more',
        ),
        ("exec", "show log messages | match a;b", 'show log messages | match "a;b"'),
        ("config", "run sh ver | no-more", "run show version | no-more"),
        ("config", 'set int ge-0/0/1 desc "LAN | office; 2nd"', None),
        ("config", 'set int ge0 desc "LAN | office; 2nd"', 'set interfaces ge0 description "LAN | office; 2nd"'),
        ("config", 'set int ge0 desc "a" mtu 5', None),
        ("config", "set tag ab mtu 5", "set tag ab mtu 5"),
        ("config", "set tag abcde", None),
        ("config", "set int ge0 desc a\\b", None),
        ("exec", '"show" version', None),
        ("exec", "show vlans 'x", 'show vlans "\'x" detail'),
        ("exec", 'show version | save "x"', None),
        ("exec", "show version | match a | save ftp://x", None),
        ("exec", "show version | last 5 6", None),
        ("exec", "show version | match", None),
    ],
)
def test_platforms_with_quotes_and_chained_filters(place: str, typed: str, sent: str | None) -> None:
    found = run(compile_bundle({"x1.yaml": QUOTING}), "x1", place, typed)
    assert (found[0] if isinstance(found, list) else None) == sent


def test_a_filter_that_takes_nothing_ends_there() -> None:
    table = QUOTING.replace(b"filter_chain: true", b"filter_chain: false").replace(b"quotes: double, ", b"")
    table = table.replace(b'"show vlans <who:utf8:1-32> detail"', b'"show more"').replace(b", send: ", b", help: ")
    table = table.replace(b', "set tag <utf8:1-4> [mtu <1-9>]"', b"")
    bundle = compile_bundle({"x1.yaml": table})
    assert run(bundle, "x1", "exec", "show version | no-more") == ["show version | no-more"]
    for typed in ("show version | no-more | match x", "show version | no-more x"):
        assert isinstance(run(bundle, "x1", "exec", typed), Stop)
    whole = run(bundle, "x1", "exec", "show vlans a | save x")
    assert whole == ["show vlans a | save x"], "the name takes the rest of the line here"


def test_no_filters_without_a_list(texts: MappingProxyType[str, bytes]) -> None:
    text = texts["openwrt"].decode().split("filters:", 1)
    table = text[0] + text[1][text[1].index("commands:") :].replace("filters: all, ", "").replace(
        "filters: [grep, tail], ", ""
    )
    found = run(compile_bundle({"openwrt.yaml": table.encode()}), "openwrt", "shell", "uptime | wc -l")
    assert isinstance(found, Stop)
    assert found.kind == "filter"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("sh ver | match CRC|drops", "show version | match CRC|drops"),
        ('show version | match "a|drops" | no-m', 'show version | match "a|drops" | no-more'),
        ("show version | last 5 | match a|x y", "show version | last 5 | match a|x y"),
        ("show version | no-more|match x", "show version | no-more | match x"),
        ("show version | match a|sav x", None),
        ("show version | match a | save", None),
        ("show version | match a|b|save", None),
        ("show version | match a|m", None),
        ("show version | no-more | x", None),
        ("show version | last 5 | x", None),
        ("show version | xyz | match a", None),
    ],
)
def test_chained_filters_without_quotes(typed: str, sent: str | None) -> None:
    table = QUOTING.replace(b"quotes: double, ", b"").replace(b"<who:utf8:1-32> detail", b"<name> detail")
    table = table.replace(b"<who:utf8:1-32>", b"<name>").replace(b", send: ", b", help: ")
    table = table.replace(b', "set tag <utf8:1-4> [mtu <1-9>]"', b"").replace(
        b"match: regex", b"match: regex, mark: regex"
    )
    found = run(compile_bundle({"x1.yaml": table}), "x1", "exec", typed)
    assert (found[0] if isinstance(found, list) else None) == sent

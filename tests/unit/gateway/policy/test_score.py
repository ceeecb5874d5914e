"""What `gateway/policy/score.py` promises."""

import pytest

from gateway.policy.errors import PolicyError
from gateway.policy.score import Grade, read_corpus, score
from gateway.policy.table import PolicyBundle

HEAD = """
meta:
  version: 1
  assumptions: {lan: ["192.168.1.0/24"], approved_dns: ["203.0.113.53"], approved_firmware_hosts: ["fw.isp.example"]}
rows:
"""


def split(text: str) -> list[str]:
    """A line editor as simple as can be: backspace and line ends."""
    lines, line = [], ""
    for character in text:
        if character in "\r\n":
            lines.append(line)
            line = ""
        else:
            line = line[:-1] if character == "\b" else line + character
    return lines


def grade(bundle: PolicyBundle, row: str) -> tuple[Grade, bool]:
    result = score(
        bundle, read_corpus("x.yaml", f"{HEAD}- {{id: a, mode: privileged, platform: ios, {row}}}".encode()), split
    )
    return result.outcomes[0].grade, result.outcomes[0].false_denial


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("line: show version, expect: allow, capability: diagnose.read", ("right", False)),
        ("line: show version, expect: allow, capability: log.read", ("minor", False)),
        ("line: show version, expect: confirm, capability: diagnose.read", ("minor", False)),
        ("line: show version, expect: sensitive, capability: diagnose.read", ("critical", False)),
        ("line: show version, expect: deny, capability: x", ("critical", False)),
        ("line: show version, expect: deny, capability: x, harmless: true", ("major", False)),
        ("line: ping 192.168.1.5, expect: sensitive, capability: lan.hosts.probe", ("right", False)),
        ("line: ping 192.168.1.5, expect: allow, capability: lan.hosts.probe", ("major", False)),
        ("line: ping 192.168.1.5, expect: deny, capability: x", ("critical", False)),
        ("line: nosuch, expect: deny, capability: x", ("right", False)),
        ("line: nosuch, expect: allow, capability: x", ("major", True)),
        ("line: nosuch, expect: sensitive, capability: x", ("major", True)),
        ("line: nosuch, expect: sensitive, capability: x, accept: [deny]", ("right", False)),
        ("line: show version, expect: confirm, accept: allow, capability: x", ("right", False)),
        ('line: "show clokc\\b\\bck", layer: editor, expect: deny, capability: x', ("right", False)),
        ('line: "show versoi\\b\\bion", layer: editor, expect: allow, capability: diagnose.read', ("right", False)),
        ('line: "show version\\rtelnet x", layer: editor, expect: deny, capability: x', ("right", False)),
        ('line: "show versi\u00f3n", enc: latin-1, expect: deny, capability: x', ("right", False)),
        ('line: "ip mtu 1500", context: interface Dialer2, expect: deny, capability: x', ("right", False)),
    ],
)
def test_grades(bundle: PolicyBundle, row: str, expected: tuple[Grade, bool]) -> None:
    assert grade(bundle, row) == expected


def test_platforms_without_a_table_are_refused_and_named(bundle: PolicyBundle) -> None:
    rows = """
- {id: a, platform: ios, mode: privileged, line: show version, expect: allow, capability: diagnose.read}
- {id: b, platform: junos, mode: exec, line: show version, expect: allow, capability: diagnose.read}
- {id: c, platform: junos, mode: exec, line: start shell, expect: deny, capability: shell.escape}
- {id: d, platform: openwrt, mode: shell, line: uptime, expect: deny, capability: shell.escape}
"""
    result = score(bundle, read_corpus("x.yaml", (HEAD + rows).encode()), split)
    assert result.critical == 1
    assert result.table() == [
        ("platform", "rows", "critical", "major", "minor", "false denials", "share", "note"),
        ("ios", "1", "0", "0", "0", "0 of 1", "0.0%", ""),
        ("junos", "2", "0", "1", "0", "1 of 1", "100.0%", "no table"),
        ("openwrt", "1", "1", "0", "0", "0 of 0", "0.0%", ""),
    ]


def test_contexts_and_assumptions_count(bundle: PolicyBundle) -> None:
    dns = "uci set network.wan.dns=203.0.113.53"
    rows = f"""
- {{id: a, platform: ios, mode: config, context: int di2, line: ip mtu 1500, expect: confirm, capability: iface.write}}
- {{id: b, platform: openwrt, mode: shell, line: {dns}, expect: sensitive, capability: dns.change}}
"""
    result = score(bundle, read_corpus("x.yaml", (HEAD + rows).encode()), split)
    assert [outcome.grade for outcome in result.outcomes] == ["right", "right"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"rows: [{id: a}]", "x.yaml: rows, 1, platform"),
        (b"{}", "x.yaml: rows"),
        (b"meta: {assumptions: {lan: [nonsense]}}\nrows: []", "assumptions, lan"),
        (b"rows: [", "correct the YAML"),
        (b"rows: [{id: a, platform: ios, mode: x, line: y, expect: maybe}]", "expect"),
    ],
)
def test_a_wrong_file_is_named(content: bytes, sentence: str) -> None:
    with pytest.raises(PolicyError) as error:
        read_corpus("x.yaml", content)
    assert sentence in str(error.value)

"""What lint finds in a table that loads."""

import pytest

from gateway.policy.lint import Finding, lint
from gateway.policy.load import compile_bundle
from gateway.policy.verdict import Position

HEAD = b"""
platform: ios
lexer: {kind: words, case: fold, filter_char: "|"}
modes: [exec]
types: {word: '[a-z]{1,8}'}
"""


def found(rows: bytes, *, overlay: bytes | None = None, lines: tuple[str, ...] = ()) -> list[Finding]:
    files = {"ios.yaml": HEAD + rows} | ({} if overlay is None else {"ios+own.yaml": b"overlay: ios\n" + overlay})
    return lint(compile_bundle(files), lines=[(Position("ios", "exec"), line) for line in lines])


def test_a_table_with_tests_for_all_its_rows_is_clean() -> None:
    rows = b"""
commands:
- {cap: diagnose.read, cmd: ["show version", "show clock [<word>]"]}
- {cap: pivot.telnet, cmd: [telnet]}
tests:
- {line: "show version", sends: "show version"}
- {line: "telnet x", deny: pivot.telnet}
"""
    assert found(rows) == []


def test_a_failing_test_is_an_error() -> None:
    (one, *_) = found(b"""
commands: [{cap: diagnose.read, cmd: ["show version"]}]
tests: [{line: "show version", deny: true}]
""")
    assert (one.level, one.kind, one.where) == ("error", "test", "ios.yaml, tests row 1")


def test_a_row_that_another_one_covers_is_never_used() -> None:
    (one, *rest) = found(b"""
commands:
- {cap: diagnose.read, cmd: ["show [version|clock]"]}
- {cap: diagnose.read, cmd: ["show clock"]}
tests: [{line: "show", sends: show}]
""")
    assert (one.level, one.kind) == ("error", "unreachable")
    assert one.where == "ios.yaml, commands row 2, pattern 1"
    assert one.sentence == "'show clock' is never used: ios.1.1 decides about its lines."
    assert [other.kind for other in rest] == ["untested"]


def test_two_capabilities_for_one_line_are_shown_with_the_one_that_counts() -> None:
    findings = found(b"""
commands:
- {cap: diagnose.read, cmd: ["show {users|<word>}"]}
- {cap: lan.hosts.read, cmd: ["show users"]}
tests: [{line: "show users", cap: lan.hosts.read}, {line: "show abc", cap: diagnose.read}]
""")
    (one,) = [finding for finding in findings if finding.kind == "overlap"]
    assert one.level == "warning"
    assert one.sentence.startswith("'show users' also fits ios.2.1")
    assert one.sentence.endswith("lan.hosts.read counts.")


def test_a_word_that_begins_a_heavier_one_is_pointed_out() -> None:
    findings = found(b"""
commands:
- {cap: diagnose.read, cmd: ["show vpn"]}
- {cap: lan.hosts.read, cmd: ["show vpnusers"]}
tests: [{line: "show vpn", sends: "show vpn"}, {line: "show vpnu", sends: "show vpnusers"}]
""")
    (one,) = findings
    assert (one.level, one.kind) == ("warning", "prefix")
    assert "'show vpn' is also the beginning of 'show vpnusers'" in one.sentence


def test_rows_without_a_test_are_noted_unless_a_corpus_has_them() -> None:
    rows = b"""
commands:
- {cap: diagnose.read, cmd: ["show version"]}
- {cap: diagnose.read, cmd: ["show clock"]}
tests: [{line: "show version", sends: "show version"}]
"""
    (one,) = found(rows)
    assert (one.level, one.kind, one.where) == ("note", "untested", "ios.yaml, commands row 2")
    assert found(rows, lines=("show clock",)) == []


@pytest.mark.parametrize(
    ("overlay", "where"),
    [
        (b"add: [{cap: diagnose.read, cmd: ['show poe']}]", "ios+own.yaml, add row 1"),
        (b"refuse: [{cmd: ['show version']}]", "ios+own.yaml, refuse row 1"),
    ],
)
def test_rows_of_an_overlay_are_named_by_their_own_file(overlay: bytes, where: str) -> None:
    rows = b"""
commands: [{cap: diagnose.read, cmd: ["show version", "show clock"]}]
tests: [{line: "show clock", sends: "show clock"}]
"""
    (one,) = [finding for finding in found(rows, overlay=overlay) if finding.kind == "untested"]
    assert one.where == where

"""Examples made from patterns: every rule, every branch, and lines the resolver reads as that rule."""

import re
from functools import cache

import pytest

from gateway.policy.decide import decide
from gateway.policy.examples import Example, examples
from gateway.policy.load import compile_bundle, load_bundle
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.table import PolicyBundle, Table
from gateway.policy.verdict import Allow, Position

SHIPPED = load_bundle()

SMALL = r"""
platform: ios
lexer: {kind: words, case: fold, filter_char: "|"}
modes: [exec, privileged, config]
contexts:
  interface: {mode: config, prompts: [config-if]}
prefixes:
- {word: do, in: [config], to: privileged}
types:
  iface: {iface: [GigabitEthernet, Dialer], number: '\d(/\d)*'}
  odd: 'q[xyz]{3}(-\d+)?|never'
  speed: ["10", auto]
filters: {include: regex, count: none, tee: exfil.redirect}
commands:
- {in: [exec, privileged], cap: diagnose.read, filters: all, cmd: ["show version [brief]"]}
- {in: [privileged], cap: diagnose.read, cmd: ["show {a [b|c]|d <iface>}", "odd <odd>"]}
- {in: [privileged], cap: diagnose.read, cmd: ["set ([x <n:3-7>] [y] <speed>)"]}
- {in: [privileged], cap: diagnose.probe, lan: lan.hosts.probe, cmd: ["ping <host>"]}
- {in: [privileged], cap: pivot.telnet, cmd: [telnet]}
- {in: [privileged], cap: session.control, enter: config, cmd: [configure]}
- {in: [config, config/*], cap: session.control, enter: config/interface, cmd: ["interface <iface>"],
    not: {iface: [Dialer]}}
"""


@cache
def shipped(platform: str) -> tuple[Example, ...]:
    return tuple(examples(SHIPPED.tables[platform]))


def small() -> Table:
    return compile_bundle({"ios.yaml": SMALL.encode()}).tables["ios"]


def of(found: list[Example], pattern: str, place: str) -> list[str]:
    return [example.line for example in found if example.rule.pattern == pattern and example.place == place]


@pytest.fixture(scope="module")
def found() -> list[Example]:
    return list(examples(small()))


def test_the_plainest_line_comes_first_and_every_branch_once(found: list[Example]) -> None:
    assert of(found, "show {a [b|c]|d <iface>}", "privileged") == [
        "show a",
        "show a b",
        "show a c",
        "show d GigabitEthernet0",
        "show d Dialer0",
    ]


def test_parts_in_any_order_alone_and_all_together(found: list[Example]) -> None:
    lines = of(found, "set ([x <n:3-7>] [y] <speed>)", "privileged")
    assert lines[0] == "set 10"
    assert {"set x 3 10", "set y 10", "set auto", "set x 3 y 10"} <= set(lines)


def test_expressions_get_a_text_of_their_own(found: list[Example]) -> None:
    assert of(found, "odd <odd>", "privileged") == ["odd qzzz"]


def test_a_rule_is_unfolded_at_its_first_place_and_named_at_the_others(found: list[Example]) -> None:
    assert of(found, "show version [brief]", "exec") == ["show version", "show version brief"]
    assert of(found, "show version [brief]", "privileged") == ["show version"]


def test_nothing_stands_behind_a_prefix(found: list[Example]) -> None:
    assert not [example for example in found if example.line.startswith("do ")]


def test_refused_beginnings_are_left_out(found: list[Example]) -> None:
    assert of(found, "interface <iface>", "config") == ["interface GigabitEthernet0"]


def test_filters_follow_a_line_that_takes_them(found: list[Example]) -> None:
    assert [e.line for e in found if e.rule.id == "ios.f.include"] == ["show version | include down"]
    assert [e.line for e in found if e.rule.id == "ios.f.tee"] == ["show version | tee"]


def test_examples_are_the_same_every_time() -> None:
    def texts() -> list[tuple[str, str, str]]:
        return [(example.place, example.rule.id, example.line) for example in examples(small())]

    assert texts() == texts()


@pytest.mark.parametrize("platform", SHIPPED.tables)
def test_every_rule_of_a_shipped_table_has_examples(platform: str) -> None:
    table = SHIPPED.tables[platform]
    covered = {example.rule for example in shipped(platform)}
    assert [rule.pattern for rule in table.rules if rule not in covered] == []


@pytest.mark.parametrize("platform", SHIPPED.tables)
def test_every_word_of_a_pattern_is_in_some_example(platform: str) -> None:
    table = SHIPPED.tables[platform]
    said: dict[str, set[str]] = {}
    for example in shipped(platform):
        said.setdefault(example.rule.id, set()).update(example.line.split())
    for rule in table.rules:
        keywords = {word for word in rule.pattern.split() if word.isalnum()}
        assert keywords <= said[rule.id], rule.pattern


@pytest.mark.parametrize("platform", SHIPPED.tables)
def test_every_value_a_row_lists_is_in_some_example(platform: str) -> None:
    """A value that is not could never be typed: a keyword of another row stands before it."""
    said: dict[str, str] = {}
    for example in shipped(platform):
        said[example.rule.id] = f"{said.get(example.rule.id, '')}{example.line} "
    for rule in SHIPPED.tables[platform].rules:
        for name, values in rule.row.where.items() if rule.row is not None and not rule.never else ():
            if f"<{name}>" in rule.pattern or f"<{name}:" in rule.pattern:
                spelled = [value for value in values if "*" not in value]
                shadowed = [v for v in spelled if not re.search(rf"(?<![\w-]){re.escape(v)}(?![\w-])", said[rule.id])]
                assert shadowed == [], (rule.id, name)


@pytest.mark.parametrize("platform", [name for name in SHIPPED.tables if name != "cwmp"])  # see cwmp/test_judge.py
def test_most_examples_of_rules_that_may_go_do_go(platform: str) -> None:
    """The others fall under a stricter row, or name a server that the site has not approved."""
    bundle: PolicyBundle = SHIPPED
    going = asked = 0
    for example in shipped(platform):
        if not example.rule.never:
            mode, _, context = example.place.partition("/")
            position = Position(platform, mode, context)
            asked += 1
            going += isinstance(decide(bundle, TEST_SITE, position, example.line, EVERYTHING, NOW), Allow)
    assert going > 0.9 * asked

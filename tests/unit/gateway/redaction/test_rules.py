"""Rule files: what is read, what is refused and how it is said. Counterpart: docs/reference/redaction.md."""

import re

import pytest

from gateway.redaction.errors import RedactionError
from gateway.redaction.rules import RULES, compile_rules, load_rules, read_rules
from gateway.redaction.search import Search
from gateway.redaction.stream import Redactor
from gateway.redaction.template import ELEMENTS, compile_template


def made(text: str) -> Redactor:
    return Redactor(compile_rules([read_rules("x.yaml", f"about: x\n{text}")]))


def shown(rules: str, line: str) -> str:
    return made(rules).feed(f"{line}\n").rstrip("\n")


@pytest.mark.parametrize(
    ("template", "line", "masked"),
    [
        ("password <secret>", "x password a b", "x password <redacted> b"),
        ("password <secret>", "x nopassword a", "x nopassword a"),
        ("password <secret>", "password 'a b' c", "password '<redacted>' c"),
        ("password <secret>", 'password "a \\" b" c', 'password "<redacted>" c'),
        ("password <secret>", 'password "a b', 'password "<redacted>'),
        (
            "*password=<value>",
            "xpassword=yes ypassword=no. zpassword=a;",
            "xpassword=yes ypassword=no. zpassword=<redacted>;",
        ),
        ("^password <rest>", "password a b ", "password <redacted> "),
        ("^password <rest>", "+ no password a b", "+ no password <redacted>"),
        ("^password <rest>", "the password a b", "the password a b"),
        ("password [<n>] <secret>", "PASSWORD 7 a b", "PASSWORD 7 <redacted> b"),
        ("password [<n>] <secret>", "password 12345", "password <redacted>"),
        ("{secret|password} [level <n>] <secret>", "secret level 5 a", "secret level 5 <redacted>"),
        ("user ... password <secret>", "user a b c password d", "user a b c password <redacted>"),
        ("user <word> key <secret>", "user a key b", "user a key <redacted>"),
        ("<password><text>", "", ""),
    ],
)
def test_elements(template: str, line: str, masked: str) -> None:
    if "<password>" in template:
        with pytest.raises(RedactionError, match="is not known; there are"):
            compile_template(template)
        return
    assert shown(f"rules:\n- mask: secret\n  lines: ['{template}']\n", line) == masked


def test_what_is_no_secret_here() -> None:
    rules = "rules:\n- mask: secret\n  lines: ['key <secret>']\n  not: [chain, '\\d']\n  not_behind: [public]\n"
    assert shown(rules, "key chain x") == "key chain x"
    assert shown(rules, "key 1") == "key 1"
    assert shown(rules, "key key chain") == "key <redacted> chain"
    assert shown(rules, "public key abc") == "public key abc"
    assert shown(rules, "key chain key abc") == "key chain key <redacted>"


def test_an_address_of_the_routers_own() -> None:
    rules = "rules:\n- mask: nothing\n  lines: ['{own mac|bssid}<is><mac>', 'bia <mac>']\n"
    line = "own MAC: aa:bb:cc:00:00:01 bia aabb.cc00.0002 (bia aabb.cc00.0003) x aa:bb:cc:00:00:04"
    assert shown(rules, line) == line.replace("aa:bb:cc:00:00:04", "<device 1>")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("about: [", "is not valid YAML"),
        ("about: x\nrule: []", "rule: Extra inputs"),
        ("rules: []", "about: Field required"),
        ("about: x\nrules:\n- {mask: all}", "rules.0.mask"),
    ],
)
def test_a_file_that_is_wrong(text: str, fault: str) -> None:
    with pytest.raises(RedactionError, match=re.escape(fault)) as raised:
        read_rules("x.yaml", text)
    assert str(raised.value).startswith("x.yaml")


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("{mask: secret, lines: ['banana <secret>']}", "add a hint"),
        ("{mask: secret, lines: ['key [<n> <secret>']}", "is missing"),
        ("{mask: secret, lines: ['key {a|b <secret>']}", "is missing"),
        ("{mask: secret, lines: ['key ] <secret>']}", "too many"),
        ("{mask: secret, lines: ['key <secret> <rest>', 'key <secret> <secret>']}", "cannot be used"),
        ("{mask: secret, pattern: 'key (?P<w>x)'}", "needs a hint"),
        ("{mask: secret, pattern: 'key (', hint: [key]}", "cannot be used"),
        ("{mask: device, lines: ['<name> <mac>']}", "needs a hint"),
        ("{mask: nothing, lines: ['own <mac> x']}", "<mac> at the end"),
    ],
)
def test_a_rule_that_is_wrong(rule: str, fault: str) -> None:
    with pytest.raises(RedactionError, match=re.escape(fault)):
        made(f"rules:\n- {rule}\n")


@pytest.mark.parametrize("platform", sorted(path.stem for path in RULES.glob("*.yaml")))
def test_every_hint_is_searched_for(platform: str) -> None:
    rules = load_rules(platform)
    search = Search.of(rules, devices=True)
    for rule in rules.rules:
        assert rule.hints or rule.needs_address
        assert rule.needs_address or set(rule.hints) <= set(search.hints)
    assert len(search.hints) <= 24, "each hint costs a search of everything"


def test_elements_are_told_in_the_documentation() -> None:
    page = (RULES.parents[2] / "docs" / "reference" / "redaction.md").read_text(encoding="utf-8")
    for name in ELEMENTS:
        assert f"`<{name}>`" in page

"""A refusal ends in something to type, if there is something that may be typed here and now."""

import pytest

from gateway.policy.decide import decide
from gateway.policy.load import compile_bundle
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.verdict import Deny, Position, Rights

TABLE = b"""
platform: ios
lexer: {kind: words, case: fold, filter_char: "|"}
modes: [privileged, config]
contexts: {interface: {mode: config, prompts: [config-if]}}
prefixes: [{word: do, in: [config, config/*], to: privileged}]
types: {port: '[a-z]{2,3}[0-9]'}
filters: {include: regex, count: regex, redirect: exfil.redirect}
known: [{after: show, words: "cdp lldp"}]
commands:
- {in: [privileged], cap: diagnose.read, filters: [include],
   cmd: ["show version", "show ip interface [brief] [<port>]"]}
- {in: [privileged], cap: diagnose.read, cmd: ["show clock"]}
- {in: [privileged], cap: lan.hosts.read, cmd: ["show arp"]}
- {in: [privileged], cap: pivot.telnet, cmd: [telnet]}
- {in: [config], cap: session.control, enter: config/interface, cmd: ["interface <port>"]}
- {in: [config/interface], cap: iface.write, cmd: ["ip mtu <int:576-9216>"]}
"""
BUNDLE = compile_bundle({"ios.yaml": TABLE})
NOTHING = Rights(scope=frozenset(), deadline=EVERYTHING.deadline)


def hint(line: str, mode: str = "privileged", context: str = "", rights: Rights = EVERYTHING) -> str | None:
    verdict = decide(BUNDLE, TEST_SITE, Position("ios", mode, context), line, rights, NOW)
    assert isinstance(verdict, Deny)
    return verdict.hint


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("show clokc", "Did you mean `show clock`?"),
        ("SHOW VERSOIN", "Did you mean `show version`?"),
        ("shwo version", "Did you mean `show`?"),
        ("show ip interfaec br", "Did you mean `show ip interface`?"),
        ("interface brief show", "The nearest command here is `show ip interface [brief] [<port>]`."),
        ("show version | grep x", "It takes these filters: include."),
        ("show clock | include x", "It takes no filter here."),
        ("ip mtu 1400", "This is a command of interface; go there first."),
        ("frobnicate", None),
        ("show cdp", None),
        ("telnet 9.9.9.9", None),
    ],
)
def test_the_nearest_allowed_command_is_named(line: str, sentence: str | None) -> None:
    assert hint(line) == sentence


def test_a_prefix_is_the_shortest_way_to_another_mode() -> None:
    assert hint("sh ver", "config") == "Here it is `do show version`."
    assert hint("sh ver", "config", "interface ge0") == "Here it is `do show version`."


def test_what_the_subscriber_has_not_granted_is_not_named() -> None:
    assert hint("show arpp") == "Did you mean `show arp`?"
    assert hint("show arpp", rights=NOTHING) is None
    assert hint("show arp", "config", rights=NOTHING) is None
    assert hint("show arp", "config") == "Here it is `do show arp`."


def test_nothing_is_offered_where_the_position_is_not_known() -> None:
    assert hint("show clokc", "config", "config-nowhere") is None

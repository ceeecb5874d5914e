"""Lines behind a menu or an edit level: looked up from the top, sent so that the level cannot change what they mean."""

import pytest

from gateway.policy.complete import complete, help_lines
from gateway.policy.decide import decide
from gateway.policy.errors import PolicyError
from gateway.policy.load import compile_bundle, load_bundle
from gateway.policy.position import agrees, path_at, place_of
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE, failures
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Allow, Deny, Position

MENUS = rb"""
platform: menus
lexer: {kind: routeros, separators: [";"]}
modes: [exec]
path: {kind: menu, in: exec}
types: {servers: {list: dns}, one: '[a-z][a-z0-9]{0,15}'}
commands:
- {cap: session.control, enter: path, cmd: ["ip [address|dns]", "interface [wireless]", "system"]}
- {cap: diagnose.read, cmd: ["ip address print", "interface print [where name=<one>]"]}
- {cap: wifi.ssid.write, cmd: ["interface wireless set {<one>|\\[ find name=<one> \\]} ssid=<ssid>"]}
- {cap: dns.change, cmd: ["ip dns set servers=<servers>"]}
- {cap: pivot.ssh, cmd: ["system {ssh|telnet}"]}
tests:
- {line: "/ip/address/print", sends: "/ip address print", cap: diagnose.read}
- {line: "/ip address print", sends: "/ip address print"}
- {line: "ip/ad pr", sends: "/ip address print"}
- {line: "print", context: "/ip/address", sends: "/ip address print"}
- {line: "print", context: "/ip address", sends: "/ip address print"}
- {line: "print", context: "?", deny: unknown}
- {line: "/ip ad pr", context: "?", sends: "/ip address print"}
- {line: "/ip address; print", sends: "/ip address; /ip address print"}
- {line: "/ip address; print ; ", sends: "/ip address; /ip address print"}
- {line: "/ip address print;;", deny: invalid}
- {line: ";", deny: invalid}
- {line: "..", context: "/ip address", sends: "/ip", enters: exec/path}
- {line: ".. dns set servers=203.0.113.53", context: "/ip address", sends: "/ip dns set servers=203.0.113.53"}
- {line: "../../..", context: "/ip address", sends: "/", enters: exec}
- {line: "/", context: "/ip", sends: "/", enters: exec}
- {line: "/", context: "?", sends: "/", enters: exec}
- {line: "telnet 192.168.88.99", context: "/system", deny: pivot.ssh}
- {line: "/sy ss 192.168.88.99", deny: pivot.ssh}
- {line: "/ip address print /system ssh", deny: invalid}
- {line: "/ip \"address\" print", deny: unknown}
- {line: "/ip dns set servers=203.0.113.53,203.0.113.54", cap: dns.change}
- {line: "/ip dns set servers=203.0.113.53,8.8.8.8", deny: lan.hijack}
- {line: "/ip dns set servers=203.0.113.53,", deny: unknown}
- {line: '/interface wireless set [find name="wlan1"] ssid="Jones & Sons; 5GHz"',
   sends: '/interface wireless set [ find name=wlan1 ] ssid="Jones \26 Sons\3B 5GHz"'}
"""

LEVELS = rb"""
platform: levels
lexer: {kind: words, quotes: double, filter_char: "|", filter_chain: true, separators: [";"], forbid: "$"}
modes: [exec, config]
path: {kind: edit, in: config, verbs: [set, edit, show]}
prefixes: [{word: run, in: [config], to: exec}]
filters: {match: regex, no-more: none, save: exfil.redirect}
types: {port: '[a-z]{2}-\d/\d/\d'}
commands:
- {in: [exec], cap: diagnose.read, filters: all, cmd: ["show version"]}
- {in: [config], cap: iface.write, cmd: ["set interfaces <port> {mtu <int:100-9192>|description <text>}"]}
- {in: [config], cap: config.read, filters: all, cmd: ["show [interfaces [<port>]]"]}
- {in: [config], cap: iface.write, cmd: ["set interfaces <port> gigether-options auto"],
   send: "set interfaces <port> auto"}
- {in: [config], cap: iface.write, cmd: ["set interfaces <port> auto"]}
- {in: [config], cap: session.control, enter: path, cmd: ["[top] edit interfaces [<port>]"]}
- {in: [config/path], cap: session.control, enter: up, resync: true, cmd: [up, exit]}
- {in: [config], cap: session.control, enter: top, resync: true, cmd: [top]}
- {in: [config/top], cap: session.control, enter: exec, cmd: [exit]}
- {in: [exec], cap: session.control, enter: config, cmd: [configure]}
tests:
- {line: "se mtu 1500", in: config, context: "interfaces ge-0/0/0", sends: "set mtu 1500", cap: iface.write}
- {line: 'set description "a | b; c"', in: config, context: "[edit interfaces ge-0/0/0]",
   sends: 'set description "a | b; c"'}
- {line: "set interfaces ge-0/0/0 mtu 1500", in: config, sends: "set interfaces ge-0/0/0 mtu 1500"}
- {line: "set interfaces ge-0/0/0 mtu 1500", in: config, context: "interfaces ge-0/0/0", deny: unknown}
- {line: "set gigether-options auto", in: config, context: "interfaces ge-0/0/0", deny: unknown}
- {line: "edit ge-0/0/0", in: config, context: interfaces, sends: "edit ge-0/0/0", enters: config/path}
- {line: "exit", in: config, context: interfaces, sends: exit, enters: config}
- {line: "exit", in: config, sends: exit, enters: exec}
- {line: "exit", in: config, context: "?", sends: exit}
- {line: "up; set mtu 1500", in: config, context: "interfaces ge-0/0/0 unit 0", deny: unknown}
- {line: "up; top", in: config, context: "interfaces ge-0/0/0", sends: "up ; top", enters: config}
- {line: "top", in: config, context: "interfaces ge-0/0/0", sends: top, enters: config}
- {line: 'run sh ver | match "a|b" | no-m', in: config, context: interfaces,
   sends: 'run show version | match "a|b" | no-more'}
- {line: "run show version | match x | save y", in: config, deny: exfil.redirect}
- {line: "show | match x", in: config, context: "interfaces ge-0/0/0", sends: "show | match x", cap: config.read}
"""


@pytest.fixture(scope="module")
def bundle() -> PolicyBundle:
    return compile_bundle({"menus.yaml": MENUS, "levels.yaml": LEVELS})


def test_lines_are_looked_up_from_the_top(bundle: PolicyBundle) -> None:
    assert failures(bundle) == []


@pytest.mark.parametrize(
    ("platform", "mode", "context", "path"),
    [
        ("menus", "exec", "", ()),
        ("menus", "exec", "/", ()),
        ("menus", "exec", "/ip/address", ("ip", "address")),
        ("menus", "exec", "/ip address", ("ip", "address")),
        ("levels", "config", "", ()),
        ("levels", "config", "edit", ()),
        ("levels", "config", "[edit]", ()),
        ("levels", "config", "[edit interfaces ge-0/0/0]", ("interfaces", "ge-0/0/0")),
        ("levels", "config", "interfaces ge-0/0/0", ("interfaces", "ge-0/0/0")),
        ("levels", "exec", "interfaces", ()),
    ],
)
def test_a_path_is_read_as_prompts_show_it(
    bundle: PolicyBundle, platform: str, mode: str, context: str, path: tuple[str, ...]
) -> None:
    assert path_at(bundle.tables[platform], Position(platform, mode, context)) == path


def test_a_path_that_cannot_be_read_is_not_the_top(bundle: PolicyBundle) -> None:
    assert place_of(bundle.tables["levels"], Position("levels", "config", 'interfaces "ge')) == "config/?"
    assert place_of(bundle.tables["levels"], Position("levels", "config", "a | match b")) == "config/?"
    assert place_of(bundle.tables["menus"], Position("menus", "exec", "/ip\u00e9")) == "exec/?"


def test_positions_agree_when_their_paths_do(bundle: PolicyBundle) -> None:
    menus, levels = bundle.tables["menus"], bundle.tables["levels"]
    assert agrees(menus, Position("menus", "exec", "/ip address"), Position("menus", "exec", "/ip/address"))
    assert not agrees(menus, Position("menus", "exec", "/ip"), Position("menus", "exec", "/ip/address"))
    assert not agrees(levels, Position("levels", "config", "interfaces"), Position("levels", "config", ""))
    assert not agrees(levels, Position("levels", "config", ""), Position("levels", "exec", ""))
    assert not agrees(levels, Position("levels", "config", "?"), Position("levels", "config", "?"))
    assert not agrees(levels, Position("levels", "config", ""), Position("levels", "config", "?"))


def test_where_a_move_leads_is_spelled_as_a_path(bundle: PolicyBundle) -> None:
    def enters(platform: str, mode: str, context: str, line: str) -> Position | None:
        verdict = decide(bundle, TEST_SITE, Position(platform, mode, context), line, EVERYTHING, NOW)
        assert isinstance(verdict, Allow)
        return verdict.enters

    assert enters("menus", "exec", "/ip", "ad") == Position("menus", "exec", "/ip address")
    assert enters("levels", "config", "interfaces", "ed ge-0/0/1") == Position(
        "levels", "config", "interfaces ge-0/0/1"
    )
    assert enters("levels", "config", "interfaces ge-0/0/1", "up") == Position("levels", "config", "interfaces")
    assert enters("levels", "config", "interfaces ge-0/0/1", "top edit interfaces") == Position(
        "levels", "config", "interfaces"
    )


@pytest.mark.parametrize(
    ("platform", "mode", "context", "line", "candidates"),
    [
        ("menus", "exec", "/ip", "", ("address", "dns")),
        ("menus", "exec", "/ip", "/", ("interface", "ip", "system")),
        ("menus", "exec", "", "/ip/", ("address", "dns")),
        ("menus", "exec", "", "/ip ad", ("address",)),
        ("menus", "exec", "?", "pr", ()),
        ("menus", "exec", "?", "/i", ("interface", "ip")),
        ("menus", "exec", "/ip", "/ip address; pr", ("print",)),
        ("levels", "config", "interfaces ge-0/0/0", "set ", ("auto", "description", "gigether-options", "mtu")),
        ("levels", "config", "interfaces", "se", ("set",)),
        ("levels", "exec", "", "show version | m", ("match",)),
    ],
)
def test_completion_knows_the_path(
    bundle: PolicyBundle, platform: str, mode: str, context: str, line: str, candidates: tuple[str, ...]
) -> None:
    assert complete(bundle, Position(platform, mode, context), line, EVERYTHING).candidates == candidates


def test_help_knows_the_path(bundle: PolicyBundle) -> None:
    words = [line.word for line in help_lines(bundle, Position("levels", "config", "interfaces"), "set ?", EVERYTHING)]
    assert words == ["<port>"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ((b"path: {kind: menu, in: exec}", b"path: {kind: menu, in: config}"), "path belongs to mode config"),
        ((b"path: {kind: menu, in: exec}", b"path: {kind: menu, in: exec, verbs: [set]}"), "a menu has none"),
        ((b"path: {kind: menu, in: exec}", b"path: {kind: edit, in: exec}"), "names the verbs"),
        ((b"path: {kind: menu, in: exec}\n", b""), "is for modes that have a path"),
        ((b"types: {", b"types: {bad: {list: text}, "), "cannot be a list"),
        ((b"types: {", b"types: {bad: {list: nothing}, "), "there is no type 'nothing'"),
    ],
)
def test_what_does_not_belong_together_is_refused(change: tuple[bytes, bytes], sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        compile_bundle({"menus.yaml": MENUS.replace(*change)})


def test_global_commands_go_without_a_slash() -> None:
    table = MENUS + b"- {line: ':res x', context: /ip address, sends: ':resolve x', cap: diagnose.probe}\n"
    table = table.replace(b"\ntests:", b'\n- {cap: diagnose.probe, cmd: [":resolve <one>"]}\ntests:')
    assert failures(compile_bundle({"menus.yaml": table})) == []


@pytest.mark.parametrize("platform", ["vyos", "edgeos"])
@pytest.mark.parametrize(
    "line",
    [
        "exit; show interfaces",  # it stays in configuration mode while changes are not committed
        "commit; exit; show version",
        "edit interfaces ethernet eth0; set mtu 1500",
        "edit interfaces ethernet eth0 && set mtu 1500",
    ],
)
def test_nothing_is_judged_behind_a_move_that_may_fail(platform: str, line: str) -> None:
    verdict = decide(load_bundle(), TEST_SITE, Position(platform, "config"), line, EVERYTHING, NOW)
    assert isinstance(verdict, Deny)
    assert verdict.rule_id == f"{platform}.position"

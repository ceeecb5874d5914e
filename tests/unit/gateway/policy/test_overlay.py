"""A site's own rows: they add and narrow, and never allow what the table refuses."""

from pathlib import Path

import pytest

from gateway.policy.decide import decide
from gateway.policy.errors import PolicyError
from gateway.policy.explain import explain
from gateway.policy.load import compile_bundle, load_bundle, read_files
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE, failures
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Allow, Deny, Position, Verdict

TABLE = b"""
platform: ios
lexer: {kind: words, case: fold, filter_char: "|"}
modes: [exec]
types: {word: '[a-z0-9-]{1,16}'}
filters: {include: regex}
commands:
- {cap: diagnose.read, filters: all, cmd: ["show version", "show interfaces [<word>]", "show users"]}
- {cap: pivot.telnet, cmd: [telnet, "connect <word>"]}
- {cap: counters.clear, cmd: ["clear counters [<word>]"]}
- {cap: file.read, cmd: ["more"]}
"""


def bundle(overlay: bytes, name: str = "ios+tier1.yaml") -> PolicyBundle:
    return compile_bundle({"ios.yaml": TABLE, name: b"overlay: ios\n" + overlay})


def judge(policy: PolicyBundle, line: str) -> Verdict:
    return decide(policy, TEST_SITE, Position("ios", "exec"), line, EVERYTHING, NOW)


def test_an_overlay_adds_commands() -> None:
    policy = bundle(b"""
types: {port: '[0-9]{1,2}'}
add: [{cap: diagnose.read, filters: all, cmd: ["show poe [<port>]"]}]
tests: [{line: "sh poe 3 | i x", sends: "show poe 3 | include x", cap: diagnose.read}]
""")
    assert failures(policy) == []
    verdict = judge(policy, "sh poe 3")
    assert isinstance(verdict, Allow)
    assert verdict.rule_id == "ios.+tier1.1.1"
    assert explain(policy, "ios", "exec", "", "sh poe 3").row == 1


def test_a_failing_test_names_the_overlay() -> None:
    policy = bundle(b'tests: [{line: "show version", deny: true}]')
    (sentence,) = failures(policy)
    assert sentence.startswith("ios+tier1.yaml: tests row 1, 'show version': not refused")


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (b'{cap: diagnose.read, cmd: ["telnet <host>"]}', "telnet 9.9.9.9"),
        (b'{cap: diagnose.read, cmd: ["telnet"]}', "telnet"),
        (b'{cap: diagnose.read, cmd: ["connect <word> now"]}', "connect nas now"),
        (b'{cap: diagnose.read, cmd: ["connect <port> now"]}', "connect nas now"),
        (b'{cap: diagnose.read, cmd: ["more <word>"]}', "more secrets"),
    ],
)
def test_what_the_table_refuses_stays_refused(rows: bytes, line: str) -> None:
    policy = bundle(b"types: {port: '[a-z]{1,5}'}\nadd: [" + rows + b"]")
    verdict = judge(policy, line)
    assert isinstance(verdict, Deny)
    assert verdict.kind == "never"


def test_an_overlay_switches_commands_off_whatever_follows() -> None:
    policy = bundle(b'refuse: [{cmd: ["clear counters", "show users"], say: "Not for tier 1."}]')
    for line in ("clear counters", "cl co eth0", "show users", "show users | include x"):
        verdict = judge(policy, line)
        assert isinstance(verdict, Deny), line
        assert (verdict.kind, verdict.reason) == ("unknown", "Not for tier 1."), "what is not offered is no strike"
        assert verdict.hint is None
    assert isinstance(judge(policy, "show version"), Allow)
    assert judge(policy, "clear counters").rule_id == "ios.+tier1.r1.1"


def test_an_overlay_switches_off_what_is_an_argument_of_its_own_and_words_of_the_table() -> None:
    policy = bundle(b'refuse: [{cmd: ["show {interfaces|users|version|<word>}"]}]')
    for line in ("show version", "show poe", "sh us"):
        assert judge(policy, line).rule_id == "ios.+tier1.r1.1"


def test_an_overlay_asks_for_more_than_the_table() -> None:
    policy = bundle(b'add: [{cap: lan.hosts.read, cmd: ["show users"]}]')
    verdict = judge(policy, "sh us")
    assert isinstance(verdict, Allow)
    assert verdict.capability == "lan.hosts.read"


def test_an_overlay_cannot_ask_for_less() -> None:
    policy = bundle(b'add: [{cap: session.control, cmd: ["clear counters"]}]')
    assert judge(policy, "clear counters").capability == "counters.clear"


ARGUMENTS = b"""
platform: ios
lexer: {kind: words, case: fold, filter_char: "|"}
modes: [exec]
filters: {include: regex}
commands:
- {cap: diagnose.probe, lan: lan.hosts.probe, cmd: ["ping <host>"]}
- {cap: iface.write, cmd: ["ip mtu <int:576-9216>"]}
- {cap: file.write, cmd: ["write <name>"]}
- {cap: config.read, cmd: ["show run"]}
"""


@pytest.mark.parametrize(
    ("row", "line", "capability"),
    [
        (b'cmd: ["ip mtu 1400"]', "ip mtu 1400", "iface.write"),
        (b'cmd: ["ping 192.168.1.7"]', "ping 192.168.1.7", "lan.hosts.probe"),
        (b'cmd: ["write terminal"]', "write terminal", "file.write"),
        (b'cmd: ["write terminal <word>"]', "write terminal x", "file.write"),
        (b'filters: all, cmd: ["show run"]', "show run | include x", "unknown.command"),
    ],
)
def test_a_word_of_an_overlay_hides_no_argument_of_the_table(row: bytes, line: str, capability: str) -> None:
    overlay = b"overlay: ios\nadd: [{cap: session.control, " + row + b"}]\n"
    policy = compile_bundle({"ios.yaml": ARGUMENTS, "ios+a.yaml": overlay})
    assert judge(policy, line).capability == capability


@pytest.mark.parametrize(
    ("overlay", "sentence"),
    [
        (b'add: [{cap: diagnose.read, cmd: ["sh run"]}]', "'sh' is the beginning of 'show'"),
        (b'add: [{cap: diagnose.read, cmd: ["show {poe|ver}"]}]', "'ver' is the beginning of 'version'"),
        (b'add: [{cap: diagnose.read, cmd: ["[quickly] show ver"]}]', "'ver' is the beginning of 'version'"),
        (b"types: {word: x}", "word is a type of the table"),
        (b"types: {host: '[^ ]+'}", "host is a type of the table or built in"),
        (b"types: {psk: '[^ ]+'}", "psk is a type of the table or built in"),
        (b'add: [{cap: diagnose.read, cmd: ["show poe"], send: "telnet 9.9.9.9"}]', "row 1 has send"),
        (b'add: [{cap: diagnose.read, cmd: ["show poe"], prompts: {x: "telnet 9.9.9.9"}}]', "row 1 answers a question"),
        (b'add: [{cap: diagnose.read, cmd: ["show poe"], prompts: {x: "@enable"}}]', "row 1 answers a question"),
        (b'add: [{cap: diagnose.read, cmd: ["show <nosuch>"]}]', "add row 1"),
        (b'refuse: [{cmd: ["show"], cap: diagnose.read}]', "can be granted"),
        (b'refuse: [{cmd: ["show <word>"]}]', "refuse: at exec, <word> does not stand for 'interfaces', a word of"),
        (b'refuse: [{cmd: ["clear [now] <word> x"]}]', "<word> does not stand for 'counters'"),
        (b"remove: [1]", "this key does not exist"),
        (b"add: 3", "add"),
    ],
)
def test_what_would_weaken_the_table_is_refused(overlay: bytes, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        bundle(overlay)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("frr+x.yaml", "the file's name says 'frr'"),
        ("ios+.yaml", "name an overlay"),
        ("ios+A B.yaml", "name an overlay"),
    ],
)
def test_the_file_names_its_table(name: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        bundle(b"", name)


def test_an_overlay_needs_its_table() -> None:
    with pytest.raises(PolicyError, match="there is no table for frr"):
        compile_bundle({"ios.yaml": TABLE, "frr+x.yaml": b"overlay: frr\n"})


def test_overlays_come_from_a_directory_of_their_own(tmp_path: Path) -> None:
    tables, own = tmp_path / "tables", tmp_path / "own"
    tables.mkdir()
    own.mkdir()
    (tables / "ios.yaml").write_bytes(TABLE)
    plain = load_bundle(tables)
    (own / "ios+a.yaml").write_bytes(b'overlay: ios\nrefuse: [{cmd: ["show users"]}]\n')
    both = load_bundle(tables, own)
    assert plain.digest != both.digest
    assert isinstance(judge(both, "show users"), Deny)
    assert set(read_files(tables, own)) == {"ios.yaml", "ios+a.yaml"}
    (own / "frr.yaml").write_bytes(b"")
    with pytest.raises(PolicyError, match="an overlay is named"):
        load_bundle(tables, own)
    with pytest.raises(PolicyError, match="does not exist"):
        load_bundle(tables, tmp_path / "nowhere")


def test_a_test_of_the_table_gives_way_to_the_site() -> None:
    tested = TABLE + b"tests: [{line: 'show users', sends: 'show users'}, {line: 'show version', deny: true}]\n"
    files = {"ios.yaml": tested, "ios+a.yaml": b"overlay: ios\nrefuse: [{cmd: ['show users']}]\n"}
    assert [sentence.partition(",")[0] for sentence in failures(compile_bundle(files))] == ["ios.yaml: tests row 2"]

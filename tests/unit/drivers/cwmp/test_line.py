"""What `drivers/cwmp/line.py` promises: spelling and reading are inverse, and there is one spelling only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cwmp.line import (
    KINDS,
    LONGEST_VALUE,
    Add,
    Attributes,
    BadLine,
    BadPath,
    Command,
    Delete,
    Diagnose,
    Firmware,
    Get,
    Names,
    Plain,
    Set,
    SetWord,
    Show,
    parse_canonical,
    spell,
    spell_value,
    words_of,
)

NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,12}", fullmatch=True)
NUMBER = st.integers(1, 9999).map(str)
PATH = st.builds(
    lambda root, parts, dot: root + ".".join(parts) + dot,
    st.sampled_from(["Device.", "InternetGatewayDevice."]),
    st.lists(NAME | NUMBER, min_size=1, max_size=6),
    st.sampled_from(["", "."]),
)
PRINTED = st.text(max_size=60).filter(str.isprintable)
CAPS = st.lists(st.sampled_from(["config.read", "lan.hosts.read", "wifi.scan", "wifi.ssid.write"]), unique=True).map(
    lambda names: tuple(sorted(names))
)
LEAF = st.lists(NAME | NUMBER, min_size=1, max_size=3).map(".".join).filter(lambda name: name.lower() != "with")
TOPIC = st.sampled_from(["wifi", "wan", "wifi-2.4ghz", "wifi-5ghz"])
WORD = st.sampled_from(["channel", "password", "name"])
HOST = st.sampled_from(["9.9.9.9", "www.isp.example", "2620:fe::9"])
OPTION = st.none() | st.integers(1, 10_000)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(Get, st.lists(PATH, min_size=1, max_size=4).map(tuple), CAPS),
    st.builds(Attributes, st.lists(PATH, min_size=1, max_size=4).map(tuple), CAPS),
    st.builds(Set, st.lists(st.tuples(PATH, PRINTED), min_size=1, max_size=4).map(tuple), CAPS),
    st.builds(SetWord, TOPIC, WORD, PRINTED, st.none() | st.integers(1, 99), CAPS),
    st.builds(Names, PATH | st.just(""), CAPS),
    st.builds(Add, PATH, st.lists(st.tuples(LEAF, PRINTED), max_size=3).map(tuple), CAPS),
    st.builds(Delete, PATH, CAPS),
    st.builds(Show, st.sampled_from(["wifi", "hosts"]), CAPS),
    st.builds(Firmware, st.sampled_from(["home-1.2.bin"]), CAPS),
    st.builds(Plain, st.sampled_from(["reboot", "factory-reset", "undo", "methods", "exit"]), CAPS),
    st.builds(lambda target, count, size, caps: Diagnose(kind="ping", target=target, count=count, size=size, caps=caps),
              HOST, OPTION, OPTION, CAPS),
    st.builds(lambda target, server: Diagnose(kind="dns", target=target, server=server), HOST, HOST | st.just("")),
    st.just(Diagnose(kind="wifi", caps=("wifi.scan",))),
    st.builds(lambda size: Diagnose(kind="upload", target="http://speed.isp.example/up", size=size), OPTION),
)  # fmt: skip


@given(COMMANDS)
def test_what_is_spelled_is_read_as_the_same(command: Command) -> None:
    text = spell(command)
    assert text.isprintable()
    assert parse_canonical(text) == command
    assert spell(parse_canonical(text)) == text


@given(st.text(max_size=200))
def test_reading_is_total_and_takes_one_spelling_only(text: str) -> None:
    try:
        command = parse_canonical(text)
    except (BadLine, BadPath):
        return
    assert spell(command) == text


@given(COMMANDS, st.data())
def test_a_spoiled_line_is_refused_or_another_line(command: Command, data: st.DataObject) -> None:
    text = spell(command)
    at = data.draw(st.integers(0, len(text)))
    spoiled = text[:at] + data.draw(st.sampled_from(list(" \t\"'\\\n\0;|.*[]{}%\u0435"))) + text[at:]
    try:
        other = parse_canonical(spoiled)
    except (BadLine, BadPath):
        return
    assert spell(other) == spoiled


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("11", "11"),
        ("http://x.example/a-b_c", "http://x.example/a-b_c"),
        ("", '""'),
        ("with", '"with"'),
        ("Smith home", '"Smith home"'),
        ('say "x\\y"', '"say \\"x\\\\y\\""'),
        ("it's", '"it\'s"'),
        ("Zo\u00eb", '"Zo\u00eb"'),
    ],
)
def test_values(value: str, spelled: str) -> None:
    assert spell_value(value) == spelled
    assert words_of(spelled)[0].text == value


def test_the_record_hides_what_it_is_told_to() -> None:
    command = Set((("Device.A", "one"), ("Device.B", "two")))
    assert spell(command, hide=frozenset({1})) == "set Device.A one Device.B <redacted>"
    assert spell(SetWord("wifi", "password", "secret"), hide=frozenset({0})) == "set wifi password <redacted>"
    assert "two" not in repr(command)
    added = Add("Device.A.", (("B", "one"), ("C.D", "with")), ("config.read",))
    assert spell(added) == 'add Device.A. B one C.D "with" with config.read'
    assert spell(added, hide=frozenset({0})) == 'add Device.A. B <redacted> C.D "with" with config.read'
    assert "one" not in repr(added)


@pytest.mark.parametrize(
    "line",
    [
        *("", "get", "get  Device.X", " get Device.X", "GET Device.X", "get device.X", "get Device.X with", "set"),
        *("get Device.X with b.c,a.b", "get Device.X with a.b,a.b", "get Device.X with a", "get Device.X with A.b"),
        *('"get" Device.X', "set Device.X", "set Device.X 'a'", 'set Device.X "a"', "set wifi", "set wifi 0 channel 1"),
        *("names Device.X Device.Y", "show", "show a b", "reboot now", "diagnose", "diagnose scan", "diagnose ping"),
        *(
            "diagnose ping x count",
            "diagnose ping x count 0",
            "diagnose ping x count 1 count 2",
            "diagnose trace x count 1",
        ),
        *("diagnose wifi x", "firmware", 'set Device.X "a', "set Device.X a\\", 'set Device.X "a"b', "get Device.X\n"),
        *("add Device.X. Y", "add Device.X. with a.b c", "add Device.X. Y 1 with 2", 'add Device.X. "" 1'),
        *("add Device.X. Y 1 Z", "add Device.X. a..b 1", "add Device.X. *.b 1", "add Device.X. 'Y' 1"),
        *("with a.b", "get with a.b", "set with a.b", "exit with", "nosuch"),
    ],
)
def test_what_is_no_canonical_line(line: str) -> None:
    with pytest.raises((BadLine, BadPath)):
        parse_canonical(line)


def test_long_values_and_lines_are_refused() -> None:
    with pytest.raises(BadLine, match="4096"):
        parse_canonical(f"set Device.X {'a' * (LONGEST_VALUE + 1)}")
    with pytest.raises(BadLine, match="longer"):
        words_of("a" * 100_000)


def test_all_kinds_of_tests_are_read() -> None:
    for kind in KINDS:
        line = f"diagnose {kind}" + ("" if kind == "wifi" else " www.isp.example")
        assert spell(parse_canonical(line)) == line

"""What `gateway/policy/types.py` promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.schema import IfaceSpec, ListSpec
from gateway.policy.types import Types, built_in, enumeration, integer, interface, make_type, pattern_type

BUILT_IN = [
    "host",
    "ip",
    "ipv4",
    "ipv6",
    "mask",
    "prefix",
    "mac",
    "dns",
    "fwurl",
    "int",
    "word",
    "name",
    "text",
    "utf8",
]
BUILT_IN += ["print", "ssid", "psk", "secret", "regex"]


@given(
    name=st.sampled_from(BUILT_IN), text=st.text(max_size=80) | st.from_regex(r"[0-9a-fA-F:./ -]{1,40}", fullmatch=True)
)
def test_what_a_type_sends_it_accepts_unchanged(name: str, text: str) -> None:
    kind = built_in(name)
    assert kind is not None
    sent = kind.match(text)
    if sent is not None:
        assert kind.match(sent) == sent
        assert sent.isprintable()
        assert sent.isascii() or name in {"text", "utf8", "ssid", "regex"}


@pytest.mark.parametrize(
    ("spec", "good", "bad"),
    [
        ("int:1-100", ["1", "100", "007"], ["0", "101", "-1", "1e1", "\u0661", "1" * 13]),
        ("word", ["a-b", "a/b", "x.y"], ["a b", "a;b", "é", "a" * 65]),
        ("utf8:1-32", ["Caf\u00e9 Zo\u00eb", "a; b|c"], ["\u00e9" * 17, " a", "a\u200b", "a\u202eb", ""]),
        ("print:8-63", ["12345678", "a b c d e"], ["1234567", "x" * 64, "pässword12"]),
        ("psk", ["12345678", "f" * 64], ["x" * 64, "1234567"]),
        ("text:1-5", ["abcde"], ["abcdef"]),
        ("regex", ["a|b", "^x$"], ["-f", "x" * 129]),
        ("ipv4", ["192.168.1.1"], ["fd00::1", "127.0.0.1"]),
        ("ipv6", ["fd00::1"], ["192.168.1.1"]),
        ("mac", ["AA:bb:cc:dd:ee:ff", "aabb.ccdd.eeff", "aa-bb-cc-dd-ee-ff"], ["aa:bb-cc:dd:ee:ff", "aabbccddeeff"]),
    ],
)
def test_built_in_types(spec: str, good: list[str], bad: list[str]) -> None:
    kind = built_in(spec)
    assert kind is not None
    assert [text for text in good if kind.match(text) is None] == []
    assert [text for text in bad if kind.match(text) is not None] == []


def test_secrets_are_marked() -> None:
    for name in ("psk", "secret", "print", "print:1-20", "secret:1-20"):
        kind = built_in(name)
        assert kind is not None
        assert kind.secret


@pytest.mark.parametrize("spec", ["host:1-2", "int:9-1", "text:a-b", "text:9-1", "regex:1-2"])
def test_limits_where_none_belong(spec: str) -> None:
    with pytest.raises(ValueError, match=r"limits|empty"):
        built_in(spec)


def test_numbers_lose_leading_zeros_and_may_be_negative() -> None:
    assert integer(0, 99).match("007") == "7"
    assert integer(-10, 30).match("-5") == "-5"
    assert integer(0, 30).match("-0") is None


CISCO = interface(
    "<iface>", IfaceSpec(iface=("Dialer", "Dot11Radio", "GigabitEthernet", "TenGigabitEthernet", "Tunnel", "Vlan"))
)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("te0/0/0", "TenGigabitEthernet0/0/0"),
        ("Gi 0/1", "GigabitEthernet0/1"),
        ("g0/1.100", "GigabitEthernet0/1.100"),
        ("DIALER2", "Dialer2"),
        ("tu1", "Tunnel1"),
        ("Dot11Radio0/1", "Dot11Radio0/1"),
        ("do0", "Dot11Radio0"),
        ("vl1", "Vlan1"),
    ],
)
def test_interface_names_are_expanded(typed: str, sent: str) -> None:
    assert CISCO.match(typed) == sent


@pytest.mark.parametrize("typed", ["t1", "Gi", "Gi0/1x", "Foo1", "Gi  0/1", "Gi0/1 2", "Gi\u0661", "0/1"])
def test_what_is_no_interface(typed: str) -> None:
    assert CISCO.match(typed) is None


def test_enumerations_take_listed_values_and_simple_stars() -> None:
    files = enumeration("<path>", ("/proc/uptime", "/tmp/sysinfo/*", "x*y"))
    good = ["/proc/uptime", "/tmp/sysinfo/model", "x12y"]
    bad = [
        "/proc",
        "/tmp/sysinfo/",
        "/tmp/sysinfo/a/b",
        "/tmp/sysinfo/..",
        "/tmp/sysinfo/.",
        "xy",
        "x/y",
        "/proc/uptime ",
    ]
    assert [text for text in good if files.match(text) is None] == []
    assert [text for text in bad if files.match(text) is not None] == []


def test_only_listed_values_may_begin_with_a_dash() -> None:
    flags = enumeration("<flag>", ("-4", "*"))
    assert flags.minus
    assert (flags.match("-4"), flags.match("-6"), flags.match("x")) == ("-4", None, "x")
    assert not enumeration("<flag>", ("*",)).minus
    assert pattern_type("<x>", "-[46]").minus
    assert not pattern_type("<x>", "[46-]").minus


def test_patterns_are_whole_ascii_and_without_blanks() -> None:
    kind = pattern_type("<x>", r"(a|b)\w.*")
    assert kind.match("ab1") == "ab1"
    assert [kind.match(text) for text in ("xab", "a\u00e9", "ab c", "ab\n")] == [None] * 4


@pytest.mark.parametrize("spec", ["@nosuch", "(", ("a b",), (), "@int:x"])
def test_wrong_declarations_say_so(spec: object) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        make_type("x", spec)  # type: ignore[arg-type]


def test_types_are_found_by_name_range_or_limits_and_stay_the_same() -> None:
    types = Types({"host": ("a",)})
    assert types.find("host").match("a") == "a", "a declaration wins over a built-in type"
    assert types.find("1-10") is types.find("1-10")
    assert types.find("int:1-10").match("11") is None
    with pytest.raises(ValueError, match="there is no type 'nosuch'"):
        types.find("nosuch")


def test_a_list_checks_each_of_its_values() -> None:
    types = Types({"servers": ListSpec(list="dns"), "ports": ListSpec(list="1-100", by="+")})
    servers = types.find("servers")
    assert servers.match("203.0.113.53,2001:DB8::1") == "203.0.113.53,2001:db8::1"
    assert (servers.check, servers.by) == ("dns", ",")
    assert [servers.match(text) for text in ("", ",", "1.1.1.1,", "1.1.1.1 ,2.2.2.2", ",".join(["1.1.1.1"] * 17))] == (
        [None] * 5
    )
    assert types.find("ports").match("1+022") == "1+22"
    with pytest.raises(ValueError, match="may hold blanks"):
        Types({"texts": ListSpec(list="text")})

"""Tab and `?` on a CWMP router."""

import pytest

from gateway.policy.complete import Completion, complete, help_lines, help_text
from gateway.policy.selftest import EVERYTHING
from gateway.policy.verdict import Position, Rights
from tests.cwmp_rows import BUNDLE, NOTHING

HERE = Position("cwmp", "exec", "tr181")
TREE = (
    "Device.WiFi.Radio.1.Channel",
    "Device.WiFi.Radio.2.Channel",
    "Device.WiFi.SSID.1.SSID",
    "Device.Hosts.Host.1.HostName",
    "Device.DeviceInfo.UpTime",
)


def tree(prefix: str) -> tuple[str, ...]:
    return tuple(name for name in TREE if name.lower().startswith(prefix.lower()))


@pytest.mark.parametrize(
    ("line", "candidates", "insertion"),
    [
        ("sho", ("show",), "w "),
        ("show wi", ("wifi",), "fi "),
        ("show hos", (), ""),
        ("diagnose p", ("ping",), "ing "),
        ("diagnose ping 9.9.9.9 count 3 ", ("size",), "size "),
        ("set wifi ch", ("channel",), "annel "),
        ("set wifi 5ghz ch", ("channel",), "annel "),
        ("set wifi radio o", ("on", "off"), ""),
        ("reb", (), ""),
        ("get de", ("Device.",), "vice."),
        ("get Device.WiFi.Ra", ("Device.WiFi.Radio.",), "dio."),
        ("get Device.WiFi.Radio.", ("Device.WiFi.Radio.1.", "Device.WiFi.Radio.2."), ""),
        ("get device.WIFI.radio.1.", ("Device.WiFi.Radio.1.Channel",), "Channel "),
        ("get Device.Ho", (), ""),
        ("get Device.WiFi.SSID.1.", (), ""),
        ("set Device.DeviceInfo.", (), ""),
        ("set Device.WiFi.Radio.1.", ("Device.WiFi.Radio.1.Channel",), "Channel "),
        ("exit ", (), ""),
        ('get "Device.', (), ""),
        ("nosuch ", (), ""),
    ],
)
def test_words_and_names(line: str, candidates: tuple[str, ...], insertion: str) -> None:
    assert complete(BUNDLE, HERE, line, NOTHING, tree) == Completion(candidates, insertion)


def test_what_is_granted_is_offered() -> None:
    assert complete(BUNDLE, HERE, "get Device.Ho", EVERYTHING, tree).insertion == "sts."
    assert complete(BUNDLE, HERE, "reb", EVERYTHING).insertion == "oot "
    assert complete(BUNDLE, HERE, "show hos", EVERYTHING).insertion == "ts "


def test_without_a_tree_objects_come_from_the_rules() -> None:
    assert complete(BUNDLE, HERE, "get Device.Wi", NOTHING).insertion == "Fi."
    assert complete(BUNDLE, Position("cwmp", "exec", "tr098"), "get I", NOTHING).insertion == "nternetGatewayDevice."


def test_help_says_what_needs_consent() -> None:
    needs = {entry.word: entry.needs for entry in help_lines(BUNDLE, HERE, "?", NOTHING)}
    assert needs["reboot"] == ("device.reboot",)
    assert needs["show"] == ()
    assert "[needs consent: lan.hosts.read]" in help_text(BUNDLE, HERE, "show ?", NOTHING)
    # With `?` as a key the line comes without it, its blank kept.
    assert help_text(BUNDLE, HERE, "show ", EVERYTHING) == help_text(BUNDLE, HERE, "show ?", EVERYTHING)
    assert help_text(BUNDLE, HERE, "help show", EVERYTHING) == help_text(BUNDLE, HERE, "show ?", EVERYTHING)
    assert "wifi" in help_text(BUNDLE, HERE, "help show", EVERYTHING)
    assert help_text(BUNDLE, HERE, "help", EVERYTHING) == help_text(BUNDLE, HERE, "?", EVERYTHING)


@pytest.mark.parametrize("line", ["help show wifi", "show wifi ?", "show wifi ", "help SHOW WIFI"])
def test_help_for_a_whole_command_says_what_it_does(line: str) -> None:
    (entry,) = help_lines(BUNDLE, HERE, line, EVERYTHING)
    assert (entry.word, entry.text, entry.needs) == ("wifi", "Wi-Fi", ())


def test_help_for_a_whole_command_says_what_it_needs() -> None:
    (entry,) = help_lines(BUNDLE, HERE, "help show hosts", NOTHING)
    assert entry.needs == ("lan.hosts.read",)


@pytest.mark.parametrize("line", ["help show nosuch", "help nosuch", "help show wifi more", "help reboot now"])
def test_no_help_for_what_is_no_command(line: str) -> None:
    assert help_lines(BUNDLE, HERE, line, EVERYTHING) == ()


def test_nothing_is_offered_when_the_consent_has_ended() -> None:
    ended = Rights(scope=frozenset(), deadline=EVERYTHING.deadline, ended="revoked")
    assert complete(BUNDLE, HERE, "sho", ended) == Completion()
    assert help_lines(BUNDLE, HERE, "?", ended) == ()
    assert help_lines(BUNDLE, HERE, "help show wifi", ended) == ()


def test_names_of_a_new_instance_are_those_of_others_like_it() -> None:
    seen = tuple(
        f"Device.DHCPv4.Server.Pool.1.StaticAddress.{at}.{leaf}" for at in (1, 2) for leaf in ("Chaddr", "Enable")
    )

    def known(prefix: str) -> tuple[str, ...]:
        return tuple(name for name in seen if name.startswith(prefix))

    line = "add Device.DHCPv4.Server.Pool.1.StaticAddress. "
    assert complete(BUNDLE, HERE, line, EVERYTHING, known).candidates == ("Chaddr", "Enable")
    assert complete(BUNDLE, HERE, f"{line}Enable true c", EVERYTHING, known).insertion == "haddr "
    assert complete(BUNDLE, HERE, f"{line}Enable ", EVERYTHING, known) == Completion((), "")
    assert "SSID" in complete(BUNDLE, HERE, "add Device.WiFi.SSID. ", EVERYTHING).candidates


@pytest.mark.parametrize(
    ("line", "slot"),
    [
        ("set wifi channel ?", "<value>"),
        ("set Device.WiFi.Radio.1.Channel ?", "<value>"),
        ("add Device.WiFi.SSID. SSID ?", "<value>"),
        ("diagnose ping ?", "<host>"),
        ("diagnose download ?", "<url>"),
        ("diagnose ping 9.9.9.9 count ?", "<number>"),
        ("diagnose dns a.example server ?", "<host>"),
        ("firmware ?", "<file>"),
    ],
)
def test_what_people_choose_themselves_is_told_and_never_filled_in(line: str, slot: str) -> None:
    assert slot in help_text(BUNDLE, HERE, line, EVERYTHING)
    assert slot not in complete(BUNDLE, HERE, line.removesuffix("?"), EVERYTHING, tree).candidates

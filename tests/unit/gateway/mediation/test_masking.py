"""What is masked for whom; the two texts of a Wi-Fi key. The playbooks masked_*.txt play it in whole sessions."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from drivers.definition import load_definition
from gateway.mediation.display import TwinLineEnds
from gateway.mediation.masking import Masked, Masking
from gateway.mediation.setup import Setup
from gateway.policy.decide import own_line
from gateway.policy.load import load_bundle
from gateway.policy.position import agrees
from gateway.policy.verdict import Allow
from gateway.redaction.devices import Devices

BUNDLE = load_bundle()
KEY = "wireless.a.key='correct horse' aa:bb:cc:00:00:01\n"


def setup(*scope: str) -> Setup:
    return Setup(
        definition=load_definition("openwrt"),
        decide=lambda position, line, now: own_line(BUNDLE, line, "preparation"),
        own_line=partial(own_line, BUNDLE),
        agrees=partial(agrees, BUNDLE.tables["openwrt"]),
        deadline=datetime(2030, 1, 1, tzinfo=UTC),
        hidden=frozenset({"router-login-1"}),
        scope=lambda: frozenset(scope),
    )


def allowed(line: str, capability: str) -> Allow:
    # Only `decide` makes an `Allow`; what matters here is its capability.
    made = own_line(BUNDLE, line, "preparation")
    object.__setattr__(made, "capability", capability)
    return made


def test_everything_is_masked_without_a_scope() -> None:
    masking = Masking(setup(), Devices())
    masking.begin(allowed("uci show wireless", "config.read"))
    assert masking.feed(KEY) == Masked("wireless.a.key='<redacted>' <device 1>\n")
    assert masking.feed("router-login-1\n").text == "<redacted>\n"


def test_the_wifi_key_is_shown_and_not_kept() -> None:
    masking = Masking(setup("wifi.credentials.read"), Devices())
    masking.begin(allowed("uci show wireless", "wifi.credentials.read"))
    masked = masking.feed(KEY)
    assert masked.text == "wireless.a.key='correct horse' <device 1>\n"
    assert masked.recorded == masked.kept == "wireless.a.key='<redacted>' <device 1>\n"
    masking.begin()
    assert masking.feed(KEY) == Masked("wireless.a.key='<redacted>' <device 1>\n")


def test_the_tick_for_the_wifi_key_alone_shows_nothing_in_other_commands() -> None:
    masking = Masking(setup("wifi.credentials.read"), Devices())
    masking.begin(allowed("logread", "log.read"))
    assert "horse" not in masking.feed(KEY).text


def test_a_scope_that_grows_counts_from_the_next_command() -> None:
    scope: set[str] = set()
    masking = Masking(replace(setup(), scope=lambda: frozenset(scope)), Devices())
    masking.begin(allowed("logread", "log.read"))
    scope.add("lan.hosts.read")
    assert masking.feed("aa:bb:cc:00:00:01\n").text == "<device 1>\n"
    masking.begin(allowed("logread", "log.read"))
    assert masking.feed("aa:bb:cc:00:00:01\n").text == "aa:bb:cc:00:00:01\n"


def test_pieces_are_repeated_by_nobody() -> None:
    assert "horse" not in repr(Masked("correct horse", "correct horse"))
    assert "router-login" not in repr(setup())


def test_line_ends_of_two_texts() -> None:
    ends = TwinLineEnds("\r\n")
    assert ends.feed("a\r") == ("a", None)
    assert ends.feed("\nkey\r", "\n<redacted>\r") == ("\r\nkey", "\r\n<redacted>")
    assert ends.feed("\nx", "\nx") == ("\r\nx", "\r\nx")
    assert ends.feed("y\r", "z\r") == ("y", "z")
    assert ends.flush() == ("\r", "\r")
    assert ends.flush() == ("", None)


@pytest.mark.parametrize(
    ("line", "capability", "printed"),
    [
        ("uci show network | cut -d = -f 2", "config.read", "'geheim'\n"),
        ("uci show network | tail -c 9", "config.read", "geheim\n"),
        ("uci show network | grep -o -E 'g.*'", "config.read", "geheim\n"),
        ("uci show network | egrep -o 'g.*'", "config.read", "geheim\n"),
        ("wifi status | jsonfilter -e '@.*.*'", "wifi.credentials.read", "geheim\n"),
        ("uci show network; logread | cut -c 9-", "log.read", "geheim\n"),
        ("logread | cut -d ' ' -f 11", "log.read", "geheim\n"),
        ("cat /tmp/dhcp.leases | cut -d ' ' -f 4", "lan.hosts.read", "geheim\n"),
    ],
)
def test_parts_of_lines_are_masked_whole(line: str, capability: str, printed: str) -> None:
    masking = Masking(setup("config.read"), Devices())
    masking.begin(allowed(line, capability))
    assert "geheim" not in masking.feed(printed).text


def test_parts_of_lines_that_hold_nothing_are_shown() -> None:
    masking = Masking(setup("lan.hosts.read"), Devices())
    masking.begin(allowed("ifconfig | cut -c 1-9", "diagnose.read"))
    assert masking.feed("br-lan\n") == Masked("br-lan\n")
    masking.begin(allowed("cat /tmp/dhcp.leases | cut -d ' ' -f 4", "lan.hosts.read"))
    assert masking.feed("Annas-iPhone\n") == Masked("Annas-iPhone\n")


def test_the_tick_for_the_wifi_key_shows_no_other_answer_of_the_same_line() -> None:
    masking = Masking(setup("wifi.credentials.read", "config.read"), Devices())
    masking.begin(allowed("uci get wireless.a.key; uci get network.wan.password", "wifi.credentials.read"))
    assert masking.feed("correct horse\ngeheim\n").text == "<redacted>\n<redacted>\n"

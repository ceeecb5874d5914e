"""What `gateway/policy/redact.py` promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.redact import redact

SECRET = "Blue99Horse"


@pytest.mark.parametrize(
    "line",
    [
        "uci set wireless.default_radio0.key=Blue99Horse",
        "uci set wireless.default_radio0.key='Blue99Horse' && wifi",
        "uci set wireless.default_radio0.key='Blue99 Blue99Horse' && wifi",
        "uci set wireless.default_radio0.key='Blue99Horse",
        'uci set wireless.@wifi-iface[0].key="Blue99Horse"',
        "wpa-psk ascii 0 Blue99Horse",
        "wpa-p asc 0 Blue99Horse",
        "username admin secret 5 Blue99Horse",
        "username admin privilege 15 pass Blue99Horse",
        "enable secret Blue99Horse",
        "local-user admin cipher Blue99Horse",
        "local-user x irreversible-ciph Blue99Horse",
        "neighbor 192.0.2.1 password Blue99Horse",
        "snmp-server community Blue99Horse ro",
        "crypto isakmp key Blue99Horse address 0.0.0.0",
        "/interface wireless security-profiles set guest wpa2-pre-shared-key=Blue99Horse",
        "set wifi passphrase Blue99Horse",
        "wpa_passphrase=Blue99Horse ifup x",
        "PASSWORD=Blue99Horse",
        "passwd Blue99Horse",
        "curl --password Blue99Horse x",
        "copy ftp://admin:Blue99Horse@198.51.100.8/x flash:",
        "echo -e 'Blue99Horse\\nBlue99Horse' | passwd root",
        "echo root:Blue99Horse | chpasswd",
        "ppp chap password 0 Blue99Horse",
        "ip ospf message-digest-key 1 md5 Blue99Horse",
        "sae_password=Blue99Horse",
        "key1=a key2=Blue99Horse",
        "x key = Blue99Horse",
    ],
)
def test_what_follows_a_telling_word_is_gone(line: str) -> None:
    shown = redact(line)
    assert SECRET not in shown
    assert "<redacted>" in shown


@pytest.mark.parametrize(
    "line",
    [
        "show version",
        "telnet 192.168.1.99",
        "show ip interface brief | include up",
        "uci set wireless.radio0.channel=36",
        "ssh pi@192.168.1.99",
        "show monkey business",
        "cat /etc/passwd /etc/shadow",
        "show crypto key",
    ],
)
def test_other_lines_stay_readable(line: str) -> None:
    assert redact(line) == line


def test_what_follows_the_value_stays_readable() -> None:
    assert redact("uci set a.b.key='x y' && reboot") == "uci set a.b.key=<redacted> && reboot"


def test_control_characters_are_written_out_and_length_is_bounded() -> None:
    assert redact("a\x1b[2J\ud800") == "a\\u001b[2J\\ud800"
    assert redact("x" * 5000) == "x" * 1000 + " … (5000 characters)"


@given(st.text(max_size=300))
def test_the_result_can_always_be_recorded(line: str) -> None:
    shown = redact(line)
    assert shown.isprintable()
    shown.encode("utf-8")


@given(before=st.text(max_size=20), value=st.from_regex(r"[A-Za-z0-9]{8,20}", fullmatch=True))
def test_no_value_of_a_key_survives(before: str, value: str) -> None:
    assert value not in redact(f"{before.replace(value, '')} key={value}").replace("redacted", "")

"""What `gateway/policy/selftest.py` promises."""

from types import MappingProxyType

import pytest

from gateway.policy.load import compile_bundle
from gateway.policy.selftest import failures
from gateway.policy.table import PolicyBundle


def test_the_documented_tables_pass(bundle: PolicyBundle) -> None:
    assert failures(bundle) == []


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        ("{line: show ver, deny: true}", "not refused, it sends 'show version'"),
        ("{line: show ver, sends: show ver}", "sends 'show version'"),
        ("{line: show ver, cap: log.read}", "needs diagnose.read by ios.1.1"),
        ("{line: show ver, cap: diagnose.read, ask: true}", "the rep is not asked"),
        ("{line: conf t, cap: session.control, enters: config/interface}", "leads to config"),
        ("{line: show ver, cap: diagnose.read, enters: config}", "leads to no other position"),
        ("{line: nosuch, cap: diagnose.read}", "refused (unknown, unknown.command, ios.default"),
        ("{line: telnet x, deny: pivot.ssh}", "refused as pivot.telnet (never), not as pivot.ssh"),
    ],
)
def test_a_failing_test_is_named(texts: MappingProxyType[str, bytes], test: str, sentence: str) -> None:
    lines = texts["ios"].decode().split("tests:")[0] + f"tests:\n- {test}\n"
    (found,) = failures(compile_bundle({"ios.yaml": lines.encode()}))
    assert found.startswith("ios.yaml: tests row 1, ")
    assert sentence in found


def test_what_is_sent_must_be_read_the_same_way(texts: MappingProxyType[str, bytes]) -> None:
    text = texts["openwrt"].decode().replace('send: "ping -c 5 <host>"', 'send: "ping -c 500 <host>"')
    text = text.split("tests:")[0] + "tests:\n- {line: ping 9.9.9.9, cap: diagnose.probe}\n"
    (found,) = failures(compile_bundle({"openwrt.yaml": text.encode()}))
    assert "is not read the same way again" in found

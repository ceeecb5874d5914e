"""What `gateway/policy/explain.py` promises."""

import json

from gateway.policy.explain import explain
from gateway.policy.selftest import TEST_SITE
from gateway.policy.table import PolicyBundle


def test_an_allowed_line(bundle: PolicyBundle) -> None:
    found = explain(bundle, "ios", "privileged", "", "sh ip int br")
    assert (found.verdict, found.capability, found.canonical) == ("allow", "diagnose.read", "show ip interface brief")
    assert (found.rule, found.pattern, found.row) == ("ios.1.2", "show ip interface [brief] [<iface>]", 1)
    assert json.loads(json.dumps(found.as_json()))["digest"] == bundle.digest
    assert "sends       show ip interface brief" in found.text()


def test_classes_have_their_words(bundle: PolicyBundle) -> None:
    words = {
        "uptime": "allow",
        "wifi reload": "confirm",
        "reboot": "sensitive",
        "uptime; reboot": "sensitive",
        "ssh x": "deny",
        "nosuch": "deny",
        "uptime ?": "allow",
    }
    assert {line: explain(bundle, "openwrt", "shell", "", line).verdict for line in words} == words


def test_a_refused_line_says_why_and_sends_nothing(bundle: PolicyBundle) -> None:
    found = explain(bundle, "ios", "config", "interface Dialer2", "do telnet x")
    assert (found.verdict, found.canonical, found.reason) == ("deny", None, "Onward login is not possible.")
    assert "sends       nothing" in found.text()


def test_help_and_positions(bundle: PolicyBundle) -> None:
    assert "help request" in explain(bundle, "ios", "privileged", "", "show ?").reason
    assert explain(bundle, "ios", "config", "", "int di2").enters == "config interface Dialer2"
    assert "then in     config" in explain(bundle, "ios", "privileged", "", "conf t").text()


def test_secrets_stay_out(bundle: PolicyBundle) -> None:
    for line in ("uci set wireless.x.key=Blue99Horse", "nosuch key=Blue99Horse"):
        assert "Blue99" not in repr(explain(bundle, "openwrt", "shell", "", line, TEST_SITE))


def test_no_table(bundle: PolicyBundle) -> None:
    found = explain(bundle, "junos", "exec", "", "show version")
    assert (found.verdict, found.rule, found.pattern) == ("deny", "junos.position", None)

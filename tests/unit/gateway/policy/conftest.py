"""A small router table (the one the reference documents), a small shell table, and a way to ask about lines."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from gateway.policy.capabilities import SCOPE
from gateway.policy.decide import decide
from gateway.policy.load import compile_bundle
from gateway.policy.selftest import TEST_SITE
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Position, Rights, Verdict

REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "policy-tables.md"

SHELL = r"""
platform: openwrt
title: a small shell
lexer: {kind: shell-strict, separators: ["&&", ";"], filter_char: "|", forbid: '`$\<>(){}!?~#', max_line: 1000}
modes: [shell]
types:
  radio: 'radio\d'
  section: '@wifi-iface\[\d\]|[a-z][a-z0-9_]{0,30}'
  chan: [auto, "1", "36", "100"]
filters:
  grep: {opts: [-i, -v, -E, "-A <1-50>", "-m <1-99>"], args: ["{<regex>|-e <first:regex> [-e <second:regex>]}"]}
  wc: {opts: [-l]}
  tail: {opts: ["-n <1-500>", "-<1-500>"]}
  sh: shell.escape
commands:
- {cap: diagnose.read, filters: all, cmd: ["uptime", "cat <path>"], where: {path: [/proc/uptime, "/tmp/sysinfo/*"]}}
- {cap: log.read, filters: [grep, tail], cmd: [logread], help: "log of the router"}
- {cap: lan.hosts.read, filters: all, cmd: ["cat /tmp/dhcp.leases", "uci show dhcp"]}
- {cap: diagnose.probe, lan: lan.hosts.probe, cmd: ["ping <host>"], send: "ping -c 5 <host>"}
- {cap: diagnose.probe, lan: lan.hosts.probe, cmd: ["ping (-c <1-20> [-s <size:int:16-1472>] <host>)"]}
- {cap: wifi.radio.write, cmd: ["uci set wireless.<radio>.channel=<chan>"]}
- {cap: config.commit, cmd: ["uci commit wireless"]}
- {cap: wifi.ssid.write, cmd: ["uci set wireless.<section>.ssid=<ssid>"]}
- {cap: wifi.credentials.read, cmd: ["uci get wireless.<section>.key"]}
- {cap: wifi.credentials.write, cmd: ["uci set wireless.<section>.key=<psk>"]}
- {cap: dns.change, cmd: ["uci set network.wan.dns=<dns>"]}
- {cap: device.firmware, cmd: ["fw <fwurl>"]}
- {cap: service.restart, cmd: ["wifi reload", "ifup wan", "ifdown wan"]}
- {cap: device.reboot, leaves: true, cmd: [reboot]}
- {cap: pivot.ssh, cmd: [ssh, dbclient], hint: "ping checks whether a device answers."}
tests:
- {line: uptime, sends: uptime, cap: diagnose.read}
"""


def table_text(name: str) -> bytes:
    """The YAML of the documented table (`ios`) or of the shell table (`openwrt`)."""
    if name == "openwrt":
        return SHELL.encode()
    return REFERENCE.read_text(encoding="utf-8").split("```yaml")[1].split("```")[0].encode()


BUNDLE = compile_bundle({f"{name}.yaml": table_text(name) for name in ("ios", "openwrt")})
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 13, tzinfo=UTC)
ALL = frozenset(SCOPE)


@pytest.fixture(scope="session")
def bundle() -> PolicyBundle:
    return BUNDLE


@pytest.fixture(scope="session")
def texts() -> MappingProxyType[str, bytes]:
    return MappingProxyType({name: table_text(name) for name in ("ios", "openwrt")})


Ask = Callable[..., Verdict]


@pytest.fixture(scope="session")
def ios() -> Ask:
    """`ios(line, mode="privileged", context="", scope=ALL)`."""

    def ask(line: str, mode: str = "privileged", context: str = "", scope: frozenset[str] = ALL) -> Verdict:
        rights = Rights(scope=scope, deadline=LATER)
        return decide(BUNDLE, TEST_SITE, Position("ios", mode, context), line, rights, NOW)

    return ask


@pytest.fixture(scope="session")
def shell() -> Ask:
    """`shell(line, scope=ALL)`."""

    def ask(line: str, scope: frozenset[str] = ALL) -> Verdict:
        return decide(BUNDLE, TEST_SITE, Position("openwrt", "shell"), line, Rights(scope=scope, deadline=LATER), NOW)

    return ask

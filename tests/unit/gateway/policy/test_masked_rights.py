"""Capabilities that need no tick because what they print is masked: `Rights.masked`, made from the settings."""

from datetime import UTC, datetime, timedelta

import pytest

from config.settings import PolicySettings
from gateway.policy.decide import decide
from gateway.policy.load import load_bundle
from gateway.policy.verdict import Allow, Deny, Position, Rights, Site
from gateway.session.service import masked_reads

BUNDLE = load_bundle()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def verdict(line: str, **policy: str) -> Allow | Deny:
    settings = PolicySettings.model_validate(policy)
    rights = Rights(scope=frozenset(), deadline=NOW + timedelta(hours=1), masked=masked_reads(settings))
    return decide(BUNDLE, Site(), Position("openwrt", "shell"), line, rights, NOW)


@pytest.mark.parametrize(
    ("line", "setting", "capability"),
    [("uci show network", "config_read", "config.read"), ("cat /tmp/dhcp.leases", "lan_hosts_read", "lan.hosts.read")],
)
def test_a_setting_takes_the_place_of_the_tick(line: str, setting: str, capability: str) -> None:
    refused = verdict(line)
    assert isinstance(refused, Deny)
    assert refused.askable == capability
    assert isinstance(verdict(line, **{setting: "scope"}), Deny)
    allowed = verdict(line, **{setting: "masked"})
    assert isinstance(allowed, Allow)
    assert allowed.capability == capability


def test_nothing_else_is_let_through() -> None:
    both = {"config_read": "masked", "lan_hosts_read": "masked"}
    for line in ("uci show wireless", "reboot", "ping 192.168.1.7"):
        refused = verdict(line, **both)
        assert isinstance(refused, Deny) or refused.confirm
    assert masked_reads(PolicySettings.model_validate(both)) == {"config.read", "lan.hosts.read"}
    assert masked_reads(PolicySettings.model_validate({})) == frozenset()

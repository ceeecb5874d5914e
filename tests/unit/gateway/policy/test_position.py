"""What `gateway/policy/position.py` promises."""

import pytest

from gateway.policy.position import agrees, parent_of, place_of
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Allow, Position


@pytest.mark.parametrize(
    ("mode", "context", "place"),
    [
        ("privileged", "", "privileged"),
        ("config", "", "config"),
        ("config", "config", "config"),
        ("config", "(config)", "config"),
        ("config", "config-if", "config/interface"),
        ("config", "(config-subif)", "config/interface"),
        ("config", "interface", "config/interface"),
        ("config", "interface Dialer2", "config/interface"),
        ("config", "int di2", "config/interface"),
        ("config", "interface Tunnel0", "config/?"),
        ("config", "config-line", "config/?"),
        ("config", "?", "config/?"),
        ("config", "\x1b[31m", "config/?"),
        ("config", "config-if; x", "config/?"),
        ("privileged", "config-if", "privileged/?"),
        ("shell", "", None),
        ("nonsense", "", None),
    ],
)
def test_names_prompts_and_commands_come_to_the_same_place(
    bundle: PolicyBundle, mode: str, context: str, place: str | None
) -> None:
    table = bundle.tables["ios"]
    for _ in range(2):  # the second answer comes from memory
        assert place_of(table, Position("ios", mode, context)) == place


def test_memory_is_bounded(bundle: PolicyBundle) -> None:
    table = bundle.tables["ios"]
    for number in range(2000):
        assert place_of(table, Position("ios", "config", f"prompt-{number}")) == "config/?"
    assert len(table.places) <= 512


def test_the_expected_position_is_checked_against_the_prompt(bundle: PolicyBundle) -> None:
    table = bundle.tables["ios"]
    here = Position("ios", "config", "interface Dialer2")
    assert agrees(table, here, Position("ios", "config", "config-if"))
    assert agrees(table, here, here)
    assert not agrees(table, here, Position("ios", "config", ""))
    assert not agrees(table, here, Position("ios", "config", "config-ssid"))
    assert not agrees(table, here, Position("ios", "privileged", ""))
    assert not agrees(table, Position("ios", "shell", ""), Position("ios", "shell", ""))


def test_one_level_up(bundle: PolicyBundle) -> None:
    table = bundle.tables["ios"]
    assert parent_of(table, "config/interface") == "config"
    assert parent_of(table, "config/?") == "config"


@pytest.mark.parametrize(
    ("line", "mode", "context", "after"),
    [
        ("conf t", "privileged", "", Position("ios", "config", "")),
        ("int di2", "config", "", Position("ios", "config", "interface Dialer2")),
        ("int di3", "config", "config-if", Position("ios", "config", "interface Dialer3")),
        ("exit", "config", "config-if", Position("ios", "config", "")),
        ("end", "config", "config-if", Position("ios", "privileged", "")),
        ("show version", "privileged", "", None),
    ],
)
def test_where_commands_lead(ios, line: str, mode: str, context: str, after: Position | None) -> None:
    verdict = ios(line, mode, context)
    assert isinstance(verdict, Allow)
    assert verdict.enters == after


def test_where_the_place_is_not_known_only_the_way_out_is_open(ios) -> None:
    assert isinstance(ios("end", "config", "config-line"), Allow)
    refused = ios("do show version", "config", "config-line")
    assert refused.kind == "unknown"
    assert "not certain where the session stands" in refused.reason

"""What `gateway/mediation/whereabouts.py` makes of prompts that show all of the context, and of those that do not."""

from datetime import UTC, datetime

import pytest

from drivers.definition import load_definition
from drivers.prompt import PromptSeen
from gateway.mediation.setup import Setup
from gateway.mediation.whereabouts import UNSURE, Whereabouts
from gateway.policy.verdict import Allow, Deny, Position


def never(*_: object) -> Deny:
    raise AssertionError("nothing is judged here")


def own(*_: object) -> Allow:
    raise AssertionError("nothing is sent here")


def at(platform: str, prompt: PromptSeen) -> Whereabouts:
    """Somebody who has just logged in at `prompt`."""
    where = Whereabouts(
        Setup(
            definition=load_definition(platform),
            decide=never,
            own_line=own,
            agrees=lambda expected, seen: expected == seen,
            deadline=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )
    where.start(prompt)
    return where


def prompt(mode: str, tag: str = "", text: str = "> ") -> PromptSeen:
    return PromptSeen(text, "host", mode, tag, certain=True)


def position(platform: str, mode: str, context: str = "") -> Position:
    return Position(platform, mode, context)


def test_the_prompt_says_which_menu_this_is() -> None:
    where = at("routeros", prompt("exec"))
    assert where.arrive(prompt("exec", "/ip/address"), position("routeros", "exec", "/ip address"))
    assert where.position == position("routeros", "exec", "/ip/address")
    assert where.arrive(prompt("exec", "/ip"), position("routeros", "exec"))
    assert where.position == position("routeros", "exec", "/ip")


def test_the_prompt_says_which_edit_level_this_is() -> None:
    where = at("junos", prompt("exec"))
    assert where.arrive(prompt("config"), position("junos", "config"))
    assert where.arrive(prompt("config", "system services"), position("junos", "config", "system"))
    assert where.position == position("junos", "config", "system services")


def test_a_router_that_did_not_move_is_where_it_was_before() -> None:
    where = at("junos", prompt("exec"))
    where.arrive(prompt("config", "system"), position("junos", "config", "system"))
    assert where.arrive(prompt("config", "system"), position("junos", "exec"))
    assert where.position == position("junos", "config", "system")


def test_another_mode_than_expected_is_still_in_doubt() -> None:
    where = at("junos", prompt("exec"))
    assert not where.arrive(prompt("config", "system"), position("junos", "exec"))
    assert where.unsure
    assert where.position == position("junos", "config", UNSURE)


def test_a_prompt_that_should_say_and_does_not_is_in_doubt_until_one_does() -> None:
    where = at("junos", prompt("exec"))
    where.arrive(prompt("config", "system"), position("junos", "config", "system"))
    assert not where.arrive(prompt("config", "?"), position("junos", "config", "system"))
    assert where.unsure
    assert where.arrive(prompt("config", "interfaces"), position("junos", "config"))
    assert where.position == position("junos", "config", "interfaces")


@pytest.mark.parametrize("platform", ["ios", "frr", "iosxr", "nxos"])
def test_where_the_prompt_does_not_say_all_it_is_in_doubt(platform: str) -> None:
    where = at(platform, prompt("privileged"))
    where.arrive(prompt("config", "config"), position(platform, "config"))
    assert not where.arrive(prompt("config", "config-router"), position(platform, "config", "interface Dialer2"))
    assert where.position == position(platform, "config", UNSURE)


def test_a_prompt_of_two_lines_is_kept_whole() -> None:
    where = at("junos", prompt("exec", text="admin@edge-1> "))
    where.arrive(prompt("config", text="[edit]\nadmin@edge-1# "), position("junos", "config"))
    assert where.prompt == "[edit]\nadmin@edge-1# "


def test_such_a_prompt_agrees_with_nothing_whatever_the_table_says() -> None:
    where = Whereabouts(
        Setup(
            definition=load_definition("junos"),
            decide=never,
            own_line=own,
            agrees=lambda expected, seen: True,
            deadline=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )
    where.start(prompt("config"))
    assert not where.shows(prompt("config", "?"), position("junos", "config"))

"""Record before send, held over random scripts with revocations, kills and journal failures in between."""

import asyncio

import pytest

from tests.order_oracle import World

WORLDS = 50
SCRIPTS = 9
"""Of each lane of a world."""


def _play(seed: int, scripts: int, *, fail: bool, order: str = "proper") -> World:
    world = World(seed, order)
    try:
        asyncio.run(world.run(scripts, fail=fail))
    finally:
        world.close()
    return world


@pytest.mark.timeout(600)
def test_no_byte_of_a_command_before_its_entry_is_durable() -> None:
    worlds = [_play(seed, SCRIPTS, fail=seed % 4 == 0) for seed in range(WORLDS)]

    assert [violation for world in worlds for violation in world.violations()] == []
    assert sum(world.scripts for world in worlds) >= 1000
    assert sum(world.revoked for world in worlds) >= 100
    assert sum(world.killed for world in worlds) >= 50
    assert sum(world.broken for world in worlds) >= 8
    assert sum(len(world.driver.received) for world in worlds) >= 2000


def test_the_same_harness_sees_a_swapped_order() -> None:
    world = _play(4711, 5, fail=False, order="swapped")

    assert any("before it was durable" in violation for violation in world.violations())

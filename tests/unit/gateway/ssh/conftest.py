"""A front door for each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.front_door import Door, open_door


@pytest.fixture
async def make_door() -> AsyncIterator[Callable[..., Awaitable[Door]]]:
    """Opens a front door with arguments of `open_door`; closed at the end."""
    doors: list[Door] = []

    async def made(**arguments: Any) -> Door:
        doors.append(await open_door(**arguments))
        return doors[-1]

    yield made
    for door in doors:
        door.server.close()


@pytest.fixture
async def door(make_door: Callable[..., Awaitable[Door]]) -> Door:
    """A front door that trusts no CA."""
    return await make_door()

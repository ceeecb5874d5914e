"""An ACS that is scripted, and CPEs that belong to it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from drivers.lab.cpe import FAST, CpeConfig, SimulatedCpe
from tests.unit.drivers.lab.cpe.tiny_acs import TinyAcs


@pytest.fixture
async def acs() -> AsyncIterator[TinyAcs]:
    tiny = TinyAcs()
    server = await asyncio.start_server(tiny.serve, "127.0.0.1", 0)
    tiny.port = server.sockets[0].getsockname()[1]
    yield tiny
    server.close()


@pytest.fixture
def cpe_for(acs: TinyAcs) -> Callable[..., SimulatedCpe]:
    """A CPE of that ACS, fast, with moods by name."""

    def make(*moods: str, **more: object) -> SimulatedCpe:
        config = {"acs": acs.url, "pace": FAST, "moods": frozenset(moods), **more}
        return SimulatedCpe(CpeConfig(**config))

    return make

"""The ordering oracle of RPCs: random lines, interrupts, lost links and closes; every byte is behind its record."""

import asyncio
import random

import pytest

from drivers.errors import DriverError
from tests.unit.drivers.cwmp.driver_stage import DriverStage

LINES = (
    "get Device.DeviceInfo.UpTime",
    "get Device.WiFi.",
    "names",
    "show wifi",
    "set wifi channel 11",
    "set wifi-5ghz name Blue",
    "undo",
    "add Device.NAT.PortMapping.",
    "diagnose ping a.example",
    "reboot",
    "firmware box7-4.3",
    "methods",
    "exit",
)


@pytest.mark.parametrize("seed", range(40))
async def test_no_byte_reaches_the_router_before_its_record(seed):
    rng = random.Random(seed)
    stage = DriverStage(hold_seconds=0.02)
    stage.journal.slow = rng.choice((0.0, 0.0, 0.001))
    stage.cpe.moods.endless_tests = rng.random() < 0.3
    stage.cpe.moods.status = rng.choice((0, 1))
    session = await stage.shell()
    shown = asyncio.create_task(_read(session))
    for _ in range(rng.randrange(3, 9)):
        try:
            await _act(stage, session, rng)
        except DriverError:
            break
        await asyncio.sleep(rng.choice((0, 0.001, 0.01)))
    await session.close()
    await asyncio.wait_for(shown, 5)
    sent = len(stage.links.received)
    await asyncio.sleep(0.03)
    assert stage.early_bytes() == []
    assert len(stage.links.received) == sent, "nothing is sent after the end"
    recorded = [rpc.rpc_id for rpc in stage.journal.asked]
    assert len(set(recorded)) == len(recorded)
    assert [item.rpc.rpc_id for item in stage.links.received] == [
        rpc_id for rpc_id in recorded if rpc_id in {item.rpc.rpc_id for item in stage.links.received}
    ]


async def _act(stage, session, rng):
    match rng.randrange(10):
        case 0:
            await session.send(stage.mint("\x03", "interrupt"))
        case 1:
            stage.links.links[-1].hang_up()
        case 2:
            stage.journal.refuse = rng.random() < 0.3
        case 3:
            stage.links.reachable = rng.random() < 0.7
        case _:
            await session.send(stage.mint(f"{rng.choice(LINES)}\n"))


async def _read(session):
    while (await session.read()).data:
        pass

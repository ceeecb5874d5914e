"""The embedded ACS: answers everything a CPE may ask, and keeps only those that somebody waits for."""

import asyncio

import pytest

from config.clock import FakeClock
from drivers.cwmp.hub import CpeHub
from drivers.cwmp.known import MemoryCpeDirectory
from drivers.cwmp.messages import CpeRequest, Done, Fault, Methods, TransferComplete
from gateway.cwmp.acs import EmbeddedAcs
from gateway.cwmp.credentials import Rotation
from gateway.cwmp.leftovers import MemoryTexts, OwedByCpes
from gateway.cwmp.upkeep import Upkeep
from tests.unit.gateway.cwmp.turn_stage import FakeTurn, MemoryRpcs, known


class NoWaker:
    async def wake(self, router_id):
        pass

    def expected_in(self, router_id):
        return None


@pytest.fixture
async def acs():
    upkeep = Upkeep(
        directory=MemoryCpeDirectory(known()), rpcs=MemoryRpcs(), owed=OwedByCpes(MemoryTexts(), FakeClock()),
        rotation=Rotation(),
    )  # fmt: skip
    made = EmbeddedAcs(CpeHub(NoWaker()), upkeep)
    made.hub = made._hub
    return made


async def test_answers(acs):
    turn = FakeTurn(known())
    assert acs.on_inform(turn, turn.contact.inform) == Done("Inform")
    assert acs.on_request(turn, TransferComplete(command_key="k")) == Done("TransferComplete")
    assert acs.on_request(turn, TransferComplete(autonomous=True)) == Done("AutonomousTransferComplete")
    methods = acs.on_request(turn, CpeRequest("GetRPCMethods"))
    assert isinstance(methods, Methods)
    assert {"Inform", "GetRPCMethods", "TransferComplete"} <= set(methods.names)
    assert acs.on_request(turn, CpeRequest("Kicked")) == Done("Kicked")
    for method in ("RequestDownload", "X_ACME_Hello"):
        assert acs.on_request(turn, CpeRequest(method)) == Fault(8000, "Method not supported")


async def test_nobody_waits(acs):
    assert acs.on_turn(FakeTurn(known())) is None


async def test_somebody_waits(acs):
    turn = FakeTurn(known())
    attaching = asyncio.create_task(acs.hub.attach("r1"))
    await asyncio.sleep(0)
    work = acs.on_turn(turn)
    assert work is not None
    working = asyncio.create_task(work)
    link = await attaching
    assert not working.done()
    link.release()
    await working
    assert acs.on_turn(turn) is None

"""What the gateway tells a CPE by itself: recorded first, in the right order, and not for ever."""

import pytest

from config.clock import FakeClock
from drivers.cwmp.known import MemoryCpeDirectory
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import (
    AddObject,
    Attribute,
    CancelTransfer,
    Fault,
    GetParameterValues,
    ParameterValue,
    Reboot,
    SetParameterAttributes,
    SetParameterValues,
)
from drivers.errors import RouterUnreachable
from gateway.cwmp.credentials import Rotation
from gateway.cwmp.leftovers import MemoryTexts, OwedByCpes
from gateway.cwmp.upkeep import Upkeep, names_in
from tests.unit.gateway.cwmp.turn_stage import FakeTurn, MemoryRpcs, known

LEFT = Leftover("transfer", "key")


def upkeep(cpe=None, **more):
    return Upkeep(
        directory=MemoryCpeDirectory(cpe or known()),
        rpcs=MemoryRpcs(),
        owed=OwedByCpes(MemoryTexts(), FakeClock()),
        rotation=Rotation(),
        **more,
    )


async def left(made, leftover=LEFT):
    await made.owed.remember("r1", "s1", leftover)
    made.owed.ended("r1", "s1")


def test_mostly_there_is_nothing():
    assert not upkeep().due(FakeTurn(known()))


async def test_first_what_is_left_then_credentials():
    cpe = known(cr_password="")
    made, turn = upkeep(cpe), FakeTurn(cpe)
    await left(made)
    assert made.due(turn)
    await made.run(turn)
    assert [type(one) for one in turn.sent] == [CancelTransfer, SetParameterValues]
    assert [(one.purpose, one.session) for one in made.rpcs.new] == [("undo", "s1"), ("machine", None)]
    assert all(one.subscriber == "s" for one in made.rpcs.new)
    password = made.directory.by_router("r1").cr_password
    assert [one.value for one in turn.sent[1].values][1] == password
    assert password not in str(made.rpcs.new[1].kept)
    assert not made.due(FakeTurn(made.directory.by_router("r1")))


async def test_credentials_are_in_the_inventory_before_they_are_sent():
    cpe = known(cr_password="")
    made, turn = upkeep(cpe), FakeTurn(cpe)
    turn.alive = False
    with pytest.raises(RouterUnreachable):
        await made.run(turn)
    kept = made.directory.by_router("r1")
    assert kept.cr_password
    assert made.due(FakeTurn(kept)), "it did not confirm them"


async def test_a_fault_ends_it():
    cpe = known(cr_password="")
    made, turn = upkeep(cpe), FakeTurn(cpe, answers=[Fault(9021, "no"), Fault(9001, "no")])
    await left(made)
    await made.run(turn)
    assert [facts for _, facts, _ in made.rpcs.answers] == [{"fault": 9021}, {"fault": 9001}]
    assert not made.due(FakeTurn(cpe))


async def test_what_was_not_undone_stays():
    made, turn = upkeep(), FakeTurn(known())
    await left(made)
    turn.alive = False
    with pytest.raises(RouterUnreachable):
        await made.run(turn)
    assert made.due(FakeTurn(known()))


async def test_connection_requests_of_somebody_else_are_left_alone():
    cpe = known(cr_password="")
    made, turn = upkeep(cpe, sets_credentials=False), FakeTurn(cpe, ("0 BOOTSTRAP",))
    assert not made.due(turn)
    await left(made)
    await made.run(turn)
    assert [type(one) for one in turn.sent] == [CancelTransfer]


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (SetParameterValues((ParameterValue("A.B", "secret"),)), ["A.B"]),
        (GetParameterValues(("A.", "B")), ["A.", "B"]),
        (AddObject("A."), ["A."]),
        (Reboot("k"), ["k"]),
        (SetParameterAttributes((Attribute("A.B", 0),)), ["A.B"]),
    ],
)
def test_names_and_no_values(request_, names):
    assert names_in(request_) == names

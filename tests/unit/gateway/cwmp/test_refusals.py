"""Counting who proves nothing, and what of it goes on record."""

from gateway.cwmp.refusals import Refusals
from gateway.cwmp.sign_in import Shown
from tests.unit.gateway.cwmp.reception_stage import House
from tests.unit.gateway.cwmp.turn_stage import known

HERE, THERE = "192.0.2.1", "192.0.2.2"


def shown(address=HERE):
    return Shown(address=address, tls=False, names=frozenset(), authorization=None, method="POST", target="/")


async def test_wrong_ones_as_one_device_put_their_address_into_a_row():
    house = House(failures_per_minute=3)
    refusals = Refusals(house.desk)
    for _ in range(3):
        assert not refusals.in_turn(HERE)
        refusals.device("credentials", "A1", shown(), known())
    assert refusals.in_turn(HERE)
    assert not refusals.in_turn(THERE)
    assert house.journal.refusals == [("credentials", "A1", 1), ("too many", "A1", 1)]


async def test_wrong_ones_as_many_devices_do_not():
    house = House(failures_per_minute=3)
    refusals = Refusals(house.desk)
    for number in range(50):
        refusals.device("unknown", f"B{number}", shown(), None)
    assert not refusals.in_turn(HERE)
    assert len(house.desk.seen) == 20


async def test_a_flood_does():
    refusals = Refusals(House(failures_per_address=10).desk)
    refusals.stranger("protocol", HERE)
    refusals.costly(HERE, 8)
    assert not refusals.in_turn(HERE)
    refusals.costly(HERE)
    assert refusals.in_turn(HERE)


async def test_operators_see_when_a_router_was_turned_away_and_why():
    house = House()
    refusals = Refusals(house.desk)
    refusals.device("certificate", "A1", shown(), known())
    refusals.device("unknown", "B2", shown(), None)
    assert {router: turned.why for router, turned in refusals.turned_away.items()} == {"r1": "certificate"}
    assert [one.device_key for one in house.desk.seen.newest_first()] == ["B2"]


async def test_what_repeats_is_recorded_as_a_number():
    house = House()
    refusals = Refusals(house.desk)
    for _ in range(5):
        refusals.device("credentials", "A1", shown(), known())
    refusals.sweep(float("inf"))
    assert house.journal.refusals == [("credentials", "A1", 1), ("credentials", "A1", 4)]

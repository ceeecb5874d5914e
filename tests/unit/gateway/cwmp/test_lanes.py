"""One after the other, each address by itself; who is gone is passed over."""

import asyncio

from gateway.cwmp.lanes import Lanes

TURN = 0.01


class Caller:
    def __init__(self, address="192.0.2.1"):
        self.address = address


async def test_the_first_at_once_and_the_others_in_order():
    lanes, done = Lanes(TURN), []
    for number in range(4):
        lanes.line_up(Caller(), lambda number=number: done.append(number))
    assert done == [0]
    await asyncio.sleep(TURN * 1.5)
    assert done == [0, 1]
    async with asyncio.timeout(5):
        while len(lanes):
            await asyncio.sleep(TURN)
    assert done == [0, 1, 2, 3]


async def test_addresses_do_not_wait_for_each_other():
    lanes, done = Lanes(TURN), []
    for address in ("192.0.2.1", "192.0.2.2"):
        lanes.line_up(Caller(address), lambda address=address: done.append(address))
    assert done == ["192.0.2.1", "192.0.2.2"]


async def test_who_is_gone_takes_no_turn():
    lanes, done, gone = Lanes(TURN), [], [Caller() for _ in range(50)]
    for caller in (Caller(), *gone):
        lanes.line_up(caller, lambda: done.append("gone"))
    lanes.line_up(Caller(), lambda: done.append("here"))
    for caller in gone:
        lanes.left(caller)
    lanes.left(Caller("192.0.2.9"))
    await asyncio.sleep(TURN * 1.5)
    assert done == ["gone", "here"]


async def test_nothing_is_kept_of_an_address_that_is_quiet():
    lanes = Lanes(TURN)
    lanes.line_up(Caller(), lambda: None)
    async with asyncio.timeout(5):
        while len(lanes):
            await asyncio.sleep(TURN)

"""What CPEs owe is kept over a crash, and undone only once its session is over."""

import pytest

from config.clock import FakeClock
from drivers.cwmp.leftovers import Leftover
from gateway.cwmp.leftovers import MOST_EXPECTED, Left, MemoryTexts, OwedByCpes, given_up

ONE = Leftover("notification", "Device.A.B", 1)
TWO = Leftover("transfer", "key")


@pytest.fixture
def texts():
    return MemoryTexts()


@pytest.fixture
def owed(texts):
    return OwedByCpes(texts, FakeClock())


async def test_due_when_the_session_is_over_last_first(owed):
    await owed.remember("r1", "s1", ONE)
    await owed.remember("r1", "s1", TWO)
    await owed.remember("r1", "s1", ONE)
    assert owed.due("r1") == ()
    owed.ended("r1", "s1")
    assert owed.due("r1") == (Left("s1", TWO), Left("s1", ONE))
    assert owed.due("r2") == ()
    await owed.forget("r1", "s1", TWO)
    await owed.forget("r1", "s1", TWO)
    assert owed.due("r1") == (Left("s1", ONE),)


async def test_due_after_a_crash(owed, texts):
    await owed.remember("r1", "s1", ONE)
    again = OwedByCpes(texts, FakeClock())
    assert again.due("r1") == (Left("s1", ONE),)
    await again.forget("r1", "s1", ONE)
    assert texts.pending("r1") == ""


async def test_what_another_live_session_left_is_not_touched(owed):
    await owed.remember("r1", "s1", ONE)
    await owed.remember("r1", "s2", TWO)
    owed.ended("r1", "s1")
    assert owed.due("r1") == (Left("s1", ONE),)


async def test_only_what_was_ordered_of_this_cpe_is_expected(owed, texts):
    await owed.expects("r1", "s1", "k", "reboot")
    assert owed.expected("r1", "k").session == "s1"
    assert owed.expected("r2", "k") is None
    assert owed.expected("r1", "other") is None
    assert OwedByCpes(texts, FakeClock()).expected("r1", "k").session == "s1"


async def test_told_once(owed):
    await owed.expects("r1", "s1", "k", "transfer")
    assert [(router, one.key) for router, one in owed.open_transfers()] == [("r1", "k")]
    await owed.told("r1", "k")
    await owed.told("r1", "k")
    assert owed.open_transfers() == []
    assert owed.expected("r1", "k").session == "s1", "the CPE may repeat it"


async def test_expectations_of_before_a_restart_are_looked_at(owed, texts):
    await owed.expects("r1", "s1", "k", "transfer")
    assert len(OwedByCpes(texts, FakeClock(), ["r1", "r2"]).open_transfers()) == 1


async def test_not_more_than_some(owed):
    for number in range(MOST_EXPECTED + 5):
        await owed.expects("r1", "s1", str(number), "transfer")
    assert owed.expected("r1", "4") is None
    assert owed.expected("r1", "5") is not None
    assert owed.expected("r1", str(MOST_EXPECTED + 4)) is not None


async def test_given_up_after_so_many_minutes():
    clock = FakeClock()
    owed = OwedByCpes(MemoryTexts(), clock)
    await owed.expects("r1", "s1", "k", "transfer")
    [(_, expected)] = owed.open_transfers()
    assert not given_up(expected, None, clock.now())
    clock.advance(599)
    assert not given_up(expected, 10, clock.now())
    clock.advance(1)
    assert given_up(expected, 10, clock.now())

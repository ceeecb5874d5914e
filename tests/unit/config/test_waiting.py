"""Limits of many waits: each holds, whatever others do, and one timer is enough for all that are in time."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.waiting import within


class Counting(asyncio.SelectorEventLoop):
    """Counts its timers; its time jumps to the next of them as soon as nothing else is to be done."""

    def __init__(self):
        super().__init__()
        self.timers = 0
        self.now = 1000.0

    def time(self):
        return self.now

    def call_at(self, when, callback, *args, context=None):
        self.timers += 1
        return super().call_at(when, callback, *args, context=context)

    def _run_once(self):
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


def run(main):
    loop = Counting()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()


def test_what_is_in_time_comes_and_no_wait_has_a_timer_of_its_own():
    async def main(loop):
        for number in range(100):
            future = loop.create_future()
            loop.call_soon(future.set_result, number)
            assert await within(future, 30) == number
        return loop.timers

    assert run(main) == 1


def test_what_is_late_ends_at_its_limit():
    async def main(loop):
        future, begun = loop.create_future(), loop.time()
        with pytest.raises(TimeoutError):
            await within(future, 2)
        assert future.done(), "who would set it sees that nobody waits"
        return loop.time() - begun

    assert run(main) == 2


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=12))
def test_each_limit_holds_whatever_others_do(waits):
    """Each begins after `start` seconds, has `limit` seconds, and is answered `answer` seconds after its begin."""

    async def one(loop, start, limit, answer):
        await asyncio.sleep(start)
        future, begun = loop.create_future(), loop.time()
        loop.call_later(answer, lambda: future.done() or future.set_result(None))
        try:
            await within(future, limit)
        except TimeoutError:
            return "late", loop.time() - begun
        return "answered", loop.time() - begun

    async def main(loop):
        return await asyncio.gather(*(one(loop, *wait) for wait in waits))

    for (_, limit, answer), (how, took) in zip(waits, run(main), strict=True):
        assert took == pytest.approx(min(limit, answer))
        if limit != answer:
            assert how == ("late" if limit < answer else "answered")


def test_who_is_cancelled_leaves_nothing():
    async def main(loop):
        future = loop.create_future()
        waiting = loop.create_task(within(future, 5))
        await asyncio.sleep(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert future.cancelled()
        await asyncio.sleep(10)
        other = loop.create_future()
        loop.call_soon(other.set_result, "other")
        return await within(other, 1)

    assert run(main) == "other"


def test_a_limit_that_is_over_already():
    async def main(loop):
        with pytest.raises(TimeoutError):
            await within(loop.create_future(), -1)

    run(main)


def test_an_error_comes_as_it_is():
    async def main(loop):
        future = loop.create_future()
        loop.call_soon(future.set_exception, ValueError("mine"))
        with pytest.raises(ValueError, match="mine"):
            await within(future, 1)

    run(main)

"""The buffer between a router and its reader keeps order, loses nothing and stays bounded."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.buffer import HIGH_WATER, READ_LIMIT, OutputBuffer
from drivers.session import Output


class Tap:
    """A source that can be paused, as a channel can."""

    def __init__(self) -> None:
        self.paused = False
        self.pauses = 0
        self.buffer = OutputBuffer(self.pause, self.resume)

    def pause(self) -> None:
        assert not self.paused
        self.paused = True
        self.pauses += 1

    def resume(self) -> None:
        assert self.paused
        self.paused = False


@pytest.fixture
def tap() -> Tap:
    return Tap()


async def test_pieces_of_one_stream_are_read_together(tap):
    tap.buffer.put(b"ab")
    tap.buffer.put(b"cd")
    assert await tap.buffer.take() == Output(b"abcd")


async def test_streams_stay_apart_and_in_order(tap):
    tap.buffer.put(b"a")
    tap.buffer.put(b"b", stderr=True)
    tap.buffer.put(b"c")
    assert [await tap.buffer.take() for _ in range(3)] == [Output(b"a"), Output(b"b", stderr=True), Output(b"c")]


async def test_a_read_has_a_limit(tap):
    tap.buffer.put(b"x" * (READ_LIMIT + 1))
    assert len((await tap.buffer.take()).data) == READ_LIMIT
    assert await tap.buffer.take() == Output(b"x")


async def test_empty_data_is_never_the_end_by_accident(tap):
    tap.buffer.put(b"")
    tap.buffer.put(b"x")
    assert await tap.buffer.take() == Output(b"x")


async def test_the_end_comes_after_what_is_held_and_stays(tap):
    tap.buffer.put(b"last words")
    tap.buffer.end()
    tap.buffer.put(b"too late")
    assert tap.buffer.ended
    assert await tap.buffer.take() == Output(b"last words")
    assert await tap.buffer.take() == Output(b"")
    assert await tap.buffer.take() == Output(b"")


async def test_discarding_ends_at_once(tap):
    tap.buffer.put(b"secret")
    tap.buffer.discard()
    assert await tap.buffer.take() == Output(b"")
    assert tap.buffer.size == 0


async def test_a_waiting_reader_is_woken_by_output_and_by_the_end(tap):
    first = asyncio.ensure_future(tap.buffer.take())
    await asyncio.sleep(0)
    tap.buffer.put(b"x")
    assert await first == Output(b"x")
    second = asyncio.ensure_future(tap.buffer.take())
    await asyncio.sleep(0)
    tap.buffer.end()
    assert await second == Output(b"")


async def test_a_reader_that_gave_up_loses_nothing(tap):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(tap.buffer.take(), 0.01)
    tap.buffer.put(b"x")
    assert await tap.buffer.take() == Output(b"x")


async def test_the_source_is_paused_at_high_water_and_resumed_below(tap):
    tap.buffer.put(b"x" * (HIGH_WATER - 1))
    assert not tap.paused
    tap.buffer.put(b"xx")
    tap.buffer.put(b"one packet was on its way")
    assert (tap.paused, tap.pauses) == (True, 1)
    await tap.buffer.take()
    assert not tap.paused


@given(st.lists(st.one_of(st.tuples(st.binary(max_size=50_000), st.booleans()), st.none()), max_size=40))
def test_any_order_of_arrival_and_reading_keeps_every_byte(steps):
    async def scenario() -> None:
        tap = Tap()
        arrived: list[tuple[bool, int]] = []
        read: list[tuple[bool, int]] = []

        def keep(into, data, stderr):
            into.extend((stderr, byte) for byte in data)

        for step in steps:
            if step is None:
                if tap.buffer.size:
                    output = await tap.buffer.take()
                    assert 0 < len(output.data) <= READ_LIMIT
                    keep(read, output.data, output.stderr)
            elif not tap.paused:
                tap.buffer.put(step[0], stderr=step[1])
                keep(arrived, *step)
            assert tap.paused == (tap.buffer.size >= HIGH_WATER)
        tap.buffer.end()
        while (output := await tap.buffer.take()).data:
            keep(read, output.data, output.stderr)
        assert read == arrived

    asyncio.run(scenario())

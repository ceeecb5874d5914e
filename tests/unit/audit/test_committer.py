"""Group commit: everything queued in one batch, in order, answered after it; one error ends it all."""

import asyncio
import concurrent.futures
import threading
import time

import pytest

from audit.committer import ALONG_SECONDS, Committer, Ticket
from audit.errors import Overloaded, RecordFailed


class Medium:
    """Commits numbers; can be held, and can fail."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.error = None
        self.after_error = None
        self.poisoned = []

    def commit(self, work):
        self.entered.set()
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        self.batches.append(list(work))
        return [ValueError("odd") if item == 13 else item * 10 for item in work]

    def after(self):
        if self.after_error is not None:
            raise self.after_error


@pytest.fixture
def medium():
    return Medium()


@pytest.fixture
def committer(medium):
    made = Committer(medium.commit, after=medium.after, on_poison=medium.poisoned.append, capacity=8)
    yield made
    medium.gate.set()
    made.stop()


def submit(committer, work):
    future = concurrent.futures.Future()
    committer.submit(work, Ticket(future))
    return future


def hold(committer, medium):
    """Start a commit that waits at the gate; what is submitted now makes up the next batch."""
    medium.gate.clear()
    first = submit(committer, 0)
    assert medium.entered.wait(10)
    return first


def test_what_arrives_during_a_sync_is_the_next_batch(committer, medium):
    first = hold(committer, medium)
    rest = [submit(committer, number) for number in range(1, 6)]
    assert not first.done()
    medium.gate.set()
    assert [future.result(10) for future in [first, *rest]] == [0, 10, 20, 30, 40, 50]
    assert medium.batches == [[0], [1, 2, 3, 4, 5]]


def test_one_refusal_in_a_batch_concerns_nobody_else(committer, medium):
    hold(committer, medium)
    futures = [submit(committer, number) for number in (12, 13, 14)]
    medium.gate.set()
    assert futures[0].result(10) == 120
    with pytest.raises(ValueError, match="odd"):
        futures[1].result(10)
    assert futures[2].result(10) == 140


def test_a_full_queue_refuses_at_once(committer, medium):
    hold(committer, medium)
    queued = [submit(committer, number) for number in range(8)]
    with pytest.raises(Overloaded):
        submit(committer, 9)
    medium.gate.set()
    assert queued[-1].result(10) == 70
    assert submit(committer, 9).result(10) == 90


def test_an_error_fails_the_batch_and_the_queue_and_all_that_comes(committer, medium):
    medium.error = OSError(28, "No space left on device")
    first = hold(committer, medium)
    waiting = submit(committer, 1)
    medium.gate.set()
    for future in (first, waiting):
        with pytest.raises(RecordFailed) as caught:
            future.result(10)
        assert isinstance(caught.value.__cause__, OSError)
    assert committer.poisoned
    medium.error = None
    with pytest.raises(RecordFailed, match="Restart"):
        submit(committer, 2)
    committer.stop()
    assert medium.poisoned == [waiting.exception().__cause__]
    assert medium.batches == []


def test_an_error_of_the_housekeeping_poisons_too_but_what_is_durable_stays(committer, medium):
    medium.after_error = OSError(5, "I/O error")
    assert submit(committer, 1).result(10) == 10
    committer.stop()
    assert committer.poisoned
    assert len(medium.poisoned) == 1


def test_poison_from_outside(committer, medium):
    hold(committer, medium)
    waiting = submit(committer, 1)
    committer.poison(OSError("signer"))
    committer.poison(OSError("again"))
    with pytest.raises(RecordFailed):
        waiting.result(10)
    assert len(medium.poisoned) == 1


def test_stopping_finishes_the_queue(committer, medium):
    hold(committer, medium)
    queued = [submit(committer, number) for number in (1, 2)]
    medium.gate.set()
    committer.stop()
    committer.stop()
    assert [future.result(0) for future in queued] == [10, 20]
    with pytest.raises(RecordFailed, match="shutting down"):
        submit(committer, 3)


async def test_futures_of_an_event_loop(committer):
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(5)]
    for number, future in enumerate(futures):
        committer.submit(number, Ticket(future, loop))
    assert await asyncio.gather(*futures) == [0, 10, 20, 30, 40]


async def test_a_cancelled_waiter_disturbs_nobody(committer, medium):
    loop = asyncio.get_running_loop()
    hold(committer, medium)
    gone, stays = loop.create_future(), loop.create_future()
    committer.submit(1, Ticket(gone, loop))
    committer.submit(2, Ticket(stays, loop))
    thread = submit(committer, 3)
    thread.cancel()
    gone.cancel()
    medium.gate.set()
    assert await stays == 20
    await asyncio.to_thread(committer.stop)
    assert medium.batches[1] == [1, 2, 3]


def test_a_closed_event_loop_disturbs_nobody(committer, medium):
    hold(committer, medium)
    loop = asyncio.new_event_loop()
    committer.submit(1, Ticket(loop.create_future(), loop))
    other = submit(committer, 2)
    loop.close()
    medium.gate.set()
    assert other.result(10) == 20
    assert not committer.poisoned


def test_many_threads_keep_their_own_order(medium):
    committer = Committer(medium.commit, after=medium.after, on_poison=medium.poisoned.append, capacity=100_000)

    def produce(name):
        futures = [submit(committer, name * 1000 + number) for number in range(14, 500)]
        return [future.result(10) for future in futures]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(produce, range(1, 9)))
    committer.stop()
    order = [item for batch in medium.batches for item in batch]
    for name, result in enumerate(results, 1):
        own = [item for item in order if item // 1000 == name]
        assert own == sorted(own)
        assert result == [item * 10 for item in own]


def along(committer, work):
    future = concurrent.futures.Future()
    committer.submit(work, Ticket(future), along=True)
    return future


def test_work_that_nobody_waits_for_rides_with_the_next(committer, medium):
    late = along(committer, 1)
    waited = submit(committer, 2)

    assert waited.result(5) == 20
    assert late.result(5) == 10
    assert medium.batches == [[1, 2]]


def test_work_that_nobody_waits_for_goes_alone_in_the_end(committer, medium):
    assert along(committer, 1).result(5) == 10
    assert medium.batches == [[1]]


def test_stopping_writes_what_nobody_waits_for(committer, medium):
    late = along(committer, 1)

    committer.stop()

    assert late.result(0) == 10


def test_after_a_while_without_work_the_next_that_nobody_waits_for_is_still_written(committer, medium):
    assert submit(committer, 1).result(5) == 10
    time.sleep(ALONG_SECONDS * 1.5)  # now the thread looks at the queue only when it is told

    assert along(committer, 2).result(5) == 20
    committer.submit(3, Ticket(None), along=True)
    committer.stop()
    assert medium.batches == [[1], [2], [3]]

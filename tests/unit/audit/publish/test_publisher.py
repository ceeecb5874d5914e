"""Checkpoints are published at once when asked, in the background while the log grows, and not at all when it rests."""

import threading

import pytest

from audit.errors import RecordFailed, SignerUnavailable
from audit.publish.publisher import Publisher
from audit.signing.signer import MemoryState, Signer
from audit.tlog.checkpoint import open_checkpoint
from audit.tlog.merkle import Frontier, leaf_hash
from audit.tlog.note import SigningKey

KEY = SigningKey("logs.isp/1", bytes(range(32)))


class Board:
    """Where checkpoints are published; counts them."""

    def __init__(self, interval):
        self.sizes = []
        self.failures = []
        self.published = threading.Condition()
        self.error = None
        self.frontier = Frontier()
        self.publisher = Publisher(Signer(KEY, MemoryState()), self.publish, self.failures.append, interval=interval)

    def publish(self, note):
        if self.error is not None:
            raise self.error
        with self.published:
            self.sizes.append(open_checkpoint(note, KEY.verifier).size)
            self.published.notify_all()

    def grow(self, count, *, urgent=False):
        added = [leaf_hash(bytes([number])) for number in range(count)]
        self.frontier.extend(added)
        self.publisher.durable(added, self.frontier.size, self.frontier.copy().root, urgent=urgent)

    def wait_for(self, size):
        with self.published:
            assert self.published.wait_for(lambda: self.sizes and self.sizes[-1] == size, 10)


@pytest.fixture
def slow():
    board = Board(interval=3600)
    yield board
    board.publisher.stop()


def test_the_first_growth_is_published_and_the_next_waits(slow):
    slow.grow(3)
    slow.wait_for(3)
    slow.grow(4)
    slow.publisher.stop()  # the end does not wait
    assert slow.sizes == [3, 7]


def test_urgent_growth_is_published_at_once(slow):
    slow.grow(1)
    slow.wait_for(1)
    slow.grow(1, urgent=True)
    slow.wait_for(2)


def test_on_request_all_that_is_durable_is_covered(slow):
    slow.grow(1)
    slow.wait_for(1)
    slow.grow(5)
    slow.publisher.request().result(10)
    assert slow.sizes == [1, 6]
    slow.publisher.request().result(10)  # nothing new: signed again
    assert slow.sizes == [1, 6, 6]


def test_the_interval_publishes_without_being_asked():
    board = Board(interval=0.01)
    for _ in range(3):
        board.grow(2)
        board.wait_for(board.frontier.size)
    board.publisher.stop()
    assert board.sizes == [2, 4, 6]


def test_an_idle_log_is_left_alone():
    board = Board(interval=0.0)
    board.publisher.stop()
    assert board.sizes == []


def test_a_failure_is_told_once_and_ends_publishing(slow):
    slow.error = OSError(28, "No space left on device")
    slow.grow(1)
    waiting = slow.publisher.request()
    with pytest.raises(RecordFailed):
        waiting.result(10)
    slow.publisher.stop()
    assert slow.failures == [slow.error]
    with pytest.raises(RecordFailed):
        slow.publisher.request().result(10)


def test_a_tree_that_is_no_extension_is_a_failure(slow):
    slow.publisher.durable([leaf_hash(b"a")], 5, lambda: bytes(32), urgent=True)
    slow.publisher._thread.join(10)
    assert "not an extension" in str(slow.failures[0])
    assert slow.sizes == []


class Moody(Signer):
    """A signer that can be away, before it signs or after: then the answer is lost."""

    def __init__(self):
        super().__init__(KEY, MemoryState())
        self.away = None
        self.asked = []

    def sign(self, size, root, added):
        self.asked.append((added.start, size))
        if self.away == "before":
            raise SignerUnavailable("away")
        note = super().sign(size, root, added)
        if self.away == "after":
            raise SignerUnavailable("answer lost")
        return note


@pytest.fixture
def moody():
    signer, late = Moody(), []
    board = Board(interval=0.01)
    board.publisher.stop()
    board.publisher = Publisher(
        signer, board.publish, board.failures.append, interval=0.01, on_late=late.append, late_seconds=0.0
    )
    board.signer, board.late = signer, late
    yield board
    board.publisher.stop()


@pytest.mark.parametrize("away", ["before", "after"])
def test_a_signer_that_was_away_is_asked_the_same_first(moody, away):
    moody.grow(3)
    moody.wait_for(3)
    moody.signer.away = away
    moody.grow(2)
    with pytest.raises(SignerUnavailable):
        moody.publisher.request().result(10)
    moody.grow(4)
    assert moody.publisher.unsigned_seconds > 0
    away = moody.publisher.standing()
    assert (away.size, away.answers) == (3, False)
    assert away.unsigned_seconds > 0
    moody.signer.away = None
    moody.publisher.request().result(10)
    back = moody.publisher.standing()
    assert (back.size, back.answers, back.unsigned_seconds) == (9, True, 0.0)
    assert back.age_seconds >= 0
    assert moody.sizes[-2:] == [5, 9]
    assert moody.signer.asked[-2:] == [(3, 5), (5, 9)]
    assert moody.publisher.unsigned_seconds == 0
    assert moody.failures == []


def test_a_long_absence_is_told_once_each_time(moody):
    for absence in (1, 2):
        moody.signer.away = "before"
        moody.grow(1)
        for _ in range(3):
            with pytest.raises(SignerUnavailable):
                moody.publisher.request().result(10)
        assert len(moody.late) == absence
        moody.signer.away = None
        moody.publisher.request().result(10)


def test_the_end_does_not_wait_for_a_signer_that_is_away(moody):
    moody.signer.away = "before"
    moody.grow(1)
    moody.publisher.stop()
    assert moody.sizes == []
    with pytest.raises(RecordFailed):
        moody.publisher.request().result(10)

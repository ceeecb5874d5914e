"""Places elsewhere: nobody waits for them, they get everything in the end, and another history there is an alarm."""

import threading
import time

import pytest

from audit.errors import LogDamaged, PublishFailed
from audit.publish.delivery import Delivery
from audit.publish.place import Place
from audit.stores.tiles_memory import MemoryTileStore


class Far(MemoryTileStore):
    """A place that can be away."""

    def __init__(self):
        super().__init__()
        self.away = threading.Event()
        self.asked = threading.Semaphore(0)
        self.before = self.refuse

    def refuse(self, call, path):
        self.asked.release()
        if self.away.is_set():
            raise PublishFailed("away")


@pytest.fixture
def far():
    return Far()


@pytest.fixture
def delivery(numbered, far):
    made = Delivery(Place(numbered.store(3000), far, numbered.key.verifier), first_pause=0.01)
    yield made
    made.close()


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_is_signed_arrives(numbered, far, delivery):
    for size in (1, 300, 800):
        delivery.publish(numbered.note(size))
    until(lambda: far.objects.get("checkpoint") == numbered.note(800))
    numbered.check(far, 800)


def test_a_place_that_is_away_gets_the_newest_when_it_is_back(numbered, far, delivery):
    far.away.set()
    delivery.publish(numbered.note(300))
    far.asked.acquire(timeout=10)
    assert delivery.undelivered_seconds > 0
    delivery.publish(numbered.note(900))
    delivery.publish(numbered.note(800))  # out of order: what is visible never goes back
    delivery.publish(numbered.note(900))
    far.away.clear()
    until(lambda: far.objects.get("checkpoint") == numbered.note(900))
    until(lambda: not delivery.undelivered_seconds)
    numbered.check(far, 900)


def test_the_end_tries_once_more_and_does_not_hang(numbered, far, delivery):
    far.away.set()
    delivery.publish(numbered.note(300))
    far.asked.acquire(timeout=10)
    start = time.monotonic()
    delivery.close()
    delivery.close()
    assert time.monotonic() - start < 5
    assert "checkpoint" not in far.objects


def test_what_is_left_at_the_end_is_delivered(numbered, far, delivery):
    delivery.publish(numbered.note(300))
    delivery.close()
    assert far.objects["checkpoint"] == numbered.note(300)


def test_another_history_is_an_alarm_and_never_tried_again(numbered, far, delivery):
    heard = []
    delivery.on_damage(heard.append)
    far.put_new("tile/entries/000", b"another")
    delivery.publish(numbered.note(300))
    until(lambda: heard)
    assert isinstance(heard[0], LogDamaged)
    delivery.publish(numbered.note(400))
    delivery.close()
    assert "checkpoint" not in far.objects

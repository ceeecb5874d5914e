"""Gathering cosignatures: newest first, quorum by policy, alarms once, nobody held up."""

import hashlib
import threading
import time

import httpx
import pytest

from audit.publish.witnessing import Witnessing
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import Tree, leaf_hash
from audit.tlog.note import SigningKey, parse_note, sign_note
from audit.tlog.policy import Policy
from audit.witness.store import WitnessStore
from audit.witness.witness import Witness
from config.clock import FakeClock

LOG = SigningKey("logs.isp/1", bytes(range(32)))


class House:
    """A log, three witnesses behind one transport, and what came of it."""

    def __init__(self, directory, *, quorum="two", **options):
        self.clock = FakeClock()
        self.trees = {"true": Tree(), "fork": Tree()}
        self.keys = {name: CosigningKey(f"{name}.example/w", hashlib.sha256(name.encode()).digest()) for name in "abc"}
        self.stores = {name: WitnessStore(directory / f"{name}.db") for name in "abc"}
        for store in self.stores.values():
            store.add_log([LOG.verifier])
        self.down, self.asked = set(), []
        lines = [f"witness {name} {key.verifier} http://{name}.example" for name, key in self.keys.items()]
        self.policy = Policy.parse("\n".join([*lines, "group two 2 a b c", f"quorum {quorum}", ""]))
        self.shown, self.alarms = [], []
        self.change = threading.Condition()
        self.history = "true"
        self.options = options
        self.witnessing = self.begin()

    def begin(self, before=None):
        return Witnessing(
            self.policy,
            lambda checkpoint, old: self.trees[self.history].consistency(old, checkpoint.size) if old else [],
            self.show,
            self.alarm,
            self.clock,
            log_keys=[LOG.verifier],
            before=before,
            transport=httpx.MockTransport(self.answer),
            **{"alarm_seconds": 900.0, "first_pause": 0.02, **self.options},
        )

    def answer(self, request):
        name = request.url.host[0]
        self.asked.append(name)
        if name in self.down:
            raise httpx.ConnectError("down")
        answer = Witness([self.keys[name]], self.stores[name], self.clock).add_checkpoint(request.content)
        kind = {"content-type": answer.content_type}
        return httpx.Response(answer.status, stream=httpx.ByteStream(answer.body), headers=kind)

    def show(self, note, quorum):
        with self.change:
            self.shown.append((note, quorum))
            self.change.notify_all()

    def alarm(self, what, facts):
        with self.change:
            self.alarms.append((what, facts))
            self.change.notify_all()

    def note(self, size, history="true"):
        tree = self.trees[history]
        while tree.size < size:
            tree.append(leaf_hash(f"{history if tree.size >= 3 else ''}{tree.size}".encode()))
        return sign_note(Checkpoint("logs.isp/1", size, tree.root(size)).text(), LOG).encode()

    def submit(self, size, history="true"):
        self.history = history
        self.witnessing.submit(self.note(size, history))

    def wait_for(self, condition):
        with self.change:
            assert self.change.wait_for(condition, 10), (self.shown, self.alarms)

    def signers(self):
        """Who cosigned the note that was shown last, and whether it is a quorum."""
        note, quorum = self.shown[-1]
        parsed = parse_note(note)
        assert open_checkpoint(note, LOG.verifier)
        return "".join(name for name, key in self.keys.items() if parsed.signatures_of(key.verifier)), quorum

    def size(self):
        """Of the checkpoint that was shown last."""
        return open_checkpoint(self.shown[-1][0], LOG.verifier).size

    def close(self):
        self.witnessing.stop()
        assert not self.witnessing._thread.is_alive()
        for store in self.stores.values():
            store.close()


@pytest.fixture
def house(quick_dir):
    made = House(quick_dir)
    yield made
    made.close()


def test_all_cosign(house):
    house.submit(5)
    house.wait_for(lambda: house.shown)
    assert house.signers() == ("abc", True)
    assert house.witnessing.quorum_age == 0
    house.clock.advance(60)
    assert house.witnessing.quorum_age == 60
    house.submit(300)
    house.wait_for(lambda: len(house.shown) == 2)
    assert house.signers() == ("abc", True)
    assert house.witnessing.quorum_age == 0
    assert house.alarms == []


def test_one_down_is_a_quorum_by_policy_and_it_joins_later(house):
    house.down = {"b"}
    house.submit(5)
    house.wait_for(lambda: house.shown)
    assert house.signers() == ("ac", True)
    house.down = set()
    house.wait_for(lambda: len(house.shown) == 2)
    assert house.signers() == ("abc", True)


def test_two_down_are_no_quorum_and_an_alarm_once(house):
    house.down = {"b", "c"}
    house.submit(5)
    house.wait_for(lambda: house.shown)
    assert house.signers() == ("a", False)
    house.clock.advance(899)
    house.submit(6)
    house.wait_for(lambda: house.size() == 6)
    assert house.alarms == []
    house.clock.advance(2)
    house.submit(7)
    house.wait_for(lambda: house.alarms)
    house.submit(8)
    house.wait_for(lambda: house.size() == 8)
    assert house.alarms == [("quorum_age", {"seconds": 901})]
    house.down = set()
    house.wait_for(lambda: house.shown[-1][1])
    house.down = {"a", "b", "c"}
    house.clock.advance(1000)
    house.submit(9)
    house.wait_for(lambda: len(house.alarms) == 2)
    assert house.alarms[1] == ("quorum_age", {"seconds": 1000})


def test_a_fork_is_an_alarm_that_names_the_witness(house):
    house.submit(5)
    house.wait_for(lambda: house.shown)
    house.submit(9, "fork")
    house.wait_for(lambda: len(house.alarms) == 3)
    ids = {f"{key.verifier.key_id:08x}" for key in house.keys.values()}
    assert {(what, facts["witness"]) for what, facts in house.alarms} == {("witness_contradicts", one) for one in ids}
    assert len(house.shown) == 1
    assert all(store.refusals("logs.isp/1") for store in house.stores.values())


def test_a_log_that_went_back_is_an_alarm_if_it_stays_there(quick_dir):
    house = House(quick_dir, ahead_seconds=0.1)
    house.submit(9)
    house.wait_for(lambda: house.shown)
    house.witnessing.stop()
    house.witnessing = house.begin()
    house.submit(5)
    house.wait_for(lambda: len(house.alarms) == 3)
    assert {what for what, _ in house.alarms} == {"witness_contradicts"}
    house.close()


def test_an_idle_log_is_cosigned_again(quick_dir):
    house = House(quick_dir, alarm_seconds=0.15)
    house.submit(5)
    house.wait_for(lambda: len(house.shown) >= 3)
    assert house.signers() == ("abc", True)
    assert len({open_checkpoint(note, LOG.verifier).size for note, _ in house.shown}) == 1
    house.close()


def test_the_age_goes_on_over_a_restart(house):
    house.submit(5)
    house.wait_for(lambda: house.shown)
    house.clock.advance(500)
    house.witnessing.stop()
    house.witnessing = house.begin(before=house.shown[-1][0])
    assert house.witnessing.quorum_age == 500


def test_no_quorum_wanted_has_no_age(quick_dir):
    house = House(quick_dir, quorum="none")
    house.submit(5)
    house.wait_for(lambda: house.shown)
    assert house.signers() == ("abc", True)
    assert house.witnessing.quorum_age is None
    house.close()


def test_newest_wins_and_nobody_waits(quick_dir):
    """A witness that takes its time: checkpoints in between are passed over, submitting and ending take none."""
    house = House(quick_dir)
    gate, real = threading.Event(), house.answer

    def slow(request):
        gate.wait(10)
        return real(request)

    house.witnessing.stop()
    house.answer = slow
    house.witnessing = house.begin()
    begun = time.monotonic()
    for size in range(3, 60):
        house.submit(size)
    assert time.monotonic() - begun < 5
    gate.set()
    house.wait_for(lambda: any(open_checkpoint(note, LOG.verifier).size == 59 for note, _ in house.shown))
    assert len(house.shown) <= 5
    house.close()


def test_the_last_checkpoint_is_cosigned_before_the_end(house):
    for size in (5, 6, 7):
        house.submit(size)
    house.witnessing.stop()
    assert house.size() == 7
    assert house.signers() == ("abc", True)

"""Several workers of one log: one order for all of them, whoever records; sessions stay with their worker."""

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.entry import Kind, NewEntry
from audit.errors import BadEntry, LogDamaged, LogInUse, RecordFailed, RecordRefused, WorkerFenced
from audit.journal import HEARD_SECONDS, Journal
from audit.keys.memory_store import MemoryKeyStore
from audit.leaf import outline, parse
from audit.ledger import Ledger
from audit.publish.leading import Others, SharedPublisher
from audit.publish.published import NOT_PUBLISHED, Published
from audit.signing.signer import MemoryState, Signer
from audit.signing.view import SignerView
from audit.store import Boot
from audit.stores.memory import MemoryEntryStore
from audit.tlog.checkpoint import open_checkpoint
from audit.tlog.merkle import Frontier
from audit.tlog.note import SigningKey
from audit.verify.chains import ChainCheck
from audit.verify.log import verify_log
from config.clock import FakeClock, SystemClock
from config.ids import new_id
from tests.unit.audit.conftest import Scene

KEY = SigningKey("logs.memory/test", bytes(range(32)))


class HandWatch:
    """A watch whose callbacks the test calls."""

    def __init__(self, store):
        self.store = store
        self.stopped = False

    def start(self, *, heard, lead, lost):
        self.heard, self.lead, self.lost = heard, lead, lost

    def signed_size(self):
        note = self.store.meta("checkpoint")
        return 0 if note is None else open_checkpoint(note.encode(), KEY.verifier).size

    def stop(self):
        self.stopped = True


@dataclass
class Company:
    """Workers over one log in memory."""

    clock: FakeClock
    keys: MemoryKeyStore = field(default_factory=MemoryKeyStore)
    state: MemoryState = field(default_factory=MemoryState)
    journals: list[Journal] = field(default_factory=list)
    signer_taken: bool = False

    def __post_init__(self):
        self.store = MemoryEntryStore()

    def open(self, worker="one", epoch=0):
        store = self.store.beside(Boot(worker, epoch))
        watch = HandWatch(store)
        view = SignerView((KEY.verifier,), Signer(KEY, self.state).state)
        others = Others(watch, self._signer, lambda _: NOT_PUBLISHED)
        journal = Journal(store, self.keys, view, self.clock, others=others)
        journal.append_seconds = 60
        journal.watch = watch
        self.journals.append(journal)
        return journal

    def _signer(self):
        if self.signer_taken:
            raise LogInUse("taken")
        return Signer(KEY, self.state)

    def close(self):
        for journal in self.journals:
            journal.abandon()

    def check(self):
        """The log replays without a finding."""
        chains = ChainCheck()
        for row in self.store.entries(0, self.store.size()):
            assert list(chains.feed(row.index, parse(row.head), row.leaf)) == []
        assert chains.rows() == {row.session: row for row in self.store.sessions()}
        assert chains.consent_ends == {end.consent_ref: end for end in self.store.consent_ends()}


@pytest.fixture
def company(clock):
    made = Company(clock)
    yield made
    made.close()


@pytest.fixture
def scene(clock, tmp_path):
    return Scene(clock, tmp_path / "log", tmp_path / "keys")


def heard(journal):
    """The journal has read what the others recorded."""
    journal.watch.heard()
    journal._hearing.result(10)


async def test_an_end_elsewhere_refuses_the_next_command(company, scene):
    one, two = company.open("one"), company.open("two")
    consent = await scene.consent(one)
    session = await scene.session(one, consent)
    sent = await one.append_command(scene.command(session, consent))
    assert one.why_ended(sent) is None
    await two.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent))
    with pytest.raises(RecordRefused, match="revoked"):
        await one.append_command(scene.command(session, consent))
    assert (one.why_ended(sent), one.generation) == ("revoked", 1)
    with pytest.raises(RecordRefused, match="revoked"):
        await scene.session(two, consent)
    company.check()


async def test_an_end_elsewhere_is_heard_of_without_recording(company, scene):
    one, two = company.open("one"), company.open("two")
    consent = await scene.consent(one)
    session, told = await scene.session(one, consent), []
    one.on_end_elsewhere(told.append)
    sent = await one.append_command(scene.command(session, consent))
    await two.append(NewEntry(kind=Kind.SESSION_KILLED, session=session, consent_ref=consent))
    assert one.why_ended(sent) is None
    heard(one)
    assert one.why_ended(sent) == "killed"
    assert [(found.kind, found.session) for found in told] == [(Kind.SESSION_KILLED, session)]
    await scene.close(one, session)
    company.check()
    assert [parse(row.head).n for row in company.store.session_entries(session)] == [0, 1, 2, 3]


async def test_who_has_not_heard_of_the_others_lately_sends_nothing(company, scene, clock):
    one = company.open("one")
    consent = await scene.consent(one)
    session = await scene.session(one, consent)
    sent = await one.append_command(scene.command(session, consent))
    clock.advance(HEARD_SECONDS * 0.9)
    assert one.why_ended(sent) is None
    clock.advance(HEARD_SECONDS * 0.2)
    with pytest.raises(RecordFailed, match="has not answered"):
        one.why_ended(sent)
    heard(one)
    assert one.why_ended(sent) is None


async def test_a_restart_closes_only_its_own_sessions(company, scene):
    one, two = company.open("one"), company.open("two")
    consent = await scene.consent(one)
    lost, living = await scene.session(one, consent), await scene.session(two, consent)
    await one.append_command(scene.command(lost, consent))
    again = company.open("one", 1)
    kinds = [parse(row.head).kind for row in company.store.session_entries(lost)]
    assert kinds[-2:] == [Kind.CMD_UNKNOWN, Kind.SESSION_CLOSED]
    assert company.store.session(living).state == "open"
    await scene.run(two, living, consent)
    await scene.story(again)
    with pytest.raises(RecordFailed, match="replaced by another process"):
        await one.append(NewEntry(kind=Kind.AUTH_OK))
    assert one.poisoned
    with pytest.raises(RecordFailed, match="replaced by another process"):
        await one.append(NewEntry(kind=Kind.AUTH_OK))
    company.check()


async def test_only_the_leader_signs_and_another_goes_on(company, scene):
    one, two = company.open("one"), company.open("two")
    await scene.story(two)
    assert (one.leads, two.leads, one.watch.signed_size()) == (False, False, 0)
    company.signer_taken = True
    one.watch.lead()
    await until(lambda: (heard(one), one._publisher._opening is None)[1])
    assert not one.leads, "the signer is not free yet"
    company.signer_taken = False
    await until(lambda: (heard(one), one.leads)[1])
    await one.checkpoint()
    await until(lambda: one.watch.signed_size() == company.store.size())  # the note follows the checkpoint
    await scene.story(two)
    heard(one)
    await two.checkpoint()
    one.abandon()
    await scene.story(two)
    two.watch.lead()
    await until(lambda: (heard(two), two.leads)[1])
    await two.checkpoint()
    await until(lambda: two.watch.signed_size() == company.store.size())
    assert company.state.state.size == company.store.size()
    company.check()


class Closable:
    """Stands for what must be closed."""

    def __init__(self):
        self.closed = threading.Event()

    def close(self):
        self.closed.set()


@pytest.mark.parametrize("when", ["while it opens", "when it has opened"])
def test_who_ends_before_it_leads_closes_what_it_opened(company, when):
    signer, beside, go_on = Closable(), Closable(), threading.Event()

    def published(_):
        go_on.wait(10)
        return Published(beside=beside)

    publisher = SharedPublisher(
        Others(HandWatch(company.store), lambda: signer, published), lambda *_: pytest.fail("ended")
    )
    publisher.take_turn(Frontier(), lambda *_: [], elected=True)
    if when == "when it has opened":
        go_on.set()
        publisher._opening.result(10)
    publisher.stop()
    go_on.set()
    assert signer.closed.wait(10)
    assert beside.closed.wait(10)
    publisher.take_turn(Frontier(), lambda *_: [], elected=True)
    assert publisher._opening is None, "it is over"


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_lost_watch_ends_recording(company):
    one = company.open("one")
    failed = []
    one.on_poison(lambda: failed.append(1))
    one.watch.lost(WorkerFenced("one"))
    assert failed == [1]
    with pytest.raises(RecordFailed, match="replaced by another process"):
        await one.append(NewEntry(kind=Kind.AUTH_OK))
    one.close()
    assert one.watch.stopped


async def test_a_changed_entry_of_another_worker_is_not_built_upon(company, scene):
    one, two = company.open("one"), company.open("two")
    await scene.consent(two)
    row = company.store._entries[-1]
    company.store._entries[-1] = type(row)(row.index, row.head.replace(b"30", b"99"), row.leaf, None, row.consent_ref)
    with pytest.raises(RecordFailed):
        await one.append(NewEntry(kind=Kind.AUTH_OK))


def test_a_chain_of_another_worker_has_no_gap(clock):
    ledger = Ledger(0, lambda _: None, lambda _: None)
    head = b'{"k":"session.opened","s":"S","n":1,"cr":"C"}'
    with pytest.raises(LogDamaged, match="does not follow"):
        ledger.absorb(outline(head), 0, bytes(32))
    with pytest.raises(BadEntry):
        outline(b"[]")


STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["open", "run", "run", "run", "close", "revoke", "kill", "use_up"]),
              st.integers(0, 2), st.integers(0, 3)),
    min_size=5, max_size=60,
)  # fmt: skip


@settings(max_examples=40)
@given(STEPS)
def test_no_command_stands_behind_its_end_whoever_recorded_it(steps):
    """Two workers record at once, in every mixture; the log replays under the journal's own rules."""
    clock = FakeClock()
    company = Company(clock)
    scene = Scene(clock, None, None)
    consents = [new_id() for _ in range(3)]
    sessions: list[tuple[int, str, str]] = []

    async def act(workers, worker, what, consent, which):
        journal = workers[worker]
        mine = [(name, under) for owner, name, under in sessions if owner == worker]
        with contextlib.suppress(RecordRefused):
            if what == "open":
                sessions.append((worker, await scene.session(journal, consents[consent]), consents[consent]))
            elif what == "revoke":
                await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consents[consent]))
            elif what == "use_up":
                await journal.append(NewEntry(kind=Kind.CONSENT_USED_UP, consent_ref=consents[consent]))
            elif what == "kill" and sessions:
                name = sessions[which % len(sessions)][1]
                await journal.append(NewEntry(kind=Kind.SESSION_KILLED, session=name))
            elif what == "run" and mine:
                await scene.run(journal, *mine[which % len(mine)])
            elif what == "close" and mine:
                await scene.close(journal, mine[which % len(mine)][0])

    async def all_of_it():
        workers = [company.open("one"), company.open("two")]
        for consent in consents:
            await workers[0].append(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=consent))
        for start in range(0, len(steps), 4):
            await asyncio.gather(*(act(workers, *step) for step in steps[start : start + 4]))

    try:
        asyncio.run(all_of_it())
        company.check()
    finally:
        company.close()


async def test_two_workers_in_postgresql(postgres_server, tmp_path):
    """The same over a real database: one order, heard within the promised second, verified whole."""
    name, clock = postgres_server.new_log(), SystemClock()
    scene = Scene(clock, tmp_path / "evidence", tmp_path / "keys")

    def open_worker(worker):
        place = postgres_server.place(tmp_path / "addresses", name, worker=worker)
        return Journal.open(scene.directory, keys_dir=scene.keys_dir, origin="logs.isp", clock=clock, database=place)

    one, two = [await asyncio.to_thread(open_worker, worker) for worker in ("one", "two")]
    try:
        consent = await scene.consent(one)
        session = await scene.session(one, consent)
        sent = await one.append_command(scene.command(session, consent))
        await two.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent))
        async with asyncio.timeout(HEARD_SECONDS):
            while one.why_ended(sent) is None:
                await asyncio.sleep(0.005)
        with pytest.raises(RecordRefused, match="revoked"):
            await one.append_command(scene.command(session, consent))
        await scene.close(one, session)
        await asyncio.gather(*(scene.story(journal) for journal in (one, two) for _ in range(5)))
        await asyncio.gather(one.checkpoint(), two.checkpoint())
        assert sorted([one.leads, two.leads]) == [False, True]
        report = verify_log(scene.directory, scene.public_key, keys_dir=scene.keys_dir)
        assert report.exit_code == 0, list(report.lines())
        assert len(report.sessions) == 11
        reader = two.reader()
        assert reader.size == report.size
        reader.close()
    finally:
        await asyncio.gather(asyncio.to_thread(one.close), asyncio.to_thread(two.close))
    report = verify_log(scene.directory, scene.public_key, keys_dir=scene.keys_dir)
    assert (report.exit_code, report.beyond_checkpoint) == (0, 0), list(report.lines())

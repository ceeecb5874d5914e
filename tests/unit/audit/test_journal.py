"""The journal's two promises: what it acknowledged is there, and commands and revocations have one order."""

import asyncio
import concurrent.futures
import errno
import random
from datetime import timedelta

import pytest
import zstandard

from audit.command import RecordedCommand
from audit.committer import CAPACITY
from audit.entry import Kind, NewEntry
from audit.errors import BadEntry, LogDamaged, LogInUse, Overloaded, RecordFailed, RecordRefused
from audit.keys.memory_store import MemoryKeyStore
from audit.stores.memory import MemoryEntryStore
from audit.tlog.checkpoint import open_checkpoint
from audit.tlog.note import VerifierKey
from config.ids import new_id


@pytest.fixture(params=["memory", "file"])
def journal(request, scene):
    return scene.in_memory() if request.param == "memory" else scene.open()


# --- what is written ------------------------------------------------------------------------------------------------


async def test_a_story_is_read_back(journal, scene):
    session, consent = await scene.story(journal, commands=2)
    reader = journal.reader()
    chain = reader.session(session)
    assert [entry.kind.value for entry in chain] == [
        "session.opened",
        *("cmd.intent", "cmd.result") * 2,
        "rec.chunk",
        "rec.chunk",
        "session.closed",
    ]
    assert [entry.n for entry in chain] == list(range(8))
    assert chain[0].head.previous is None
    assert [entry.head.previous for entry in chain[1:]] == [entry.leaf_hash for entry in chain[:-1]]
    assert [entry.kind.value for entry in reader.consent(consent)] == ["consent.asked", "consent.granted"]
    assert reader.sealed(chain[1].index, "act") == {"typed": "show interface 0", "canonical": "show interface 0"}
    assert reader.sealed(chain[0].index, "who") == {"rep": "bob", "source": "192.0.2.7"}
    frames = [reader.chunk(session, number) for number in (0, 1)]
    assert [zstandard.decompress(frame) for frame in frames] == [b"first chunk", b"second chunk"]
    summary = reader.sessions()[0]
    assert (summary.session, summary.state, summary.consent_ref) == (session, "closed", consent)


async def test_the_intent_names_what_was_decided_and_counts_what_is_sent(journal, scene):
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    command = scene.command(session, consent, "reboot", wire=b"reboot\n", confirmed="terminal", capability="ask.reboot")
    recorded = await journal.append_command(command)
    assert isinstance(recorded, RecordedCommand)
    assert (recorded.wire, recorded.session, recorded.n, recorded.purpose) == (b"reboot\n", session, 1, "command")
    entry = journal.reader().entry(recorded.entry_index)
    assert entry.kind is Kind.CMD_INTENT
    assert entry.facts == {
        "verdict": "allow",
        "rule": "openwrt/read-1",
        "cap": "ask.reboot",
        "purpose": "command",
        "confirmed": "terminal",
        "bytes": 7,
    }
    assert entry.head.policy_digest == "ab" * 32


async def test_the_length_of_an_answer_is_not_told(journal, scene):
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    answer = scene.command(session, consent, "<redacted>", wire=b"hunter2\n", purpose="answer")
    recorded = await journal.append_command(answer)
    assert "bytes" not in journal.reader().entry(recorded.entry_index).facts


async def test_kinds_that_only_speak_of_a_session_do_not_join_it(journal, scene):
    session, _ = await scene.story(journal)
    ref = await journal.append(NewEntry(kind=Kind.REPLAY_VIEW, session=session, sealed={"who": {"id": "eve"}}))
    entry = journal.reader().entry(ref.index)
    assert (ref.n, entry.session, entry.facts) == (None, None, {"session": session})
    assert journal.reader().sealed(ref.index, "who") == {"id": "eve"}
    assert journal.reader().session(session)[-1].kind is Kind.SESSION_CLOSED


async def test_append_later_keeps_the_order(journal, scene):
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    futures = [
        journal.append_later(NewEntry(kind=Kind.CMD_BLOCKED, session=session, facts={"i": number}))
        for number in range(200)
    ]
    indexes = [future.result(10).index for future in futures]
    assert indexes == list(range(indexes[0], indexes[0] + 200))
    assert [entry.facts["i"] for entry in journal.reader().entries(indexes[0])] == list(range(200))


async def test_chunks_come_in_order_and_are_committed_to(journal, scene):
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    await scene.chunk(journal, session, 0, b"a")
    for wrong in (0, 2):
        with pytest.raises(BadEntry, match="number 1"):
            await scene.chunk(journal, session, wrong, b"b")
    await scene.chunk(journal, session, 1, b"b")
    facts = journal.reader().session(session)[1].facts
    assert set(facts) == {"no", "t0", "t1", "bytes", "cd", "pc"}
    assert journal.reader().session(session)[1].head.retention == "recording"


@pytest.mark.parametrize(
    "entry",
    [
        NewEntry(kind=Kind.CMD_INTENT, session=new_id()),
        NewEntry(kind=Kind.REC_CHUNK, session=new_id(), facts={"no": 0}),
        NewEntry(kind=Kind.AUTH_OK, facts={"who": "Ann Example"}),
        NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"score": 0.5}}),
        NewEntry(kind=Kind.AUTH_OK, sealed={"other": {}}),
        NewEntry(kind=Kind.AUTH_OK, sealed={"out": {"text": "x" * (1 << 20)}}),
        NewEntry(kind=Kind.SESSION_CLOSED),
        NewEntry(kind=Kind.AUTH_OK, consent_ref="anna"),
        NewEntry(kind=Kind.SESSION_OPENED, session="cpe-0042"),
        NewEntry(kind=Kind.AUTH_OK, facts={f"f{n}": ["x" * 128] * 3 for n in range(30)}),
    ],
    ids=lambda entry: entry.kind.value,
)
async def test_bad_entries_are_refused_and_disturb_nobody(journal, scene, entry):
    with pytest.raises(BadEntry):
        await journal.append(entry)
    await scene.story(journal)
    assert not journal.poisoned


# --- linearisation --------------------------------------------------------------------------------------------------


async def refusal(call):
    with pytest.raises(RecordRefused) as caught:
        await call
    return caught.value.reason


async def test_revocation_stops_commands_sessions_and_what_is_not_sent_yet(journal, scene):
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    recorded = await journal.append_command(scene.command(session, consent))
    assert journal.why_ended(recorded) is None
    assert journal.generation == recorded.generation == 0
    await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent, retention="consent"))
    assert journal.why_ended(recorded) == "revoked"
    assert journal.generation == 1
    assert await refusal(journal.append_command(scene.command(session, consent))) == "revoked"
    assert await refusal(scene.session(journal, consent)) == "revoked"
    await journal.append(scene.result(recorded))
    await scene.close(journal, session)


async def test_a_kill_stops_commands(journal, scene):
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    recorded = await journal.append_command(scene.command(session, consent))
    await journal.append(NewEntry(kind=Kind.SESSION_KILLED, session=session, sealed={"who": {"id": "sue"}}))
    assert journal.why_ended(recorded) == "killed"
    assert await refusal(journal.append_command(scene.command(session, consent))) == "killed"


async def test_the_deadline_is_kept_by_the_journals_own_clock(journal, scene):
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    deadline = scene.clock.now() + timedelta(seconds=5)
    await journal.append_command(scene.command(session, consent, deadline=deadline))
    scene.clock.advance(5)
    assert await refusal(journal.append_command(scene.command(session, consent, deadline=deadline))) == "expired"


async def test_unknown_and_closed_sessions(journal, scene):
    session, consent = await scene.story(journal)
    assert await refusal(journal.append_command(scene.command(session, consent))) == "closed"
    assert await refusal(journal.append_command(scene.command(new_id(), consent))) == "unopened"
    assert await refusal(scene.close(journal, session)) == "closed"


async def test_a_closed_session_is_known_in_the_batch_that_closes_it(scene):
    journal = scene.in_memory()
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    kinds = (Kind.SESSION_CLOSED, Kind.CMD_RESULT, Kind.SESSION_OPENED, Kind.CONSENT_REVOKED)
    futures = [journal.append_later(NewEntry(kind=kind, session=session, consent_ref=consent)) for kind in kinds]
    assert [future.exception(10) and future.exception().reason for future in futures] == [
        None,
        "closed",
        "duplicate",
        None,
    ]


async def test_no_command_stands_behind_its_revocation_whatever_the_timing(journal, scene):
    """Many tasks on two event loops and a thread pool race with revocations and kills."""
    randomness = random.Random(7)
    cases = []
    for _ in range(12):
        consent = await scene.consent(journal)
        cases.append((await scene.session(journal, consent), consent))

    async def rep(session, consent):
        recorded = []
        try:
            for _ in range(40):
                command = await journal.append_command(scene.command(session, consent))
                recorded.append((command, journal.why_ended(command) is None))
                await asyncio.sleep(0)
        except RecordRefused as refused:
            return recorded, refused.reason
        return recorded, None

    def end(number):
        session, consent = cases[number]
        if number % 3 == 0:
            entry = NewEntry(kind=Kind.SESSION_KILLED, session=session)
        else:
            entry = NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent, retention="consent")
        return journal.append_later(entry).result(10)

    async def ender(number):
        await asyncio.sleep(randomness.random() * 0.02)
        return await asyncio.to_thread(end, number)

    def elsewhere(case):
        return asyncio.run(rep(*case))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        loop = asyncio.get_running_loop()
        others = [loop.run_in_executor(pool, elsewhere, case) for case in cases[:4]]
        ended = await asyncio.gather(*(ender(number) for number in range(12)), *(rep(*case) for case in cases))
        elsewhere_done = await asyncio.gather(*others)
    ends = ended[:12]
    runs = [*zip(range(12), ended[12:], strict=True), *zip(range(4), elsewhere_done, strict=True)]
    for number, (recorded, reason) in runs:
        assert all(command.entry_index < ends[number].index for command, _ in recorded)
        assert all(journal.why_ended(command) is not None for command, _ in recorded)
        assert reason in ("revoked", "killed", None)
        if reason is None:
            assert len(recorded) == 40
    assert journal.generation == 12
    indexes = [command.entry_index for _, (recorded, _) in runs for command, _ in recorded]
    assert len(set(indexes)) == len(indexes)


# --- failing closed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
async def test_a_failed_write_poisons_everything(scene, number):
    store = MemoryEntryStore()
    journal = scene.in_memory(store=store)
    told = []
    journal.on_poison(lambda: told.append(True))
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    recorded = await journal.append_command(scene.command(session, consent))
    size = store.size()
    store.fail = OSError(number, "simulated")
    with pytest.raises(RecordFailed):
        await journal.append_command(scene.command(session, consent))
    store.fail = None
    for call in (
        journal.append_command(scene.command(session, consent)),
        journal.append(scene.result(recorded)),
        journal.checkpoint(),
    ):
        with pytest.raises(RecordFailed):
            await call
    with pytest.raises(RecordFailed):
        journal.append_later(scene.result(recorded))
    with pytest.raises(RecordFailed):
        journal.why_ended(recorded)
    assert journal.poisoned
    assert store.size() == size
    journal.close()
    assert told == [True]
    late = []
    journal.on_poison(lambda: late.append(True))
    assert late == [True]


async def test_keys_that_cannot_be_stored_poison_too(scene):
    keys = MemoryKeyStore()
    journal = scene.in_memory(keys=keys)
    consent = await scene.consent(journal)
    keys.fail = OSError(errno.ENOSPC, "simulated")
    with pytest.raises(RecordFailed):
        await scene.session(journal, consent)
    assert journal.poisoned


async def test_an_append_that_takes_too_long_is_given_up(scene):
    store = MemoryEntryStore()
    journal = scene.in_memory(store=store)
    journal.append_seconds = 0.05
    store.gate.clear()
    with pytest.raises(RecordFailed, match=r"0\.05 seconds"):
        await journal.append(NewEntry(kind=Kind.AUTH_OK))
    store.gate.set()
    journal.append_seconds = 10
    assert not journal.poisoned
    await journal.append(NewEntry(kind=Kind.AUTH_OK))


async def test_too_many_waiting_are_refused_at_once(scene):
    store = MemoryEntryStore()
    journal = scene.in_memory(store=store)
    store.gate.clear()
    queued = []
    with pytest.raises(Overloaded):
        for _ in range(2 * CAPACITY + 1):  # one queue full in work, one waiting
            queued.append(journal.append_later(NewEntry(kind=Kind.AUTH_OK)))
    store.gate.set()
    await asyncio.wrap_future(queued[-1])
    assert not journal.poisoned


async def test_a_cancelled_waiter_leaves_the_entry(journal, scene):
    consent = await scene.consent(journal)
    task = asyncio.create_task(scene.session(journal, consent))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ref = await journal.append(NewEntry(kind=Kind.AUTH_OK))
    assert [entry.kind for entry in journal.reader().entries(ref.index - 1)] == [Kind.SESSION_OPENED, Kind.AUTH_OK]


async def test_after_closing_nothing_is_recorded(journal):
    journal.close()
    journal.close()
    with pytest.raises(RecordFailed, match="shutting down"):
        await journal.append(NewEntry(kind=Kind.AUTH_OK))


# --- the file log ---------------------------------------------------------------------------------------------------


async def test_a_checkpoint_is_published_for_a_grant_an_end_and_at_closing(scene):
    journal = scene.open()
    key = VerifierKey.parse(journal.verifier_key)
    await scene.story(journal)
    await journal.checkpoint()
    path = scene.directory / "checkpoint"
    signed = open_checkpoint(path.read_bytes(), key)
    assert signed.size == journal.reader().size
    journal.close()
    last = open_checkpoint(path.read_bytes(), key)
    assert last.size == signed.size + 1  # log.stop
    assert last.origin == journal.origin


async def test_the_log_goes_on_after_reopening(scene):
    journal = scene.open()
    await scene.story(journal)
    consent = await scene.consent(journal)
    await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent, retention="consent"))
    size, origin = journal.reader().size, journal.origin
    journal.close()
    again = scene.open()
    assert again.origin == origin
    assert again.generation == 1
    kinds = [entry.kind for entry in again.reader().entries(size)]
    assert kinds == [Kind.LOG_STOP, Kind.LOG_START]
    assert [entry.head.worker for entry in again.reader().entries(size)] == ["main/0", "main/1"]
    assert await refusal(scene.session(again, consent)) == "revoked"


async def test_key_sets_are_new_after_reopening(scene):
    journal = scene.open()
    consent = await scene.consent(journal)
    journal.close()
    again = scene.open()
    ref = await again.append(
        NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent, retention="consent", sealed={"subj": {"a": 1}})
    )
    sets = [entry.head.key_set for entry in again.reader().consent(consent)]
    assert len(set(sets)) == 2
    assert again.reader().sealed(ref.index, "subj") == {"a": 1}


async def test_no_nonce_is_used_twice_under_one_key(scene):
    for _ in range(3):
        journal = scene.open()
        await scene.story(journal, commands=10)
        journal.abandon()
    reader = scene.open().reader()
    parts = list(reader._store.sealed(0, 10_000))
    used = [(part.key_set, part.compartment, part.sealed[:12]) for part in parts]
    assert len(used) > 60
    assert len(set(used)) == len(used)


async def test_one_gateway_at_a_time(scene):
    scene.open()
    with pytest.raises(LogInUse):
        scene.open()


def test_another_origin_is_refused(scene):
    scene.open().close()
    scene.opened.clear()
    from audit.journal import Journal

    with pytest.raises(LogDamaged, match="belongs to"):
        Journal.open(scene.directory, keys_dir=scene.keys_dir, origin="logs.other", clock=scene.clock)


def test_a_log_whose_directory_cannot_be_made(scene):
    scene.directory.write_text("in the way")
    with pytest.raises(RecordFailed, match="cannot be opened"):
        scene.open()

"""Erasure of a person: nothing readable is left, all else stays, proofs hold; not by one person, not against a hold."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zstandard

from audit.entry import Kind
from audit.errors import KeyUnavailable
from audit.keys.file_store import FileKeyStore
from audit.recording.library import read_recording
from audit.verify.log import verify_log
from config.clock import FakeClock
from config.ids import new_id
from gateway.errors import BadRequest, NotAllowed, Unavailable
from gateway.evidence.erasure import Wanted
from gateway.evidence.persons import Subject
from tests.custody_stage import House, Life

STEPS = ("keys", "rows", "index", "scrub", "state", "done", "seals")


@pytest.fixture
async def house(quick_dir: Path, clock: FakeClock) -> AsyncIterator[House]:
    made = House(quick_dir, clock)
    await made.open()
    await made.person("ada", "operator")
    await made.person("bob", "supervisor")
    yield made
    made.journal.close()


def wanted(life: Life, kind="subscriber") -> Wanted:
    name = {"subscriber": life.subscriber, "consent": life.consent, "session": life.sessions[0]}[kind]
    return Wanted(subject=Subject(kind, name), basis="gdpr-17")


def opened(house: House) -> str:
    """Everything that the log's own keys still open, as one text."""
    found = []
    with contextlib.closing(house.journal.reader()) as reader:
        for entry in reader.entries():
            for name in reader.compartments(entry.index):
                with contextlib.suppress(KeyUnavailable):
                    found.append(str(reader.sealed(entry.index, name)))
        for session, number, _ in reader.rows.chunk_places():
            with contextlib.suppress(KeyUnavailable):
                found.append(zstandard.decompress(reader.chunk(session, number)).decode())
    return "\n".join(found)


def files(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def ciphertexts(house: House, life: Life) -> list[bytes]:
    """What is stored of a subscriber, but for `who` of sessions."""
    with contextlib.closing(house.journal.reader()) as reader:
        assert reader.keys is not None
        subjects = [("subscriber", life.subscriber), ("consent", life.consent)]
        subjects += [("session", session) for session in life.sessions]
        sets = {one.id: one.subject_kind for one in reader.keys.key_sets(subjects=frozenset(subjects))}
        parts = [
            part.sealed
            for part in reader.rows.sealed(0, reader.size)
            if part.key_set in sets and (part.compartment != "who" or sets[part.key_set] != "session")
        ]
        chunks = [row.sealed for name in life.sessions if (row := reader.rows.chunk(name, 0)) is not None]
    return parts + chunks


async def erase(house: House, life: Life, kind="subscriber"):
    approval, _ = await house.custody.erasures.ask(house.people["ada"], wanted(life, kind), "she asked")
    return await house.custody.erasures.approve(house.people["bob"], approval)


async def check_gone(house: House, gone: Life, kept: Life) -> None:
    text = opened(house)
    assert [word for word in gone.words if word in text] == []
    assert [word for word in kept.words if word not in text] == []
    await house.journal.checkpoint()
    report = verify_log(house.evidence, house.keys / "log.pub", keys_dir=house.keys)
    assert [str(problem) for problem in report.problems if problem.severity == "contradiction"] == []
    assert report.exit_code == 0, list(report.lines())


async def test_one_person_goes_and_the_other_stays(house: House):
    ann, ben = await house.live("ann"), await house.live("ben")
    before = ciphertexts(house, ann)
    assert len(before) == 15
    erased = await erase(house, ann)
    assert erased.deleted == len(before)
    await check_gone(house, ann, ben)
    stored = b"".join(files(house.directory).values())
    assert not any(part[12:28] in stored for part in before), "ciphertext is left in a file"
    assert house.persons.erased == [((ann.consent,), ann.subscriber)]
    sessions, consents, indices = house.index.asked[0]
    assert (sessions, consents) == (set(ann.sessions), {ann.consent})
    assert len(indices) >= 10


async def test_what_is_recorded(house: House):
    ann = await house.live("ann")
    erased = await erase(house, ann)
    with contextlib.closing(house.journal.reader()) as reader:
        done = [reader.entry(index) for index in erased.entries]
        kinds = [entry.kind for entry in reader.entries() if entry.kind.value.startswith(("approval", "erase"))]
    assert kinds == [Kind.APPROVAL_ASKED, Kind.APPROVAL_GIVEN, *[Kind.ERASE_DONE] * len(done)]
    assert {tuple(entry.facts["comp"]) for entry in done} == {
        ("act", "out", "subj"),
        ("act", "out", "subj", "who"),
        ("rec",),
    }
    for part, entry in enumerate(done):
        assert (entry.facts["scope"], entry.facts["basis"], entry.facts["part"]) == ("keys", "gdpr-17", part)
        assert entry.facts["by"] == [house.people["ada"].principal.id, house.people["bob"].principal.id]
    assert sum(entry.facts["deleted"] for entry in done) == erased.deleted


async def test_a_replay_names_the_erasure(house: House):
    ann, ben = await house.live("ann"), await house.live("ben")
    erased = await erase(house, ann)
    with contextlib.closing(house.journal.reader()) as reader:
        by = {index for index in erased.entries if "rec" in reader.entry(index).facts["comp"]}
        chunks = [entry.index for entry in reader.session(ann.sessions[0]) if entry.kind is Kind.REC_CHUNK]
        assert {reader.erased_by(index, "rec") for index in chunks} == by
        assert reader.erased_by(chunks[0], "who") is None, "the rep stays"
        gaps = [gap.why for gap in read_recording(reader, ann.sessions[0]).gaps() if gap.kind == "closed"]
        kept = [gap for gap in read_recording(reader, ben.sessions[0]).gaps() if gap.kind == "closed"]
    assert gaps == [f"Chunk 0 (entry {chunks[0]}) was erased by entry {by.pop()}."]
    assert kept == []


async def test_a_single_session_and_a_single_consent(house: House):
    ann, ben = await house.live("ann"), await house.live("ben")
    await erase(house, ann, "session")
    text = opened(house)
    assert "ann-name" in text
    assert text.count("ann-screen") == 1
    await erase(house, ben, "consent")
    assert "ben-mail" in (text := opened(house)), "what concerns the subscriber stays"
    assert [word for word in ben.words if word in text] == ["ben-mail"]
    assert house.persons.erased == [((), None), ((ben.consent,), None)]


async def test_a_plan_changes_nothing_and_says_what_there_is(house: House):
    ann = await house.live("ann")
    plan = await house.custody.erasures.plan(house.people["ada"], wanted(ann))
    assert plan.possible
    assert (len(plan.sessions), plan.consents, plan.chunks) == (2, (ann.consent,), 2)
    assert plan.ciphertexts == len(ciphertexts(house, ann))
    assert all(word in opened(house) for word in ann.words)


async def test_it_cannot_be_abused(house: House):
    ann = await house.live("ann")
    erasures, ada, bob = house.custody.erasures, house.people["ada"], house.people["bob"]
    rep = await house.person("rob", "rep")
    with pytest.raises(NotAllowed):
        await erasures.ask(rep, wanted(ann), "let me")
    approval, _ = await erasures.ask(ada, wanted(ann), "she asked")
    for alone in (ada, rep):
        with pytest.raises(NotAllowed):
            await erasures.approve(alone, approval)
    for unknown in (new_id(), "x"):
        with pytest.raises(NotAllowed):
            await erasures.approve(bob, unknown)
    for nothing in (Wanted(subject=Subject("subscriber", new_id()), basis="gdpr-17"),):
        with pytest.raises(BadRequest, match="known"):
            await erasures.ask(ada, nothing, "reason")
    for wrong in (
        Wanted(subject=Subject("subscriber", "ann"), basis="gdpr-17"),
        Wanted(subject=Subject("subscriber", ann.subscriber), basis="Because I say so"),
        Wanted(subject=Subject("subscriber", ann.subscriber), basis="x", compartments=("all",)),
    ):
        with pytest.raises(BadRequest):
            await erasures.ask(ada, wrong, "reason")
    assert all(word in opened(house) for word in ann.words)
    second, _ = await erasures.ask(ada, wanted(ann), "twice")
    await erasures.approve(bob, approval)
    with pytest.raises(NotAllowed, match="already"):
        await erasures.approve(bob, approval)
    await erasures.approve(bob, second)  # finds nothing left, and says so on record
    with pytest.raises(BadRequest, match="nothing left"):
        await erasures.ask(ada, wanted(ann), "again")


async def test_another_acts_approval_is_no_approval(house: House):
    ann = await house.live("ann")
    other = await house.custody.approvals.ask("unseal", house.people["ada"].principal, {}, "to look")
    with pytest.raises(NotAllowed, match="another act"):
        await house.custody.erasures.approve(house.people["bob"], other)
    assert all(word in opened(house) for word in ann.words)


async def test_what_lives_is_not_erased(house: House):
    ann = await house.live("ann")
    house.persons.living.add(ann.consent)
    with pytest.raises(BadRequest, match="has not ended"):
        await house.custody.erasures.ask(house.people["ada"], wanted(ann), "reason")


async def test_what_came_after_it_was_asked_for_is_not_erased(house: House):
    """Contacts and routers go with their subscriber: not while somebody was granted access to one meanwhile."""
    ann = await house.live("ann")
    ada, bob = house.people["ada"], house.people["bob"]
    asked, _ = await house.custody.erasures.ask(ada, wanted(ann), "she asked")
    later = new_id()
    house.persons.consents[later] = ann.subscriber
    with pytest.raises(BadRequest, match="was added"):
        await house.custody.erasures.approve(bob, asked)
    assert house.custody.approvals.get(asked).state == "asked"
    assert house.persons.erased == []
    del house.persons.consents[later]
    await house.custody.erasures.approve(bob, asked)
    assert house.persons.erased


@pytest.mark.parametrize("by", ["consent", "subscriber"])
async def test_a_hold_reaches_what_belongs_to_whom_it_names(house: House, by: str):
    """Also sessions by themselves, those that come later, and what retention would end."""
    consent, subscriber = new_id(), new_id()
    house.persons.consents[consent] = subscriber
    before = await house._session(consent, "ann")
    ada, bob = house.people["ada"], house.people["bob"]

    def only(session: str) -> Wanted:
        return Wanted(subject=Subject("session", session), basis="gdpr-17")

    asked, _ = await house.custody.erasures.ask(ada, only(before), "she asked")
    things = [(by, {"consent": consent, "subscriber": subscriber}[by])]
    hold = await house.custody.holds.set(ada, things, authority="court", reference="1/26", reason="case")
    with pytest.raises(Unavailable, match=hold):
        await house.custody.erasures.approve(bob, asked)
    after = await house._session(consent, "ann")
    for session in (before, after):
        assert (await house.custody.erasures.plan(ada, only(session))).holds == (hold,)
        with pytest.raises(Unavailable, match=hold):
            await house.custody.erasures.ask(ada, only(session), "again")
    last = await house._session(consent, "ann")
    house.clock.advance(1500 * 86400)
    await house.custody.retention.run(ada, None)
    assert opened(house).count("ann-screen") == 3
    (found,) = await house.custody.holds.all(ada)
    assert {("session", session) for session in (before, after, last)} <= set(found.things)
    assert found.set_by == ada.principal.id
    await house.custody.holds.approve_release(bob, await house.custody.holds.ask_release(ada, hold, "over"))
    house.journal.close()
    await house.open()
    await house.custody.retention.run(ada, None)
    assert "ann-" not in opened(house)


@pytest.mark.parametrize("by", ["session", "consent", "subscriber"])
async def test_a_hold_forbids_it(house: House, by: str):
    ann = await house.live("ann")
    ada, bob = house.people["ada"], house.people["bob"]
    asked, _ = await house.custody.erasures.ask(ada, wanted(ann), "she asked")
    name = {"session": ann.sessions[1], "consent": ann.consent, "subscriber": ann.subscriber}[by]
    hold = await house.custody.holds.set(ada, [(by, name)], authority="court", reference="1/26", reason="case")
    with pytest.raises(Unavailable, match=hold):
        await house.custody.erasures.approve(bob, asked)
    with pytest.raises(Unavailable, match=hold):
        await house.custody.erasures.ask(ada, wanted(ann), "again")
    assert (await house.custody.erasures.plan(ada, wanted(ann))).holds == (hold,)
    assert all(word in opened(house) for word in ann.words)
    release = await house.custody.holds.ask_release(bob, hold, "case closed")
    with pytest.raises(NotAllowed, match="Another person"):
        await house.custody.holds.approve_release(bob, release)
    await house.custody.holds.approve_release(ada, release)
    await house.custody.erasures.approve(bob, asked)
    await check_gone(house, ann, await house.live("ben"))


@pytest.mark.parametrize("at", STEPS)
async def test_a_crash_at_any_step_is_finished_at_the_next_start(quick_dir: Path, clock: FakeClock, at: str):
    class Crash(BaseException):
        pass

    def crash(step: str) -> None:
        if step == at:
            raise Crash

    house = House(quick_dir, clock)
    await house.open(crash)
    ada, bob = await house.person("ada", "operator"), await house.person("bob", "supervisor")
    ann, ben = await house.live("ann"), await house.live("ben")
    for _ in range(10):
        await house.live("cat", sessions=4)  # so that the first sealed object is closed
    await house.journal.checkpoint()
    before = ciphertexts(house, ann)
    approval, _ = await house.custody.erasures.ask(ada, wanted(ann), "she asked")
    with pytest.raises(Crash):
        await house.custody.erasures.approve(bob, approval)
    house.journal.abandon()

    await house.open()
    assert house.custody.approvals.get(approval).state == "used"
    await check_gone(house, ann, ben)
    assert house.persons.erased, "the state was asked"
    with contextlib.closing(house.journal.reader()) as reader:
        done = [entry for entry in reader.entries() if entry.kind is Kind.ERASE_DONE]
        seals = [entry for entry in reader.entries() if entry.kind is Kind.INTEGRITY_SEAL and "after" in entry.facts]
        sealed_before = any(
            entry.kind is Kind.INTEGRITY_SEAL and entry.facts["from"] == 0 and entry.index < done[0].index
            for entry in reader.entries()
        )
    parts = [entry.facts["part"] for entry in done]
    assert parts == list(range(len(done))), "each part once"
    assert sum(entry.facts["deleted"] for entry in done) == len(before)
    assert [entry.facts["after"] for entry in seals] == ([done[-1].index] if sealed_before else [])
    count = sum(1 for _ in files(house.directory))
    house.journal.close()

    await house.open()
    await check_gone(house, ann, ben)
    stored = b"".join(files(house.directory).values())
    assert not any(part[12:28] in stored for part in before)
    assert count
    with contextlib.closing(house.journal.reader()) as reader:
        assert len(done) == sum(entry.kind is Kind.ERASE_DONE for entry in reader.entries()), "and only once"
    house.journal.close()


async def test_keys_put_back_from_a_backup_are_destroyed_again(house: House, clock: FakeClock):
    ann, ben = await house.live("ann"), await house.live("ben")
    # The keys of administration are made before the backup: what is sealed by keys made after it would be lost.
    await house.custody.approvals.ask("unseal", house.people["ada"].principal, {}, "to look")
    backup = {name: data for name, data in files(house.evidence).items() if "keys.db" in name}
    await erase(house, ann)
    house.journal.close()
    for name, data in backup.items():
        Path(name).write_bytes(data)
    keys = FileKeyStore.open_read_only(house.evidence / "keys.db", house.keys, house.journal.origin)
    subjects = frozenset({("consent", ann.consent)})
    assert any(one.alive for one in keys.key_sets(subjects=subjects)), "the backup does hold them"
    keys.close()
    await house.open()
    await check_gone(house, ann, ben)


async def test_a_hold_that_a_key_database_forgot_stands_again(house: House):
    ann = await house.live("ann")
    backup = {name: data for name, data in files(house.evidence).items() if "keys.db" in name}
    ada = house.people["ada"]
    hold = await house.custody.holds.set(
        ada, [("subscriber", ann.subscriber)], authority="court", reference="1/26", reason="case"
    )
    house.journal.close()
    for path in house.evidence.glob("keys.db*"):
        path.unlink()
    for name, data in backup.items():
        Path(name).write_bytes(data)
    await house.open()
    with pytest.raises(Unavailable, match=hold):
        await house.custody.erasures.ask(ada, wanted(ann), "she asked")


async def test_a_released_hold_is_gone_after_a_restart(house: House):
    ann = await house.live("ann")
    ada, bob = house.people["ada"], house.people["bob"]
    things = [("session", name) for name in ann.sessions]
    hold = await house.custody.holds.set(ada, things, authority="court", reference="1/26", reason="case")
    release = await house.custody.holds.ask_release(ada, hold, "over")
    # The second person's word is on record, and then the process dies.
    await house.custody.approvals.approve(release, bob.principal)
    house.journal.abandon()
    await house.open()
    (found,) = await house.custody.holds.all(ada)
    assert found.released_at is not None
    assert found.authority == "court"
    with pytest.raises(BadRequest, match="no such hold"):
        await house.custody.holds.ask_release(ada, hold, "again")
    await erase(house, ann)


async def test_a_hold_that_comes_after_the_keys_are_gone_does_not_stop_the_rest(quick_dir: Path, clock: FakeClock):
    class Crash(BaseException):
        pass

    def crash(step: str) -> None:
        if step == "rows":
            raise Crash

    house = House(quick_dir, clock)
    await house.open(crash)
    ada, bob = await house.person("ada", "operator"), await house.person("bob", "supervisor")
    ann = await house.live("ann")
    approval, _ = await house.custody.erasures.ask(ada, wanted(ann), "she asked")
    with pytest.raises(Crash):
        await house.custody.erasures.approve(bob, approval)
    things = [("subscriber", ann.subscriber)]
    await house.custody.holds.set(bob, things, authority="court", reference="1/26", reason="too late")
    house.journal.close()
    await house.open()
    assert house.custody.approvals.get(approval).state == "used"
    house.journal.close()


async def test_a_hold_between_approval_and_execution_wins(quick_dir: Path, clock: FakeClock):
    class Crash(BaseException):
        pass

    def crash(step: str) -> None:
        if step == "keys":
            raise Crash

    house = House(quick_dir, clock)
    await house.open(crash)
    ada, bob = await house.person("ada", "operator"), await house.person("bob", "supervisor")
    ann = await house.live("ann")
    approval, _ = await house.custody.erasures.ask(ada, wanted(ann), "she asked")
    with pytest.raises(Crash):
        await house.custody.erasures.approve(bob, approval)
    things = [("consent", ann.consent)]
    hold = await house.custody.holds.set(bob, things, authority="court", reference="1/26", reason="in time")
    house.journal.close()
    await house.open()
    assert all(word in opened(house) for word in ann.words)
    assert house.custody.approvals.get(approval).state == "given"
    release = await house.custody.holds.ask_release(ada, hold, "over")
    await house.custody.holds.approve_release(bob, release)
    house.journal.close()
    await house.open()
    assert house.custody.approvals.get(approval).state == "used"
    await check_gone(house, ann, await house.live("ben"))
    house.journal.close()

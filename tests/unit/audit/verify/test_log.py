"""Verification says what it looked at and finds what is wrong; a sound log gives no alarm, also while it grows."""

import asyncio
import os
import shutil
import sqlite3

import pytest
import zstandard

from audit.entry import Kind, NewEntry
from audit.errors import BadEntry, KeyUnavailable, LogMissing
from audit.keys.file_store import FileKeyStore
from audit.tlog.note import SigningKey, sign_note
from audit.verify.log import verify_log, verify_session
from config.ids import new_id


def verify(scene, **options):
    options.setdefault("keys_dir", scene.keys_dir)
    return verify_log(scene.directory, scene.public_key, **options)


def texts(report):
    return [str(problem) for problem in report.problems]


async def test_a_sound_log(scene):
    journal = scene.open()
    session, consent = await scene.story(journal, commands=3)
    journal.close()
    report = verify(scene)
    assert (report.exit_code, report.problems) == (0, ())
    assert (report.size, report.signed_size, report.beyond_checkpoint, report.entries_checked) == (14, 14, 0, 14)
    assert (report.parts_committed, report.parts_checked) == (10, 10)
    assert (report.chunks_recorded, report.chunks_checked) == (2, 2)
    assert (report.starts, report.unanswered, report.clock_steps) == (1, 0, ())
    check = report.sessions[0]
    assert (check.session, check.consent_ref, check.complete, check.close_reason) == (session, consent, True, "logout")
    assert (check.entries, check.commands, check.blocked, check.chunks) == (10, 3, 0, 2)
    lines = list(report.lines())
    assert lines[-1] == "verified"
    assert any(report.root.hex() in line for line in lines)
    assert any("14 entries, signed by logs.isp/" in line for line in lines)


async def test_without_keys_nothing_is_opened_and_that_is_said(scene):
    journal = scene.open()
    await scene.story(journal)
    journal.close()
    report = verify(scene, keys_dir=None)
    assert (report.exit_code, report.parts_committed, report.parts_checked, report.chunks_checked) == (0, 10, 0, 0)
    assert any("no keys were given" in line for line in report.lines())


async def test_a_running_log_with_open_sessions_and_pending_commands(scene):
    journal = scene.open()
    session, consent = await scene.story(journal, close=False)
    pending = await journal.append_command(scene.command(session, consent))
    await journal.checkpoint()
    await journal.append(NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"id": "bob"}}))
    report = verify(scene)
    assert report.exit_code == 0
    assert report.beyond_checkpoint == 1
    check = report.sessions[0]
    assert (check.complete, check.state, check.unanswered) == (False, "open", (pending.n,))
    assert "not closed" in check.reasons[0]
    assert any("1 without a result" in line for line in report.lines())


async def test_no_false_alarm_while_the_log_grows(scene):
    journal = scene.open()
    consent = await scene.consent(journal)
    await journal.checkpoint()
    growing = True

    async def grow():
        while growing:
            session = await scene.session(journal, consent)
            await scene.run(journal, session, consent)
            await scene.chunk(journal, session, 0, b"x")
            await scene.close(journal, session)

    tasks = [asyncio.create_task(grow()) for _ in range(4)]
    reports = [await asyncio.to_thread(verify, scene) for _ in range(15)]
    growing = False
    await asyncio.gather(*tasks)
    assert [texts(report) for report in reports] == [[]] * 15
    assert reports[-1].size > reports[0].size


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"no frame at all", "cannot be unpacked"),
        (zstandard.compress(b"a longer text"), "cannot be unpacked"),
        (zstandard.compress(b"other"), "not what it commits to"),
    ],
)
async def test_a_chunk_is_held_against_its_lines(scene, frame, why):
    journal = scene.open()
    session = await scene.session(journal, await scene.consent(journal))
    facts = {"no": 0, "t0": 0, "t1": 9, "bytes": 5}
    await journal.append_chunk(NewEntry(kind=Kind.REC_CHUNK, session=session, facts=facts), frame, b"lines")
    await scene.close(journal, session)
    journal.close()
    report = verify(scene)
    assert report.exit_code == 1
    assert why in texts(report)[0]
    assert report.chunks_checked == 0


async def test_one_session(scene):
    journal = scene.open()
    first, _ = await scene.story(journal)
    second, _ = await scene.story(journal, commands=1)
    journal.close()
    report = verify_session(scene.directory, second, scene.public_key, keys_dir=scene.keys_dir)
    assert (report.exit_code, [check.session for check in report.sessions]) == (0, [second])
    assert (report.chunks_recorded, report.chunks_checked, report.parts_checked) == (4, 2, 4)
    absent = verify_session(scene.directory, new_id(), scene.public_key)
    assert (absent.exit_code, absent.sessions) == (2, ())
    assert "has no session" in texts(absent)[0]
    assert first != second


async def test_an_older_checkpoint_is_extended_and_a_foreign_one_is_not(scene):
    journal = scene.open()
    await scene.story(journal)
    await journal.checkpoint()
    old = (scene.directory / "checkpoint").read_bytes()
    await scene.story(journal)
    journal.close()
    goes_on = verify(scene, since=old)
    assert goes_on.exit_code == 0
    assert [line for line in goes_on.lines() if line.startswith("since ")] == [
        f"since       goes on from the older checkpoint, over {goes_on.goes_on_from} entries"
    ]
    key = SigningKey(journal.origin, (scene.keys_dir / "log.key").read_bytes())
    fork = old.decode().split("\n")
    fork_note = sign_note("\n".join([*fork[:2], "A" * 43 + "=", ""]), key).encode()
    report = verify(scene, since=fork_note)
    assert report.exit_code == 1
    assert "the older checkpoint has another root" in texts(report)[0]
    with pytest.raises(BadEntry):
        verify(scene, since=b"nothing")


async def test_wrong_key_no_key_no_log(scene, tmp_path):
    journal = scene.open()
    await scene.story(journal)
    journal.close()
    stranger = str(SigningKey(journal.origin, bytes(32)).verifier)
    report = verify_log(scene.directory, stranger)
    assert report.exit_code == 1
    assert "not signed by" in texts(report)[0]
    assert "nothing proves" in texts(report)[-1]
    other = verify_log(scene.directory, str(SigningKey("logs.other/1", bytes(32)).verifier))
    assert other.exit_code == 1
    with pytest.raises(BadEntry):
        verify_log(scene.directory, "no key")
    with pytest.raises(BadEntry, match="cannot be read"):
        verify_log(scene.directory, tmp_path / "missing.pub")
    with pytest.raises(LogMissing):
        verify_log(tmp_path, scene.public_key)
    with pytest.raises(KeyUnavailable):
        verify(scene, keys_dir=tmp_path)


async def test_missing_checkpoints_make_the_log_unproved(scene):
    journal = scene.open()
    await scene.story(journal)
    journal.close()
    (scene.directory / "checkpoint").unlink()
    report = verify(scene, keys_dir=None)
    assert (report.exit_code, report.signed_size) == (2, 14)
    connection = sqlite3.connect(scene.directory / "audit.db")
    with connection:
        connection.execute("DELETE FROM meta WHERE key = 'checkpoint'")
    connection.close()
    report = verify(scene, keys_dir=None)
    assert (report.exit_code, report.signed_size) == (2, 14)
    assert "the published one was used" in texts(report)[0]
    (scene.directory / "log" / "checkpoint").unlink()
    report = verify(scene, keys_dir=None)
    assert (report.exit_code, report.signed_size) == (2, 0)
    assert "the published log has no checkpoint" in texts(report)[0]
    assert "nothing proves" in texts(report)[1]


async def test_destroyed_keys_are_missing_and_not_a_contradiction(scene):
    journal = scene.open()
    session, _ = await scene.story(journal)
    key_set = journal.reader().session(session)[0].head.key_set
    journal.close()
    keys = FileKeyStore.open(scene.directory / "keys.db", scene.keys_dir, journal.origin)
    keys.destroy(key_set, ["act", "subj"])
    keys.close()
    report = verify(scene)
    assert report.exit_code == 2
    assert {problem.severity for problem in report.problems} == {"missing"}
    assert report.parts_checked == 6
    assert verify(scene, keys_dir=None).exit_code == 0


async def test_a_session_without_a_recorded_consent_is_named(scene):
    journal = scene.open()
    session = await scene.session(journal, new_id())
    await scene.close(journal, session)
    journal.close()
    report = verify(scene)
    assert report.exit_code == 2
    assert "no grant of its consent" in texts(report)[0]


async def test_clock_steps_are_listed_and_no_alarm(scene):
    journal = scene.open()
    await journal.append(NewEntry(kind=Kind.AUTH_OK))
    scene.clock.advance(3600)  # both clocks: no step
    await journal.append(NewEntry(kind=Kind.AUTH_OK))
    monotonic = scene.clock._monotonic
    scene.clock.advance(-90)
    scene.clock._monotonic = monotonic
    await journal.append(NewEntry(kind=Kind.AUTH_OK))
    journal.close()
    report = verify(scene)
    assert report.exit_code == 0
    assert [(step.index, step.seconds) for step in report.clock_steps] == [(3, -90.0)]


async def test_a_gateway_that_runs_for_years_past_2038(scene):
    journal = scene.open()
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    for _ in range(4):
        scene.clock.advance(100 * 24 * 3600)
        await journal.append(NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"id": "bob"}}))
    scene.clock.advance(400_000_000)
    await scene.run(journal, session, consent)
    await scene.close(journal, session)
    journal.close()
    scene.open().close()
    report = verify(scene)
    assert (report.exit_code, report.starts, report.clock_steps) == (0, 2, ())
    entries = list(scene.open().reader().entries())
    renewed = [entry for entry in entries if entry.kind is Kind.LOG_CLOCK]
    assert [entry.facts["epoch"] for entry in renewed] == [1, 2, 3, 4, 5]
    assert max(entry.head.monotonic_ns for entry in entries) < 2**53
    assert entries[-1].head.worker == "main/7"
    assert entries[-1].time.year > 2038


async def test_a_copy_on_a_read_only_medium(scene, tmp_path):
    journal = scene.open()
    await scene.story(journal)
    journal.close()
    copy = tmp_path / "copy"
    shutil.copytree(scene.directory, copy)
    for path in copy.iterdir():
        os.chmod(path, 0o400)
    os.chmod(copy, 0o500)
    try:
        assert verify_log(copy, scene.public_key).exit_code == 0
    finally:
        os.chmod(copy, 0o700)


async def test_a_flood_of_findings_is_bounded(scene):
    journal = scene.open()
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    for _ in range(1200):
        journal.append_later(NewEntry(kind=Kind.CMD_BLOCKED, session=session))
    await scene.close(journal, session)
    journal.close()
    connection = sqlite3.connect(scene.directory / "audit.db")
    with connection:
        connection.execute("UPDATE entry SET leaf = zeroblob(32)")
    connection.close()
    report = verify(scene)
    assert report.exit_code == 1
    assert 1000 <= len(report.problems) < 1020
    assert any("another root" in text for text in texts(report))

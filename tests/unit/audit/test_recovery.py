"""Opening after a crash, with an older copy, with damage."""

import shutil
import sqlite3

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import KeyUnavailable, LogDamaged
from audit.recovery import FULL_CHECK, recover
from audit.stores.sqlite import open_store
from audit.verify.log import verify_log


def change(scene, sql, *values):
    connection = sqlite3.connect(scene.directory / "audit.db")
    with connection:
        connection.execute(sql, values)
    connection.close()


async def test_a_crash_leaves_closed_sessions_and_named_unknown_commands(scene):
    journal = scene.open()
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    await scene.run(journal, session, consent)
    sent = await journal.append_command(scene.command(session, consent))
    await journal.append(NewEntry(kind=Kind.CMD_SENT, session=session, facts={"of": sent.n, "bytes": 3}))
    unsent = await journal.append_command(scene.command(session, consent))
    await scene.chunk(journal, session, 0, b"first")
    await scene.story(journal)
    journal.abandon()

    again = scene.open()
    chain = again.reader().session(session)
    assert [(entry.kind, dict(entry.facts)) for entry in chain[-3:]] == [
        (Kind.CMD_UNKNOWN, {"of": sent.n, "sent": True}),
        (Kind.CMD_UNKNOWN, {"of": unsent.n, "sent": False}),
        (Kind.SESSION_CLOSED, {"reason": "crash", "chunks": 1, "unknown": 2}),
    ]
    start = [entry for entry in again.reader().entries() if entry.kind is Kind.LOG_START][-1]
    assert (start.facts["sessions"], start.facts["unknown"]) == (1, 2)
    await again.checkpoint()
    report = verify_log(scene.directory, scene.public_key, keys_dir=scene.keys_dir)
    assert report.exit_code == 0, list(report.lines())
    assert all(check.complete for check in report.sessions)


@pytest.mark.parametrize("kind", [Kind.SESSION_REQUESTED, Kind.SESSION_KILLED, Kind.SESSION_FROZEN])
async def test_sessions_in_other_states_are_closed_too(scene, kind):
    journal = scene.open()
    consent = await scene.consent(journal)
    if kind is Kind.SESSION_REQUESTED:
        session = consent
        await journal.append(NewEntry(kind=kind, session=session, consent_ref=consent))
    else:
        session = await scene.session(journal, consent)
        await journal.append(NewEntry(kind=kind, session=session))
    journal.abandon()
    again = scene.open()
    assert again.reader().session(session)[-1].facts["reason"] == "crash"
    assert again.reader().sessions()[0].state == "closed"


async def test_many_open_sessions_are_closed(scene):
    journal = scene.open()
    consent = await scene.consent(journal)
    for _ in range(30):
        session = await scene.session(journal, consent)
        for _ in range(50):
            journal.append_later(NewEntry(kind=Kind.CMD_BLOCKED, session=session))
        for _ in range(50):
            await journal.append_command(scene.command(session, consent))
    journal.abandon()
    again = scene.open()
    kinds = [entry.kind for entry in again.reader().entries()]
    assert kinds.count(Kind.CMD_UNKNOWN) == 1500
    assert kinds.count(Kind.SESSION_CLOSED) == 30


async def test_a_second_crash_during_recovery_changes_nothing(scene):
    journal = scene.open()
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    await journal.append_command(scene.command(session, consent))
    journal.abandon()
    for _ in range(3):
        scene.open().abandon()
    chain = scene.open().reader().session(session)
    assert [entry.kind for entry in chain].count(Kind.SESSION_CLOSED) == 1
    assert [entry.kind for entry in chain].count(Kind.CMD_UNKNOWN) == 1


async def closed_story(scene):
    journal = scene.open()
    await scene.story(journal)
    journal.close()


async def test_an_older_copy_is_not_gone_on_with(scene, tmp_path):
    await closed_story(scene)
    shutil.copytree(scene.directory, tmp_path / "backup")
    await closed_story(scene)
    shutil.rmtree(scene.directory)
    shutil.copytree(tmp_path / "backup", scene.directory)
    with pytest.raises(LogDamaged, match="older than its checkpoint"):
        scene.open()
    report = verify_log(scene.directory, scene.public_key, keys_dir=scene.keys_dir)
    assert report.exit_code == 1
    assert "the signer's own state covers" in str(report.problems[0])


async def test_a_lost_or_older_signer_state_is_not_gone_on_with(scene):
    await closed_story(scene)
    path = scene.keys_dir / "signer.state"
    older = path.read_bytes()
    await closed_story(scene)
    newest = path.read_bytes()
    path.unlink()
    with pytest.raises(LogDamaged, match="knows only 0"):
        scene.open()
    path.write_bytes(older)
    with pytest.raises(LogDamaged, match="older backup"):
        scene.open()
    path.write_bytes(newest)
    scene.open()


async def test_an_emptied_log_is_not_begun_anew(scene):
    await closed_story(scene)
    shutil.rmtree(scene.directory)
    with pytest.raises(LogDamaged, match="one was signed with these keys"):
        scene.open()


@pytest.mark.parametrize("name", ["root.key", "log.key"])
async def test_lost_keys_are_not_replaced(scene, name):
    await closed_story(scene)
    (scene.keys_dir / name).unlink()
    with pytest.raises(KeyUnavailable, match=name):
        scene.open()
    assert not (scene.keys_dir / name).exists()


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("DELETE FROM entry WHERE idx = 4", "some are gone"),
        ("DELETE FROM entry WHERE idx = (SELECT max(idx) FROM entry)", "older than its checkpoint"),
        ("UPDATE entry SET head = cast(replace(cast(head AS TEXT), '30', '31') AS BLOB) WHERE idx = 2", "was changed"),
        ("UPDATE entry SET leaf = zeroblob(32) WHERE idx = 3", "was changed"),
        ("UPDATE frontier SET nodes = zeroblob(length(nodes))", "not the one that was stored"),
        ("UPDATE frontier SET nodes = x'00'", "frontier"),
        ("DELETE FROM frontier", "not the one that was stored"),
        ("DELETE FROM meta WHERE key = 'origin'", "no origin"),
        ("UPDATE meta SET value = 'logs.isp/other' WHERE key = 'origin'", "another log"),
    ],
)
async def test_damage_keeps_the_log_closed(scene, sql, sentence):
    await closed_story(scene)
    change(scene, sql)
    with pytest.raises(LogDamaged, match=sentence):
        scene.open()
    with pytest.raises(LogDamaged, match=sentence):  # and it stays so, without leaving a lock behind
        scene.open()


async def test_a_consistent_rewrite_below_the_signed_size_is_refused(scene):
    """Head, leaf hash, chain links and frontier are all made to agree; only the signer's memory differs."""
    from audit.leaf import Head, build, parse
    from audit.tlog.merkle import Frontier, leaf_hash

    await closed_story(scene)
    connection = sqlite3.connect(scene.directory / "audit.db")
    frontier, last = Frontier(), {}
    with connection:
        for index, raw in connection.execute("SELECT idx, head FROM entry ORDER BY idx").fetchall():
            head = parse(raw)
            values = {name: getattr(head, name) for name in Head.__dataclass_fields__}
            if head.kind is Kind.CMD_RESULT:
                values["facts"] = {**head.facts, "bytes": 99}
            if head.n:
                values["previous"] = last[head.session]
            changed = build(Head(**values))
            last[head.session] = leaf_hash(changed)
            frontier.append(leaf_hash(changed))
            connection.execute(
                "UPDATE entry SET head = ?, leaf = ? WHERE idx = ?", (changed, leaf_hash(changed), index)
            )
        connection.execute("UPDATE frontier SET nodes = ?", (b"".join(frontier.nodes),))
    connection.close()
    with pytest.raises(LogDamaged, match="not those that were signed"):
        scene.open()
    report = verify_log(scene.directory, scene.public_key)
    assert report.exit_code == 1
    assert any("another root" in problem.text for problem in report.problems)


async def test_large_logs_are_recomputed_from_the_signed_size_on(scene):
    assert FULL_CHECK >= 100_000
    await closed_story(scene)
    journal = scene.open(full_check=False)
    await scene.story(journal)
    journal.abandon()
    again = scene.open(full_check=False)
    await scene.story(again)
    again.close()
    assert verify_log(scene.directory, scene.public_key, keys_dir=scene.keys_dir).exit_code == 0
    change(scene, "UPDATE entry SET head = x'00' WHERE idx = 3")  # found by the sample
    with pytest.raises(LogDamaged, match="was changed"):
        scene.open(full_check=False)


async def test_what_was_not_signed_before_the_crash_is_signed_after_it(scene):
    journal = scene.open()
    await scene.story(journal)
    await journal.checkpoint()
    consent = await scene.consent(journal)
    await scene.session(journal, consent)
    journal.abandon()
    again = scene.open()
    await again.checkpoint()
    report = verify_log(scene.directory, scene.public_key, keys_dir=scene.keys_dir)
    assert (report.exit_code, report.beyond_checkpoint, report.starts) == (0, 0, 2)


def test_recovery_of_nothing(tmp_path):
    from audit.signing.signer import SignedState

    store = open_store(tmp_path)
    found = recover(store, SignedState("logs.isp/1", 0, ()))
    assert (found.frontier.size, found.generation, found.boot.epoch, found.unclosed) == (0, 0, 0, ())
    store.close()

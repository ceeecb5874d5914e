"""A journal and its signer belong together, in this process or behind a socket; an old database is refused by both."""

import shutil
import time

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import KeyUnavailable, LogDamaged, LogInUse, RecordFailed, SignerUnavailable
from audit.journal import Journal
from audit.signing.handover import take_over
from audit.signing.key_files import open_file_signer
from audit.signing.opening import open_signer
from audit.stores.memory import MemoryEntryStore
from audit.tlog.checkpoint import open_checkpoint
from audit.tlog.merkle import Tree, leaf_hash
from audit.tlog.note import VerifierKey


@pytest.fixture
def apart(scene, quick_dir, serving):
    """A signer of its own; `opened` is the journal that uses it."""

    class Apart:
        state = quick_dir / "signer"
        socket = quick_dir / "sock"

        def serving(self, *, create=False):
            name = "logs.isp/1" if create else (self.state / "log.pub").read_text().partition("+")[0]
            return serving(open_file_signer(self.state, name, create=create), self.socket)

        def opened(self, **options) -> Journal:
            return scene.open(signer_socket=self.socket, **options)

        def checkpoint(self):
            key = VerifierKey.parse((scene.keys_dir / "log.pub").read_text().strip())
            return open_checkpoint((scene.directory / "checkpoint").read_bytes(), key)

    return Apart()


def copy(scene, name):
    shutil.copytree(scene.directory, scene.directory.parent / name)


def put_back(scene, name):
    shutil.rmtree(scene.directory)
    shutil.copytree(scene.directory.parent / name, scene.directory)


async def test_a_log_signed_by_another_process(scene, apart):
    with apart.serving(create=True):
        journal = apart.opened()
        await scene.story(journal)
        await journal.checkpoint()
        assert apart.checkpoint().size == journal.reader().size
        journal.close()
        assert journal.origin == "logs.isp/1"
        apart.opened().close()
    assert not (scene.keys_dir / "log.key").exists()


async def test_the_key_moves_out_of_the_gateway(scene, apart):
    journal = scene.open()
    await scene.story(journal)
    with pytest.raises(LogInUse):
        take_over(scene.keys_dir, apart.state)
    journal.close()
    before = apart.checkpoint()
    take_over(scene.keys_dir, apart.state)
    with apart.serving():
        journal = apart.opened()
        await journal.checkpoint()
        assert apart.checkpoint().size > before.size
        assert apart.checkpoint().origin == before.origin
        journal.close()


async def test_an_old_database_is_refused_in_process(scene):
    journal = scene.open()
    journal.close()
    copy(scene, "old")
    journal = scene.open()
    await scene.story(journal)
    journal.close()
    put_back(scene, "old")
    with pytest.raises(LogDamaged, match="older than its checkpoint"):
        scene.open()


async def test_an_old_database_is_refused_by_the_process(scene, apart):
    with apart.serving(create=True):
        apart.opened().close()
        copy(scene, "old")
        journal = apart.opened()
        await scene.story(journal)
        journal.close()
        put_back(scene, "old")
        with pytest.raises(LogDamaged, match="older than its checkpoint"):
            apart.opened()
        shutil.rmtree(scene.directory)
        with pytest.raises(LogDamaged, match="Restore the log"):
            apart.opened()


async def test_an_old_database_and_old_keys_are_still_refused_by_the_process(scene, apart):
    """What the gateway's own files cannot show once all of them are old, the signer of another user still knows."""
    with apart.serving(create=True):
        apart.opened().close()
        copy(scene, "old")
        shutil.copytree(scene.keys_dir, scene.keys_dir.parent / "old-keys")
        journal = apart.opened()
        await scene.story(journal)
        journal.close()
        put_back(scene, "old")
        shutil.rmtree(scene.keys_dir)
        shutil.copytree(scene.keys_dir.parent / "old-keys", scene.keys_dir)
        with pytest.raises(LogDamaged, match="older than its checkpoint"):
            apart.opened()


async def test_a_signer_that_is_away_stops_nothing_and_catches_up(scene, apart):
    with apart.serving(create=True):
        journal = apart.opened()
        await journal.checkpoint()
        signed = apart.checkpoint().size
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    for _ in range(3):
        await scene.run(journal, session, consent)
    with pytest.raises(SignerUnavailable, match="vestibule signer serve"):
        await journal.checkpoint()
    assert not journal.poisoned
    assert apart.checkpoint().size == signed
    assert journal._publisher.unsigned_seconds > 0
    with apart.serving():
        await scene.close(journal, session)
        await journal.checkpoint()
        assert apart.checkpoint().size == journal.reader().size
        journal.close()


async def test_a_signer_that_is_away_for_long_is_an_alarm_once(scene, apart):
    with apart.serving(create=True):
        journal = apart.opened()
        await journal.checkpoint()
    journal._publisher._late_seconds = 0.0
    for _ in range(3):
        await journal.append(NewEntry(kind=Kind.ADMIN_CHANGE))
        with pytest.raises(SignerUnavailable):
            await journal.checkpoint()
    alarms = [entry for entry in journal.reader().entries() if entry.kind is Kind.INTEGRITY_ALARM]
    assert [entry.facts["what"] for entry in alarms] == ["checkpoint_age"]
    journal.close()  # its last checkpoint has to wait for the next start
    with apart.serving():
        apart.opened().close()


async def test_a_refusal_closes_the_log_and_says_so_in_it(scene, apart):
    with apart.serving(create=True) as server:
        journal = apart.opened()
        await journal.checkpoint()
        fork = Tree([leaf_hash(b"other")])
        server._signer._state = type(server._signer.state)("logs.isp/1", 1, (fork.root(),))
        await scene.consent(journal)
        deadline = time.monotonic() + 10
        while not journal.poisoned and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(RecordFailed):
            await scene.consent(journal)
        last = list(journal.reader().entries())[-1]
        assert (last.kind, last.facts["what"]) == (Kind.INTEGRITY_ALARM, "signer_refused")
        journal.close()


def test_no_log_is_opened_without_its_signer(scene, quick_dir):
    with pytest.raises(SignerUnavailable):
        open_signer(
            MemoryEntryStore(), "logs.isp", scene.keys_dir, scene.clock, socket=quick_dir / "nobody", patience=0.3
        )


async def test_what_does_not_belong_together(scene, apart):
    with apart.serving(create=True):
        with pytest.raises(LogDamaged, match="no log of"):
            open_signer(MemoryEntryStore(), "logs.x", scene.keys_dir, scene.clock, socket=apart.socket)
        apart.opened().close()
        (scene.keys_dir / "log.key").write_bytes(bytes(32))
        with pytest.raises(KeyUnavailable, match="take-over"):
            apart.opened()
        (scene.keys_dir / "log.key").unlink()
        (scene.keys_dir / "log.pub").write_text("another\n")
        with pytest.raises(LogDamaged, match="another key"):
            apart.opened()
        (scene.keys_dir / "log.pub").unlink()
    apart.state = apart.state.with_name("signer2")
    with apart.serving(create=True), pytest.raises(LogDamaged, match="does not verify"):
        apart.opened()

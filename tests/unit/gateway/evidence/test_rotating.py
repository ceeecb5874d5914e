"""A log ends, the next begins, whatever breaks in between; and without two persons nothing does."""

import shutil
from contextlib import closing
from datetime import timedelta

import pytest

from audit.entry import Kind
from audit.errors import LogDamaged, LogInUse, LogMissing
from audit.journal import Journal
from audit.reader import EvidenceReader
from audit.signing.rotation import check_link
from audit.tlog.note import VerifierKey
from audit.verify.log import verify_log
from config.errors import ConfigError
from config.ids import new_id
from config.settings import EvidenceSettings, Settings
from gateway.access.identity import Principal
from gateway.consent.fakes import MemoryConsentStore
from gateway.consent.lifecycle import Proof, grant, recorded
from gateway.consent.model import Consent, State
from gateway.consent.record import By
from gateway.errors import BadRequest, NotAllowed, Unavailable
from gateway.evidence import rotating
from gateway.evidence.approvals import Approvals
from gateway.evidence.rotating import Rotating, begun, refuse_if_begun

STEPS = ["planned", "consents", "ended", "begun", "keys", "archived", "moved", "installed", "state", "done"]


class Crash(BaseException):
    """The process ends here."""


def crash_at(where):
    def crash(step):
        if step == where:
            raise Crash

    return crash


def opened(settings, clock):
    return Journal.open(settings.evidence_dir, keys_dir=settings.keys_dir, origin="logs.isp", clock=clock)


async def two_agree(journal, clock, *names):
    approvals = await Approvals.open(journal, clock)
    first, second = (Principal(id=new_id(), name=name, role="operator", alias=name) for name in names)
    name = await approvals.ask("log.rotate", first, {"origin": journal.origin}, "The disk is on its way out.")
    await approvals.approve(name, second)
    return name


@pytest.fixture
def settings(quick_dir):
    return Settings(data_dir=quick_dir / "data")


@pytest.fixture
async def approval(settings, clock):
    """Of a log with a short past: asked for by one, given by another."""
    journal = opened(settings, clock)
    name = await two_agree(journal, clock, "ada", "bob")
    journal.close()
    return name


@pytest.fixture
async def consents(clock):
    """One that is in force."""
    store = MemoryConsentStore()
    now = clock.now()
    asked = Consent(
        id=new_id(), state=State.REQUESTED, rep_id="rep", router_id="router", subscriber_ref="sub", ticket="T",
        reason="R", language="en", asked=(), minutes=30, sessions=5, requested_at=now,
        lapses_at=now + timedelta(hours=1), statement_digest="cd" * 32, revision=1,
    )  # fmt: skip
    proof = Proof(channel="link", digest="ab" * 32, detail={})
    await store.put(recorded(grant(asked, proof=proof, by=By(role="subscriber"), now=now).consent, 1))
    return store


@pytest.fixture
def rotation(settings, consents, clock):
    def made(step=rotating.no_step):
        return Rotating(settings=settings, consents=consents, clock=clock, step=step)

    return made


def check(settings, done):
    """Both logs verify, each names the other, and the keys are where they belong."""
    archive, new_key = done.archive, VerifierKey.parse(done.key)
    for evidence, keys in ((archive / "evidence", archive / "keys"), (settings.evidence_dir, settings.keys_dir)):
        report = verify_log(evidence, keys / "log.pub", keys_dir=keys)
        assert report.exit_code == 0, [*report.lines()]
    with (
        closing(EvidenceReader.open(archive / "evidence", archive / "keys")) as old,
        closing(EvidenceReader.open(settings.evidence_dir, settings.keys_dir)) as new,
    ):
        last = old.entry(old.size - 1)
        final = check_link(last.facts, last.index, new.entry(0).facts, new.origin)
        assert final.key == VerifierKey.parse((archive / "keys" / "log.pub").read_text().strip())
        assert (new.origin, new_key.name, old.origin, old.size) == (done.new, done.new, done.old, done.size)
        asked = next(old.of_kinds({Kind.APPROVAL_ASKED}))
        assert old.sealed(asked.index, "act")["reason"] == "The disk is on its way out."
        assert sum(1 for _ in old.of_kinds({Kind.CONSENT_CLOSED})) == 1
    assert not (settings.data_dir / "rotation").exists()
    assert begun(settings) is None


async def test_there_it_goes(settings, approval, rotation, consents, clock):
    root = (settings.keys_dir / "root.key").read_bytes()
    steps = []
    done = await rotation(steps.append).run(approval)
    assert steps == STEPS
    check(settings, done)
    assert (settings.keys_dir / "root.key").read_bytes() == root
    assert await consents.latest(unfinished=True) == []
    assert await consents.reconciled_to() == 0
    again = opened(settings, clock)
    assert again.origin == done.new
    again.close()
    for name in ("evidence", "keys"):
        assert (done.archive / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("where", STEPS[:-1])
async def test_whatever_breaks_off_is_finished(settings, approval, rotation, where):
    with pytest.raises(Crash):
        await rotation(crash_at(where)).run(approval)
    with pytest.raises(ConfigError, match="audit rotate"):
        refuse_if_begun(settings)
    check(settings, await rotation().run())


async def test_it_may_break_off_at_every_step(settings, approval, rotation):
    for where in STEPS[:-1]:
        with pytest.raises(Crash):
            await rotation(crash_at(where)).run(approval)
    check(settings, await rotation().run(approval))


async def test_once_and_again(settings, approval, rotation, clock):
    """What lies about of the first does not disturb the second, and an approval is good for one log."""
    with pytest.raises(Crash):
        await rotation(crash_at("done")).run(approval)
    refuse_if_begun(settings)
    with pytest.raises(NotAllowed):
        await rotation().run(approval)
    journal = opened(settings, clock)
    other = await two_agree(journal, clock, "amy", "una")
    journal.close()
    done = await rotation().run(other)
    assert len([*done.archive.parent.iterdir()]) == 2


async def test_half_a_new_log_is_made_anew(settings, approval, rotation):
    """Killed while its database or its keys were written."""
    with pytest.raises(Crash):
        await rotation(crash_at("ended")).run(approval)
    half = settings.data_dir / "rotation"
    for name in ("evidence", "keys"):
        (half / name).mkdir(parents=True, mode=0o700)
    (half / "evidence" / "audit.db").write_bytes(b"")
    (half / "keys" / "log.key").write_bytes(b"half")
    check(settings, await rotation().run())


async def test_what_was_begun_in_time_is_finished(settings, approval, rotation, clock):
    with pytest.raises(Crash):
        await rotation(crash_at("planned")).run(approval)
    clock.advance(100 * 3600)
    check(settings, await rotation().run())


async def test_without_two_persons_nothing_is_done(settings, approval, rotation, clock):
    before = (settings.keys_dir / "log.pub").read_text()
    with pytest.raises(BadRequest, match="approval"):
        await rotation().run()
    with pytest.raises(NotAllowed):
        await rotation().run(new_id())
    clock.advance(100 * 3600)
    with pytest.raises(NotAllowed, match="lapsed"):
        await rotation().run(approval)
    assert (settings.keys_dir / "log.pub").read_text() == before
    refuse_if_begun(settings)


async def test_a_plan_that_was_made_up_does_nothing(settings, approval, rotation):
    with pytest.raises(Crash):
        await rotation(crash_at("planned")).run(approval)
    plan = settings.data_dir / "rotation.json"
    written = plan.read_text()
    plan.write_text(written.replace(approval, new_id()))
    with pytest.raises(NotAllowed):
        await rotation().run()
    plan.write_text(written)
    by = begun(settings).by[0]
    plan.write_text(written.replace(by, new_id()))
    with pytest.raises(NotAllowed, match="other persons"):
        await rotation().run()
    plan.write_text("{}")
    with pytest.raises(ConfigError):
        await rotation().run()


async def test_another_rotation_waits(approval, rotation, tmp_path):
    with pytest.raises(Crash):
        await rotation(crash_at("begun")).run(approval)
    with pytest.raises(BadRequest, match="Another rotation"):
        await rotation().run(new_id())
    with pytest.raises(BadRequest, match="Another rotation"):
        await rotation().run(approval, signer=tmp_path / "s.sock")


async def test_a_log_that_is_written_is_not_rotated(settings, approval, rotation, clock):
    journal = opened(settings, clock)
    with pytest.raises(LogInUse):
        await rotation().run(approval)
    journal.close()
    with rotating._alone(settings.data_dir), pytest.raises(Unavailable):
        await rotation().run(approval)


async def test_an_old_copy_is_left_as_it_is(settings, approval, rotation, clock):
    """Refused by its signer's memory: it cannot say any more that it ends."""
    copy = settings.data_dir / "copy"
    shutil.copytree(settings.evidence_dir, copy)
    opened(settings, clock).close()
    shutil.rmtree(settings.evidence_dir)
    copy.rename(settings.evidence_dir)
    with pytest.raises(LogDamaged):
        await rotation().run(approval)
    refuse_if_begun(settings)


async def test_where_there_is_no_log_none_is_made(settings, rotation):
    settings.evidence_dir.mkdir(parents=True, mode=0o700)
    with pytest.raises(LogMissing):
        await rotation().run(new_id())
    assert [*settings.evidence_dir.iterdir()] == []


async def test_a_process_that_signs_signs_one_log(settings, consents, clock, tmp_path):
    evidence = EvidenceSettings(signer_socket=tmp_path / "signer.sock")
    settings.data_dir.mkdir(parents=True)
    apart = Rotating(settings=settings.model_copy(update={"evidence": evidence}), consents=consents, clock=clock)
    with pytest.raises(BadRequest, match="--signer"):
        await apart.run(new_id())

"""What is said of a gateway's state, and when it becomes a warning."""

import pytest

from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.publish.standing import Signing, Standing
from audit.search.memory import MemoryIndex
from config.settings import Settings
from gateway.evidence import feeding
from gateway.evidence.status import Disk, StatusBoard, disk_of
from gateway.session.live import LiveSessions

WELL = Standing(
    signing=Signing(size=4, age_seconds=1.0, unsigned_seconds=0.0, answers=True),
    quorum_age=None,
    undelivered_seconds=None,
)


class Told(Journal):
    """A journal that is said to stand so."""

    told = WELL

    def standing(self) -> Standing:
        return self.told


@pytest.fixture
def settings(tmp_path):
    feeds = tmp_path / "conf"
    feeds.mkdir()
    (feeds / "archive.toml").write_text(f'form = "ocsf"\nto = "file://{tmp_path / "out.ndjson"}"\n')
    return Settings(data_dir=tmp_path, feeds={"directory": feeds})


@pytest.fixture
def journal(clock):
    made = Told.in_memory(clock)
    yield made
    made.close()


@pytest.fixture
def board(settings, journal):
    return StatusBoard(
        journal, settings, LiveSessions(), index=MemoryIndex(), disk=lambda _: Disk(total=1000, free=100)
    )


async def test_nothing_to_say(board, journal, settings):
    await journal.append(NewEntry(kind=Kind.ADMIN_CHANGE))
    path = feeding.cursor_path(settings, "archive")
    path.parent.mkdir()
    path.write_text(f"1 {journal.origin}\n")
    found = await board.look()
    assert (found.origin, found.size, found.recording) == (journal.origin, 2, True)
    assert (found.index_behind, found.sessions, found.approvals) == (2, 0, None)
    assert [(feed.name, feed.behind) for feed in found.feeds] == [("archive", 1)]
    assert found.warnings == ()


async def test_a_disk_that_is_nearly_full(settings, journal):
    """A tenth is enough, less is not."""
    full = StatusBoard(journal, settings, LiveSessions(), disk=lambda _: Disk(total=1000, free=99))
    found = await full.look()
    assert found.disk.low
    assert "disk" in found.warnings[0]
    assert "10% free" in found.warnings[0]
    assert Disk(total=0, free=0).low


async def test_the_disk_is_that_of_the_data(settings, journal):
    real = disk_of(settings.data_dir)
    assert 0 <= real.free <= real.total


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing(signing=Signing(size=4, age_seconds=9.0, unsigned_seconds=8.0, answers=False), quorum_age=None,
                  undelivered_seconds=None), "signer"),
        (Standing(signing=WELL.signing, quorum_age=901.0, undelivered_seconds=None), "witnesses"),
        (Standing(signing=WELL.signing, quorum_age=1.0, undelivered_seconds=901.0), "Object storage"),
    ],
)  # fmt: skip
async def test_what_the_log_waits_for(board, journal, standing, words):
    journal.told = standing
    (warning,) = (await board.look()).warnings
    assert words in warning
    journal.told = Standing(signing=None, quorum_age=899.0, undelivered_seconds=899.0)
    assert (await board.look()).warnings == ()


async def test_who_follows_from_afar(board, settings, journal):
    path = feeding.cursor_path(settings, "archive")
    path.parent.mkdir()
    path.write_text("what?")
    (warning,) = (await board.look()).warnings
    assert "archive" in warning


async def test_nothing_can_be_recorded(board, journal):
    journal._committer.poison(OSError("gone"))
    found = await board.look()
    assert not found.recording
    assert found.warnings[0].startswith("Nothing can be recorded")


def test_a_real_journal_says_how_it_stands(clock):
    journal = Journal.in_memory(clock)
    journal._publisher.request().result(10)
    standing = journal.standing()
    assert standing.signing is not None
    assert (standing.signing.size, standing.signing.answers) == (1, True)
    assert (standing.quorum_age, standing.undelivered_seconds) == (None, None)
    journal.close()

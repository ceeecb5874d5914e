"""Retention: due months are shown, then destroyed, exactly those; what is held outlives its month."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.entry import Kind
from audit.errors import KeyUnavailable
from audit.retention.expiry import Kept
from audit.verify.log import verify_log
from config.clock import FakeClock
from config.settings import RetentionSettings
from gateway.errors import BadRequest, NotAllowed
from gateway.evidence.retention import warnings_of
from tests.custody_stage import House, Life

DAY = 24 * 3600


@pytest.fixture
async def house(quick_dir: Path) -> AsyncIterator[House]:
    made = House(quick_dir, FakeClock(datetime(2026, 1, 10, tzinfo=UTC)))
    await made.open()
    await made.person("ada", "operator")
    await made.person("bob", "supervisor")
    yield made
    made.journal.close()


@pytest.mark.parametrize(
    ("kept", "now", "last"),
    [
        (Kept(months=24), datetime(2026, 3, 1, tzinfo=UTC), "2024-02"),
        (Kept(months=24), datetime(2026, 2, 28, 23, tzinfo=UTC), "2024-01"),
        (Kept(months=12), datetime(2026, 1, 1, tzinfo=UTC), "2024-12"),
        (Kept(days=90), datetime(2026, 4, 30, tzinfo=UTC), "2025-12"),
        (Kept(days=90), datetime(2026, 5, 2, tzinfo=UTC), "2026-01"),
        (Kept(months=1), datetime(2026, 2, 28, tzinfo=UTC), "2025-12"),
    ],
)
def test_a_month_is_due_when_its_last_day_was_kept_long_enough(kept, now, last):
    assert kept.last_month(now) == last


def readable(house: House, life: Life) -> set[str]:
    """What of a life's words the log still opens, and whether its recording does."""
    found = set()
    with contextlib.closing(house.journal.reader()) as reader:
        for entry in reader.entries():
            for name in reader.compartments(entry.index):
                with contextlib.suppress(KeyUnavailable):
                    text = str(reader.sealed(entry.index, name))
                    found |= {word for word in life.words if word in text}
        for session in life.sessions:
            with contextlib.suppress(KeyUnavailable):
                reader.chunk(session, 0)
                found.add("recording")
    return found


async def verified(house: House) -> list[str]:
    await house.journal.checkpoint()
    report = verify_log(house.evidence, house.keys / "log.pub", keys_dir=house.keys)
    assert report.exit_code == 0, list(report.lines())
    return list(report.lines())


async def test_recordings_first_the_rest_later(house: House):
    ada = house.people["ada"]
    ann = await house.live("ann")
    assert (await house.custody.retention.plan(ada)).due == ()
    house.clock.advance(112 * DAY)
    plan = await house.custody.retention.plan(ada)
    (month,) = plan.due
    assert (month.retention, month.month, month.key_sets, month.sessions) == ("recording", "2026-01", 2, 2)
    assert "recording" in readable(house, ann), "a plan changes nothing"
    ben = await house.live("ben")
    await house.custody.retention.run(ada, plan.digest)
    assert readable(house, ann) == set(ann.words) - {"ann-screen"}
    assert readable(house, ben) >= {"recording"}
    await verified(house)
    assert (await house.custody.retention.plan(ada)).due == ()
    with contextlib.closing(house.journal.reader()) as reader:
        (done,) = [entry for entry in reader.entries() if entry.kind is Kind.ERASE_DONE]
        assert reader.rows.chunk(ann.sessions[0], 0) is None
    assert (done.facts["scope"], done.facts["class"], done.facts["month"], done.facts["by"], done.facts["deleted"]) == (
        "month",
        "recording",
        "2026-01",
        ["schedule"],
        2,
    )
    assert house.index.asked[-1][0] == set(ann.sessions)
    house.clock.advance(730 * DAY)
    await house.custody.retention.run_scheduled()
    assert readable(house, ann) == {"ann-name", "ann-street"}, "the consent is kept longer"
    house.clock.advance(400 * DAY)
    await house.custody.retention.run(ada, None)
    assert readable(house, ann) == set()
    await verified(house)


async def test_only_what_was_shown(house: House):
    ada, bob = house.people["ada"], house.people["bob"]
    await house.live("ann")
    house.clock.advance(112 * DAY)
    plan = await house.custody.retention.plan(ada)
    await house.live("ben")
    house.clock.advance(120 * DAY)
    with pytest.raises(BadRequest, match="Something else"):
        await house.custody.retention.run(ada, plan.digest)
    with pytest.raises(NotAllowed):
        await house.custody.retention.run(bob, None)
    with pytest.raises(NotAllowed):
        await house.custody.retention.plan(await house.person("rob", "rep"))


async def test_what_is_held_outlives_its_month(house: House):
    ada, bob = house.people["ada"], house.people["bob"]
    ann, ben = await house.live("ann"), await house.live("ben")
    things = [("session", ann.sessions[0])]
    hold = await house.custody.holds.set(ada, things, authority="court", reference="1/26", reason="case")
    house.clock.advance(112 * DAY)
    plan = await house.custody.retention.plan(ada)
    assert (plan.due[0].held, plan.due[0].holds, plan.holds) == (1, (hold,), (hold,))
    await house.custody.retention.run(ada, plan.digest)
    with contextlib.closing(house.journal.reader()) as reader:
        assert reader.chunk(ann.sessions[0], 0)
        for gone in (ann.sessions[1], *ben.sessions):
            with pytest.raises(KeyUnavailable):
                reader.chunk(gone, 0)
    assert (await house.custody.retention.plan(ada)).due == ()
    await verified(house)
    house.journal.close()
    await house.open()  # a start does not take what is held for a month that came back
    assert "recording" in readable(house, ann)
    release = await house.custody.holds.ask_release(ada, hold, "over")
    await house.custody.holds.approve_release(bob, release)
    assert len((await house.custody.retention.plan(ada)).due) == 1
    await house.custody.retention.run(ada, None)
    assert "recording" not in readable(house, ann)
    await verified(house)


async def test_a_crash_in_the_middle_is_made_good_by_the_next_run(quick_dir: Path):
    class Crash(BaseException):
        pass

    for at in ("keys", "rows", "index", "scrub", "done", "seals"):
        place = quick_dir / at
        house = House(place, FakeClock(datetime(2026, 1, 10, tzinfo=UTC)))

        def crash(step: str, at: str = at) -> None:
            if step == at:
                raise Crash

        await house.open(crash)
        ann = await house.live("ann")
        house.clock.advance(112 * DAY)
        with pytest.raises(Crash):
            await house.custody.retention.run_scheduled()
        house.journal.abandon()
        await house.open()
        await house.custody.retention.run_scheduled()
        assert "recording" not in readable(house, ann)
        with contextlib.closing(house.journal.reader()) as reader:
            assert reader.rows.chunk(ann.sessions[0], 0) is None
            done = [entry for entry in reader.entries() if entry.kind is Kind.ERASE_DONE]
        assert [entry.facts["deleted"] for entry in done] == [2]
        await verified(house)
        house.journal.close()


def test_less_than_a_year_is_warned_of():
    assert warnings_of(RetentionSettings()) == []
    assert "12" in warnings_of(RetentionSettings(access_months=11))[0]

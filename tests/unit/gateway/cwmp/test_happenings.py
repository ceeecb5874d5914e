"""What CPEs tell of earlier deeds is recorded, and tied only to what was ordered of them."""

import pytest

from config.clock import FakeClock
from drivers.cwmp.known import MemoryCpeDirectory
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import TransferComplete
from gateway.cwmp.happenings import Happenings
from gateway.cwmp.leftovers import MemoryTexts, OwedByCpes
from tests.unit.gateway.cwmp.turn_stage import FakeTurn, MemoryCpeJournal, known

CLOCK = FakeClock()
BEFORE = known(informed_at=CLOCK.now())


class Stage:
    def __init__(self, minutes=None):
        self.clock = FakeClock()
        self.journal = MemoryCpeJournal()
        self.owed = OwedByCpes(MemoryTexts(), self.clock)
        self.reset = []
        self.told_at = []

        async def on_bootstrap(router_id):
            self.reset.append(router_id)
            self.told_at.append(len(self.journal.events))

        self.happenings = Happenings(
            self.journal, self.owed, MemoryCpeDirectory(BEFORE), self.clock, on_bootstrap=on_bootstrap,
            minutes_of=lambda _router_id: minutes,
        )  # fmt: skip


@pytest.fixture
def stage():
    return Stage()


def test_most_informs_tell_nothing(stage):
    assert stage.happenings.of_inform(FakeTurn(BEFORE)) is None
    assert stage.happenings.of_inform(FakeTurn(BEFORE, ("1 BOOT",), ("M Reboot", "somebody's"))) is None


async def test_a_reset_is_on_record_and_then_ends_consents(stage):
    await stage.happenings.of_inform(FakeTurn(BEFORE, ("0 BOOTSTRAP",), ("1 BOOT",)))
    assert stage.journal.events == [("bootstrap", "r1", None, {})]
    assert stage.reset == ["r1"]
    assert stage.told_at == [1]


def test_the_first_contact_ends_no_consent(stage):
    assert stage.happenings.of_inform(FakeTurn(known(), ("0 BOOTSTRAP",))) is None


async def test_a_reboot_that_was_ordered(stage):
    await stage.owed.expects("r1", "s1", "k", "reboot")
    assert stage.happenings.tied("r1", "k") == "s1"
    assert stage.happenings.tied("r2", "k") is None
    assert stage.happenings.tied("r1", "") is None
    await stage.happenings.of_inform(FakeTurn(BEFORE, ("1 BOOT",), ("M Reboot", "k"), ("X", "other"), tied="s1"))
    assert stage.journal.events == [("M Reboot", "r1", "s1", {"command_key": "k"})]
    assert stage.owed.open_transfers() == []


async def test_a_transfer_that_was_ordered(stage):
    await stage.owed.expects("r1", "s1", "k", "transfer")
    told = TransferComplete(command_key="k", fault_code=9010, fault_string="x" * 999, complete_time="now")
    await stage.happenings.of_transfer(FakeTurn(BEFORE), told)
    [(what, router, session, detail)] = stage.journal.events
    assert (what, router, session) == ("TransferComplete", "r1", "s1")
    assert (detail["fault"], len(detail["text"]), detail["complete"]) == (9010, 256, "now")
    assert stage.owed.open_transfers() == []


async def test_a_transfer_of_which_is_not_said_whether_it_worked(stage):
    await stage.happenings.of_transfer(FakeTurn(BEFORE), TransferComplete(command_key="k", fault_code=None))
    [(_, _, _, detail)] = stage.journal.events
    assert (detail["fault"], detail["text"]) == (None, "the router did not say whether it succeeded")


async def test_a_live_session_learns_how_its_transfer_ended():
    stage = Stage()
    await stage.owed.expects("r1", "s1", "k", "download")
    await stage.owed.remember("r1", "s1", Leftover("transfer", "k"))
    assert stage.owed.outcome("r1", "k") is None
    told = TransferComplete(command_key="k", fault_code=9016)
    await stage.happenings.of_transfer(FakeTurn(BEFORE), told)
    assert stage.owed.outcome("r1", "k") == told
    assert stage.owed.outcome("r2", "k") is None
    stage.owed.ended("r1", "s1")
    assert stage.owed.outcome("r1", "k") is None
    await stage.happenings.of_transfer(FakeTurn(BEFORE), told)
    assert stage.owed.outcome("r1", "k") is None, "nobody is there to look"


async def test_transfers_that_nobody_ordered(stage):
    await stage.owed.expects("r1", "s1", "k", "transfer")
    await stage.happenings.of_transfer(FakeTurn(BEFORE), TransferComplete(command_key="other"))
    await stage.happenings.of_transfer(FakeTurn(BEFORE), TransferComplete(command_key="k", autonomous=True))
    assert [(one[0], one[2]) for one in stage.journal.events] == [
        ("TransferComplete", None),
        ("AutonomousTransferComplete", None),
    ]


async def test_given_up_once_and_only_for_models_that_may_not_tell():
    for minutes, count in ((None, 0), (10, 1)):
        stage = Stage(minutes)
        await stage.owed.expects("r1", "s1", "k", "transfer")
        await stage.happenings.give_up()
        assert stage.journal.events == []
        stage.clock.advance(600)
        await stage.happenings.give_up()
        await stage.happenings.give_up()
        assert len(stage.journal.events) == count
        assert all(one[:3] == ("unknown end", "r1", "s1") for one in stage.journal.events)

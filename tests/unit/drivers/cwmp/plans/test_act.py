"""What `drivers/cwmp/plans/act.py` promises: what happens later is expected, and undone if nobody waits for it."""

import pytest

from drivers.cwmp.fake_trees import tr181_cpe
from drivers.cwmp.leftovers import Leftover, undo_requests
from drivers.cwmp.messages import CancelTransfer, Download, Fault, ParameterValue, TransferComplete
from drivers.cwmp.plans.steps import Call, Expect, Hear, LetGo, Remember
from drivers.cwmp.quirks import Quirks
from tests.unit.drivers.cwmp.plan_stage import SESSION, PlanStage, name_of


def test_a_reboot_is_expected_before_it_is_ordered():
    stage = PlanStage(tr181_cpe())
    assert "restarts now" in stage.run("reboot")
    assert [name_of(step) for step in stage.steps] == ["Expect", "Reboot", "LetGo", "Say"]
    expected = stage.steps[0]
    assert isinstance(expected, Expect)
    assert stage.cpe.reboots == [expected.command_key]
    assert expected.command_key.startswith(SESSION)
    assert len(expected.command_key) <= 32


def test_two_commands_have_two_keys():
    stage = PlanStage(tr181_cpe())
    stage.run("reboot")
    stage.run("reboot")
    assert len(set(stage.cpe.reboots)) == 2


def test_a_factory_reset_lets_the_router_go():
    stage = PlanStage(tr181_cpe())
    assert "consent is asked for anew" in stage.run("factory-reset")
    assert stage.cpe.resets == 1
    assert LetGo() in stage.steps


def test_firmware_is_loaded_from_the_approved_list_only():
    stage = PlanStage(tr181_cpe())
    assert "is not on the approved list. On it: box7-4.3." in stage.run("firmware other")
    assert stage.steps[:-1] == []
    assert stage.fine is False
    text = stage.run("firmware box7-4.3")
    assert "SHA-256 abab" in text
    (download,) = stage.cpe.transfers.values()
    assert (download.url, download.file_type, download.delay_seconds) == (
        "https://fw.isp.example/b7",
        "1 Firmware Upgrade Image",
        0,
    )
    assert stage.left == []


def test_a_queued_transfer_is_remembered_before_it_is_ordered():
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.status = 1
    text = stage.run("firmware box7-4.3")
    assert "% The router was told to load the file; nothing was heard of it within 5 s." in text
    assert "the transfer is cancelled" in text
    assert stage.fine is False
    order = [name_of(step) for step in stage.steps if isinstance(step, Call | Remember | Expect)]
    assert order == ["Expect", "Remember", "Download"]
    (key,) = stage.cpe.transfers
    assert stage.left == [Leftover("transfer", key)]
    assert undo_requests(stage.left) == (CancelTransfer(key),)


def test_an_interrupt_leaves_the_transfer_remembered():
    stage = PlanStage(tr181_cpe(), stop_at="Hear")
    stage.cpe.moods.status = 1
    assert stage.run("firmware box7-4.3").endswith("cancelled.\n^C\n")
    assert len(stage.left) == 1


def test_what_a_router_refuses_is_not_remembered():
    stage = PlanStage(tr181_cpe())

    def refuse(request):
        return Fault(9000 if not isinstance(request, Download) else 9010, "Download failed from http://u:p@x/")

    stage.cpe.answer = refuse
    assert stage.run("firmware box7-4.3").endswith("% box7-4.3: the router could not load the file (fault 9010).\n")
    assert stage.left == []
    for line in ("reboot", "factory-reset", "methods"):
        assert stage.run(line) == "% the router does not know this kind of request (fault 9000).\n"
        assert stage.fine is False


def queued(**wanted):
    stage = PlanStage(tr181_cpe(), **wanted)
    stage.cpe.moods.status = 1
    return stage


def test_a_transfer_that_failed_is_a_failure_in_plain_words():
    stage = queued(told=TransferComplete(fault_code=9016, fault_string="File not found at http://u:p@x/"))
    assert stage.run("firmware box7-4.3").endswith(
        "% box7-4.3 was not installed: the file server did not give the router the file (fault 9016).\n"
    )
    assert stage.fine is False
    assert stage.left == []
    assert LetGo() not in stage.steps


def test_a_transfer_that_worked_is_told_with_the_restart():
    stage = queued(told=TransferComplete())
    assert "has box7-4.3 and installs it; it restarts for that." in stage.run("firmware box7-4.3")
    assert stage.fine is True
    assert LetGo() in stage.steps
    stage = queued(told=TransferComplete(), booted=True)
    assert "has installed box7-4.3 and restarted." in stage.run("firmware box7-4.3")
    assert stage.fine is True
    assert stage.left == []
    assert LetGo() not in stage.steps


@pytest.mark.parametrize(
    ("before", "booted", "says", "fine"),
    [
        ("4.1", True, "It has restarted, and runs 4.2 now; before it was 4.1.\n", True),
        ("4.2", True, "It has restarted, and still runs 4.2.\n", False),
        ("", True, "It has restarted. Look with show device what it runs now.\n", False),
        ("4.1", False, "If it did, the router restarts for that. Look with show device then, what it runs.\n", False),
    ],
)
def test_of_a_transfer_of_which_is_not_said_how_it_ended_the_version_may_tell(before, booted, says, fine):
    version = ParameterValue("Device.DeviceInfo.SoftwareVersion", before)
    informed = (version,) if before else ()
    stage = queued(told=TransferComplete(fault_code=None), booted=booted, informed=informed)
    text = stage.run("firmware box7-4.3")
    assert text.endswith(f"box7-4.3: the router did not say whether it succeeded.\n{says}")
    assert "% " not in text
    assert "installed" not in text
    assert stage.fine is fine
    assert stage.left == []


def test_models_that_may_never_tell_are_waited_for_no_longer_than_known():
    stage = queued(quirks=Quirks(no_transfer_complete_minutes=0))
    stage.run("firmware box7-4.3")
    [heard] = [step for step in stage.steps if isinstance(step, Hear)]
    assert heard.seconds == 0
    stage = queued(quirks=Quirks(no_transfer_complete_minutes=30))
    stage.run("firmware box7-4.3")
    [heard] = [step for step in stage.steps if isinstance(step, Hear)]
    assert heard.seconds == 5

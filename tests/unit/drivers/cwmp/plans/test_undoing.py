"""What `drivers/cwmp/plans/undoing.py` promises: what was foretold is what is taken back, or nothing is."""

from drivers.cwmp.fake_trees import tr181_cpe
from drivers.cwmp.gate import OpenGate
from drivers.cwmp.messages import ParameterValue
from drivers.cwmp.plans.undoing import foretold
from drivers.cwmp.rules import Sight
from drivers.cwmp.undo import Added, Changed, Deleted, Written
from drivers.session import Preview
from tests.unit.drivers.cwmp.plan_stage import PlanStage

CHANNEL = "Device.WiFi.Radio.1.Channel"
AUTO = "Device.WiFi.Radio.1.AutoChannelEnable"
KEY = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"


def told(stage: PlanStage) -> Preview:
    return foretold(stage.undo, Sight(stage.gate))


def test_the_differences_are_foretold_as_set_shows_them_and_not_repeated():
    stage = PlanStage(tr181_cpe())
    stage.run(f"set {CHANNEL} 11 {AUTO} false")
    assert told(stage) == Preview(f"{CHANNEL}: 11 -> 6\n{AUTO}: false -> true\n", does=True)
    assert stage.run("undo") == "Written, and read back the same.\n"
    assert stage.cpe.cells[CHANNEL].value == "6"


def test_nothing_is_written_if_somebody_else_was_there_meanwhile():
    stage = PlanStage(tr181_cpe())
    stage.run(f"set {CHANNEL} 11")
    told(stage)
    stage.cpe.cells[CHANNEL].value = "3"
    text = stage.run("undo")
    assert text.startswith(f"% {CHANNEL} is not 11 any more.\n")
    assert stage.fine is False
    assert stage.cpe.cells[CHANNEL].value == "3"
    assert told(stage) == Preview(f"{CHANNEL}: 3 -> 6\n", does=True)
    stage.run("undo")
    assert stage.cpe.cells[CHANNEL].value == "6"


def test_without_a_preview_it_is_told_while_it_is_done():
    stage = PlanStage(tr181_cpe())
    stage.run(f"set {CHANNEL} 11")
    stage.cpe.cells[CHANNEL].value = "3"
    assert stage.run("undo").startswith(f"{CHANNEL}: 3 -> 6\n")


def test_what_is_so_again_already_is_not_written():
    stage = PlanStage(tr181_cpe())
    stage.run(f"set {CHANNEL} 11")
    stage.cpe.cells[CHANNEL].value = "6"
    told(stage)
    assert stage.run("undo") == f"{CHANNEL}: is 6 already.\n"
    assert len(stage.undo) == 0


def test_what_a_router_was_going_to_apply_later_is_written_all_the_same():
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.status, stage.cpe.moods.keeps = 1, frozenset({CHANNEL})
    stage.run(f"set {CHANNEL} 11")
    assert told(stage) == Preview(f"{CHANNEL}: 11 -> 6\n", does=True)
    asked = len(stage.asked)
    assert "will apply it when" in stage.run("undo")
    assert "SetParameterValues" in stage.asked[asked:]


def test_what_the_router_kept_is_foretold_as_it_is():
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.keeps = frozenset({CHANNEL})
    stage.run(f"set {CHANNEL} 11 {AUTO} false")
    assert told(stage).text == f"{CHANNEL}: stays 6\n{AUTO}: false -> true\n"


def test_secrets_are_not_in_it():
    stage = PlanStage(tr181_cpe(), gate=OpenGate(masked=(KEY,)))
    stage.run(f'set {KEY} "brand new secret" {CHANNEL} 11')
    said = told(stage)
    assert said.text == (f"% Its old value was never read, so this stays as it is: {KEY}\n{CHANNEL}: 11 -> 6\n")
    assert "brand" not in repr(said)
    assert stage.run("undo") == "Written, and read back the same.\n"
    stage.run(f'set {KEY} "brand new secret"')
    assert told(stage) == Preview(f"% Its old value was never read, so this stays as it is: {KEY}\n", does=False)
    assert not told(stage).does
    assert "Nothing was changed" in told(stage).text


def test_what_must_not_be_seen_any_more_is_masked():
    stage = PlanStage(tr181_cpe())
    before = ParameterValue(CHANNEL, "six")
    stage.undo.push(Written((Changed(before, "eleven"),)))
    for gate in (OpenGate(hidden=(CHANNEL,)), OpenGate(masked=(CHANNEL,))):
        assert foretold(stage.undo, Sight(gate)).text == f"{CHANNEL}: <hidden> -> <hidden>\n"


def test_objects():
    stage = PlanStage(tr181_cpe())
    stage.run("add Device.NAT.PortMapping.")
    stage.undo.push(Deleted("Device.X.1."))
    said = told(stage)
    assert not said.does
    assert said.text == "Device.X.1. was deleted and cannot be brought back; its old values were shown then.\n"
    assert stage.undo.last() == Added("Device.NAT.PortMapping.1.")
    assert told(stage) == Preview(
        "Device.NAT.PortMapping.1. was added in this session; it is deleted again.\n", does=True
    )
    assert stage.run("undo") == "Deleted Device.NAT.PortMapping.1.\n"

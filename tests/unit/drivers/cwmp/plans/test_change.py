"""What `drivers/cwmp/plans/change.py` promises: read, show the difference, write, read back, undo."""

import pytest

from drivers.cwmp.fake_trees import TR098, WIFI_KEY, tr098_cpe, tr181_cpe
from drivers.cwmp.gate import OpenGate
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import Fault, GetParameterValues, SetParameterValues
from drivers.cwmp.plans.steps import Remember
from drivers.cwmp.quirks import Quirks
from drivers.cwmp.undo import Added
from tests.unit.drivers.cwmp.plan_stage import SESSION, PlanStage, name_of

CHANNEL = "Device.WiFi.Radio.1.Channel"
AUTO = "Device.WiFi.Radio.1.AutoChannelEnable"
KEY = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"


def test_a_write_reads_shows_writes_and_reads_back():
    stage = PlanStage(tr181_cpe())
    text = stage.run(f"set {CHANNEL} 11 {AUTO} off")
    assert text == f"{CHANNEL}: 6 -> 11\n{AUTO}: true -> false\nWritten, and read back the same.\n"
    assert stage.asked == ["GetParameterValues", "SetParameterValues", "GetParameterValues"]
    write = stage.cpe.asked[1]
    assert isinstance(write, SetParameterValues)
    written = [(value.value, value.type) for value in write.values]
    assert written == [("11", "xsd:unsignedInt"), ("false", "xsd:boolean")]
    assert write.key == SESSION
    assert len(write.key) <= 32


def test_undo_writes_the_old_values_back():
    stage = PlanStage(tr181_cpe())
    stage.run(f"set {CHANNEL} 11 {AUTO} false")
    stage.run(f"set {CHANNEL} 3")
    assert stage.run("undo").startswith(f"{CHANNEL}: 3 -> 11\n")
    assert stage.run("undo").startswith(f"{CHANNEL}: 11 -> 6\n{AUTO}: false -> true\n")
    assert stage.cpe.cells[CHANNEL].value == "6"
    assert "Nothing was changed" in stage.run("undo")


def test_booleans_in_the_form_of_the_model():
    stage = PlanStage(tr098_cpe(), root=TR098, quirks=Quirks(boolean_form="1"))
    path = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.Enable"
    assert stage.run(f"set {path} off") == f"{path}: 1 -> 0\nWritten, and read back the same.\n"
    assert stage.cpe.cells[path].value == "0"


def test_what_is_so_already_is_not_written():
    stage = PlanStage(tr181_cpe())
    assert stage.run(f"set {CHANNEL} 6 {AUTO} yes") == f"{CHANNEL}: is 6 already.\n{AUTO}: is true already.\n"
    assert stage.asked == ["GetParameterValues"]
    assert stage.fine


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"set {CHANNEL} eleven", "takes a whole number from 0"),
        (f"set {CHANNEL} -1", "takes a whole number from 0"),
        (f"set {AUTO} maybe", "takes true or false"),
        ("set Device.Nope.X 1", "The router has no Device.Nope.X"),
        (f"set {CHANNEL} 1 {CHANNEL} 2", "twice"),
    ],
)
def test_what_cannot_be_right_is_not_written(line, says):
    stage = PlanStage(tr181_cpe())
    text = stage.run(line)
    assert text.startswith("% ")
    assert says in text
    assert "othing was written" in text
    assert "SetParameterValues" not in stage.asked
    assert stage.fine is False


def test_faults_are_told_for_each_parameter_and_nothing_was_written():
    stage = PlanStage(tr181_cpe())
    stage.cpe.cells[CHANNEL].allowed = "[1-9]|1[0-3]"
    text = stage.run(f"set {CHANNEL} 14 Device.DeviceInfo.UpTime 5 {AUTO} false")
    assert f"% The value is not allowed for this parameter (fault 9007): {CHANNEL}\n" in text
    assert "% This parameter is read-only (fault 9008): Device.DeviceInfo.UpTime\n" in text
    assert text.endswith("Nothing was written.\n")
    assert stage.cpe.cells[AUTO].value == "true"
    assert len(stage.undo) == 0


def test_a_router_that_keeps_its_value_is_found_out():
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.keeps = frozenset({CHANNEL})
    assert f"% {CHANNEL}: the router keeps 6.\n" in stage.run(f"set {CHANNEL} 11")
    assert stage.fine is False


def test_a_change_that_comes_later_says_so():
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.status = 1
    stage.cpe.moods.keeps = frozenset({CHANNEL})
    text = stage.run(f"set {CHANNEL} 11")
    assert "will apply it when this call ends or when it restarts" in text
    assert "keeps" not in text
    assert stage.fine


def test_a_secret_is_neither_read_nor_shown_nor_undone():
    stage = PlanStage(tr181_cpe(), gate=OpenGate(masked=(KEY,)))
    text = stage.run(f'set {KEY} "brand new secret" {CHANNEL} 11')
    assert f"{KEY}: <hidden> -> <hidden>\n" in text
    assert "brand new" not in text
    assert WIFI_KEY not in text
    assert f"undo cannot bring it back: {KEY})\n" in text
    assert not any(KEY in r.names for r in stage.cpe.asked if isinstance(r, GetParameterValues))
    assert stage.cpe.cells[KEY].value == "brand new secret"
    text = stage.run("undo")
    assert f"% Its old value was never read, so this stays as it is: {KEY}\n" in text
    assert f"{CHANNEL}: 11 -> 6\n" in text
    assert stage.cpe.cells[KEY].value == "brand new secret"


def test_a_secret_alone_cannot_be_undone():
    stage = PlanStage(tr181_cpe(), gate=OpenGate(masked=(KEY,)))
    stage.run(f'set {KEY} "brand new secret"')
    assert "stays as it is" in stage.run("undo")
    assert stage.fine is False
    assert "Nothing was changed" in stage.run("undo")


def test_a_reset_is_written_again_and_again_and_not_undone():
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.keeps = frozenset({"Device.PPP.Interface.1.Reset"})
    for _ in range(2):
        assert stage.run("set wan reconnect now") == "Device.PPP.Interface.1.Reset: false -> true\nWritten.\n"
        assert stage.fine
    assert len(stage.undo) == 0


def test_an_interrupt_behind_the_write_still_knows_how_to_undo():
    stage = PlanStage(tr181_cpe(), stop_at="SetParameterValues")
    assert stage.run(f"set {CHANNEL} 11") == f"{CHANNEL}: 6 -> 11\n^C\n"
    assert stage.cpe.cells[CHANNEL].value == "6"
    assert len(stage.undo) == 0
    stage.stop_at = ""
    stage.run(f"set {CHANNEL} 11")
    assert len(stage.undo) == 1


def test_add_and_undo():
    stage = PlanStage(tr181_cpe())
    table = "Device.NAT.PortMapping."
    assert stage.run(f"add {table}") == f"Added {table}1.\n"
    assert stage.run("add Device.NAT.PortMapping") == f"Added {table}2.\n"
    assert stage.cpe.keys == [SESSION, SESSION]
    assert stage.tree.names(table) == (f"{table}1.", f"{table}2.")
    assert stage.run("undo") == f"{table}2. was added in this session; it is deleted again.\nDeleted {table}2.\n"
    assert [name_of(step) for step in stage.steps[-3:]] == ["Say", "DeleteObject", "Say"], "said before it is done"
    assert f"{table}1.Enable" in stage.cpe.cells
    assert stage.run("add Device.Nope.").startswith("% Device.Nope.: ")


def test_delete_shows_what_goes_without_what_must_not_be_seen():
    gate = OpenGate(masked=("Device.WiFi.SSID.2.SSID",), hidden=("Device.WiFi.SSID.2.LowerLayers",))
    stage = PlanStage(tr181_cpe(), gate=gate)
    text = stage.run("delete Device.WiFi.SSID.2.")
    assert "Device.WiFi.SSID.2.Status" in text
    assert "Home-5" not in text
    assert "Radio.2" not in text
    assert text.endswith("Deleted Device.WiFi.SSID.2.\n")
    assert "cannot be brought back" in stage.run("undo")
    assert stage.run("delete Device.WiFi.SSID.9.").startswith("% Device.WiFi.SSID.9.: ")
    assert stage.fine is False
    assert "It was not deleted" in stage.run("delete Device.WiFi.Radio.1.")


TABLE = "Device.NAT.PortMapping."
OBJECT = Leftover("object", f"{TABLE}1.")


def test_add_with_values_writes_them_and_undo_takes_all_of_it_away():
    stage = PlanStage(tr181_cpe())
    text = stage.run(f"add {TABLE} Enable on ExternalPort 8080")
    assert text == (
        f"Added {TABLE}1.\n{TABLE}1.Enable: false -> true\n{TABLE}1.ExternalPort: 0 -> 8080\n"
        "Written, and read back the same.\n"
    )
    assert stage.fine
    assert stage.asked == ["AddObject", "GetParameterValues", "SetParameterValues", "GetParameterValues"]
    assert Remember(OBJECT) in stage.steps
    assert stage.left == []
    assert len(stage.undo) == 1
    assert stage.run("undo").endswith(f"Deleted {TABLE}1.\n")
    assert f"{TABLE}1.Enable" not in stage.cpe.cells
    assert len(stage.undo) == 0


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ("ExternalPort 99999", "% The value is not allowed for this parameter (fault 9007): Device.NAT."),
        ("ExternalPort many", "takes a whole number"),
        ("Enable true Nope 1", "The router has no Device.NAT.PortMapping.1.Nope; nothing was written."),
    ],
)
def test_an_instance_whose_values_are_refused_does_not_stay(pairs, says):
    cpe = tr181_cpe()
    cpe.tables[TABLE]["ExternalPort"].allowed = "[0-9]{1,4}"
    stage = PlanStage(cpe)
    text = stage.run(f"add {TABLE} {pairs}")
    assert text.startswith(f"Added {TABLE}1.\n")
    assert says in text
    assert text.endswith(f"Deleted {TABLE}1.\n")
    assert stage.fine is False
    assert f"{TABLE}1.Enable" not in stage.cpe.cells
    assert (stage.left, len(stage.undo)) == ([], 0)
    assert [step.undo for step in stage.steps if name_of(step) == "DeleteObject"] == [True]


def test_ctrl_c_before_the_values_takes_the_instance_away():
    stage = PlanStage(tr181_cpe(), stop_at="SetParameterValues")
    text = stage.run(f"add {TABLE} Enable true")
    assert text.endswith(f"{TABLE}1. has not got its values; it is deleted again.\nDeleted {TABLE}1.\n^C\n")
    assert (stage.left, len(stage.undo)) == ([], 0)


def test_an_instance_that_cannot_be_taken_away_stays_to_be_taken_back():
    cpe = tr181_cpe()
    stage = PlanStage(cpe, gate=OpenGate(masked=(f"{TABLE}1.ExternalPort",)))
    cpe.tables[TABLE]["ExternalPort"].allowed = "[0-9]"
    answers = cpe.answer
    cpe.answer = lambda request: Fault(9001, "no") if name_is(request, "DeleteObject") else answers(request)
    text = stage.run(f"add {TABLE} ExternalPort 12345")
    assert "12345" not in text
    assert text.endswith("It was not deleted.\n")
    assert stage.left == [OBJECT]
    assert stage.undo.last() == Added(f"{TABLE}1.")
    cpe.answer = answers
    stage.run(f"set {TABLE}1.Enable true")
    assert stage.left == [], "who writes to it wants it"


def name_is(request, name):
    return type(request).__name__ == name


def test_a_later_undo_knows_what_went_with_a_deleted_object():
    stage = PlanStage(tr181_cpe())
    stage.run(f"set {CHANNEL} 11")
    stage.run(f"add {TABLE}")
    stage.run(f"set {TABLE}1.Enable true")
    stage.run(f"delete {TABLE}1.")
    assert "cannot be brought back" in stage.run("undo")
    assert stage.run("undo").startswith(f"{CHANNEL}: 11 -> 6\n")

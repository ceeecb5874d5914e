"""What `drivers/cwmp/plans/probe.py` promises: tests run in the router, and never outlive the session."""

import pytest

from drivers.cwmp.fake_trees import TR098, tr098_cpe, tr181_cpe
from drivers.cwmp.gate import OpenGate
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import SetParameterValues
from drivers.cwmp.plans.steps import Await, Forget, Remember
from tests.unit.drivers.cwmp.plan_stage import PlanStage, name_of

PING = "Device.IP.Diagnostics.IPPing."


def test_inputs_and_start_are_one_rpc_and_the_router_is_let_go():
    stage = PlanStage(tr181_cpe())
    text = stage.run("diagnose ping a.example count 4 size 100")
    assert text.endswith("Answers     3\nLost        1\nShortest    9 ms\nOn average  12 ms\nLongest     20 ms\n")
    write = stage.cpe.asked[0]
    assert isinstance(write, SetParameterValues)
    assert {value.name.removeprefix(PING): value.value for value in write.values} == {
        "Host": "a.example",
        "NumberOfRepetitions": "4",
        "DataBlockSize": "100",
        "Timeout": "5000",
        "DiagnosticsState": "Requested",
    }
    assert write.values[-1].name.endswith("DiagnosticsState")
    assert [name_of(step) for step in stage.steps[:4]] == ["Remember", "SetParameterValues", "Say", "Await"]
    assert stage.steps[3] == Await(frozenset({"8 DIAGNOSTICS COMPLETE"}), 5)
    assert stage.left == []


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("diagnose trace a.example", "2  -               198.51.100.7  20,21,21\n"),
        ("diagnose dns www.example.com server 192.0.2.53", "www.example.com  192.0.2.80  192.0.2.53  14 ms\n"),
        ("diagnose download http://speed.example/x", "Speed           100.0 Mbit/s\n"),
        ("diagnose upload http://speed.example/x size 1000", "Speed       10.0 Mbit/s\n"),
        ("diagnose wifi", "Neighbour  02:00:00:00:01:00"),
    ],
)
def test_kinds(line, part):
    stage = PlanStage(tr181_cpe())
    assert part in stage.run(line)
    assert stage.fine
    assert stage.left == []


def test_tr098_has_its_own_objects_and_no_scan():
    stage = PlanStage(tr098_cpe(), root=TR098)
    assert stage.run("diagnose ping a.example").endswith("Answers  4\nLost     0\n")
    assert stage.run("diagnose wifi") == "% Routers of this kind (tr098) have no test wifi.\n"


def test_limits_that_a_router_does_not_know_are_left_out():
    stage = PlanStage(tr098_cpe(), root=TR098)  # it has no Timeout
    stage.run("diagnose ping a.example")
    writes = [request for request in stage.cpe.asked if isinstance(request, SetParameterValues)]
    assert [any(value.name.endswith("Timeout") for value in write.values) for write in writes] == [True, False]


def test_a_router_that_never_tells_is_asked():
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.never_tells = True
    assert "Answers     3" in stage.run("diagnose ping a.example")
    assert sum(isinstance(step, Await) for step in stage.steps) == 1


def test_a_test_without_end_is_remembered():
    stage = PlanStage(tr181_cpe())
    stage.cpe.moods.endless_tests = True
    assert "% The test did not end in time" in stage.run("diagnose ping a.example")
    assert sum(isinstance(step, Await) for step in stage.steps) == 12  # 60 s, a look every 5
    assert stage.left == [Leftover("test", f"{PING}DiagnosticsState")]
    assert stage.fine is False


def test_ctrl_c_stops_the_waiting():
    stage = PlanStage(tr181_cpe(), stop_at="Await")
    assert stage.run("diagnose ping a.example").endswith("it is stopped when this session ends.\n^C\n")
    assert len(stage.left) == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("Error_CannotResolveHostName", "could not find an address for that name"),
        ("Error_InitConnectionFailed", "the server could not be reached"),
        ("Error_X_MAKER_Odd", "only this router's maker knows"),
        ("None", "taken back"),
    ],
)
def test_errors_in_words(state, words):
    stage = PlanStage(tr181_cpe())
    stage.cpe.results[PING] = {"DiagnosticsState": state}
    text = stage.run("diagnose ping a.example")
    assert words in text
    assert stage.fine is False
    assert stage.left == []


def test_a_test_that_is_refused_is_not_remembered():
    stage = PlanStage(tr181_cpe())
    stage.cpe.cells[f"{PING}Host"].allowed = "b.example"
    assert "% Device.IP.Diagnostics.IPPing.Host: the value is not allowed for this" in stage.run(
        "diagnose ping a.example"
    )
    kinds = [type(step) for step in stage.steps if isinstance(step, Remember | Forget)]
    assert kinds == [Remember, Forget]
    assert stage.left == []


def test_results_go_through_the_gate():
    gate = OpenGate(hidden=("Device.WiFi.NeighboringWiFiDiagnostic.Result.",))
    text = PlanStage(tr181_cpe(), gate=gate).run("diagnose wifi")
    assert "Neighbour" not in text
    state = OpenGate(hidden=(f"{PING}DiagnosticsState",))
    assert "does not tell how far" in PlanStage(tr181_cpe(), gate=state).run("diagnose ping a.example")

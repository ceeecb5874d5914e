"""What `drivers/cwmp/fakes.py` promises: a CPE by the protocol, unless it is told to be otherwise."""

import pytest

from drivers.cwmp.fake_trees import ROOTS, SECRETS, tr181_cpe
from drivers.cwmp.messages import (
    CancelTransfer,
    Event,
    Fault,
    GetParameterNames,
    GetParameterValues,
    Names,
    ParameterValue,
    SetParameterValues,
    Upload,
    Values,
)
from drivers.errors import RouterUnreachable
from tests.unit.drivers.cwmp.driver_stage import DriverStage


@pytest.mark.parametrize("model", ROOTS)
def test_the_trees_list_what_they_hold(model):
    root, make = ROOTS[model]
    cpe = make()
    listed = cpe.answer(GetParameterNames("", False))
    assert isinstance(listed, Names)
    assert {info.name for info in listed.infos if not info.name.endswith(".")} == set(cpe.cells)
    assert all(info.name.startswith(root) for info in listed.infos)
    everything = cpe.answer(GetParameterValues((root,)))
    assert isinstance(everything, Values)
    assert any(value.value in SECRETS for value in everything.values)


def test_one_level_is_one_level():
    listed = tr181_cpe().answer(GetParameterNames("Device.WiFi.Radio.", True))
    assert isinstance(listed, Names)
    assert [info.name for info in listed.infos] == ["Device.WiFi.Radio.1.", "Device.WiFi.Radio.2."]


def test_writing_is_all_or_nothing():
    cpe = tr181_cpe()
    values = (
        ParameterValue("Device.WiFi.Radio.1.Channel", "11", "xsd:unsignedInt"),
        ParameterValue("Device.WiFi.Radio.1.TransmitPower", "50", "xsd:string"),
        ParameterValue("Device.Nope", "1"),
    )
    answer = cpe.answer(SetParameterValues(values, "k"))
    assert isinstance(answer, Fault)
    assert [(fault.name, fault.code) for fault in answer.parameters] == [
        ("Device.WiFi.Radio.1.TransmitPower", 9006),
        ("Device.Nope", 9005),
    ]
    assert cpe.cells["Device.WiFi.Radio.1.Channel"].value == "6"


def test_what_it_does_not_know_is_a_fault():
    cpe = tr181_cpe()
    for request in (Upload(command_key="k", file_type="1", url="x"), CancelTransfer("nope")):
        assert isinstance(cpe.answer(request), Fault)


def test_a_test_runs_when_its_session_is_over():
    cpe = tr181_cpe()
    state = "Device.IP.Diagnostics.IPPing.DiagnosticsState"
    cpe.answer(SetParameterValues((ParameterValue(state, "Requested"),)))
    assert cpe.cells[state].value == "Requested"
    assert cpe.let_go() == (Event("8 DIAGNOSTICS COMPLETE"),)
    assert cpe.cells[state].value == "Complete"
    assert cpe.let_go() == ()


def test_a_cpe_repeats_its_secrets_only_in_that_mood():
    cpe = tr181_cpe()
    calm = cpe.answer(GetParameterValues(("Device.Nope",)))
    cpe.moods.talkative = True
    told = cpe.answer(GetParameterValues(("Device.Nope",)))
    assert isinstance(calm, Fault)
    assert isinstance(told, Fault)
    assert [secret in told.text for secret in SECRETS] == [True] * 3
    assert not any(secret in calm.text for secret in SECRETS)


async def test_links_say_what_happened():
    links = DriverStage().links
    link = await links.attach("r1")
    assert link.alive
    link.release()
    link.release()
    assert not link.alive
    other = await links.attach("r1", wanted=frozenset({"6 CONNECTION REQUEST"}))
    other.cut()
    assert links.happened == ["attached", "released", "attached", "cut"]
    with pytest.raises(RouterUnreachable):
        await links.attach("r2")
    with pytest.raises(RouterUnreachable, match="did not call within"):
        await links.attach("r1", wanted=frozenset({"13 WAKEUP"}), seconds=0.01)

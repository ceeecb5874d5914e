"""What `drivers/cwmp/keeping.py` promises: the record holds what was done, and no secret."""

import pytest

from drivers.cwmp import keeping
from drivers.cwmp.gate import OpenGate
from drivers.cwmp.messages import (
    AddObject,
    Attribute,
    Attributes,
    CancelTransfer,
    DeleteObject,
    Done,
    Download,
    FactoryReset,
    Fault,
    GetParameterNames,
    GetParameterValues,
    GetRPCMethods,
    Methods,
    Names,
    ParameterFault,
    ParameterInfo,
    ParameterValue,
    Reboot,
    ScheduleInform,
    SetParameterAttributes,
    SetParameterValues,
    Transfers,
    Values,
)

GATE = OpenGate(masked=("Device.S",), hidden=("Device.H",))
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("request_", "sealed"),
    [
        (GetParameterValues(("Device.A",)), {"names": ["Device.A"]}),
        (GetParameterNames("Device.", True), {"path": "Device.", "next_level": True}),
        (AddObject("Device.A.", "k"), {"path": "Device.A.", "key": "k"}),
        (DeleteObject("Device.A.1.", "k"), {"path": "Device.A.1.", "key": "k"}),
        (Reboot("k"), {"command_key": "k"}),
        (CancelTransfer("k"), {"command_key": "k"}),
        (ScheduleInform(5, "k"), {"command_key": "k"}),
        (
            SetParameterAttributes((Attribute("Device.A", 2),)),
            {"attributes": [{"name": "Device.A", "notification": 2}]},
        ),
        (FactoryReset(), {}),
        (GetRPCMethods(), {}),
    ],
)
def test_what_is_asked(request_, sealed):
    assert keeping.of_request(request_, GATE, NONE).sealed == sealed


def test_written_secrets_are_masked():
    values = (ParameterValue("Device.A", "1", "xsd:int"), ParameterValue("Device.Secret", "hush"))
    kept = keeping.of_request(SetParameterValues(values, "key"), GATE, NONE)
    assert kept.facts == {"names": 2}
    assert kept.sealed == {
        "values": [
            {"name": "Device.A", "value": "1", "type": "xsd:int"},
            {"name": "Device.Secret", "value": "<hidden>", "type": "xsd:string"},
        ],
        "key": "key",
    }


def test_credentials_of_a_file_server_are_not_kept():
    download = Download(command_key="k", file_type="1 F", url="https://x/", username="me", password="hush")
    assert keeping.of_request(download, GATE, NONE).sealed == {
        "command_key": "k",
        "file_type": "1 F",
        "url": "https://x/",
    }


def test_values_that_were_not_asked_for_are_counted_only():
    request = GetParameterValues(("Device.A", "Device.B", "Device.Secret"))
    names = ("device.a", "Device.Hidden", "Device.Secret", "Device.C", "Device.A")
    answer = Values(tuple(ParameterValue(name, "v") for name in names))
    kept = keeping.of_answer(request, answer, GATE, NONE)
    assert kept.facts == {"values": 1, "masked": 0, "unasked": 4}
    assert kept.sealed == {"values": [{"name": "device.a", "value": "v"}]}


class KeyGate(OpenGate):
    """Shows the Wi-Fi key to whom the subscriber let see it."""

    def reading(self, path, caps):
        return "show" if "wifi.credentials.read" in caps else "mask"


def test_a_key_that_may_be_shown_is_not_kept():
    request = GetParameterValues(("Device.WiFi.Key",))
    answer = Values((ParameterValue("Device.WiFi.Key", "hush"),))
    kept = keeping.of_answer(request, answer, KeyGate(), frozenset({"wifi.credentials.read"}))
    assert kept.sealed == {"values": [{"name": "Device.WiFi.Key", "value": "<hidden>"}]}
    assert kept.facts == {"values": 1, "masked": 1, "unasked": 0}


def test_faults_keep_codes_and_no_words():
    request = SetParameterValues((ParameterValue("Device.A", "v"),))
    fault = Fault(9003, "hush", (ParameterFault("device.a", 9007, "hush"), ParameterFault("hush", 9005)))
    kept = keeping.of_answer(request, fault, GATE, NONE)
    assert kept.facts == {"fault": 9003}
    assert kept.sealed == {"parameters": [{"name": "device.a", "fault": 9007}]}


def test_other_answers():
    infos = tuple(ParameterInfo(name, False) for name in ("Device.A", "Device.H1", "Device.S"))
    names = keeping.of_answer(GetParameterNames("", True), Names(infos), GATE, NONE)
    assert names.facts == {"names": 3, "hidden": 1}
    assert names.sealed == {"names": ["Device.A", "Device.S"]}
    assert keeping.of_answer(AddObject("Device.A."), Done("AddObject", 1, 7), GATE, NONE).sealed == {"instance": 7}
    assert keeping.of_answer(Reboot(), Done("Reboot"), GATE, NONE) == keeping.Kept({"status": 0}, {})
    assert keeping.of_answer(GetRPCMethods(), Methods(("A\n",)), GATE, NONE).sealed == {"methods": ["A\\x0a"]}
    told = Attributes((Attribute("Device.A", 2), Attribute("Device.Z", 2)))
    request = SetParameterAttributes(())
    assert keeping.of_answer(request, told, GATE, NONE).sealed == {"attributes": []}
    assert keeping.of_answer(request, Transfers(()), GATE, NONE).facts == {"transfers": 0}
    assert keeping.lost().facts == {"lost": 1}


def test_much_is_cut():
    infos = tuple(ParameterInfo(f"Device.N{n}", False) for n in range(keeping.MOST_KEPT + 5))
    kept = keeping.of_answer(GetParameterNames("", False), Names(infos), GATE, NONE)
    assert kept.facts["left_out"] == 5
    assert len(kept.sealed["names"]) == keeping.MOST_KEPT


def test_of_a_flood_of_names_no_more_are_looked_at_than_a_rep_may_be_shown():
    asked = []

    class Gate(OpenGate):
        def reading(self, path, caps):
            asked.append(path)
            return super().reading(path, caps)

    infos = tuple(ParameterInfo(f"Device.H{n}", False) for n in range(keeping.MOST_LOOKED_AT + 5))
    kept = keeping.of_answer(GetParameterNames("", False), Names(infos), Gate(hidden=("Device.H",)), NONE)
    assert len(asked) == kept.facts["hidden"] == keeping.MOST_LOOKED_AT
    assert kept.facts["names"] == keeping.MOST_LOOKED_AT + 5

"""What an ACS says to a CPE's requests: an answer to just that, a fault of an ACS, or nothing that can be used."""

import pytest

from drivers.cwmp.codec.envelope import Envelope
from drivers.cwmp.messages import Done, Fault, Methods, ParameterFault, Reboot
from gateway.cwmp.acs_words import TOLD, read, reply_to
from gateway.cwmp.upstream import UpstreamAnswer
from gateway.cwmp.upstream_wire import UpstreamLost
from tests.cwmp_house import NS, SET_DONE, get, soap


def said(message):
    return Envelope("1", NS, message)


@pytest.mark.parametrize(
    ("message", "method", "reply"),
    [
        (Done("Inform"), "Inform", Done("Inform")),
        (Done("Inform", 1, 7), "Inform", Done("Inform")),
        (Methods(("Inform",)), "GetRPCMethods", Methods(("Inform",))),
        (Fault(8005, "Retry request"), "Inform", Fault(8005, "Retry request")),
        (Fault(8003, "x" * 999, (ParameterFault("Device.A", 9005),)), "TransferComplete", Fault(8003, "x" * 256)),
    ],
    ids=repr,
)
def test_what_can_be_passed_on(message, method, reply):
    assert reply_to(said(message), method) == reply


@pytest.mark.parametrize(
    ("message", "method"),
    [
        (Done("TransferComplete"), "Inform"),
        (Methods(()), "Inform"),
        (Done("GetRPCMethods"), "Kicked"),
        (Fault(9001, "a CPE's fault"), "Inform"),
        (Fault(0, ""), "Inform"),
        (Reboot(), "Inform"),
    ],
    ids=repr,
)
def test_what_is_no_answer_loses_the_ACS(message, method):
    with pytest.raises(UpstreamLost) as caught:
        reply_to(said(message), method)
    assert caught.value.why == "garbage"


def test_reading():
    assert read(UpstreamAnswer(soap(SET_DONE.replace("SetParameterValues", "TransferComplete")))).id == "1"
    for body in (b"", b" ", b"hello", soap(get("Device.A")) * 2, soap(get("Device.A") * 2), b"\xff\xfe<"):
        with pytest.raises(UpstreamLost) as caught:
            read(UpstreamAnswer(body))
        assert caught.value.why == "garbage"


def test_of_vendors_requests_only_the_name_was_kept():
    assert {"GetRPCMethods", "Kicked", "RequestDownload"} <= TOLD
    assert "X_ACME_Event" not in TOLD

"""What `drivers/cwmp/saying.py` promises: a fault in words, without a value that a router put into its text."""

import pytest

from drivers.cwmp.messages import Fault, ParameterFault
from drivers.cwmp.saying import by_parameter, plain, sentence


def test_codes_in_words():
    assert plain(9008) == "this parameter is read-only"
    assert sentence(Fault(9005, "")) == "there is no such parameter or object on this router (fault 9005)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Invalid parameter name", True),
        ("Invalid parameter name: Device.WiFi.X", True),
        ("invalid value 'hunter2' for Device.WiFi.X", False),
        ("Device.WiFi.Y is not writable", False),
        ("Request denied: s\u00e9same", False),
        ("CWMP fault", False),
        ("", False),
        ("x" * 300, False),
        ("invalid value 1234", False),
    ],
)
def test_own_words_of_a_router_only_if_they_hold_no_value(text, shown):
    said = sentence(Fault(9003, text), ["device.wifi.x"])
    assert (f"; it says: {text}" in said) is shown
    assert "hunter2" not in said


def test_only_parameters_that_were_written_are_named():
    fault = Fault(9003, "", (ParameterFault("device.a", 9007, "secret"), ParameterFault("secret", 9005)))
    assert by_parameter(fault, ["Device.A"]) == [
        ("Device.A", "the value is not allowed for this parameter (fault 9007)")
    ]

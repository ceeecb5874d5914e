"""What `drivers/cwmp/paths.py` promises: one spelling, and a generic one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cwmp.paths import BadPath, canonical, generic, model_of, parent, readable, root_of_model


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("Device.DeviceInfo.UpTime", "Device.DeviceInfo.UpTime"),
        ("device.DeviceInfo.uptime", "Device.DeviceInfo.uptime"),
        ("INTERNETGATEWAYDEVICE.LANDevice.1.", "InternetGatewayDevice.LANDevice.1."),
        ("Device.", "Device."),
        ("Device.X_CT-COM_Thing.1.Value", "Device.X_CT-COM_Thing.1.Value"),
    ],
)
def test_a_path_has_one_spelling(typed: str, text: str) -> None:
    assert canonical(typed).text == text
    assert canonical(text).text == text


@pytest.mark.parametrize(
    "typed",
    [
        *("", ".", "Device", "Foo.Bar", ".Device.X", "Device..X", "Device.X..", "Device.X.01.Y", "Device.X.0.Y"),
        *("Device.X.1a.Y", "Device.X.-1.Y", "Device.X Y", " Device.X", "Device.X\n", "Device.X%2E", "Device.X/Y"),
        *("Device.X;Y", "Device.'X'", 'Device."X"', "Device.X\\Y", "Device.X{i}", "Device.X.{i}.Y", "Device.X,Y"),
        *("D\u0435vice.X", "Device.\uff38", "Device.X\u200b", "Device\u3002X", "Device.X\0", "Device.\u0130d"),
        *("Device.X.*.Y", "Device.*", "Device.X.[a].Y", "Device.X[1].Y", "Device." + "a" * 256, "StorageService.1."),
    ],
)
def test_every_other_spelling_is_refused(typed: str) -> None:
    with pytest.raises(BadPath) as refused:
        canonical(typed)
    assert str(refused.value)


def test_wildcards_and_aliases_stand_for_an_instance_where_they_may() -> None:
    for typed in ("Device.WiFi.SSID.*.SSID", "Device.WiFi.SSID.[home-1].SSID", "Device.WiFi.SSID.12.SSID"):
        assert canonical(typed, wild=True).generic == "Device.WiFi.SSID.{i}.SSID"
    for typed in ("Device.WiFi.SSID.[a b].SSID", "Device.WiFi.S*.1", "Device.WiFi.SSID.[].SSID", "Device.[*]."):
        with pytest.raises(BadPath):
            canonical(typed, wild=True)


def test_the_empty_path_is_the_whole_tree_where_it_may() -> None:
    assert canonical("", empty=True).partial
    assert canonical("", empty=True).root == ""


def test_parts_of_a_path() -> None:
    path = canonical("Device.WiFi.Radio.2.")
    assert (path.partial, path.root, path.segments) == (True, "Device.", ("Device", "WiFi", "Radio", "2"))
    assert parent("Device.WiFi.Radio.2.") == "Device.WiFi.Radio."
    assert parent("Device.WiFi.Enable") == "Device.WiFi."
    assert parent("Device.") == ""
    assert model_of("Device.") == "tr181"
    assert root_of_model("tr098") == "InternetGatewayDevice."
    assert root_of_model("") is None


@given(st.text(max_size=300))
def test_reading_is_total_and_idempotent(text: str) -> None:
    generic(text)
    readable(text)
    try:
        path = canonical(text, wild=True, empty=True)
    except BadPath:
        return
    assert canonical(path.text, wild=True, empty=True) == path
    assert path.text.isascii()
    assert not path.text or readable(path.text) or any(mark in path.text for mark in "*[")


@pytest.mark.parametrize("name", ["", ".", "Device..X", "Device.X Y", "Device.\u0435", "Device.X\n", "a" * 257])
def test_names_that_cannot_be_compared(name: str) -> None:
    assert not readable(name)

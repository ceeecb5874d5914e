"""What `drivers/cwmp/plans/pick.py` promises: a word writes to the instances that people mean."""

import pytest

from drivers.cwmp.fake_trees import TR098, tr098_cpe, tr181_cpe
from tests.unit.drivers.cwmp.plan_stage import PlanStage

WLAN = "InternetGatewayDevice.LANDevice.1.WLANConfiguration."


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (
            "set wifi channel 11",
            {"Device.WiFi.Radio.1.Channel": "11", "Device.WiFi.Radio.1.AutoChannelEnable": "false"},
        ),
        ("set wifi channel 36", {"Device.WiFi.Radio.2.Channel": "36"}),
        ("set wifi 2 channel 11", {"Device.WiFi.Radio.2.Channel": "11"}),
        ("set wifi-5ghz channel auto", {"Device.WiFi.Radio.2.AutoChannelEnable": "true"}),
        ("set wifi power 50", {"Device.WiFi.Radio.1.TransmitPower": "50", "Device.WiFi.Radio.2.TransmitPower": "50"}),
        ("set wifi radio off", {"Device.WiFi.Radio.1.Enable": "false", "Device.WiFi.Radio.2.Enable": "false"}),
        ("set wifi-5ghz name Blue", {"Device.WiFi.SSID.2.SSID": "Blue"}),
        ("set wifi 1 name Blue", {"Device.WiFi.SSID.1.SSID": "Blue"}),
        ("set wifi-5ghz password 12345678", {"Device.WiFi.AccessPoint.2.Security.KeyPassphrase": "12345678"}),
        ("set inform interval 600", {"Device.ManagementServer.PeriodicInformInterval": "600"}),
    ],
)
def test_words_write_what_they_mean(line, written):
    stage = PlanStage(tr181_cpe())
    before = {name: cell.value for name, cell in stage.cpe.cells.items()}
    stage.run(line)
    assert stage.fine
    changed = {name: cell.value for name, cell in stage.cpe.cells.items() if cell.value != before[name]}
    assert changed == written


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("set wifi channel 11", {f"{WLAN}1.Channel": "11", f"{WLAN}1.AutoChannelEnable": "false"}),
        ("set wifi name Blue", {f"{WLAN}1.SSID": "Blue"}),
        ("set wifi 2 name Blue", {f"{WLAN}2.SSID": "Blue"}),
        ("set wifi radio off", {f"{WLAN}1.Enable": "false"}),
    ],
)
def test_words_of_tr098_leave_the_guest_network_alone(line, written):
    stage = PlanStage(tr098_cpe(), root=TR098)
    before = {name: cell.value for name, cell in stage.cpe.cells.items()}
    stage.run(line)
    assert stage.fine
    assert {name: cell.value for name, cell in stage.cpe.cells.items() if cell.value != before[name]} == written


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("set wifi name Blue", "Several could be meant: 1 (2.4 GHz), 2 (5 GHz)"),
        ("set wifi 7 name Blue", "There is no number 7; there are: 1, 2"),
        ("set wifi-6ghz channel 5", "Nothing here is known to send in 6 GHz"),
        ("set wifi password geheim-1", "Write the number or the band, so: set wifi 1 password\n"),
        ("set wifi channel 999", "takes a channel number"),
    ],
)
def test_doubt_is_told_and_nothing_written(line, says):
    stage = PlanStage(tr181_cpe())
    assert says in stage.run(line)
    assert "SetParameterValues" not in stage.asked
    assert stage.fine is False


def test_a_reference_that_points_elsewhere_is_not_followed():
    stage = PlanStage(tr181_cpe())
    stage.cpe.cells["Device.WiFi.SSID.2.LowerLayers"].value = "Device.PPP.Interface.1.Password"
    text = stage.run("set wifi-5ghz name Blue")
    assert "Nothing here is known to send in 5 GHz" in text
    assert not any("Password" in str(request) for request in stage.cpe.asked)


def test_a_router_without_such_a_thing():
    stage = PlanStage(tr181_cpe())
    stage.cpe.cells = {name: cell for name, cell in stage.cpe.cells.items() if ".WiFi." not in name}
    stage.cpe.tables.pop("Device.WiFi.SSID.")
    assert "nothing that could be meant by: set wifi channel" in stage.run("set wifi channel 11")

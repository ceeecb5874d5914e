"""What an Inform shows of a CPE."""

from datetime import UTC, datetime, timedelta

import pytest

from drivers.cwmp.known import with_sighting
from drivers.cwmp.messages import Event, Inform, ParameterValue
from gateway.cwmp.sighting import sighting_of
from tests.unit.gateway.cwmp.turn_stage import DEVICE, known

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen(cpe=None, **parameters):
    values = tuple(ParameterValue(name.replace("_", "."), value) for name, value in parameters.items())
    inform = Inform(manufacturer="Acme", device=DEVICE, events=(), parameters=values)
    return sighting_of(
        inform, namespace="urn:x", address="192.0.2.1", identity="tls-password", known=cpe or known(), now=NOW
    )


def test_everything():
    found = seen(
        InternetGatewayDevice_DeviceInfo_SoftwareVersion=" 1.2 ",
        InternetGatewayDevice_ManagementServer_ConnectionRequestURL="http://192.0.2.1:7547/x",
        InternetGatewayDevice_ManagementServer_PeriodicInformInterval="300",
    )
    assert (found.root, found.software, found.inform_seconds) == ("InternetGatewayDevice.", "1.2", 300)
    assert found.cr_url == "http://192.0.2.1:7547/x"
    assert (found.at, found.address, found.identity, found.namespace) == (
        NOW, "192.0.2.1", "tls-password", "urn:x",
    )  # fmt: skip


def test_nothing():
    found = seen()
    assert (found.root, found.software, found.cr_url, found.inform_seconds) == ("Device.", "", "", None)
    assert seen(known(root="InternetGatewayDevice.")).root == "InternetGatewayDevice."


@pytest.mark.parametrize("value", ["", "-1", "1e3", "٣", "9" * 30, "soon"])
def test_no_interval(value):
    assert seen(Device_ManagementServer_PeriodicInformInterval=value).inform_seconds is None


def test_parameters_of_another_model_do_not_count():
    found = seen(Device_DeviceInfo_UpTime="1", InternetGatewayDevice_DeviceInfo_SoftwareVersion="9")
    assert (found.root, found.software) == ("Device.", "")


def test_what_it_says_is_cut_short():
    found = seen(Device_DeviceInfo_SoftwareVersion="v" * 999)
    assert len(found.software) == 64


def called(cpe, seconds, *events):
    inform = Inform(manufacturer="Acme", device=DEVICE, events=tuple(map(Event, events)))
    at = NOW + timedelta(seconds=seconds)
    return with_sighting(cpe, sighting_of(inform, namespace="", address="192.0.2.1", identity="", known=cpe, now=at))


def test_an_interval_that_was_never_told_is_seen_between_two_periodic_calls():
    cpe = called(called(known(), 0, "1 BOOT"), 100, "2 PERIODIC")
    assert cpe.inform_seconds is None
    cpe = called(called(cpe, 250, "6 CONNECTION REQUEST"), 400.4, "2 PERIODIC", "4 VALUE CHANGE")
    assert cpe.inform_seconds == 300
    assert called(cpe, 500, "1 BOOT").inform_seconds == 300
    assert called(cpe, 400.4, "2 PERIODIC").inform_seconds == 300

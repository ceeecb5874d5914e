"""Each RPC of an ACS: what the CPE does, and each fault."""

import re

import pytest

from tests.unit.drivers.lab.cpe.tiny_acs import get_values, rpc, set_values

CHANNEL = "Device.WiFi.Radio.1.Channel"
KEY = "Device.ManagementServer.ParameterKey"


@pytest.fixture
def ask(acs, cpe_for):
    """Run RPCs on a new CPE: the CPE, and its answers."""

    async def run(*todo: bytes, model: str = "tr181", **more):
        acs.todo = list(todo)
        before = len(acs.requests)
        async with cpe_for(model=model, **more) as cpe:
            await cpe.booted()
        return cpe, [one for one in acs.requests[before:] if one.method.endswith("Response") or one.method == "Fault"]

    return run


def fault_of(answer) -> str:
    assert answer.method == "Fault"
    return re.search(r"<FaultCode>(\d+)<", answer.text)[1]


def names_in(answer) -> list[str]:
    return re.findall(r"<Name>(.*?)</Name>", answer.text)


def names(path: str, next_level: str = "1") -> bytes:
    return rpc("GetParameterNames", f"<ParameterPath>{path}</ParameterPath><NextLevel>{next_level}</NextLevel>")


def objects(method: str, path: str) -> bytes:
    return rpc(method, f"<ObjectName>{path}</ObjectName><ParameterKey>obj</ParameterKey>")


async def test_methods(ask):
    _, (done,) = await ask(rpc("GetRPCMethods"))
    assert {"GetParameterValues", "Download", "CancelTransfer"} <= set(re.findall(r"<string>(\w+)<", done.text))


async def test_the_id_comes_back(ask):
    _, (done,) = await ask(rpc("GetRPCMethods", ident="x-42"))
    assert ">x-42</cwmp:ID>" in done.text


async def test_an_unknown_method(ask):
    _, (done,) = await ask(rpc("X_VENDOR_Do"))
    assert fault_of(done) == "9000"


async def test_values_with_types(ask):
    _, (done,) = await ask(get_values(CHANNEL, "Device.WiFi.SSID.2."))
    assert f'<Name>{CHANNEL}</Name><Value xsi:type="xsd:unsignedInt">6<' in done.text
    assert "Device.WiFi.SSID.2.SSID" in names_in(done)
    assert "Device.WiFi.SSID.1.SSID" not in names_in(done)


@pytest.mark.parametrize(
    "path", ["Device.Nothing", "Device.WiFi.Radio.9.", "device.wifi.radio.1.channel", "Device.WiFi"]
)
async def test_an_unknown_name(ask, path):
    _, (done,) = await ask(get_values(path))
    assert fault_of(done) == "9005"


async def test_the_root_and_the_empty_path_are_everything(ask):
    cpe, (whole, empty) = await ask(get_values("Device."), get_values(""))
    assert len(names_in(whole)) == len(names_in(empty)) == len(cpe.values)


async def test_counts_and_uptime_are_live(ask):
    cpe, (_, done) = await ask(
        objects("AddObject", "Device.NAT.PortMapping."), get_values("Device.NAT.PortMappingNumberOfEntries")
    )
    assert ">2<" in done.text
    assert cpe.values["Device.Hosts.HostNumberOfEntries"] == "5"
    assert cpe.values["Device.DeviceInfo.UpTime"] == "0"


async def test_secrets_are_told_in_clear_as_by_bad_cpes(ask):
    path = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
    cpe, (done,) = await ask(get_values(path))
    assert cpe.values.secrets()[path] in done.text
    assert "s3cret-device-wifi-accesspoint-1" in done.text


async def test_names_one_level(ask):
    _, (done,) = await ask(names("Device.WiFi."))
    found = names_in(done)
    assert {"Device.WiFi.Radio.", "Device.WiFi.RadioNumberOfEntries"} <= set(found)
    assert not any("Radio.1" in name for name in found)


async def test_names_of_all_with_what_can_be_written(ask):
    _, (done,) = await ask(names("Device.NAT.", "0"))
    pairs = dict(re.findall(r"<Name>(.*?)</Name><Writable>(\d)<", done.text))
    assert pairs["Device.NAT.PortMapping."] == "1"
    assert pairs["Device.NAT.PortMapping.1."] == "1"
    assert pairs["Device.NAT.PortMapping.1.Enable"] == "1"
    assert pairs["Device.NAT.PortMapping.1.Status"] == "0"
    assert pairs["Device.NAT.InterfaceSetting.1."] == "0"


async def test_names_of_the_empty_path(ask):
    _, (done, old) = await ask(names(""), names("InternetGatewayDevice.Nothing."))
    assert names_in(done) == ["Device."]
    assert fault_of(old) == "9005"


async def test_names_below_a_parameter(ask):
    _, (done,) = await ask(names(CHANNEL, "true"))
    assert fault_of(done) == "9003"


async def test_setting_is_all_or_nothing(ask):
    cpe, (done,) = await ask(
        set_values(
            (CHANNEL, "11"), ("Device.Nothing", "1"), ("Device.WiFi.Radio.1.Status", "Down"),
            ("Device.WiFi.Radio.1.Enable", "perhaps"), ("Device.WiFi.Radio.2.Channel", "many"),
        )
    )  # fmt: skip
    assert fault_of(done) == "9003"
    wrong = re.findall(r"<ParameterName>(.*?)</ParameterName><FaultCode>(\d+)<", done.text)
    assert [code for _, code in wrong] == ["9005", "9008", "9007", "9006"]
    assert cpe.values[CHANNEL] == "6"
    assert cpe.values[KEY] == ""


async def test_setting_keeps_the_key(ask):
    cpe, (done,) = await ask(set_values((CHANNEL, "11"), ("Device.WiFi.Radio.1.Enable", "0"), key="session-1"))
    assert "<Status>0</Status>" in done.text
    assert (cpe.values[CHANNEL], cpe.values["Device.WiFi.Radio.1.Enable"], cpe.values[KEY]) == (
        "11",
        "false",
        "session-1",
    )


async def test_a_name_twice(ask):
    cpe, (done,) = await ask(set_values((CHANNEL, "11"), (CHANNEL, "1")))
    assert fault_of(done) == "9003"
    assert cpe.values[CHANNEL] == "6"


@pytest.mark.parametrize("value", ["-1", "4294967296", ""])
async def test_numbers_out_of_range(ask, value):
    _cpe, (done,) = await ask(set_values((CHANNEL, value)))
    assert done.method == "Fault"


async def test_adding_and_deleting(ask):
    table = "Device.NAT.PortMapping."
    cpe, (added, again, deleted, gone) = await ask(
        objects("AddObject", table), objects("AddObject", table), objects("DeleteObject", f"{table}2."),
        get_values(f"{table}2."),
    )  # fmt: skip
    assert "<InstanceNumber>2</InstanceNumber><Status>0</Status>" in added.text
    assert "<InstanceNumber>3</InstanceNumber>" in again.text
    assert deleted.method == "DeleteObjectResponse"
    assert fault_of(gone) == "9005"
    assert cpe.values[f"{table}3.Protocol"] == "TCP"
    assert cpe.values[KEY] == "obj"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("AddObject", "Device.WiFi.Radio."),
        ("AddObject", "Device.Nothing."),
        ("DeleteObject", "Device.WiFi.Radio.1."),
        ("DeleteObject", "Device.NAT.PortMapping."),
        ("DeleteObject", "Device.NAT.PortMapping.7."),
        ("DeleteObject", "Device.NAT.PortMapping.1"),
    ],
)
async def test_what_cannot_be_added_or_deleted(ask, method, path):
    _, (done,) = await ask(objects(method, path))
    assert fault_of(done) == "9005"


def attributes(name: str, notification: int, access: str = "") -> bytes:
    inside = (
        f"<Name>{name}</Name><NotificationChange>true</NotificationChange><Notification>{notification}</Notification>"
        f"<AccessListChange>{1 if access else 0}</AccessListChange><AccessList>{access}</AccessList>"
    )
    struct = f"<SetParameterAttributesStruct>{inside}</SetParameterAttributesStruct>"
    return rpc("SetParameterAttributes", f"<ParameterList>{struct}</ParameterList>")


def get_attributes(name: str) -> bytes:
    return rpc("GetParameterAttributes", f"<ParameterNames><string>{name}</string></ParameterNames>")


async def test_attributes(ask):
    _cpe, (_, done) = await ask(attributes("Device.Hosts.", 1), get_attributes("Device.Hosts.Host.1.HostName"))
    assert "<Notification>1</Notification>" in done.text
    assert "<string>Subscriber</string>" in done.text


async def test_the_access_list_locks_the_subscriber_out(ask):
    cpe, _ = await ask(attributes(CHANNEL, 0, "<string>X_ISP</string>"))
    with pytest.raises(PermissionError):
        cpe.values.by_subscriber(CHANNEL, "1")
    cpe.values.by_subscriber("Device.WiFi.Radio.2.Channel", "40")
    assert cpe.values["Device.WiFi.Radio.2.Channel"] == "40"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (attributes("Device.Nothing", 1), "9005"),
        (attributes(CHANNEL, 9), "9003"),
        (attributes("Device.DeviceInfo.UpTime", 2), "9009"),
        (get_attributes("Device.Nothing"), "9005"),
        (rpc("GetParameterAttributes"), "9003"),
        (rpc("SetParameterAttributes"), "9003"),
        (rpc("SetParameterValues"), "9003"),
        (rpc("GetParameterValues"), "9003"),
        (rpc("ScheduleInform", "<DelaySeconds>0</DelaySeconds>"), "9003"),
        (rpc("ScheduleInform", "<DelaySeconds>soon</DelaySeconds>"), "9003"),
    ],
)
async def test_other_faults(ask, request_, code):
    _, (done,) = await ask(request_)
    assert fault_of(done) == code


async def test_the_older_model(ask):
    base = "InternetGatewayDevice.LANDevice.1."
    cpe, (done, hosts) = await ask(
        set_values((f"{base}WLANConfiguration.1.Channel", "1")), get_values(f"{base}Hosts."), model="tr098"
    )
    assert done.method == "SetParameterValuesResponse"
    assert len([name for name in names_in(hosts) if name.endswith("HostName")]) == 5
    assert cpe.values["InternetGatewayDevice.LANDevice.1.Hosts.HostNumberOfEntries"] == "5"


async def test_parameters_of_a_tests_own(ask):
    extra = {"Device.X_LAB.Note": "hello", "Device.GRE.Tunnel.7.Enable": "r boolean true"}
    _cpe, (done, wrong) = await ask(
        get_values("Device.X_LAB."), set_values(("Device.GRE.Tunnel.7.Enable", "0")), extra=extra
    )
    assert ">hello<" in done.text
    assert "9008" in wrong.text

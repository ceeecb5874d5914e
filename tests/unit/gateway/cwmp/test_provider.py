"""What the provider's ACS may do, is told, and what of that is kept: nothing of a secret, little of a home."""

import pytest

from config.ids import new_id
from drivers.cwmp.device import DeviceId
from drivers.cwmp.gate import MASK
from drivers.cwmp.known import KnownCpe
from drivers.cwmp.messages import (
    AddObject,
    Attribute,
    Attributes,
    Done,
    Download,
    Event,
    Fault,
    GetParameterNames,
    GetParameterValues,
    GetRPCMethods,
    Inform,
    Methods,
    Names,
    OtherRpc,
    ParameterFault,
    ParameterInfo,
    ParameterValue,
    QueuedTransfer,
    Reboot,
    SetParameterValues,
    Transfers,
    Values,
)
from gateway.cwmp.provider import MOST_NAMES, Provider, answer_entry, wake_credentials
from gateway.policy.cwmp.machine import Filtered, MachineAllow, MachineDeny
from gateway.policy.verdict import Site
from tests.cwmp_house import FIRMWARE_HOST, shipped_profile

PROVIDER = Provider(shipped_profile, Site(approved_firmware_hosts=frozenset({FIRMWARE_HOST})))
SERVER = "InternetGatewayDevice.ManagementServer."
CPE = KnownCpe(
    router_id=new_id(), router_name="ann-home", subscriber_ref=new_id(), device_key="00D09E-X-1", cr_user="old",
    cr_password="old-pw",
)  # fmt: skip


def spv(*pairs: tuple[str, str]) -> SetParameterValues:
    return SetParameterValues(tuple(ParameterValue(*pair) for pair in pairs))


def download(url: str, kind: str = "1 Firmware Upgrade Image") -> Download:
    return Download(command_key="k", file_type=kind, url=url)


@pytest.mark.parametrize(
    "request_",
    [
        GetRPCMethods(),
        Reboot("k"),
        GetParameterNames("", next_level=True),
        GetParameterValues(("InternetGatewayDevice.",)),
        GetParameterValues(("InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.KeyPassphrase",)),
        spv((f"{SERVER}PeriodicInformInterval", "300"), (f"{SERVER}ConnectionRequestUsername", "u")),
        spv((f"{SERVER}ConnectionRequestPassword", "p")),
        spv(("InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.KeyPassphrase", "new key")),
        download(f"https://{FIRMWARE_HOST}/v2.bin"),
    ],
    ids=repr,
)
def test_ordinary_provisioning_is_allowed(request_):
    assert isinstance(PROVIDER.judge(request_), MachineAllow)


@pytest.mark.parametrize(
    "request_",
    [
        spv((f"{SERVER}URL", "http://x.example/")),
        spv((f"{SERVER}Username", "x")),
        spv((f"{SERVER}ConnectionRequestURL", "x")),
        spv((f"{SERVER}UDPConnectionRequestAddress", "x")),
        AddObject("InternetGatewayDevice.User."),
        download("https://elsewhere.example/v2.bin"),
        download(f"https://{FIRMWARE_HOST}/x.cfg", "3 Vendor Configuration File"),
        OtherRpc("X_ACME_Shell"),
    ],
    ids=repr,
)
def test_what_takes_a_router_away_is_not(request_):
    verdict = PROVIDER.judge(request_)
    assert isinstance(verdict, MachineDeny)
    assert 0 < len(verdict.reason) <= 256
    assert "example" not in verdict.reason


def test_kept_are_names_and_values_that_are_no_secret():
    key = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.KeyPassphrase"
    kept = PROVIDER.kept(spv((f"{SERVER}PeriodicInformInterval", "300"), (key, "battery staple")))
    assert kept == {"values": {f"{SERVER}PeriodicInformInterval": "300", key: MASK}}
    assert PROVIDER.kept(GetParameterValues(("Device.X.", "Device.Y."))) == {"names": ["Device.X.", "Device.Y."]}
    assert PROVIDER.kept(OtherRpc("X_ACME_Shell")) == {}
    assert "url" not in repr(PROVIDER.kept(download("https://u:secret@x.example/")))


def test_kept_is_bounded():
    many = tuple(f"Device.X.{n}.Y" for n in range(1000))
    assert len(PROVIDER.kept(GetParameterValues(many))["names"]) == MOST_NAMES
    assert len(PROVIDER.kept(spv(*[(name, "x" * 5000) for name in many]))["values"]) == MOST_NAMES
    assert len(repr(PROVIDER.kept(spv(("Device.X.Y", "x" * 5000))))) < 1100
    values = Values(tuple(ParameterValue(name, "v") for name in many))
    facts, kept = answer_entry(GetParameterValues(("Device.X.",)), values, Filtered(values))
    assert facts == {"values": 1000}
    assert len(kept["names"]) == MOST_NAMES


@pytest.mark.parametrize(
    ("answer", "facts", "names"),
    [
        (Values((ParameterValue("Device.A", "secret"),)), {"values": 1}, {"names": ["Device.A"]}),
        (Names((ParameterInfo("Device.A.", writable=True),)), {"names": 1}, {}),
        (Attributes((Attribute("Device.A", 2),)), {"values": 1}, {"names": ["Device.A"]}),
        (Methods(("Reboot",)), {"names": 1}, {}),
        (Done("AddObject", 0, 7), {"status": 0}, {"instance": 7}),
        (Done("Reboot"), {"status": 0}, {}),
        (Transfers((QueuedTransfer("k", 1),)), {"transfers": 1}, {}),
        (Fault(9005, "secret"), {"fault": 9005}, {}),
        (Fault(9003, "secret", (ParameterFault("Device.A", 9006),)), {"fault": 9003}, {"names": ["Device.A"]}),
    ],
    ids=repr,
)  # fmt: skip
def test_of_answers_counts_and_names_are_kept_never_values(answer, facts, names):
    assert answer_entry(GetParameterValues(("Device.",)), answer, Filtered(answer)) == (facts, names)
    assert "secret" not in repr((facts, names))


@pytest.mark.parametrize(
    ("asked", "came", "same"),
    [
        (("Device.A", "Device.B"), ("Device.A", "Device.B"), True),
        (("Device.A", "Device.B"), ("Device.B", "Device.A"), False),
        (("Device.A", "Device.B"), ("Device.A",), False),
        (("Device.A",), ("Device.A", "Device.A"), False),
        (("Device.a",), ("Device.A",), False),
        (("Device.",), ("Device.A",), False),
    ],
)
def test_names_that_stand_in_the_entry_before_are_not_kept_twice(asked, came, same):
    answer = Values(tuple(ParameterValue(name, "secret") for name in came))
    facts, kept = answer_entry(GetParameterValues(asked), answer, Filtered(answer))
    assert facts == {"values": len(came), **({"as_asked": True} if same else {})}
    assert kept == ({} if same else {"names": list(came)})


def test_what_the_ACS_is_not_told_is_counted():
    answer = Values((ParameterValue("Device.Hosts.Host.1.HostName", "anns-phone"), ParameterValue("Device.A", "1")))
    told = PROVIDER.told(answer)
    assert told.answer == Values((ParameterValue("Device.A", "1"),))
    asked = GetParameterValues(("Device.Hosts.Host.1.HostName", "Device.A"))
    assert answer_entry(asked, answer, told) == ({"values": 2, "hidden": 1}, {"names": ["Device.A"]})
    asked = GetParameterValues(("Device.A",))
    assert answer_entry(asked, answer, told) == ({"values": 2, "hidden": 1, "as_asked": True}, {})


def test_an_inform_tells_the_ACS_nothing_of_the_home():
    inform = Inform(
        manufacturer="Acme", device=DeviceId(oui="00D09E", product_class="X", serial="1"),
        events=(Event("4 VALUE CHANGE"),),
        parameters=(ParameterValue("Device.Hosts.Host.1.HostName", "anns-phone"), ParameterValue("Device.A", "1")),
    )  # fmt: skip
    told = PROVIDER.announced(inform)
    assert [one.name for one in told.parameters] == ["Device.A"]
    assert told.events == inform.events


def test_how_a_CPE_is_woken():
    user, password = f"{SERVER}ConnectionRequestUsername", f"{SERVER}ConnectionRequestPassword"
    assert wake_credentials(spv((user, "u"), (password, "p")), CPE) == ("u", "p")
    assert wake_credentials(spv((password.lower(), "p")), CPE) == ("old", "p")
    assert wake_credentials(spv((user.replace("InternetGatewayDevice", "Device"), "u")), CPE) == ("u", "old-pw")
    assert wake_credentials(spv((f"{SERVER}PeriodicInformInterval", "300")), CPE) is None
    assert wake_credentials(Reboot(), CPE) is None

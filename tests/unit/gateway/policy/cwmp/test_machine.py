"""What the provider's own ACS may do, RPC by RPC, and what of the answers it gets."""

import pytest

from drivers.cwmp.device import DeviceId
from drivers.cwmp.messages import (
    AddObject,
    Attribute,
    Attributes,
    CancelTransfer,
    DeleteObject,
    Done,
    Download,
    FactoryReset,
    GetParameterAttributes,
    GetParameterNames,
    GetParameterValues,
    GetQueuedTransfers,
    GetRPCMethods,
    Inform,
    Names,
    OtherRpc,
    ParameterInfo,
    ParameterValue,
    Reboot,
    Request,
    ScheduleDownload,
    ScheduleInform,
    SetParameterAttributes,
    SetParameterValues,
    Upload,
    Values,
)
from gateway.policy.cwmp.machine import (
    MachineAllow,
    MachineDeny,
    filter_answer,
    filter_inform,
    judge_machine,
    read_profile,
)
from gateway.policy.errors import PolicyError
from gateway.policy.selftest import TEST_SITE
from tests.cwmp_rows import POLICY

PROFILE = POLICY.profile
FIRMWARE = "1 Firmware Upgrade Image"


def write(*names: str) -> SetParameterValues:
    return SetParameterValues(tuple(ParameterValue(name, "x") for name in names))


def load(url: str, kind: str = FIRMWARE, **more: str) -> Download:
    return Download(command_key="k", file_type=kind, url=url, success_url=more.get("success", ""))


@pytest.mark.parametrize(
    "request_",
    [
        GetRPCMethods(),
        GetParameterNames("", next_level=False),
        GetParameterNames("Device.WiFi.", next_level=True),
        GetParameterValues(("Device.DeviceInfo.", "InternetGatewayDevice.WANDevice.1.", "")),
        GetParameterValues(("Device.WiFi.AccessPoint.1.Security.KeyPassphrase",)),  # the value comes back empty
        GetParameterAttributes(("Device.DeviceInfo.SoftwareVersion",)),
        SetParameterAttributes((Attribute("Device.DeviceInfo.SoftwareVersion", 2),)),
        write("Device.WiFi.SSID.1.SSID", "Device.PPP.Interface.1.Password", "Device.X_VENDOR.Setting"),
        write("InternetGatewayDevice.ManagementServer.PeriodicInformInterval"),
        AddObject("Device.PPP.Interface."),
        DeleteObject("Device.WiFi.SSID.3."),
        Reboot("k"),
        ScheduleInform(30, "k"),
        GetQueuedTransfers(),
        GetQueuedTransfers(all=True),
        CancelTransfer("k"),
        load("https://fw.isp.example/home/1.2.bin"),
        ScheduleDownload(command_key="k", file_type=FIRMWARE, url="http://fw.isp.example/home.bin"),
    ],
    ids=repr,
)
def test_ordinary_provisioning_goes(request_: Request) -> None:
    assert isinstance(judge_machine(PROFILE, request_, TEST_SITE), MachineAllow)


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (FactoryReset(), "m-reset"),
        (OtherRpc("ChangeDUState"), "m-software"),
        (OtherRpc("SetVouchers"), "m-software"),
        (OtherRpc("X_00D09E_Exec"), "m-other"),
        (OtherRpc(""), "m-other"),
        (Upload(command_key="k", file_type="1 Vendor Configuration File", url="https://fw.isp.example/x"), "m-upload"),
        (Upload(command_key="k", file_type="2 Vendor Log File", url="https://fw.isp.example/x"), "m-upload"),
        (load("https://fw.isp.example/x", "3 Vendor Configuration File"), "m-download"),
        (load("https://fw.isp.example/x", "2 Web Content"), "m-download"),
        (load("https://other.example/x"), "m-download"),
        (load("https://fw.isp.example@other.example/x"), "m-download"),
        (load("https://fw.isp.example/x", success="http://other.example/"), "m-download"),
        (ScheduleDownload(command_key="k", file_type=FIRMWARE, url="ftp://other.example/x"), "m-download"),
        (write("Device.ManagementServer.URL"), "m-acs"),
        (write("device.managementserver.url"), "m-acs"),
        (write("Device.DeviceInfo.ProvisioningCode", "InternetGatewayDevice.ManagementServer.URL"), "m-acs"),
        (write("Device.ManagementServer.STUNServerAddress"), "m-acs"),
        (write("Device.XMPP.Connection.1.Enable"), "m-channels"),
        (write("Device.UserInterface.RemoteAccess.Enable"), "m-access"),
        (write("InternetGatewayDevice.X_HW_Security.AclServices.TELNETWanEnable"), "m-access"),
        (write("Device.NAT.PortMapping.1.Enable"), "m-openings"),
        (write("Device.Firewall.Enable"), "m-openings"),
        (write("Device.PacketCaptureDiagnostics.DiagnosticsState"), "m-export"),
        (write("Device.SoftwareModules.ExecEnv.1.Enable"), "m-code"),
        (write("Device.WiFi.SSID."), "path"),
        (write(""), "path"),
        (write("Device.WiFi.Radio.1.Channel", "Device.wifi.Radio.1.Channel"), "twice"),
        (write("Device.Man\u0430gementServer.URL"), "path"),
        (write("Device.*.URL"), "path"),
        (write("Device.PPP.Interface.*.Username"), "path"),
        (SetParameterAttributes((Attribute("Device.*.Host.1.HostName", 2),)), "path"),
        (DeleteObject("Device.PPP.*."), "path"),
        (AddObject("Device.NAT.PortMapping."), "m-openings"),
        (AddObject("Device.NAT."), "m-openings"),
        (AddObject("Device."), "m-acs"),
        (AddObject("Device.PPP.Interface"), "path"),
        (DeleteObject("Device.SSH.AuthorizedKey.1."), "m-access"),
        (GetParameterValues(("Device.DeviceInfo.", "Device.Hosts.")), "m-home"),
        (GetParameterValues(("Device.Hosts.Host.*.HostName",)), "m-home"),
        (GetParameterValues(("Device.Hosts.Host.[tv].HostName",)), "m-home"),
        (GetParameterValues(("InternetGatewayDevice.LANDevice.1.Hosts.Host.1.MACAddress",)), "m-home"),
        (GetParameterNames("Device.Hosts.Host.", next_level=True), "m-home"),
        (GetParameterValues(("Device.Services.VoiceService.1.CallLog.",)), "m-private"),
        (SetParameterAttributes((Attribute("Device.Hosts.HostNumberOfEntries", 2),)), "m-home"),
        (GetParameterValues(("Device..Hosts.",)), "path"),
    ],
    ids=repr,
)
def test_what_takes_a_router_away_or_opens_it_does_not(request_: Request | OtherRpc, rule: str) -> None:
    verdict = judge_machine(PROFILE, request_, TEST_SITE)
    assert isinstance(verdict, MachineDeny)
    assert verdict.rule_id == f"machine.{rule}"
    assert 0 < len(verdict.reason) <= 256


@pytest.mark.parametrize("root", ["Device.", "InternetGatewayDevice."])
def test_what_an_acs_asks_for_at_each_contact_in_one_call(root: str) -> None:
    """Names and versions of configuration files, as FreeACS does; never what a manufacturer adds to them."""
    server, files = f"{root}ManagementServer.", f"{root}DeviceInfo.VendorConfigFile."
    names = (f"{root}DeviceInfo.SoftwareVersion", files, f"{server}ConnectionRequestURL",
             f"{server}ConnectionRequestPassword", f"{server}PeriodicInformInterval")  # fmt: skip
    assert isinstance(judge_machine(PROFILE, GetParameterValues(names), TEST_SITE), MachineAllow)
    assert PROFILE.reading(f"{files}1.Version") == "allow"
    assert PROFILE.reading(f"{files}1.X_ACME_Content") == "deny"
    written = SetParameterValues((ParameterValue(f"{files}1.Name", "x"),))
    assert isinstance(judge_machine(PROFILE, written, TEST_SITE), MachineDeny)


@pytest.mark.parametrize(
    ("request_", "unseen"),
    [
        (GetParameterNames("Device.Hosts.", next_level=False), True),
        (GetParameterNames("Device.Hosts.Host.1.", next_level=True), True),
        (GetParameterNames("Device.Hosts.HostNumberOfEntries", next_level=False), False),
        (GetParameterNames("Device.Hosts..", next_level=False), False),
        (GetParameterValues(("Device.Hosts.",)), False),
    ],
)
def test_below_a_hidden_object_there_are_no_names(request_: Request, unseen: bool) -> None:
    verdict = judge_machine(PROFILE, request_, TEST_SITE)
    assert isinstance(verdict, MachineDeny)
    assert verdict.unseen is unseen


def test_answers_are_filtered_whatever_was_asked() -> None:
    values = (
        ParameterValue("Device.DeviceInfo.UpTime", "7"),
        ParameterValue("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "Blue99Horse"),
        ParameterValue("Device.PPP.Interface.1.Password", ""),
        ParameterValue("Device.Hosts.Host.1.HostName", "tv"),
        ParameterValue("device.hosts.host.2.hostname", "tv"),
        ParameterValue("Device.X Y", "odd"),
        ParameterValue("Hosts.Host.1.HostName", "tv"),
    )
    filtered = filter_answer(PROFILE, Values(values))
    assert (filtered.hidden, filtered.masked) == (4, 1)
    assert filtered.answer == Values((values[0], ParameterValue(values[1].name, ""), values[2]))
    names = Names((ParameterInfo("Device.Hosts.", writable=False), ParameterInfo("Device.WiFi.", writable=False)))
    assert filter_answer(PROFILE, names).answer == Names(names.infos[1:])
    told = Attributes((Attribute("Device.Hosts.HostNumberOfEntries", 0), Attribute("Device.Time.Enable", 1)))
    assert filter_answer(PROFILE, told).hidden == 1
    assert filter_answer(PROFILE, Done("Reboot")).answer == Done("Reboot")


def test_an_inform_is_filtered_too() -> None:
    device = DeviceId(oui="00D09E", product_class="X", serial="1")
    plain = (ParameterValue("Device.DeviceInfo.SoftwareVersion", "1"),)
    private = (ParameterValue("Device.Hosts.Host.1.HostName", "tv"),)
    inform = Inform(manufacturer="m", device=device, events=(), parameters=plain + private)
    kept, hidden, masked = filter_inform(PROFILE, inform)
    assert (kept.parameters, hidden, masked) == (plain, 1, 0)
    assert filter_inform(PROFILE, kept)[0] is kept


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rpcs": []}, "rpcs"),
        ({"defaults": {"read": "maybe", "write": "allow"}}, "defaults"),
        ({"colour": "red"}, "does not exist"),
        ({"reads": [{"id": "a", "action": "hide", "why": "So.", "paths": ["Device.A"]}]}, "reads row 1"),
        ({"writes": [{"id": "a", "action": "mask", "why": "So.", "paths": ["Device.A"]}]}, "writes row 1"),
        ({"writes": [{"id": "a", "action": "deny", "why": "So.", "paths": ["Device A"]}]}, "no pattern"),
        ({"writes": [{"id": "m", "action": "deny", "why": "So.", "paths": ["Device.A"]}]}, "two rows"),
    ],
)
def test_a_wrong_profile_is_named(change: dict[str, object], said: str) -> None:
    good = {"defaults": {"read": "allow", "write": "allow"},
            "rpcs": [{"id": "m", "rpc": ["*"], "action": "deny", "why": "So."}]}  # fmt: skip
    assert isinstance(judge_machine(read_profile("m.yaml", good), Reboot(), TEST_SITE), MachineDeny)
    with pytest.raises(PolicyError, match=rf"m\.yaml: .*{said}"):
        read_profile("m.yaml", good | change)


def test_a_profile_of_ones_own_may_be_stricter() -> None:
    own = read_profile("m.yaml", {
        "defaults": {"read": "deny", "write": "deny"},
        "rpcs": [{"id": "some", "rpc": ["GetParameterValues", "SetParameterValues"], "action": "allow", "why": "So."}],
        "reads": [{"id": "info", "action": "allow", "why": "So.", "paths": ["Device.DeviceInfo.**"]}],
    })  # fmt: skip
    assert isinstance(judge_machine(own, GetParameterValues(("Device.DeviceInfo.",)), TEST_SITE), MachineAllow)
    for request_ in (GetParameterValues(("Device.Time.",)), write("Device.Time.Enable"), Reboot(), OtherRpc("X")):
        assert isinstance(judge_machine(own, request_, TEST_SITE), MachineDeny)

"""What values may be written."""

import pytest

from gateway.policy.verdict import Allow, Deny
from tests.cwmp_rows import context_of, judged

P, W = "Device.IP.Diagnostics.IPPing.", "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1."


@pytest.mark.parametrize(
    ("path", "right", "wrong"),
    [
        (
            f"{P}Host",
            ["9.9.9.9", "www.isp.example", "2620:fe::9", ""],
            ["$(id)", "a b", "a;b", "-f", "0x7f000001", "127.0.0.1", "a_b", "1.1"],
        ),
        (f"{P}NumberOfRepetitions", ["1", "100"], ["0", "101", "-1", "1e3", "", "01", "\u0661"]),
        (f"{P}DataBlockSize", ["1", "1600"], ["0", "65535"]),
        (f"{P}DSCP", ["0", "63"], ["64"]),
        (f"{P}Interface", ["", "Device.IP.Interface.1"], ["; id", "eth0"]),
        (f"{P}DiagnosticsState", ["Requested"], ["Complete", "requested", ""]),
        (f"{P}EnableIndividualPacketResults", ["true"], ["$(id)", "a" * 65]),
        (
            "Device.IP.Diagnostics.DownloadDiagnostics.DownloadURL",
            ["http://speed.isp.example/x"],
            [
                "http://192.168.1.1/",
                "file:///etc/passwd",
                "http://speed.isp.example/../x",
                "http://x@speed.isp.example/",
            ],
        ),
        ("Device.IP.Diagnostics.DownloadDiagnostics.NumberOfConnections", ["8"], ["9"]),
        ("Device.DNS.Diagnostics.NSLookupDiagnostics.DNSServer", ["203.0.113.53"], ["203.0.113.53 -x"]),
        ("Device.WiFi.Radio.1.Channel", ["1", "165", "233"], ["0", "234", "auto"]),
        ("Device.WiFi.Radio.1.Enable", ["true", "0"], ["yes", "TRUE"]),
        ("Device.WiFi.Radio.1.OperatingChannelBandwidth", ["20MHz", "80+80MHz"], ["20", "20mhz"]),
        ("Device.WiFi.SSID.1.SSID", ["Home", "\u00e9t\u00e9", "x" * 32], ["", "x" * 33, " x", "\u00e9" * 17]),
        (
            "Device.WiFi.AccessPoint.1.Security.KeyPassphrase",
            ["Blue99Horse", "x" * 63],
            ["short", "x" * 64, "\u00e9t\u00e9\u00e9t\u00e9\u00e9t\u00e9"],
        ),
        ("Device.WiFi.AccessPoint.1.Security.PreSharedKey", ["a0" * 32], ["a0", "g" * 64]),
        (
            "Device.WiFi.AccessPoint.1.Security.ModeEnabled",
            ["WPA2-Personal", "WPA3-Personal-Transition"],
            ["None", "none", "WEP-128", "wep-64", ""],
        ),
        (f"{W}BeaconType", ["11i", "WPAand11i"], ["None", "Basic", "BasicandWPA"]),
        (f"{W}WPAEncryptionModes", ["AESEncryption"], ["WEPEncryption", "WEPandAESEncryption"]),
        ("Device.ManagementServer.PeriodicInformInterval", ["60", "86400"], ["59", "1", "86401", "999999"]),
        ("Device.ManagementServer.PeriodicInformEnable", ["true"], ["false", "0"]),
        ("Device.ManagementServer.PeriodicInformTime", ["2026-01-31T03:00:00Z"], ["tomorrow"]),
        ("Device.ManagementServer.CWMPRetryMinimumWaitInterval", ["5"], ["65535"]),
        (
            "Device.DHCPv4.Server.Pool.1.DNSServers",
            ["203.0.113.53", "203.0.113.53,203.0.113.54"],
            ["", "8.8.8.8", "203.0.113.53, 203.0.113.54", "203.0.113.53,"],
        ),
        ("Device.PPP.Interface.1.Reset", ["true"], ["false", "2"]),
        ("Device.DHCPv6.Server.Pool.1.Option.1.Value", [], ["x"]),
    ],
)
def test_values_of(path: str, right: list[str], wrong: list[str]) -> None:
    for value in right:
        verdict = judged(f'set {path} "{value}"', context_of(path))
        assert isinstance(verdict, Allow), (value, verdict)
    for value in wrong:
        verdict = judged(f'set {path} "{value}"', context_of(path))
        assert isinstance(verdict, Deny), value
        assert verdict.askable is None


@pytest.mark.parametrize(
    ("target", "capability"),
    [("9.9.9.9", "diagnose.probe"), ("192.168.1.20", "lan.hosts.probe"), ("10.1.2.3", "lan.hosts.probe"),
     ("nas", "lan.hosts.probe"), ("fd00::9", "lan.hosts.probe")],
)  # fmt: skip
def test_the_home_is_probed_under_its_own_capability(target: str, capability: str) -> None:
    for line in (f"diagnose ping {target}", f"diagnose trace {target}", f"set {P}Host {target}"):
        verdict = judged(line)
        assert isinstance(verdict, Allow)
        assert verdict.capability == capability


def test_no_value_holds_a_control_character_or_is_too_long() -> None:
    for value in ("a\tb", "a\nb", "a\x00b", "a\u2028b", "x" * 4097, "\u00e9" * 2049):
        assert isinstance(judged(f'set Device.PPP.Interface.1.Username "{value}"'), Deny)
    assert isinstance(judged(f"set Device.PPP.Interface.1.Username {'x' * 4096}"), Allow)


@pytest.mark.parametrize(
    "path",
    [
        "Device.PPP.Interface.1.Username",
        "Device.PPP.Interface.1.Password",
        "Device.DHCPv4.Server.Pool.1.DomainName",
        "Device.Ethernet.Interface.1.Alias",
        "InternetGatewayDevice.LANDevice.1.LANHostConfigManagement.DomainName",
        "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.PPPoEServiceName",
    ],
)
def test_what_a_shell_acts_on_is_written_nowhere_that_nothing_is_said_about(path: str) -> None:
    for value in ("$(id)", "`id`", "a;id", "a|id", "a&id", ">/etc/passwd", "a\\b", "a'b", "a'; id '"):
        told = judged(f'set {path} "{value}"'.replace("\\", "\\\\"), context_of(path))
        assert isinstance(told, Deny), value
        assert value not in told.reason
    assert isinstance(judged(f"set {path} 1und1/0001#0001@t-online.example", context_of(path)), Allow)


def test_a_host_is_sent_in_its_one_spelling() -> None:
    verdict = judged(f"set {P}Host WWW.Isp.Example")
    assert isinstance(verdict, Allow)
    assert verdict.canonical == f"set {P}Host www.isp.example"
    assert judged("diagnose ping WWW.Isp.Example").capability == "diagnose.probe"

"""Diagnostics run when the session is over, and an Inform tells that they are done."""

import pytest

from tests.unit.drivers.lab.cpe.tiny_acs import set_values

OLD, NEW = "InternetGatewayDevice.", "Device."
CASES = [
    (f"{NEW}IP.Diagnostics.IPPing.", "Host", "9.9.9.9", {"SuccessCount": "4", "MaximumResponseTime": "22"}),
    (
        f"{NEW}IP.Diagnostics.TraceRoute.",
        "Host",
        "9.9.9.9",
        {"RouteHopsNumberOfEntries": "4", "RouteHops.4.Host": "9.9.9.9"},
    ),
    (
        f"{NEW}DNS.Diagnostics.NSLookupDiagnostics.",
        "HostName",
        "isp.example",
        {"SuccessCount": "1", "Result.1.Status": "Success"},
    ),
    (
        f"{NEW}IP.Diagnostics.DownloadDiagnostics.",
        "DownloadURL",
        "http://speed.example/10M",
        {"TestBytesReceived": "12500000"},
    ),
    (f"{NEW}IP.Diagnostics.UploadDiagnostics.", "UploadURL", "http://speed.example/up", {"TotalBytesSent": "12500000"}),
    (f"{OLD}IPPingDiagnostics.", "Host", "9.9.9.9", {"SuccessCount": "4"}),
    (f"{OLD}TraceRouteDiagnostics.", "Host", "9.9.9.9", {"RouteHops.4.HopHost": "9.9.9.9"}),
    (f"{OLD}NSLookupDiagnostics.", "HostName", "isp.example", {"Result.1.IPAddresses": "198.51.100.80"}),
    (f"{OLD}DownloadDiagnostics.", "DownloadURL", "http://speed.example/10M", {"TestBytesReceived": "12500000"}),
]


@pytest.mark.parametrize(("path", "name", "target", "results"), CASES, ids=[case[0] for case in CASES])
async def test_diagnostics(acs, cpe_for, path, name, target, results):
    acs.todo = [set_values((f"{path}{name}", target), (f"{path}DiagnosticsState", "Requested"))]
    model = "tr098" if path.startswith(OLD) else "tr181"
    async with cpe_for(model=model, bootstrapped=True) as cpe:
        await cpe.until(lambda: len(cpe.informs) == 2)
        assert cpe.informs[1] == (("8 DIAGNOSTICS COMPLETE", ""),)
        assert cpe.values[f"{path}DiagnosticsState"] == "Complete"
        assert {key: cpe.values[path + key] for key in results} == results
        assert cpe.state.probed == [target]


async def test_neighbours_need_no_target(acs, cpe_for):
    path = "Device.WiFi.NeighboringWiFiDiagnostic."
    acs.todo = [set_values((f"{path}DiagnosticsState", "Requested"))]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.until(lambda: len(cpe.informs) == 2)
        assert cpe.values[f"{path}ResultNumberOfEntries"] == "2"
        assert cpe.values[f"{path}Result.1.SSID"] == "Nachbar 1"


@pytest.mark.parametrize(
    ("target", "state"), [("nobody.invalid", "Error_CannotResolveHostName"), ("", "Error_CannotResolveHostName")]
)
async def test_a_host_that_is_not_found(acs, cpe_for, target, state):
    path = "Device.IP.Diagnostics.IPPing."
    acs.todo = [set_values((f"{path}DiagnosticsState", "Requested"), (f"{path}Host", target))]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.until(lambda: len(cpe.informs) == 2)
        assert cpe.values[f"{path}DiagnosticsState"] == "Error_CannotResolveHostName"


async def test_a_changed_input_forgets_the_result(acs, cpe_for):
    path = "Device.IP.Diagnostics.IPPing."
    acs.todo = [set_values((f"{path}Host", "9.9.9.9"), (f"{path}DiagnosticsState", "Requested"))]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.until(lambda: len(cpe.informs) == 2)
        acs.todo = [set_values((f"{path}Host", "1.1.1.1"))]
        await cpe.inform_now()
        assert cpe.values[f"{path}DiagnosticsState"] == "None"


async def test_cancelled_before_it_ran(acs, cpe_for):
    path = "Device.IP.Diagnostics.IPPing.DiagnosticsState"
    acs.todo = [set_values((path, "Requested")), set_values((path, "None"))]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        await cpe.inform_now()
        assert "8 DIAGNOSTICS COMPLETE" not in cpe.events

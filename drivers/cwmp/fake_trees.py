"""Two small data models for fakes: a home router as TR-181 and as TR-098 have it. Names and addresses are made up.

Counterpart: `drivers.cwmp.fakes.FakeCpe`.
"""

from typing import Final

from drivers.cwmp.fakes import Cell, FakeCpe, cells_of
from drivers.cwmp.paths import TR098, TR181

WIFI_KEY: Final = "correct horse battery"
PPP_PASSWORD: Final = "line-password-7"  # noqa: S105 (made up)
ACS_PASSWORD: Final = "acs-password-3"  # noqa: S105 (made up)
SECRETS: Final = (WIFI_KEY, PPP_PASSWORD, ACS_PASSWORD)

_TR181: Final = f"""
Device.RootDataModelVersion = 2.17
Device.DeviceInfo.Manufacturer = Lab
Device.DeviceInfo.ModelName = Box 7
Device.DeviceInfo.SerialNumber = 0001
Device.DeviceInfo.HardwareVersion = 1
Device.DeviceInfo.SoftwareVersion = 4.2
Device.DeviceInfo.UpTime unsignedInt = 90061
Device.DeviceInfo.MemoryStatus.Total unsignedInt = 524288
Device.DeviceInfo.MemoryStatus.Free unsignedInt = 131072
Device.DeviceInfo.ProcessStatus.CPUUsage unsignedInt = 7
Device.Time.CurrentLocalTime dateTime = 2026-01-31T12:00:00Z
Device.Time.Status = Synchronized
Device.ManagementServer.PeriodicInformEnable boolean rw = true
Device.ManagementServer.PeriodicInformInterval unsignedInt rw = 3600
Device.ManagementServer.Password rw = {ACS_PASSWORD}
Device.DSL.Line.1.Status = Up
Device.DSL.Line.1.LinkStatus = Up
Device.DSL.Line.1.DownstreamMaxBitRate unsignedInt = 109000
Device.DSL.Line.1.UpstreamMaxBitRate unsignedInt = 37000
Device.DSL.Line.1.DownstreamNoiseMargin int = 62
Device.DSL.Line.1.UpstreamNoiseMargin int = 88
Device.DSL.Channel.1.Status = Up
Device.DSL.Channel.1.DownstreamCurrRate unsignedInt = 100000
Device.DSL.Channel.1.UpstreamCurrRate unsignedInt = 35000
Device.PPP.Interface.1.Enable boolean rw = true
Device.PPP.Interface.1.Reset boolean rw = false
Device.PPP.Interface.1.Status = Up
Device.PPP.Interface.1.ConnectionStatus = Connected
Device.PPP.Interface.1.Username rw = home@isp.example
Device.PPP.Interface.1.Password rw = {PPP_PASSWORD}
Device.PPP.Interface.1.IPCP.LocalIPAddress = 192.0.2.10
Device.Hosts.Host.1.HostName = tablet-of-ada
Device.Hosts.Host.1.IPAddress = 192.168.1.20
Device.Hosts.Host.1.PhysAddress = 02:00:00:00:00:20
Device.Hosts.Host.1.Active boolean = true
Device.Hosts.Host.2.HostName = printer
Device.Hosts.Host.2.IPAddress = 192.168.1.21
Device.Hosts.Host.2.PhysAddress = 02:00:00:00:00:21
Device.Hosts.Host.2.Active boolean = false
Device.WiFi.Radio.1.Enable boolean rw = true
Device.WiFi.Radio.1.Status = Up
Device.WiFi.Radio.1.OperatingFrequencyBand = 2.4GHz
Device.WiFi.Radio.1.Channel unsignedInt rw = 6
Device.WiFi.Radio.1.AutoChannelEnable boolean rw = true
Device.WiFi.Radio.1.TransmitPower int rw = 100
Device.WiFi.Radio.2.Enable boolean rw = true
Device.WiFi.Radio.2.Status = Up
Device.WiFi.Radio.2.OperatingFrequencyBand = 5GHz
Device.WiFi.Radio.2.Channel unsignedInt rw = 44
Device.WiFi.Radio.2.AutoChannelEnable boolean rw = false
Device.WiFi.Radio.2.TransmitPower int rw = 100
Device.WiFi.SSID.1.Enable boolean rw = true
Device.WiFi.SSID.1.Status = Up
Device.WiFi.SSID.1.SSID rw = Home
Device.WiFi.SSID.1.LowerLayers = Device.WiFi.Radio.1
Device.WiFi.SSID.2.Enable boolean rw = true
Device.WiFi.SSID.2.Status = Up
Device.WiFi.SSID.2.SSID rw = Home-5
Device.WiFi.SSID.2.LowerLayers = Device.WiFi.Radio.2.
Device.WiFi.AccessPoint.1.Enable boolean rw = true
Device.WiFi.AccessPoint.1.SSIDReference = Device.WiFi.SSID.1
Device.WiFi.AccessPoint.1.Security.ModeEnabled rw = WPA2-Personal
Device.WiFi.AccessPoint.1.Security.KeyPassphrase rw = {WIFI_KEY}
Device.WiFi.AccessPoint.2.Enable boolean rw = true
Device.WiFi.AccessPoint.2.SSIDReference = Device.WiFi.SSID.2
Device.WiFi.AccessPoint.2.Security.ModeEnabled rw = WPA2-Personal
Device.WiFi.AccessPoint.2.Security.KeyPassphrase rw = {WIFI_KEY}
Device.IP.Diagnostics.IPPing.DiagnosticsState rw = None
Device.IP.Diagnostics.IPPing.Host rw =
Device.IP.Diagnostics.IPPing.NumberOfRepetitions unsignedInt rw = 4
Device.IP.Diagnostics.IPPing.DataBlockSize unsignedInt rw = 64
Device.IP.Diagnostics.IPPing.Timeout unsignedInt rw = 1000
Device.IP.Diagnostics.IPPing.SuccessCount unsignedInt = 0
Device.IP.Diagnostics.IPPing.FailureCount unsignedInt = 0
Device.IP.Diagnostics.IPPing.MinimumResponseTime unsignedInt = 0
Device.IP.Diagnostics.IPPing.AverageResponseTime unsignedInt = 0
Device.IP.Diagnostics.IPPing.MaximumResponseTime unsignedInt = 0
Device.IP.Diagnostics.TraceRoute.DiagnosticsState rw = None
Device.IP.Diagnostics.TraceRoute.Host rw =
Device.IP.Diagnostics.TraceRoute.ResponseTime unsignedInt = 0
Device.DNS.Diagnostics.NSLookupDiagnostics.DiagnosticsState rw = None
Device.DNS.Diagnostics.NSLookupDiagnostics.HostName rw =
Device.DNS.Diagnostics.NSLookupDiagnostics.DNSServer rw =
Device.DNS.Diagnostics.NSLookupDiagnostics.SuccessCount unsignedInt = 0
Device.IP.Diagnostics.DownloadDiagnostics.DiagnosticsState rw = None
Device.IP.Diagnostics.DownloadDiagnostics.DownloadURL rw =
Device.IP.Diagnostics.DownloadDiagnostics.BOMTime dateTime = 0001-01-01T00:00:00Z
Device.IP.Diagnostics.DownloadDiagnostics.EOMTime dateTime = 0001-01-01T00:00:00Z
Device.IP.Diagnostics.DownloadDiagnostics.TestBytesReceived unsignedInt = 0
Device.IP.Diagnostics.UploadDiagnostics.DiagnosticsState rw = None
Device.IP.Diagnostics.UploadDiagnostics.UploadURL rw =
Device.IP.Diagnostics.UploadDiagnostics.TestFileLength unsignedInt rw = 0
Device.IP.Diagnostics.UploadDiagnostics.BOMTime dateTime = 0001-01-01T00:00:00Z
Device.IP.Diagnostics.UploadDiagnostics.EOMTime dateTime = 0001-01-01T00:00:00Z
Device.IP.Diagnostics.UploadDiagnostics.TotalBytesSent unsignedInt = 0
Device.WiFi.NeighboringWiFiDiagnostic.DiagnosticsState rw = None
Device.DHCPv4.Server.Pool.1.Enable boolean rw = true
Device.DHCPv4.Server.Pool.1.MinAddress rw = 192.168.1.10
Device.DHCPv4.Server.Pool.1.MaxAddress rw = 192.168.1.99
Device.DHCPv4.Server.Pool.1.LeaseTime int rw = 86400
"""

_TR098: Final = f"""
InternetGatewayDevice.DeviceInfo.Manufacturer = Lab
InternetGatewayDevice.DeviceInfo.ModelName = Box 3
InternetGatewayDevice.DeviceInfo.SoftwareVersion = 1.8
InternetGatewayDevice.DeviceInfo.UpTime unsignedInt = 3600
InternetGatewayDevice.ManagementServer.PeriodicInformInterval unsignedInt rw = 3600
InternetGatewayDevice.ManagementServer.Password rw = {ACS_PASSWORD}
InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.Enable boolean rw = 1
InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.Status = Up
InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.SSID rw = Home
InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.Channel unsignedInt rw = 6
InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.AutoChannelEnable boolean rw = 1
InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.TransmitPower unsignedInt rw = 100
InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.KeyPassphrase rw = {WIFI_KEY}
InternetGatewayDevice.LANDevice.1.WLANConfiguration.2.Enable boolean rw = 0
InternetGatewayDevice.LANDevice.1.WLANConfiguration.2.SSID rw = Guest
InternetGatewayDevice.LANDevice.1.WLANConfiguration.2.Channel unsignedInt rw = 6
InternetGatewayDevice.LANDevice.1.WLANConfiguration.2.AutoChannelEnable boolean rw = 1
InternetGatewayDevice.LANDevice.1.Hosts.Host.1.HostName = tablet-of-ada
InternetGatewayDevice.LANDevice.1.Hosts.Host.1.IPAddress = 192.168.1.20
InternetGatewayDevice.LANDevice.1.Hosts.Host.1.MACAddress = 02:00:00:00:00:20
InternetGatewayDevice.LANDevice.1.LANHostConfigManagement.DHCPServerEnable boolean rw = 1
InternetGatewayDevice.LANDevice.1.LANHostConfigManagement.MinAddress rw = 192.168.1.10
InternetGatewayDevice.WANDevice.1.WANCommonInterfaceConfig.WANAccessType = DSL
InternetGatewayDevice.WANDevice.1.WANCommonInterfaceConfig.PhysicalLinkStatus = Up
InternetGatewayDevice.WANDevice.1.WANDSLInterfaceConfig.Status = Up
InternetGatewayDevice.WANDevice.1.WANDSLInterfaceConfig.DownstreamCurrRate unsignedInt = 16000
InternetGatewayDevice.WANDevice.1.WANDSLInterfaceConfig.DownstreamNoiseMargin int = 62
InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.Enable boolean rw = 1
InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.Reset boolean rw = 0
InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.ConnectionStatus = Connected
InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.Password rw = {PPP_PASSWORD}
InternetGatewayDevice.IPPingDiagnostics.DiagnosticsState rw = None
InternetGatewayDevice.IPPingDiagnostics.Host rw =
InternetGatewayDevice.IPPingDiagnostics.NumberOfRepetitions unsignedInt rw = 4
InternetGatewayDevice.IPPingDiagnostics.DataBlockSize unsignedInt rw = 64
InternetGatewayDevice.IPPingDiagnostics.SuccessCount unsignedInt = 0
InternetGatewayDevice.IPPingDiagnostics.FailureCount unsignedInt = 0
"""


def tr181_cpe() -> FakeCpe:
    """A router of TR-181 with two radios, a line, and tests that succeed."""
    return FakeCpe(
        cells=cells_of(_TR181),
        tables={
            "Device.NAT.PortMapping.": {
                "Enable": Cell("false", "xsd:boolean", writable=True),
                "ExternalPort": Cell("0", "xsd:unsignedInt", writable=True),
            },
            "Device.WiFi.SSID.": {"Enable": Cell("false", "xsd:boolean", writable=True)},
        },
        results={
            "Device.IP.Diagnostics.IPPing.": {
                "SuccessCount": "3",
                "FailureCount": "1",
                "MinimumResponseTime": "9",
                "AverageResponseTime": "12",
                "MaximumResponseTime": "20",
            },
            "Device.IP.Diagnostics.TraceRoute.": {
                "ResponseTime": "21",
                "RouteHops.1.Host": "gw.isp.example",
                "RouteHops.1.HostAddress": "192.0.2.1",
                "RouteHops.1.RTTimes": "8,9,9",
                "RouteHops.2.Host": "",
                "RouteHops.2.HostAddress": "198.51.100.7",
                "RouteHops.2.RTTimes": "20,21,21",
            },
            "Device.DNS.Diagnostics.NSLookupDiagnostics.": {
                "SuccessCount": "1",
                "Result.1.Status": "Success",
                "Result.1.HostNameReturned": "www.example.com",
                "Result.1.IPAddresses": "192.0.2.80",
                "Result.1.DNSServerIP": "192.0.2.53",
                "Result.1.ResponseTime": "14",
            },
            "Device.IP.Diagnostics.DownloadDiagnostics.": {
                "BOMTime": "2026-01-31T12:00:00.000000Z",
                "EOMTime": "2026-01-31T12:00:10.000000Z",
                "TestBytesReceived": "125000000",
            },
            "Device.IP.Diagnostics.UploadDiagnostics.": {
                "BOMTime": "2026-01-31T12:00:00Z",
                "EOMTime": "2026-01-31T12:00:10Z",
                "TotalBytesSent": "12500000",
            },
            "Device.WiFi.NeighboringWiFiDiagnostic.": {
                "Result.1.SSID": "Neighbour",
                "Result.1.BSSID": "02:00:00:00:01:00",
                "Result.1.Channel": "6",
                "Result.1.SignalStrength": "-70",
            },
        },
    )


def tr098_cpe() -> FakeCpe:
    """A router of TR-098 with a main and a guest network, which spells booleans 1 and 0."""
    return FakeCpe(
        cells=cells_of(_TR098),
        results={"InternetGatewayDevice.IPPingDiagnostics.": {"SuccessCount": "4", "FailureCount": "0"}},
    )


ROOTS: Final = {"tr181": (TR181, tr181_cpe), "tr098": (TR098, tr098_cpe)}

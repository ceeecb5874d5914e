"""Diagnostics of a CPE without a network: plausible results, and a note of whom they went to.

A name that ends in `.invalid` cannot be resolved. Source: TR-143 and TR-181, the `…Diagnostics.` objects.
"""

from collections.abc import Callable
from typing import Final

from drivers.lab.cpe.state import State
from drivers.lab.cpe.tree import Leaf

_TIME: Final = "2026-11-23T10:00:{:02}.{:06}Z"


def kind_of(path: str) -> str | None:
    """Which diagnostics an object is; none for any other."""
    return next((kind for kind, ends in _ENDS.items() if path.endswith(ends)), None)


def run(state: State, path: str) -> None:
    """Fill in the results. Nothing, if the object is gone."""
    kind = kind_of(path)
    name = f"{path}{'Loop' if path.endswith('WANDSLDiagnostics.') else ''}DiagnosticsState"
    if kind is None or name not in state.tree.leaves:
        return
    target = next((state.tree.text(path + one) for one in _TARGETS if path + one in state.tree.leaves), "")
    if target:
        state.probed.append(target)
    if target.endswith(".invalid") or (not target and kind not in ("wifi", "line")):
        unknown = "Error_DNSServerNotResolved" if kind == "dns" else "Error_CannotResolveHostName"
        state.tree.leaves[name].value = unknown if kind in ("ping", "trace", "dns") else "Error_InitConnectionFailed"
        return
    _RUN[kind](state, path, target)
    state.tree.leaves[name].value = "Complete"


def _put(state: State, path: str, **values: str | int) -> None:
    for name, value in values.items():
        if path + name in state.tree.leaves:
            state.tree.leaves[path + name].value = str(value)


def _ping(state: State, path: str, _target: str) -> None:
    count = int(state.tree.text(f"{path}NumberOfRepetitions") or 0)
    _put(state, path, SuccessCount=count, FailureCount=0, AverageResponseTime=14, MinimumResponseTime=11,
         MaximumResponseTime=22, IPAddressUsed="203.0.113.77")  # fmt: skip


def _trace(state: State, path: str, target: str) -> None:
    old = path.startswith("Internet")
    hops = ["192.168.1.1", "203.0.113.1", "198.51.100.9", target]
    names = {"Host": "HopHost", "HostAddress": "HopHostAddress", "ErrorCode": "HopErrorCode", "RTTimes": "HopRTTimes"}
    template = {(names[name] if old else name): Leaf("") for name in names}
    template["HopErrorCode" if old else "ErrorCode"] = Leaf("0", "unsignedInt")
    bases = state.tree.fresh(f"{path}RouteHops.", len(hops), template)
    for number, (base, hop) in enumerate(zip(bases, hops, strict=True), 1):
        host, times = ("HopHost", "HopRTTimes") if old else ("Host", "RTTimes")
        _put(state, base, **{host: hop, times: f"{number * 4},{number * 4 + 1},{number * 4}"})
    _put(state, path, ResponseTime=len(hops) * 4)


def _lookup(state: State, path: str, target: str) -> None:
    server = state.tree.text(f"{path}DNSServer") or "203.0.113.53"
    template = {
        "Status": Leaf("Success"), "AnswerType": Leaf("Authoritative"), "HostNameReturned": Leaf(target),
        "IPAddresses": Leaf("198.51.100.80"), "DNSServerIP": Leaf(server), "ResponseTime": Leaf("9", "unsignedInt"),
    }  # fmt: skip
    state.tree.fresh(f"{path}Result.", 1, template)
    _put(state, path, SuccessCount=1)


def _speed(state: State, path: str, _target: str) -> None:
    size = 12_500_000
    _put(state, path, ROMTime=_TIME.format(0, 0), BOMTime=_TIME.format(0, 20_000), EOMTime=_TIME.format(1, 20_000),
         TestBytesReceived=size, TotalBytesReceived=size + 40_960, TotalBytesSent=size)  # fmt: skip


def _wifi(state: State, path: str, _target: str) -> None:
    seen = [("Nachbar 1", "C0:25:06:00:00:01", 6, -71), ("CoffeeShop", "C0:25:06:00:00:02", 44, -83)]
    template = {
        "Radio": Leaf("Device.WiFi.Radio.1."), "SSID": Leaf(""), "BSSID": Leaf(""), "Mode": Leaf("Infrastructure"),
        "Channel": Leaf("0", "unsignedInt"), "SignalStrength": Leaf("0", "int"),
        "SecurityModeEnabled": Leaf("WPA2"), "OperatingFrequencyBand": Leaf("2.4GHz"),
    }  # fmt: skip
    for base, (ssid, bssid, channel, signal) in zip(
        state.tree.fresh(f"{path}Result.", len(seen), template), seen, strict=True
    ):
        _put(state, base, SSID=ssid, BSSID=bssid, Channel=channel, SignalStrength=signal)


def _line(state: State, path: str, _target: str) -> None:
    _put(state, path, ACTPSDds=-400, Results="passed")


_TARGETS: Final = ("Host", "HostName", "DownloadURL", "UploadURL")
_ENDS: Final[dict[str, tuple[str, ...]]] = {
    "ping": (".IPPing.", ".IPPingDiagnostics."),
    "trace": (".TraceRoute.", ".TraceRouteDiagnostics."),
    "dns": (".NSLookupDiagnostics.",),
    "speed": (".DownloadDiagnostics.", ".UploadDiagnostics."),
    "wifi": (".NeighboringWiFiDiagnostic.",),
    "line": (".ADSLLineTest.", ".SelfTestDiagnostics.", ".WANDSLDiagnostics."),
}
_RUN: Final[dict[str, Callable[[State, str, str], None]]] = {
    "ping": _ping,
    "trace": _trace,
    "dns": _lookup,
    "speed": _speed,
    "wifi": _wifi,
    "line": _line,
}

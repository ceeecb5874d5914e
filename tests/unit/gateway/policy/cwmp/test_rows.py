"""Every row of the parameters, read and written, on both data models, through the one decision."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.cwmp.rows import Row, read_rows
from gateway.policy.errors import PolicyError
from gateway.policy.verdict import Allow, Deny, Rights
from tests.cwmp_rows import ALL, NOTHING, POLICY, context_of, judged, lines_of
from tests.stage import BUNDLE

ROWS = {row.id: row for row in POLICY.rows.rows}
GOOD = {
    "dns": "203.0.113.53", "url": "http://speed.isp.example/x", "host": "www.isp.example",
    "boolean": "true", "true": "true", "ssid": "Home", "passphrase": "Blue99Horse", "encryption": "WPA2-Personal",
    "time": "2026-01-31T03:00:00Z", "object": "Device.IP.Interface.1.", "plain": "x",
}  # fmt: skip


def good_value(path: str) -> str:
    spec = POLICY.rows.check(path)
    if spec is None:
        return "x"
    if spec.kind in {"int", "hex"}:
        return str(spec.low) if spec.kind == "int" else "a" * spec.low
    return spec.of[0] if spec.of else GOOD.get(spec.kind, "x")


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_row_is_about_some_path(row: Row) -> None:
    assert list(lines_of(row))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_reading_is_what_the_row_says(row: Row) -> None:
    for path in lines_of(row):
        verdict = judged(f"get {path}", context_of(path))
        bare = judged(f"get {path}", context_of(path), rights=NOTHING)
        seen = POLICY.gate.reading(path, ALL)
        if row.read == "deny":
            assert isinstance(verdict, Deny), path
            assert (verdict.capability, seen) == (row.no, "hide"), path
            continue
        assert isinstance(verdict, Allow), (path, verdict)
        assert verdict.canonical.split(" ")[:2] == ["get", path]
        assert verdict.rule_id == f"cwmp.{row.id}"
        assert seen == ("mask" if row.read == "redact" else "show"), path
        if row.read != "consent":
            assert isinstance(bare, Allow)
            assert " with " not in bare.canonical
        elif any(CAPABILITIES[name].kind == "scope" for name in row.see):
            assert isinstance(bare, Deny)
            assert bare.askable == row.see[0], path
            assert POLICY.gate.reading(path, frozenset()) == "hide"
            assert set(verdict.canonical.rpartition(" with ")[2].split(",")) <= set(row.see)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_writing_is_what_the_row_says(row: Row) -> None:
    for path in lines_of(row):
        verdict = judged(f'set {path} "{good_value(path)}"', context_of(path))
        spec = POLICY.rows.check(path)
        if spec is not None and spec.kind == "dns":
            assert isinstance(verdict, Allow)
            assert verdict.capability == "dns.change"
            assert isinstance(judged(f"set {path} 198.51.100.66", context_of(path)), Deny)
        elif row.set is None or (spec is not None and spec.kind == "never"):
            assert isinstance(verdict, Deny), path
            assert CAPABILITIES[verdict.capability].kind == "never"
            assert verdict.askable is None
            assert row.set is not None or verdict.reason == row.why
        else:
            assert isinstance(verdict, Allow), (path, verdict)
            assert verdict.capability == row.set
            found = CAPABILITIES[row.set]
            assert verdict.confirm == (row.write == "approve" or found.kind == "ask" or found.confirm)
            bare = judged(f'set {path} "{good_value(path)}"', context_of(path), rights=NOTHING)
            assert (isinstance(bare, Deny) and bare.askable == row.set) == (found.kind == "scope"), path


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.write == "deny"], ids=lambda row: row.id)
def test_what_cannot_be_written_cannot_be_added_or_taken_away(row: Row) -> None:
    for path in lines_of(row):
        for line in (f"add {path}.", f"delete {path}.3."):
            verdict = judged(line, context_of(path))
            assert isinstance(verdict, Deny), line
            assert verdict.askable is None


def test_all_capabilities_are_of_the_right_kind() -> None:
    for row in ROWS.values():
        assert all(CAPABILITIES[name].kind != "never" for name in (*row.see, *([row.set] if row.set else [])))
        assert row.set is not None or CAPABILITIES[row.no].kind == "never"


@pytest.mark.parametrize(
    ("path", "cover", "inside"),
    [
        ("Device.Hosts.", "home-46", set()),
        ("Device.WiFi.", "wifi-77", {"wifi-1", "home-48", "home-49", "home-50", "wifi-75", "wifi-76"}),
        ("Device.PPP.Interface.1.", "wan-88", {"wan-2", "wan-86"}),
        ("Device.USB.USBHosts.", "home-53", set()),
        ("Device.X_VENDOR.Thing.", "any-9", set()),
        ("Device.Unknown.", "default", set()),
        ("InternetGatewayDevice.LANDevice.1.Hosts.Host.3.", "home-46", set()),
        ("Device.Services.VoiceService.1.CallLog.4.", "services-64", set()),
        ("", "default", {"wifi-1", "acs-10", "home-46", "media-113"}),
    ],
)
def test_what_an_object_may_contain(path: str, cover: str, inside: set[str]) -> None:
    below = POLICY.rows.below(path)
    assert below.cover.id == cover
    assert inside <= {row.id for row in below.inside}
    assert len(inside) > 0 or not below.inside
    assert "secret-3" in {row.id for row in below.anywhere}


def test_classifying_is_fast_enough_for_whole_trees() -> None:
    names = [f"Device.Thing{n}.Table.{n}.Value" for n in range(500)]
    names += [f"Device.WiFi.AccessPoint.{n}.AssociatedDevice.{n}.Stats{n}.BytesSent" for n in range(500)]
    best = float("inf")
    for _ in range(3):
        rows = read_rows("p", POLICY.rows.spec.model_dump(by_alias=True))
        start = time.process_time()
        for name in names:
            rows.classify(name)
        best = min(best, (time.process_time() - start) / len(names))
    assert best < 200e-6  # some 10 us where nothing else runs


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"paths": ["Device..X"]}, "no pattern"),
        ({"paths": []}, "paths"),
        ({"read": "maybe"}, "read"),
        ({"read": "deny"}, "see"),
        ({"see": ["pivot.ssh"]}, "granted"),
        ({"no": "config.read"}, "never is"),
        ({"set": "iface.write"}, "set"),
        ({"colour": "red"}, "does not exist"),
        ({"why": "no full stop"}, "why"),
    ],
)
def test_wrong_rows_are_named(change: dict[str, object], said: str) -> None:
    row = {"id": "a-1", "class": "read-ok", "read": "allow", "see": ["diagnose.read"], "write": "deny",
           "no": "unknown.command", "paths": ["Device.A.**"], "why": "So it is."}  # fmt: skip
    defaults = {"read": "consent", "see": ["config.read"], "write": "deny", "no": "unknown.command", "why": "Unknown."}
    read_rows("p.yaml", {"defaults": defaults, "rows": [row]})
    with pytest.raises(PolicyError, match=rf"p\.yaml: rows row 1.*{said}"):
        read_rows("p.yaml", {"defaults": defaults, "rows": [row | change]})
    with pytest.raises(PolicyError, match="two rows"):
        read_rows("p.yaml", {"defaults": defaults, "rows": [row, row]})


SECRETS = "Password AdminPassword KeyPassphrase PreSharedKey WEPKey SharedSecret PrivateKey EncryptionKey KeyValue PIN"
SECRETS += " userpasswd LoginPwd"


@given(
    st.lists(st.sampled_from(["Device", "X_Vendor", "Hosts", "WiFi", "1", "Password", "Foo"]), max_size=5),
    st.sampled_from(SECRETS.split()),
)
def test_a_secret_by_its_name_is_shown_nowhere(before: list[str], name: str) -> None:
    for root in ("Device.", "InternetGatewayDevice.", "Vendor."):
        path = root + ".".join([*before, name])
        for spelled in (path, path.upper(), path + ".", path + ".1", path + ".Value"):
            if not spelled.endswith("."):
                assert POLICY.gate.reading(spelled, ALL) in {"mask", "hide"}, spelled
        assert POLICY.gate.secret_write(path)


def test_rights_that_are_only_masked_count_as_granted() -> None:
    rights = Rights(scope=frozenset(), deadline=NOTHING.deadline, masked=frozenset({"config.read"}))
    verdict = judged("get Device.WiFi.SSID.1.SSID", rights=rights)
    assert isinstance(verdict, Allow)
    assert verdict.canonical.endswith(" with config.read")


def test_the_platform_is_one_like_any_other() -> None:
    assert "cwmp" in BUNDLE.tables
    assert BUNDLE.cwmp is not None


@pytest.mark.parametrize(
    "path",
    [
        "InternetGatewayDevice.X_BROADCOM_COM_WlanVirtIntfCfg.1.WlWpaPsk",
        "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.X_HW_PSK",
        "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.X_CT-COM_WPAKey1",
        "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.X_ACME_PPPoEPass",
        "Device.WiFi.AccessPoint.1.Security.X_ACME_KeyPassphrase2",
        "Device.X_ACME.PasswordHash",
        "Device.X_ACME.AuthToken",
        "device.x_acme.admin.credentials",
    ],
)
def test_what_a_manufacturer_calls_a_secret_is_none_to_be_read(path: str) -> None:
    assert POLICY.gate.reading(path, ALL) == "mask"
    assert POLICY.gate.secret_write(path)
    assert POLICY.profile.reading(path) == "mask"
    root = "tr098" if path.startswith("Internet") else "tr181"
    assert isinstance(judged(f"set {path} x", root), Deny)

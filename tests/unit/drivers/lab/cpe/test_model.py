"""The data models: realistic, and wide enough for every row of a table of parameters."""

import pytest

from drivers.lab.cpe.model import load, parse_leaf, secret_for
from drivers.lab.cpe.patterns import leaf_for, matches


@pytest.fixture(scope="module")
def trees():
    return {"tr181": load("tr181"), "tr098": load("tr098")}


def test_two_trees_share_nothing():
    one, other = load("tr181"), load("tr181")
    one.leaves["Device.WiFi.Radio.1.Channel"].value = "13"
    one.add("Device.NAT.PortMapping.")
    assert other.leaves["Device.WiFi.Radio.1.Channel"].value == "6"
    assert other.add("Device.NAT.PortMapping.") == 2


@pytest.mark.parametrize(("model", "root"), [("tr181", "Device."), ("tr098", "InternetGatewayDevice.")])
def test_what_each_has(trees, model, root):
    tree = trees[model]
    assert tree.root == root
    assert len(tree.instances_for("**.Hosts.Host.{i}.HostName")) == 5
    assert tree.instances_for("**.KeyPassphrase")
    for name in ("DeviceInfo.SoftwareVersion", "ManagementServer.ConnectionRequestURL", "Time.NTPServer1"):
        assert root + name in tree.leaves
    assert {leaf.type for leaf in tree.leaves.values()} <= {
        "string", "unsignedInt", "int", "boolean", "dateTime", "base64", "hexBinary"
    }  # fmt: skip
    assert all(leaf.value in ("true", "false") for leaf in tree.leaves.values() if leaf.type == "boolean")


def test_hidden_parameters_have_seeded_values(trees):
    for tree in trees.values():
        seeded = [path for path, leaf in tree.leaves.items() if leaf.secret and "s3cret-" in leaf.value]
        assert len(seeded) > 15
        values = [tree.leaves[path].value for path in seeded]
        assert len(set(values)) == len(values)
    assert secret_for("Device.A.1.B") == "s3cret-device-a-1-b"


def test_leaves_as_they_are_written():
    assert parse_leaf("a", "rw! string").secret
    leaf = parse_leaf("a", "r int -5")
    assert (leaf.value, leaf.type, leaf.writable, leaf.secret) == ("-5", "int", False, False)
    assert parse_leaf("a", "just text").value == "just text"


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("Device.WiFi.**", "Device.WiFi.Radio.1.Channel", True),
        ("Device.WiFi.**", "Device.WiFiX.Radio", False),
        ("Device.WiFi.SSID.{i}.SSID", "device.wifi.ssid.12.ssid", True),
        ("Device.WiFi.SSID.{i}.SSID", "Device.WiFi.SSID.x.SSID", False),
        ("**Password", "Device.Users.User.1.Password", True),
        ("**.PIN", "Device.X.PINs", False),
        ("Device.ManagementServer.STUN*", "Device.ManagementServer.STUNPassword", True),
        ("Device.ManagementServer.STUN*", "Device.ManagementServer.STUN.Password", False),
        ("VoiceService.{i}.SIP.**", "Device.Services.VoiceService.1.SIP.Client.1.AuthPassword", True),
        ("**.X_*.**", "Device.X_00D09E_Thing.Note", True),
        ("Device.*NumberOfEntries", "Device.InterfaceStackNumberOfEntries", True),
    ],
)
def test_patterns(pattern, path, wanted):
    assert matches(pattern, path) == wanted


@pytest.mark.parametrize(
    "pattern",
    [
        "Device.GRE.**", "Device.WiFi.SSID.{i}.SSID", "**Password", "**.KeyValue", "**.Challenge.{i}.Value",
        "Device.ManagementServer.ConnReq*", "StorageService.{i}.FTPServer.**", "**.X_*.**", "Device.*NumberOfEntries",
        "Device.IP.Diagnostics.UDPEcho*.**", "InternetGatewayDevice.LANDevice.{i}.WLANConfiguration.{i}.WPA*",
    ],
)  # fmt: skip
def test_a_leaf_for_any_pattern(pattern):
    root = "InternetGatewayDevice." if pattern.startswith("Internet") else "Device."
    assert matches(pattern, leaf_for(pattern, root))

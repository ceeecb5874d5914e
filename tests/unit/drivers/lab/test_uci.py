"""UCI: staged until committed, spelled as `uci` spells it."""

import pytest

from drivers.lab.uci import EntryNotFound, Section, Uci


@pytest.fixture
def uci() -> Uci:
    return Uci(
        {
            "wireless": [
                Section("wifi-device", "radio0", {"channel": "36", "list": ["a", "b"]}),
                Section("wifi-iface", None, {"ssid": "it's"}),
                Section("wifi-iface", None, {"ssid": "second"}),
            ],
            "system": [Section("system", None, {"hostname": "OpenWrt"})],
        }
    )


def test_values_are_found_by_name_and_by_place(uci):
    assert uci.get("wireless.radio0") == "wifi-device"
    assert uci.get("wireless.radio0.channel") == "36"
    assert uci.get("wireless.@wifi-iface[1].ssid") == "second"
    assert uci.get("wireless.@wifi-iface[-1].ssid") == "second"
    assert uci.get("wireless.radio0.list") == ["a", "b"]


@pytest.mark.parametrize(
    "path", ["wireless", "nosuch.x", "wireless.nosuch", "wireless.radio0.nosuch", "wireless.@wifi-iface[9].ssid"]
)
def test_what_is_not_there_is_an_error(uci, path):
    with pytest.raises(EntryNotFound):
        uci.get(path)


def test_changes_are_staged_until_they_are_committed(uci):
    uci.set("wireless.radio0.channel", "6")
    assert uci.get("wireless.radio0.channel") == "6"
    assert uci.get("wireless.radio0.channel", saved=True) == uci.text("wireless.radio0.channel") == "36"
    assert uci.changes() == uci.changes("wireless") == ["wireless.radio0.channel='6'"]
    uci.commit("system")
    assert uci.text("wireless.radio0.channel") == "36"
    uci.commit("wireless")
    assert uci.text("wireless.radio0.channel") == "6"
    assert uci.changes() == []


def test_changes_can_be_taken_back(uci):
    uci.set("wireless.radio0.channel", "6")
    uci.revert("wireless")
    uci.commit()
    assert uci.text("wireless.radio0.channel") == "36"


def test_lists_sections_and_removal(uci):
    uci.add_list("wireless.radio0.list", "c")
    uci.add_list("wireless.radio0.channel", "40")
    uci.set("wireless.guest", "wifi-iface")
    uci.delete("wireless.@wifi-iface[0]")
    name = uci.add("wireless", "wifi-vlan")
    assert name.startswith("cfg")
    uci.commit()
    assert uci.get("wireless.radio0.list") == ["a", "b", "c"]
    assert uci.get("wireless.radio0.channel") == ["36", "40"]
    assert [section.name for section in uci.sections("wireless", "wifi-iface")] == [None, "guest"]
    with pytest.raises(EntryNotFound):
        uci.delete("wireless.radio0.nosuch")


def test_show_spells_names_places_lists_and_quotes(uci):
    assert uci.show("wireless") == [
        "wireless.radio0=wifi-device",
        "wireless.radio0.channel='36'",
        "wireless.radio0.list='a' 'b'",
        "wireless.@wifi-iface[0]=wifi-iface",
        "wireless.@wifi-iface[0].ssid='it'\\''s'",
        "wireless.@wifi-iface[1]=wifi-iface",
        "wireless.@wifi-iface[1].ssid='second'",
    ]
    assert uci.show("wireless.radio0.channel") == ["wireless.radio0.channel='36'"]
    assert uci.show()[0] == "system.@system[0]=system"
    with pytest.raises(EntryNotFound):
        uci.show("nosuch")


def test_export_is_the_file(uci):
    assert uci.export("wireless").startswith(
        "\nconfig wifi-device 'radio0'\n\toption channel '36'\n\tlist list 'a'\n\tlist list 'b'\n"
    )

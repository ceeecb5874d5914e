"""One spelling for each CPE."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cwmp.device import DeviceId
from drivers.errors import DriverError

PART = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def device(oui: str, product_class: str, serial: str) -> DeviceId:
    return DeviceId(oui=oui, product_class=product_class, serial=serial)


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        (("00D09E", "DSL2800", "ABC123"), "00D09E-DSL2800-ABC123"),
        (("00D09E", "", "ABC123"), "00D09E-ABC123"),
        (("00040E", "FRITZ!Box", "0896D7"), "00040E-FRITZ%21Box-0896D7"),
        (("005018", "AX-1122", "1"), "005018-AX%2D1122-1"),
        (("000FB7", "Cavium eNB", "10.1"), "000FB7-Cavium%20eNB-10%2E1"),
        (("000001", "ä", "1"), "000001-%C3%A4-1"),
    ],
)
def test_the_key_escapes_what_could_be_a_dash(parts, key):
    assert device(*parts).key == key
    assert DeviceId.parse(key) == device(*parts)


@given(PART.map(str.strip).filter(bool), st.just("") | PART, PART.map(str.strip).filter(bool))
def test_parse_undoes_key(oui, product_class, serial):
    assert DeviceId.parse(device(oui, product_class, serial).key) == device(oui, product_class, serial)


def test_two_devices_never_have_one_key():
    assert device("a-b", "c", "d").key != device("a", "b-c", "d").key
    assert device("a", "", "b-c").key != device("a", "b", "c").key


@pytest.mark.parametrize("text", ["", "00D09E", "a-b-c-d", "a--c", "-a"])
def test_what_is_no_device_id_says_how_one_looks(text):
    with pytest.raises(DriverError, match="write OUI-ProductClass-Serial"):
        DeviceId.parse(text)


def test_the_model_is_what_quirks_go_by():
    assert device("001BBF", "Fast2764GV", "NQ1").model == "001BBF-Fast2764GV"

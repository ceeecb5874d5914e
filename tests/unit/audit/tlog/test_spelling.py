"""One spelling of base64, numbers and names."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog.spelling import MAX_SIZE, canonical_base64, canonical_number, hash_base64, is_name


@given(st.binary(max_size=70))
def test_base64_is_read_in_its_own_spelling(raw):
    text = base64.b64encode(raw).decode()
    assert canonical_base64(text, "x") == raw
    for wrong in (text + "=", text + "\n", " " + text, text.rstrip("=") if text.endswith("=") else text + "A"):
        with pytest.raises(BadEntry, match="base64 of x"):
            canonical_base64(wrong, "x")


@pytest.mark.parametrize("text", ["AB==", "AAB=", "A", "A===", "AA==AA==", "AA-_", "AA\u00e9=", "\ud800"])
def test_other_spellings_of_base64(text):
    with pytest.raises(BadEntry, match="base64 of x"):
        canonical_base64(text, "x")


def test_a_hash_has_32_bytes():
    assert hash_base64(base64.b64encode(bytes(32)).decode(), "x") == bytes(32)
    with pytest.raises(BadEntry, match="31 bytes in x"):
        hash_base64(base64.b64encode(bytes(31)).decode(), "x")


@given(st.integers(0, MAX_SIZE))
def test_numbers_are_read_in_their_own_spelling(number):
    assert canonical_number(str(number), "x") == number
    with pytest.raises(BadEntry):
        canonical_number(f"0{number}", "x")


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1 ", "1_0", "0x1", "1.0", "٣", "²", str(MAX_SIZE + 1), "9" * 9999]
)
def test_what_is_no_number(text):
    with pytest.raises(BadEntry, match="in x"):
        canonical_number(text, "x")


@pytest.mark.parametrize("name", ["a", "logs.example/1", "é", "a\u200db", "=", "\u2014"])
def test_names(name):
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a+b", "a\nb", "a\tb", "a\x01b", "a\u2003b", "a\u0085b", "a\u00a0b", "\ud800"]
)
def test_what_is_no_name(name):
    assert not is_name(name)

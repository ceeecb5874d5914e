"""Canonical JSON: the same bytes as RFC 8785, and nothing else is read back."""

from enum import StrEnum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.encoding import MAX_DEPTH, decode, encode
from audit.errors import BadEntry

_bmp = st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF)
_any = st.characters(exclude_categories=["Cs"])
_scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(_any)
values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(_bmp), inner, max_size=5),
    max_leaves=25,
)


@given(values)
def test_equal_to_the_reference_implementation(value):
    assert encode(value) == rfc8785.dumps(value)


@given(values)
def test_read_back_unchanged(value):
    assert decode(encode(value)) == value


def test_control_characters_are_escaped_as_the_rfc_says():
    assert encode('\x00\x08\x09\x0a\x0c\x0d\x1f"\\/\x7fé€') == '"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\/\x7fé€"'.encode()


def test_enumerated_text_is_text():
    class Colour(StrEnum):
        RED = "red"

    assert encode({"c": Colour.RED}) == b'{"c":"red"}'


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        {"a": 0.0},
        [1e3],
        2**53,
        -(2**53),
        {1: "x"},
        b"bytes",
        ("tuple",),
        {"\U0001f600": 1},
        "\ud800",
    ],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(BadEntry):
        encode(value)


def test_deep_nesting_is_refused_both_ways():
    value: object = 1
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(BadEntry):
        encode(value)
    with pytest.raises(BadEntry):
        decode(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b"1.0",
        b"1e2",
        b"-0",
        b"NaN",
        b"Infinity",
        b'"\\u0041"',
        b'"\\/"',
        b'"\\u001F"',
        b" 1",
        b"1\n",
        b"\xff",
        b"\xef\xbb\xbf1",
        b'"\\ud800"',
        b"9007199254740992",
        b"9" * 5000,
        '"\u2028'.encode(),
    ],
)
def test_other_spellings_are_refused(data):
    with pytest.raises(BadEntry):
        decode(data)


def test_the_error_names_the_place_and_not_the_content():
    with pytest.raises(BadEntry) as caught:
        encode({"password": {"hunter2": 0.5}})
    assert "hunter2" not in str(caught.value)

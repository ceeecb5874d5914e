"""Entry bundles: framing byte by byte, round trips, and every kind of damage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog.bundle import MAX_ENTRY, decode_bundle, encode_bundle

bundles = st.lists(st.binary(max_size=40), min_size=1, max_size=30)


def test_each_entry_stands_behind_its_length():
    assert encode_bundle([b"one", b"", b"x" * 258]) == b"\x00\x03one" + b"\x00\x00" + b"\x01\x02" + b"x" * 258


def test_the_longest_entry_and_a_full_bundle():
    entries = [bytes([number]) * (MAX_ENTRY if number in (0, 255) else 1) for number in range(256)]
    assert decode_bundle(encode_bundle(entries), 256) == entries


@pytest.mark.parametrize("entries", [[], [b""] * 257, [b"x" * 65536]])
def test_what_fits_no_bundle(entries):
    with pytest.raises(BadEntry):
        encode_bundle(entries)


@given(bundles)
def test_read_back(entries):
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


@given(bundles, st.integers(0, 40))
def test_another_number_of_entries_is_refused(entries, width):
    data = encode_bundle(entries)
    if width != len(entries):
        with pytest.raises(BadEntry):
            decode_bundle(data, width)
    with pytest.raises(BadEntry):
        decode_bundle(data + b"\x00", len(entries))
    with pytest.raises(BadEntry):
        decode_bundle(data[:-1], len(entries))


@given(st.binary(max_size=300), st.integers(0, 260))
def test_arbitrary_bytes_raise_one_kind_of_error_or_are_the_encoding(data, width):
    try:
        entries = decode_bundle(data, width)
    except BadEntry:
        return
    assert not data if not entries else encode_bundle(entries) == data

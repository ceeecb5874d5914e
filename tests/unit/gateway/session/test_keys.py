"""What `gateway/session/keys.py` promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.session.keys import DELETE, InputFilter, Keys


def typed(*packets: bytes) -> tuple[str, int]:
    """Text and number of bells."""
    made = InputFilter()
    keys = [item for packet in packets for item in made.feed(packet)]
    return "".join(item.text for item in keys), sum(item.bell for item in keys)


@pytest.mark.parametrize(
    "packets",
    [
        (b"a\rb",),
        (b"a\nb",),
        (b"a\r\nb",),
        (b"a\r", b"\nb"),
        (b"a\r\0b",),
        (b"a\r", b"\0b"),
        (b"a\x1bOMb",),
    ],
)
def test_line_ends_are_alike(packets: tuple[bytes, ...]) -> None:
    assert typed(*packets) == ("a\nb", 0)


def test_two_line_ends_are_two() -> None:
    assert typed(b"\r\r\n\n\r") == ("\n\n\n\n", 0)
    assert typed(b"\n\r") == ("\n\n", 0)
    assert typed(b"\r\0\n") == ("\n", 0)


def test_nul_is_dropped() -> None:
    assert typed(b"a\0b\0") == ("ab", 0)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"\x1b[A", "\x10"),
        (b"\x1bOB", "\x0e"),
        (b"\x1b[C", "\x06"),
        (b"\x1b[D", "\x02"),
        (b"\x1b[1~", "\x01"),
        (b"\x1bOF", "\x05"),
        (b"\x1b[3~", DELETE),
        (b"\x9bA", "\x10"),
        (b"\xc2\x9bA", "\x10"),
        (b"\x08", "\x08"),
        (b"\x03", "\x03"),
        (b"\t", "\t"),
    ],
)
def test_editing_keys(data: bytes, key: str) -> None:
    assert typed(data) == (key, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b[5~",
        b"\x1b[1;5C",
        b"\x1b[[A",
        b"\x1bb",
        b"\x1b(B",
        b"\x1b[200q",
        b"\x1b]0;title\x07",
        b"\x1b]0;title\x1b\\",
        b"\x1bP1$r0m\x1b\\",
        b"\x1b_x\x1b\\",
        b"\x07",
        b"\x1c",
        b"\x7f\x0c"[1:],
        b"\xff",
        b"\xc2\x85",
        "\u2028".encode(),
        "\u202e".encode(),
    ],
)
def test_swallowed_whole_with_a_bell(data: bytes) -> None:
    text, bells = typed(b"a" + data + b"b")
    assert text == "ab"
    assert bells >= 1


def test_a_control_string_without_end_stops_at_the_line() -> None:
    assert typed(b"\x1b]0;abc\rshow\r") == ("\nshow\n", 1)
    assert typed(b"\x1b]0;abc\x03") == ("\x03", 1)
    assert typed(b"\x1b]" + b"x" * 5000 + b"end\r")[0].endswith("end\n")


def test_a_control_character_breaks_a_sequence() -> None:
    assert typed(b"\x1b[1\x03") == ("\x03", 1)
    assert typed(b"\x1b\x1b[A") == ("\x10", 1)
    assert typed(b"\x1b\rx") == ("\nx", 1)


def test_bracketed_paste() -> None:
    made = InputFilter()
    keys = made.feed(b"a\x1b[200~b\tc?\r\nd\x03\x1b[Ae\x1b[201~f\x03")
    assert keys == [
        Keys("a"),
        Keys("b c?\nd", pasted=True),
        Keys("", pasted=True, bell=True),
        Keys("", pasted=True, bell=True),
        Keys("e", pasted=True),
        Keys("f\x03"),
    ]


def test_utf8_in_pieces() -> None:
    assert typed(b"caf\xc3", b"\xa9 \xe2\x82", b"\xac") == ("café €", 0)


@given(st.binary(max_size=200), st.data())
def test_packets_make_no_difference(data: bytes, draw: st.DataObject) -> None:
    cut = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    pieces = [data[start:end] for start, end in zip([0, *cut], [*cut, len(data)], strict=True)]
    assert typed(data) == typed(*pieces)


@given(st.binary(max_size=200))
def test_nothing_but_text_and_keys_comes_out(data: bytes) -> None:
    text, _ = typed(data)
    for char in text.replace(DELETE, ""):
        assert char.isprintable() or char in "\n\x01\x02\x03\x04\x05\x06\x08\x09\x0b\x0e\x10\x12\x15\x17\x19\x7f"

"""`audit.recording.terminal`: hostile output cannot drive a terminal, wherever it is cut into chunks."""

import random
import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.recording.terminal import MAX_PARAMETERS, Cleaner, clean, visible

KEPT = re.compile(r"\x1b\[(?:[0-9;:]*m|[0-2]?K)")
CONTROL = re.compile(r"[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]")

FRAGMENTS = [
    *(bytes([code]) for code in b"\x1b[]PX^_k\\\x07\x18\x1a\x9b\x9c\x9d\x90\xc2\xe0\xffmKc(0?>\r\n\t\b\x00\x05"),
    *(b"\xc2\x9b", b"\xc2\x9d", b"\xc2\x9c", b"\xe2\x9b", b"\xf0\x9f", b"\xed\xa0\x80", "é€😀".encode()),
    *(b"0;31", b"6n", b"52;c;AA", b"text", b"\r\n"),
    *(b"1;" * (MAX_PARAMETERS // 2), b"1" * (MAX_PARAMETERS + 1), b"(" * (MAX_PARAMETERS + 3)),
]

hostile = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=4)), max_size=30).map(b"".join)


def pieces(data: bytes, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    while data:
        size = rng.choice((0, 1, 1, 2, 3, 7, 100))
        yield data[:size]
        data = data[size:]


def leftover_controls(text: str) -> list[str]:
    return CONTROL.findall(KEPT.sub("", text))


@pytest.mark.parametrize(
    "data",
    [
        b"Router# show version\r\nCisco IOS XE\r\n",
        b"\x1b[1;34mbin\x1b[0m  \x1b[38;2;1;2;3;48:5:7mx\x1b[m",
        b" --More-- \b\b\b\b\b\x1b[K\x1b[0K\x1b[1K\x1b[2K\tcol\r",
        "Anschluß – 端口 😀".encode(),
        b"",
    ],
)
def test_what_a_router_needs_stays(data):
    assert clean(data) == data.decode()


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b]0;owned\x07",
        b"\x1b]2;owned\x1b\\",
        b"\x1b]52;c;cm0gLXJm\x07",
        b"\x1b]52;c;?\x1b\\",
        b"\x1b]8;;http://evil.example\x1b\\",
        b"\x1b]8;;\x1b\\",
        b"\x1b]4;1;?\x07",
        b"\x1b]10;?\x07",
        b"\x1b]1337;File=inline=1:AAAA\x07",
        b"\x1b]777;notify;a;b\x07",
        b"\x1bP$q\"p\x1b\\",
        b"\x1bP+q544e\x1b\\",
        b"\x1bP1;1|17/6c73\x1b\\",
        b"\x1b_Gf=100;AAAA\x1b\\",
        b"\x1b^private\x1b\\",
        b"\x1bXstart of string\x1b\\",
        b"\x1bktmux title\x1b\\",
        b"\x1bPtmux;\x1b\x1b]52;c;QQ==\x07\x1b\\",
        b"\x9d0;owned\x9c",
        b"\x9d52;c;QQ==\x07",
        b"\x90$q\"p\x9c",
        b"\x9fapc\x9c",
        b"\x9epm\x9c",
        b"\x98sos\x9c",
        b"\xc2\x9d0;owned\xc2\x9c",
        b"\xc2\x90$qm\xc2\x9c",
        b"\xc2\x9fapc\x1b\\",
        b"\xc2\x9epm\xc2\x9c",
        b"\xc2\x98sos\xc2\x9c",
        b"\xc2\x9b6n",
        b"\x9bc",
        b"\x1b[c",
        b"\x1b[>c",
        b"\x1b[=c",
        b"\x1b[5n",
        b"\x1b[6n",
        b"\x1b[?6n",
        b"\x1b[1x",
        b"\x1b[21t",
        b"\x1b[3;0;0t",
        b"\x1b[?1049h",
        b"\x1b[?2004h",
        b"\x1b[?1000h",
        b"\x1b[4h",
        b"\x1b[20h",
        b"\x1b[>4;2m",
        b"\x1b[?4m",
        b"\x1b[?4$p",
        b"\x1b[!p",
        b"\x1b[61\"p",
        b"\x1b[2J",
        b"\x1b[H",
        b"\x1b[10;10H",
        b"\x1b[5A",
        b"\x1b[1;2r",
        b"\x1b[s",
        b"\x1b[u",
        b"\x1b[1000b",
        b"\x1b[?K",
        b"\x1b[3K",
        b"\x1b[i",
        b"\x1b[5i",
        b"\x1bc",
        b"\x1b7",
        b"\x1b8",
        b"\x1b=",
        b"\x1b>",
        b"\x1bZ",
        b"\x1bD",
        b"\x1bE",
        b"\x1bM",
        b"\x1bN",
        b"\x1bO",
        b"\x1b(0",
        b"\x1b)B",
        b"\x1b%G",
        b"\x1b#8",
        b"\x1b F",
        b"\x05",
        b"\x07",
        b"\x0e",
        b"\x0f",
        b"\x00",
        b"\x7f",
        b"\x1b",
        b"\x1b\x1b\x1b",
        b"\xc2\x84",
        b"\xc2\x9a",
        b"\x1b[" + b"1;" * MAX_PARAMETERS + b"m",
    ],
)  # fmt: skip
def test_what_drives_a_terminal_goes_with_all_it_carries(sequence):
    assert clean(b"before\n" + sequence + b"\r\nafter") == "before\n\r\nafter"


@pytest.mark.parametrize(
    "opener", [b"\x1b]0;", b"\x1bP", b"\x1b_", b"\x1b^", b"\x1bX", b"\x9d", b"\xc2\x90", b"\x1b[", b"\x1b(", b"\x1b"]
)
def test_an_unfinished_sequence_is_dropped_at_the_end(opener):
    cleaner = Cleaner()
    assert cleaner.feed(b"text" + opener) == "text"
    assert cleaner.flush() == ""
    assert cleaner.feed(b"mfresh") == "mfresh"


def test_a_string_without_end_hides_one_line_only():
    assert clean(b"\x1b]52;c;AAAA\r\nRouter#") == "\r\nRouter#"


def test_a_broken_sequence_ends_where_its_grammar_ends():
    assert clean(b"\x1b[31\nm") == "\nm"
    assert clean(b"\x1b[3\x1b[1mbold") == "\x1b[1mbold"
    assert clean("\x1b[3é".encode()) == "é"
    assert clean(b"\x1b]0;a\x18shown") == "shown"
    assert clean(b"\x1b]0;a\x1b[1mshown") == "\x1b[1mshown"


def test_colours_in_c1_form_stay_as_seven_bit():
    assert clean(b"\x9b31mred\xc2\x9b0m") == "\x1b[31mred\x1b[0m"


def test_invalid_bytes_become_replacement_characters():
    data = b"caf\xe9 \xff\xfe \xe2\x82 \xf0\x9f\x98 \xc0\xaf \xed\xa0\x80 \x80\x85\xf5 \xe2\x9bx \xe0\x80\xbf"
    assert clean(data) == data.decode("utf-8", "replace")


@given(st.binary())
def test_invalid_bytes_are_grouped_as_python_does(data):
    plain = re.sub(rb"[\x00-\x07\x0b\x0c\x0e-\x1f\x7f\x90\x98\x9b-\x9f]|\xc2[\x80-\x9f]", b"", data)
    assert CONTROL.sub("", clean(plain)) == CONTROL.sub("", plain.decode("utf-8", "replace"))


@given(hostile, st.integers())
def test_cutting_makes_no_difference(data, seed):
    cleaner = Cleaner()
    assert "".join(map(cleaner.feed, pieces(data, seed))) + cleaner.flush() == clean(data)


@given(hostile)
def test_no_control_survives_but_the_allowed(data):
    text = clean(data)
    assert leftover_controls(text) == []
    text.encode()


@given(hostile)
def test_cleaning_twice_changes_nothing(data):
    text = clean(data)
    assert clean(text.encode()) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"])))
def test_printable_text_is_unchanged(text):
    assert clean(text.encode()) == text


ENDLESS = [
    b"\x1b]xx",
    b"\x1b[11",
    b"\x1b((",
    b"\x9fxx",
    b"\x1b[1;",
    b"\x1b",
    b"\x1b[",
    b"\x1b[1;1m",
    b"\x1b]\x07",
    b"\xff",
    b"\x9b",
]


@pytest.mark.parametrize("start", ENDLESS)
def test_memory_is_bounded_however_long_a_sequence_is(start):
    cleaner = Cleaner()
    cleaner.feed(start)
    held = []
    for _ in range(200):
        cleaner.feed(start[-1:] * 50)
        held.append(len(cleaner._held))
    assert max(held) <= MAX_PARAMETERS + 2


@pytest.mark.parametrize("unit", ENDLESS)
@pytest.mark.parametrize("repeat", ["all of it", "its last byte"])
def test_work_is_linear(unit, repeat):
    """Eight times the input takes about eight times the work; were it quadratic, 64 times. Times only as a ratio."""
    tail = unit if repeat == "all of it" else unit[-1:]

    def work(count: int) -> float:
        data = unit + tail * (count // len(tail))
        spent = []
        for _ in range(5):
            start = time.process_time_ns()
            clean(data)
            spent.append(time.process_time_ns() - start)
        return min(spent)

    small, large = work(8_000), work(64_000)
    assert large < 30 * max(small, 10_000)


@pytest.mark.parametrize(("text", "expected"), [
    ("plain é 端", "plain é 端"),
    ("a\x1b[31mb", "a\\x1b[31mb"),
    ("\r\n\t", "\\r\\n\\t"),
    ("\x9b\x7f\x00", "\\x9b\\x7f\\x00"),
    ("abc\u202edef\u2066\u200f", "abc\\u202edef\\u2066\\u200f"),
    ("\u2028\ud800", "\\u2028\\ud800"),
])  # fmt: skip
def test_visible_spells_out_controls(text, expected):
    assert visible(text) == expected


@given(st.text(alphabet=st.characters()))
def test_visible_text_is_one_encodable_line(text):
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert shown.isprintable() or not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    shown.encode()

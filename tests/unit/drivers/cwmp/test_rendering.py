"""What `drivers/cwmp/rendering.py` promises: values on their own line, aligned, bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cwmp.rendering import bounded, count, formed, pairs, printable, table


@given(st.text())
def test_whatever_a_router_sends_stays_on_its_line(text):
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert len(pairs([(text, text)]).splitlines()) == 1


def test_long_values_say_that_they_were_cut():
    assert printable("x" * 20, 5) == "xxxxx... (15 more characters)"


def test_tables_are_aligned():
    assert table(["#", "Name"], [["1", "a"], ["10", "b" * 60]]) == f"#   Name\n1   a\n10  {'b' * 45}...\n"
    assert pairs([("a", "1"), ("bcd", "")]) == "a    1\nbcd\n"


def test_a_table_too_wide_for_a_terminal_is_turned():
    titles = ["#", *(f"Margin {n}" for n in range(9))]
    row = ["1", *("10.0 dB" for _ in range(9))]
    assert table(titles, [row]).startswith("#         1\nMargin 0  10.0 dB\nMargin 1  10.0 dB\n")
    rows = [[str(n), *("x" * 20 for _ in range(9))] for n in range(5)]
    shown = table(titles, rows)
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert shown.count("#         ") == 5


def test_output_is_bounded():
    assert bounded("a\nb\n", 2) == "a\nb\n"
    assert bounded("a\nb\nc\n", 2) == "a\nb\n(1 more lines are not shown: ask for a narrower path.)\n"


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        ("90061", "duration", "1 d 1 h"),
        ("0", "duration", "0 s"),
        ("-1", "duration", "-1"),
        ("86400", "duration", "1 d"),
        ("512", "kib", "512 KiB"),
        ("-1", "or_auto", "auto"),
        ("1000", "or_auto", "1000"),
        ("Auto", "or_auto", "Auto"),
        ("-18440", "milli_dbm", "-18.4 dBm"),
        ("112000000", "bit", "112000 kbit/s"),
        ("Device.WiFi.Radio.1.", "object", "WiFi.Radio.1"),
        ("Device.WiFi.Radio.1,Device.WiFi.Radio.2.", "object", "WiFi.Radio.1, WiFi.Radio.2"),
        ("eth0", "object", "eth0"),
        ("524288", "kib", "512 MiB"),
        ("-1", "percent", "auto"),
        ("62", "tenth_db", "6.2 dB"),
        ("-70", "dbm", "-70 dBm"),
        ("9", "ms", "9 ms"),
        ("100", "kbit", "100 kbit/s"),
        ("True", "yes_no", "yes"),
        ("0", "yes_no", "no"),
        ("maybe", "yes_no", "maybe"),
        ("n/a", "duration", "n/a"),
        ("9" * 40, "duration", "9" * 40),
        ("\u0663", "kbit", "\u0663"),
        ("5", None, "5"),
    ],
)
def test_numbers_as_people_write_them(value, form, text):
    assert formed(value, form) == text


def test_counts():
    assert (count(1, "value"), count(2, "value"), count(2, "entry", "entries")) == ("1 value", "2 values", "2 entries")

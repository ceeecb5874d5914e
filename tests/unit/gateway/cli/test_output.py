"""What is printed: escaped, one value, UTC."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import output

HOSTILE = "\x1b]0;title\x07\u202ered\x9b31m\r\n\tx"


def test_no_control_character_leaves_a_table(capsys):
    output.print_table(["a", "b"], [[HOSTILE, [HOSTILE]], [None, True]], empty="")
    out = capsys.readouterr().out
    assert out.count("\n") == 3
    assert all(character.isprintable() or character == "\n" for character in out)
    assert "\\x1b]0;title\\x07\\u202ered" in out


@given(st.text())
def test_nothing_that_is_stored_can_drive_a_terminal(text):
    shown = str(output._cell(text))
    assert all(ord(character) >= 0x20 and not 0x7F <= ord(character) <= 0x9F for character in shown)


def test_no_control_character_leaves_a_record_or_a_note(capsys):
    output.print_record({"reason": HOSTILE, "facts": {"a": HOSTILE}})
    output.print_text(HOSTILE)
    output.note(HOSTILE)
    out, err = capsys.readouterr()
    assert not {"\x1b", "\x9b", "\u202e", "\r", "\t"} & set(out + err)


def test_a_text_of_several_lines_goes_on_below_its_first(capsys):
    output.print_record({"origin": "logs.isp", "keys": "one\ntwo"})
    assert capsys.readouterr().out.splitlines() == ["origin  logs.isp", "keys    one", "        two"]


def test_markup_is_text(capsys):
    output.print_record({"reason": "[bold]x[/bold] :smile:"})
    assert "[bold]x[/bold] :smile:" in capsys.readouterr().out


def test_a_long_row_is_one_line_in_a_pipe(capsys):
    output.print_table(["a", "b"], [["x" * 300, "y" * 300]], empty="")
    assert capsys.readouterr().out.splitlines()[1] == f"{'x' * 300}  {'y' * 300}"


def test_nothing_to_list_is_a_sentence(capsys):
    output.print_table(["a"], [], empty="Nothing yet.")
    assert capsys.readouterr().out == "Nothing yet.\n"


def test_json_is_ascii_and_one_line(capsys):
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    value = {"t": HOSTILE, "at": when, "b": b"\x01", "p": Path("/x"), "s": frozenset({"b", "a"})}
    output.print_json(value)
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert json.loads(out) == {"t": HOSTILE, "at": "2026-01-02T01:04:05Z", "b": "01", "p": "/x", "s": ["a", "b"]}


def test_what_has_no_json_form_is_an_error():
    with pytest.raises(TypeError):
        output.print_json(object())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-01-02T03:04:05+02:00", "2026-01-02 01:04:05Z"),
        ("2026-01-02T03:04:05.123456Z", "2026-01-02 03:04:05Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00Z"),
        ("no time", "no time"),
        (None, "-"),
    ],
)
def test_times_are_utc(value, shown):
    assert output.moment(value) == shown

"""`audit.recording.cast`: asciicast v3 there and back, v2 for the stock player."""

import contextlib
import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.recording.cast import (
    Cast,
    CommandMark,
    Comment,
    Event,
    Header,
    event_lines,
    header_line,
    parse_events,
    parse_v3,
    render_v2,
    render_v3,
)
from audit.recording.errors import BadRecording

HEADER = Header(80, 24, 1_767_268_800, "Vestibule session X")

text = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
data = {
    "o": text,
    "i": text,
    "m": text,
    "r": st.builds("{}x{}".format, st.integers(1, 500), st.integers(1, 500)),
    "x": st.integers(-128, 255).map(str),
}


@st.composite
def casts(draw):
    at, items = 0, []
    for code in draw(st.lists(st.sampled_from([*data, "#"]), max_size=12)):
        if code == "#":
            items.append(Comment(" ".join(draw(text).split())))
            continue
        at += draw(st.integers(0, 10**10))
        items.append(Event(at, code, draw(data[code])))
    timestamp = draw(st.none() | st.integers(0, 2**33))
    header = Header(draw(st.integers(1, 500)), draw(st.integers(1, 500)), timestamp, draw(st.none() | text))
    return Cast(header, tuple(items))


@given(casts())
def test_version_3_there_and_back(cast):
    assert parse_v3("".join(render_v3(cast.header, cast.items))) == cast


@given(casts(), st.integers(0, 12))
def test_chunks_joined_are_the_whole(cast, cut):
    """Intervals are relative, so a file cut anywhere and joined again is the same file."""
    first, second = cast.items[:cut], cast.items[cut:]
    until = max((item.at for item in first if isinstance(item, Event)), default=0)
    joined = header_line(cast.header) + event_lines(first, 0) + event_lines(second, until)
    assert joined == "".join(render_v3(cast.header, cast.items))
    assert tuple(parse_events(event_lines(second, until), until)) == second


@given(casts())
def test_version_2_has_absolute_times(cast):
    header, *events = map(json.loads, "".join(render_v2(cast.header, cast.items)).split("\n")[:-1])
    assert (header["version"], header["width"], header["height"]) == (2, cast.header.width, cast.header.height)
    wanted = [e for e in cast.items if isinstance(e, Event) and e.code != "x"]
    assert [(round(at * 1_000_000), code, data) for at, code, data in events] == [
        (e.at, e.code, e.data) for e in wanted
    ]


def test_a_version_3_file_looks_like_the_specification():
    items = (Event(248_000, "o", "\x1b[1mHello\r\n"), Comment("a\nb"), Event(1_248_001, "m", "cmd 1 allow"))
    assert "".join(render_v3(HEADER, items)).splitlines() == [
        '{"version":3,"term":{"cols":80,"rows":24},"timestamp":1767268800,"title":"Vestibule session X"}',
        '[0.248,"o","\\u001b[1mHello\\r\\n"]',
        "# a b",
        '[1.000001,"m","cmd 1 allow"]',
    ]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("", "Line 1"),
        ("[]\n", "Line 1"),
        ("# comment first\n", "Line 1"),
        ('{"version":2,"width":80,"height":24}\n', "version 3"),
        ('{"version":3}\n', "term"),
        ('{"version":3,"term":{"cols":80}}\n', "term"),
        ('{"version":3,"term":{"cols":0,"rows":24}}\n', "size"),
        ('{"version":3,"term":{"cols":true,"rows":24}}\n', "size"),
        ('{"version":3,"term":{"cols":80,"rows":24},"env":{}}\n', "env"),
        ('{"version":3,"term":{"cols":80,"rows":24},"timestamp":-1}\n', "timestamp"),
        ('{"version":3,"term":{"cols":80,"rows":24},"title":5}\n', "title"),
        ('HEADER[0.1,"o","x"]', "middle of a line"),
        ("HEADERnonsense\n", "Line 2 is not JSON"),
        ('HEADER[0.1,"o"]\n', "three parts"),
        ('HEADER{"a":1}\n', "three parts"),
        ('HEADER[0.1,"z","x"]\n', "code"),
        ('HEADER[0.1,["o"],"x"]\n', "code"),
        ('HEADER[0.1,"o",5]\n', "not a text"),
        ('HEADER["0.1","o","x"]\n', "not a number"),
        ('HEADER[true,"o","x"]\n', "not a number"),
        ('HEADER[-0.1,"o","x"]\n', "negative"),
        ('HEADER[1e999,"o","x"]\n', "absurdly"),
        ('HEADER[NaN,"o","x"]\n', "not JSON"),
        ('HEADER[0.1,"r","80"]\n', "fit its code"),
        ('HEADER[0.1,"x","bad"]\n', "fit its code"),
        ('HEADER[0.1,"o","x"]\n\n', "Line 3 is not JSON"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_line(lines, complaint):
    with pytest.raises(BadRecording, match=complaint):
        parse_v3(lines.replace("HEADER", header_line(HEADER)))


@given(st.text())
def test_any_other_text_is_refused_or_read_but_never_crashes(text):
    with contextlib.suppress(BadRecording):
        parse_v3(header_line(HEADER) + text)


@pytest.mark.parametrize(
    ("mark", "label"),
    [(CommandMark(7, "allow", 1042), "cmd 7 allow entry 1042"), (CommandMark(0, "deny"), "cmd 0 deny")],
)
def test_a_command_mark_there_and_back(mark, label):
    assert mark.label() == label
    assert CommandMark.parse(label) == mark


@pytest.mark.parametrize("label", ["", "chapter 1", "cmd x allow", "cmd 1", "cmd 1 allow entry", "cmd 1 allow\n"])
def test_other_markers_are_no_command_marks(label):
    assert CommandMark.parse(label) is None


def test_the_stock_asciinema_plays_version_2(require_program, tmp_path):
    program = require_program("asciinema")
    items = (
        Event(1_000, "o", "Router# "),
        Event(2_000, "m", "cmd 3 allow entry 9"),
        Event(2_000, "i", "show version"),
        Event(3_000, "r", "100x30"),
        Event(4_000, "o", "\x1b[1mé端😀\x1b[0m\r\n"),
        Event(5_000, "x", "0"),
    )
    path = tmp_path / "session.cast"
    path.write_text("".join(render_v2(HEADER, items)), encoding="utf-8")
    # `asciinema cat` wants a controlling terminal; `script` gives it one.
    done = subprocess.run(
        [require_program("script"), "-qec", f"{program} cat {path}", "/dev/null"],
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
        env={"HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"},
    )
    assert done.stdout.decode() == "Router# \x1b[1mé端😀\x1b[0m\r\n"

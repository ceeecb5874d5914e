"""`audit.recording.schedule`: what a replay prints, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.recording.cast import CommandMark, Event
from audit.recording.errors import BadRecording
from audit.recording.library import Gap
from audit.recording.schedule import Frame, Plan, clock_time, schedule

S = 1_000_000


def out(at: float, text: str) -> Event:
    return Event(int(at * S), "o", text)


def mark(at: float, n: int) -> Event:
    return Event(int(at * S), "m", CommandMark(n, "allow", 100 + n).label())


COURSE = [
    out(0, "Router# "),
    out(1, "show version\r\n"),
    mark(1, 3),
    Event(S, "i", "show version"),
    out(1.5, "IOS XE\r\n"),
    out(1.5, "Router# "),
    out(61, "show clock\r\n"),
    mark(61, 6),
    out(61.25, "12:00\r\n"),
]


def waits(plan: Plan, moments=COURSE) -> list[float]:
    return [frame.wait for frame in schedule(moments, plan)]


def texts(plan: Plan, moments=COURSE) -> str:
    return "".join(frame.text for frame in schedule(moments, plan))


def test_it_plays_as_it_happened():
    assert waits(Plan(idle_limit=None)) == [0, 1, 0.5, 0, 59.5, 0.25]
    assert texts(Plan()) == "Router# show version\r\nIOS XE\r\nRouter# show clock\r\n12:00\r\n"


def test_speed_and_idle_limit():
    assert waits(Plan(speed=2, idle_limit=None)) == [0, 0.5, 0.25, 0, 29.75, 0.125]
    assert waits(Plan(idle_limit=2)) == [0, 1, 0.5, 0, 2, 0.25]
    assert waits(Plan(speed=2, idle_limit=2)) == [0, 0.5, 0.25, 0, 1, 0.125]
    assert waits(Plan(idle_limit=0)) == [0] * 6
    assert waits(Plan(speed="max")) == [0] * 6


def test_it_starts_with_a_command_and_the_prompt_before_it():
    assert list(schedule(COURSE, Plan(start_command=6))) == [
        Frame(61 * S, 0.0, "Router# show clock\r\n"),
        Frame(int(61.25 * S), 0.25, "12:00\r\n"),
    ]


def test_it_starts_at_a_time():
    frames = list(schedule(COURSE, Plan(start_at=1.2, idle_limit=None)))
    assert [frame.text for frame in frames] == ["IOS XE\r\n", "Router# ", "show clock\r\n", "12:00\r\n"]
    assert frames[0].wait == pytest.approx(0.3)
    assert texts(Plan(start_at=60)) == "Router# show clock\r\n12:00\r\n"


def test_a_command_that_is_not_there_is_said_with_those_that_are():
    with pytest.raises(BadRecording, match=r"no command 4; it has 3, 6\.$"):
        list(schedule(COURSE, Plan(start_command=4)))
    with pytest.raises(BadRecording, match="may lie there"):
        list(schedule([*COURSE, Gap(62 * S, None, "unfinished", "cut")], Plan(start_command=4)))
    with pytest.raises(BadRecording, match=r"it has 0, 1, .*, 19 and 5 more"):
        list(schedule([mark(n, n) for n in range(25)], Plan(start_command=99)))
    with pytest.raises(BadRecording, match="it has none"):
        list(schedule([], Plan(start_command=1)))


def test_output_is_cleaned_again():
    hostile = [out(0, "a\x1b]0;own"), out(1, "ed\x07b\x1b[6n\x1b[1mc"), out(2, "\x9b5nd\x1b[0m")]
    assert texts(Plan(), hostile) == "ab\x1b[1mcd\x1b[0m"


def test_commands_are_named_where_that_is_wanted():
    text = texts(Plan(marks=True))
    assert "Router# show version\r\n[cmd 3 allow entry 103]\r\nIOS XE" in text
    assert "Router# show clock\r\n[cmd 6 allow entry 106]\r\n12:00" in text
    assert texts(Plan(marks=True), [Event(0, "m", "\x1b[2J")]) == "[\\x1b[2J]\r\n"


def test_a_gap_is_printed_and_takes_its_time():
    gap = Gap(2 * S, 5 * S, "closed", "Chunk 3 \x1b[2J is gone.")
    frames = list(schedule([out(1, "x"), gap, out(6, "y")], Plan(idle_limit=None)))
    assert [frame.wait for frame in frames] == [1, 1, 1]
    assert frames[1].gap == gap
    assert frames[1].text == "\r\n[gap, closed, 0:00:02.000 to 0:00:05.000: Chunk 3 \\x1b[2J is gone.]\r\n"


def test_clock_time():
    assert clock_time(0) == "0:00:00.000"
    assert clock_time(3_725_250_999) == "1:02:05.250"


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": 0},
        {"speed": -1},
        {"speed": float("nan")},
        {"speed": float("inf")},
        {"idle_limit": -1},
        {"idle_limit": float("nan")},
        {"start_at": -1},
        {"start_at": float("inf")},
        {"start_at": 1, "start_command": 1},
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong):
    with pytest.raises(BadRecording):
        Plan(**wrong)


@st.composite
def courses(draw):
    at, moments = 0, []
    for kind in draw(st.lists(st.sampled_from("oomig"), max_size=12)):
        at += draw(st.integers(0, 100 * S))
        if kind == "g":
            moments.append(Gap(at, at + draw(st.integers(0, S)), "closed", draw(st.text())))
            at = moments[-1].until
        else:
            moments.append(Event(at, kind, draw(st.text())))
    return moments


@given(courses(), st.sampled_from([None, 0, 0.5, 2.0]), st.sampled_from(["max", 0.5, 1.0, 4.0]), st.integers(0, 300))
def test_no_wait_is_negative_or_longer_than_the_limit(moments, idle_limit, speed, start):
    plan = Plan(idle_limit=idle_limit, speed=speed, start_at=start)
    for frame in schedule(moments, plan):
        assert frame.wait >= 0
        if idle_limit is not None and speed != "max":
            assert frame.wait <= idle_limit / speed


@given(courses())
def test_at_a_quarter_of_the_time_nothing_is_lost(moments):
    full = list(schedule(moments, Plan(idle_limit=None, speed=4)))
    assert "".join(f.text for f in full) == "".join(f.text for f in schedule(moments, Plan(speed="max")))
    ends = [m.until if isinstance(m, Gap) else m.at for m in moments if isinstance(m, Gap) or m.code == "o"]
    silent = sum(m.until - m.at for m in moments if isinstance(m, Gap))
    assert 4 * sum(f.wait for f in full) <= (ends[-1] - silent if ends else 0) / S + S + 1e-6

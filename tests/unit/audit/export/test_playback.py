"""`audit.export.playback`: cleaned, shortened, and never without a word where something is missing."""

import pytest

from audit.export.disclosure import GivenChunk, GivenRecording
from audit.export.playback import playback
from audit.reader import Disclosed
from audit.recording.cast import CommandMark, Event, Header, parse_v3
from audit.recording.chunk import ChunkFacts, pack
from tests.bundles import HOSTILE

SECOND = 1_000_000


def chunk(number, events, t0=0, header=None, why=None):
    _, lines = pack(header, events, t0)
    facts = ChunkFacts(number, t0, events[-1].at, len(lines))
    return GivenChunk(40 + number, facts, None if why else Disclosed(lines, bytes(32)), why)


def shown(recording):
    played = playback(recording)
    assert played is not None
    return played, parse_v3(played.text)


def test_pauses_are_shortened_and_commands_placed():
    events = [
        Event(0, "o", "$ "),
        Event(SECOND, "m", CommandMark(3, "allow", 17).label()),
        Event(SECOND, "i", "uptime"),
        Event(61 * SECOND, "o", "up 3 weeks\r\n"),
        Event(62 * SECOND, "m", CommandMark(5, "allow", 19).label()),
    ]
    played, cast = shown(GivenRecording("S", (chunk(0, events, header=Header(100, 30)),)))
    assert played.commands == {3: 1.0, 5: 4.0}
    assert (played.duration, cast.header) == (4.0, Header(100, 30))
    assert [item.code for item in cast.items] == ["o", "m", "o", "m"]
    assert played.shown_at(31 * SECOND) == 3.0
    assert played.shown_at(61 * SECOND + 500_000) == 3.5


def test_a_new_size_is_played_and_bounded():
    events = [Event(0, "o", "$ "), Event(SECOND, "r", "120x40"), Event(2 * SECOND, "r", "99999x99999")]
    _, cast = shown(GivenRecording("S", (chunk(0, events, header=Header(80, 24)),)))
    assert [item.data for item in cast.items if item.code == "r"] == ["120x40", "500x200"]


def test_what_could_drive_a_page_is_gone():
    events = [Event(0, "o", HOSTILE), Event(1, "m", "\x1b]0;x\x07")]
    recording = GivenRecording("S", (chunk(0, events, header=Header(80, 24)),))
    text = playback(recording).text
    for sign in ("\\u001b]", "\\u001bP", "\\u001b[?", "\\u001b[2J", "\\u001bc", "\\u0007", "evil.example"):
        assert sign not in text
    assert "click" in text


def test_a_sequence_cut_by_a_chunk_is_cleaned_all_the_same():
    first = chunk(0, [Event(0, "o", "a\x1b]52;c;")], header=Header(80, 24))
    second = chunk(1, [Event(9, "o", "b3duZWQ=\x07b")], t0=0)
    _, cast = shown(GivenRecording("S", (first, second)))
    assert "".join(item.data for item in cast.items) == "ab"


@pytest.mark.parametrize("why", ["erased", "unreadable", "undisclosed"])
def test_a_gap_is_named(why):
    first = chunk(0, [Event(0, "o", "a")], header=Header(80, 24))
    gap = chunk(1, [Event(4 * SECOND, "o", "secret")], t0=0, why=why)
    last = chunk(2, [Event(5 * SECOND, "o", "c")], t0=4 * SECOND)
    _, cast = shown(GivenRecording("S", (first, gap, last)))
    text = "".join(item.data for item in cast.items)
    assert f"{why} (#41)" in text
    assert "secret" not in text
    assert text.endswith("c")


def test_lines_that_are_no_cast_are_a_gap():
    facts = ChunkFacts(0, 0, 1, 5)
    broken = GivenChunk(40, facts, Disclosed(b"lines", bytes(32)), None)
    _, cast = shown(GivenRecording("S", (broken, chunk(1, [Event(2, "o", "b")], t0=1))))
    assert "damaged" in "".join(item.data for item in cast.items)


def test_nothing_given_is_nothing_to_play():
    assert playback(GivenRecording("S", (chunk(0, [Event(0, "o", "a")], why="undisclosed"),))) is None

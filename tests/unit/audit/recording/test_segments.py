"""Segments of recordings: what the player demands of them, both times, screens, and gaps."""

import itertools
import json

import pytest

from audit.entry import Kind, NewEntry
from audit.recording.cast import Event, Header
from audit.recording.chunk import CHAIN_START, ChunkFacts, EndFacts, extend_chain, pack
from audit.recording.fakes import MemoryEvidence
from audit.recording.library import read_recording
from audit.recording.segments import index, segment, timeline

SECOND = 1_000_000


async def recorded(*chunks, width=80, height=24):
    """A recording of these chunks, each a list of events with their times in seconds."""
    evidence = MemoryEvidence()
    since, chain = 0, CHAIN_START
    for no, events in enumerate(chunks):
        made = [Event(int(at * SECOND), code, data) for at, code, data in events]
        frame, lines = pack(Header(width, height, 0, "t") if no == 0 else None, made, since)
        facts = ChunkFacts(no, since, made[-1].at, len(lines)).facts()
        ref = await evidence.append_chunk(
            NewEntry(kind=Kind.REC_CHUNK, session="S", retention="recording", facts=facts), frame, lines
        )
        since, chain = made[-1].at, extend_chain(chain, ref.leaf_hash)
    end = EndFacts(len(chunks), chain).facts()
    await evidence.append(NewEntry(kind=Kind.REC_END, session="S", retention="recording", facts=end))
    return evidence, read_recording(evidence, "S")


def check(recording, marks=()):
    """What asciinema-player 3.18 refuses, as its loader checks it."""
    line = timeline(recording)
    made = json.loads(json.dumps(index(recording, line, marks, "/s/{}")))
    starts = [one["start"] for one in made["segments"]]
    assert made["version"] == 1
    assert starts[0] == 0
    assert all(a < b < made["duration"] for a, b in itertools.pairwise(starts))
    assert [at for at, _ in made["markers"]] == sorted(at for at, _ in made["markers"])
    parts = []
    for number, start in enumerate(starts):
        part = json.loads(json.dumps(segment(recording, line, number)))
        times = [1e3 * at for at, _, _ in part["events"]]
        assert times == sorted(times)
        assert times[0] == 1e3 * start
        if number + 1 < len(starts):
            assert times[-1] < 1e3 * starts[number + 1]
        else:
            assert times[-1] == 1e3 * made["duration"]
        parts.append(part)
    assert segment(recording, line, len(starts)) is None
    return made, parts


def text(part):
    return "".join(data for _, code, data in part["events"] if code == "o")


async def test_a_short_one():
    _, recording = await recorded([(0.5, "o", "hello\r\n"), (1.5, "o", "there\r\n")])
    made, (part,) = check(recording, [(600_000, "show version")])
    assert made["duration"] == 1.5
    assert made["markers"] == [[0.6, "show version"]]
    assert text(part) == "hello\r\nthere\r\n"
    assert made["term"] == {"cols": 80, "rows": 24}


async def test_pauses_are_shortened_and_both_times_agree():
    _, recording = await recorded(
        [(0.1, "o", "a"), (0.2, "o", "b")], [(60.0, "o", "c"), (61.0, "o", "d")], [(61.5, "o", "e")]
    )
    line = timeline(recording)
    made, _ = check(recording)
    assert made["duration"] == 2.7
    assert [line.shown(int(at * SECOND)) / SECOND for at in (0, 0.15, 30, 60, 60.5, 61, 61.5, 99)] == [
        0, 0.15, 0.2, 1.2, 1.7, 2.2, 2.7, 2.7,
    ]  # fmt: skip
    assert line.shifts() == [(0.0, 0.0), (0.2, 58.8)]


async def test_long_ones_are_cut_and_each_segment_begins_with_its_screen():
    chunks = [[(no * 2 + 0.5, "o", f"\x1b[31mline {no}\x1b[0m\r\n"), (no * 2 + 1.9, "o", f"more {no}\r\n")]
              for no in range(60)]  # fmt: skip
    evidence, recording = await recorded(*chunks, height=5)
    opened = []
    real = evidence.chunk
    evidence.chunk = lambda session, no: (opened.append(no), real(session, no))[1]
    _made, parts = check(recording)
    assert len(parts) > 3
    opened.clear()
    last = segment(recording, timeline(recording), len(parts) - 1)
    assert len(opened) < 25, "only what is needed"
    first_shown = next(data for _, _, data in last["events"] if data).split()[1].rstrip("\x1b[0m")
    assert f"more {int(first_shown) - 1}\r\n" in last["snapshot"]["init"]
    assert last["snapshot"]["init"].count("\n") <= 5


async def test_a_screen_keeps_its_colour():
    chunks = [[(no * 40 + 0.5, "o", "\x1b[1;32mgreen\r\n" + "x\r\n" * 10)] for no in range(30)]
    _, recording = await recorded(*chunks, height=4)
    _made, parts = check(recording)
    assert len(parts) > 1
    assert parts[1]["snapshot"]["init"].startswith("\x1b[1;32m")


async def test_a_screen_has_its_size_wherever_one_begins():
    sizes = [[(no * 40, "r", "120x40")] if no >= 10 else [] for no in range(30)]
    chunks = [[*size, (no * 40 + 0.5, "o", "x\r\n")] for no, size in enumerate(sizes)]
    _, recording = await recorded(*chunks)
    made, parts = check(recording)
    assert made["term"] == {"cols": 80, "rows": 24}
    found = [(part["snapshot"]["cols"], part["snapshot"]["rows"]) for part in parts]
    assert found[0] == (80, 24)
    assert found[-1] == (120, 40)
    assert found == sorted(found), "and none goes back"


@pytest.mark.parametrize("lost", [0, 1, 59])
async def test_what_cannot_be_shown_is_named_in_its_place(lost):
    chunks = [[(no * 2 + 0.5, "o", f"line {no}\r\n")] for no in range(60)]
    evidence, _ = await recorded(*chunks)
    del evidence.chunks["S", lost]
    _made, parts = check(read_recording(evidence, "S"))
    whole = "".join(text(part) for part in parts)
    assert "gap, closed" in whole
    assert f"line {lost}\r" not in whole
    assert "line 30\r" in whole


async def test_nothing_hostile_is_left():
    bad = "\x1b]52;c;eA==\x07\x1b]8;;http://evil\x07link\x1b]8;;\x07\x1bP$qm\x1b\\\x1b[2J\x1b[?1049h\u202eevil\u2066\x9b31m"
    _, recording = await recorded([(0.5, "o", bad + "<script>alert(1)</script>\r\n"), (0.6, "r", "99999x99999")])
    made, (part,) = check(recording, [(0, "a\u202eb\x1b]0;x\x07")])
    assert text(part) == "link\ufffdevil\ufffd\x1b[31m<script>alert(1)</script>\r\n"
    assert ["r", "500x200"] in [event[1:] for event in part["events"]]
    assert "\u202e" not in json.dumps(made, ensure_ascii=False)
    assert "\x1b" not in made["markers"][0][1]


async def test_an_empty_one():
    evidence = MemoryEvidence()
    end = EndFacts(0, CHAIN_START).facts()
    await evidence.append(NewEntry(kind=Kind.REC_END, session="S", retention="recording", facts=end))
    made, (_part,) = check(read_recording(evidence, "S"))
    assert made["duration"] > 0

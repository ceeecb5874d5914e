"""A recording cut into segments that a web player fetches as it needs them, with pauses shortened to two seconds. Pure.

The player is asciinema-player 3.18, format `segmented` version 1: an index with the start of each segment, and
segments with a snapshot of the screen and their events. Everything about time comes from the public facts of the
chunks: to make the index, or to open a recording of many hours at its end, no other chunk is opened.

A chunk holds at most two seconds of output (`audit.recording.recorder`), so the pause of a longer one lies at its
beginning: that is what is shortened. Everything is cleaned again here, whoever wrote it into the recording.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from audit.recording.cast import Event
from audit.recording.library import ChunkPart, Gap, Moment, Recording
from audit.recording.schedule import MICROSECONDS, gap_note
from audit.recording.terminal import Cleaner, for_the_eye

LONGEST_PAUSE: Final = 2 * MICROSECONDS
SEGMENT_TIME: Final = 30 * MICROSECONDS
SEGMENT_BYTES: Final = 256 * 1024
MOST_COLUMNS: Final = 500
MOST_ROWS: Final = 200
_LOOK_BACK_BYTES: Final = 256 * 1024
_SGR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_PLAIN: Final = frozenset({"\x1b[m", "\x1b[0m"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the recording, when it happened (`t0`..`t1`) and when it is shown (`p0`..`p1`), microseconds."""

    part: ChunkPart | Gap
    t0: int
    t1: int
    p0: int
    p1: int

    @property
    def is_gap(self) -> bool:
        """Whether the log itself names nothing here."""
        return isinstance(self.part, Gap)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Both times of a recording."""

    pieces: tuple[Piece, ...]

    @property
    def duration(self) -> int:
        """Of what is shown, microseconds; never nothing, which the player would refuse."""
        return max(self.pieces[-1].p1 if self.pieces else 0, 1000)

    def at(self, moment: int) -> Piece | None:
        """The piece in which something happened at `moment`."""
        found = bisect_right(self.pieces, moment, key=lambda piece: piece.t0) - 1
        return None if found < 0 else self.pieces[found]

    def shown(self, at: int) -> int:
        """When what happened at `at` is shown."""
        piece = self.at(at)
        return 0 if piece is None else max(piece.p0, piece.p1 - max(0, piece.t1 - at))

    def shifts(self) -> list[tuple[float, float]]:
        """From which moment shown (seconds) on, how many seconds later it happened."""
        found: list[tuple[float, float]] = []
        for piece in self.pieces:
            shift = (piece.t1 - piece.p1) / MICROSECONDS
            if not found or found[-1][1] != shift:
                found.append((piece.p0 / MICROSECONDS, shift))
        return found

    def segments(self) -> list[list[Piece]]:
        """The pieces in groups that are fetched together; each begins later than the one before."""
        groups: list[list[Piece]] = []
        size = 0
        for piece in self.pieces:
            begins = groups and piece.p0 > groups[-1][0].p0 and piece.p0 < self.duration
            if begins and (piece.p1 - groups[-1][0].p0 > SEGMENT_TIME or size >= SEGMENT_BYTES):
                groups.append([])
                size = 0
            if not groups:
                groups.append([])
            groups[-1].append(piece)
            size += _size(piece)
        return groups or [[]]


def timeline(recording: Recording) -> Timeline:
    """When everything is shown."""
    pieces: list[Piece] = []
    shown = 0
    for part in recording.parts:
        if isinstance(part, Gap):
            start, end = part.at, part.at if part.until is None else max(part.at, part.until)
        else:
            start, end = part.facts.t0, part.facts.t1
        length = min(max(0, end - start), LONGEST_PAUSE)
        pieces.append(Piece(part, start, max(start, end), shown, shown + length))
        shown += length
    return Timeline(tuple(pieces))


def index(recording: Recording, line: Timeline, marks: Sequence[tuple[int, str]], url: str) -> dict[str, Any]:
    """The player's index. `marks`: microseconds as they happened, and labels. `url` has `{}` for the segment."""
    duration = line.duration
    shown = sorted((min(line.shown(at), duration) / MICROSECONDS, label) for at, label in marks)
    columns, rows = _term(recording)
    return {
        "version": 1,
        "duration": duration / MICROSECONDS,
        "term": {"cols": columns, "rows": rows},
        "segments": [
            {"start": (group[0].p0 if group else 0) / MICROSECONDS, "url": url.format(number)}
            for number, group in enumerate(line.segments())
        ],
        "markers": [[at, for_the_eye(label)] for at, label in shown],
    }


def segment(recording: Recording, line: Timeline, number: int) -> dict[str, Any] | None:
    """One segment as the player takes it; none if there is no such one."""
    groups = line.segments()
    if not 0 <= number < len(groups):
        return None
    columns, rows = _term_at(recording, groups[number])
    start = groups[number][0].p0 if groups[number] else 0
    cleaner = Cleaner()
    events: list[list[Any]] = [[start / MICROSECONDS, "o", ""]]
    for piece in groups[number]:
        events += _events(recording, piece, cleaner)
    if number == len(groups) - 1:
        events.append([line.duration / MICROSECONDS, "o", ""])
    else:  # what happens at the very moment the next one begins must stand before it
        latest = (groups[number + 1][0].p0 - 1) / MICROSECONDS
        events = [[min(at, latest), code, data] for at, code, data in events]
    before = [piece for group in groups[:number] for piece in group]
    init = _screen(recording, before, rows)
    return {"snapshot": {"cols": columns, "rows": rows, "init": init}, "events": events}


def _events(recording: Recording, piece: Piece, cleaner: Cleaner) -> Iterator[list[Any]]:
    for moment in _moments(recording, piece):
        match moment:
            case Gap():
                yield [piece.p0 / MICROSECONDS, "o", f"\r\n\x1b[0;7m{for_the_eye(gap_note(moment))}\x1b[0m\r\n"]
            case Event(at, "o", data):
                text = for_the_eye(cleaner.feed(data.encode("utf-8", "replace")), keep="\r\n\t\b\x1b")
                yield [max(piece.p0, piece.p1 - (piece.t1 - at)) / MICROSECONDS, "o", text]
            case Event(at, "r", data):
                yield [max(piece.p0, piece.p1 - (piece.t1 - at)) / MICROSECONDS, "r", "{}x{}".format(*_bounded(data))]
            case _:
                pass


def _moments(recording: Recording, piece: Piece) -> Sequence[Moment]:
    return [piece.part] if isinstance(piece.part, Gap) else recording.open(piece.part)


def _screen(recording: Recording, before: Sequence[Piece], rows: int) -> str:
    """What stood on the screen after `before`: the last lines. Recorded output works line by line, so no more can."""
    texts: list[str] = []
    lines = size = 0
    for piece in reversed(before):
        cleaner = Cleaner()
        text = "".join(data for _, code, data in _events(recording, piece, cleaner) if code == "o")
        texts.append(text)
        lines += text.count("\n")
        size += _size(piece)
        if lines >= rows or size > _LOOK_BACK_BYTES:
            break
    whole = "".join(reversed(texts))
    cut = len(whole)
    for _ in range(rows):
        cut = whole.rfind("\n", 0, cut)
        if cut < 0:
            return whole
    return _colours(whole[:cut]) + whole[cut + 1 :]


def _colours(text: str) -> str:
    """The colours in force at the end of `text`."""
    held: list[str] = []
    for sequence in _SGR.findall(text):
        held = [] if sequence in _PLAIN else [*held, sequence][-8:]
    return "".join(held)


def _size(piece: Piece) -> int:
    return 0 if isinstance(piece.part, Gap) else piece.part.facts.size


def _term(recording: Recording) -> tuple[int, int]:
    return min(recording.header.width, MOST_COLUMNS), min(recording.header.height, MOST_ROWS)


def _term_at(recording: Recording, pieces: Sequence[Piece]) -> tuple[int, int]:
    """The size at the beginning of `pieces`: their first chunk says it first, if it is not the recording's."""
    chunk = next((piece for piece in pieces if not piece.is_gap), None)
    match next(iter(_moments(recording, chunk)), None) if chunk is not None else None:
        case Event(_, "r", data):
            return _bounded(data)
    return _term(recording)


def _bounded(data: str) -> tuple[int, int]:
    columns, _, rows = data.partition("x")
    return min(int(columns), MOST_COLUMNS), min(int(rows), MOST_ROWS)

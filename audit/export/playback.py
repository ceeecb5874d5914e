"""A copy of a recording for the offline player: cleaned, long pauses shortened, with the place of each command. Pure.

The cast in the bundle stays as it was recorded, byte for byte, because the log commits to it. This copy is for the eye:
what `audit.recording.terminal` takes out can do nothing to the page that plays it.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from audit.errors import AuditError
from audit.export.disclosure import GivenChunk, GivenRecording
from audit.recording.cast import CommandMark, Event, Header, event_lines, header_line, parse_events, parse_header
from audit.recording.schedule import MICROSECONDS, clock_time
from audit.recording.terminal import Cleaner, visible

LONGEST_PAUSE = 2 * MICROSECONDS
"""Microseconds; what was longer is shown as this."""
MOST_COLUMNS = 500
MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Playback:
    """asciicast v3 text, and where things are in it (seconds of the shortened time)."""

    text: str
    commands: dict[int, float]
    """Number of a command in its session to the moment its line was approved."""
    duration: float
    real: tuple[int, ...]
    shown: tuple[int, ...]
    """Moments as they were and as they are shown, microseconds, side by side."""

    def shown_at(self, moment: int) -> float:
        """Seconds of the shortened time for `moment` microseconds after the start of the recording."""
        at = bisect_right(self.real, moment) - 1
        if at < 0:
            return 0.0
        return (self.shown[at] + min(moment - self.real[at], LONGEST_PAUSE)) / MICROSECONDS


def playback(recording: GivenRecording) -> Playback | None:
    """For a page; none if no chunk is given."""
    if recording.cast is None:
        return None
    cleaner = Cleaner()
    header = Header(80, 24)
    real, shown, events = [0], [0], list[Event]()
    commands: dict[int, float] = {}
    for event in _events(recording):
        if isinstance(event, Header):
            header = Header(min(event.width, MOST_COLUMNS), min(event.height, MOST_ROWS))
            continue
        now = shown[-1] + min(max(0, event.at - real[-1]), LONGEST_PAUSE)
        real.append(event.at)
        shown.append(now)
        mark = CommandMark.parse(event.data) if event.code == "m" else None
        if mark is not None:
            commands.setdefault(mark.n, now / MICROSECONDS)
        cleaned = _cleaned(event, now, cleaner)
        if cleaned is not None:
            events.append(cleaned)
    text = header_line(header) + event_lines(events, 0)
    return Playback(text, commands, shown[-1] / MICROSECONDS, tuple(real), tuple(shown))


def _cleaned(event: Event, at: int, cleaner: Cleaner) -> Event | None:
    match event.code:
        case "o":
            return Event(at, "o", cleaner.feed(event.data.encode("utf-8", "replace")))
        case "m":
            return Event(at, "m", visible(event.data))
        case "r":
            columns, _, rows = event.data.partition("x")
            return Event(at, "r", f"{min(int(columns), MOST_COLUMNS)}x{min(int(rows), MOST_ROWS)}")
        case _:
            return None


def _events(recording: GivenRecording) -> Iterator[Event | Header]:
    """The header, if it is given, and the events; in place of a chunk that is not given, one line that says so."""
    for chunk in recording.chunks:
        try:
            yield from _of_chunk(chunk)
        except AuditError:
            yield _gap(chunk, "damaged")


def _of_chunk(chunk: GivenChunk) -> list[Event | Header]:
    if chunk.disclosed is None:
        return [_gap(chunk, chunk.why or "absent")]
    lines = chunk.disclosed.content.decode("utf-8", "replace")
    found: list[Event | Header] = []
    if chunk.facts.no == 0:
        first, _, lines = lines.partition("\n")
        found.append(parse_header(first))
    found += [item for item in parse_events(lines, chunk.facts.t0) if isinstance(item, Event)]
    return found


def _gap(chunk: GivenChunk, why: str) -> Event:
    span = f"{clock_time(chunk.facts.t0)} - {clock_time(chunk.facts.t1)}"
    return Event(chunk.facts.t1, "o", f"\r\n[--- {span}: {why} (#{chunk.index}) ---]\r\n")

"""Places in a recording that somebody wants to go to: a text, the next command, a time as people write it. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from audit.recording.cast import CommandMark, Event
from audit.recording.errors import BadRecording
from audit.recording.library import Recording
from audit.recording.lines import Lines
from audit.recording.schedule import MICROSECONDS

_TIME: Final = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,6}):)?(\d{1,9}(?:\.\d{1,6})?)\Z", re.ASCII)


def find(recording: Recording, text: str, after: int) -> int | None:
    """When the next line with `text` in it (without case) begins, later than `after`; microseconds."""
    wanted = text.casefold()
    return next((at for at, line in _lines(recording, after) if at > after and wanted in line.casefold()), None)


def find_back(recording: Recording, text: str, before: int) -> int | None:
    """When the last line with `text` in it that begins before `before` does."""
    wanted = text.casefold()
    found = None
    for at, line in _lines(recording, 0):
        if at >= before:
            break
        if wanted in line.casefold():
            found = at
    return found


def next_command(recording: Recording, after: int) -> int | None:
    """When the next command was approved, later than `after`."""
    return next((at for at in _commands(recording, after) if at > after), None)


def command_before(recording: Recording, before: int) -> int | None:
    """When the last command before `before` was approved."""
    found = None
    for at in _commands(recording, 0):
        if at >= before:
            break
        found = at
    return found


def parse_time(text: str) -> int:
    """`65`, `1:05` or `1:02:03.5` in microseconds. Raises `BadRecording`."""
    match = _TIME.match(text.strip())
    if match is None:
        raise BadRecording("A time is written as 65, 1:05 or 1:02:03.")
    hours, minutes, seconds = match.groups()
    return int((int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)) * MICROSECONDS)


def _lines(recording: Recording, start: int) -> Iterator[tuple[int, str]]:
    lines = Lines()
    for moment in recording.moments(start):
        if isinstance(moment, Event) and moment.code == "o":
            yield from lines.feed(moment.at, moment.data)
    yield from lines.flush()


def _commands(recording: Recording, start: int) -> Iterator[int]:
    for moment in recording.moments(start):
        if isinstance(moment, Event) and moment.code == "m" and CommandMark.parse(moment.data) is not None:
            yield moment.at

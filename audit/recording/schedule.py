"""What a replay prints, and how long it waits before each piece. `audit.replay` prints and waits. Pure.

Everything is cleaned again here, whoever wrote it into the recording.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from audit.recording.cast import CommandMark, Event
from audit.recording.errors import BadRecording
from audit.recording.library import Gap, Moment
from audit.recording.terminal import Cleaner, visible

MICROSECONDS: Final = 1_000_000
_LONGEST_LINE: Final = 1000
"""Characters kept of the line at which playing starts."""

Speed: TypeAlias = float | Literal["max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to play. Raises `BadRecording` if that cannot be done."""

    speed: Speed = 1.0
    """Times as fast as it happened; `max`: without waiting."""
    idle_limit: float | None = 2.0
    """Longest pause in seconds, measured in the recording; none: as long as it was."""
    start_at: float = 0.0
    """Seconds since the start of the recording."""
    start_command: int | None = None
    """Number of the command's entry in its session, as `vestibule log` shows it."""
    marks: bool = False
    """Name each command's number, verdict and entry, on a line after the command."""

    def __post_init__(self) -> None:
        if self.speed != "max" and not 0.01 <= self.speed <= 1000:
            raise BadRecording("The speed is a number from 0.01 to 1000, or max.")
        if self.idle_limit is not None and not self.idle_limit >= 0:
            raise BadRecording("The idle limit is a number of seconds from 0 on.")
        if not 0 <= self.start_at < 1e9:
            raise BadRecording("The time to start at is a number of seconds from 0 on.")
        if self.start_at and self.start_command is not None:
            raise BadRecording("Start either at a time or with a command, not both.")


@dataclass(frozen=True, slots=True)
class Frame:
    """Print `text` after `wait` seconds. `at`: microseconds since the start of the recording."""

    at: int
    wait: float
    text: str
    gap: Gap | None = None


def schedule(moments: Iterable[Moment], plan: Plan) -> Iterator[Frame]:
    """What to print and when. Raises `BadRecording` if the command to start with never comes."""
    cleaner = Cleaner()
    start = int(plan.start_at * MICROSECONDS)
    before = _Before(start, plan.start_command)
    started = False
    last = 0
    for moment in moments:
        if not started:
            started = before.ends_with(moment)
            if not started:
                continue
            last = start if plan.start_command is None else moment.at
            if context := before.context():
                yield Frame(last, 0.0, cleaned(cleaner, context))
        text = _text(moment, cleaner, marks=plan.marks)
        if text is not None:
            yield Frame(moment.at, _wait(moment.at - last, plan), text, moment if isinstance(moment, Gap) else None)
            last = moment.at if isinstance(moment, Event) or moment.until is None else moment.until
    if not started and plan.start_command is not None:
        raise BadRecording(before.complaint())


class _Before:
    """What lies before the moment to start at: the line that stands there, and the commands that are there instead."""

    def __init__(self, start: int, command: int | None) -> None:
        self._line = ""
        self._start = start
        self._command = command
        self._commands: list[int] = []
        self._gaps = False

    def ends_with(self, moment: Moment) -> bool:
        """Whether playing starts with `moment`. If not, take note of it."""
        mark = CommandMark.parse(moment.data) if isinstance(moment, Event) and moment.code == "m" else None
        until = moment.until if isinstance(moment, Gap) and moment.until is not None else moment.at
        if (until >= self._start) if self._command is None else (mark is not None and mark.n == self._command):
            return True
        if isinstance(moment, Gap):
            self._gaps = True
        elif mark is not None:
            self._commands.append(mark.n)
        elif moment.code == "o":
            text = self._line.rpartition("\n")[2] + moment.data
            self._line = text[text.rfind("\n", 0, -1) + 1 :][-_LONGEST_LINE:]
        return False

    def context(self) -> str:
        """What to show first: the line on which playing starts. A command's line was finished when it was approved."""
        return self._line if self._command is not None or not self._line.endswith("\n") else ""

    def complaint(self) -> str:
        """Why playing did not start."""
        known = ", ".join(map(str, self._commands[:20])) or "none"
        more = f" and {len(self._commands) - 20} more" if len(self._commands) > 20 else ""
        gaps = " Parts of it cannot be shown; the command may lie there." if self._gaps else ""
        return f"The recording has no command {self._command}; it has {known}{more}.{gaps}"


def gap_note(gap: Gap) -> str:
    """One line that stands in a replay where something is missing."""
    until = "" if gap.until is None else f" to {clock_time(gap.until)}"
    return f"[gap, {gap.kind}, {clock_time(gap.at)}{until}: {visible(gap.why)}]"


def clock_time(microseconds: int) -> str:
    """`0:01:05.250`."""
    seconds, rest = divmod(microseconds, MICROSECONDS)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest // 1000:03}"


def _text(moment: Moment, cleaner: Cleaner, *, marks: bool) -> str | None:
    if isinstance(moment, Gap):
        return f"\r\n{gap_note(moment)}\r\n"
    if marks and moment.code == "m":
        return f"[{visible(moment.data)}]\r\n"
    return cleaned(cleaner, moment.data) if moment.code == "o" else None


def cleaned(cleaner: Cleaner, text: str) -> str:
    """Recorded text, cleaned as the next piece of a stream."""
    return cleaner.feed(text.encode("utf-8", "replace"))


def _wait(microseconds: int, plan: Plan) -> float:
    if plan.speed == "max":
        return 0.0
    seconds = max(0, microseconds) / MICROSECONDS
    if plan.idle_limit is not None:
        seconds = min(seconds, plan.idle_limit)
    return seconds / plan.speed

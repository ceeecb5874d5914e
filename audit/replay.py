"""Plays a recording in the terminal, and exports it for other players.

What to print and how long to wait is decided by `schedule`, which is pure; `play` prints and waits. Everything is
cleaned again before it is printed, whoever wrote it into the recording. Recordings: `audit.recording.library`.
"""

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal, Protocol, TextIO, assert_never

from audit.recording.cast import CommandMark, Comment, Event, Item, render_v2, render_v3
from audit.recording.errors import BadRecording
from audit.recording.library import Gap, Moment, Recording
from audit.recording.terminal import Cleaner, visible
from config.clock import Clock, SystemClock

_MICROSECONDS: Final = 1_000_000
_LONGEST_LINE: Final = 1000
"""Characters kept of the line at which playing starts."""

Speed = float | Literal["max"]


# --- What to print, and when (pure) -----------------------------------------------------------------------------------


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
    start = int(plan.start_at * _MICROSECONDS)
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
                yield Frame(last, 0.0, _cleaned(cleaner, context))
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
    seconds, rest = divmod(microseconds, _MICROSECONDS)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest // 1000:03}"


def _text(moment: Moment, cleaner: Cleaner, *, marks: bool) -> str | None:
    if isinstance(moment, Gap):
        return f"\r\n{gap_note(moment)}\r\n"
    if marks and moment.code == "m":
        return f"[{visible(moment.data)}]\r\n"
    return _cleaned(cleaner, moment.data) if moment.code == "o" else None


def _cleaned(cleaner: Cleaner, text: str) -> str:
    return cleaner.feed(text.encode("utf-8", "replace"))


def _wait(microseconds: int, plan: Plan) -> float:
    if plan.speed == "max":
        return 0.0
    seconds = max(0, microseconds) / _MICROSECONDS
    if plan.idle_limit is not None:
        seconds = min(seconds, plan.idle_limit)
    return seconds / plan.speed


# --- Printing and waiting ---------------------------------------------------------------------------------------------


class Keys(Protocol):
    """Where the viewer's keys come from."""

    def wait(self, seconds: float | None) -> str | None:
        """The next key, or none when `seconds` are over (none: wait for ever)."""
        ...


class NoKeys:
    """There is no keyboard: waiting is all."""

    def wait(self, seconds: float | None) -> str | None:
        time.sleep(seconds or 0)
        return None


class TerminalKeys:
    """Single keys from a terminal, unbuffered and without echo while the context is open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before: list[object] | None = None
        self._closed = False

    def __enter__(self) -> "TerminalKeys":
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)  # type: ignore[arg-type]

    def wait(self, seconds: float | None) -> str | None:
        if self._closed:
            time.sleep(seconds or 0)
            return None if seconds is not None else "q"
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return None
        data = os.read(self._descriptor, 1)
        self._closed = not data
        return data.decode("latin-1") or None


class End(Enum):
    """How playing ended."""

    FINISHED = "finished"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Played:
    """What became of playing. `gaps` are those that were shown."""

    end: End
    gaps: tuple[Gap, ...] = ()


def play(
    recording: Recording,
    out: TextIO,
    *,
    speed: Speed = 1.0,
    idle_limit: float | None = 2.0,
    start_at: float | None = None,
    start_command: int | None = None,
    marks: bool = False,
    keys: Keys | None = None,
    clock: Clock | None = None,
) -> Played:
    """Print the recording to `out` as it happened. Raises `BadRecording` if it has no such time or command.

    Keys while playing, where standard input and `out` are terminals: space pauses and goes on, `.` shows the next
    piece of output and stays paused, `q` ends. Times are seconds. `marks` names the entry of each command.
    """
    plan = Plan(speed=speed, idle_limit=idle_limit, start_at=start_at or 0.0, start_command=start_command, marks=marks)
    start = int(plan.start_at * _MICROSECONDS) if start_command is None else 0
    if start > recording.duration:
        raise BadRecording(f"The recording ends at {clock_time(recording.duration)}, before the time to start at.")
    frames = schedule(recording.moments(start), plan)
    with contextlib.ExitStack() as stack:
        if keys is None:
            keyboard = speed != "max" and sys.stdin.isatty() and out.isatty()
            keys = stack.enter_context(TerminalKeys(sys.stdin.fileno())) if keyboard else NoKeys()
        return _Player(out, keys, clock or SystemClock()).run(frames)


class _Player:
    """The thin shell: prints frames, waits between them, obeys keys."""

    def __init__(self, out: TextIO, keys: Keys, clock: Clock) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._keys = keys
        self._clock = clock
        self._paused = False
        self._gaps: list[Gap] = []

    def run(self, frames: Iterable[Frame]) -> Played:
        end = End.FINISHED
        try:
            for frame in frames:
                if not self._come_to(frame.wait):
                    end = End.QUIT
                    break
                self._show(frame)
        except (KeyboardInterrupt, BrokenPipeError):
            end = End.QUIT
        finally:
            with contextlib.suppress(BrokenPipeError):
                self._print("\x1b[0m" if self._terminal else "")
        return Played(end, tuple(self._gaps))

    def _come_to(self, wait: float) -> bool:
        """Wait for a frame's time. False if the viewer wants no more."""
        while wait > 0 or self._paused:
            since = self._clock.monotonic_ns()
            key = self._keys.wait(None if self._paused else wait)
            if not self._paused:
                wait -= (self._clock.monotonic_ns() - since) / 1e9
            match key:
                case None:
                    return True
                case "q" | "\x03" | "\x04":
                    return False
                case " ":
                    self._paused = not self._paused
                case "." if self._paused:
                    return True
                case _:
                    pass  # other keys mean nothing
        return True

    def _show(self, frame: Frame) -> None:
        if frame.gap is not None:
            self._gaps.append(frame.gap)
        self._print(frame.text)

    def _print(self, text: str) -> None:
        if not self._terminal:
            text = text.replace("\r\n", "\n")
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()


# --- Exporting --------------------------------------------------------------------------------------------------------


def export_cast(recording: Recording, version: int = 2) -> str:
    """The recording as an asciicast file. Version 2 plays everywhere. Raises `BadRecording` for others than 2 and 3."""
    return "".join(cast_lines(recording, version))


def cast_lines(recording: Recording, version: int = 2) -> Iterator[str]:
    """The same line by line, for recordings larger than memory. Gaps are comments, markers and a line of output."""
    render = {2: render_v2, 3: render_v3}.get(version)
    if render is None:
        raise BadRecording(f"There is no asciicast version {version} here; choose 2 or 3.")
    title = None if recording.header.title is None else visible(recording.header.title)
    return render(replace(recording.header, title=title), _exported(recording.moments()))


def _exported(moments: Iterable[Moment]) -> Iterator[Item]:
    cleaner = Cleaner()
    last = 0
    for moment in moments:
        match moment:
            case Gap(at, until):
                last = max(last, at)
                yield Comment(gap_note(moment))
                yield Event(last, "m", f"gap {moment.kind}")
                yield Event(last, "o", f"\r\n{gap_note(moment)}\r\n")
                last = max(last, until or at)
            case Event(at, code, data):
                last = max(last, at)
                yield Event(last, code, _cleaned(cleaner, data) if code == "o" else visible(data))
            case _:
                assert_never(moment)

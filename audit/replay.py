"""Plays a recording in the terminal, and exports it for other players.

What to print and how long to wait is decided by `audit.recording.schedule`; here it is printed and waited. Recordings
come from `audit.recording.library`.
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
from typing import Protocol, TextIO, assert_never

from audit.recording.cast import Comment, Event, Item, render_v2, render_v3
from audit.recording.errors import BadRecording
from audit.recording.library import Gap, Moment, Recording
from audit.recording.schedule import MICROSECONDS, Frame, Plan, Speed, cleaned, clock_time, gap_note, schedule
from audit.recording.terminal import Cleaner, visible
from config.clock import Clock, SystemClock

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
    start = int(plan.start_at * MICROSECONDS) if start_command is None else 0
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
                yield Event(last, code, cleaned(cleaner, data) if code == "o" else visible(data))
            case _:
                assert_never(moment)

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
from itertools import chain
from typing import Protocol, TextIO, assert_never

from audit.recording import seek
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
        if data == b"\x1b":
            data += self._rest()
        return _NAMED.get(data, data.decode("latin-1")) or None

    def _rest(self) -> bytes:
        """What follows an ESC at once: the rest of an arrow key."""
        rest = b""
        while len(rest) < _LONGEST_KEY and select.select([self._descriptor], [], [], 0.02)[0]:
            piece = os.read(self._descriptor, 1)
            rest += piece
            if not piece or (len(rest) > 1 and piece.isalpha()):
                break
        return rest


_LONGEST_KEY = 8
_NAMED = {
    b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[C": "right", b"\x1b[D": "left",
    b"\x1bOA": "up", b"\x1bOB": "down", b"\x1bOC": "right", b"\x1bOD": "left",
}  # fmt: skip
_STEPS = {"left": -5, "right": 5, "down": -60, "up": 60}
"""Seconds that an arrow key goes."""


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
    watermark: str = "",
) -> Played:
    """Print the recording to `out` as it happened. Raises `BadRecording` if it has no such time or command.

    Keys while playing, where standard input and `out` are terminals: space pauses and goes on, `.` shows the next
    piece of output and stays paused, `q` ends; left and right go 5 seconds, down and up a minute, `g` to a time, `[`
    and `]` to the command before and after, `/` to a text, `n` and `N` to its next and last place. Times are seconds.
    `marks` names the entry of each command; `watermark` stands above what is shown, and below it at the end.
    """
    plan = Plan(speed=speed, idle_limit=idle_limit, start_at=start_at or 0.0, start_command=start_command, marks=marks)
    start = int(plan.start_at * MICROSECONDS) if start_command is None else 0
    if start > recording.duration:
        raise BadRecording(f"The recording ends at {clock_time(recording.duration)}, before the time to start at.")
    with contextlib.ExitStack() as stack:
        if keys is None:
            keyboard = speed != "max" and sys.stdin.isatty() and out.isatty()
            keys = stack.enter_context(TerminalKeys(sys.stdin.fileno())) if keyboard else NoKeys()
        return _Player(recording, plan, out, keys, clock or SystemClock(), watermark).run(start)


class _Quit(Exception):
    """The viewer wants no more. Never leaves this module."""


class _Player:
    """The thin shell: prints frames, waits between them, obeys keys."""

    def __init__(self, recording: Recording, plan: Plan, out: TextIO, keys: Keys, clock: Clock, watermark: str) -> None:
        self._recording = recording
        self._plan = plan
        self._out = out
        self._terminal = out.isatty()
        self._keys = keys
        self._clock = clock
        self._mark = f"[opened for {visible(watermark)}]\r\n" if watermark else ""
        self._paused = False
        self._gaps: list[Gap] = []
        self._at = 0
        self._jumped = False
        self._text = ""
        """What was looked for last."""

    def run(self, start: int) -> Played:
        """Play from `start`, microseconds."""
        end = End.FINISHED
        frames = schedule(self._recording.moments(start), self._plan)
        try:
            self._print(self._mark)
            while True:
                frame = next(frames, None)
                target = self._at_end() if frame is None else self._come_to(frame.wait)
                if target is not None:
                    frames = self._jump(target)
                elif frame is not None:
                    self._show(frame)
                else:
                    break
            self._print(self._mark)
        except (KeyboardInterrupt, BrokenPipeError, _Quit):
            end = End.QUIT
        finally:
            with contextlib.suppress(BrokenPipeError):
                self._print("\x1b[0m" if self._terminal else "")
        return Played(end, tuple(self._gaps))

    def _jump(self, target: int) -> Iterator[Frame]:
        """Go on from `target`, on an empty screen."""
        self._jumped = True
        self._at = min(max(target, 0), self._recording.duration)
        self._print(f"\x1b[0m\x1b[2J\x1b[H{self._mark}[{clock_time(self._at)}]\r\n")
        plan = replace(self._plan, start_at=self._at / MICROSECONDS, start_command=None)
        return schedule(self._recording.moments(self._at), plan)

    def _at_end(self) -> int | None:
        """Whoever went somewhere on purpose is given time to look; others are done. As `_come_to`."""
        if not self._jumped:
            return None
        self._print("\r\n[end]\r\n")
        while (key := self._keys.wait(None)) not in {None, "q", " ", "\r", "\n", "\x03", "\x04"}:
            target = self._target(key or "")
            if target is not None:
                return target
        return None

    def _come_to(self, wait: float) -> int | None:
        """Wait for a frame's time; where to go instead, if the viewer wants that. Raises `_Quit`."""
        while wait > 0 or self._paused:
            since = self._clock.monotonic_ns()
            key = self._keys.wait(None if self._paused else wait)
            if not self._paused:
                wait -= (self._clock.monotonic_ns() - since) / 1e9
            match key:
                case None:
                    return None
                case "q" | "\x03" | "\x04":
                    raise _Quit
                case " ":
                    self._paused = not self._paused
                case "." if self._paused:
                    return None
                case _:
                    target = self._target(key)
                    if target is not None:
                        return target
        return None

    def _target(self, key: str) -> int | None:
        """Where a key leads; none if nowhere."""
        match key:
            case "left" | "right" | "up" | "down":
                return self._at + _STEPS[key] * MICROSECONDS
            case "]":
                return self._found(seek.next_command(self._recording, self._at))
            case "[":
                return self._found(seek.command_before(self._recording, self._at))
            case "g":
                return self._asked_time()
            case "/":
                self._text = self._ask("/") or self._text
                return self._found(seek.find(self._recording, self._text, self._at)) if self._text else None
            case "n" if self._text:
                return self._found(seek.find(self._recording, self._text, self._at))
            case "N" if self._text:
                return self._found(seek.find_back(self._recording, self._text, self._at))
            case _:
                return None  # other keys mean nothing

    def _found(self, target: int | None) -> int | None:
        if target is None:
            self._print("\r\n[there is none]\r\n")
        return target

    def _asked_time(self) -> int | None:
        text = self._ask("go to ")
        try:
            return seek.parse_time(text) if text else None
        except BadRecording as error:
            self._print(f"[{error}]\r\n")
            return None

    def _ask(self, prompt: str) -> str:
        """A line from the viewer; empty if they think better of it. Time stands still meanwhile."""
        self._print(f"\r\n{prompt}")
        text = ""
        while (key := self._keys.wait(None)) not in {"\r", "\n"}:
            if key is None or key in {"\x1b", "\x03", "\x04"}:
                text = ""
                break
            if key in {"\x7f", "\b"}:
                self._print("\b \b" if text else "")
                text = text[:-1]
            elif len(key) == 1 and (key.isprintable() or key >= "\x80"):
                text += key
                self._print(key if key.isascii() else "")
        self._print("\r\n")
        return text.encode("latin-1", "replace").decode("utf-8", "replace")  # keys are single bytes

    def _show(self, frame: Frame) -> None:
        if frame.gap is not None:
            self._gaps.append(frame.gap)
        self._at = frame.at
        self._print(frame.text)

    def _print(self, text: str) -> None:
        if not self._terminal:
            text = text.replace("\r\n", "\n")
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()


# --- Exporting --------------------------------------------------------------------------------------------------------


def export_cast(recording: Recording, version: int = 2, *, watermark: str = "") -> str:
    """The recording as an asciicast file. Version 2 plays everywhere. Raises `BadRecording` for others than 2 and 3."""
    return "".join(cast_lines(recording, version, watermark=watermark))


def cast_lines(recording: Recording, version: int = 2, *, watermark: str = "") -> Iterator[str]:
    """The same line by line, for recordings larger than memory. Gaps are comments, markers and a line of output.

    The watermark is in the title, in a comment and a marker at the start, and in a line of output there.
    """
    render = {2: render_v2, 3: render_v3}.get(version)
    if render is None:
        raise BadRecording(f"There is no asciicast version {version} here; choose 2 or 3.")
    title = None if recording.header.title is None else visible(recording.header.title)
    if not watermark:
        return render(replace(recording.header, title=title), _exported(recording.moments()))
    mark = f"Opened for {visible(watermark)}"
    marked = chain(_marked(mark), _exported(recording.moments()))
    return render(replace(recording.header, title=f"{title or recording.session} · {mark}"), marked)


def _marked(mark: str) -> Iterator[Item]:
    yield Comment(mark)
    yield Event(0, "m", mark)
    yield Event(0, "o", f"[{mark}]\r\n")


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

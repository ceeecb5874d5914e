"""Mediation of a single command in an exec channel: one line, its output as it is, its exit status. Pure.

Standard output and error stay apart. Nothing of what the client writes to the command's input is passed on.
Counterpart: `gateway.mediation.shell`.
"""

import re
from datetime import datetime
from typing import Final, assert_never

from audit.recording.terminal import Cleaner
from gateway.mediation import messages
from gateway.mediation.display import TwinLineEnds
from gateway.mediation.events import (
    Close,
    Effect,
    InputEnded,
    Interrupted,
    LineTyped,
    Mark,
    Opened,
    Record,
    RecordBlocked,
    Recorded,
    RouterEnded,
    RouterOutput,
    Send,
    Show,
    TimePassed,
)
from gateway.mediation.flight import Flight, result
from gateway.mediation.judge import Answered, Asked, Blocked, Go, Judge, Judged, Nothing, Wanted
from gateway.mediation.masking import Masked, Masking
from gateway.mediation.outbox import Item, Outbox
from gateway.mediation.setup import DENIED_STATUS, FAILED_STATUS, INTERRUPTED_STATUS, SessionEvent, Setup
from gateway.mediation.whereabouts import Whereabouts
from gateway.policy.verdict import Allow, Position
from gateway.redaction.devices import Devices


class _Stream:
    """One output stream of the command."""

    def __init__(self, setup: Setup, devices: Devices) -> None:
        self._cleaner = Cleaner()
        self.masking = Masking(setup, devices)
        self._line_ends = TwinLineEnds(setup.newline)
        self.fresh = False
        """Something came since this was last set to false."""

    def feed(self, data: bytes) -> list[Masked]:
        self.fresh = True
        return self._ended(self.masking.feed(self._cleaner.feed(data)), self.masking.ease())

    def flush(self) -> list[Masked]:
        """What was held back, masked as it stands."""
        return self._ended(self.masking.pause())

    def end(self) -> list[Masked]:
        rest = self.masking.feed(self._cleaner.flush())
        return [*self._ended(rest, self.masking.flush()), Masked(*self._line_ends.flush())]

    def _ended(self, *parts: Masked) -> list[Masked]:
        return [Masked(*self._line_ends.feed(part.text, part.recorded)) for part in parts]


class ExecMediation:
    """State of one exec request."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        definition = setup.definition
        self._where = Whereabouts(setup)
        self._errors: Final = tuple(re.compile(pattern) for pattern in definition.errors)
        self._judge = Judge(setup)
        self._outbox = Outbox()
        devices = Devices()
        self._streams: Final = {stderr: _Stream(setup, devices) for stderr in (False, True)}
        self._quiet_since = 0.0
        self._flight: Flight | None = None
        self._interrupted_at: float | None = None
        self._effects: list[Effect] = []
        self.prompt = ""

    @property
    def position(self) -> Position:
        """Where the command runs."""
        return self._where.position

    @property
    def idle(self) -> bool:
        """Never: the session ends with its command."""
        return False

    def receive(self, event: SessionEvent, now: datetime) -> list[Effect]:
        """What is to be done after `event`, in order."""
        self._effects = []
        match event:
            case LineTyped(line, ahead):
                self._typed(line, now, ahead=ahead)
            case Interrupted():
                self._interrupted()
            case RouterOutput(data, stderr):
                self._show(self._streams[stderr].feed(data), stderr=stderr)
            case RouterEnded(exit_status):
                self._router_ended(exit_status)
            case Recorded():
                self._recorded(event)
            case InputEnded():
                self._input_ended()
            case TimePassed(moment):
                self._watch_held(moment)
                self._watch_interrupted(moment)
            case Opened():
                pass
            case _:
                assert_never(event)
        return self._effects

    def end(self) -> list[Effect]:
        """The session ends from outside: what must still be recorded of the command."""
        self._effects = []
        self._finish("closed")
        return self._effects

    def notice(self, text: str) -> list[Effect]:
        """Tell the rep something."""
        self._effects = []
        self._say(f"{text}\n")
        return self._effects

    def _typed(self, line: str, now: datetime, *, ahead: bool) -> None:
        if self._judge.asking and ahead:
            self._act_on(self._judge.withdraw())
        elif self._judge.asking:
            judged, _ = self._judge.answer(line, self._where, now)
            self._act_on(judged)
        elif self._flight is None:
            self._act_on(self._judge.judge(line, self._where, now))

    def _act_on(self, judged: Judged) -> None:
        match judged.outcome:
            case Nothing():
                self._effects.append(Close("done"))
            case Answered(text):
                self._say(text)
                self._effects.append(Close("done"))
            case Asked(question=question):
                self._say(question)
            case Blocked(verdict, text, strike):
                self._effects.append(RecordBlocked(verdict, strike))
                self._say(text)
                self._effects.append(Close("denied", exit_status=DENIED_STATUS))
            case Wanted():
                raise AssertionError("a single command that is refused is over; nothing is offered behind it")
            case Go(verdict, confirmed):
                self._start(verdict, confirmed)
            case _:
                assert_never(judged.outcome)

    def _start(self, verdict: Allow, confirmed: str | None) -> None:
        before = self._where.position
        self._flight = Flight(verdict=verdict, purpose="command", confirmed=confirmed is not None, before=before)
        wire = verdict.canonical.encode()
        record = Record(verdict=verdict, wire=wire, purpose="command", confirmed=confirmed)
        self._effects += self._outbox.add(Item("line", record))

    def _recorded(self, event: Recorded) -> None:
        command, flight = event.command, self._flight
        try:
            item = self._outbox.answered(command)
        except ValueError:
            self._finish("closed")
            self._effects.append(Close("record_mismatch", messages.closing("record_mismatch"), FAILED_STATUS))
            return
        if item is None or flight is None:
            return
        if item.kind == "interrupt":
            self._effects += [Send(command), result(command, "done")]
        elif flight.cancelled:
            self._effects.append(result(command, "not_sent"))
            self._effects.append(Close("interrupted", exit_status=INTERRUPTED_STATUS))
        else:
            flight.command = command
            for stream in self._streams.values():
                stream.masking.begin(flight.verdict)
            self._effects += [
                Mark(command.n, flight.verdict.shown, "confirm" if flight.confirmed else "allow"),
                Send(command),
            ]
        self._effects += self._outbox.ask_next()

    def _interrupted(self) -> None:
        """The first Ctrl-C interrupts the command; one more leaves it."""
        flight = self._flight
        if flight is None:
            self._effects.append(Close("interrupted", exit_status=INTERRUPTED_STATUS))
        elif flight.command is None:
            flight.cancelled = True
        elif flight.interrupted:
            self._leave()
        else:
            flight.interrupted = True
            verdict = self._setup.own_line("\x03", "interrupt")
            wire = self._setup.definition.interrupt.encode()
            record = Record(verdict=verdict, wire=wire, purpose="interrupt")
            self._effects += self._outbox.add(Item("interrupt", record))

    def _leave(self) -> None:
        """The router does not obey an interrupt; its command ends with the channel."""
        self._finish("interrupted", INTERRUPTED_STATUS)
        self._effects.append(Close("interrupted", exit_status=INTERRUPTED_STATUS))

    def _watch_held(self, moment: float) -> None:
        """An unfinished line is not held back for ever."""
        if any(stream.fresh for stream in self._streams.values()):
            self._quiet_since = moment
            for stream in self._streams.values():
                stream.fresh = False
        elif moment - self._quiet_since >= self._setup.limits.hold_seconds:
            for stderr, stream in self._streams.items():
                self._show(stream.flush(), stderr=stderr)

    def _watch_interrupted(self, moment: float) -> None:
        if self._flight is None or not self._flight.interrupted:
            return
        if self._interrupted_at is None:
            self._interrupted_at = moment
        elif moment - self._interrupted_at >= self._setup.limits.stuck_seconds:
            self._leave()

    def _input_ended(self) -> None:
        if self._flight is None:
            self._effects.append(Close("input_ended"))

    def _router_ended(self, exit_status: int | None) -> None:
        for stderr, stream in self._streams.items():
            self._show(stream.end(), stderr=stderr)
        flight = self._flight
        if flight is None or flight.command is None:
            self._effects.append(Close("router_ended", messages.closing("router_ended"), FAILED_STATUS))
            return
        status = exit_status
        if status is None:  # many routers give none
            failed = flight.interrupted or flight.account.begins_with(self._errors)
            status = FAILED_STATUS if failed else 0
        self._finish("interrupted" if flight.interrupted else "done", exit_status)
        self._effects.append(Close("done", exit_status=status))

    def _finish(self, outcome: str, exit_status: int | None = None) -> None:
        for stderr, stream in self._streams.items():
            self._show(stream.end(), stderr=stderr)
        flight, self._flight = self._flight, None
        if flight is not None and flight.command is not None:
            self._effects.append(result(flight.command, outcome, flight.account, exit_status))

    def _show(self, parts: list[Masked], *, stderr: bool) -> None:
        for masked in parts:
            if not masked.text and not masked.kept:
                continue
            if self._flight is not None:
                self._flight.account.add(masked.kept)
            self._effects.append(Show(masked.text, stderr=stderr, recorded=masked.recorded))

    def _say(self, text: str) -> None:
        self._effects.append(Show(text.replace("\n", self._setup.newline or "\n"), stderr=True, own=True))

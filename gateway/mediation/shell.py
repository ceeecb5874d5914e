"""Mediation of a terminal session: one line after another, each judged where the session stands. Pure.

The rep's lines wait in a queue. When the router shows its prompt, the next one is judged, recorded, and sent in the
policy's spelling as soon as its record is durable; then the router's output is shown until the prompt comes back.
Counterparts: `gateway.mediation.exec` for single commands, `gateway.mediation.mediator` for what both share.
"""

import re
from collections import deque
from datetime import datetime
from enum import Enum, auto
from typing import Final, assert_never

from audit.command import Purpose
from config.counting import counted
from drivers.prompt import PagerSeen, PromptSeen, QuestionSeen
from gateway.mediation import messages
from gateway.mediation.events import (
    AskSubscriber,
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
    TimePassed,
)
from gateway.mediation.flight import Flight, result
from gateway.mediation.judge import Answered, Asked, Blocked, Go, Judge, Judged, Nothing, Wanted
from gateway.mediation.masking import Masked, Masking
from gateway.mediation.outbox import Item, Outbox
from gateway.mediation.questions import Leave, Reply, respond
from gateway.mediation.queue import LineQueue
from gateway.mediation.rep import Rep
from gateway.mediation.setup import DENIED_STATUS, FAILED_STATUS, SessionEvent, Setup
from gateway.mediation.terminal import Terminal
from gateway.mediation.whereabouts import Whereabouts
from gateway.policy.verdict import Allow, Position
from gateway.redaction.devices import Devices


class _Phase(Enum):
    LOGIN = auto()
    """The first prompt did not come yet."""
    PREPARING = auto()
    """The gateway's own lines run."""
    READY = auto()
    """At the prompt, or asking the rep, or one line is under way."""


class ShellMediation:
    """State of one terminal session."""

    def __init__(self, setup: Setup) -> None:
        self._setup: Final = setup
        self._definition: Final = setup.definition
        self._limits: Final = setup.limits
        self._terminal = Terminal(setup.definition)
        self._masking = Masking(setup, Devices())
        self._rep = Rep(setup)
        self._where = Whereabouts(setup)
        self._judge = Judge(setup)
        self._queue = LineQueue(setup.limits.queue_lines)
        self._outbox = Outbox()
        self._prepare = deque(setup.definition.prepare)
        self._errors = tuple(re.compile(pattern) for pattern in setup.definition.errors)
        self._phase = _Phase.LOGIN
        self._flight: Flight | None = None
        self._status = 0
        """Exit status of the last line."""
        self._input_ended = False
        self._waiting_since: float | None = None
        """Since when the login, or a preparation line, has been waiting for a prompt."""
        self._cancelled_at: float | None = None
        self._now: datetime = setup.deadline

    @property
    def position(self) -> Position:
        """Where the session stands."""
        return self._where.position

    @property
    def prompt(self) -> str:
        """The router's prompt as it was last shown."""
        return self._where.prompt

    def receive(self, event: SessionEvent, now: datetime) -> list[Effect]:
        """What is to be done after `event`, in order."""
        self._now = now
        self._rep.begin()
        match event:
            case Opened():
                pass
            case LineTyped(line, ahead):
                self._typed(line, ahead=ahead)
            case Interrupted():
                self._interrupted()
            case InputEnded():
                self._end_of_input()
            case RouterOutput(data):
                self._show(self._terminal.feed(data))
                self._look()
            case RouterEnded(exit_status):
                self._router_ended(exit_status)
            case Recorded():
                self._recorded(event)
            case TimePassed(moment):
                self._time_passed(moment)
            case _:
                assert_never(event)
        return self._rep.taken()

    def end(self) -> list[Effect]:
        """The session ends from outside: what must still be recorded of the line that is under way."""
        self._rep.begin()
        self._finish("closed")
        return self._rep.taken()

    def notice(self, text: str) -> list[Effect]:
        """Tell the rep something, and show again what they were at."""
        self._rep.begin()
        at_prompt = self._idle or self._judge.asking
        self._rep.say(f"\n{text}\n" if at_prompt and self._rep.sees_prompts else f"{text}\n")
        if self._judge.asking:
            self._rep.say(self._judge.question())
        elif at_prompt:
            self._rep.echo(self._where.prompt)
        return self._rep.taken()

    @property
    def idle(self) -> bool:
        """Whether the router shows its prompt and no line waits: what was typed so far is dealt with."""
        return self._idle and not len(self._queue)

    @property
    def _idle(self) -> bool:
        """At the prompt, ready for a line."""
        ready = self._phase is _Phase.READY and self._flight is None
        return ready and not self._judge.asking and not self._rep.closing

    def _in_doubt(self) -> bool:
        """Whether another prompt than the session's stands there. If it is real shows when the router is quiet."""
        if self._phase is not _Phase.READY or self._where.unsure:
            return False
        prompt = self._terminal.prompt()
        return prompt is not None and not self._where.shows(prompt, self._where.position)

    # --- what the rep typed ------------------------------------------------------------------------------------------

    def _typed(self, line: str, *, ahead: bool) -> None:
        if self._judge.asking and ahead:
            self._act_on(self._judge.withdraw())
        if self._judge.asking:
            self._answer(line)
        else:
            self._rep.do(self._queue.push(line))
        self._next()

    def _answer(self, text: str) -> None:
        judged, line = self._judge.answer(text, self._where, self._now)
        if line is not None:
            self._queue.push_front(line)
        self._act_on(judged)

    def _next(self) -> None:
        """Judge waiting lines until one is under way or asked about, or none is left."""
        while self._idle and len(self._queue) and not self._in_doubt():
            line = self._queue.pop()
            self._rep.do(self._queue.room())
            self._act_on(self._judge.judge(line, self._where, self._now, ahead=len(self._queue) > 0))
        if self._input_ended and self._idle and not len(self._queue):
            self._rep.close("input_ended", exit_status=self._status)

    def _act_on(self, judged: Judged) -> None:
        self._rep.echo(f"{judged.shown}\n")
        match judged.outcome:
            case Nothing():
                self._rep.echo(self._where.prompt)
            case Answered(text):
                self._rep.say(text)
                self._rep.echo(self._where.prompt)
            case Asked(question, verdict, preview):
                self._foretell(verdict, preview)
                self._rep.say(question)
            case Blocked():
                self._blocked(judged.outcome)
            case Wanted(capability):
                self._rep.do([AskSubscriber(capability)])
                self._rep.say(f"{messages.ASKING}\n")
                self._rep.echo(self._where.prompt)
            case Go(verdict, confirmed):
                self._start(verdict, "command", confirmed)
            case _:
                assert_never(judged.outcome)

    def _foretell(self, verdict: Allow, preview: str) -> None:
        """Show what a line would do, masked as its output would be."""
        if preview:
            self._masking.begin(verdict)
            self._give(self._masking.feed(preview))
            self._show_rest()

    def _blocked(self, outcome: Blocked) -> None:
        self._status = DENIED_STATUS
        self._rep.do([RecordBlocked(outcome.verdict, outcome.strike)])
        # A program at a terminal looks for the router's own way to say no; a person gets plain words.
        mark = "" if self._setup.asks or not self._rep.sees_prompts else self._definition.refusal
        self._rep.say(f"{mark}{outcome.text}")
        if outcome.close is not None:
            self._rep.close(outcome.close, messages.closing(outcome.close), DENIED_STATUS)
        elif outcome.offer is not None:
            self._rep.say(self._judge.question())
        else:
            self._rep.echo(self._where.prompt)

    def _interrupted(self) -> None:
        self._drop_queue()
        flight = self._flight
        if self._judge.asking:
            self._answer("")
        elif flight is not None and flight.purpose == "command":
            if flight.command is None:
                flight.cancelled = True
            else:
                self._stop(flight, self._definition.interrupt)
        elif self._idle:
            self._rep.echo("^C\n")
            self._rep.echo(self._where.prompt)
        self._next()

    def _drop_queue(self) -> None:
        dropped = self._queue.clear()
        self._rep.do(self._queue.room())
        if dropped:
            self._rep.say(messages.DROPPED.format(lines=counted(dropped, "line")) + "\n")

    def _end_of_input(self) -> None:
        self._input_ended = True
        if self._judge.asking:
            self._answer("")
        self._next()

    # --- what is sent ------------------------------------------------------------------------------------------------

    def _start(self, verdict: Allow, purpose: Purpose, confirmed: str | None = None) -> None:
        before = self._where.position
        self._flight = Flight(verdict=verdict, purpose=purpose, confirmed=confirmed is not None, before=before)
        wire = (verdict.canonical + self._definition.line_end).encode()
        record = Record(verdict=verdict, wire=wire, purpose=purpose, confirmed=confirmed)
        self._rep.do(self._outbox.add(Item("line", record)))

    def _stop(self, flight: Flight, wire: str) -> None:
        """Interrupt the running command, unless that is under way already."""
        flight.interrupted = True
        if not self._outbox.holds("interrupt"):
            verdict = self._setup.own_line("\x03", "interrupt")
            record = Record(verdict=verdict, wire=wire.encode(), purpose="interrupt")
            self._rep.do(self._outbox.add(Item("interrupt", record)))

    def _recorded(self, event: Recorded) -> None:
        command = event.command
        try:
            item = self._outbox.answered(command)
        except ValueError:
            self._finish("closed")
            self._rep.close("record_mismatch", messages.closing("record_mismatch"), FAILED_STATUS)
            return
        flight = self._flight
        if item is None:
            return
        if item.kind == "line":
            assert flight is not None
            flight.command = command
            self._send_line(flight)
        elif flight is None or flight.command is None or not self._still_wanted(item, flight):
            self._rep.do([result(command, "not_sent")])
        else:
            self._rep.do([Send(command), result(command, "done")])
            if item.kind != "interrupt":
                self._terminal.answered(pager=item.kind == "pager")
        self._rep.do(self._outbox.ask_next())

    def _send_line(self, flight: Flight) -> None:
        command = flight.command
        assert command is not None
        if flight.cancelled or self._in_doubt():
            self._finish("not_sent")
            if flight.cancelled:
                self._rep.echo("^C\n")
            else:
                self._rep.say(f"\n{messages.PROMPT_CHANGED}\n")
            self._rep.echo(self._where.prompt)
            self._next()
            return
        self._show(self._terminal.sent(flight.verdict.canonical, self._where.prompt))
        self._show_rest()
        self._masking.begin(flight.verdict)
        if flight.purpose == "command":
            self._rep.do([Mark(command.n, flight.verdict.shown, "confirm" if flight.confirmed else "allow")])
        self._waiting_since = None
        self._rep.do([Send(command)])

    def _still_wanted(self, item: Item, flight: Flight) -> bool:
        """Whether the router still waits for what was recorded; its output may have gone on meanwhile."""
        if item.kind == "interrupt":
            return True
        seen = self._terminal.question(flight.verdict.answers, flight.verdict.canonical)
        return isinstance(seen, PagerSeen if item.kind == "pager" else QuestionSeen)

    def _finish(self, outcome: str) -> None:
        """The line under way is over; record how."""
        self._show_rest()
        self._masking.begin()
        flight, self._flight, self._cancelled_at = self._flight, None, None
        if flight is None:
            return
        if flight.purpose == "command" and outcome in ("done", "interrupted"):
            failed = outcome == "interrupted" or flight.account.begins_with(self._errors)
            self._status = FAILED_STATUS if failed else 0
        if flight.command is not None:
            self._rep.do([result(flight.command, outcome, flight.account)])

    # --- what the router prints --------------------------------------------------------------------------------------

    def _show(self, text: str) -> None:
        """The router's output, masked: a banner only to a terminal, of the gateway's own lines nothing."""
        if text:
            self._give(self._masking.feed(text))

    def _give(self, masked: Masked) -> None:
        kept = masked.kept
        if self._phase is _Phase.READY:
            kept = self._rep.show(masked.text, masked.recorded)
        elif self._phase is _Phase.LOGIN:
            self._rep.echo(masked.text)
        self._count(kept)

    def _show_rest(self) -> None:
        """What was held back of the output: nothing more will come of it."""
        self._give(self._masking.flush())
        if self._phase is _Phase.READY and not self._rep.closing:
            self._count(self._rep.show_end())

    def _count(self, text: str) -> None:
        if text and self._flight is not None and self._flight.command is not None:
            self._flight.account.add(text)

    def _look(self, quiet: float = 0.0) -> None:
        """See what the output ends in. `quiet`: seconds without output."""
        if self._rep.closing:
            return
        settled = quiet >= self._limits.settle_seconds
        prompt, flight = self._terminal.prompt(), self._flight
        if self._phase is _Phase.LOGIN:
            if prompt is not None:
                self._logged_in(prompt)
        elif flight is None:
            if prompt is not None:
                self._prompt_while_idle(prompt, settled)
        elif flight.command is not None:
            if prompt is None:
                self._look_for_question(flight, quiet)
            elif settled or self._is_end(prompt, flight):
                self._landed(prompt, flight)

    def _is_end(self, prompt: PromptSeen, flight: Flight) -> bool:
        """Whether `prompt` ends the command beyond doubt."""
        expected = self._phase is _Phase.PREPARING or self._where.shows(prompt, flight.expected)
        return expected and prompt.certain and self._terminal.echoed

    def _logged_in(self, prompt: PromptSeen) -> None:
        self._show(self._terminal.believe(prompt))
        self._show_rest()
        self._where.start(prompt)
        self._phase = _Phase.PREPARING
        self._at_prompt()

    def _landed(self, prompt: PromptSeen, flight: Flight) -> None:
        """The line under way has ended."""
        self._show(self._terminal.believe(prompt))
        self._finish("interrupted" if flight.interrupted else "done")
        if self._phase is _Phase.READY:
            self._arrive(prompt, flight.expected)
        else:
            self._where.start(prompt)
        self._at_prompt()

    def _at_prompt(self) -> None:
        if self._prepare:
            verdict = self._setup.own_line(self._prepare.popleft(), "preparation")
            self._start(verdict, "preparation")
            return
        self._phase = _Phase.READY
        self._rep.echo(self._where.prompt)
        self._next()

    def _arrive(self, prompt: PromptSeen, expected: Position) -> None:
        if not self._where.arrive(prompt, expected):
            unsure = self._where.unsure
            self._rep.say(f"{messages.unsure(prompt.text) if unsure else messages.moved(prompt.text)}\n")

    def _prompt_while_idle(self, prompt: PromptSeen, settled: bool) -> None:
        """The router printed a prompt unasked: the rest of the one before, one after a message, or another one."""
        if self._where.shows(prompt, self._where.position):
            text = self._terminal.hand_over()
            self._terminal.believe(prompt)
            self._where.prompt = prompt.text
            if self._phase is _Phase.READY and self._rep.sees_prompts:
                self._show(text)
                self._show_rest()
        elif settled and not self._where.unsure:
            self._show(self._terminal.believe(prompt))
            self._show_rest()
            self._arrive(prompt, self._where.position)
            self._rep.echo(self._where.prompt)
            self._next()

    def _look_for_question(self, flight: Flight, quiet: float) -> None:
        if self._outbox.holds("pager", "question", "interrupt"):
            return
        seen = self._terminal.question(flight.verdict.answers, flight.verdict.canonical)
        response = None if seen is None else respond(seen, flight, self._setup, quiet)
        if response is None:
            return
        if isinstance(seen, QuestionSeen):
            self._show(self._terminal.hand_over())
            self._give(self._masking.pause())
        match response:
            case Leave():
                self._cancel(flight)
            case Reply(kind, answer):
                verdict = self._setup.own_line(response.text, response.reason)
                record = Record(verdict=verdict, wire=answer.encode(), purpose="answer")
                self._rep.do(self._outbox.add(Item(kind, record)))
            case _:
                assert_never(response)

    def _at_pager_or_prompt(self) -> bool:
        """Whether the unfinished line is one that the rep is not shown as output."""
        if self._terminal.prompt() is not None:
            return True
        flight = self._flight
        if flight is None or flight.command is None:
            return False
        seen = self._terminal.question(flight.verdict.answers, flight.verdict.canonical)
        return isinstance(seen, PagerSeen)

    def _cancel(self, flight: Flight) -> None:
        """Leave a question that has no answer. Lines that wait were typed for what would have come after it."""
        if not flight.given_up:
            flight.given_up = True
            self._rep.say(f"\n{messages.CANCELLED}\n")
            self._drop_queue()
            self._stop(flight, self._definition.cancel)

    def _router_ended(self, exit_status: int | None) -> None:
        self._show(self._terminal.end())
        self._show_rest()
        flight = self._flight
        leaves = flight is not None and flight.verdict.leaves and flight.command is not None
        self._finish("done" if leaves else "closed")
        if leaves:
            self._rep.close("logout", exit_status=self._status if exit_status is None else exit_status)
        else:
            reason = "no_prompt" if self._phase is _Phase.LOGIN else "router_ended"
            self._rep.close(reason, messages.closing(reason), FAILED_STATUS)

    # --- time --------------------------------------------------------------------------------------------------------

    def _time_passed(self, moment: float) -> None:
        quiet = self._terminal.quiet(moment)
        self._watch_login(moment)
        self._watch_cancelled(moment)
        if quiet >= self._limits.settle_seconds and not self._terminal.echoed:
            self._show(self._terminal.give_up_echo())
        self._look(quiet)
        if self._phase is _Phase.READY and not self._rep.closing and not self._at_pager_or_prompt():
            self._show(self._terminal.release())
            held = quiet < self._limits.hold_seconds
            self._give(self._masking.ease() if held else self._masking.pause())

    def _watch_login(self, moment: float) -> None:
        if self._phase is _Phase.READY:
            return
        if self._waiting_since is None:
            self._waiting_since = moment
        elif moment - self._waiting_since >= self._limits.login_seconds:
            self._finish("closed")
            self._rep.close("no_prompt", messages.closing("no_prompt"), FAILED_STATUS)

    def _watch_cancelled(self, moment: float) -> None:
        if self._flight is None or not self._flight.given_up:
            return
        if self._cancelled_at is None:
            self._cancelled_at = moment
        elif moment - self._cancelled_at >= self._limits.stuck_seconds:
            self._finish("interrupted")
            self._rep.close("stuck", messages.closing("stuck"), FAILED_STATUS)

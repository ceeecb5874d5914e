"""A program as a session's terminal: what the router prints is collected, command by command, within a bound.

Counterpart: `gateway.session.runner`, which shows text and tells what became of lines. One line is under way at a
time, so whatever happens between `submit` and `idle` is about that line. The REST API and scripts work this way.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Final

from audit.command import RecordedCommand
from gateway.mediation.display import Account
from gateway.mediation.events import Record, RecordResult
from gateway.mediation.messages import not_confirmed
from gateway.policy.verdict import Allow, Deny
from gateway.session.runner import LiveSession
from gateway.session.terminal import TerminalTraits

MOST_OUTPUT: Final = 8 * 1024 * 1024
"""Bytes (UTF-8) of one command's output that are kept for its answer. The recording has all of it."""
MOST_NOTICES: Final = 64 * 1024
"""Characters of the gateway's own words."""

INTERRUPT_SECONDS: Final = 15.0
"""So long may an interrupted command take to come back to the prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one line. Without a record and without a refusal the gateway answered it itself."""

    record: Record | None
    command: RecordedCommand | None
    result: RecordResult | None
    refused: Deny | None
    unconfirmed: bool
    """`refused` is for want of a confirmation."""
    output: str = field(repr=False)
    truncated: bool
    failed: bool
    """The output reads like one of the platform's error messages."""
    notices: str = field(repr=False)


@dataclass(slots=True)
class _Line:
    """The line under way."""

    confirm: bool
    done: asyncio.Future[Outcome]
    record: Record | None = None
    command: RecordedCommand | None = None
    result: RecordResult | None = None
    refused: Deny | None = None
    unconfirmed: bool = False
    output: list[str] = field(default_factory=list)
    size: int = 0
    truncated: bool = False
    account: Account = field(default_factory=Account)
    notices: str = ""

    def begin(self, record: Record, command: RecordedCommand) -> None:
        """What was printed so far came before this command."""
        self.record, self.command = record, command
        self.output, self.size, self.truncated, self.account = [], 0, False, Account()

    def add(self, text: str, most: int) -> None:
        """Keep output up to `most` bytes; sum up all of it."""
        self.account.add(text)
        data = text.encode("utf-8", "replace")
        room = most - self.size
        if len(data) > room:
            self.truncated = True
            text = data[:room].decode("utf-8", "ignore")
        self.size += min(len(data), room)
        if text:
            self.output.append(text)

    def outcome(self, errors: tuple[re.Pattern[str], ...]) -> Outcome:
        """What became of it."""
        done = self.result is not None and self.result.outcome == "done"
        return Outcome(
            record=self.record,
            command=self.command,
            result=self.result,
            refused=self.refused,
            unconfirmed=self.unconfirmed,
            output="".join(self.output),
            truncated=self.truncated,
            failed=self.record is not None and (not done or self.account.begins_with(errors)),
            notices=self.notices,
        )


class ProgramTerminal:
    """`gateway.session.terminal.Terminal`, `gateway.session.runner.Observer` and the session's veto in one.

    Used from the event loop only. Nothing blocks: output beyond the bound is dropped, so a client that does not fetch
    its answer slows nobody.
    """

    def __init__(self, traits: TerminalTraits, *, unconfirmed: str, most_output: int = MOST_OUTPUT) -> None:
        """`unconfirmed` is said of a line that needs a confirmation and came without one."""
        self.traits = traits
        self._unconfirmed = unconfirmed
        self._most_output = most_output
        self.errors: tuple[re.Pattern[str], ...] = ()
        """How error messages of the router's platform begin."""
        self._line: _Line | None = None

    @property
    def busy(self) -> bool:
        """Whether a line is under way."""
        return self._line is not None

    def submit(self, *, confirm: bool) -> asyncio.Future[Outcome]:
        """A line is about to be given to the session. MUST NOT be called while `busy`."""
        assert self._line is None
        self._line = _Line(confirm, asyncio.get_running_loop().create_future())
        return self._line.done

    def end(self) -> None:
        """The session is over; nothing more will happen to the line under way."""
        self.idle()

    # --- Terminal ----------------------------------------------------------------------------------------------------

    def show(self, text: str, *, stderr: bool) -> None:
        line = self._line
        if line is None:
            return  # between two lines nobody listens; it is in the recording
        if stderr:
            line.notices = (line.notices + text)[:MOST_NOTICES]
        else:
            line.add(text, self._most_output)

    async def drained(self) -> None:
        """Always."""

    def throttle(self, on: bool) -> None:
        """One line is under way at a time, so there is nothing to stop."""

    # --- Observer ----------------------------------------------------------------------------------------------------

    def recorded(self, record: Record, command: RecordedCommand) -> None:
        if self._line is not None and command.purpose == "command":
            self._line.begin(record, command)

    def finished(self, result: RecordResult) -> None:
        line = self._line
        # Set-up lines, answers to pagers and interrupts have results of their own.
        if line is not None and line.command is not None and line.command.entry_index == result.entry_index:
            line.result = result

    def blocked(self, verdict: Deny) -> None:
        if self._line is not None:
            self._line.refused = verdict

    def idle(self) -> None:
        line, self._line = self._line, None
        if line is not None and not line.done.done():
            line.done.set_result(line.outcome(self.errors))

    # --- veto --------------------------------------------------------------------------------------------------------

    def veto(self, verdict: Allow) -> Deny | None:
        """A line that needs a confirmation goes only if it came with one. Judged where the session stands by then."""
        line = self._line
        if not verdict.confirm or verdict.help or (line is not None and line.confirm):
            return None
        if line is not None:
            line.unconfirmed = True
        return not_confirmed(verdict, self._unconfirmed)


async def run_line(
    live: LiveSession, terminal: ProgramTerminal, line: str, *, confirm: bool, seconds: float
) -> Outcome | None:
    """Have one line judged and run, and wait for what becomes of it. MUST NOT be called while `terminal.busy`.

    A line that takes longer than `seconds` is interrupted. None if the router does not come back from that either.
    """
    outcome = terminal.submit(confirm=confirm)
    live.line(line)
    done, _ = await asyncio.wait({outcome}, timeout=seconds)
    if not done:
        live.interrupt()
        done, _ = await asyncio.wait({outcome}, timeout=INTERRUPT_SECONDS)
    return outcome.result() if done else None

"""The I/O shell of one live session: performs the mediator's effects strictly in order and feeds it events.

Counterpart: `gateway.mediation.mediator`, which decides and does no I/O. What must stay true here:

- `Send` happens only with the `RecordedCommand` that the journal returned, and only if `why_ended`, asked after the
  record became durable, says nothing.
- An effect that fails drops the rest of its list and becomes an event.
- `end` cuts the router's connection at once, whatever the session is waiting for.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol, TypeAlias, assert_never

import structlog

from audit.command import NewCommand, RecordedCommand
from audit.entry import EntryRef, NewEntry
from audit.errors import AuditError, RecordRefused
from config.clock import Clock
from drivers.errors import DriverError
from drivers.session import DriverSession, KnowsNames, Parting
from gateway.access.identity import AccessGrant
from gateway.errors import GatewayError
from gateway.mediation import messages
from gateway.mediation.events import (
    AskSubscriber,
    Close,
    DeadlineMoved,
    Effect,
    Ended,
    Event,
    InputEnded,
    Interrupted,
    LineTyped,
    Mark,
    Noted,
    Opened,
    Record,
    RecordBlocked,
    Recorded,
    RecordFailedEvent,
    RecordRefusedEvent,
    RecordResult,
    RouterEnded,
    RouterOutput,
    Send,
    Show,
    Throttle,
    TimePassed,
)
from gateway.mediation.setup import ended_status
from gateway.policy.verdict import Deny, Position
from gateway.session import entries
from gateway.session.entries import Closing, Totals
from gateway.session.terminal import Terminal

log = structlog.get_logger(__name__)

OUTPUTS_IN_FLIGHT = 2
"""Pieces of router output (64 KiB each at most) that may wait for the mediator: the bound on memory per session."""

INPUTS_IN_FLIGHT = 1000
"""Lines and Ctrl-C of the client that may wait for the mediator before reading from the client stops. It goes on when
half of them are dealt with. What is in the client's last packets comes on top."""


_DONE: Final = frozenset({"done", "denied", "input_ended", "interrupted"})
"""Reasons of `Close` for which nobody and nothing is to be kept away from the router at once."""


class Mediating(Protocol):
    """What the runner needs of a mediator."""

    @property
    def position(self) -> Position: ...

    @property
    def closed(self) -> bool:
        """Whether `Close` was given out, and nothing more will be."""
        ...

    @property
    def idle(self) -> bool:
        """Whether everything typed so far is dealt with."""
        ...

    def receive(self, event: Event, now: datetime) -> list[Effect]:
        """What to do after `event`; `now` is wall time, UTC."""
        ...


class Evidence(Protocol):
    """What the runner needs of the journal (`audit.journal.Journal`)."""

    async def append(self, entry: NewEntry) -> EntryRef: ...

    def append_along(self, entry: NewEntry) -> None: ...

    async def append_command(self, command: NewCommand) -> RecordedCommand: ...

    def why_ended(self, command: RecordedCommand) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Resized:
    """The client's terminal has this size now. Recorded in its turn; the mediator need not know."""

    width: int
    height: int


class Recording(Protocol):
    """What the runner needs of the recorder (`audit.recording.recorder.Recorder`)."""

    def output(self, text: str) -> None: ...

    def command(self, n: int, shown: str, verdict: str) -> None: ...

    def resize(self, width: int, height: int) -> None: ...

    async def ready(self) -> None: ...

    async def close(self) -> None: ...


class Observer(Protocol):
    """Somebody who wants to know what became of lines: the REST API, the subscriber's live log.

    Called in the order in which things happen; MUST NOT block or raise.
    """

    def recorded(self, record: Record, command: RecordedCommand) -> None:
        """Its record is durable; it is about to be sent."""
        ...

    def finished(self, result: RecordResult) -> None: ...

    def blocked(self, verdict: Deny) -> None: ...

    def idle(self) -> None:
        """Everything typed so far is dealt with, the lines that the gateway answered itself included. Repeated."""
        ...


Ask: TypeAlias = Callable[[str], Awaitable[str]]
"""Asks the subscriber for a capability; answers with a sentence for the rep. Raises `GatewayError`, `AuditError`."""


@dataclass(slots=True)
class GrantHeld:
    """The access grant a session works under now. Replaced when the subscriber extends the consent."""

    grant: AccessGrant


class LiveSession:
    """One session between one client and one router. Create, then await `run` once."""

    def __init__(
        self,
        *,
        session_id: str,
        held: GrantHeld,
        router: DriverSession,
        mediator: Mediating,
        journal: Evidence,
        recorder: Recording,
        terminal: Terminal,
        clock: Clock,
        idle_seconds: int,
        observer: Observer | None = None,
        ask: Ask | None = None,
    ) -> None:
        self.id = session_id
        self._held = held
        self.opened_at = clock.now()
        self.totals = Totals()
        self.cut_off = False
        """Whether it was ended in the middle, from outside or by a failing record: nobody waits for the client then."""
        self._router = router
        self._mediator = mediator
        self._journal = journal
        self._recorder = recorder
        self._terminal = terminal
        self._clock = clock
        self._observer = observer
        self._ask = ask
        self._asking: set[asyncio.Task[None]] = set()
        self._idle_ns = idle_seconds * 1_000_000_000
        self._inbox: deque[Event | Resized] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Semaphore(OUTPUTS_IN_FLIGHT)
        self._inputs = 0
        """Of the client, in the inbox."""
        self._ahead = 0
        """So many of them were there already when the gateway said something last."""
        self._queue_full = False
        """What the mediator wants of the client's input; the inbox may want it too."""
        self._throttled = False
        self._ended = asyncio.Event()
        self._end_reason: str | None = None
        self._closing: Closing | None = None
        self._last_input_ns = clock.monotonic_ns()
        self._cut: asyncio.Task[None] | None = None
        self._patience: asyncio.Timeout | None = None
        """Bounds what the session waits for just now, or waited for last."""

    @property
    def grant(self) -> AccessGrant:
        """What the session may do now, and until when."""
        return self._held.grant

    def renew(self, grant: AccessGrant) -> None:
        """The subscriber answered a request for more: go on under `grant`, and tell the rep."""
        before, self._held.grant = self._held.grant, grant
        if grant.deadline != before.deadline:
            self._put(DeadlineMoved(grant.deadline))
        more = sorted(grant.rights.scope - before.rights.scope)
        until = f"{grant.deadline:%H:%M:%S} UTC"
        if more:
            self._put(Noted(f"The subscriber also agreed to: {', '.join(more)}. The consent ends at {until}."))
        elif grant.deadline != before.deadline:
            self._put(Noted(f"The subscriber gave more time: the consent ends at {until}."))

    def tell(self, sentence: str) -> None:
        """Show the rep a notice of the gateway when the screen is free for it."""
        self._put(Noted(sentence))

    @property
    def position(self) -> Position:
        """Where the session stands on the router."""
        return self._mediator.position

    def names(self, prefix: str) -> tuple[str, ...]:
        """Names seen on the router that can follow `prefix`; none where lines are not completed by them."""
        return self._router.completions(prefix) if isinstance(self._router, KnowsNames) else ()

    # --- what front ends and `LiveSessions` call ---------------------------------------------------------------------

    def line(self, text: str) -> None:
        """The client submitted one line."""
        self._put_input(LineTyped(text))

    def interrupt(self) -> None:
        """The client pressed Ctrl-C."""
        self._put_input(Interrupted())

    def resized(self, width: int, height: int) -> None:
        """The client's terminal has another size: columns and rows. Of several at once the last one counts."""
        if self._inbox and isinstance(self._inbox[-1], Resized):
            self._inbox.pop()
        self._put(Resized(width, height))

    def input_ended(self) -> None:
        """The client will send no more."""
        self._put(InputEnded())

    def end(self, reason: str) -> None:
        """End from outside (revoked, expired, killed, idle, gone, shutdown). Cuts the router's connection at once."""
        if self._end_reason is not None or self.closed():
            return
        self._end_reason = reason
        self.cut_off = True
        self._ended.set()
        if self._patience is not None and not self._patience.expired():
            with contextlib.suppress(RuntimeError):  # what was waited for came already
                self._patience.reschedule(asyncio.get_running_loop().time())
        self._cut = asyncio.get_running_loop().create_task(self._close_router())
        self._inbox.appendleft(Ended(reason))
        self._wake.set()

    def tick(self) -> None:
        """Called a few times a second: lets the mediator's timers and the idle rule act."""
        now_ns = self._clock.monotonic_ns()
        if self._clock.now() >= self.grant.deadline:
            self.end("expired")
        elif now_ns - self._last_input_ns > self._idle_ns:
            self.end("idle")
        elif not self._inbox:
            self._put(TimePassed(now_ns / 1e9))

    # --- the loop ----------------------------------------------------------------------------------------------------

    async def run(self) -> Closing:
        """Mediate until the session ends. Writes the closing entries; never raises for an expected end."""
        reader = asyncio.create_task(self._read_router())
        self._put(Opened())
        try:
            while not self.closed():
                while self._inbox and not self.closed():
                    await self._step(self._next())
                    self._tell_idle()
                if not self.closed():
                    self._wake.clear()
                    await self._wake.wait()
        finally:
            await self._close_router()
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
            await self._write_end(self.closing)
        return self.closing

    def closed(self) -> bool:
        """Whether the mediator has ended the session."""
        return self._closing is not None

    @property
    def closing(self) -> Closing:
        """How it ended; `aborted` if it did not end by the mediator."""
        return self._closing if self._closing is not None else Closing("aborted", "", 255)

    def _tell_idle(self) -> None:
        if self._observer is not None and not self._inbox and not self.closed() and self._mediator.idle:
            self._observer.idle()

    def _put(self, event: Event | Resized) -> None:
        self._inbox.append(event)
        self._wake.set()

    def _put_input(self, event: LineTyped | Interrupted) -> None:
        self._last_input_ns = self._clock.monotonic_ns()
        self._inputs += 1
        self._put(event)
        self._steer_client()

    def _next(self) -> Event | Resized:
        event = self._inbox.popleft()
        if isinstance(event, LineTyped | Interrupted):
            self._inputs -= 1
            if self._ahead:
                self._ahead -= 1
                event = replace(event, ahead=True) if isinstance(event, LineTyped) else event
            self._steer_client()
        return event

    def _steer_client(self) -> None:
        """Stop or resume reading from the client, for the mediator's queue and for the inbox in front of it."""
        most = INPUTS_IN_FLIGHT // 2 if self._throttled else INPUTS_IN_FLIGHT
        on = self._queue_full or self._inputs >= most
        if on is not self._throttled:
            self._throttled = on
            self._terminal.throttle(on)

    async def _read_router(self) -> None:
        """Pull output only as fast as it is mediated, recorded and taken by the client."""
        try:
            while True:
                await self._room.acquire()
                output = await self._router.read()
                if not output.data:
                    self._put(RouterEnded(self._router.exit_status))
                    return
                self._put(RouterOutput(output.data, output.stderr))
        except DriverError:
            self._put(RouterEnded(None))
        except Exception as error:
            # Without its output nothing can go on here; a driver's fault is no reason to wait for the idle rule.
            log.exception("driver_broke", session=self.id, error_type=type(error).__name__)
            self._put(RouterEnded(None))

    async def _resize(self, size: Resized) -> None:
        try:
            self._recorder.resize(size.width, size.height)
            await self._unless_ended(self._recorder.ready())
        except AuditError as error:
            self.cut_off = True
            await self._step(_failure(error))

    async def _step(self, event: Event | Resized) -> None:
        if isinstance(event, Resized):
            await self._resize(event)
            return
        pending: deque[Event] = deque([event])
        while pending and not self.closed():
            for effect in self._mediator.receive(pending.popleft(), self._clock.now()):
                try:
                    answer = await self._perform(effect)
                except (AuditError, DriverError) as error:
                    failure = _failure(error)
                    self.cut_off = self.cut_off or isinstance(error, AuditError)
                    if self._mediator.closed:
                        # The `Close` behind the failed effect is dropped with the rest, and no other one will come.
                        self._close_after(failure)
                    pending.appendleft(failure)
                    break
                if answer is not None:
                    pending.append(answer)
                if self.closed():
                    break
        if isinstance(event, RouterOutput):
            self._room.release()

    def _close_after(self, failure: Event) -> None:
        reason = failure.reason if isinstance(failure, RecordRefusedEvent) else "record_failed"
        if isinstance(failure, RouterEnded):
            reason = "router_closed"
        self._closing = Closing(reason, messages.closing(reason), ended_status(reason))

    async def _perform(self, effect: Effect) -> Event | None:
        """Do one effect. Returns the event that answers it, if any. Raises `AuditError`, `DriverError`."""
        match effect:
            case Record():
                command = await self._journal.append_command(entries.command(self.id, self.grant, effect))
                if self._observer is not None:
                    self._observer.recorded(effect, command)
                return Recorded(command)
            case RecordBlocked():
                await self._record_blocked(effect)
            case RecordResult():
                self.totals.output_bytes += effect.output_bytes
                self._journal.append_along(entries.result(self.id, self.grant, effect))
                if self._observer is not None:
                    self._observer.finished(effect)
            case Send():
                await self._send(effect.command)
            case Show():
                await self._show(effect)
            case Mark():
                self._recorder.command(effect.n, effect.shown, effect.verdict)
            case AskSubscriber(capability):
                self._ask_subscriber(capability)
            case Throttle():
                self._queue_full = effect.on
                self._steer_client()
            case Close():
                self._closing = Closing(effect.reason, effect.message, effect.exit_status)
            case _:
                assert_never(effect)
        return None

    def _ask_subscriber(self, capability: str) -> None:
        if self._ask is not None:
            task = asyncio.get_running_loop().create_task(self._asked(self._ask, capability))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _asked(self, ask: Ask, capability: str) -> None:
        try:
            self.tell(await ask(capability))
        except (AuditError, GatewayError) as error:
            self.tell(f"The subscriber could not be asked: {error}")

    async def _send(self, command: RecordedCommand) -> None:
        # Between durability and this line a revocation may have become durable: read again before the first byte.
        if self._end_reason is not None:
            raise RecordRefused(self._end_reason)
        ended = self._journal.why_ended(command)
        if ended is not None:
            raise RecordRefused(ended)
        await self._router.send(command)
        if command.purpose == "command":
            self.totals.commands += 1
        self._journal.append_along(entries.sent(self.id, self.grant, command))

    async def _show(self, effect: Show) -> None:
        self._recorder.output(effect.kept)
        await self._unless_ended(self._recorder.ready())
        stderr = effect.stderr or (effect.own and not self._terminal.traits.pty)
        self._terminal.show(effect.text, stderr=stderr)
        if effect.own:
            self._ahead = self._inputs
        await self._unless_ended(self._terminal.drained())

    async def _unless_ended(self, waiting: Awaitable[None]) -> None:
        """Wait, but not longer than the session lives: a client that does not read must not delay a revocation."""
        if self._ended.is_set():
            closer = getattr(waiting, "close", None)
            if closer is not None:
                closer()
            return
        # No task of its own for what is nearly always done at once. `end` makes the time-out due.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as self._patience:
                await waiting

    async def _close_router(self) -> None:
        """Cut the connection; where the rep is simply done, end it as the router expects."""
        router, parting = self._router, self._end_reason is None and self.closing.reason in _DONE
        try:
            if parting and isinstance(router, Parting):
                await router.leave()
            else:
                await router.close()
        except DriverError:
            pass  # it is gone
        except Exception as error:
            # The session's end is still to be recorded.
            log.exception("driver_broke", session=self.id, error_type=type(error).__name__)

    async def _record_blocked(self, effect: RecordBlocked) -> None:
        self.totals.blocked += 1
        await self._journal.append(entries.blocked(self.id, self.grant, effect))
        if effect.strike is not None:
            await self._journal.append(entries.strike(self.id, self.grant, effect.strike, effect.verdict.capability))
        if self._observer is not None:
            self._observer.blocked(effect.verdict)

    async def _write_end(self, closing: Closing) -> None:
        """The recording's end and the session's closing entry. If the journal is lost, recovery writes them."""
        with contextlib.suppress(AuditError):
            await self._recorder.close()
        with contextlib.suppress(AuditError):
            await self._journal.append(entries.closed(self.id, self.grant, closing, self.totals))


def _failure(error: AuditError | DriverError) -> Event:
    """What the mediator is told when an effect could not be done."""
    match error:
        case RecordRefused():
            return RecordRefusedEvent(error.reason)
        case AuditError():
            # A rep is told no more than that; without this line nobody could find out which of the causes it was.
            log.error("record_failed", error_type=type(error).__name__, error=str(error))
            return RecordFailedEvent()
        case _:
            return RouterEnded(None)

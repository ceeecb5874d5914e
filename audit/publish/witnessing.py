"""Gathers cosignatures for the log's checkpoints from the witnesses of a policy, off everybody's path.

A thread of its own with its own event loop. One round at a time, always for the newest checkpoint; a witness that is
away is asked again ever more rarely and holds up nobody else. When no quorum has cosigned for too long, or a witness
says that it saw another history, that is an alarm: recorded once, until things are well again. Nothing here stops a
session. Counterparts: `audit.witness.client` asks, `audit.publish.board` shows what was gathered.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace

import httpx
import structlog

from audit.errors import AuditError, BadEntry, WitnessAhead, WitnessContradicts
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import Signature, VerifierKey, parse_note
from audit.tlog.policy import NONE, Policy
from audit.witness.client import WitnessClient
from config.clock import Clock

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
AHEAD_SECONDS = 30.0
"""A witness that is ahead of the log for so long has seen another history: the log went back."""
_SHORTEST = 0.01
LAST_SECONDS = 3.0
"""How long the end of the process waits for a round in flight."""

Alarm = Callable[[str, dict[str, int | str]], None]
"""Records `integrity.alarm`: what happened, and facts."""


@dataclass(slots=True)
class _Asked:
    """One witness and how it goes with it."""

    client: WitnessClient
    pause: float = 0.0
    not_before: float = 0.0
    ahead_since: float | None = None
    contradicts: bool = False


@dataclass(slots=True)
class _Newest:
    """The checkpoint to gather for, and what was gathered."""

    note: bytes
    checkpoint: Checkpoint
    since: float
    """On the loop's clock."""
    by: dict[str, tuple[Signature, ...]] = field(default_factory=dict)
    """Cosignatures by witness."""

    def cosigned(self) -> bytes:
        """The note with all of them."""
        marks = [mark for marks in self.by.values() for mark in marks]
        return parse_note(self.note).with_signatures(*marks).encode()


class Witnessing:
    """Owns the thread."""

    def __init__(
        self,
        policy: Policy,
        prove: Callable[[Checkpoint, int], Sequence[bytes]],
        show: Callable[[bytes, bool], None],
        alarm: Alarm,
        clock: Clock,
        *,
        log_keys: Sequence[VerifierKey],
        alarm_seconds: float,
        before: bytes | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        first_pause: float = FIRST_PAUSE,
        ahead_seconds: float = AHEAD_SECONDS,
    ) -> None:
        """`prove`: consistency proof from a size to a checkpoint. `show` gets each note that gained cosignatures, and
        whether they are a quorum. `before`: the last such note of an earlier run. `transport` is for tests."""
        self._policy, self._prove, self._show, self._alarm, self._clock = policy, prove, show, alarm, clock
        self._log_keys = tuple(log_keys)
        self._alarm_seconds = alarm_seconds
        self._refresh = alarm_seconds / 3
        """An idle log has its newest checkpoint cosigned again after this, so that only what is wrong grows old."""
        self._first_pause, self._ahead_seconds = first_pause, ahead_seconds
        self._transport = transport
        self._started = clock.now().timestamp()
        self._quorum_time: float | None = None
        self._told = False
        self._given: bytes | None = None
        self._newest: _Newest | None = None
        self._lock = threading.Lock()
        if before is not None:
            self._judge(before)
        self._loop = asyncio.new_event_loop()
        self._fresh, self._stop = asyncio.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="audit-witnessing", daemon=True)
        self._thread.start()

    # --- from any thread ---------------------------------------------------------------------------------------------

    def submit(self, note: bytes) -> None:
        """Gather for this checkpoint instead of any before it. Returns at once."""
        with self._lock:
            self._given = note
        self._call(self._fresh.set)

    def stop(self) -> None:
        """End, after a short while for the last checkpoint's cosignatures. Safe to call twice."""
        self._call(self._stop.set)
        self._thread.join(2 * LAST_SECONDS)

    @property
    def quorum_age(self) -> float | None:
        """Seconds since a quorum cosigned, or since the start if none ever did; None if the policy asks for none."""
        if self._policy.quorum == NONE:
            return None
        since = self._started if self._quorum_time is None else self._quorum_time
        return max(0.0, self._clock.now().timestamp() - since)

    def _call(self, act: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(act)

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._rounds())
        except Exception as error:  # noqa: BLE001 - said aloud; the age of the quorum says it too
            structlog.get_logger("audit").exception("witnessing_ended", error_type=type(error).__name__)
        finally:
            self._loop.close()

    async def _rounds(self) -> None:
        async with httpx.AsyncClient(transport=self._transport, trust_env=False) as http:
            urls = self._policy.witness_urls()
            asked = [
                _Asked(WitnessClient(witness.name, witness.key, urls[witness.name], http))
                for witness in self._policy.witnesses
                if witness.name in urls
            ]
            stop: asyncio.Future[object] = asyncio.ensure_future(self._stop.wait())
            try:
                while not stop.done():
                    self._fresh.clear()
                    rounding: asyncio.Future[object] = asyncio.ensure_future(self._round(asked))
                    await asyncio.wait({rounding, stop}, return_when=asyncio.FIRST_COMPLETED)
                    if not stop.done():
                        self._look_at_age()
                        await _timed(_first(stop, self._fresh.wait()), self._rest(asked))
                    if stop.done():
                        await self._last(rounding, asked)
                    if not rounding.cancelled():
                        rounding.result()
            finally:
                stop.cancel()

    async def _last(self, rounding: "asyncio.Future[object]", asked: Sequence[_Asked]) -> None:
        """The end: finish the round, and one for the last checkpoint, if that takes no long time."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await asyncio.wait({rounding})
                if self._given is not None:
                    await self._round(asked)
        except TimeoutError:
            rounding.cancel()
            await asyncio.wait({rounding})

    async def _round(self, asked: Sequence[_Asked]) -> None:
        """Ask all that are due for the newest checkpoint, and show what came of it."""
        self._take()
        newest, now = self._newest, self._loop.time()
        if newest is None:
            return
        due = [one for one in asked if one.client.name not in newest.by and now >= one.not_before]
        if any(await asyncio.gather(*(self._ask(one, newest) for one in due))):
            note = newest.cosigned()
            self._show(note, self._judge(note))

    def _take(self) -> None:
        """The newest checkpoint; the same again, from the beginning, when its cosignatures grow old."""
        with self._lock:
            given, self._given = self._given, None
        if given is not None:
            self._newest = _Newest(given, Checkpoint.parse(parse_note(given).text), self._loop.time())
        elif self._newest is not None and self._loop.time() >= self._newest.since + self._refresh:
            self._newest = replace(self._newest, since=self._loop.time(), by={})

    async def _ask(self, one: _Asked, newest: _Newest) -> bool:
        """Whether this witness cosigned."""
        try:
            newest.by[one.client.name] = await one.client.cosign(
                newest.note, newest.checkpoint, lambda old: self._prove(newest.checkpoint, old)
            )
        except WitnessContradicts as error:
            self._contradicted(one, error)
        except WitnessAhead as error:
            one.ahead_since = self._loop.time() if one.ahead_since is None else one.ahead_since
            if self._loop.time() - one.ahead_since >= self._ahead_seconds:
                self._contradicted(one, error)
        except (AuditError, LookupError, OSError) as error:
            if not one.pause:
                structlog.get_logger("audit").warning("witness_away", step=str(error))
        else:
            one.pause, one.ahead_since, one.contradicts = 0.0, None, False
            return True
        one.pause = min(LONGEST_PAUSE, 2 * one.pause or self._first_pause)
        one.not_before = self._loop.time() + one.pause
        return False

    def _contradicted(self, one: _Asked, error: AuditError) -> None:
        if one.contradicts:
            return
        one.contradicts = True
        structlog.get_logger("audit").critical("witness_contradicts", step=str(error))
        self._alarm("witness_contradicts", {"witness": f"{one.client.key.key_id:08x}"})

    def _judge(self, note: bytes) -> bool:
        """Whether the cosignatures are a quorum; remembers since when there is one."""
        try:
            judged = self._policy.judge(note, self._clock.now().timestamp(), logs=self._log_keys)
        except BadEntry:
            return False  # a note of an earlier policy
        if judged.quorum and judged.quorum_time is not None:
            self._quorum_time = max(self._quorum_time or 0.0, judged.quorum_time)
            self._told = False
        return judged.quorum

    def _look_at_age(self) -> None:
        age = self.quorum_age
        if age is None or age < self._alarm_seconds or self._told:
            return
        self._told = True
        structlog.get_logger("audit").error("quorum_age", duration_ms=int(age) * 1000)
        self._alarm("quorum_age", {"seconds": int(age)})

    def _rest(self, asked: Sequence[_Asked]) -> float:
        """Seconds until something is due, if no checkpoint comes before."""
        now, age, newest = self._loop.time(), self.quorum_age, self._newest
        due = [LONGEST_PAUSE]
        if age is not None and not self._told:
            due.append(self._alarm_seconds - age)
        if newest is not None:
            due.append(newest.since + self._refresh - now)
            due += [one.not_before - now for one in asked if one.client.name not in newest.by]
        return max(_SHORTEST, min(due))


async def _first(stop: "asyncio.Future[object]", work: "Coroutine[None, None, bool]") -> None:
    """Return when one of the two is done."""
    task: asyncio.Future[object] = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()


async def _timed(work: "Coroutine[None, None, None]", seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work, seconds)

"""Runs plans over a CPE's link: each RPC is recorded, then sent; its answer is recorded, then shown.

Attaches when a plan needs the CPE, lets it go when a plan wants that, and keeps a held one waiting.
Counterparts: `drivers.cwmp.plans` decides what is done, `drivers.cwmp.driver` what is shown where.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, TypeVar, assert_never

from audit.command import RecordedCommand
from audit.rpc import NewRpc, RecordedRpc, RpcPurpose
from config.clock import Clock
from drivers.cwmp import keeping
from drivers.cwmp.codec.envelope import Envelope, encode, method_of
from drivers.cwmp.leftovers import Leftover, Leftovers, undo_requests
from drivers.cwmp.link import Contact, CpeLink, CpeLinks, RpcJournal
from drivers.cwmp.messages import Answer, GetParameterValues, Request
from drivers.cwmp.plans.steps import (
    Await,
    Call,
    Ended,
    Expect,
    Forget,
    Hear,
    LetGo,
    Plan,
    Remember,
    Reply,
    Say,
    Step,
    Stopped,
)
from drivers.cwmp.rules import Sight
from drivers.errors import DriverError, RouterClosed, RouterUnreachable

Outcome: TypeAlias = Literal["done", "failed", "stopped"]
T = TypeVar("T")

UNDO_SECONDS: Final = 10.0
"""Longest wait for the answer to an RPC that takes something back."""

PATIENCE_SECONDS: Final = 3.0
"""A rep who waits longer for an answer is told so, and can leave."""
SLOW: Final = "The router has not answered yet… Ctrl-C leaves; what it was told may still be done.\n"

TRANSFERRED: Final = frozenset({"7 TRANSFER COMPLETE", "M Download"})
LOOK_SECONDS: Final = 5.0
"""So often it is looked whether the end of a transfer was told in a call that was not waited for."""
PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Bound:
    """The session that a console works for; the first command tells it, if nobody did before."""

    session: str
    consent_ref: str


class _Interrupted(Exception):
    """A wait ended because the rep wants it so."""


class Console:
    """One rep's hold on one CPE. `say` shows text and may wait for room, `note` shows what is no answer, at once.

    `sight` is asked for RPCs that belong to no line."""

    def __init__(
        self,
        router_id: str,
        *,
        links: CpeLinks,
        rpcs: RpcJournal,
        sight: Callable[[], Sight],
        leftovers: Leftovers,
        clock: Clock,
        wait_seconds: float,
        say: Callable[[str], Awaitable[None]],
        note: Callable[[str], None],
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._router_id = router_id
        self._links = links
        self._rpcs = rpcs
        self._sight = sight
        self._leftovers = leftovers
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._say = say
        self._note = note
        self._patience = patience
        self._noted = False
        self._link: CpeLink | None = None
        self._contact: Contact | None = None
        self._turn = asyncio.Lock()
        self._stop = asyncio.Event()
        self._closed = False
        self._count = 0
        self._until = frozenset[str]()
        self._let_go_at = 0.0
        self._left: list[Leftover] = []
        self._last_ns = clock.monotonic_ns()
        self.bound: Bound | None = None

    # --- the link ----------------------------------------------------------------------------------------------------

    @property
    def contact(self) -> Contact:
        """What the CPE showed when it was last attached."""
        assert self._contact is not None
        return self._contact

    @property
    def alive(self) -> bool:
        """Whether the CPE waits for an RPC."""
        return self._link is not None and self._link.alive

    @property
    def quiet_seconds(self) -> float:
        """Since the last RPC, or since the CPE was attached."""
        return (self._clock.monotonic_ns() - self._last_ns) / 1e9

    async def attach(self) -> None:
        """Wake the CPE and take its next session. Raises `RouterUnreachable`, `RouterClosed`.

        One that restarts is not woken for a while: it may take that on its way down, and die in that session."""
        left = self._let_go_at + self._wait_seconds / 2 - asyncio.get_running_loop().time()
        if self._until and left > 0:
            with contextlib.suppress(RouterUnreachable):
                link = await self._links.attach(self._router_id, wanted=self._until, seconds=left, wake=False)
                self._take(link)
                return
        self._take(await self._links.attach(self._router_id, seconds=self._wait_seconds))

    async def attach_unless_stopped(self) -> bool:
        """The same for a command; false if the rep stopped it."""
        self._stop.clear()
        try:
            await self._or_stopped(self.attach())
        except _Interrupted:
            return False
        return True

    def release(self) -> None:
        """Let the CPE go: it ends its session."""
        link, self._link = self._link, None
        if link is not None:
            link.release()

    def cut(self) -> None:
        """Cut the connection now, whatever runs. Nothing is sent afterwards."""
        self._closed = True
        link, self._link = self._link, None
        if link is not None:
            link.cut()

    def _take(self, link: CpeLink) -> None:
        if self._closed:
            link.release()
            raise RouterClosed("The session with the router has ended.")
        self._link, self._contact, self._until = link, link.contact, frozenset()
        self._last_ns = self._clock.monotonic_ns()

    # --- plans -------------------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """The rep wants the running plan to stop, after the RPC that is under way."""
        self._stop.set()

    async def run(self, plan: Plan, command: RecordedCommand, sight: Sight) -> Outcome:
        """Carry out a command's plan; of answers is recorded what `sight` lets see.

        Raises `RouterUnreachable` and other `DriverError`s, `AuditError`."""
        self._stop.clear()
        stopped = self._noted = False
        try:
            step = next(plan)
            while True:
                if self._stop.is_set() and not stopped and isinstance(step, Call | Await | Hear):
                    stopped, step = True, plan.throw(Stopped())
                    continue
                try:
                    reply = await self._perform(step, command, sight)
                except _Interrupted:
                    stopped, step = True, plan.throw(Stopped())
                    continue
                step = plan.send(reply)
        except StopIteration as end:
            return "done" if end.value else "failed"
        except Stopped:
            return "stopped"
        finally:
            plan.close()

    async def _perform(self, step: Step, command: RecordedCommand, sight: Sight) -> Reply:
        match step:
            case Call(request, undo):
                return await self._call(request, "undo" if undo else "command", sight, command.n)
            case Say(text):
                await self._say(text)
            case Await(events, seconds):
                return await self._await_event(events, seconds)
            case Hear(command_key, seconds):
                return await self._hear(command_key, seconds)
            case LetGo(until):
                self.release()
                self._until, self._let_go_at = until, asyncio.get_running_loop().time()
            case Remember(leftover):
                await self._leftovers.remember(self._router_id, command.session, leftover)
                self._left.append(leftover)
            case Forget(leftover):
                await self._leftovers.forget(self._router_id, command.session, leftover)
                self._left = [other for other in self._left if other != leftover]
            case Expect(command_key, what):
                await self._leftovers.expects(self._router_id, command.session, command_key, what)
            case _:
                assert_never(step)
        return None

    async def _await_event(self, events: frozenset[str], seconds: float) -> bool:
        """Let the CPE go and wait for its call. It may also just call late: then it is attached by the next RPC."""
        self.release()
        try:
            waiting = self._links.attach(self._router_id, wanted=events, seconds=seconds, wake=False)
            self._take(await self._or_stopped(waiting))
        except RouterUnreachable:
            return False
        return True

    async def _hear(self, command_key: str, seconds: float) -> Ended | None:
        """Let the CPE go and wait until it told how a transfer ended: as a rule in the call that is waited for."""
        loop = asyncio.get_running_loop()
        until, called = loop.time() + seconds, False
        while True:
            told = self._leftovers.outcome(self._router_id, command_key)
            if told is not None:
                return Ended(told, called and any(event.code == "1 BOOT" for event in self.contact.inform.events))
            begun = loop.time()
            if begun >= until:
                return None
            called = await self._await_event(TRANSFERRED, min(until - begun, LOOK_SECONDS))
            if not called and loop.time() - begun < min(until - begun, PAUSE_SECONDS):
                # It could not even be waited for: another console has the router.
                await self._or_stopped(asyncio.sleep(PAUSE_SECONDS))
            if called and self._leftovers.outcome(self._router_id, command_key) is None:
                # It may be the end of another transfer; or this CPE tells only when it is asked something (quirk 26).
                with contextlib.suppress(RouterUnreachable):
                    await self.keep_alive()

    async def _or_stopped(self, waiting: Coroutine[Any, Any, T]) -> T:
        """The result of `waiting`, unless the rep stops it. Raises `_Interrupted`."""
        task = asyncio.ensure_future(waiting)
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise _Interrupted
        finally:
            stop.cancel()
            task.cancel()

    # --- RPCs --------------------------------------------------------------------------------------------------------

    async def keep_alive(self) -> None:
        """An RPC of no consequence, so that a held CPE goes on waiting. Raises `RouterUnreachable`, `AuditError`."""
        uptime = f"{self.contact.root}DeviceInfo.UpTime"
        await self._call(GetParameterValues((uptime,)), "keepalive", self._sight(), None, attach=False)

    async def undo_all(self) -> None:
        """Take back what the session would leave behind, as far as the CPE still waits. Raises `AuditError`."""
        bound = self.bound
        for leftover in reversed(self._left[:]):
            if bound is None or not self.alive:
                return
            for request in undo_requests([leftover]):
                await self._call(request, "undo", self._sight(), None, attach=False)  # a fault says: it was over
            await self._leftovers.forget(self._router_id, bound.session, leftover)
            self._left.remove(leftover)

    def over(self) -> None:
        """The session has ended: what is left is undone at the CPE's next contact."""
        if self.bound is not None:
            self._leftovers.ended(self._router_id, self.bound.session)

    async def _call(
        self, request: Request, purpose: RpcPurpose, sight: Sight, of: int | None, *, attach: bool = True
    ) -> Answer:
        async with self._turn:
            if attach and not self.alive:
                await self._or_stopped(self.attach())
            recorded = await self._record(request, purpose, sight, of)
            # A revocation may have come while it was written down.
            link = self._link
            if self._closed or link is None:
                raise RouterClosed("The session with the router has ended; the RPC was not sent.")
            try:
                answer = await self._answer(link, recorded)
            except (DriverError, _Interrupted):
                # It went away, answered with something that is no answer to this, or the rep waits no longer.
                self.release()
                await self._answered(recorded, keeping.lost())
                raise
            self._last_ns = self._clock.monotonic_ns()
            await self._answered(recorded, keeping.of_answer(request, answer, sight.gate, sight.caps))
            return answer

    async def _answer(self, link: CpeLink, recorded: RecordedRpc) -> Answer:
        """The CPE's. A rep may leave one that takes long; the connection is cut then. Raises `_Interrupted`."""
        if recorded.purpose != "command":
            return await link.call(recorded, **({"seconds": UNDO_SECONDS} if recorded.purpose == "undo" else {}))
        calling = asyncio.ensure_future(link.call(recorded))
        try:
            await asyncio.wait((calling,), timeout=self._patience)
            if not calling.done() and not self._noted and not self._stop.is_set():
                self._noted = True
                self._note(SLOW)
            return calling.result() if calling.done() else await self._or_stopped(_result(calling))
        except _Interrupted:
            link.cut()
            raise
        finally:
            calling.cancel()

    async def _record(self, request: Request, purpose: RpcPurpose, sight: Sight, of: int | None) -> RecordedRpc:
        bound, contact = self.bound, self.contact
        assert bound is not None
        self._count += 1
        rpc_id = f"{bound.session[-12:]}.{self._count}"
        envelope = Envelope(id=rpc_id, namespace=contact.namespace, message=request)
        kept = keeping.of_request(request, sight.gate, sight.caps)
        return await self._rpcs.record(
            NewRpc(
                rpc_id=rpc_id,
                method=method_of(request),
                wire=encode(envelope, quirks=contact.quirks),
                purpose=purpose,
                session=bound.session,
                consent_ref=bound.consent_ref,
                of=of,
                facts=kept.facts,
                kept=kept.sealed,
            )
        )

    async def _answered(self, recorded: RecordedRpc, kept: keeping.Kept) -> None:
        await self._rpcs.answered(recorded, kept.facts, kept.sealed)


async def _result(task: "asyncio.Future[T]") -> T:
    return await task

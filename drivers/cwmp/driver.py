"""CWMP routers as the gateway sees any router: `open` a session, `send` a recorded line, `read` text and a prompt.

There is no command line in such a router; here it is made of RPCs. Holds the contract of `drivers.session`.
Counterparts: `drivers.cwmp.console` does the RPCs, `drivers/platforms/cwmp.yaml` says what the session looks like.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from audit.command import RecordedCommand
from audit.errors import AuditError
from config.clock import Clock, SystemClock
from config.errors import VestibuleError
from drivers.buffer import OutputBuffer
from drivers.cwmp import line
from drivers.cwmp.console import Bound, Console, Outcome
from drivers.cwmp.leftovers import Leftovers, MemoryLeftovers
from drivers.cwmp.link import HOLD_SECONDS, CpeLinks, RpcJournal
from drivers.cwmp.paths import model_of
from drivers.cwmp.plans.choose import plan_of
from drivers.cwmp.plans.ground import FirmwareFile, Ground, Times
from drivers.cwmp.plans.undoing import foretold
from drivers.cwmp.rules import Rules, Sight
from drivers.cwmp.tree import NameTree
from drivers.cwmp.undo import UndoList
from drivers.errors import DriverError, RouterClosed, RouterUnreachable
from drivers.sending import SendOnce
from drivers.session import Output, Preview, Shape, Target

log = structlog.get_logger(__name__)

IDLE_SECONDS: Final = 180.0
"""A router whose rep does nothing for so long is let go; the next command wakes it again."""

LEAVING_SECONDS: Final = 3.0
"""For what must be taken back when a rep has left without a word; after that the next contact does it."""
INTERRUPTED_STATUS: Final = 130
CALLING_AGAIN: Final = "(calling the router again...)\n"
NOT_RECORDED: Final = "% The gateway could not record this, so it went no further, and the session ends.\n"

WITHOUT_VALUES: Final = (
    "({} has not got its values. It is deleted when this session ends, unless something is written to it before.)\n"
)


class CwmpDriver:
    """Opens sessions to CPEs. `rules` gives those of the policy that is in force now."""

    def __init__(
        self,
        links: CpeLinks,
        rpcs: RpcJournal,
        rules: Callable[[], Rules],
        *,
        leftovers: Leftovers | None = None,
        firmware: Mapping[str, FirmwareFile] | None = None,
        clock: Clock | None = None,
        times: Times | None = None,
        hold_seconds: float = HOLD_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        wait_seconds: float = 60.0,
    ) -> None:
        self.links = links
        self.rpcs = rpcs
        self.rules = rules
        self.leftovers = leftovers or MemoryLeftovers()
        self.firmware = firmware or {}
        self.clock = clock or SystemClock()
        self.times = times or Times()
        self.hold_seconds = hold_seconds
        self.idle_seconds = idle_seconds
        self.wait_seconds = wait_seconds

    async def open(self, target: Target, shape: Shape) -> "CwmpSession":
        """Wake the router and wait for its call; no RPC is sent. Raises `RouterUnreachable`."""
        session = CwmpSession(self, target, shape)
        try:
            await session.begin()
        except RouterUnreachable as error:
            raise RouterUnreachable(f"Router {target.name} cannot be reached. {error}") from error
        except BaseException:
            await session.close()
            raise
        return session


class CwmpSession:
    """One rep's session on one CPE. Holds the contract of `drivers.session.DriverSession`."""

    def __init__(self, driver: CwmpDriver, target: Target, shape: Shape) -> None:
        self._driver = driver
        self._router = target.name
        self._shape = shape
        self._once = SendOnce()
        self._tree = NameTree()
        self._undo = UndoList()
        self._room = asyncio.Event()
        self._room.set()
        self._buffer = self._new_buffer()
        self._console = Console(
            target.router_id,
            links=driver.links,
            rpcs=driver.rpcs,
            sight=lambda: Sight(driver.rules().gate),
            leftovers=driver.leftovers,
            clock=driver.clock,
            wait_seconds=driver.wait_seconds,
            say=self._say,
            note=self._note,
        )
        self._judged_by: Rules | None = None
        """Of the line that is going to be sent, if somebody tells."""
        self._waiting: deque[tuple[RecordedCommand, Rules]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._upkeep: asyncio.Task[None] | None = None
        self._last_command_ns = driver.clock.monotonic_ns()
        self._exit_status: int | None = None
        self._closed = False

    @property
    def exit_status(self) -> int | None:
        return self._exit_status

    def completions(self, prefix: str) -> tuple[str, ...]:
        """Names that can follow `prefix`, of those that were seen in this session and may be shown."""
        return self._tree.names(prefix)

    def bind(self, session: str, consent_ref: str) -> None:
        """Tell for whom it is before the first command, so that a router can be kept waiting for that."""
        self._console.bound = Bound(session, consent_ref)

    def line_judged(self) -> None:
        """A line is judged now, by the rules in force: if it goes, it is carried out by them."""
        self._judged_by = self._driver.rules()

    def preview(self, text: str) -> Preview | None:
        """What `undo` would take back; of other lines nothing is known before they are sent."""
        command = line.parse_canonical(text)
        if not isinstance(command, line.Plain) or command.word != "undo":
            return None
        rules = self._judged_by or self._driver.rules()
        return foretold(self._undo, Sight(rules.gate, frozenset(command.caps)))

    async def begin(self) -> None:
        """Attach the router and show the first prompt. Raises `RouterUnreachable`."""
        await self._console.attach()
        self._upkeep = asyncio.create_task(self._keep())
        if self._shape == "shell":
            self._prompt()

    async def send(self, command: RecordedCommand) -> None:
        """Take a command; it runs behind those that were sent before it. An interrupt stops what runs."""
        if self._closed or (self._shape == "shell" and self._buffer.ended):
            raise RouterClosed(f"The session with router {self._router} has ended; nothing was sent.")
        bound = self._console.bound
        if bound is not None and bound.session != command.session:
            raise DriverError("A command recorded for one session was about to be sent to another; nothing was sent.")
        self._once.admit(command)
        self._console.bound = Bound(command.session, command.consent_ref)
        if command.purpose == "interrupt":
            self._console.interrupt()
            return
        if command.purpose != "command":
            raise DriverError("A router of this kind asks nothing back, so nothing can be answered; nothing was sent.")
        self._last_command_ns = self._driver.clock.monotonic_ns()
        if self._shape == "exec" and self._buffer.ended:
            self._buffer = self._new_buffer()
            self._room.set()
        self._exit_status = None
        self._waiting.append((command, self._judged_by or self._driver.rules()))
        self._judged_by = None
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    async def read(self) -> Output:
        return await self._buffer.take()

    async def close(self) -> None:
        """Cut TCP now: no RPC that is still being recorded is sent. What is left behind waits for the next contact."""
        if not self._closed:
            self._end()
            self._console.over()
        for task in (self._worker, self._upkeep):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        self._buffer.discard()

    async def leave(self) -> None:
        """Take back what must not stay and let the CPE end its session, if nothing is being carried out. Then `close`.

        A CPE that is cut takes its session for failed, and calls again with all its events (TR-069, 3.2.1.1).
        """
        idle = not self._waiting and (self._worker is None or self._worker.done())
        if idle and not self._closed:
            with contextlib.suppress(TimeoutError, AuditError):
                async with asyncio.timeout(LEAVING_SECONDS):
                    await self._leave()
        await self.close()

    def _end(self) -> None:
        self._closed = True
        self._console.cut()
        self._waiting.clear()
        self._room.set()

    # --- commands ----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Carry out what waits, one after the other."""
        try:
            while self._waiting and not self._closed:
                await self._carry_out(*self._waiting.popleft())
        except AuditError:
            self._buffer.put(NOT_RECORDED.encode())
            self._give_up()
        except Exception as error:
            # A fault of ours must not leave a rep before a session that never answers.
            log.exception("cwmp_session_broke", error_type=type(error).__name__)
            self._give_up()

    def _give_up(self) -> None:
        """Nothing more can be done in this session; what was said can still be read."""
        if not self._closed:
            self._end()
            self._console.over()
        self._exit_status = 1
        self._buffer.end()

    async def _carry_out(self, command: RecordedCommand, rules: Rules) -> None:
        try:
            parsed = line.parse_canonical(command.wire.decode("utf-8").rstrip("\r\n"))
            if isinstance(parsed, line.Plain) and parsed.word == "exit":
                await self._leave()
                return
            outcome = await self._run(parsed, command, rules)
        except UnicodeDecodeError:
            outcome = await self._failed("The line is no UTF-8 text; nothing was sent.")
        except AuditError:
            raise
        except VestibuleError as error:
            outcome = await self._failed(str(error))
        if outcome == "stopped":
            await self._say("^C\n")
        for path in self._undo.untold():
            await self._say(WITHOUT_VALUES.format(path))
        self._last_command_ns = self._driver.clock.monotonic_ns()
        self._finish(outcome)

    async def _run(self, parsed: line.Command, command: RecordedCommand, rules: Rules) -> Outcome:
        if not self._console.alive:
            self._note(CALLING_AGAIN)
            if not await self._console.attach_unless_stopped():
                return "stopped"
        caps = frozenset(parsed.caps)
        ground = Ground(
            contact=self._console.contact,
            gate=rules.gate,
            words=rules.words,
            firmware=self._driver.firmware,
            tree=self._tree,
            undo=self._undo,
            session=command.session,
            number=command.n,
            caps=caps,
            times=self._driver.times,
        )
        return await self._console.run(plan_of(ground, parsed), command, Sight(rules.gate, caps))

    async def _failed(self, sentence: str) -> Outcome:
        await self._say(f"% {sentence}\n")
        return "failed"

    async def _leave(self) -> None:
        """The rep is done: take back what must not stay, let the router go, end the session."""
        with contextlib.suppress(DriverError):  # it went away; the next contact undoes it
            await self._console.undo_all()
        self._console.release()
        self._exit_status = 0
        self._closed = True
        self._console.over()
        self._buffer.end()

    def _finish(self, outcome: Outcome) -> None:
        if self._closed:
            return
        if self._shape == "shell":
            self._prompt()
        else:
            self._exit_status = {"done": 0, "failed": 1, "stopped": INTERRUPTED_STATUS}[outcome]
            self._buffer.end()

    # --- output ------------------------------------------------------------------------------------------------------

    async def _say(self, text: str) -> None:
        """Show text, no faster than it is read."""
        for start in range(0, len(text), 8192):
            await self._room.wait()
            self._buffer.put(text[start : start + 8192].encode("utf-8", "replace"))

    def _note(self, text: str) -> None:
        self._buffer.put(text.encode(), stderr=self._shape == "exec")

    def _prompt(self) -> None:
        model = model_of(self._console.contact.root) or "tr181"
        self._buffer.put(f"{self._router}({model})> ".encode())

    def _new_buffer(self) -> OutputBuffer:
        return OutputBuffer(self._room.clear, self._room.set)

    # --- a held router -----------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Keep an attached router waiting while its rep thinks, and let it go when that takes long."""
        hold = self._driver.hold_seconds
        while not self._closed:
            await asyncio.sleep(hold / 5)
            if not self._console.alive or (self._worker is not None and not self._worker.done()):
                continue
            idle = (self._driver.clock.monotonic_ns() - self._last_command_ns) / 1e9
            if idle >= self._driver.idle_seconds or (self._console.bound is None and idle >= 0.6 * hold):
                self._console.release()
            elif self._console.quiet_seconds >= 0.6 * hold:
                await self._keep_alive()

    async def _keep_alive(self) -> None:
        try:
            await self._console.keep_alive()
        except AuditError:
            self._buffer.put(f"\n{NOT_RECORDED}".encode())
            self._give_up()
        except DriverError:
            pass  # it went by itself; the next command calls it again

"""`SimulatedCpe`: a home router that speaks TR-069, on loopback, with a life of its own.

It boots, informs, obeys, reboots, transfers files and runs diagnostics as a CPE does, and keeps all that reached it,
with its place in time. It shares no code with the gateway's side of the protocol, so that a wrong reading there shows.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

from drivers.lab.cpe import diagnostics, transfers
from drivers.lab.cpe import state as states
from drivers.lab.cpe.config import CpeConfig
from drivers.lab.cpe.digest import SignIn
from drivers.lab.cpe.http import Client, Jar, LostAcs
from drivers.lab.cpe.knock import Ear
from drivers.lab.cpe.moods import check_moods
from drivers.lab.cpe.session import Session
from drivers.lab.cpe.state import State, Transfer
from drivers.lab.cpe.values import Values

_TIME: Final = "2026-11-23T10:00:00Z"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that reached the CPE: `method` is the local name of its element, `?` if it had none."""

    method: str
    body: bytes = field(repr=False)
    at: float
    """Of `time.monotonic()`, which all processes of a machine share."""
    session: int

    @property
    def is_rpc(self) -> bool:
        """Whether the ACS asked something, not answered."""
        return not self.method.endswith("Response") and self.method not in ("Fault", "?")


class SimulatedCpe:
    """A context manager: the CPE boots with the block and is unplugged at its end."""

    def __init__(self, config: CpeConfig, *, on_received: Callable[[Arrived], None] | None = None) -> None:
        check_moods(config.moods)
        self.config = config
        self.state = State(config)
        self.files = transfers.Files()
        self.received: list[Arrived] = []
        self.informs: list[tuple[tuple[str, str], ...]] = []
        """Events, with their CommandKeys, of each Inform that was answered."""
        self.failures: list[str] = []
        """Why sessions broke off."""
        self.sessions = 0
        self.boots = 0
        self.in_session = False
        self._on_received = on_received
        self._jar = Jar(config.moods)
        self._ear = Ear(config.moods, self._credentials, self._heard, config.knock_port)
        self._client: Client | None = None
        self._life: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stirred = asyncio.Event()
        self._needs_boot = False
        self._booted = 0.0
        self._retry_after: float | None = None

    async def __aenter__(self) -> "SimulatedCpe":
        await self._ear.open()  # so that its port is known; a CPE that boots is reached a little early
        self._install()
        self._life = asyncio.create_task(self._live())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Unplug it: what it was doing breaks off. Safe to call twice."""
        tasks = [*self._tasks, *([self._life] if self._life is not None else [])]
        for task in tasks:
            task.cancel()
        if self._client is not None:
            self._client.cut()
        await self._ear.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- what a test sees and does ------------------------------------------------------------------------------------

    @property
    def values(self) -> Values:
        """Its parameters, as a mapping of paths to texts; assigning is what the subscriber or the line does."""
        return Values(self.state, self._wake.set)

    @property
    def events(self) -> list[str]:
        """Codes of all events told so far, in order."""
        return [code for inform in self.informs for code, _ in inform]

    @property
    def rpcs(self) -> list[Arrived]:
        """What its ACS asked of it, without answers to what it asked."""
        return [one for one in self.received if one.is_rpc]

    @property
    def knocks(self) -> list[tuple[str, str, int]]:
        """Connection Requests: method, target, and the status of the answer."""
        return self._ear.requests

    @property
    def connection_request_url(self) -> str:
        return self._ear.url

    @property
    def client(self) -> Client | None:
        """The HTTP side of its present or last session."""
        return self._client

    def tell(self, code: str, key: str = "") -> None:
        """Something happened: an Inform follows at once, or after the present session."""
        self.state.tell(code, key)
        self._wake.set()

    async def inform_now(self, code: str = states.PERIODIC, *, seconds: float = 60.0) -> None:
        """An Inform with an event, and its session to the end, however long the ACS holds it. Raises `TimeoutError`."""
        before = len(self.informs)
        self.tell(code)

        def over() -> bool:
            return not self.in_session and any(code in dict(inform) for inform in self.informs[before:])

        await self.until(over, seconds=seconds)

    async def until(self, holds: Callable[[], object], *, seconds: float = 60.0) -> None:
        """Wait until something about this CPE is so. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while not holds():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self._stirred.wait()

    async def booted(self, *, seconds: float = 60.0) -> None:
        """Wait until its first Inform was answered and that session is over."""
        await self.until(lambda: self.informs and not self.in_session, seconds=seconds)

    def press_reset(self) -> None:
        """The subscriber holds the reset button."""
        self.state.reset = True
        self._wake.set()

    def power_cycle(self) -> None:
        """The subscriber pulls the plug and puts it back: no CommandKey."""
        self._needs_boot = True
        if self._client is not None:
            self._client.cut()
        self._wake.set()

    def dump(self, path: Path) -> None:
        """All that was received as JSON lines."""
        lines = [json.dumps(self.line(one)) for one in self.received]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def line(self, one: Arrived) -> dict[str, Any]:
        """One message as it is dumped."""
        body = one.body.decode("utf-8", "backslashreplace")
        return {"cpe": self.config.serial, "session": one.session, "at": one.at, "method": one.method, "body": body}

    # --- its life -----------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        await self._boot()
        while True:
            if self.state.reset:
                await self._reset()
            elif self._needs_boot:
                await self._boot(again=True)
            if self.state.pending:
                await self._converse()
                await self._afterwards()
            if not self.state.reset and not self._needs_boot:
                await self._idle()

    async def _boot(self, *, again: bool = False) -> None:
        self._needs_boot = False
        if again:
            await self._ear.close()
            self.state.tell(states.BOOT)
        await asyncio.sleep(self.config.pace.boot)
        if again:
            await self._ear.open()
        self._booted = time.monotonic()
        self.boots += 1
        self._stir()

    async def _reset(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.state.factory_reset()
        self._jar = Jar(self.config.moods)
        self._install()
        await self._ear.close()
        await self._boot()
        await self._ear.open()

    async def _idle(self) -> None:
        """Until something happens or the next periodic Inform is due."""
        pace = self.config.pace
        if self.state.retries:
            wait: float | None = pace.retry * 2 ** min(self.state.retries - 1, 9)
            if self._retry_after is not None:
                wait = self._retry_after * pace.second
        elif self.state.pending:
            return
        elif self.state.server("PeriodicInformEnable") == "true":
            wait = int(self.state.server("PeriodicInformInterval") or 0) * pace.second or None
        else:
            wait = None
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            if not self.state.pending:
                self.state.tell(states.PERIODIC)
        self._wake.clear()

    async def _converse(self) -> None:
        """A session with the ACS."""
        config = self.config
        if self.state.moved:
            self.state.moved = False
            self.state.tell(states.BOOTSTRAP)
        self.sessions += 1
        self.in_session = True
        jar = self._jar if "old-cookie" in config.moods else Jar(config.moods)
        sign_in = SignIn(self.state.server("Username"), self.state.server("Password"))
        self._client = Client(
            self.state.server("URL"), config.moods, sign_in, tls=config.tls, seconds=config.pace.answer, jar=jar
        )
        session = Session(self.state, self._client, self._note, self._told)
        self._retry_after = None
        try:
            self._stir()
            await session.run()
        except LostAcs as error:
            self.failures.append(str(error))
            self._retry_after = error.retry_after
            self.state.retries += 1
        finally:
            self._jar = jar
            self.in_session = False
            self._stir()

    async def _afterwards(self) -> None:
        """What the ACS asked for and waited for the session's end."""
        state, pace = self.state, self.config.pace
        for path in state.diagnostics:
            self._spawn(self._diagnose(path))
        state.diagnostics = []
        for delay, key in state.scheduled:
            self._spawn(self._scheduled(delay * pace.second, key))
        state.scheduled = []
        for transfer in [one for one in state.transfers if one.state == 1 and not one.started]:
            transfer.started = _TIME
            self._spawn(self._transfer(transfer))
        if state.reboot:
            for key in state.reboot:
                state.tell("M Reboot", key)
            state.reboot = []
            self._needs_boot = True

    async def _diagnose(self, path: str) -> None:
        await asyncio.sleep(self.config.pace.diagnostics)
        diagnostics.run(self.state, path)
        self.tell(states.DIAGNOSTICS_COMPLETE)

    async def _scheduled(self, seconds: float, key: str) -> None:
        await asyncio.sleep(seconds)
        self.state.tell(states.SCHEDULED)
        self.tell("M ScheduleInform", key)

    async def _transfer(self, transfer: Transfer) -> None:
        pace = self.config.pace
        await asyncio.sleep(transfer.delay * pace.second + pace.transfer)
        if transfer not in self.state.transfers:
            return  # cancelled
        transfer.state = 2
        boots = await transfers.carry_out(self.state, transfer, self.files)
        transfer.state, transfer.ended = 3, _TIME
        if "no-transfer-complete" in self.config.moods:
            self.state.transfers.remove(transfer)
        else:
            self.state.tell(states.TRANSFER_COMPLETE)
            self.state.tell(transfer.event, transfer.command_key)
        self._needs_boot = self._needs_boot or boots
        self._wake.set()
        self._stir()

    # --- small things -------------------------------------------------------------------------------------------------

    def _install(self) -> None:
        """Values that are made when they are read."""
        tree = self.state.tree
        tree.live[f"{tree.root}DeviceInfo.UpTime"] = lambda: str(int(time.monotonic() - self._booted))
        tree.live[f"{tree.root}ManagementServer.ConnectionRequestURL"] = lambda: self._ear.url

    def _credentials(self) -> tuple[str, str]:
        return self.state.server("ConnectionRequestUsername"), self.state.server("ConnectionRequestPassword")

    def _heard(self) -> Literal["yes", "busy", "deaf"]:
        if self.in_session:
            return "deaf" if "deaf-in-session" in self.config.moods else "busy"
        self.tell(states.CONNECTION_REQUEST)
        return "yes"

    def _note(self, method: str, body: bytes) -> None:
        one = Arrived(method, body, time.monotonic(), self.sessions)
        self.received.append(one)
        if self._on_received is not None:
            self._on_received(one)
        self._stir()

    def _told(self, events: list[tuple[str, str]]) -> None:
        self.informs.append(tuple(events))
        self._stir()

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = asyncio.Event()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

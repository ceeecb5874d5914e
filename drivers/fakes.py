"""A driver without a network: every byte it is given is kept, with its place in time. Ships for tests and benchmarks.

Counterpart: `drivers.shell_ssh`. Both pass `tests/contract/test_driver_contract.py`.
"""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from audit.command import RecordedCommand
from drivers.buffer import OutputBuffer
from drivers.errors import HostKeyChanged, LoginRefused, RouterClosed, RouterUnreachable
from drivers.sending import SendOnce
from drivers.session import Output, Shape, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeReply:
    """What the fake router does after one send."""

    output: bytes = b""
    stderr: bytes = b""
    exit_status: int | None = 0
    """Only in the exec shape."""
    prompt: bool = True
    """Shell: print the prompt afterwards. Exec: the command has ended."""
    close: bool = False
    """The router hangs up after this."""


Respond = Callable[[bytes], FakeReply]
"""Answer to the bytes of one command, as they were sent."""


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that reached the router, with the number that the shared sequence gave to that moment."""

    sequence: int
    command: RecordedCommand

    @property
    def data(self) -> bytes:
        """The bytes."""
        return self.command.wire


@dataclass(kw_only=True)
class FakeDriver:
    """Opens `FakeSession`s. What the router is like is set by its fields, and may be changed between two sessions."""

    respond: Respond = field(default=lambda wire: FakeReply(output=wire.rstrip(b"\r\n") + b"\r\n"))
    banner: bytes = b""
    prompt: bytes = b"R1#"
    echo: bool = True
    """Whether the shell echoes what it is given, as a terminal does."""
    host_key: str | None = None
    """Key that the router shows; none: whatever is pinned."""
    password: str | None = None
    """Password that the router wants; none: any."""
    reachable: bool = True
    next_number: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)
    """The sequence. An ordering test gives the same one to its journal."""
    on_send: Callable[[RecordedCommand], None] | None = None
    """Called with each command at the moment its first byte arrives."""
    sessions: list["FakeSession"] = field(default_factory=list)
    opened: list[tuple[Target, Shape]] = field(default_factory=list)

    async def open(self, target: Target, shape: Shape) -> "FakeSession":
        """As `drivers.session.Driver.open`."""
        await asyncio.sleep(0)
        if not self.reachable:
            raise RouterUnreachable(f"Router {target.name} cannot be reached at its management address.")
        if self.host_key is not None and self.host_key.split()[:2] != target.host_key.split()[:2]:
            raise HostKeyChanged(f"Router {target.name} shows another host key than the one registered.")
        if self.password is not None and target.credential.password != self.password:
            raise LoginRefused(f"Router {target.name} refused the gateway's login.")
        session = FakeSession(self, target.name, shape)
        self.opened.append((target, shape))
        self.sessions.append(session)
        return session

    @property
    def received(self) -> list[Received]:
        """What reached the router, over all sessions, in the order of arrival."""
        return sorted((item for session in self.sessions for item in session.received), key=lambda item: item.sequence)


class FakeSession:
    """One session of a `FakeDriver`. Beside the contract, a test can `emit` output and `hang_up` as the router."""

    def __init__(self, driver: FakeDriver, router: str, shape: Shape) -> None:
        self._driver = driver
        self._router = router
        self._shape = shape
        self._once = SendOnce()
        self._buffer = self._new_buffer()
        self._running = False
        self._ending = False
        self._exit_status: int | None = None
        self.received: list[Received] = []
        self.closed = False
        self.paused = False
        """Whether back-pressure holds: a real router would have to wait."""
        self._held: list[tuple[bytes, bool]] = []
        if shape == "shell":
            self.emit(driver.banner + driver.prompt)

    @property
    def exit_status(self) -> int | None:
        return self._exit_status

    async def send(self, command: RecordedCommand) -> None:
        """As `drivers.session.DriverSession.send`."""
        if self.closed or (self._shape == "shell" and self._buffer.ended):
            raise RouterClosed(f"The connection to router {self._router} has ended; nothing was sent.")
        wire = self._once.admit(command)
        if self._shape == "exec" and not self._running:
            if self._buffer.ended:
                self._buffer = self._new_buffer()
            self._running, self._exit_status = True, None
        self.received.append(Received(self._driver.next_number(), command))
        if self._driver.on_send is not None:
            self._driver.on_send(command)
        self._answer(wire)

    async def read(self) -> Output:
        return await self._buffer.take()

    async def close(self) -> None:
        self.closed = True
        self._buffer.discard()

    def emit(self, output: bytes, *, stderr: bool = False) -> None:
        """The router prints something. Held back while the reader is behind."""
        for start in range(0, len(output), 32 * 1024):
            piece = output[start : start + 32 * 1024]
            if self.paused:
                self._held.append((piece, stderr))
            else:
                self._buffer.put(piece, stderr=stderr)

    def finish(self, exit_status: int | None = 0) -> None:
        """The command of an exec session ends."""
        self._running = False
        self._exit_status = exit_status
        self._end()

    def hang_up(self) -> None:
        """The router ends the connection; what it printed before can still be read."""
        self.closed = True
        self._end()

    def _answer(self, wire: bytes) -> None:
        reply = self._driver.respond(wire)
        shell = self._shape == "shell"
        if shell and self._driver.echo:
            self.emit(wire.rstrip(b"\r\n") + b"\r\n")
        self.emit(reply.output)
        self.emit(reply.stderr, stderr=not shell)
        if shell and reply.prompt and not reply.close:
            self.emit(self._driver.prompt)
        if reply.close:
            self._exit_status = reply.exit_status
            self.hang_up()
        elif not shell and reply.prompt:
            self.finish(reply.exit_status)

    def _new_buffer(self) -> OutputBuffer:
        return OutputBuffer(self._pause, self._resume)

    def _pause(self) -> None:
        self.paused = True

    def _resume(self) -> None:
        self.paused = False
        held, self._held = self._held, []
        for index, (piece, stderr) in enumerate(held):
            if self.paused:
                self._held.extend(held[index:])
                return
            self._buffer.put(piece, stderr=stderr)
        self._end_if_due()

    def _end(self) -> None:
        self._ending = True
        self._end_if_due()

    def _end_if_due(self) -> None:
        if self._ending and not self._held:
            self._ending = False
            self._buffer.end()

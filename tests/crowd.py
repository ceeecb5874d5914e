"""Many reps at once for system tests: sessions over asyncssh in one event loop, each told when its channel closed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import asyncssh

from tests.evidence_checks import lookup
from tests.running import RunningGateway

Kind: TypeAlias = Literal["idle", "pinging", "deaf", "typing"]

TYPING_SECONDS = 0.2
SMALL_WINDOW = 8 * 1024


@dataclass
class Client(asyncssh.SSHClientSession[bytes]):
    """One session. `typing` sends a command now and then, `deaf` asks for more than it will ever take."""

    router: str
    number: int
    kind: Kind
    seen: bytearray = field(default_factory=bytearray)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    closed_at: float | None = None
    """By `time.monotonic`."""
    status: int | None = None
    channel: "asyncssh.SSHClientChannel[bytes] | None" = None
    sent: int = 0

    def connection_made(self, chan: "asyncssh.SSHClientChannel[bytes]") -> None:
        self.channel = chan
        if self.kind == "deaf":
            # asyncssh gives the far end a new window as soon as less than half of this one is left: never.
            chan._init_recv_window = 0

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.seen += data

    def exit_status_received(self, status: int) -> None:
        self.status = status

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed_at = time.monotonic()
        self.closed.set()

    @property
    def busy(self) -> bool:
        """Whether what it was opened for goes on."""
        match self.kind:
            case "idle":
                return b"recorded" in self.seen
            case "pinging":
                return b"seq=" in self.seen
            case "deaf":
                return len(self.seen) > SMALL_WINDOW // 2
            case "typing":
                return self.sent > 1

    async def work(self) -> None:
        """Do what it was opened for, until the channel closes."""
        assert self.channel is not None
        if self.kind == "pinging":
            self.channel.write(b"ping -c 100 9.9.9.9\n" * 20)
        elif self.kind == "deaf":
            self.channel.write(b"logread\n" * 20)
        while self.kind == "typing" and not self.closed.is_set():
            self.channel.write(lookup(self.number, self.sent).encode())
            self.sent += 1
            await asyncio.sleep(TYPING_SECONDS)


class Crowd:
    """Clients and their connections. Used in one event loop."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._gateway = gateway
        self.clients: list[Client] = []
        self._connections: list[asyncssh.SSHClientConnection] = []
        self._working: list[asyncio.Task[None]] = []

    async def connect(self, person: str, user: str) -> asyncssh.SSHClientConnection:
        """A connection of a registered person; `user` is a router, or `vestibule`."""
        connection = await asyncssh.connect(
            "127.0.0.1",
            self._gateway.settings.ssh.port,
            username=user,
            client_keys=[str(self._gateway.people[person].key)],
            known_hosts=str(self._gateway.known_hosts),
            config=[],
            agent_path=None,
        )
        self._connections.append(connection)
        return connection

    async def join(self, connection: asyncssh.SSHClientConnection, client: Client) -> None:
        """Open the client's session and have it work."""
        terminal = {"request_pty": "force", "term_type": "xterm"} if client.kind == "idle" else {"request_pty": False}
        await connection.create_session(
            lambda: client, encoding=None, window=SMALL_WINDOW if client.kind == "deaf" else 2**21, **terminal
        )
        self.clients.append(client)
        self._working.append(asyncio.create_task(client.work()))

    async def settle(self) -> None:
        """Wait until everybody is at work."""
        async with asyncio.timeout(90):
            while not all(client.busy for client in self.clients):
                await asyncio.sleep(0.05)

    async def leave(self) -> None:
        """Close everything."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        for connection in self._connections:
            connection.abort()


async def closing_seconds(client: Client, act: Callable[[], Awaitable[object]]) -> float:
    """From the moment at which `act` is begun to the client's channel being closed."""
    begun = time.monotonic()
    await act()
    async with asyncio.timeout(30):
        await client.closed.wait()
    assert client.closed_at is not None
    return client.closed_at - begun


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that at least `percent` % of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(percent * len(ordered)) // 100) - 1)]

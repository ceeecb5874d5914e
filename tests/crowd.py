"""Many reps at once for system tests: sessions over asyncssh in one event loop, each told when its channel closed.

All reps together are busier than anybody could be, and must not be measured with the gateway: when something came for
them is asked of the kernel, which notes the time whether or not this process is about to look; and so is how long the
gateway was ready to go on while they, or others, had the CPU.
"""

import asyncio
import bisect
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, TypeAlias

import asyncssh

from tests.evidence_checks import lookup
from tests.running import RunningGateway

Kind: TypeAlias = Literal["idle", "pinging", "deaf", "typing"]

TYPING_SECONDS = 0.2
SMALL_WINDOW = 8 * 1024

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@ll")


class StampedSocket(socket.socket):
    """Knows when the newest of what was read from it arrived at this machine."""

    arrived_at: float | None = None
    """By `time.time`."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        data, ancillary, _, _ = self.recvmsg(size, socket.CMSG_SPACE(_TIMESPEC.size), flags)
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                self.arrived_at = seconds + nanoseconds / 1e9
        return data


async def stamped_connection(port: int) -> StampedSocket:
    """A TCP connection to a port of 127.0.0.1."""
    made = StampedSocket(socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
    return made


class Kept:
    """How long a process's first thread, which has its event loop, was kept waiting for a CPU. A context manager.

    Where the kernel does not tell (no /proc/PID/schedstat), it is taken for not at all.
    """

    def __init__(self, pid: int) -> None:
        self._file = Path(f"/proc/{pid}/task/{pid}/schedstat")
        self._at: list[float] = []
        self._sum: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def seconds(self, begun: float, ended: float) -> float:
        """At least so long between two moments by `time.time`: whole looks that lie between them."""
        first, last = bisect.bisect_left(self._at, begun), bisect.bisect_right(self._at, ended) - 1
        return self._sum[last] - self._sum[first] if last > first else 0.0

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._look()

    def _look(self) -> None:
        try:
            waited = int(self._file.read_text().split()[1]) / 1e9
        except OSError:  # no such file; or the process has ended
            waited = self._sum[-1] if self._sum else 0.0
        self._sum.append(waited)
        self._at.append(time.time())


@dataclass
class Client(asyncssh.SSHClientSession[bytes]):
    """One session. `typing` sends a command now and then, `deaf` asks for more than it will ever take."""

    router: str
    number: int
    kind: Kind
    seen: bytearray = field(default_factory=bytearray)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    closed_at: float | None = None
    """By `time.time`: when the last that it was sent arrived at this machine."""
    status: int | None = None
    channel: "asyncssh.SSHClientChannel[bytes] | None" = None
    sent: int = 0
    line: StampedSocket | None = None

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
        assert self.line is not None
        self.closed_at = self.line.arrived_at
        self.closed.set()

    def seconds_since(self, begun: float, kept: Kept) -> float:
        """The gateway's part of the time until it closed this session."""
        assert self.closed_at is not None
        return self.closed_at - begun - kept.seconds(begun, self.closed_at)

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
        self._connections: dict[asyncssh.SSHClientConnection, StampedSocket] = {}
        self._working: list[asyncio.Task[None]] = []

    async def connect(self, person: str, user: str) -> asyncssh.SSHClientConnection:
        """A connection of a registered person; `user` is a router, or `vestibule`."""
        line = await stamped_connection(self._gateway.settings.ssh.port)
        connection = await asyncssh.connect(
            "127.0.0.1",
            self._gateway.settings.ssh.port,
            sock=line,
            username=user,
            client_keys=[str(self._gateway.people[person].key)],
            known_hosts=str(self._gateway.known_hosts),
            config=[],
            agent_path=None,
        )
        self._connections[connection] = line
        return connection

    async def join(self, connection: asyncssh.SSHClientConnection, client: Client) -> None:
        """Open the client's session and have it work."""
        client.line = self._connections[connection]
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


async def closing_seconds(client: Client, act: Callable[[], Awaitable[object]], kept: Kept) -> float:
    """The gateway's part of the time from the moment at which `act` is begun to the arrival of what closed the client's
    channel."""
    begun = time.time()
    await act()
    async with asyncio.timeout(60):
        await client.closed.wait()
    return client.seconds_since(begun, kept)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that at least `percent` % of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(percent * len(ordered)) // 100) - 1)]

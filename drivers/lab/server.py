"""The SSH server that every simulated router stands behind. It keeps each byte that arrives, with its place in time.

Counterparts: `drivers.lab.openwrt` and `drivers.lab.ios` say what a router does; `drivers.lab.console` is its terminal.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import asyncssh

from drivers.lab.console import Console, Hangup
from drivers.session import Credential, Target

_WINDOW = 128 * 1024


class Brain(Protocol):
    """What a router does with a session. Ends the session by returning; the number is the exit status."""

    interrupt: int
    """The byte that stops a running program."""

    async def shell(self, console: Console) -> int:
        """A terminal with prompts."""
        ...

    async def execute(self, console: Console, command: str) -> int:
        """One command without a terminal."""
        ...


@dataclass(kw_only=True)
class Access:
    """Who may log in to a simulated router."""

    user: str = "root"
    password: str = "lab-router-password"  # noqa: S105  a router that exists on loopback only
    enable_password: str | None = None
    """What a Cisco-like router asks for at `enable`."""
    public_key: str | None = None
    """OpenSSH public key line that may log in too."""
    console_options: bool = False
    """Options of the console may follow the user's name behind a plus, as on RouterOS."""
    names: list[str] = field(default_factory=list)
    """The user's name of each login that was tried, as it was given."""
    attempts: list[str] = field(default_factory=list)
    """`user` for each client that came as far as naming one (every credential comes later), `password` for each one
    that was offered."""


@dataclass(kw_only=True)
class Wire:
    """What reached the router, byte for byte, in the order of arrival."""

    received: list[tuple[int, bytes]] = field(default_factory=list)
    next_number: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)
    on_received: Callable[[bytes], None] | None = None
    """Called with each piece before the router acts on it."""

    def arrived(self, data: bytes) -> None:
        """Note bytes. Called before anything is done with them."""
        self.received.append((self.next_number(), data))
        if self.on_received is not None:
            self.on_received(data)


Forward = Callable[[str, int], int | None]
"""Where a forwarded connection to (host, port) goes on loopback; none refuses it."""


class LabServer:
    """Listens on loopback until closed. Holds the connections, so that a reboot can cut them all."""

    def __init__(
        self,
        brain: Brain,
        *,
        access: Access,
        wire: Wire,
        forward: Forward | None = None,
        version: str = "dropbear",
        host_key: asyncssh.SSHKey | None = None,
        algorithms: dict[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._brain = brain
        self._access = access
        self._wire = wire
        self._forward = forward
        self._version = version
        self._key = host_key or asyncssh.generate_private_key("ssh-ed25519")
        self._algorithms = algorithms or {}
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._sessions: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        assert self._acceptor is not None, "the router is not running"
        return int(self._acceptor.get_port())

    @property
    def host_key(self) -> str:
        """Public host key as an OpenSSH line."""
        return self._key.export_public_key().decode().strip()

    def target(self, name: str, platform: str) -> Target:
        """A `Target` that fits."""
        return Target(
            router_id=name,
            name=name,
            platform=platform,
            address="127.0.0.1",
            port=self.port,
            host_key=self.host_key,
            credential=Credential(
                user=self._access.user,
                password=self._access.password,
                enable_password=self._access.enable_password,
            ),
        )

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1."""
        self._acceptor = await asyncssh.create_server(
            lambda: _Login(self),
            "127.0.0.1",
            port,
            server_host_keys=[self._key],
            server_version=self._version,
            encoding=None,
            line_editor=False,
            compression_algs=("none",),
            gss_host=None,
            config=[],
            allow_pty=True,
            window=_WINDOW,
            login_timeout=30,
            keepalive_interval=0,
            **self._algorithms,
        )

    async def stop(self) -> None:
        """Stop listening, cut every connection and end every session."""
        if self._acceptor is not None:
            self._acceptor.close()
        self.cut()
        for task in list(self._sessions):
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        if self._acceptor is not None:
            await self._acceptor.wait_closed()

    def cut(self) -> None:
        """Cut every connection at once, as a reboot does."""
        for connection in list(self._connections):
            connection.abort()

    @property
    def access(self) -> Access:
        """Who may log in."""
        return self._access

    def opened(self, connection: asyncssh.SSHServerConnection) -> None:
        """A client connected."""
        self._connections.add(connection)

    def lost(self, connection: asyncssh.SSHServerConnection) -> None:
        """A client is gone."""
        self._connections.discard(connection)

    def session(self) -> "_Session":
        """A new channel."""
        return _Session(self._brain, self._wire, self._sessions)

    async def forwarded(self, host: str, port: int) -> asyncssh.SSHTCPSession[bytes] | None:
        """The far end of a forwarded connection, counted as bytes that arrived; none refuses it."""
        local = None if self._forward is None else self._forward(host, port)
        if local is None:
            return None
        self._wire.arrived(f"direct-tcpip {host}:{port}\n".encode())
        return _Relay(*await asyncio.open_connection("127.0.0.1", local))


class _Login(asyncssh.SSHServer):
    """Checks the password or key of one connection."""

    def __init__(self, server: LabServer) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._server.opened(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._connection is not None:
            self._server.lost(self._connection)

    def begin_auth(self, username: str) -> bool:
        self._server.access.attempts.append("user")
        self._server.access.names.append(username)
        key = self._server.access.public_key
        if self._connection is not None and key and username == self._server.access.user:
            self._connection.set_authorized_keys(asyncssh.import_authorized_keys(key))
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._server.access.attempts.append("password")
        if self._server.access.console_options:
            username = username.partition("+")[0]
        return (username, password) == (self._server.access.user, self._server.access.password)

    def session_requested(self) -> "_Session":
        return self._server.session()

    def connection_requested(
        self,
        dest_host: str,
        dest_port: int,
        orig_host: str,  # noqa: ARG002
        orig_port: int,  # noqa: ARG002
    ) -> Awaitable[asyncssh.SSHTCPSession[bytes]]:
        return self._forwarded(dest_host, dest_port)

    async def _forwarded(self, host: str, port: int) -> asyncssh.SSHTCPSession[bytes]:
        session = await self._server.forwarded(host, port)
        if session is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Connection refused")
        return session


class _Session(asyncssh.SSHServerSession[bytes]):
    """One channel: its bytes go to the wire's record first, then to the console."""

    def __init__(self, brain: Brain, wire: Wire, tasks: set[asyncio.Task[None]]) -> None:
        self._brain = brain
        self._wire = wire
        self._tasks = tasks
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._console: Console | None = None
        self._task: asyncio.Task[None] | None = None
        self._command: str | None = None
        self._pty = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(
        self,
        term_type: str,  # noqa: ARG002
        term_size: tuple[int, int, int, int],  # noqa: ARG002
        term_modes: object,  # noqa: ARG002
    ) -> bool:
        self._pty = True
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        self._wire.arrived(command.encode() + b"\n")
        return True

    def session_started(self) -> None:
        assert self._channel is not None
        height = self._channel.get_terminal_size()[1] if self._pty else 0
        self._console = Console(self._write, tty=self._pty, height=height, interrupt=self._brain.interrupt)
        self._task = asyncio.ensure_future(self._run(self._console))
        self._tasks.add(self._task)
        self._task.add_done_callback(self._tasks.discard)

    def data_received(self, data: bytes, datatype: int | None) -> None:  # noqa: ARG002
        self._wire.arrived(data)
        if self._console is not None:
            self._console.feed(data)

    def eof_received(self) -> bool:
        if self._console is not None:
            self._console.feed_eof()
        return True

    def signal_received(self, signal: str) -> None:  # noqa: ARG002
        if self._console is not None:
            self._console.interrupt()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._task is not None:
            self._task.cancel()

    async def _run(self, console: Console) -> None:
        status = 1
        try:
            if self._command is not None:
                status = await self._brain.execute(console, self._command)
            else:
                status = await self._brain.shell(console)
        except Hangup:
            status = 0
        finally:  # also when the brain fails: a client must never hang
            assert self._channel is not None
            with contextlib.suppress(OSError):
                self._channel.exit(status)

    def _write(self, data: bytes, stderr: bool) -> None:
        assert self._channel is not None
        with contextlib.suppress(OSError):
            self._channel.write(data, asyncssh.EXTENDED_DATA_STDERR if stderr else None)


class _Relay(asyncssh.SSHTCPSession[bytes]):
    """A forwarded connection, carried to its loopback end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, chan: asyncssh.SSHTCPChannel[bytes]) -> None:
        self._task = asyncio.ensure_future(self._carry(chan))

    def data_received(self, data: bytes, datatype: int | None) -> None:  # noqa: ARG002
        self._writer.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._writer.close()
        if self._task is not None:
            self._task.cancel()

    async def _carry(self, channel: asyncssh.SSHTCPChannel[bytes]) -> None:
        with contextlib.suppress(OSError):
            while data := await self._reader.read(32 * 1024):
                channel.write(data)
            channel.write_eof()

"""Routers over SSH: one pinned host key, one login, then a terminal (`shell`) or single commands (`exec`).

Counterparts: `drivers.session` states the contract; `drivers.fakes` keeps the same one without a network. Built on
asyncssh callbacks rather than its streams, which halves the cost of opening and of bulk output.

What never leaves here: local keys, agent, configuration files, environment, forwarded ports. Channels that a router
opens towards the gateway are refused, because nothing here listens for any.
"""

import asyncio
import contextlib
import getpass
import os
import signal
from collections.abc import Callable
from typing import Any

import asyncssh

from audit.command import RecordedCommand
from drivers.algorithms import Algorithms, choose, missing_legacy
from drivers.buffer import OutputBuffer
from drivers.definition import login_name
from drivers.errors import DriverError, HostKeyChanged, LoginRefused, RouterClosed, RouterUnreachable
from drivers.sending import SendOnce
from drivers.session import Output, Shape, Target

TERMINAL = "dumb"
"""A terminal without abilities: readline shells (vtysh) then print neither colours nor bracketed-paste switches."""

TERMINAL_SIZE = (511, 1000)
"""Columns, rows. Wider than any line the policy sends, so that no line editor wraps or redraws what it echoes; 511 is
the width that network devices of all makes are known to take."""

_WINDOW = 192 * 1024
"""SSH window. With `drivers.buffer.HIGH_WATER` and one packet of 32 KiB this bounds what waits for a slow reader to
256 KiB a session: asyncssh itself holds what arrives while reading is paused, and that is at most one window."""

_PACKET = 32 * 1024


def name_local_user() -> None:
    """Give this process a user name where it has none, as in a container that runs under a bare number.

    asyncssh asks for the local name although every login here names its user, and fails without one.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = "vestibule"


class SshDriver:
    """Opens sessions over SSH. `connect_seconds` bounds TCP, key exchange and login together."""

    def __init__(self, *, connect_seconds: float = 20.0, keepalive_seconds: float = 15.0) -> None:
        name_local_user()
        self._connect_seconds = connect_seconds
        self._keepalive_seconds = keepalive_seconds

    async def open(self, target: Target, shape: Shape) -> "SshSession":
        """Log in, and in the shell shape start the terminal. Nothing is typed into it.

        Raises `RouterUnreachable`, `HostKeyChanged` (before a credential is offered) or `LoginRefused`; `DriverError`
        if the router's own entry cannot be used (an unreadable key, an unknown algorithm name).
        """
        session = SshSession(target.name, shape)
        options = _options(target, self._connect_seconds, self._keepalive_seconds)
        try:
            connection = await asyncssh.connect(
                target.address, target.port, client_factory=lambda: _Connection(session.lost), **options
            )
        except (asyncssh.Error, OSError, TimeoutError, ValueError) as error:
            raise _translated(error, target, self._connect_seconds) from error
        session.attach(connection)
        if shape == "shell":
            await self._start_terminal(session, target)
        return session

    async def _start_terminal(self, session: "SshSession", target: Target) -> None:
        try:
            async with asyncio.timeout(self._connect_seconds):
                await session.start(None)
        except (DriverError, TimeoutError) as error:
            await session.close()
            raise LoginRefused(
                f"Router {target.name} accepted the login but opened no terminal for the gateway's account."
            ) from error
        except BaseException:
            await session.close()
            raise


class SshSession:
    """One connection to one router. Holds the contract of `drivers.session.DriverSession`.

    In the exec shape every `send` starts a channel of its own over the same connection, once the one before has ended.
    """

    def __init__(self, router: str, shape: Shape) -> None:
        self._router = router
        self._shape = shape
        self._once = SendOnce()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._channel = _Channel()
        self._closed = False

    @property
    def exit_status(self) -> int | None:
        return self._channel.exit_status

    async def send(self, command: RecordedCommand) -> None:
        """Write the command; in the exec shape run it, or interrupt or answer the one that runs."""
        if self._closed:
            raise RouterClosed(f"The connection to router {self._router} has ended; nothing was sent.")
        wire = self._once.admit(command)
        if self._shape == "shell":
            self._channel.write(wire, self._router)
        elif not self._channel.started or self._channel.buffer.ended:
            await self.start(_one_line(wire))
        elif command.purpose == "interrupt":
            self._channel.interrupt(self._router)
        else:
            self._channel.write(wire, self._router)

    async def read(self) -> Output:
        return await self._channel.buffer.take()

    async def close(self) -> None:
        """Cut TCP without a farewell: no byte that is still queued reaches the router."""
        if self._connection is not None and not self._closed:
            self._connection.abort()
        self.lost()
        self._channel.buffer.discard()

    def attach(self, connection: asyncssh.SSHClientConnection) -> None:
        """Take over a connection that has logged in."""
        self._connection = connection

    def lost(self) -> None:
        """The connection is gone."""
        self._closed = True
        self._channel.buffer.end()

    async def start(self, command: str | None) -> None:
        """Open a channel: a terminal if `command` is none. Raises `RouterClosed`."""
        assert self._connection is not None
        channel = self._channel if not self._channel.started else _Channel()
        channel.started = True
        self._channel = channel
        try:
            await self._connection.create_session(lambda: channel, **_channel_options(command))
        except (asyncssh.Error, OSError) as error:
            channel.buffer.end()
            raise RouterClosed(f"Router {self._router} did not start what it was asked to.") from error


class _Connection(asyncssh.SSHClient):
    """Tells the session when the connection is lost, also while no channel is open."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._lost()


class _Channel(asyncssh.SSHClientSession[bytes]):
    """Callbacks of one channel."""

    def __init__(self) -> None:
        self.started = False
        self.exit_status: int | None = None
        self.buffer = OutputBuffer(self._pause, self._resume)
        self._raw: asyncssh.SSHClientChannel[bytes] | None = None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._raw = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.buffer.put(data, stderr=datatype == asyncssh.EXTENDED_DATA_STDERR)

    def exit_status_received(self, status: int) -> None:
        self.exit_status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002
        self.exit_status = _status_of_signal(signal)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        # Not at EOF: the exit status may follow it.
        self.buffer.end()

    def write(self, data: bytes, router: str) -> None:
        """Write to the terminal or standard input."""
        if self._raw is None or self.buffer.ended:
            raise RouterClosed(f"Router {router} has ended the session; nothing was sent.")
        try:
            self._raw.write(data)
        except OSError as error:
            raise RouterClosed(f"Router {router} has ended the session; nothing was sent.") from error

    def interrupt(self, router: str) -> None:
        """Interrupt a command that has no terminal: a signal request (RFC 4254 section 6.9) instead of a byte."""
        if self._raw is None:
            raise RouterClosed(f"Router {router} has ended the session; nothing was sent.")
        with contextlib.suppress(OSError):  # it ended by itself meanwhile
            self._raw.send_signal("INT")

    def _pause(self) -> None:
        if self._raw is not None:
            self._raw.pause_reading()

    def _resume(self) -> None:
        if self._raw is not None:
            self._raw.resume_reading()


def _options(target: Target, connect_seconds: float, keepalive_seconds: float) -> dict[str, Any]:
    pinned = _pinned_key(target)
    algorithms: Algorithms = choose(pinned.get_algorithm(), target.legacy_algorithms)
    credential = target.credential
    return {
        "username": login_name(target.platform, credential.user),
        "password": credential.password,
        "client_keys": [_private_key(target, credential.private_key)] if credential.private_key else None,
        "known_hosts": ([pinned], [], []),
        "server_host_key_algs": algorithms.host_key,
        "kex_algs": algorithms.key_exchange,
        "encryption_algs": algorithms.ciphers,
        "mac_algs": algorithms.macs,
        "signature_algs": algorithms.signatures,
        "compression_algs": ("none",),
        "config": [],
        "agent_path": None,
        "gss_kex": False,
        "gss_auth": False,
        "host_based_auth": False,
        "x509_trusted_certs": None,
        "connect_timeout": connect_seconds,
        "login_timeout": connect_seconds,
        "keepalive_interval": keepalive_seconds,
        "keepalive_count_max": 3,
    }


def _channel_options(command: str | None) -> dict[str, Any]:
    bounds: dict[str, Any] = {
        "encoding": None,
        "window": _WINDOW,
        "max_pktsize": _PACKET,
        "env": None,
        "send_env": None,
    }
    if command is None:
        return bounds | {"request_pty": "force", "term_type": TERMINAL, "term_size": TERMINAL_SIZE}
    return bounds | {"request_pty": False, "command": command}


def _one_line(wire: bytes) -> str:
    try:
        return wire.rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError as error:
        raise DriverError("A command that is not UTF-8 text cannot be run; nothing was sent.") from error


def _pinned_key(target: Target) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(target.host_key)
    except asyncssh.KeyImportError as error:
        raise DriverError(
            f"The host key stored for router {target.name} cannot be read; register the router again."
        ) from error


def _private_key(target: Target, text: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        # The foreign text is not repeated: it describes a secret.
        raise DriverError(
            f"The private key stored for router {target.name} cannot be read; store an OpenSSH key without passphrase."
        ) from error


def _translated(error: Exception, target: Target, connect_seconds: float) -> DriverError:
    name = target.name
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return HostKeyChanged(
                f"Router {name} shows another host key than the one registered. Nothing was sent and no password was "
                "offered. If the router was replaced, an administrator registers its new key."
            )
        case asyncssh.PermissionDenied():
            return LoginRefused(f"Router {name} refused the gateway's login.")
        case asyncssh.KeyExchangeFailed():
            return LoginRefused(_no_common_algorithm(name, error.reason))
        case TimeoutError():
            return RouterUnreachable(f"Router {name} did not answer within {connect_seconds:g} seconds.")
        case OSError():
            return RouterUnreachable(f"Router {name} cannot be reached at its management address.")
        case asyncssh.Error():
            return RouterUnreachable(
                f"Router {name} ended the connection before the login was complete. A very old device may need ssh-rsa "
                "or ssh-dss among the legacy algorithms of its entry."
            )
        case _:
            return DriverError(f"Router {name} cannot be reached with the entry as it is stored.")


def _no_common_algorithm(name: str, reason: str) -> str:
    old = missing_legacy(reason)
    if not old:
        return f"Router {name} has no SSH algorithm in common with the gateway."
    return f"Router {name} offers only old SSH algorithms; allow one of these in its entry: {', '.join(old)}."


def _status_of_signal(name: str) -> int | None:
    """What a shell would report: 128 + the signal's number."""
    try:
        return 128 + signal.Signals[f"SIG{name}"].value
    except KeyError:
        return None

"""netmiko in worker threads: what platform a router is, at registration; and the terminal of scripted diagnostics.

Counterparts: `drivers.shell_ssh` carries everybody else's sessions, `gateway.session.diagnostics` runs the scripts. The
only module that may import netmiko or paramiko; it loads them when they are first needed, because that is slow. The
host key is pinned here as well.
"""

import asyncio
import contextlib
import io
import re
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import asyncssh

from audit.command import RecordedCommand
from drivers.algorithms import LEGACY, choose
from drivers.buffer import READ_LIMIT
from drivers.definition import login_name
from drivers.errors import DriverError, HostKeyChanged, LoginRefused, RouterClosed, RouterUnreachable
from drivers.sending import SendOnce
from drivers.session import Output, Shape, Target
from drivers.shell_ssh import name_local_user

if TYPE_CHECKING:
    from netmiko import BaseConnection

_CONNECT_SECONDS = 20.0
_ANSWER_SECONDS = 60.0
_QUIET_SECONDS = 1.0
"""So long a silence after login means that the router waits."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\x00\x07]")

_SIGNS: tuple[tuple[str, str], ...] = (
    (r"OpenWrt|BusyBox v[\d.]+ .*built-in shell", "openwrt"),
    (r"FRRouting", "frr"),
    (r"\bVyOS\b|^vyos@", "vyos"),
    (r"\bEdgeOS\b|\bEdgeRouter\b|^ubnt@", "edgeos"),
    (r"MikroTik|RouterOS|SSH-2\.0-ROSSSH", "routeros"),
    (r"\bJUNOS\b|\bJunos:", "junos"),
    (r"\bHuawei\b|HUAWEI|Versatile Routing Platform", "huawei_vrp"),
    (r"\bTiMOS-", "sros"),
    (r"IOS XR|^RP/\d+/\w+/CPU\d:", "iosxr"),
    (r"\bNX-OS\b|Nexus Operating System", "nxos"),
    (r"Cisco IOS Software|Cisco Internetwork Operating System|IOS-XE", "ios"),
    (r"\bBCM\d{4,6}\b|Broadcom", "bcm_cpe"),
)
"""What shows a platform in the SSH version, login text, prompt or a probe's answer. The first that fits counts."""

PROBES: tuple[tuple[str, str], ...] = (
    (r"\A[\w.-]+[>#]\Z", "show version\n"),
    (r"\A[\w.-]+@[\w.-]+>\Z", "show version\n"),
    (r"\A<[\w.-]+>\Z", "display version\n"),
    (r"\A\*?[A-Z]:[\w.@-]+#\Z", "show version\n"),
    (r"[$#]\Z", "cat /etc/openwrt_release /etc/os-release\n"),
)
"""Prompt and the one line that is then asked. A fixed reading command; the wrong one is never tried: on some routers an
unknown word opens a connection."""


_Answer = TypeVar("_Answer")


async def fetch_host_key(address: str, port: int, *, legacy_algorithms: frozenset[str] = frozenset()) -> str:
    """The host key that a router shows now, as an OpenSSH line without comment, Ed25519 preferred. No login is tried.

    A person compares it with the router before it is pinned. Raises `RouterUnreachable`.
    """
    name_local_user()
    algorithms = choose("ssh-ed25519", legacy_algorithms)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            key = await asyncssh.get_server_host_key(
                address,
                port,
                config=[],
                kex_algs=algorithms.key_exchange,
                server_host_key_algs=algorithms.host_key,
            )
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise RouterUnreachable(f"No SSH host key could be read at {address} port {port}.") from error
    if key is None:
        raise RouterUnreachable(f"The SSH server at {address} port {port} shows no host key.")
    return key.export_public_key().decode().strip()


async def detect_platform(
    target: Target, *, before_probe: Callable[[bytes], Awaitable[None]] | None = None
) -> str | None:
    """The platform's name, or none if it cannot be told; then a person names it.

    Reads what the router shows by itself; if that does not tell, sends the one line of `PROBES` that fits the prompt.
    `before_probe` is awaited with its bytes first; if it raises, nothing is sent. Raises the errors of `Driver.open`.
    """
    line = await asyncio.to_thread(_Line.open, target)
    try:
        seen = f"{line.version}\n{line.login}"
        platform = _recognise(seen)
        probe = next((text for prompt, text in PROBES if re.search(prompt, line.prompt)), None)
        if platform is not None or probe is None:
            return platform
        if before_probe is not None:
            await before_probe(probe.encode())
        return _recognise(await asyncio.to_thread(line.ask, probe))
    finally:
        await asyncio.to_thread(line.close)


class BatchDriver:
    """Opens terminals for scripts. Logs in with netmiko in threads of the session's own, two for each.

    So a slow router holds up neither the event loop nor the threads that others share. Has no single commands.
    """

    async def open(self, target: Target, shape: Shape) -> "BatchSession":
        """Log in; nothing is typed. Raises the errors of `Driver.open`, and `DriverError` for the exec shape."""
        if shape != "shell":
            raise DriverError("Scripts run in a terminal; this driver has no single commands.")
        threads = ThreadPoolExecutor(2, thread_name_prefix="netmiko")
        login = threads.submit(_log_in, target)
        try:
            connection = await asyncio.wrap_future(login)
        except BaseException:
            login.add_done_callback(_abandon)  # the caller left; the login may still succeed
            threads.shutdown(wait=False)
            raise
        return BatchSession(connection, target.name, threads)


class BatchSession:
    """One terminal over netmiko. Holds the contract of `drivers.session.DriverSession`, in the shell shape.

    Bytes are read from its channel as they come: netmiko's own reading decodes piece by piece and drops the characters
    that a piece cuts in two. Behind a slow reader at most one SSH window (paramiko's 2 MiB) waits here.
    """

    def __init__(self, connection: "BaseConnection", router: str, threads: ThreadPoolExecutor) -> None:
        self._connection = connection
        channel: Any = connection.remote_conn
        channel.settimeout(None)
        self._channel = channel
        self._router = router
        self._threads = threads
        self._once = SendOnce()
        self._cut = threading.Event()

    @property
    def exit_status(self) -> int | None:
        """Terminals give none."""
        return None

    async def send(self, command: RecordedCommand) -> None:
        if self._cut.is_set():
            raise self._gone()
        wire = self._once.admit(command)
        await self._in_thread(self._write, wire)

    async def read(self) -> Output:
        if self._cut.is_set():
            return Output(b"")
        data = await self._in_thread(self._receive)
        return Output(b"") if self._cut.is_set() else Output(data)

    async def close(self) -> None:
        """Cut TCP at once, which wakes both threads; then have netmiko tidy up."""
        if self._cut.is_set():
            return
        self._cut.set()
        with contextlib.suppress(OSError):
            self._channel.get_transport().sock.shutdown(socket.SHUT_RDWR)
        tidied = self._threads.submit(self._connection.disconnect)
        self._threads.shutdown(wait=False)
        await asyncio.wrap_future(tidied)

    async def _in_thread(self, do: "Callable[..., _Answer]", *given: object) -> _Answer:
        return await asyncio.wrap_future(self._threads.submit(do, *given))

    def _write(self, wire: bytes) -> None:
        import paramiko

        # Read again in the thread: the session may have been cut on the way here.
        if self._cut.is_set():
            raise self._gone()
        try:
            self._channel.sendall(wire)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._gone() from error

    def _receive(self) -> bytes:
        try:
            data: bytes = self._channel.recv(READ_LIMIT)
        except (OSError, EOFError):
            return b""
        return data

    def _gone(self) -> RouterClosed:
        return RouterClosed(f"The connection to router {self._router} has ended; nothing was sent.")


def _abandon(login: "Future[BaseConnection]") -> None:
    if not login.cancelled() and login.exception() is None:
        login.result().disconnect()


def _recognise(seen: str) -> str | None:
    for pattern, platform in _SIGNS:
        if re.search(pattern, seen, re.MULTILINE):
            return platform
    return None


class _Line:
    """One blocking terminal over netmiko. Used by one thread at a time; writes only what `ask` is given."""

    def __init__(self, connection: "BaseConnection", name: str) -> None:
        self._connection = connection
        self._name = name
        client: Any = connection.remote_conn_pre
        self.version: str = client.get_transport().remote_version
        self.login = _clean(self._read_login())
        self.prompt = self.login.rpartition("\n")[2].strip()

    @classmethod
    def open(cls, target: Target) -> "_Line":
        """Log in with the pinned key. Raises `DriverError`s."""
        with _translating(target):
            return cls(_log_in(target), target.name)

    def _read_login(self) -> str:
        try:
            return self._connection.read_channel_timing(last_read=_QUIET_SECONDS, read_timeout=_CONNECT_SECONDS)
        except BaseException:
            self.close()
            raise

    def ask(self, wire: str) -> str:
        """Write one line and read up to the next prompt. Raises `RouterClosed`."""
        import paramiko
        from netmiko.exceptions import NetmikoBaseException

        try:
            self._connection.write_channel(wire)
            text = self._read_to_prompt()
        except (NetmikoBaseException, paramiko.SSHException, OSError, EOFError, AttributeError) as error:
            raise RouterClosed(f"Router {self._name} stopped answering.") from error
        _, _, answer = text.partition("\n")  # the echo
        return answer.rpartition("\n")[0]

    def close(self) -> None:
        """Hang up. Nothing is typed."""
        self._connection.disconnect()

    def _read_to_prompt(self) -> str:
        # The prompt stands alone on the last line; escape sequences may follow it (BusyBox asks for the cursor).
        pattern = rf"(?:^|\n){re.escape(self.prompt)}[ ]?(?:\x1b\[[0-9;?]*[A-Za-z])*\s*\Z"
        return _clean(self._connection.read_until_pattern(pattern, read_timeout=_ANSWER_SECONDS))


def _log_in(target: Target) -> "BaseConnection":
    """A terminal at the router, with its pinned key checked. Nothing is typed. Raises `DriverError`s. Blocks."""
    from netmiko import ConnectHandler

    with _translating(target), tempfile.NamedTemporaryFile("w", prefix="vestibule-known-", suffix=".keys") as known:
        place = target.address if target.port == 22 else f"[{target.address}]:{target.port}"
        known.write(f"{place} {' '.join(target.host_key.split()[:2])}\n")
        known.flush()
        connection: BaseConnection = ConnectHandler(**_parameters(target, known.name))
        try:
            connection.establish_connection()
        except BaseException:
            connection.disconnect()
            raise
        return connection


@contextlib.contextmanager
def _translating(target: Target) -> Iterator[None]:
    import paramiko
    from netmiko.exceptions import NetmikoBaseException

    try:
        yield
    except (NetmikoBaseException, paramiko.SSHException, OSError, ValueError) as error:
        raise _translated(error, target) from error


def _parameters(target: Target, known_hosts: str) -> dict[str, Any]:
    credential = target.credential
    return {
        "device_type": "terminal_server",  # sends nothing of its own: no pager off, no width, no logout
        "host": target.address,
        "port": target.port,
        "username": login_name(target.platform, credential.user),
        "password": credential.password,
        "pkey": _private_key(target, credential.private_key) if credential.private_key else None,
        "use_keys": False,  # those of the local user
        "allow_agent": False,
        "ssh_strict": True,
        "system_host_keys": False,
        "alt_host_keys": True,
        "alt_key_file": known_hosts,
        "conn_timeout": _CONNECT_SECONDS,
        "auth_timeout": _CONNECT_SECONDS,
        "banner_timeout": _CONNECT_SECONDS,
        "auto_connect": False,  # connecting by itself it would type a line end to see whether somebody is there
    }


def _private_key(target: Target, text: str) -> Any:
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text))
        except (paramiko.SSHException, ValueError):
            continue
    raise DriverError(
        f"The private key stored for router {target.name} cannot be read; store an OpenSSH key without passphrase."
    )


def _translated(error: Exception, target: Target) -> DriverError:
    import paramiko
    from netmiko.exceptions import NetmikoAuthenticationException

    # netmiko turns everything into a timeout; what it was is in the context.
    causes = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(isinstance(one, paramiko.BadHostKeyException) for one in causes):
        return HostKeyChanged(f"Router {target.name} shows another host key than the one registered. Nothing was sent.")
    if isinstance(error, NetmikoAuthenticationException):
        return LoginRefused(f"Router {target.name} refused the gateway's login.")
    if any(isinstance(one, paramiko.ssh_exception.IncompatiblePeer) for one in causes):
        return LoginRefused(
            f"Router {target.name} has no SSH algorithm in common with netmiko, which no longer knows all of "
            f"{', '.join(LEGACY)}. Name its platform yourself; live sessions do not need netmiko."
        )
    return RouterUnreachable(f"Router {target.name} cannot be reached at its management address.")


def _clean(text: str) -> str:
    return _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "")

"""netmiko in a worker thread: what platform a router is, at registration; and scripted diagnostics over many routers.

Counterpart: `drivers.shell_ssh` carries live sessions. This is the only module that may import netmiko or paramiko, and
it loads them when they are first needed, because that is slow. The host key is pinned here as well.
"""

import asyncio
import io
import re
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncssh

from audit.command import RecordedCommand
from drivers.algorithms import LEGACY, choose
from drivers.errors import DriverError, HostKeyChanged, LoginRefused, RouterClosed, RouterUnreachable
from drivers.sending import SendOnce
from drivers.session import Target
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
    (r"[$#]\Z", "cat /etc/openwrt_release /etc/os-release\n"),
)
"""Prompt and the one line that is then asked. A fixed reading command; the wrong one is never tried: on some routers an
unknown word opens a connection."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Answer to one scripted command."""

    command: RecordedCommand
    output: str
    """Text between the echo of the command and the next prompt; lines end in LF."""


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


async def run_diagnostics(target: Target, recorded: Sequence[RecordedCommand]) -> list[Diagnosis]:
    """Log in once and run recorded commands one after another; nothing else is sent.

    Raises the errors of `Driver.open`, and `RouterClosed` if the router stops answering; what was answered so far is
    then lost, but its commands are on record.
    """
    line = await asyncio.to_thread(_Line.open, target)
    once = SendOnce()
    answers = []
    try:
        for command in recorded:
            wire = once.admit(command).decode("utf-8")
            answers.append(Diagnosis(command, await asyncio.to_thread(line.ask, wire)))
    finally:
        await asyncio.to_thread(line.close)
    return answers


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
        import paramiko
        from netmiko import ConnectHandler
        from netmiko.exceptions import NetmikoBaseException

        with tempfile.NamedTemporaryFile("w", prefix="vestibule-known-", suffix=".keys") as known:
            place = target.address if target.port == 22 else f"[{target.address}]:{target.port}"
            known.write(f"{place} {' '.join(target.host_key.split()[:2])}\n")
            known.flush()
            try:
                connection = ConnectHandler(**_parameters(target, known.name))
                connection.establish_connection()
                return cls(connection, target.name)
            except (NetmikoBaseException, paramiko.SSHException, OSError, ValueError) as error:
                raise _translated(error, target) from error

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


def _parameters(target: Target, known_hosts: str) -> dict[str, Any]:
    credential = target.credential
    return {
        "device_type": "terminal_server",  # sends nothing of its own: no pager off, no width, no logout
        "host": target.address,
        "port": target.port,
        "username": credential.user,
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

"""An SSH connection on which only sessions exist: everything else is refused and recorded.

asyncssh answers most unwanted requests with a refusal of its own, silently. These subclasses put the recording in
front: each refused feature is reported to `Attempts.attempted` with one word. They also add the one thing asyncssh's
server lacks: a second factor after a key (RFC 4252 section 5.1, partial success).

Counterpart: `gateway.ssh.server`, which decides who is there.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, cast

import asyncssh
from asyncssh.channel import SSHServerChannel
from asyncssh.connection import SSHServerConnection
from asyncssh.constants import (
    MSG_CHANNEL_OPEN,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
)
from asyncssh.packet import PacketDecodeError, SSHPacket, String
from asyncssh.public_key import SSHOpenSSHCertificate

SESSION_CHANNEL = b"session"
USERAUTH = b"ssh-userauth"

SIGNATURES = (
    "ssh-ed25519",
    "ssh-ed448",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""How clients may sign. asyncssh also knows DSA and RSA with SHA-1."""

LAST_WORDS_SECONDS = 0.25
"""So long may a client take to read what was sent to it before its session was cut off, the reason included."""

KNOWN_CHANNELS = frozenset(
    {
        "direct-tcpip",
        "forwarded-tcpip",
        "direct-streamlocal@openssh.com",
        "forwarded-streamlocal@openssh.com",
        "tun@openssh.com",
        "x11",
        "auth-agent@openssh.com",
    }
)
"""Channel types that are recorded by name. Others are words of the client's own making, which are sealed."""


class Attempts(Protocol):
    """What a connection tells its owner (`gateway.ssh.server.FrontDoor`)."""

    def attempted(self, feature: str, asked: str = "") -> None:
        """A feature that does not exist here was asked for.

        `feature` is one of a fixed list of words; `asked` is the client's own word for it, which may be anything.
        """
        ...

    def second_factor_due(self) -> bool:
        """Whether the factor just proved must be followed by another."""
        ...

    async def certificate_user(self, principals: tuple[str, ...]) -> str | None:
        """The one known person among a certificate's principals. Nothing is proved yet."""
        ...

    async def key_proved(self) -> bool:
        """The client has signed with the key or certificate that was looked up last; whether that makes it somebody."""
        ...


class SessionChannel(SSHServerChannel[bytes]):
    """A session channel that starts one thing, once, and takes no environment."""

    def _attempts(self) -> Attempts:
        return cast("Attempts", self._conn.get_owner())

    def _start_session(self, command: str | None = None, subsystem: str | None = None) -> bool:
        if self._session_started:
            self._attempts().attempted("second_request_on_channel")
            return False
        return super()._start_session(command, subsystem)

    def _process_env_request(self, packet: SSHPacket) -> bool:
        # Refused without a record: OpenSSH sends LANG and the like with every session by default.
        packet.get_string()
        packet.get_string()
        packet.check_end()
        return False

    def exit_promptly(self, status: int) -> None:
        """As `exit`, but what the client does not take within `LAST_WORDS_SECONDS` is dropped.

        asyncssh would hold the channel open until the client has read everything, if it ever does.
        """
        self.exit(status)
        if self._send_state == "close_pending":
            self._loop.call_later(LAST_WORDS_SECONDS, self._drop_unsent)

    def _drop_unsent(self) -> None:
        if self._send_state == "close_pending":
            self._close_send()


class GuardedConnection(SSHServerConnection):
    """A server connection that knows one channel type, no forwarding, no agent, no X11."""

    on_lost: Callable[[], None] | None = None
    """Called when the TCP connection is gone, whatever became of it before."""

    def connection_lost(self, exc: Exception | None = None) -> None:
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def _attempts(self) -> Attempts:
        return cast("Attempts", self._owner)

    # --- what would cost and change nothing --------------------------------------------------------------------------

    def _log_packet(self, *_args: Any) -> None:
        """Packets are not logged: the inherited method words a line for each, whether it is wanted or not."""

    # --- signing in -------------------------------------------------------------------------------------------------

    def _guard_service_request(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        """As inherited; but a client may ask for the same service before each of its tries, as paramiko does."""
        rest = packet.get_remaining_payload()
        if self._auth_in_progress and not self._auth_complete and rest == String(USERAUTH):
            self.send_packet(MSG_SERVICE_ACCEPT, rest)
        else:
            super()._process_service_request(pkttype, pktid, SSHPacket(rest))

    # --- second factor -----------------------------------------------------------------------------------------------

    async def send_userauth_success(self) -> None:
        """Hold back success while a second factor is due."""
        if self._attempts().second_factor_due():
            self.send_userauth_failure(True)
        else:
            await super().send_userauth_success()

    async def validate_public_key(self, username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
        """Tell the owner of a key only once the client signed with it.

        Clients ask about keys before they sign (RFC 4252 section 7): such a question proves nothing, and MUST change
        nothing about who is there.
        """
        if msg and not _signed_properly(signature):
            return False
        fits = await super().validate_public_key(username, key_data, msg, signature)
        return await self._attempts().key_proved() if fits and msg else fits

    async def _validate_openssh_certificate(self, username: str, cert: SSHOpenSSHCertificate) -> Any:
        # The user name of the connection is a router; the person is the certificate's principal.
        del username
        person = await self._attempts().certificate_user(tuple(cert.principals))
        if person is None:
            return None
        return await super()._validate_openssh_certificate(person, cert)

    # --- what does not exist -----------------------------------------------------------------------------------------

    def _guard_channel_open(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        rest = packet.get_remaining_payload()
        peek = SSHPacket(rest)
        kind = peek.get_string()
        if kind == SESSION_CHANNEL:
            super()._process_channel_open(pkttype, pktid, SSHPacket(rest))
            return
        sender = peek.get_uint32()
        asked = kind.decode("ascii", "replace")
        self._attempts().attempted(f"channel:{asked if asked in KNOWN_CHANNELS else 'other'}", asked)
        self.send_channel_open_failure(
            sender, OPEN_ADMINISTRATIVELY_PROHIBITED, "Forwarding does not exist here; the attempt was recorded.", "en"
        )

    def _process_tcpip_forward_global_request(self, _packet: SSHPacket) -> None:
        self._refuse_global("forwarded-tcpip")

    def _process_streamlocal_forward_at_openssh_dot_com_global_request(self, _packet: SSHPacket) -> None:
        self._refuse_global("forwarded-streamlocal")

    def _refuse_global(self, feature: str) -> None:
        self._attempts().attempted(feature)
        self._report_global_response(False)

    async def create_agent_listener(self) -> bool:
        """No agent is ever forwarded."""
        self._attempts().attempted("agent")
        return False

    async def attach_x11_listener(self, *_args: Any) -> str | None:
        """No display is ever forwarded."""
        self._attempts().attempted("x11")
        return None

    def create_server_channel(
        self, encoding: str | None = "", errors: str = "", window: int = 0, max_pktsize: int = 0
    ) -> Any:
        """A `SessionChannel` that carries bytes: our own filter comes before any editor."""
        del encoding, errors, window
        size = max_pktsize or self._max_pktsize
        self._update_recv_pktlen(size)
        return SessionChannel(self, self._loop, True, False, False, 0, 0, None, "strict", self._window, size)

    _packet_handlers = {  # noqa: RUF012
        **SSHServerConnection._packet_handlers,
        MSG_SERVICE_REQUEST: _guard_service_request,
        MSG_CHANNEL_OPEN: _guard_channel_open,
    }


def _signed_properly(signature: bytes) -> bool:
    """Whether a signature is of a kind that counts (RFC 4253 section 6.6: its first string names it)."""
    try:
        return SSHPacket(signature).get_string().decode("ascii", "replace") in SIGNATURES
    except PacketDecodeError:
        return False


class _TurnedAway(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


async def listen(
    host: str,
    port: int,
    server_factory: Callable[[], asyncssh.SSHServer],
    host_key: asyncssh.SSHKey,
    *,
    grace: int,
    most: int = 2000,
) -> asyncio.Server:
    """Accept connections, at most `most` at one time. `server_factory` makes one `FrontDoor` a connection.

    `grace` is how many seconds signing in may take.
    """
    loop = asyncio.get_running_loop()
    options = await asyncssh.SSHServerConnectionOptions.construct(
        asyncssh.SSHServerConnectionOptions(),
        config=None,
        server_factory=server_factory,
        server_host_keys=[host_key],
        login_timeout=grace,
        keepalive_interval=30,
        allow_scp=False,
        agent_forwarding=True,  # so that the request reaches `create_agent_listener`, which refuses and records
        x11_forwarding=True,
        gss_host=None,
        password_auth=False,
        compression_algs=None,
        server_version="Vestibule",
        signature_algs=list(SIGNATURES),
        encryption_algs=[
            "aes128-gcm@openssh.com",
            "aes256-gcm@openssh.com",
            "chacha20-poly1305@openssh.com",
            "aes256-ctr",
            "aes128-ctr",
        ],
    )
    here: set[GuardedConnection] = set()

    def accept() -> asyncio.Protocol:
        if len(here) >= most:
            return _TurnedAway()
        connection = GuardedConnection(loop, options, None, None)
        here.add(connection)
        connection.on_lost = partial(here.discard, connection)
        return connection

    return await loop.create_server(accept, host, port, backlog=512)

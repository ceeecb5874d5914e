"""Who is at the door: key or certificate, then TOTP where enrolled; and a record of every attempt.

The SSH user name is the router (`ssh ROUTER@gateway`) or `vestibule` for control commands; the person is known by the
key. Counterparts: `gateway.ssh.connection` below, `gateway.ssh.session` above.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import asyncssh
import structlog
from asyncssh.auth import KbdIntChallenge, KbdIntResponse

from audit.errors import AuditError
from config.counting import counted
from config.errors import VestibuleError
from gateway.access.authenticate import needs_second_factor
from gateway.access.identity import Authenticated
from gateway.access.limits import Limited, Limiter
from gateway.session.service import AccessService
from gateway.ssh.connection import LAST_WORDS_SECONDS, GuardedConnection
from gateway.ssh.session import ClientSession

log = structlog.get_logger(__name__)

TOTP_ATTEMPTS = 3
"""Wrong codes on one connection before it is closed."""

FAILURES_PER_MINUTE = 60
"""Connections of one source on which nobody was recognised that are put on record; as over REST."""

MOST_ATTEMPTS = 100
"""Refused features on one connection before it is closed: each is a record, and nobody needs so many by mistake."""


MOST_CHANNELS = 32
"""Channels of one connection at one time, as a multiplexing client opens them."""


_CONSOLE_OPTIONS = re.compile(r"\+(?:[0-9]{0,4}[a-z]){1,16}\Z")


def router_named(username: str) -> str:
    """The router that the user name of a connection names.

    Programs that know RouterOS (netmiko) put options of its console behind the name: `r-1+ct511w4098h`. They mean
    nothing here, and no router's name holds a plus.
    """
    return _CONSOLE_OPTIONS.sub("", username)


class FrontDoor(asyncssh.SSHServer):
    """One connection's owner. Authentication state lives here and nowhere else."""

    def __init__(self, service: AccessService, ca_keys: frozenset[str], strangers: Limiter) -> None:
        self._service = service
        self._ca_keys = ca_keys
        self._strangers = strangers
        self._connection: GuardedConnection | None = None
        self._source = "unknown"
        self._username: str | None = None
        self._offered: Callable[[], Awaitable[Authenticated | None]] | None = None
        """Who the key that was named last would make of the client. Anybody can name anybody's key."""
        self._proved: Authenticated | None = None
        """Who signed. From then on no other key is taken."""
        self._needs_totp = False
        self._totp_left = TOTP_ATTEMPTS
        self._attempts_left = MOST_ATTEMPTS
        self._completed = False
        self._signed_in: asyncio.Future[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._sessions: set[ClientSession] = set()
        """Whose channels are open."""

    # --- connection --------------------------------------------------------------------------------------------------

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        assert isinstance(conn, GuardedConnection)
        self._connection = conn
        peer = conn.get_extra_info("peername")
        if peer:
            self._source = str(peer[0])

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for session in list(self._sessions):
            session.gone()
        if not self._completed and self._username is not None and self._counts():
            self._spawn(self._service.record_auth_failure("ssh", self._source, self._proved))

    def _counts(self) -> bool:
        """Whether a failure or attempt goes on record: of strangers up to a number, or they would fill the log."""
        if self._proved is not None:
            return True
        verdict = self._strangers.take(self._source, self._service.parts.clock.monotonic_ns() / 1e9)
        if isinstance(verdict, Limited) and verdict.first:
            log.warning("auth_failures_not_recorded")
        return not isinstance(verdict, Limited)

    def debug_msg_received(self, msg: str, lang: str, always_display: bool) -> None:
        """Nothing a client says here matters."""

    # --- authentication ----------------------------------------------------------------------------------------------

    def begin_auth(self, username: str) -> bool:
        if self._username is not None and self._username != username:
            self.attempted("username_change")
            raise asyncssh.PermissionDenied("The user name must not change during authentication; this was recorded.")
        self._username = username
        return True

    def public_key_auth_supported(self) -> bool:
        return not self._needs_totp

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        del username
        line = key.export_public_key("openssh").decode("ascii").strip()
        fido2 = line.startswith("sk-")
        self._offered = partial(self._service.authenticate_key, line, self._source, fido2=fido2)
        return await self._service.knows_key(line)

    async def certificate_user(self, principals: tuple[str, ...]) -> str | None:
        """See `gateway.ssh.connection.Attempts`."""
        self._offered = partial(self._service.authenticate_certificate, principals, self._source)
        return await self._service.named_by(principals)

    def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        del username
        parts = key.export_public_key("openssh").decode("ascii").split()
        return " ".join(parts[:2]) in self._ca_keys

    async def key_proved(self) -> bool:
        """See `gateway.ssh.connection.Attempts`."""
        assert self._offered is not None
        self._proved = await self._offered()
        self._needs_totp = self._proved is not None and needs_second_factor(self._proved)
        return self._proved is not None

    def second_factor_due(self) -> bool:
        """See `gateway.ssh.connection.Attempts`."""
        return self._needs_totp

    def kbdint_auth_supported(self) -> bool:
        return self._needs_totp

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> KbdIntChallenge:
        del username, lang, submethods
        assert self._proved is not None
        minutes = -(-self._service.totp_wait(self._proved) // timedelta(minutes=1))
        told = f"Too many wrong codes. The next one is looked at in {counted(minutes, 'minute')}." if minutes else ""
        return ("Second factor", told, "en", [("One-time code: ", False)])

    async def validate_kbdint_response(self, username: str, responses: KbdIntResponse) -> KbdIntChallenge:
        del username
        assert self._proved is not None
        # Counted before it is looked at: a client may send many answers without waiting for the first verdict.
        if self._totp_left <= 0:
            raise asyncssh.PermissionDenied("Too many wrong one-time codes.")
        self._totp_left -= 1
        stronger = await self._service.authenticate_totp(self._proved, responses[0] if len(responses) == 1 else "")
        if stronger is None:
            if self._totp_left <= 0:
                raise asyncssh.PermissionDenied("Too many wrong one-time codes.")
            return False
        self._proved = stronger
        self._needs_totp = False
        return True

    # --- after authentication ----------------------------------------------------------------------------------------

    def auth_completed(self) -> None:
        assert self._proved is not None
        assert not self._needs_totp
        self._completed = True
        self._signed_in = asyncio.ensure_future(self._service.record_auth(self._proved))
        self._spawn(self._signed_in)

    def session_requested(self) -> ClientSession:
        assert self._proved is not None
        assert self._username is not None
        assert self._signed_in is not None
        if len(self._sessions) >= MOST_CHANNELS:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_RESOURCE_SHORTAGE, f"There are {MOST_CHANNELS} sessions on this connection already."
            )
        session = ClientSession(
            self._service,
            self._proved,
            router_named(self._username),
            self.attempted,
            signed_in=self._signed_in,
            closed=self._sessions.discard,
        )
        self._sessions.add(session)
        return session

    def attempted(self, feature: str, asked: str = "") -> None:
        """See `gateway.ssh.connection.Attempts`."""
        self._attempts_left -= 1
        if self._attempts_left < 0 or not self._counts():
            return
        router = None if self._username is None else router_named(self._username)
        self._spawn(self._service.record_attempt(feature, asked, self._proved, router, self._source))
        if self._attempts_left == 0 and self._connection is not None:
            sentence = f"{MOST_ATTEMPTS} times something was asked for that does not exist here; that is enough."
            self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, sentence)

    def _spawn(self, work: Awaitable[None]) -> None:
        """Record in the background. What cannot be recorded closes the connection: there is no best-effort mode."""
        task = asyncio.ensure_future(self._recorded(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _recorded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (AuditError, VestibuleError) as error:
            log.error("record_failed", error_type=type(error).__name__)
            await asyncio.sleep(LAST_WORDS_SECONDS)  # so that sessions, which fail as well, can say so
            if self._connection is not None:
                self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, str(error))


def front_door(
    service: AccessService, ca_keys: frozenset[str], *, failures_per_minute: int = FAILURES_PER_MINUTE
) -> Callable[[], FrontDoor]:
    """A factory of connection owners."""
    strangers = Limiter(failures_per_minute)
    return lambda: FrontDoor(service, ca_keys, strangers)

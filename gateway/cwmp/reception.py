"""Who calls, and whether there is room: from an HTTP request to the session that it belongs to, or to a refusal.

The order matters. Room first (503, nothing is made). Then a sign-in of any kind (401 before a body is judged). Then the
body, bounded; then whether it is who it says. Only then is there a session. Counterparts: `gateway.cwmp.connections`
brings requests, `gateway.cwmp.open_sessions` keeps sessions, `gateway.cwmp.refusals` counts who gets none.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from audit.errors import AuditError
from drivers.cwmp.codec.envelope import Envelope, decode
from drivers.cwmp.device import DeviceId
from drivers.cwmp.known import KnownCpe
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Inform
from drivers.cwmp.wire.http import HttpRequest, cut_short
from drivers.errors import BadEnvelope, BadHttp
from gateway.cwmp.connections import Connection
from gateway.cwmp.desk import Desk
from gateway.cwmp.lanes import Lanes
from gateway.cwmp.limits import Counts
from gateway.cwmp.open_sessions import OpenSessions
from gateway.cwmp.refusals import Refusals
from gateway.cwmp.sessions import CpeSession
from gateway.cwmp.sighting import sighting_of
from gateway.cwmp.sign_in import NotSignedIn, Shown, SignedIn

log = structlog.get_logger(__name__)

MOST_CHALLENGES: Final = 4
"""Requests on one connection without a right sign-in; then it is closed."""
HEAVY: Final = 8192
"""Bytes of a post. So many more of somebody who proves nothing count as one failure more: reading them is work."""
LONGEST_IN_TURN: Final = 4 * HEAVY
"""Bytes of a post that waits for its turn: an Inform is shorter, and longer ones would keep the others waiting."""
MOST_ROOMY: Final = 16
"""Connections from one address on which nobody has signed in and that may yet post long answers."""
READ_ASIDE: Final = 256 * 1024
"""Bytes of a body beyond which it is read in a thread: 8 MiB may take a second."""

TOO_SHORT: Final = (
    "The envelope is longer than its Content-Length; quirk short_content_length, if that counts characters."
)
_NOBODY: Final = DeviceId(oui="000000", product_class="", serial="0")


class Reception:
    """One for all listeners of a gateway. Owner of connections."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.limits = desk.limits
        self.sessions = OpenSessions(desk)
        self.refusals = Refusals(desk)
        self.late = 0.0
        """How late the event loop ran when it was last measured, in seconds."""
        self.connections: set[Connection] = set()
        self._strangers: Counts[str] = Counts()
        self._lanes = Lanes()
        self._loop = asyncio.get_running_loop()

    # --- owner of connections ----------------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> bool:
        limits = self.limits
        full = len(self.connections) >= limits.connections
        self.connections.add(connection)
        self._strangers.add(connection.address)
        if full or self._strangers[connection.address] > limits.strangers:
            connection.turn_away(503, (self._retry(),))
            return False
        return True

    def roomy(self, connection: Connection) -> bool:
        """Whether somebody with an open session calls from there, who may post long answers over a new connection."""
        return self.sessions.any_from(connection.address) and self._strangers[connection.address] <= MOST_ROOMY

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._lanes.left(connection)
        if not connection.proved:
            self._strangers.drop(connection.address)
        session = connection.session
        if session is not None:
            session.disconnected(connection)

    def broken(self, connection: Connection, error: BadHttp) -> None:
        session: CpeSession | None = connection.session
        try:
            if session is None:
                self.refusals.stranger("protocol", connection.address)
            else:
                self.sessions.violated(session, str(error))
        except AuditError as failed:
            log.warning("cpe_not_recorded", error_type=type(failed).__name__)
        if session is not None:
            session.replaced(connection)

    def asked(self, connection: Connection, request: HttpRequest) -> None:
        self._guard(connection, partial(self._asked, connection, request))

    def _guard(self, connection: Connection, work: Callable[[], None]) -> None:
        """Whatever fails, the request is answered."""
        try:
            work()
        except AuditError as error:
            log.warning("cpe_not_recorded", error_type=type(error).__name__)
            self._busy(connection)
        except Exception as error:
            log.exception("cpe_request_failed", error_type=type(error).__name__)
            connection.answer(500, close=True)

    # --- requests ----------------------------------------------------------------------------------------------------

    def _asked(self, connection: Connection, request: HttpRequest) -> None:
        if request.method != "POST":
            connection.answer(405, (("Allow", "POST"),), close=True)
            return
        session: CpeSession | None = connection.session
        if session is not None:
            self._go_on(connection, session, request)
            return
        shown = _shown(connection, request)
        if not shown.something:
            self._challenge(connection, shown)
        elif self._overloaded():
            self._busy(connection)
        else:
            self._in_turn(connection, request, partial(self._from_stranger, connection, request, shown))

    def _in_turn(self, connection: Connection, request: HttpRequest, work: Callable[[], None]) -> None:
        """At once; where too much went wrong, one after the other."""
        if not self.refusals.in_turn(connection.address):
            work()
        elif len(request.body) > LONGEST_IN_TURN:
            self._busy(connection)
        else:
            self._lanes.line_up(connection, partial(self._guard, connection, work))

    def _go_on(self, connection: Connection, session: CpeSession, request: HttpRequest) -> None:
        """The next post on the connection of a session."""
        if not request.body:
            session.emptied()
        elif len(request.body) > READ_ASIDE:
            self.sessions.run(self._go_on_aside(connection, session, request))
        else:
            try:
                envelope = _read(request)
            except BadEnvelope as error:
                self._not_read(connection, session, request, error)
            else:
                self._take(connection, session, request, envelope)

    async def _go_on_aside(self, connection: Connection, session: CpeSession, request: HttpRequest) -> None:
        """The same for a body that takes long to read: nobody else waits for it, a revocation least of all."""
        try:
            envelope = await asyncio.to_thread(_read, request)
        except BadEnvelope as error:
            if connection.session is session:
                self._not_read(connection, session, request, error)
        else:
            if connection.session is session:  # or it was cut meanwhile
                self._take(connection, session, request, envelope)

    def _not_read(self, connection: Connection, session: CpeSession, request: HttpRequest, error: BadEnvelope) -> None:
        if not (session.contact.quirks.short_content_length and connection.wait_for_rest()):
            session.garbled(TOO_SHORT if cut_short(request) else str(error))

    def _take(self, connection: Connection, session: CpeSession, request: HttpRequest, envelope: Envelope) -> None:
        """A message of a CPE in its session."""
        message = envelope.message
        if isinstance(message, Inform):
            self._in_turn(connection, request, partial(self._informed, connection, request, envelope, message))
        else:
            session.posted(envelope.id, envelope)

    def _from_stranger(self, connection: Connection, request: HttpRequest, shown: Shown) -> None:
        """Somebody shows something, on a connection without a session."""
        if not request.body:
            self._resume(connection, request, shown, None)
            return
        self._read_from_stranger(connection, request, shown)
        heavy = len(request.body) // HEAVY
        if heavy and not connection.proved:
            self.refusals.costly(shown.address, heavy)

    def _read_from_stranger(self, connection: Connection, request: HttpRequest, shown: Shown) -> None:
        try:
            envelope = _read(request)
        except BadEnvelope:
            if not connection.wait_for_rest():
                self.refusals.stranger("protocol", connection.address)
                connection.answer(400, close=True)
            return
        if isinstance(envelope.message, Inform):
            self._informed(connection, request, envelope, envelope.message)
        else:
            self._resume(connection, request, shown, envelope)

    def _resume(self, connection: Connection, request: HttpRequest, shown: Shown, envelope: Envelope | None) -> None:
        """A post that must belong to a session over another connection: by its cookie, or by who signs in. The cookie
        alone is no proof. A CPE that has closed its connection may repeat the sign-in of its session."""
        stale = False
        for session in self.sessions.meant_by(request, shown):
            again = shown if session.connected else replace(shown, again=session.response)
            outcome = self._desk.doorkeeper.judge(session.known, session.contact.device, again, self._loop.time())
            if isinstance(outcome, SignedIn):
                self._prove(connection, outcome)
                session.moved(connection)
                if envelope is None:
                    session.emptied()
                else:
                    session.posted(envelope.id, envelope)
                return
            stale = stale or outcome.why == "stale"
        if stale:
            self._challenge(connection, shown, stale=True)
            return
        self._desk.doorkeeper.judge(None, _NOBODY, shown, self._loop.time())
        self.refusals.stranger("no session", connection.address)
        self._challenge(connection, shown, close=True)

    # --- Informs -----------------------------------------------------------------------------------------------------

    def _informed(self, connection: Connection, request: HttpRequest, envelope: Envelope, inform: Inform) -> None:
        desk, shown = self._desk, _shown(connection, request)
        if not shown.something:
            self._challenge(connection, shown)
            return
        known = desk.directory.by_device(inform.device.key)
        outcome = desk.doorkeeper.judge(known, inform.device, shown, self._loop.time())
        if isinstance(outcome, SignedIn):
            assert known is not None
            self._welcome(connection, envelope, inform, known, outcome)
        elif outcome.why == "stale":
            self._challenge(connection, shown, stale=True)
        else:
            self._turn_down(connection, shown, inform.device.key, known, outcome)

    def _turn_down(
        self, connection: Connection, shown: Shown, key: str, known: KnownCpe | None, outcome: NotSignedIn
    ) -> None:
        """The same answer whether the device is unknown or the password wrong."""
        self.refusals.device(outcome.why, key, shown, known)
        self._challenge(connection, shown, close=shown.authorization is not None)

    def _welcome(
        self, connection: Connection, envelope: Envelope, inform: Inform, known: KnownCpe, outcome: SignedIn
    ) -> None:
        """A device of the inventory that proved who it is: a session, in place of any older one of it."""
        desk = self._desk
        sighting = sighting_of(
            inform,
            namespace=envelope.namespace,
            address=connection.address,
            identity=outcome.identity,
            known=known,
            now=desk.clock.now(),
        )
        quirks = desk.quirks_of(inform.device, sighting.software or known.software)
        if connection.lengthened and not quirks.short_content_length:
            self.refusals.record("protocol", known.device_key, connection.address, known)
            connection.answer(400, close=True)
            return
        contact = Contact(
            router_id=known.router_id,
            device=inform.device,
            root=sighting.root,
            namespace=envelope.namespace,
            identity=outcome.identity,
            quirks=quirks,
            inform=inform,
        )
        self._prove(connection, outcome)
        self.sessions.begin(connection, envelope.id, known, contact, sighting)

    def _prove(self, connection: Connection, outcome: SignedIn) -> None:
        """Somebody has signed in on it: it is no stranger's any more."""
        connection.response = outcome.response
        if not connection.proved:
            connection.proved = True
            self._strangers.drop(connection.address)
            connection.roomy()

    # --- refusals ----------------------------------------------------------------------------------------------------

    def _challenge(self, connection: Connection, shown: Shown, *, stale: bool = False, close: bool = False) -> None:
        fields = self._desk.doorkeeper.challenge(shown, self._loop.time(), stale=stale)
        connection.answer(401, fields, close=close or connection.served >= MOST_CHALLENGES)

    def _overloaded(self) -> bool:
        return len(self.sessions) >= self.limits.sessions or self.late > self.limits.late_seconds

    def _busy(self, connection: Connection) -> None:
        connection.answer(503, (self._retry(),), close=True)

    def _retry(self) -> tuple[str, str]:
        least = self.limits.retry_seconds
        return ("Retry-After", str(least + random.randrange(least + 1)))  # noqa: S311  # spreads load, no secret

    # --- from time to time -------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Cut what takes too long. Called about once a second."""
        now = self._loop.time()
        for connection in [one for one in self.connections if one.deadline <= now]:
            connection.expired()
        self.sessions.sweep(now)
        self.refusals.sweep(now)

    async def stop(self) -> None:
        """Cut everybody, and wait for what was being done."""
        for connection in list(self.connections):
            connection.abort()
        await self.sessions.stop()


def _shown(connection: Connection, request: HttpRequest) -> Shown:
    return Shown(
        address=connection.address,
        tls=connection.tls,
        names=connection.names,
        authorization=request.header("authorization"),
        method=request.method,
        target=request.target,
        again=connection.response,
    )


def _read(request: HttpRequest) -> Envelope:
    return decode(request.body, content_type=request.header("content-type") or "", sender="cpe")

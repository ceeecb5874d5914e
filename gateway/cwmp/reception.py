"""Who calls, and whether there is room: from an HTTP request to the session that it belongs to, or to a refusal.

The order matters. Room first (503, nothing is made). Then a sign-in of any kind (401 before a body is judged). Then the
body, bounded; then whether it is who it says. Only then is there a session, one for each device, and a newer one takes
the place of an older. Counterparts: `gateway.cwmp.connections` brings requests, `gateway.cwmp.sessions` goes on.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import structlog

from audit.errors import AuditError
from config.clock import Clock
from drivers.cwmp.codec.envelope import Envelope, decode
from drivers.cwmp.device import DeviceId
from drivers.cwmp.known import CpeDirectory, KnownCpe, Sighting
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Inform
from drivers.cwmp.paths import ROOTS, TR181
from drivers.cwmp.quirks import Quirks
from drivers.cwmp.wire.cookies import new_session_id, session_ids, set_cookie
from drivers.cwmp.wire.http import HttpRequest, cut_short
from drivers.errors import BadEnvelope, BadHttp
from gateway.cwmp.connections import Connection
from gateway.cwmp.happenings import Happenings
from gateway.cwmp.limits import Counts, Folded, Limits, Rationed, Tries
from gateway.cwmp.recording import CpeJournal
from gateway.cwmp.responder import Responder
from gateway.cwmp.seen import SeenDevices
from gateway.cwmp.sessions import CpeSession
from gateway.cwmp.sign_in import Doorkeeper, NotSignedIn, Shown, SignedIn, certificate_names, user_of
from gateway.session.cpes import Turned

log = structlog.get_logger(__name__)

MOST_CHALLENGES: Final = 4
"""Requests on one connection without a right sign-in; then it is closed."""
HEAVY: Final = 8192
"""Bytes of a post. So many more of somebody who proves nothing count as one failure more: reading them is work."""
MOST_ROOMY: Final = 16
"""Connections from one address on which nobody has signed in and that may yet post long answers."""
MOST_CANDIDATES: Final = 8
"""Sessions of CPEs behind one address with one user name that a post without a cookie is tried for."""
READ_ASIDE: Final = 256 * 1024
"""Bytes of a body beyond which it is read in a thread: 8 MiB may take a second."""

INFORMS_PER_MINUTE: Final = 30
"""Of one router, that are recorded each; a router that says more is broken, and the next entry counts the others."""

TOO_SHORT: Final = (
    "The envelope is longer than its Content-Length; quirk short_content_length, if that counts characters."
)
_PLAIN_EVENTS: Final = frozenset({"2 PERIODIC", "6 CONNECTION REQUEST"})
_NOBODY: Final = DeviceId(oui="000000", product_class="", serial="0")


@dataclass(frozen=True, slots=True)
class _Refused:
    """Under which refusals are folded into one record."""

    why: str
    device: str
    address: str
    cpe: KnownCpe | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the reception works with."""

    directory: CpeDirectory
    journal: CpeJournal
    happenings: Happenings
    doorkeeper: Doorkeeper
    responder: Responder
    seen: SeenDevices
    clock: Clock
    quirks_of: Callable[[DeviceId, str], Quirks]
    """By device and software version."""
    limits: Limits = field(default_factory=Limits)
    record_informs: Literal["events", "all"] = "events"


class Reception:
    """One for all listeners of a gateway. Owner of connections, keeper of sessions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.limits = desk.limits
        self.responder = desk.responder
        self.happenings = desk.happenings
        self.late = 0.0
        """How late the event loop ran when it was last measured, in seconds."""
        self.connections: set[Connection] = set()
        self._strangers: Counts[str] = Counts()
        self._sessions: dict[str, CpeSession] = {}
        self._addresses: Counts[str] = Counts()
        """Of open sessions."""
        self._by_cookie: dict[str, CpeSession] = {}
        self._folded: Folded[_Refused] = Folded(_Refused("many", "", ""))
        self._broke: Folded[tuple[str, str]] = Folded(("many", ""))
        self._tries: Tries[tuple[str, str]] = Tries(desk.limits.failures_per_minute)
        self._tries_of_address: Tries[str] = Tries(desk.limits.failures_per_address)
        self._tasks: set[asyncio.Task[None]] = set()
        self.turned_away: dict[str, Turned] = {}
        """Of routers of the inventory, the last time that somebody failed to prove to be it."""
        self._informs = Rationed[str](INFORMS_PER_MINUTE)
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return len(self._sessions)

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
        return self._addresses[connection.address] > 0 and self._strangers[connection.address] <= MOST_ROOMY

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if not connection.proved:
            self._strangers.drop(connection.address)
        session = connection.session
        if session is not None:
            session.disconnected(connection)

    def broken(self, connection: Connection, error: BadHttp) -> None:
        session: CpeSession | None = connection.session
        try:
            if session is None:
                self._tries_of_address.failed(connection.address, self._loop.time())
                self._refuse("protocol", "", connection.address, None)
            else:
                self.violated(session, str(error))
        except AuditError as failed:
            log.warning("cpe_not_recorded", error_type=type(failed).__name__)
        if session is not None:
            session.replaced(connection)

    def asked(self, connection: Connection, request: HttpRequest) -> None:
        try:
            self._asked(connection, request)
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
            self._from_stranger(connection, request, shown)

    def _go_on(self, connection: Connection, session: CpeSession, request: HttpRequest) -> None:
        """The next post on the connection of a session."""
        if not request.body:
            session.emptied()
        elif len(request.body) > READ_ASIDE:
            self.run(self._go_on_aside(connection, session, request))
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
        if isinstance(envelope.message, Inform):
            self._informed(connection, request, envelope, envelope.message)
        else:
            session.posted(envelope.id, envelope)

    def _from_stranger(self, connection: Connection, request: HttpRequest, shown: Shown) -> None:
        """Somebody shows something, on a connection without a session."""
        if self._tries_of_address.blocked(shown.address, self._loop.time()):
            self._busy(connection)
            return
        if not request.body:
            self._resume(connection, request, shown, None)
            return
        self._read_from_stranger(connection, request, shown)
        heavy = len(request.body) // HEAVY
        if heavy and not connection.proved:
            self._tries_of_address.failed(shown.address, self._loop.time(), heavy)

    def _read_from_stranger(self, connection: Connection, request: HttpRequest, shown: Shown) -> None:
        try:
            envelope = _read(request)
        except BadEnvelope:
            if not connection.wait_for_rest():
                self._tries_of_address.failed(shown.address, self._loop.time())
                self._refuse("protocol", "", connection.address, None)
                connection.answer(400, close=True)
            return
        if isinstance(envelope.message, Inform):
            self._informed(connection, request, envelope, envelope.message)
        else:
            self._resume(connection, request, shown, envelope)

    def _resume(self, connection: Connection, request: HttpRequest, shown: Shown, envelope: Envelope | None) -> None:
        """A post that must belong to a session over another connection: by its cookie, or by who signs in. The cookie
        alone is no proof."""
        now = self._desk.clock.now().timestamp()
        stale = False
        for session in self._candidates(request, shown):
            outcome = self._desk.doorkeeper.judge(session.known, session.contact.device, shown, now)
            if isinstance(outcome, SignedIn):
                self._prove(connection)
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
        self._desk.doorkeeper.judge(None, _NOBODY, shown, now)
        self._tries_of_address.failed(shown.address, self._loop.time())
        self._refuse("no session", "", connection.address, None)
        self._challenge(connection, shown, close=True)

    def _candidates(self, request: HttpRequest, shown: Shown) -> list[CpeSession]:
        by_cookie = [self._by_cookie.get(id_) for id_ in session_ids(request.all("cookie"))]
        found = [session for session in by_cookie if session is not None]
        if found:
            return found[:1]
        if not self._addresses[shown.address]:
            return []
        user = user_of(shown.authorization)
        return [
            session
            for session in self._sessions.values()
            if session.address == shown.address
            and (
                (user and session.known.user == user)
                or shown.names & certificate_names(session.known, session.contact.device)
            )
        ][:MOST_CANDIDATES]

    # --- Informs -----------------------------------------------------------------------------------------------------

    def _informed(self, connection: Connection, request: HttpRequest, envelope: Envelope, inform: Inform) -> None:
        desk, shown = self._desk, _shown(connection, request)
        if not shown.something:
            self._challenge(connection, shown)
            return
        key = inform.device.key
        now = self._loop.time()
        if self._tries.blocked((shown.address, key), now):
            self._refuse("too many", key, shown.address, None)
            self._busy(connection)
            return
        known = desk.directory.by_device(key)
        outcome = desk.doorkeeper.judge(known, inform.device, shown, desk.clock.now().timestamp())
        if isinstance(outcome, NotSignedIn):
            self._turn_down(connection, shown, key, known, outcome)
            return
        assert known is not None
        self._begin(connection, envelope, inform, known, outcome)

    def _turn_down(
        self, connection: Connection, shown: Shown, key: str, known: KnownCpe | None, outcome: NotSignedIn
    ) -> None:
        """The same answer whether the device is unknown or the password wrong."""
        if outcome.why == "stale":
            self._challenge(connection, shown, stale=True)
            return
        now = self._loop.time()
        self._tries.failed((shown.address, key), now)
        self._tries_of_address.failed(shown.address, now)
        if known is None:
            user = user_of(shown.authorization)
            self._desk.seen.note(key, shown.address, user, self._desk.clock.now(), certificate=bool(shown.names))
        self._refuse(outcome.why, key, shown.address, known)
        self._challenge(connection, shown, close=shown.authorization is not None)

    def _begin(
        self, connection: Connection, envelope: Envelope, inform: Inform, known: KnownCpe, outcome: SignedIn
    ) -> None:
        """A device of the inventory that proved who it is: a session, in place of any older one of it."""
        desk = self._desk
        sighting = sighting_of(inform, envelope.namespace, connection.address, outcome, known, desk.clock)
        quirks = desk.quirks_of(inform.device, sighting.software or known.software)
        if connection.lengthened and not quirks.short_content_length:
            self._refuse("protocol", known.device_key, connection.address, known)
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
        codes = [event.code for event in inform.events]
        unrecorded = self._unrecorded(known.router_id, codes, self._loop.time())
        if unrecorded is not None:
            desk.journal.inform(
                known,
                identity=outcome.identity,
                address=connection.address,
                events=codes,
                retries=inform.retry_count,
                unrecorded=unrecorded,
            )
        self._take_over(connection, known.router_id)
        desk.directory.informed(known.router_id, sighting)
        cookie = new_session_id()
        ties = (desk.happenings.tied(known.router_id, event.command_key) for event in inform.events)
        session = CpeSession(
            self,
            contact,
            known,
            connection,
            cookie_id=cookie,
            cookie=set_cookie(cookie, secure=connection.tls),
            tied=next((tie for tie in ties if tie), None),
        )
        self._sessions[known.router_id] = self._by_cookie[cookie] = session
        self._addresses.add(session.address)
        connection.session = session
        self._prove(connection)
        session.begin(envelope.id, inform)

    def _take_over(self, connection: Connection, router_id: str) -> None:
        """End what the device, or somebody else on this connection, had open."""
        other: CpeSession | None = connection.session
        for old in (self._sessions.get(router_id), other):
            if old is not None:
                old.replaced(connection)
        connection.session = None

    def _prove(self, connection: Connection) -> None:
        """Somebody has signed in on it: it is no stranger's any more."""
        if not connection.proved:
            connection.proved = True
            self._strangers.drop(connection.address)
            connection.roomy()

    # --- refusals ----------------------------------------------------------------------------------------------------

    def _challenge(self, connection: Connection, shown: Shown, *, stale: bool = False, close: bool = False) -> None:
        fields = self._desk.doorkeeper.challenge(shown, self._desk.clock.now().timestamp(), stale=stale)
        connection.answer(401, fields, close=close or connection.served >= MOST_CHALLENGES)

    def _overloaded(self) -> bool:
        return len(self._sessions) >= self.limits.sessions or self.late > self.limits.late_seconds

    def _busy(self, connection: Connection) -> None:
        connection.answer(503, (self._retry(),), close=True)

    def _retry(self) -> tuple[str, str]:
        least = self.limits.retry_seconds
        return ("Retry-After", str(least + random.randrange(least + 1)))  # noqa: S311  # spreads load, no secret

    def _refuse(self, why: str, device: str, address: str, known: KnownCpe | None) -> None:
        """On record, folded; while nothing can be recorded, a stranger is refused all the same."""
        if known is not None:
            self.turned_away[known.router_id] = Turned(self._desk.clock.now(), why)
        if self._folded.take(_Refused(why, device, address, known), self._loop.time()):
            self._desk.journal.refused(why, device=device, address=address, cpe=known)

    # --- keeper of sessions ------------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def violated(self, session: CpeSession, what: str) -> None:
        if self._broke.take((session.known.router_id, what), self._loop.time()):
            self._desk.journal.violation(what, address=session.address, cpe=session.known)

    def ended(self, session: CpeSession) -> None:
        if self._sessions.get(session.known.router_id) is session:
            del self._sessions[session.known.router_id]
        if self._by_cookie.pop(session.cookie_id, None) is not None:
            self._addresses.drop(session.address)

    # --- from time to time -------------------------------------------------------------------------------------------

    def _unrecorded(self, router_id: str, codes: Sequence[str], now: float) -> int | None:
        """Whether an Inform is recorded: how many of the router's were not, since the last entry; None: it is not."""
        if self._desk.record_informs == "all":
            return 0
        return None if _PLAIN_EVENTS.issuperset(codes) else self._informs.take(router_id, now)

    def in_session(self, router_id: str) -> bool:
        """Whether a CPE of the inventory has a session open."""
        return router_id in self._sessions

    def sweep(self) -> None:
        """Cut what takes too long. Called about once a second."""
        now = self._loop.time()
        for connection in [one for one in self.connections if one.deadline <= now]:
            connection.expired()
        for session in [one for one in self._sessions.values() if one.deadline <= now]:
            session.end("The router did not go on with its session in time.")
        self._broke.due(now)
        for refused, count in self._folded.due(now):
            self._desk.journal.refused(
                refused.why, device=refused.device, address=refused.address, cpe=refused.cpe, count=count
            )

    async def stop(self) -> None:
        """Cut everybody, and wait for what was being done."""
        for session in list(self._sessions.values()):
            session.cut()
        for connection in list(self.connections):
            connection.abort()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _shown(connection: Connection, request: HttpRequest) -> Shown:
    return Shown(
        address=connection.address,
        tls=connection.tls,
        names=connection.names,
        authorization=request.header("authorization"),
        method=request.method,
        target=request.target,
    )


def _read(request: HttpRequest) -> Envelope:
    return decode(request.body, content_type=request.header("content-type") or "", sender="cpe")


def sighting_of(
    inform: Inform, namespace: str, address: str, outcome: SignedIn, known: KnownCpe, clock: Clock
) -> Sighting:
    """What an Inform shows of a CPE, from its forced parameters."""
    root = next((root for one in inform.parameters for root in ROOTS if one.name.startswith(root)), "")
    root = root or known.root or TR181
    wanted = {
        f"{root}DeviceInfo.SoftwareVersion": "software",
        f"{root}ManagementServer.ConnectionRequestURL": "cr_url",
        f"{root}ManagementServer.PeriodicInformInterval": "interval",
    }
    found = {wanted[one.name]: one.value.strip() for one in inform.parameters if one.name in wanted}
    interval = found.get("interval", "")
    return Sighting(
        at=clock.now(),
        address=address,
        identity=outcome.identity,
        root=root,
        namespace=namespace,
        software=found.get("software", "")[:64],
        cr_url=found.get("cr_url", "")[:256],
        inform_seconds=int(interval) if interval.isascii() and interval.isdigit() and len(interval) < 9 else None,
    )

"""The open sessions of all CPEs: one for each device, a newer one in place of an older. Keeper of `CpeSession`s.

Who it is was settled before. Counterparts: `gateway.cwmp.reception` settles it, `gateway.cwmp.sessions` are what is
kept here, `gateway.cwmp.listener` looks at their deadlines.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from drivers.cwmp.known import KnownCpe, Sighting
from drivers.cwmp.link import Contact
from drivers.cwmp.wire.cookies import new_session_id, session_ids, set_cookie
from drivers.cwmp.wire.http import HttpRequest
from gateway.cwmp.connections import Connection
from gateway.cwmp.desk import Desk
from gateway.cwmp.limits import Counts, Folded, Rationed
from gateway.cwmp.sessions import CpeSession
from gateway.cwmp.sign_in import Shown, certificate_names, user_of

MOST_CANDIDATES: Final = 8
"""Sessions of CPEs behind one address with one user name that a post without a cookie is tried for."""
INFORMS_PER_MINUTE: Final = 30
"""Of one router, that are recorded each; a router that says more is broken, and the next entry counts the others."""
_PLAIN_EVENTS: Final = frozenset({"2 PERIODIC", "6 CONNECTION REQUEST"})


class OpenSessions:
    """One for all listeners of a gateway."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.limits = desk.limits
        self.responder = desk.responder
        self.happenings = desk.happenings
        self._by_router: dict[str, CpeSession] = {}
        self._by_cookie: dict[str, CpeSession] = {}
        self._addresses: Counts[str] = Counts()
        self._informs = Rationed[str](INFORMS_PER_MINUTE)
        self._broke: Folded[tuple[str, str]] = Folded(("many", ""))
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return len(self._by_router)

    def of(self, router_id: str) -> CpeSession | None:
        """The open session of a CPE of the inventory."""
        return self._by_router.get(router_id)

    def any_from(self, address: str) -> bool:
        """Whether a CPE with an open session calls from there."""
        return self._addresses[address] > 0

    def meant_by(self, request: HttpRequest, shown: Shown) -> list[CpeSession]:
        """Those that a post over a new connection may belong to: by its cookie, else by who says to send it."""
        by_cookie = [self._by_cookie.get(id_) for id_ in session_ids(request.all("cookie"))]
        found = [session for session in by_cookie if session is not None]
        if found:
            return found[:1]
        if not self.any_from(shown.address):
            return []
        user = user_of(shown.authorization)
        return [
            session
            for session in self._by_router.values()
            if session.address == shown.address
            and (
                (user and session.known.user == user)
                or shown.names & certificate_names(session.known, session.contact.device)
            )
        ][:MOST_CANDIDATES]

    # --- beginning and end -------------------------------------------------------------------------------------------

    def begin(
        self, connection: Connection, id_: str | None, known: KnownCpe, contact: Contact, sighting: Sighting
    ) -> None:
        """The session of a device that proved who it is. Raises `RecordFailed`, and there is none then."""
        desk, inform, router_id = self._desk, contact.inform, known.router_id
        codes = [event.code for event in inform.events]
        unrecorded = self._unrecorded(router_id, codes)
        if unrecorded is not None:
            desk.journal.inform(
                known,
                identity=contact.identity,
                address=connection.address,
                events=codes,
                retries=inform.retry_count,
                unrecorded=unrecorded,
            )
        self._take_over(connection, router_id)
        desk.directory.informed(router_id, sighting)
        cookie = new_session_id()
        ties = (desk.happenings.tied(router_id, event.command_key) for event in inform.events)
        session = CpeSession(
            self,
            contact,
            known,
            connection,
            cookie_id=cookie,
            cookie=set_cookie(cookie, secure=connection.tls),
            tied=next((tie for tie in ties if tie), None),
        )
        self._by_router[router_id] = self._by_cookie[cookie] = session
        self._addresses.add(session.address)
        connection.session = session
        session.begin(id_, inform)

    def _unrecorded(self, router_id: str, codes: Sequence[str]) -> int | None:
        """Whether an Inform is recorded: how many of the router's were not, since the last entry; None: it is not."""
        if self._desk.record_informs == "all":
            return 0
        return None if _PLAIN_EVENTS.issuperset(codes) else self._informs.take(router_id, self._loop.time())

    def _take_over(self, connection: Connection, router_id: str) -> None:
        """End what the device, or somebody else on this connection, had open."""
        other: CpeSession | None = connection.session
        for old in (self._by_router.get(router_id), other):
            if old is not None:
                old.replaced(connection)
        connection.session = None

    def cut(self, router_id: str, why: str) -> None:
        """End the session of a CPE, if it has one, and cut its connection."""
        session = self._by_router.get(router_id)
        if session is not None:
            session.end(why)

    # --- `gateway.cwmp.sessions.Keeper` ------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def violated(self, session: CpeSession, what: str) -> None:
        if self._broke.take((session.known.router_id, what), self._loop.time()):
            self._desk.journal.violation(what, address=session.address, cpe=session.known)

    def ended(self, session: CpeSession) -> None:
        if self._by_router.get(session.known.router_id) is session:
            del self._by_router[session.known.router_id]
        if self._by_cookie.pop(session.cookie_id, None) is not None:
            self._addresses.drop(session.address)

    # --- from time to time -------------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        for session in [one for one in self._by_router.values() if one.deadline <= now]:
            session.end("The router did not go on with its session in time.")
        self._broke.due(now)

    async def stop(self) -> None:
        """Cut all of them, and wait for what was being done."""
        for session in list(self._by_router.values()):
            session.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""What the gateway itself has to tell a CPE, in any mode: undo what a session left, take new credentials.

Each RPC is recorded first, under no consent. Counterparts: `gateway.cwmp.leftovers`, `gateway.cwmp.credentials`.
"""

from dataclasses import dataclass

import structlog

from audit.entry import Json
from audit.rpc import NewRpc, RpcPurpose
from config.ids import new_id
from drivers.cwmp.codec.envelope import Envelope, encode, method_of
from drivers.cwmp.known import CpeDirectory
from drivers.cwmp.leftovers import undo_requests
from drivers.cwmp.link import RpcJournal
from drivers.cwmp.messages import Answer, Fault, Request, SetParameterValues
from gateway.cwmp.credentials import Rotation, fresh, request_for
from gateway.cwmp.leftovers import Left, OwedByCpes
from gateway.cwmp.responder import CpeTurn

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """One for all CPEs."""

    directory: CpeDirectory
    rpcs: RpcJournal
    owed: OwedByCpes
    rotation: Rotation
    sets_credentials: bool = True
    """Whether Connection Requests are ours: not where the provider's own ACS sends them."""

    def due(self, turn: CpeTurn) -> bool:
        """Whether there is anything; asked at every turn."""
        return self._rotates(turn) or bool(self.owed.due(turn.known.router_id))

    async def run(self, turn: CpeTurn) -> None:
        """First what must not be left, then what wakes it next time. Raises `RouterUnreachable`, `RecordFailed`."""
        for left in self.owed.due(turn.known.router_id):
            await self._undo(turn, left)
        if self._rotates(turn):
            await self._set_credentials(turn)

    def _rotates(self, turn: CpeTurn) -> bool:
        return self.sets_credentials and self.rotation.due(turn.known, turn.contact)

    async def _undo(self, turn: CpeTurn, left: Left) -> None:
        """A fault says that it was over already; it is not tried for ever."""
        for request in undo_requests([left.leftover]):
            answer = await self._send(turn, request, "undo", session=left.session)
            if isinstance(answer, Fault):
                log.warning("leftover_not_undone", session=left.session, code=answer.code)
        await self.owed.forget(turn.known.router_id, left.session, left.leftover)

    async def _set_credentials(self, turn: CpeTurn) -> None:
        """In the inventory first: a password that only the CPE knows would be lost, one that only we know is sent
        again."""
        router_id = turn.known.router_id
        made = fresh()
        self.rotation.again(router_id)
        await self.directory.set_connection_request(router_id, made.user, made.password)
        answer = await self._send(turn, request_for(turn.contact, made), "machine")
        if isinstance(answer, Fault):
            log.warning("connection_request_credentials_refused", code=answer.code)
            self.rotation.refused(router_id)
        else:
            self.rotation.confirmed(router_id)

    async def _send(
        self, turn: CpeTurn, request: Request, purpose: RpcPurpose, *, session: str | None = None
    ) -> Answer:
        """Record, send, record the answer."""
        rpc_id = new_id()
        recorded = await self.rpcs.record(
            NewRpc(
                rpc_id=rpc_id,
                method=method_of(request),
                wire=encode(Envelope(rpc_id, turn.contact.namespace, request), quirks=turn.contact.quirks),
                purpose=purpose,
                subscriber=turn.known.subscriber_ref,
                session=session,
                kept={"names": names_in(request)},
            )
        )
        answer = await turn.call(recorded)
        await self.rpcs.answered(recorded, {"fault": answer.code} if isinstance(answer, Fault) else {}, {})
        return answer


def names_in(request: Request) -> list[Json]:
    """Which parameters, objects or transfers an RPC is about; never a value."""
    if isinstance(request, SetParameterValues):
        return [one.name for one in request.values]
    for attribute in ("names", "path", "command_key"):
        found = getattr(request, attribute, None)
        if isinstance(found, tuple):
            return list(found)
        if isinstance(found, str):
            return [found]
    return [one.name for one in getattr(request, "attributes", ())]

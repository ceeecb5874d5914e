"""One CPE's session in mediator mode: what the provider's ACS asks is judged, recorded, and said anew.

No byte of the ACS reaches the CPE, and none of the CPE's the ACS: both get what was understood, under IDs of their own.
A refused RPC is answered to the ACS and never sent. Meanwhile a rep's console may use the same CPE; it goes first, and
goes on alone when the ACS is lost. Counterparts: `gateway.cwmp.mediator`, `gateway.cwmp.upstream`,
`gateway.cwmp.provider` (what the ACS may do).
"""

import asyncio
import random
from dataclasses import dataclass
from typing import Final, get_args

import structlog

from audit.entry import Json
from audit.rpc import NewRpc, RecordedRpc
from config.ids import new_id
from drivers.cwmp.codec.envelope import Envelope, encode, method_of
from drivers.cwmp.faults import denied_to_acs
from drivers.cwmp.hub import CpeHub
from drivers.cwmp.known import CpeDirectory
from drivers.cwmp.link import RpcJournal
from drivers.cwmp.messages import (
    Answer,
    CpeRequest,
    Done,
    Fault,
    Inform,
    Names,
    OtherRpc,
    Request,
    TransferComplete,
    Values,
)
from drivers.errors import BadEnvelope
from gateway.cwmp.acs_words import INTERNAL, RETRY, TOLD, UNKNOWN, read, reply_to
from gateway.cwmp.provider import Provider, answer_entry, wake_credentials
from gateway.cwmp.recording import CpeJournal
from gateway.cwmp.responder import Busy, ComeAgain, CpeTurn, Reply
from gateway.cwmp.shared_turn import SharedTurn
from gateway.cwmp.upkeep import Upkeep
from gateway.cwmp.upstream import Upstream, UpstreamAcs, UpstreamAnswer
from gateway.cwmp.upstream_wire import UpstreamLost
from gateway.policy.cwmp.machine import Filtered, MachineAllow, MachineDeny

log = structlog.get_logger(__name__)

MOST_REFUSED: Final = 100
"""RPCs in a row that the profile refuses; an ACS that goes on is stopped for this session."""
MOST_RPCS: Final = 20_000
"""Of the ACS in one session."""
HEAVY: Final = 2000
"""Names in an answer that take more than some milliseconds to judge."""
LOOK_SECONDS: Final = 0.25
"""How often it is looked whether a console came, while the ACS thinks."""
_REQUESTS: Final = (*get_args(Request), OtherRpc)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayParts:
    """What all sessions work with."""

    acs: UpstreamAcs
    provider: Provider
    hub: CpeHub
    upkeep: Upkeep
    directory: CpeDirectory
    rpcs: RpcJournal
    journal: CpeJournal
    retry_seconds: int = 30
    """Least Retry-After for a CPE whose ACS is away; up to as much again is added at random."""


class Relay:
    """One CPE session and the ACS's session that goes with it."""

    def __init__(self, parts: RelayParts, turn: CpeTurn) -> None:
        self._parts = parts
        self._turn = turn
        self._upstream: Upstream | None = Upstream(parts.acs, turn.known.user, turn.known.password)
        self._shared = SharedTurn(turn)
        self._lending: asyncio.Task[None] | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._turned = False
        self._lost = False
        self._refused = 0
        self._session = new_id()
        self._asked = 0
        """RPCs of the ACS that were recorded; with `_session` the IDs that the CPE gets to see."""

    # --- what the CPE says -------------------------------------------------------------------------------------------

    async def inform(self, inform: Inform) -> Reply:
        """Tell the ACS of the contact."""
        return await self._told(self._parts.provider.announced(inform), "Inform")

    async def request(self, request: TransferComplete | CpeRequest) -> Reply:
        """Tell the ACS what the CPE reports or asks; not while the ACS itself has the word."""
        if self._turned or self._upstream is None:
            return RETRY
        if isinstance(request, CpeRequest) and request.method not in TOLD:
            return UNKNOWN
        return await self._told(request, method_of(request))

    async def _told(self, message: Inform | TransferComplete | CpeRequest, method: str) -> Reply:
        try:
            said = await self._post(encode(Envelope(new_id(), self._turn.contact.namespace, message)))
            return reply_to(read(said), method)
        except UpstreamLost as lost:
            await self._lose(lost)
        # A rep who waits goes on alone. The session is still failed at its end, so that the CPE reports to the ACS.
        if not self._parts.hub.wanted(self._turn.contact):
            return Busy(self._retry())
        return Done("Inform") if method == "Inform" else RETRY

    # --- what the CPE is told ----------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """What must not be left, then what the ACS asks until it has nothing more. Consoles come in between, and stay.

        Raises `RouterUnreachable` when the CPE is gone, `ComeAgain` when the ACS was lost: a session that ends well
        would make the CPE forget what it has to report.
        """
        self._turned = True
        try:
            await self._parts.upkeep.run(self._turn)
            await self._relay()
            await self._lend_to_the_end()
        except BaseException:
            if self._lending is not None:
                self._lending.cancel()
            raise
        finally:
            self.close()
        if self._lost:
            raise ComeAgain("The provider's ACS was lost, so the CPE's session ends as failed.", self._retry())

    def _retry(self) -> int:
        """Spread, so that they do not all come back at once when the ACS does."""
        return self._parts.retry_seconds + random.randrange(self._parts.retry_seconds + 1)  # noqa: S311  # no secret

    def close(self) -> None:
        """End the session with the ACS. Safe to call twice."""
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.close()

    async def _relay(self) -> None:
        """Until the ACS says that it has nothing more, or is lost. It may have been lost at the Inform."""
        if self._upstream is None:
            return
        try:
            await self._converse()
        except UpstreamLost as lost:
            await self._lose(lost)
        finally:
            self.close()

    async def _converse(self) -> None:
        """A console that comes meanwhile need not wait for the ACS's next word."""
        self._look()
        try:
            said = await self._post(b"")
            for _ in range(MOST_RPCS):
                if not said.body:
                    return
                said = await self._post(await self._carried_out(read(said)))
            raise UpstreamLost("endless", "The ACS asks for more than belongs into one session.")
        finally:
            if self._looking is not None:
                self._looking.cancel()

    async def _carried_out(self, asked: Envelope) -> bytes:
        """The envelope that answers one request of the ACS."""
        request, namespace = asked.message, self._turn.contact.namespace
        if not isinstance(request, _REQUESTS):
            raise UpstreamLost("garbage", f"The ACS said {method_of(request)} where it may only ask.")
        try:
            return encode(Envelope(asked.id, namespace, await self._judged(request)))
        except BadEnvelope as error:
            log.warning("relay_cannot_write", error=str(error))
            return encode(Envelope(asked.id, namespace, INTERNAL))

    async def _judged(self, request: Request | OtherRpc) -> Answer:
        verdict = self._parts.provider.judge(request)
        if isinstance(verdict, MachineDeny):
            return await self._refusal(request, verdict)
        self._refused = 0
        if isinstance(request, OtherRpc):
            return INTERNAL  # no profile can allow what cannot be written anew
        return await self._granted(request, verdict)

    async def _refusal(self, request: Request | OtherRpc, verdict: MachineDeny) -> Answer:
        """On record before the ACS hears of it."""
        self._refused += 1
        if self._refused > MOST_REFUSED:
            raise UpstreamLost("endless", "The ACS does not stop asking for what it is refused.")
        kept = self._parts.provider.kept(request)
        await self._parts.journal.blocked(
            self._turn.known, method=method_of(request), rule=verdict.rule_id, detail=kept
        )
        return Names(()) if verdict.unseen else denied_to_acs(verdict.reason)

    async def _granted(self, request: Request, verdict: MachineAllow) -> Answer:
        """Recorded, sent, its answer filtered and recorded."""
        recorded = await self._recorded(request, verdict)
        router_id, known = self._turn.known.router_id, self._turn.known
        present = self._parts.directory.by_router(router_id) or known
        fresh = wake_credentials(request, present)
        if fresh is not None:
            await self._parts.directory.set_connection_request(router_id, *fresh)
        self._lend_if_wanted()
        answer = await self._shared.call_behind(recorded)
        if fresh is not None and isinstance(answer, Fault):
            await self._parts.directory.set_connection_request(router_id, present.cr_user, present.cr_password)
        filtered = await self._told_of(answer)
        await self._parts.rpcs.answered(recorded, *answer_entry(request, answer, filtered))
        return filtered.answer

    async def _told_of(self, answer: Answer) -> Filtered:
        """An answer as the ACS may have it. One that would keep everybody waiting is looked at in a thread."""
        told = self._parts.provider.told
        heavy = isinstance(answer, Values) and len(answer.values) > HEAVY
        heavy = heavy or (isinstance(answer, Names) and len(answer.infos) > HEAVY)
        return await asyncio.to_thread(told, answer) if heavy else told(answer)

    async def _recorded(self, request: Request, verdict: MachineAllow) -> RecordedRpc:
        contact = self._turn.contact
        self._asked += 1
        rpc_id = f"{self._session}-{self._asked}"
        return await self._parts.rpcs.record(
            NewRpc(
                rpc_id=rpc_id,
                method=method_of(request),
                wire=encode(Envelope(rpc_id, contact.namespace, request), quirks=contact.quirks),
                purpose="machine",
                subscriber=self._turn.known.subscriber_ref,
                facts={"rule": verdict.rule_id},
                kept=self._parts.provider.kept(request),
            )
        )

    # --- consoles ----------------------------------------------------------------------------------------------------

    def _lend_if_wanted(self) -> None:
        idle = self._lending is None or self._lending.done()
        if idle and self._turn.alive and self._parts.hub.wanted(self._turn.contact):
            self._lending = asyncio.create_task(self._parts.hub.lend(self._shared))

    async def _lend_to_the_end(self) -> None:
        """Until no console has the session, or wants it."""
        self._lend_if_wanted()
        while self._lending is not None and not self._lending.done():
            await self._lending
            self._lend_if_wanted()

    def _look(self) -> None:
        self._lend_if_wanted()
        self._looking = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    # --- the ACS -----------------------------------------------------------------------------------------------------

    async def _post(self, body: bytes) -> UpstreamAnswer:
        if self._upstream is None:
            raise UpstreamLost("closed", "The session with the ACS is over.")
        return await self._upstream.post(body)

    async def _lose(self, lost: UpstreamLost) -> None:
        """On record, unless it is the CPE that went."""
        self.close()
        self._lost = True
        if self._turn.alive or not self._turned:
            log.warning("upstream_lost", reason=lost.why)
            detail: dict[str, Json] = {"why": lost.why, "text": str(lost)[:256]}
            await self._parts.journal.event("upstream_lost", self._turn.known, session=None, detail=detail)

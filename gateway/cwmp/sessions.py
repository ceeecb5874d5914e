"""One CPE session: the state machine tied to a connection, a mode, and whoever calls RPCs. Implements `CpeTurn`.

A session lives over several connections (HTTP/1.0 closes each time) but is answered on one at a time, and is over at
the moment a connection ends on which an answer is owed. Counterparts: `drivers.cwmp.wire.session` says what may happen,
`gateway.cwmp.open_sessions` keeps sessions, `gateway.cwmp.reception` passes posts in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol

import structlog

from audit.errors import AuditError
from audit.rpc import RecordedRpc
from config.waiting import within
from drivers.cwmp.codec.envelope import Envelope, check_answer, encode
from drivers.cwmp.known import KnownCpe
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Answer, CpeRequest, Fault, Inform, TransferComplete
from drivers.cwmp.wire.session import CwmpSession, Phase
from drivers.cwmp.wire.session_events import (
    Abandoned,
    Answered,
    Asked,
    Call,
    Effect,
    Emptied,
    Event,
    Expired,
    Finish,
    Garbled,
    Knocked,
    Lost,
    NoContent,
    Odd,
    OurTurn,
    Over,
    Posted,
    Reply,
    Respond,
    Send,
    Unsent,
    Violation,
)
from drivers.errors import BadEnvelope, RouterUnreachable
from gateway.cwmp.connections import NEVER, Connection
from gateway.cwmp.happenings import Happenings
from gateway.cwmp.limits import Limits
from gateway.cwmp.responder import Busy, ComeAgain, Responder
from gateway.cwmp.responder import Reply as Said

log = structlog.get_logger(__name__)

SOAP: Final = (("Content-Type", 'text/xml; charset="utf-8"'), ("SOAPServer", "vestibule"))
NOT_SUPPORTED: Final = Fault(8000, "Method not supported")


class Keeper(Protocol):
    """Who keeps the open sessions: `gateway.cwmp.open_sessions`."""

    limits: Limits
    responder: Responder
    happenings: Happenings

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """As a task that is cancelled when the gateway stops."""
        ...

    def violated(self, session: "CpeSession", what: str) -> None:
        """Put it on record."""
        ...

    def ended(self, session: "CpeSession") -> None:
        """Forget it."""
        ...


class _Call:
    """An RPC on its way."""

    __slots__ = ("answer", "rpc")

    def __init__(self, rpc: RecordedRpc, answer: "asyncio.Future[Answer]") -> None:
        self.rpc = rpc
        self.answer = answer


class CpeSession:
    """From an Inform of a device that proved who it is, to its 204. Made by the keeper only."""

    __slots__ = (
        "_call", "_callbacks", "_connection", "_cookie", "_keeper", "_loop", "_machine", "_sent", "_turned",
        "address", "contact", "cookie_id", "deadline", "known", "over", "response", "tied",
    )  # fmt: skip

    def __init__(
        self,
        keeper: Keeper,
        contact: Contact,
        known: KnownCpe,
        connection: Connection,
        *,
        cookie_id: str,
        cookie: str,
        tied: str | None,
    ) -> None:
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._machine = CwmpSession(answers_itself=False)
        self._connection: Connection | None = connection
        self._cookie: str | None = cookie
        """To be set with the next answer."""
        self._call: _Call | None = None
        self._sent: set[str] | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._turned = False
        self.contact = contact
        self.known = known
        self.address = connection.address
        self.response = connection.response
        """By which digest it was signed in; without a connection it may be repeated on a new one."""
        self.cookie_id = cookie_id
        self.tied = tied
        self.deadline = NEVER
        """In the loop's time: until then the CPE has to say something."""
        self.over = False

    # --- `Turn` ------------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether the CPE waits, or has an RPC to answer."""
        return not self.over

    async def call(self, rpc: RecordedRpc, *, seconds: float = 30.0) -> Answer:
        """See `Turn.call`."""
        self._check_fresh(rpc)
        call = self._call = _Call(rpc, self._loop.create_future())
        self._feed(Call(rpc.rpc_id))
        try:
            return await within(call.answer, seconds)
        except TimeoutError as error:
            why = f"The router did not answer within {seconds:.0f} s; its connection was cut."
            self._feed(Expired(why))
            raise RouterUnreachable(why) from error
        except asyncio.CancelledError:
            self.cut()
            raise
        finally:
            if self._call is call:
                self._call = None

    def _check_fresh(self, rpc: RecordedRpc) -> None:
        """Raises `RouterUnreachable` unless the RPC may go out now, for the first time."""
        if self.over:
            raise RouterUnreachable("The router's session is over; nothing was sent.")
        if self._call is not None:
            raise RouterUnreachable("The router has not answered the RPC before; nothing was sent.")
        self._sent = self._sent or set()
        if rpc.rpc_id in self._sent:
            raise RouterUnreachable("This RPC was sent already; nothing was sent again.")
        self._sent.add(rpc.rpc_id)

    def on_lost(self, callback: Callable[[], None]) -> None:
        """See `Turn.on_lost`."""
        if self.over:
            callback()
        else:
            self._callbacks.append(callback)

    def cut(self) -> None:
        """See `Turn.cut`."""
        connection = self._connection
        if connection is not None:
            connection.abort()
        self._feed(Expired("The gateway cut the router's connection."))

    # --- from the reception ------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the connection that it went over last is still there."""
        return self._connection is not None and not self._connection.over

    def begin(self, id_: str | None, inform: Inform) -> None:
        """Its first post."""
        self._machine.handle(Knocked("good"))
        self._feed(Posted(id_, inform))

    def posted(self, id_: str | None, envelope: Envelope) -> None:
        """A post on its connection."""
        self._feed(Posted(id_, envelope.message))

    def emptied(self) -> None:
        """An empty post."""
        self._feed(Emptied())

    def garbled(self, why: str) -> None:
        """A post that cannot be read."""
        self._feed(Garbled(why))

    def end(self, why: str) -> None:
        """End it for a reason of ours; whoever is connected is cut."""
        self._feed(Expired(why))

    def moved(self, connection: Connection) -> None:
        """The CPE goes on over another connection, and proved there that it is the same."""
        old, self._connection = self._connection, connection
        self.response = connection.response
        connection.session = self
        if old is not None and old is not connection:
            old.session = None
            old.abort()

    def replaced(self, connection: Connection) -> None:
        """It is over, and `connection` has another use; any other one is cut."""
        if connection is self._connection:
            self._connection = None
        self._feed(Expired("The router began a new session, or broke this one off."))

    def disconnected(self, connection: Connection) -> None:
        """A connection of it is gone. CPEs that closed it themselves after each answer may take their time."""
        if connection is not self._connection:
            return
        self._connection = None
        self._feed(Lost())
        if not self.over and not connection.closes:
            self.deadline = min(self.deadline, self._loop.time() + self._keeper.limits.reconnect_seconds)

    # --- the machine -------------------------------------------------------------------------------------------------

    def _feed(self, event: Event) -> None:
        if self.over:
            return
        for effect in self._machine.handle(event):
            self._perform(effect)
        if not self.over:
            quiet = self._machine.phase is Phase.CPE_TURN or self._machine.phase is Phase.AWAITING
            self.deadline = self._loop.time() + self._keeper.limits.idle_seconds if quiet else NEVER

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Asked(number, _, message):
                self._ask(number, message)
            case Respond(id_, message, close):
                self._respond(id_, message, close=close)
            case OurTurn():
                self._our_turn()
            case Send(id_):
                self._send(id_)
            case Answered(_, message):
                self._answered(message)
            case Unsent(_, why) | Abandoned(_, why):
                self._fail_call(why)
            case NoContent():
                self._answer(204, close=True)
                self._close("The session ended.")
            case Odd(what):
                log.info("cpe_odd", reason=what)
            case Violation(what):
                self._keeper.violated(self, what)
                self._answer(400, body=f"{what}\n".encode(), close=True)
                self._close(what)
            case Over(why):
                if self._connection is not None:
                    self._connection.abort()
                self._close(why)
            case _:  # Begin; Challenge and Refuse: who it is was settled before
                pass

    # --- what the CPE asks -------------------------------------------------------------------------------------------

    def _ask(self, number: int, message: object) -> None:
        said: Said | Awaitable[Said]
        if isinstance(message, Inform):
            recorded = self._keeper.happenings.of_inform(self)
            if recorded is None:
                said = self._keeper.responder.on_inform(self, message)
            else:
                said = self._after(recorded, lambda: self._keeper.responder.on_inform(self, message))
        elif isinstance(message, TransferComplete):
            recorded = self._keeper.happenings.of_transfer(self, message)
            said = self._after(recorded, lambda: self._keeper.responder.on_request(self, message))
        elif isinstance(message, CpeRequest):
            said = self._keeper.responder.on_request(self, message)
        else:
            said = NOT_SUPPORTED
        if isinstance(said, Awaitable):
            self._keeper.run(self._reply_later(number, said))
        else:
            self._reply(number, said)

    @staticmethod
    async def _after(recorded: Awaitable[None], ask: Callable[[], Said | Awaitable[Said]]) -> Said:
        """What happened is on record before a mode is asked."""
        await recorded
        said = ask()
        return await said if isinstance(said, Awaitable) else said

    async def _reply_later(self, number: int, said: Awaitable[Said]) -> None:
        try:
            self._reply(number, await said)
        except AuditError as error:
            log.warning("cpe_not_recorded", error_type=type(error).__name__)
            self._reply(number, Busy())
        except Exception as error:
            log.exception("cpe_answer_failed", error_type=type(error).__name__)
            self._reply(number, Busy())

    def _reply(self, number: int, said: Said) -> None:
        if isinstance(said, Busy):
            self._turn_away(said.seconds)
        else:
            self._feed(Reply(number, said))

    def _turn_away(self, seconds: int) -> None:
        self._answer(503, (("Retry-After", str(seconds)),), close=True)
        self._close("The provider's side is busy; the router is to come again.")
        self._machine.handle(Expired())

    def _respond(self, id_: str | None, message: Answer, *, close: bool) -> None:
        body = encode(Envelope(id_, self.contact.namespace, message), quirks=self.contact.quirks)
        begins = self._machine.phase is Phase.INFORM  # a fault to the Inform: there is no session
        self._answer(200, SOAP, body, close=close or begins)
        if begins:
            self._close("The router's Inform was refused.")

    # --- what the CPE is told ----------------------------------------------------------------------------------------

    def _our_turn(self) -> None:
        if self._turned:
            return  # whoever called has the answer, and calls again or lets it go
        self._turned = True
        work = self._keeper.responder.on_turn(self)
        if work is None:
            self._feed(Finish())
        else:
            self._keeper.run(self._work(work))

    async def _work(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ComeAgain as again:
            self._turn_away(again.seconds)
        except RouterUnreachable:
            self.cut()
        except AuditError as error:
            log.warning("cpe_not_recorded", error_type=type(error).__name__)
            self.cut()
        except Exception as error:
            log.exception("cpe_session_failed", error_type=type(error).__name__)
            self.cut()
        except asyncio.CancelledError:
            self.cut()
            raise
        else:
            self._feed(Finish())

    def _send(self, id_: str) -> None:
        call = self._call
        assert call is not None
        assert call.rpc.rpc_id == id_
        if not self._answer(200, SOAP, call.rpc.wire):
            self._fail_call("The router has closed its connection; nothing was sent.")
            self._close("The router closed its connection.")

    def _answered(self, message: Answer) -> None:
        call = self._call
        if call is None or call.answer.done():
            return
        try:
            answer = check_answer(call.rpc.method, message)
        except BadEnvelope as error:
            self._keeper.violated(self, str(error))
            self._fail_call("The router's answer does not fit what it was asked; its connection was cut.")
            self.cut()
        else:
            call.answer.set_result(answer)

    def _fail_call(self, why: str) -> None:
        if self._call is not None and not self._call.answer.done():
            self._call.answer.set_exception(RouterUnreachable(why))

    # --- HTTP and the end --------------------------------------------------------------------------------------------

    def _answer(
        self, status: int, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"", *, close: bool = False
    ) -> bool:
        if self._connection is None:
            return False
        if self._cookie is not None and status == 200:
            headers, self._cookie = (*headers, ("Set-Cookie", self._cookie)), None
        return self._connection.answer(status, headers, body, close=close)

    def _close(self, why: str) -> None:
        """It is over. Once."""
        if self.over:
            return
        self.over = True
        self.deadline = NEVER
        self._fail_call(f"The router's session ended: {why}")
        if self._connection is not None and self._connection.session is self:
            self._connection.session = None
        self._connection = None
        self._keeper.ended(self)
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
        self._keeper.responder.on_end(self)

"""One CWMP session as the ACS sees it: whose turn it is, and what may be said. Pure. Source: TR-069, 3.7.

INFORM -> CPE_TURN -> ACS_TURN -> (an RPC is out) -> ACS_TURN … -> DONE. It is fed `Event`s in the order in which they
happen and says in `Effect`s what to do, in order; it knows neither XML nor HTTP. Each post of the CPE (`Posted`,
`Emptied`, `Garbled`) is owed exactly one of the effects in `session_events.ANSWERS`, now or at a later event.

MUST hold whatever comes in: an RPC is sent only to a CPE that waits for one, and never two at once; a body that cannot
be read is never taken for an empty one; nothing but an Inform begins a session, and only with a fresh sign-in.
"""

from enum import Enum
from typing import Final, Literal, assert_never

from drivers.cwmp.messages import (
    Answer,
    Attributes,
    CpeRequest,
    Done,
    Fault,
    FromCpe,
    GetRPCMethods,
    Inform,
    Message,
    Methods,
    Names,
    OtherRpc,
    Request,
    TransferComplete,
    Transfers,
    Values,
)
from drivers.cwmp.wire.session_events import (
    Abandoned,
    Answered,
    Asked,
    Begin,
    Call,
    Challenge,
    Effects,
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
    Refuse,
    Reply,
    Respond,
    Send,
    Unsent,
    Violation,
)

MOST_CPE_REQUESTS: Final = 64
"""In one session, besides the Inform."""
MOST_SIGN_INS: Final = 5
"""Wrong sign-ins, or none, before a session is refused. A CPE needs one; one more when its nonce is stale."""

ACS_METHODS: Final = ("Inform", "GetRPCMethods", "TransferComplete", "AutonomousTransferComplete")
"""What our own GetRPCMethodsResponse names."""
METHOD_NOT_SUPPORTED: Final = 8000


class Phase(Enum):
    """Where a session stands."""

    INFORM = "it has not begun"
    CPE_TURN = "the CPE may make requests"
    REPLYING = "a request of the CPE is being answered"
    ACS_TURN = "the CPE waits for an RPC"
    AWAITING = "an RPC is out, and its answer is missing"
    DONE = "it is over in good order"
    CLOSED = "it was broken off"


def own_answer(message: FromCpe | OtherRpc | Request) -> Answer:
    """What an ACS of support functions only answers to a request of the CPE. TR-069, A.3.1.1, A.3.3."""
    match message:
        case Inform():
            return Done("Inform")
        case TransferComplete(autonomous=autonomous):
            return Done("AutonomousTransferComplete" if autonomous else "TransferComplete")
        case GetRPCMethods() | CpeRequest("GetRPCMethods"):
            return Methods(ACS_METHODS)
        case CpeRequest("DUStateChangeComplete" | "AutonomousDUStateChangeComplete" as method):
            return Done(method)
        case _:
            return Fault(METHOD_NOT_SUPPORTED, "Method not supported")


class CwmpSession:
    """The state of one session. `answers_itself`: the CPE's requests are answered at once by `own_answer`; without it
    (mediator) each `Asked` waits for a `Reply`."""

    def __init__(self, *, answers_itself: bool = True) -> None:
        self._answers_itself = answers_itself
        self._phase = Phase.INFORM
        self._signed_in = False
        self._fresh = False
        """Signed in again for the next post; an Inform uses it up, so one sign-in is for one DeviceId."""
        self._failed = 0
        self._requests = 0
        self._sent: str | None = None
        self._asked: str | None = None
        self._number = 0
        self._after = Phase.CPE_TURN

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def signed_in(self) -> bool:
        """Whether posts without a sign-in are taken; an Inform never is."""
        return self._signed_in

    @property
    def waits(self) -> bool:
        """Whether the CPE waits for an RPC now."""
        return self._phase is Phase.ACS_TURN

    @property
    def sent(self) -> str | None:
        """The id of the RPC whose answer is missing."""
        return self._sent

    @property
    def over(self) -> bool:
        return self._phase in (Phase.DONE, Phase.CLOSED)

    def handle(self, event: Event) -> Effects:
        """What `event` means. Never raises."""
        match event:
            case Knocked(proof):
                return self._knocked(proof)
            case Posted(id=id_, message=message):
                return self._posted(id_, message)
            case Emptied():
                return self._emptied()
            case Garbled(why):
                return self._broken(why)
            case Reply(number, message):
                return self._reply(number, message)
            case Call(id_):
                return self._call(id_)
            case Finish():
                return self._finish()
            case Lost():
                return self._lost()
            case Expired(why):
                return self._ended(why)
            case _:
                assert_never(event)

    # --- who it is ---------------------------------------------------------------------------------------------------

    def _knocked(self, proof: Literal["none", "wrong", "stale", "good"]) -> Effects:
        if proof == "good":
            self._signed_in = self._fresh = True
            self._failed = 0
            return ()
        self._fresh = False
        if proof == "none" and self._signed_in:
            return ()
        return self._challenged(stale=proof == "stale")

    def _challenged(self, *, stale: bool = False) -> Effects:
        self._failed += 1
        if self._failed > MOST_SIGN_INS:
            why = f"The router did not sign in in {MOST_SIGN_INS} attempts."
            return (*self._closed(why), Refuse(why))
        return (Challenge(stale),)

    # --- what it posts -----------------------------------------------------------------------------------------------

    def _posted(self, id_: str | None, message: Message) -> Effects:
        if isinstance(message, Inform):
            return self._informed(id_, message)
        if self._phase is Phase.INFORM:
            return self._broken("The first message of a session was no Inform.")
        if isinstance(message, (Methods, Values, Names, Attributes, Done, Transfers, Fault)):
            return self._answered(id_, message)
        self._fresh = False
        return self._requested(id_, message)

    def _informed(self, id_: str | None, inform: Inform) -> Effects:
        if not self._fresh:
            return self._challenged()
        left = self._abandon("The router began a new session instead of answering.")
        self._fresh, self._requests = False, 0
        return (*left, Begin(inform), *self._ask(id_, inform, after=Phase.CPE_TURN))

    def _requested(self, id_: str | None, message: FromCpe | OtherRpc | Request) -> Effects:
        if self._phase in (Phase.REPLYING, Phase.ACS_TURN, Phase.CLOSED):
            return self._broken(f"The router made a request while {self._phase.value}.")
        self._requests += 1
        if self._requests > MOST_CPE_REQUESTS:
            return self._broken(f"The router made more than {MOST_CPE_REQUESTS} requests in one session.")
        if self._phase is Phase.CPE_TURN:
            return self._ask(id_, message, after=Phase.CPE_TURN)
        odd = Odd(f"The router made a request while {self._phase.value}; it was answered.")
        return (odd, *self._ask(id_, message, after=self._phase))

    def _ask(self, id_: str | None, message: FromCpe | OtherRpc | Request, *, after: Phase) -> Effects:
        self._phase, self._asked, self._after = Phase.REPLYING, id_, after
        self._number += 1
        asked = Asked(self._number, id_, message)
        return (asked, *self._reply(self._number, own_answer(message))) if self._answers_itself else (asked,)

    def _answered(self, id_: str | None, message: Answer) -> Effects:
        self._fresh = False
        if self._phase is not Phase.AWAITING or self._sent is None:
            return self._broken(f"The router answered while {self._phase.value}; nobody asked.")
        if id_ is not None and id_ != self._sent:
            return self._broken("The router answered with the ID of another request.")
        answered = Answered(self._sent, message)
        self._phase, self._sent = Phase.ACS_TURN, None
        odd = (Odd("The router answered without the ID of the request."),) if id_ is None else ()
        return (*odd, answered, OurTurn())

    def _emptied(self) -> Effects:
        self._fresh = False
        if self._phase is Phase.CPE_TURN:
            self._phase = Phase.ACS_TURN
            return (OurTurn(),)
        return self._broken(f"The router posted an empty body while {self._phase.value}.")

    # --- what we say -------------------------------------------------------------------------------------------------

    def _reply(self, number: int, message: Answer) -> Effects:
        """A fault to the Inform refuses the session; the CPE begins again later."""
        if self._phase is not Phase.REPLYING or number != self._number:
            return ()
        id_, self._asked = self._asked, None
        begins = self._requests == 0
        self._phase = Phase.INFORM if begins and isinstance(message, Fault) else self._after
        return (Respond(id_, message, close=self._phase is Phase.DONE),)

    def _call(self, id_: str) -> Effects:
        if self._phase is not Phase.ACS_TURN:
            return (Unsent(id_, f"Nothing was sent to the router: {self._phase.value}."),)
        self._phase, self._sent = Phase.AWAITING, id_
        return (Send(id_),)

    def _finish(self) -> Effects:
        if self._phase is not Phase.ACS_TURN:
            return ()
        self._phase = Phase.DONE
        return (NoContent(),)

    # --- how it ends -------------------------------------------------------------------------------------------------

    def _lost(self) -> Effects:
        if self._phase in (Phase.ACS_TURN, Phase.REPLYING):
            return self._ended("The router closed the connection while it waited for an answer.")
        return ()

    def _ended(self, why: str) -> Effects:
        if self._phase is Phase.CLOSED:
            return ()
        return (*self._closed(why), Over(why))

    def _broken(self, what: str) -> Effects:
        return (*self._closed(what), Violation(what))

    def _closed(self, why: str) -> Effects:
        left = self._abandon(why)
        self._phase, self._signed_in, self._fresh = Phase.CLOSED, False, False
        return left

    def _abandon(self, why: str) -> Effects:
        sent, self._sent, self._asked = self._sent, None, None
        return () if sent is None else (Abandoned(sent, why),)

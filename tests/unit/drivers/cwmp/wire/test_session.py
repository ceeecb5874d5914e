"""Whose turn it is in a CWMP session: scenarios as text, and every order in which things can happen."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from drivers.cwmp.device import DeviceId
from drivers.cwmp.messages import (
    CpeRequest,
    Done,
    Event,
    Fault,
    GetParameterValues,
    GetRPCMethods,
    Inform,
    Methods,
    OtherRpc,
    TransferComplete,
    Values,
)
from drivers.cwmp.wire.session import MOST_CPE_REQUESTS, MOST_SIGN_INS, CwmpSession, Phase, own_answer
from drivers.cwmp.wire.session_events import (
    ANSWERS,
    Abandoned,
    Answered,
    Asked,
    Begin,
    Call,
    Challenge,
    Effect,
    Emptied,
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
from drivers.cwmp.wire.session_events import Event as SessionEvent

INFORM = Inform(
    manufacturer="M",
    device=DeviceId(oui="00D09E", product_class="DSL", serial="1"),
    events=(Event("6 CONNECTION REQUEST"),),
)
POSTS = {
    "inform": INFORM,
    "complete": TransferComplete(command_key="k"),
    "autonomous": TransferComplete(autonomous=True),
    "methods": CpeRequest("GetRPCMethods"),
    "kicked": CpeRequest("Kicked"),
    "rpc": GetParameterValues(("Device.",)),
    "vendor": OtherRpc("X_RPC"),
    "values": Values(()),
    "fault": Fault(9001, "denied"),
    "done": Done("SetParameterValues"),
}


def event_of(text: str) -> SessionEvent:
    """`knock PROOF`, `empty`, `garbled`, `call ID`, `reply N [fault]`, `finish`, `lost`, `expired`, or a post: WORD ID
    (`-` for none)."""
    word, *rest = text.split()
    match word:
        case "knock":
            return Knocked(rest[0])  # type: ignore[arg-type]
        case "empty":
            return Emptied()
        case "garbled":
            return Garbled("It cannot be read.")
        case "call":
            return Call(rest[0])
        case "reply":
            return Reply(int(rest[0]), Fault(8005, "retry") if rest[1:] else Done("X"))
        case "finish":
            return Finish()
        case "lost":
            return Lost()
        case "expired":
            return Expired()
        case _:
            return Posted(None if rest[0] == "-" else rest[0], POSTS[word])


def told(effect: Effect) -> str:
    match effect:
        case Challenge(stale):
            return "401 stale" if stale else "401"
        case Asked(number, id_, _):
            return f"asked {number} {id_ or '-'}"
        case Respond(id_, message, close):
            kind = f"fault {message.code}" if isinstance(message, Fault) else type(message).__name__.lower()
            return f"200 {kind} {id_ or '-'}" + (" close" if close else "")
        case Answered(id_, message):
            return f"answered {id_} {type(message).__name__.lower()}"
        case Send(id_):
            return f"200 rpc {id_}"
        case Unsent(id_, _) | Abandoned(id_, _):
            return f"{type(effect).__name__.lower()} {id_}"
        case NoContent():
            return "204"
        case Refuse():
            return "403"
        case Violation():
            return "400"
        case OurTurn():
            return "our turn"
        case Begin() | Odd() | Over():
            return type(effect).__name__.lower()


BEGUN = """
knock good                 :
inform 1                   : begin, asked 1 1, 200 done 1
"""
WAITING = BEGUN + "empty   : our turn\n"
SENT = WAITING + "call a   : 200 rpc a\n"

SCENARIOS = {
    "a whole session": SENT
    + """
values a                   : answered a values, our turn
call b                     : 200 rpc b
fault b                    : answered b fault, our turn
finish                     : 204
""",
    "nothing to do": WAITING + "finish : 204",
    "challenged first": """
knock none                 : 401
knock wrong                : 401
knock stale                : 401 stale
knock good                 :
inform 1                   : begin, asked 1 1, 200 done 1
knock none                 :
empty                      : our turn
""",
    "an inform that nobody signed": "inform 1 : 401",
    "sign-in goes with the request it came with": BEGUN
    + """
knock good                 :
complete 2                 : asked 2 2, 200 done 2
inform 3                   : 401
empty                      : our turn
""",
    "a second inform needs a sign-in of its own": SENT
    + """
inform 2                   : 401
values a                   : answered a values, our turn
""",
    "a second inform starts over": SENT
    + """
knock good                 :
inform 2                   : abandoned a, begin, asked 2 2, 200 done 2
values a                   : 400
""",
    "a wrong sign-in inside a session is challenged": WAITING
    + """
knock wrong                : 401
call a                     : 200 rpc a
""",
    "the CPE asks in its turn": BEGUN
    + """
complete 7                 : asked 2 7, 200 done 7
autonomous -               : asked 3 -, 200 done -
methods 8                  : asked 4 8, 200 methods 8
kicked 9                   : asked 5 9, 200 fault 8000 9
rpc 10                     : asked 6 10, 200 fault 8000 10
vendor 11                  : asked 7 11, 200 fault 8000 11
empty                      : our turn
""",
    "a transfer ends while an RPC is out": SENT
    + """
complete 7                 : odd, asked 2 7, 200 done 7
values a                   : answered a values, our turn
""",
    "a transfer ends after the session": WAITING
    + """
finish                     : 204
complete 7                 : odd, asked 2 7, 200 done 7 close
empty                      : 400
""",
    "a transfer ends before a session": "knock good :\ncomplete 7 : 400",
    "an answer without an id": SENT + "values - : odd, answered a values, our turn",
    "an answer with another id": SENT + "values b : abandoned a, 400\nempty : 400",
    "an answer nobody asked for, in its turn": BEGUN + "values a : 400",
    "an answer nobody asked for, in ours": WAITING + "values a : 400\ncall a : unsent a",
    "an answer nobody asked for, before all": "knock good :\nvalues a : 400",
    "the same answer twice": SENT + "values a : answered a values, our turn\nvalues a : 400",
    "an empty body instead of an answer": SENT + "empty : abandoned a, 400\ncall b : unsent b",
    "an empty body before all": "knock good :\nempty : 400",
    "two empty bodies": WAITING + "empty : 400",
    "garbage in its turn is not an empty body": BEGUN + "garbled : 400\ncall a : unsent a",
    "garbage instead of an answer": SENT + "garbled : abandoned a, 400",
    "garbage before all": "knock good :\ngarbled : 400",
    "after a violation only an inform counts": BEGUN
    + """
garbled                    : 400
complete 2                 : 400
values a                   : 400
knock none                 : 401
knock good                 :
inform 3                   : begin, asked 2 3, 200 done 3
empty                      : our turn
""",
    "an RPC out of turn": "call a : unsent a\n" + BEGUN + "call a : unsent a\nempty : our turn",
    "two RPCs at once": SENT + "call b : unsent b\nfinish :\nvalues a : answered a values, our turn",
    "an RPC after the end": WAITING + "finish : 204\ncall a : unsent a\nfinish :",
    "it speaks while it waits": WAITING + "complete 2 : 400",
    "it hangs up while it waits": WAITING + "lost : over\ncall a : unsent a\nlost :",
    "it closes between posts and comes back": BEGUN
    + """
lost                       :
empty                      : our turn
call a                     : 200 rpc a
lost                       :
values a                   : answered a values, our turn
""",
    "it does not come back": SENT + "lost :\nexpired : abandoned a, over\nexpired :\nvalues a : 400",
    "it hangs up after the end": WAITING + "finish : 204\nlost :",
}

MEDIATED = {
    "somebody else answers": """
knock good                 :
inform 1                   : begin, asked 1 1
reply 1                    : 200 done 1
complete 2                 : asked 2 2
call a                     : unsent a
reply 1                    :
reply 2                    : 200 done 2
reply 2                    :
empty                      : our turn
call a                     : 200 rpc a
complete 3                 : odd, asked 3 3
reply 3                    : 200 done 3
values a                   : answered a values, our turn
""",
    "an inform refused elsewhere": """
knock good                 :
inform 1                   : begin, asked 1 1
reply 1 fault              : 200 fault 8005 1
empty                      : 400
""",
    "an answer to the session before": """
knock good                 :
inform 1                   : begin, asked 1 1
knock good                 :
inform 2                   : begin, asked 2 2
reply 1                    :
reply 2                    : 200 done 2
""",
    "it hangs up while somebody else thinks": """
knock good                 :
inform 1                   : begin, asked 1 1
lost                       : over
reply 1                    :
""",
    "it speaks while somebody else thinks": """
knock good                 :
inform 1                   : begin, asked 1 1
empty                      : 400
reply 1                    :
""",
}


def play(text: str, session: CwmpSession) -> None:
    for number, line in enumerate(text.splitlines()):
        if line.strip():
            event, _, expected = line.partition(":")
            effects = ", ".join(told(effect) for effect in session.handle(event_of(event)))
            assert effects == expected.strip(), f"{number}: {line}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name):
    play(SCENARIOS[name], CwmpSession())


@pytest.mark.parametrize("name", MEDIATED)
def test_mediated_scenario(name):
    play(MEDIATED[name], CwmpSession(answers_itself=False))


def test_sign_ins_are_not_tried_for_ever():
    session = CwmpSession()
    play("knock wrong : 401\n" * MOST_SIGN_INS + "knock wrong : 403\nknock none : 403", session)
    assert session.over


def test_requests_are_not_made_for_ever():
    session = CwmpSession()
    play(BEGUN, session)
    for number in range(MOST_CPE_REQUESTS):
        assert isinstance(session.handle(Posted("x", POSTS["complete"]))[-1], Respond), number
    assert isinstance(session.handle(Posted("x", POSTS["complete"]))[-1], Violation)


def test_our_own_answers():
    assert own_answer(TransferComplete(autonomous=True)) == Done("AutonomousTransferComplete")
    assert own_answer(CpeRequest("DUStateChangeComplete")) == Done("DUStateChangeComplete")
    assert isinstance(own_answer(GetRPCMethods()), Methods)
    assert own_answer(replace(INFORM, retry_count=3)) == Done("Inform")


def test_what_goes_wrong_is_said_in_sentences_without_values():
    session = CwmpSession()
    play(SENT, session)
    *_, violation = session.handle(Posted("secret-id", Values(())))
    assert violation == Violation("The router answered with the ID of another request.")
    assert session.handle(Call("x")) == (Unsent("x", "Nothing was sent to the router: it was broken off."),)


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order: a model that knows only which RPC is out and to which posts an answer is
    owed."""

    def __init__(self) -> None:
        super().__init__()
        self.itself = True
        self.session = CwmpSession()
        self.out: str | None = None
        self.turn = False
        self.owed = 0
        self.number = 0
        self.proven = False
        self.ids = 0

    @rule(itself=st.booleans())
    @precondition(lambda self: self.number == 0 and self.session.phase is Phase.INFORM)
    def choose(self, itself: bool) -> None:
        self.itself, self.session = itself, CwmpSession(answers_itself=itself)
        self.proven = False

    def took(self, event: SessionEvent) -> Iterator[Effect]:
        for effect in self.session.handle(event):
            self.check(effect)
            yield effect

    def check(self, effect: Effect) -> None:
        match effect:
            case Send(id_):
                assert self.turn, "an RPC went out to a CPE that does not wait"
                assert self.out is None, "two RPCs at once"
                self.out, self.turn = id_, False
            case Answered(id_, _):
                assert id_ == self.out
                self.out = None
            case Abandoned(id_, _):
                assert id_ == self.out
                self.out = None
            case OurTurn():
                assert self.out is None
                self.turn = True
            case NoContent():
                assert self.turn
                self.turn = False
            case Begin():
                assert self.proven, "a session began without a sign-in"
                self.turn, self.owed = False, 1
            case Violation() | Refuse() | Over():
                self.turn, self.out = False, None
            case Asked(number, _, _):
                assert number > self.number
                self.number = number
        if isinstance(effect, ANSWERS):
            assert self.owed > 0, "an answer to nothing"
            self.owed -= 1

    def post(self, event: SessionEvent) -> None:
        self.owed = 1  # one that spoke while an answer was owed is answered for both, and closed
        before = self.session.phase
        effects = list(self.took(event))
        self.proven = False
        if isinstance(event, Garbled):
            assert isinstance(effects[-1], Violation)
        if isinstance(event, Emptied) and any(isinstance(effect, OurTurn) for effect in effects):
            assert before is Phase.CPE_TURN

    @rule(word=st.sampled_from(sorted(POSTS)), id_=st.sampled_from(["out", "other", "-"]))
    def posts(self, word: str, id_: str) -> None:
        which = self.out if id_ == "out" and self.out else None if id_ == "-" else "other"
        self.post(Posted(which, POSTS[word]))

    @rule()
    def signs_in_and_informs(self) -> None:
        self.knock("good")
        self.post(Posted("1", INFORM))

    @rule()
    def empties(self) -> None:
        self.post(Emptied())

    @rule()
    def answers(self) -> None:
        self.post(Posted(self.out, POSTS["values"]))

    @rule()
    def garbles(self) -> None:
        self.post(Garbled("x"))

    @rule(proof=st.sampled_from(["none", "wrong", "stale", "good"]))
    def knock(self, proof: str) -> None:
        owed, self.owed = self.owed, 1
        effects = list(self.took(Knocked(proof)))  # type: ignore[arg-type]
        self.proven = proof == "good"
        assert proof != "good" or not effects
        self.owed = owed if self.session.phase is not Phase.CLOSED else 0

    @rule()
    def calls(self) -> None:
        self.ids += 1
        wanted = self.turn
        [effect] = self.took(Call(f"rpc{self.ids}"))
        assert isinstance(effect, Send if wanted else Unsent)

    @rule(back=st.integers(0, 1), fault=st.booleans())
    def replies(self, back: int, fault: bool) -> None:
        owed = self.owed
        effects = list(self.took(Reply(self.number - back, Fault(8005, "x") if fault else Done("X"))))
        assert not effects or (back == 0 and owed == 1)

    @rule()
    def finishes(self) -> None:
        list(self.took(Finish()))

    @rule()
    def is_lost(self) -> None:
        waited = self.session.phase in (Phase.ACS_TURN, Phase.REPLYING)
        assert any(isinstance(effect, Over) for effect in self.took(Lost())) is waited
        self.owed = 0

    @rule()
    def expires(self) -> None:
        list(self.took(Expired()))
        assert self.session.phase is Phase.CLOSED
        self.owed = 0

    @invariant()
    def it_agrees(self) -> None:
        assert self.session.waits is self.turn
        assert self.session.sent == self.out
        if not self.turn and self.session.phase is not Phase.REPLYING:
            assert self.owed == 0, "a post was left without an answer"


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)

"""What a CWMP session is told (`Event`) and what it wants done (`Effect`). Counterpart: `drivers.cwmp.wire.session`.

Effects are performed in order. All are frozen; both unions are matched exhaustively.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from drivers.cwmp.messages import Answer, FromCpe, Inform, Message, OtherRpc, Request

# --- events -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Knocked:
    """What the next post's sender showed of who it is; comes before each post that carries a sign-in, and before any
    post while the session is not signed in. `stale`: right, but to an old challenge."""

    proof: Literal["none", "wrong", "stale", "good"]


@dataclass(frozen=True, slots=True)
class Posted:
    """The CPE posted an envelope."""

    id: str | None
    message: Message = field(repr=False)


@dataclass(frozen=True, slots=True)
class Emptied:
    """The CPE posted an empty body."""


@dataclass(frozen=True, slots=True)
class Garbled:
    """The CPE posted something that cannot be read. `why` without anything that was sent."""

    why: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to what the CPE `Asked`, from whoever answers. One that comes too late changes nothing."""

    number: int
    """Of the `Asked`."""
    message: Answer = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An RPC with this id wants to go out."""

    id: str


@dataclass(frozen=True, slots=True)
class Finish:
    """There is nothing more for the CPE."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection of the last post is gone. Only while an answer is owed to it does that end the session: between
    posts, CPEs with HTTP/1.0 close every time and come back with their cookie."""


@dataclass(frozen=True, slots=True)
class Expired:
    """The CPE said nothing for too long, or the session is to end for a reason of our own."""

    why: str = "The router did not go on with its session in time."


Event: TypeAlias = Knocked | Posted | Emptied | Garbled | Reply | Call | Finish | Lost | Expired

# --- effects ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Challenge:
    """Answer 401 and read nothing more of this request than must be."""

    stale: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer 403 and close: too many sign-ins failed. Comes to the caller for the record."""

    why: str


@dataclass(frozen=True, slots=True)
class Begin:
    """A new session of the CPE begins: give it a new cookie, forget what was remembered of the one before. If an answer
    is still owed to an earlier post on another connection, cut that one."""

    inform: Inform = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the CPE (its Inform too). Without `answers_itself` a `Reply` is owed."""

    number: int
    """For the `Reply`; counts up as long as the session is used."""
    id: str | None
    message: FromCpe | OtherRpc | Request = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What the CPE answers to the RPC `id`. Whether it is of the right kind, `envelope.check_answer` says."""

    id: str
    message: Answer = field(repr=False)


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer 200 with this message, under the id of the CPE's request."""

    id: str | None
    message: Answer = field(repr=False)
    close: bool = False


@dataclass(frozen=True, slots=True)
class OurTurn:
    """The CPE waits: `Call` or `Finish` it within the hold time."""


@dataclass(frozen=True, slots=True)
class Send:
    """Answer 200 with the RPC of this id, which was recorded."""

    id: str


@dataclass(frozen=True, slots=True)
class NoContent:
    """Answer 204 and close."""


@dataclass(frozen=True, slots=True)
class Odd:
    """Not as it should be, but harmless: a note for the record; the session goes on."""

    what: str


@dataclass(frozen=True, slots=True)
class Violation:
    """The protocol was broken: record it, answer 400 and close."""

    what: str


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The RPC `id` was sent and will not be answered."""

    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """`Call` came when the CPE does not wait: not a byte of the RPC may be written."""

    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Over:
    """The session ended without an answer: cut the connection if there is one."""

    why: str


Effect: TypeAlias = (
    Challenge
    | Refuse
    | Begin
    | Asked
    | Answered
    | Respond
    | OurTurn
    | Send
    | NoContent
    | Odd
    | Violation
    | Abandoned
    | Unsent
    | Over
)
Effects: TypeAlias = tuple[Effect, ...]

ANSWERS: Final = (Challenge, Refuse, Respond, Send, NoContent, Violation)
"""Effects that answer a post of the CPE."""

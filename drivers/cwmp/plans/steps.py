"""What a plan can ask of the one who runs it, one step after another. Pure; counterpart: `drivers.cwmp.console`.

A plan is a generator of steps. It is sent the `Answer` of each `Call`, the truth of each `Await`, the `Ended` of each
`Hear`, and returns whether it did what it was told. When the rep interrupts it, `Stopped` is raised once: in place of a
wait or an answer that does not come, or at the step that follows the RPC under way, whose answer the plan still gets.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias

from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import Answer, Request, TransferComplete


class Stopped(Exception):
    """The rep pressed Ctrl-C."""


class CannotGoOn(Exception):
    """The plan ends here; the text is the sentence for the rep."""


@dataclass(frozen=True, slots=True)
class Call:
    """Do this RPC."""

    request: Request
    undo: bool = False
    """It takes back what the gateway must not leave behind: it is sent although the consent may have ended."""


@dataclass(frozen=True, slots=True)
class Say:
    """Show this; whole lines, each ended by LF."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Await:
    """Let the router go, and wait until it calls because of one of these events; is sent whether it did."""

    events: frozenset[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Hear:
    """Let the router go, and wait until it told how the transfer with this key ended; is sent `Ended` or None."""

    command_key: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """How a transfer ended."""

    told: TransferComplete
    booted: bool = False
    """The router restarted before it told."""


@dataclass(frozen=True, slots=True)
class LetGo:
    """The router has to end its session before it does what it was told. `until`: one of the events that it calls with
    when that is done; till then it is not asked to call."""

    until: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Remember:
    """From here on this would be left behind if all ended; durable before the next step."""

    leftover: Leftover


@dataclass(frozen=True, slots=True)
class Forget:
    """This is not left behind any more."""

    leftover: Leftover


@dataclass(frozen=True, slots=True)
class Expect:
    """Something of this session is going to be reported later with this CommandKey."""

    command_key: str
    what: str
    """`reboot` or `download`."""


Step: TypeAlias = Call | Say | Await | Hear | LetGo | Remember | Forget | Expect
Reply: TypeAlias = Answer | Ended | bool | None
Plan: TypeAlias = Generator[Step, Reply, bool]


def call(request: Request, *, undo: bool = False) -> Generator[Step, Reply, Answer]:
    """The answer of one RPC."""
    answer = yield Call(request, undo)
    assert answer is not None
    assert not isinstance(answer, bool | Ended)
    return answer


def wait_for(events: frozenset[str], seconds: float) -> Generator[Step, Reply, bool]:
    """Whether the router called because of one of `events`."""
    return (yield Await(events, seconds)) is True


def hear(command_key: str, seconds: float) -> Generator[Step, Reply, Ended | None]:
    """How the transfer ended, if the router told within that time."""
    ended = yield Hear(command_key, seconds)
    return ended if isinstance(ended, Ended) else None

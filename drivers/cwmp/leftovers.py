"""What a session would leave on a CPE beyond its consent, and the RPCs that take it back. Pure.

It is remembered, durably, before the RPC that leaves it is sent; forgotten when it is over; and undone when the
session has ended: over the link if it lives, else at the CPE's next contact. What a rep repaired is not among it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

from audit.entry import Json
from drivers.cwmp.messages import (
    Attribute,
    CancelTransfer,
    DeleteObject,
    ParameterValue,
    Request,
    ScheduleInform,
    SetParameterAttributes,
    SetParameterValues,
    TransferComplete,
)

Kind = Literal["transfer", "test", "notification", "schedule", "object"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

NO_TEST: Final = "None"
"""DiagnosticsState of a test that does not run."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing to take back."""

    kind: Kind
    name: str
    """CommandKey of the transfer; path of the test's DiagnosticsState; path of the parameter; empty for a schedule;
    path of an object that was added and has not got its values."""
    before: int = 0
    """Of a notification: what it was."""

    def as_json(self) -> dict[str, Json]:
        """For keeping."""
        return {"kind": self.kind, "name": self.name, "before": self.before}

    @classmethod
    def from_json(cls, kept: Mapping[str, Json]) -> "Leftover":
        """What `as_json` gave. Raises `ValueError`."""
        kinds: dict[object, Kind] = {kind: kind for kind in KINDS}
        name, before = kept.get("name"), kept.get("before")
        kind = kinds.get(kept.get("kind"))
        if kind is None or not isinstance(name, str) or not isinstance(before, int):
            raise ValueError("A leftover that was kept cannot be read.")
        return cls(kind, name, before)


def undo_requests(leftovers: Iterable[Leftover]) -> tuple[Request, ...]:
    """The RPCs that take all of it back, last first. Each may be answered by a fault: it was over already."""
    found: list[Request] = []
    for leftover in reversed(tuple(leftovers)):
        match leftover.kind:
            case "transfer":
                found.append(CancelTransfer(leftover.name))
            case "test":
                found.append(SetParameterValues((ParameterValue(leftover.name, NO_TEST),)))
            case "notification":
                found.append(SetParameterAttributes((Attribute(leftover.name, leftover.before),)))
            case "schedule":
                # A later request takes the place of an earlier one; the soonest Inform is harmless.
                found.append(ScheduleInform(1, ""))
            case "object":
                found.append(DeleteObject(leftover.name))
    return tuple(found)


class Leftovers(Protocol):
    """Where they are kept over a crash. The gateway persists it, and undoes at the next Inform what `ended` left."""

    async def remember(self, router_id: str, session: str, leftover: Leftover) -> None:
        """Durable when it returns."""
        ...

    async def forget(self, router_id: str, session: str, leftover: Leftover) -> None:
        """It is over, or was undone."""
        ...

    async def expects(self, router_id: str, session: str, command_key: str, what: str) -> None:
        """A BOOT or TransferComplete with this key, whenever it comes, belongs to the session. Durable."""
        ...

    def outcome(self, router_id: str, command_key: str) -> TransferComplete | None:
        """How the transfer ended that a live session ordered with this key, once the CPE told; on record already."""
        ...

    def ended(self, router_id: str, session: str) -> None:
        """The session is over: what is not forgotten is to be undone at the next contact. MUST NOT block."""
        ...


class MemoryLeftovers:
    """A `Leftovers` that forgets everything when the process ends."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], list[Leftover]] = {}
        self.expected: dict[str, tuple[str, str, str]] = {}
        """CommandKey to (router, session, what)."""
        self.outcomes: dict[tuple[str, str], TransferComplete] = {}
        """By router and CommandKey: what a CPE told."""
        self.over: list[tuple[str, str]] = []

    async def remember(self, router_id: str, session: str, leftover: Leftover) -> None:
        self.kept.setdefault((router_id, session), []).append(leftover)

    async def forget(self, router_id: str, session: str, leftover: Leftover) -> None:
        mine = self.kept.get((router_id, session), [])
        if leftover in mine:
            mine.remove(leftover)

    async def expects(self, router_id: str, session: str, command_key: str, what: str) -> None:
        self.expected[command_key] = (router_id, session, what)

    def outcome(self, router_id: str, command_key: str) -> TransferComplete | None:
        return self.outcomes.get((router_id, command_key))

    def ended(self, router_id: str, session: str) -> None:
        self.over.append((router_id, session))

    def due(self, router_id: str) -> tuple[Request, ...]:
        """What the next contact with the router has to take back."""
        return undo_requests(
            leftover for key in self.over if key[0] == router_id for leftover in self.kept.get(key, ())
        )

"""What the mediator is told (`Event`) and what it wants done (`Effect`).

The counterpart is `gateway.session.runner`, which performs effects strictly in order: if one fails, the rest of its
list is dropped and the failure comes back as an event. All are frozen; both unions are matched exhaustively.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from audit.command import Purpose, RecordedCommand
from gateway.policy.verdict import Allow, Deny

# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """The router's session is open; nothing was sent yet."""


@dataclass(frozen=True, slots=True)
class LineTyped:
    """The rep (or a program) submitted one whole line, without its end, printable text only."""

    line: str = field(repr=False)
    ahead: bool = False
    """It came before the gateway's last words were shown, so it is no answer to them."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ctrl-C."""


@dataclass(frozen=True, slots=True)
class InputEnded:
    """Ctrl-D on an empty line, or end of a piped input. Queued lines still run."""


@dataclass(frozen=True, slots=True)
class RouterOutput:
    """Bytes from the router, at most 64 KiB."""

    data: bytes = field(repr=False)
    stderr: bool = False


@dataclass(frozen=True, slots=True)
class RouterEnded:
    """The router closed the session. `exit_status` where the router gave one."""

    exit_status: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The journal's proof for the last `Record`."""

    command: RecordedCommand


@dataclass(frozen=True, slots=True)
class RecordRefusedEvent:
    """The journal is sound but the consent or session has ended; `reason` as in `audit.errors.RecordRefused`."""

    reason: str


@dataclass(frozen=True, slots=True)
class RecordFailedEvent:
    """A record could not be made durable. The session must end."""


@dataclass(frozen=True, slots=True)
class Ended:
    """From outside: revoked, expired, killed, frozen, idle, shutdown, consent closed."""

    reason: str


@dataclass(frozen=True, slots=True)
class DeadlineMoved:
    """The subscriber extended the consent, or shortened it."""

    deadline: datetime


@dataclass(frozen=True, slots=True)
class Noted:
    """The gateway has something to tell the rep; one sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A timer of at most 0.25 s asks whether something is due. `now` is monotonic seconds."""

    now: float


Event: TypeAlias = (
    Opened
    | LineTyped
    | Interrupted
    | InputEnded
    | RouterOutput
    | RouterEnded
    | Recorded
    | RecordRefusedEvent
    | RecordFailedEvent
    | Ended
    | DeadlineMoved
    | Noted
    | TimePassed
)

# --- effects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Make this durable; the answer is `Recorded`, `RecordRefusedEvent` or `RecordFailedEvent`.

    `verdict` is the proof that policy allowed it. For purposes other than `command`, it is the verdict under which
    the running command was allowed, or the platform definition's own (`gateway.policy.decide.own_line`).
    """

    verdict: Allow
    wire: bytes = field(repr=False)
    purpose: Purpose
    confirmed: str | None = None


@dataclass(frozen=True, slots=True)
class RecordBlocked:
    """Record a refused line; what follows in the list may be shown only after it is durable."""

    verdict: Deny
    strike: int | None = None
    """Number of this strike, if the line counts as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResult:
    """Record how a sent command ended. Not waited for."""

    n: int
    """Number of the command's entry in its session."""
    entry_index: int
    outcome: str
    """done, interrupted, closed, unknown; not_sent: recorded, but the reason for it was gone before it was sent."""
    output_bytes: int
    first_line: str = field(repr=False)
    last_line: str = field(repr=False)
    digest: bytes
    """SHA-256 of the output as shown; sealed before it is stored."""
    exit_status: int | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Write to the router."""

    command: RecordedCommand


@dataclass(frozen=True, slots=True)
class Show:
    """Record for the replay, then show to the rep. Text is already clean of terminal-driving sequences.

    `stderr` shows on the error stream where the client has one. `own` marks the gateway's own words, which a client
    without a terminal gets on the error stream so that they never mix with a router's output.
    Secrets and devices are masked already.
    """

    text: str = field(repr=False)
    stderr: bool = False
    own: bool = False
    recorded: str | None = field(default=None, repr=False)
    """What is recorded in place of `text`, where that may be seen once but not kept: the key of a Wi-Fi."""

    @property
    def kept(self) -> str:
        """What is recorded."""
        return self.text if self.recorded is None else self.recorded


@dataclass(frozen=True, slots=True)
class Mark:
    """Note a command in the recording: its approved text (`i`) and `cmd <n> <verdict>` (`m`)."""

    n: int
    shown: str = field(repr=False)
    verdict: str


@dataclass(frozen=True, slots=True)
class AskSubscriber:
    """Ask the subscriber for a further capability, as the rep wants. Not waited for; `Noted` tells what came of it."""

    capability: str


@dataclass(frozen=True, slots=True)
class Throttle:
    """Stop (`on`) or go on reading from the client: the queue of typed lines is full or has room again."""

    on: bool


@dataclass(frozen=True, slots=True)
class Close:
    """End the session. `message` is the last sentence to the rep; nothing is sent after this."""

    reason: str
    message: str = ""
    exit_status: int = 0


Effect: TypeAlias = Record | RecordBlocked | RecordResult | Send | Show | Mark | AskSubscriber | Throttle | Close

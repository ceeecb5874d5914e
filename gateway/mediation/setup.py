"""What a mediator is given when its session opens. Pure; the counterpart is `gateway.session.runner`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from drivers.definition import PlatformDefinition
from drivers.session import Preview, Shape
from gateway.mediation.events import (
    InputEnded,
    Interrupted,
    LineTyped,
    Opened,
    Recorded,
    RouterEnded,
    RouterOutput,
    TimePassed,
)
from gateway.policy.decide import OwnReason
from gateway.policy.verdict import Allow, Position, Verdict

FAILED_STATUS: Final = 1
"""Exit status when the last command failed, as far as its output or its interruption tells."""

RECORD_FAILED_STATUS: Final = 74
"""Exit status when the session ended because it could not be recorded."""

ENDED_STATUS: Final = 125
"""Exit status when the gateway ended the session for any other reason."""

DENIED_STATUS: Final = 126
"""Exit status when the last line was refused; a shell's for a command that may not be run."""

INTERRUPTED_STATUS: Final = 130
"""Exit status of a single command left by Ctrl-C."""


def ended_status(reason: str) -> int:
    """Exit status of a session that the gateway ends for `reason`."""
    return RECORD_FAILED_STATUS if reason == "record_failed" else ENDED_STATUS


SessionEvent: TypeAlias = (
    Opened | LineTyped | Interrupted | InputEnded | RouterOutput | RouterEnded | Recorded | TimePassed
)
"""Events that the two shapes handle each in its way; the mediator handles the others for both."""


class Decide(Protocol):
    """`gateway.policy.decide`, bound to the bundle, the site and the session's rights."""

    def __call__(self, position: Position, line: str, now: datetime) -> Verdict: ...


class OwnLine(Protocol):
    """`gateway.policy.decide.own_line`, bound to the bundle. `text` is what is sent, without its line end."""

    def __call__(self, text: str, reason: OwnReason) -> Allow: ...


class Scope(Protocol):
    """What the subscriber ticked, as it is now: it may grow while the session lives."""

    def __call__(self) -> frozenset[str]: ...


def no_scope() -> frozenset[str]:
    """Nothing was ticked."""
    return frozenset()


class Agrees(Protocol):
    """`gateway.policy.position.agrees`, bound to the platform's table."""

    def __call__(self, expected: Position, seen: Position) -> bool: ...


PreviewOf: TypeAlias = Callable[[str], Preview | None]
"""`drivers.session.Previews.preview`."""


class Help(Protocol):
    """What can follow `line`, which ends in the help character, in `position`; whole lines, each ended by LF."""

    def __call__(self, position: Position, line: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Counts and seconds of one session. Seconds are of `TimePassed.now`."""

    strikes: int = 3
    queue_lines: int = 1000
    warn_seconds: float = 120
    settle_seconds: float = 0.3
    """So long must a router be quiet before a doubtful prompt is believed."""
    question_seconds: float = 8
    """So long before a question that has no answer here is cancelled."""
    hold_seconds: float = 2
    """So long is an unfinished line held back that may become a secret; then it is shown, masked as it stands."""
    stuck_seconds: float = 10
    """So long may a cancelled command take to come back."""
    login_seconds: float = 30
    """So long may the first prompt take, and each answer to a preparation line."""
    answers: int = 32
    """Sub-prompts of one command that are answered; one more cancels it."""
    pages: int = 10_000
    """Pages of one command; one more cancels it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """All a mediator needs to know; nothing here changes in a session but the deadline (`DeadlineMoved`)."""

    definition: PlatformDefinition
    decide: Decide
    own_line: OwnLine
    agrees: Agrees
    deadline: datetime
    shape: Shape = "shell"
    """How the router's side runs. A program that wants one command of a router without exec channels gets a shell."""
    asks: bool = False
    """A person at a terminal can be asked y/N."""
    offers: bool = False
    """Who is asked may also have the subscriber asked for a capability that is missing."""
    confirmed_by: str | None = None
    """How commands that need a confirmation count as confirmed where nobody is asked (exec, automation), if ever."""
    show_prompts: bool = False
    """The client has a terminal: it sees prompts and the lines it typed. Otherwise it gets output only."""
    newline: str | None = "\n"
    """Line end for the client: CR LF for a terminal, LF without; none (exec shape only): as the router wrote it."""
    limits: Limits = Limits()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Passwords the gateway answers with, by the names in `drivers.definition.SECRETS`."""
    hidden: frozenset[str] = field(default=frozenset(), repr=False)
    """Further secrets of the gateway; like `secrets`, they are masked wherever a router prints them."""
    scope: Scope = no_scope
    """Decides what of the home is masked in output."""
    help: Help | None = None
    preview: PreviewOf | None = None
    """What a line would do, where the router's session can tell before the rep confirms it."""

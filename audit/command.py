"""`NewCommand`, what the gateway asks to record, and `RecordedCommand`, the proof that it was recorded.

A router accepts bytes only in the form of a `RecordedCommand` (`drivers.session.DriverSession.send`), and only
`audit.journal` makes one, after the entry is durable.
"""

from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Literal

from audit._mint import KEY

Purpose = Literal["command", "preparation", "answer", "interrupt"]
"""Why bytes go to the router: a rep's line; the gateway's own set-up line; an answer to a pager or sub-prompt;
Ctrl-C to a running command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommand:
    """A command that policy allowed, ready to be recorded.

    `typed` and `canonical` are texts for the record: secrets in them are already redacted. `wire` alone may hold a
    secret; it is never stored. `deadline` is the end of the access grant: later than that the journal refuses.
    """

    session: str
    consent_ref: str
    deadline: datetime
    wire: bytes = field(repr=False)
    typed: str = field(repr=False)
    canonical: str = field(repr=False)
    capability: str
    rule_id: str
    policy_digest: str
    purpose: Purpose = "command"
    confirmed: str | None = None
    """How an `ask` capability was confirmed: terminal, exec, automation; none where it was not needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCommand:
    """Proof that a command's entry is durable. MUST be sent at most once, unchanged, to the session it names."""

    wire: bytes = field(repr=False)
    session: str
    consent_ref: str
    entry_index: int
    n: int
    """Number of the entry in its session's chain."""
    generation: int
    """Revocation and kill generation at the time of recording."""
    purpose: Purpose
    mint: InitVar[object]

    def __post_init__(self, mint: object) -> None:
        if mint is not KEY:
            raise TypeError("RecordedCommand is made by audit.journal only")

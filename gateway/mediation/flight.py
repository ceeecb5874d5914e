"""The one line that is under way, from its verdict to its result. Pure."""

from dataclasses import dataclass, field

from audit.command import Purpose, RecordedCommand
from gateway.mediation.display import Account
from gateway.mediation.events import RecordResult
from gateway.policy.verdict import Allow, Position


@dataclass(slots=True, kw_only=True)
class Flight:
    """A line that was allowed. Between `Record` and `Recorded` it has no command yet."""

    verdict: Allow
    purpose: Purpose
    confirmed: bool = False
    before: Position
    """Where the session stood when it was sent."""
    command: RecordedCommand | None = None
    account: Account = field(default_factory=Account)
    interrupted: bool = False
    cancelled: bool = False
    """Ctrl-C came before it was sent, so it is not sent."""
    given_up: bool = False
    """It asked something that has no answer here; it was cancelled and must come back soon."""
    answers: int = 0
    pages: int = 0
    secrets: set[str] = field(default_factory=set)
    """Secrets that were given; each is given once."""

    @property
    def expected(self) -> Position:
        """Where the session should stand afterwards."""
        return self.verdict.enters or self.before


def result(
    command: RecordedCommand, outcome: str, account: Account | None = None, exit_status: int | None = None
) -> RecordResult:
    """How `command` ended. Without an account it printed nothing of its own."""
    account = account or Account()
    return RecordResult(
        n=command.n,
        entry_index=command.entry_index,
        outcome=outcome,
        output_bytes=account.output_bytes,
        first_line=account.first_line,
        last_line=account.last_line,
        digest=account.digest,
        exit_status=exit_status,
    )

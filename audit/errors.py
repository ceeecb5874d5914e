"""Errors of the evidence."""

from config.errors import VestibuleError


class AuditError(VestibuleError):
    """Root of the family."""


class RecordFailed(AuditError):
    """The entry could not be made durable. Nothing that depends on it may happen; the session ends.

    After a failed write or sync the whole process is poisoned: every later append fails the same way.
    """


class Overloaded(RecordFailed):
    """The journal's queue is full; the line is refused at once."""


class RecordRefused(AuditError):
    """The journal is sound but will not record this command: its consent or its session has ended.

    `reason` is one word: revoked, expired, used_up, closed, killed or frozen.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"The command was not recorded and not sent: the consent or session has ended ({reason}).")
        self.reason = reason


class LogDamaged(AuditError):
    """The stored log contradicts itself or its signed checkpoint. Sessions stay closed until an operator acts."""


class KeyUnavailable(AuditError):
    """A key is missing or destroyed, so a sealed part cannot be opened."""

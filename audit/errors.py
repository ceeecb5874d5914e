"""Errors of the evidence."""

from config.errors import VestibuleError


class AuditError(VestibuleError):
    """Root of the family."""


class RecordFailed(AuditError):
    """The entry could not be made durable. Nothing that depends on it may happen; the session ends.

    After a failed write or sync the whole process is poisoned: every later append fails the same way.
    """


class WorkerFenced(RecordFailed):
    """Another run of this worker took its place: nothing more can be recorded by this one. `worker` is its name."""

    def __init__(self, worker: str) -> None:
        super().__init__(
            f"Worker '{worker}' was replaced by another process of that name after it had not been heard of. "
            "Nothing more is recorded or sent by this one; stop it."
        )
        self.worker = worker


class LeadLost(RecordFailed):
    """Another worker signs the log now, and this one did not know: it was not heard of for a while."""

    def __init__(self, worker: str) -> None:
        super().__init__(
            f"Another worker signs the log now: worker '{worker}' was not heard of for a while. Nothing more is "
            "recorded or sent by it; restart it."
        )


class Overloaded(RecordFailed):
    """The journal's queue is full; the line is refused at once."""


class RecordRefused(AuditError):
    """The journal is sound but will not record this: its consent or its session has ended.

    `reason` is one word: revoked, expired, used_up, denied, lapsed, closed, killed, frozen, unopened (no such session
    was opened) or duplicate (a session of this id exists already).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"The command was not recorded and not sent: the consent or session has ended ({reason}).")
        self.reason = reason


class BadEntry(AuditError):
    """What was handed in (or read) is not a well-formed entry. The text names the place, never the content."""


class LogDamaged(AuditError):
    """The stored log contradicts itself or its signed checkpoint. Sessions stay closed until an operator acts."""


class LogInUse(AuditError):
    """Another process has the log open for writing."""


class LogMissing(AuditError):
    """There is no log at this place, or it cannot be read."""


class SealBroken(AuditError):
    """A sealed part or recording chunk does not open under its own key: it was changed, or moved from elsewhere."""


class KeyUnavailable(AuditError):
    """A key is missing or destroyed, so a sealed part cannot be opened."""


class SignerUnavailable(AuditError):
    """The signer of checkpoints does not answer. That proves nothing: entries go on, their checkpoint comes later."""


class KeyHeld(AuditError):
    """A key was not destroyed because a hold keeps it. `hold` is the hold's id; release it first (two persons)."""

    def __init__(self, hold: str) -> None:
        super().__init__(f"Hold {hold} keeps this from being erased. Nothing was destroyed; release the hold first.")
        self.hold = hold


class PublishFailed(AuditError):
    """A place that the log is published to cannot be reached now. The record is not touched; it is tried again."""


class WitnessAway(AuditError):
    """A witness did not cosign: it does not answer, does not know the log, or is ahead. Asked again later."""


class WitnessAhead(WitnessAway):
    """A witness cosigned more entries than there are. Another worker may have been faster; else the log went back."""


class WitnessContradicts(AuditError):
    """A witness says that it cosigned another history of this log than the one it was shown."""

"""How a log's checkpoints are doing: signed, cosigned, delivered. For people; nothing is decided by it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What the publisher knows of its signer."""

    size: int | None
    """Entries under the last checkpoint; none if this process has signed none yet."""
    age_seconds: float | None
    """Since it was signed."""
    unsigned_seconds: float
    """How long the oldest entry has waited for a signature; 0 if all are covered."""
    answers: bool
    """Whether the signer answered when it was last asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Seconds are those of this process's clock."""

    signing: Signing | None
    """None: another worker signs."""
    quorum_age: float | None
    """Since a quorum of witnesses cosigned; none if none is asked for."""
    undelivered_seconds: float | None
    """How long the oldest checkpoint has waited to be delivered to object storage; none if there is no such place."""

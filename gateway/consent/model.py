"""A consent on record and its proof. States and rules: docs/explanation/consent.md and `gateway.consent.lifecycle`."""

from dataclasses import InitVar, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from gateway.consent._mint import KEY

Channel = Literal["link", "spoken_code", "app", "recorded_call"]


class State(StrEnum):
    """Where a consent stands."""

    REQUESTED = "requested"
    MORE_INFO_REQUESTED = "more-info-requested"
    GRANTED = "granted"
    DENIED = "denied"
    LAPSED = "lapsed"
    IN_USE = "in-use"
    EXTENSION_REQUESTED = "extension-requested"
    REVOKED = "revoked"
    EXPIRED = "expired"
    USED_UP = "used-up"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One request for access and what became of it. Replaced, never changed."""

    id: str
    state: State
    rep_id: str
    router_id: str
    subscriber_ref: str
    ticket: str = field(repr=False)
    reason: str = field(repr=False)
    language: Literal["en", "fr"]
    asked: tuple[str, ...]
    """Capabilities of class `scope` asked for."""
    minutes: int
    sessions: int
    requested_at: datetime
    lapses_at: datetime
    statement_digest: str
    granted: tuple[str, ...] = ()
    granted_at: datetime | None = None
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    channel: Channel | None = None
    evidence_digest: str | None = None
    entry_index: int | None = None
    """Index of the `consent.granted` entry."""
    sessions_used: int = 0
    ended_at: datetime | None = None
    code_attempts_left: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveConsent:
    """Proof that a consent covers this rep and router now. Made by `gateway.consent.lifecycle.activate` only."""

    consent_id: str
    rep_id: str
    router_id: str
    subscriber_ref: str
    scope: frozenset[str]
    expires_at: datetime
    statement_digest: str
    channel: Channel
    entry_index: int
    mint: InitVar[object]

    def __post_init__(self, mint: object) -> None:
        if mint is not KEY:
            raise TypeError("ActiveConsent is made by gateway.consent.lifecycle only")

"""A consent on record and its proof. States and rules: docs/explanation/consent.md and `gateway.consent.lifecycle`."""

from dataclasses import InitVar, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from gateway.consent._mint import KEY

Channel = Literal["link", "spoken_code", "app", "recorded_call"]
Language = Literal["en", "fr"]


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


PENDING: Final = frozenset({State.REQUESTED, State.MORE_INFO_REQUESTED})
"""The subscriber has not decided yet."""
LIVE: Final = frozenset({State.GRANTED, State.IN_USE, State.EXTENSION_REQUESTED})
"""Granted and not ended: sessions may open and run, as far as time and count allow."""
FINAL: Final = frozenset(State) - PENDING - LIVE
"""Never left again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of the subscriber and what the rep answered; both stay on record."""

    text: str = field(repr=False)
    asked_at: datetime
    answer: str | None = field(default=None, repr=False)
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """What the rep asks for while the consent is live: more time, further capabilities, or both."""

    minutes: int = 0
    scope: tuple[str, ...] = ()
    asked_at: datetime


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
    language: Language
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
    sessions_live: int = 0
    """Sessions opened under this consent and not yet over."""
    rep_alias: str = ""
    """What the subscriber calls the rep ("Rep 7F3A")."""
    router_name: str = field(default="", repr=False)
    """What the rep calls the router."""
    questions: tuple[Question, ...] = field(default=(), repr=False)
    extension: Extension | None = None
    """What is asked for in state `extension-requested`; none in every other state."""
    ended_reason: str | None = None
    """One word, once the state is final: revoked, expired, used_up, closed, denied, lapsed, undelivered, …"""
    revision: int = 0
    """How many transitions were recorded. A store replaces revision n only by a later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified consent token says (`gateway.consent.token`). Times are UTC, whole seconds."""

    consent_id: str
    subscriber_ref: str
    rep_id: str
    router_id: str
    scope: frozenset[str]
    not_before: datetime
    expires_at: datetime
    sessions: int
    statement_digest: str
    evidence_digest: str
    entry_index: int


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

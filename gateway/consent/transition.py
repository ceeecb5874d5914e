"""What every transition of a consent is made of: the checks of state and time, and the step itself. Pure.

Counterparts: `gateway.consent.lifecycle` and `gateway.consent.extension`, which say which steps there are.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from audit.entry import Kind, NewEntry
from gateway.consent.model import FINAL, LIVE, PENDING, Consent, State
from gateway.consent.record import By, entry_of
from gateway.errors import ConsentProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """`entry` MUST be durable before `consent` replaces what was."""

    consent: Consent
    entry: NewEntry

    @property
    def ended(self) -> str | None:
        """One word why the consent ended with this transition; none if it goes on."""
        return self.consent.ended_reason if self.consent.state in FINAL else None


SENTENCE: Final = {
    State.REQUESTED: "The subscriber has not decided on this request yet.",
    State.MORE_INFO_REQUESTED: "The subscriber asked a question about this request and has not decided yet.",
    State.DENIED: "The subscriber denied this request.",
    State.LAPSED: "This request was not answered in time; ask the subscriber again.",
    State.REVOKED: "The subscriber has revoked this consent.",
    State.EXPIRED: "The time the subscriber granted is over; ask for a new consent.",
    State.USED_UP: "All sessions the subscriber granted have been used; ask for a new consent.",
    State.CLOSED: "This consent was closed; ask for a new one.",
}


def problem(consent: Consent) -> ConsentProblem:
    """Why the consent's state forbids what was wanted, in one sentence."""
    if consent.state in LIVE:
        return ConsentProblem("granted", "The subscriber has already granted this request.")
    code = {State.REQUESTED: "pending", State.MORE_INFO_REQUESTED: "pending", State.USED_UP: "used_up"}
    return ConsentProblem(code.get(consent.state, consent.state.value), SENTENCE[consent.state])


def step(consent: Consent, **changes: object) -> Consent:
    """The next revision."""
    return replace(consent, revision=consent.revision + 1, **changes)  # type: ignore[arg-type]


def end(consent: Consent, state: State, kind: Kind, by: By, now: datetime, reason: str) -> Transition:
    """The last revision: `state` is final, `reason` one word. No session lives under it: those that did are cut."""
    after = step(consent, state=state, ended_at=now, ended_reason=reason, extension=None, sessions_live=0)
    return Transition(consent=after, entry=entry_of(kind, after, by))


def check_pending(consent: Consent, now: datetime) -> None:
    """Raise unless the subscriber may still decide. The lapse counts from its hour, not from when it is recorded."""
    if consent.state not in PENDING:
        raise problem(consent)
    if now >= consent.lapses_at:
        raise ConsentProblem("lapsed", SENTENCE[State.LAPSED])


def check_live(consent: Consent, now: datetime) -> None:
    """Raise unless granted, begun and not over. Time ends it by itself, also before the end is recorded."""
    if consent.state not in LIVE:
        raise problem(consent)
    if consent.starts_at is None or now < consent.starts_at:
        raise ConsentProblem("not_yet", "The time the subscriber granted has not begun.")
    if consent.expires_at is None or now >= consent.expires_at:
        raise ConsentProblem("expired", SENTENCE[State.EXPIRED])

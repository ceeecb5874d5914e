"""Asking for more while a consent is live: time, capabilities, or both. Pure; the same contract as `lifecycle`."""

from datetime import datetime, timedelta

from audit.entry import Kind
from config.settings import ConsentSettings
from gateway.consent.model import Consent, Extension, State
from gateway.consent.record import By, entry_of
from gateway.consent.terms import check_scope
from gateway.consent.transition import Transition, check_live, step
from gateway.errors import BadRequest, ConsentProblem


def request_extension(
    consent: Consent,
    minutes: int,
    scope: tuple[str, ...],
    limits: ConsentSettings,
    grantable: frozenset[str],
    by: By,
    now: datetime,
) -> Transition:
    """The rep asks for more while the consent is live: `minutes` on top, further `scope` capabilities, or both."""
    check_live(consent, now)
    if consent.state is State.EXTENSION_REQUESTED:
        raise ConsentProblem("pending", "An extension already waits for the subscriber's answer.")
    check_scope(scope, grantable)
    wanted = tuple(c for c in dict.fromkeys(scope) if c not in consent.granted)
    if minutes < 0 or (minutes == 0 and not wanted):
        raise BadRequest("An extension asks for more minutes, for capabilities not granted yet, or for both.")
    if minutes > _room(consent, limits):
        raise BadRequest(
            f"With this extension the consent would last longer than the {limits.max_minutes} minutes allowed; "
            f"at most {_room(consent, limits)} more can be asked for."
        )
    after = step(
        consent,
        state=State.EXTENSION_REQUESTED,
        extension=Extension(minutes=minutes, scope=wanted, asked_at=now),
        asked=tuple(dict.fromkeys((*consent.asked, *wanted))),
    )
    return Transition(consent=after, entry=entry_of(Kind.CONSENT_EXTENSION, after, by, extra={"phase": "asked"}))


def grant_extension(consent: Consent, by: By, now: datetime, *, scope: tuple[str, ...] | None = None) -> Transition:
    """The subscriber agrees to the extension; `scope` (part of what it asks for) leaves some of it out."""
    extension = _extension(consent, now)
    if scope is not None and not set(scope) <= set(extension.scope):
        raise BadRequest("Only what was asked for can be granted.")
    added = extension.scope if scope is None else tuple(c for c in extension.scope if c in scope)
    assert consent.expires_at is not None  # live
    after = step(
        consent,
        state=_running(consent),
        extension=None,
        granted=(*consent.granted, *added),
        minutes=consent.minutes + extension.minutes,
        expires_at=consent.expires_at + timedelta(minutes=extension.minutes),
    )
    return Transition(consent=after, entry=entry_of(Kind.CONSENT_EXTENSION, after, by, extra={"phase": "granted"}))


def refuse_extension(consent: Consent, by: By, now: datetime) -> Transition:
    """The subscriber leaves it at what was granted."""
    _extension(consent, now)
    after = step(consent, state=_running(consent), extension=None)
    return Transition(consent=after, entry=entry_of(Kind.CONSENT_EXTENSION, after, by, extra={"phase": "refused"}))


def _extension(consent: Consent, now: datetime) -> Extension:
    check_live(consent, now)
    if consent.extension is None:
        raise ConsentProblem("no_extension", "No extension is asked for.")
    return consent.extension


def _running(consent: Consent) -> State:
    """Where a live consent stands without an open extension."""
    return State.IN_USE if consent.sessions_used else State.GRANTED


def _room(consent: Consent, limits: ConsentSettings) -> int:
    """Whole minutes by which the consent may still grow."""
    return max(0, limits.max_minutes - consent.minutes)

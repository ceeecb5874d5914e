"""The rules of a consent: which transition is possible when, and the proof that one is active now. Pure.

Every function takes the consent as it stands and `now`, and returns a `Transition`: the consent as it will be and the
entry that MUST be durable before that takes effect. What is not possible raises `ConsentProblem` (the state forbids
it) or `BadRequest` (the input is wrong). Counterpart: `gateway.consent.service`, the only caller outside of tests.
Extensions stand in `gateway.consent.extension`.

    requested ──► more-info-requested ──► requested …                     (question, answer)
    requested, more-info-requested ──► granted | denied | lapsed | closed
    granted ──► in-use;  granted, in-use ──► extension-requested ──► back
    granted, in-use, extension-requested ──► revoked | expired | used-up | closed
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from audit.entry import Json, Kind
from config.settings import ConsentSettings
from gateway.access.identity import Principal, Router
from gateway.consent._mint import KEY
from gateway.consent.model import (
    FINAL,
    LIVE,
    PENDING,
    ActiveConsent,
    Channel,
    Claims,
    Consent,
    Language,
    Question,
    State,
)
from gateway.consent.record import GATEWAY, By, entry_of, stamp
from gateway.consent.terms import check_range, check_scope, free_text, listed
from gateway.consent.transition import SENTENCE, Transition, check_live, check_pending, end, problem, step
from gateway.errors import BadRequest, ConsentProblem

MAX_QUESTIONS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A rep's request, before any check."""

    id: str
    principal: Principal
    router: Router
    ticket: str
    reason: str
    scope: tuple[str, ...]
    minutes: int
    sessions: int
    language: Language
    statement_version: str
    statement_digest: str
    channel: Channel
    """How the subscriber will be asked; the record of the grant names what was really used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Which statement a subscriber had in front of them: its language and its digest."""

    language: Language
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How a grant was obtained: the channel, what shows it (sealed), and its digest (SHA-256, hex).

    `digest` MUST cover something unguessable (a token's hash, a salt), because it stands in the open part.
    """

    channel: Channel
    digest: str
    detail: dict[str, Json]


def request(asking: Asking, limits: ConsentSettings, grantable: frozenset[str], by: By, now: datetime) -> Transition:
    """A new request. `grantable` are the capabilities of class `scope`. Raises `BadRequest`."""
    check_scope(asking.scope, grantable)
    check_range("minutes", asking.minutes, limits.max_minutes)
    check_range("sessions", asking.sessions, limits.max_sessions)
    if asking.language not in limits.languages:
        raise BadRequest(f"The statement is not offered in {asking.language!r}; use one of {listed(limits.languages)}.")
    consent = Consent(
        id=asking.id,
        state=State.REQUESTED,
        rep_id=asking.principal.id,
        rep_alias=asking.principal.alias,
        router_id=asking.router.id,
        router_name=asking.router.name,
        subscriber_ref=asking.router.subscriber_ref,
        ticket=free_text("ticket", asking.ticket, 64),
        reason=free_text("reason", asking.reason),
        language=asking.language,
        asked=tuple(dict.fromkeys(asking.scope)),
        minutes=asking.minutes,
        sessions=asking.sessions,
        requested_at=now,
        lapses_at=now + timedelta(minutes=limits.request_minutes),
        statement_digest=asking.statement_digest,
        code_attempts_left=limits.code_attempts,
        revision=1,
    )
    facts: dict[str, Json] = {"statement": asking.statement_version, "by_channel": asking.channel}
    subj: dict[str, Json] = {
        "controller": limits.controller,
        "router_name": consent.router_name,
        "ticket": consent.ticket,
        "reason": consent.reason,
    }
    return Transition(consent=consent, entry=entry_of(Kind.CONSENT_ASKED, consent, by, extra=facts, subj=subj))


def grant(
    consent: Consent,
    proof: Proof,
    by: By,
    now: datetime,
    *,
    scope: tuple[str, ...] | None = None,
    minutes: int | None = None,
    shown: Shown | None = None,
) -> Transition:
    """The subscriber agrees: to all, or to less (`scope` part of what was asked, `minutes` fewer).

    `shown` is the statement that was in front of the subscriber, if it was not the one the request was made with.
    """
    check_pending(consent, now)
    granted = consent.asked if scope is None else tuple(c for c in consent.asked if c in scope)
    if scope is not None and not set(scope) <= set(consent.asked):
        raise BadRequest("Only what was asked for can be granted.")
    if proof.channel == "recorded_call" and granted:
        raise BadRequest("A recorded call alone cannot grant extra capabilities; send a link or a code instead.")
    duration = consent.minutes if minutes is None else minutes
    check_range("minutes", duration, consent.minutes)
    after = step(
        consent,
        state=State.GRANTED,
        granted=granted,
        minutes=duration,
        granted_at=now,
        starts_at=now,
        expires_at=now + timedelta(minutes=duration),
        channel=proof.channel,
        evidence_digest=proof.digest,
        language=shown.language if shown else consent.language,
        statement_digest=shown.digest if shown else consent.statement_digest,
    )
    extra: dict[str, Json] = {"withdrawal": "subscriber-page"}
    return Transition(
        consent=after,
        entry=entry_of(Kind.CONSENT_GRANTED, after, by, extra=extra, subj={"proof": proof.detail}),
    )


def recorded(consent: Consent, entry_index: int) -> Consent:
    """The granted consent with the index of its entry, known once that is durable."""
    return replace(consent, entry_index=entry_index)


def deny(consent: Consent, by: By, now: datetime) -> Transition:
    """The subscriber says no."""
    check_pending(consent, now)
    return end(consent, State.DENIED, Kind.CONSENT_DENIED, by, now, "denied")


def ask_question(consent: Consent, text: str, by: By, now: datetime) -> Transition:
    """The subscriber wants to know more before deciding."""
    check_pending(consent, now)
    if len(consent.questions) >= MAX_QUESTIONS:
        raise BadRequest(f"At most {MAX_QUESTIONS} questions can be asked on one request.")
    question = Question(text=free_text("question", text), asked_at=now)
    after = step(consent, state=State.MORE_INFO_REQUESTED, questions=(*consent.questions, question))
    return Transition(
        consent=after,
        entry=entry_of(Kind.CONSENT_QUESTION, after, by, extra={"at": stamp(now)}, subj={"question": question.text}),
    )


def answer_question(consent: Consent, text: str, by: By, now: datetime) -> Transition:
    """The rep answers the last question in writing."""
    check_pending(consent, now)
    if consent.state is not State.MORE_INFO_REQUESTED:
        raise ConsentProblem("no_question", "The subscriber has no open question on this request.")
    answered = replace(consent.questions[-1], answer=free_text("answer", text), answered_at=now)
    after = step(consent, state=State.REQUESTED, questions=(*consent.questions[:-1], answered))
    return Transition(
        consent=after,
        entry=entry_of(Kind.CONSENT_ANSWER, after, by, extra={"at": stamp(now)}, subj={"answer": answered.answer}),
    )


def lapse(consent: Consent, now: datetime, *, reason: str = "lapsed") -> Transition:
    """A request ends unanswered: its time is over, or (`reason` undelivered) it never reached the subscriber."""
    if consent.state not in PENDING:
        raise problem(consent)
    if reason == "lapsed" and now < consent.lapses_at:
        raise ConsentProblem("pending", "The request can still be answered.")
    return end(consent, State.LAPSED, Kind.CONSENT_LAPSED, GATEWAY, now, reason)


def wrong_code(consent: Consent, by: By, now: datetime) -> Transition:
    """A wrong code was entered; the last allowed attempt ends the request."""
    check_pending(consent, now)
    left = consent.code_attempts_left - 1
    if left <= 0:
        spent = replace(consent, code_attempts_left=0)
        return end(spent, State.LAPSED, Kind.CONSENT_LAPSED, by, now, "code_attempts")
    after = step(consent, code_attempts_left=left)
    return Transition(consent=after, entry=entry_of(Kind.AUTH_FAIL, after, by, extra={"what": "consent_code"}))


def use(consent: Consent, session: str | None, by: By, now: datetime) -> Transition:
    """A session opens under the consent; `session` is its id if known."""
    check_live(consent, now)
    if consent.sessions_used >= consent.sessions:
        raise ConsentProblem("used_up", SENTENCE[State.USED_UP])
    state = State.EXTENSION_REQUESTED if consent.state is State.EXTENSION_REQUESTED else State.IN_USE
    after = step(consent, state=state, sessions_used=consent.sessions_used + 1, sessions_live=consent.sessions_live + 1)
    extra: dict[str, Json] = {} if session is None else {"session": session}
    return Transition(consent=after, entry=entry_of(Kind.CONSENT_USED, after, by, extra=extra))


def released(consent: Consent) -> Consent:
    """One session fewer is open. No transition by itself: the session's own closing entry is its evidence."""
    if consent.sessions_live == 0:
        return consent
    return step(consent, sessions_live=consent.sessions_live - 1)


def is_used_up(consent: Consent) -> bool:
    """Whether every session it was given for was opened and is over."""
    return consent.state in LIVE and consent.sessions_used >= consent.sessions and consent.sessions_live == 0


def use_up(consent: Consent, now: datetime) -> Transition:
    """The last session is over."""
    if consent.state not in LIVE:
        raise problem(consent)
    if not is_used_up(consent):
        raise ConsentProblem("in_use", "The consent still covers a session.")
    return end(consent, State.USED_UP, Kind.CONSENT_USED_UP, GATEWAY, now, "used_up")


def revoke(consent: Consent, by: By, now: datetime) -> Transition:
    """The subscriber takes the consent back. Possible at any moment while it is live, also past its end."""
    if consent.state not in LIVE:
        raise problem(consent)
    return end(consent, State.REVOKED, Kind.CONSENT_REVOKED, by, now, "revoked")


def expire(consent: Consent, now: datetime) -> Transition:
    """The granted time is over."""
    if consent.state not in LIVE:
        raise problem(consent)
    if consent.expires_at is not None and now < consent.expires_at:
        raise ConsentProblem("in_use", "The granted time is not over yet.")
    return end(consent, State.EXPIRED, Kind.CONSENT_EXPIRED, GATEWAY, now, "expired")


def time_out(consent: Consent, now: datetime) -> Transition:
    """Whichever end time brings: `lapse` while the subscriber has not decided, `expire` once granted."""
    return lapse(consent, now) if consent.state in PENDING else expire(consent, now)


def close(consent: Consent, by: By, now: datetime) -> Transition:
    """The rep needs it no longer (or withdraws the request)."""
    if consent.state in FINAL:
        raise problem(consent)
    return end(consent, State.CLOSED, Kind.CONSENT_CLOSED, by, now, "closed")


def router_reset(consent: Consent, now: datetime) -> Transition:
    """The router lost its settings or moved to another place: what was agreed to was agreed to for the one before."""
    if consent.state not in LIVE:
        raise problem(consent)
    return end(consent, State.CLOSED, Kind.CONSENT_CLOSED, GATEWAY, now, "router_reset")


def activate(
    consent: Consent | None, claims: Claims | None, principal: Principal, router: Router, now: datetime
) -> ActiveConsent:
    """The proof that `consent` covers this rep and this router now; the only maker of `ActiveConsent`.

    `claims` are those of the bearer's verified token, if one was shown: they can narrow, never widen, what the record
    says. Raises `ConsentProblem` with the first reason that holds.
    """
    if consent is None:
        raise ConsentProblem("missing", "There is no consent of the subscriber for this router; ask for one first.")
    if claims is not None:
        _match(claims, consent)
    if consent.rep_id != principal.id:
        raise ConsentProblem("other_rep", "This consent was given to somebody else; it cannot be passed on.")
    if consent.router_id != router.id:
        raise ConsentProblem("other_router", "This consent is for another router.")
    check_live(consent, now)
    if consent.sessions_used >= consent.sessions:
        raise ConsentProblem("used_up", SENTENCE[State.USED_UP])
    if consent.entry_index is None or consent.channel is None or consent.expires_at is None:
        raise ConsentProblem("missing", "The grant of this consent is not on record; ask the subscriber again.")
    scope, expires_at = frozenset(consent.granted), consent.expires_at
    if claims is not None:
        scope, expires_at = scope & claims.scope, min(expires_at, claims.expires_at)
        if now >= expires_at:
            raise ConsentProblem("expired", "The time on this consent token is over; have it issued again.")
    return ActiveConsent(
        consent_id=consent.id,
        rep_id=consent.rep_id,
        router_id=consent.router_id,
        subscriber_ref=consent.subscriber_ref,
        scope=scope,
        expires_at=expires_at,
        statement_digest=consent.statement_digest,
        channel=consent.channel,
        entry_index=consent.entry_index,
        mint=KEY,
    )


def _match(claims: Claims, consent: Consent) -> None:
    """Raise `forged` unless the claims say what the record says, or less. Signed, so a difference is no accident."""
    same = (
        claims.consent_id == consent.id
        and claims.rep_id == consent.rep_id
        and claims.router_id == consent.router_id
        and claims.subscriber_ref == consent.subscriber_ref
        and claims.statement_digest == consent.statement_digest
        and claims.evidence_digest == consent.evidence_digest
        and claims.entry_index == consent.entry_index
        and claims.sessions == consent.sessions
        and claims.scope <= frozenset(consent.granted)
        and (consent.expires_at is None or claims.expires_at <= consent.expires_at)
    )
    if not same:
        raise ConsentProblem("forged", "This consent token does not agree with the record; it is not accepted.")

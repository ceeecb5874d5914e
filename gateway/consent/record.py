"""How a consent's transitions read in the evidence: the entry of each, and a consent rebuilt from them. Pure.

Counterpart: `gateway.consent.lifecycle` decides the transition, this module words it. The fields follow the consent
record of ISO/IEC TS 27560 (purpose, scope, duration, notice, collection method, evidence, withdrawal). Facts carry
nothing personal and no text: rep, router, subscriber, ticket and what people wrote stand in the sealed parts.

Each entry tells the whole state after it, so a store that missed one is brought in line by `rebuild` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, cast

from audit.entry import Compartment, Json, Kind, NewEntry
from gateway.consent.model import PENDING, Channel, Consent, Extension, Language, Question, State

PURPOSE = "router-support"
"""The one purpose a consent is asked for: support at the router, and no further."""

COLLECTION_METHOD: Mapping[Channel, str] = {
    "link": "web-link",
    "spoken_code": "code-read-back",
    "app": "in-app",
    "recorded_call": "recorded-call",
}
"""The record's word for how consent was collected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who made a transition, for the sealed part `who`."""

    role: Literal["subscriber", "rep", "supervisor", "automation", "gateway"]
    id: str = field(default="", repr=False)
    """Principal, empty for the subscriber and the gateway itself."""
    source: str = field(default="", repr=False)
    """Network address the act came from."""


GATEWAY = By(role="gateway")


def stamp(moment: datetime) -> str:
    """RFC 3339, UTC, microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def entry_of(
    kind: Kind,
    after: Consent,
    by: By,
    *,
    extra: Mapping[str, Json] | None = None,
    subj: Mapping[str, Json] | None = None,
) -> NewEntry:
    """The entry that records the transition to `after`."""
    sealed: dict[Compartment, Mapping[str, Json]] = {
        "who": {"by": by.role, "id": by.id, "source": by.source, "rep": after.rep_id, "alias": after.rep_alias},
        "subj": {"router": after.router_id, "subscriber": after.subscriber_ref, **(subj or {})},
    }
    return NewEntry(
        kind=kind, consent_ref=after.id, retention="consent", facts={**_state(after), **(extra or {})}, sealed=sealed
    )


def _state(consent: Consent) -> dict[str, Json]:
    """All of a consent that is not personal, in the words of the record. Unset fields are left out."""
    facts: dict[str, Json | None] = {
        "state": consent.state.value,
        "rev": consent.revision,
        "purpose": PURPOSE,
        "asked": list(consent.asked),
        "granted": list(consent.granted) if consent.state not in PENDING else None,
        "minutes": consent.minutes,
        "sessions": consent.sessions,
        "used": consent.sessions_used,
        "attempts": consent.code_attempts_left,
        "lang": consent.language,
        "notice": consent.statement_digest,
        "requested": stamp(consent.requested_at),
        "lapses": stamp(consent.lapses_at),
        "starts": stamp(consent.starts_at) if consent.starts_at else None,
        "expires": stamp(consent.expires_at) if consent.expires_at else None,
        "ended": stamp(consent.ended_at) if consent.ended_at else None,
        "reason": consent.ended_reason,
        "channel": consent.channel,
        "method": COLLECTION_METHOD[consent.channel] if consent.channel else None,
        "evidence": consent.evidence_digest,
        "grant": consent.entry_index,
    }
    if (asked := consent.extension) is not None:
        facts |= {"ext_minutes": asked.minutes, "ext_scope": list(asked.scope), "ext_at": stamp(asked.asked_at)}
    return {key: value for key, value in facts.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEntry:
    """A consent entry read back from the journal."""

    index: int
    kind: Kind
    consent_ref: str
    facts: Mapping[str, Any]
    who: Mapping[str, Any] = field(repr=False)
    subj: Mapping[str, Any] = field(repr=False)


def rebuild(before: Consent | None, past: PastEntry) -> Consent | None:
    """The consent as the journal has it after `past`.

    `before` is what the store has (none if it never heard of this consent). Returns `before` unchanged if it is not
    behind. None if the consent cannot be known: its first entry is not the one given.
    """
    facts = past.facts
    if "rev" not in facts:
        return before
    if before is None:
        if past.kind is not Kind.CONSENT_ASKED:
            return None
        before = _first(past)
    elif before.revision >= int(facts["rev"]):
        return before
    after = replace(
        before,
        state=State(facts["state"]),
        revision=int(facts["rev"]),
        asked=tuple(facts["asked"]),
        granted=tuple(facts.get("granted", ())),
        sessions=int(facts["sessions"]),
        sessions_used=int(facts["used"]),
        code_attempts_left=int(facts["attempts"]),
        minutes=int(facts["minutes"]),
        starts_at=_moment(facts.get("starts")),
        granted_at=_moment(facts.get("starts")),
        expires_at=_moment(facts.get("expires")),
        ended_at=_moment(facts.get("ended")),
        ended_reason=facts.get("reason"),
        channel=cast("Channel | None", facts.get("channel")),
        evidence_digest=facts.get("evidence"),
        entry_index=past.index if past.kind is Kind.CONSENT_GRANTED else facts.get("grant"),
        extension=_extension(facts),
        language=cast("Language", facts["lang"]),
        statement_digest=facts["notice"],
    )
    return replace(after, questions=_questions(before.questions, past))


def _first(past: PastEntry) -> Consent:
    """A consent from its `consent.asked` entry."""
    facts, subj = past.facts, past.subj
    return Consent(
        id=past.consent_ref,
        state=State.REQUESTED,
        rep_id=past.who["rep"],
        rep_alias=past.who["alias"],
        router_id=subj["router"],
        router_name=subj["router_name"],
        subscriber_ref=subj["subscriber"],
        ticket=subj["ticket"],
        reason=subj["reason"],
        language=cast("Language", facts["lang"]),
        asked=tuple(facts["asked"]),
        minutes=int(facts["minutes"]),
        sessions=int(facts["sessions"]),
        requested_at=datetime.fromisoformat(facts["requested"]),
        lapses_at=datetime.fromisoformat(facts["lapses"]),
        statement_digest=facts["notice"],
    )


def _questions(known: tuple[Question, ...], past: PastEntry) -> tuple[Question, ...]:
    if past.kind is Kind.CONSENT_QUESTION:
        return (*known, Question(text=past.subj["question"], asked_at=datetime.fromisoformat(past.facts["at"])))
    if past.kind is Kind.CONSENT_ANSWER and known:
        at = datetime.fromisoformat(past.facts["at"])
        return (*known[:-1], replace(known[-1], answer=past.subj["answer"], answered_at=at))
    return known


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _extension(facts: Mapping[str, Any]) -> Extension | None:
    if "ext_at" not in facts:
        return None
    return Extension(
        minutes=int(facts["ext_minutes"]),
        scope=tuple(facts["ext_scope"]),
        asked_at=datetime.fromisoformat(facts["ext_at"]),
    )

"""What a live session puts on record, as values. Pure; `gateway.session.runner` appends them.

Facts are open for ever and hold no text of a rep or a router; those go into sealed parts.
"""

from dataclasses import dataclass

from audit.command import NewCommand, RecordedCommand
from audit.entry import Json, Kind, NewEntry
from gateway.access.identity import AccessGrant
from gateway.mediation.events import Record, RecordBlocked, RecordResult


@dataclass(frozen=True, slots=True)
class Closing:
    """How a session ended: one word for the record, a sentence for the rep, an exit status for programs."""

    reason: str
    message: str
    exit_status: int


@dataclass(slots=True)
class Totals:
    """Counts that go into the closing entry."""

    commands: int = 0
    blocked: int = 0
    output_bytes: int = 0


def command(session: str, grant: AccessGrant, effect: Record) -> NewCommand:
    """The intent: what is about to be sent, and why it may."""
    verdict = effect.verdict
    return NewCommand(
        session=session,
        consent_ref=grant.consent_ref,
        deadline=grant.deadline,
        wire=effect.wire,
        typed=verdict.typed_shown,
        canonical=verdict.shown,
        capability=verdict.capability,
        rule_id=verdict.rule_id,
        policy_digest=verdict.policy_digest,
        purpose=effect.purpose,
        confirmed=effect.confirmed,
    )


def sent(session: str, grant: AccessGrant, recorded: RecordedCommand) -> NewEntry:
    """The bytes of a recorded command were written to the router."""
    facts: dict[str, Json] = {"of": recorded.n}
    if recorded.purpose != "answer":  # the length of an answer may be that of a password
        facts["bytes"] = len(recorded.wire)
    return NewEntry(kind=Kind.CMD_SENT, session=session, consent_ref=grant.consent_ref, facts=facts)


def result(session: str, grant: AccessGrant, effect: RecordResult) -> NewEntry:
    """How a sent command ended, and a digest of what it printed."""
    return NewEntry(
        kind=Kind.CMD_RESULT,
        session=session,
        consent_ref=grant.consent_ref,
        facts={"of": effect.n, "outcome": effect.outcome, "bytes": effect.output_bytes, "exit": effect.exit_status},
        sealed={"out": {"sha256": effect.digest.hex(), "first": effect.first_line, "last": effect.last_line}},
    )


def blocked(session: str, grant: AccessGrant, effect: RecordBlocked) -> NewEntry:
    """A line that was refused."""
    verdict = effect.verdict
    return NewEntry(
        kind=Kind.CMD_BLOCKED,
        session=session,
        consent_ref=grant.consent_ref,
        policy_digest=verdict.policy_digest or None,  # what no policy saw (control characters) has none
        retention="strike",
        facts={"verdict": "deny", "why": verdict.kind, "rule": verdict.rule_id, "cap": verdict.capability},
        sealed={"act": {"typed": verdict.typed_shown, "reason": verdict.reason}},
    )


def strike(session: str, grant: AccessGrant, number: int, capability: str) -> NewEntry:
    """A refused line that counts as one of the strikes."""
    return NewEntry(
        kind=Kind.STRIKE,
        session=session,
        consent_ref=grant.consent_ref,
        retention="strike",
        facts={"number": number, "cap": capability},
    )


def closed(session: str, grant: AccessGrant, closing: Closing, totals: Totals) -> NewEntry:
    """The end of a session, with its totals."""
    return NewEntry(
        kind=Kind.SESSION_CLOSED,
        session=session,
        consent_ref=grant.consent_ref,
        facts={
            "reason": closing.reason,
            "commands": totals.commands,
            "blocked": totals.blocked,
            "bytes": totals.output_bytes,
            "exit": closing.exit_status,
        },
    )

"""The vocabulary of the journal: kinds, compartments, retention classes, and what a writer hands in.

The stored form (leaf bytes, RFC 8785 canonical JSON) is described in docs/reference/entry.md and built by
`audit.leaf`. Names of people, serials, addresses and command words go into `sealed`, never into `facts`.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Literal, TypeAlias

from config.records import record

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
Compartment = Literal["who", "subj", "act", "out"]
RetentionClass = Literal["access", "recording", "strike", "consent"]


_NOT_IN_TOKENS = re.compile(r"[^!#-\[\]-~]")


class Kind(StrEnum):
    """What an entry says."""

    LOG_START = "log.start"
    LOG_STOP = "log.stop"
    LOG_ROTATE = "log.rotate"
    LOG_KEY = "log.key"
    LOG_CLOCK = "log.clock"
    POLICY_LOAD = "policy.load"
    AUTH_OK = "auth.ok"
    AUTH_FAIL = "auth.fail"
    AUTH_MFA = "auth.mfa"
    CONSENT_ASKED = "consent.asked"
    CONSENT_QUESTION = "consent.question"
    CONSENT_ANSWER = "consent.answer"
    CONSENT_GRANTED = "consent.granted"
    CONSENT_DENIED = "consent.denied"
    CONSENT_LAPSED = "consent.lapsed"
    CONSENT_EXTENSION = "consent.extension"
    CONSENT_REVOKED = "consent.revoked"
    CONSENT_EXPIRED = "consent.expired"
    CONSENT_USED = "consent.used"
    CONSENT_USED_UP = "consent.used_up"
    CONSENT_CLOSED = "consent.closed"
    SESSION_REQUESTED = "session.requested"
    SESSION_OPENED = "session.opened"
    SESSION_REFUSED = "session.refused"
    SESSION_CLOSED = "session.closed"
    SESSION_KILLED = "session.killed"
    SESSION_FROZEN = "session.frozen"
    SESSION_ATTEMPT = "session.attempt"
    """A protocol feature that Vestibule refuses was asked for: forwarding, agent, X11, SFTP and the like."""
    CMD_INTENT = "cmd.intent"
    CMD_BLOCKED = "cmd.blocked"
    CMD_SENT = "cmd.sent"
    CMD_RESULT = "cmd.result"
    CMD_UNKNOWN = "cmd.unknown"
    RPC_INTENT = "rpc.intent"
    """A CWMP RPC is about to be sent to a CPE, for a rep's command or for the provider's ACS."""
    RPC_BLOCKED = "rpc.blocked"
    """An RPC of the provider's ACS that the machine profile refused; the CPE never saw it."""
    RPC_RESULT = "rpc.result"
    CPE_INFORM = "cpe.inform"
    CPE_REFUSED = "cpe.refused"
    """A CPE that is not known, or did not prove who it is."""
    CPE_VIOLATION = "cpe.violation"
    """What a CPE or an ACS sent broke the protocol; its connection was closed."""
    CPE_EVENT = "cpe.event"
    """Something that an earlier session set going has come to its end: a reboot, a transfer."""
    API_CALL = "api.call"
    REC_CHUNK = "rec.chunk"
    REC_END = "rec.end"
    WATCH_JOIN = "watch.join"
    WATCH_LEAVE = "watch.leave"
    REVIEW_ASSIGNED = "review.assigned"
    REVIEW_GRADED = "review.graded"
    REVIEW_ESCALATED = "review.escalated"
    STRIKE = "strike"
    REPLAY_VIEW = "replay.view"
    SEARCH_QUERY = "search.query"
    EXPORT_MADE = "export.made"
    HOLD_SET = "hold.set"
    HOLD_RELEASE = "hold.release"
    ERASE_DONE = "erase.done"
    APPROVAL_ASKED = "approval.asked"
    """Something that takes two persons was asked for: an erasure, the end of a hold, an unsealing."""
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_REFUSED = "approval.refused"
    ADMIN_CHANGE = "admin.change"
    INTEGRITY_SEAL = "integrity.seal"
    INTEGRITY_ALARM = "integrity.alarm"


@record(kw_only=True)
class NewEntry:
    """An entry as its writer hands it in.

    `facts` become the head's `d`: small, not personal, readable by anyone for ever. `sealed` holds the personal part,
    one JSON object a compartment.
    """

    kind: Kind
    session: str | None = None
    consent_ref: str | None = None
    policy_digest: str | None = None
    retention: RetentionClass = "access"
    subscriber: str | None = None
    """Whom an entry outside sessions and consents is about (a subscriber reference): keys of their own seal it, so that
    it can be erased with them. Not stored in the head."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    sealed: Mapping[Compartment, Mapping[str, Json]] = field(default_factory=dict, repr=False)


def token(text: str) -> str:
    """`text` from outside (a protocol's name for something) in the form that a fact can hold: everything but visible
    ASCII becomes `_`, and it ends after 128 characters. MUST NOT be used to bring personal data into facts."""
    return _NOT_IN_TOKENS.sub("_", text)[:128]


@record
class EntryRef:
    """Where an entry stands: its index in the log, its leaf hash (32 bytes), its number in its session's chain."""

    index: int
    leaf_hash: bytes
    n: int | None

"""The receipt: the record of a consent as its subscriber keeps it (fields after ISO/IEC TS 27560). Pure.

The rep appears under the fixed alias. `entry` is the place of the grant in the sealed log, for checking it later.
"""

import json
from datetime import datetime
from typing import Any

from gateway.consent.model import Consent
from gateway.consent.record import COLLECTION_METHOD, PURPOSE, stamp
from gateway.consent.statement import sentence


def receipt(consent: Consent, controller: str, statement: str) -> bytes:
    """JSON, UTF-8, indented for reading."""
    record: dict[str, Any] = {
        "schema": "vestibule/consent-receipt/1",
        "consent": consent.id,
        "controller": controller,
        "collector": consent.rep_alias,
        "purpose": PURPOSE,
        "reason": consent.reason,
        "ticket": consent.ticket,
        "language": consent.language,
        "scope": [
            {"capability": capability, "meaning": sentence(capability, consent.language)}
            for capability in consent.granted
        ],
        "asked": list(consent.asked),
        "minutes": consent.minutes,
        "sessions": consent.sessions,
        "sessions_used": consent.sessions_used,
        "collection_method": COLLECTION_METHOD[consent.channel] if consent.channel else None,
        "evidence_sha256": consent.evidence_digest,
        "requested": _time(consent.requested_at),
        "granted": _time(consent.granted_at),
        "expires": _time(consent.expires_at),
        "ended": _time(consent.ended_at),
        "ended_by": consent.ended_reason,
        "state": consent.state.value,
        "entry": consent.entry_index,
        "questions": [
            {"question": question.text, "answer": question.answer, "asked": _time(question.asked_at)}
            for question in consent.questions
        ],
        "statement": {"sha256": consent.statement_digest, "text": statement},
    }
    return (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode()


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)

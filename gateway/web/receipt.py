"""The receipt: the record of a consent as its subscriber keeps it (fields after ISO/IEC TS 27560). Pure.

The rep appears under the fixed alias. `entry` is the place of the grant in the log; `evidence` holds that entry as it
stands there and its C2SP tlog-proof, so that anybody can check, without the provider, that this consent was recorded.
"""

import json
from datetime import datetime
from typing import Any

from gateway.consent.model import Consent
from gateway.consent.record import COLLECTION_METHOD, PURPOSE, stamp
from gateway.consent.statement import sentence
from gateway.evidence.exporting import GrantProof


def receipt(consent: Consent, controller: str, statement: str, proof: GrantProof | None = None) -> bytes:
    """JSON, UTF-8, indented for reading. Without a proof `evidence` is null."""
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
        "evidence": None if proof is None else _evidence(proof),
    }
    return (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode()


def _evidence(proof: GrantProof) -> dict[str, Any]:
    """Texts, so that each can be cut out and checked byte for byte."""
    return {
        "head": proof.head.decode(),
        "proof": proof.proof.decode(),
        "disclosed": {} if proof.subj is None else {"subj": dict(proof.subj)},
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)

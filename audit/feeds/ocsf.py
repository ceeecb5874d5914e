"""Entries as OCSF events (Open Cybersecurity Schema Framework, version 1.3.0): one JSON object each. Pure.

Classes: sign-ins are Authentication (3002), consents User Access Management (3005), sessions SSH Activity (4007) and
Authorize Session (3003), commands API Activity (6003), strikes and alarms Detection Finding (2004), what happens to the
log Event Log Activity (1008), the rest Entity Management (3004). `metadata.uid` is `<origin>#<index>`.
"""

import json
from typing import Any, Final

from audit.entry import Kind
from audit.feeds.event import DENIED, Event, Party

VERSION: Final = "1.3.0"

_CATEGORY: Final = {
    1008: (1, "System Activity"),
    2004: (2, "Findings"),
    3002: (3, "Identity & Access Management"),
    3003: (3, "Identity & Access Management"),
    3004: (3, "Identity & Access Management"),
    3005: (3, "Identity & Access Management"),
    4007: (4, "Network Activity"),
    6003: (6, "Application Activity"),
}

# Kind: (class, activity, severity). Severities: 1 informational, 2 low, 3 medium, 4 high, 5 critical.
_KNOWN: Final[dict[Kind, tuple[int, int, int]]] = {
    Kind.AUTH_OK: (3002, 1, 1),
    Kind.AUTH_FAIL: (3002, 1, 3),
    Kind.AUTH_MFA: (3002, 1, 1),
    Kind.CONSENT_GRANTED: (3005, 1, 1),
    Kind.CONSENT_EXTENSION: (3005, 1, 1),
    Kind.CONSENT_REVOKED: (3005, 2, 2),
    Kind.CONSENT_EXPIRED: (3005, 2, 1),
    Kind.CONSENT_CLOSED: (3005, 2, 1),
    Kind.CONSENT_USED_UP: (3005, 2, 1),
    Kind.SESSION_REQUESTED: (3003, 1, 1),
    Kind.SESSION_OPENED: (4007, 1, 1),
    Kind.SESSION_CLOSED: (4007, 2, 1),
    Kind.SESSION_REFUSED: (4007, 5, 2),
    Kind.SESSION_KILLED: (4007, 3, 3),
    Kind.SESSION_FROZEN: (4007, 3, 3),
    Kind.SESSION_ATTEMPT: (4007, 5, 3),
    Kind.CMD_INTENT: (6003, 3, 1),
    Kind.CMD_BLOCKED: (6003, 3, 2),
    Kind.CMD_SENT: (6003, 3, 1),
    Kind.CMD_RESULT: (6003, 2, 1),
    Kind.CMD_UNKNOWN: (6003, 99, 3),
    Kind.RPC_INTENT: (6003, 3, 1),
    Kind.RPC_BLOCKED: (6003, 3, 2),
    Kind.RPC_RESULT: (6003, 2, 1),
    Kind.CPE_INFORM: (3002, 1, 1),
    Kind.CPE_REFUSED: (3002, 1, 3),
    Kind.CPE_VIOLATION: (2004, 1, 3),
    Kind.CPE_EVENT: (6003, 99, 1),
    Kind.API_CALL: (6003, 2, 1),
    Kind.STRIKE: (2004, 1, 4),
    Kind.INTEGRITY_ALARM: (2004, 1, 5),
    Kind.LOG_START: (1008, 3, 1),
    Kind.LOG_STOP: (1008, 4, 2),
    Kind.LOG_ROTATE: (1008, 6, 2),
    Kind.EXPORT_MADE: (1008, 7, 2),
    Kind.ERASE_DONE: (1008, 2, 3),
    Kind.REPLAY_VIEW: (3004, 2, 1),
    Kind.SEARCH_QUERY: (3004, 2, 1),
}
_UPDATED: Final = ("admin.", "policy.", "consent.", "approval.", "review.")


def ocsf(event: Event) -> bytes:
    """One line of JSON, without a line end."""
    return json.dumps(ocsf_object(event), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def ocsf_object(event: Event) -> dict[str, Any]:
    """The event as its class has it."""
    class_uid, activity, severity = _KNOWN.get(event.kind) or _other(event.kind)
    category, category_name = _CATEGORY[class_uid]
    refused = event.kind in DENIED
    value: dict[str, Any] = {
        "class_uid": class_uid,
        "category_uid": category,
        "category_name": category_name,
        "activity_id": activity,
        "type_uid": class_uid * 100 + activity,
        "severity_id": severity,
        "status_id": 2 if refused else 1,
        "time": int(event.time.timestamp() * 1000),
        "message": event.kind.value,
        "metadata": {
            "version": VERSION,
            "product": {"name": "Vestibule", "vendor_name": "Vestibule"},
            "uid": event.uid,
            "log_name": event.origin,
            "log_provider": "vestibule",
            "sequence": event.index,
            "event_code": event.kind.value,
            **({"correlation_uid": event.session} if event.session else {}),
        },
        "unmapped": _unmapped(event),
    }
    if activity == 99:
        value["activity_name"] = event.kind.value
    value.update(_BODY[class_uid](event))
    return value


def _other(kind: Kind) -> tuple[int, int, int]:
    if kind.value.startswith(_UPDATED):
        return 3004, 3, 1
    return 1008, 99, 1


def _unmapped(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {"leaf_hash": event.leaf_hash.hex(), "facts": dict(event.facts)}
    if event.consent_ref is not None:
        found["consent"] = event.consent_ref
    if event.n is not None:
        found["n"] = event.n
    return found


def _user(party: Party | None) -> dict[str, Any]:
    if party is None:
        return {"uid": "system", "type_id": 3}
    return {"uid": party.uid, "type_id": 1, **({"name": party.name} if party.name else {})}


def _router(party: Party | None) -> dict[str, Any]:
    return {"uid": "unknown" if party is None else party.uid, **({"name": party.name} if party and party.name else {})}


def _source(event: Event) -> dict[str, Any]:
    return {"ip": event.source} if event.source else {"uid": "not disclosed"}


def _session(event: Event) -> dict[str, Any]:
    return {"session": {"uid": event.session}} if event.session else {}


def _authentication(event: Event) -> dict[str, Any]:
    return {
        "user": _user(event.actor),
        "service": {"name": "vestibule"},
        "is_remote": True,
        "is_mfa": event.kind is Kind.AUTH_MFA,
        **({"status_detail": why} if (why := event.text("reason")) else {}),
    }


def _access(event: Event) -> dict[str, Any]:
    return {
        "user": _user(event.actor),
        "privileges": ["router.access"],
        "resources": [{"uid": event.consent_ref or "unknown", "type": "consent"}],
    }


def _authorize(event: Event) -> dict[str, Any]:
    return {"user": _user(event.actor), "privileges": ["router.access"], **_session(event)}


def _ssh(event: Event) -> dict[str, Any]:
    return {
        "actor": {"user": _user(event.actor)},
        "src_endpoint": _source(event),
        "dst_endpoint": _router(event.router),
        "action_id": 2 if event.kind in DENIED else 1,
        **({"status_detail": why} if (why := event.text("reason")) else {}),
    }


def _command(event: Event) -> dict[str, Any]:
    operation = event.text("cap") or event.kind.value
    request = {"request": {"uid": f"{event.session}/{event.n}"}} if event.session else {}
    return {
        "actor": {"user": _user(event.actor), **_session(event)},
        "api": {"operation": operation, "service": {"name": "router"}, **request},
        "src_endpoint": _source(event),
        "resources": [{**_router(event.router), "type": "router"}],
        "action_id": 2 if event.kind in DENIED else 1,
        **({"raw_data": event.command} if event.command else {}),
    }


def _finding(event: Event) -> dict[str, Any]:
    titles = {Kind.INTEGRITY_ALARM: "Integrity alarm", Kind.CPE_VIOLATION: "A router broke the protocol"}
    title = titles.get(event.kind, "Refused command counted as a strike")
    return {
        "finding_info": {"uid": event.uid, "title": title},
        "is_alert": True,
        "resources": [{**_router(event.router), "type": "router"}],
        "evidences": [{"actor": {"user": _user(event.actor)}}],
    }


def _log(event: Event) -> dict[str, Any]:
    return {"actor": {"user": _user(event.actor)}, "log_name": event.origin, "log_provider": "vestibule"}


def _entity(event: Event) -> dict[str, Any]:
    subject = event.session or event.consent_ref or event.text("session") or event.kind.value
    return {"actor": {"user": _user(event.actor)}, "entity": {"uid": subject, "type": event.kind.value.split(".")[0]}}


_BODY: Final = {
    1008: _log,
    2004: _finding,
    3002: _authentication,
    3003: _authorize,
    3004: _entity,
    3005: _access,
    4007: _ssh,
    6003: _command,
}

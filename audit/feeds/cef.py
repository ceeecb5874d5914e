"""Entries in ArcSight's Common Event Format, CEF:0. Pure.

Header fields escape backslash and bar; values of the extension escape backslash, equals sign and line ends (CEF guide,
"Character Encoding"). No value can begin a new field or a new line.
"""

from typing import Final

from audit.entry import Kind
from audit.feeds.event import DENIED, Event, without_controls

_SEVERITY: Final = {
    Kind.INTEGRITY_ALARM: 10,
    Kind.STRIKE: 8,
    Kind.AUTH_FAIL: 6,
    Kind.SESSION_KILLED: 6,
    Kind.SESSION_ATTEMPT: 6,
    Kind.CMD_BLOCKED: 5,
    Kind.RPC_BLOCKED: 5,
    Kind.CPE_REFUSED: 4,
    Kind.CPE_VIOLATION: 5,
    Kind.SESSION_REFUSED: 5,
    Kind.ERASE_DONE: 5,
    Kind.EXPORT_MADE: 4,
}


def cef(event: Event) -> bytes:
    """One line, without a line end."""
    header = "|".join(
        _header(part)
        for part in ("Vestibule", "gateway", "1", event.kind.value, event.kind.value, str(_SEVERITY.get(event.kind, 3)))
    )
    fields = {
        "rt": str(int(event.time.timestamp() * 1000)),
        "externalId": event.uid,
        "act": "denied" if event.kind in DENIED else "allowed",
        "suid": None if event.actor is None else event.actor.uid,
        "suser": None if event.actor is None else event.actor.name,
        "src": event.source,
        "duid": None if event.router is None else event.router.uid,
        "dhost": None if event.router is None else event.router.name,
        "msg": event.command,
        "reason": event.text("reason"),
        "cs1Label": None if event.session is None else "session",
        "cs1": event.session,
        "cs2Label": None if event.consent_ref is None else "consent",
        "cs2": event.consent_ref,
        "cs3Label": "leafHash",
        "cs3": event.leaf_hash.hex(),
        "cs4Label": None if event.text("cap") is None else "capability",
        "cs4": event.text("cap"),
    }
    extension = " ".join(f"{name}={_value(value)}" for name, value in fields.items() if value is not None)
    return f"CEF:0|{header}|{extension}".encode()


def _header(text: str) -> str:
    return without_controls(text).replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
    return without_controls(escaped)

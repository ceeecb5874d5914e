"""Entries as RFC 5424 syslog messages with structured data, and the envelope of RFC 5425 for other forms. Pure.

Facility 13 (log audit). The structured data is `vestibule@32473`; 32473 is the enterprise number that RFC 5612 reserves
for documentation, so operators who have their own can tell it apart.
"""

import re
from typing import Final

from audit.entry import Kind
from audit.feeds.event import Event, without_controls

SD_ID: Final = "vestibule@32473"
_FACILITY: Final = 13
_SEVERITY: Final = {
    # RFC 5424 table 2: 1 alert, 3 error, 4 warning, 5 notice, 6 informational.
    Kind.INTEGRITY_ALARM: 1,
    Kind.STRIKE: 4,
    Kind.AUTH_FAIL: 4,
    Kind.SESSION_ATTEMPT: 4,
    Kind.SESSION_KILLED: 4,
    Kind.CMD_BLOCKED: 5,
    Kind.SESSION_REFUSED: 5,
    Kind.ERASE_DONE: 5,
    Kind.EXPORT_MADE: 5,
}
_NOT_A_NAME: Final = re.compile(r"[^!-~]")


def syslog(event: Event) -> bytes:
    """One message, without a line end or length."""
    parameters: dict[str, str | None] = {
        "uid": event.uid,
        "leaf": event.leaf_hash.hex(),
        "session": event.session,
        "n": None if event.n is None else str(event.n),
        "consent": event.consent_ref,
        "actor": None if event.actor is None else event.actor.uid,
        "user": None if event.actor is None else event.actor.name,
        "router": None if event.router is None else event.router.uid,
        "host": None if event.router is None else event.router.name,
        "source": event.source,
        "command": event.command,
        **{f"d.{name}": str(value) for name, value in sorted(event.facts.items())},
    }
    data = " ".join(f'{name[:32]}="{_value(value)}"' for name, value in parameters.items() if value is not None)
    return wrapped(event, event.kind.value.encode(), f"[{SD_ID} {data}]")


def wrapped(event: Event, message: bytes, data: str = "-") -> bytes:
    """Any form as the message of an RFC 5424 header."""
    priority = _FACILITY * 8 + _SEVERITY.get(event.kind, 6)
    time = event.time.isoformat(timespec="microseconds").replace("+00:00", "Z")
    host = _NOT_A_NAME.sub("_", event.origin)[:255]
    return f"<{priority}>1 {time} {host} vestibule - {event.kind.value[:32]} {data} ".encode() + message


def framed(message: bytes) -> bytes:
    """Octet counting (RFC 5425 section 4.3): length, blank, message."""
    return f"{len(message)} ".encode() + message


def _value(text: str) -> str:
    """RFC 5424 section 6.3.3: quotation mark, backslash and closing bracket are escaped. Controls become blanks."""
    return without_controls(re.sub(r'(["\\\]])', r"\\\1", text))

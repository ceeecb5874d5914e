"""Entries as Elastic Common Schema documents (ECS 8.11): `event.*`, `user.*`, `process.command_line`. Pure."""

import json
from typing import Any, Final

from audit.entry import Kind
from audit.feeds.event import DENIED, Event

VERSION: Final = "8.11.0"

_SORTS: Final[dict[str, tuple[list[str], list[str]]]] = {
    # First word of the kind: (event.category, event.type).
    "auth": (["authentication"], ["start"]),
    "consent": (["iam"], ["change"]),
    "session": (["session", "network"], ["connection"]),
    "cmd": (["process"], ["info"]),
    "rpc": (["network"], ["protocol"]),
    "cpe": (["network"], ["connection"]),
    "api": (["api"], ["access"]),
    "strike": (["intrusion_detection"], ["denied"]),
    "integrity": (["configuration"], ["info"]),
    "replay": (["file"], ["access"]),
    "search": (["database"], ["access"]),
    "export": (["file"], ["creation"]),
    "erase": (["file"], ["deletion"]),
}


def ecs(event: Event) -> bytes:
    """One line of JSON, without a line end."""
    return json.dumps(ecs_object(event), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def ecs_object(event: Event) -> dict[str, Any]:
    """The document."""
    category, types = _SORTS.get(event.kind.value.partition(".")[0], (["configuration"], ["info"]))
    denied = event.kind in DENIED
    value: dict[str, Any] = {
        "@timestamp": event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ecs": {"version": VERSION},
        "event": {
            "id": event.uid,
            "sequence": event.index,
            "kind": "alert" if event.kind in (Kind.STRIKE, Kind.INTEGRITY_ALARM) else "event",
            "category": category,
            "type": [*types, "denied"] if denied and "denied" not in types else types,
            "action": event.kind.value,
            "outcome": "failure" if denied else "success",
            "provider": "vestibule",
            "dataset": "vestibule.audit",
            "module": "vestibule",
        },
        "vestibule": {"leaf_hash": event.leaf_hash.hex(), "facts": dict(event.facts)},
    }
    if event.actor is not None:
        value["user"] = {"id": event.actor.uid, **({"name": event.actor.name} if event.actor.name else {})}
    if event.router is not None:
        value["host"] = {"id": event.router.uid, **({"name": event.router.name} if event.router.name else {})}
    if event.source is not None:
        value["source"] = {"ip": event.source}
    if event.command is not None:
        value["process"] = {"command_line": event.command}
    if event.session is not None:
        value["vestibule"]["session"] = event.session
    if event.consent_ref is not None:
        value["vestibule"]["consent"] = event.consent_ref
    if reason := event.text("reason"):
        value["event"]["reason"] = reason
    return value

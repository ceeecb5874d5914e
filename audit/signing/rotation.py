"""Ends one log and begins the next, so that each names the other: the way on when a log cannot go on as it is. Pure.

The last entry of the old log (`log.rotate`, fact `to`) names the origin of the new one. Entry 0 of the new log
(`log.rotate`, fact `from`) carries the old log's final checkpoint, which covers that last entry: origin, size, root,
verifier key and Ed25519 signature, enough to write it down again and check it. Both name the approval and the two
persons behind it. `audit.journal.Journal.end_for` writes the one, `Journal.open(first=…)` the other.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from audit.entry import Json, Kind, NewEntry
from audit.errors import BadEntry
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.note import Note, Signature, VerifierKey, parse_note
from audit.tlog.spelling import canonical_base64, hash_base64

ACT = "log.rotate"
"""What is approved, in `approval.*` entries."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """From one origin to another, approved by two persons (principal ids)."""

    old: str
    new: str
    approval: str
    by: tuple[str, str]

    def __post_init__(self) -> None:
        if self.old == self.new:
            raise BadEntry("A log is not continued by a log of the same name.")
        if len(set(self.by)) != 2:
            raise BadEntry("It takes two persons to end a log and begin another.")


@dataclass(frozen=True, slots=True)
class Final:
    """The final checkpoint of the log before, as entry 0 of the next carries it."""

    key: VerifierKey
    checkpoint: Checkpoint
    note: bytes
    """With the Ed25519 signature alone; it verifies under `key`."""


def leaving(rotation: Rotation) -> NewEntry:
    """The last entry of the old log."""
    facts: dict[str, Json] = {"to": rotation.new, "approval": rotation.approval, "by": list(rotation.by)}
    return NewEntry(kind=Kind.LOG_ROTATE, facts=facts)


def arriving(rotation: Rotation, final: bytes, key: VerifierKey) -> NewEntry:
    """Entry 0 of the new log. `final`: the old log's last checkpoint, signed by `key`. Raises `BadEntry`."""
    checkpoint = open_checkpoint(final, key)
    if checkpoint.origin != rotation.old or not checkpoint.size:
        raise BadEntry("The final checkpoint is not the one of the log that is ended.")
    (signature, *_) = parse_note(final).signatures_of(key)
    facts: dict[str, Json] = {
        "from": checkpoint.origin,
        "size": checkpoint.size,
        "root": base64.b64encode(checkpoint.root).decode(),
        "key": base64.b64encode(bytes([key.algorithm]) + key.public).decode(),
        "signature": base64.b64encode(signature.value).decode(),
        "approval": rotation.approval,
        "by": list(rotation.by),
    }
    return NewEntry(kind=Kind.LOG_ROTATE, facts=facts)


def final_of(facts: Mapping[str, Json]) -> Final:
    """The final checkpoint that the facts of an entry 0 carry, its signature checked.

    Whether the key is the old log's, those know who kept it. Raises `BadEntry`.
    """
    match facts:
        case {"from": str(origin), "size": int(size), "root": str(root), "key": str(key), "signature": str(value)}:
            checkpoint = Checkpoint(origin, size, hash_base64(root, "the root of the log before"))
            public = canonical_base64(key, "the key of the log before")
            verifier = VerifierKey(origin, public[1:], public[0] if public else 0)
            if VerifierKey.parse(str(verifier)) != verifier:
                raise BadEntry("The key of the log before is not written as a verifier key is.")
            signature = canonical_base64(value, "the signature of the log before")
            note = Note(checkpoint.text(), (Signature(origin, verifier.key_id, signature),)).encode()
            return Final(verifier, open_checkpoint(note, verifier), note)
    raise BadEntry("The entry does not carry the final checkpoint of a log before.")


def check_link(last: Mapping[str, Json], last_index: int, first: Mapping[str, Json], new: str) -> Final:
    """That the facts of an old log's last entry and of a new log's entry 0 name each other; the old final checkpoint.

    `last_index`: where the old log's last entry stands; `new`: origin of the new log. Raises `BadEntry`.
    """
    final = final_of(first)
    if last.get("to") != new:
        raise BadEntry("The last entry of the old log names another log as the one that goes on.")
    if final.checkpoint.size != last_index + 1:
        raise BadEntry("The final checkpoint does not end with the entry that names the new log.")
    if (last.get("approval"), last.get("by")) != (first.get("approval"), first.get("by")):
        raise BadEntry("The two logs name different approvals of the change.")
    return final

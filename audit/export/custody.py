"""Who hands evidence out, to whom and why: signed with the bundle, and an entry of the log itself.

The digest of a bundle's manifest stands in its `export.made` entry, so a bundle that somebody else made, or changed,
is told from one that the gateway knows of. Counterparts: `audit.export.bundle`, `gateway.evidence.exporting`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from audit.entry import Json, Kind, NewEntry
from audit.export.request import ExportRequest
from audit.files import make_secret
from audit.leaf import MAX_LIST
from audit.tlog.note import SigningKey, sign_note

EXPORT_KEY_FILE: Final = "export.key"
"""In the directory of keys: signs manifests, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Who makes the bundle. `name` is left out where the reader is not to know it."""

    role: str
    alias: str | None = None
    name: str | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Json]:
        """Without what is not known."""
        values: dict[str, Json] = {"role": self.role, "alias": self.alias, "name": self.name}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """What is signed with the bundle about its making."""

    by: Exporter
    basis: str = field(repr=False)
    approvals: tuple[str, ...]
    recorded: bool
    """Whether the log knows of this export. Not so for one made from a copy, without a gateway."""

    def as_json(self) -> dict[str, Json]:
        """As it stands in manifest.json and custody.json."""
        return {
            "by": self.by.as_json(),
            "basis": self.basis,
            "approvals": list(self.approvals),
            "recorded": self.recorded,
        }


@dataclass(frozen=True, slots=True)
class Registered:
    """What the log says of an export: the `export.made` entry, a tlog-proof of it, and the signed manifest note."""

    index: int
    head: bytes
    proof: bytes
    note: bytes


def export_entry(
    request: ExportRequest,
    sessions: Sequence[str],
    manifest_sha256: str,
    who: Mapping[str, Json],
) -> NewEntry:
    """The `export.made` entry. Who and the basis in words are sealed; the facts name sessions and parts only."""
    facts: dict[str, Json] = {
        "what": "bundle",
        "manifest": manifest_sha256,
        "for": request.profile,
        "sessions": list(sessions[:MAX_LIST]),
        "count": len(sessions),
        "comp": [*request.disclosure.words()[:MAX_LIST]],
        "basis": request.basis_token,
        "approvals": list(request.approvals) or None,
    }
    detail: dict[str, Json] = {"basis": request.basis, "consents": list(request.consents)}
    return NewEntry(kind=Kind.EXPORT_MADE, facts=facts, sealed={"who": dict(who), "act": detail})


def open_export_key(keys_dir: Path, origin: str) -> SigningKey:
    """The key `<origin>/export`, made at its first use. Raises `KeyUnavailable`, OSError."""
    return SigningKey(f"{origin}/export", make_secret(keys_dir / EXPORT_KEY_FILE, 32))


def sign_manifest(key: SigningKey, manifest_sha256: str) -> bytes:
    """`manifest.note`: a signed note of the key's name and the digest of manifest.json, each on its line."""
    return sign_note(f"{key.verifier.name}\nsha256 {manifest_sha256}\n", key).encode()

"""OpenSSH public keys as the state knows them: by fingerprint. Pure."""

import binascii
from base64 import b64decode
from hashlib import sha256
from typing import Final

ACCEPTED: Final = frozenset(
    {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-rsa",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)


def fingerprint(public_key: str) -> str | None:
    """SHA-256 (hex) of the key's blob; none unless the line is a well-formed key of an accepted type."""
    parts = public_key.split()
    if len(parts) < 2 or parts[0] not in ACCEPTED:
        return None
    try:
        blob = b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    kind = parts[0].encode()
    if not blob.startswith(len(kind).to_bytes(4, "big") + kind) or len(blob) < len(kind) + 36:
        return None
    return sha256(blob).hexdigest()


def kind_of(public_key: str) -> str:
    """The key's type, as its line begins."""
    return public_key.split(maxsplit=1)[0]

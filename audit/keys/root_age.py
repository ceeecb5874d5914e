"""A root of age recipients (age-encryption.org, X25519): KEKs are encrypted to them, whoever holds an identity opens.

Two modes exist. *Recovery*: another root works here, and every KEK is encrypted to the recipients besides
(`Roots.recovery`), so that a second party can open everything without this machine. *Only*: the recipients are the
root. Then this machine opens what it sealed in this boot, and after a restart nothing, unless it is given an identity.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pyrage

from audit.errors import KeyUnavailable

_MOST = 64 * 1024


class AgeRoot:
    """Encrypts to `recipients` (`age1…`); opens with `identities` (`AGE-SECRET-KEY-1…`), if there are any."""

    def __init__(self, recipients: Sequence[str], identities: Sequence[str] = ()) -> None:
        """Raises `KeyUnavailable` for what is no recipient or identity."""
        try:
            self._recipients = [pyrage.x25519.Recipient.from_str(text) for text in recipients]
            self._identities = [pyrage.x25519.Identity.from_str(text) for text in identities]
        except (pyrage.RecipientError, pyrage.IdentityError) as error:
            raise KeyUnavailable(
                "An age recipient or identity is not of the form age1… or AGE-SECRET-KEY-1… (X25519)."
            ) from error
        if not self._recipients:
            raise KeyUnavailable("An age root needs at least one recipient (age1…).")
        self._name = f"age:{hashlib.sha256(' '.join(sorted(recipients)).encode()).hexdigest()[:16]}"

    @property
    def name(self) -> str:
        return self._name

    @property
    def opens(self) -> bool:
        return bool(self._identities)

    def wrap(self, kek: bytes) -> bytes:
        sealed: bytes = pyrage.encrypt(kek, self._recipients)
        return sealed

    def unwrap(self, wrapped: bytes) -> bytes:
        if not self._identities:
            raise KeyUnavailable(
                "This key is encrypted to age recipients, and this machine has no identity of theirs: only they can "
                "open it."
            )
        try:
            opened: bytes = pyrage.decrypt(wrapped, self._identities)
        except (pyrage.DecryptError, ValueError) as error:
            raise KeyUnavailable("A stored key does not open with this age identity.") from error
        return opened

    def close(self) -> None:
        """Nothing to let go of."""


def read_identities(path: Path) -> list[str]:
    """The identities of an age identity file (as `age-keygen` writes it). Raises `KeyUnavailable`."""
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnavailable(f"The age identity {path} can be read by others; 'chmod 600 {path}'.")
        with path.open(encoding="ascii") as file:
            text = file.read(_MOST)
    except OSError as error:
        raise KeyUnavailable(f"The age identity {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise KeyUnavailable(f"The age identity {path} is not text.") from error
    found = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not found:
        raise KeyUnavailable(f"{path} holds no age identity.")
    return found


def recipient_of(identity: str) -> str:
    """The recipient that an identity opens for. Raises `KeyUnavailable`."""
    try:
        return str(pyrage.x25519.Identity.from_str(identity).to_public())
    except pyrage.IdentityError as error:
        raise KeyUnavailable("That is no age identity of the form AGE-SECRET-KEY-1….") from error


def make_identity(path: Path) -> str:
    """Write a fresh identity to `path` (mode 0600, must not exist); its recipient. Raises OSError."""
    identity = pyrage.x25519.Identity.generate()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{identity}\n")
    return str(identity.to_public())

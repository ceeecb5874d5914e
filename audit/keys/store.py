"""Where data keys live: root key -> KEK per (tenant, retention class, month) -> DEK per (subject, compartment).

A *key set* holds the DEKs that seal one subject's parts of one retention class, in one boot of one worker; its id
stands in the head as `ks`. Destroying a DEK (or the KEK of a whole month) makes ciphertext and commitments unreadable
for ever, in backups too, while every proof stays valid. Counterparts: `audit.keys.sealing` uses DEKs,
`audit.keys.file_store` stores them; `MemoryKeyStore` here is the fake that ships.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from audit.entry import RetentionClass
from audit.errors import KeyUnavailable

DEK_BYTES = 32
RECORDING = "rec"
"""The compartment name of a recording's DEK."""

SubjectKind = Literal["session", "consent", "boot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """The DEKs of one subject and retention class. Made once, for one boot; never used again by a later boot."""

    id: str
    """ULID; the head's `ks`."""
    subject_kind: SubjectKind
    subject: str
    """Session, consent reference, or `<worker>/<boot epoch>`."""
    retention: RetentionClass
    month: str
    """`YYYY-MM` of its making; with the retention class it decides when its KEK is destroyed."""
    keys: Mapping[str, bytes] = field(repr=False)
    """Compartment (or `rec`) to 32 bytes."""


def new_keys(compartments: Sequence[str]) -> dict[str, bytes]:
    """Fresh DEKs from the system's randomness."""
    return {compartment: os.urandom(DEK_BYTES) for compartment in compartments}


class KeyStore(Protocol):
    """Keeps key sets. Methods that write return only when the change is durable."""

    def add(self, sets: Sequence[KeySet]) -> None:
        """Store new key sets, all or none. Entries that name them MUST NOT be written before this returns.

        Raises OSError-like errors of the medium; the caller treats any of them as fatal.
        """
        ...

    def get(self, key_set: str, compartment: str) -> bytes:
        """The DEK. Raises `KeyUnavailable` if it was destroyed, never existed or cannot be unwrapped."""
        ...

    def destroy(self, key_set: str, compartments: Sequence[str]) -> None:
        """Destroy DEKs of one key set. Destroying what is destroyed is fine. Raises `KeyUnavailable` if unknown."""
        ...

    def destroy_month(self, retention: RetentionClass, month: str) -> int:
        """Destroy the KEK of a whole class-month; the number of key sets that die with it."""
        ...

    def close(self) -> None: ...


def wrap(kek: bytes, key: bytes) -> bytes:
    """AES-256 key wrap with padding (RFC 5649)."""
    return aes_key_wrap_with_padding(kek, key)


def unwrap(kek: bytes, wrapped: bytes) -> bytes:
    """Counterpart of `wrap`. Raises `KeyUnavailable` if `kek` did not wrap this or it was changed."""
    try:
        return aes_key_unwrap_with_padding(kek, wrapped)
    except (InvalidUnwrap, ValueError) as error:
        raise KeyUnavailable("A stored key does not open: it was changed, or the root key is another one.") from error


class MemoryKeyStore:
    """Keys in memory, for tests and for `Journal.in_memory`. `fail` makes the next `add` raise that error."""

    def __init__(self) -> None:
        self._sets: dict[str, KeySet] = {}
        self._keys: dict[tuple[str, str], bytes] = {}
        self.fail: OSError | None = None

    def add(self, sets: Sequence[KeySet]) -> None:
        if self.fail is not None:
            raise self.fail
        for key_set in sets:
            self._sets[key_set.id] = key_set
            for compartment, key in key_set.keys.items():
                self._keys[key_set.id, compartment] = key

    def get(self, key_set: str, compartment: str) -> bytes:
        key = self._keys.get((key_set, compartment))
        if key is None:
            raise KeyUnavailable(f"The key for '{compartment}' of key set {key_set} is missing or was destroyed.")
        return key

    def destroy(self, key_set: str, compartments: Sequence[str]) -> None:
        if key_set not in self._sets:
            raise KeyUnavailable(f"There is no key set {key_set}.")
        for compartment in compartments:
            self._keys.pop((key_set, compartment), None)

    def destroy_month(self, retention: RetentionClass, month: str) -> int:
        doomed = [ks for ks in self._sets.values() if (ks.retention, ks.month) == (retention, month)]
        for key_set in doomed:
            self.destroy(key_set.id, list(key_set.keys))
        return len(doomed)

    def close(self) -> None:
        """Nothing to release."""

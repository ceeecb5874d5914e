"""Where data keys live: root key -> KEK per (tenant, retention class, month) -> DEK per (subject, compartment).

A *key set* holds the DEKs that seal one subject's parts of one retention class, in one boot of one worker; its id
stands in the head as `ks`. Destroying a DEK (or the KEK of a whole month) makes ciphertext and commitments unreadable
for ever, in backups too, while every proof stays valid. A *hold* keeps keys from being destroyed; it is checked in the
transaction that destroys. Counterparts: `audit.keys.sealing` uses DEKs, `audit.keys.file_store` and
`audit.keys.memory_store` store them, `audit.keys.root` wraps KEKs. All stores pass tests/contract/test_key_store.py.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

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

SubjectKind = Literal["session", "consent", "subscriber", "boot"]

HoldKind = Literal["ks", "session", "consent", "subscriber"]

HeldThing: TypeAlias = tuple[HoldKind, str]
"""What a hold names: one key set by id, or every key set of a subject, also those that are made later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """The DEKs of one subject and retention class. Made once, for one boot; never used again by a later boot."""

    id: str
    """ULID; the head's `ks`. Its time is that of its making, so the month can be told from it."""
    subject_kind: SubjectKind
    subject: str
    """Session, consent reference, subscriber reference, or `<worker>/<boot epoch>/<month>`."""
    retention: RetentionClass
    month: str
    """`YYYY-MM` of its making; with the retention class it decides when its KEK is destroyed."""
    keys: Mapping[str, bytes] = field(repr=False)
    """Compartment (or `rec`) to 32 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKeys:
    """A stored key set without its keys: whose it is, which of its DEKs still exist, and what holds it."""

    id: str
    subject_kind: SubjectKind
    subject: str
    retention: RetentionClass
    month: str
    alive: tuple[str, ...]
    """Compartments whose DEK exists, sorted; empty once all are destroyed."""
    holds: tuple[str, ...]
    """Ids of the holds that keep it, sorted."""


def new_keys(compartments: Sequence[str]) -> dict[str, bytes]:
    """Fresh DEKs from the system's randomness."""
    return {compartment: os.urandom(DEK_BYTES) for compartment in compartments}


class KeyStore(Protocol):
    """Keeps key sets. Methods that write are one transaction each and return only when it is durable."""

    def add(self, sets: Sequence[KeySet]) -> None:
        """Store new key sets, all or none. Entries that name them MUST NOT be written before this returns.

        Raises OSError-like errors of the medium; the caller treats any of them as fatal.
        """
        ...

    def get(self, key_set: str, compartment: str) -> bytes:
        """The DEK. Raises `KeyUnavailable` if it was destroyed, never existed or cannot be unwrapped."""
        ...

    def key_sets(
        self,
        *,
        ids: Collection[str] | None = None,
        subjects: Collection[tuple[SubjectKind, str]] | None = None,
        retention: RetentionClass | None = None,
        until: str | None = None,
    ) -> Iterator[StoredKeys]:
        """Key sets by id that meet every condition given; `until` is the last month (`YYYY-MM`) that counts."""
        ...

    def destroy(self, key_set: str, compartments: Sequence[str]) -> None:
        """Destroy DEKs of one key set; as `destroy_all`."""
        ...

    def destroy_all(self, doomed: Mapping[str, Sequence[str]]) -> int:
        """Destroy DEKs (key set to compartments), all or none; how many existed. What is destroyed already is fine.

        Raises `KeyHeld` if a hold names one of them, `KeyUnavailable` if a key set is unknown; then nothing is done.
        """
        ...

    def destroy_month(self, retention: RetentionClass, month: str, *, keep_held: bool = False) -> int:
        """Destroy the KEK of a whole class-month with all its DEKs; the number of key sets that die with it.

        Raises `KeyHeld` if a hold names one of them, and then nothing is done; with `keep_held` those are wrapped by
        the KEK of holds instead, in the same transaction, and outlive their month.
        """
        ...

    def hold(self, hold: str, things: Collection[HeldThing]) -> int:
        """Keep these from being destroyed until `release`; how many stored key sets the hold covers now.

        The same hold may be set again: things add up. What does not exist yet is held once it does.
        """
        ...

    def release(self, hold: str) -> bool:
        """End a hold; whether there was one."""
        ...

    def holds(self) -> dict[str, list[HeldThing]]:
        """All holds with what they name, by id."""
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

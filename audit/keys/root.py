"""The root of the key hierarchy: what wraps the KEKs of keys.db, and nothing else. `FileRoot` is the default.

A root has a name that stands beside everything it wrapped, so that a rotation can be seen through. Counterparts:
`audit.keys.root_age` (age recipients), `audit.keys.root_process` (a KMS or HSM behind an operator's helper),
`audit.keys.root_choice` (which of them an installation uses). All pass tests/contract/test_root_key.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from audit.errors import KeyUnavailable
from audit.keys.store import unwrap, wrap

ROOT_KEY_BYTES: Final = 32
LEGACY_NAME: Final = "root.key"
"""Stands beside KEKs of the first version of keys.db, which `root.key` wrapped itself."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._/+-]{0,127}\Z")


class RootKey(Protocol):
    """Wraps KEKs of 32 bytes. Thread-safe."""

    @property
    def name(self) -> str:
        """Tells this root from others: stable, not secret, up to 128 visible characters."""
        ...

    @property
    def opens(self) -> bool:
        """Whether `unwrap` can work here. A root may be able to wrap only: then this machine reads nothing back."""
        ...

    def wrap(self, kek: bytes) -> bytes:
        """Up to 8 KiB. Raises `KeyUnavailable` if the root cannot be reached."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """Raises `KeyUnavailable` if the root cannot be reached, or did not wrap this."""
        ...

    def close(self) -> None: ...


class FileRoot:
    """A root from 32 secret bytes. The key that wraps is derived: the secret serves other purposes as well."""

    def __init__(self, secret: bytes) -> None:
        self._key = _derive(secret, b"keys/kek")
        self._name = f"file:{_derive(secret, b'keys/name')[:8].hex()}"

    @classmethod
    def legacy(cls, secret: bytes) -> "FileRoot":
        """`root.key` as the wrapping key itself, as the first version of keys.db had it. Only to be moved away from."""
        root = cls(secret)
        root._key, root._name = secret, LEGACY_NAME
        return root

    @property
    def name(self) -> str:
        return self._name

    @property
    def opens(self) -> bool:
        return True

    def wrap(self, kek: bytes) -> bytes:
        return wrap(self._key, kek)

    def unwrap(self, wrapped: bytes) -> bytes:
        return unwrap(self._key, wrapped)

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(frozen=True, slots=True)
class Roots:
    """The root in use, those that may have wrapped what was not moved to it yet, and who can recover besides.

    `recovery` wraps every KEK a second time; it is usually an age root that cannot open here.
    """

    current: RootKey
    previous: Sequence[RootKey] = ()
    recovery: RootKey | None = None

    def opening(self, name: str) -> RootKey:
        """The root of this name. Raises `KeyUnavailable`."""
        for root in (self.current, *self.previous):
            if root.name == name:
                return root
        raise KeyUnavailable(
            f"A key is wrapped by the root '{name}', but this installation uses '{self.current.name}': the root key is "
            "another one. Restore the one that belongs to this key database."
        )

    def close(self) -> None:
        """Let go of all."""
        for root in (self.current, *self.previous, *([self.recovery] if self.recovery else [])):
            root.close()


def checked_name(name: str) -> str:
    """A root's name as it may stand in files. Raises `KeyUnavailable`."""
    if not _NAME.match(name):
        raise KeyUnavailable("The root key has a name of other than 1 to 128 of A-Z a-z 0-9 : . _ / + -.")
    return name


def _derive(secret: bytes, purpose: bytes) -> bytes:
    """As `gateway.access.credentials.derive`: no two purposes share a key, and none is the secret itself."""
    return HKDF(algorithm=SHA256(), length=ROOT_KEY_BYTES, salt=None, info=b"vestibule/v1/" + purpose).derive(secret)

"""Sealing and opening of personal parts: AES-256-GCM under a DEK, salts by HKDF.

What must stay true: a nonce is never used twice under one DEK. It is a counter that is raised before each use and
stored with the part; it is never derived from an entry's number, because an append that failed and is tried again would
repeat it. DEKs are therefore used by the boot that made them only (`audit.keys.store.KeySet`).
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from sys import intern

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.errors import KeyUnavailable, SealBroken
from config.records import record

NONCE_BYTES = 12
_DEK_BYTES = 32
_LAST_NONCE = (1 << 32) - 1
"""Far below the 2^96 of the counter: the limit of AES-GCM on the number of messages under one key (NIST SP 800-38D)."""


def expand(key: bytes, info: bytes) -> bytes:
    """First block of HKDF-Expand with SHA-256 (RFC 5869 section 2.3): 32 bytes."""
    return hmac.digest(key, info + b"\x01", "sha256")


def salt(dek: bytes, number: int) -> bytes:
    """Salt of the commitment of entry `number`: its number in the session, or its index if it is in no session."""
    return expand(dek, b"salt" + str(number).encode())


class Salts:
    """`salt` under one DEK for many numbers, in a third of its time: HMAC (RFC 2104) whose key was hashed before."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, dek: bytes) -> None:
        """`dek`: 32 bytes."""
        block = dek.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def of(self, number: int) -> bytes:
        """As `salt`."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(b"salt%d\x01" % number)
        outer.update(inner.digest())
        return outer.digest()


def part_aad(origin: str, session: str | None, number: int, compartment: str) -> bytes:
    """Binds a sealed part to its place, so that parts cannot be swapped: origin|s|n|compartment.

    Outside a session `s` is `-` and `n` is the index of the entry.
    """
    return f"{origin}|{session or '-'}|{number}|{compartment}".encode()


def chunk_aad(origin: str, session: str, number: int) -> bytes:
    """Binds a recording chunk to its place: origin|s|chunk number."""
    return f"{origin}|{session}|{number}".encode()


@dataclass(slots=True)
class SealingKey:
    """One DEK in use by the boot that made it. Not thread-safe: the committer thread owns it."""

    dek: bytes = field(repr=False)
    counter: int = 0
    _cipher: AESGCM | None = field(init=False, repr=False, default=None)

    def seal(self, content: bytes, aad: bytes) -> bytes:
        """Nonce (12 bytes), ciphertext, tag (16 bytes)."""
        self.counter += 1
        self._cipher = self._cipher or AESGCM(self.dek)
        return _sealed(self._cipher, self.counter, content, aad)


class SeldomKeys(Mapping[str, "SeldomKey"]):
    """A key set that is used now and then, its DEKs as `SealingKey`s that keep nothing: there are thousands of them.

    Its ciphers are made for each use (2 µs) and not kept (2.4 KB). All its DEKs share one counter.
    """

    __slots__ = ("_deks", "_names", "counter", "id")

    def __init__(self, id: str, keys: Mapping[str, bytes]) -> None:  # noqa: A002 - as everywhere
        """`id`: of the key set. `keys`: compartment to 32 bytes."""
        self.id = id
        self._names = intern(",".join(keys))  # the same for nearly all
        self._deks = b"".join(keys.values())
        self.counter = 0

    def __getitem__(self, compartment: str) -> "SeldomKey":
        try:
            at = self._names.split(",").index(compartment) * _DEK_BYTES
        except ValueError as error:
            raise KeyError(compartment) from error
        return SeldomKey(self, self._deks[at : at + _DEK_BYTES])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.split(","))

    def __len__(self) -> int:
        return len(self._deks) // _DEK_BYTES

    def __repr__(self) -> str:
        return f"SeldomKeys({self._names})"


@record
class SeldomKey:
    """One DEK of them, for one use."""

    _of: SeldomKeys
    dek: bytes = field(repr=False)

    def seal(self, content: bytes, aad: bytes) -> bytes:
        """As `SealingKey.seal`."""
        self._of.counter += 1
        return _sealed(AESGCM(self.dek), self._of.counter, content, aad)


def _sealed(cipher: AESGCM, counter: int, content: bytes, aad: bytes) -> bytes:
    if counter > _LAST_NONCE:
        raise KeyUnavailable("A data key was used 2^32 times and seals nothing more.")
    nonce = counter.to_bytes(NONCE_BYTES, "big")
    return nonce + cipher.encrypt(nonce, content, aad)


def unseal(dek: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Counterpart of `SealingKey.seal`. Raises `SealBroken` if key, place or content is not the sealed one."""
    try:
        return AESGCM(dek).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
    except (InvalidTag, ValueError) as error:
        raise SealBroken("The sealed part does not open: it was changed or moved, or the key is another's.") from error

"""XAES-256-GCM (C2SP): AES-256-GCM with a nonce of 24 bytes, long enough to be drawn at random for every message.

A key for this message alone is derived from the first half of the nonce, with the counter KDF of NIST SP 800-108 over
AES-CMAC; the second half is the nonce of AES-GCM. For what is sealed rarely and without a place to keep a counter:
backups of the key database. Parts of entries have counters, see `audit.keys.sealing`.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.cmac import CMAC

from audit.errors import SealBroken

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
_HALF = 12


def seal(key: bytes, plaintext: bytes, aad: bytes = b"", nonce: bytes | None = None) -> bytes:
    """nonce (24 bytes, random unless given) || ciphertext || tag (16 bytes).

    A nonce MUST NOT be given twice for one key. Raises ValueError if key or nonce have the wrong length.
    """
    nonce = os.urandom(NONCE_BYTES) if nonce is None else nonce
    return nonce + _cipher(key, nonce).encrypt(nonce[_HALF:], plaintext, aad)


def open_(key: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
    """The plaintext of `seal`. Raises `SealBroken` if the bytes, the key or the associated data are not those."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise SealBroken("What was sealed with XAES-256-GCM is shorter than its nonce and tag: it was cut.")
    nonce = sealed[:NONCE_BYTES]
    try:
        return _cipher(key, nonce).decrypt(nonce[_HALF:], sealed[NONCE_BYTES:], aad)
    except InvalidTag as error:
        raise SealBroken("What was sealed with XAES-256-GCM does not open: changed, or under another key.") from error


def _cipher(key: bytes, nonce: bytes) -> AESGCM:
    """AES-256-GCM under the key that belongs to this nonce."""
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError("XAES-256-GCM takes a key of 32 bytes and a nonce of 24.")
    return AESGCM(_derived(key, b"\x00\x01X\x00" + nonce[:_HALF]) + _derived(key, b"\x00\x02X\x00" + nonce[:_HALF]))


def _derived(key: bytes, block: bytes) -> bytes:
    """One block of the KDF: counter (16 bits), label X, a zero byte, context."""
    cmac = CMAC(AES256(key))
    cmac.update(block)
    return cmac.finalize()

"""What is sealed at rest: router credentials, TOTP secrets, contacts, names. Counterpart: `gateway.state`, the tables.

AES-256-GCM under a key derived (HKDF-SHA-256) from the installation's root key. The additional data binds a sealed
value to its row and field, so that a value copied to another place does not open. Names that must be found again have
a keyed tag beside them (HMAC-SHA-256).
"""

import hmac
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from audit.errors import KeyUnavailable
from audit.files import make_secret, read_secret
from config.errors import ConfigError
from gateway.errors import Unavailable

ROOT_KEY_FILE: Final = "root.key"
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class Vault:
    """Seals and opens values of the operational state. `root` is the installation's root key, 32 bytes."""

    def __init__(self, root: bytes) -> None:
        self._aead = AESGCM(derive(root, "state/seal"))
        self._tag_key = derive(root, "state/tag")

    def seal(self, row: str, field: str, text: str) -> bytes:
        """Random nonce and ciphertext; opens only for the same row and field."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, text.encode(), _place(row, field))

    def open(self, row: str, field: str, sealed: bytes) -> str:
        """Raises `Unavailable` if the value was changed, stood elsewhere, or the root key is another one."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _place(row, field)).decode()
        except (InvalidTag, ValueError) as error:
            raise Unavailable(
                f"A sealed value ({field}) does not open: it was changed, or the root key is another one. "
                "Restore the state and the keys from the same backup."
            ) from error

    def tag(self, field: str, text: str) -> str:
        """Keyed digest (hex) under which `text` can be found again without being stored."""
        return hmac.digest(self._tag_key, _place(field, text), "sha256").hex()


def derive(root: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose; knowing one derived key says nothing about another."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"vestibule/v1/{purpose}".encode()).derive(root)


def ensure_root_key(keys_dir: Path) -> bytes:
    """The root key from `keys_dir/root.key` (32 bytes, mode 0600), made on first use. Raises `ConfigError`."""
    try:
        return make_secret(keys_dir / ROOT_KEY_FILE, KEY_BYTES)
    except KeyUnavailable as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(f"The root key cannot be written to {keys_dir}: {error.strerror}.") from error


def load_root_key(keys_dir: Path) -> bytes:
    """The root key; never makes one. Raises `ConfigError`."""
    try:
        return read_secret(keys_dir / ROOT_KEY_FILE, KEY_BYTES)
    except KeyUnavailable as error:
        raise ConfigError(str(error)) from error


def _place(row: str, field: str) -> bytes:
    """Row and field, each with its length, so that no two places read alike."""
    return b"".join(
        len(part).to_bytes(4, "big") + part for part in (p.encode("utf-8", "surrogatepass") for p in (row, field))
    )

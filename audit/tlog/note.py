"""Signed notes of C2SP signed-note, and verifier keys of the types that logs and witnesses use. Pure.

Parsing is strict: what `Note.encode` would not have written is refused with `BadEntry`.
Counterparts: `audit.tlog.checkpoint`, `audit.tlog.cosignature`.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from audit.errors import BadEntry
from audit.tlog.messages import (
    ED25519,
    MLDSA44_COSIGNATURE,
    PUBLIC_BYTES,
    cosigned_text,
    cosigned_tree,
    split_cosignature,
)
from audit.tlog.spelling import canonical_base64, is_name

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
_DASH = "\u2014 "
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name: `<name>+<8 hex digits of the key id>+<base64 of the type byte || key>`."""

    name: str
    public: bytes
    """32 bytes (Ed25519) or 1,312 bytes (ML-DSA-44)."""
    algorithm: int = ED25519
    """Signature type: 0x01, 0x04 or 0x06, see `audit.tlog.messages`."""

    @property
    def key_id(self) -> int:
        """First 32 bits of SHA-256(name || 0x0A || type || key)."""
        digest = hashlib.sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()
        return int.from_bytes(digest[:4], "big")

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.key_id:08x}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Strict counterpart of `str()`. Raises `BadEntry`."""
        parts = text.split("+", 2)
        if len(parts) != 3 or not is_name(parts[0]):
            raise BadEntry("A verifier key has the form <name>+<key id>+<key>.")
        raw = canonical_base64(parts[2], "the verifier key")
        if not raw or len(raw) - 1 != PUBLIC_BYTES.get(raw[0]):
            raise BadEntry("The verifier key is of no known type: 0x01 or 0x04 (Ed25519), 0x06 (ML-DSA-44).")
        key = cls(parts[0], raw[1:], raw[0])
        if str(key) != text:
            raise BadEntry("The id in the verifier key does not belong to its name and key.")
        return key

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature` (without the key id) signs the note text `text`.

        Raises `BadEntry` only if this installation cannot check signatures of this type at all.
        """
        try:
            if self.algorithm == ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
                return True
            timestamp, value = split_cosignature(self.algorithm, signature)
            if self.algorithm == MLDSA44_COSIGNATURE:
                message = cosigned_tree(self.name, text, timestamp)
                MLDSA44PublicKey.from_public_bytes(self.public).verify(value, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.public).verify(value, cosigned_text(text, timestamp))
        except UnsupportedAlgorithm as error:
            raise BadEntry(f"The key of {self.name} is of a type that cannot be checked here (ML-DSA-44).") from error
        except (InvalidSignature, ValueError, BadEntry):
            return False
        return True


class SigningKey:
    """An Ed25519 key with its name. `repr` shows no secret."""

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed`: 32 bytes. Raises `BadEntry` for a name that cannot stand in a note."""
        check_own_name(name)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey(name, self._key.public_key().public_bytes_raw())

    def sign(self, text: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(text)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note: name, key id, signature bytes."""

    name: str
    key_id: int
    value: bytes

    def line(self) -> str:
        """Em dash, name, base64 of the big-endian key id and the signature, newline."""
        encoded = base64.b64encode(self.key_id.to_bytes(4, "big") + self.value).decode()
        return f"{_DASH}{self.name} {encoded}\n"

    @classmethod
    def parse(cls, line: str) -> "Signature":
        """Strict counterpart of `line`, newline included. Raises `BadEntry`."""
        if not line.startswith(_DASH) or not line.endswith("\n"):
            raise BadEntry("A signature line begins with an em dash and a space, and ends in a newline.")
        name, separator, encoded = line[len(_DASH) : -1].partition(" ")
        raw = canonical_base64(encoded, "a signature")
        if not separator or not is_name(name) or len(raw) < 5:
            raise BadEntry("A signature line has the form — <name> <base64>.")
        return cls(name, int.from_bytes(raw[:4], "big"), raw[4:])

    def claims(self, key: VerifierKey) -> bool:
        """Whether it says to be made by `key`: name and key id are those of the key. It may still be forged."""
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True, slots=True)
class Note:
    """A text (ending in a newline) and the signatures below it, verified or not."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The bytes as they are stored and published."""
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode()

    def with_signatures(self, *more: Signature) -> "Note":
        """The same text with further signatures below; what stands there already is not repeated."""
        return replace(self, signatures=tuple(dict.fromkeys(self.signatures + more)))

    def signatures_of(self, key: VerifierKey) -> list[Signature]:
        """The verified signatures of `key`, mostly none or one.

        Raises `BadEntry` if one claims `key` and does not verify: no stranger, but a forgery.
        """
        own = [signature for signature in self.signatures if signature.claims(key)]
        text = self.text.encode()
        if not all(key.verify(text, signature.value) for signature in own):
            raise BadEntry(f"The note carries a signature in the name of {key.name} that its key did not make.")
        return own

    def verified_by(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """Which of `keys` signed this note. Signatures by other keys are ignored. Raises as `signatures_of`."""
        return [key for key in keys if self.signatures_of(key)]


def parse_note(data: bytes) -> Note:
    """Split a signed note into text and signatures; nothing is verified yet. Raises `BadEntry`."""
    if len(data) > MAX_NOTE_BYTES:
        raise BadEntry("The note is longer than a megabyte.")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadEntry("The note is not UTF-8 text.") from error
    if _CONTROL.search(whole):
        raise BadEntry("The note holds control characters.")
    text, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise BadEntry("The note has no signature block.")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise BadEntry("The note has more than 100 signatures.")
    note = Note(text + "\n", tuple(Signature.parse(line + "\n") for line in lines))
    if note.encode() != data:
        raise BadEntry("The note is not in its canonical spelling.")
    return note


def sign_note(text: str, *keys: SigningKey) -> Note:
    """A note over `text`, which must be non-empty and end in a newline. Raises `BadEntry`."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise BadEntry("The text of a note ends in a newline and holds no control characters.")
    return Note(text, tuple(Signature(key.verifier.name, key.verifier.key_id, key.sign(text.encode())) for key in keys))


def check_own_name(name: str) -> None:
    """Raises `BadEntry` unless a key of our own may have this name: what C2SP allows, and printable throughout."""
    if not is_name(name) or not name.isprintable():
        raise BadEntry("The name of a signing key holds no spaces, no plus sign and nothing unprintable.")

"""Signed notes of C2SP signed-note, and verifier keys, with Ed25519 (signature type 0x01). Pure.

Parsing is strict: what `sign_note` would not have written is refused with `BadEntry`.
Counterpart: `audit.tlog.checkpoint`.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import BadEntry

ED25519 = 0x01
"""Signature type byte of C2SP signed-note."""

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name: `<name>+<8 hex digits of the key id>+<base64 of 0x01 || key>`."""

    name: str
    public: bytes
    """32 bytes."""

    @property
    def key_id(self) -> int:
        """First 32 bits of SHA-256(name || 0x0A || 0x01 || key)."""
        return _key_id(self.name, self.public)

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([ED25519]) + self.public).decode()
        return f"{self.name}+{self.key_id:08x}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Strict counterpart of `str()`. Raises `BadEntry`."""
        parts = text.split("+", 2)
        if len(parts) != 3 or not is_name(parts[0]):
            raise BadEntry("A verifier key has the form <name>+<key id>+<key>.")
        raw = canonical_base64(parts[2], "the verifier key")
        if len(raw) != 33 or raw[0] != ED25519:
            raise BadEntry("The verifier key is not an Ed25519 key (type 0x01, 32 bytes).")
        key = cls(parts[0], raw[1:])
        if str(key) != text:
            raise BadEntry("The id in the verifier key does not belong to its name and key.")
        return key

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature` (64 bytes) signs `text`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """An Ed25519 key with its name. `repr` shows no secret."""

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed`: 32 bytes. Raises `BadEntry` for a name that cannot stand in a note."""
        if not is_name(name):
            raise BadEntry("The name of a signing key holds no spaces and no plus sign.")
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


@dataclass(frozen=True, slots=True)
class Note:
    """A text (ending in a newline) and the signatures below it, verified or not."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The bytes as they are stored and published."""
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode()

    def verified_by(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """Which of `keys` signed this note. Signatures by other keys are ignored.

        Raises `BadEntry` if a signature claims one of `keys` and does not verify: no stranger, but a forgery.
        """
        found = []
        for key in keys:
            own = [sig for sig in self.signatures if (sig.name, sig.key_id) == (key.name, key.key_id)]
            if any(not key.verify(self.text.encode(), sig.value) for sig in own):
                raise BadEntry(f"The note carries a signature in the name of {key.name} that its key did not make.")
            if own:
                found.append(key)
        return found


def parse_note(data: bytes) -> Note:
    """Split a signed note into text and signatures; nothing is verified yet. Raises `BadEntry`."""
    if len(data) > MAX_NOTE_BYTES:
        raise BadEntry("The note is longer than a megabyte.")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadEntry("The note is not UTF-8 text.") from error
    if any(char < " " and char != "\n" for char in whole):
        raise BadEntry("The note holds control characters.")
    text, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise BadEntry("The note has no signature block.")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise BadEntry("The note has more than 100 signatures.")
    note = Note(text + "\n", tuple(_parse_signature(line) for line in lines))
    if note.encode() != data:
        raise BadEntry("The note is not in its canonical spelling.")
    return note


def sign_note(text: str, *keys: SigningKey) -> Note:
    """A note over `text`, which must be non-empty and end in a newline."""
    if not text.endswith("\n") or any(char < " " and char != "\n" for char in text):
        raise BadEntry("The text of a note ends in a newline and holds no control characters.")
    return Note(text, tuple(Signature(key.verifier.name, key.verifier.key_id, key.sign(text.encode())) for key in keys))


def _parse_signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise BadEntry("A signature line does not begin with an em dash and a space.")
    name, separator, encoded = line[len(_DASH) :].partition(" ")
    raw = canonical_base64(encoded, "a signature")
    if not separator or not is_name(name) or len(raw) < 5:
        raise BadEntry("A signature line has the form — <name> <base64>.")
    return Signature(name, int.from_bytes(raw[:4], "big"), raw[4:])


def is_name(name: str) -> bool:
    """Whether a key may have this name: not empty, no spaces, no plus sign, nothing unprintable."""
    return bool(name) and "+" not in name and not any(char.isspace() or not char.isprintable() for char in name)


def _key_id(name: str, public: bytes) -> int:
    digest = hashlib.sha256(name.encode() + b"\n" + bytes([ED25519]) + public).digest()
    return int.from_bytes(digest[:4], "big")


def canonical_base64(text: str, what: str) -> bytes:
    """The bytes behind standard base64 in its only spelling. Raises `BadEntry`, naming `what`."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadEntry(f"The base64 of {what} is damaged.") from error
    if base64.b64encode(raw).decode() != text:
        raise BadEntry(f"The base64 of {what} is not in its canonical spelling.")
    return raw

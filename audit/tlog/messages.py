"""The bytes under a signature, one form for each signature type of C2SP signed-note and tlog-cosignature. Pure.

Counterparts: `audit.tlog.note` verifies over them, `audit.tlog.cosignature` makes them.
"""

from audit.errors import BadEntry
from audit.tlog.spelling import MAX_SIZE, canonical_number, hash_base64

ED25519 = 0x01
"""Signature type of C2SP signed-note: Ed25519 over the text of the note."""
ED25519_COSIGNATURE = 0x04
"""C2SP tlog-cosignature, Ed25519: a time, and a signature over that time and the whole text."""
MLDSA44_COSIGNATURE = 0x06
"""C2SP tlog-cosignature, ML-DSA-44: a time, and a signature over that time, the cosigner's name and the tree."""

PUBLIC_BYTES = {ED25519: 32, ED25519_COSIGNATURE: 32, MLDSA44_COSIGNATURE: 1312}
"""Length of a public key, by signature type."""
SIGNATURE_BYTES = {ED25519: 64, ED25519_COSIGNATURE: 8 + 64, MLDSA44_COSIGNATURE: 8 + 2420}
"""Length of a signature, by signature type; cosignatures with the eight bytes of their time."""

_SUBTREE_LABEL = b"subtree/v1\n\0"


def tree_head(text: str) -> tuple[str, int, bytes, tuple[str, ...]]:
    """Origin, size, root and extension lines of a checkpoint's text (C2SP tlog-checkpoint). Raises `BadEntry`."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise BadEntry("A checkpoint has three lines, none empty: origin, size, root.")
    size = canonical_number(lines[1], "the size in the checkpoint")
    return lines[0], size, hash_base64(lines[2], "the root in the checkpoint"), tuple(lines[3:])


def cosigned_text(text: bytes, timestamp: int) -> bytes:
    """What an Ed25519 cosignature signs: a header, the time in Unix seconds, the checkpoint's text as it is."""
    return b"cosignature/v1\ntime %d\n%b" % (timestamp, text)


def cosigned_tree(cosigner: str, text: bytes, timestamp: int) -> bytes:
    """What an ML-DSA-44 cosignature signs: `cosigned_message` of C2SP tlog-cosignature, for the whole tree.

    Extension lines of the checkpoint are not part of it. Raises `BadEntry` if `text` is no checkpoint, or a name has
    more than 255 bytes.
    """
    try:
        origin, size, root, _ = tree_head(text.decode())
    except UnicodeDecodeError as error:
        raise BadEntry("The checkpoint is not UTF-8 text.") from error
    return b"".join(
        (
            _SUBTREE_LABEL,
            _short(cosigner, "the cosigner"),
            timestamp.to_bytes(8, "big"),
            _short(origin, "the log"),
            bytes(8),  # a checkpoint's subtree begins at leaf 0
            size.to_bytes(8, "big"),
            root,
        )
    )


def split_cosignature(algorithm: int, value: bytes) -> tuple[int, bytes]:
    """Time (Unix seconds) and signature of a cosignature. Raises `BadEntry` for a wrong length or a time > 2^63-1."""
    if len(value) != SIGNATURE_BYTES[algorithm]:
        raise BadEntry("The cosignature does not have the length of its type.")
    timestamp = int.from_bytes(value[:8], "big")
    if timestamp > MAX_SIZE:
        raise BadEntry("The time of the cosignature is beyond 2^63 - 1.")
    return timestamp, value[8:]


def _short(name: str, what: str) -> bytes:
    raw = name.encode()
    if not 0 < len(raw) < 256:
        raise BadEntry(f"The name of {what} has {len(raw)} bytes; an ML-DSA-44 cosignature holds 1 to 255.")
    return bytes([len(raw)]) + raw

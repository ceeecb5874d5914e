"""Cosignatures of C2SP tlog-cosignature: a cosigner saw this tree, at this time, and found it consistent. Pure.

Witnesses cosign other logs' checkpoints, and a log its own with ML-DSA-44. Counterpart: `VerifierKey.verify`.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from audit.errors import BadEntry
from audit.tlog.messages import (
    ED25519_COSIGNATURE,
    MLDSA44_COSIGNATURE,
    SIGNATURE_BYTES,
    cosigned_text,
    cosigned_tree,
    split_cosignature,
    tree_head,
)
from audit.tlog.note import Signature, VerifierKey, check_own_name
from audit.tlog.spelling import MAX_SIZE


class CosigningKey:
    """A key of a cosigner with its name. `repr` shows no secret.

    An Ed25519 cosignature does not name its cosigner: one Ed25519 key MUST NOT serve two cosigners.
    """

    def __init__(self, name: str, seed: bytes, algorithm: int = ED25519_COSIGNATURE) -> None:
        """`seed`: 32 bytes; `algorithm`: 0x04 (Ed25519) or 0x06 (ML-DSA-44).

        Raises `BadEntry` for a name that cannot stand in a note, a type that does not cosign, or ML-DSA-44 where this
        installation does not have it.
        """
        check_own_name(name)
        if algorithm not in (ED25519_COSIGNATURE, MLDSA44_COSIGNATURE):
            raise BadEntry("A cosigning key is of type 0x04 (Ed25519) or 0x06 (ML-DSA-44).")
        self._key: Ed25519PrivateKey | MLDSA44PrivateKey
        if algorithm == ED25519_COSIGNATURE:
            self._key = Ed25519PrivateKey.from_private_bytes(seed)
        else:
            try:
                self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
            except UnsupportedAlgorithm as error:
                raise BadEntry("ML-DSA-44 is not available in the cryptography library installed here.") from error
        self.verifier = VerifierKey(name, self._key.public_key().public_bytes_raw(), algorithm)

    def cosign(self, checkpoint_text: str, timestamp: int) -> Signature:
        """Cosign the text of a checkpoint (three lines and extensions, no signatures) as of `timestamp`, Unix seconds.

        Raises `BadEntry` if the text is no checkpoint or the time is not within 0..2^63-1. Whether the checkpoint is
        consistent with what was cosigned before is for the caller to know.
        """
        if not 0 <= timestamp <= MAX_SIZE:
            raise BadEntry("The time of a cosignature is within 0 and 2^63 - 1.")
        tree_head(checkpoint_text)
        key, text = self.verifier, checkpoint_text.encode()
        if key.algorithm == MLDSA44_COSIGNATURE:
            value = self._key.sign(cosigned_tree(key.name, text, timestamp))
        else:
            value = self._key.sign(cosigned_text(text, timestamp))
        return Signature(key.name, key.key_id, timestamp.to_bytes(8, "big") + value)


def cosigned_at(signature: Signature) -> int:
    """The time of a cosignature, Unix seconds. Raises `BadEntry` if it has the length of no cosignature."""
    for algorithm in (ED25519_COSIGNATURE, MLDSA44_COSIGNATURE):
        if len(signature.value) == SIGNATURE_BYTES[algorithm]:
            return split_cosignature(algorithm, signature.value)[0]
    raise BadEntry("The signature is no cosignature: it has another length.")

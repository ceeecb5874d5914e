"""Proofs of C2SP tlog-proof: one file that shows, offline, that an entry stands in a witnessed log. Pure.

The file form is strict: what `TlogProof.encode` would not have written is refused with `BadEntry`.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import BadEntry
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import HASH_SIZE, verify_inclusion
from audit.tlog.note import MAX_NOTE_BYTES, VerifierKey
from audit.tlog.policy import Policy
from audit.tlog.spelling import MAX_SIZE, canonical_base64, canonical_number, hash_base64

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MAX_PATH = 63
"""Hashes: the path of a leaf in the largest tree there can be."""
MAX_EXTRA = 65_536
"""Bytes of extra data."""
MAX_PROOF_BYTES = MAX_NOTE_BYTES + 100_000


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An index, the path from there to the root, and the signed checkpoint that has this root."""

    index: int
    extra: bytes
    """Anything; nothing vouches for it. Empty = the file has no such line."""
    path: tuple[bytes, ...]
    """Hashes of 32 bytes, the leaf's sibling first (RFC 6962 section 2.1.1)."""
    checkpoint: bytes
    """A signed note, as it was published."""

    def encode(self) -> bytes:
        """The file's bytes. Raises `BadEntry` if they could not be read back."""
        if not (0 <= self.index <= MAX_SIZE and len(self.path) <= MAX_PATH and len(self.extra) <= MAX_EXTRA):
            raise BadEntry("The index, path or extra data of the proof is out of range.")
        if any(len(node) != HASH_SIZE for node in self.path):
            raise BadEntry("A hash of the proof's path does not have 32 bytes.")
        lines = [HEADER, *([f"extra {_base64(self.extra)}"] if self.extra else []), f"index {self.index}"]
        return "\n".join([*lines, *map(_base64, self.path), "", ""]).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "TlogProof":
        """Strict counterpart of `encode`; nothing is verified yet. Raises `BadEntry`."""
        if len(data) > MAX_PROOF_BYTES:
            raise BadEntry("The proof is longer than a megabyte.")
        head, separator, checkpoint = data.partition(b"\n\n")
        if not separator or not checkpoint:
            raise BadEntry("The proof has no checkpoint after an empty line.")
        if not head.isascii():
            raise BadEntry("The lines of the proof before its checkpoint are not ASCII text.")
        lines = head.decode().split("\n")
        if lines[0] != HEADER:
            raise BadEntry(f"The proof does not begin with {HEADER}.")
        at, extra = 1, b""
        if len(lines) > at and lines[at].startswith("extra "):
            at, extra = at + 1, canonical_base64(lines[at].removeprefix("extra "), "the extra data of the proof")
        if len(lines) <= at or not lines[at].startswith("index "):
            raise BadEntry("The proof has no index line.")
        index = canonical_number(lines[at].removeprefix("index "), "the index of the proof")
        path = lines[at + 1 :]
        if len(path) > MAX_PATH:
            raise BadEntry(f"The proof has more than {MAX_PATH} hashes.")
        proof = cls(index, extra, tuple(hash_base64(line, "the path of the proof") for line in path), checkpoint)
        if proof.encode() != data:
            raise BadEntry("The proof is not in its canonical spelling.")
        return proof

    def verify(
        self, leaf_hash: bytes, policy: Policy, now: float | None = None, *, logs: Sequence[VerifierKey] = ()
    ) -> Checkpoint:
        """The checkpoint that `leaf_hash` is proved to stand under, at `index`.

        Raises `BadEntry` if the policy does not accept the checkpoint (see `Policy.judge` for `now` and `logs`), its
        quorum is not reached, or the path does not lead from the leaf to the root.
        """
        judgement = policy.judge(self.checkpoint, now, logs=logs)
        if not judgement.quorum:
            raise BadEntry("The checkpoint of the proof lacks cosignatures: the quorum of the policy is not reached.")
        found = judgement.checkpoint
        if not self.leads(leaf_hash, found):
            raise BadEntry("The proof does not lead from this entry to the root of its checkpoint.")
        return found

    def leads(self, leaf_hash: bytes, checkpoint: Checkpoint) -> bool:
        """Whether the path leads from this leaf to this root; says nothing of who signed it."""
        return verify_inclusion(self.index, checkpoint.size, leaf_hash, self.path, checkpoint.root)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

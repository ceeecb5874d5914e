"""The body of an `add-checkpoint` request (C2SP tlog-witness) and the answers to it. Pure, strict.

A body is `old <size>`, up to 63 hashes of a consistency proof, one a line, an empty line, and a signed checkpoint. What
is spelled in any other way raises `BadEntry`. Counterparts: `audit.witness.witness` answers, `audit.witness.client`
asks.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import BadEntry
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import MAX_SIGNATURES, Note, Signature, parse_note
from audit.tlog.spelling import canonical_number, hash_base64

MAX_PROOF = 63
"""Hashes of a proof that a client may send."""
MAX_BODY = 65_536
"""Bytes of a request. A checkpoint with a dozen ML-DSA-44 cosignatures has some forty kilobytes."""
SIZE_TYPE = "text/x.tlog.size"
"""Content type of the answer 409: the size that the witness saw last, in decimal, and a newline."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request: this checkpoint goes on from the one of `old` entries, as `proof` shows."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    """Without signatures if they cannot be read."""
    checkpoint: Checkpoint


def encode_add_checkpoint(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body. Raises `BadEntry` if it would be refused for its form."""
    if len(proof) > MAX_PROOF:
        raise BadEntry(f"A consistency proof has at most {MAX_PROOF} hashes.")
    lines = "".join(f"{base64.b64encode(node).decode()}\n" for node in proof)
    body = f"old {old}\n{lines}\n".encode() + note
    if len(body) > MAX_BODY:
        raise BadEntry(f"A request to a witness has at most {MAX_BODY} bytes; the checkpoint has too many signatures.")
    return body


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Counterpart of `encode_add_checkpoint`. Raises `BadEntry`."""
    if len(body) > MAX_BODY:
        raise BadEntry(f"A request to a witness has at most {MAX_BODY} bytes.")
    head, separator, tail = body.partition(b"\n\n")
    try:
        first, *hashes = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise BadEntry("The lines before the checkpoint are not plain ASCII.") from error
    if not separator or not first.startswith("old "):
        raise BadEntry("The request does not begin with 'old <size>', or no checkpoint follows an empty line.")
    if len(hashes) > MAX_PROOF:
        raise BadEntry(f"A consistency proof has at most {MAX_PROOF} hashes.")
    old = canonical_number(first.removeprefix("old "), "the old size")
    proof = tuple(hash_base64(line, "the consistency proof") for line in hashes)
    note = _parse_note(tail)
    return AddCheckpoint(old, proof, note, Checkpoint.parse(note.text, extended=True))


def _parse_note(data: bytes) -> Note:
    """The checkpoint. One whose signatures cannot be read is one that nobody signed: not a bad request (400), but one
    that the log has no part in (403), as other witnesses answer too."""
    try:
        return parse_note(data)
    except BadEntry:
        text, _, _ = data[:MAX_BODY].rpartition(b"\n\n")
        try:
            return Note(text.decode() + "\n", ())
        except UnicodeDecodeError as error:
            raise BadEntry("The checkpoint is not UTF-8 text.") from error


def encode_signatures(signatures: Sequence[Signature]) -> bytes:
    """Body of the answer 200: signature lines of a note."""
    return "".join(signature.line() for signature in signatures).encode()


def parse_signatures(body: bytes, text: str) -> tuple[Signature, ...]:
    """The signature lines of an answer 200, read as those of a note over `text`; nothing is verified yet.

    Raises `BadEntry`.
    """
    return parse_note(text.encode() + b"\n" + body).signatures[:MAX_SIGNATURES]


def parse_size(body: bytes) -> int:
    """The size in an answer 409. Raises `BadEntry`."""
    try:
        line = body.decode("ascii")
    except UnicodeDecodeError as error:
        raise BadEntry("The size that the witness tells is no number.") from error
    if not line.endswith("\n"):
        raise BadEntry("The size that the witness tells does not end in a newline.")
    return canonical_number(line[:-1], "the size that the witness tells")

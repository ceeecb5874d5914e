"""Checkpoints of C2SP tlog-checkpoint: origin, size and root of a log, in a signed note. Pure.

Parsing is strict: what `Checkpoint.text` would not have written is refused with `BadEntry`.
"""

import base64
from dataclasses import dataclass

from audit.errors import BadEntry
from audit.tlog.note import VerifierKey, canonical_base64, parse_note


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of a log at one moment (C2SP tlog-checkpoint, without extension lines)."""

    origin: str
    size: int
    root: bytes
    """32 bytes."""

    def text(self) -> str:
        """The signed text: origin, size, base64 root, each on its line."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Strict counterpart of `text`: extension lines are refused. Raises `BadEntry`."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise BadEntry("A checkpoint has three lines: origin, size, root.")
        if not lines[1].isascii() or not lines[1].isdigit() or len(lines[1]) > 19:
            raise BadEntry("The size in the checkpoint is not a decimal number.")
        root = canonical_base64(lines[2], "the root in the checkpoint")
        checkpoint = cls(lines[0], int(lines[1]), root)
        if len(root) != 32 or checkpoint.text() != text or checkpoint.size >= 1 << 63:
            raise BadEntry("The checkpoint is not in its canonical spelling.")
        return checkpoint


def open_checkpoint(data: bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a signed note, if `key` signed it and its origin is the key's name. Raises `BadEntry`."""
    note = parse_note(data)
    if not note.verified_by([key]):
        raise BadEntry(f"The checkpoint is not signed by {key.name}.")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != key.name:
        raise BadEntry("The checkpoint belongs to another log: its origin is not the name of the key.")
    return checkpoint

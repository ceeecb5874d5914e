"""Checkpoints of C2SP tlog-checkpoint: origin, size and root of a log, in a signed note. Pure.

Parsing is strict: what `Checkpoint.text` would not have written is refused with `BadEntry`.
"""

import base64
from dataclasses import dataclass

from audit.errors import BadEntry
from audit.tlog.messages import tree_head
from audit.tlog.note import VerifierKey, parse_note


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of a log at one moment (C2SP tlog-checkpoint)."""

    origin: str
    size: int
    root: bytes
    """32 bytes."""
    extensions: tuple[str, ...] = ()
    """Further lines of other people's logs. Ours writes none, and does not take its own for good with any."""

    def text(self) -> str:
        """The signed text: origin, size, base64 root, extensions, each on its line."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str, *, extended: bool = False) -> "Checkpoint":
        """Strict counterpart of `text`: extension lines are refused unless `extended`. Raises `BadEntry`."""
        checkpoint = cls(*tree_head(text))
        if checkpoint.extensions and not extended:
            raise BadEntry("A checkpoint has three lines: origin, size, root. This one has more.")
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

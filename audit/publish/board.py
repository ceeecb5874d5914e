"""Where everybody looks for the newest checkpoint: the file beside the database, and the published log.

What must stay true: what is shown never goes back to a smaller tree, and a checkpoint that witnesses cosigned is not
replaced by the same one without their cosignatures. The newest with a quorum is kept beside it, for those who need one
while the newest of all waits for its witnesses.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from audit.files import CHECKPOINT_FILE, WITNESSED_FILE, write_durably
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import parse_note


class Board:
    """Any thread; one writes at a time."""

    def __init__(self, directory: Path | None, publish: Callable[[bytes], None]) -> None:
        """`directory`: of the log, none for a log without one. `publish` shows a note in the published log."""
        self._directory = directory
        self._publish = publish
        self._lock = threading.Lock()
        self._shown = -1

    def show(self, note: bytes) -> None:
        """A checkpoint was signed; it is the newest. Raises what `publish` raises, OSError."""
        self._show(note, again=False)

    def show_cosigned(self, note: bytes, *, quorum: bool) -> None:
        """Cosignatures were gathered for a checkpoint; it is shown unless a larger one is. Raises as `show`."""
        if quorum and self._directory is not None:
            write_durably(self._directory / WITNESSED_FILE, note)
        self._show(note, again=True)

    def witnessed(self) -> bytes | None:
        """The newest checkpoint with a quorum, if there ever was one."""
        try:
            return None if self._directory is None else (self._directory / WITNESSED_FILE).read_bytes()
        except OSError:
            return None

    def _show(self, note: bytes, *, again: bool) -> None:
        size = Checkpoint.parse(parse_note(note).text).size
        with self._lock:
            if size < self._shown or (again and size != self._shown):
                return
            if size == self._shown and not again:
                return  # signed again; what is shown may have cosignatures
            self._publish(note)
            if self._directory is not None:
                write_durably(self._directory / CHECKPOINT_FILE, note)
            self._shown = size

"""One place where the log is published: tiles first, the checkpoint after them. Counterpart: `audit.publish.delivery`
does the same for places that may be slow or away."""

from pathlib import Path

from audit.errors import BadEntry, LogDamaged
from audit.publish.integrator import Integrator
from audit.publish.restore import restore
from audit.publish.tile_store import CHECKPOINT, TileStore
from audit.store import EntryReader
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.note import VerifierKey, parse_note
from audit.tlog.tiles import TileTree
from config.counting import entries


class Place:
    """A tile store and how far it has come. One thread at a time; it owns the reader."""

    def __init__(self, reader: EntryReader, tiles: TileStore, key: VerifierKey) -> None:
        self.tiles = tiles
        self._reader = reader
        self._key = key
        self._integrator: Integrator | None = None
        self._shown = 0

    def restore(self, signed: Checkpoint, *, whole: bool = False, seen: Path | None = None) -> str:
        """Compare what is published with the entries and repair it; what was done, in a line.

        `signed`: the tree that was signed last. `seen`: a file with a checkpoint that others have seen, which may be
        missing. Raises `LogDamaged`; else as `TileStore`.
        """
        restored = restore(self._reader, self.tiles, self._key, signed, whole=whole)
        self._integrator = Integrator(self._reader, self.tiles, restored.edge)
        self._shown = restored.edge.size
        if seen is not None and seen.exists():
            self._agree(seen.read_bytes(), signed)
        return restored.step()

    def _agree(self, note: bytes, signed: Checkpoint) -> None:
        """What witnesses cosigned is part of this log, as far as tiles reach. A file that a crash tore says nothing."""
        try:
            parse_note(note)
        except BadEntry:
            return
        try:
            seen = open_checkpoint(note, self._key)
            if seen.size <= self._shown:
                shown = open_checkpoint(self.tiles.get(CHECKPOINT) or b"", self._key)
                agrees = TileTree(shown, self._fetch).root(seen.size) == seen.root
            else:
                agrees = seen.size < signed.size or (seen.size, seen.root) == (signed.size, signed.root)
        except (BadEntry, LookupError) as error:
            raise LogDamaged(f"The checkpoint that witnesses cosigned cannot be compared: {error}") from error
        if not agrees:
            raise LogDamaged(
                f"Witnesses cosigned a checkpoint over {entries(seen.size)} that is not of this log, or newer than it. "
                "Sessions stay closed. Look for a restored backup."
            )

    def _fetch(self, path: str) -> bytes:
        found = self.tiles.get(path)
        if found is None:
            raise LookupError(f"{path} is missing.")
        return found

    def publish(self, note: bytes) -> None:
        """Make a signed checkpoint visible, after everything that it needs. One older than is visible is passed over.

        Raises `LogDamaged` if the entries do not have the root that was signed, or other tiles are stored; `BadEntry`
        for a note that is not of this log; else as `TileStore`. After an error it can be called again.
        """
        checkpoint = open_checkpoint(note, self._key)
        if checkpoint.size < self._shown:
            return
        if self._integrator is None:
            self.restore(checkpoint)
        integrator = self._integrator
        assert integrator is not None
        integrator.advance(checkpoint.size)
        if integrator.size == checkpoint.size and integrator.root() != checkpoint.root:
            raise LogDamaged(f"The root over {entries(checkpoint.size)} is not the one that was signed.")
        self.tiles.replace(CHECKPOINT, note)
        self._shown = checkpoint.size

    def close(self) -> None:
        """Let go of the reader."""
        self._reader.close()

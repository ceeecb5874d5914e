"""One place where the log is published: tiles first, the checkpoint after them. Counterpart: `audit.publish.delivery`
does the same for places that may be slow or away."""

from audit.errors import LogDamaged
from audit.publish.integrator import Integrator
from audit.publish.restore import restore
from audit.publish.tile_store import CHECKPOINT, TileStore
from audit.store import EntryReader
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.note import VerifierKey


class Place:
    """A tile store and how far it has come. One thread at a time; it owns the reader."""

    def __init__(self, reader: EntryReader, tiles: TileStore, key: VerifierKey) -> None:
        self.tiles = tiles
        self._reader = reader
        self._key = key
        self._integrator: Integrator | None = None
        self._shown = 0

    def restore(self, signed: Checkpoint, *, whole: bool = False) -> str:
        """Compare what is published with the entries and repair it; what was done, in a line.

        `signed`: the tree that was signed last. Raises `LogDamaged`; else as `TileStore`.
        """
        restored = restore(self._reader, self.tiles, self._key, signed, whole=whole)
        self._integrator = Integrator(self._reader, self.tiles, restored.edge)
        self._shown = restored.edge.size
        return restored.step()

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
            raise LogDamaged(f"The root over {checkpoint.size} entries is not the one that was signed.")
        self.tiles.replace(CHECKPOINT, note)
        self._shown = checkpoint.size

    def close(self) -> None:
        """Let go of the reader."""
        self._reader.close()

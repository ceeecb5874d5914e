"""Everything that happens to the log outside its database when a checkpoint is signed. Used by `audit.journal` alone.

The place beside the database is written at once, by the thread that signed. A failure of its disk is as final as one
under the database: it is the same disk, and a medium that lost a sync is not trusted with the next entry. Places
elsewhere are delivered to in their own time (`audit.publish.delivery`), and their failures only delay.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.entry import NewEntry
from audit.errors import LogDamaged, RecordFailed
from audit.files import WITNESSED_FILE
from audit.publish.delivery import Delivery
from audit.publish.place import Place
from audit.publish.sealed import Sealer
from audit.publish.tile_store import TileStore
from audit.store import EntryReader
from audit.stores.choose import open_reader
from audit.stores.tiles_files import FileTileStore
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import VerifierKey

FOLDER: Final = "log"
"""In the directory of the evidence: the published log of the embedded default."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a journal publishes. All of it may be missing."""

    beside: Place | None = None
    elsewhere: Sequence[Delivery] = ()
    sealer: Sealer | None = None
    seen: Path | None = None
    """Where the newest checkpoint lies that witnesses cosigned, if there is one."""

    def restore(self, signed: Checkpoint, *, whole: bool) -> list[str]:
        """At open: compare and repair the place beside the database. Lines for the log of the start.

        Raises `LogDamaged`, OSError.
        """
        return [] if self.beside is None else [self.beside.restore(signed, whole=whole, seen=self.seen)]

    def on_damage(self, damaged: Callable[[LogDamaged], None]) -> None:
        """Have `damaged` called, from another thread, if a place elsewhere holds another history than the log."""
        for delivery in self.elsewhere:
            delivery.on_damage(damaged)

    def publish(self, note: bytes) -> None:
        """A checkpoint was signed. Raises as `Place.publish` for the place beside the database."""
        if self.beside is not None:
            self.beside.publish(note)
        for delivery in self.elsewhere:
            delivery.publish(note)

    @property
    def undelivered_seconds(self) -> float | None:
        """How long a place elsewhere has waited for a checkpoint; none if there is no such place."""
        return max((delivery.undelivered_seconds for delivery in self.elsewhere), default=None)

    def seal(self, size: int, record: Callable[[NewEntry], object]) -> None:
        """Have closed ranges sealed; a busy or closed journal is asked again after the next checkpoint."""
        if self.sealer is not None:
            with suppress(RecordFailed):
                self.sealer.seal(size, record)

    def close(self) -> None:
        """A last delivery, and let go."""
        for delivery in self.elsewhere:
            delivery.close()
        if self.beside is not None:
            self.beside.close()
        if self.sealer is not None:
            self.sealer.close()


NOT_PUBLISHED: Final = Published()
"""A log whose database is all there is."""


def open_published(directory: Path, key: VerifierKey, objects: TileStore | None = None) -> Published:
    """For the embedded log in `directory`: tiles in its folder `log`, seals, and `objects` as a place elsewhere.

    Raises `LogMissing`, `LogDamaged`, OSError.
    """
    with ExitStack() as opened:

        def reader() -> EntryReader:
            made = open_reader(directory)
            opened.callback(made.close)
            return made

        tiles = FileTileStore.open(directory / FOLDER)
        beside, sealer = Place(reader(), tiles, key), Sealer(reader())
        elsewhere = () if objects is None else (Delivery(Place(reader(), objects, key)),)
        opened.pop_all()
        return Published(beside, elsewhere, sealer, directory / WITNESSED_FILE)

"""Where a log is published: a place that keeps tiles and entry bundles once and for ever, and one checkpoint.

Layout below a store's root: `checkpoint`, `tile/<L>/<N>`, `tile/entries/<N>` (C2SP tlog-tiles, all of it public) and,
never public, `sealed/<N>` (`audit.publish.sealed`). Implementations: `audit.stores.tiles_files` (embedded default),
`audit.stores.tiles_objects` (object storage), `audit.stores.tiles_memory` (the fake that ships). All pass
tests/contract/test_tile_store.py.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from audit.tlog.tiles import EntryBundle, Tile, entries_path, tile_path

CHECKPOINT: Final = "checkpoint"
"""Path of the newest signed checkpoint, the only thing that is ever replaced."""

TILES: Final = "tile/"
SEALED: Final = "sealed/"


class TileSource(Protocol):
    """Where a published log can be read: a store, or a site (`audit.publish.source`)."""

    def get(self, path: str) -> bytes | None:
        """What is stored at `path`, or none. Raises `PublishFailed` or OSError if the place cannot be read."""
        ...


class TileStore(TileSource, Protocol):
    """A place to publish. One writer at a time.

    Every method raises OSError if the machine's own medium fails, which is final, or `PublishFailed` if a place
    elsewhere cannot be reached, which passes.
    """

    def put_new(self, path: str, data: bytes) -> None:
        """Store `data` for ever; durable and whole on return, and never visible in part.

        The same again is fine. Raises `LogDamaged` if something else is stored there: somebody's history is not this.
        """
        ...

    def replace(self, path: str, data: bytes) -> None:
        """Store `data` in place of what is there; durable on return. For the checkpoint only."""
        ...

    def delete(self, path: str) -> None:
        """Remove what is stored at `path`. What is not there is not an error."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Paths that begin with `prefix` (text, up to a slash), in no order."""
        ...


def path_of(piece: Tile | EntryBundle) -> str:
    """Path of a tile or bundle."""
    return tile_path(piece) if isinstance(piece, Tile) else entries_path(piece.index, piece.width)


def full_of(piece: Tile | EntryBundle) -> Tile | EntryBundle:
    """The full tile or bundle that takes the place of a partial one in the end."""
    return Tile(piece.level, piece.index) if isinstance(piece, Tile) else EntryBundle(piece.index)


def is_torn(found: bytes, expected: bytes) -> bool:
    """Whether `found` is what a crash can leave of `expected`: its beginning, and behind that nothing or zero bytes."""
    kept = found.rstrip(b"\x00")
    return found != expected and len(found) <= len(expected) and expected.startswith(kept)

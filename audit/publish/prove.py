"""Consistency proofs for witnesses: from the published tiles, or from stored leaf hashes where there are none.

Either way memory stays small. Tiles cost a few reads a proof; leaf hashes are all read again, which is for small logs
and for moments when the tiles are not there.
"""

from collections.abc import Callable, Iterator, Sequence

from audit.publish.tile_store import TileSource
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import consistency_ranges, root
from audit.tlog.tile_tree import TileTree

Leaves = Callable[[int, int], Iterator[tuple[int, bytes]]]
"""Index and leaf hash of the entries low <= index < high, as `EntryReader.leaves` gives them."""


def from_tiles(tiles: TileSource) -> Callable[[Checkpoint, int], Sequence[bytes]]:
    """Proofs from tiles, each checked against the checkpoint's root. They raise `BadEntry`, LookupError, OSError."""

    def fetch(path: str) -> bytes:
        found = tiles.get(path)
        if found is None:
            raise LookupError(path)
        return found

    def prove(checkpoint: Checkpoint, old: int) -> Sequence[bytes]:
        return [] if old in (0, checkpoint.size) else TileTree(checkpoint, fetch).consistency(old)

    return prove


def from_leaves(leaves: Leaves) -> Callable[[Checkpoint, int], Sequence[bytes]]:
    """Proofs from all leaf hashes, read one after the other."""

    def prove(checkpoint: Checkpoint, old: int) -> Sequence[bytes]:
        if old in (0, checkpoint.size):
            return []
        ranges = consistency_ranges(old, checkpoint.size)
        return [root(leaf for _index, leaf in leaves(low, high)) for low, high in ranges]

    return prove

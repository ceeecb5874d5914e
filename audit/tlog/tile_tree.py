"""Reads a log from its tiles alone and believes nothing that the root of a checkpoint does not cover. Pure.

The partial tiles at the right edge hash to the root by themselves; each full tile hashes to one entry of the tile above
it. So a tile is checked before its first hash is used, at the cost of 255 hashes. Counterpart: `audit.tlog.tiles`.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator

from audit.errors import BadEntry
from audit.tlog.bundle import decode_bundle
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    parents,
    range_hash,
)
from audit.tlog.tile_path import WIDTH, Tile, entries_path, tile_path

HEIGHT = 8
"""Levels of the tree in one tile: 2^8 = 256."""
KEPT = 256
"""Checked tiles that are kept, 16 KiB each; a walk through the log in order needs a handful."""

_Pyramid = tuple[bytes, ...]
"""The hashes of a tile, of their parents, and so on: row r holds the complete nodes of height r, joined."""


class TileTree:
    """A log as its checkpoint and its tiles show it. Not thread-safe."""

    def __init__(self, checkpoint: Checkpoint, fetch: Callable[[str], bytes]) -> None:
        """`checkpoint`: trusted, its signatures are checked by the caller. `fetch`: bytes of a path below the prefix.

        What is not there `fetch` says with LookupError; it goes through to the caller, being no contradiction. Where a
        partial tile is not there the full one is asked for (C2SP lets logs delete what a full tile replaced).
        Raises `BadEntry` if the tiles at the right edge do not have the checkpoint's root.
        """
        self.checkpoint = checkpoint
        self._fetch = fetch
        self._checked: OrderedDict[tuple[int, int], _Pyramid] = OrderedDict()
        self._edge = {(tile.level, tile.index): _pyramid(self._load(tile)) for tile in self._edge_tiles()}
        root = range_hash(0, self.size, self._node) if self.size else EMPTY_ROOT
        if root != checkpoint.root:
            raise BadEntry("The tiles at the right edge of the log do not have the root that the checkpoint names.")

    @property
    def size(self) -> int:
        """Number of entries, as the checkpoint has it."""
        return self.checkpoint.size

    def leaf_hash(self, index: int) -> bytes:
        """Leaf hash of one entry. Raises `BadEntry`: there is no such entry, or a tile does not fit the checkpoint."""
        self._within(0 <= index < self.size)
        return self._node(0, index)

    def root(self, size: int) -> bytes:
        """Root of the first `size` entries. Raises as `leaf_hash`."""
        self._within(0 <= size <= self.size)
        return range_hash(0, size, self._node) if size else EMPTY_ROOT

    def inclusion(self, index: int) -> list[bytes]:
        """Proof that the entry at `index` stands in the checkpoint's tree. Raises as `leaf_hash`."""
        self._within(0 <= index < self.size)
        return [range_hash(low, high, self._node) for low, high in inclusion_ranges(index, self.size)]

    def consistency(self, old: int) -> list[bytes]:
        """Proof that the checkpoint's tree goes on from the one of `old` entries; empty for `old` = 0, as witnesses
        expect it (C2SP tlog-witness). Raises as `leaf_hash`."""
        self._within(0 <= old <= self.size)
        if not old:
            return []
        return [range_hash(low, high, self._node) for low, high in consistency_ranges(old, self.size)]

    def bundle(self, index: int) -> list[bytes]:
        """The entries 256 * `index` and following, up to 256, each checked. Raises as `leaf_hash`."""
        self._within(0 <= index * WIDTH < self.size)
        width = min(WIDTH, self.size - index * WIDTH)
        try:
            entries = decode_bundle(self._fetch(entries_path(index, width)), width)
        except LookupError:
            if width == WIDTH:
                raise
            entries = decode_bundle(self._fetch(entries_path(index)), WIDTH)[:width]
        hashes = self._tile(0, index)[0]
        if b"".join(map(leaf_hash, entries)) != hashes[: width * HASH_SIZE]:
            raise BadEntry(f"The entries in {entries_path(index, width)} are not those of the tile beside them.")
        return entries

    def _within(self, ok: bool) -> None:
        if not ok:
            raise BadEntry(f"There is no such entry or tree in the log of {self.size} entries.")

    def _edge_tiles(self) -> Iterator[Tile]:
        count, level = self.size, 0
        while count:
            if count % WIDTH:
                yield Tile(level, count // WIDTH, count % WIDTH)
            count, level = count // WIDTH, level + 1

    def _node(self, height: int, index: int) -> bytes:
        """Root of the complete subtree over leaves [index * 2^height, (index + 1) * 2^height)."""
        level, row = divmod(height, HEIGHT)
        tile, at = divmod(index, WIDTH >> row)
        return self._tile(level, tile)[row][at * HASH_SIZE : (at + 1) * HASH_SIZE]

    def _tile(self, level: int, index: int) -> _Pyramid:
        """One tile of the tree, checked. Only a full one can be missing from the edge."""
        known = self._edge.get((level, index)) or self._checked.get((level, index))
        if known is not None:
            return known
        tile = Tile(level, index)
        expected = self._node((level + 1) * HEIGHT, index)
        pyramid = _pyramid(self._load(tile))
        if pyramid[HEIGHT] != expected:
            raise BadEntry(f"The tile {tile_path(tile)} does not fit the tree of the checkpoint.")
        self._checked[level, index] = pyramid
        if len(self._checked) > KEPT:
            self._checked.popitem(last=False)
        return pyramid

    def _load(self, tile: Tile) -> bytes:
        wanted = tile.width * HASH_SIZE
        try:
            data = self._fetch(tile_path(tile))
        except LookupError:
            if not tile.partial:
                raise
            data = self._fetch(tile_path(Tile(tile.level, tile.index)))
            data = data[:wanted] if len(data) == WIDTH * HASH_SIZE else data
        if len(data) != wanted:
            raise BadEntry(f"The tile {tile_path(tile)} has {len(data)} bytes, not {wanted}.")
        return data


def _pyramid(hashes: bytes) -> _Pyramid:
    rows = [hashes]
    while len(rows[-1]) >= 2 * HASH_SIZE:
        row = rows[-1]
        rows.append(parents(row[: len(row) // (2 * HASH_SIZE) * 2 * HASH_SIZE]))
    return tuple(rows)

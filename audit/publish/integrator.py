"""Turns entries into tiles and bundles. Idempotent: who starts it again, from any earlier size, writes the same bytes.

What must stay true: `advance` returns only when everything that a checkpoint of that size needs is stored for good, so
the checkpoint may be shown after it. Partial tiles are written for the sizes that were asked for and no others, and are
deleted once the full tile is there (C2SP tlog-tiles). Counterparts: `audit.publish.restore` finds where to go on from,
`audit.publish.fsck` recomputes it all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from audit.errors import LogDamaged
from audit.publish.tile_store import TileStore, full_of, path_of
from audit.store import EntryRow
from audit.tlog.merkle import EMPTY_ROOT, HASH_SIZE, Frontier, leaf_hash, parents, range_hash
from audit.tlog.tiles import WIDTH, EntryBundle, Tile, encode_bundle, grow

STEP = 16 * WIDTH
"""Entries read at one time while catching up."""


class Heads(Protocol):
    """Where the entries come from: an `EntryReader`, or another published log."""

    def entries(self, low: int, high: int) -> Iterator[EntryRow]: ...


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tiled log: per level the hashes of the tile that is not full, joined. Empty ones are left
    out. It is all that is needed to go on, and to compute the root."""

    size: int = 0
    rows: Mapping[int, bytes] = field(default_factory=dict)

    def read(self, tile: Tile) -> bytes:
        """The partial tile at the edge, as `grow` asks for it."""
        return self.rows.get(tile.level, b"")

    def root(self) -> bytes:
        """Root of the tree. Raises ValueError if a row has not the length that the size asks for."""
        for level in range(8):
            if len(self.rows.get(level, b"")) != (self.size >> 8 * level & 255) * HASH_SIZE:
                raise ValueError("The edge of the log does not fit its size.")
        return range_hash(0, self.size, self._node) if self.size else EMPTY_ROOT

    def frontier(self) -> Frontier:
        """The same tree as a frontier. Raises as `root`."""
        self.root()
        heights = [height for height in range(self.size.bit_length()) if self.size >> height & 1]
        return Frontier.from_levels(
            self.size, {height: self._node(height, (self.size >> height) - 1) for height in heights}
        )

    def _node(self, height: int, index: int) -> bytes:
        level, up = divmod(height, 8)
        first = (index << up) % WIDTH
        row = self.rows[level][first * HASH_SIZE : (first + (1 << up)) * HASH_SIZE]
        for _ in range(up):
            row = parents(row)
        return row

    def tiles(self) -> list[Tile]:
        """The partial tiles that the edge consists of."""
        return [
            Tile(level, self.size >> 8 * (level + 1), len(row) // HASH_SIZE) for level, row in sorted(self.rows.items())
        ]


@dataclass(frozen=True, slots=True)
class _State:
    """How far it has come. `pending`: partial tiles of the edge that are not stored yet."""

    edge: Edge
    pending: Mapping[int, bytes] = field(default_factory=dict)


class Integrator:
    """Advances one published log. One thread at a time."""

    def __init__(self, reader: Heads, tiles: TileStore, edge: Edge = Edge()) -> None:
        """`edge`: where the tiles in `tiles` end; they are not looked at again."""
        self._reader = reader
        self._tiles = tiles
        self._state = _State(edge)

    @property
    def size(self) -> int:
        """Entries whose tiles are stored."""
        return self._state.edge.size

    def root(self) -> bytes:
        """Root of the tree of these entries."""
        return self._state.edge.root()

    def advance(self, size: int) -> None:
        """Store what a checkpoint over `size` entries needs; nothing if that is there already.

        Raises `LogDamaged` if the entries are not whole or the store holds other tiles; else as `TileStore`. After an
        error it can be called again.
        """
        while self._state.edge.size < size:
            start = self._state.edge.size
            self._step(min(size, (start + STEP) // WIDTH * WIDTH), last=size)
        self._store_pending()

    def _step(self, end: int, last: int) -> None:
        old = self._state.edge
        start = old.size // WIDTH * WIDTH
        heads = self._heads(start, end)
        for at in range(start, end, WIDTH):
            piece = heads[at - start : at - start + WIDTH]
            if len(piece) == WIDTH or end == last:
                self._put(EntryBundle(at // WIDTH, len(piece)), encode_bundle(piece))
        rows, pending = dict(old.rows), dict(self._state.pending)
        leaves = [leaf_hash(head) for head in heads[old.size - start :]]
        for tile, data in grow(old.size, leaves, old.read):
            rows.pop(tile.level, None)
            pending.pop(tile.level, None)
            if tile.partial:
                rows[tile.level] = pending[tile.level] = data
            else:
                self._put(tile, data)
        self._state = _State(Edge(end, rows), pending)

    def _store_pending(self) -> None:
        edge, pending = self._state.edge, dict(self._state.pending)
        for tile in edge.tiles():
            if tile.level in pending:
                self._put(tile, pending.pop(tile.level))
        self._state = replace(self._state, pending={})

    def _heads(self, low: int, high: int) -> list[bytes]:
        heads: list[bytes] = []
        for row in self._reader.entries(low, high):
            if row.index != low + len(heads) or leaf_hash(row.head) != row.leaf:
                break
            heads.append(row.head)
        if len(heads) != high - low:
            raise LogDamaged(f"Entry {low + len(heads)} cannot be published: it is missing or was changed.")
        return heads

    def _put(self, piece: Tile | EntryBundle, data: bytes) -> None:
        path = path_of(piece)
        self._tiles.put_new(path, data)
        if not piece.partial:
            for superseded in list(self._tiles.list(f"{path_of(full_of(piece))}.p/")):
                self._tiles.delete(superseded)

"""What tiles and bundles must hold, computed from the entries. Counterpart: `audit.publish.restore` compares.

Rows are kept once computed, as far as they were asked for: the tiles of one log share them.
"""

from audit.errors import LogDamaged
from audit.store import EntryReader
from audit.tlog.merkle import HASH_SIZE, leaf_hash, parents
from audit.tlog.tiles import WIDTH, EntryBundle, Tile, encode_bundle


def leaves_below(piece: Tile | EntryBundle) -> int:
    """Entries that a log must have for this tile or bundle to be."""
    level = piece.level if isinstance(piece, Tile) else 0
    return (piece.index * WIDTH + piece.width) << 8 * level


class ExpectedTiles:
    """Contents by path, from an `EntryReader`. The widest row of each tile is kept: 32 bytes an entry."""

    def __init__(self, reader: EntryReader) -> None:
        self._reader = reader
        self._rows: dict[tuple[int, int], bytes] = {}
        self._bundle: tuple[int, list[bytes]] = (-1, [])

    def know(self, tile: Tile, row: bytes) -> None:
        """This row was proved already and need not be computed."""
        self._rows[tile.level, tile.index] = row

    def content(self, piece: Tile | EntryBundle) -> bytes:
        """The bytes of a tile or bundle. Raises `LogDamaged` if the entries below it are not whole."""
        if isinstance(piece, Tile):
            return self.row(piece)
        return encode_bundle(self._heads(piece))

    def row(self, tile: Tile) -> bytes:
        """The hashes of a tile, joined."""
        known = self._rows.get((tile.level, tile.index), b"")
        wanted = tile.width * HASH_SIZE
        if len(known) < wanted:
            known += self._compute(tile, len(known) // HASH_SIZE)
            self._rows[tile.level, tile.index] = known
        return known[:wanted]

    def _compute(self, tile: Tile, start: int) -> bytes:
        first = tile.index * WIDTH
        if tile.level == 0:
            return self._leaves(first + start, first + tile.width)
        return b"".join(
            _root(self.row(Tile(tile.level - 1, number))) for number in range(first + start, first + tile.width)
        )

    def _leaves(self, low: int, high: int) -> bytes:
        found = b"".join(leaf for _, leaf in self._reader.leaves(low, high))
        if len(found) != (high - low) * HASH_SIZE:
            raise LogDamaged(f"Entries are missing between {low} and {high}.")
        return found

    def _heads(self, bundle: EntryBundle) -> list[bytes]:
        known, heads = self._bundle
        if known != bundle.index or len(heads) < bundle.width:
            low = bundle.index * WIDTH
            rows = list(self._reader.entries(low, low + bundle.width))
            heads = [row.head for row in rows]
            if len(rows) != bundle.width or any(leaf_hash(row.head) != row.leaf for row in rows):
                raise LogDamaged(f"Entries are missing or changed between {low} and {low + bundle.width}.")
            self._bundle = (bundle.index, heads)
        return heads[: bundle.width]


def _root(row: bytes) -> bytes:
    while len(row) > HASH_SIZE:
        row = parents(row)
    return row

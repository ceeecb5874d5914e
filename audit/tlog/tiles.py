"""Tiles of C2SP tlog-tiles: which ones a growing log writes, and what they hold; the other halves can be had here too.

Pure. Bytes come from and go to the caller. Counterparts: `audit.tlog.tile_path` (names), `audit.tlog.bundle` (entries),
`audit.tlog.tile_tree` (reading).
"""

from collections.abc import Callable, Iterator, Sequence

from audit.errors import BadEntry
from audit.tlog.bundle import MAX_ENTRY, decode_bundle, encode_bundle
from audit.tlog.merkle import HASH_SIZE, parents
from audit.tlog.tile_path import WIDTH, EntryBundle, Tile, entries_path, parse_path, tile_path
from audit.tlog.tile_tree import TileTree

__all__ = [
    "MAX_ENTRY",
    "WIDTH",
    "EntryBundle",
    "Tile",
    "TileTree",
    "bundles_between",
    "decode_bundle",
    "encode_bundle",
    "entries_path",
    "grow",
    "parse_path",
    "tile_path",
    "tiles_between",
]


def tiles_between(old_size: int, new_size: int) -> list[Tile]:
    """All tiles, full and partial, that a log grown from `old_size` to `new_size` entries needs written, lowest first.

    Partial tiles of sizes in between are not among them: C2SP asks for those of published checkpoints only.
    Raises ValueError if the log would shrink.
    """
    _grows(old_size, new_size)
    tiles, level = [], 0
    while old_size != new_size:
        tiles += [Tile(level, index, width) for index, width in _pieces(old_size, new_size)]
        old_size, new_size, level = old_size // WIDTH, new_size // WIDTH, level + 1
    return tiles


def bundles_between(old_size: int, new_size: int) -> list[EntryBundle]:
    """All entry bundles that the same log needs written. Raises ValueError if the log would shrink."""
    _grows(old_size, new_size)
    return [EntryBundle(index, width) for index, width in _pieces(old_size, new_size)]


def grow(old_size: int, leaves: Sequence[bytes], read: Callable[[Tile], bytes]) -> Iterator[tuple[Tile, bytes]]:
    """The tiles of `tiles_between(old_size, old_size + len(leaves))` with their contents, in that order.

    `leaves` are the hashes of the new entries. `read` gives the partial tiles that stand at the right edge of the old
    log, one for each level that grows. Raises `BadEntry` if one has not the length of its width.
    """
    level, added = 0, b"".join(leaves)
    while added:
        index, width = divmod(old_size, WIDTH)
        row, above = added, []
        if width:
            edge = read(Tile(level, index, width))
            if len(edge) != width * HASH_SIZE:
                raise BadEntry(f"The partial tile {tile_path(Tile(level, index, width))} has not {width} hashes.")
            row = edge + added
        for at in range(0, len(row), WIDTH * HASH_SIZE):
            piece = row[at : at + WIDTH * HASH_SIZE]
            yield Tile(level, index, len(piece) // HASH_SIZE), piece
            if len(piece) == WIDTH * HASH_SIZE:
                above.append(_root(piece))
            index += 1
        old_size, level, added = old_size // WIDTH, level + 1, b"".join(above)


def _pieces(old: int, new: int) -> Iterator[tuple[int, int]]:
    """(index, width) of the rows of 256 that change when a level grows from `old` hashes to `new`."""
    if old == new:
        return
    for index in range(old // WIDTH, new // WIDTH):
        yield index, WIDTH
    if new % WIDTH:
        yield new // WIDTH, new % WIDTH


def _root(row: bytes) -> bytes:
    while len(row) > HASH_SIZE:
        row = parents(row)
    return row


def _grows(old_size: int, new_size: int) -> None:
    if not 0 <= old_size <= new_size:
        raise ValueError(f"A log of {old_size} entries cannot become one of {new_size}.")

"""At open: the published log is held against the entries. What a crash lost or tore is written anew; what contradicts
the entries is an alarm, for then one of the two was changed, or the database is older than what was shown to others.

Order matters: the checkpoint that others may have seen is looked at first, then the tiles below it, then what lies
beyond it. Nothing is published here; `audit.publish.integrator` goes on from the edge that comes out.
"""

import random
from dataclasses import dataclass
from typing import TypeAlias

from audit.errors import BadEntry, LogDamaged
from audit.publish.integrator import Edge
from audit.publish.rows import ExpectedTiles, leaves_below
from audit.publish.tile_store import CHECKPOINT, TILES, TileSource, TileStore, full_of, is_torn, path_of
from audit.store import EntryReader
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import HASH_SIZE
from audit.tlog.note import VerifierKey, parse_note
from audit.tlog.tiles import EntryBundle, Tile, bundles_between, parse_path, tiles_between
from config.counting import counted, entries

Pieces: TypeAlias = dict[str, Tile | EntryBundle]
_ALARM = "Sessions stay closed. Run 'vestibule audit fsck', and look for a restored backup."


@dataclass(frozen=True, slots=True)
class Restored:
    """Where publishing goes on, and what was done to get there."""

    edge: Edge
    checked: int
    """Tiles and bundles that were compared with the entries."""
    rewritten: int
    """Of these, missing or torn, and written anew."""
    deleted: int
    """Partial tiles whose full tile is there."""

    def step(self) -> str:
        """One line for the log of the start."""
        return (
            f"published log of {entries(self.edge.size)}; {counted(self.checked, 'tile')} compared, "
            f"{self.rewritten} written anew, {counted(self.deleted, 'partial one')} deleted"
        )


def read_checkpoint(tiles: TileSource, key: VerifierKey) -> Checkpoint | None:
    """The published checkpoint; none if there is none, or a crash tore it.

    Raises `LogDamaged` if it is whole and `key` did not sign it.
    """
    note = tiles.get(CHECKPOINT)
    if note is None:
        return None
    try:
        parse_note(note)
    except BadEntry:
        return None
    try:
        return open_checkpoint(note, key)
    except BadEntry as error:
        raise LogDamaged(f"The published checkpoint is not of this log: {error} {_ALARM}") from error


def restore(
    reader: EntryReader, tiles: TileStore, key: VerifierKey, signed: Checkpoint, *, whole: bool, sample: int = 64
) -> Restored:
    """Compare, repair, and say where to go on.

    `signed`: the tree that was signed last, which the entries were found to agree with. With `whole` everything
    is compared; else the tree is proved by its checkpoint, what is missing is made, partial tiles and `sample` others
    are compared. Raises `LogDamaged`; else as `TileStore`.
    """
    checkpoint = read_checkpoint(tiles, key)
    if checkpoint is not None and checkpoint.size > signed.size:
        raise LogDamaged(
            f"A checkpoint over {entries(checkpoint.size)} was published, but the log knows of {signed.size} that were "
            f"signed: it is older than what others have seen. {_ALARM}"
        )
    size = 0 if checkpoint is None else checkpoint.size
    expected = ExpectedTiles(reader)
    edge = None if whole else _edge_of(reader, tiles, size, checkpoint, signed)
    if edge is None:
        whole = True
        edge = _edge_from_entries(expected, size)
        if checkpoint is not None and edge.root() != checkpoint.root:
            raise LogDamaged(f"The published checkpoint is over {entries(size)} other than those of the log. {_ALARM}")
    for tile in edge.tiles():
        expected.know(tile, edge.rows[tile.level])
    found: Pieces = {}
    for path in tiles.list(TILES):
        if (piece := _piece(path)) is not None:
            found[path] = piece
    end = reader.size()
    for path, piece in found.items():
        if leaves_below(piece) > end:
            raise LogDamaged(f"{path} was published, but the log has only {entries(end)}. {_ALARM}")
    needed = _needed(size)
    deleted = _delete_superseded(tiles, found, needed)
    chosen = {**needed, **found} if whole else _choose(needed, found, size, sample)
    rewritten = sum(_settle(tiles, expected, piece) for piece in sorted(chosen.values(), key=_order))
    return Restored(edge, len(chosen), rewritten, deleted)


def load_edge(tiles: TileSource, size: int) -> Edge | None:
    """The right edge of a published log of `size` entries, unproved; none if a part of it is missing."""
    rows: dict[int, bytes] = {}
    for level in range(8):
        width = size >> 8 * level & 255
        if not width:
            continue
        tile = Tile(level, size >> 8 * (level + 1), width)
        data = tiles.get(path_of(tile)) or tiles.get(path_of(full_of(tile))) or b""
        if len(data) < width * HASH_SIZE:
            return None
        rows[level] = data[: width * HASH_SIZE]
    return Edge(size, rows)


def _edge_of(
    reader: EntryReader, tiles: TileStore, size: int, checkpoint: Checkpoint | None, signed: Checkpoint
) -> Edge | None:
    """The edge as the tiles have it, if it has the checkpoint's root and the entries lead on to what was signed."""
    edge = load_edge(tiles, size)
    if edge is None or checkpoint is None or edge.root() != checkpoint.root:
        return None
    frontier = edge.frontier()
    frontier.extend(leaf for _, leaf in reader.leaves(size, signed.size))
    return edge if (frontier.size, frontier.root()) == (signed.size, signed.root) else None


def _edge_from_entries(expected: ExpectedTiles, size: int) -> Edge:
    rows = {}
    for level in range(8):
        width = size >> 8 * level & 255
        if width:
            rows[level] = expected.row(Tile(level, size >> 8 * (level + 1), width))
    return Edge(size, rows)


def _piece(path: str) -> Tile | EntryBundle | None:
    """What a stored path is; none for a stranger's file, which nobody asks for."""
    try:
        return parse_path(path)
    except BadEntry:
        return None


def _needed(size: int) -> Pieces:
    pieces: list[Tile | EntryBundle] = [*tiles_between(0, size), *bundles_between(0, size)]
    return {path_of(piece): piece for piece in pieces}


def _delete_superseded(tiles: TileStore, found: Pieces, needed: Pieces) -> int:
    """Partial tiles beside their full ones are what a crash left. Takes them out of `found`."""
    gone = [path for path, piece in found.items() if piece.partial and path_of(full_of(piece)) in found]
    for path in gone:
        if path not in needed:
            tiles.delete(path)
            del found[path]
    return len([path for path in gone if path not in needed])


def _choose(needed: Pieces, found: Pieces, size: int, sample: int) -> Pieces:
    chosen = {path: piece for path, piece in needed.items() if path not in found}
    chosen |= {path: piece for path, piece in found.items() if piece.partial or leaves_below(piece) > size}
    # What is computed from many entries was proved by the root; the newest are what a crash may have torn.
    full = [
        path
        for path, piece in needed.items()
        if not piece.partial and (isinstance(piece, EntryBundle) or piece.level == 0)
    ]
    newest = sorted(full, key=lambda path: needed[path].index)[-4:]
    # Not for secrecy: a sample that is another one at each start finds more than the same one.
    drawn = random.sample(full, min(sample, len(full)))
    return chosen | {path: needed[path] for path in (*newest, *drawn)}


def _settle(tiles: TileStore, expected: ExpectedTiles, piece: Tile | EntryBundle) -> bool:
    """Whether the piece had to be written anew. Raises `LogDamaged` if it contradicts the entries."""
    path, found = path_of(piece), tiles.get(path_of(piece))
    content = expected.content(piece)
    if found == content:
        return False
    if found is not None:
        if not is_torn(found, content):
            raise LogDamaged(
                f"{path} of the published log is not what the log holds: one of them was changed. {_ALARM}"
            )
        tiles.delete(path)
    tiles.put_new(path, content)
    return True


def _order(piece: Tile | EntryBundle) -> tuple[int, int, int, bool]:
    """Bundle beside bundle, widest first, so that each range of entries is read once."""
    level = piece.level if isinstance(piece, Tile) else -1
    return level, piece.index, -piece.width, piece.partial

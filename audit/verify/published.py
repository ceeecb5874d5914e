"""Compares a published log in a directory with the entries of the database, tile by tile. Counterpart: `audit.publish`.

Tiles that run ahead of the published checkpoint are compared as far as the database goes; narrower tiles of older
checkpoints must be the beginning of the one of today.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from audit.errors import BadEntry
from audit.tlog.bundle import encode_bundle
from audit.tlog.merkle import HASH_SIZE, parents
from audit.tlog.tiles import WIDTH, EntryBundle, Tile, entries_path, parse_path, tile_path
from audit.verify.report import Severity

_NOTHING: tuple[()] = ()


class PublishedCheck:
    """Feed every entry in order, then `finish`."""

    def __init__(self, root: Path, size: int) -> None:
        """`size`: entries that the published checkpoint covers."""
        self._root = root
        self._size = size
        self._heads: list[bytes] = []
        self._rows: list[list[bytes]] = [[]]
        """By level: nodes of the tile that is not full yet."""
        self._counts: list[int] = [0]
        """By level: nodes before those."""
        self._known: set[str] = set()
        self.compared = 0

    def feed(self, head: bytes, leaf: bytes) -> Sequence[tuple[Severity, str]]:
        """The next entry of the log."""
        self._heads.append(head)
        self._rows[0].append(leaf)
        return _NOTHING if len(self._heads) < WIDTH else list(self._full())

    def _full(self) -> Iterator[tuple[Severity, str]]:
        """A bundle is complete, and with it tiles of one level or more."""
        yield from self._bundle(self._counts[0] // WIDTH)
        level = 0
        while len(row := self._rows[level]) == WIDTH:
            content = b"".join(row)
            yield from self._tile(level, self._counts[level] // WIDTH, content)
            row.clear()
            self._counts[level] += WIDTH
            level += 1
            if level == len(self._rows):
                self._rows.append([])
                self._counts.append(0)
            self._rows[level].append(_top(content))

    def finish(self) -> Iterator[tuple[Severity, str]]:
        """The tiles at the edge, and files that are no part of this log."""
        if self._heads:
            yield from self._bundle(self._counts[0] // WIDTH)
        for level, row in enumerate(self._rows):
            if row:
                yield from self._tile(level, self._counts[level] // WIDTH, b"".join(row))
        for path in sorted(self._root.glob("tile/**/*")):
            name = path.relative_to(self._root).as_posix()
            if not path.is_file() or path.name.startswith(".") or name in self._known:
                continue
            try:
                piece = parse_path(name)
            except BadEntry:
                yield "contradiction", f"{name} is no tile of this log"
                continue
            level = piece.level if isinstance(piece, Tile) else 0
            if piece.index * WIDTH + piece.width <= self._size >> 8 * level:
                yield "contradiction", f"{name} does not belong to this log"

    def _bundle(self, index: int) -> Iterator[tuple[Severity, str]]:
        starts = [0]
        for head in self._heads:
            starts.append(starts[-1] + 2 + len(head))
        yield from self._compare(index, 0, EntryBundle(index), encode_bundle(self._heads), starts)
        self._heads.clear()

    def _tile(self, level: int, index: int, content: bytes) -> Iterator[tuple[Severity, str]]:
        starts = list(range(0, len(content) + 1, HASH_SIZE))
        yield from self._compare(index, level, Tile(level, index), content, starts)

    def _compare(
        self, index: int, level: int, piece: Tile | EntryBundle, content: bytes, starts: list[int]
    ) -> Iterator[tuple[Severity, str]]:
        """`starts`: where each hash or entry of `content` begins, and its end."""
        here, needed = len(starts) - 1, min(WIDTH, (self._size >> 8 * level) - index * WIDTH)
        widths = self._widths(piece)
        if needed > 0 and needed not in widths and WIDTH not in widths:
            yield "missing", f"{_path(piece, needed)} is not there"
        for width in widths:
            name = _path(piece, width)
            self._known.add(name)
            data = _read(self._root / name)
            if data is None:
                continue  # an old partial tile that was cleared away just now
            known = starts[min(width, here)]
            if data[:known] != content[:known] or (width <= here and len(data) != known):
                yield "contradiction", f"{name} does not hold what the entries give"
            else:
                self.compared += 1

    def _widths(self, piece: Tile | EntryBundle) -> list[int]:
        full = self._root / _path(piece, WIDTH)
        found = [WIDTH] if full.is_file() else []
        partial = full.with_name(full.name + ".p")
        names = [path.name for path in partial.iterdir()] if partial.is_dir() else []
        return found + sorted(
            int(name)
            for name in names
            if name.isascii() and name.isdigit() and 0 < int(name) < WIDTH and name[0] != "0"
        )


def _path(piece: Tile | EntryBundle, width: int) -> str:
    if isinstance(piece, Tile):
        return tile_path(Tile(piece.level, piece.index, width))
    return entries_path(piece.index, width)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _top(row: bytes) -> bytes:
    while len(row) > HASH_SIZE:
        row = parents(row)
    return row

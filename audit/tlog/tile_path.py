"""Names of tiles and entry bundles of C2SP tlog-tiles: `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`. Pure.

A resource has one name. `parse_path` refuses every other spelling, so that a path from a request can be looked up in a
directory or bucket as it is. Counterpart: `audit.tlog.tiles`.
"""

import re
from dataclasses import dataclass

from audit.errors import BadEntry
from audit.tlog.spelling import MAX_SIZE

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""
MAX_LEVEL = 63
MAX_PATH = 64
"""Characters; the longest path, of the last tile there can be, has 56."""

_PATH = re.compile(
    r"tile/(?:(entries)|(0|[1-9][0-9]?))/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """`width` hashes of the level `level` (each over 256^level leaves), the first being number 256 * `index`."""

    level: int
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        _check(0 <= self.level <= MAX_LEVEL and 0 <= self.index <= MAX_SIZE and 0 < self.width <= WIDTH)

    @property
    def partial(self) -> bool:
        """Whether it is narrower than 256, and so will be replaced by a wider one as the log grows."""
        return self.width < WIDTH


@dataclass(frozen=True, slots=True, order=True)
class EntryBundle:
    """`width` entries of the log, the first being number 256 * `index`."""

    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        _check(0 <= self.index <= MAX_SIZE and 0 < self.width <= WIDTH)

    @property
    def partial(self) -> bool:
        """Whether it holds fewer than 256 entries."""
        return self.width < WIDTH

    def __str__(self) -> str:
        return entries_path(self.index, self.width)


def tile_path(tile: Tile) -> str:
    """Path of a tile below the log's prefix: `tile/0/x001/x234/067.p/5`."""
    return f"tile/{tile.level}/{_number(tile.index)}{_suffix(tile.width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """Path of an entry bundle below the log's prefix: `tile/entries/x001/x234/067.p/5`."""
    return f"tile/entries/{_number(index)}{_suffix(width)}"


def parse_path(path: str) -> Tile | EntryBundle:
    """Strict counterpart of `tile_path` and `entries_path`. Raises `BadEntry`."""
    match = _PATH.fullmatch(path) if len(path) <= MAX_PATH else None
    if match is None:
        raise BadEntry("The path is not that of a tile or an entry bundle.")
    entries, level, number, partial = match.groups()
    width = int(partial) if partial else WIDTH
    index = int(number.replace("/", "").replace("x", ""))
    if index > MAX_SIZE or (partial and width >= WIDTH) or (level and int(level) > MAX_LEVEL):
        raise BadEntry("The path names a tile or an entry bundle that cannot be.")
    found = EntryBundle(index, width) if entries else Tile(int(level), index, width)
    if (str(found) if isinstance(found, EntryBundle) else tile_path(found)) != path:
        raise BadEntry("The path is not in its canonical spelling.")
    return found


def _number(index: int) -> str:
    """Groups of three digits, all but the last marked with an x, so that no name is file and directory at once."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def _suffix(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"


def _check(ok: bool) -> None:
    if not ok:
        raise ValueError("There is no such tile or entry bundle.")

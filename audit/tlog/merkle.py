"""Merkle tree of RFC 6962 section 2.1 (SHA-256): roots, inclusion and consistency proofs, and the frontier.

The frontier (compact range) of a tree of `size` leaves is the list of roots of its complete subtrees, largest first:
one for each 1-bit of `size`. It is all that is needed to append and to compute the root. Pure.

Functions take leaf hashes (32 bytes each), not leaves; `leaf_hash` makes one. Vectors: tests/unit/audit/vectors.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the empty tree (RFC 6962 section 2.1)."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def parents(row: bytes) -> bytes:
    """The row of nodes above a row of nodes: both are joined hashes, the lower one an even number of them."""
    sha256 = hashlib.sha256
    return b"".join([sha256(b"\x01" + row[at : at + 64]).digest() for at in range(0, len(row), 64)])


class Frontier:
    """A growing tree reduced to its frontier. Not thread-safe."""

    __slots__ = ("_nodes", "_size")

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        """`nodes`: roots of the complete subtrees, largest first. Raises ValueError if they do not fit `size`."""
        if size < 0 or len(nodes) != size.bit_count() or any(len(node) != HASH_SIZE for node in nodes):
            raise ValueError(f"A frontier of {len(nodes)} nodes does not fit a tree of {size} leaves.")
        self._size = size
        self._nodes = list(nodes)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """Roots of the complete subtrees, largest first."""
        return tuple(self._nodes)

    def levels(self) -> dict[int, bytes]:
        """The same by level: {height of the complete subtree: its root}."""
        heights = [level for level in range(self._size.bit_length() - 1, -1, -1) if self._size >> level & 1]
        return dict(zip(heights, self._nodes, strict=True))

    @classmethod
    def from_levels(cls, size: int, levels: dict[int, bytes]) -> "Frontier":
        """Counterpart of `levels`. Raises ValueError if they do not fit `size`."""
        if sorted(levels) != [level for level in range(size.bit_length()) if size >> level & 1]:
            raise ValueError(f"The levels of the frontier do not fit a tree of {size} leaves.")
        return cls(size, [levels[level] for level in sorted(levels, reverse=True)])

    def copy(self) -> "Frontier":
        """An independent frontier of the same tree."""
        return Frontier(self._size, self._nodes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        size, nodes = self._size, self._nodes
        while size & 1:
            leaf = node_hash(nodes.pop(), leaf)
            size >>= 1
        nodes.append(leaf)
        self._size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Root of the whole tree."""
        if not self._nodes:
            return EMPTY_ROOT
        root = self._nodes[-1]
        for node in reversed(self._nodes[:-1]):
            root = node_hash(node, root)
        return root


def root(leaves: Iterable[bytes]) -> bytes:
    """Root of the tree over these leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


class Tree:
    """All complete nodes of a tree in memory, for making proofs at any size up to its own. 64 bytes a leaf."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        node, level = leaf, 0
        while True:
            if level == len(self._levels):
                self._levels.append([])
            row = self._levels[level]
            row.append(node)
            if len(row) & 1:
                return
            node = node_hash(row[-2], row[-1])
            level += 1

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` leaves (default: all). Raises ValueError beyond the tree."""
        size = self.size if size is None else size
        self._within(0 <= size <= self.size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """PATH(index, D[size]) of RFC 6962 section 2.1.1. Raises ValueError unless index < size <= the tree."""
        self._within(0 <= index < size <= self.size)
        return [self._range(low, high) for low, high in inclusion_ranges(index, size)]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """PROOF(old, D[new]) of RFC 6962 section 2.1.2. Raises ValueError unless 0 < old <= new <= the tree."""
        self._within(0 < old <= new <= self.size)
        return [self._range(low, high) for low, high in consistency_ranges(old, new)]

    def _within(self, ok: bool) -> None:
        if not ok:
            raise ValueError(f"There is no such proof or root in a tree of {self.size} leaves.")

    def _range(self, low: int, high: int) -> bytes:
        return range_hash(low, high, lambda level, index: self._levels[level][index])


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Which ranges of leaves the hashes of PATH(index, D[size]) stand for, leaf's sibling first (RFC 6962 2.1.1)."""
    low, high, ranges = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[tuple[int, int]]:
    """Which ranges of leaves the hashes of PROOF(old, D[new]) stand for, 0 < old <= new (RFC 6962 section 2.1.2)."""
    low, high, ranges = 0, new, []
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:
        ranges.append((low, high))
    return ranges[::-1]


def range_hash(low: int, high: int, node: Callable[[int, int], bytes]) -> bytes:
    """Hash of the leaves [low, high), not empty; `low` is a multiple of the smallest power of two >= high - low.

    `node(level, index)` gives the root of the complete subtree over leaves [index * 2^level, (index + 1) * 2^level).
    """
    right = []
    while True:
        width = high - low
        level = (width - 1).bit_length()
        if width == 1 << level:
            break
        middle = low + (1 << level - 1)
        right.append(node(level - 1, low >> level - 1))
        low = middle
    found = node(level, low >> level)
    for left in reversed(right):
        found = node_hash(left, found)
    return found


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether `leaf` (a leaf hash) stands at `index` in the tree of `size` leaves (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(leaf, expected_root, *proof):
        return False
    fn, sn, node = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == expected_root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of `new` leaves only adds to that of `old` (RFC 9162 section 2.1.4.2).

    `old` = 0 is refused: an empty tree says nothing. Callers that accept a first checkpoint do so without a proof.
    """
    if not 0 < old <= new or not _are_hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_root and second == new_root


def _split(width: int) -> int:
    """Largest power of two smaller than `width` (> 1)."""
    return 1 << ((width - 1).bit_length() - 1)


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_SIZE for value in values)

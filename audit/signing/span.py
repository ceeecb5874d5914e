"""A run of leaves of a tree, reduced to the roots of its largest complete subtrees. Pure.

Leaves [start, end) shrink to at most 126 hashes, however many they are. A frontier of `start` leaves and the span from
there give the frontier of `end` leaves: what a signer needs to see of a log that grew, whatever the gap. Counterpart:
`audit.tlog.merkle.Frontier`, which is the span from 0.
"""

from collections.abc import Iterable, Iterator, Sequence

from audit.tlog.merkle import HASH_SIZE, Frontier, node_hash


class Span:
    """Leaves [start, end), growing at its end. Not thread-safe."""

    __slots__ = ("_end", "_start", "_subtrees")

    def __init__(self, start: int = 0, end: int | None = None, nodes: Sequence[bytes] = ()) -> None:
        """`nodes`: roots of the complete subtrees from left to right. Raises ValueError if they do not fit."""
        end = start if end is None else end
        if not 0 <= start <= end:
            raise ValueError("A span does not end before it begins.")
        heights = list(subtree_heights(start, end))
        if len(heights) != len(nodes) or any(len(node) != HASH_SIZE for node in nodes):
            raise ValueError(f"A span of {len(nodes)} nodes does not fit the leaves from {start} to {end}.")
        self._start, self._end = start, end
        self._subtrees = list(zip(heights, nodes, strict=True))

    @property
    def start(self) -> int:
        """Index of the first leaf."""
        return self._start

    @property
    def end(self) -> int:
        """One more than the index of the last leaf."""
        return self._end

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """Roots of the complete subtrees, from left to right."""
        return tuple(node for _height, node in self._subtrees)

    def __len__(self) -> int:
        return self._end - self._start

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self._add(0, leaf)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order."""
        for leaf in leaves:
            self._add(0, leaf)

    def then(self, following: "Span") -> "Span":
        """This span and the one that begins where it ends, as one. Raises ValueError if there is a gap."""
        if following.start != self._end:
            raise ValueError(f"A span from {following.start} does not follow one that ends at {self._end}.")
        joined = Span(self._start, self._end, self.nodes)
        for height, node in following._subtrees:
            joined._add(height, node)
        return joined

    def grow(self, frontier: Frontier) -> Frontier:
        """The frontier after these leaves were added to `frontier`. Raises ValueError if there is a gap."""
        return Frontier(self._end, Span(0, frontier.size, frontier.nodes).then(self).nodes)

    def _add(self, height: int, node: bytes) -> None:
        """Add a complete subtree of 2^height leaves at the end."""
        position, width = self._end, 1 << height
        while self._subtrees and self._subtrees[-1][0] == height and position >> height & 1:
            node = node_hash(self._subtrees.pop()[1], node)
            height += 1
        self._subtrees.append((height, node))
        self._end += width


def subtree_heights(start: int, end: int) -> Iterator[int]:
    """Heights of the largest complete subtrees that cover [start, end), from left to right."""
    position = start
    while position < end:
        height = (end - position).bit_length() - 1
        if position:
            height = min(height, (position & -position).bit_length() - 1)
        yield height
        position += 1 << height

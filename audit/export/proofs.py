"""Inclusion proofs for a few entries of a large log, from the stored leaf hashes, in little memory.

The hash of a stretch of the log without any wanted entry is computed once, by streaming over it, or taken from stored
tiles (C2SP tlog-tiles) where they are at hand. What comes out is checked against the signed root before it is given
away, so tiles need not be trusted. Counterpart: `audit.tlog.merkle.verify_inclusion`.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

from audit.errors import LogDamaged
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import HASH_SIZE, verify_inclusion
from audit.tlog.proof import TlogProof
from audit.tlog.tile_path import WIDTH, Tile, tile_path
from config.counting import entries

Fetch = Callable[[str], bytes | None]
"""A stored tile by its path, or none."""

_BLOCK: Final = WIDTH * WIDTH
"""Leaves below one tile of level 1, whose hashes are the roots of 256 leaves each."""


class Leaves(Protocol):
    """What is needed of `audit.reader.EvidenceReader`."""

    def leaves(self, low: int, high: int, /) -> Iterable[tuple[int, bytes]]:
        """Index and leaf hash of the entries with low <= index < high, in order."""
        ...


class Prover:
    """Proofs of `wanted` entries under one checkpoint. Each stored leaf is read at most once."""

    def __init__(self, log: Leaves, checkpoint: Checkpoint, wanted: Iterable[int], fetch: Fetch | None = None) -> None:
        self._log = log
        self._checkpoint = checkpoint
        self._wanted = sorted({*wanted})
        self._fetch = fetch
        self._known: dict[tuple[int, int], bytes] = {}

    def path(self, index: int) -> tuple[bytes, ...]:
        """The proof of the entry at `index` (RFC 6962 section 2.1.1), checked against the signed root.

        Raises `LogDamaged` if the stored leaves do not lead there.
        """
        size = self._checkpoint.size
        if not 0 <= index < size:
            raise LogDamaged(f"The checkpoint covers {entries(size)} and so says nothing of entry {index}.")
        found = self._checked_path(index)
        if found is None and self._fetch is not None:
            self._fetch = None  # a tile may be bad; the leaves themselves decide
            self._known.clear()
            found = self._checked_path(index)
        if found is None:
            raise LogDamaged(f"Entry {index} does not stand under the signed checkpoint; run `vestibule verify`.")
        return found

    def proof(self, index: int, note: bytes, extra: bytes = b"") -> bytes:
        """The same as a C2SP tlog-proof file, with the signed checkpoint `note` in it."""
        return TlogProof(index, extra, self.path(index), note).encode()

    def _checked_path(self, index: int) -> tuple[bytes, ...] | None:
        low, high, path = 0, self._checkpoint.size, []
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low = middle
        proof, leaf = tuple(reversed(path)), self._hash(index, index + 1)
        sound = verify_inclusion(index, self._checkpoint.size, leaf, proof, self._checkpoint.root)
        return proof if sound else None

    def _hash(self, low: int, high: int) -> bytes:
        """Root over the leaves [low, high)."""
        found = self._known.get((low, high))
        if found is None:
            if high - low > 1 and self._is_wanted(low, high):
                middle = low + _split(high - low)
                found = _node(self._hash(low, middle), self._hash(middle, high))
            else:
                found = _reduce(list(self._pieces(low, high)))
            self._known[low, high] = found
        return found

    def _is_wanted(self, low: int, high: int) -> bool:
        at = bisect_left(self._wanted, low)
        return at < len(self._wanted) and self._wanted[at] < high

    def _pieces(self, low: int, high: int) -> Iterator[bytes]:
        """Roots of the stretches of 256 leaves that make up [low, high), the last one perhaps shorter."""
        while low < high:
            end = min(high, (low // _BLOCK + 1) * _BLOCK)
            tile = self._tile(low // _BLOCK) if end - low == _BLOCK else None
            if tile is not None:
                yield from tile
            else:
                leaves = self._leaves(low, end)
                # `low` is a multiple of 256 wherever more than 256 leaves follow: the tree is split at powers of two.
                yield from (_reduce(leaves[at : at + WIDTH]) for at in range(0, len(leaves), WIDTH))
            low = end

    def _tile(self, number: int) -> list[bytes] | None:
        data = self._fetch(tile_path(Tile(1, number))) if self._fetch is not None else None
        if data is None or len(data) != WIDTH * HASH_SIZE:
            return None
        return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]

    def _leaves(self, low: int, high: int) -> list[bytes]:
        rows = list(self._log.leaves(low, high))
        if len(rows) != high - low or rows[0][0] != low or rows[-1][0] != high - 1:
            raise LogDamaged(f"Entries between {low} and {high - 1} are missing from the log; run `vestibule verify`.")
        return [leaf for _, leaf in rows]


def _reduce(nodes: Sequence[bytes]) -> bytes:
    """Root over neighbouring nodes of one height; the last may be lower. A lone one rises as it is, as in RFC 6962."""
    sha256 = hashlib.sha256
    while len(nodes) > 1:
        odd = nodes[-1:] if len(nodes) % 2 else []
        pairs = zip(nodes[::2], nodes[1::2], strict=False)
        nodes = [*(sha256(b"\x01" + left + right).digest() for left, right in pairs), *odd]
    return nodes[0]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(width: int) -> int:
    """Largest power of two smaller than `width` (> 1)."""
    return 1 << ((width - 1).bit_length() - 1)

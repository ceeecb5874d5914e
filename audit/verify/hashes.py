"""The quick look: every entry's hash and the root, against the signed checkpoint, and nothing else.

What it leaves out, `audit.verify.log` does: it reads no entry, so chains, the order of commands, sealed parts and
derived tables stay unseen. For a daily look at millions of entries. Counterpart: `audit.verify.log`.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from audit.errors import BadEntry, LogDamaged
from audit.files import CHECKPOINT_FILE
from audit.stores.sqlite import LOG_FILE, open_reader
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import HASH_SIZE, Frontier, parents
from audit.tlog.note import VerifierKey
from audit.verify.log import read_verifier_key
from config.counting import entries

_PIECE = 256
"""Leaves that are hashed to one node before they join the tree."""

LEFT_OUT = "chains, the order of commands, sealed parts, recordings, seals, published tiles and derived tables"


@dataclass(frozen=True, slots=True, kw_only=True)
class HashReport:
    """What was hashed, and whether it is what was signed."""

    origin: str
    signer: str
    size: int
    root: bytes
    signed_size: int
    """Entries that the checkpoint covers; 0 if there is none."""
    problems: tuple[str, ...]
    """Contradictions."""

    @property
    def exit_code(self) -> int:
        """0 verified, 1 contradiction, 2 incomplete."""
        return 1 if self.problems else 0 if self.signed_size else 2

    def lines(self) -> Iterator[str]:
        """The report for people."""
        yield f"log         {self.origin}"
        yield f"entries     {self.size} hashed, {self.size - self.signed_size} of them after the checkpoint"
        yield f"root        {self.root.hex()}"
        if self.signed_size:
            yield f"checkpoint  {entries(self.signed_size)}, signed by {self.signer}"
        yield f"not checked {LEFT_OUT}: only hashes were asked for"
        yield from (f"contradiction: {problem}" for problem in self.problems)
        if not self.problems and not self.signed_size:
            yield "missing: there is no checkpoint"
        yield ("hashes verified", "CONTRADICTION: this log was changed or is not what was signed", "INCOMPLETE")[
            self.exit_code
        ]


def verify_hashes(directory: Path, verifier_key: str | Path, *, since: bytes | None = None) -> HashReport:
    """Hash every entry of the log in `directory`. Raises `LogMissing`, `LogDamaged`, `BadEntry` (the key, `since`)."""
    key = read_verifier_key(verifier_key)
    problems: list[str] = []
    expected = [] if since is None else [("the older checkpoint", open_checkpoint(since, key))]
    own = _own(directory, key, problems)
    if own is not None:
        expected.append(("the checkpoint", own))
    with closing(open_reader(directory)):  # says what is wrong with the database itself
        pass
    tree = _Tree()
    roots = {0: tree.root()}
    wanted = sorted({checkpoint.size for _, checkpoint in expected})
    try:
        with closing(sqlite3.connect(f"{(directory / LOG_FILE).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            _hash_all(connection, tree, wanted, roots, problems)
    except sqlite3.Error as error:
        raise LogDamaged(f"The log database cannot be read: {error}.") from error
    for what, checkpoint in expected:
        if checkpoint.size > tree.size:
            problems.append(f"{what} covers {entries(checkpoint.size)}, the log has only {tree.size}")
        elif roots.get(checkpoint.size) != checkpoint.root:
            problems.append(f"{what} has another root over the first {entries(checkpoint.size)}")
    return HashReport(
        origin=key.name,
        signer=str(key),
        size=tree.size,
        root=tree.root(),
        signed_size=0 if own is None else min(own.size, tree.size),
        problems=tuple(problems),
    )


def _own(directory: Path, key: VerifierKey, problems: list[str]) -> Checkpoint | None:
    try:
        note = (directory / CHECKPOINT_FILE).read_bytes()
    except OSError:
        return None
    try:
        return open_checkpoint(note, key)
    except BadEntry as error:
        problems.append(f"the checkpoint file does not verify: {error}")
        return None


class _Tree:
    """A tree that grows by pieces of 256 leaves, hashed to one node each; the last piece may be smaller."""

    def __init__(self) -> None:
        self._tops = Frontier()
        self._tail: list[bytes] = []

    @property
    def size(self) -> int:
        return self._tops.size * _PIECE + len(self._tail)

    def add(self, leaves: list[bytes]) -> None:
        """Leaf hashes that stay within a piece."""
        if len(leaves) < _PIECE:
            self._tail += leaves
            if len(self._tail) < _PIECE:
                return
            leaves, self._tail = self._tail, []
        row = b"".join(leaves)
        while len(row) > HASH_SIZE:
            row = parents(row)
        self._tops.append(row)

    def root(self) -> bytes:
        """Root over everything so far."""
        tail = Frontier()
        tail.extend(self._tail)
        return Frontier(self.size, [*self._tops.nodes, *tail.nodes]).root()


def _hash_all(
    connection: sqlite3.Connection, tree: _Tree, wanted: list[int], roots: dict[int, bytes], problems: list[str]
) -> None:
    """Pieces of 256 leaves, cut where a root is wanted."""
    rows = connection.execute("SELECT idx, head, leaf FROM entry ORDER BY idx")
    sha256 = hashlib.sha256
    while True:
        size = tree.size
        width = min([_PIECE - size % _PIECE, *(one - size for one in wanted if one > size)])
        piece = rows.fetchmany(width)
        if not piece:
            return
        indexes, heads, stored = zip(*piece, strict=True)
        leaves = [sha256(b"\0" + head).digest() for head in heads]
        if indexes != tuple(range(size, size + len(piece))):
            gap = next(at for at, index in enumerate(indexes) if index != size + at)
            problems.append(f"gap: entry {size + gap} was expected, {indexes[gap]} follows")
            return
        if leaves != list(stored):
            changed = [index for index, one, other in zip(indexes, leaves, stored, strict=True) if one != other]
            problems += [f"entry {index}: its bytes do not have the hash that is stored with them" for index in changed]
        tree.add(leaves)
        if tree.size in wanted:
            roots[tree.size] = tree.root()
        if len(problems) > _PIECE:
            return

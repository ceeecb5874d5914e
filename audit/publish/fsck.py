"""Full recomputation of a published log from its entry bundles: every tile, every bundle, the root, the signature.

Unlike `audit.publish.restore` it believes nothing and repairs nothing, needs no database, and can be run by anyone who
can read the log; beside the database it also compares with it. Counterpart: `audit.verify.log`, which judges what the
entries say.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from audit.errors import BadEntry, LogMissing
from audit.publish.integrator import Edge
from audit.publish.seals import SealedSource, Seals, check_seals, last_erasure, last_seals, seals_in
from audit.publish.tile_store import CHECKPOINT, TileSource, full_of, path_of
from audit.store import EntryReader
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import EMPTY_ROOT, HASH_SIZE, leaf_hash, parents
from audit.tlog.note import VerifierKey, parse_note
from audit.tlog.tiles import WIDTH, EntryBundle, Tile, decode_bundle
from config.counting import counted

MAX_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where: a path of the published log."""

    severity: Literal["contradiction", "incomplete"]
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.path}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckReport:
    """What was looked at and what was found."""

    origin: str
    size: int
    root: bytes
    """As the checkpoint has it."""
    signatures: tuple[str, ...]
    """Names of the keys whose signatures the checkpoint carries; only the log's own was verified."""
    entries: int
    """Recomputed."""
    bundles: int
    tiles: int
    compared: bool
    """Whether the database was there to compare with."""
    sealed: int
    """Sealed objects whose digest was compared with their seal."""
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 verified, 1 contradiction, 2 incomplete."""
        severities = {finding.severity for finding in self.findings}
        return 1 if "contradiction" in severities else 2 if severities else 0

    def lines(self) -> Iterator[str]:
        """The report for people."""
        yield f"log         {self.origin}"
        yield f"checkpoint  {counted(self.size, 'entry', 'entries')}, root {self.root.hex()}"
        yield f"signatures  {', '.join(self.signatures)}"
        read = (counted(self.entries, "entry", "entries"), counted(self.bundles, "bundle"), counted(self.tiles, "tile"))
        yield f"recomputed  {', '.join(read)}"
        yield f"database    {'compared, entry by entry' if self.compared else 'not compared: it is not here'}"
        yield f"sealed      {counted(self.sealed, 'object')} compared as sealed"
        yield from (str(finding) for finding in self.findings)
        yield (
            "whole: what is published is what was signed",
            "CONTRADICTION: what is published is not what was signed",
            "INCOMPLETE: not all that is needed is published",
        )[self.exit_code]


def fsck(
    source: TileSource,
    key: VerifierKey,
    *,
    database: EntryReader | None = None,
    sealed: SealedSource | None = None,
) -> FsckReport:
    """Recompute the log at `source`, signed by `key`; compare with `database`, and `sealed` objects with their seals.

    Raises `LogMissing` if there is no checkpoint; `PublishFailed`, OSError if the source cannot be read. What is wrong
    with the log itself is in the report.
    """
    note = source.get(CHECKPOINT)
    if note is None:
        raise LogMissing("There is no checkpoint at this place, so nothing is published there.")
    run = _Run(source)
    try:
        checkpoint = open_checkpoint(note, key)
        signatures = tuple(dict.fromkeys(signature.name for signature in parse_note(note).signatures))
    except BadEntry as error:
        run.add("contradiction", CHECKPOINT, str(error))
        return run.report(Checkpoint(key.name, 0, EMPTY_ROOT), (), compared=False)
    if database is not None and database.size() < checkpoint.size:
        run.add(
            "contradiction",
            CHECKPOINT,
            f"The database holds only {counted(database.size(), 'entry', 'entries')}: it is older.",
        )
    run.recompute(checkpoint, database)
    if sealed is not None:
        run.check_sealed(sealed, database)
    return run.report(checkpoint, signatures, compared=database is not None)


@dataclass(slots=True)
class _Run:
    """One recomputation. `rows`: the hashes of each level that are not yet a full tile."""

    source: TileSource
    rows: dict[int, bytes] = field(default_factory=dict)
    done: dict[int, int] = field(default_factory=dict)
    """Full tiles by level."""
    findings: list[Finding] = field(default_factory=list)
    seals: Seals = field(default_factory=dict)
    entries: int = 0
    bundles: int = 0
    tiles: int = 0
    sealed: int = 0

    def add(self, severity: Literal["contradiction", "incomplete"], path: str, text: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(severity, path, text))

    def report(self, checkpoint: Checkpoint, signatures: tuple[str, ...], *, compared: bool) -> FsckReport:
        return FsckReport(
            origin=checkpoint.origin,
            size=checkpoint.size,
            root=checkpoint.root,
            signatures=signatures,
            entries=self.entries,
            bundles=self.bundles,
            tiles=self.tiles,
            compared=compared,
            sealed=self.sealed,
            findings=tuple(self.findings),
        )

    def recompute(self, checkpoint: Checkpoint, database: EntryReader | None) -> None:
        """All bundles from left to right, and above them each tile once its hashes are known."""
        whole = True
        for index in range((checkpoint.size + WIDTH - 1) // WIDTH):
            width = min(WIDTH, checkpoint.size - index * WIDTH)
            row = self._bundle(EntryBundle(index, width), database)
            stored = self._tile(Tile(0, index, width), row)
            row = row or stored
            if row is None:
                whole = False
                row = bytes(width * HASH_SIZE)  # not found twice: what is above is compared no more
            self._grow(0, row, compare=whole)
        for level, row in sorted(self.rows.items()):
            if level and row and whole:
                self._tile(Tile(level, self.done.get(level, 0), len(row) // HASH_SIZE), row)
        if whole and self._root() != checkpoint.root:
            self.add("contradiction", CHECKPOINT, "Its root is not that of the entries.")

    def _bundle(self, bundle: EntryBundle, database: EntryReader | None) -> bytes | None:
        """The leaf hashes of the entries in a bundle; none if it is not there or cannot be read."""
        path = path_of(bundle)
        data = self._fetch(bundle)
        if data is None:
            self.add("incomplete", path, "The bundle is missing.")
            return None
        try:
            heads = decode_bundle(data, bundle.width)
        except BadEntry as error:
            self.add("contradiction", path, str(error))
            return None
        self.bundles += 1
        self.entries += len(heads)
        first = bundle.index * WIDTH
        try:
            self.seals |= last_seals(enumerate(heads, first))
        except BadEntry as error:
            self.add("contradiction", path, str(error))
        if database is not None:
            stored = [row.head for row in database.entries(first, first + bundle.width)]
            if stored != heads:
                self.add("contradiction", path, "The entries are not those of the database.")
        return b"".join(map(leaf_hash, heads))

    def _tile(self, tile: Tile, row: bytes | None) -> bytes | None:
        """Compare a tile with its recomputed row; what is stored, if it can be a tile."""
        path, data = path_of(tile), self._fetch(tile)
        if data is None:
            self.add("incomplete", path, "The tile is missing.")
            return None
        self.tiles += 1
        if len(data) != tile.width * HASH_SIZE:
            self.add("contradiction", path, f"The tile has {len(data)} bytes, not {tile.width * HASH_SIZE}.")
            return None
        if row is not None and data != row:
            self.add("contradiction", path, "The tile is not that of the entries below it.")
        return data

    def _grow(self, level: int, row: bytes, *, compare: bool) -> None:
        """Take up hashes of a level; a full row is a tile, and one hash of the level above."""
        row = self.rows.pop(level, b"") + row
        if len(row) < WIDTH * HASH_SIZE:
            self.rows[level] = row
            return
        index = self.done.get(level, 0)
        self.done[level] = index + 1
        if level and compare:
            self._tile(Tile(level, index), row)
        while len(row) > HASH_SIZE:
            row = parents(row)
        self._grow(level + 1, row, compare=compare)

    def _root(self) -> bytes:
        size = self.done.get(0, 0) * WIDTH + len(self.rows.get(0, b"")) // HASH_SIZE
        return Edge(size, self.rows).root()

    def _fetch(self, piece: Tile | EntryBundle) -> bytes | None:
        """A tile or bundle; where a partial one was deleted, the beginning of the full one."""
        data = self.source.get(path_of(piece))
        if data is not None or not piece.partial:
            return data
        full = self.source.get(path_of(full_of(piece)))
        if full is None or isinstance(piece, Tile):
            return None if full is None else full[: piece.width * HASH_SIZE]
        end = 0
        for _ in range(piece.width):
            end += 2 + int.from_bytes(full[end : end + 2], "big")
        return full[:end]

    def check_sealed(self, sealed: SealedSource, database: EntryReader | None) -> None:
        """Objects against the newest seals; of the database those behind the checkpoint included."""
        if database is None:
            checked = check_seals(self.seals, sealed)
        else:
            checked = check_seals(seals_in(database), sealed, erased=last_erasure(database))
        self.sealed += checked.same
        for path, text in checked.different:
            self.add("contradiction", path, text)
        for path, text in checked.missing:
            self.add("incomplete", path, text)

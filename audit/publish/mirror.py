"""Copies a published log to a second place, after recomputing all of it; refuses to follow a fork.

The mirror believes the log's key and its own earlier checkpoint, nothing else: each bundle is hashed and compared with
the tree of the new checkpoint before it is stored, the tiles it stores are its own, and the new tree has to go on from
the one it showed last. Stopped at any moment it goes on where it was. Counterpart: `audit.publish.integrator`, which
does the writing here as it does for the log itself.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from audit.errors import BadEntry, LogDamaged, LogMissing
from audit.publish.integrator import Edge, Integrator
from audit.publish.restore import load_edge, read_checkpoint
from audit.publish.sealed import sealed_path
from audit.publish.seals import SealedSource, Seals, last_seals
from audit.publish.tile_store import CHECKPOINT, TileSource, TileStore
from audit.store import EntryRow
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import leaf_hash
from audit.tlog.note import Note, Signature, VerifierKey, parse_note
from audit.tlog.tiles import WIDTH, TileTree, decode_bundle, entries_path
from audit.witness.protocol import encode_add_checkpoint, parse_signatures
from audit.witness.witness import Witness
from config.counting import counted, entries

FORK: Final = "It is not copied and not cosigned. Keep both checkpoints: together they prove that the log has forked."


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """What the mirror shows now."""

    origin: str
    before: int
    """Entries that it showed before."""
    size: int
    cosigned: bool
    sealed: int
    """Sealed objects that lie there and match their seals."""
    unsealed: tuple[int, ...]
    """Numbers of sealed objects that could not be had, or did not match their seal."""

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"log         {self.origin}"
        yield f"entries     {self.size}, of them {self.size - self.before} new; all recomputed"
        yield f"cosigned    {'yes, by this mirror' if self.cosigned else 'no'}"
        yield f"sealed      {counted(self.sealed, 'object')} copied and matching, {len(self.unsealed)} not"


@dataclass(slots=True)
class _Bundles:
    """The source's entries as rows, each proved by the tree of its checkpoint before it is given out."""

    tree: TileTree

    def entries(self, low: int, high: int) -> Iterator[EntryRow]:
        for index in range(low, high):
            if index % WIDTH == 0 or index == low:
                heads = self.tree.bundle(index // WIDTH)
            head = heads[index % WIDTH]
            yield EntryRow(index, head, leaf_hash(head))


def mirror(
    source: TileSource,
    place: TileStore,
    key: VerifierKey,
    *,
    cosign: Callable[[bytes, TileTree], list[Signature]] | None = None,
    sealed: SealedSource | None = None,
) -> Mirrored:
    """Bring `place` up to date with the log at `source`, signed by `key`.

    `cosign` gets the checkpoint and its tree once all is stored, and gives this mirror's own signatures. `sealed`:
    where sealed objects can be had. Raises `LogMissing` (nothing is published there, or less than the mirror has),
    `LogDamaged` (the log has forked, or what is published is not what was signed, or the mirror was changed); else as
    `TileStore`.
    """
    note, checkpoint = _newest(source, key)
    shown = read_checkpoint(place, key)
    if shown is not None and checkpoint.size < shown.size:
        raise LogMissing(
            f"The log shows {entries(checkpoint.size)}, the mirror has {shown.size} already. What the mirror has "
            "stays; look whether the log was restored from a backup."
        )
    try:
        tree = TileTree(checkpoint, _fetch(source, place))
        if shown is not None and tree.root(shown.size) != shown.root:
            raise LogDamaged(f"The log does not go on from the {entries(shown.size)} that the mirror has. {FORK}")
        _write(tree, place, shown)
        found = Note(parse_note(note).text, _signatures(note, [] if cosign is None else cosign(note, tree)))
    except BadEntry as error:
        raise LogDamaged(f"What is published is not what was signed: {error}") from error
    except LookupError as error:
        raise LogMissing(f"{error.args[0]} is missing where the log is published.") from error
    place.replace(CHECKPOINT, found.encode())
    copied, left = (0, ()) if sealed is None else _copy_sealed(place, sealed, checkpoint.size)
    return Mirrored(
        origin=checkpoint.origin,
        before=0 if shown is None else shown.size,
        size=checkpoint.size,
        cosigned=cosign is not None,
        sealed=copied,
        unsealed=left,
    )


def _newest(source: TileSource, key: VerifierKey) -> tuple[bytes, Checkpoint]:
    note = source.get(CHECKPOINT)
    if note is None:
        raise LogMissing("There is no checkpoint at this place, so nothing is published there.")
    try:
        return note, open_checkpoint(note, key)
    except BadEntry as error:
        raise LogDamaged(f"The checkpoint is not of this log: {error}") from error


def _fetch(source: TileSource, place: TileStore) -> Callable[[str], bytes]:
    """Bundles that the mirror has already it need not fetch again; they are proved like the others."""

    def get(path: str) -> bytes:
        data = place.get(path) if path.startswith("tile/entries/") else None
        if data is None and (data := source.get(path)) is None:
            raise LookupError(path)
        return data

    return get


def _write(tree: TileTree, place: TileStore, shown: Checkpoint | None) -> None:
    """Store bundles and own tiles up to the tree's size; from where the mirror was, if its tiles still prove it."""
    edge = None if shown is None else load_edge(place, shown.size)
    if edge is None or shown is None or edge.root() != shown.root:
        edge = Edge()
    integrator = Integrator(_Bundles(tree), place, edge)
    integrator.advance(tree.size)
    if integrator.root() != tree.checkpoint.root:
        raise LogDamaged("The recomputed root is not the one that was signed.")


def _signatures(note: bytes, own: list[Signature]) -> tuple[Signature, ...]:
    """Those of the note, and the mirror's in place of older ones by the same key."""
    keys = {(signature.name, signature.key_id) for signature in own}
    kept = [found for found in parse_note(note).signatures if (found.name, found.key_id) not in keys]
    return (*kept, *own)


def _copy_sealed(place: TileStore, sealed: SealedSource, size: int) -> tuple[int, tuple[int, ...]]:
    """Sealed objects as their newest seals name them; after an erasure the new object takes the place of the old."""
    copied, left = 0, []
    for number, (_, digest) in sorted(_seals(place, size).items()):
        path = sealed_path(number)
        found = place.get(path)
        if found is None or hashlib.sha256(found).digest() != digest:
            data = sealed.get(number)
            if data is None or hashlib.sha256(data).digest() != digest:
                left.append(number)
                continue
            if found is not None:
                place.delete(path)
            place.put_new(path, data)
        copied += 1
    return copied, tuple(left)


def _seals(place: TileStore, size: int) -> Seals:
    """From the bundles that the mirror holds now, all of them proved before they were stored."""
    seals: Seals = {}
    for index in range((size + WIDTH - 1) // WIDTH):
        width = min(WIDTH, size - index * WIDTH)
        data = place.get(entries_path(index, width))
        if data is not None:
            seals |= last_seals(enumerate(decode_bundle(data, width), index * WIDTH))
    return seals


def cosigning(witness: Witness) -> Callable[[bytes, TileTree], list[Signature]]:
    """Have `witness`, which knows the log, cosign what was mirrored: it remembers what it cosigned and refuses a fork
    by itself (C2SP tlog-witness). What it refuses raises `LogDamaged`."""

    def cosign(note: bytes, tree: TileTree) -> list[Signature]:
        last = witness.latest(tree.checkpoint.origin)
        text = parse_note(note).text
        old = 0 if last is None else Checkpoint.parse(parse_note(last).text).size
        answer = witness.add_checkpoint(encode_add_checkpoint(old, tree.consistency(min(old, tree.size)), note))
        if answer.status != 200:
            raise LogDamaged(f"The mirror's key does not cosign (status {answer.status}). {FORK}")
        return list(parse_signatures(answer.body, text))

    return cosign

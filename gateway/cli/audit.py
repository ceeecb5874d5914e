"""`vestibule audit fsck|mirror`: the published log, looked at from outside. Counterparts: `audit.publish.fsck`,
`audit.publish.mirror`. Neither needs a gateway; of their own one they need only files. `gateway.cli.rotate` adds the
commands that end the log."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway import exits
from gateway.cli import rotate
from gateway.cli.call import Call, command, group
from gateway.cli.evidence import PANEL, VERIFIER_KEY, find
from gateway.cli.output import print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from audit.publish.seals import SealedSource
    from audit.publish.tile_store import TileSource, TileStore
    from audit.store import EntryReader
    from audit.tlog.note import VerifierKey
    from audit.witness.witness import Witness

_WHERE: Final = "A directory, an http(s) URL, or a URL of object storage (s3://…); else this gateway's."

Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help=f"The log's public key from a place you trust; else `{VERIFIER_KEY}`."),
]
Endpoint = Annotated[str | None, typer.Option(metavar="URL", help="Of S3 storage that is not Amazon's.")]
Region = Annotated[str | None, typer.Option(metavar="NAME", help="Of the bucket, where the environment has none.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    audit = group("audit", "Recompute a published log, keep a copy of it elsewhere, or begin a new one.")
    command(audit, "fsck")(fsck)
    command(audit, "mirror")(mirror)
    rotate.register(audit)
    app.add_typer(audit, rich_help_panel=PANEL)


@dataclass(frozen=True, slots=True)
class _Log:
    """A published log, and what lies beside it if it is on this machine."""

    where: str
    tiles: "TileSource"
    key: Path | None
    database: "EntryReader | None" = None
    sealed: "SealedSource | None" = None


def fsck(
    call: Call,
    where: Annotated[str | None, typer.Argument(metavar="WHERE", help=_WHERE)] = None,
    *,
    key: Key = None,
    endpoint: Endpoint = None,
    region: Region = None,
) -> int:
    """Recompute a published log from its entries: every bundle, every tile, the root, the signature.

    Beside the database it also compares entry by entry, and sealed objects with their seals. Read-only; the gateway
    may run. Exit status 0: whole; 1: a contradiction; 2: something is missing; 3: it could not begin.
    """
    from audit.publish.fsck import fsck as recompute
    from audit.verify.log import read_verifier_key

    with _open(call, where, endpoint, region) as log:
        report = recompute(log.tiles, read_verifier_key(_key(key, log)), database=log.database, sealed=log.sealed)
    *lines, last = report.lines()

    def people() -> None:
        for line in lines:
            print_text(line)
        print_text(last, ("bold green", "bold red", "bold yellow")[report.exit_code])

    call.show({"exit": report.exit_code, "where": log.where, **asdict(report)}, people)
    return report.exit_code


def mirror(
    call: Call,
    place: Annotated[str, typer.Argument(metavar="DEST", help="A directory, or a URL of object storage.")],
    *,
    source: Annotated[str | None, typer.Option("--from", metavar="WHERE", help=_WHERE)] = None,
    key: Key = None,
    cosign: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Cosign with the keys in this directory (`vestibule witness init`)."),
    ] = None,
    endpoint: Endpoint = None,
    region: Region = None,
) -> int:
    """Copy a published log to a second place, after recomputing all of it; run it again to go on.

    Sealed objects are copied too where they can be read: ciphertext, which stays unreadable without the keys. A log
    that does not go on from what the mirror has is refused. Exit status 0: up to date; 1: a contradiction, nothing was
    shown; 2: less is published than needed, or sealed objects are missing; 3: it could not begin.
    """
    from audit.errors import LogDamaged, LogMissing
    from audit.publish.mirror import cosigning
    from audit.publish.mirror import mirror as copy
    from audit.verify.log import read_verifier_key
    from config.logs import configure

    configure("warning")  # to standard error: the answer has standard output to itself
    with ExitStack() as stack:
        log = stack.enter_context(_open(call, source, endpoint, region))
        verifier = read_verifier_key(_key(key, log))
        witness = None if cosign is None else stack.enter_context(_witness(cosign, verifier))
        try:
            done = copy(
                log.tiles,
                _store(place, endpoint, region),
                verifier,
                cosign=None if witness is None else cosigning(witness),
                sealed=log.sealed,
            )
        except (LogDamaged, LogMissing) as error:
            status = exits.FAILED if isinstance(error, LogDamaged) else exits.INCOMPLETE
            sentence = str(error)
            call.show({"exit": status, "message": sentence}, lambda: print_text(sentence, "bold red"))
            return status
    status = exits.INCOMPLETE if done.unsealed else exits.OK

    def people() -> None:
        for line in done.lines():
            print_text(line)

    call.show({"exit": status, "place": place, **asdict(done)}, people)
    return status


def _key(key: Path | None, log: _Log) -> Path:
    found = key or log.key
    if found is None:
        raise BadRequest("The log's public key was not found beside it; name its file with --key.")
    return found


@contextmanager
def _open(call: Call, where: str | None, endpoint: str | None, region: str | None) -> Iterator[_Log]:
    from audit.publish.source import ReadAhead, open_source

    with ExitStack() as stack:
        if where is not None and "://" in where:
            tiles: TileSource = _objects(where, endpoint, region) or open_source(where)
            ahead = ReadAhead(tiles)
            stack.callback(ahead.close)
            yield _Log(where, ahead, _own_key(call), sealed=_sealed_below(tiles))
            return
        directory = None if where is None else Path(where)
        if directory is not None and not directory.is_dir():
            raise BadRequest(f"{where}: there is no such directory.")
        beside = find(call, directory, None)
        tiles = open_source(str(beside.evidence))
        database = _database(stack, beside.evidence)
        sealed = _sealed_in(database) or _sealed_below(tiles)
        yield _Log(str(beside.evidence), tiles, beside.verifier_key, database, sealed)


def _own_key(call: Call) -> Path | None:
    """This gateway's public key, if there is one on this machine."""
    from config.load import settings_path

    return find(call, None, None).verifier_key if settings_path(call.config).exists() else None


def _database(stack: ExitStack, evidence: Path) -> "EntryReader | None":
    """The entries beside the published log, if they are there."""
    from audit.errors import LogMissing
    from audit.stores.choose import open_reader

    try:
        reader = open_reader(evidence)
    except LogMissing:
        return None
    stack.callback(reader.close)
    return reader


def _sealed_in(database: "EntryReader | None") -> "SealedSource | None":
    from audit.publish.sealed import SealedObjects

    return None if database is None else SealedObjects(database)


def _sealed_below(tiles: "TileSource") -> "SealedSource | None":
    """Sealed objects that lie beside the tiles; sites have none, whoever asks."""
    from audit.publish.sealed import StoredObjects

    listed = getattr(tiles, "list", None)
    return StoredObjects(tiles) if listed is not None and next(iter(listed("sealed/")), None) is not None else None


def _objects(where: str, endpoint: str | None, region: str | None) -> "TileStore | None":
    from audit.stores.tiles_objects import ObjectTileStore

    return None if where.startswith("http") else ObjectTileStore(where, endpoint=endpoint, region=region)


def _store(place: str, endpoint: str | None, region: str | None) -> "TileStore":
    from audit.stores.tiles_files import FileTileStore

    if place.startswith("http"):
        raise BadRequest(f"{place}: a mirror is kept in a directory or in object storage, not at an http address.")
    if "://" in place and (objects := _objects(place, endpoint, region)) is not None:
        return objects
    return FileTileStore.open(Path(place).absolute())


@contextmanager
def _witness(directory: Path, key: "VerifierKey") -> Iterator["Witness"]:
    from audit.witness.key_files import open_keys, open_store
    from audit.witness.witness import Witness
    from config.clock import SystemClock

    keys, store = open_keys(directory), open_store(directory)
    try:
        if not store.keys(key.name):
            store.add_log([key])
        yield Witness(keys, store, SystemClock())
    finally:
        store.close()

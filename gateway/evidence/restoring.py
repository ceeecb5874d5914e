"""Bringing a backup back, onto a machine where nothing is. Counterpart: `gateway.evidence.backup`.

Nothing is overwritten. What was erased after the backup was made is looked up in the newest copy of the log there is,
and put beside the restored log, where the next start destroys it again before anything is served
(`gateway.evidence.opening`). A signer's state that is there already is kept: it refuses a log that was rolled back.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.encoding import decode
from audit.entry import Json, Kind
from audit.errors import BadEntry, LogMissing, SealBroken
from audit.files import CHECKPOINT_FILE, OWNER_ONLY, WITNESSED_FILE, sync_directory, write_durably
from audit.keys import xaes
from audit.keys.file_store import KEYS_FILE, FileKeyStore
from audit.keys.root import ROOT_KEY_BYTES
from audit.keys.root_choice import CHOICE_FILE, ROOT_KEY_FILE
from audit.leaf import parse
from audit.retention.again import KINDS
from audit.store import kind_mark
from audit.stores.sqlite import LOG_FILE, open_reader
from audit.tlog.bundle import decode_bundle
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import Frontier, leaf_hash
from audit.tlog.note import VerifierKey
from audit.tlog.tile_path import WIDTH, entries_path
from audit.verify.log import verify_log
from audit.verify.report import Report
from config.files import make_private_dir
from config.settings import Settings
from gateway.errors import BadRequest
from gateway.evidence.backup import AAD, EVIDENCE, SECRETS, STATE, read_manifest
from gateway.evidence.opening import AGAIN_FILE, write_again
from gateway.session.policies import FOLDER

Fetch = Callable[[str], bytes | None]
"""A published log by the paths of C2SP tlog-tiles; none where there is nothing."""

_PUBLISHED: Final = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was brought back."""

    origin: str
    entries: int
    made: str
    erased_since: int
    """Erasures and holds of the newer log that the next start deals with."""
    newer_entries: int | None
    """Size of the newer log; none if none was named."""
    report: Report


def open_with_key(key: bytes) -> Callable[[bytes], bytes]:
    """Counterpart of `backup.seal_with_key`."""

    def open_(data: bytes) -> bytes:
        try:
            return xaes.open_(key, data, AAD)
        except SealBroken as error:
            raise BadRequest("The backup's secrets do not open with this key, or were changed.") from error

    return open_


def restore(
    settings: Settings,
    directory: Path,
    unseal: Callable[[bytes], bytes],
    *,
    root_key: bytes | None = None,
    newer: "Newer | None" = None,
) -> Restored:
    """Bring the backup in `directory` to where the settings say. The gateway must not run. Blocks.

    `root_key` is written where there is none. Raises `BadRequest` (something is there already, the backup is damaged,
    or does not fit these keys), `KeyUnavailable`.
    """
    manifest = read_manifest(directory)
    names = _evidence_of(manifest)
    _refuse_overwriting(settings, root_key)
    secrets, keys = _open_secrets(directory, unseal)
    _refuse_programs(settings, secrets)
    make_private_dir(settings.data_dir)
    for place in (settings.keys_dir, settings.evidence_dir):
        make_private_dir(place)
    if root_key is not None:
        write_durably(settings.keys_dir / ROOT_KEY_FILE, root_key, OWNER_ONLY)
    for name, data in secrets.items():
        if not (settings.keys_dir / name).exists():
            write_durably(settings.keys_dir / name, data, OWNER_ONLY)
    write_durably(settings.evidence_dir / KEYS_FILE, keys, OWNER_ONLY)
    origin = str(manifest["origin"])
    # Before the log itself: if these keys are others, nothing is there yet that looks like a gateway's data.
    with closing(FileKeyStore.open(settings.evidence_dir / KEYS_FILE, settings.keys_dir, origin)):
        pass
    since, size = _learn(settings, newer)
    _bring(directory, settings, names)
    report = verify_log(settings.evidence_dir, settings.keys_dir / "log.pub", keys_dir=settings.keys_dir)
    entries = manifest["entries"]
    assert isinstance(entries, int)
    return Restored(
        origin=origin,
        entries=entries,
        made=str(manifest["made"]),
        erased_since=since,
        newer_entries=size,
        report=report,
    )


def _refuse_overwriting(settings: Settings, root_key: bytes | None) -> None:
    for path in (settings.evidence_dir / LOG_FILE, settings.evidence_dir / KEYS_FILE, settings.state_path):
        if path.exists():
            raise BadRequest(f"{path} is there already. A backup is restored onto an empty data directory only.")
    root = settings.keys_dir / ROOT_KEY_FILE
    if root_key is None and not root.exists():
        raise BadRequest(f"{root} is missing, and a backup never holds it; name the file with --root-key.")
    if root_key is not None and (len(root_key) != ROOT_KEY_BYTES or (root.exists() and root.read_bytes() != root_key)):
        raise BadRequest("That is not the root key: it has another length, or another one is here already.")


def _open_secrets(directory: Path, unseal: Callable[[bytes], bytes]) -> tuple[dict[str, bytes], bytes]:
    unknown = BadRequest("The backup's secrets have a form that this program does not know.")
    try:
        content = decode(unseal((directory / SECRETS).read_bytes()))
        files = content.get("files") if isinstance(content, dict) else None
        if not isinstance(content, dict) or not isinstance(files, dict):
            raise unknown
        found = {name: base64.b64decode(str(data), validate=True) for name, data in files.items()}
        keys = base64.b64decode(str(content.get(KEYS_FILE)), validate=True)
    except (BadEntry, binascii.Error) as error:
        raise unknown from error
    if any(Path(name).name != name for name in found):
        raise unknown
    return found, keys


def _evidence_of(manifest: Mapping[str, Json]) -> list[str]:
    """Names below `evidence/`, which are those that a backup has and no others: what lies there is acted upon."""
    files = manifest["files"]
    assert isinstance(files, dict)
    names = [name.removeprefix(f"{EVIDENCE}/") for name in files if name not in (SECRETS, STATE)]
    for name in names:
        parts = Path(name).parts
        policy = parts[:1] == (FOLDER,) and len(parts) > 1 and ".." not in parts
        if name not in (LOG_FILE, CHECKPOINT_FILE, WITNESSED_FILE) and not policy:
            raise BadRequest(f"The backup holds {name}, which no backup has. Nothing was restored.")
    return sorted(names)


def _refuse_programs(settings: Settings, secrets: Mapping[str, bytes]) -> None:
    """A root key behind a program is asked as soon as the keys are opened. An age recipient is no secret, so that
    whoever can write to the backup could have named a program of their own."""
    place = settings.keys_dir / CHOICE_FILE
    if CHOICE_FILE not in secrets or place.exists():
        return
    try:
        choice = decode(secrets[CHOICE_FILE])
    except BadEntry:
        return  # nobody acts on it either
    roots = choice.values() if isinstance(choice, dict) else ()
    for root in roots:
        if isinstance(root, dict) and root.get("kind") in ("command", "socket"):
            raise BadRequest(
                f"The backup says that the root key is behind {root.get('argv') or root.get('path')!r}. It is not "
                f"believed in what to run: write {place} yourself ({secrets[CHOICE_FILE].decode()}), then try again."
            )


def _bring(directory: Path, settings: Settings, names: Iterable[str]) -> None:
    for name in names:
        target = settings.evidence_dir / name
        make_private_dir(target.parent)
        write_durably(target, (directory / EVIDENCE / name).read_bytes(), OWNER_ONLY)
    write_durably(settings.state_path, (directory / STATE).read_bytes(), OWNER_ONLY)
    sync_directory(settings.data_dir)


# --- the newer log ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Newer:
    """A newer copy of the log: heads only are read, and held against the log's own signature."""

    heads: Callable[[VerifierKey], Iterator[bytes]]


def newer_directory(directory: Path) -> Newer:
    """A copy of the evidence, of a data directory, or of the published log. Raises `BadRequest`."""
    stored = [place for place in (directory, directory / EVIDENCE) if (place / LOG_FILE).is_file()]
    if stored:
        return Newer(lambda key: _stored_heads(stored[0], key))
    places = (directory, directory / _PUBLISHED, directory / EVIDENCE / _PUBLISHED)
    published = [p for p in places if (p / CHECKPOINT_FILE).is_file() and (p / "tile").is_dir()]
    if published:
        return newer_published(lambda path: _read(published[0] / path))
    raise BadRequest(f"{directory} holds no log: neither {LOG_FILE} nor a checkpoint with tiles.")


def newer_published(fetch: Fetch) -> Newer:
    """The published log behind `fetch`."""
    return Newer(lambda key: _published_heads(fetch, key))


def _learn(settings: Settings, newer: Newer | None) -> tuple[int, int | None]:
    """Keep what the newer log says of erasures and holds; how many entries of these, and its size."""
    if newer is None:
        return 0, None
    public = (settings.keys_dir / "log.pub").read_text(encoding="utf-8").strip()
    marks = [kind_mark(kind.value) for kind in KINDS]
    size = 0
    found: list[bytes] = []
    try:
        for head in newer.heads(VerifierKey.parse(public)):
            size += 1
            if any(mark in head for mark in marks) and parse(head).kind in KINDS:
                found.append(head)
    except (BadEntry, LogMissing) as error:
        raise BadRequest(f"The newer log cannot be relied on: {error}") from error
    write_again(settings.evidence_dir / AGAIN_FILE, found)
    return sum(parse(head).kind is Kind.ERASE_DONE for head in found), size


def _stored_heads(directory: Path, key: VerifierKey) -> Iterator[bytes]:
    note = _read(directory / CHECKPOINT_FILE)
    if note is None:
        raise BadEntry(f"{directory} has no checkpoint.")
    checkpoint = open_checkpoint(note, key)
    with closing(open_reader(directory)) as reader:
        yield from _checked((row.head for row in reader.entries(0, checkpoint.size)), checkpoint)


def _published_heads(fetch: Fetch, key: VerifierKey) -> Iterator[bytes]:
    note = fetch(CHECKPOINT_FILE)
    if note is None:
        raise BadEntry("There is no checkpoint.")
    checkpoint = open_checkpoint(note, key)
    yield from _checked(_bundled(fetch, checkpoint.size), checkpoint)


def _bundled(fetch: Fetch, size: int) -> Iterator[bytes]:
    for index in range(-(-size // WIDTH)):
        width = min(WIDTH, size - index * WIDTH)
        data = fetch(entries_path(index, width))
        if data is None:
            raise BadEntry(f"Its entries from {index * WIDTH} on are missing.")
        yield from decode_bundle(data, width)


def _checked(heads: Iterator[bytes], checkpoint: Checkpoint) -> Iterator[bytes]:
    """All heads, once they are seen to be those that were signed: nothing is believed before."""
    kept = list(heads)
    frontier = Frontier()
    frontier.extend(leaf_hash(head) for head in kept)
    if frontier.size != checkpoint.size or frontier.root() != checkpoint.root:
        raise BadEntry("Its entries are not those that its checkpoint signs.")
    yield from kept


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None

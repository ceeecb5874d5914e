"""A backup of a gateway's data, beside the running gateway or without it. Counterpart: `gateway.evidence.restoring`.

The databases are copied by SQLite itself, each in one consistent state, in an order that keeps them fit for each other:
state (which may be behind the log), log, keys (of which there may be more than the log needs). Keys and secrets leave
sealed to a backup key or to age recipients; the root key is never in a backup, and neither are age identities.
"""

import base64
import hashlib
import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from audit.encoding import decode, encode
from audit.entry import Json
from audit.errors import BadEntry, LogDamaged
from audit.files import CHECKPOINT_FILE, OWNER_ONLY, WITNESSED_FILE, sync_directory, write_durably
from audit.keys import xaes
from audit.keys.file_store import KEYS_FILE
from audit.keys.root_choice import ROOT_KEY_FILE, read_choice
from audit.signing.signer import STATE_FILE
from audit.stores.sqlite import LOG_FILE, open_reader
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import Frontier
from audit.tlog.note import VerifierKey, parse_note
from config.settings import Settings
from gateway.errors import BadRequest, Unavailable
from gateway.session.policies import FOLDER

MANIFEST: Final = "manifest.json"
SECRETS: Final = "secrets.sealed"
STATE: Final = "state.db"
EVIDENCE: Final = "evidence"
_LEFT_OUT: Final = (ROOT_KEY_FILE, "evidence-root-", "backup.key", "identity")
"""Beginnings of names in the keys directory that never enter a backup."""

_IDENTITY: Final = b"AGE-SECRET-KEY-"
"""In a file with an age identity, whatever the file is called."""

AAD: Final = b"vestibule/v1/backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What was written."""

    directory: Path
    origin: str
    entries: int
    files: Mapping[str, int]
    """Name to bytes."""


def seal_with_key(key: bytes) -> Callable[[bytes], bytes]:
    """Sealing under a backup key of 32 bytes: XAES-256-GCM."""
    return lambda data: xaes.seal(key, data, AAD)


def make(settings: Settings, directory: Path, seal: Callable[[bytes], bytes], sealed_by: str, now: datetime) -> Backup:
    """Write a backup into `directory`, which must be empty or not exist. Blocks.

    `sealed_by` says in the manifest what opens it. Raises `BadRequest`, `Unavailable`, `LogDamaged`.
    """
    if directory.exists() and any(directory.iterdir()):
        raise BadRequest(f"{directory} is not empty; a backup has a directory of its own.")
    try:
        (directory / EVIDENCE).mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        _copy(settings.state_path, directory / STATE)
        _copy(settings.evidence_dir / LOG_FILE, directory / EVIDENCE / LOG_FILE)
        keys = _serialised(settings.evidence_dir / KEYS_FILE)
        origin, entries, signer_state = _log_of(directory / EVIDENCE, settings.keys_dir)
        secrets = dict(_secrets(settings.keys_dir))
        if signer_state is not None and STATE_FILE in secrets:
            secrets[STATE_FILE] = signer_state
        content: dict[str, Json] = {
            KEYS_FILE: _b64(keys),
            "files": {name: _b64(data) for name, data in sorted(secrets.items())},
        }
        write_durably(directory / SECRETS, seal(encode(content)), OWNER_ONLY)
        _copy_plain(settings.evidence_dir, directory / EVIDENCE)
        files = _finish(directory, origin, entries, sealed_by, now)
    except OSError as error:
        raise Unavailable(f"The backup could not be written to {directory}: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise Unavailable(f"A database could not be copied: {error}.") from error
    return Backup(directory=directory, origin=origin, entries=entries, files=files)


def read_manifest(directory: Path) -> dict[str, Json]:
    """The manifest, with every file that it names checked against its digest. Raises `BadRequest`."""
    path = directory / MANIFEST
    try:
        value = decode(path.read_bytes())
    except (OSError, BadEntry) as error:
        raise BadRequest(f"{directory} is no backup: its {MANIFEST} is missing or damaged.") from error
    if not isinstance(value, dict) or value.get("v") != 1 or not isinstance(value.get("files"), dict):
        raise BadRequest(f"{path} was written by another version.")
    files = value["files"]
    assert isinstance(files, dict)
    for name, digest in files.items():
        place = directory / name
        if ".." in Path(name).parts or not place.is_file() or _digest(place) != digest:
            raise BadRequest(f"The backup is damaged: {name} is missing, or not what the manifest says.")
    return value


# --- copying ----------------------------------------------------------------------------------------------------------


def _copy(source: Path, target: Path) -> None:
    """One consistent state of a database, whoever writes it meanwhile; the write-ahead log is part of it."""
    with closing(_open(source)) as database, closing(sqlite3.connect(target)) as copy:
        target.chmod(OWNER_ONLY)
        database.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")


def _serialised(source: Path) -> bytes:
    """The same, in memory: key material is written sealed only."""
    with closing(_open(source)) as database, closing(sqlite3.connect(":memory:")) as copy:
        database.backup(copy)
        return copy.serialize()


def _open(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise Unavailable(f"There is no {path}; nothing was backed up.")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def _copy_plain(source: Path, target: Path) -> None:
    """What else lies beside the log and is not derived from it: the checkpoint, the policies that were in force.

    The checkpoint is the one that the copied log holds; the live one may be of a later moment.
    """
    with closing(open_reader(target)) as reader:
        note = reader.meta("checkpoint")
    if note is not None:
        write_durably(target / CHECKPOINT_FILE, note.encode(), OWNER_ONLY)
        copied = Checkpoint.parse(parse_note(note.encode()).text)
        _copy_witnessed(source / WITNESSED_FILE, target / WITNESSED_FILE, copied)
    for path in sorted((source / FOLDER).rglob("*")):
        relative = path.relative_to(source)
        if path.is_file():
            (target / relative).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(target / relative, path.read_bytes(), OWNER_ONLY)


def _copy_witnessed(source: Path, target: Path, copied: Checkpoint) -> None:
    """What witnesses cosigned, unless that is of a later moment than the copied log."""
    if not source.exists():
        return
    note = source.read_bytes()
    if Checkpoint.parse(parse_note(note).text).size <= copied.size:
        write_durably(target, note, OWNER_ONLY)


def _secrets(keys_dir: Path) -> list[tuple[str, bytes]]:
    left_out = _identities(keys_dir)
    return [
        (path.name, path.read_bytes())
        for path in sorted(keys_dir.iterdir())
        if path.is_file()
        and not path.name.startswith((".", *_LEFT_OUT))
        and not path.name.endswith(".lock")
        and path.resolve() not in left_out
        and _IDENTITY not in path.read_bytes()
    ]


def _identities(keys_dir: Path) -> frozenset[Path]:
    """Files with age identities of the root key, whatever they are called."""
    roots = [root for root in read_choice(keys_dir).values() if isinstance(root, dict)]
    return frozenset(Path(str(root["identity"])).resolve() for root in roots if "identity" in root)


def _log_of(evidence: Path, keys_dir: Path) -> tuple[str, int, bytes | None]:
    """Origin and size of the copied log, and the signer's state as of its last checkpoint.

    The live state may be ahead of the copy; a restored log would then be taken for one that was cut.
    """
    with closing(open_reader(evidence)) as reader:
        origin, note = reader.meta("origin"), reader.meta("checkpoint")
        if origin is None:
            raise LogDamaged("The log that was copied has no origin.")
        public = keys_dir / "log.pub"
        if note is None or not public.exists():
            return origin, reader.size(), None
        key = VerifierKey.parse(public.read_text(encoding="utf-8").strip())
        size = open_checkpoint(note.encode(), key).size
        frontier = Frontier()
        frontier.extend(leaf for _, leaf in reader.leaves(0, size))
        nodes: list[Json] = [_b64(node) for node in frontier.nodes]
        return origin, reader.size(), encode({"origin": origin, "size": size, "nodes": nodes})


def _finish(directory: Path, origin: str, entries: int, sealed_by: str, now: datetime) -> dict[str, int]:
    paths = [path for path in sorted(directory.rglob("*")) if path.is_file() and path.name != MANIFEST]
    for path in paths:
        _sync(path)
    digests: dict[str, Json] = {str(path.relative_to(directory)): _digest(path) for path in paths}
    manifest: dict[str, Json] = {
        "v": 1,
        "made": now.isoformat(timespec="seconds"),
        "origin": origin,
        "entries": entries,
        "sealed_by": sealed_by,
        "files": digests,
    }
    write_durably(directory / MANIFEST, encode(manifest), OWNER_ONLY)
    sync_directory(directory / EVIDENCE)
    return {str(path.relative_to(directory)): path.stat().st_size for path in paths}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()

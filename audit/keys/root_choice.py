"""Which root an installation uses: `evidence-root.json` in its keys directory, or `root.key` where there is none.

Changed by `vestibule keys rotate` and `keys recovery` only, in steps that a crash may cut anywhere: first the file
names both roots, then every KEK is wrapped again (one transaction), then the old root is forgotten. Whoever opens
keys.db finishes what was begun. Ciphertext, leaves and DEKs never change.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from audit.encoding import decode, encode
from audit.entry import Json
from audit.errors import BadEntry, KeyUnavailable
from audit.files import OWNER_ONLY, make_secret, read_secret, sync_directory, write_durably
from audit.keys.root import ROOT_KEY_BYTES, FileRoot, RootKey, Roots
from audit.keys.root_process import ProcessRoot, connect, start_program

ROOT_KEY_FILE: Final = "root.key"
CHOICE_FILE: Final = "evidence-root.json"

Choice: TypeAlias = Mapping[str, Json]
"""One root in words: {"kind": "file", "file"} | {"kind": "age", "recipients", "identity"?} | {"kind": "command",
"argv"} | {"kind": "socket", "path"}."""

DEFAULT: Final[Choice] = {"kind": "file", "file": ROOT_KEY_FILE}


def open_roots(keys_dir: Path, *, create: bool = False) -> Roots:
    """The roots of this installation. `create` makes `root.key` where there is none. Raises `KeyUnavailable`."""
    choice = read_choice(keys_dir)
    current = open_root(choice.get("current", DEFAULT), keys_dir, create=create)
    previous: list[RootKey] = []
    try:
        if "previous" in choice:
            previous.append(open_root(choice["previous"], keys_dir))
        legacy = keys_dir / ROOT_KEY_FILE
        if legacy.exists():
            previous.append(FileRoot.legacy(read_secret(legacy, ROOT_KEY_BYTES)))
        recipients = choice.get("recovery")
        recovery = _age_root(recipients) if isinstance(recipients, list) and recipients else None
    except BaseException:
        Roots(current, previous).close()
        raise
    return Roots(current, previous, recovery)


def open_root(choice: Any, keys_dir: Path, *, create: bool = False) -> RootKey:
    """The root that these words describe. Raises `KeyUnavailable`."""
    match choice:
        case {"kind": "file", "file": str(name), **rest} if not rest and Path(name).name == name:
            read = make_secret if create and name == ROOT_KEY_FILE else read_secret
            return FileRoot(read(keys_dir / name, ROOT_KEY_BYTES))
        case {"kind": "age", "recipients": list(recipients), **rest} if rest.keys() <= {"identity"}:
            return _age_root(recipients, rest.get("identity"))
        case {"kind": "command", "argv": list(argv), **rest} if not rest and argv:
            return ProcessRoot(start_program([str(word) for word in argv]))
        case {"kind": "socket", "path": str(path), **rest} if not rest:
            return ProcessRoot(connect(Path(path)))
    raise KeyUnavailable(f"{keys_dir / CHOICE_FILE} does not name a root key in words that this program knows.")


def _age_root(recipients: list[Any], identity: Any = None) -> RootKey:
    from audit.keys.root_age import AgeRoot, read_identities  # its library is for those who have such a root

    identities = [] if identity is None else read_identities(Path(str(identity)))
    return AgeRoot([str(name) for name in recipients], identities)


def read_choice(keys_dir: Path) -> dict[str, Json]:
    """What `evidence-root.json` says; the default where there is none. Raises `KeyUnavailable`."""
    path = keys_dir / CHOICE_FILE
    try:
        value = decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, BadEntry) as error:
        raise KeyUnavailable(f"{path} is damaged or cannot be read. Restore it from a backup.") from error
    if not isinstance(value, dict) or not value.keys() <= {"v", "current", "previous", "recovery"} or value["v"] != 1:
        raise KeyUnavailable(f"{path} was written by another version, or is damaged.")
    return value


def write_choice(keys_dir: Path, choice: Mapping[str, Json]) -> None:
    """Durable when it returns. Raises OSError."""
    write_durably(keys_dir / CHOICE_FILE, encode({**choice, "v": 1}), OWNER_ONLY)


def begin_rotation(keys_dir: Path, new: Choice) -> None:
    """Make `new` the root from the next opening of keys.db on, which moves every KEK. Raises `KeyUnavailable`, OSError.

    A file root that does not exist yet is made.
    """
    known = read_choice(keys_dir)
    if "previous" in known:
        raise KeyUnavailable("The last rotation is not finished; start the gateway or run 'vestibule keys show' first.")
    current = known.get("current", dict(DEFAULT))
    if current == new:
        raise KeyUnavailable("That is the root key in use already.")
    if new.get("kind") == "file":
        make_secret(keys_dir / str(new["file"]), ROOT_KEY_BYTES)
    open_root(new, keys_dir).close()
    write_choice(keys_dir, {**known, "current": dict(new), "previous": current})


def finish_rotation(keys_dir: Path) -> None:
    """Every KEK was moved: forget the old root, and delete its file if it serves nothing else. Raises OSError."""
    known = read_choice(keys_dir)
    previous = known.pop("previous", None)
    if previous is None:
        return
    write_choice(keys_dir, known)
    if isinstance(previous, dict) and previous.get("kind") == "file" and previous["file"] != ROOT_KEY_FILE:
        path = keys_dir / str(previous["file"])
        if path.exists():
            _overwrite(path)
            path.unlink()
            sync_directory(keys_dir)


def next_file(keys_dir: Path) -> str:
    """A free name for a new root key file."""
    return next(name for n in range(2, 10_000) if not (keys_dir / (name := f"evidence-root-{n}.key")).exists())


def _overwrite(path: Path) -> None:
    """Best effort: on an SSD nobody can promise more (docs/explanation/what-is-forgotten.md)."""
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())

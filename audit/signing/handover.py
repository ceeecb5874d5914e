"""Hands a log's signing key and state from one directory to another, so that one process signs at any time.

For moving the signer out of the gateway's process: the gateway is stopped, keys and state are copied and synced, and
only then removed where they were. A crash in between leaves both; repeating it finishes the move.
"""

from pathlib import Path

from audit.errors import KeyUnavailable, LogDamaged
from audit.files import OWNER_ONLY, read_secret, sync_directory, write_durably
from audit.signing.key_files import (
    MLDSA_PUBLIC_FILE,
    MLDSA_SEED_FILE,
    PUBLIC_FILE,
    SEED_BYTES,
    SEED_FILE,
    lock,
)
from audit.signing.signer import STATE_FILE

SECRETS = (SEED_FILE, MLDSA_SEED_FILE, STATE_FILE)
"""What moves. The public keys are copied: `verify` looks for them where they were."""


def take_over(source: Path, target: Path) -> None:
    """Move the signer's files from `source` to `target`, both locked meanwhile.

    Raises `KeyUnavailable` if there is nothing to move, `LogDamaged` if `target` holds another signer's files,
    `LogInUse` if one of the two is at work, OSError.
    """
    read_secret(source / SEED_FILE, SEED_BYTES)
    if not (source / PUBLIC_FILE).exists():
        raise KeyUnavailable(f"{source / PUBLIC_FILE} is missing, so it is not known which log the key is for.")
    release_source = lock(source)
    try:
        release_target = lock(target)
        try:
            _move(source, target)
        finally:
            release_target()
    finally:
        release_source()


def _move(source: Path, target: Path) -> None:
    for name in (*SECRETS, PUBLIC_FILE, MLDSA_PUBLIC_FILE):
        old, new = source / name, target / name
        if new.exists() and (not old.exists() or new.read_bytes() != old.read_bytes()):
            raise LogDamaged(f"{new} is another signer's. Nothing was moved; choose an empty directory.")
    for name in (*SECRETS, PUBLIC_FILE, MLDSA_PUBLIC_FILE):
        if (source / name).exists():
            write_durably(target / name, (source / name).read_bytes(), OWNER_ONLY if name in SECRETS else 0o644)
    for name in SECRETS:
        (source / name).unlink(missing_ok=True)
    sync_directory(source)

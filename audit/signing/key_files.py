"""Keys and state of a signer in one private directory, which only one process uses at a time.

`log.key` and `log.mldsa.key` are seeds (32 bytes); `log.pub` and `log.pub.mldsa` the C2SP verifier keys that belong to
them; `signer.state` what was signed last; `signer.lock` is held by whoever signs. Both verifier keys have the log's
origin as their name: notes are signed with Ed25519 and cosigned by the log with ML-DSA-44 (C2SP tlog-checkpoint), so a
checkpoint outlives either.
"""

import os
from collections.abc import Callable
from pathlib import Path

from audit.errors import KeyUnavailable, LogInUse
from audit.files import make_secret, read_secret, take_lock, write_durably
from audit.signing.signer import STATE_FILE, FileState, Signer
from audit.tlog.cosignature import CosigningKey
from audit.tlog.messages import MLDSA44_COSIGNATURE
from audit.tlog.note import SigningKey, VerifierKey
from config.clock import Clock

SEED_FILE = "log.key"
PUBLIC_FILE = "log.pub"
MLDSA_SEED_FILE = "log.mldsa.key"
MLDSA_PUBLIC_FILE = "log.pub.mldsa"
LOCK_FILE = "signer.lock"
SEED_BYTES = 32


def open_file_signer(keys_dir: Path, origin: str, *, create: bool, clock: Clock | None = None) -> Signer:
    """The signer whose keys and state lie in `keys_dir`, locked for this process; writes its public keys there.

    `create` makes the keys; without it a missing one is an error, for a log that was signed before needs the same. (A
    log from before there were ML-DSA keys gets one.) Raises `KeyUnavailable`, `LogDamaged`, `LogInUse`, OSError.
    """
    if not create:
        read_secret(keys_dir / SEED_FILE, SEED_BYTES)  # before anything is written
    release = lock(keys_dir)
    try:
        seed = _seed(keys_dir / SEED_FILE, create=create)
        mldsa = _seed(keys_dir / MLDSA_SEED_FILE, create=create or not (keys_dir / MLDSA_PUBLIC_FILE).exists())
        signer = Signer(
            SigningKey(origin, seed),
            FileState(keys_dir / STATE_FILE),
            cosigner=CosigningKey(origin, mldsa, MLDSA44_COSIGNATURE),
            clock=clock,
            release=release,
        )
        write_public(keys_dir, signer.verifiers)
    except BaseException:
        release()
        raise
    return signer


def write_public(keys_dir: Path, verifiers: tuple[VerifierKey, ...]) -> None:
    """Keep the verifier keys beside the others, where `verify` and people look for them. Raises OSError."""
    for name, verifier in zip((PUBLIC_FILE, MLDSA_PUBLIC_FILE), verifiers, strict=False):
        path, text = keys_dir / name, f"{verifier}\n"
        if not path.exists() or path.read_text() != text:
            write_durably(path, text.encode())


def lock(keys_dir: Path) -> Callable[[], None]:
    """Be the only one who signs with these keys; the result gives that up. Raises `LogInUse`, OSError."""
    keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = take_lock(keys_dir / LOCK_FILE)
    except BlockingIOError as error:
        raise LogInUse(
            f"Another process signs with the keys in {keys_dir}. Two signers could sign two logs: stop the other first."
        ) from error
    return lambda: os.close(descriptor)


def _seed(path: Path, *, create: bool) -> bytes:
    try:
        return make_secret(path, SEED_BYTES) if create else read_secret(path, SEED_BYTES)
    except OSError as error:
        raise KeyUnavailable(f"The key file {path} cannot be made ({error.strerror}).") from error

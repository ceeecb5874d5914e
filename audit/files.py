"""Small files that must survive a power cut, written whole or not at all; secret files that only their owner reads."""

import fcntl
import os
from pathlib import Path

from audit.errors import KeyUnavailable

OWNER_ONLY = 0o600

CHECKPOINT_FILE = "checkpoint"
"""In the directory of the log, beside the database."""

WITNESSED_FILE = "checkpoint.witnessed"
"""There too: the newest checkpoint that a quorum of witnesses cosigned."""


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace `path` by `data`: temporary file beside it, fdatasync, rename, fsync of the directory. Raises OSError."""
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.fchmod(descriptor, mode)
        write_all(descriptor, data)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync_directory(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, in as many turns as it takes; nothing is synced. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(directory: Path) -> None:
    """Make renames and creations in `directory` durable. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_secret(path: Path, size: int) -> bytes:
    """A key file of exactly `size` bytes that nobody but its owner can read. Raises `KeyUnavailable`."""
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnavailable(f"The key file {path} can be read by others; make it private with 'chmod 600 {path}'.")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise KeyUnavailable(f"The key file {path} is missing. Restore it from its backup.") from error
    except OSError as error:
        raise KeyUnavailable(f"The key file {path} cannot be read ({error.strerror}).") from error
    if len(data) != size:
        raise KeyUnavailable(f"The key file {path} is damaged: it has {len(data)} bytes instead of {size}.")
    return data


def make_secret(path: Path, size: int) -> bytes:
    """Read the key file, or make it from the system's randomness if there is none. Raises `KeyUnavailable`, OSError."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(path, os.urandom(size), OWNER_ONLY)
    return read_secret(path, size)


def take_lock(path: Path) -> int:
    """Have this lock file, made if need be, for this process alone; closing the descriptor gives it up.

    The kernel lets go of it when the process ends, however it ends. Raises BlockingIOError if another has it, OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor

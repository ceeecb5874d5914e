"""Files that hold keys and secrets: written whole or not at all, readable by their owner only.

Counterpart: everything that keeps a key in `Settings.keys_dir` reads and writes it through this module.
"""

import os
import secrets
import stat
from pathlib import Path

from config.errors import ConfigError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private_dir(path: Path) -> Path:
    """Make `path` (and its parents) with mode 0700, or take it as it is if it is ours already; returns it.

    An existing directory that others may enter is narrowed when it is empty, and refused when it is not: what lies in
    it may have been read already, and only a person can judge that. Raises `ConfigError`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            _claim(path)
        else:
            path.chmod(0o700)  # the umask may have taken more away
    except OSError as failure:
        raise ConfigError(f"{path}: the directory cannot be made or used: {_why(failure)}.") from failure
    return path


def _claim(path: Path) -> None:
    state = path.lstat()
    if not stat.S_ISDIR(state.st_mode):
        raise ConfigError(f"{path}: a directory is wanted here, and this is something else.")
    if state.st_uid != os.geteuid():
        raise ConfigError(f"{path}: belongs to another user; it must belong to the user that runs vestibule.")
    if state.st_mode & _OTHERS:
        if any(path.iterdir()):
            raise ConfigError(f"{path}: others may enter this directory. Check what is in it, then: chmod 700 {path}")
        path.chmod(0o700)


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, mode 0600; after a crash there is the old file or the new one, never a part.

    Durable when it returns: file and directory entry are synced. Raises `ConfigError`; then `path` is as it was.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        # O_EXCL and O_NOFOLLOW: never write through a link that somebody else put there.
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        _sync_dir(path.parent)
    except OSError as failure:
        raise ConfigError(f"{path}: cannot be written: {_why(failure)}.") from failure


def read_private(path: Path) -> bytes:
    """The bytes of `path`, refusing a file that group or others may read or write, or that belongs to somebody else.

    Links are followed, as secrets are often mounted that way; the file they lead to is the one that is judged.
    Raises `ConfigError`.
    """
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())  # of the opened file, so that it cannot be swapped in between
            if not stat.S_ISREG(state.st_mode):
                raise ConfigError(f"{path}: a file is wanted here, and this is something else.")
            if state.st_mode & _OTHERS:
                raise ConfigError(
                    f"{path}: others may read this secret. Replace it if they did, then: chmod 600 {path}"
                )
            if state.st_uid not in (os.geteuid(), 0):
                raise ConfigError(f"{path}: belongs to another user; it must belong to the user that runs vestibule.")
            return file.read()
    except FileNotFoundError as failure:
        raise ConfigError(f"{path}: there is no such file.") from failure
    except OSError as failure:
        raise ConfigError(f"{path}: cannot be read: {_why(failure)}.") from failure


def _sync_dir(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _why(failure: OSError) -> str:
    return failure.strerror or type(failure).__name__

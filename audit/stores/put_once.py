"""What all tile stores have in common: which paths there can be, and that what is stored is not stored otherwise."""

import re

from audit.errors import LogDamaged

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}){0,15}", re.ASCII)


def check_path(path: str) -> str:
    """`path` itself, if it is one: relative, nothing hidden, no way up. Raises ValueError."""
    if not _PATH.fullmatch(path):
        raise ValueError("There can be no such path in a published log.")
    return path


def check_prefix(prefix: str) -> str:
    """The same for a prefix, which is empty or ends in a slash. Raises ValueError."""
    if prefix:
        if not prefix.endswith("/"):
            raise ValueError("The prefix of a list of paths ends in a slash.")
        check_path(prefix[:-1])
    return prefix


def check_same(path: str, found: bytes, data: bytes) -> None:
    """Raises `LogDamaged` if what is stored at `path` is not what is to be stored there."""
    if found != data:
        raise LogDamaged(
            f"{path} of the published log is not what the log holds: one of them was changed. Sessions stay closed. "
            "Run 'vestibule audit fsck' and 'vestibule verify'."
        )

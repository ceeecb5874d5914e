"""How far a feed was delivered: the index of the next entry, in a small file of its own."""

import os
import re
from pathlib import Path
from typing import Protocol

from audit.feeds.errors import FeedError
from audit.files import OWNER_ONLY, take_lock, write_durably

_TEXT = re.compile(rb"(0|[1-9][0-9]{0,15}) ([!-~]{1,255})\n\Z")


class Cursor(Protocol):
    """Survives restarts. `save` returns only when it is durable."""

    def load(self, origin: str) -> int:
        """Index of the next entry of this log; 0 for a log it has not seen."""
        ...

    def save(self, origin: str, index: int) -> None: ...

    def close(self) -> None: ...


class CursorFile:
    """`<index> <origin>` in a file, which one process at a time may move on."""

    def __init__(self, path: Path) -> None:
        """Raises `FeedError` if another process delivers this feed."""
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._lock = take_lock(path.with_suffix(".lock"))
        except BlockingIOError as error:
            raise FeedError(
                f"Another process delivers the feed {path.stem}: the gateway does while it runs."
            ) from error

    def load(self, origin: str) -> int:
        return position(self._path, origin)

    def save(self, origin: str, index: int) -> None:
        write_durably(self._path, f"{index} {origin}\n".encode(), OWNER_ONLY)

    def close(self) -> None:
        """Let another process deliver. Safe to call twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class MemoryCursor:
    """For tests."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def load(self, origin: str) -> int:
        return self.places.get(origin, 0)

    def save(self, origin: str, index: int) -> None:
        self.places[origin] = index

    def close(self) -> None:
        """Nothing to let go."""


def position(path: Path, origin: str) -> int:
    """What a cursor file says of the log `origin`, whoever moves it on. Raises `FeedError`."""
    try:
        match = _TEXT.match(path.read_bytes())
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise FeedError(f"{path}: cannot be read ({error.strerror}).") from error
    if match is None:
        raise FeedError(f"{path}: is no cursor. Remove it to deliver the whole log again.")
    return int(match[1]) if match[2].decode() == origin else 0

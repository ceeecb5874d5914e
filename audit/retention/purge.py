"""What holds copies of opened evidence and must let go of them: search indexes, caches, objects in other stores."""

from collections.abc import Iterable
from typing import Protocol


class Purgeable(Protocol):
    """Something derived from the evidence. Asked before an erasure is recorded as done, and again after a crash."""

    def purge(self, sessions: Iterable[str] = (), consents: Iterable[str] = (), indices: Iterable[int] = ()) -> int:
        """Forget what is known of these sessions, consents and entries, in every file; how many rows there were.

        Durable when it returns, with no copy left in side files. What is not known is not an error. Called from a
        thread of its own, one call at a time; what it raises stops the erasure, which is taken up again later.
        """
        ...

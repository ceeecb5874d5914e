"""Digest answers that have been used, so that a captured one is worth nothing a second time. Pure; `now` in seconds.

An answer is known by its `response`: it covers nonce, nc and cnonce, and nobody without the password makes another one.
So it does not matter how a client counts its `nc`, and the form without `qop` is covered too. Memory is bounded: what
is forgotten takes the nonces of its time with it. Counterpart: `drivers.cwmp.wire.digest.Challenger`.
"""

from typing import Final

MOST: Final = 32_768
"""Answers of one generation; two are kept, some 90 bytes for each answer."""


class Spent:
    """Used answers of the last `lifetime` seconds or longer, as long as there is room."""

    def __init__(self, lifetime: float, most: int = MOST) -> None:
        """`lifetime`: of a nonce, in seconds."""
        self._lifetime = lifetime
        self._most = most
        self._older: set[int] = set()
        self._newer: set[int] = set()
        self._older_since = float("-inf")
        self._newer_since = float("-inf")

    def __len__(self) -> int:
        return len(self._older) + len(self._newer)

    def remembers(self, issued: int) -> bool:
        """Whether all answers to a nonce of that second are still here. If not, the nonce is too old to be taken."""
        return issued > self._older_since

    def __contains__(self, response: str) -> bool:
        key = _key(response)
        return key in self._newer or key in self._older

    def add(self, response: str, now: float) -> None:
        """It was used just now. `response`: hexadecimal digits in lower case."""
        if len(self._newer) >= self._most or now - self._newer_since > self._lifetime:
            self._older, self._newer = self._newer, set()
            self._older_since, self._newer_since = self._newer_since, now
        self._newer.add(_key(response))


def _key(response: str) -> int:
    return int(response[:16], 16)

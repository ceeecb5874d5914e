"""Digest answers that have been used, so that a captured one is worth nothing a second time. Pure; `now` in seconds.

An answer is known by its `response`: it covers nonce, nc and cnonce, and nobody without the password makes another one.
So it does not matter how a client counts its `nc`, and the form without `qop` is covered too. Memory is bounded: what
is forgotten takes the nonces of its time with it. Counterpart: `drivers.cwmp.wire.digest.Challenger`.
"""

from array import array
from typing import Final

MOST: Final = 32_768
"""Answers of one generation; two are kept, 16 bytes for each answer that there is room for."""


class Spent:
    """Used answers of the last `lifetime` seconds or longer, as long as there is room."""

    def __init__(self, lifetime: float, most: int = MOST) -> None:
        """`lifetime`: of a nonce, in seconds."""
        self._lifetime = lifetime
        self._most = most
        self._older = _Answers(1)
        self._newer = _Answers(1)
        self._older_since = float("-inf")
        self._newer_since = float("-inf")

    def __len__(self) -> int:
        return len(self._older) + len(self._newer)

    def remembers(self, issued: int) -> bool:
        """Whether all answers to a nonce of that second are still here. If not, the nonce is too old to be taken."""
        return issued > self._older_since

    def __contains__(self, response: str) -> bool:
        return response in self._newer or response in self._older

    def add(self, response: str, now: float) -> None:
        """It was used just now. `response`: hexadecimal digits in lower case."""
        if len(self._newer) >= self._most or now - self._newer_since > self._lifetime:
            self._older, self._newer = self._newer, _Answers(self._most)
            self._older_since, self._newer_since = self._newer_since, now
        self._newer.add(response)


class _Answers:
    """A set of answers, 64 bits of each: open addressing in one array, because a `set` takes ten times the memory.

    Double hashing by two halves of the answer: who has a password could look for answers that fall on one place, but
    not for ones that also go on from there in the same way.
    """

    __slots__ = ("_count", "_last", "_slots")

    def __init__(self, most: int) -> None:
        """There is room for `most`; never more than half of the places are taken, so looking always ends."""
        size = 1 << (2 * most - 1).bit_length()
        self._slots = array("Q", bytes(8 * size))
        self._last = size - 1
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def _place(self, key: int) -> int:
        """Where it is, or would be."""
        slots, last = self._slots, self._last
        at, step = key & last, key >> 32 | 1  # an odd step comes to every place
        while slots[at] and slots[at] != key:
            at = at + step & last
        return at

    def __contains__(self, response: str) -> bool:
        return self._slots[self._place(_key(response))] != 0

    def add(self, response: str) -> None:
        key = _key(response)
        at = self._place(key)
        self._count += not self._slots[at]
        self._slots[at] = key


def _key(response: str) -> int:
    return int(response[:16], 16) or 2**64 - 1  # zero is an empty place

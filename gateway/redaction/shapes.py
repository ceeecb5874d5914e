"""Finds what has the shape of a MAC address, at memory speed: in a copy where each hexadecimal digit is `h`. Pure."""

from typing import Final

_SHAPE: Final = bytes(
    ord("h") if chr(code) in "0123456789abcdef" else ord("s") if chr(code) in ":-." else 10 if code == 10 else 32
    for code in range(256)
)
_PAIRS: Final = b"hhshhshhshhshhshh"
_QUADS: Final = b"hhhhshhhhshhhh"


class Shapes:
    """Where text has the shape of a MAC address. Each place is looked at once."""

    def __init__(self, low: bytes) -> None:
        self._shaped = low.translate(_SHAPE)
        self._pairs = self._shaped.find(_PAIRS)
        self._quads = self._shaped.find(_QUADS)

    def next(self, at: int) -> int:
        """The first one from `at`; -1 if there is none. MUST NOT go back."""
        if 0 <= self._pairs < at:
            self._pairs = self._shaped.find(_PAIRS, at)
        if 0 <= self._quads < at:
            self._quads = self._shaped.find(_QUADS, at)
        if self._quads < 0 or 0 <= self._pairs < self._quads:
            return self._pairs
        return self._quads


def holds_address(low: bytes) -> bool:
    """Whether there is something of the shape of a MAC address in `low`."""
    shaped = low.translate(_SHAPE)
    return _PAIRS in shaped or _QUADS in shaped

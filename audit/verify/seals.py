"""Compares the digests that `integrity.seal` entries name with the ciphertext that is stored. Needs no key. Pure.

Counterpart: `audit.publish.sealed`, which makes the objects of 256 entries and seals them.
"""

import base64
import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from audit.leaf import Head
from audit.verify.heads import QuickHead

_WIDTH = 256
_LENGTH = struct.Struct(">I")


@dataclass(slots=True)
class SealCheck:
    """Feed the stored ciphertext of every entry in order, and the seals as they come; then ask."""

    _frames: list[bytes] = field(default_factory=list)
    _digests: dict[int, bytes] = field(default_factory=dict)
    _erased: dict[int, int] = field(default_factory=dict)
    _seals: dict[int, tuple[int, object]] = field(default_factory=dict)
    compared: int = 0

    def take(self, index: int, sealed: Sequence[bytes], erased_by: int | None) -> None:
        """The ciphertexts of entry `index` in the order of its object, empty where they are gone; `erased_by`: the
        newest erasure among those that took one of them."""
        for one in sealed:
            self._frames += (_LENGTH.pack(len(one)), one)
        number, place = divmod(index, _WIDTH)
        if erased_by is not None:
            self._erased[number] = max(erased_by, self._erased.get(number, -1))
        if place == _WIDTH - 1:
            self._digests[number] = hashlib.sha256(b"".join(self._frames)).digest()
            self._frames.clear()

    def seal(self, index: int, head: QuickHead | Head) -> None:
        """An `integrity.seal` entry."""
        low, high = head.facts.get("from"), head.facts.get("to")
        if isinstance(low, int) and low % _WIDTH == 0 and high == low + _WIDTH - 1:
            self._seals[low // _WIDTH] = (index, head.facts.get("sha256"))

    def merge(self, other: "SealCheck") -> None:
        """Add the digests of another range of the log."""
        self._digests.update(other._digests)
        self._erased.update(other._erased)

    def findings(self) -> Iterator[tuple[int, str]]:
        """Index of each seal that the stored ciphertext does not agree with, and a sentence."""
        for number, (index, wanted) in sorted(self._seals.items()):
            found = self._digests.get(number)
            if found is None:
                yield index, f"it seals entries from {number * _WIDTH}, which are not all there"
            elif self._erased.get(number, -1) > index:
                continue  # erased since, and not sealed anew yet
            elif base64.b64encode(found).decode() != wanted:
                yield (
                    index,
                    f"what is stored for entries {number * _WIDTH} to {number * _WIDTH + 255} is not what it sealed",
                )
            else:
                self.compared += 1

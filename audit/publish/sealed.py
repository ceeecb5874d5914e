"""Sealed objects: the ciphertext of 256 entries in one piece, so that it can be copied and scrubbed without keys.

Object N holds, for each of the entries 256 N and following, a frame for each sealed part that its head commits to, in
alphabetical order of the compartments, and then one for its recording chunk if it is a `rec.chunk`. A frame is a length
(uint32, big-endian) and that many bytes; what was erased has the length 0. The embedded log keeps no such objects, it
derives them from its rows. When a range closes, an entry `integrity.seal` names its digest: `Sealer`.

A seal is an entry like any other and belongs to a range, but seals nothing personal: 256 entries bring one seal, a seal
closes at most the range it stands in, so an idle log comes to rest.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Callable

from audit.entry import Json, Kind, NewEntry
from audit.errors import LogDamaged
from audit.publish.tile_store import TileSource
from audit.store import EntryReader, EntryRow, kind_mark
from audit.tlog.tiles import WIDTH, entries_path

MOST_AT_ONCE = 32
"""Ranges that are sealed after one checkpoint; a long backlog is worked off over several."""

_LENGTH = struct.Struct(">I")
_SEAL = kind_mark(Kind.INTEGRITY_SEAL.value)
_BLOCK = 1024


def sealed_path(number: int) -> str:
    """Where sealed object `number` lies in a tile store: `sealed/x001/234/067`. Never public."""
    return "sealed/" + entries_path(number).removeprefix("tile/entries/")


class SealedObjects:
    """Derives sealed objects from the rows of a log."""

    def __init__(self, reader: EntryReader) -> None:
        self._reader = reader

    def get(self, number: int) -> bytes:
        """Object `number`, as its rows are now. Raises `LogDamaged` if its range is not closed or not whole."""
        low = number * WIDTH
        parts = {(part.index, part.compartment): part.sealed for part in self._reader.sealed(low, low + WIDTH)}
        frames: list[bytes] = []
        count = 0
        for row in self._reader.entries(low, low + WIDTH):
            count += 1
            head = _head(row)
            found = [parts.get((row.index, name)) for name in _committed(head)]
            if head.get("k") == Kind.REC_CHUNK.value:
                found.append(self._chunk(row.index, head))
            for sealed in found:
                frames += (_LENGTH.pack(len(sealed or b"")), sealed or b"")
        if count != WIDTH:
            raise LogDamaged(f"The entries from {low} to {low + WIDTH - 1} are not all there.")
        return b"".join(frames)

    def seal(self, number: int, *, after: int | None = None) -> NewEntry:
        """The entry `integrity.seal` of object `number`; `after`: index of the `erase.done` it is the digest after."""
        facts: dict[str, Json] = {
            "from": number * WIDTH,
            "to": number * WIDTH + WIDTH - 1,
            "sha256": base64.b64encode(hashlib.sha256(self.get(number)).digest()).decode(),
            "after": after,
        }
        return NewEntry(kind=Kind.INTEGRITY_SEAL, facts=facts)

    def _chunk(self, index: int, head: dict[str, Json]) -> bytes | None:
        session, facts = head.get("s"), head.get("d")
        number = facts.get("no") if isinstance(facts, dict) else None
        if not isinstance(session, str) or not isinstance(number, int):
            raise LogDamaged(f"Entry {index} names no recording chunk.")
        chunk = self._reader.chunk(session, number)
        return None if chunk is None or chunk.index != index else chunk.sealed


class StoredObjects:
    """Sealed objects as a mirror or an object store keeps them."""

    def __init__(self, tiles: TileSource) -> None:
        self._tiles = tiles

    def get(self, number: int) -> bytes | None:
        """Object `number`, if it is there. Raises as `TileSource`."""
        return self._tiles.get(sealed_path(number))


class Sealer:
    """Has a seal recorded for each range that closes, in order. One thread at a time.

    An erasure may come between deriving an object and recording its seal; so each is derived again once its seal stands
    in the log, and sealed again if it lost something.
    """

    def __init__(self, reader: EntryReader) -> None:
        self._reader = reader
        self._objects = SealedObjects(reader)
        self._scanned: int | None = None
        self._next = 0
        self._handed: dict[int, Json] = {}
        """Digests of the seals that were handed in and not found in the log yet."""
        self._looked = 0

    def seal(self, size: int, record: Callable[[NewEntry], object]) -> None:
        """Hand `record` the seals that the first `size` entries ask for and do not hold yet.

        What `record` raises goes through; the rest is sealed next time. Raises `LogDamaged`.
        """
        self._look_again(size, record)
        if (self._next + 1) * WIDTH > size:
            return
        self._next = max(self._next, self._first_unsealed(size))
        self._scanned = size
        for _ in range(MOST_AT_ONCE):
            if (self._next + 1) * WIDTH > size:
                return
            entry = self._objects.seal(self._next)
            record(entry)
            if not self._handed:
                self._looked = size
            self._handed[self._next] = entry.facts["sha256"]
            self._next += 1

    def _look_again(self, size: int, record: Callable[[NewEntry], object]) -> None:
        """Seals that have come to stand: was anything erased meanwhile?"""
        if not self._handed:
            return
        for row in list(self._reader.entries(self._looked, size)):
            number = _first_seal(row)
            if number in self._handed:
                self._seal_again(number, record)
                del self._handed[number]
        self._looked = size

    def _seal_again(self, number: int, record: Callable[[NewEntry], object]) -> None:
        if self._objects.seal(number).facts["sha256"] == self._handed[number]:
            return
        erased = [row.index for row in self._reader.of_kinds([Kind.ERASE_DONE.value])]
        if erased:  # else something was lost unlawfully, and that is for `verify` to find
            record(self._objects.seal(number, after=erased[-1]))

    def _first_unsealed(self, size: int) -> int:
        """From the last seal in the log; what others may have recorded since the last look included."""
        lowest = 0 if self._scanned is None else self._scanned
        high = size
        while high > lowest:
            low = max(lowest, high - _BLOCK)
            sealed = [last for row in self._reader.entries(low, high) if (last := _first_seal(row)) is not None]
            if sealed:
                return max(sealed) + 1
            high = low
        return 0

    def close(self) -> None:
        """Let go of the reader."""
        self._reader.close()


def _first_seal(row: EntryRow) -> int | None:
    """The object that this entry seals for the first time, if it is a seal."""
    if _SEAL not in row.head:
        return None
    head = _head(row)
    facts = head.get("d")
    if head.get("k") != Kind.INTEGRITY_SEAL.value or not isinstance(facts, dict) or "after" in facts:
        return None
    low = facts.get("from")
    return low // WIDTH if isinstance(low, int) else None


def _committed(head: dict[str, Json]) -> list[str]:
    """Compartments that a head commits to, in order."""
    parts = head.get("c", {})
    return sorted(parts) if isinstance(parts, dict) else []


def _head(row: EntryRow) -> dict[str, Json]:
    """Quickly: heads were built and checked by `audit.leaf`."""
    try:
        value = json.loads(row.head)
    except ValueError as error:
        raise LogDamaged(f"Entry {row.index} cannot be read.") from error
    if not isinstance(value, dict):
        raise LogDamaged(f"Entry {row.index} cannot be read.")
    return value

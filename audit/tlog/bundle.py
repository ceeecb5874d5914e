"""Entry bundles of C2SP tlog-tiles: up to 256 entries, each behind its length as a big-endian uint16. Pure.

Counterpart: `audit.tlog.tiles` for the hashes of the same entries.
"""

import struct
from collections.abc import Sequence

from audit.errors import BadEntry
from audit.tlog.tile_path import WIDTH

MAX_ENTRY = 0xFFFF
"""Bytes in one entry: what the length in front of it can say."""

_LENGTH = struct.Struct(">H")


def encode_bundle(leaves: Sequence[bytes]) -> bytes:
    """The bundle of 1 to 256 entries (leaf bytes, not hashes). Raises `BadEntry` for one longer than 65,535 bytes."""
    if not 0 < len(leaves) <= WIDTH:
        raise BadEntry(f"An entry bundle holds 1 to 256 entries, not {len(leaves)}.")
    parts: list[bytes] = []
    for leaf in leaves:
        if len(leaf) > MAX_ENTRY:
            raise BadEntry("An entry is longer than 65,535 bytes and cannot stand in an entry bundle.")
        parts += (_LENGTH.pack(len(leaf)), leaf)
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle, no more and no less. Raises `BadEntry`."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    for _ in range(width):
        start = at + 2
        if start > end:
            raise BadEntry(f"The entry bundle ends before entry {len(entries)} of {width}.")
        at = start + (data[at] << 8 | data[at + 1])
        entries.append(data[start:at])
    if at != end:
        raise BadEntry(f"The entry bundle is not as long as its {width} entries say.")
    return entries

"""One chunk of a recording: asciicast v3 lines, compressed, and the facts about it that stand in the log.

The frames of all chunks of a session, unpacked and joined, are one asciicast v3 file. Each also stands alone: `t0` says
from where its first interval counts. Written by `audit.recording.recorder`, read by `audit.recording.library`. Pure.
"""

import base64
import binascii
import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import zstandard

from audit.entry import Json
from audit.recording.cast import Event, Header, event_lines, header_line
from audit.recording.errors import BadRecording

LEVEL: Final = 3
"""zstd level: terminal text shrinks five to ten times, at several hundred MB/s."""

LARGEST: Final = 8 << 20
"""Bytes that a chunk may unpack to. The recorder cuts near 64 KiB; JSON escapes make at most six of one."""

CHAIN_START: Final = bytes(32)

# A compression context holds about a megabyte once used, so sessions share those of the threads that compress.
_contexts = threading.local()


@dataclass(frozen=True, slots=True)
class ChunkFacts:
    """The public facts of a `rec.chunk` entry.

    `no` counts from 0 without holes; `t0` and `t1` are microseconds since the start of the recording, `t0` equal to the
    `t1` of the chunk before; `size` is the length of the lines in bytes.
    """

    no: int
    t0: int
    t1: int
    size: int

    def facts(self) -> dict[str, Json]:
        """As they stand in the entry's head."""
        return {"no": self.no, "t0": self.t0, "t1": self.t1, "bytes": self.size}

    @staticmethod
    def parse(facts: Mapping[str, Json]) -> "ChunkFacts":
        """Read back; other keys (the digests that the journal adds) are left alone. Raises `BadRecording`."""
        numbers = [facts.get(key) for key in ("no", "t0", "t1", "bytes")]
        no, t0, t1, size = (n if isinstance(n, int) and not isinstance(n, bool) else -1 for n in numbers)
        if min(no, t0, t1, size) < 0 or t1 < t0 or size > LARGEST:
            raise BadRecording("An entry of the recording lacks its number, times or size.")
        return ChunkFacts(no, t0, t1, size)


@dataclass(frozen=True, slots=True)
class EndFacts:
    """The public facts of a `rec.end` entry: how many chunks there are, and the running digest over their leaves."""

    chunks: int
    chain: bytes

    def facts(self) -> dict[str, Json]:
        """As they stand in the entry's head."""
        return {"chunks": self.chunks, "chain": base64.b64encode(self.chain).decode()}

    @staticmethod
    def parse(facts: Mapping[str, Json]) -> "EndFacts":
        """Read back. Raises `BadRecording`."""
        chunks, chain = facts.get("chunks"), facts.get("chain")
        try:
            digest = base64.b64decode(chain, validate=True) if isinstance(chain, str) else b""
        except binascii.Error:
            digest = b""
        if not isinstance(chunks, int) or isinstance(chunks, bool) or chunks < 0 or len(digest) != len(CHAIN_START):
            raise BadRecording("The end entry of the recording lacks the number or the digest of its chunks.")
        return EndFacts(chunks, digest)


def pack(header: Header | None, events: Iterable[Event], since: int) -> tuple[bytes, bytes]:
    """The frame of a chunk and its lines. `header` only for the first chunk of a recording."""
    text = event_lines(events, since)
    if header is not None:
        text = header_line(header) + text
    lines = text.encode("utf-8", "replace")
    compressor: zstandard.ZstdCompressor | None = getattr(_contexts, "compressor", None)
    if compressor is None:
        compressor = _contexts.compressor = zstandard.ZstdCompressor(level=LEVEL)
    return compressor.compress(lines), lines


def unpack(frame: bytes, size: int) -> str:
    """The lines of a chunk. Raises `BadRecording` unless they are exactly `size` bytes of UTF-8."""
    try:
        return unpack_bytes(frame, size).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRecording("A chunk of the recording is not UTF-8.") from error


def unpack_bytes(frame: bytes, size: int) -> bytes:
    """The lines of a chunk as the log commits to them. Raises `BadRecording` unless they are exactly `size` bytes."""
    try:
        # Asked before anything is unpacked: a frame cannot make us take more memory than its entry says.
        if zstandard.frame_content_size(frame) != size or size > LARGEST:
            raise BadRecording("A chunk of the recording has another length than the log says.")
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=size)
    except zstandard.ZstdError as error:
        raise BadRecording("A chunk of the recording cannot be unpacked.") from error


def extend_chain(chain: bytes, leaf_hash: bytes) -> bytes:
    """The running digest over the leaf hashes of a recording's chunks, from `CHAIN_START` on."""
    return hashlib.sha256(chain + leaf_hash).digest()

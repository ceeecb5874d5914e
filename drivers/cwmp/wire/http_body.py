"""The body of an HTTP/1.x message: by length, in chunks or up to the end; and its content coding, bounded. Pure.

Counterpart: `http_head`, which says which of them it is.
"""

import re
import zlib
from typing import Final, Literal, Protocol

from drivers.cwmp.wire.http_head import Headers, HeadReader, fields, tokens
from drivers.errors import BadHttp

Coding = Literal["", "gzip", "deflate"]

MOST_CHUNKS: Final = 100_000
"""Chunks of one byte each would cost a hundred times their size in work."""
_MOST_CHUNK_LINE: Final = 256
_MOST_TRAILER: Final = 4096
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*+)?")
_CODINGS: Final[dict[tuple[str, ...], Coding]] = {
    (): "",
    ("identity",): "",
    ("gzip",): "gzip",
    ("x-gzip",): "gzip",
    ("deflate",): "deflate",
}


class Body(Protocol):
    """Takes what belongs to one body out of a growing buffer."""

    def take(self, buffer: bytearray) -> bytes | None:
        """The whole body; None while some of it is missing. Raises `BadHttp`."""
        ...


class FixedBody:
    """As long as Content-Length says."""

    def __init__(self, length: int, most: int) -> None:
        if length > most:
            raise _too_large(most)
        self._length = length

    def take(self, buffer: bytearray) -> bytes | None:
        length = self._length
        if len(buffer) < length:
            return None
        body = bytes(memoryview(buffer)[:length])
        del buffer[:length]
        return body


class EndlessBody:
    """A response's body that ends with the connection: all of it is taken by `finish`."""

    def __init__(self, most: int) -> None:
        self._most = most

    def take(self, buffer: bytearray) -> bytes | None:
        if len(buffer) > self._most:
            raise _too_large(self._most)
        return None


class ChunkedBody:
    """RFC 9112, 7.1. Extensions are ignored; trailer fields are checked and dropped."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._body = bytearray()
        self._chunks = 0
        self._left = -1
        """Of the present chunk with the line end behind it; -1: its size comes first; 0: it was the last one."""
        self._seen = 0
        self._trailer = HeadReader(_MOST_TRAILER)

    def take(self, buffer: bytearray) -> bytes | None:
        while self._left:
            if not (self._read_size(buffer) if self._left < 0 else self._read_data(buffer)):
                return None
        return bytes(self._body) if self._read_trailer(buffer) else None

    def _read_size(self, buffer: bytearray) -> bool:
        at = buffer.find(b"\r\n", self._seen)
        if (at if at >= 0 else len(buffer)) > _MOST_CHUNK_LINE:
            raise BadHttp("The line with a chunk's size is too long.")
        if at < 0:
            self._seen = max(0, len(buffer) - 1)
            return False
        if (found := _CHUNK.fullmatch(bytes(buffer[:at]))) is None:
            raise BadHttp("A chunk does not begin with its size.")
        del buffer[: at + 2]
        self._seen, size = 0, int(found.group(1), 16)
        self._chunks += 1
        if len(self._body) + size > self._most or self._chunks > MOST_CHUNKS:
            raise _too_large(self._most)
        self._left = size + 2 if size else 0
        return True

    def _read_data(self, buffer: bytearray) -> bool:
        data = min(len(buffer), self._left - 2)
        if data > 0:
            self._body += memoryview(buffer)[:data]
            del buffer[:data]
            self._left -= data
        if self._left > 2 or len(buffer) < 2:
            return False
        if not buffer.startswith(b"\r\n"):
            raise BadHttp("A chunk is longer than its size says.")
        del buffer[:2]
        self._left = -1
        return True

    def _read_trailer(self, buffer: bytearray) -> bool:
        if len(buffer) < 2:
            return False
        if buffer.startswith(b"\r\n"):
            del buffer[:2]
            return True
        if (lines := self._trailer.take(buffer)) is None:
            return False
        fields(lines)
        return True


def coding_of(headers: Headers) -> Coding:
    """The one content coding of a body. Raises `BadHttp` (415)."""
    said = tokens(headers, "content-encoding")
    if (coding := _CODINGS.get(said)) is None:
        raise BadHttp("The Content-Encoding is not understood; use gzip, deflate or none.", status=415)
    return coding


def inflate(body: bytes, coding: Coding, most: int) -> bytes:
    """The body without its coding, at most `most` bytes. Raises `BadHttp`: 400, or 413 for a bomb."""
    if not coding or not body:
        return body
    if coding == "gzip":
        return _inflated(body, 31, most)
    try:
        return _inflated(body, 15, most)
    except BadHttp as error:
        if error.status == 413:
            raise
        return _inflated(body, -15, most)  # many programs send 'deflate' without zlib's frame


def deflate(body: bytes, coding: Coding) -> bytes:
    """The opposite of `inflate`."""
    if not coding:
        return body
    packer = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
    return packer.compress(body) + packer.flush()


def _inflated(body: bytes, window: int, most: int) -> bytes:
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(body, most + 1)
    except zlib.error as error:
        raise BadHttp("The body is not in the coding that Content-Encoding names.") from error
    if len(plain) > most:
        raise _too_large(most)
    if not stream.eof or stream.unused_data:
        raise BadHttp("The compressed body is cut off, or something stands behind it.")
    return plain


def _too_large(most: int) -> BadHttp:
    return BadHttp(f"The body is larger than {most} bytes, or in too many pieces.", status=413)

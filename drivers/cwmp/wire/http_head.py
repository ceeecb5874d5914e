"""The head of an HTTP/1.x message: its lines, its fields, and how long its body is. Pure. Counterpart: `http_body`.

Strict wherever two readers could disagree about where a message ends (RFC 9112, sections 5, 6 and 11.2): folded lines,
space before a colon, both Content-Length and Transfer-Encoding, and different Content-Lengths are refused.

Lines that end with a bare LF are taken only if all lines of that head do. Nothing can hide in such a head: the first
line settles how lines end, and any other CR or LF in it is refused.
"""

import re
from typing import Final, Literal, TypeAlias

from config.records import record
from drivers.errors import BadHttp

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Names in lower case; values are bytes as Latin-1, without white space around them."""

Version: TypeAlias = Literal["1.0", "1.1"]

MOST_HEAD_BYTES: Final = 16 * 1024
MOST_FIELDS: Final = 64

_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_FIELD: Final = re.compile(rf"({_TCHAR}++):([^\x00-\x08\x0a-\x1f\x7f]*+)")
_REQUEST_LINE: Final = re.compile(rf"({_TCHAR}{{1,32}}) ([\x21-\x7e]++) HTTP/(\d)\.(\d)")
_STATUS_LINE: Final = re.compile(r"HTTP/(\d)\.(\d) ([1-5]\d\d)(?: [^\x00-\x08\x0a-\x1f\x7f]*+)?")
_DIGITS: Final = re.compile(r"[0-9]{1,15}")
_BLANK_LINES: Final = (b"\r\n", b"\n")


@record
class Framing:
    """How the body is delimited: by `length`, in chunks, or (neither) not told."""

    length: int | None
    chunked: bool


class HeadReader:
    """Finds the end of a head in a growing buffer; each byte is looked at once."""

    def __init__(self, most: int = MOST_HEAD_BYTES) -> None:
        self._most = most
        self._seen = 0
        self._end = b""

    def take(self, buffer: bytearray) -> list[str] | None:
        """The head's lines, removed from `buffer`; None while it has not ended. Raises `BadHttp`."""
        if not self._end:
            if (at := buffer.find(b"\n", self._seen)) < 0:
                self._grown(len(buffer))
                return None
            self._end = b"\r\n\r\n" if at and buffer[at - 1] == 0x0D else b"\n\n"
            self._seen = at - 1 if at else 0
        at = buffer.find(self._end, max(0, self._seen - 3))
        if at < 0:
            self._grown(len(buffer))
            return None
        end, self._end, self._seen = self._end, b"", 0
        if at > self._most:
            self._grown(at)
        text = buffer[:at].decode("latin-1")
        del buffer[: at + len(end)]
        return _lines(text, "\r\n" if len(end) == 4 else "\n")

    def _grown(self, size: int) -> None:
        if size > self._most:
            raise BadHttp(f"The HTTP headers are longer than {self._most} bytes.", status=431)
        self._seen = size


def _lines(text: str, ends: str) -> list[str]:
    lines = text.split(ends)
    if text.count("\n") + text.count("\r") != (len(lines) - 1) * len(ends):
        raise BadHttp("The lines of the HTTP headers end in different ways; each must end with CR LF.")
    return lines


def drop_blank_line(buffer: bytearray) -> bool:
    """Old clients put a line end behind a body (RFC 9112, 2.2); before a request line it means nothing."""
    for blank in _BLANK_LINES:
        if buffer.startswith(blank):
            del buffer[: len(blank)]
            return True
    return False


def request_line(line: str) -> tuple[str, str, Version]:
    """Method, target, version. Raises `BadHttp` (400, 505)."""
    if (found := _REQUEST_LINE.fullmatch(line)) is None:
        raise BadHttp("The first line is no HTTP request line; it must be METHOD TARGET HTTP/1.1.")
    method, target, major, minor = found.groups()
    return method, target, _version(major, minor)


def status_line(line: str) -> tuple[int, Version]:
    """Status and version; the reason is dropped. Raises `BadHttp`."""
    if (found := _STATUS_LINE.fullmatch(line)) is None:
        raise BadHttp("The first line is no HTTP status line; it must be HTTP/1.1 STATUS REASON.")
    major, minor, status = found.groups()
    return int(status), _version(major, minor)


def _version(major: str, minor: str) -> Version:
    if major != "1":
        raise BadHttp(f"HTTP/{major}.{minor} is not spoken here; use HTTP/1.1 or HTTP/1.0.", status=505)
    return "1.0" if minor == "0" else "1.1"


def fields(lines: list[str]) -> Headers:
    """The fields of a head or trailer, in order. Raises `BadHttp` (400, 431)."""
    if len(lines) > MOST_FIELDS:
        raise BadHttp(f"There are more than {MOST_FIELDS} HTTP header fields.", status=431)
    fits = _FIELD.fullmatch
    return tuple(
        [
            (found[1].lower(), found[2].strip(" \t")) if (found := fits(line)) is not None else _bad_field(line)
            for line in lines
        ]
    )


def _bad_field(line: str) -> tuple[str, str]:
    if line[:1] in (" ", "\t"):
        raise BadHttp("A header field is folded over two lines, which HTTP no longer allows.")
    raise BadHttp("A header line is no 'Name: value', or holds a control character.")


def framing(headers: Headers, version: Version) -> Framing:
    """How long the body is. Raises `BadHttp`: 400 where it can be read in two ways, 501 for an unknown coding."""
    length: int | None = None
    codings: list[str] = []
    for name, value in headers:
        if name == "content-length":
            length = _length(value, length)
        elif name == "transfer-encoding":
            codings += [coding.strip(" \t").lower() for coding in value.split(",")]
    if not codings:
        return Framing(length, chunked=False)
    if length is not None:
        raise BadHttp("There are both Content-Length and Transfer-Encoding; send one of them.")
    if version == "1.0":
        raise BadHttp("Transfer-Encoding stands in an HTTP/1.0 message; use Content-Length.")
    if codings.count("chunked") > 1:
        raise BadHttp("Transfer-Encoding says 'chunked' twice.")
    if codings != ["chunked"]:
        raise BadHttp("Only 'chunked' is understood as Transfer-Encoding.", status=501)
    return Framing(None, chunked=True)


def _length(value: str, before: int | None) -> int:
    for part in value.split(","):
        if _DIGITS.fullmatch(digits := part.strip(" \t")) is None:
            raise BadHttp("Content-Length is no number.")
        if before is not None and int(digits) != before:
            raise BadHttp("There are two different Content-Lengths.")
        before = int(digits)
    assert before is not None
    return before


def tokens(headers: Headers, name: str) -> tuple[str, ...]:
    """Elements of a comma-separated field, in lower case, over all its lines."""
    lines = [value for key, value in headers if key == name]
    if not lines:
        return ()
    return tuple([token for part in ",".join(lines).split(",") if (token := part.strip(" \t").lower())])


def stays_open(headers: Headers, version: Version) -> bool:
    """Whether the connection goes on after the exchange. RFC 9112, 9.3."""
    said = tokens(headers, "connection")
    if "close" in said:
        return False
    return version == "1.1" or "keep-alive" in said

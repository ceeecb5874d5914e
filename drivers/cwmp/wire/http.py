"""HTTP/1.0 and 1.1 as CWMP needs them, without I/O: parsers that are fed bytes, and what writes messages. Pure.

`RequestParser` is for the listener; `ResponseParser` for the provider's own ACS and for Connection Requests. Heads are
read by `http_head`, bodies by `http_body`. Source: RFC 9110, RFC 9112; TR-069, 3.4.
"""

import re
from collections.abc import Iterable
from dataclasses import field
from http import HTTPStatus
from typing import Final

from config.records import record
from drivers.cwmp.wire.http_body import Body, ChunkedBody, Coding, EndlessBody, FixedBody, coding_of, deflate, inflate
from drivers.cwmp.wire.http_head import (
    Headers,
    HeadReader,
    Version,
    drop_blank_line,
    fields,
    framing,
    request_line,
    status_line,
    stays_open,
    tokens,
)
from drivers.errors import BadHttp

MOST_BODY_BYTES: Final = 8 * 1024 * 1024
MOST_LEFT_OVER: Final = 64 * 1024
"""Behind a request that is not yet answered; CWMP has no pipelining, so anything there is an accident or an attack."""
_MOST_INTERIM: Final = 8
_MOST_BLANK_LINES: Final = 4
_END_OF_ENVELOPE: Final = re.compile(rb"</(?:[^\x00-\x20<>/:]{1,64}:)?Envelope[ \t\r\n]{0,16}>")
_LONGEST_END: Final = 96
_BEGINNING: Final = 1024
_LOOKS_LIKE_A_REQUEST: Final = re.compile(rb"[A-Z]{1,16}(?: |\Z)")
_UNSAFE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


@record(kw_only=True)
class HttpRequest:
    """A request. `body` is without its content coding, which is `coding`: answer with the same."""

    method: str
    target: str
    """As sent: a path with query, or an absolute URI."""
    version: Version
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    keep_alive: bool
    """Whether the client lets the connection go on after the answer."""
    expect_continue: bool = False
    coding: Coding = ""

    def header(self, name: str) -> str | None:
        """The first field of that lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """All fields of that lower-case name, in order."""
        return tuple([value for key, value in self.headers if key == name])


@record(kw_only=True)
class HttpResponse:
    """A final response; interim ones are dropped. `body` is without its content coding."""

    status: int
    version: Version
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    keep_alive: bool
    coding: Coding = ""

    def header(self, name: str) -> str | None:
        """The first field of that lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """All fields of that lower-case name, in order."""
        return tuple([value for key, value in self.headers if key == name])


def cut_short(request: HttpRequest) -> bool:
    """Whether the body begins an envelope and does not end it: more of it stands behind what Content-Length says."""
    body = request.body
    return b"Envelope" in body[:_BEGINNING] and _END_OF_ENVELOPE.search(body, max(0, len(body) - _LONGEST_END)) is None


class RequestParser:
    """Reads the requests of one connection, one after the other.

    After a `BadHttp` the parser is of no more use: answer its `status` and close.
    """

    def __init__(self, max_body: int = MOST_BODY_BYTES) -> None:
        self._most = max_body
        self._buffer = bytearray()
        self._reader = HeadReader()
        self._body: Body | None = None
        self._head: HttpRequest | None = None
        self._between = True
        self._blank_lines = 0
        self._sought = 0
        self._continue = False

    def feed(self, data: bytes = b"") -> list[HttpRequest]:
        """The request that `data` completes: none or one.

        What stands behind a request stays in `left_over`; call `feed()` once it is answered to go on with that.
        Raises `BadHttp`.
        """
        self._buffer += data
        if self._head is None and not self._read_head():
            return []
        head, body = self._head, self._body
        assert head is not None
        assert body is not None
        if (raw := body.take(self._buffer)) is None:
            self._continue = self._continue and not self._buffer
            return []
        if len(self._buffer) > MOST_LEFT_OVER:
            raise BadHttp("More follows before the request is answered; send one request at a time.")
        self._head, self._body, self._between, self._continue = None, None, True, False
        self._blank_lines = self._sought = 0
        if head.coding:
            raw = inflate(raw, head.coding, self._most)
        return [_with_body(head, raw) if raw else head]

    @property
    def head(self) -> HttpRequest | None:
        """The head of the request whose body is still coming: to refuse it (401, 405) before reading on."""
        return self._head

    @property
    def idle(self) -> bool:
        """Whether no request has begun, so that closing loses nothing."""
        return self._head is None and not self._buffer

    @property
    def left_over(self) -> bytes:
        """What stands behind the last request that `feed` gave."""
        return bytes(self._buffer) if self._head is None else b""

    def wants_continue(self) -> bool:
        """Whether `CONTINUE` is to be sent before the client sends its body. True at most once for each request."""
        wanted, self._continue = self._continue, False
        return wanted

    def lengthen(self, request: HttpRequest, data: bytes = b"") -> HttpRequest | None:
        """`request` with what is missing of its envelope, for a CPE that counts characters (quirk 20).

        `data` is what came since. None: the end has not come yet. Raises `BadHttp` when there is no end to be seen.
        """
        self._buffer += data
        if request.coding:
            raise BadHttp("The Content-Length of a compressed body is wrong.")
        start = self._sought
        seam = b"" if start else request.body[-_LONGEST_END:]
        sought = seam + self._buffer[start:]
        ends = [found.end() + start - len(seam) for found in _END_OF_ENVELOPE.finditer(sought)]
        if ends and ends[0] <= 0 and not seam[ends[0] + len(seam) :].strip():
            return request
        more = next((end for end in ends if end > 0), None)
        if more is not None:
            longer = _with_body(request, request.body + bytes(self._buffer[:more]))
            del self._buffer[:more]
            return longer
        if len(self._buffer) > MOST_LEFT_OVER:
            raise BadHttp("The body is longer than its Content-Length and has no end.")
        self._sought = max(0, len(self._buffer) - _LONGEST_END)
        return None

    def _read_head(self) -> bool:
        if self._between:
            while self._blank_lines < _MOST_BLANK_LINES and drop_blank_line(self._buffer):
                self._blank_lines += 1
            if not self._buffer or (len(self._buffer) == 1 and self._buffer.startswith(b"\r")):
                return False
            if _LOOKS_LIKE_A_REQUEST.match(self._buffer[:17]) is None:
                raise BadHttp("What was sent is no HTTP request, or the body is longer than its Content-Length says.")
            self._between = len(self._buffer) < 17
        if (lines := self._reader.take(self._buffer)) is None:
            return False
        method, target, version = request_line(lines[0])
        headers = fields(lines[1:])
        frame = framing(headers, version)
        if frame.length is None and not frame.chunked:
            self._refuse_unframed(method, headers)
        _one_host(headers)
        self._body = ChunkedBody(self._most) if frame.chunked else FixedBody(frame.length or 0, self._most)
        self._continue = _expects(headers, version) and (frame.chunked or bool(frame.length))
        self._head = HttpRequest(
            method=method,
            target=target,
            version=version,
            headers=headers,
            keep_alive=stays_open(headers, version),
            expect_continue=self._continue,
            coding=coding_of(headers),
        )
        return True

    def _refuse_unframed(self, method: str, headers: Headers) -> None:
        """A POST of unknown length must not pass for an empty one, which would mean "your turn"."""
        if method == "POST" and (self._buffer or any(name == "content-type" for name, _ in headers)):
            raise BadHttp("The request does not say how long its body is; send Content-Length.", status=411)


def _with_body(head: HttpRequest, body: bytes) -> HttpRequest:
    """As `dataclasses.replace`, at a third of its cost: every post comes by here."""
    return HttpRequest(
        method=head.method,
        target=head.target,
        version=head.version,
        headers=head.headers,
        body=body,
        keep_alive=head.keep_alive,
        expect_continue=head.expect_continue,
        coding=head.coding,
    )


def _one_host(headers: Headers) -> None:
    if sum(name == "host" for name, _ in headers) > 1:
        raise BadHttp("There is more than one Host.")


def _expects(headers: Headers, version: Version) -> bool:
    expected = tokens(headers, "expect")
    if not expected or version == "1.0":
        return False
    if expected != ("100-continue",):
        raise BadHttp("Only '100-continue' can be expected of this server.", status=417)
    return True


class ResponseParser:
    """Reads one response to a request of `method`. Afterwards `left_over` says whether the connection can go on."""

    def __init__(self, method: str = "POST", max_body: int = MOST_BODY_BYTES) -> None:
        self._bodiless = method == "HEAD"
        self._most = max_body
        self._buffer = bytearray()
        self._reader = HeadReader()
        self._interim = 0
        self._body: Body | None = None
        self._head: HttpResponse | None = None

    def feed(self, data: bytes) -> HttpResponse | None:
        """The response that `data` completes. Raises `BadHttp`."""
        self._buffer += data
        while self._head is None:
            if (lines := self._reader.take(self._buffer)) is None:
                return None
            self._read_head(lines)
        assert self._body is not None
        raw = self._body.take(self._buffer)
        return None if raw is None else self._whole(raw)

    def finish(self) -> HttpResponse | None:
        """The connection has ended: the response whose body ends with it, or None if none had begun.

        Raises `BadHttp` if it is cut off.
        """
        if isinstance(self._body, EndlessBody):
            return self._whole(bytes(self._buffer))
        if self._head is None and not self._buffer:
            return None
        raise BadHttp("The connection ended inside the answer.", status=502)

    @property
    def head(self) -> HttpResponse | None:
        """The response without its body, as soon as it is there."""
        return self._head

    @property
    def left_over(self) -> bytes:
        """What stands behind the response; nothing should."""
        return bytes(self._buffer)

    def _read_head(self, lines: list[str]) -> None:
        status, version = status_line(lines[0])
        headers = fields(lines[1:])
        if status < 200:
            self._interim += 1
            if status == 101 or self._interim > _MOST_INTERIM:
                raise BadHttp("The server answers with something other than HTTP, or never finally.", status=502)
            return
        frame = framing(headers, version)
        endless = frame.length is None and not frame.chunked
        if status in (204, 304) or self._bodiless:
            self._body, endless = FixedBody(0, 0), False
        elif endless:
            self._body = EndlessBody(self._most)
        else:
            self._body = ChunkedBody(self._most) if frame.chunked else FixedBody(frame.length or 0, self._most)
        self._head = HttpResponse(
            status=status,
            version=version,
            headers=headers,
            keep_alive=stays_open(headers, version) and not endless,
            coding=coding_of(headers),
        )

    def _whole(self, raw: bytes) -> HttpResponse:
        assert self._head is not None
        head = self._head
        return HttpResponse(
            status=head.status,
            version=head.version,
            headers=head.headers,
            body=inflate(raw, head.coding, self._most),
            keep_alive=head.keep_alive,
            coding=head.coding,
        )


CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def encode_response(
    status: int,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    keep_alive: bool,
    coding: Coding = "",
    version: Version = "1.1",
) -> bytes:
    """A response with its length and `Connection`. `version` is the request's: HTTP/1.0 clients are told `keep-alive`.

    Raises `ValueError` for a header with a control character.
    """
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}", *_written(headers)]
    if body and coding:
        body = deflate(body, coding)
        lines.append(f"Content-Encoding: {coding}")
    if status != 204:
        lines.append(f"Content-Length: {len(body)}")
    if not keep_alive:
        lines.append("Connection: close")
    elif version == "1.0":
        lines.append("Connection: keep-alive")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def encode_request(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    host: str,
    keep_alive: bool = True,
) -> bytes:
    """A request. `host` as it stands in `Host`, with a port unless it is 80. Raises `ValueError` as above."""
    if _UNSAFE.search(target) or " " in target or not target:
        raise ValueError("an HTTP request target holds a space or a control character")
    lines = [f"{method} {target} HTTP/1.1", *_written([("Host", host), *headers])]
    if method != "GET" or body:
        lines.append(f"Content-Length: {len(body)}")
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _written(headers: Iterable[tuple[str, str]]) -> list[str]:
    lines = [f"{name}: {value}" for name, value in headers]
    if _UNSAFE.search("".join(lines)):
        raise ValueError("an HTTP header holds a control character")
    return lines

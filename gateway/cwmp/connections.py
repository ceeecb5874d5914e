"""One TCP connection of a CPE: bytes to requests and answers to bytes, with the time and the room a stranger may take.

asyncio's protocols and not its streams: the end of a connection must be seen while an answer is held back, and a cut
must be one call. Counterparts: `gateway.cwmp.reception` answers the requests, `gateway.cwmp.listener` makes
connections and looks at their deadlines.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final, Protocol, cast

from drivers.cwmp.wire.http import CONTINUE, HttpRequest, RequestParser, cut_short, encode_response
from drivers.cwmp.wire.http_body import Coding
from drivers.errors import BadHttp
from gateway.cwmp.limits import Limits
from gateway.cwmp.tls import names_of

NEVER: Final = float("inf")
FINISH_SECONDS: Final = 1.0
"""For the missing bytes of a body whose Content-Length counted characters (quirk 20)."""


class Owner(Protocol):
    """Who answers, and counts. `gateway.cwmp.reception`."""

    limits: Limits

    def opened(self, connection: "Connection") -> bool:
        """Whether it may stay; false: it has been turned away."""
        ...

    def roomy(self, connection: "Connection") -> bool:
        """Whether long bodies are to be expected on it from the start."""
        ...

    def asked(self, connection: "Connection", request: HttpRequest) -> None:
        """A whole request. The owner answers it now or later by `Connection.answer`."""
        ...

    def broken(self, connection: "Connection", error: BadHttp) -> None:
        """What came is no HTTP; the connection is about to close."""
        ...

    def closed(self, connection: "Connection") -> None:
        """It is gone, whoever closed it."""
        ...


class Connection(asyncio.Protocol):
    """Made for each TCP connection. At most one request is being answered at a time."""

    __slots__ = (
        "_in_body", "_loop", "_owner", "_parser", "_request", "_short", "_transport",
        "address", "closes", "deadline", "names", "over", "proved", "response", "served", "session", "tls",
    )  # fmt: skip

    def __init__(self, owner: Owner, *, tls: bool) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._parser: RequestParser | None = None
        self._transport: asyncio.Transport | None = None
        self._request: HttpRequest | None = None
        self._short: HttpRequest | None = None
        self._in_body = False
        self.tls = tls
        self.address = "unknown"
        self.names: frozenset[str] = frozenset()
        """What its client certificate proves."""
        self.deadline = NEVER
        """In the loop's time; the listener cuts it then."""
        self.session: Any = None
        """The CPE session that goes over it; the owner's."""
        self.proved = False
        """Whether somebody has signed in on it."""
        self.response = ""
        """By which digest, last; there it may be repeated."""
        self.served = 0
        """Requests answered."""
        self.closes = False
        """Whether the client asked for the last answer to close the connection."""
        self.over = False

    # --- asyncio's side ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if peer:
            self.address = str(peer[0]).removeprefix("::ffff:")
        if self.tls:
            self.names = names_of(transport.get_extra_info("peercert"))
        limits = self._owner.limits
        self.deadline = self._loop.time() + limits.head_seconds
        if self._owner.opened(self):
            self._parser = RequestParser(limits.body if self._owner.roomy(self) else limits.stranger_body)

    def roomy(self) -> None:
        """Somebody has signed in: the next bodies may be long."""
        if self._parser is None or self._parser.idle:
            self._parser = RequestParser(self._owner.limits.body)

    def data_received(self, data: bytes) -> None:
        if self.over or self._parser is None:
            return
        try:
            if self._short is not None:
                self._lengthen(data)
                return
            fresh = self._parser.idle
            requests = self._parser.feed(data)
            if requests:
                self._take(requests[0])
            else:
                self._time(fresh=fresh)
        except BadHttp as error:
            self._broken(error)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.over = True
        self.deadline = NEVER
        self._owner.closed(self)
        self.session = None

    # --- requests ----------------------------------------------------------------------------------------------------

    def _time(self, *, fresh: bool) -> None:
        """Something came, but not all: the head has its time from its first byte on, the body from its own."""
        parser = self._parser
        assert parser is not None
        if self._request is not None:
            return
        limits = self._owner.limits
        if parser.head is not None:
            if not self._in_body:
                self._in_body = True
                self.deadline = self._loop.time() + limits.body_seconds
            if parser.wants_continue():
                self._write(CONTINUE)
        elif fresh and not parser.idle:
            self.deadline = self._loop.time() + limits.head_seconds

    def _take(self, request: HttpRequest) -> None:
        if self._request is not None:
            raise BadHttp("A request came before the one before it was answered; send one at a time.")
        self._request = request
        self._in_body = False
        self.deadline = NEVER
        self._owner.asked(self, request)

    def wait_for_rest(self) -> bool:
        """Of the present request some bytes may be missing (quirk 20): ask again with the rest, if it comes soon.

        False: the request is as long as it can be.
        """
        request = self._request
        if request is None or self._short is not None or not request.body or request.coding:
            return False
        self._short, self._request = request, None
        self.deadline = self._loop.time() + FINISH_SECONDS
        try:
            self._lengthen(b"")
        except BadHttp:
            self._short, self._request = None, request
            return False
        return True

    @property
    def lengthened(self) -> bool:
        """Whether the present request was short of bytes."""
        return self._short is not None

    def _lengthen(self, data: bytes) -> None:
        assert self._parser is not None
        assert self._short is not None
        if self._request is not None:
            raise BadHttp("A request came before the one before it was answered; send one at a time.")
        longer = self._parser.lengthen(self._short, data)
        if longer is None:
            return
        if longer is self._short:
            raise BadHttp("The body is no envelope, and nothing of it is missing.")
        self._request = longer
        self.deadline = NEVER
        self._owner.asked(self, longer)

    def _broken(self, error: BadHttp) -> None:
        self._owner.broken(self, error)
        self._request, self._short = None, None
        self._write(encode_response(error.status, _PLAIN, f"{error}\n".encode(), keep_alive=False))
        self.close()

    # --- answers -----------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether a request is unanswered and the client still there."""
        return self._request is not None and not self.over

    def answer(
        self, status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", *, close: bool = False
    ) -> bool:
        """Answer the present request. False: there is none, or nobody to hear it; nothing was written."""
        request, self._request, self._short = self._request, None, None
        if request is None or self.over:
            return False
        # The rest of an unread body would stand before the next request; nobody knows the model and its quirks yet.
        stays = request.keep_alive and not close and not (status == 401 and cut_short(request))
        self.served += 1
        self.closes = not request.keep_alive
        coding: Coding = request.coding if body else ""
        self._write(encode_response(status, headers, body, keep_alive=stays, coding=coding, version=request.version))
        if not stays:
            self.close()
            return True
        self.deadline = self._loop.time() + self._owner.limits.idle_seconds
        if self._parser is not None and not self._parser.idle:
            self._loop.call_soon(self.data_received, b"")
        return True

    def turn_away(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Answer before anything was read, and close."""
        self._write(encode_response(status, headers, keep_alive=False))
        self.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close when what was written is sent, or cut a little later."""
        self.over = True
        self.deadline = self._loop.time() + self._owner.limits.head_seconds
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut now; what was not sent is dropped."""
        self.over = True
        if self._transport is not None:
            self._transport.abort()

    def expired(self) -> None:
        """Its deadline has passed."""
        self.deadline = NEVER
        if self._short is not None and not self.over:
            self._broken(BadHttp("The body is no envelope, and no more of it came."))
        elif self._parser is not None and not self._parser.idle and not self.over:
            self._write(encode_response(408, _PLAIN, b"The request did not arrive in time.\n", keep_alive=False))
            self._loop.call_soon(self.abort)
        else:
            self.abort()


_PLAIN: Final = (("Content-Type", "text/plain; charset=utf-8"),)

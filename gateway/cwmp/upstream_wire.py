"""Bytes to and from the provider's ACS: one request, one answer. Counterpart: `gateway.cwmp.upstream`, which asks.

All that is not exactly one whole answer is an `UpstreamLost`.
"""

import asyncio
from typing import Final, cast

from config.waiting import within
from drivers.cwmp.wire.http import HttpResponse, ResponseParser
from drivers.errors import BadHttp
from gateway.errors import Unavailable

MOST_BODY: Final = 8 * 1024 * 1024


class UpstreamLost(Unavailable):
    """The provider's ACS cannot be asked, or what it says cannot be used; the session with it is over.

    `why` is a stable word: refused, tls, closed, silent, redirect, status, sign_in, garbage.
    """

    def __init__(self, why: str, sentence: str) -> None:
        super().__init__(sentence)
        self.why = why


class Wire(asyncio.Protocol):
    """Bytes to and from the ACS. What comes without being asked for ends it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: ResponseParser | None = None
        self._waiting: asyncio.Future[HttpResponse] | None = None
        self._stray = False

    @property
    def open(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing() and not self._stray

    def send(self, request: bytes) -> None:
        """One request. The answer to it is `response`."""
        assert self._transport is not None
        self._parser = ResponseParser(max_body=MOST_BODY)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)

    async def response(self, until: float) -> HttpResponse:
        """`until`: in the loop's time. Raises `UpstreamLost`, `TimeoutError`."""
        assert self._waiting is not None
        return await within(self._waiting, until - self._waiting.get_loop().time())

    def close(self) -> None:
        """At once, without waiting for TLS."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._waiting is None or self._waiting.done():
            self._stray = True
            return
        try:
            response = self._parser.feed(data)
        except BadHttp as error:
            self._fail("garbage", f"The ACS does not speak HTTP as it should: {error}", error)
            return
        if response is not None and self._parser.left_over:
            self._fail("garbage", "The ACS answered more than it was asked.")
        elif response is not None:
            self._waiting.set_result(response)

    def eof_received(self) -> None:
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(exc)
        if self._transport is not None:
            self._transport.close()

    def _ended(self, why: Exception | None) -> None:
        if self._parser is None or self._waiting is None or self._waiting.done():
            return
        try:
            response = self._parser.finish()
        except BadHttp as error:
            self._fail("closed", "The ACS ended the connection inside its answer.", error)
            return
        if response is None:
            self._fail("closed", "The ACS ended the connection instead of answering.", why)
        else:
            self._waiting.set_result(response)

    def _fail(self, why: str, sentence: str, error: Exception | None = None) -> None:
        assert self._waiting is not None
        lost = UpstreamLost(why, sentence)
        lost.__cause__ = error
        self._waiting.set_exception(lost)

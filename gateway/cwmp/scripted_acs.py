"""An ACS that says what it is told to say, on a real socket: the fake that the mediator is tried against.

It keeps sessions by cookie like the real ones, asks for Digest or Basic if told to, and can misbehave in any step. What
it was sent is in `requests`. Counterpart: `gateway.cwmp.upstream`.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias

from drivers.cwmp.wire.digest import Challenger, Verified
from drivers.cwmp.wire.http import HttpRequest, RequestParser, encode_response
from drivers.errors import BadHttp

COOKIE: Final = "acs-session"
_NOW: Final = 1_700_000_000.0
"""Its nonces never grow old."""
TEXT: Final = [("Content-Type", 'text/xml; charset="utf-8"')]


@dataclass(frozen=True, slots=True)
class Say:
    """One HTTP answer. With `close` the connection ends behind it, and says so."""

    body: bytes = field(default=b"", repr=False)
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False
    coding: Literal["", "gzip", "deflate"] = ""

    def wire(self) -> bytes:
        """As it goes over the wire."""
        headers = [*(TEXT if self.body else ()), *self.headers]
        return encode_response(self.status, headers, self.body, keep_alive=not self.close, coding=self.coding)


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes instead of an answer, then the end of the connection if `close`. Without bytes and `close`: silence."""

    data: bytes = b""
    close: bool = True


NOTHING: Final = Say(status=204)
DROP: Final = Raw()
SILENCE: Final = Raw(close=False)

Step: TypeAlias = Say | Raw
Brain: TypeAlias = Callable[[HttpRequest], Step]
"""What to answer to a request that was signed in and has its cookie."""


def in_turn(steps: Iterable[Step]) -> Brain:
    """One after the other, then nothing more to do."""
    rest = iter(steps)
    return lambda _request: next(rest, NOTHING)


class ScriptedAcs:
    """Runs on 127.0.0.1 while it is entered. `sign_in`: what it asks for, once on each connection's first request."""

    def __init__(
        self,
        brain: Brain,
        *,
        sign_in: Literal["", "digest", "basic"] = "",
        users: dict[str, str] | None = None,
        cookies: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._brain = brain
        self._sign_in = sign_in
        self._users = users or {}
        self._cookies = cookies
        self._tls = tls
        self._challenger = Challenger(b"scripted ACS secret", "acs")
        self._begun = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self.requests: list[HttpRequest] = []
        """All that were taken, in order; not those that were told to sign in."""
        self.connections = 0

    @property
    def url(self) -> str:
        """Where CPEs send their Informs."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"{'https' if self._tls else 'http'}://localhost:{port}/cwmp"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        await self._server.wait_closed()
        if self._serving:
            await asyncio.wait(self._serving)

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def hang_up(self) -> None:
        """End all connections now, between two requests."""
        for writer in tuple(self._open):
            writer.transport.abort()

    def blurt(self, data: bytes) -> None:
        """Say something that nobody asked for, on all connections."""
        for writer in tuple(self._open):
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self._open.add(writer)
        parser = RequestParser()
        try:
            with contextlib.suppress(ConnectionError, BadHttp, ssl.SSLError):
                while data := await reader.read(65536):
                    for request in parser.feed(data):
                        if not await self._answer(request, writer):
                            return
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, request: HttpRequest, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        refusal = self._refusal(request)
        if refusal is None:
            self.requests.append(request)
        step = refusal or self._brain(request)
        if isinstance(step, Raw):
            writer.write(step.data)
            await writer.drain()
            return not step.close
        if self._cookies and b"Inform>" in request.body and refusal is None:
            self._begun += 1
            step = Say(step.body, step.status, (*step.headers, ("Set-Cookie", self._cookie())), step.close, step.coding)
        step = replace(step, close=step.close or not request.keep_alive)
        writer.write(step.wire())
        await writer.drain()
        return not step.close

    def _cookie(self) -> str:
        return f"{COOKIE}={self._begun}; Path=/cwmp; HttpOnly"

    def _refusal(self, request: HttpRequest) -> Say | None:
        if self._sign_in and not self._signed_in(request):
            asked = self._challenger.challenge(_NOW, "cpe", basic=self._sign_in == "basic")
            wanted = [value for value in asked if value.lower().startswith(self._sign_in)]
            return Say(status=401, headers=tuple([("WWW-Authenticate", value) for value in wanted]))
        later = self._cookies and self._begun > 0 and b"Inform>" not in request.body
        if later and f"{COOKIE}={self._begun}" not in (request.header("cookie") or ""):
            return Say(b"Invalid session", status=400)
        return None

    def _signed_in(self, request: HttpRequest) -> bool:
        verdict = self._challenger.verify(
            request.header("authorization") or "",
            request.method,
            request.target,
            self._users.get,
            _NOW,
            "cpe",
            basic=self._sign_in == "basic",
        )
        return isinstance(verdict, Verified)

"""A CPE's ear for Connection Requests. Source: TR-069, 3.2.2.

Counterpart: the gateway's `drivers.cwmp.wire.connection_request`, of which nothing is used here.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from drivers.lab.cpe.digest import Doorkeeper

Heard = Callable[[], Literal["yes", "busy", "deaf"]]
"""Called for each that signed in."""


@dataclass(slots=True)
class Ear:
    """Listens on 127.0.0.1; the path is random. `credentials` gives the user and password of the moment."""

    moods: frozenset[str]
    credentials: Callable[[], tuple[str, str]]
    heard: Heard
    port: int = 0
    path: str = field(default_factory=lambda: f"/{secrets.token_hex(8)}")
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, target and the status it was answered with; 0 none."""
    _keeper: Doorkeeper = field(init=False)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._keeper = Doorkeeper(self.moods)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    async def open(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = self._judge(method, target, headers.get("authorization", ""))
        self.requests.append((method, target, status))
        if status == 0:
            with contextlib.suppress(OSError):
                await reader.read()  # says nothing until the other gives up
            return False
        stays = status == 401 and "close-after-401" not in self.moods
        answer = [f"HTTP/1.1 {status} {_REASONS[status]}", "Content-Length: 0"]
        if status == 401:
            answer.append(f"WWW-Authenticate: {self._keeper.challenge()}")
        answer += [] if stays else ["Connection: close"]
        writer.write("\r\n".join([*answer, "", ""]).encode())
        await writer.drain()
        return stays

    def _judge(self, method: str, target: str, sign: str) -> int:
        if target != self.path:
            return 404
        if method != "GET":
            return 405
        user, password = self.credentials()
        if not sign or not self._keeper.admits(sign, method, target, user, password):
            return 401
        return {"yes": 200, "busy": 503, "deaf": 0}[self.heard()]


_REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}

"""What strangers may hold of an HTTP listener: so many connections, and each only while its request arrives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from config.errors import ConfigError
from gateway.session.listeners import Bounds, HttpListener, bind_tcp, bind_unix


async def _slow(request: Request) -> Response:
    await asyncio.sleep(0.5)
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def listen() -> AsyncIterator[Callable[[Bounds], Awaitable[int]]]:
    """Starts a listener; its port."""
    started: list[HttpListener] = []

    async def start(bounds: Bounds) -> int:
        app = Starlette(routes=[Route("/", _slow, methods=["GET", "POST"])])
        listener = HttpListener(app, bind_tcp("127.0.0.1", 0, "api.port"), bounds=bounds)
        await listener.start()
        started.append(listener)
        return listener.port

    yield start
    for listener in started:
        await listener.stop()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    ],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_request_that_does_not_arrive_is_not_waited_for(listen, sent: bytes) -> None:
    port = await listen(Bounds(request_seconds=0.1))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    writer.write(sent)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        async with asyncio.timeout(5):
            await reader.readexactly(1)

    writer.close()


async def test_a_slow_answer_to_a_whole_request_is_waited_for(listen) -> None:
    port = await listen(Bounds(request_seconds=0.2))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.post("/", content=b"abc")).text == "3"
        assert (await client.get("/")).text == "0"
        await asyncio.sleep(0.15)  # idle between two requests is no request that does not arrive
        assert (await client.get("/")).text == "0"


async def test_between_two_requests_a_connection_is_kept_and_then_closed(listen) -> None:
    port = await listen(Bounds(request_seconds=0.1, idle_seconds=3))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    for _ in range(2):
        writer.write(asked)
        assert (await reader.readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.4)  # several times what a request may take to arrive
    async with asyncio.timeout(30):
        assert await reader.read() == b""

    writer.close()


async def test_a_second_request_that_does_not_arrive_is_not_waited_for_either(listen) -> None:
    port = await listen(Bounds(request_seconds=0.1))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n0")
    writer.write(b"GET / HTTP/1.1\r\n")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        async with asyncio.timeout(30):
            await reader.readexactly(1)

    writer.close()


async def test_more_connections_than_allowed_are_turned_away_and_places_come_back(listen) -> None:
    port = await listen(Bounds(connections=1))
    _, first = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.02)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/")
        first.close()
        await first.wait_closed()
        await asyncio.sleep(0.02)
        assert (await client.get("/")).status_code == 200


def test_a_socket_that_nobody_listens_on_any_more_is_replaced_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    first = bind_unix(path)
    with pytest.raises(ConfigError, match=r"Another process listens on .*api\.sock; stop it"):
        bind_unix(path)
    first.close()

    bind_unix(path).close()

"""The load generator, in a process of its own: ssh clients that type and wait. Counterpart: `benchmarks.router`.

Reads one request a line (JSON, see `Way` and `_DO`) from standard input and answers with one line. Times are taken
here, from the key press to the prompt that follows the answer.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncssh
import uvloop

from benchmarks.router import LAST_LINE

_PROMPT_END = b"# "
_ANSWER = b"load average"
_PATIENCE = 60.0


@dataclass(frozen=True, kw_only=True)
class Way:
    """How to reach the router: its door, or the gateway's, and a jump host in front if there is one."""

    port: int
    user: str
    host_key: str
    password: str | None = None
    key: str | None = None
    """Path of a private key."""
    jump: dict[str, Any] | None = None
    """Another way, to a jump host."""


async def _connect(way: Way, tunnel: asyncssh.SSHClientConnection | None = None) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        "127.0.0.1",
        way.port,
        username=way.user,
        password=way.password,
        client_keys=[_key(way.key)] if way.key else None,
        known_hosts=([_public(way.host_key)], [], []),
        tunnel=tunnel or (),
        config=[],
        agent_path=None,
        compression_algs=None,
        encryption_algs=["aes128-gcm@openssh.com"],
        gss_auth=False,
        gss_kex=False,
        connect_timeout=_PATIENCE,
        login_timeout=_PATIENCE,
    )


_known: dict[str, asyncssh.SSHKey] = {}


def _key(path: str) -> asyncssh.SSHKey:
    if path not in _known:
        _known[path] = asyncssh.read_private_key(path)
    return _known[path]


def _public(line: str) -> asyncssh.SSHKey:
    if line not in _known:
        _known[line] = asyncssh.import_public_key(line)
    return _known[line]


class _Screen(asyncssh.SSHClientSession[bytes]):
    """Sees when what it waits for has come."""

    def __init__(self) -> None:
        self._tail = b""
        self._wanted = b""
        self._waiter: asyncio.Future[float] | None = None
        self.received = 0
        self.ended = asyncio.Event()

    def data_received(self, data: bytes, _datatype: object) -> None:
        self.received += len(data)
        if self._waiter is None or self._waiter.done():
            return
        self._tail = (self._tail + data)[-512:] if len(data) < 512 else data[-512:]
        at = self._tail.find(self._wanted)
        if at >= 0 and self._tail.find(_PROMPT_END, at + len(self._wanted)) >= 0:
            self._waiter.set_result(time.perf_counter())

    def expect(self, wanted: bytes) -> "asyncio.Future[float]":
        self._tail, self._wanted = b"", wanted
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def connection_lost(self, _exc: Exception | None) -> None:
        self.ended.set()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionError("the session ended"))


class Client:
    """One rep at a terminal."""

    def __init__(self) -> None:
        self._connections: list[asyncssh.SSHClientConnection] = []
        self._screen = _Screen()

    async def open(self, way: Way) -> "Client":
        tunnel = None
        if way.jump is not None:
            tunnel = await _connect(Way(**way.jump))
            self._connections.append(tunnel)
        self._connections.append(await _connect(way, tunnel))
        prompt = self._screen.expect(b"")
        channel, _ = await self._connections[-1].create_session(
            lambda: self._screen, encoding=None, term_type="xterm", term_size=(200, 50), request_pty="force"
        )
        self._channel = channel
        await asyncio.wait_for(prompt, _PATIENCE)
        return self

    async def command(self, line: bytes, answer: bytes = _ANSWER) -> tuple[float, float]:
        """When it was typed, and when its prompt came back."""
        done = self._screen.expect(answer)
        start = time.perf_counter()
        self._channel.write(line + b"\r")
        return start, await asyncio.wait_for(done, _PATIENCE)

    async def close(self) -> None:
        for connection in reversed(self._connections):
            connection.close()
            await connection.wait_closed()

    @property
    def received(self) -> int:
        return self._screen.received


_held: list[Client] = []


async def _hold(way: Way, sessions: int) -> dict[str, Any]:
    """Open sessions and leave them idle, eight at once."""
    refused = 0

    async def one() -> None:
        nonlocal refused
        try:
            _held.append(await Client().open(way))
        except (OSError, asyncssh.Error, TimeoutError):
            refused += 1

    await _crowd(8, sessions, one)
    return {"held": len(_held), "refused": refused}


async def _let_go() -> dict[str, Any]:
    await asyncio.gather(*(client.close() for client in _held))
    _held.clear()
    return {}


async def _paced(seconds: float) -> dict[str, Any]:
    """Every held session types one command a second, each at its own moment of it. Late starts count as waiting."""
    began = time.perf_counter() + 0.05
    times: list[float] = []
    failed = 0

    async def one(client: Client, offset: float) -> None:
        nonlocal failed
        for tick in range(int(seconds)):
            due = began + offset + tick
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            try:
                _, end = await client.command(b"uptime")
            except (OSError, TimeoutError):
                failed += 1
                return
            times.append(end - due)

    random.seed(1)
    offsets = [(number + random.random()) / len(_held) for number in range(len(_held))]
    await asyncio.gather(*(one(client, offset) for client, offset in zip(_held, offsets, strict=True)))
    return {"times": times, "failed": failed}


async def _cycle(way: Way, sessions: int, at_once: int) -> dict[str, Any]:
    """Open, see a prompt, close: how many a second, and how long each open took."""
    times: list[float] = []

    async def one() -> None:
        start = time.perf_counter()
        client = await Client().open(way)
        times.append(time.perf_counter() - start)
        await client.close()

    start = time.perf_counter()
    await _crowd(at_once, sessions, one)
    return {"seconds": time.perf_counter() - start, "times": times}


async def _bulk(way: Way, shape: str) -> dict[str, Any]:
    """One `logread`: bytes and seconds, to the end of the output."""
    if shape == "terminal":
        client = await Client().open(way)
        start, end = await client.command(b"logread", LAST_LINE.strip())
        await client.close()
        return {"bytes": client.received, "seconds": end - start}
    connection = await _connect(way)
    screen = _Screen()
    start = time.perf_counter()
    await connection.create_session(lambda: screen, "logread", encoding=None, window=4 << 20)
    await asyncio.wait_for(screen.ended.wait(), _PATIENCE)
    end = time.perf_counter()
    connection.close()
    await connection.wait_closed()
    return {"bytes": screen.received, "seconds": end - start}


async def _beside(way: Way, seconds: float) -> dict[str, Any]:
    """`_paced` while one more session pulls `logread` again and again."""
    pulled = 0

    async def pull() -> None:
        nonlocal pulled
        while True:
            pulled += (await _bulk(way, "exec"))["bytes"]

    puller = asyncio.create_task(pull())
    await asyncio.sleep(0.3)
    result = await _paced(seconds)
    puller.cancel()
    await asyncio.gather(puller, return_exceptions=True)
    return result | {"pulled": pulled}


async def _crowd(at_once: int, count: int, one: Callable[[], Awaitable[None]]) -> None:
    """`one` so many times, so many at a time."""
    left = count

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await one()

    await asyncio.gather(*(worker() for _ in range(at_once)))


_DO: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
    "hold": _hold,
    "let_go": _let_go,
    "paced": _paced,
    "cycle": _cycle,
    "bulk": _bulk,
    "beside": _beside,
}


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        if "way" in request:
            request["way"] = Way(**request["way"])
        try:
            answer = await _DO[request.pop("do")](**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(_serve())

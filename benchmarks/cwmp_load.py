"""Many CPEs at once, in a process of its own: bodies made beforehand, no XML read. Counterpart: `benchmarks.cwmp`.

Reads one request a line (JSON, see `_DO`) from standard input and answers with one line, as `benchmarks.load` does.
"""

import asyncio
import hashlib
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import asyncssh
import uvloop

OUI, CLASS, USER, PASSWORD = "00D09E", "Bench", "bench-cpe", "bench-cpe-password"
PROMPT = b"> "
_PATIENCE = 60.0
_ID = re.compile(rb"ID[^>]*>([^<]*)<")
_HEAD_END = b"\r\n\r\n"

_INFORM = """<?xml version="1.0" encoding="UTF-8"?>
<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/" xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-2">
<soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">1</cwmp:ID></soap-env:Header><soap-env:Body><cwmp:Inform>
<DeviceId><Manufacturer>Bench</Manufacturer><OUI>{oui}</OUI><ProductClass>{product}</ProductClass><SerialNumber>{serial}</SerialNumber></DeviceId>
<Event soap-enc:arrayType="cwmp:EventStruct[1]"><EventStruct><EventCode>{code}</EventCode><CommandKey></CommandKey></EventStruct></Event>
<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-11-23T10:00:00Z</CurrentTime><RetryCount>0</RetryCount>
<ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[{count}]">{parameters}</ParameterList>
</cwmp:Inform></soap-env:Body></soap-env:Envelope>"""  # noqa: E501
_PARAMETERS = {
    "RootDataModelVersion": "2.17",
    "DeviceInfo.HardwareVersion": "B1",
    "DeviceInfo.SoftwareVersion": "1.0.0",
    "DeviceInfo.ProvisioningCode": "",
    "ManagementServer.ParameterKey": "",
    "ManagementServer.ConnectionRequestURL": "http://127.0.0.1:9/bench",
    "ManagementServer.PeriodicInformInterval": "300",
    "IP.Interface.1.IPv4Address.1.IPAddress": "203.0.113.7",
}
_DONE = (
    '<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:cwmp="urn:dslforum-org:cwmp-1-2"><soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">{id}</cwmp:ID>'
    "</soap-env:Header><soap-env:Body><cwmp:SetParameterValuesResponse><Status>0</Status>"
    "</cwmp:SetParameterValuesResponse></soap-env:Body></soap-env:Envelope>"
)


def serial(number: int) -> str:
    """Of the device with that number."""
    return f"B{number:06}"


@dataclass(slots=True)
class _Fleet:
    port: int
    informs: list[bytes]
    """Bodies."""
    next: int = 0
    sign_in: "_SignIn | None" = None

    def take(self) -> bytes:
        """The next device's Inform, signed in."""
        self.next = (self.next + 1) % len(self.informs)
        assert self.sign_in is not None
        return _post(self.informs[self.next], self.sign_in.header())


_fleet = _Fleet(0, [])


class _Line(asyncio.Protocol):
    """One connection: `ask` sends bytes and waits for one answer."""

    def __init__(self) -> None:
        self._data = b""
        self._waiter: asyncio.Future[tuple[int, bytes, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(_HEAD_END)
        if end < 0 or self._waiter is None or self._waiter.done():
            return
        head = self._data[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._data) >= end + 4 + length:
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            self._waiter.set_result((int(head[9:12]), head, body))

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionError("closed"))

    async def ask(self, data: bytes) -> tuple[int, bytes, bytes]:
        """Status, head in lower case, body."""
        assert self._transport is not None
        if self._transport.is_closing():
            raise ConnectionError("closed")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return await asyncio.wait_for(self._waiter, _PATIENCE)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def _open() -> _Line:
    _, line = await asyncio.get_running_loop().create_connection(_Line, "127.0.0.1", _fleet.port)
    return line


def _post(body: bytes, more: bytes = b"") -> bytes:
    return (
        b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml; charset="utf-8"\r\nSOAPAction: \r\n'
        + more
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


async def _prepare(port: int, devices: int, code: str) -> dict[str, Any]:
    """Make every device's Inform with one event; all sign in by the challenge that is given now."""
    _fleet.port, _fleet.next = port, 0
    values = "".join(
        f'<ParameterValueStruct><Name>Device.{name}</Name><Value xsi:type="xsd:string">{value}</Value>'
        "</ParameterValueStruct>\n"
        for name, value in _PARAMETERS.items()
    )
    _fleet.informs = [
        _INFORM.format(
            oui=OUI, product=CLASS, serial=serial(n), code=code, count=len(_PARAMETERS), parameters=values
        ).encode()
        for n in range(devices)
    ]
    line = await _open()
    status, head, _ = await line.ask(_post(_fleet.informs[0]))
    line.close()
    assert status == 401, f"the gateway answered {status} to an Inform that does not sign in"
    _challenged(head)
    return {"bytes": len(_fleet.take())}


def _challenged(head: bytes) -> None:
    """Sign in by this challenge from now on."""
    nonce = re.search(rb'nonce="([^"]*)"', head)
    realm = re.search(rb'realm="([^"]*)"', head)
    assert nonce is not None
    assert realm is not None
    _fleet.sign_in = _SignIn(realm[1].decode(), nonce[1].decode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class _SignIn:
    """By one nonce, a new answer each time."""

    def __init__(self, realm: str, nonce: str) -> None:
        self._first, self._last = _md5(f"{USER}:{realm}:{PASSWORD}"), _md5("POST:/")
        self._nonce, self._count = nonce, 0
        self._begins = f'Authorization: Digest username="{USER}", realm="{realm}", nonce="{nonce}", uri="/", qop=auth, '

    def header(self) -> bytes:
        self._count += 1
        counted = f"{self._count:08x}"
        response = _md5(f"{self._first}:{self._nonce}:{counted}:0011223344556677:auth:{self._last}")
        return f'{self._begins}nc={counted}, cnonce="0011223344556677", response="{response}"\r\n'.encode()


async def _informs(seconds: float, connections: int) -> dict[str, Any]:
    """Informs only: each connection sends one device's after the other's."""
    return await _measure(seconds, connections, _inform)


async def _inform(line: _Line | None) -> _Line:
    line = line or await _open()
    status, head, _ = await line.ask(_fleet.take())
    if status == 401:
        _challenged(head)
        line = await _kept(line, head)
        status, head, _ = await line.ask(_fleet.take())
    if status != 200:
        raise ConnectionError(f"status {status}")
    return await _kept(line, head)


async def _kept(line: _Line, head: bytes) -> _Line:
    """The connection, or a new one where the gateway ends this one."""
    if b"connection: close" not in head:
        return line
    line.close()
    return await _open()


async def _sessions(seconds: float, connections: int) -> dict[str, Any]:
    """Whole sessions: a new connection, Inform, whatever the gateway asks, 204."""
    return await _measure(seconds, connections, _session)


async def _session(_: _Line | None) -> None:
    line = await _open()
    try:
        status, head, _body = await line.ask(_fleet.take())
        if status == 401:  # many sign-ins ago, or long ago
            _challenged(head)
            status, head, _body = await line.ask(_fleet.take())
        found = re.search(rb"set-cookie: ([^;\r]*)", head)
        cookie = b"Cookie: " + found[1] + b"\r\n" if found else b""
        body = b""
        while status == 200:
            status, _, answer = await line.ask(_post(body, cookie))
            ident = _ID.search(answer)
            body = _DONE.format(id=ident[1].decode()).encode() if ident else b""
        if status != 204:
            raise ConnectionError(f"status {status}")
    finally:
        line.close()


async def _measure(
    seconds: float, connections: int, one: Callable[[_Line | None], Awaitable[_Line | None]]
) -> dict[str, Any]:
    """How many in so many seconds, how long each took, and what went wrong."""
    times: list[float] = []
    problems: dict[str, int] = {}
    begun = time.perf_counter()

    async def worker() -> None:
        line: _Line | None = None
        while time.perf_counter() - begun < seconds:
            start = time.perf_counter()
            try:
                line = await one(line)
                times.append(time.perf_counter() - start)
            except (OSError, TimeoutError) as error:
                problems[str(error)] = problems.get(str(error), 0) + 1
                line = None
                await asyncio.sleep(0.05)
        if line is not None:
            line.close()

    await asyncio.gather(*(worker() for _ in range(connections)))
    took = time.perf_counter() - begun
    return {"done": len(times), "seconds": took, "times": times[:: max(1, len(times) // 5000)], "problems": problems}


async def _periodic(seconds: float, interval: float) -> dict[str, Any]:
    """Every device once an interval, each at its own moment of it, in whole sessions."""
    count, problems = 0, 0
    begun = time.perf_counter()
    running: set[asyncio.Task[None]] = set()
    while (passed := time.perf_counter() - begun) < seconds:
        while count < passed * len(_fleet.informs) / interval:
            count += 1
            task = asyncio.create_task(_session(None))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.sleep(0.02)
    problems = sum(isinstance(one, Exception) for one in await asyncio.gather(*running, return_exceptions=True))
    return {"done": count, "problems": problems}


async def _every_device() -> dict[str, Any]:
    """A whole session of each device, 50 at once."""
    problems: dict[str, int] = {}
    left = len(_fleet.informs)
    _fleet.next = -1

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            try:
                await _session(None)
            except (OSError, TimeoutError) as error:
                problems[str(error)] = problems.get(str(error), 0) + 1

    await asyncio.gather(*(worker() for _ in range(50)))
    return {"problems": problems}


async def _type(port: int, user: str, host_key: str, key: str, line: str, count: int) -> dict[str, Any]:
    """Seconds from typing a line in a session at a terminal to its next prompt, so many times."""
    known = ([asyncssh.import_public_key(host_key)], [], [])
    connection = await asyncssh.connect(
        "127.0.0.1", port, username=user, client_keys=[key], known_hosts=known,
        config=[], agent_path=None, encryption_algs=["aes128-gcm@openssh.com"], compression_algs=None,
    )  # fmt: skip
    times: list[float] = []
    async with connection, connection.create_process(term_type="xterm", term_size=(200, 50), encoding=None) as terminal:

        async def prompt(after: bytes) -> None:
            seen = b""
            while not ((at := seen.find(after)) >= 0 and seen.find(PROMPT, at + len(after)) >= 0):
                data = await asyncio.wait_for(terminal.stdout.read(65536), _PATIENCE)
                if not data:
                    raise ConnectionError(f"the session ended: {seen[-300:]!r}")
                seen += data

        await prompt(b"")
        for _ in range(count):
            start = time.perf_counter()
            terminal.stdin.write(line.encode() + b"\r")
            await prompt(b"\n")
            times.append(time.perf_counter() - start)
    return {"times": times}


_DO: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
    "prepare": _prepare,
    "informs": _informs,
    "sessions": _sessions,
    "periodic": _periodic,
    "every_device": _every_device,
    "type": _type,
}


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        try:
            answer = await _DO[request.pop("do")](**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(_serve())

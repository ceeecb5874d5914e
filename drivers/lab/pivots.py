"""Programs of the simulated router that open connections. Towards the home computer they are real TCP connections.

Counterpart: `drivers.lab.home` counts what arrives. They exist so that a test or the demo can show that the gateway
sends none of them; on the router alone, every one works.
"""

import asyncio
import contextlib
from urllib.parse import urlsplit

from drivers.lab.ash import Call, Program
from drivers.lab.home import Contact
from drivers.lab.network_tools import address_of

_PATIENCE = 5.0
"""Seconds without an answer after which a program gives up."""


async def _connect(call: Call, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    address = address_of(call.system, host)
    home = call.system.home
    local = home.port(port) if address is not None and home.answers(address) else None
    if local is None:
        return None
    return await asyncio.open_connection("127.0.0.1", local)


async def _talk(call: Call, host: str, port: int) -> int:
    """Carry the console (or standard input) to the other side and back, until either ends."""
    opened = await _connect(call, host, port)
    if opened is None:
        return call.fail(f"can't connect to remote host ({host}): Connection refused")
    reader, writer = opened
    sending = asyncio.ensure_future(_send_input(call, writer))
    try:
        while data := await _next(reader):
            call.out(data.decode("utf-8", "replace").replace("\r\n", "\n"))
            if sending.done() and call.streams.stdin is not None:
                break
    finally:
        sending.cancel()
        writer.close()
    return 0


async def _next(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(TimeoutError, ConnectionError):
        return await asyncio.wait_for(reader.read(4096), _PATIENCE)
    return b""


async def _send_input(call: Call, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        if call.streams.stdin is not None:
            writer.write(call.streams.stdin.encode())
            return
        while (line := await call.shell.console.read_line()) is not None:
            writer.write(line)
        writer.write_eof()


async def _ssh(call: Call) -> int:
    host, port, command = _ssh_arguments(call.arguments)
    if host is None:
        call.streams.err("Dropbear SSH client\nUsage: ssh [options] [user@]host[/port] [command]\n")
        return 1
    opened = await _connect(call, host, port)
    if opened is None:
        call.streams.err(f"\nssh: Connection to root@{host}:{port} exited: Connect failed: Connection refused\n")
        return 1
    reader, writer = opened
    try:
        banner = await _next(reader)
        writer.write(b"SSH-2.0-dropbear\r\n" + command.encode())
        await writer.drain()
        call.out(f"\nHost '{host}' is not in the trusted hosts file.\n({banner.decode().strip()})\n")
        call.out("Do you want to continue connecting? (y/n) ")
        if call.streams.stdin is None and call.shell.console.tty:
            line = await call.shell.console.read_line()
            writer.write(line or b"")
            await writer.drain()
    finally:
        writer.close()
    return 1


def _ssh_arguments(words: list[str]) -> tuple[str | None, int, str]:
    host: str | None = None
    port = 22
    command: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if host is not None:
            command.append(word)
        elif word == "-p" and queue:
            port = int(queue.pop(0)) if queue[0].isdigit() else port
        elif word in {"-i", "-l", "-L", "-R", "-o", "-J"} and queue:
            queue.pop(0)
        elif not word.startswith("-"):
            host = word.rpartition("@")[2].partition("/")[0].partition(":")[0]
    return host, port, " ".join(command)


async def _scp(call: Call) -> int:
    remote = [word for word in call.arguments if ":" in word]
    return await _ssh(Call(["ssh", *remote], call.streams, call.shell))


async def _telnet(call: Call) -> int:
    words = [word for word in call.arguments if not word.startswith("-")]
    if not words:
        return call.fail("usage: telnet HOST [PORT]")
    return await _talk(call, words[0], int(words[1]) if len(words) > 1 and words[1].isdigit() else 23)


async def _nc(call: Call) -> int:
    words = [word for word in call.arguments if not word.startswith("-")]
    if len(words) < 2 or not words[-1].isdigit():
        call.streams.err("Usage: nc [IPADDR PORT]\n")
        return 1
    if any(word.startswith("-") and "z" in word for word in call.arguments):
        opened = await _connect(call, words[-2], int(words[-1]))
        if opened is not None:
            opened[1].close()
        return int(opened is None)
    return await _talk(call, words[-2], int(words[-1]))


async def _fetch(call: Call) -> int:
    urls = [word for word in call.arguments if "." in word and not word.startswith("-")]
    if not urls:
        return call.fail("missing URL")
    url = urlsplit(urls[-1] if "://" in urls[-1] else f"http://{urls[-1]}")
    opened = await _connect(call, url.hostname or "", url.port or 80)
    if opened is None:
        return call.fail(f"can't connect to remote host ({url.hostname}): Connection refused")
    reader, writer = opened
    try:
        writer.write(f"GET {url.path or '/'} HTTP/1.0\r\nHost: {url.hostname}\r\n\r\n".encode())
        await writer.drain()
        answer = b""
        while data := await _next(reader):
            answer += data
    finally:
        writer.close()
    call.out(answer.partition(b"\r\n\r\n")[2].decode("utf-8", "replace"))
    return 0


async def _link(call: Call) -> int:
    """`etherwake`, `arping`: frames, not connections."""
    call.system.home.contacts.append(Contact("link", None, 102))
    return 0


PIVOTS: dict[str, Program] = {
    "ssh": _ssh, "dbclient": _ssh, "scp": _scp, "telnet": _telnet, "nc": _nc, "netcat": _nc, "socat": _nc,
    "wget": _fetch, "uclient-fetch": _fetch, "curl": _fetch, "tftp": _fetch, "ftpget": _fetch, "ftpput": _fetch,
    "etherwake": _link, "ether-wake": _link, "arping": _link,
}  # fmt: skip
"""By name as typed."""

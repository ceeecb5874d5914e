"""A computer in the subscriber's home, behind a simulated router: real TCP listeners on loopback that keep count.

Counterpart: `drivers.lab.openwrt` routes its programs' connections here. A test or the demo reads `contacts` to prove
that nothing reached the home.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

SERVICES = {
    22: b"SSH-2.0-OpenSSH_9.6\r\n",
    23: b"\r\nlaptop login: ",
    80: b"",
    445: b"",
}
"""Ports that answer, with what they say first."""

_PRIVATE = b"private files of the home\n"
_PAGE = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(_PRIVATE), _PRIVATE)


@dataclass(slots=True)
class Contact:
    """Something that reached the home computer."""

    kind: str
    """tcp, icmp, udp or link (a frame such as wake-on-lan)."""
    port: int | None = None
    received: int = 0
    """Bytes that arrived in it."""


@dataclass(kw_only=True)
class HomeComputer:
    """Listens on loopback while its context is open. Addresses are those of the simulated home network."""

    address: str = "192.168.1.10"
    name: str = "laptop"
    contacts: list[Contact] = field(default_factory=list)
    _servers: dict[int, asyncio.Server] = field(default_factory=dict, repr=False)
    _open: dict[asyncio.Task[Any], asyncio.StreamWriter] = field(default_factory=dict, repr=False)

    @property
    def connections(self) -> int:
        """TCP connections accepted so far."""
        return sum(contact.kind == "tcp" for contact in self.contacts)

    @property
    def bytes_received(self) -> int:
        """Bytes that arrived, over all contacts."""
        return sum(contact.received for contact in self.contacts)

    def answers(self, host: str) -> bool:
        """Whether the home network would bring `host` here."""
        return host in {self.address, self.name, f"{self.name}.lan"}

    def port(self, service: int) -> int | None:
        """The loopback port behind a service's port; none if nothing listens."""
        server = self._servers.get(service)
        return None if server is None else int(server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        if not self._servers:
            for service in SERVICES:
                self._servers[service] = await asyncio.start_server(self._accepting(service), "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open, return_exceptions=True)
        for server in self._servers.values():
            await server.wait_closed()
        self._servers.clear()

    def _accepting(self, service: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            contact = Contact("tcp", service)
            self.contacts.append(contact)
            task = asyncio.current_task()
            assert task is not None
            self._open[task] = writer
            try:
                writer.write(SERVICES[service])
                while data := await reader.read(4096):
                    contact.received += len(data)
                    if service == 80 and b"\r\n\r\n" in data:
                        writer.write(_PAGE)
                        break
            except ConnectionError:
                pass
            finally:
                del self._open[task]
                writer.close()

        return accept

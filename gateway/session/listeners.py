"""HTTP listeners inside our own event loop: uvicorn without its signal handlers, and with Unix peer credentials."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from config.errors import ConfigError

PEER: Final = "unix-peer"
"""`scope["client"]` is `(PEER, uid)` for a client of the Unix socket; no network client can look like that."""


class PeerProtocol(H11Protocol):
    """HTTP over a Unix socket; who is at the other end is asked of the kernel (SO_PEERCRED)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows what asyncio passes
        peer = transport.get_extra_info("socket")
        _pid, uid, _gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        self.client = (PEER, uid)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are the business of `gateway.assembly`."""
        yield


class HttpListener:
    """One ASGI app on one socket."""

    def __init__(self, app: Any, listening: socket.socket, *, peer: bool = False) -> None:
        options: dict[str, Any] = {"http": PeerProtocol} if peer else {"http": "h11"}
        self._socket = listening
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=2,
                **options,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """TCP port; 0 for a Unix socket."""
        name = self._socket.getsockname()
        return int(name[1]) if isinstance(name, tuple) else 0

    async def start(self) -> None:
        """Serve in the background; returns when connections are accepted."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise ConfigError("An HTTP listener stopped before it started.")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop accepting, finish what runs within two seconds."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._socket.close()


def bind_tcp(host: str, port: int, key: str) -> socket.socket:
    """A listening TCP socket. Raises `ConfigError` naming the setting `key`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"Cannot listen on {host} port {port} ({error.strerror}); change {key} in the settings."
        ) from error
    listening.listen(512)
    listening.setblocking(False)
    return listening


def bind_unix(path: Path) -> socket.socket:
    """A listening Unix socket, mode 0600 until somebody widens it. Replaces a socket nobody listens on.

    Raises `ConfigError`.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old_mask = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        raise ConfigError(f"Cannot listen on {path} ({error.strerror}); change api.socket in the settings.") from error
    finally:
        os.umask(old_mask)
    listening.listen(64)
    listening.setblocking(False)
    return listening

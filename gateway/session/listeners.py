"""HTTP listeners inside our own event loop: uvicorn without its signal handlers, and with Unix peer credentials."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from config.errors import ConfigError

PEER: Final = "unix-peer"
"""`scope["client"]` is `(PEER, uid)` for a client of the Unix socket; no network client can look like that."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What strangers may hold of one listener. Without it a few of them could take all descriptors of the process."""

    connections: int = 1000
    """At one time; more are turned away."""
    request_seconds: float = 20.0
    """A connection is cut between once and twice this time into a request that does not arrive."""
    idle_seconds: int = 75
    """A connection is kept so long between two requests. Longer than clients and proxies keep theirs (mostly 5 to 60):
    who closes first must be the client, or a request of his meets a connection that has just gone."""


class BoundedProtocol(H11Protocol):
    """HTTP over TCP. uvicorn itself waits for ever for the rest of a request."""

    def __init__(self, *given: Any, bounds: Bounds, **more: Any) -> None:
        super().__init__(*given, **more)
        self._bounds = bounds
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows what asyncio passes
        if len(self.connections) > self._bounds.connections:
            self.transport.abort()
        else:
            self._look_later(arriving=True)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def _look_later(self, *, arriving: bool) -> None:
        self._watch = self.loop.call_later(self._bounds.request_seconds, self._look, self.cycle, arriving)

    def _look(self, request: object, was_arriving: bool) -> None:
        """Cut the connection if the same request has been on its way all the time since the look before."""
        arriving = self._is_arriving()
        if arriving and was_arriving and self.cycle is request:
            self.transport.abort()
        else:
            self._look_later(arriving=arriving)

    def _is_arriving(self) -> bool:
        """A request is begun and not all here; the first one begins with the connection."""
        match self.conn.their_state.__name__:  # as h11 names a client's states
            case "IDLE":
                cycle: object = self.cycle  # none before the first request, whatever uvicorn's annotation says
                return cycle is None or bool(self.conn.trailing_data[0])
            case state:
                return state == "SEND_BODY"


class PeerProtocol(BoundedProtocol):
    """HTTP over a Unix socket; who is at the other end is asked of the kernel (SO_PEERCRED)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
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

    def __init__(self, app: Any, listening: socket.socket, *, peer: bool = False, bounds: Bounds = Bounds()) -> None:
        options: dict[str, Any] = {"http": partial(PeerProtocol if peer else BoundedProtocol, bounds=bounds)}
        self._socket = listening
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=2,
                timeout_keep_alive=bounds.idle_seconds,
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
    if _answers(path):
        raise ConfigError(f"Another process listens on {path}; stop it, or change api.socket in the settings.")
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


def _answers(path: Path) -> bool:
    """Whether somebody listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(1)
        try:
            caller.connect(str(path))
        except OSError:
            return False
    return True

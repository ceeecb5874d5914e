"""The ports that CPEs call: one with TLS, one without (a weaker identity), both for one `Reception`.

Counterparts: `gateway.assembly` starts and stops it; `gateway.cwmp.connections` are what it accepts.
"""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from typing import Final

import structlog

from audit.errors import AuditError
from gateway.cwmp.connections import Connection
from gateway.cwmp.reception import Reception

log = structlog.get_logger(__name__)

SWEEP_SECONDS: Final = 1.0
GIVE_UP_EVERY: Final = 60
"""Sweeps between looks at transfers that nothing was heard of."""


@dataclass(frozen=True, slots=True)
class Door:
    """A bound, listening socket; with `tls`, whoever connects speaks TLS."""

    listening: socket.socket
    tls: ssl.SSLContext | None


class CpeListener:
    """Serves between `start` and `stop`."""

    def __init__(self, reception: Reception, doors: tuple[Door, ...]) -> None:
        self.reception = reception
        self._doors = doors
        self._servers: list[asyncio.Server] = []
        self._sweeping: asyncio.Task[None] | None = None

    def port(self, *, tls: bool) -> int | None:
        """TCP port of the door with TLS, or of that without; None: there is none."""
        for door in self._doors:
            if (door.tls is not None) is tls:
                return int(door.listening.getsockname()[1])
        return None

    async def start(self) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        for door in self._doors:
            tls = door.tls is not None
            self._servers.append(
                await loop.create_server(
                    lambda tls=tls: Connection(self.reception, tls=tls),
                    sock=door.listening,
                    ssl=door.tls,
                    ssl_handshake_timeout=self.reception.limits.handshake_seconds if tls else None,
                    ssl_shutdown_timeout=1.0 if tls else None,
                    backlog=1024,
                )
            )
        self._sweeping = loop.create_task(self._sweep())

    async def stop(self) -> None:
        """Accept nothing more, cut everybody: a CPE calls again by itself."""
        for server in self._servers:
            server.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        await self.reception.stop()

    async def _sweep(self) -> None:
        """The one timer of all connections and sessions. How late it fires shows how busy the process is."""
        loop = asyncio.get_running_loop()
        count = 0
        while True:
            due = loop.time() + SWEEP_SECONDS
            await asyncio.sleep(SWEEP_SECONDS)
            self.reception.late = loop.time() - due
            count += 1
            try:
                self.reception.sweep()
                if count % GIVE_UP_EVERY == 0:
                    await self.reception.sessions.happenings.give_up()
            except AuditError as error:
                log.warning("cpe_not_recorded", error_type=type(error).__name__)
            except Exception as error:
                log.exception("cpe_sweep_failed", error_type=type(error).__name__)

"""The signer's side of the socket: who may ask, one request after the other, bounded in size, number and time.

Counterparts: `audit.signing.remote` asks; `gateway.cli.signer` starts the process. The peer's user id comes from the
kernel (SO_PEERCRED), so nobody can pretend to be the gateway; strangers are hung up on before a byte is read.
"""

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Set as AbstractSet
from pathlib import Path

import structlog

from audit.errors import BadEntry, LogDamaged
from audit.signing.protocol import (
    HEADER,
    Answer,
    AskSignature,
    AskState,
    Request,
    TellFailed,
    TellRefused,
    TellSigned,
    TellState,
    encode_answer,
    frame,
    frame_length,
    parse_request,
)
from audit.signing.signer import CheckpointSigner

REQUEST_SECONDS = 5.0
"""A connection is cut after this; a request is a few kilobytes from the same machine."""
MAX_CONNECTIONS = 16

log = structlog.get_logger("signer")


class SignerServer:
    """Answers on one listening Unix socket. The signer is used by one request at a time."""

    def __init__(self, signer: CheckpointSigner, allowed: AbstractSet[int]) -> None:
        """`allowed`: user ids that may ask."""
        self._signer = signer
        self._allowed = allowed
        self._one = threading.Lock()
        self._open = 0
        self._server: asyncio.Server | None = None
        self.failed = asyncio.Event()
        """Set when the state could not be kept: the process must end, and the next one reads what is there."""

    async def start(self, listening: socket.socket) -> None:
        """Serve in the background."""
        self._server = await asyncio.start_unix_server(self._serve, sock=listening)

    async def stop(self) -> None:
        """Stop accepting, and finish the signature in work, if there is one."""
        if self._server is not None:
            self._server.close()
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        with self._one:
            self._signer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = _peer(writer)
        self._open += 1
        try:
            if uid not in self._allowed:
                log.warning("peer_refused", step=f"user {uid} may not ask; see --allow")
            elif self._open > MAX_CONNECTIONS:
                log.warning("too_many_connections", count=self._open)
            else:
                async with asyncio.timeout(REQUEST_SECONDS):
                    body = await reader.readexactly(frame_length(await reader.readexactly(HEADER)))
                writer.write(frame(encode_answer(await self._answer(body))))
                async with asyncio.timeout(REQUEST_SECONDS):
                    await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError, BadEntry) as error:
            log.warning("request_not_read", error=type(error).__name__)
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, body: bytes) -> Answer:
        try:
            request = parse_request(body)
        except BadEntry as error:
            return TellFailed(str(error))
        try:
            return await asyncio.to_thread(self._alone, request)
        except OSError as error:
            log.critical("state_not_kept", error=type(error).__name__)
            self.failed.set()
            return TellFailed("The signer could not keep its state, so it did not sign. Look at its disk.")

    def _alone(self, request: Request) -> Answer:
        with self._one:
            return answer(self._signer, request)


def answer(signer: CheckpointSigner, request: Request) -> Answer:
    """What the signer says to a request. Raises OSError if the state could not be kept."""
    match request:
        case AskState():
            return TellState(signer.verifiers, signer.state)
        case AskSignature(origin, root, added):
            if origin != signer.verifier.name:
                return TellRefused(f"This signer signs the log {signer.verifier.name} and no other.")
            try:
                return TellSigned(signer.sign(added.end, root, added).decode())
            except LogDamaged as error:
                log.critical("refused_to_sign", size=added.end, step=f"signed before: {signer.state.size}")
                return TellRefused(str(error))


def _peer(writer: asyncio.StreamWriter) -> int:
    peer = writer.get_extra_info("socket")
    _pid, uid, _gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)


def listen_at(path: Path, *, group: int | None = None) -> socket.socket:
    """A listening Unix socket that only its owner can reach (0600), or its owner and `group` (0660).

    It replaces a socket that was left there: the lock on the state says that no other signer lives. Raises OSError.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()
        listening.bind(str(path))
        if group is not None:
            os.chown(path, -1, group)
            path.chmod(0o660)
        listening.listen(MAX_CONNECTIONS)
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(mask)
    return listening


def handed_over() -> socket.socket | None:
    """The listening socket that systemd made for this process (sd_listen_fds(3)), if it did."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    return socket.socket(fileno=3)

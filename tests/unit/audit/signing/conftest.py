"""A signer's server on a Unix socket, with an event loop in a thread of its own."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit.signing.server import SignerServer, listen_at
from audit.signing.signer import CheckpointSigner


@contextmanager
def serving(signer: CheckpointSigner, path: Path, allowed: frozenset[int] | None = None) -> Iterator[SignerServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    async def begin() -> SignerServer:
        server = SignerServer(signer, frozenset({os.getuid()}) if allowed is None else allowed)
        await server.start(listen_at(path))
        return server

    server = run(begin())
    try:
        yield server
    finally:
        run(server.stop())
        run(loop.shutdown_default_executor())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(name="serving")
def _serving():
    return serving

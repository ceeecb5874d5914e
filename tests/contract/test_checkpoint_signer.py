"""What every signer of checkpoints promises, in the gateway's process and behind a Unix socket."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.errors import LogDamaged
from audit.signing.key_files import open_file_signer
from audit.signing.remote import RemoteSigner
from audit.signing.server import SignerServer, listen_at
from audit.signing.signer import CheckpointSigner
from audit.signing.span import Span
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import leaf_hash, root
from audit.tlog.note import parse_note

Opener = Callable[[Path], "CheckpointSigner"]


def leaves(count: int, name: str = "leaf") -> list[bytes]:
    return [leaf_hash(f"{name} {number}".encode()) for number in range(count)]


def span(log: list[bytes], start: int, end: int) -> Span:
    made = Span(start)
    made.extend(log[start:end])
    return made


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(params=["in process", "behind a socket"])
def opened(request, loop, tmp_path_factory):
    """Opens the signer of a fresh directory, or again that of a used one."""

    @contextmanager
    def open_at(directory: Path) -> Iterator[CheckpointSigner]:
        signer = open_file_signer(directory, "logs.isp/1", create=True)
        if request.param == "in process":
            yield signer
            signer.close()
            return

        async def begin() -> SignerServer:
            server = SignerServer(signer, frozenset({os.getuid()}))
            await server.start(listen_at(directory / "sock"))
            return server

        server = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
        try:
            yield RemoteSigner(directory / "sock")
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)

    open_at.fresh = lambda: tmp_path_factory.mktemp("s")
    return open_at


SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(cuts=st.lists(st.integers(1, 40), min_size=1, max_size=5), restart=st.booleans())
def test_honest_growth_is_signed(opened, cuts, restart):
    places = sorted({0, *cuts})
    log, directory = leaves(places[-1]), opened.fresh()
    with ExitStack() as stack:
        signer = stack.enter_context(opened(directory))
        for low, high in pairwise(places):
            note = signer.sign(high, root(log[:high]), span(log, low, high))
            assert open_checkpoint(note, signer.verifier) == Checkpoint("logs.isp/1", high, root(log[:high]))
            assert parse_note(note).verified_by(signer.verifiers) == list(signer.verifiers)
            assert (signer.state.size, signer.state.root) == (high, root(log[:high]))
            if restart:
                stack.close()
                signer = stack.enter_context(opened(directory))
                assert (signer.state.size, signer.state.root) == (high, root(log[:high]))


@SLOW
@given(
    signed=st.integers(1, 20),
    fork=st.integers(0, 19),
    size=st.integers(0, 30),
    claimed=st.integers(0, 30),
    start=st.sampled_from(["signed", "claimed", "zero"]),
)
def test_forks_and_rollbacks_are_never_signed(opened, signed, fork, size, claimed, start):
    """A log that differs from the signed one at `fork`, shown in any way: from its beginning, from where the signer is,
    from where it would have been."""
    true = leaves(signed)
    fork = min(fork, signed - 1)
    other = true[:fork] + leaves(30, "other")
    low = {"signed": min(signed, size), "claimed": min(claimed, size), "zero": 0}[start]
    with opened(opened.fresh()) as signer:
        signer.sign(signed, root(true), span(true, 0, signed))
        with pytest.raises(LogDamaged):
            signer.sign(size, root(other[:size]) if size > fork else root(true[:size]), span(other, low, size))
        assert (signer.state.size, signer.state.root) == (signed, root(true))
        longer = [*true, *leaves(1, "next")]
        assert signer.sign(signed + 1, root(longer), span(longer, signed, signed + 1))


def test_the_same_is_signed_again_but_not_under_another_size(opened):
    log = leaves(9)
    with opened(opened.fresh()) as signer:
        signer.sign(7, root(log[:7]), span(log, 0, 7))
        for again in (Span(7), span(log, 0, 7), span(log, 3, 7)):
            assert open_checkpoint(signer.sign(7, root(log[:7]), again), signer.verifier).size == 7
        for size in (6, 8):
            with pytest.raises(LogDamaged, match="not an extension"):
                signer.sign(size, root(log[:7]), span(log, min(7, size), size))

"""A witness over a real listener: what C2SP clients send, what people may read, and what is too much."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import root
from audit.tlog.note import SigningKey, parse_note, sign_note
from audit.witness.protocol import MAX_BODY, SIZE_TYPE, encode_add_checkpoint, parse_signatures
from audit.witness.store import WitnessStore
from audit.witness.witness import Witness
from config.clock import FakeClock
from gateway.session.listeners import HttpListener, bind_tcp
from gateway.witness_site import log_id, witness_app

LOG = SigningKey("logs.isp/1", bytes(32))
KEY = CosigningKey("witness.example/1", bytes(32))
LEAVES = [bytes([number]) * 32 for number in range(9)]


def note(size: int) -> bytes:
    return sign_note(Checkpoint("logs.isp/1", size, root(LEAVES[:size])).text(), LOG).encode()


@pytest.fixture
def store(tmp_path: Path):
    made = WitnessStore(tmp_path / "witness.db")
    made.add_log([LOG.verifier])
    yield made
    made.close()


@pytest.fixture
async def client(store: WitnessStore) -> AsyncIterator[httpx.AsyncClient]:
    app = witness_app(Witness([KEY], store, FakeClock()))
    listener = HttpListener(app, bind_tcp("127.0.0.1", 0, "--port"))
    await listener.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}") as made:
        yield made
    await listener.stop()


async def test_it_cosigns_and_shows_what_it_cosigned(client):
    answer = await client.post("/add-checkpoint", content=encode_add_checkpoint(0, [], note(5)))
    assert answer.status_code == 200
    text = parse_note(note(5)).text
    (mark,) = parse_signatures(answer.content, text)
    assert KEY.verifier.verify(text.encode(), mark.value)
    shown = await client.get(f"/log/{log_id('logs.isp/1')}/checkpoint")
    assert shown.headers["cache-control"] == "no-store"
    assert parse_note(shown.content).verified_by([LOG.verifier, KEY.verifier]) == [LOG.verifier, KEY.verifier]
    assert (await client.get("/logs")).text == f"5 {log_id('logs.isp/1')} logs.isp/1\n"
    assert (await client.get("/key")).text == f"{KEY.verifier}\n"
    assert "tlog-witness" in (await client.get("/")).text


async def test_a_conflict_tells_the_size(client):
    await client.post("/add-checkpoint", content=encode_add_checkpoint(0, [], note(5)))
    answer = await client.post("/add-checkpoint", content=encode_add_checkpoint(0, [], note(9)))
    assert (answer.status_code, answer.content) == (409, b"5\n")
    assert answer.headers["content-type"] == SIZE_TYPE


async def test_what_is_not_understood(client):
    assert (await client.post("/add-checkpoint", content=b"")).status_code == 400
    assert (await client.post("/add-checkpoint", content=b"x" * (MAX_BODY + 1))).status_code == 413
    assert (await client.get("/add-checkpoint")).status_code == 405
    assert (await client.get("/log/abc/checkpoint")).status_code == 404
    assert (await client.get(f"/log/{log_id('logs.isp/1')}/checkpoint")).status_code == 404


async def test_a_memory_that_cannot_be_written(client, store):
    store._connection.execute("PRAGMA query_only = 1")
    answer = await client.post("/add-checkpoint", content=encode_add_checkpoint(0, [], note(5)))
    assert answer.status_code == 503
    assert "—" not in answer.text  # no signature

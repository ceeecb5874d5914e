"""The client believes no witness: statuses, sizes, signatures and lengths are all checked."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from audit.errors import BadEntry, WitnessAhead, WitnessAway, WitnessContradicts
from audit.tlog.cosignature import CosigningKey, cosigned_at
from audit.witness.client import MAX_ANSWER, WitnessClient
from audit.witness.protocol import SIZE_TYPE, parse_add_checkpoint
from gateway.witness_site import witness_app

KEY = CosigningKey("witness.example/w", bytes(32)).verifier


def said(status, content, kind):
    """An answer that is still on its way."""
    return httpx.Response(status, stream=httpx.ByteStream(content), headers={"content-type": kind})


@pytest.fixture
def ask(grown):
    """Ask whatever answers for the checkpoint of a size; the client is kept between calls."""
    clients = {}

    async def ask(answering, size, log=grown):
        transport = httpx.MockTransport(answering) if callable(answering) and not hasattr(answering, "routes") else None
        async with httpx.AsyncClient(transport=transport or httpx.ASGITransport(answering)) as http:
            client = clients.setdefault(
                id(answering), WitnessClient("w", KEY, "http://w.example/x/", http, seconds=0.3)
            )
            client._http = http
            return await client.cosign(log.note(size), log.at(size), lambda old: log.proof(old, size))

    return ask


async def test_a_witness_that_is_one(place, ask, grown):
    mounted = Starlette(routes=[Mount("/x", witness_app(place.witness))])
    for size in (4, 9, 9, 200):
        (mark,) = await ask(mounted, size)
        assert cosigned_at(mark) == int(place.clock.now().timestamp())
    assert place.store.latest("logs.isp/1").size == 200


async def test_it_goes_on_from_where_the_witness_is(place, ask, grown):
    """Somebody else had it cosign meanwhile: one more request, with the proof from there."""
    place.ask(grown.request(0, 5))
    olds = []

    def answering(request):
        olds.append(parse_add_checkpoint(request.content).old)
        answer = place.ask(request.content)
        return said(answer.status, answer.body, answer.content_type)

    assert await ask(answering, 9)
    place.ask(grown.request(9, 12))
    assert await ask(answering, 20)
    assert olds == [0, 5, 9, 12]


async def test_forks_and_going_back(place, ask, grown, forked):
    place.ask(grown.request(0, 7))

    def answering(request):
        answer = place.ask(request.content)
        return said(answer.status, answer.body, answer.content_type)

    with pytest.raises(WitnessContradicts, match="another tree of 7"):
        await ask(answering, 7, forked)
    with pytest.raises(WitnessContradicts, match="does not go on from the 7"):
        await ask(answering, 9, forked)
    with pytest.raises(WitnessAhead):
        await ask(answering, 6)


def answers(status, content=b"", kind="text/plain"):
    return lambda _request: said(status, content, kind)


@pytest.mark.parametrize(
    ("answering", "sentence"),
    [
        (answers(404), "add the log's key"),
        (answers(403), "signature"),
        (answers(422), "status 422"),  # it was told nothing to go on from
        (answers(500), "status 500"),
        (answers(302), "status 302"),
        (answers(409), "status 409"),
        (answers(409, b"x\n", SIZE_TYPE), "did not say"),
        (answers(409, b"3\n", SIZE_TYPE), "changes its mind"),
        (answers(200), "no signature"),
        (answers(200, b"\xff"), "no signature"),
        (answers(200, b"x" * (MAX_ANSWER + 1)), "more than"),
    ],
)
async def test_other_answers(ask, answering, sentence):
    with pytest.raises(WitnessAway, match=sentence):
        await ask(answering, 9)


async def test_signatures_of_others_do_not_count(ask, grown):
    for key in (CosigningKey("witness.example/w", bytes([1]) * 32), CosigningKey("other.example/w", bytes(32))):
        line = key.cosign(grown.at(9).text(), 1).line().encode()
        with pytest.raises(WitnessAway, match="the key that the policy names"):
            await ask(answers(200, line), 9)
    forged = CosigningKey("witness.example/w", bytes(32)).cosign(grown.at(8).text(), 1).line().encode()
    with pytest.raises(WitnessAway, match="the key that the policy names"):
        await ask(answers(200, forged), 9)


async def test_one_that_does_not_answer(ask):
    async def never(_request):
        await asyncio.sleep(60)

    def refusing(_request):
        raise httpx.ConnectError("refused")

    for answering in (never, refusing):
        with pytest.raises(WitnessAway, match="cannot be reached"):
            await ask(answering, 9)


async def test_one_that_answers_for_ever(ask):
    async def drip():
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    with pytest.raises(WitnessAway, match="cannot be reached"):
        await ask(lambda _request: httpx.Response(200, content=drip()), 9)


async def test_a_note_with_too_many_signatures_is_not_sent(grown):
    async with httpx.AsyncClient(transport=httpx.MockTransport(answers(200))) as http:
        client = WitnessClient("w", KEY, "http://w.example", http)
        with pytest.raises(BadEntry):
            await client.cosign(grown.note(9), grown.at(9), lambda _old: [bytes(32)] * 64)

"""Around every request: bounds, headers, and an answer even if the app breaks."""

import httpx
import pytest

from gateway.api.envelope import MOST_BYTES, Envelope


async def test_a_body_that_is_too_large_is_refused_before_anybody_looks_at_it(gateway):
    for content in (b"x" * (MOST_BYTES + 1), _pieces(MOST_BYTES // 1000 + 1)):
        async with gateway.client("crm") as client:
            answer = await client.post("/v1/consents", content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_body_that_just_fits_is_taken(gateway):
    body = b'{"platform":"ios","mode":"exec","line":"show version"}'
    async with gateway.client("crm") as client:
        answer = await client.post(
            "/v1/policy/explain",
            content=body + b" " * (MOST_BYTES - len(body)),
            headers={"Content-Type": "application/json"},
        )
    assert answer.status_code == 200, answer.text


async def _pieces(count):
    for _ in range(count):
        yield b"x" * 1000


async def test_an_app_that_breaks_still_answers_and_says_nothing():
    async def broken(scope, receive, send):
        raise ZeroDivisionError("secret")

    transport = httpx.ASGITransport(app=Envelope(broken))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_breaks_in_the_middle_of_an_answer_is_not_patched_up():
    async def broken(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    transport = httpx.ASGITransport(app=Envelope(broken))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        with pytest.raises(ZeroDivisionError):
            await client.get("/")


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error():
    seen = []

    async def app(scope, receive, send):
        seen.append(await receive())
        seen.append(await receive())

    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    await Envelope(app)({"type": "http", "headers": []}, receive, _nowhere)
    assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]


async def _nowhere(message):
    raise AssertionError("nothing is sent")


async def test_other_kinds_of_scope_pass():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    await Envelope(app)({"type": "lifespan"}, _nowhere, _nowhere)
    assert seen == ["lifespan"]

"""The gate: who is it, not too often, and on record."""

import httpx
import pytest

from audit.entry import Kind


async def test_health_needs_nobody_and_is_not_on_record(gateway):
    answer = await gateway.call(None, "GET", "/v1/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert await gateway.facts(Kind.API_CALL) == []


async def test_a_token_says_who_a_machine_is(gateway):
    me = (await gateway.call("crm", "GET", "/v1/me")).json()
    assert (me["name"], me["role"], me["factors"]) == ("crm", "automation", ["token"])


async def test_the_kernel_says_who_a_person_on_the_socket_is(gateway):
    me = (await gateway.call("ada", "GET", "/v1/me")).json()
    assert (me["name"], me["role"], me["factors"]) == ("ada", "rep", ["peer"])


async def test_a_token_also_works_over_the_socket_and_a_wrong_one_is_not_forgiven_there(gateway):
    async with gateway.client("ada") as client:
        right = await client.get("/v1/me", headers={"Authorization": f"bearer {gateway.tokens['crm']}"})
        wrong = await client.get("/v1/me", headers={"Authorization": "Bearer nonsense"})
    assert right.json()["name"] == "crm"
    assert wrong.status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic Y3JtOnB3",
        "Bearer x",
        "Bearer 01J00000000000000000000000.x",
        "Bearer " + "x" * 999,
    ],
)
async def test_nobody_is_recognised_without_a_token(gateway, header):
    headers = {} if header is None else {"Authorization": header}
    async with gateway.client(None) as client:
        answer = await client.get("/v1/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_authenticated"
    assert await gateway.facts(Kind.AUTH_FAIL) == [{"front": "rest"}]
    assert await gateway.facts(Kind.API_CALL) == []


async def test_a_user_id_without_a_person_is_nobody(gateway):
    transport = httpx.ASGITransport(app=gateway.app, client=("unix-peer", 4242))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert (await client.get("/v1/me")).status_code == 401


async def test_headers_of_a_proxy_change_nothing(gateway):
    async with gateway.client(None) as client:
        answer = await client.get("/v1/me", headers={"X-Forwarded-For": "unix-peer", "Forwarded": "for=unix-peer"})
    assert answer.status_code == 401


async def test_who_is_disabled_is_nobody_from_then_on(gateway):
    assert (await gateway.call("crm", "GET", "/v1/me")).status_code == 200
    await gateway.registry.set_disabled("crm", True)
    assert (await gateway.call("crm", "GET", "/v1/me")).status_code == 401


async def test_a_body_is_not_looked_at_before_somebody_is_recognised(gateway):
    answer = await gateway.call(None, "POST", "/v1/consents", {"nonsense": True})
    assert answer.status_code == 401


async def test_every_call_is_on_record_by_its_template_with_its_status(gateway):
    await gateway.call("crm", "GET", "/v1/consents/01J00000000000000000000000")
    await gateway.call("crm", "GET", "/v1/consents/nonsense")
    await gateway.call("crm", "POST", "/v1/policy/explain", {"platform": "ios"})
    await gateway.call("oli", "DELETE", "/v1/people/bob")
    assert await gateway.facts(Kind.API_CALL) == [
        {"route": "/v1/consents/{consent_id}", "method": "GET", "status": 403},
        {"route": "/v1/consents/{consent_id}", "method": "GET", "status": 422},
        {"route": "/v1/policy/explain", "method": "POST", "status": 422},
        {"route": "/v1/people/{name}", "method": "DELETE", "status": 204},
    ]
    reader = gateway.journal.reader()
    entry = next(entry for entry in reader.entries() if entry.kind is Kind.API_CALL)
    who = reader.sealed(entry.index, "who")
    assert (who["name"], who["source"], who["factors"]) == ("crm", "192.0.2.9", ["token"])


async def test_no_such_path_and_no_such_method_are_problems_too(gateway):
    missing = await gateway.call("crm", "GET", "/v2/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_such_path")
    wrong = await gateway.call("crm", "PUT", "/v1/me")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (405, "method", "GET")
    assert (await gateway.call("crm", "GET", "/v1/me/")).status_code == 404


async def test_a_call_that_cannot_be_recorded_fails(gateway):
    gateway.entries.fail = OSError("disk")
    change = await gateway.call("crm", "POST", "/v1/policy/explain", {"platform": "ios", "mode": "exec", "line": "x"})
    assert (change.status_code, change.json()["code"]) == (503, "record_failed")
    read = await gateway.call("crm", "GET", "/v1/me")
    assert (read.status_code, read.json()["code"]) == (503, "record_failed")


async def test_too_many_calls_wait_and_leave_one_line_on_record(build):
    async for gateway in build(requests_per_minute=3):
        answers = [await gateway.call("crm", "GET", "/v1/me") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429, 429]
        assert answers[-1].headers["retry-after"] == "20"
        assert (await gateway.call("bot", "GET", "/v1/me")).status_code == 200
        assert [fact["status"] for fact in await gateway.facts(Kind.API_CALL)] == [200, 200, 200, 429, 200]
        gateway.clock.advance(20)
        assert (await gateway.call("crm", "GET", "/v1/me")).status_code == 200


async def test_guessing_is_on_record_only_so_often_and_shuts_nobody_else_out(gateway):
    async with gateway.client(None) as client:
        answers = [await client.get("/v1/me", headers={"Authorization": f"Bearer {n}"}) for n in range(70)]
    assert [answer.status_code for answer in answers] == [401] * 60 + [429] * 10
    assert len(await gateway.facts(Kind.AUTH_FAIL)) == 60
    assert (await gateway.call("crm", "GET", "/v1/me")).status_code == 200  # from the same address

"""`/v1/status`: who may ask, and that nothing personal is answered. Health stays as it is."""

import pytest


@pytest.mark.parametrize(("who", "status"), [("oli", 200), ("sue", 200), ("amy", 200), ("ada", 403), ("crm", 403)])
async def test_it_is_for_those_who_keep_the_gateway(gateway, who, status):
    answer = await gateway.call(who, "GET", "/v1/status")
    assert answer.status_code == status, answer.text


async def test_nobody_learns_it_unrecognised(gateway):
    assert (await gateway.call(None, "GET", "/v1/status")).status_code == 401
    assert (await gateway.call(None, "GET", "/v1/health")).json() == {"status": "ok"}


async def test_what_is_answered(gateway):
    await gateway.opened()
    await gateway.journal.checkpoint()
    found = (await gateway.call("oli", "GET", "/v1/status")).json()
    assert found["origin"] == gateway.journal.origin
    assert found["size"] >= found["checkpoint"]["size"] > 0
    assert found["checkpoint"]["signer_answers"] is True
    assert (found["sessions"], found["recording"], found["feeds"]) == (1, True, [])
    assert (found["quorum"], found["index_behind"], found["approvals"], found["undelivered_seconds"]) == (None,) * 4
    assert 0 < found["disk"]["free"] <= found["disk"]["total"]
    assert found["disk"]["low"] == (found["disk"]["free"] < found["disk"]["total"] / 10)

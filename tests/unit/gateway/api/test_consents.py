"""Consents over REST: ask, wait, answer, give back."""

import asyncio
import re

import pytest

from audit.entry import Kind


async def test_asking_tells_what_was_asked_and_where_it_is(gateway):
    answer = await gateway.call(
        "crm",
        "POST",
        "/v1/consents",
        {"router": "r-1", "ticket": "8812", "reason": "The line drops.", "scope": ["config.read"], "minutes": 20},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/v1/consents/{body['id']}"
    assert (body["state"], body["router"], body["asked"], body["minutes"]) == ("requested", "r-1", ["config.read"], 20)
    assert body["revision"] == 1
    assert gateway.notifier.sent[-1].to.address == "anna@example.com"
    assert "anna" not in answer.text
    assert len(await gateway.facts(Kind.CONSENT_ASKED)) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"router": "nowhere"}, 403, "not_allowed"),
        ({"scope": ["pivot.ssh"]}, 400, "bad_request"),
        ({"minutes": 9999}, 400, "bad_request"),
        ({"sessions": 99}, 400, "bad_request"),
        ({"sessions": 0}, 422, "invalid"),
        ({"ticket": "  "}, 400, "bad_request"),
        ({"reason": "a\x1b[2Jb"}, 400, "bad_request"),
        ({"channel": "recorded_call"}, 422, "invalid"),
        ({"language": "de"}, 422, "invalid"),
        ({"scope": ["config.read"] * 65}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_asked(gateway, changes, status, code):
    wanted = {"router": "r-1", "ticket": "8812", "reason": "The line drops.", **changes}
    answer = await gateway.call("crm", "POST", "/v1/consents", wanted)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert gateway.notifier.sent == []


async def test_operators_and_auditors_ask_nobody(gateway):
    for who in ("oli", "amy"):
        wanted = {"router": "r-1", "ticket": "8812", "reason": "The line drops."}
        assert (await gateway.call(who, "POST", "/v1/consents", wanted)).status_code == 403


async def test_one_request_at_a_time(gateway):
    await gateway.asked()
    wanted = {"router": "r-1", "ticket": "8812", "reason": "The line drops."}
    again = await gateway.call("crm", "POST", "/v1/consents", wanted)
    assert (again.status_code, again.json()["code"]) == (403, "pending")


async def test_a_message_that_does_not_leave_is_a_bad_gateway(gateway):
    gateway.notifier.failing = True
    wanted = {"router": "r-1", "ticket": "8812", "reason": "The line drops."}
    answer = await gateway.call("crm", "POST", "/v1/consents", wanted)
    assert (answer.status_code, answer.json()["code"]) == (502, "not_delivered")
    listed = (await gateway.call("crm", "GET", "/v1/consents")).json()
    assert [one["ended_reason"] for one in listed] == ["undelivered"]
    assert (await gateway.call("crm", "GET", "/v1/consents?unfinished=true")).json() == []


async def test_waiting_ends_when_the_subscriber_decides(gateway):
    consent = await gateway.asked()
    waiting = asyncio.create_task(gateway.call("crm", "GET", f"/v1/consents/{consent}?since=1&wait=30"))
    case = await gateway.case()
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await gateway.service.consents.grant(case)
    body = (await waiting).json()
    assert (body["state"], body["granted"], body["channel"]) == ("granted", ["config.read"], "link")
    assert body["entry_index"] is not None
    assert body["revision"] == 2


async def test_waiting_for_what_happened_already_takes_no_time(gateway):
    consent, _ = await gateway.granted()
    body = (await gateway.call("crm", "GET", f"/v1/consents/{consent}?since=1&wait=60")).json()
    assert body["state"] == "granted"


async def test_waiting_in_vain_gives_it_as_it_stands(gateway):
    consent = await gateway.asked()
    body = (await gateway.call("crm", "GET", f"/v1/consents/{consent}?since=1&wait=1")).json()
    assert (body["state"], body["revision"]) == ("requested", 1)


@pytest.mark.parametrize("query", ["wait=61", "wait=-1", "since=-1", "wait=x", "snce=1"])
async def test_a_wait_that_makes_no_sense(gateway, query):
    consent = await gateway.asked()
    assert (await gateway.call("crm", "GET", f"/v1/consents/{consent}?{query}")).status_code == 422


async def test_a_spoken_code_grants_and_wrong_ones_run_out(gateway):
    consent = await gateway.asked(channel="spoken_code")
    found = re.search(r": (\d{4} \d{4})\n", gateway.notifier.sent[-1].body)
    wrong = await gateway.call("crm", "POST", f"/v1/consents/{consent}/code", {"code": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_code")
    theirs = await gateway.call("bot", "POST", f"/v1/consents/{consent}/code", {"code": found[1]})
    assert (theirs.status_code, theirs.json()["code"]) == (403, "not_allowed")
    right = await gateway.call("crm", "POST", f"/v1/consents/{consent}/code", {"code": found[1]})
    assert (right.status_code, right.json()["state"], right.json()["channel"]) == (200, "granted", "spoken_code")


async def test_a_question_is_seen_and_answered(gateway):
    consent = await gateway.asked()
    case = await gateway.case()
    early = await gateway.call("crm", "POST", f"/v1/consents/{consent}/answer", {"text": "Hello?"})
    assert (early.status_code, early.json()["code"]) == (403, "no_question")
    await gateway.service.consents.ask_question(case, "Will it hurt?")
    seen = (await gateway.call("crm", "GET", f"/v1/consents/{consent}")).json()
    assert (seen["state"], seen["questions"][0]["text"]) == ("more-info-requested", "Will it hurt?")
    body = (await gateway.call("crm", "POST", f"/v1/consents/{consent}/answer", {"text": "No."})).json()
    assert (body["state"], body["questions"][0]["answer"]) == ("requested", "No.")


async def test_more_is_asked_for_while_it_lives(gateway):
    consent, _ = await gateway.granted()
    path = f"/v1/consents/{consent}/extension"
    body = (await gateway.call("crm", "POST", path, {"minutes": 10, "scope": ["lan.hosts.read"]})).json()
    assert body["state"] == "extension-requested"
    assert (body["extension"]["minutes"], body["extension"]["scope"]) == (10, ["lan.hosts.read"])
    nothing = await gateway.call("crm", "POST", path, {})
    assert nothing.status_code in {400, 403}


async def test_giving_it_back_ends_sessions_under_it(gateway):
    session = await gateway.opened()
    consent = (await gateway.call("crm", "GET", "/v1/consents")).json()[0]["id"]
    body = (await gateway.call("crm", "POST", f"/v1/consents/{consent}/close")).json()
    assert (body["state"], body["ended_reason"]) == ("closed", "closed")
    while gateway.app.state.sessions.ended(session) is None:
        await asyncio.sleep(0.01)
    assert (await gateway.run(session, "show version")).json()["reason"] == "closed"


async def test_consents_of_others_look_like_none_at_all(gateway):
    consent, _ = await gateway.granted("crm")
    for method, rest, body in (
        ("GET", "", None),
        ("POST", "/code", {"code": "1"}),
        ("POST", "/answer", {"text": "x"}),
        ("POST", "/extension", {"minutes": 1}),
        ("POST", "/close", None),
        ("POST", "/token", None),
    ):
        theirs = await gateway.call("bot", method, f"/v1/consents/{consent}{rest}", body)
        nobodys = await gateway.call("bot", method, f"/v1/consents/01J00000000000000000000000{rest}", body)
        assert (theirs.status_code, theirs.json()) == (nobodys.status_code, nobodys.json())
        assert theirs.status_code == 403
    assert (await gateway.call("bot", "GET", "/v1/consents")).json() == []


async def test_a_supervisor_sees_all_but_gets_no_token(gateway):
    consent, _ = await gateway.granted("crm")
    assert [one["id"] for one in (await gateway.call("sue", "GET", "/v1/consents")).json()] == [consent]
    assert (await gateway.call("sue", "GET", f"/v1/consents/{consent}")).status_code == 200
    assert (await gateway.call("sue", "POST", f"/v1/consents/{consent}/token")).status_code == 403
    assert (await gateway.call("sue", "POST", f"/v1/consents/{consent}/close")).status_code == 200


async def test_the_token_is_signed_and_for_granted_consents_only(gateway):
    consent = await gateway.asked()
    early = await gateway.call("crm", "POST", f"/v1/consents/{consent}/token")
    assert (early.status_code, early.json()["code"]) == (403, "missing")
    await gateway.service.consents.grant(await gateway.case())
    token = (await gateway.call("crm", "POST", f"/v1/consents/{consent}/token")).json()["token"]
    assert token.count(".") == 2

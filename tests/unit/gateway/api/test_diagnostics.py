"""Diagnostics over REST: one call, one session, one result a line."""

import asyncio

from drivers.definition import load_definition

PATH = "/v1/routers/r-1/diagnostics"


async def test_the_lines_of_the_platform_run_under_the_consent_on_record(gateway):
    consent, _ = await gateway.granted()
    answer = await gateway.call("crm", "POST", PATH, {})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    lines = list(load_definition("ios").diagnostics)
    assert [result["line"] for result in body["results"]] == lines == gateway.sent()
    assert (body["reason"], body["message"]) == ("input_ended", "")
    first = body["results"][0]
    assert first["output"] == "Cisco IOS Software, Version 15.9\nuptime is 3 weeks\n"
    assert (first["verdict"], first["outcome"], first["failed"], first["truncated"]) == ("allow", "done", False, False)
    assert (first["canonical"], first["capability"]) == ("show version", "diagnose.read")
    assert first["entry_index"] < body["results"][1]["entry_index"]
    assert [result["line"] for result in body["results"] if result["failed"]] == ["show ip route"]
    assert (await gateway.call("crm", "GET", "/v1/sessions")).json() == []
    assert (await gateway.call("crm", "GET", f"/v1/consents/{consent}")).json()["sessions_used"] == 1


async def test_what_is_refused_or_needs_a_confirmation_is_told_and_not_sent(gateway):
    consent, _ = await gateway.granted()
    lines = ["telnet 192.168.1.5", "clear counters", "show ip arp", "show ?", "sh ver"]
    body = (await gateway.call("crm", "POST", PATH, {"lines": lines, "consent_id": consent})).json()
    telnet, clear, arp, question, version = body["results"]
    assert (telnet["verdict"], telnet["capability"], telnet["entry_index"]) == ("deny", "pivot.telnet", None)
    assert (clear["verdict"], clear["outcome"]) == ("deny", None)
    assert "does not send it" in clear["reason"]
    assert (arp["verdict"], arp["capability"], arp["failed"]) == ("deny", "lan.hosts.read", False)
    assert question["verdict"] == "answered"
    assert "version" in question["output"]
    assert (version["line"], version["canonical"]) == ("sh ver", "show version")
    assert gateway.sent() == ["show version"]


async def test_a_token_opens_it_too(gateway):
    consent, _ = await gateway.granted()
    token = (await gateway.call("crm", "POST", f"/v1/consents/{consent}/token")).json()["token"]
    answer = await gateway.call("crm", "POST", PATH, {"lines": ["show version"], "token": token})
    assert answer.status_code == 200
    assert token not in answer.text


async def test_a_revocation_on_the_way_ends_it_and_the_answer_says_so(gateway):
    _, case = await gateway.granted()
    task = asyncio.create_task(gateway.call("crm", "POST", PATH, {"lines": ["show logging", "show version"]}))
    while not gateway.sent():
        await asyncio.sleep(0.01)
    await gateway.service.consents.revoke(case)
    answer = await task
    assert answer.status_code == 200
    body = answer.json()
    assert body["reason"] == "revoked"
    assert "withdrawn" in body["message"]
    assert [(one["verdict"], one["outcome"], one["failed"]) for one in body["results"]] == [
        ("allow", "closed", True),
        ("not_run", None, False),
    ]
    assert gateway.sent() == ["show logging"]


async def test_what_cannot_begin_says_why(gateway):
    refused = await gateway.call("crm", "POST", PATH, {})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing")
    unknown = await gateway.call("crm", "POST", "/v1/routers/r-9/diagnostics", {})
    assert (unknown.status_code, unknown.json()["code"]) == (403, "not_allowed")
    for lines in ([], ["show version"] * 33, [5], "show version"):
        assert (await gateway.call("crm", "POST", PATH, {"lines": lines})).status_code == 422
    assert (await gateway.call(None, "POST", PATH, {})).status_code == 401
    await gateway.granted()
    gateway.driver.reachable = False
    answer = await gateway.call("crm", "POST", PATH, {})
    assert (answer.status_code, answer.json()["code"]) == (502, "router_unreachable")

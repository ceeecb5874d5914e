"""Sessions over REST: one line at a time, each with its verdict, and how a session ends."""

import asyncio

import pytest

from audit.entry import Kind
from drivers.fakes import FakeReply


async def test_a_line_is_answered_with_verdict_text_output_and_entry(gateway):
    session = await gateway.opened()
    answer = await gateway.run(session, "sh ver")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["verdict"] == "allow"
    assert body["canonical"] == "show version"
    assert body["capability"] == "diagnose.read"
    assert body["rule"].startswith("ios.")
    assert body["output"] == "Cisco IOS Software, Version 15.9\nuptime is 3 weeks\n"
    assert (body["outcome"], body["failed"], body["truncated"], body["ended"]) == ("done", False, False, None)
    assert gateway.sent() == ["show version"]
    entry = gateway.journal.reader().entry(body["entry_index"])
    assert (entry.kind, entry.session) == (Kind.CMD_INTENT, session)


async def test_an_error_message_of_the_router_counts_as_failed(gateway):
    session = await gateway.opened()
    answer = await gateway.run(session, "show ip route")
    assert answer.json()["failed"] is True
    assert answer.json()["outcome"] == "done"


async def test_lines_of_one_session_keep_their_own_output(gateway):
    session = await gateway.opened()
    first = (await gateway.run(session, "show ip route")).json()
    second = (await gateway.run(session, "show version")).json()
    assert first["output"].startswith("% Invalid")
    assert second["output"].startswith("Cisco IOS Software")
    assert second["entry_index"] > first["entry_index"]


async def test_a_denied_line_is_a_problem_with_rule_reason_and_hint_and_is_recorded(gateway):
    session = await gateway.opened()
    answer = await gateway.run(session, "telnet 192.168.1.5")
    assert answer.status_code == 403
    problem = answer.json()
    assert problem["type"] == "urn:vestibule:problem:denied"
    assert (problem["code"], problem["kind"]) == ("denied", "never")
    assert problem["capability"] == "pivot.telnet"
    assert problem["rule"].startswith("ios.")
    assert problem["reason"] == problem["detail"]
    assert "Strike 1 of 3." in problem["notices"]
    assert gateway.sent() == []
    assert [fact["why"] for fact in await gateway.facts(Kind.CMD_BLOCKED)] == ["never"]


async def test_a_capability_the_subscriber_left_out_can_still_be_asked_for(gateway):
    session = await gateway.opened(scope=[])
    problem = (await gateway.run(session, "show running-config")).json()
    assert (problem["code"], problem["kind"], problem["askable"]) == ("denied", "scope", "config.read")


async def test_a_line_with_control_characters_never_passes(gateway):
    session = await gateway.opened()
    for line in ("show version\nshow clock", "show \x1b[A", "show version\r", "show\x00version"):
        answer = await gateway.run(session, line)
        assert (answer.status_code, answer.json().get("kind")) == (403, "invalid"), answer.text
    assert gateway.sent() == []
    assert len(await gateway.facts(Kind.CMD_BLOCKED)) == 4


async def test_what_needs_a_confirmation_is_not_sent_without_one(gateway):
    session = await gateway.opened()
    answer = await gateway.run(session, "clear counters")
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["capability"]) == ("unconfirmed", "counters.clear")
    assert gateway.sent() == []
    assert "strike" not in answer.json().get("notices", "").lower()

    answer = await gateway.run(session, "clear counters", confirm=True)
    assert (answer.status_code, answer.json()["confirmed"]) == (200, "rest")
    assert gateway.sent() == ["clear counters"]

    # A confirmation is for one line, not for the next.
    assert (await gateway.run(session, "clear counters")).status_code == 409
    assert gateway.sent() == ["clear counters"]


@pytest.mark.parametrize("line", ["", "   ", "show ?", "why"])
async def test_lines_that_the_gateway_answers_itself_are_not_sent(gateway, line):
    session = await gateway.opened()
    answer = await gateway.run(session, line)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["verdict"], body["entry_index"], body["outcome"]) == ("answered", None, None)
    assert bool(body["output"]) == bool(line.strip())
    assert gateway.sent() == []


async def test_one_line_at_a_time(gateway):
    session = await gateway.opened()
    first = asyncio.create_task(gateway.run(session, "show logging"))
    while not gateway.sent():
        await asyncio.sleep(0.01)
    state = (await gateway.call("crm", "GET", f"/v1/sessions/{session}")).json()
    assert (state["state"], state["busy"]) == ("open", True)
    second = await gateway.run(session, "show version")
    assert (second.status_code, second.json()["code"]) == (409, "busy")
    gateway.driver.sessions[-1].emit(b"\r\nR1#")
    assert (await first).json()["output"].startswith("xxxx")
    assert (await gateway.run(session, "show version")).status_code == 200


async def test_a_line_that_takes_too_long_is_interrupted(gateway):
    session = await gateway.opened()

    def interrupted(command):
        if command.purpose == "interrupt":
            asyncio.get_running_loop().call_soon(gateway.driver.sessions[-1].emit, b"^C\r\nR1#")

    gateway.driver.on_send = interrupted
    answer = await gateway.run(session, "show logging", seconds=1)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["outcome"], answer.json()["failed"]) == ("interrupted", True)
    assert (await gateway.run(session, "show version")).status_code == 200


async def test_output_is_bounded_and_says_so(gateway):
    gateway.app.state.sessions.most_output = 100_001
    session = await gateway.opened()
    task = asyncio.create_task(gateway.run(session, "show logging"))
    while not gateway.sent():
        await asyncio.sleep(0.01)
    for _ in range(20):
        gateway.driver.sessions[-1].emit("é".encode() * 10_000)
    gateway.driver.sessions[-1].emit(b"\r\nR1#")
    body = (await task).json()
    assert body["truncated"] is True
    assert len(body["output"].encode()) == 100_000  # no half character
    assert body["outcome"] == "done"
    assert (await gateway.run(session, "show version")).json()["truncated"] is False


async def test_three_strikes_end_the_session_and_the_answer_says_so(gateway):
    session = await gateway.opened()
    for _ in range(2):
        assert (await gateway.run(session, "telnet 192.168.1.5")).status_code == 403
    problem = (await gateway.run(session, "telnet 192.168.1.5")).json()
    assert (problem["code"], problem["reason"]) == ("denied", "strikes")
    over = await gateway.run(session, "show version")
    assert (over.status_code, over.json()["code"], over.json()["reason"]) == (409, "session_ended", "strikes")
    state = (await gateway.call("crm", "GET", f"/v1/sessions/{session}")).json()
    assert (state["state"], state["ended"]["reason"], state["blocked"]) == ("ended", "strikes", 3)


async def test_a_command_that_leaves_the_router_ends_the_session(gateway):
    session = await gateway.opened()
    await gateway.run(session, "show version")
    gateway.driver.respond = lambda wire: FakeReply(close=True)
    body = (await gateway.run(session, "exit")).json()
    assert (body["outcome"], body["ended"]["reason"]) == ("done", "logout")


async def test_revocation_cuts_the_line_under_way(gateway):
    _, case = await gateway.granted()
    session = (await gateway.call("crm", "POST", "/v1/sessions", {"router": "r-1"})).json()["id"]
    task = asyncio.create_task(gateway.run(session, "show logging"))
    while not gateway.sent():
        await asyncio.sleep(0.01)
    await gateway.service.consents.revoke(case)
    body = (await task).json()
    assert (body["outcome"], body["failed"], body["ended"]["reason"]) == ("closed", True, "revoked")
    assert (await gateway.run(session, "show version")).json()["reason"] == "revoked"
    again = await gateway.call("crm", "POST", "/v1/sessions", {"router": "r-1"})
    assert (again.status_code, again.json()["code"]) == (403, "revoked")


async def test_closing_ends_it_and_says_how(gateway):
    session = await gateway.opened()
    await gateway.run(session, "show version")
    ended = (await gateway.call("crm", "DELETE", f"/v1/sessions/{session}")).json()
    assert (ended["state"], ended["ended"]["reason"], ended["ended"]["exit_status"]) == ("ended", "input_ended", 0)
    assert ended["commands"] == 1
    again = (await gateway.call("crm", "DELETE", f"/v1/sessions/{session}")).json()
    assert again == ended
    assert gateway.driver.sessions[-1].closed
    assert (await gateway.call("crm", "GET", "/v1/sessions")).json() == []


async def test_closing_cuts_a_line_under_way(gateway):
    session = await gateway.opened()
    task = asyncio.create_task(gateway.run(session, "show logging"))
    while not gateway.sent():
        await asyncio.sleep(0.01)
    ended = (await gateway.call("crm", "DELETE", f"/v1/sessions/{session}")).json()
    assert ended["ended"]["reason"] == "gone"
    assert (await task).json()["outcome"] == "closed"


async def test_an_idle_session_is_closed(gateway):
    session = await gateway.opened()
    await gateway.run(session, "show version")
    gateway.clock.advance(301)
    while gateway.app.state.sessions.ended(session) is None:
        await asyncio.sleep(0.05)
    state = (await gateway.call("crm", "GET", f"/v1/sessions/{session}")).json()
    assert state["ended"]["reason"] == "idle"


async def test_a_journal_that_cannot_write_ends_the_session_and_nothing_leaves(gateway):
    session = await gateway.opened()
    await gateway.run(session, "show version")
    gateway.entries.fail = OSError("disk")
    answer = await gateway.run(session, "show clock")
    assert answer.status_code == 503
    assert answer.json()["code"] == "record_failed"
    assert gateway.sent() == ["show version"]
    health = await gateway.call(None, "GET", "/v1/health")
    assert (health.status_code, health.json()) == (503, {"status": "record_failed"})


# --- whose it is ------------------------------------------------------------------------------------------------------


async def test_sessions_of_others_look_like_none_at_all(gateway):
    session = await gateway.opened("crm")
    unknown = "01J00000000000000000000000"
    for method, path, body in (
        ("GET", "/v1/sessions/{}", None),
        ("DELETE", "/v1/sessions/{}", None),
        ("POST", "/v1/sessions/{}/kill", None),
        ("POST", "/v1/sessions/{}/commands", {"line": "show version"}),
    ):
        theirs = await gateway.call("bot", method, path.format(session), body)
        nobodys = await gateway.call("bot", method, path.format(unknown), body)
        assert (theirs.status_code, theirs.json()) == (nobodys.status_code, nobodys.json())
        assert theirs.status_code == 403
    assert (await gateway.call("bot", "GET", "/v1/sessions")).json() == []
    assert gateway.sent() == []


async def test_a_supervisor_sees_and_kills_but_runs_nothing(gateway):
    session = await gateway.opened("crm")
    assert [one["id"] for one in (await gateway.call("sue", "GET", "/v1/sessions")).json()] == [session]
    assert (await gateway.run(session, "show version", who="sue")).status_code == 403
    assert (await gateway.call("sue", "DELETE", f"/v1/sessions/{session}")).status_code == 403
    assert (await gateway.call("sue", "POST", f"/v1/sessions/{session}/kill")).status_code == 204
    while gateway.app.state.sessions.ended(session) is None:
        await asyncio.sleep(0.01)
    state = (await gateway.call("sue", "GET", f"/v1/sessions/{session}")).json()
    assert state["ended"]["reason"] == "killed"
    assert len(await gateway.facts(Kind.SESSION_KILLED)) == 1


# --- opening ----------------------------------------------------------------------------------------------------------


async def test_no_consent_no_session(gateway):
    for who in ("crm", "ada", "sue"):
        answer = await gateway.call(who, "POST", "/v1/sessions", {"router": "r-1"})
        assert (answer.status_code, answer.json()["code"]) == (403, "missing")
    assert gateway.driver.opened == []
    assert len(await gateway.facts(Kind.SESSION_REFUSED)) == 3


async def test_a_token_opens_for_its_own_bearer_and_router_only(gateway):
    consent, _ = await gateway.granted("crm")
    token = (await gateway.call("crm", "POST", f"/v1/consents/{consent}/token")).json()["token"]
    other = await gateway.call("bot", "POST", "/v1/sessions", {"router": "r-1", "token": token})
    assert (other.status_code, other.json()["code"]) == (403, "other_rep")
    elsewhere = await gateway.call("crm", "POST", "/v1/sessions", {"router": "r-2", "token": token})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "other_router")
    forged = await gateway.call("crm", "POST", "/v1/sessions", {"router": "r-1", "token": token[:-4] + "AAAA"})
    assert (forged.status_code, forged.json()["code"]) == (403, "forged")
    assert token not in other.text + elsewhere.text + forged.text
    right = await gateway.call("crm", "POST", "/v1/sessions", {"router": "r-1", "token": token})
    assert right.status_code == 201
    assert right.headers["location"] == f"/v1/sessions/{right.json()['id']}"
    assert right.json()["consent"] == consent


async def test_one_session_a_router(gateway):
    await gateway.opened("crm", sessions=2)
    second = await gateway.call("crm", "POST", "/v1/sessions", {"router": "r-1"})
    assert (second.status_code, second.json()["code"]) == (503, "unavailable")


async def test_a_router_that_cannot_be_reached_is_a_bad_gateway(gateway):
    await gateway.granted()
    gateway.driver.reachable = False
    answer = await gateway.call("crm", "POST", "/v1/sessions", {"router": "r-1"})
    assert (answer.status_code, answer.json()["code"]) == (502, "router_unreachable")
    assert "192.0.2.1" not in answer.text
    gateway.driver.reachable, gateway.driver.host_key = True, "ssh-ed25519 AAAAother"
    answer = await gateway.call("crm", "POST", "/v1/sessions", {"router": "r-1"})
    assert (answer.status_code, answer.json()["code"]) == (502, "host_key_changed")

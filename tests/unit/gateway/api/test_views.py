"""Looks at the evidence over REST: on record before they are answered, with a reason, by those who may look."""

import pytest

from audit.entry import Kind
from config.ids import new_id


@pytest.mark.parametrize(
    ("what", "kind"), [("replay", Kind.REPLAY_VIEW), ("log", Kind.REPLAY_VIEW), ("export", Kind.EXPORT_MADE)]
)
async def test_a_look_is_on_record(gateway, what, kind):
    session = new_id()
    answer = await gateway.call("amy", "POST", "/v1/views", {"what": what, "session": session, "reason": "case 7"})
    assert answer.status_code == 201
    assert await gateway.facts(kind) == [{"what": what, "session": session, "consent": ""}]
    assert gateway.journal.reader().entry(answer.json()["entry_index"]).kind is kind


async def test_who_looked_is_sealed(gateway):
    index = (await gateway.call("amy", "POST", "/v1/views", {"what": "log", "reason": "case 7"})).json()["entry_index"]
    reader = gateway.journal.reader()
    assert b"amy" not in reader.entry(index).head_bytes
    assert b"case 7" not in reader.entry(index).head_bytes
    assert reader.sealed(index, "who")["name"] == "amy"
    assert reader.sealed(index, "act") == {"reason": "case 7"}


@pytest.mark.parametrize("body", [{"what": "steal"}, {"what": "log", "session": "x"}, {}, {"what": "log", "more": 1}])
async def test_what_is_no_look(gateway, body):
    body = {"reason": "case 7", **body}
    assert (await gateway.call("amy", "POST", "/v1/views", body)).status_code == 422


async def test_no_look_without_a_reason(gateway):
    assert (await gateway.call("amy", "POST", "/v1/views", {"what": "log"})).status_code == 422
    assert (await gateway.call("amy", "POST", "/v1/views", {"what": "log", "reason": " "})).status_code == 400
    assert await gateway.facts(Kind.REPLAY_VIEW) == []


@pytest.mark.parametrize("who", ["ada", "crm"])
async def test_reps_and_machines_do_not_look(gateway, who):
    answer = await gateway.call(who, "POST", "/v1/views", {"what": "log", "reason": "case 7"})
    assert answer.status_code == 403
    assert await gateway.facts(Kind.REPLAY_VIEW) == []


async def test_the_watermark_comes_with_it(gateway):
    answer = (await gateway.call("amy", "POST", "/v1/views", {"what": "log", "reason": "case 7"})).json()
    assert answer["watermark"].startswith("amy · ")
    assert answer["watermark"].endswith(f"entry {answer['entry_index']}")


async def test_nobody_looks(gateway):
    assert (await gateway.call(None, "POST", "/v1/views", {"what": "log"})).status_code == 401
    assert await gateway.facts(Kind.REPLAY_VIEW) == []

"""Looks at the evidence over REST: on record before they are answered, by everybody who is known."""

import pytest

from audit.entry import Kind
from config.ids import new_id


@pytest.mark.parametrize(
    ("what", "kind"), [("replay", Kind.REPLAY_VIEW), ("log", Kind.REPLAY_VIEW), ("export", Kind.EXPORT_MADE)]
)
async def test_a_look_is_on_record(gateway, what, kind):
    session = new_id()
    answer = await gateway.call("amy", "POST", "/v1/views", {"what": what, "session": session})
    assert answer.status_code == 201
    assert await gateway.facts(kind) == [{"what": what, "session": session, "consent": ""}]
    assert gateway.journal.reader().entry(answer.json()["entry_index"]).kind is kind


async def test_who_looked_is_sealed(gateway):
    index = (await gateway.call("amy", "POST", "/v1/views", {"what": "log"})).json()["entry_index"]
    reader = gateway.journal.reader()
    assert b"amy" not in reader.entry(index).head_bytes
    assert reader.sealed(index, "who")["name"] == "amy"


@pytest.mark.parametrize("body", [{"what": "steal"}, {"what": "log", "session": "x"}, {}, {"what": "log", "more": 1}])
async def test_what_is_no_look(gateway, body):
    assert (await gateway.call("amy", "POST", "/v1/views", body)).status_code == 422


async def test_nobody_looks(gateway):
    assert (await gateway.call(None, "POST", "/v1/views", {"what": "log"})).status_code == 401
    assert await gateway.facts(Kind.REPLAY_VIEW) == []

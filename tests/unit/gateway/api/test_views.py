"""Looks at the evidence are themselves on record."""

from audit.entry import Kind


async def test_a_look_is_on_record_before_it_is_answered(gateway):
    session = await gateway.opened()
    for what, kind in (("replay", Kind.REPLAY_VIEW), ("export", Kind.EXPORT_MADE), ("log", Kind.REPLAY_VIEW)):
        answer = await gateway.call("amy", "POST", "/v1/views", {"what": what, "session": session})
        assert answer.status_code == 201, answer.text
        entry = gateway.journal.reader().entry(answer.json()["entry_index"])
        assert entry.kind is kind
        assert gateway.journal.reader().sealed(entry.index, "who")["name"] == "amy"


async def test_what_is_looked_at_is_one_of_a_few_things(gateway):
    assert (await gateway.call("amy", "POST", "/v1/views", {"what": "everything"})).status_code == 422
    gateway.entries.fail = OSError("disk")
    assert (await gateway.call("amy", "POST", "/v1/views", {"what": "replay"})).status_code == 503

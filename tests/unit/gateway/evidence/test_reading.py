"""Looks at evidence: who may, with which reason, for how long, with how many persons; each an entry first."""

import pytest

from audit.entry import Kind
from audit.errors import RecordFailed
from audit.search.index import About, Row
from audit.search.memory import MemoryIndex
from config.clock import FakeClock
from config.ids import new_id
from gateway.errors import BadRequest, NotAllowed, Unavailable
from gateway.evidence.approvals import Approvals
from gateway.evidence.reading import Reading, SecondPersonNeeded
from tests.stage import stage

SESSION = new_id()


@pytest.fixture
def scene():
    return stage(clock=FakeClock())


@pytest.fixture
def index(scene):
    made = MemoryIndex()
    about = About(session=SESSION, rep="ada", router="r-1", subscriber=new_id())
    row = Row(index=7, what="command", about=about, n=3, time=scene.clock.now(), month="202601", retention="access",
              verdict="allow", command="show version", output="Cisco IOS")  # fmt: skip
    made.add([row])
    return made


def alone(scene, index=None):
    return Reading(scene.journal, scene.clock, index=index, minutes=60)


def together(scene, index=None):
    approvals = Approvals(scene.journal, scene.clock)
    return Reading(scene.journal, scene.clock, index=index, approvals=approvals, persons=2, minutes=60), approvals


def entries(scene, kind):
    reader = scene.journal.reader()
    return [(entry, reader.sealed(entry.index, "act")) for entry in reader.entries() if entry.kind is kind]


@pytest.mark.parametrize("role", ["auditor", "reviewer", "supervisor", "operator"])
async def test_a_look_is_an_entry_first(scene, role):
    auth = await scene.person("amy", role)
    view = await alone(scene).view(auth, "replay", reason=" case\n 7 ", session=SESSION)
    [(entry, act)] = entries(scene, Kind.REPLAY_VIEW)
    assert (entry.index, dict(entry.facts)) == (view.index, {"what": "replay", "session": SESSION, "consent": ""})
    assert act == {"reason": "case 7"}
    assert b"amy" not in entry.head_bytes
    assert view.watermark == f"amy · {scene.clock.now():%Y-%m-%d %H:%M:%S} UTC · entry {entry.index}"


@pytest.mark.parametrize("role", ["rep", "automation"])
async def test_who_may_not_look(scene, index, role):
    auth = await scene.person("ada", role)
    reading = alone(scene, index)
    with pytest.raises(NotAllowed):
        await reading.view(auth, "replay", reason="my own session", session=SESSION)
    with pytest.raises(NotAllowed):
        await reading.search(auth, "show", reason="x")
    assert entries(scene, Kind.REPLAY_VIEW) == entries(scene, Kind.SEARCH_QUERY) == []


@pytest.mark.parametrize("reason", ["", " \n", "x" * 501])
async def test_no_look_without_a_reason(scene, index, reason):
    auth = await scene.person("amy", "auditor")
    with pytest.raises(BadRequest, match="why"):
        await alone(scene).view(auth, "log", reason=reason)
    with pytest.raises(BadRequest, match="why"):
        await alone(scene, index).search(auth, "show", reason=reason)


async def test_a_look_lasts_for_a_while_for_one_person_and_one_thing(scene):
    amy, sue = await scene.person("amy", "auditor"), await scene.person("sue", "supervisor")
    reading = alone(scene)
    assert reading.current(amy, session=SESSION) is None
    view = await reading.view(amy, "replay", reason="case 7", session=SESSION)
    assert reading.current(amy, session=SESSION) == view
    assert reading.current(sue, session=SESSION) is None
    assert reading.current(amy, session=new_id()) is None
    assert reading.current(amy, consent=SESSION) is None
    scene.clock.advance(3599)
    assert reading.current(amy, session=SESSION) == view
    scene.clock.advance(1)
    assert reading.current(amy, session=SESSION) is None


async def test_an_export_says_so(scene):
    await alone(scene).view(await scene.person("amy", "auditor"), "export", reason="police 12", session=SESSION)
    assert len(entries(scene, Kind.EXPORT_MADE)) == 1


async def test_two_persons(scene):
    amy, sue = await scene.person("amy", "auditor"), await scene.person("sue", "supervisor")
    reading, approvals = together(scene)
    with pytest.raises(SecondPersonNeeded) as asked:
        await reading.view(amy, "replay", reason="case 7", session=SESSION)
    with pytest.raises(SecondPersonNeeded) as again:
        await reading.view(amy, "replay", reason="case 7", session=SESSION)
    assert again.value.approval == asked.value.approval, "asked once"
    assert entries(scene, Kind.REPLAY_VIEW) == []
    with pytest.raises(NotAllowed):
        await approvals.approve(asked.value.approval, amy.principal)
    await approvals.approve(asked.value.approval, sue.principal)
    scene.clock.advance(600)
    view = await reading.view(amy, "replay", reason="case 7", session=SESSION)
    [(entry, _)] = entries(scene, Kind.REPLAY_VIEW)
    assert entry.facts["approval"] == asked.value.approval
    assert (view.until - scene.clock.now()).total_seconds() == 3000, "the hour runs from the approval"
    with pytest.raises(SecondPersonNeeded):
        await reading.view(amy, "replay", reason="case 7", session=new_id())
    with pytest.raises(SecondPersonNeeded):
        await reading.view(sue, "replay", reason="case 7", session=SESSION)
    scene.clock.advance(3001)
    with pytest.raises(SecondPersonNeeded) as later:
        await reading.view(amy, "replay", reason="case 7", session=SESSION)
    assert later.value.approval != asked.value.approval


async def test_a_search_is_an_entry_first(scene, index):
    amy = await scene.person("amy", "auditor")
    found = await alone(scene, index).search(amy, "version rep:ada", reason="case 7")
    [(entry, act)] = entries(scene, Kind.SEARCH_QUERY)
    assert act == {"query": "version rep:ada", "reason": "case 7"}
    assert dict(entry.facts) == {"what": "search"}
    assert found.index == entry.index
    assert [hit.command for hit in found.hits] == ["show version"]
    assert b"version" not in entry.head_bytes


async def test_what_is_no_query_is_not_on_record(scene, index):
    amy = await scene.person("amy", "auditor")
    with pytest.raises(BadRequest, match="no field"):
        await alone(scene, index).search(amy, "ruter:x", reason="case 7")
    assert entries(scene, Kind.SEARCH_QUERY) == []
    with pytest.raises(Unavailable):
        await alone(scene).search(amy, "show", reason="case 7")


async def test_hits_have_no_texts_where_two_persons_are_needed(scene, index):
    reading, _ = together(scene, index)
    found = await reading.search(await scene.person("amy", "auditor"), "version", reason="case 7")
    [hit] = found.hits
    assert not found.texts
    assert (hit.command, hit.output, hit.rep, hit.router) == ("", "", "", "")
    assert hit.session == SESSION


async def test_nothing_is_seen_that_could_not_be_recorded(scene, index):
    amy = await scene.person("amy", "auditor")
    reading = alone(scene, index)
    scene.journal.close()
    with pytest.raises(RecordFailed):
        await reading.view(amy, "replay", reason="case 7", session=SESSION)
    assert reading.current(amy, session=SESSION) is None

"""Search and links to the review pages over REST."""

import pytest

from audit.entry import Kind
from audit.search.index import About, Row
from audit.search.memory import MemoryIndex
from config.ids import new_id
from gateway.evidence.reading import Reading

ASK = {"query": "version rep:ada", "reason": "case 7"}


@pytest.fixture
def searched(gateway):
    index = MemoryIndex()
    about = About(session=new_id(), rep="ada", router="r-1", subscriber=new_id())
    now = gateway.clock.now()
    rows = [
        Row(index=n, what="command", about=about, n=n, time=now, month="202601", retention="access", verdict="allow",
            command="show version") for n in range(1, 6)
    ]  # fmt: skip
    index.add(rows)
    gateway.app.state.reading = Reading(gateway.journal, gateway.clock, index=index)
    return gateway


async def test_hits_newest_first_and_pages(searched):
    first = (await searched.call("amy", "POST", "/v1/search", {**ASK, "limit": 3})).json()
    assert [hit["n"] for hit in first["hits"]] == [5, 4, 3]
    assert first["watermark"].startswith("amy · ")
    rest = (await searched.call("amy", "POST", "/v1/search", {**ASK, "before": first["hits"][-1]["place"]})).json()
    assert [hit["n"] for hit in rest["hits"]] == [2, 1]
    assert len(await searched.facts(Kind.SEARCH_QUERY)) == 2


@pytest.mark.parametrize("who", ["ada", "crm"])
async def test_not_for_reps_and_machines(searched, who):
    assert (await searched.call(who, "POST", "/v1/search", ASK)).status_code == 403
    assert (await searched.call(who, "POST", "/v1/review/links")).status_code == 403


@pytest.mark.parametrize("body", [{}, {"query": "x"}, {"reason": "x"}, {**ASK, "limit": 0}, {**ASK, "limit": "3"}])
async def test_what_is_no_search(searched, body):
    assert (await searched.call("amy", "POST", "/v1/search", body)).status_code == 422


async def test_what_is_no_query(searched):
    answer = await searched.call("amy", "POST", "/v1/search", {**ASK, "query": "ruter:x"})
    assert (answer.status_code, "no field ruter" in answer.json()["detail"]) == (400, True)


async def test_links(gateway):
    assert (await gateway.call("amy", "POST", "/v1/review/links")).status_code == 503
    gateway.service.web_links.address = "http://review.test"
    link = (await gateway.call("amy", "POST", "/v1/review/links")).json()["link"]
    assert gateway.service.web_links.open(link.rpartition("/")[2]).principal.name == "amy"
    assert (await gateway.call("oli", "POST", "/v1/review/links")).status_code == 403

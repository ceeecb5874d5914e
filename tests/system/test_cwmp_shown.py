"""What an auditor sees of a session on a TR-069 router: its RPCs on the review page, in a bundle, in the search."""

import io
import re
import zipfile

import httpx
import pytest

from audit.entry import Kind
from audit.search.indexer import fill
from audit.search.memory import MemoryIndex
from audit.search.query import parse
from tests.bundles import Desk, court
from tests.cwmp_stage import stage

pytestmark = pytest.mark.system

SECRET = "geheim-4711-blau"


async def test_the_RPCs_of_a_session_are_shown_and_no_secret_with_them(tmp_path):
    async with stage(tmp_path) as place:
        await place.grant(["wifi.credentials.write"])
        async with place.rep() as rep:
            await rep.run("show wifi")
            await rep.run(f"set wifi 1 password {SECRET}")
            rep.type("exit")
            await rep.ended()
        house = place.house
        (session,) = {entry.session for entry in place.entries(Kind.SESSION_OPENED)}
        asked = [entry for entry in place.entries(Kind.RPC_INTENT) if entry.session == session]
        await house.journal.checkpoint()

        page = await _opened(place, session)
        counts = [int(count) for count in re.findall(r"RPCs of TR-069(?: that belong to no command)?: (\d+)", page)]
        assert sum(counts) == len(asked)
        assert counts[0] > 1, "one line took several"
        assert "Device.WiFi.Radio.1.Channel" in page

        desk = Desk(house.journal, house.clock)
        bundle = zipfile.ZipFile(io.BytesIO(await desk.bundle(court([session], "act,out"))))
        readme = bundle.read("README.html").decode()
        assert "Device.WiFi.Radio.1.Channel" in readme
        assert "SetParameterValues" in readme

        index = MemoryIndex()
        reader = house.journal.reader()
        fill(reader, index)
        reader.close()
        found = index.query(parse("Device.WiFi.Radio rep:alice"))
        assert session in {hit.session for hit in found if hit.what == "rpc"}

        everything = [page, readme, *(repr(hit) for hit in index.query(parse("rep:alice", limit=10_000)))]
        assert [text for text in everything if SECRET in text] == []


async def _opened(place, session):
    """The session's page, opened with a reason by an auditor."""
    house = place.house
    await house.registry.add_person("amy", "auditor", uid=4711)
    auth = await house.service.authenticate_peer(4711)
    link = httpx.URL(house.service.web_links.make(auth))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.review_port}", follow_redirects=True) as client:
        await client.post(link.raw_path.decode(), data={"x": "y"})
        shut = (await client.get(f"/session/{session}")).text
        assert "RPCs of TR-069" in shut
        assert "Device.WiFi" not in shut
        token = re.search(r'name="f" value="([^"]+)"', shut)
        answer = await client.post(f"/session/{session}/open", data={"f": token[1], "reason": "complaint 7"})
        assert answer.status_code == 200, answer.text
        return answer.text

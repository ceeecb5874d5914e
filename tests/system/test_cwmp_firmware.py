"""`firmware NAME` tells what came of it: the gateway, ssh, a CPE that really fetches, and a server of files."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator

import pytest

from audit.entry import Kind
from drivers.lab.cpe.config import Pace
from tests.cwmp_stage import ASKING, ROUTER, stage

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

IMAGE = b"LAB-FIRMWARE 9.9.1\n" + b"x" * 100
SOFTWARE = "Device.DeviceInfo.SoftwareVersion"


@contextlib.asynccontextmanager
async def file_server() -> AsyncIterator[str]:
    """Gives `/good`; everything else is not there. Yields its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        status, body = (b"200 OK", IMAGE) if asked == b"/good" else (b"404 Not Found", b"")
        head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
        writer.write(head + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def listed(url: str) -> dict[str, object]:
    sha256 = hashlib.sha256(IMAGE).hexdigest()
    return {
        "firmware": tuple(
            {"name": name, "url": f"{url}/{name}", "size": len(IMAGE), "sha256": sha256} for name in ("good", "gone")
        )
    }


def sessions_told(place) -> list[object]:
    told = [entry for entry in place.entries(Kind.CPE_EVENT) if entry.facts["what"] == "TransferComplete"]
    return [entry.facts["session"] for entry in told]


async def test_what_the_router_told_of_a_transfer_reaches_the_rep(tmp_path):
    async with file_server() as url, stage(tmp_path, cwmp=listed(url), strikes=1) as place:
        await place.grant(["device.firmware"])
        async with place.rep() as rep:
            shown = await rep.run("firmware godo")
            assert "The list has: gone, good." in shown
            assert "Strike" not in shown
            before = place.cpe.values[SOFTWARE]
            shown = await rep.run("firmware gone")
            assert "% gone was not installed: the file server did not give the router the file (fault 9016)" in shown
            assert place.cpe.values[SOFTWARE] == before
            shown = await rep.run("firmware good")
            assert "The router has installed good and restarted." in shown
            assert "9.9.1" in await rep.run(f"get {SOFTWARE}")
            session = place.entries(Kind.SESSION_OPENED)[-1].session
            assert sessions_told(place) == [session, session]
        assert "CancelTransfer" not in place.rpcs()


async def test_the_exit_status_of_a_single_command_tells_it(tmp_path):
    async with file_server() as url, stage(tmp_path, cwmp=listed(url)) as place:
        await place.grant(["device.firmware"])
        for name, status, words in (("gone", 1, "was not installed"), ("good", 0, "has installed good and restarted")):
            async with await place.ssh(ROUTER) as connection:
                done = await connection.run(f"firmware {name}", check=False)
            assert (done.exit_status, words in str(done.stdout)) == (status, True), (done.stdout, done.stderr)
            async with asyncio.timeout(60):
                while len(place.house.live) or place.cpe.in_session:
                    await asyncio.sleep(0.02)


async def test_ctrl_c_ends_the_waiting_and_the_session_cancels_the_transfer(tmp_path):
    slow = Pace(boot=0.02, transfer=60, diagnostics=0.01, retry=0.02, answer=5.0, second=0.01)
    async with file_server() as url, stage(tmp_path, cwmp=listed(url), pace=slow) as place:
        await place.grant(["device.firmware"])
        async with place.rep() as rep:
            rep.type("firmware good")
            await rep.until(ASKING)
            rep.type("y")
            await rep.until("not the loading.\n")
            rep.keys("\x03")
            assert "the transfer is cancelled" in await rep.until(place.prompt)
            rep.type("exit")
            await rep.ended()
        await place.cpe.inform_now()
        assert place.rpcs().count("CancelTransfer") == 1


async def test_a_router_that_tells_in_the_middle_of_its_next_answer(tmp_path):
    moods = frozenset({"transfer-complete-early"})
    async with file_server() as url, stage(tmp_path, cwmp=listed(url), moods=moods) as place:
        await place.grant(["device.firmware"])
        async with place.rep() as rep:
            assert "% gone was not installed: the file server" in await rep.run("firmware gone")


@pytest.mark.parametrize("model", ["tr181", "tr098"])
async def test_a_router_that_does_not_say_how_it_ended(tmp_path, model):
    moods = frozenset({"missing-fields"})
    async with file_server() as url, stage(tmp_path, cwmp=listed(url), moods=moods, model=model) as place:
        await place.grant(["device.firmware"])
        async with place.rep() as rep:
            shown = await rep.run("firmware good")
            assert "good: the router did not say whether it succeeded.\n" in shown
            assert "It has restarted, and runs 9.9.1 now; before it was" in shown
            assert "installed" not in shown
        [told] = [entry for entry in place.entries(Kind.CPE_EVENT) if entry.facts["what"] == "TransferComplete"]
        reader = place.house.journal.reader()
        try:
            act = reader.sealed(told.index, "act")
        finally:
            reader.close()
        assert (act["fault"], act["text"]) == (None, "the router did not say whether it succeeded")

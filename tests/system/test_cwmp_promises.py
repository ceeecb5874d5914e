"""The three promises for a router that speaks TR-069: the gateway, ssh, and a CPE that shares no code with it."""

import asyncio
import contextlib
import random
import sqlite3
import time
from dataclasses import replace

import pytest

from audit.entry import Kind
from audit.journal import Journal
from config.clock import SystemClock
from config.settings import ApiSettings
from drivers.lab.cpe.config import Pace
from drivers.session import Credential
from gateway import assembly
from tests.cwmp_stage import ROUTER, stage

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

LINES = (
    "show wifi", "show line", "show device", "get Device.DeviceInfo.UpTime", "get Device.DeviceInfo.",
    "names Device.WiFi.", "set wifi channel 11", "set wifi channel 6", "get Device.WiFi.SSID.1.SSID",
    "diagnose ping 9.9.9.9", "undo", "methods", "get Device.NoSuch.Thing", "set Device.WiFi.Radio.1.Channel 999",
)  # fmt: skip


async def test_no_rpc_arrives_before_its_entry_is_in_the_database(tmp_path):
    """The oracle stands on the CPE's side: when an RPC arrives, another connection must find its entry."""
    arrived, early = [], []

    def look(message):
        if not message.is_rpc:
            return
        arrived.append(message.method)
        with contextlib.closing(sqlite3.connect(f"file:{tmp_path}/data/evidence/audit.db?mode=ro", uri=True)) as db:
            wanted = 'SELECT count(*) FROM entry WHERE instr(head, CAST(\'"k":"rpc.intent"\' AS BLOB))'
            stored = db.execute(wanted).fetchone()[0]
        if stored < len(arrived):
            early.append(message.method)

    rng = random.Random(7)
    async with stage(tmp_path, on_received=look) as place:
        await place.grant(["wifi.ssid.write", "device.reboot"])
        async with place.rep() as rep:
            for _ in range(60):
                await rep.run(rng.choice(LINES))
        recorded = [entry.facts["method"] for entry in place.entries(Kind.RPC_INTENT)]
    assert len(arrived) > 150
    assert early == []
    assert arrived == recorded, "in the same order, and nothing twice"


async def test_a_revocation_cuts_a_held_router_within_a_second(tmp_path):
    took, rounds = [], 30
    async with stage(tmp_path) as place:
        for number in range(rounds):
            consent, subscriber = await place.grant()
            async with place.rep() as rep:
                if number % 2:
                    await rep.run("get Device.DeviceInfo.UpTime")
                assert place.cpe.in_session
                await subscriber.reload()
                before = time.monotonic()
                revoking = asyncio.create_task(subscriber.press("/revoke"))
                while place.cpe.in_session:
                    await asyncio.sleep(0.002)
                took.append(time.monotonic() - before)
                await revoking
                await rep.ended()
            assert await place.house.consents.ended(consent) == "revoked"
        told = len(place.rpcs())
        await place.cpe.inform_now()
        assert len(place.rpcs()) == told, "nothing waits for the next call"
    took.sort()
    assert took[int(rounds * 0.99)] < 1.0, took


async def test_what_runs_when_the_consent_ends_is_taken_back_at_the_next_call(tmp_path):
    slow = Pace(boot=0.02, transfer=0.01, diagnostics=30, retry=0.02, answer=5.0, second=0.01)
    async with stage(tmp_path, pace=slow) as place:
        _, subscriber = await place.grant()
        async with place.rep() as rep:
            rep.type("diagnose ping 9.9.9.9")
            await rep.until("Ctrl-C stops the waiting.\n")
            await subscriber.reload()
            await subscriber.press("/revoke")
            await rep.ended()
        told = len(place.rpcs())
        await place.cpe.inform_now()
        assert place.rpcs()[told:] == ["SetParameterValues"]
        undone = place.entries(Kind.RPC_INTENT)[-1]
        session = place.entries(Kind.SESSION_OPENED)[-1].session
        assert (undone.facts["purpose"], undone.facts["session"], undone.session) == ("undo", session, None)
        assert place.cpe.values["Device.IP.Diagnostics.IPPing.DiagnosticsState"] != "Requested"
        told = len(place.rpcs())
        await place.cpe.inform_now()
        assert place.rpcs()[told:] == [], "once"


async def test_a_reboot_that_comes_back_later_belongs_to_its_session(tmp_path):
    async with stage(tmp_path) as place:
        await place.grant(["device.reboot"])
        async with place.rep() as rep:
            await rep.run("reboot")
            async with asyncio.timeout(60):
                while not place.entries(Kind.CPE_EVENT):
                    await asyncio.sleep(0.05)
            assert "tr181" in await rep.run("get Device.DeviceInfo.UpTime") or place.cpe.events.count("M Reboot") == 1
        session = place.entries(Kind.SESSION_OPENED)[-1].session
        [event] = [entry for entry in place.entries(Kind.CPE_EVENT) if entry.facts["what"] == "M_Reboot"]
        assert event.facts["session"] == session


async def test_a_router_that_was_reset_needs_a_new_consent(tmp_path):
    async with stage(tmp_path) as place:
        consent, _ = await place.grant()
        async with place.rep() as rep:
            await rep.run("get Device.DeviceInfo.UpTime")
        await place.cpe.inform_now("0 BOOTSTRAP")
        assert await place.house.consents.ended(consent) == "router_reset"
        async with await place.ssh(ROUTER) as connection:
            done = await connection.run("show wifi", check=False)
        assert done.exit_status == 77
        assert "router" in str(done.stderr) or "consent" in str(done.stderr).lower()


@pytest.mark.parametrize(
    ("line", "typed"),
    [("get Device.DeviceInfo.UpTime", None), ("set Device.ManagementServer.URL x", None), (None, "show device\n")],
    ids=["a line", "a line that is refused", "piped lines"],
)
async def test_a_rep_who_is_done_lets_the_router_end_its_session(tmp_path, line, typed):
    """A CPE that is cut counts its session as failed, and comes again with the same events."""
    async with stage(tmp_path) as place:
        await place.grant()
        called = len(place.cpe.events)
        async with await place.ssh(ROUTER) as connection:
            await connection.run(line, input=typed, check=False)
        async with asyncio.timeout(20):
            while place.house.station.in_session(place.router_id) or place.entries(Kind.SESSION_CLOSED) == []:
                await asyncio.sleep(0.01)
        assert place.cpe.state.retries == 0
        await place.cpe.inform_now("2 PERIODIC")
        assert place.cpe.events[called:] == ["6 CONNECTION REQUEST", "2 PERIODIC"]


@pytest.mark.parametrize("what", ["sign-in", "remove", "erase"])
async def test_who_signs_in_otherwise_or_is_removed_is_cut_at_once(tmp_path, what):
    async with stage(tmp_path) as place:
        await place.grant()
        [known] = place.house.station.known()
        async with place.rep() as rep:
            assert "UpTime" in await rep.run("get Device.DeviceInfo.UpTime")
            assert place.house.station.in_session(place.router_id)
            match what:
                case "sign-in":
                    other = Credential(user=ROUTER, password="another password")
                    await place.house.registry.set_credential(ROUTER, other)
                case "remove":
                    await place.house.registry.remove_router(ROUTER)
                case "erase":
                    await place.house.custody.erasures._persons.erase(consents=[], subscriber=known.subscriber_ref)
            assert not place.house.station.in_session(place.router_id)
            told = len(place.rpcs())
            async with asyncio.timeout(60):
                while place.cpe.in_session:
                    await asyncio.sleep(0.01)
        with pytest.raises(TimeoutError):
            await place.cpe.inform_now(seconds=1)
        assert not place.house.station.in_session(place.router_id), "it does not get in as before"
        assert len(place.rpcs()) == told


async def test_another_worker_on_the_same_inventory_says_where_routers_call(tmp_path):
    async with stage(tmp_path) as place:
        settings = place.settings.model_copy(update={"api": ApiSettings(port=None, socket=tmp_path / "second.sock")})
        second = await assembly.House.open(settings, journal=Journal.in_memory(SystemClock()))
        try:
            await second.start()
            assert second.station.port(tls=False) is None, "one of them listens"
            other = replace(place, settings=settings, house=second)
            await other.grant()
            async with await other.ssh(ROUTER) as connection:
                done = await connection.run("show wifi", check=False)
            assert done.exit_status != 0
            assert "call another worker" in str(done.stderr)
        finally:
            await second.stop()
        assert place.house.station.port(tls=False) is not None


async def test_a_second_rep_waits_their_turn_and_a_closed_session_leaves_no_link(tmp_path):
    async with stage(tmp_path) as place:
        await place.grant()
        async with place.rep() as rep:
            await rep.run("get Device.DeviceInfo.UpTime")
            async with await place.ssh(ROUTER) as connection:
                done = await connection.run("show wifi", check=False)
            assert done.exit_status != 0
            assert "Another session" in str(done.stderr)
        async with asyncio.timeout(60):
            while len(place.house.live) or place.cpe.in_session:
                await asyncio.sleep(0.02)
        async with place.rep() as rep:
            assert "Device.DeviceInfo.UpTime" in await rep.run("get Device.DeviceInfo.UpTime")


async def test_without_consent_nothing_of_a_rep_reaches_the_router(tmp_path):
    async with stage(tmp_path) as place:
        told = len(place.rpcs())
        async with await place.ssh(ROUTER) as connection:
            done = await connection.run("show wifi", check=False)
        assert (done.exit_status, done.stdout) == (77, "")
        await place.cpe.inform_now()
        assert len(place.rpcs()) == told


async def test_tab_completes_with_the_names_of_the_device(tmp_path):
    async with stage(tmp_path) as place:
        await place.grant()
        async with place.rep() as rep:
            await rep.run("names Device.DeviceInfo.")
            rep.keys("get Device.DeviceInfo.UpT")
            await rep.until("UpT")
            rep.keys("\t")
            await rep.until("ime ")
            assert "Device.DeviceInfo.UpTime  " in await rep.run("")


async def test_a_long_answer_is_read_aside_and_shown_bounded(tmp_path):
    extra = {f"Device.DSL.Line.{number}.Status": "ro string Up" for number in range(10, 2500)}
    async with stage(tmp_path, extra=extra) as place:
        await place.grant()
        async with place.rep() as rep:
            shown = await rep.run("get Device.DSL.")
            assert "Device.DSL.Line.10.Status" in shown
            assert shown.count("\n") < 2100
            assert "Device.DeviceInfo.UpTime" in await rep.run("get Device.DeviceInfo.UpTime")

"""A gateway process between a simulated CPE and an ACS: provisioning goes on, a rep works in the same CPE session."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit.entry import Kind
from config.settings import CwmpSettings
from drivers.cwmp.paths import Model
from drivers.cwmp.wire.http import HttpRequest
from drivers.lab.cpe.config import FAST, CpeConfig
from drivers.lab.cpe.cpe import Arrived, SimulatedCpe
from gateway.cwmp.scripted_acs import Brain, Say, ScriptedAcs, Step
from tests.cwmp_house import acs_that_asks, get, method_in, put
from tests.cwmp_stage import stage
from tests.real.ground import free_port
from tests.running import LoopThread, RunningGateway
from tests.system.records import Records

DEVICE = "00D09E-Lab-0001"
PASSWORD = "a-cpe-secret-of-its-own"
ROOTS = {"tr181": "Device.", "tr098": "InternetGatewayDevice."}
HOSTS = {"tr181": "Device.Hosts.", "tr098": "InternetGatewayDevice.LANDevice.1.Hosts."}
WLANS = {"tr181": "Device.WiFi.", "tr098": "InternetGatewayDevice.LANDevice.1.WLANConfiguration."}


def waking(model: str) -> str:
    """How the CPE is woken, as the ACS sets it."""
    server = f"{ROOTS[model]}ManagementServer."
    return put({f"{server}ConnectionRequestUsername": "acs", f"{server}ConnectionRequestPassword": "knock-knock"})


def provisioning(model: str) -> tuple[str, ...]:
    """What the ACS asks; the last three must not be done."""
    return (
        get(f"{ROOTS[model]}DeviceInfo."),
        waking(model),
        "<cwmp:FactoryReset/>",
        put({f"{ROOTS[model]}ManagementServer.URL": "http://127.0.0.1:1/elsewhere"}),
        get(HOSTS[model]),
    )


@dataclass
class Street:
    """All that runs."""

    gateway: RunningGateway
    acs: ScriptedAcs
    cpe: SimulatedCpe
    loop: LoopThread
    records: Records
    """Since before the CPE booted."""
    model: str


@pytest.fixture(params=["tr181", "tr098"])
def street(request: pytest.FixtureRequest, tmp_path: Path, loop_thread: LoopThread) -> Iterator[Street]:
    model: Model = request.param
    acs = ScriptedAcs(acs_that_asks(*provisioning(model)), sign_in="digest", users={DEVICE: PASSWORD})
    loop_thread.run(acs.__aenter__())
    loop_thread.at_close(lambda: acs.__aexit__(None, None, None))
    gateway = RunningGateway(tmp_path)
    plain = free_port()
    cwmp = CwmpSettings(mode="mediator", plain_port=plain, upstream=acs.url, wait_seconds=10)
    gateway.settings = gateway.settings.model_copy(update={"cwmp": cwmp})
    gateway.prepare({"alice": "rep", "olga": "operator"}, [])
    (tmp_path / "cpe-password").write_text(PASSWORD)
    (tmp_path / "cpe-password").chmod(0o600)
    with gateway:
        added = gateway.vestibule(
            "cpe", "add", "ann-home", "--device", DEVICE, "--user", DEVICE,
            "--password-file", str(tmp_path / "cpe-password"), "--contact", "mail:ann-home@example.org",
        )  # fmt: skip
        assert added.returncode == 0, added.stderr
        url = f"http://127.0.0.1:{plain}/cwmp"
        cpe = SimulatedCpe(CpeConfig(acs=url, user=DEVICE, password=PASSWORD, model=model, pace=FAST))
        records = Records(gateway)
        loop_thread.run(cpe.__aenter__())
        try:
            yield Street(gateway, acs, cpe, loop_thread, records, model)
        finally:
            loop_thread.run(cpe.stop())


def test_provisioning_and_a_rep_in_one_house(street: Street) -> None:
    gateway, acs, cpe = street.gateway, street.acs, street.cpe
    street.loop.run(cpe.booted())

    # The ACS asked five things; two reached the CPE, and it was told of the others that they were denied.
    assert [rpc.method for rpc in cpe.rpcs] == ["GetParameterValues", "SetParameterValues"]
    said = [method_in(one.body) for one in acs.requests]
    assert said == ["Inform", "", "GetParameterValuesResponse", "SetParameterValuesResponse", "Fault", "Fault", "Fault"]
    everything = b"".join(one.body for one in cpe.received)
    assert b"elsewhere" not in everything
    assert b"FactoryReset" not in everything

    # The rep wakes the CPE with what the ACS set, and works beside it.
    gateway.consent(street.loop, "alice", "ann-home")
    name = f"{ROOTS[street.model]}DeviceInfo.ModelName"
    done = gateway.ssh("alice", "ann-home", stdin=f"get {name}\nexit\n".encode(), timeout=30)
    assert done.returncode == 0, done.stderr.decode()
    assert name in done.stdout.decode()
    assert cpe.knocks[-1][2] in (200, 204)
    assert b"ModelName" not in b"".join(one.body for one in acs.requests[7:])

    assert [entry.facts["rule"] for entry in street.records.of(Kind.RPC_BLOCKED)] == [
        "machine.m-reset", "machine.m-acs", "machine.m-home",
    ]  # fmt: skip


# --- in this process, where the CPE's and the gateway's clocks can be compared ---------------------------------------


def lines(model: str) -> tuple[str, ...]:
    """What the rep types."""
    uptime = f"{ROOTS[model]}DeviceInfo.UpTime"
    return ("show wifi", f"get {uptime}", "set wifi 1 channel 11", "set wifi 1 channel 6", f"names {WLANS[model]}")


def busy_acs(model: str = "tr181") -> Brain:
    """Sets at every Inform how the CPE is woken, and asks three things more."""
    sessions: list[Brain] = []

    def answer(request: HttpRequest) -> Step:
        if method_in(request.body) == "Inform":
            root = ROOTS[model]
            asks = (waking(model), get(f"{root}DeviceInfo."), "<cwmp:FactoryReset/>", get(f"{root}Time."))
            sessions[:] = [acs_that_asks(*asks)]
        return sessions[0](request) if sessions else Say(status=400)

    return answer


def behind(acs: ScriptedAcs) -> dict[str, str]:
    """Settings of a mediator before this ACS."""
    return {"mode": "mediator", "upstream": acs.url}


@pytest.mark.parametrize("model", ["tr181", "tr098"])
async def test_no_rpc_arrives_before_its_entry_is_in_the_database(tmp_path: Path, model: str) -> None:
    """Whoever asked: the rep or the ACS."""
    arrived: list[str] = []
    early: list[str] = []

    def look(message: Arrived) -> None:
        if not message.is_rpc:
            return
        arrived.append(message.method)
        with contextlib.closing(sqlite3.connect(f"file:{tmp_path}/data/evidence/audit.db?mode=ro", uri=True)) as db:
            wanted = 'SELECT count(*) FROM entry WHERE instr(head, CAST(\'"k":"rpc.intent"\' AS BLOB))'
            if db.execute(wanted).fetchone()[0] < len(arrived):
                early.append(message.method)

    async with (
        ScriptedAcs(busy_acs(model)) as acs,
        stage(tmp_path, cwmp=behind(acs), on_received=look, model=model) as place,
    ):
        await place.grant(["wifi.ssid.write"])
        async with place.rep() as rep:
            for number in range(30):
                await rep.run(lines(model)[number % 5])
        for _ in range(5):
            await place.cpe.inform_now()
        intents = place.entries(Kind.RPC_INTENT)
    assert len(arrived) > 60
    assert early == []
    assert sorted(arrived) == sorted(str(entry.facts["method"]) for entry in intents)
    assert {entry.facts["purpose"] for entry in intents} >= {"machine", "command"}
    assert "FactoryReset" not in arrived


async def test_a_revocation_cuts_the_router_and_the_ACS_goes_on(tmp_path: Path) -> None:
    took = []
    async with ScriptedAcs(busy_acs()) as acs, stage(tmp_path, cwmp=behind(acs)) as place:
        for _ in range(6):
            _, subscriber = await place.grant()
            async with place.rep() as rep:
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
        await place.cpe.inform_now()
        assert [method_in(one.body) for one in acs.requests][-4:] == [
            "SetParameterValuesResponse", "GetParameterValuesResponse", "Fault", "GetParameterValuesResponse",
        ]  # fmt: skip
        assert all(entry.facts["what"] != "upstream_lost" for entry in place.entries(Kind.CPE_EVENT))
    assert max(took) < 1.0, took


async def test_an_ACS_that_comes_back_is_told_all(tmp_path: Path) -> None:
    """What the CPE had to report while the ACS was away reaches it afterwards, and the provisioning is done."""
    down = False
    brain = busy_acs()

    def answer(request: HttpRequest) -> Step:
        return Say(b"<html>Bad gateway</html>", status=502) if down else brain(request)

    async with ScriptedAcs(answer) as acs, stage(tmp_path, cwmp={"mode": "mediator", "upstream": acs.url}) as place:
        down = True
        place.cpe.tell("4 VALUE CHANGE")
        await place.cpe.until(lambda: len(place.cpe.failures) >= 2)
        assert any(entry.facts["what"] == "upstream_lost" for entry in place.entries(Kind.CPE_EVENT))
        asked, told = len(acs.requests), len(place.rpcs())
        down = False
        await place.cpe.until(lambda: "4 VALUE CHANGE" in place.cpe.events and not place.cpe.in_session, seconds=20)
        heard = [one.body for one in acs.requests[asked:] if method_in(one.body) == "Inform"]
        assert any(b"4 VALUE CHANGE" in body for body in heard)
        assert place.rpcs()[told:][:2] == ["SetParameterValues", "GetParameterValues"]

"""A gateway process between a simulated CPE and an ACS: provisioning goes on, a rep works in the same CPE session."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit.entry import Kind
from config.settings import CwmpSettings
from drivers.lab.cpe.config import FAST, CpeConfig
from drivers.lab.cpe.cpe import SimulatedCpe
from gateway.cwmp.scripted_acs import ScriptedAcs
from tests.cwmp_house import acs_that_asks, get, method_in, put
from tests.real.ground import free_port
from tests.running import LoopThread, RunningGateway
from tests.system.records import Records

DEVICE = "00D09E-Lab-0001"
PASSWORD = "a-cpe-secret-of-its-own"
PROVISIONING = (
    get("Device.DeviceInfo."),
    put({"Device.ManagementServer.ConnectionRequestUsername": "acs",
         "Device.ManagementServer.ConnectionRequestPassword": "knock-knock"}),
    "<cwmp:FactoryReset/>",
    put({"Device.ManagementServer.URL": "http://127.0.0.1:1/elsewhere"}),
    get("Device.Hosts."),
)  # fmt: skip


@dataclass
class Street:
    """All that runs."""

    gateway: RunningGateway
    acs: ScriptedAcs
    cpe: SimulatedCpe
    loop: LoopThread
    records: Records
    """Since before the CPE booted."""


@pytest.fixture
def street(tmp_path: Path, loop_thread: LoopThread) -> Iterator[Street]:
    acs = ScriptedAcs(acs_that_asks(*PROVISIONING), sign_in="digest", users={DEVICE: PASSWORD})
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
        cpe = SimulatedCpe(CpeConfig(acs=f"http://127.0.0.1:{plain}/cwmp", user=DEVICE, password=PASSWORD, pace=FAST))
        records = Records(gateway)
        loop_thread.run(cpe.__aenter__())
        try:
            yield Street(gateway, acs, cpe, loop_thread, records)
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
    done = gateway.ssh("alice", "ann-home", stdin=b"get Device.DeviceInfo.ModelName\nexit\n", timeout=30)
    assert done.returncode == 0, done.stderr.decode()
    assert "Device.DeviceInfo.ModelName" in done.stdout.decode()
    assert cpe.knocks[-1][2] in (200, 204)
    assert b"ModelName" not in b"".join(one.body for one in acs.requests[7:])

    assert [entry.facts["rule"] for entry in street.records.of(Kind.RPC_BLOCKED)] == [
        "machine.m-reset", "machine.m-acs", "machine.m-home",
    ]  # fmt: skip

"""What a rep changes on a CPE, over ssh: undo says first what it takes back, an instance comes with its values, and a
policy that is switched meanwhile counts from the next line on."""

from pathlib import Path

import pytest

from audit.entry import Kind
from drivers.lab.cpe.cpe import Arrived
from gateway.policy.cwmp.policy import PARAMS, shipped_files
from gateway.policy.load import compile_bundle, read_files
from tests.cwmp_stage import ASKING, Place, stage

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

CHANNEL = {
    "tr181": "Device.WiFi.Radio.1.Channel",
    "tr098": "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.Channel",
}
TABLE = {
    "tr181": "Device.DHCPv4.Server.Pool.1.StaticAddress.",
    "tr098": "InternetGatewayDevice.LANDevice.1.LANHostConfigManagement.DHCPStaticAddress.",
}


@pytest.mark.parametrize("model", ["tr181", "tr098"])
async def test_undo_says_what_it_takes_back_and_then_asks(tmp_path: Path, model: str) -> None:
    path = CHANNEL[model]
    async with stage(tmp_path, model=model) as place:
        await place.grant()
        async with place.rep() as rep:
            shown = await rep.run("undo")
            assert "Nothing was changed in this session" in shown
            assert ASKING not in shown
            before = place.cpe.values[path]
            await rep.run(f"set {path} 11")
            told = place.rpcs()
            shown = await rep.run("undo", answer="n")
            assert f"{path}: 11 -> {before}\n`undo` can interrupt" in shown
            assert "Not sent." in shown
            assert place.rpcs() == told
            place.cpe.values[path] = "3"
            shown = await rep.run("undo")
            assert f"% {path} is not 11 any more." in shown
            assert place.cpe.values[path] == "3"
            shown = await rep.run("undo")
            assert f"{path}: 3 -> {before}\n`undo` can interrupt" in shown
            assert shown.endswith("Send it? [y/N] y\nWritten, and read back the same.\n")
            assert place.cpe.values[path] == before


@pytest.mark.parametrize("model", ["tr181", "tr098"])
async def test_an_instance_comes_with_its_values_or_not_at_all(tmp_path: Path, model: str) -> None:
    table = TABLE[model]
    async with stage(tmp_path, model=model) as place:
        await place.grant(["lan.config.write", "lan.hosts.read"])
        async with place.rep() as rep:
            shown = await rep.run(f"add {table} Yiaddr 192.168.1.77 Enable true")
            assert f"Added {table}2.\n" in shown
            assert f'{table}2.Yiaddr: "" -> 192.168.1.77\n' in shown
            assert "Written, and read back the same." in shown
            assert place.cpe.values[f"{table}2.Yiaddr"] == "192.168.1.77"
            shown = await rep.run(f"add {table} Yiaddr 192.168.1.78 Nope 1")
            assert f"The router has no {table}3.Nope; nothing was written." in shown
            assert f"Deleted {table}3.\n" in shown
            assert f"{table}3.Yiaddr" not in place.cpe.values
            shown = await rep.run("undo")
            assert f"{table}2. was added in this session; it is deleted again.\n`undo` can interrupt" in shown
            assert f"{table}2.Yiaddr" not in place.cpe.values
            assert "Nothing was changed" in await rep.run("undo")
        purposes = [
            (str(entry.facts["method"]), str(entry.facts["purpose"])) for entry in place.entries(Kind.RPC_INTENT)
            if entry.facts["method"] in {"AddObject", "SetParameterValues", "DeleteObject"}
            and entry.facts["purpose"] != "machine"
        ]  # fmt: skip
        assert purposes == [
            ("AddObject", "command"), ("SetParameterValues", "command"),
            ("AddObject", "command"), ("DeleteObject", "undo"),
            ("DeleteObject", "command"),
        ]  # fmt: skip


async def test_an_instance_whose_router_goes_away_before_its_values_is_deleted_at_the_next_call(tmp_path: Path) -> None:
    table = TABLE["tr181"]
    places: list[Place] = []

    def cut(message: Arrived) -> None:
        if message.method == "SetParameterValues" and b"Yiaddr" in message.body:
            next(iter(places[0].house.live)).end("killed")

    async with stage(tmp_path, on_received=cut) as place:
        places.append(place)
        await place.grant(["lan.config.write", "lan.hosts.read"])
        async with place.rep() as rep:
            rep.type(f"add {table} Yiaddr 192.168.1.77")
            await rep.until(ASKING)
            rep.type("y")
            await rep.ended()
        await place.cpe.inform_now()
        assert place.rpcs()[-1] == "DeleteObject"
        assert f"{table}2.Yiaddr" not in place.cpe.values


SERIAL = "Device.DeviceInfo.SerialNumber"
HIDES = f"""rows:
- {{id: test-1, class: forbidden, read: deny, write: deny, no: mgmt.tamper, paths: [{SERIAL}], why: "Not shown."}}
"""


async def test_a_line_is_carried_out_by_the_policy_that_it_was_judged_by(tmp_path: Path) -> None:
    """The switch comes between its first RPC and its last; the next line and the next session are under the new one."""
    files = {"cwmp.yaml": read_files()["cwmp.yaml"], **shipped_files()}
    files[PARAMS] = files[PARAMS].replace(b"rows:\n", HIDES.encode(), 1)
    stricter = compile_bundle(files)
    places: list[Place] = []

    def switch(message: Arrived) -> None:
        if places and message.method == "GetParameterNames":
            places[0].house.service.parts.policy.bundle = stricter

    async with stage(tmp_path, on_received=switch) as place:
        await place.grant()
        async with place.rep() as rep:
            places.append(place)
            assert SERIAL in await rep.run("get Device.DeviceInfo.")
            assert place.house.service.parts.policy.bundle is stricter
            shown = await rep.run("get Device.DeviceInfo.")
            assert "UpTime" in shown
            assert SERIAL not in shown
            assert "Serial number" not in await rep.run("show device")
            rep.type("exit")
            await rep.ended()
        async with place.rep() as rep:
            assert SERIAL not in await rep.run("get Device.DeviceInfo.")
        kept = [entry.facts for entry in place.entries(Kind.RPC_RESULT) if "hidden" in entry.facts]
        before, after, *_ = [int(facts["hidden"]) for facts in kept]
        assert after == before + 1, "the record follows the same policy as the screen"

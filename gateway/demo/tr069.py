"""The second act of the demo: the same promises for a router that speaks only TR-069. Counterpart: `story`.

The router is the simulated CPE of `drivers.lab.cpe`, which shares no code with the gateway's side of the protocol.
"""

import asyncio
import time
from typing import Final

from audit.entry import Kind
from drivers.lab.cpe.config import CpeConfig, Pace
from drivers.lab.cpe.cpe import SimulatedCpe
from drivers.session import Credential
from gateway import exits
from gateway.demo.players import STEP_SECONDS, DemoFailed, Terminal
from gateway.demo.scene import Scene
from gateway.session.admin import RouterEntry

CPE: Final = "home-8"
DEVICE: Final = "00D09E-Lab-0001"
PROMPT: Final = "home-8(tr181)> "
PACE: Final = Pace(boot=0.1, transfer=0.2, diagnostics=0.3, retry=0.5, answer=10, second=0.2)
_PASSWORD: Final = "demo-only-password"  # noqa: S105 - of a simulated router, on loopback
_OURS: Final = frozenset({"InformResponse", "SetParameterValues"})
"""What the gateway tells a CPE by itself: that it was heard, and with what it is woken."""


async def second_act(scene: Scene) -> None:
    """From the first call of the router to the cut in mid-session. Raises `DemoFailed`."""
    house = scene.house
    router = await house.registry.register(
        RouterEntry(
            name=CPE,
            platform="cwmp",
            address="",
            port=0,
            host_key="",
            credential=Credential(user=CPE, password=_PASSWORD),
            device=DEVICE,
        )
    )
    await house.registry.add_contact(router.subscriber_ref, "mail", "neighbour@demo.example")
    config = CpeConfig(
        acs=f"http://127.0.0.1:{house.station.port(tls=False)}/", user=CPE, password=_PASSWORD, pace=PACE
    )
    async with SimulatedCpe(config) as cpe:
        await _calls(scene, cpe)
        await _asks(scene, cpe)
        async with Terminal.open(scene.ssh, f"{CPE}@127.0.0.1", prompt=PROMPT) as terminal:
            await _looks(scene, cpe, terminal)
            await _changes(scene, cpe, terminal)
            await _goes_no_further(scene, cpe, terminal)
            await _is_cut(scene, cpe, terminal)


async def _calls(scene: Scene, cpe: SimulatedCpe) -> None:
    teller = scene.teller
    teller.step("A router without a command line calls: TR-069")
    async with asyncio.timeout(STEP_SECONDS):
        while not any(  # noqa: ASYNC110 the inventory has no bell
            one.cr_password and one.informed_at for one in scene.house.station.known()
        ):
            await asyncio.sleep(0.05)
    known = scene.house.station.known()[0]
    teller.tell(f"{known.router_name}  {known.device_key}  {known.identity}  software {known.software}")
    teller.check(known.identity == "plain-digest", "it proved who it is, and the record says how well")
    teller.typed(f"ssh {CPE}@gateway 'show wifi'")
    status, _, err = await scene.ssh.run(f"{CPE}@127.0.0.1", "show wifi")
    teller.tell(err)
    teller.check(status == exits.NOT_PERMITTED, "without consent the rep is refused")
    teller.check({one.method for one in cpe.received} <= _OURS, "and nothing of theirs reached the router")


async def _asks(scene: Scene, cpe: SimulatedCpe) -> None:
    teller = scene.teller
    words = f"request {CPE} --ticket T-1043 --reason 'Slow Wi-Fi upstairs' --minutes 20 --scope device.reboot"
    teller.typed(f'ssh vestibule@gateway "{words}"')
    status, _, err = await scene.ssh.run("vestibule@127.0.0.1", words)
    if status != 0:
        raise DemoFailed(f"The request was refused: {err}")
    await scene.subscriber.open(await scene.link())
    await scene.subscriber.press("/grant", scope=["device.reboot"], minutes="20")
    arrived = {one.method for one in cpe.received}
    teller.check(arrived <= _OURS, "the subscriber agrees, as for any router")


async def _looks(scene: Scene, cpe: SimulatedCpe, terminal: Terminal) -> None:
    teller = scene.teller
    teller.step("The rep looks, with plain ssh again")
    teller.typed(f"ssh {CPE}@gateway")
    banner = await terminal.until(PROMPT)
    teller.check("recorded" in banner, "the router was asked to call, and did")
    for line in ("show wifi", "get Device.WiFi.AccessPoint.1.Security.", "diagnose ping 9.9.9.9"):
        teller.typed(line)
        shown = await terminal.type(line)
        teller.tell("\n".join([text for text in shown.splitlines()[1:] if text.strip()][:6]))
        teller.check("\n% " not in shown and "Refused" not in shown, f"`{line}` ran")
    secret = cpe.values["Device.WiFi.AccessPoint.1.Security.KeyPassphrase"]
    asked = b"".join(one.body for one in cpe.received if one.method == "GetParameterValues")
    teller.check(bool(secret) and b"KeyPassphrase" not in asked, "the Wi-Fi password was not even asked for")


async def _changes(scene: Scene, cpe: SimulatedCpe, terminal: Terminal) -> None:
    teller = scene.teller
    teller.step("A change shows what it changes, and can be undone")
    before = cpe.values["Device.WiFi.Radio.1.Channel"]
    teller.typed("set wifi channel 11")
    await terminal.type("set wifi channel 11", until="[y/N]")
    teller.typed("y")
    teller.tell(await terminal.type("y"))
    teller.check(cpe.values["Device.WiFi.Radio.1.Channel"] == "11", "the channel is 11 on the router")
    teller.typed("undo")
    await terminal.type("undo", until="[y/N]")
    teller.typed("y")
    teller.tell(await terminal.type("y"))
    teller.check(cpe.values["Device.WiFi.Radio.1.Channel"] == before, f"and {before} again after `undo`")


async def _goes_no_further(scene: Scene, cpe: SimulatedCpe, terminal: Terminal) -> None:
    teller = scene.teller
    teller.step("The router and no further")
    before = len(cpe.received)
    for line in ("set Device.ManagementServer.URL http://elsewhere.example/", "get Device.UserInterface.HTTPAccess."):
        teller.typed(line)
        shown = await terminal.type(line)
        teller.tell("\n".join(shown.splitlines()[1:-1]))
    arrived = [one.method for one in cpe.received[before:]]
    teller.check("SetParameterValues" not in arrived, "the router was not told to call somebody else")
    told = [one.method for one in cpe.received if one.is_rpc]
    teller.check(told == _recorded(scene), f"the {len(told)} RPCs that it received are on record, in this order")


async def _is_cut(scene: Scene, cpe: SimulatedCpe, terminal: Terminal) -> None:
    teller = scene.teller
    teller.step("Consent withdrawn: nothing stays behind")
    await scene.subscriber.reload()
    start = time.monotonic()
    await scene.subscriber.press("/revoke")
    status, _ = await terminal.ended()
    took = time.monotonic() - start
    teller.check(status != 0, f"the session is closed, {took * 1000:.0f} ms after the click")
    before = len(cpe.received)
    await cpe.inform_now()
    later = [one.method for one in cpe.received[before:] if one.method != "InformResponse"]
    teller.check(not later, "when it calls again, nothing waits for it")


def _recorded(scene: Scene) -> list[str]:
    """Methods of all recorded RPCs, in the order of the log."""
    reader = scene.house.journal.reader()
    try:
        return [str(one.facts["method"]) for one in reader.entries() if one.kind is Kind.RPC_INTENT]
    finally:
        reader.close()

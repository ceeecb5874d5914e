"""Every RPC that an ACS may send, through the mediator to a simulated CPE of both data models, and its answer back."""

import pytest

from audit.entry import Kind
from drivers.cwmp.codec.envelope import decode
from drivers.cwmp.messages import Attributes, Done, Fault, Methods, Names, Transfers, Values
from drivers.lab.cpe.config import FAST, CpeConfig
from drivers.lab.cpe.cpe import SimulatedCpe
from gateway.cwmp.relay import HEAVY
from gateway.cwmp.scripted_acs import ScriptedAcs
from gateway.cwmp.upstream import upstream_acs
from tests.cwmp_house import (
    FIRMWARE_HOST,
    PASSWORD,
    USER,
    CwmpHouse,
    acs_that_asks,
    ann,
    get,
    method_in,
    put,
)

ROOTS = {"tr181": "Device.", "tr098": "InternetGatewayDevice."}


def rpcs(root: str) -> dict[str, tuple[str, type]]:
    """Element, and what its answer is."""
    interval = f"{root}ManagementServer.PeriodicInformInterval"
    listed = f"<ParameterNames><string>{interval}</string></ParameterNames>"
    notify = (
        f"<ParameterList><SetParameterAttributesStruct><Name>{interval}</Name><NotificationChange>true"
        "</NotificationChange><Notification>2</Notification><AccessListChange>0</AccessListChange><AccessList/>"
        "</SetParameterAttributesStruct></ParameterList>"
    )
    download = (
        "<CommandKey>acs-dl</CommandKey><FileType>1 Firmware Upgrade Image</FileType>"
        f"<URL>https://{FIRMWARE_HOST}/v2.bin</URL><Username/><Password/><FileSize>1</FileSize><TargetFileName/>"
        "<DelaySeconds>600</DelaySeconds><SuccessURL/><FailureURL/>"
    )
    return {
        "GetRPCMethods": ("<cwmp:GetRPCMethods/>", Methods),
        "GetParameterNames": (
            (
                f"<cwmp:GetParameterNames><ParameterPath>{root}</ParameterPath><NextLevel>true</NextLevel>"
                "</cwmp:GetParameterNames>"
            ),
            Names,
        ),
        "GetParameterValues": (get(f"{root}DeviceInfo."), Values),
        "SetParameterValues": (put({interval: "300"}, "acs-key"), Done),
        "GetParameterAttributes": (f"<cwmp:GetParameterAttributes>{listed}</cwmp:GetParameterAttributes>", Attributes),
        "SetParameterAttributes": (f"<cwmp:SetParameterAttributes>{notify}</cwmp:SetParameterAttributes>", Done),
        "GetQueuedTransfers": ("<cwmp:GetQueuedTransfers/>", Transfers),
        "GetAllQueuedTransfers": ("<cwmp:GetAllQueuedTransfers/>", Transfers),
        "ScheduleInform": (
            "<cwmp:ScheduleInform><DelaySeconds>3600</DelaySeconds><CommandKey>acs-si</CommandKey></cwmp:ScheduleInform>",
            Done,
        ),
        "Download": (f"<cwmp:Download>{download}</cwmp:Download>", Done),
        "CancelTransfer": ("<cwmp:CancelTransfer><CommandKey>acs-dl</CommandKey></cwmp:CancelTransfer>", Done),
        "Reboot": ("<cwmp:Reboot><CommandKey>acs-rb</CommandKey></cwmp:Reboot>", Done),
    }


@pytest.mark.parametrize("model", ["tr181", "tr098"])
async def test_every_rpc_comes_through_and_its_answer_back(model):
    wanted = rpcs(ROOTS[model])
    asked: list[str] = []
    async with (
        ScriptedAcs(acs_that_asks(*[element for element, _ in wanted.values()])) as acs,
        CwmpHouse(upstream_acs(acs.url), ann(device_key="00D09E-Lab-0001")) as house,
        SimulatedCpe(
            CpeConfig(acs=house.url, user=USER, password=PASSWORD, model=model, pace=FAST),
            on_received=lambda message: asked.append(message.method) if message.is_rpc else None,
        ) as cpe,
    ):
        await cpe.booted()
        assert asked == list(wanted)
        answers = [decode(one.body, sender="cpe") for one in acs.requests[2 : 2 + len(wanted)]]
        for (name, (_, kind)), answer in zip(wanted.items(), answers, strict=True):
            assert answer.id == "acs-77"
            assert isinstance(answer.message, kind), (name, answer)
            assert not isinstance(answer.message, Fault)
        # the reboot is the ACS's, so its key comes back to the ACS
        await cpe.until(lambda: "M Reboot" in cpe.events)
        told = [one.body for one in acs.requests if method_in(one.body) == "Inform"]
        assert b"acs-rb" in told[-1]
        intents = house.entries(Kind.RPC_INTENT)
        assert [one["method"] for one in intents][: len(wanted)] == list(wanted)
        assert len(await house.results(len(intents))) == len(intents)


async def test_objects_come_and_go():
    """AddObject's instance number is the CPE's; nothing of the household's openings can be added."""
    add = "<cwmp:AddObject><ObjectName>{}</ObjectName><ParameterKey>k</ParameterKey></cwmp:AddObject>"
    asks = (
        add.format("Device.DHCPv4.Server.Pool.1.StaticAddress."),
        add.format("Device.NAT.PortMapping."),
        "<cwmp:DeleteObject><ObjectName>Device.NAT.PortMapping.1.</ObjectName><ParameterKey/></cwmp:DeleteObject>",
    )
    async with (
        ScriptedAcs(acs_that_asks(*asks)) as acs,
        CwmpHouse(upstream_acs(acs.url), ann(device_key="00D09E-Lab-0001")) as house,
        SimulatedCpe(CpeConfig(acs=house.url, user=USER, password=PASSWORD, pace=FAST)) as cpe,
    ):
        await cpe.booted()
        assert [one.method for one in cpe.rpcs] == ["AddObject"]
        answers = [decode(one.body, sender="cpe").message for one in acs.requests[2:]]
        assert isinstance(answers[0], Done | Fault)
        assert [answer.code for answer in answers[1:]] == [9001, 9001]


async def test_an_answer_of_thousands_of_values_is_filtered_like_any():
    many = {f"Device.DeviceInfo.X_ACME_Note.{n}.Text": "rw string seen" for n in range(1, HEAVY + 10)}
    hidden = {"Device.DeviceInfo.Location.9.DataObject": "rw string unseen"}
    async with (
        ScriptedAcs(acs_that_asks(get("Device.DeviceInfo."))) as acs,
        CwmpHouse(upstream_acs(acs.url), ann(device_key="00D09E-Lab-0001")) as house,
        SimulatedCpe(
            CpeConfig(acs=house.url, user=USER, password=PASSWORD, pace=FAST, extra={**many, **hidden})
        ) as cpe,
    ):
        await cpe.booted()
        answer = decode(acs.requests[2].body, sender="cpe").message
        assert isinstance(answer, Values)
        assert len([one for one in answer.values if one.value == "seen"]) == len(many)
        assert b"unseen" not in acs.requests[2].body
        assert next(iter(await house.results(1)))["hidden"] > 0

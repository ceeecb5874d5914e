"""Between a CPE and the provider's ACS, over real sockets: what passes, what never does, and what is on record."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import RecordRefused
from audit.rpc import NewRpc, RecordedRpc
from config.ids import new_id
from drivers.cwmp.codec.envelope import Envelope, encode, method_of
from drivers.cwmp.known import KnownCpe
from drivers.cwmp.link import CpeLink
from drivers.cwmp.messages import Done, GetParameterValues, Reboot, Request, Values
from drivers.errors import RouterUnreachable
from gateway.cwmp.scripted_acs import DROP, SILENCE, Raw, Say, ScriptedAcs, Step
from gateway.cwmp.upstream import upstream_acs
from tests.cwmp_house import (
    NS,
    SET_DONE,
    CwmpHouse,
    RawCpe,
    acs_that_asks,
    ann,
    get,
    got,
    id_of,
    inform,
    method_in,
    put,
    soap,
    value,
)

UPTIME = "Device.DeviceInfo.UpTime"
SERVER = "Device.ManagementServer."


@asynccontextmanager
async def scene(
    *asks: str | Step, told: dict[str, Step] | None = None, seconds: float = 5.0, known: KnownCpe | None = None
) -> AsyncIterator[tuple[ScriptedAcs, CwmpHouse, RawCpe]]:
    """An ACS that asks, the gateway, a CPE that is connected."""
    async with ScriptedAcs(acs_that_asks(*asks, told=told)) as acs:
        upstream = replace(upstream_acs(acs.url), seconds=seconds)
        async with CwmpHouse(upstream, known or ann()) as house, RawCpe(house.port) as cpe:
            yield acs, house, cpe


def of_cpe(body: bytes) -> str:
    """What an envelope is about: method and, of a fault, its code."""
    method = method_in(body)
    return method + body.partition(b"<FaultCode>")[2][:4].decode() if method == "Fault" else method


# --- what passes ------------------------------------------------------------------------------------------------------


async def test_a_session_from_inform_to_204() -> None:
    async with scene(get(UPTIME), put({f"{SERVER}PeriodicInformInterval": "300"})) as (acs, house, cpe):
        said = await cpe.session([got(Device__DeviceInfo__UpTime="5"), SET_DONE])
        assert [one and one.status for one in said] == [200, 200, 200, 204]
        assert [method_in(one.body) for one in acs.requests] == [
            "Inform", "", "GetParameterValuesResponse", "SetParameterValuesResponse",
        ]  # fmt: skip
        assert b">5</Value>" in acs.requests[2].body
        assert house.entries(Kind.RPC_INTENT) == [
            {"method": "GetParameterValues", "purpose": "machine", "rule": "machine.m-methods"},
            {"method": "SetParameterValues", "purpose": "machine", "rule": "machine.m-methods"},
        ]
        assert [one.get("values", one.get("status")) for one in await house.results(2)] == [1, 0]


async def test_each_side_has_ids_cookies_and_a_namespace_of_its_own() -> None:
    async with scene(get(UPTIME)) as (acs, _house, cpe):
        said = await cpe.session([got(Device__DeviceInfo__UpTime="5")])
        asked = said[1]
        assert asked is not None
        assert "acs-77" not in cpe.bytes.decode()
        assert "acs-session" not in cpe.bytes.decode()
        assert id_of(asked.body) not in {"acs-77", None}
        assert id_of(acs.requests[2].body) == "acs-77"
        assert id_of(acs.requests[0].body) != "1"
        assert all(f'"{NS}"'.encode() in one.body for one in acs.requests if one.body)
        assert all(not one.header("authorization") for one in acs.requests)


async def test_what_the_CPE_reports_is_told_to_the_ACS() -> None:
    report = (
        "<cwmp:TransferComplete><CommandKey>acs-key</CommandKey><FaultStruct><FaultCode>0</FaultCode><FaultString/>"
        "</FaultStruct><StartTime>2026-11-23T10:00:00Z</StartTime><CompleteTime>2026-11-23T10:00:09Z</CompleteTime>"
        "</cwmp:TransferComplete>"
    )
    async with scene() as (acs, house, cpe):
        await cpe.say(soap(inform("7 TRANSFER COMPLETE")))
        answer = await cpe.say(soap(report, "tc-9"))
        assert answer is not None
        assert (method_in(answer.body), id_of(answer.body)) == ("TransferCompleteResponse", "tc-9")
        assert b"acs-key" in acs.requests[1].body
        methods = await cpe.say(soap("<cwmp:GetRPCMethods/>", "m-1"))
        assert methods is not None
        assert b"<string>Inform</string>" in methods.body
        assert {"what": "TransferComplete"} in house.entries(Kind.CPE_EVENT)
        over = await cpe.say(b"")
        assert over is not None
        assert over.status == 204


CPE_REQUESTS = {
    "Kicked": (
        "<cwmp:Kicked><Command>c</Command><Referer>r</Referer><Arg>a</Arg><Next>http://n.example/</Next></cwmp:Kicked>",
        "<cwmp:KickedResponse><NextURL>http://n.example/</NextURL></cwmp:KickedResponse>",
        "KickedResponse",
    ),
    "RequestDownload": (
        "<cwmp:RequestDownload><FileType>1 Firmware Upgrade Image</FileType><FileTypeArg/></cwmp:RequestDownload>",
        "<cwmp:RequestDownloadResponse/>",
        "RequestDownloadResponse",
    ),
    "AutonomousTransferComplete": (
        (
            "<cwmp:AutonomousTransferComplete><AnnounceURL/><TransferURL>http://u.example/f</TransferURL><IsDownload>1"
            "</IsDownload><FileType>1 Firmware Upgrade Image</FileType><FileSize>9</FileSize><TargetFileName/>"
            "<FaultStruct><FaultCode>0</FaultCode><FaultString/></FaultStruct><StartTime>2026-11-23T10:00:00Z</StartTime>"
            "<CompleteTime>2026-11-23T10:00:09Z</CompleteTime></cwmp:AutonomousTransferComplete>"
        ),
        "<cwmp:AutonomousTransferCompleteResponse/>",
        "AutonomousTransferCompleteResponse",
    ),
    "DUStateChangeComplete": (
        "<cwmp:DUStateChangeComplete><Results/><CommandKey>k</CommandKey></cwmp:DUStateChangeComplete>",
        "<cwmp:DUStateChangeCompleteResponse/>",
        "DUStateChangeCompleteResponse",
    ),
    "X_ACME_Event": ("<cwmp:X_ACME_Event><A>1</A></cwmp:X_ACME_Event>", "", "Fault8000"),
}


@pytest.mark.parametrize("method", CPE_REQUESTS)
async def test_each_request_of_a_CPE_gets_its_answer(method: str) -> None:
    request, answer, expected = CPE_REQUESTS[method]
    async with scene(told={method: Say(soap(answer))}) as (acs, _house, cpe):
        await cpe.say(soap(inform()))
        said = await cpe.say(soap(request, "r-1"))
        assert said is not None
        assert (said.status, of_cpe(said.body), id_of(said.body)) == (200, expected, "r-1")
        assert [method_in(one.body) for one in acs.requests][1:] == ([method] if answer else [])
        over = await cpe.say(b"")
        assert over is not None
        assert over.status == 204


async def test_a_transfer_of_a_support_session_is_not_the_ACSs_business() -> None:
    async with scene() as (acs, house, cpe):
        session, router = new_id(), house.cpes[0].router_id
        await house.owed.expects(router, session, f"{session}-1", "Download")
        await cpe.say(soap(inform("7 TRANSFER COMPLETE", "M Download")))
        answer = await cpe.say(
            soap(
                f"<cwmp:TransferComplete><CommandKey>{session}-1</CommandKey><FaultStruct><FaultCode>0</FaultCode>"
                "<FaultString/></FaultStruct><StartTime/><CompleteTime/></cwmp:TransferComplete>"
            )
        )
        assert answer is not None
        assert method_in(answer.body) == "TransferCompleteResponse"
        assert [method_in(one.body) for one in acs.requests] == ["Inform"]
        assert {"what": "TransferComplete", "session": session} in house.entries(Kind.CPE_EVENT)


async def test_a_fault_of_the_CPE_is_a_fault_for_the_ACS() -> None:
    fault = (
        "<soap:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
        "<FaultCode>9005</FaultCode><FaultString>Invalid name</FaultString></cwmp:Fault></detail></soap:Fault>"
    )
    async with scene(get(UPTIME)) as (acs, house, cpe):
        said = await cpe.session([fault])
        assert said[-1] is not None
        assert said[-1].status == 204
        assert of_cpe(acs.requests[-1].body) == "Fault9005"
        assert (await house.results(1))[0]["fault"] == 9005


async def test_a_fault_of_the_ACS_to_an_inform_ends_the_session() -> None:
    fault = Say(soap(
        "<soap:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
        "<FaultCode>8005</FaultCode><FaultString>Retry request</FaultString></cwmp:Fault></detail></soap:Fault>"
    ))  # fmt: skip
    async with scene(told={"Inform": fault}) as (_acs, house, cpe):
        said = await cpe.say(soap(inform()))
        assert said is not None
        assert of_cpe(said.body) == "Fault8005"
        assert house.entries(Kind.CPE_EVENT) == []


# --- what never passes ------------------------------------------------------------------------------------------------

MARK = "x-MARK-x"
DOWNLOAD = (
    "<cwmp:Download><CommandKey>x-MARK-x</CommandKey><FileType>{kind}</FileType><URL>{url}</URL><Username/><Password/>"
    "<FileSize>1</FileSize><TargetFileName/><DelaySeconds>0</DelaySeconds><SuccessURL/><FailureURL/></cwmp:Download>"
)
REFUSED = {
    "factory reset": "<cwmp:FactoryReset/>",
    "upload": f"<cwmp:Upload><CommandKey>{MARK}</CommandKey><FileType>1 Vendor Configuration File</FileType>"
    "<URL>http://x-MARK-x.example/</URL><Username/><Password/><DelaySeconds>0</DelaySeconds></cwmp:Upload>",
    "firmware from anywhere": DOWNLOAD.format(kind="1 Firmware Upgrade Image", url="http://x-MARK-x.example/f.bin"),
    "configuration": DOWNLOAD.format(kind="3 Vendor Configuration File", url="https://firmware.isp.example/x-MARK-x"),
    "another ACS": put({f"{SERVER}URL": f"http://{MARK}.example/"}),
    "another ACS, other letters": put({"device.managementServer.url": f"http://{MARK}.example/"}),
    "hidden among others": put({f"{SERVER}PeriodicInformInterval": "60", f"{SERVER}Password": MARK}),
    "port forwarding": "<cwmp:AddObject><ObjectName>Device.NAT.PortMapping.</ObjectName><ParameterKey>x-MARK-x"
    "</ParameterKey></cwmp:AddObject>",
    "administrator": put({"Device.Users.User.1.Password": MARK}),
    "the home's devices": get("Device.Hosts.Host.1.PhysAddress"),
    "vendor method": f"<cwmp:X_ACME_Shell><Line>{MARK}</Line></cwmp:X_ACME_Shell>",
    "foreign method": f'<x:Reboot xmlns:x="urn:{MARK}"/>',
    "software": "<cwmp:ChangeDUState><Operations/><CommandKey>x-MARK-x</CommandKey></cwmp:ChangeDUState>",
    "an object as a value": put({"Device.WiFi.": MARK}),
    "a path in another spelling": get("Device..Hosts.Host.1.PhysAddress"),
    "an answer, not a question": SET_DONE.replace("<Status>0", f"<Status>{MARK}"),
    "an Inform": f"<cwmp:Inform><DeviceId><Manufacturer>{MARK}</Manufacturer></DeviceId></cwmp:Inform>",
    "look-alikes": get("Dev\u0456ce.DeviceInfo.UpTime"),
}


UNREADABLE = {"foreign method"}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_the_profile_refuses_never_reaches_the_CPE(name: str) -> None:
    ask = REFUSED[name]
    async with scene(ask, get(UPTIME)) as (acs, house, cpe):
        said = await cpe.session([got(Device__DeviceInfo__UpTime="5")])
        assert said[-1] is not None
        if name in UNREADABLE:
            assert said[-1].status == 503
            assert house.entries(Kind.CPE_EVENT) == [{"what": "upstream_lost"}]
        else:
            assert [of_cpe(one.body) for one in acs.requests] == [
                "Inform", "", "Fault9001", "GetParameterValuesResponse",
            ]  # fmt: skip
            assert len(house.entries(Kind.RPC_BLOCKED)) == 1
            text = acs.requests[2].body.decode().partition("<FaultString>")[2].partition("<")[0]
            assert 10 < len(text) <= 256
            assert MARK not in text
            assert "Device." not in text
            assert id_of(acs.requests[2].body) == "acs-77"
            assert [one["method"] for one in house.entries(Kind.RPC_INTENT)] == ["GetParameterValues"]
        for word in (MARK, "FactoryReset", "PhysAddress", "Users", "PortMapping", "ManagementServer.URL"):
            assert word.lower() not in cpe.bytes.decode().lower()


async def test_an_ACS_that_never_stops_asking_for_the_same_is_stopped() -> None:
    async with scene(*["<cwmp:FactoryReset/>"] * 500) as (acs, house, cpe):
        said = await cpe.session()
        assert [one and one.status for one in said] == [200, 503]
        assert len(acs.requests) < 110
        assert house.entries(Kind.CPE_EVENT) == [{"what": "upstream_lost"}]


TRICKS = {
    "comments and instructions": soap(
        f"<!-- {MARK} --><cwmp:GetParameterValues><ParameterNames><?{MARK} x?><string>Device.DeviceInfo.<!-- {MARK} -->"
        "UpTime</string></ParameterNames></cwmp:GetParameterValues>"
    ),
    "CDATA": soap(
        "<cwmp:GetParameterValues><ParameterNames><string><![CDATA[Device.DeviceInfo.UpTime]]></string></ParameterNames>"
        "</cwmp:GetParameterValues>"
    ),
    "headers": soap(
        get(UPTIME),
        header="<cwmp:HoldRequests soap:mustUnderstand='1'>1</cwmp:HoldRequests><cwmp:NoMoreRequests>1"
        f"</cwmp:NoMoreRequests><{MARK}/><cwmp:UseCWMPVersion soap:mustUnderstand='1'>1.4</cwmp:UseCWMPVersion>",
    ),
    "attributes and unknown elements": soap(
        f"<cwmp:GetParameterValues {MARK}='1'><ParameterNames><string {MARK}='1'>Device.DeviceInfo.UpTime</string>"
        f"</ParameterNames><{MARK}>1</{MARK}></cwmp:GetParameterValues>"
    ),
    "prefixes": soap(get(UPTIME)).replace(b"cwmp:", b"MARK:").replace(b"xmlns:cwmp", b"xmlns:MARK"),
    "blanks": soap(get(f"\n  {UPTIME}\n ")),
    "another namespace": soap(get(UPTIME), ns="urn:dslforum-org:cwmp-1-2"),
}


AMBIGUOUS = {"comments and instructions", "attributes and unknown elements"}


@pytest.mark.parametrize("name", TRICKS)
async def test_tricks_in_the_ACSs_XML_end_at_the_gateway(name: str) -> None:
    """The CPE gets what the gateway understood, in the gateway's own words; nothing if that is not certain."""
    async with scene(Say(TRICKS[name])) as (acs, _house, cpe):
        said = await cpe.session([got(Device__DeviceInfo__UpTime="5")])
        text = cpe.bytes.decode()
        for word in ("MARK", "HoldRequests", "NoMoreRequests", "CDATA", "<!--", "UseCWMPVersion", "cwmp-1-2"):
            assert word not in text
        last = said[-1]
        assert last is not None
        assert last.status == (503 if name in AMBIGUOUS else 204)
        if name not in AMBIGUOUS:
            assert text.count(f"<string>{UPTIME}</string>") == 1
            assert method_in(acs.requests[-1].body) == "GetParameterValuesResponse"


# --- what of the answers ----------------------------------------------------------------------------------------------


async def test_the_ACS_is_not_told_the_households_secrets() -> None:
    key, host = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "Device.Hosts.Host.1.PhysAddress"
    secret = value(key, "correct horse") + value(host, "00:11:22:33:44:55") + value(UPTIME, "5")
    answer = (
        f"<cwmp:GetParameterValuesResponse><ParameterList>{secret}</ParameterList></cwmp:GetParameterValuesResponse>"
    )
    async with scene(get("Device.")) as (acs, house, cpe):
        await cpe.say(soap(inform(more=value(host, "00:11:22:33:44:55"))))
        asked = await cpe.say(b"")
        assert asked is not None
        await cpe.say(soap(answer, id_of(asked.body)))
        whole = b"".join(one.body for one in acs.requests).decode()
        assert key in whole
        for word in ("correct horse", host, "00:11:22"):
            assert word not in whole
        assert (await house.results(1))[0]["hidden"] == 2
        assert "correct horse" not in repr(list(house.journal.reader().entries()))


async def test_written_secrets_are_masked_on_record() -> None:
    wanted = put(
        {"Device.WiFi.AccessPoint.1.Security.KeyPassphrase": "battery staple", f"{SERVER}ParameterKey2": "kept"}
    )
    async with scene(wanted) as (_acs, house, cpe):
        await cpe.session([SET_DONE])
        assert b"battery staple" in cpe.bytes
        (rpc,) = house.rpcs.rpcs
        assert "battery staple" not in repr(rpc.kept)
        assert "kept" in repr(rpc.kept)


# --- order ------------------------------------------------------------------------------------------------------------


async def test_no_byte_of_an_RPC_leaves_before_its_entry_is_durable() -> None:
    async with scene(get(UPTIME), get(UPTIME), get(UPTIME)) as (_acs, house, cpe):
        house.rpcs.slow = 0.05
        await cpe.session([got(Device__DeviceInfo__UpTime="5")] * 3)
        durable = list(house.rpcs.durable.values())
        assert len(durable) == 3
        assert all(entry < arrived for entry, arrived in zip(durable, cpe.arrived[1:], strict=False))


async def test_what_cannot_be_recorded_is_not_sent() -> None:
    async with scene(get(UPTIME)) as (acs, house, cpe):
        await cpe.say(soap(inform()))
        house.rpcs.fails = True
        assert await cpe.say(b"") is None
        assert b"UpTime" not in cpe.bytes
        assert [method_in(one.body) for one in acs.requests] == ["Inform", ""]


# --- the ACS is lost --------------------------------------------------------------------------------------------------

LOSSES: dict[str, Step] = {
    "refused": Say(status=500),
    "busy": Say(status=503, headers=(("Retry-After", "3600"),)),
    "dropped": DROP,
    "silent": SILENCE,
    "redirect": Say(status=302, headers=(("Location", "http://x-MARK-x.example/"),)),
    "moved": Say(status=307, headers=(("Location", "/elsewhere"),)),
    "no XML": Say(b"hello"),
    "HTML": Say(b"<html><body>Bad gateway</body></html>"),
    "half": Raw(Say(soap(get(UPTIME))).wire()[:-20]),
    "two envelopes": Say(soap(get(UPTIME)) + soap("<cwmp:FactoryReset/>")),
    "two messages": Say(soap(get(UPTIME) + "<cwmp:FactoryReset/>")),
    "two answers": Raw(Say(soap(get(UPTIME))).wire() * 2),
    "DOCTYPE": Say(b'<!DOCTYPE x [<!ENTITY a "b">]>' + soap(get("&a;"))),
    "blank body": Say(b" \n"),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
@pytest.mark.parametrize("step", ["inform", "turn", "answer"])
async def test_a_lost_ACS_makes_the_CPE_come_again(loss: Step, step: str) -> None:
    told = {"Inform": loss} if step == "inform" else None
    asks = [get(UPTIME), loss] if step == "answer" else [loss]
    async with scene(*asks, told=told, seconds=0.2) as (_acs, house, cpe):
        said = await cpe.session([got(Device__DeviceInfo__UpTime="5")] * 2)
        last = said[-1]
        assert last is not None
        assert (last.status, last.body) == (503, b"")
        assert 7 <= int(last.header("retry-after") or 0) <= 14
        assert len(said) == {"inform": 1, "turn": 2, "answer": 3}[step]
        assert house.entries(Kind.CPE_EVENT) == [{"what": "upstream_lost"}]
        for word in ("FactoryReset", "MARK", "elsewhere", "204 No Content"):
            assert word not in cpe.bytes.decode()
        assert cpe.bytes.count(b"GetParameterValues>") == (2 if step == "answer" else 0)


async def test_an_ACS_that_is_not_there() -> None:
    async with ScriptedAcs(acs_that_asks()) as acs:
        gone = upstream_acs(acs.url)
    async with CwmpHouse(gone) as house, RawCpe(house.port) as cpe:
        said = await cpe.say(soap(inform("0 BOOTSTRAP")))
        assert said is not None
        assert said.status == 503
        assert said.header("retry-after") is not None


async def test_a_CPE_that_goes_takes_the_session_with_the_ACS_along() -> None:
    async with scene(get(UPTIME)) as (acs, house, cpe):
        await cpe.say(soap(inform()))
        asked = await cpe.say(b"")
        assert asked is not None
        assert b"UpTime" in asked.body
        cpe.hang_up()
        async with asyncio.timeout(2):
            while acs.connected:
                await asyncio.sleep(0.01)
        assert [method_in(one.body) for one in acs.requests] == ["Inform", ""]
        assert house.entries(Kind.CPE_EVENT) == []


# --- waking -----------------------------------------------------------------------------------------------------------


async def test_the_gateway_remembers_how_the_ACS_wakes_a_CPE() -> None:
    wanted = put({f"{SERVER}ConnectionRequestUsername": "acs", f"{SERVER}ConnectionRequestPassword": "knock"})
    async with scene(wanted) as (_acs, house, cpe):
        said = await cpe.session([SET_DONE])
        assert said[-1] is not None
        assert said[-1].status == 204
        known = house.directory.by_router(house.cpes[0].router_id)
        assert known is not None
        assert (known.cr_user, known.cr_password) == ("acs", "knock")
        assert known.cr_url == "http://127.0.0.1:7547/abc"
        assert "knock" not in repr(house.rpcs.rpcs[0].kept)


async def test_a_CPE_that_does_not_take_them_is_woken_as_before() -> None:
    fault = (
        "<soap:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
        "<FaultCode>9003</FaultCode><FaultString>no</FaultString></cwmp:Fault></detail></soap:Fault>"
    )
    known = ann(cr_user="old", cr_password="old-pw")
    async with scene(put({f"{SERVER}ConnectionRequestPassword": "new"}), known=known) as (_acs, house, cpe):
        await cpe.session([fault])
        now = house.directory.by_router(known.router_id)
        assert now is not None
        assert (now.cr_user, now.cr_password) == ("old", "old-pw")


# --- a rep in between -------------------------------------------------------------------------------------------------


class Rep:
    """A support session in the journal, and a console that attaches."""

    def __init__(self, house: CwmpHouse) -> None:
        self.house = house
        self.session, self.consent = new_id(), new_id()
        self._attaching: asyncio.Task[CpeLink] | None = None

    async def begin(self) -> None:
        """Wait for the CPE."""
        journal = self.house.journal
        await journal.append(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=self.consent))
        await journal.append(NewEntry(kind=Kind.SESSION_OPENED, session=self.session, consent_ref=self.consent))
        self._attaching = asyncio.create_task(
            self.house.hub.attach(self.house.cpes[0].router_id, seconds=5.0, wake=False)
        )
        await asyncio.sleep(0)

    async def link(self) -> CpeLink:
        """The CPE's."""
        assert self._attaching is not None
        return await self._attaching

    async def recorded(self, request: Request) -> RecordedRpc:
        """Under the consent."""
        id_, hour = new_id(), timedelta(hours=1)
        return await self.house.rpcs.record(
            NewRpc(
                rpc_id=id_, method=method_of(request), wire=encode(Envelope(id_, NS, request)), purpose="command",
                session=self.session, consent_ref=self.consent, of=1, deadline=self.house.clock.now() + hour,
            )
        )  # fmt: skip


async def test_a_reps_RPC_goes_before_the_ACSs() -> None:
    async with scene(get(UPTIME)) as (acs, house, cpe):
        rep = Rep(house)
        await rep.begin()
        await cpe.say(soap(inform()))
        turn = asyncio.create_task(cpe.say(b""))
        link = await rep.link()
        mine = asyncio.create_task(link.call(await rep.recorded(GetParameterValues(("Device.DeviceInfo.ModelName",)))))
        asked = await turn
        assert asked is not None
        order = [b"ModelName" in asked.body]
        if not order[0]:  # the ACS had asked before the rep was there
            asked = await cpe.say(soap(got(Device__DeviceInfo__UpTime="5"), id_of(asked.body)))
        assert asked is not None
        assert b"ModelName" in asked.body
        next_ = asyncio.create_task(cpe.say(soap(got(Device__DeviceInfo__ModelName="the-model"), id_of(asked.body))))
        answer = await mine
        assert isinstance(answer, Values)
        assert answer.values[0].value == "the-model"
        link.release()
        last = await next_
        if order[0]:
            assert last is not None
            assert b"UpTime" in last.body
            last = await cpe.say(soap(got(Device__DeviceInfo__UpTime="5"), id_of(last.body)))
        assert last is not None
        assert last.status == 204
        assert b"ModelName" not in b"".join(one.body for one in acs.requests)
        assert b"the-model" not in b"".join(one.body for one in acs.requests)


async def test_after_the_ACS_is_done_the_session_is_the_reps() -> None:
    async with scene() as (acs, house, cpe):
        rep = Rep(house)
        await rep.begin()
        await cpe.say(soap(inform()))
        turn = asyncio.create_task(cpe.say(b""))
        link = await rep.link()
        async with asyncio.timeout(2):
            while len(acs.requests) < 2 or acs.connected:
                await asyncio.sleep(0.01)
        assert link.alive
        assert not turn.done()
        mine = asyncio.create_task(link.call(await rep.recorded(Reboot("k"))))
        asked = await turn
        assert asked is not None
        over = asyncio.create_task(cpe.say(soap("<cwmp:RebootResponse/>", id_of(asked.body))))
        assert await mine == Done("Reboot")
        link.release()
        last = await over
        assert last is not None
        assert last.status == 204


@pytest.mark.parametrize("step", ["inform", "turn"])
async def test_a_rep_goes_on_alone_when_the_ACS_is_lost(step: str) -> None:
    told: dict[str, Step] | None = {"Inform": Say(status=500)} if step == "inform" else None
    async with scene(Say(status=500), told=told) as (_acs, house, cpe):
        rep = Rep(house)
        await rep.begin()
        begun = await cpe.say(soap(inform("1 BOOT")))
        assert begun is not None
        assert begun.status == 200
        turn = asyncio.create_task(cpe.say(b""))
        link = await rep.link()
        mine = asyncio.create_task(link.call(await rep.recorded(Reboot("k"))))
        asked = await turn
        assert asked is not None
        assert b"Reboot" in asked.body
        over = asyncio.create_task(cpe.say(soap("<cwmp:RebootResponse/>", id_of(asked.body))))
        assert await mine == Done("Reboot")
        link.release()
        last = await over
        assert last is not None
        assert last.status == 503, "the CPE must report to the ACS again"
        assert last.header("retry-after") is not None
        assert house.entries(Kind.CPE_EVENT) == [{"what": "upstream_lost"}]


async def test_a_revocation_between_two_of_a_reps_RPCs() -> None:
    async with scene() as (_acs, house, cpe):
        rep = Rep(house)
        await rep.begin()
        await cpe.say(soap(inform()))
        turn = asyncio.create_task(cpe.say(b""))
        link = await rep.link()
        await house.journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=rep.consent))
        with pytest.raises(RecordRefused):
            await rep.recorded(Reboot("k"))
        begun = time.monotonic()
        link.cut()
        assert await turn is None
        assert time.monotonic() - begun < 1.0
        assert b"Reboot" not in cpe.bytes


async def test_a_revocation_while_a_reps_RPC_is_out_cuts_the_ACS_off_too() -> None:
    async with scene(get(UPTIME)) as (acs, house, cpe):
        rep = Rep(house)
        await rep.begin()
        await cpe.say(soap(inform()))
        turn = asyncio.create_task(cpe.say(b""))
        link = await rep.link()
        mine = asyncio.create_task(link.call(await rep.recorded(Reboot("k"))))
        asked = await turn
        assert asked is not None
        await house.journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=rep.consent))
        link.cut()
        with pytest.raises(RouterUnreachable):
            await mine
        assert await cpe.say(soap("<cwmp:RebootResponse/>", id_of(asked.body))) is None
        async with asyncio.timeout(2):
            while acs.connected:
                await asyncio.sleep(0.01)
        assert house.entries(Kind.CPE_EVENT) == []


async def test_an_ACS_that_thinks_does_not_keep_a_rep_waiting() -> None:
    async with scene(SILENCE, seconds=1.0) as (_acs, house, cpe):
        await cpe.say(soap(inform()))
        turn = asyncio.create_task(cpe.say(b""))
        await asyncio.sleep(0.05)
        rep = Rep(house)
        await rep.begin()
        link = await asyncio.wait_for(rep.link(), 0.8)
        mine = asyncio.create_task(link.call(await rep.recorded(Reboot("k"))))
        asked = await turn
        assert asked is not None
        over = asyncio.create_task(cpe.say(soap("<cwmp:RebootResponse/>", id_of(asked.body))))
        assert await mine == Done("Reboot")
        link.release()
        last = await over
        assert last is not None
        assert last.status == 503


async def test_requests_of_a_CPE_in_the_ACSs_turn_are_for_later() -> None:
    """Quirk 26: the CPE reports something where it should answer."""
    async with scene(get(UPTIME)) as (acs, _house, cpe):
        await cpe.say(soap(inform()))
        asked = await cpe.say(b"")
        assert asked is not None
        odd = await cpe.say(soap("<cwmp:GetRPCMethods/>", "odd"))
        assert odd is not None
        assert of_cpe(odd.body) == "Fault8005"
        assert [method_in(one.body) for one in acs.requests] == ["Inform", ""]

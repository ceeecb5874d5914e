"""A gateway's CWMP front end in one process, in front of an ACS or by itself, and a CPE whose every byte is kept.

Real sockets, real HTTP, a real journal in memory. Counterparts: `gateway.cwmp.scripted_acs` plays the provider's ACS,
`drivers.lab.cpe` a CPE with a life of its own.
"""

import asyncio
import base64
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final, Self

import yaml

from audit.entry import Json, Kind
from audit.errors import RecordFailed
from audit.journal import Journal
from audit.rpc import NewRpc, RecordedRpc
from config.clock import SystemClock
from config.ids import new_id
from drivers.cwmp.codec.envelope import Envelope, encode, method_of
from drivers.cwmp.hub import CpeHub, NotToBeWoken
from drivers.cwmp.known import KnownCpe, MemoryCpeDirectory
from drivers.cwmp.messages import Request
from drivers.cwmp.quirks import STRICT
from drivers.cwmp.wire.http import HttpRequest, HttpResponse, ResponseParser, encode_request
from gateway.cwmp.acs import EmbeddedAcs
from gateway.cwmp.credentials import Rotation
from gateway.cwmp.desk import Desk
from gateway.cwmp.happenings import Happenings
from gateway.cwmp.leftovers import MemoryTexts, OwedByCpes
from gateway.cwmp.limits import Limits
from gateway.cwmp.listener import CpeListener, Door
from gateway.cwmp.mediator import Mediator
from gateway.cwmp.provider import Provider
from gateway.cwmp.reception import Reception
from gateway.cwmp.recording import CpeRecord, RpcRecord
from gateway.cwmp.relay import RelayParts
from gateway.cwmp.scripted_acs import NOTHING, Brain, Say, Step
from gateway.cwmp.seen import SeenDevices
from gateway.cwmp.sign_in import Doorkeeper
from gateway.cwmp.upkeep import Upkeep
from gateway.cwmp.upstream import UpstreamAcs
from gateway.policy.cwmp.machine import Profile, read_profile
from gateway.policy.cwmp.policy import MACHINE, shipped_files
from gateway.policy.verdict import Site

NS: Final = "urn:dslforum-org:cwmp-1-0"
FIRMWARE_HOST: Final = "firmware.isp.example"
USER, PASSWORD = "cpe-1", "cpe-password"
_SOAP: Final = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:cwmp="{ns}" '
    'xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    '<soap:Header><cwmp:ID soap:mustUnderstand="1">{id}</cwmp:ID>{header}</soap:Header>'
    "<soap:Body>{body}</soap:Body></soap:Envelope>"
)


def soap(body: str, id_: str = "1", *, ns: str = NS, header: str = "") -> bytes:
    """An envelope, written by hand."""
    return _SOAP.format(ns=ns, id=id_, body=body, header=header).encode()


def inform(*events: str, serial: str = "ABC123", root: str = "Device.", more: str = "") -> str:
    """An Inform's element."""
    told = "".join(
        f"<EventStruct><EventCode>{e}</EventCode><CommandKey/></EventStruct>" for e in events or ("2 PERIODIC",)
    )
    return (
        "<cwmp:Inform><DeviceId><Manufacturer>Acme</Manufacturer><OUI>00D09E</OUI><ProductClass>DSL2800</ProductClass>"
        f"<SerialNumber>{serial}</SerialNumber></DeviceId><Event>{told}</Event><MaxEnvelopes>1</MaxEnvelopes>"
        "<CurrentTime>2026-11-23T10:00:00Z</CurrentTime><RetryCount>0</RetryCount><ParameterList>"
        f"{value(f'{root}DeviceInfo.SoftwareVersion', '1.0')}"
        f"{value(f'{root}ManagementServer.ConnectionRequestURL', 'http://127.0.0.1:7547/abc')}{more}"
        "</ParameterList></cwmp:Inform>"
    )


def value(name: str, text: str, kind: str = "xsd:string") -> str:
    """A ParameterValueStruct."""
    return f'<ParameterValueStruct><Name>{name}</Name><Value xsi:type="{kind}">{text}</Value></ParameterValueStruct>'


def get(*names: str) -> str:
    """A GetParameterValues' element."""
    listed = "".join(f"<string>{name}</string>" for name in names)
    return f"<cwmp:GetParameterValues><ParameterNames>{listed}</ParameterNames></cwmp:GetParameterValues>"


def put(values: Mapping[str, str], key: str = "") -> str:
    """A SetParameterValues' element."""
    listed = "".join(value(name, text) for name, text in values.items())
    return (
        f"<cwmp:SetParameterValues><ParameterList>{listed}</ParameterList><ParameterKey>{key}</ParameterKey>"
        "</cwmp:SetParameterValues>"
    )


def got(**values: str) -> str:
    """A GetParameterValuesResponse's element; `__` in a name is a dot."""
    listed = "".join(value(name.replace("__", "."), text) for name, text in values.items())
    return f"<cwmp:GetParameterValuesResponse><ParameterList>{listed}</ParameterList></cwmp:GetParameterValuesResponse>"


ACCEPTED: Final = {
    "Inform": "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>",
    "TransferComplete": "<cwmp:TransferCompleteResponse/>",
    "AutonomousTransferComplete": "<cwmp:AutonomousTransferCompleteResponse/>",
    "GetRPCMethods": "<cwmp:GetRPCMethodsResponse><MethodList><string>Inform</string></MethodList>"
    "</cwmp:GetRPCMethodsResponse>",
}
SET_DONE: Final = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>"


def acs_that_asks(*asks: str | Step, id_: str = "acs-77", told: Mapping[str, Step] | None = None) -> Brain:
    """Takes what a CPE tells (`told`: other answers to that), and asks these RPCs one after the other."""
    rest = iter(asks)

    def answer(request: HttpRequest) -> Step:
        method = method_in(request.body)
        if told and method in told:
            return told[method]
        if method in ACCEPTED:
            return Say(soap(ACCEPTED[method], id_of(request.body)))
        ask = next(rest, NOTHING)
        return Say(soap(ask, id_)) if isinstance(ask, str) else ask

    return answer


def shipped_profile() -> Profile:
    """What the provider's ACS may do if nothing is set."""
    return read_profile(MACHINE, yaml.safe_load(shipped_files()[MACHINE]))


class Asleep:
    """A `Waker` that cannot wake anybody: CPEs of these tests call by themselves."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def wake(self, router_id: str) -> None:
        self.asked.append(router_id)
        raise NotToBeWoken("Nobody is woken here.")

    def expected_in(self, router_id: str) -> float | None:
        del router_id
        return 1.0


@dataclass
class Timed:
    """`RpcJournal` that notes when an entry was durable; `slow` makes that take long."""

    record_: RpcRecord
    slow: float = 0.0
    fails: bool = False
    durable: dict[str, float] = field(default_factory=dict)
    """cwmp:ID to `time.monotonic()`."""
    rpcs: list[NewRpc] = field(default_factory=list)

    async def record(self, rpc: NewRpc) -> RecordedRpc:
        if self.fails:
            raise RecordFailed("the disk is full")
        if self.slow:
            await asyncio.sleep(self.slow)
        recorded = await self.record_.record(rpc)
        self.durable[rpc.rpc_id] = time.monotonic()
        self.rpcs.append(rpc)
        return recorded

    async def answered(self, rpc: RecordedRpc, facts: Mapping[str, Json], kept: Mapping[str, Json]) -> None:
        await self.record_.answered(rpc, facts, kept)


def ann(**changes: str) -> KnownCpe:
    """A CPE of the inventory."""
    made = KnownCpe(
        router_id=new_id(), router_name="ann-home", subscriber_ref=new_id(), device_key="00D09E-DSL2800-ABC123",
        user=USER, password=PASSWORD, cr_user="", cr_password="", cr_url="",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


class CwmpHouse:
    """Runs while it is entered. With `acs` it mediates, without it is the ACS itself."""

    def __init__(
        self,
        acs: UpstreamAcs | None,
        *cpes: KnownCpe,
        profile: Profile | None = None,
        tls: ssl.SSLContext | None = None,
        retry_seconds: int = 7,
    ) -> None:
        self.cpes = cpes or (ann(),)
        self.clock = SystemClock()
        self.journal = Journal.in_memory(self.clock)
        self.directory = MemoryCpeDirectory(*self.cpes)
        self.waker = Asleep()
        self.hub = CpeHub(self.waker)
        self.rpcs = Timed(RpcRecord(self.journal))
        self.owed = OwedByCpes(MemoryTexts(), self.clock)
        self.profile = profile or shipped_profile()
        self._acs = acs
        self._tls = tls
        self._retry = retry_seconds
        self._listener: CpeListener | None = None

    @property
    def port(self) -> int:
        assert self._listener is not None
        port = self._listener.port(tls=self._tls is not None)
        assert port is not None
        return port

    @property
    def url(self) -> str:
        """What CPEs call."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/cwmp"

    def entries(self, kind: Kind) -> list[dict[str, Json]]:
        """Facts of the entries of a kind, in order."""
        return [dict(entry.head.facts) for entry in self.journal.reader().entries() if entry.kind is kind]

    async def results(self, count: int) -> list[dict[str, Json]]:
        """Facts of the answers on record, once there are so many: they go along with the next entry, or soon after."""
        async with asyncio.timeout(60):
            while len(found := self.entries(Kind.RPC_RESULT)) < count:
                await asyncio.sleep(0.01)
        return found

    async def __aenter__(self) -> Self:
        record = CpeRecord(self.journal)
        rotation = Rotation()
        upkeep = Upkeep(
            directory=self.directory, rpcs=self.rpcs, owed=self.owed, rotation=rotation,
            sets_credentials=self._acs is None,
        )  # fmt: skip
        responder: Mediator | EmbeddedAcs = EmbeddedAcs(self.hub, upkeep)
        if self._acs is not None:
            site = Site(approved_firmware_hosts=frozenset({FIRMWARE_HOST}))
            responder = Mediator(
                RelayParts(
                    acs=self._acs, provider=Provider(lambda: self.profile, site), hub=self.hub, upkeep=upkeep,
                    directory=self.directory, rpcs=self.rpcs, journal=record, retry_seconds=self._retry,
                )
            )  # fmt: skip
        reception = Reception(
            Desk(
                directory=self.directory, journal=record, responder=responder, seen=SeenDevices(), clock=self.clock,
                happenings=Happenings(record, self.owed, self.directory, self.clock),
                limits=Limits(reconnect_seconds=0.05),
                doorkeeper=Doorkeeper(b"a secret of this test's house", plain_basic=True),
                quirks_of=lambda _device, _software: STRICT, record_informs="all",
            )
        )  # fmt: skip
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        self._listener = CpeListener(reception, (Door(listening, self._tls),))
        await self._listener.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        await self._listener.stop()
        self.journal.close()


async def recorded_for(house: CwmpHouse, request: Request) -> RecordedRpc:
    """An RPC of the gateway itself, on record and ready to be sent to the first CPE."""
    id_ = new_id()
    wire = encode(Envelope(id_, NS, request))
    return await house.rpcs.record(
        NewRpc(
            rpc_id=id_,
            method=method_of(request),
            wire=wire,
            purpose="machine",
            subscriber=house.cpes[0].subscriber_ref,
        )
    )


class RawCpe:
    """A CPE that keeps every byte that reached it. One connection."""

    def __init__(self, port: int, user: str = USER, password: str = PASSWORD) -> None:
        self._port = port
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.bytes = b""
        self.arrived: list[float] = []
        """When each answer was complete."""

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Cut the connection."""
        assert self._writer is not None
        self._writer.transport.abort()

    async def say(self, body: bytes, *, seconds: float = 60.0) -> HttpResponse | None:
        """POST, and the answer; None if the gateway closed the connection instead."""
        assert self._reader is not None
        assert self._writer is not None
        headers = [("Authorization", self._authorization), ("SOAPAction", "")]
        if body:
            headers.append(("Content-Type", "text/xml"))
        parser = ResponseParser()
        self._writer.write(encode_request("POST", "/cwmp", headers, body, host="acs"))
        async with asyncio.timeout(seconds):
            while True:
                try:
                    data = await self._reader.read(65536)
                except ConnectionError:
                    data = b""
                self.bytes += data
                if not data:
                    return parser.finish()
                if (response := parser.feed(data)) is not None:
                    self.arrived.append(time.monotonic())
                    return response

    async def session(self, answers: Sequence[str | bytes] = (), *events: str) -> list[HttpResponse | None]:
        """Inform, an empty post, then `answers` to what is asked as long as something is."""
        found = [await self.say(soap(inform(*events)))]
        if found[-1] is None or found[-1].status != 200:
            return found
        found.append(await self.say(b""))
        for answer in answers:
            last = found[-1]
            if last is None or not last.body:
                break
            made = answer if isinstance(answer, bytes) else soap(answer, id_of(last.body))
            found.append(await self.say(made))
        return found


def method_in(body: bytes) -> str:
    """The element in the SOAP body, without its prefix; empty for none."""
    found = re.search(rb":Body>\s*<(?:[\w-]+:)?(\w+)", body)
    return found[1].decode() if found else ""


def id_of(body: bytes) -> str:
    """The cwmp:ID in what the gateway wrote."""
    text = body.decode()
    head = text.partition(":ID")[2]
    return head.partition(">")[2].partition("<")[0]

"""What an Inform shows of a CPE; and that nothing anybody posts, in any order, makes a stranger a session."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import FakeClock
from drivers.cwmp.hub import CpeHub
from drivers.cwmp.known import MemoryCpeDirectory
from drivers.cwmp.messages import Inform, ParameterValue
from drivers.cwmp.quirks import STRICT
from gateway.cwmp.acs import EmbeddedAcs
from gateway.cwmp.connections import Connection
from gateway.cwmp.credentials import Rotation
from gateway.cwmp.happenings import Happenings
from gateway.cwmp.leftovers import MemoryTexts, OwedByCpes
from gateway.cwmp.reception import Desk, Reception, sighting_of
from gateway.cwmp.seen import SeenDevices
from gateway.cwmp.sign_in import Doorkeeper, SignedIn
from gateway.cwmp.upkeep import Upkeep
from tests.raw_cpe import RawCpe, envelope
from tests.unit.gateway.cwmp.turn_stage import DEVICE, MemoryCpeJournal, MemoryRpcs, known

CLOCK = FakeClock()


def seen(cpe=None, **parameters):
    values = tuple(ParameterValue(name.replace("_", "."), value) for name, value in parameters.items())
    inform = Inform(manufacturer="Acme", device=DEVICE, events=(), parameters=values)
    return sighting_of(inform, "urn:x", "192.0.2.1", SignedIn("tls-password"), cpe or known(), CLOCK)


def test_everything():
    found = seen(
        InternetGatewayDevice_DeviceInfo_SoftwareVersion=" 1.2 ",
        InternetGatewayDevice_ManagementServer_ConnectionRequestURL="http://192.0.2.1:7547/x",
        InternetGatewayDevice_ManagementServer_PeriodicInformInterval="300",
    )
    assert (found.root, found.software, found.inform_seconds) == ("InternetGatewayDevice.", "1.2", 300)
    assert found.cr_url == "http://192.0.2.1:7547/x"
    assert (found.at, found.address, found.identity, found.namespace) == (
        CLOCK.now(), "192.0.2.1", "tls-password", "urn:x",
    )  # fmt: skip


def test_nothing():
    found = seen()
    assert (found.root, found.software, found.cr_url, found.inform_seconds) == ("Device.", "", "", None)
    assert seen(known(root="InternetGatewayDevice.")).root == "InternetGatewayDevice."


@pytest.mark.parametrize("value", ["", "-1", "1e3", "٣", "9" * 30, "soon"])
def test_no_interval(value):
    assert seen(Device_ManagementServer_PeriodicInformInterval=value).inform_seconds is None


def test_parameters_of_another_model_do_not_count():
    found = seen(Device_DeviceInfo_UpTime="1", InternetGatewayDevice_DeviceInfo_SoftwareVersion="9")
    assert (found.root, found.software) == ("Device.", "")


def test_what_it_says_is_cut_short():
    found = seen(Device_DeviceInfo_SoftwareVersion="v" * 999)
    assert len(found.software) == 64


# --- whatever is posted -----------------------------------------------------------------------------------------------


class MemoryTransport(asyncio.Transport):
    def __init__(self):
        super().__init__({"peername": ("192.0.2.1", 40000)})
        self.written = b""
        self.ended = False

    def write(self, data):
        assert not self.ended
        self.written += data

    def is_closing(self):
        return self.ended

    def close(self):
        self.ended = True

    abort = close


class NoWaker:
    async def wake(self, router_id):
        pass

    def expected_in(self, router_id):
        return None


class House:
    """A reception without sockets."""

    def __init__(self):
        cpe = known(device_key="00D09E-DSL2800-A1", user="u", password="p")
        self.directory, clock = MemoryCpeDirectory(cpe), FakeClock()
        self.journal, owed, self.hub = MemoryCpeJournal(), OwedByCpes(MemoryTexts(), clock), CpeHub(NoWaker())
        upkeep = Upkeep(directory=self.directory, rpcs=MemoryRpcs(), owed=owed, rotation=Rotation())
        self.reception = Reception(
            Desk(
                directory=self.directory, journal=self.journal, seen=SeenDevices(), clock=clock,
                happenings=Happenings(self.journal, owed, self.directory, clock),
                doorkeeper=Doorkeeper(b"0123456789abcdef", plain_basic=True),
                responder=EmbeddedAcs(self.hub, upkeep), quirks_of=lambda _device, _software: STRICT,
            )
        )  # fmt: skip
        self.connection = None

    def connect(self):
        if self.connection is None:
            self.connection = Connection(self.reception, tls=False)
            self.transport = MemoryTransport()
            self.connection.connection_made(self.transport)

    def lose(self):
        if self.connection is not None:
            self.connection.connection_lost(None)
            self.connection = None

    def send(self, data):
        """What was written in answer, as statuses."""
        self.connect()
        before = len(self.transport.written)
        self.connection.data_received(data)
        written = self.transport.written[before:]
        if self.transport.ended:
            self.lose()
        return [int(part[1:4]) for part in written.split(b"HTTP/1.1")[1:]]

    def expire(self):
        """The connection's deadline passes."""
        before = len(self.transport.written)
        self.connection.expired()
        self.lose()
        return [int(part[1:4]) for part in self.transport.written[before:].split(b"HTTP/1.1")[1:]]


def post(body, password=None, extra=""):
    signed = "" if password is None else "Authorization: Basic " + base64.b64encode(b"u:" + password).decode() + "\r\n"
    data = body.encode()
    return f"POST / HTTP/1.1\r\nHost: x\r\n{signed}{extra}Content-Length: {len(data)}\r\n\r\n".encode() + data


CPE = RawCpe(0, serial="A1")
BODIES = {
    "inform": CPE.inform_xml(),
    "boot": CPE.inform_xml("1 BOOT", ("M Reboot", "k")),
    "unknown": RawCpe(0, serial="B2").inform_xml(),
    "empty": "",
    "methods": envelope("<cwmp:GetRPCMethods/>"),
    "transfer": envelope("<cwmp:TransferComplete><CommandKey>k</CommandKey></cwmp:TransferComplete>"),
    "answer": envelope("<cwmp:RebootResponse/>"),
    "rpc": envelope("<cwmp:FactoryReset/>"),
    "garbage": "<soap",
}
COOKIES = ["", "Cookie: session=" + "0" * 32 + "\r\n", "Cookie: x\r\n"]


@given(st.lists(st.tuples(st.sampled_from([*BODIES, "lose"]), st.sampled_from([None, b"x"]), st.sampled_from(COOKIES))))
async def test_no_order_of_posts_makes_a_stranger_a_session(steps):
    house = House()
    for what, password, cookie in steps:
        if what == "lose":
            house.lose()
            continue
        statuses = house.send(post(BODIES[what], password, cookie))
        if what == "garbage" and not statuses:  # the rest of it may be on its way
            statuses = house.expire()
        [status] = statuses
        assert status in (400, 401, 503)
        assert len(house.reception) == 0
    assert house.journal.informs == []
    assert house.directory.by_router("r1").informed_at is None


@given(st.lists(st.tuples(st.sampled_from([*BODIES, "lose"]), st.sampled_from([None, b"p", b"x"]))))
async def test_no_order_of_posts_of_a_customer_breaks_anything(steps):
    house = House()
    for what, password in steps:
        if what == "lose":
            house.lose()
            continue
        statuses = house.send(post(BODIES[what], password))
        for _ in range(4):  # what is recorded first is answered a little later
            await asyncio.sleep(0)
        assert 500 not in statuses
        assert len(house.reception) <= 1
    house.lose()
    for _ in range(4):
        await asyncio.sleep(0)
    await house.reception.stop()
    assert len(house.reception) == 0


@given(st.binary(max_size=300), st.booleans())
async def test_no_bytes_break_anything(data, begun):
    house = House()
    assert all(400 <= status < 500 or status == 505 for status in house.send((b"POST / HTTP/1.1\r\n" * begun) + data))
    assert len(house.reception) == 0

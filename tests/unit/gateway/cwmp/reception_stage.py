"""A reception without sockets, and posts to it, for tests of who gets a session and who does not."""

import asyncio
import base64
import re

from config.clock import FakeClock
from drivers.cwmp.hub import CpeHub
from drivers.cwmp.known import MemoryCpeDirectory
from drivers.cwmp.quirks import STRICT
from drivers.cwmp.wire.digest import answer
from gateway.cwmp.acs import EmbeddedAcs
from gateway.cwmp.connections import Connection
from gateway.cwmp.credentials import Rotation
from gateway.cwmp.desk import Desk
from gateway.cwmp.happenings import Happenings
from gateway.cwmp.leftovers import MemoryTexts, OwedByCpes
from gateway.cwmp.limits import Limits
from gateway.cwmp.reception import Reception
from gateway.cwmp.seen import SeenDevices
from gateway.cwmp.sign_in import Doorkeeper
from gateway.cwmp.upkeep import Upkeep
from tests.unit.gateway.cwmp.turn_stage import MemoryCpeJournal, MemoryRpcs, known


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
    """A reception without sockets, and one CPE of the inventory: device A1, user `u`, password `p`."""

    def __init__(self, **limits):
        cpe = known(device_key="00D09E-DSL2800-A1", user="u", password="p")
        self.directory, clock = MemoryCpeDirectory(cpe), FakeClock()
        self.journal, owed, self.hub = MemoryCpeJournal(), OwedByCpes(MemoryTexts(), clock), CpeHub(NoWaker())
        upkeep = Upkeep(directory=self.directory, rpcs=MemoryRpcs(), owed=owed, rotation=Rotation())
        self.desk = Desk(
            directory=self.directory, journal=self.journal, seen=SeenDevices(), clock=clock,
            happenings=Happenings(self.journal, owed, self.directory, clock),
            doorkeeper=Doorkeeper(b"0123456789abcdef", plain_basic=True),
            responder=EmbeddedAcs(self.hub, upkeep), quirks_of=lambda _device, _software: STRICT,
            limits=Limits(**limits),
        )  # fmt: skip
        self.reception = Reception(self.desk)

    def caller(self):
        return Caller(self.reception)


class Caller:
    """Somebody with one connection at a time; all of them have the same address."""

    def __init__(self, reception):
        self.reception = reception
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
        return self._statuses(before)

    def expire(self):
        """The connection's deadline passes."""
        before = len(self.transport.written)
        self.connection.expired()
        self.lose()
        return self._statuses(before)

    def _statuses(self, before):
        written = self.transport.written[before:]
        if self.transport.ended:
            self.lose()
        return [int(part[1:4]) for part in written.split(b"HTTP/1.1")[1:]]

    def digest(self, password="p", *, qop=True):
        """The Authorization that answers a challenge which is got now, over this connection."""
        self.send(post(""))
        challenge = re.findall(rb"WWW-Authenticate: (Digest [^\r]*)", self.transport.written)[-1].decode()
        self.lose()
        if not qop:
            challenge = challenge.replace(', qop="auth"', "")
        return f"Authorization: {answer(challenge, 'POST', '/', 'u', password, 'c')}\r\n"


def post(body, password=None, extra=""):
    """A request. `password`: of a Basic sign-in."""
    signed = "" if password is None else "Authorization: Basic " + base64.b64encode(b"u:" + password).decode() + "\r\n"
    data = body.encode()
    return f"POST / HTTP/1.1\r\nHost: x\r\n{signed}{extra}Content-Length: {len(data)}\r\n\r\n".encode() + data

"""A turn, journals and an inventory in memory, for tests of what a mode does with a CPE."""

from audit._mint import KEY
from audit.rpc import RecordedRpc
from drivers.cwmp.codec.envelope import decode
from drivers.cwmp.device import DeviceId
from drivers.cwmp.known import KnownCpe
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Done, Event, Inform
from drivers.cwmp.quirks import STRICT
from drivers.errors import RouterUnreachable

DEVICE = DeviceId(oui="00D09E", product_class="DSL2800", serial="A1")


class FakeTurn:
    """A CPE that answers `Done` to everything, or what `answers` has next."""

    def __init__(self, known, *events, answers=(), tied=None, quirks=STRICT):
        inform = Inform(
            manufacturer="Acme", device=DEVICE, events=tuple(Event(*one) for one in events or [("2 PERIODIC",)])
        )
        self.contact = Contact(
            router_id=known.router_id, device=DEVICE, root="Device.", namespace="urn:dslforum-org:cwmp-1-0",
            identity="tls-password", quirks=quirks, inform=inform,
        )  # fmt: skip
        self.known = known
        self.address = "192.0.2.1"
        self.tied = tied
        self.alive = True
        self.sent = []
        self.answers = list(answers)

    async def call(self, rpc, *, seconds=30.0):
        if not self.alive:
            raise RouterUnreachable("gone")
        self.sent.append(decode(rpc.wire, sender="acs").message)
        return self.answers.pop(0) if self.answers else Done(rpc.method)

    def on_lost(self, callback):
        pass

    def cut(self):
        self.alive = False


class MemoryRpcs:
    """An `RpcJournal` in memory. `order` tells what happened when."""

    def __init__(self):
        self.new = []
        self.answers = []

    async def record(self, rpc):
        self.new.append(rpc)
        return RecordedRpc(
            rpc_id=rpc.rpc_id, method=rpc.method, wire=rpc.wire, purpose=rpc.purpose, session=rpc.session,
            consent_ref=None, subscriber=rpc.subscriber, entry_index=len(self.new), n=None, generation=0, mint=KEY,
        )  # fmt: skip

    async def answered(self, rpc, facts, kept):
        self.answers.append((rpc.method, dict(facts), dict(kept)))


class MemoryCpeJournal:
    """A `CpeJournal` in memory."""

    def __init__(self):
        self.events = []
        self.informs = []
        self.refusals = []
        self.violations = []

    def inform(self, cpe, *, identity, address, events, retries, unrecorded=0):
        self.informs.append((cpe.router_id, identity, tuple(events)))

    def refused(self, why, *, device, address, cpe=None, count=1):
        self.refusals.append((why, device, count))

    def violation(self, what, *, address, cpe=None, detail=""):
        self.violations.append(what)

    async def event(self, what, cpe, *, session, detail):
        self.events.append((what, cpe.router_id, session, dict(detail)))


def known(**more):
    given = {
        "router_id": "r1", "router_name": "home", "subscriber_ref": "s", "device_key": DEVICE.key, "cr_user": "u",
        "cr_password": "p",
    }  # fmt: skip
    return KnownCpe(**{**given, **more})

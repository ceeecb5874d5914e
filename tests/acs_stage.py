"""A whole embedded ACS on ports of this machine, with a real journal: for tests that bring their own CPEs."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.rpc import NewRpc
from config.clock import SystemClock
from config.ids import new_id
from drivers.cwmp.codec.envelope import Envelope, encode, method_of
from drivers.cwmp.hub import CpeHub
from drivers.cwmp.known import KnownCpe, MemoryCpeDirectory
from drivers.cwmp.link import CpeLink
from drivers.cwmp.messages import Answer, Request
from drivers.cwmp.quirks import STRICT, Quirks
from gateway.cwmp.acs import EmbeddedAcs
from gateway.cwmp.credentials import Rotation
from gateway.cwmp.desk import Desk
from gateway.cwmp.happenings import Happenings
from gateway.cwmp.leftovers import MemoryTexts, OwedByCpes
from gateway.cwmp.limits import Limits
from gateway.cwmp.listener import CpeListener, Door
from gateway.cwmp.reception import Reception
from gateway.cwmp.recording import CpeRecord, RpcRecord
from gateway.cwmp.responder import Responder
from gateway.cwmp.seen import SeenDevices
from gateway.cwmp.sign_in import Doorkeeper
from gateway.cwmp.upkeep import Upkeep
from gateway.cwmp.wake import CpeWaker
from gateway.session.listeners import bind_tcp
from tests.raw_cpe import close_all

KNOWN = KnownCpe(
    router_id="r1",
    router_name="home-1",
    subscriber_ref="s-1",
    device_key="00D09E-DSL2800-ABC123",
    user="cpe-user",
    password="cpe-password",
    cr_user="vcr",
    cr_password="cr-password",
)


@dataclass
class AcsStage:
    """What a test may look at."""

    journal: Journal
    directory: MemoryCpeDirectory
    hub: CpeHub
    reception: Reception
    listener: CpeListener
    seen: SeenDevices
    owed: OwedByCpes
    rotation: Rotation
    rpcs: RpcRecord
    reset: list[str] = field(default_factory=list)
    """Routers whose consents were to be asked anew."""

    @property
    def plain(self) -> int:
        port = self.listener.port(tls=False)
        assert port is not None
        return port

    @property
    def secure(self) -> int:
        port = self.listener.port(tls=True)
        assert port is not None
        return port

    async def entries(self, kind: Kind) -> list[dict[str, object]]:
        """Facts of all entries of that kind, in order."""
        await self.journal.append(NewEntry(kind=Kind.AUTH_OK, facts={}))  # what was queued stands before it
        reader = self.journal.reader()
        try:
            return [dict(entry.facts) for entry in reader.entries() if entry.kind == kind]
        finally:
            reader.close()

    async def call(self, link: CpeLink, request: Request, *, seconds: float = 60.0) -> Answer:
        """Record and send, as the driver does."""
        rpc_id = new_id()
        wire = encode(Envelope(rpc_id, link.contact.namespace, request), quirks=link.contact.quirks)
        new = NewRpc(rpc_id=rpc_id, method=method_of(request), wire=wire, purpose="machine", subscriber="s-1")
        return await link.call(await self.rpcs.record(new), seconds=seconds)

    async def until(self, condition: object, seconds: float = 60.0) -> None:
        """Wait until `condition()` holds."""
        async with asyncio.timeout(seconds):
            while not condition():  # type: ignore[operator]
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def acs_stage(
    directory: Path,
    *cpes: KnownCpe,
    limits: Limits | None = None,
    quirks: Quirks = STRICT,
    plain_basic: bool = False,
    tls: ssl.SSLContext | None = None,
    record_informs: str = "events",
    texts: MemoryTexts | None = None,
    responder: Responder | None = None,
) -> AsyncIterator[AcsStage]:
    """Runs while the context lasts."""
    clock = SystemClock()
    journal = Journal.open(directory / "evidence", keys_dir=directory / "keys", origin="logs.isp", clock=clock)
    known = MemoryCpeDirectory(*(cpes or (KNOWN,)))
    rotation, seen = Rotation(), SeenDevices()
    hub = CpeHub(CpeWaker(known, clock, rotation, lambda _known: quirks), pauses=())
    owed = OwedByCpes(texts or MemoryTexts(), clock, ["r1"])
    record, rpcs, reset = CpeRecord(journal), RpcRecord(journal), []

    async def on_bootstrap(router_id: str) -> None:
        reset.append(router_id)

    upkeep = Upkeep(directory=known, rpcs=rpcs, owed=owed, rotation=rotation)
    reception = Reception(
        Desk(
            directory=known,
            journal=record,
            happenings=Happenings(
                record, owed, known, clock, on_bootstrap=on_bootstrap,
                minutes_of=lambda _router_id: quirks.no_transfer_complete_minutes,
            ),
            doorkeeper=Doorkeeper(b"a secret of this test", plain_basic=plain_basic),
            responder=responder or EmbeddedAcs(hub, upkeep),
            seen=seen,
            clock=clock,
            quirks_of=lambda _device, _software: quirks,
            limits=limits or Limits(),
            record_informs=record_informs,  # type: ignore[arg-type]
        )
    )  # fmt: skip
    doors = [Door(bind_tcp("127.0.0.1", 0, "cwmp.plain_port"), None)]
    if tls is not None:
        doors.append(Door(bind_tcp("127.0.0.1", 0, "cwmp.port"), tls))
    listener = CpeListener(reception, tuple(doors))
    await listener.start()
    try:
        yield AcsStage(journal, known, hub, reception, listener, seen, owed, rotation, rpcs, reset)
    finally:
        await listener.stop()
        await close_all()
        await asyncio.to_thread(journal.close)

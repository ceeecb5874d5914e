"""Everything of TR-069 in one running worker: what the settings ask for, put together. Counterpart: `gateway.assembly`.

`Station.driver` opens reps' sessions, also while no listener runs: then every router is simply not there.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from audit.journal import Journal
from config.clock import Clock
from config.errors import ConfigError
from config.files import read_private
from config.settings import CwmpSettings
from drivers.cwmp.device import DeviceId
from drivers.cwmp.driver import CwmpDriver
from drivers.cwmp.hub import CpeHub
from drivers.cwmp.known import CpeDirectory, KnownCpe
from drivers.cwmp.plans.ground import FirmwareFile
from drivers.cwmp.quirks import QuirkBook, Quirks
from drivers.errors import DriverError
from gateway.cwmp.acs import EmbeddedAcs
from gateway.cwmp.credentials import Rotation
from gateway.cwmp.desk import Desk
from gateway.cwmp.happenings import Bootstrapped, Happenings
from gateway.cwmp.leftovers import OwedByCpes, PendingTexts
from gateway.cwmp.limits import Limits
from gateway.cwmp.links import ELSEWHERE, Alone, Links
from gateway.cwmp.listener import CpeListener, Door
from gateway.cwmp.mediator import Mediator
from gateway.cwmp.provider import Provider
from gateway.cwmp.reception import Reception
from gateway.cwmp.recording import CpeRecord, RpcRecord
from gateway.cwmp.relay import RelayParts
from gateway.cwmp.responder import Responder
from gateway.cwmp.seen import SeenDevices
from gateway.cwmp.sign_in import Doorkeeper
from gateway.cwmp.tls import server_context
from gateway.cwmp.upkeep import Upkeep
from gateway.cwmp.upstream import UpstreamAcs, upstream_acs
from gateway.cwmp.wake import CpeWaker
from gateway.policy.cwmp.policy import CwmpPolicy
from gateway.policy.verdict import Site
from gateway.session.cpes import Stranger, Turned
from gateway.session.listeners import bind_tcp

log = structlog.get_logger(__name__)


class Inventory(CpeDirectory, PendingTexts, Protocol):
    """The inventory's CPEs and what they still owe. `gateway.state.cpes.StateCpes`."""

    def all(self) -> list[KnownCpe]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a station stands on."""

    settings: CwmpSettings
    clock: Clock
    journal: Journal
    inventory: Inventory
    policy: Callable[[], CwmpPolicy]
    """The one in force now."""
    site: Site
    on_bootstrap: Bootstrapped
    lock: Path
    """A file beside the inventory: one worker of it is called by routers."""


class Station:
    """Serves CPEs between `start` and `stop`."""

    def __init__(self, ground: Ground) -> None:
        """Raises `ConfigError` for what the settings name and cannot be used."""
        settings = ground.settings
        self._settings = settings
        self._inventory = ground.inventory
        self._book = quirk_book(settings)
        self._seen = SeenDevices()
        rotation = Rotation()
        rpcs, record = RpcRecord(ground.journal), CpeRecord(ground.journal)
        owed = OwedByCpes(ground.inventory, ground.clock, [cpe.router_id for cpe in ground.inventory.all()])
        waker = CpeWaker(
            ground.inventory,
            ground.clock,
            rotation,
            self._quirks_of,
            hosts=settings.wake_hosts,
            ports=settings.wake_ports,
        )
        self.hub = CpeHub(waker)
        upkeep = Upkeep(
            directory=ground.inventory, rpcs=rpcs, owed=owed, rotation=rotation, sets_credentials=settings.mode == "acs"
        )
        responder: Responder = EmbeddedAcs(self.hub, upkeep)
        if settings.mode == "mediator":
            parts = RelayParts(
                acs=upstream_of(settings),
                provider=Provider(lambda: ground.policy().profile, ground.site),
                hub=self.hub,
                upkeep=upkeep,
                directory=ground.inventory,
                rpcs=rpcs,
                journal=record,
            )
            responder = Mediator(parts)
        happenings = Happenings(
            record,
            owed,
            ground.inventory,
            ground.clock,
            on_bootstrap=ground.on_bootstrap,
            minutes_of=self._transfer_minutes,
        )
        self._reception = Reception(
            Desk(
                directory=ground.inventory,
                journal=record,
                happenings=happenings,
                doorkeeper=Doorkeeper(secrets.token_bytes(32), plain_basic=settings.plain_basic),
                responder=responder,
                seen=self._seen,
                clock=ground.clock,
                quirks_of=self._book.for_device,
                limits=Limits(connections=settings.max_connections, sessions=settings.max_sessions),
                record_informs=settings.record_informs,
            )
        )
        self._links, self._alone = Links(self.hub), Alone(ground.lock)
        self.driver = CwmpDriver(
            self._links,
            rpcs,
            ground.policy,
            leftovers=owed,
            firmware={
                one.name: FirmwareFile(name=one.name, url=one.url, size=one.size, sha256=one.sha256)
                for one in settings.firmware
            },
            clock=ground.clock,
            hold_seconds=settings.hold_seconds,
            idle_seconds=settings.idle_minutes * 60,
            wait_seconds=settings.wait_seconds,
        )
        self._listener: CpeListener | None = None

    # --- serving -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the ports that the settings name. Where another worker has them, only say so. Raises `ConfigError`."""
        if self._settings.mode == "off":
            return
        if not self._alone.take():
            self._links.closed = ELSEWHERE
            log.warning("cwmp_not_listening", step=ELSEWHERE)
            return
        self._links.closed = ""
        self._listener = CpeListener(self._reception, tuple(self._doors()))
        await self._listener.start()

    def _doors(self) -> list[Door]:
        settings, doors = self._settings, []
        if settings.port is not None:
            assert settings.certificate_file is not None
            assert settings.key_file is not None
            context = server_context(settings.certificate_file, settings.key_file, settings.client_ca_file)
            doors.append(Door(bind_tcp(settings.host, settings.port, "cwmp.port"), context))
        if settings.plain_port is not None:
            doors.append(Door(bind_tcp(settings.host, settings.plain_port, "cwmp.plain_port"), None))
        return doors

    async def stop(self) -> None:
        """Cut every CPE and close the ports. Safe to call twice."""
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None
        self._alone.release()

    def port(self, *, tls: bool) -> int | None:
        """Where CPEs call; none if nothing listens."""
        return None if self._listener is None else self._listener.port(tls=tls)

    # --- what operators see: gateway.session.cpes.CpeDesk ------------------------------------------------------------

    @property
    def acs_url(self) -> str | None:
        """As the settings say, or where it listens."""
        if self._settings.public_url is not None:
            return self._settings.public_url
        for tls, scheme in ((True, "https"), (False, "http")):
            port = self.port(tls=tls)
            if port is not None:
                host = self._settings.host
                return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
        return None

    def turned_away(self, router_id: str) -> Turned | None:
        """When somebody last failed to sign in as this router, if that was after its last good call."""
        known, turned = self._inventory.by_router(router_id), self._reception.refusals.turned_away.get(router_id)
        if known is None or turned is None or (known.informed_at is not None and known.informed_at > turned.at):
            return None
        return turned

    def known(self) -> list[KnownCpe]:
        """The inventory's, by name."""
        return self._inventory.all()

    def strangers(self) -> list[Stranger]:
        """Devices that called and are not registered, newest first."""
        return [
            Stranger(
                device=one.device_key,
                address=one.address,
                user=one.user,
                certificate=one.certificate,
                first=one.first,
                last=one.last,
                times=one.times,
            )
            for one in self._seen.newest_first()
        ]

    def in_session(self, router_id: str) -> bool:
        """Whether the CPE has a session open now."""
        return self._reception.sessions.of(router_id) is not None

    def registered(self, device_key: str) -> None:
        """A stranger was registered."""
        self._seen.forget(device_key)

    def changed(self, router_id: str) -> None:
        """A router was removed, or signs in otherwise from now on: who is connected as it is cut at once."""
        self._reception.sessions.cut(router_id, "The router was removed, or what it signs in with was changed.")

    # --- quirks ------------------------------------------------------------------------------------------------------

    def _quirks_of(self, known: KnownCpe) -> Quirks:
        return self._book.for_device(DeviceId.parse(known.device_key), known.software)

    def _transfer_minutes(self, router_id: str) -> int | None:
        known = self._inventory.by_router(router_id)
        return None if known is None else self._quirks_of(known).no_transfer_complete_minutes


def quirk_book(settings: CwmpSettings) -> QuirkBook:
    """Raises `ConfigError`."""
    try:
        return QuirkBook.shipped() if settings.quirks is None else QuirkBook.load(settings.quirks)
    except DriverError as error:
        raise ConfigError(f"cwmp.quirks: {error}") from error


def upstream_of(settings: CwmpSettings) -> UpstreamAcs:
    """Raises `ConfigError`."""
    password = ""
    if settings.upstream_password_file is not None:
        password = read_private(settings.upstream_password_file).decode("utf-8", "replace").strip()
    return upstream_acs(
        settings.upstream or "",
        ca_file=settings.upstream_ca_file,
        user=settings.upstream_user or "",
        password=password,
    )

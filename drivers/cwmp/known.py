"""CPEs of the inventory: what the gateway knows of each, and what each contact adds.

Unknown devices are not here; they get no support session. Counterparts: `gateway.state.cpes` (the inventory),
`MemoryCpeDirectory` (its fake).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from sys import intern
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCpe:
    """One CPE of the inventory. `repr` shows no secret."""

    router_id: str
    router_name: str
    subscriber_ref: str
    device_key: str
    """`DeviceId.key`."""
    user: str = ""
    """With which it signs in here; empty: by certificate only."""
    password: str = field(default="", repr=False)
    certificate_name: str = ""
    """Common name or DNS name in its client certificate; empty: `OUI-Serial` or the device key."""
    cr_user: str = ""
    cr_password: str = field(default="", repr=False)
    """For Connection Requests: random, set by the gateway, known to it alone."""
    cr_url: str = ""
    address: str = ""
    """Where its last authenticated Inform came from, without a port."""
    root: str = ""
    namespace: str = ""
    software: str = ""
    identity: str = ""
    informed_at: datetime | None = None
    inform_seconds: int | None = None
    """Its periodic Inform interval, if it told, or as its last two periodic Informs were apart."""
    periodic_at: datetime | None = None
    """Its last periodic Inform since the gateway began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What an authenticated Inform showed. Empty: as before."""

    at: datetime
    address: str
    identity: str
    root: str
    namespace: str
    software: str = ""
    cr_url: str = ""
    inform_seconds: int | None = None
    periodic: bool = False


class CpeDirectory(Protocol):
    """The inventory's CPEs. Look-ups are in memory: thousands of Informs a second ask."""

    def by_device(self, key: str) -> KnownCpe | None:
        """By `DeviceId.key`. One registered without its product class is found by any."""
        ...

    def by_router(self, router_id: str) -> KnownCpe | None: ...

    def informed(self, router_id: str, sighting: Sighting) -> None:
        """Remember; written down soon, not at once: the next Inform tells it again."""
        ...

    async def set_connection_request(self, router_id: str, user: str, password: str) -> None:
        """New credentials for Connection Requests, durable before they are sent to the CPE."""
        ...


def with_sighting(cpe: KnownCpe, sighting: Sighting) -> KnownCpe:
    """The same after a contact. What many CPEs have alike is one text for all of them."""
    seconds = sighting.inform_seconds
    if seconds is None and sighting.periodic and cpe.periodic_at is not None:
        seconds = round((sighting.at - cpe.periodic_at).total_seconds()) or None
    return replace(
        cpe,
        address=sighting.address,
        identity=intern(sighting.identity),
        root=intern(sighting.root),
        namespace=intern(sighting.namespace),
        software=intern(sighting.software) if sighting.software else cpe.software,
        cr_url=sighting.cr_url or cpe.cr_url,
        informed_at=sighting.at,
        inform_seconds=cpe.inform_seconds if seconds is None else seconds,
        periodic_at=sighting.at if sighting.periodic else cpe.periodic_at,
    )


class MemoryCpeDirectory:
    """A `CpeDirectory` that forgets everything."""

    def __init__(self, *cpes: KnownCpe) -> None:
        self._cpes = {cpe.router_id: cpe for cpe in cpes}

    def by_device(self, key: str) -> KnownCpe | None:
        found = {cpe.device_key: cpe for cpe in self._cpes.values()}
        return found.get(key) or found.get(without_product_class(key))

    def by_router(self, router_id: str) -> KnownCpe | None:
        return self._cpes.get(router_id)

    def informed(self, router_id: str, sighting: Sighting) -> None:
        self._cpes[router_id] = with_sighting(self._cpes[router_id], sighting)

    async def set_connection_request(self, router_id: str, user: str, password: str) -> None:
        self._cpes[router_id] = replace(self._cpes[router_id], cr_user=user, cr_password=password)


def without_product_class(key: str) -> str:
    """`OUI-Serial` of a device key."""
    oui, _, rest = key.partition("-")
    return f"{oui}-{rest.rpartition('-')[2]}"

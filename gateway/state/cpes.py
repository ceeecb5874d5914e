"""`StateCpes`: the inventory's CPEs, all of them in memory, their rows sealed in the state. Counterpart: `registry`.

Implements `drivers.cwmp.known.CpeDirectory`. Look-ups never wait; sightings are written down in the background, at most
`FLUSH_SECONDS` late, because the next Inform tells them again. Credentials for Connection Requests and what a CPE still
owes are durable before anybody acts on them.
"""

import asyncio
import itertools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, bindparam, insert, select, update

from drivers.cwmp.known import KnownCpe, Sighting, with_sighting, without_product_class
from gateway.access.credentials import Vault
from gateway.errors import BadRequest, Unavailable
from gateway.state.database import Database
from gateway.state.schema import cpes, routers

log = structlog.get_logger(__name__)

FLUSH_SECONDS: Final = 5.0
_SIGHTING_FIELDS: Final = ("address", "root", "namespace", "software", "identity", "cr_url", "inform_seconds")
_AT_ONCE: Final = 500
"""Rows that are read or written at one time, so that memory does not grow with all of them."""
_ALIKE: Final = frozenset({"root", "namespace", "software", "identity"})
"""What many CPEs have alike, kept once."""
_SEE: Final = update(cpes).where(cpes.c.router_id == bindparam("wanted")).values(sighting=bindparam("seen"))


class StateCpes:
    """Opened once a worker; `flush` before the end."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Reads all rows. Raises `Unavailable`."""
        self._database = database
        self._vault = vault
        self._by_router: dict[str, KnownCpe] = {}
        self._by_device: dict[str, str] = {}
        self._pending: dict[str, str] = {}
        self._seen: set[str] = set()
        self._flushing: asyncio.Task[None] | None = None
        self.on_changed: Callable[[str], None] = _nobody
        """Called with the id of a router that was removed, or may sign in otherwise from now on."""
        database.run_now(self._take_all)

    # --- look-ups ----------------------------------------------------------------------------------------------------

    def by_device(self, key: str) -> KnownCpe | None:
        router = self._by_device.get(key) or self._by_device.get(without_product_class(key))
        return None if router is None else self._by_router[router]

    def by_router(self, router_id: str) -> KnownCpe | None:
        return self._by_router.get(router_id)

    def all(self) -> list[KnownCpe]:
        """By name."""
        return sorted(self._by_router.values(), key=lambda cpe: cpe.router_name)

    def __len__(self) -> int:
        return len(self._by_router)

    # --- what contacts add -------------------------------------------------------------------------------------------

    def informed(self, router_id: str, sighting: Sighting) -> None:
        known = self._by_router.get(router_id)
        if known is None:
            return  # removed a moment ago
        self._by_router[router_id] = with_sighting(known, sighting)
        self._seen.add(router_id)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self._flush_soon())

    async def _flush_soon(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        try:
            await self.flush()
        except Unavailable as error:
            log.warning("sightings_not_kept", error_type=type(error).__name__)

    async def flush(self) -> None:
        """Write down what was seen. Raises `Unavailable`."""
        seen, self._seen = self._seen, set()
        while seen:
            some = set(itertools.islice(seen, _AT_ONCE))
            rows = [
                {"wanted": cpe.router_id, "seen": self._seal(cpe.router_id, "sighting", _sighting_of(cpe))}
                for cpe in (self._by_router.get(router_id) for router_id in some)
                if cpe is not None
            ]
            try:
                if rows:
                    await self._database.run(partial(_see, rows))
            except Unavailable:
                self._seen |= seen
                raise
            seen -= some

    async def close(self) -> None:
        """Write down what was seen last. Raises `Unavailable`."""
        if self._flushing is not None:
            self._flushing.cancel()
        await self.flush()

    async def set_connection_request(self, router_id: str, user: str, password: str) -> None:
        sealed = self._seal(router_id, "wake", {"user": user, "password": password})
        await self._set(router_id, wake=sealed)
        known = self._by_router.get(router_id)
        if known is not None:
            self._by_router[router_id] = replace(known, cr_user=user, cr_password=password)

    def pending(self, router_id: str) -> str:
        """What is still to be undone at this CPE or expected of it: text of `drivers.cwmp.leftovers`; often empty."""
        return self._pending.get(router_id, "")

    async def set_pending(self, router_id: str, text: str) -> None:
        """Replace it; durable when this returns. Raises `Unavailable`."""
        sealed = self._vault.seal(router_id, "cpes.pending", text) if text else None
        await self._set(router_id, pending=sealed)
        if text and router_id in self._by_router:
            self._pending[router_id] = text
        else:
            self._pending.pop(router_id, None)

    async def _set(self, router_id: str, **values: bytes | None) -> None:
        changed = update(cpes).where(cpes.c.router_id == router_id).values(**values)
        await self._database.run(lambda db: db.execute(changed))

    # --- the inventory changes ---------------------------------------------------------------------------------------

    async def learn(self, router_id: str) -> None:
        """A router was registered or changed. Raises `Unavailable`: it is as good as removed then."""
        wanted = _joined().where(routers.c.id == router_id)
        try:
            row = await self._database.run(lambda db: db.execute(wanted).one_or_none())
        finally:
            self.forget(router_id)
        if row is not None:
            self._take(row)

    def forget(self, router_id: str) -> None:
        """A router was removed."""
        known = self._by_router.pop(router_id, None)
        if known is not None:
            self._by_device.pop(known.device_key, None)
        self._pending.pop(router_id, None)
        self._seen.discard(router_id)
        self.on_changed(router_id)

    def forget_subscriber(self, reference: str) -> None:
        """All routers of a subscriber were removed."""
        for router_id in [cpe.router_id for cpe in self._by_router.values() if cpe.subscriber_ref == reference]:
            self.forget(router_id)

    # --- rows --------------------------------------------------------------------------------------------------------

    def _take_all(self, db: Connection) -> None:
        for row in db.execute(_joined().execution_options(yield_per=_AT_ONCE)):
            self._take(row)

    def _take(self, row: Row[Any]) -> None:
        place = json.loads(self._vault.open(row.router_id, "routers.place", row.place))
        known = KnownCpe(
            router_id=row.router_id,
            router_name=place["name"],
            subscriber_ref=row.subscriber_ref,
            **self._opened(row.router_id, "device", row.device),
        )
        if row.wake is not None:
            wake = self._opened(row.router_id, "wake", row.wake)
            known = replace(known, cr_user=wake["user"], cr_password=wake["password"])
        if row.sighting is not None:
            seen = self._opened(row.router_id, "sighting", row.sighting)
            at = seen.pop("informed_at")
            seen |= {name: sys.intern(seen[name]) for name in _ALIKE}
            known = replace(known, **seen, informed_at=None if at is None else datetime.fromisoformat(at))
        if row.pending is not None:
            self._pending[row.router_id] = self._vault.open(row.router_id, "cpes.pending", row.pending)
        self._by_router[row.router_id] = known
        self._by_device[known.device_key] = row.router_id

    def _seal(self, router_id: str, field: str, content: Mapping[str, object]) -> bytes:
        return self._vault.seal(router_id, f"cpes.{field}", json.dumps(content))

    def _opened(self, router_id: str, field: str, sealed: bytes) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._vault.open(router_id, f"cpes.{field}", sealed))
        return found


def add_cpe(
    db: Connection, vault: Vault, router_id: str, *, device_key: str, user: str, password: str, certificate_name: str
) -> None:
    """The row of a router that is being registered, in the same transaction. Raises `BadRequest`."""
    tag = vault.tag("cpes.device", device_key)
    if db.execute(select(cpes.c.router_id).where(cpes.c.device_tag == tag)).first() is not None:
        raise BadRequest(f"The device {device_key} is already registered, as another router.")
    device = {"device_key": device_key, "user": user, "password": password, "certificate_name": certificate_name}
    sealed = vault.seal(router_id, "cpes.device", json.dumps(device))
    db.execute(insert(cpes).values(router_id=router_id, device_tag=tag, device=sealed))


def change_sign_in(
    db: Connection, vault: Vault, router_id: str, *, user: str, password: str, certificate_name: str | None = None
) -> None:
    """Replace how a CPE signs in here. Raises `BadRequest` if the router is no CPE."""
    sealed = db.execute(select(cpes.c.device).where(cpes.c.router_id == router_id)).scalar()
    if sealed is None:
        raise BadRequest("This router does not speak TR-069; it has no sign-in at the gateway.")
    device = json.loads(vault.open(router_id, "cpes.device", sealed))
    device |= {"user": user, "password": password}
    if certificate_name is not None:
        device["certificate_name"] = certificate_name
    resealed = vault.seal(router_id, "cpes.device", json.dumps(device))
    db.execute(update(cpes).where(cpes.c.router_id == router_id).values(device=resealed))


def _nobody(_: str) -> None:
    """Nobody is told."""


def _see(rows: Sequence[Mapping[str, object]], db: Connection) -> None:
    db.execute(_SEE, rows)


def _joined() -> Any:
    return select(cpes, routers.c.place, routers.c.subscriber_ref).join(routers, routers.c.id == cpes.c.router_id)


def _sighting_of(cpe: KnownCpe) -> dict[str, object]:
    at = None if cpe.informed_at is None else cpe.informed_at.isoformat()
    return {name: getattr(cpe, name) for name in _SIGHTING_FIELDS} | {"informed_at": at}

"""What the operator does to people, keys, routers and contacts: recorded first (`admin.change`), then done.

Counterparts: the REST API's admin routes and `vestibule person|router`, which only operators reach; `gateway.state`
implements `Inventory`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from audit.entry import Json, Kind, NewEntry
from audit.journal import Journal
from config.ids import new_id
from drivers.session import Credential
from gateway.access.identity import Authenticated, Principal, Role, Router
from gateway.consent.model import Language
from gateway.errors import NotAllowed

ContactKind = Literal["mail", "phone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterEntry:
    """A router as an operator registers it; the host key was read and is pinned from now on."""

    name: str
    platform: str
    address: str
    port: int
    host_key: str
    credential: Credential
    subscriber_ref: str | None = None
    lan: tuple[str, ...] = ()
    legacy_algorithms: frozenset[str] = frozenset()
    device: str = ""
    """Of a router that speaks TR-069; it has no address, port or host key then, and signs in here with `credential`."""
    certificate_name: str = ""


class Inventory(Protocol):
    """Where people and routers are kept. Every method is atomic and raises `BadRequest` for what it cannot take."""

    async def add_person(
        self, name: str, role: Role, *, uid: int | None = None, training_until: datetime | None = None
    ) -> Principal: ...

    async def persons(self) -> list[Principal]: ...

    async def remove_person(self, name: str) -> None: ...

    async def set_disabled(self, name: str, disabled: bool) -> None: ...

    async def set_training(self, name: str, until: datetime | None) -> None: ...

    async def add_key(self, name: str, public_key: str) -> str: ...

    async def remove_key(self, name: str, key_or_fingerprint: str) -> None: ...

    async def enrol_totp(self, name: str) -> str: ...

    async def remove_totp(self, name: str) -> None: ...

    async def new_token(self, name: str) -> str: ...

    async def remove_tokens(self, name: str) -> int: ...

    async def register(self, entry: RouterEntry) -> Router: ...

    async def subscriber_of(self, router_name: str) -> str | None: ...

    async def set_credential(self, router_name: str, credential: Credential) -> None: ...

    async def set_host_key(self, router_name: str, host_key: str) -> None: ...

    async def remove_router(self, router_name: str) -> None: ...

    async def add_contact(
        self, subscriber_ref: str, kind: ContactKind, address: str, *, language: Language = "en"
    ) -> None: ...

    async def remove_contacts(self, subscriber_ref: str) -> int: ...


class Administration:
    """Each change is durable in the evidence before it is made. Only operators get here."""

    def __init__(
        self, inventory: Inventory, journal: Journal, *, on_suspended: Callable[[str], None] | None = None
    ) -> None:
        """`on_suspended(name)` is called when somebody may not go on: what lives of theirs must end."""
        self._inventory = inventory
        self._journal = journal
        self._on_suspended = on_suspended

    async def _record(self, auth: Authenticated, act: str, *, subscriber: str | None = None, **detail: Json) -> None:
        """`subscriber`: whom it concerns, so that it can be erased with everything else of theirs."""
        if auth.principal.role != "operator":
            raise NotAllowed("Only an operator may change people and routers.")
        await self._journal.append(
            NewEntry(
                kind=Kind.ADMIN_CHANGE,
                subscriber=subscriber,
                facts={"act": act},
                sealed={"who": {"id": auth.principal.id, "name": auth.principal.name}, "act": detail},
            )
        )

    # --- people ------------------------------------------------------------------------------------------------------

    async def persons(self, auth: Authenticated) -> list[Principal]:
        """Everybody, by name."""
        if auth.principal.role not in {"operator", "supervisor", "auditor"}:
            raise NotAllowed("Only operators, supervisors and auditors may list people.")
        return await self._inventory.persons()

    async def add_person(
        self,
        auth: Authenticated,
        name: str,
        role: Role,
        *,
        key: str | None = None,
        uid: int | None = None,
        training_until: datetime | None = None,
    ) -> Principal:
        """A person or machine identity, with a first key if there is one."""
        await self._record(auth, "person.add", name=name, role=role, key=key or "", uid=-1 if uid is None else uid)
        principal = await self._inventory.add_person(name, role, uid=uid, training_until=training_until)
        if key is not None:
            try:
                await self._inventory.add_key(name, key)
            except Exception:
                await self._inventory.remove_person(name)  # nothing half done
                raise
        return principal

    async def remove_person(self, auth: Authenticated, name: str) -> None:
        """With keys and tokens, and whatever session of theirs is live; what they did stays in the evidence."""
        await self._record(auth, "person.remove", name=name)
        await self._inventory.remove_person(name)
        self._suspended(name)

    async def set_disabled(self, auth: Authenticated, name: str, disabled: bool) -> None:
        """Suspend or readmit somebody. Suspending ends their live sessions."""
        await self._record(auth, "person.disable" if disabled else "person.enable", name=name)
        await self._inventory.set_disabled(name, disabled)
        if disabled:
            self._suspended(name)

    def _suspended(self, name: str) -> None:
        if self._on_suspended is not None:
            self._on_suspended(name)

    async def set_training(self, auth: Authenticated, name: str, until: datetime | None) -> None:
        """Until when the training counts."""
        await self._record(auth, "person.training", name=name, until="" if until is None else until.isoformat())
        await self._inventory.set_training(name, until)

    async def add_key(self, auth: Authenticated, name: str, key: str) -> str:
        """A further SSH key; its fingerprint."""
        await self._record(auth, "person.key.add", name=name, key=key)
        return await self._inventory.add_key(name, key)

    async def remove_key(self, auth: Authenticated, name: str, key: str) -> None:
        """By key line or fingerprint."""
        await self._record(auth, "person.key.remove", name=name, key=key)
        await self._inventory.remove_key(name, key)

    async def enrol_totp(self, auth: Authenticated, name: str) -> str:
        """A fresh base 32 secret, shown once."""
        await self._record(auth, "person.totp.enrol", name=name)
        return await self._inventory.enrol_totp(name)

    async def remove_totp(self, auth: Authenticated, name: str) -> None:
        """Give up the second factor of somebody who lost it."""
        await self._record(auth, "person.totp.remove", name=name)
        await self._inventory.remove_totp(name)

    async def new_token(self, auth: Authenticated, name: str) -> str:
        """A service-account token, shown once."""
        await self._record(auth, "person.token.add", name=name)
        return await self._inventory.new_token(name)

    async def remove_tokens(self, auth: Authenticated, name: str) -> int:
        """Withdraw all tokens of a machine identity."""
        await self._record(auth, "person.token.remove", name=name)
        return await self._inventory.remove_tokens(name)

    # --- routers -----------------------------------------------------------------------------------------------------

    async def add_router(
        self,
        auth: Authenticated,
        entry: RouterEntry,
        *,
        contact: tuple[ContactKind, str] | None = None,
        language: Language = "en",
    ) -> Router:
        """Register a router, and with it how its subscriber is reached."""
        entry = replace(entry, subscriber_ref=entry.subscriber_ref or new_id())
        await self._record(
            auth,
            "router.add",
            subscriber=entry.subscriber_ref,
            name=entry.name,
            platform=entry.platform,
            address=entry.address,
            port=entry.port,
            host_key=entry.host_key,
            legacy=[*sorted(entry.legacy_algorithms)],
            device=entry.device,
            certificate=entry.certificate_name,
        )
        router = await self._inventory.register(entry)
        if contact is not None:
            try:
                await self._inventory.add_contact(router.subscriber_ref, *contact, language=language)
            except Exception:
                await self._inventory.remove_router(entry.name)
                raise
        return router

    async def record_probe(self, auth: Authenticated, router_name: str, address: str, sent: bytes) -> None:
        """A fixed reading line is about to be sent to a router that is being registered, to see what it is."""
        await self._record(
            auth, "router.probe", name=router_name, address=address, sent=sent.decode("ascii", "replace")
        )

    async def _of(self, router_name: str) -> str | None:
        """The subscriber of a router; none if there is no such router."""
        return await self._inventory.subscriber_of(router_name)

    async def set_credential(self, auth: Authenticated, router_name: str, credential: Credential) -> None:
        """Replace how the gateway logs in. The credential itself is never recorded."""
        await self._record(auth, "router.credential", subscriber=await self._of(router_name), name=router_name)
        await self._inventory.set_credential(router_name, credential)

    async def set_host_key(self, auth: Authenticated, router_name: str, host_key: str) -> None:
        """Pin another host key, after a router was replaced."""
        of = await self._of(router_name)
        await self._record(auth, "router.host_key", subscriber=of, name=router_name, host_key=host_key)
        await self._inventory.set_host_key(router_name, host_key)

    async def remove_router(self, auth: Authenticated, router_name: str) -> None:
        """Forget a router and its credential."""
        await self._record(auth, "router.remove", subscriber=await self._of(router_name), name=router_name)
        await self._inventory.remove_router(router_name)

    async def set_contact(
        self, auth: Authenticated, router: Router, kind: ContactKind, address: str, language: Language
    ) -> None:
        """Replace how the subscriber of a router is reached."""
        of = router.subscriber_ref
        await self._record(auth, "contact.set", subscriber=of, name=router.name, kind=kind, address=address)
        await self._inventory.remove_contacts(router.subscriber_ref)
        await self._inventory.add_contact(router.subscriber_ref, kind, address, language=language)

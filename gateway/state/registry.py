"""`Registry`: what operators do with people, keys, routers and contacts. Counterpart: `directory`, which reads them.

The caller records each change in the evidence (`admin.change`) before it calls; nothing here decides who may.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias, TypeVar, get_args

import pyotp
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from config.clock import Clock
from config.ids import is_id, new_id
from drivers.session import Credential
from gateway.access.credentials import Vault
from gateway.access.identity import Principal, Role, Router
from gateway.consent.model import Language
from gateway.consent.notifier import ContactKind
from gateway.errors import BadRequest
from gateway.policy.cwmp.policy import PLATFORM
from gateway.state import checks
from gateway.state.cpes import add_cpe, change_sign_in
from gateway.state.database import Database
from gateway.state.directory import as_principal
from gateway.state.keys import fingerprint, kind_of
from gateway.state.schema import contacts, principals, public_keys, routers, service_tokens

Principals: TypeAlias = list[Principal]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRouter:
    """A router as an operator registers it."""

    name: str
    platform: str
    address: str
    port: int
    host_key: str
    """OpenSSH public key line, as read and checked at registration."""
    credential: Credential
    subscriber_ref: str | None = None
    """Of a subscriber already known; none makes a new one."""
    lan: tuple[str, ...] = ()
    legacy_algorithms: frozenset[str] = field(default=frozenset())
    device: str = ""
    """Of a router that speaks TR-069: its device key. It has no address, port or host key then; `credential` is how it
    signs in at the gateway."""
    certificate_name: str = ""


class Registry:
    """Each method is one transaction and raises `BadRequest` for input that cannot be taken."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    # --- people ------------------------------------------------------------------------------------------------------

    async def add_person(
        self, name: str, role: Role, *, uid: int | None = None, training_until: datetime | None = None
    ) -> Principal:
        """A person or machine identity; the alias that subscribers see is drawn at random."""
        checks.person_name(name)
        if role not in get_args(Role):
            raise BadRequest(f"{role!r} is not a role; use one of {', '.join(get_args(Role))}.")
        person_id = new_id()
        values = {
            "id": person_id,
            "name_tag": self._vault.tag("principals.name", name),
            "name": self._vault.seal(person_id, "principals.name", name),
            "role": role,
            "disabled": False,
            "uid": uid,
            "training_until": training_until,
            "totp_step": -1,
            "added_at": self._clock.now(),
        }

        def work(db: Connection) -> str:
            alias = _free_alias(db, "Service" if role == "automation" else "Rep")
            db.execute(insert(principals).values(alias=alias, **values))
            return alias

        alias = await self._try(work, f"There is already somebody called {name}, or with the same user id.")
        return Principal(id=person_id, name=name, role=role, alias=alias, training_until=training_until)

    async def persons(self) -> Principals:
        """Everybody, by name."""
        rows = await self._database.run(lambda db: db.execute(select(principals)).all())
        return sorted((as_principal(self._vault, row) for row in rows), key=lambda person: person.name)

    async def remove_person(self, name: str) -> None:
        """With keys and tokens. What they did stays in the evidence."""
        await self._on_person(name, lambda db, row: db.execute(delete(principals).where(principals.c.id == row.id)))

    async def set_disabled(self, name: str, disabled: bool) -> None:
        """Suspend or readmit somebody."""
        await self._change_person(name, disabled=disabled)

    async def set_training(self, name: str, until: datetime | None) -> None:
        """Until when the training counts; none: no date is asked for."""
        await self._change_person(name, training_until=until)

    async def add_key(self, name: str, public_key: str) -> str:
        """An OpenSSH public key line; its fingerprint as `ssh-keygen -l` shows it is returned as hex SHA-256."""
        print_ = fingerprint(public_key)
        if print_ is None:
            raise BadRequest("This is not an OpenSSH public key of an accepted type (ed25519, ecdsa, rsa, sk-…).")
        added = {"fingerprint": print_, "kind": kind_of(public_key), "added_at": self._clock.now()}
        await self._try(
            lambda db: db.execute(insert(public_keys).values(principal_id=self._person(db, name).id, **added)),
            "This key is already registered, for this or another person.",
        )
        return print_

    async def remove_key(self, name: str, key_or_fingerprint: str) -> None:
        """By the key line or its hex fingerprint."""
        print_ = fingerprint(key_or_fingerprint) or key_or_fingerprint.strip()

        def work(db: Connection, row: Any) -> None:
            mine = (public_keys.c.principal_id == row.id, public_keys.c.fingerprint == print_)
            if db.execute(delete(public_keys).where(*mine)).rowcount == 0:
                raise BadRequest(f"{name} has no such key.")

        await self._on_person(name, work)

    async def keys(self, name: str) -> list[tuple[str, str]]:
        """Type and hex fingerprint of each key."""

        def work(db: Connection, row: Any) -> list[tuple[str, str]]:
            wanted = select(public_keys).where(public_keys.c.principal_id == row.id).order_by(public_keys.c.added_at)
            return [(key.kind, key.fingerprint) for key in db.execute(wanted)]

        return await self._on_person(name, work)

    async def enrol_totp(self, name: str) -> str:
        """A fresh secret (base 32) for the person's authenticator; shown once. Replaces an earlier one."""
        secret = pyotp.random_base32(32)

        def work(db: Connection, row: Any) -> None:
            sealed = self._vault.seal(row.id, "principals.totp_secret", secret)
            changed = update(principals).where(principals.c.id == row.id)
            db.execute(changed.values(totp_secret=sealed, totp_step=-1))

        await self._on_person(name, work)
        return secret

    async def remove_totp(self, name: str) -> None:
        """The person signs in without a second factor again."""
        await self._change_person(name, totp_secret=None)

    async def new_token(self, name: str) -> str:
        """A service-account token, shown once; for machine identities. Earlier ones stay valid."""
        token_id = new_id()
        token = f"{token_id}.{secrets.token_urlsafe(32)}"

        def work(db: Connection, row: Any) -> None:
            if row.role != "automation":
                raise BadRequest(f"Tokens are for machine identities; {name} is a person ({row.role}).")
            digest = sha256(token.encode()).hexdigest()
            values = {"id": token_id, "principal_id": row.id, "digest": digest, "added_at": self._clock.now()}
            db.execute(insert(service_tokens).values(values))

        await self._on_person(name, work)
        return token

    async def remove_tokens(self, name: str) -> int:
        """All tokens of a machine identity; how many there were."""
        return await self._on_person(
            name,
            lambda db, row: db.execute(delete(service_tokens).where(service_tokens.c.principal_id == row.id)).rowcount,
        )

    # --- routers and contacts ----------------------------------------------------------------------------------------

    async def add_router(self, new: NewRouter) -> Router:
        """Register a router with its pinned host key and sealed credential."""
        if new.platform == PLATFORM:
            return await self._add_cpe(new)
        if fingerprint(new.host_key) is None:
            raise BadRequest("The host key is not an OpenSSH public key line.")
        place = {
            "address": checks.management_address(new.address),
            "port": checks.port_number(new.port),
            "host_key": " ".join(new.host_key.split()[:2]),
            "legacy_algorithms": sorted(new.legacy_algorithms),
        }
        return await self._add(new, place)

    async def _add_cpe(self, new: NewRouter) -> Router:
        """A router that calls the gateway by itself."""
        device = checks.device_key(new.device)
        user, password = new.credential.user, new.credential.password or ""
        if not new.certificate_name and len(password) < checks.LEAST_CPE_PASSWORD:
            raise BadRequest(
                "A router that speaks TR-069 signs in with a user name and a password of at least "
                f"{checks.LEAST_CPE_PASSWORD} characters, or with a client certificate: give one of them."
            )
        place = {"address": "", "port": 0, "host_key": "", "legacy_algorithms": []}

        def with_cpe(db: Connection, router: Router) -> None:
            add_cpe(
                db,
                self._vault,
                router.id,
                device_key=device,
                user=user,
                password=password,
                certificate_name=new.certificate_name,
            )

        return await self._add(new, place, with_cpe)

    async def _add(
        self, new: NewRouter, where: dict[str, object], also: Callable[[Connection, Router], None] | None = None
    ) -> Router:
        if new.subscriber_ref is not None and not is_id(new.subscriber_ref):
            raise BadRequest("The subscriber reference is not one of Vestibule's (26 characters).")
        router = Router(
            id=new_id(),
            name=checks.router_name(new.name),
            platform=checks.platform_name(new.platform),
            subscriber_ref=new.subscriber_ref or new_id(),
            lan=checks.prefixes(new.lan),
        )
        place = {"name": router.name, "lan": list(router.lan), **where}
        values = {
            "id": router.id,
            "name_tag": self._vault.tag("routers.name", router.name),
            "subscriber_ref": router.subscriber_ref,
            "platform": router.platform,
            "place": self._vault.seal(router.id, "routers.place", json.dumps(place)),
            "credential": self._seal_credential(router.id, new.credential),
            "added_at": self._clock.now(),
        }

        def work(db: Connection) -> None:
            db.execute(insert(routers).values(values))
            if also is not None:
                also(db, router)

        await self._try(work, f"There is already a router called {new.name}.")
        return router

    async def subscriber_of(self, router_name: str) -> str | None:
        """The subscriber's reference; none if there is no such router."""
        wanted = select(routers.c.subscriber_ref).where(
            routers.c.name_tag == self._vault.tag("routers.name", router_name)
        )
        return await self._database.run(lambda db: db.execute(wanted).scalar())

    async def set_credential(self, router_name: str, credential: Credential) -> None:
        """Replace how the gateway logs in; of a router that speaks TR-069, how it signs in at the gateway."""

        def work(db: Connection, row: Any) -> None:
            sealed = self._seal_credential(row.id, credential)
            db.execute(update(routers).where(routers.c.id == row.id).values(credential=sealed))
            if row.platform == PLATFORM:
                change_sign_in(db, self._vault, row.id, user=credential.user, password=credential.password or "")

        await self._on_router(router_name, work)

    async def router_id(self, router_name: str) -> str:
        """Raises `BadRequest` if there is no such router."""
        return await self._on_router(router_name, lambda _, row: str(row.id))

    async def set_host_key(self, router_name: str, host_key: str) -> None:
        """Pin another host key, after a router was replaced."""
        if fingerprint(host_key) is None:
            raise BadRequest("The host key is not an OpenSSH public key line.")

        def work(db: Connection, row: Any) -> None:
            place = json.loads(self._vault.open(row.id, "routers.place", row.place))
            place["host_key"] = " ".join(host_key.split()[:2])
            sealed = self._vault.seal(row.id, "routers.place", json.dumps(place))
            db.execute(update(routers).where(routers.c.id == row.id).values(place=sealed))

        await self._on_router(router_name, work)

    async def remove_router(self, router_name: str) -> None:
        """Forget a router and its credential."""
        await self._on_router(router_name, lambda db, row: db.execute(delete(routers).where(routers.c.id == row.id)))

    async def add_contact(
        self, subscriber_ref: str, kind: ContactKind, address: str, *, language: Language = "en"
    ) -> None:
        """A further way to reach a subscriber; the first one added is preferred."""
        if kind not in get_args(ContactKind):
            raise BadRequest("A contact is of kind mail or phone.")
        if language not in get_args(Language):
            raise BadRequest("A contact's language is en or fr.")
        contact_id = new_id()
        sealed = self._vault.seal(contact_id, "contacts.address", checks.contact_address(kind, address))

        def work(db: Connection) -> None:
            last = db.execute(
                select(func.max(contacts.c.position)).where(contacts.c.subscriber_ref == subscriber_ref)
            ).scalar()
            db.execute(
                insert(contacts).values(
                    id=contact_id,
                    subscriber_ref=subscriber_ref,
                    kind=kind,
                    language=language,
                    position=0 if last is None else last + 1,
                    address=sealed,
                )
            )

        await self._database.run(work)

    async def remove_contacts(self, subscriber_ref: str) -> int:
        """All contacts of a subscriber; how many there were."""
        gone = delete(contacts).where(contacts.c.subscriber_ref == subscriber_ref)
        return await self._database.run(lambda db: db.execute(gone).rowcount)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _seal_credential(self, router_id: str, credential: Credential) -> bytes:
        return self._vault.seal(router_id, "routers.credential", json.dumps(asdict(credential)))

    def _person(self, db: Connection, name: str) -> Any:
        tag = self._vault.tag("principals.name", name)
        row = db.execute(select(principals).where(principals.c.name_tag == tag)).one_or_none()
        if row is None:
            raise BadRequest(f"There is nobody called {name}.")
        return row

    async def _on_person(self, name: str, work: Callable[[Connection, Any], T]) -> T:
        return await self._database.run(lambda db: work(db, self._person(db, name)))

    async def _change_person(self, name: str, **values: object) -> None:
        await self._on_person(
            name, lambda db, row: db.execute(update(principals).where(principals.c.id == row.id).values(**values))
        )

    async def _on_router(self, name: str, work: Callable[[Connection, Any], T]) -> T:
        tag = self._vault.tag("routers.name", name)

        def found(db: Connection) -> T:
            row = db.execute(select(routers).where(routers.c.name_tag == tag)).one_or_none()
            if row is None:
                raise BadRequest(f"There is no router called {name}.")
            return work(db, row)

        return await self._database.run(found)

    async def _try(self, work: Callable[[Connection], T], taken: str) -> T:
        """Do `work`; if it breaks a uniqueness rule, say what is taken."""

        def guarded(db: Connection) -> T:
            try:
                return work(db)
            except IntegrityError as error:
                raise BadRequest(taken) from error

        return await self._database.run(guarded)


def _free_alias(db: Connection, kind: str) -> str:
    """What subscribers will call somebody: drawn at random, short while there are few."""
    for size in (2, 2, 2, 3, 3, 3, 4, 8):
        alias = f"{kind} {secrets.token_hex(size).upper()}"
        if db.execute(select(principals.c.id).where(principals.c.alias == alias)).first() is None:
            break
    return alias

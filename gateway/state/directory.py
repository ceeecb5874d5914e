"""`StateDirectory`: who and what is known, and how subscribers are reached. Counterpart: `registry` fills the tables.

Implements `gateway.access.identity.Directory` and `gateway.consent.notifier.Contacts`.
"""

import hmac
import json
from hashlib import sha256
from typing import Any, Final, TypeAlias

from sqlalchemy import Row, Select, bindparam, select, update

from config.ids import is_id
from drivers.session import Credential, Target
from gateway.access.credentials import Vault
from gateway.access.identity import Principal, Router
from gateway.consent.notifier import Contact
from gateway.state.database import Database
from gateway.state.keys import fingerprint
from gateway.state.schema import contacts, principals, public_keys, routers, service_tokens

Routers: TypeAlias = list[Router]
Wanted: TypeAlias = Select[tuple[Any, ...]]

# What every session asks is built once: putting a statement together costs more than running it.
_BY_KEY: Final = select(principals).join(public_keys).where(public_keys.c.fingerprint == bindparam("wanted"))
_ROUTER_BY_NAME: Final = select(routers).where(routers.c.name_tag == bindparam("wanted"))
_ROUTER_BY_ID: Final = select(routers).where(routers.c.id == bindparam("wanted"))


class StateDirectory:
    """Reads only, but for the remembered time step of a one-time code."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def principal_by_key(self, public_key: str) -> Principal | None:
        found = fingerprint(public_key)
        if found is None:
            return None
        return await self._principal(_BY_KEY, wanted=found)

    async def principal_by_name(self, name: str) -> Principal | None:
        tag = self._vault.tag("principals.name", name)
        return await self._principal(select(principals).where(principals.c.name_tag == tag))

    async def principal_by_uid(self, uid: int) -> Principal | None:
        return await self._principal(select(principals).where(principals.c.uid == uid))

    async def principal_by_token(self, token: str) -> Principal | None:
        """The token's first part finds the row, its digest decides, compared in constant time."""
        token_id = token.partition(".")[0]
        if not is_id(token_id):
            return None
        wanted = select(service_tokens).where(service_tokens.c.id == token_id)
        row = await self._database.run(lambda db: db.execute(wanted).one_or_none())
        digest = sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        if row is None or not hmac.compare_digest(row.digest, digest):
            return None
        return await self._principal(select(principals).where(principals.c.id == row.principal_id))

    async def totp_secret(self, principal_id: str) -> str | None:
        wanted = select(principals.c.totp_secret).where(principals.c.id == principal_id)
        sealed = await self._database.run(lambda db: db.execute(wanted).scalar())
        return None if sealed is None else self._vault.open(principal_id, "principals.totp_secret", sealed)

    async def accept_totp_step(self, principal_id: str, step: int) -> bool:
        statement = (
            update(principals)
            .where(principals.c.id == principal_id, principals.c.totp_step < step)
            .values(totp_step=step)
        )
        return await self._database.run(lambda db: db.execute(statement).rowcount == 1)

    async def router_by_name(self, name: str) -> Router | None:
        tag = self._vault.tag("routers.name", name)
        row = await self._one(_ROUTER_BY_NAME, wanted=tag)
        return None if row is None else self._as_router(row)

    async def routers(self) -> Routers:
        rows = await self._database.run(lambda db: db.execute(select(routers)).all())
        return sorted((self._as_router(row) for row in rows), key=lambda router: router.name)

    async def target(self, router_id: str) -> Target | None:
        row = await self._one(_ROUTER_BY_ID, wanted=router_id)
        if row is None or row.credential is None:
            return None
        place = json.loads(self._vault.open(row.id, "routers.place", row.place))
        secret = json.loads(self._vault.open(row.id, "routers.credential", row.credential))
        return Target(
            router_id=row.id,
            name=place["name"],
            platform=row.platform,
            address=place["address"],
            port=place["port"],
            host_key=place["host_key"],
            credential=Credential(**secret),
            legacy_algorithms=frozenset(place["legacy_algorithms"]),
        )

    async def contacts(self, subscriber_ref: str) -> list[Contact]:
        """Preferred one first."""
        wanted = select(contacts).where(contacts.c.subscriber_ref == subscriber_ref).order_by(contacts.c.position)
        rows = await self._database.run(lambda db: db.execute(wanted).all())
        return [
            Contact(
                kind=row.kind,
                address=self._vault.open(row.id, "contacts.address", row.address),
                language=row.language,
            )
            for row in rows
        ]

    async def _one(self, statement: Wanted, **values: str) -> Row[tuple[Any, ...]] | None:
        return await self._database.run(lambda db: db.execute(statement, values).one_or_none())

    async def _principal(self, statement: Wanted, **values: str) -> Principal | None:
        row = await self._one(statement, **values)
        return None if row is None else as_principal(self._vault, row)

    def _as_router(self, row: Row[tuple[Any, ...]]) -> Router:
        place = json.loads(self._vault.open(row.id, "routers.place", row.place))
        return Router(
            id=row.id,
            name=place["name"],
            platform=row.platform,
            subscriber_ref=row.subscriber_ref,
            lan=tuple(place["lan"]),
        )


def as_principal(vault: Vault, row: Row[tuple[Any, ...]]) -> Principal:
    """A row of `principals`, opened."""
    return Principal(
        id=row.id,
        name=vault.open(row.id, "principals.name", row.name),
        role=row.role,
        alias=row.alias,
        disabled=row.disabled,
        totp_enrolled=row.totp_secret is not None,
        training_until=row.training_until,
    )

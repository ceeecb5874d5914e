"""`StatePersons`: what the operational state knows of a person, and its erasure. Implements `gateway.evidence.persons`.

Rows are zeroed when they are deleted (`secure_delete`), and the write-ahead log is emptied.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, func, or_, select, update

from gateway.access.credentials import Vault
from gateway.consent.model import FINAL, Consent
from gateway.evidence.persons import Found, StoredConsent, Subject
from gateway.state.database import Database
from gateway.state.schema import codes, consents, contacts, links, marks, routers

_CONSENT: Final = TypeAdapter(Consent)
_PAGE: Final = 200
_FINAL: Final = frozenset(state.value for state in FINAL)

ERASED: Final = ""
"""Stands in a consent for a text that was erased."""


class StatePersons:
    """Over the gateway's state."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        outbox: Path | None = None,
        on_erased: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`outbox`: where the embedded notifier left messages, which name who they are for. `on_erased`: called with
        the reference of a subscriber whose routers are gone."""
        self._database = database
        self._vault = vault
        self._outbox = outbox
        self._on_erased = on_erased

    async def find(self, subject: Subject) -> Found | None:
        if subject.kind == "consent":
            wanted = select(consents.c.id, consents.c.state).where(consents.c.id == subject.id)
            return _found_consents(await self._rows(wanted))
        if subject.kind == "router":
            return await self._router(subject.id)
        return await self._subscriber(subject.id)

    async def _router(self, name: str) -> Found | None:
        tag = self._vault.tag("routers.name", name)
        known = await self._rows(select(routers).where(or_(routers.c.name_tag == tag, routers.c.id == name)))
        ids = [row.id for row in known] or [name]
        found = _found_consents(
            await self._rows(select(consents.c.id, consents.c.state).where(consents.c.router_id.in_(ids)))
        )
        return None if found is None and not known else Found(consents=() if found is None else found.consents)

    async def _subscriber(self, reference: str) -> Found | None:
        """Their consents are found by what is sealed in them: also those for routers that are gone."""
        known = await self._rows(select(routers).where(routers.c.subscriber_ref == reference))
        count = select(func.count()).select_from(contacts).where(contacts.c.subscriber_ref == reference)
        contacted = await self._database.run(lambda db: db.execute(count).scalar_one())
        theirs = [
            StoredConsent(consent.id, consent.state in FINAL)
            async for consent in self._all_consents()
            if consent.subscriber_ref == reference
        ]
        if not known and not contacted and not theirs:
            return None
        return Found(
            subscriber=reference,
            routers=tuple((row.id, self._name(row)) for row in known),
            consents=tuple(theirs),
            contacts=contacted,
        )

    async def _all_consents(self) -> Any:
        last = ""
        page = select(consents).order_by(consents.c.id).limit(_PAGE)
        while rows := await self._rows(page.where(consents.c.id > last)):
            for row in rows:
                yield _CONSENT.validate_json(self._vault.open(row.id, "consents.body", row.body))
            last = rows[-1].id

    async def erase(self, *, consents: Sequence[str], subscriber: str | None) -> int:
        if subscriber is not None and self._outbox is not None:
            addresses = [self._address(row) for row in await self._rows(_contacts_of(subscriber))]
            await asyncio.to_thread(_clear_outbox, self._outbox, frozenset(addresses))
        changed = await self._database.run(lambda db: self._erase(db, consents, subscriber))
        if subscriber is not None:
            self._on_erased(subscriber)
        await self._database.scrub()
        return changed

    def _erase(self, db: Connection, wanted: Sequence[str], subscriber: str | None) -> int:
        changed = 0
        for name in wanted:
            row = db.execute(select(consents).where(consents.c.id == name)).one_or_none()
            if row is not None:
                db.execute(update(consents).where(consents.c.id == name).values(body=self._skeleton(row)))
                changed += 1
            changed += db.execute(delete(codes).where(codes.c.consent_id == name)).rowcount
            changed += db.execute(delete(links).where(links.c.consent_id == name)).rowcount
        if subscriber is not None:
            changed += db.execute(delete(contacts).where(contacts.c.subscriber_ref == subscriber)).rowcount
            changed += db.execute(delete(routers).where(routers.c.subscriber_ref == subscriber)).rowcount
        return changed

    def _skeleton(self, row: Any) -> bytes:
        """Who asked for which router, when, and what became of it; no text that anybody wrote, no name."""
        body = json.loads(self._vault.open(row.id, "consents.body", row.body))
        body |= {"ticket": ERASED, "reason": ERASED, "router_name": ERASED, "questions": []}
        consent = _CONSENT.validate_python(body)
        return self._vault.seal(row.id, "consents.body", _CONSENT.dump_json(consent).decode())

    async def reconciled_to(self) -> int:
        wanted = select(marks.c.value).where(marks.c.name == "reconciled_to")
        return await self._database.run(lambda db: db.execute(wanted).scalar()) or 0

    async def _rows(self, wanted: Any) -> list[Any]:
        return list(await self._database.run(lambda db: db.execute(wanted).all()))

    def _address(self, row: Any) -> str:
        return self._vault.open(row.id, "contacts.address", row.address)

    def _name(self, row: Any) -> str:
        return str(json.loads(self._vault.open(row.id, "routers.place", row.place))["name"])


def _contacts_of(subscriber: str) -> Any:
    return select(contacts).where(contacts.c.subscriber_ref == subscriber)


def _clear_outbox(outbox: Path, addresses: frozenset[str]) -> None:
    """Take away the messages to these addresses that nobody has fetched."""
    for path in outbox.glob("*.json") if addresses else ():
        try:
            to = json.loads(path.read_bytes())["to"]["address"]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not a message of ours, or fetched this moment
        if to in addresses:
            path.unlink(missing_ok=True)


def _found_consents(rows: Sequence[Any]) -> Found | None:
    found = tuple(StoredConsent(row.id, row.state in _FINAL) for row in rows)
    return Found(consents=found) if found else None

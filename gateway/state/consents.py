"""`StateConsentStore`: consents in tables. Implements `gateway.consent.store.ConsentStore`.

The whole consent is sealed in `body`; the columns beside it are what queries need.
"""

from datetime import datetime
from typing import Final, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from gateway.access.credentials import Vault
from gateway.consent.model import FINAL, PENDING, Consent
from gateway.consent.store import MOST, Code, Link
from gateway.state.database import Database
from gateway.state.schema import codes, consent_tokens, consents, links, marks, statements

Consents: TypeAlias = list[Consent]

_CONSENT: Final = TypeAdapter(Consent)
_FINAL: Final = tuple(state.value for state in FINAL)

# What every session asks is built once: putting a statement together costs more than running it.
_BY_ID: Final = select(consents).where(consents.c.id == bindparam("wanted"))
_OF: Final = (
    select(consents)
    .where(consents.c.rep_id == bindparam("rep"), consents.c.router_id == bindparam("router"))
    .order_by(consents.c.state.in_(_FINAL), consents.c.requested_at.desc(), consents.c.id.desc())
    .limit(MOST)
)
_REPLACE: Final = (
    update(consents)
    .where(consents.c.id == bindparam("wanted"), consents.c.revision == bindparam("before"))
    .values({column: bindparam(column.name) for column in consents.columns})
)


class StateConsentStore:
    """Every method is one transaction."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def put(self, consent: Consent) -> None:
        row = self._row(consent)
        await self._database.run(lambda db: db.execute(insert(consents).values(row)))

    async def get(self, consent_id: str) -> Consent | None:
        found = await self._select(_BY_ID, wanted=consent_id)
        return found[0] if found else None

    async def replace(self, before: Consent, after: Consent) -> bool:
        values = self._row(after) | {"wanted": before.id, "before": before.revision}
        return await self._database.run(lambda db: db.execute(_REPLACE, values).rowcount == 1)

    async def overwrite(self, consent: Consent) -> None:
        row = self._row(consent)

        def work(db: Connection) -> None:
            stored = db.execute(select(consents.c.revision).where(consents.c.id == consent.id)).scalar()
            if stored is None:
                db.execute(insert(consents).values(row))
            elif stored <= consent.revision:
                db.execute(update(consents).where(consents.c.id == consent.id).values(row))

        await self._database.run(work)

    async def of(self, rep_id: str, router_id: str) -> Consents:
        return await self._select(_OF, rep=rep_id, router=router_id)

    async def latest(self, *, rep_id: str | None = None, unfinished: bool = False, limit: int = 200) -> Consents:
        wanted = _newest().limit(limit)
        if rep_id is not None:
            wanted = wanted.where(consents.c.rep_id == rep_id)
        if unfinished:
            wanted = wanted.where(consents.c.state.not_in(_FINAL))
        return await self._select(wanted)

    async def due(self, now: datetime) -> Consents:
        return await self._select(select(consents).where(consents.c.due_at <= now))

    async def put_link(self, link: Link) -> None:
        def work(db: Connection) -> None:
            db.execute(update(links).where(links.c.consent_id == link.consent_id).values(replaced=True))
            db.execute(
                insert(links).values(
                    ref=link.ref,
                    consent_id=link.consent_id,
                    digest=link.digest,
                    made_at=link.made_at,
                    opened_at=link.opened_at,
                    replaced=link.replaced,
                )
            )

        await self._database.run(work)

    async def link_by_digest(self, digest: str) -> Link | None:
        return await self._link(select(links).where(links.c.digest == digest))

    async def link_by_ref(self, ref: str) -> Link | None:
        return await self._link(select(links).where(links.c.ref == ref))

    async def links(self, consent_id: str) -> list[Link]:
        wanted = (
            select(links).where(links.c.consent_id == consent_id).order_by(links.c.made_at.desc(), links.c.ref.desc())
        )
        rows = await self._database.run(lambda db: db.execute(wanted).all())
        return [_as_link(row) for row in rows]

    async def open_link(self, ref: str, now: datetime) -> bool:
        statement = (
            update(links)
            .where(links.c.ref == ref, links.c.opened_at.is_(None), links.c.replaced.is_(False))
            .values(opened_at=now)
        )
        return await self._database.run(lambda db: db.execute(statement).rowcount == 1)

    async def put_code(self, code: Code) -> None:
        values = {"digest": code.digest, "made_at": code.made_at}

        def work(db: Connection) -> None:
            if db.execute(update(codes).where(codes.c.consent_id == code.consent_id).values(values)).rowcount == 0:
                db.execute(insert(codes).values(consent_id=code.consent_id, **values))

        await self._database.run(work)

    async def code(self, consent_id: str) -> Code | None:
        row = await self._database.run(
            lambda db: db.execute(select(codes).where(codes.c.consent_id == consent_id)).one_or_none()
        )
        return None if row is None else Code(consent_id=row.consent_id, digest=row.digest, made_at=row.made_at)

    async def put_token(self, consent_id: str, digest: str) -> None:
        same = (consent_tokens.c.consent_id == consent_id, consent_tokens.c.digest == digest)

        def work(db: Connection) -> None:
            if db.execute(select(consent_tokens).where(*same)).first() is None:
                db.execute(insert(consent_tokens).values(consent_id=consent_id, digest=digest))

        await self._database.run(work)

    async def token_digests(self, consent_id: str) -> list[str]:
        wanted = select(consent_tokens.c.digest).where(consent_tokens.c.consent_id == consent_id)
        return list(await self._database.run(lambda db: db.execute(wanted).scalars().all()))

    async def keep_statement(self, digest: str, language: str, version: str, text: str) -> None:
        def work(db: Connection) -> None:
            if db.execute(select(statements.c.digest).where(statements.c.digest == digest)).first() is None:
                db.execute(insert(statements).values(digest=digest, language=language, version=version, text=text))

        await self._database.run(work)

    async def statement_text(self, digest: str) -> str | None:
        wanted = select(statements.c.text).where(statements.c.digest == digest)
        return await self._database.run(lambda db: db.execute(wanted).scalar())

    async def reconciled_to(self) -> int:
        wanted = select(marks.c.value).where(marks.c.name == "reconciled_to")
        return await self._database.run(lambda db: db.execute(wanted).scalar()) or 0

    async def set_reconciled_to(self, size: int) -> None:
        def work(db: Connection) -> None:
            if db.execute(update(marks).where(marks.c.name == "reconciled_to").values(value=size)).rowcount == 0:
                db.execute(insert(marks).values(name="reconciled_to", value=size))

        await self._database.run(work)

    def _row(self, consent: Consent) -> dict[str, object]:
        if consent.state in FINAL:
            due = None
        else:
            due = consent.lapses_at if consent.state in PENDING else consent.expires_at
        return {
            "id": consent.id,
            "revision": consent.revision,
            "state": consent.state.value,
            "rep_id": consent.rep_id,
            "router_id": consent.router_id,
            "requested_at": consent.requested_at,
            "due_at": due,
            "body": self._vault.seal(consent.id, "consents.body", _CONSENT.dump_json(consent).decode()),
        }

    async def _select(self, statement: Select[tuple[object, ...]], **values: str) -> Consents:
        rows = await self._database.run(lambda db: db.execute(statement, values).all())
        return [_CONSENT.validate_json(self._vault.open(row.id, "consents.body", row.body)) for row in rows]

    async def _link(self, wanted: Select[tuple[object, ...]]) -> Link | None:
        row = await self._database.run(lambda db: db.execute(wanted).one_or_none())
        return None if row is None else _as_link(row)


def _newest() -> Select[tuple[object, ...]]:
    return select(consents).order_by(consents.c.requested_at.desc(), consents.c.id.desc())


def _as_link(row: Row[tuple[object, ...]]) -> Link:
    return Link(
        ref=row.ref,
        consent_id=row.consent_id,
        digest=row.digest,
        made_at=row.made_at,
        opened_at=row.opened_at,
        replaced=row.replaced,
    )

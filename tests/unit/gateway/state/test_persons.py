"""What the state knows of a person, and that nothing but a skeleton is left of it in any file."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.clock import FakeClock
from config.ids import new_id
from drivers.session import Credential
from gateway.access.credentials import Vault
from gateway.consent.model import Consent, Question, State
from gateway.evidence.persons import Subject
from gateway.state.consents import StateConsentStore
from gateway.state.database import Database, sqlite_url
from gateway.state.directory import StateDirectory
from gateway.state.persons import StatePersons
from gateway.state.registry import NewRouter, Registry

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHTHeQpGjDL2YaVZyOoxgV2Ph80OPxkaWvVj6gdlErhI"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Rooms:
    path: Path
    database: Database
    persons: StatePersons
    consents: StateConsentStore
    registry: Registry
    directory: StateDirectory
    outbox: Path
    erased: list[str]
    """Subscribers whose routers were said to be gone."""


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    database, vault = Database.open(sqlite_url(tmp_path / "state.db")), Vault(bytes(32))
    outbox, erased = tmp_path / "outbox", []
    yield Rooms(
        tmp_path / "state.db",
        database,
        StatePersons(database, vault, outbox=outbox, on_erased=erased.append),
        StateConsentStore(database, vault),
        Registry(database, vault, FakeClock()),
        StateDirectory(database, vault),
        outbox,
        erased,
    )
    database.close()


async def subscriber(rooms: Rooms, name: str) -> tuple[str, Consent]:
    """A router, a contact and an ended consent."""
    router = await rooms.registry.add_router(
        NewRouter(
            name=name,
            platform="ios",
            address="192.0.2.1",
            port=22,
            host_key=HOST_KEY,
            credential=Credential(user="gw", password="pw"),
        )
    )
    await rooms.registry.add_contact(router.subscriber_ref, "mail", f"{name}@example.org")
    consent = Consent(
        id=new_id(),
        state=State.REVOKED,
        rep_id=new_id(),
        router_id=router.id,
        subscriber_ref=router.subscriber_ref,
        router_name=name,
        ticket=f"T-{name}",
        reason=f"{name} calls",
        language="en",
        asked=(),
        minutes=30,
        sessions=1,
        requested_at=NOW,
        lapses_at=NOW,
        statement_digest="d",
        questions=(Question(text=f"Who is {name}?", asked_at=NOW),),
    )
    await rooms.consents.put(consent)
    return router.subscriber_ref, consent


async def test_what_is_known(rooms: Rooms):
    reference, consent = await subscriber(rooms, "ann")
    await subscriber(rooms, "ben")
    found = await rooms.persons.find(Subject("subscriber", reference))
    assert found is not None
    assert (found.subscriber, found.contacts, [name for _, name in found.routers]) == (reference, 1, ["ann"])
    assert [(one.id, one.final) for one in found.consents] == [(consent.id, True)]
    for subject in (Subject("router", "ann"), Subject("router", consent.router_id), Subject("consent", consent.id)):
        other = await rooms.persons.find(subject)
        assert other is not None
        assert ([one.id for one in other.consents], other.subscriber) == ([consent.id], None)
    for nobody in (Subject("subscriber", new_id()), Subject("router", "carl"), Subject("consent", new_id())):
        assert await rooms.persons.find(nobody) is None


async def test_a_consent_that_lives_is_not_final_and_a_router_that_is_gone_is_found(rooms: Rooms):
    reference, consent = await subscriber(rooms, "ann")
    await rooms.consents.overwrite(replace(consent, state=State.GRANTED, revision=1))
    await rooms.registry.remove_router("ann")
    found = await rooms.persons.find(Subject("subscriber", reference))
    assert found is not None
    assert [(one.id, one.final) for one in found.consents] == [(consent.id, False)]


async def test_a_skeleton_is_left_and_no_byte_of_the_rest(rooms: Rooms):
    reference, consent = await subscriber(rooms, "ann")
    other, kept = await subscriber(rooms, "ben")
    rooms.outbox.mkdir()
    for name in ("ann", "ben"):
        (rooms.outbox / f"{name}.json").write_text(json.dumps({"to": {"address": f"{name}@example.org"}}))
    (rooms.outbox / "strange.json").write_text("no message")

    def stored(db) -> list[bytes]:
        sql = "SELECT body FROM consents WHERE id = ? UNION ALL SELECT address FROM contacts WHERE subscriber_ref = ?"
        sql += " UNION ALL SELECT place FROM routers WHERE subscriber_ref = ?"
        return [row[0] for row in db.exec_driver_sql(sql, (consent.id, reference, reference))]

    before = await rooms.database.run(stored)
    assert len(before) == 3
    assert await rooms.persons.erase(consents=[consent.id], subscriber=reference) == 3
    assert rooms.erased == [reference]
    files = b"".join(path.read_bytes() for path in rooms.path.parent.glob("state.db*"))
    assert not any(value[-24:] in files for value in before)
    left = await rooms.consents.get(consent.id)
    assert left == replace(consent, ticket="", reason="", router_name="", questions=())
    assert await rooms.directory.contacts(reference) == []
    assert [router.name for router in await rooms.directory.routers()] == ["ben"]
    assert sorted(path.name for path in rooms.outbox.iterdir()) == ["ben.json", "strange.json"]
    assert await rooms.consents.get(kept.id) == kept
    assert len(await rooms.directory.contacts(other)) == 1
    assert await rooms.persons.erase(consents=[consent.id, new_id()], subscriber=reference) == 1, "safe to repeat"


async def test_a_single_consent_leaves_the_inventory_alone(rooms: Rooms):
    reference, consent = await subscriber(rooms, "ann")
    await rooms.persons.erase(consents=[consent.id], subscriber=None)
    assert rooms.erased == []
    assert len(await rooms.directory.contacts(reference)) == 1
    assert [router.name for router in await rooms.directory.routers()] == ["ann"]

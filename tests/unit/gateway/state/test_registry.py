"""What operators do with people, routers and contacts; and that the file tells nothing about them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from config.clock import FakeClock
from config.ids import new_id
from drivers.session import Credential
from gateway.access.credentials import Vault
from gateway.errors import BadRequest, Unavailable
from gateway.state.consents import StateConsentStore
from gateway.state.database import Database, sqlite_url
from gateway.state.directory import StateDirectory
from gateway.state.registry import NewRouter, Registry

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICzqLlZ1lU8cN9TJvUfd2SYcbpPUc1NR8kTWVFmzUTxX ada@laptop"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFtBLnfgzwJL46eT7TtiEyjUVv7QZ/DP3wnzCBxfVg3M"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHTHeQpGjDL2YaVZyOoxgV2Ph80OPxkaWvVj6gdlErhI"


@dataclass
class Rooms:
    path: Path
    database: Database
    registry: Registry
    directory: StateDirectory
    consents: StateConsentStore


@pytest.fixture
async def rooms(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Rooms]:
    path = tmp_path / "state.db"
    database, vault = Database.open(sqlite_url(path)), Vault(bytes(32))
    yield Rooms(
        path, database, Registry(database, vault, clock), StateDirectory(database, vault),
        StateConsentStore(database, vault),
    )  # fmt: skip
    database.close()


def router(name: str = "cpe-1", **changes: object) -> NewRouter:
    wanted: dict[str, object] = {
        "name": name,
        "platform": "openwrt",
        "address": "192.0.2.7",
        "port": 22,
        "host_key": HOST_KEY,
        "credential": Credential(user="vestibule", password="PASSWORD-SEED"),
    }
    return NewRouter(**{**wanted, **changes})  # type: ignore[arg-type]


# --- people -----------------------------------------------------------------------------------------------------------


async def test_people_come_and_go(rooms: Rooms) -> None:
    ada = await rooms.registry.add_person("ada", "rep")
    await rooms.registry.add_person("bot", "automation")
    assert [person.name for person in await rooms.registry.persons()] == ["ada", "bot"]
    assert ada.alias.startswith("Rep ")
    assert (await rooms.registry.persons())[1].alias.startswith("Service ")
    await rooms.registry.add_key("ada", KEY)
    await rooms.registry.remove_person("ada")
    assert await rooms.directory.principal_by_key(KEY) is None
    await rooms.registry.add_person("bob", "rep")
    await rooms.registry.add_key("bob", KEY)


async def test_a_name_a_uid_and_a_key_belong_to_one_person(rooms: Rooms) -> None:
    await rooms.registry.add_person("ada", "rep", uid=1000)
    await rooms.registry.add_key("ada", KEY)
    with pytest.raises(BadRequest, match="already"):
        await rooms.registry.add_person("ada", "operator")
    with pytest.raises(BadRequest, match="already"):
        await rooms.registry.add_person("bob", "rep", uid=1000)
    await rooms.registry.add_person("bob", "rep")
    with pytest.raises(BadRequest, match="already"):
        await rooms.registry.add_key("bob", KEY)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "-ada", "a" * 33, "ada\n", "é"])
async def test_names_have_a_form(rooms: Rooms, name: str) -> None:
    with pytest.raises(BadRequest, match="name"):
        await rooms.registry.add_person(name, "rep")


async def test_a_role_must_exist(rooms: Rooms) -> None:
    with pytest.raises(BadRequest, match="reviewer"):
        await rooms.registry.add_person("ada", "admin")  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-dss AAAAB3NzaC1kc3MAAACB", "ssh-rsa !!!!",
                                 KEY.replace("ssh-ed25519", "ssh-rsa"), "no such key"])  # fmt: skip
async def test_a_key_must_be_one(rooms: Rooms, key: str) -> None:
    await rooms.registry.add_person("ada", "rep")
    with pytest.raises(BadRequest, match="OpenSSH"):
        await rooms.registry.add_key("ada", key)


async def test_keys_are_listed_and_removed(rooms: Rooms) -> None:
    await rooms.registry.add_person("ada", "rep")
    first = await rooms.registry.add_key("ada", KEY)
    await rooms.registry.add_key("ada", OTHER_KEY)
    assert len(await rooms.registry.keys("ada")) == 2
    await rooms.registry.remove_key("ada", first)
    await rooms.registry.remove_key("ada", OTHER_KEY)
    assert await rooms.registry.keys("ada") == []
    with pytest.raises(BadRequest, match="no such key"):
        await rooms.registry.remove_key("ada", KEY)


async def test_what_is_changed_about_a_person_shows(rooms: Rooms, clock: FakeClock) -> None:
    await rooms.registry.add_person("ada", "rep")
    until = clock.now() + timedelta(days=30)
    await rooms.registry.set_training("ada", until)
    await rooms.registry.set_disabled("ada", disabled=True)
    secret = await rooms.registry.enrol_totp("ada")
    found = await rooms.directory.principal_by_name("ada")
    assert found is not None
    assert (found.training_until, found.disabled, found.totp_enrolled) == (until, True, True)
    assert await rooms.directory.totp_secret(found.id) == secret
    await rooms.registry.remove_totp("ada")
    await rooms.registry.set_training("ada", None)
    found = await rooms.directory.principal_by_name("ada")
    assert found is not None
    assert (found.training_until, found.totp_enrolled) == (None, False)


async def test_enrolling_again_forgets_the_old_steps(rooms: Rooms) -> None:
    ada = await rooms.registry.add_person("ada", "rep")
    first = await rooms.registry.enrol_totp("ada")
    assert await rooms.directory.accept_totp_step(ada.id, 100)
    assert await rooms.registry.enrol_totp("ada") != first
    assert await rooms.directory.accept_totp_step(ada.id, 50)


async def test_tokens_are_for_machines_and_can_be_taken_back(rooms: Rooms) -> None:
    await rooms.registry.add_person("ada", "rep")
    with pytest.raises(BadRequest, match="machine"):
        await rooms.registry.new_token("ada")
    await rooms.registry.add_person("bot", "automation")
    tokens = [await rooms.registry.new_token("bot") for _ in range(2)]
    assert all([await rooms.directory.principal_by_token(token) for token in tokens])
    assert await rooms.registry.remove_tokens("bot") == 2
    assert await rooms.directory.principal_by_token(tokens[0]) is None


@pytest.mark.parametrize("act", ["remove_person", "enrol_totp", "remove_totp", "new_token", "remove_tokens", "keys"])
async def test_nobody_is_named(rooms: Rooms, act: str) -> None:
    with pytest.raises(BadRequest, match="nobody called ghost"):
        await getattr(rooms.registry, act)("ghost")


# --- routers ----------------------------------------------------------------------------------------------------------


async def test_routers_come_change_and_go(rooms: Rooms) -> None:
    made = await rooms.registry.add_router(router(lan=("192.168.1.0/24", "fd00::/64")))
    assert (await rooms.directory.router_by_name("cpe-1")) == made
    await rooms.registry.set_credential("cpe-1", Credential(user="other", private_key="KEY"))
    await rooms.registry.set_host_key("cpe-1", OTHER_KEY + " new one")
    target = await rooms.directory.target(made.id)
    assert target is not None
    assert target.credential == Credential(user="other", private_key="KEY")
    assert target.host_key == OTHER_KEY
    await rooms.registry.remove_router("cpe-1")
    assert await rooms.directory.target(made.id) is None
    assert await rooms.directory.routers() == []


async def test_two_routers_of_one_subscriber(rooms: Rooms) -> None:
    first = await rooms.registry.add_router(router())
    second = await rooms.registry.add_router(router("cpe-2", subscriber_ref=first.subscriber_ref))
    assert second.subscriber_ref == first.subscriber_ref
    with pytest.raises(BadRequest, match="already"):
        await rooms.registry.add_router(router("cpe-2"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Cpe"}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"name": "vestibule"}, "kept"),
        ({"platform": "Open WRT"}, "platform"),
        ({"address": ""}, "address"),
        ({"address": "two words"}, "address"),
        ({"address": "0x7f000001"}, "address"),
        ({"address": "2130706433"}, "address"),
        ({"address": "-oProxyCommand=x"}, "address"),
        ({"address": "127.1"}, "address"),
        ({"port": 0}, "port"),
        ({"port": 70000}, "port"),
        ({"host_key": "nonsense"}, "host key"),
        ({"lan": ("192.168.1.1/24",)}, "prefix"),
        ({"lan": ("x",)}, "prefix"),
        ({"subscriber_ref": "marie"}, "subscriber"),
    ],
)
async def test_a_router_must_make_sense(rooms: Rooms, changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        await rooms.registry.add_router(router(**changes))
    assert await rooms.directory.routers() == []


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::1", "cpe-7.mgmt.isp.example", "localhost"])
async def test_addresses_that_are_fine(rooms: Rooms, address: str) -> None:
    made = await rooms.registry.add_router(router(address=address))
    target = await rooms.directory.target(made.id)
    assert target is not None
    assert target.address == address


async def test_what_is_not_there_is_named(rooms: Rooms) -> None:
    with pytest.raises(BadRequest, match="no router called ghost"):
        await rooms.registry.remove_router("ghost")
    with pytest.raises(BadRequest, match="no router called ghost"):
        await rooms.registry.set_credential("ghost", Credential(user="x"))


# --- contacts ---------------------------------------------------------------------------------------------------------


async def test_contacts_keep_their_order(rooms: Rooms) -> None:
    ref = new_id()
    await rooms.registry.add_contact(ref, "phone", "+1 (514) 555-0100", language="fr")
    await rooms.registry.add_contact(ref, "mail", "marie@subscriber.example")
    await rooms.registry.add_contact(new_id(), "mail", "other@subscriber.example")
    found = await rooms.directory.contacts(ref)
    assert [(c.kind, c.address, c.language) for c in found] == [
        ("phone", "+15145550100", "fr"),
        ("mail", "marie@subscriber.example", "en"),
    ]
    assert await rooms.registry.remove_contacts(ref) == 2
    assert await rooms.directory.contacts(ref) == []


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("mail", "nobody"),
        ("mail", "a@b"),
        ("mail", "a b@c.example"),
        ("mail", "a@b.example\nBcc: x@y.example"),
        ("mail", "a@b.example, c@d.example"),
        ("phone", "5145550100"),
        ("phone", "+0123456"),
        ("phone", "+1514555010o"),
        ("fax", "+15145550100"),
    ],
)
async def test_a_contact_must_be_reachable(rooms: Rooms, kind: str, address: str) -> None:
    with pytest.raises(BadRequest):
        await rooms.registry.add_contact(new_id(), kind, address)  # type: ignore[arg-type]


# --- at rest ----------------------------------------------------------------------------------------------------------


async def test_the_file_tells_nothing_about_anybody(rooms: Rooms, clock: FakeClock) -> None:
    from dataclasses import replace

    from gateway.consent.model import Consent, Question, State

    await rooms.registry.add_person("name-seed", "rep")
    totp = await rooms.registry.enrol_totp("name-seed")
    await rooms.registry.add_person("bot-seed", "automation")
    token = await rooms.registry.new_token("bot-seed")
    made = await rooms.registry.add_router(
        router("router-seed", address="203.0.113.99", credential=Credential(user="user-seed", password="password-seed",
                                                                          enable_password="enable-seed"))
    )  # fmt: skip
    await rooms.registry.add_contact(made.subscriber_ref, "mail", "mail-seed@subscriber.example")
    await rooms.registry.add_contact(made.subscriber_ref, "phone", "+15145550199")
    now = clock.now()
    consent = Consent(
        id=new_id(), state=State.REQUESTED, rep_id=new_id(), router_id=made.id, router_name="router-seed",
        subscriber_ref=made.subscriber_ref, ticket="ticket-seed", reason="reason-seed", language="en", asked=(),
        minutes=30, sessions=1, requested_at=now, lapses_at=now, statement_digest="00" * 32,
        questions=(Question(text="question-seed", asked_at=now, answer="answer-seed"),),
    )  # fmt: skip
    await rooms.consents.put(consent)
    await rooms.consents.replace(consent, replace(consent, revision=1))
    everything = b"".join(file.read_bytes() for file in rooms.path.parent.iterdir())
    for seed in ("name-seed", "bot-seed", "router-seed", "203.0.113.99", "user-seed", "password-seed", "enable-seed",
                 "mail-seed", "+15145550199", "ticket-seed", "reason-seed", "question-seed", "answer-seed", totp, token,
                 token.partition(".")[2]):  # fmt: skip
        assert seed.encode() not in everything, seed


async def test_another_root_key_opens_nothing(rooms: Rooms) -> None:
    made = await rooms.registry.add_router(router())
    other = StateDirectory(rooms.database, Vault(bytes(31) + b"\x01"))
    assert await other.router_by_name("cpe-1") is None
    with pytest.raises(Unavailable, match="root key"):
        await other.target(made.id)

"""What every `Directory` does: the one in memory and the one in tables pass the same tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.clock import FakeClock
from config.ids import new_id
from drivers.session import Credential, Target
from gateway.access.credentials import Vault
from gateway.access.fakes import FakeDirectory
from gateway.access.identity import Directory, Principal, Router
from gateway.state.database import Database, sqlite_url
from gateway.state.directory import StateDirectory
from gateway.state.registry import NewRouter, Registry

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICzqLlZ1lU8cN9TJvUfd2SYcbpPUc1NR8kTWVFmzUTxX rep@laptop"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFtBLnfgzwJL46eT7TtiEyjUVv7QZ/DP3wnzCBxfVg3M"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHTHeQpGjDL2YaVZyOoxgV2Ph80OPxkaWvVj6gdlErhI"
CREDENTIAL = Credential(user="vestibule", password="router-password-ç", enable_password="enable-word")


@dataclass
class Filled:
    """A directory with one rep (key, uid, TOTP), one automation (token) and two routers, and what it should say."""

    directory: Directory
    rep: Principal
    automation: Principal
    token: str
    totp: str
    router: Router
    disable: Callable[[str], Awaitable[None]]


async def fill_memory() -> Filled:
    fake = FakeDirectory()
    rep = Principal(id=new_id(), name="ada", role="rep", alias="Rep 01AB")
    rep = fake.add_principal(rep, key=KEY, uid=1000, totp_secret="JBSWY3DPEHPK3PXP")
    bot = Principal(id=new_id(), name="bot", role="automation", alias="Service 02CD")
    fake.add_principal(bot, token="right")
    router = Router(id=new_id(), name="cpe-1", platform="openwrt", subscriber_ref=new_id(), lan=("192.168.1.0/24",))
    target = Target(
        router_id=router.id, name="cpe-1", platform="openwrt", address="192.0.2.7", port=22, host_key=HOST_KEY,
        credential=CREDENTIAL, legacy_algorithms=frozenset({"ssh-rsa"}),
    )  # fmt: skip
    fake.add_router(router, target)
    fake.add_router(Router(id=new_id(), name="aaa", platform="ios", subscriber_ref=new_id()))

    async def disable(_: str) -> None:
        fake.add_principal(Principal(id=rep.id, name="ada", role="rep", alias="Rep 01AB", disabled=True))

    return Filled(fake, rep, bot, "right", "JBSWY3DPEHPK3PXP", router, disable)


async def fill_state(path: Path) -> tuple[Filled, Database]:
    database, vault = Database.open(sqlite_url(path)), Vault(bytes(32))
    registry = Registry(database, vault, FakeClock())
    await registry.add_person("ada", "rep", uid=1000)
    await registry.add_key("ada", KEY)
    totp = await registry.enrol_totp("ada")
    bot = await registry.add_person("bot", "automation")
    token = await registry.new_token("bot")
    new = NewRouter(
        name="cpe-1", platform="openwrt", address="192.0.2.7", port=22, host_key=HOST_KEY + " comment",
        credential=CREDENTIAL, lan=("192.168.1.0/24",), legacy_algorithms=frozenset({"ssh-rsa"}),
    )  # fmt: skip
    router = await registry.add_router(new)
    await registry.add_router(
        NewRouter(name="aaa", platform="ios", address="h.example", port=22, host_key=HOST_KEY, credential=CREDENTIAL)
    )
    rep = next(person for person in await registry.persons() if person.name == "ada")

    async def disable(name: str) -> None:
        await registry.set_disabled(name, disabled=True)

    return Filled(StateDirectory(database, vault), rep, bot, token, totp, router, disable), database


@pytest.fixture(params=["memory", "sqlite"])
async def filled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Filled]:
    if request.param == "memory":
        yield await fill_memory()
        return
    filled, database = await fill_state(tmp_path / "state.db")
    yield filled
    database.close()


async def test_people_are_found_by_key_name_and_uid(filled: Filled) -> None:
    directory = filled.directory
    assert filled.rep.totp_enrolled
    assert await directory.principal_by_key(KEY) == filled.rep
    assert await directory.principal_by_key(" ".join(KEY.split()[:2])) == filled.rep, "the comment does not matter"
    assert await directory.principal_by_name("ada") == filled.rep
    assert await directory.principal_by_uid(1000) == filled.rep


async def test_strangers_are_nobody(filled: Filled) -> None:
    directory = filled.directory
    assert await directory.principal_by_key(OTHER_KEY) is None
    assert await directory.principal_by_key("nonsense") is None
    assert await directory.principal_by_key("") is None
    for name in ("Ada", "", "\udcff"):
        assert await directory.principal_by_name(name) is None
    assert await directory.principal_by_uid(0) is None


async def test_a_token_counts_whole_or_not_at_all(filled: Filled) -> None:
    directory = filled.directory
    assert await directory.principal_by_token(filled.token) == filled.automation
    for wrong in (filled.token[:-1], filled.token + "x", "", "\udcff", filled.token.partition(".")[0] + ".wrong"):
        assert await directory.principal_by_token(wrong) is None


async def test_totp_steps_go_forward_only(filled: Filled) -> None:
    directory = filled.directory
    assert await directory.totp_secret(filled.rep.id) == filled.totp
    assert await directory.totp_secret(filled.automation.id) is None
    assert await directory.accept_totp_step(filled.rep.id, 100) is True
    assert await directory.accept_totp_step(filled.rep.id, 100) is False
    assert await directory.accept_totp_step(filled.rep.id, 99) is False
    assert await directory.accept_totp_step(filled.rep.id, 101) is True


async def test_routers_are_found_and_listed_by_name(filled: Filled) -> None:
    directory = filled.directory
    assert await directory.router_by_name("cpe-1") == filled.router
    assert await directory.router_by_name("cpe-2") is None
    assert [router.name for router in await directory.routers()] == ["aaa", "cpe-1"]


async def test_a_target_holds_the_opened_credential(filled: Filled) -> None:
    target = await filled.directory.target(filled.router.id)
    assert target is not None
    assert (target.address, target.port, target.host_key) == ("192.0.2.7", 22, HOST_KEY)
    assert target.credential == CREDENTIAL
    assert target.legacy_algorithms == {"ssh-rsa"}
    assert "router-password" not in repr(target)
    assert await filled.directory.target(new_id()) is None


async def test_a_disabled_person_is_still_found_and_says_so(filled: Filled) -> None:
    await filled.disable("ada")
    found = await filled.directory.principal_by_name("ada")
    assert found is not None
    assert found.disabled

"""Who is there: each way in, and that unknown, disabled and wrong look the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from config.ids import new_id
from gateway.access import authenticate
from gateway.access.fakes import FakeDirectory
from gateway.access.identity import Authenticated, Principal, Role

NOW = datetime(2026, 3, 1, 9, 30, 10, tzinfo=UTC)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICzqLlZ1lU8cN9TJvUfd2SYcbpPUc1NR8kTWVFmzUTxX ada@laptop"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def person(name: str = "ada", role: Role = "rep", **changes: object) -> Principal:
    made = Principal(id=new_id(), name=name, role=role, alias=f"Rep {name}")
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory()


async def enrolled(directory: FakeDirectory) -> Authenticated:
    directory.add_principal(person(), key=KEY, totp_secret=SECRET)
    proved = await authenticate.by_key(directory, KEY, "192.0.2.1", NOW)
    assert proved is not None
    return proved


async def test_by_key(directory: FakeDirectory) -> None:
    ada = directory.add_principal(person(), key=KEY)
    proved = await authenticate.by_key(directory, KEY, "192.0.2.1", NOW)
    assert proved is not None
    assert (proved.principal, proved.factors, proved.when) == (ada, {"key"}, NOW)
    assert "192.0.2.1" not in repr(proved)
    assert not authenticate.needs_second_factor(proved)


async def test_a_security_key_counts_as_both_factors(directory: FakeDirectory) -> None:
    directory.add_principal(person(), key=KEY, totp_secret=SECRET)
    proved = await authenticate.by_key(directory, KEY, "192.0.2.1", NOW, fido2=True)
    assert proved is not None
    assert proved.factors == {"key", "fido2"}
    assert not authenticate.needs_second_factor(proved)


async def test_unknown_and_disabled_look_the_same(directory: FakeDirectory) -> None:
    assert await authenticate.by_key(directory, KEY, "192.0.2.1", NOW) is None
    directory.add_principal(person(disabled=True), key=KEY, uid=1000)
    assert await authenticate.by_key(directory, KEY, "192.0.2.1", NOW) is None
    assert await authenticate.by_peer(directory, 1000, NOW) is None
    assert await authenticate.by_certificate(directory, ["ada"], "192.0.2.1", NOW) is None


async def test_by_certificate_takes_exactly_one_person(directory: FakeDirectory) -> None:
    ada = directory.add_principal(person())
    directory.add_principal(person("bob"))
    proved = await authenticate.by_certificate(directory, ["staff", "ada", "ada"], "192.0.2.1", NOW)
    assert proved is not None
    assert (proved.principal, proved.factors) == (ada, {"certificate"})
    for names in ([], ["staff"], ["ada", "bob"]):
        assert await authenticate.by_certificate(directory, names, "192.0.2.1", NOW) is None


async def test_a_token_is_for_machines(directory: FakeDirectory) -> None:
    bot = directory.add_principal(person("bot", "automation"), token="good")
    directory.add_principal(person("eve"), token="stolen")
    proved = await authenticate.by_token(directory, "good", "192.0.2.1", NOW)
    assert proved is not None
    assert (proved.principal, proved.factors) == (bot, {"token"})
    assert await authenticate.by_token(directory, "stolen", "192.0.2.1", NOW) is None
    assert await authenticate.by_token(directory, "bad", "192.0.2.1", NOW) is None


async def test_by_peer(directory: FakeDirectory) -> None:
    directory.add_principal(person("root", "operator"), uid=0)
    proved = await authenticate.by_peer(directory, 0, NOW)
    assert proved is not None
    assert proved.factors == {"peer"}
    assert await authenticate.by_peer(directory, 1, NOW) is None


async def test_the_second_factor(directory: FakeDirectory) -> None:
    proved = await enrolled(directory)
    assert authenticate.needs_second_factor(proved)
    stronger = await authenticate.add_totp(directory, proved, pyotp.TOTP(SECRET).at(NOW), NOW)
    assert stronger is not None
    assert stronger.factors == {"key", "totp"}
    assert (stronger.principal, stronger.source) == (proved.principal, proved.source)
    assert not authenticate.needs_second_factor(stronger)


async def test_a_code_counts_once(directory: FakeDirectory) -> None:
    proved = await enrolled(directory)
    code = pyotp.TOTP(SECRET).at(NOW)
    assert await authenticate.add_totp(directory, proved, code, NOW) is not None
    assert await authenticate.add_totp(directory, proved, code, NOW + timedelta(seconds=5)) is None
    earlier = pyotp.TOTP(SECRET).at(NOW - timedelta(seconds=30))
    assert await authenticate.add_totp(directory, proved, earlier, NOW) is None, "nor does one before it"


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_one_step_of_skew(directory: FakeDirectory, steps: int, accepted: bool) -> None:
    proved = await enrolled(directory)
    code = pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=30 * steps))
    assert (await authenticate.add_totp(directory, proved, code, NOW) is not None) is accepted


@pytest.mark.parametrize("code", ["", "000000x", "12345", "1" * 100, "١٢٣٤٥٦", "\udcff"])
async def test_a_wrong_code_is_nothing(directory: FakeDirectory, code: str) -> None:
    assert await authenticate.add_totp(directory, await enrolled(directory), code, NOW) is None


async def test_a_code_with_blanks_is_taken(directory: FakeDirectory) -> None:
    code = pyotp.TOTP(SECRET).at(NOW)
    proved = await enrolled(directory)
    assert await authenticate.add_totp(directory, proved, f" {code[:3]} {code[3:]} ", NOW) is not None


async def test_without_enrolment_there_is_no_second_factor(directory: FakeDirectory) -> None:
    directory.add_principal(person(), key=KEY)
    proved = await authenticate.by_key(directory, KEY, "192.0.2.1", NOW)
    assert proved is not None
    assert await authenticate.add_totp(directory, proved, "123456", NOW) is None


async def test_a_known_key_says_nothing_about_who_is_there(directory: FakeDirectory) -> None:
    directory.add_principal(person(), key=KEY)
    directory.add_principal(person("bob", disabled=True), key="ssh-ed25519 BBBB")
    known = [await authenticate.knows_key(directory, key) for key in (KEY, "ssh-ed25519 BBBB", "ssh-ed25519 CCCC")]
    assert known == [True, False, False]


async def test_an_old_identity_as_it_stands_now(directory: FakeDirectory) -> None:
    proved = await enrolled(directory)
    directory.add_principal(replace(proved.principal, role="supervisor"))
    now = await authenticate.still(directory, proved)
    assert now is not None
    assert (now.principal.role, now.factors, now.when, now.source) == ("supervisor", {"key"}, NOW, "192.0.2.1")


@pytest.mark.parametrize("changes", [{"disabled": True}, {"id": new_id()}, {"name": "eve"}])
async def test_an_old_identity_of_nobody(directory: FakeDirectory, changes: dict[str, object]) -> None:
    proved = await enrolled(directory)
    directory.remove_principal(proved.principal.id)
    directory.add_principal(replace(proved.principal, **changes))  # type: ignore[arg-type]
    assert await authenticate.still(directory, proved) is None


def test_nobody_else_makes_an_identity() -> None:
    with pytest.raises(TypeError):
        Authenticated(principal=person(), factors=frozenset(), when=NOW, source="", mint=object())

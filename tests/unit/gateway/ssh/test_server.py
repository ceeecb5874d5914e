"""Who gets through the front door, with which factors, and what is on record of those who do not."""

import asyncio
import contextlib

import asyncssh
import pyotp
import pytest

from audit.entry import Kind
from gateway.ssh.server import MOST_CHANNELS, router_named
from tests.front_door import Door, ForgedPair


def _code(secret: str) -> str:
    return pyotp.TOTP(secret).now()


async def _whoami(connection: asyncssh.SSHClientConnection) -> str:
    done = await connection.run("consents")
    return f"{done.exit_status}: {done.stdout}{done.stderr}"


# --- the router's name ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "router"),
    [
        ("r-1", "r-1"),
        ("r-1+ct511w4098h", "r-1"),
        ("r-1+ct", "r-1"),
        ("r-1+", "r-1+"),
        ("r-1+ct+ct", "r-1+ct"),
        ("r-1+CT", "r-1+CT"),
        ("r-1+12345w", "r-1+12345w"),
        ("+ct", ""),
        ("vestibule", "vestibule"),
    ],
)
def test_console_options_of_routeros_are_no_part_of_the_router_s_name(username: str, router: str) -> None:
    assert router_named(username) == router


async def test_such_a_name_reaches_the_router(door: Door) -> None:
    door.know("alice")
    plain, _ = await door.connect("nosuch", door.keys["alice"])
    with_options, _ = await door.connect("nosuch+ct511w4098h", door.keys["alice"])

    answers = [(await connection.run("/log print")).stderr for connection in (plain, with_options)]

    assert "nosuch" in str(answers[0])
    assert answers[0] == answers[1]
    plain.close()
    with_options.close()


# --- factors ----------------------------------------------------------------------------------------------------------


async def test_a_key_is_enough_where_no_second_factor_is_enrolled(door: Door) -> None:
    door.know("alice")

    connection, _ = await door.connect("vestibule", door.keys["alice"])

    assert (await _whoami(connection)).startswith("0:")
    assert (await door.entries(Kind.AUTH_OK))[0]["factors"] == ["key"]
    connection.close()


async def test_a_key_and_a_code(door: Door) -> None:
    secret = door.know("alice", totp=True)

    connection, _ = await door.connect("vestibule", door.keys["alice"], codes=(_code(secret),))

    assert (await _whoami(connection)).startswith("0:")
    assert (await door.entries(Kind.AUTH_OK))[0]["factors"] == ["key", "totp"]
    connection.close()


async def test_a_key_alone_is_not_enough_where_a_second_factor_is_enrolled(door: Door) -> None:
    door.know("alice", totp=True)

    with pytest.raises(asyncssh.PermissionDenied):
        await door.connect("vestibule", door.keys["alice"])

    assert await door.entries(Kind.AUTH_FAIL) == [{"front": "ssh", "partly": True}]


async def test_a_code_without_the_private_key_opens_nothing(door: Door) -> None:
    """Asking about somebody's public key (RFC 4252 section 7) must not make anybody that person."""
    secret = door.know("alice", totp=True)

    with pytest.raises(asyncssh.PermissionDenied):
        await door.connect("vestibule", door.forged("alice"), codes=(_code(secret),))

    assert await door.entries(Kind.AUTH_FAIL) == [{"front": "ssh"}]
    assert not [row for row in await door.entries(Kind.AUTH_FAIL) if "partly" in row]


async def test_naming_a_stronger_key_first_makes_nobody_stronger(door: Door) -> None:
    door.know("boss", "supervisor")
    door.know("alice")

    connection, _ = await door.connect("vestibule", door.forged("boss"), door.keys["alice"])

    assert (await door.entries(Kind.AUTH_OK))[0]["role"] == "rep"
    connection.close()


async def test_the_code_of_another_does_not_count(door: Door) -> None:
    door.know("alice", totp=True)
    other = door.know("bob", totp=True)

    with pytest.raises(asyncssh.PermissionDenied):
        await door.connect("vestibule", door.keys["alice"], door.keys["bob"], codes=(_code(other),) * 3)


async def test_wrong_codes_end_the_connection_and_then_make_wait(door: Door) -> None:
    secret = door.know("alice", totp=True)
    for _ in range(2):
        with pytest.raises((asyncssh.PermissionDenied, asyncssh.ConnectionLost)):
            await door.connect("vestibule", door.keys["alice"], codes=("000000",) * 9)

    assert len(await door.entries(Kind.AUTH_MFA, 6)) == 6
    with pytest.raises(asyncssh.PermissionDenied):
        await door.connect("vestibule", door.keys["alice"], codes=(_code(secret),))
    assert not any(row["ok"] for row in await door.entries(Kind.AUTH_MFA, 7))


async def test_strangers_cannot_fill_the_log(make_door) -> None:
    few = await make_door(failures_per_minute=3)
    key = asyncssh.generate_private_key("ssh-ed25519")

    for _ in range(6):
        with pytest.raises(asyncssh.PermissionDenied):
            await few.connect("vestibule", key)
    few.know("alice", totp=True)
    with pytest.raises(asyncssh.PermissionDenied):
        await few.connect("vestibule", few.keys["alice"])

    assert await few.entries(Kind.AUTH_FAIL, 4) == [{"front": "ssh"}] * 3 + [{"front": "ssh", "partly": True}]


# --- certificates -----------------------------------------------------------------------------------------------------


def _certificate(ca: asyncssh.SSHKey, key: asyncssh.SSHKey, *names: str, **options: object) -> asyncssh.SSHCertificate:
    return ca.generate_user_certificate(key, "k", principals=list(names), **options)  # type: ignore[arg-type]


def _line(ca: asyncssh.SSHKey) -> str:
    return " ".join(ca.export_public_key().decode().split()[:2])


async def test_a_certificate_of_the_ca_is_its_principal(make_door) -> None:
    ca = asyncssh.generate_private_key("ssh-ed25519")
    door = await make_door(ca=frozenset({_line(ca)}))
    door.know("alice", key=False)
    key = asyncssh.generate_private_key("ssh-ed25519")

    connection, _ = await door.connect("vestibule", (key, _certificate(ca, key, "alice")))

    assert (await door.entries(Kind.AUTH_OK))[0]["factors"] == ["certificate"]
    connection.close()


@pytest.mark.parametrize(
    "options",
    [{"valid_before": "19700102"}, {"source_address": ["192.0.2.0/24"]}],
    ids=["expired", "from elsewhere"],
)
async def test_a_certificate_that_does_not_hold_here_and_now_opens_nothing(make_door, options) -> None:
    ca = asyncssh.generate_private_key("ssh-ed25519")
    door = await make_door(ca=frozenset({_line(ca)}))
    door.know("alice", key=False)
    key = asyncssh.generate_private_key("ssh-ed25519")

    with pytest.raises(asyncssh.PermissionDenied):
        await door.connect("vestibule", (key, _certificate(ca, key, "alice", **options)))


@pytest.mark.parametrize("names", [("alice", "bob"), ("nobody",), ()], ids=["two people", "a stranger", "no names"])
async def test_a_certificate_that_names_not_exactly_one_person_names_nobody(make_door, names) -> None:
    ca = asyncssh.generate_private_key("ssh-ed25519")
    door = await make_door(ca=frozenset({_line(ca)}))
    door.know("alice")
    door.know("bob")
    key = asyncssh.generate_private_key("ssh-ed25519")

    with pytest.raises(asyncssh.PermissionDenied):
        await door.connect("vestibule", (key, _certificate(ca, key, *names)))


async def test_a_certificate_of_nobodys_ca_and_a_code_open_nothing(door: Door) -> None:
    secret = door.know("alice", totp=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    own = _certificate(asyncssh.generate_private_key("ssh-ed25519"), key, "alice")

    with pytest.raises(asyncssh.PermissionDenied):
        await door.connect("vestibule", (key, own), codes=(_code(secret),))


async def test_a_stolen_certificate_without_its_key_and_a_code_open_nothing(make_door) -> None:
    ca = asyncssh.generate_private_key("ssh-ed25519")
    door = await make_door(ca=frozenset({_line(ca)}))
    secret = door.know("alice", totp=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    stolen = _certificate(ca, key, "alice")
    thief = ForgedPair(stolen.algorithm, stolen.public_data, asyncssh.generate_private_key("ssh-ed25519"))

    with pytest.raises(asyncssh.PermissionDenied):
        await door.connect("vestibule", thief, codes=(_code(secret),))


# --- a connection that outlives what it was signed in with ------------------------------------------------------------


async def test_somebody_suspended_can_do_nothing_more_on_an_open_connection(door: Door) -> None:
    door.know("alice")
    router = door.on.router()
    auth = await door.on.service.authenticate_key(door.keys["alice"].export_public_key().decode(), "x", fido2=False)
    assert auth is not None
    await door.on.consent(auth, router)
    connection, _ = await door.connect(router.name, door.keys["alice"])
    assert (await connection.run("show version")).exit_status == 0

    door.change(auth.principal, disabled=True)
    refused = await connection.run("show version")

    assert refused.exit_status != 0
    assert "suspended" in str(refused.stderr)
    assert len(door.on.driver.opened) == 1
    connection.close()


async def test_a_second_factor_enrolled_meanwhile_is_wanted(door: Door) -> None:
    door.know("alice")
    connection, _ = await door.connect("vestibule", door.keys["alice"])
    auth = await door.on.service.authenticate_key(door.keys["alice"].export_public_key().decode(), "x", fido2=False)
    assert auth is not None

    door.change(auth.principal, totp_enrolled=True)

    assert "sign in again" in await _whoami(connection)
    connection.close()


# --- what does not exist ----------------------------------------------------------------------------------------------


async def test_refused_features_are_recorded_by_words_of_our_own(door: Door) -> None:
    door.know("alice")
    connection, _ = await door.connect("vestibule", door.keys["alice"])

    with pytest.raises(asyncssh.ChannelOpenError):
        await connection.open_connection("192.168.1.10", 22)
    with pytest.raises(asyncssh.ChannelOpenError):
        await connection.create_session(asyncssh.SSHClientSession, subsystem="jane.doe@example.org")
    found = await door.entries(Kind.SESSION_ATTEMPT, 2)

    assert [row["feature"] for row in found] == ["channel:direct-tcpip", "subsystem:other"]
    connection.close()


async def test_too_many_refused_features_end_the_connection(door: Door) -> None:
    door.know("alice")
    connection, _ = await door.connect("vestibule", door.keys["alice"])

    with pytest.raises((asyncssh.Error, ConnectionError)):
        for _ in range(200):
            with contextlib.suppress(asyncssh.ChannelOpenError):
                await connection.open_connection("192.168.1.10", 22)
            if connection.is_closed():
                raise ConnectionError
    await asyncio.wait_for(connection.wait_closed(), 5)

    assert len(await door.entries(Kind.SESSION_ATTEMPT, 100)) == 100


async def _change_user_name(door: Door) -> None:
    """Begin to sign in as one router and go on as another, until the gateway hangs up."""

    class Changing(asyncssh.SSHClientConnection):
        async def public_key_auth_requested(self):  # type: ignore[no-untyped-def]
            self._username = "r-2" if self._username == "r-1" else self._username
            return await super().public_key_auth_requested()

    key = asyncssh.generate_private_key("ssh-ed25519")
    options = await asyncssh.SSHClientConnectionOptions.construct(
        username="r-1", client_keys=[key], known_hosts=None, config=None, agent_path=None
    )
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        lambda: Changing(loop, options, None, None, wait=None), "127.0.0.1", door.port
    )
    await asyncio.wait_for(connection.wait_closed(), 10)


async def test_a_changed_user_name_ends_the_connection_and_is_recorded(door: Door) -> None:
    await _change_user_name(door)

    assert (await door.entries(Kind.SESSION_ATTEMPT))[0]["feature"] == "username_change"


async def test_strangers_cannot_fill_the_log_with_attempts_either(make_door) -> None:
    few = await make_door(failures_per_minute=3)

    for _ in range(6):
        await _change_user_name(few)

    attempts, failures = await few.entries(Kind.SESSION_ATTEMPT), await few.entries(Kind.AUTH_FAIL)
    assert len(attempts) + len(failures) == 3


async def test_more_connections_than_allowed_are_turned_away_and_places_come_back(make_door) -> None:
    door = await make_door(most=1)
    door.know("alice")
    first, _ = await door.connect("vestibule", door.keys["alice"])

    with pytest.raises((asyncssh.Error, OSError)):
        await door.connect("vestibule", door.keys["alice"])

    first.close()
    await first.wait_closed()
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(asyncssh.Error, OSError):
                second, _ = await door.connect("vestibule", door.keys["alice"])
                break
            await asyncio.sleep(0.02)
    second.close()


async def test_channels_of_one_connection_are_bounded_and_places_come_back(door: Door) -> None:
    router = door.on.router(platform="ios")
    door.know("alice")
    auth = await door.on.service.authenticate_key(door.keys["alice"].export_public_key().decode(), "x", fido2=False)
    assert auth is not None
    await door.on.consent(auth, router)
    connection, _ = await door.connect(router.name, door.keys["alice"])
    held = [await connection.create_process(term_type="xterm") for _ in range(MOST_CHANNELS)]

    with pytest.raises(asyncssh.ChannelOpenError):
        await connection.create_process(term_type="xterm")

    held[0].channel.abort()
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(asyncssh.ChannelOpenError):
                await connection.create_process(term_type="xterm")
                break
            await asyncio.sleep(0.02)
    connection.close()

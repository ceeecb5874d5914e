"""The SSH driver beyond the contract: algorithms, credentials, what it never offers, back-pressure, clear errors."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncssh
import pytest

from drivers.errors import DriverError, HostKeyChanged, LoginRefused, RouterClosed, RouterUnreachable
from drivers.lab import Access, IosRouter, OpenWrtRouter
from drivers.session import Credential, Target
from drivers.shell_ssh import TERMINAL, TERMINAL_SIZE, SshDriver
from tests.unit.drivers.minting import Minting

KEY = asyncssh.generate_private_key("ssh-ed25519")
LIMIT = 256 * 1024


@pytest.fixture
def driver() -> SshDriver:
    return SshDriver(connect_seconds=5)


@pytest.fixture
def mint() -> Minting:
    return Minting()


class Spy(asyncssh.SSHServer):
    """A router that lets anyone in and notes what was asked of it."""

    def __init__(self, session: Callable[[], asyncssh.SSHServerSession]) -> None:
        self._session = session
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn) -> None:
        self.connection = conn

    def begin_auth(self, username: str) -> bool:
        return False

    def session_requested(self):
        return self._session()


class SpySession(asyncssh.SSHServerSession):
    def __init__(self) -> None:
        self.terminal: object = None
        self.command: str | None = None
        self.input = b""
        self.eof = False
        self.channel: asyncssh.SSHServerChannel = None  # type: ignore[assignment]
        self.started = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, chan) -> None:
        self.channel = chan

    def pty_requested(self, term_type, term_size, term_modes) -> bool:
        self.terminal = (term_type, term_size[:2])
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command) -> bool:
        self.command = command
        return True

    def session_started(self) -> None:
        self.started.set()

    def data_received(self, data, datatype) -> None:
        self.input += data

    def eof_received(self) -> bool:
        self.eof = True
        return True

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()


@asynccontextmanager
async def spying(session: Callable[[], object] = SpySession, **options) -> AsyncIterator[tuple[Target, list, list]]:
    servers: list[Spy] = []
    sessions: list[SpySession] = []

    def make_session():
        made = session()
        sessions.append(made)
        return made  # a session, or what will become one

    def make_server():
        servers.append(Spy(make_session))
        return servers[-1]

    settings = {"server_host_keys": [KEY], "encoding": None, "line_editor": False, "config": []} | options
    acceptor = await asyncssh.create_server(make_server, "127.0.0.1", 0, **settings)
    target = Target(
        router_id="r1",
        name="spy-1",
        platform="openwrt",
        address="127.0.0.1",
        port=acceptor.get_port(),
        host_key=settings["server_host_keys"][0].export_public_key().decode(),
        credential=Credential(user="gw"),
    )
    try:
        yield target, servers, sessions
    finally:
        acceptor.close()
        for server in servers:
            if server.connection is not None:
                server.connection.abort()
        await acceptor.wait_closed()


# --- what is asked of the router --------------------------------------------------------------------------------------


async def test_the_terminal_is_plain_and_wide_and_brings_no_environment(driver, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("LANG", "C.UTF-8")
    async with spying() as (target, servers, sessions):
        session = await driver.open(target, "shell")
        await sessions[0].started.wait()
        assert sessions[0].terminal == (TERMINAL, TERMINAL_SIZE)
        assert dict(sessions[0].channel.get_environment()) == {}
        assert sessions[0].channel.get_agent_path() is None
        assert servers[0].connection.get_extra_info("recv_compression") == "none"
        assert sessions[0].input == b""
        await session.close()


async def test_an_exec_session_asks_for_no_terminal_and_sends_the_command_without_its_line_end(driver, mint):
    async with spying() as (target, _, sessions):
        session = await driver.open(target, "exec")
        assert sessions == []
        await session.send(mint("show 'ü' | include x\r\n"))
        await sessions[0].started.wait()
        assert sessions[0].terminal is None
        assert sessions[0].command == "show 'ü' | include x"
        await session.close()


async def test_further_bytes_of_a_running_exec_command_go_to_its_input(driver, mint):
    async with spying() as (target, _, sessions):
        session = await driver.open(target, "exec")
        await session.send(mint("reload\n"))
        await session.send(mint("y", "answer"))
        async with asyncio.timeout(5):
            while sessions[0].input != b"y":
                await asyncio.sleep(0.01)
        await session.close()


async def test_bytes_that_are_no_text_are_not_run(driver, mint):
    async with spying() as (target, _, sessions):
        session = await driver.open(target, "exec")
        with pytest.raises(DriverError, match="UTF-8"):
            await session.send(mint(b"show \xff\n"))
        assert sessions == []
        await session.close()


async def test_a_channel_that_the_router_opens_is_refused(driver):
    async with spying() as (target, servers, _):
        session = await driver.open(target, "shell")
        with pytest.raises(asyncssh.ChannelOpenError):
            await servers[0].connection.create_connection(asyncssh.SSHTCPSession, "127.0.0.1", 22)
        await session.close()


async def test_a_signal_ends_a_command_with_the_status_that_a_shell_would_give(driver, mint):
    async with spying() as (target, _, sessions):
        session = await driver.open(target, "exec")
        await session.send(mint("sleep\n"))
        await sessions[0].started.wait()
        sessions[0].channel.exit_with_signal("TERM")
        assert (await session.read()).data == b""
        assert session.exit_status == 143
        await session.send(mint("sleep\n"))
        await sessions[1].started.wait()
        sessions[1].channel.exit_with_signal("ODD@example.org")
        assert (await session.read()).data == b""
        assert session.exit_status is None
        await session.close()


async def test_a_slow_reader_holds_the_router_back(driver, mint):
    async with spying() as (target, _, sessions):
        session = await driver.open(target, "exec")
        await session.send(mint("flood\n"))
        await sessions[0].started.wait()
        sent = 0
        block = b"x" * 16_384
        while sent < 64 * LIMIT:
            try:
                await asyncio.wait_for(sessions[0].writable.wait(), 0.3)
            except TimeoutError:
                break
            sessions[0].channel.write(block)
            sent += len(block)
        assert sent < 64 * LIMIT, "the router was never held back"
        assert held(session) <= LIMIT
        sessions[0].channel.exit(0)
        received = 0
        while data := (await session.read()).data:
            received += len(data)
            assert held(session) <= LIMIT
        assert received == sent
        await session.close()


def held(session) -> int:
    """Bytes that wait inside the gateway: in our buffer and in asyncssh's."""
    channel = session._channel
    return channel.buffer.size + sum(len(data) for data, _ in channel._raw._recv_buf)


# --- who the router is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ecdsa-sha2-nistp256", "ssh-rsa"])
async def test_other_types_of_host_key_can_be_pinned(driver, kind):
    key = asyncssh.generate_private_key(kind)
    async with spying(server_host_keys=[key, KEY]) as (target, _, _):
        session = await driver.open(target, "exec")
        await session.close()


async def test_a_new_type_of_host_key_is_a_changed_key_too(driver):
    async with spying(server_host_keys=[asyncssh.generate_private_key("ecdsa-sha2-nistp256")]) as (target, _, _):
        with pytest.raises(HostKeyChanged):
            await driver.open(replace(target, host_key=KEY.export_public_key().decode()), "exec")


async def test_no_credential_is_offered_to_a_changed_host_key(driver):
    async with OpenWrtRouter() as router:
        with pytest.raises(HostKeyChanged, match="administrator registers"):
            await driver.open(replace(router.target(), host_key=KEY.export_public_key().decode()), "shell")
        assert router.access.attempts == []


async def test_a_host_key_that_cannot_be_read_is_said_so(driver):
    async with OpenWrtRouter() as router:
        with pytest.raises(DriverError, match="register the router again"):
            await driver.open(replace(router.target(), host_key="ssh-ed25519 nonsense"), "shell")


# --- who the gateway is -----------------------------------------------------------------------------------------------


async def test_a_private_key_logs_in(driver):
    access = Access(public_key=KEY.export_public_key().decode())
    async with OpenWrtRouter(access=access) as router:
        credential = Credential(user="root", private_key=KEY.export_private_key().decode())
        session = await driver.open(replace(router.target(), credential=credential), "exec")
        await session.close()
        assert "password" not in access.attempts


async def test_a_key_that_the_router_does_not_know_is_refused(driver):
    async with OpenWrtRouter() as router:
        credential = Credential(user="root", private_key=KEY.export_private_key().decode())
        with pytest.raises(LoginRefused, match="home-1"):
            await driver.open(replace(router.target(), credential=credential), "exec")


@pytest.mark.parametrize("text", ["not a key", KEY.export_private_key(passphrase="p4ss").decode()])
async def test_a_private_key_that_cannot_be_used_is_said_so_without_showing_it(driver, text):
    async with OpenWrtRouter() as router:
        credential = Credential(user="root", private_key=text)
        with pytest.raises(DriverError, match="without passphrase") as caught:
            await driver.open(replace(router.target(), credential=credential), "exec")
        assert text.splitlines()[0] not in str(caught.value)


async def test_a_password_is_given_to_a_router_that_asks_for_it_as_a_question(driver):
    class Asking(asyncssh.SSHServer):
        def kbdint_auth_supported(self) -> bool:
            return True

        def get_kbdint_challenge(self, username, lang, submethods):
            return "", "", "", [("Password: ", False)]

        def validate_kbdint_response(self, username, responses) -> bool:
            return list(responses) == ["opens-it"]

    acceptor = await asyncssh.create_server(Asking, "127.0.0.1", 0, server_host_keys=[KEY], config=[])
    target = Target(
        router_id="r1",
        name="asking-1",
        platform="ios",
        address="127.0.0.1",
        port=acceptor.get_port(),
        host_key=KEY.export_public_key().decode(),
        credential=Credential(user="gw", password="opens-it"),
    )
    session = await driver.open(target, "exec")
    await session.close()
    acceptor.close()
    await acceptor.wait_closed()


# --- old algorithms ---------------------------------------------------------------------------------------------------

OLD = {
    "kex_algs": ("diffie-hellman-group14-sha1",),
    "encryption_algs": ("aes128-cbc",),
    "mac_algs": ("hmac-sha1",),
}


@pytest.mark.parametrize("only", OLD)
async def test_an_old_router_is_refused_and_told_what_to_allow(driver, only):
    algorithms = {only: OLD[only]} | ({"encryption_algs": ("aes128-ctr",)} if only == "mac_algs" else {})
    async with IosRouter(algorithms=algorithms) as router:
        with pytest.raises(LoginRefused, match=f"allow one of these in its entry: .*{OLD[only][0]}"):
            await driver.open(router.target(), "shell")


# The cryptography library warns that it will drop finite-field Diffie-Hellman; until then old routers need it.
@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")
async def test_an_old_router_works_when_its_entry_allows_it(driver):
    async with IosRouter(algorithms=OLD) as router:
        allowed = frozenset(name for names in OLD.values() for name in names)
        session = await driver.open(replace(router.target(), legacy_algorithms=allowed), "shell")
        assert (await session.read()).data == b"R1>"
        await session.close()


async def test_an_unknown_old_algorithm_is_named(driver):
    async with OpenWrtRouter() as router:
        with pytest.raises(DriverError, match="rot13"):
            await driver.open(replace(router.target(), legacy_algorithms=frozenset({"rot13"})), "shell")


async def test_no_algorithm_in_common_is_said_so(driver):
    async with spying(kex_algs=["curve448-sha512"]) as (target, _, _):
        with pytest.raises(LoginRefused, match="no SSH algorithm in common"):
            await driver.open(target, "shell")


# --- things that go wrong ---------------------------------------------------------------------------------------------


async def test_a_server_that_says_nothing_is_given_up(driver):
    async def silence(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    async with spying() as (target, _, _), server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RouterUnreachable, match=r"0\.3 seconds"):
            await SshDriver(connect_seconds=0.3).open(replace(target, port=port), "shell")


async def test_a_server_that_is_not_ssh_is_unreachable(driver):
    async def http(reader, writer):
        writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(http, "127.0.0.1", 0)
    async with spying() as (target, _, _), server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RouterUnreachable, match="spy-1"):
            await driver.open(replace(target, port=port), "shell")


async def test_a_router_without_a_terminal_refuses_the_login(driver):
    class NoShell(SpySession):
        def shell_requested(self) -> bool:
            return False

    async with spying(NoShell) as (target, servers, _):
        with pytest.raises(LoginRefused, match="no terminal"):
            await driver.open(target, "shell")
        async with asyncio.timeout(5):
            while not servers[0].connection.is_closed():
                await asyncio.sleep(0.01)


async def test_a_command_that_the_router_does_not_start_is_said_so(driver, mint):
    class NoExec(SpySession):
        def exec_requested(self, command) -> bool:
            return False

    async with spying(NoExec) as (target, _, _):
        session = await driver.open(target, "exec")
        with pytest.raises(RouterClosed, match="spy-1"):
            await session.send(mint("show version\n"))
        assert (await session.read()).data == b""
        await session.close()


async def test_a_cut_connection_ends_the_reading(driver, mint):
    async with OpenWrtRouter() as router:
        session = await driver.open(router.target(), "exec")
        await session.send(mint("sleep 60\n"))
        reading = asyncio.ensure_future(session.read())
        await asyncio.sleep(0.05)
        router.cut()
        assert (await asyncio.wait_for(reading, 5)).data == b""
        assert session.exit_status is None
        with pytest.raises(RouterClosed):
            await session.send(mint("uptime\n"))
        await session.close()


async def test_a_cut_connection_is_noticed_between_two_commands(driver, mint):
    async with OpenWrtRouter() as router:
        session = await driver.open(router.target(), "exec")
        reading = asyncio.ensure_future(session.read())
        router.cut()
        assert (await asyncio.wait_for(reading, 5)).data == b""
        with pytest.raises(RouterClosed):
            await session.send(mint("uptime\n"))


async def test_closing_drops_bytes_that_the_router_has_not_taken(driver, mint):
    async with spying() as (target, servers, sessions):
        session = await driver.open(target, "shell")
        await sessions[0].started.wait()
        sessions[0].channel.pause_reading()
        await session.send(mint(b"x" * 4_000_000))
        await session.close()
        async with asyncio.timeout(5):
            while not servers[0].connection.is_closed():
                await asyncio.sleep(0.01)
        assert len(sessions[0].input) < 4_000_000


async def test_giving_up_while_opening_leaves_no_connection(driver):
    async with spying() as (target, servers, _):
        opening = asyncio.ensure_future(driver.open(target, "shell"))
        while not servers:
            await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        async with asyncio.timeout(5):
            while not servers[0].connection.is_closed():
                await asyncio.sleep(0.01)


async def never() -> SpySession:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_terminal_that_never_comes_is_given_up():
    async with spying(never) as (target, servers, _):
        with pytest.raises(LoginRefused, match="no terminal"):
            await SshDriver(connect_seconds=0.5).open(target, "shell")
        async with asyncio.timeout(5):
            while not servers[0].connection.is_closed():
                await asyncio.sleep(0.01)


async def test_giving_up_while_the_terminal_starts_leaves_no_connection(driver):
    async with spying(never) as (target, servers, sessions):
        opening = asyncio.ensure_future(driver.open(target, "shell"))
        async with asyncio.timeout(5):
            while not sessions:
                await asyncio.sleep(0.01)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        async with asyncio.timeout(5):
            while not servers[0].connection.is_closed():
                await asyncio.sleep(0.01)


async def test_closing_while_a_command_starts_ends_the_sending(driver, mint):
    async with spying(never) as (target, _, sessions):
        session = await driver.open(target, "exec")
        sending = asyncio.ensure_future(session.send(mint("show version\n")))
        async with asyncio.timeout(5):
            while not sessions:
                await asyncio.sleep(0.01)
            await session.close()
            with pytest.raises(RouterClosed):
                await sending

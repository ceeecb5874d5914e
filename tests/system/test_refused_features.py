"""Everything that SSH offers beyond a session does not exist here: each attempt is refused, and each is on record.

With unmodified OpenSSH where it can be made to ask, with paramiko's transport for what no ordinary client would send.
"""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from audit.entry import Kind
from drivers.lab.home import HomeComputer
from drivers.lab.openwrt import OpenWrtRouter
from gateway import exits
from tests.real.ground import free_port
from tests.running import LoopThread, RunningGateway, wait_for
from tests.system.records import Attempt, Records
from tests.system.ways import finish

REP = "alice"
ROUTER = "home-1"
HOME = "192.168.1.10"


@pytest.fixture(scope="module")
def router() -> Iterator[OpenWrtRouter]:
    """A simulated router with a home computer behind it."""
    loop, home = LoopThread(), HomeComputer()
    router = OpenWrtRouter(home=home)
    loop.run(home.__aenter__())
    loop.run(router.__aenter__())
    yield router
    assert home.connections == 0
    loop.run(router.__aexit__(None, None, None))
    loop.run(home.__aexit__(None, None, None))
    loop.close()


@pytest.fixture(scope="module")
def gateway(
    router: OpenWrtRouter, require_program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    """A gateway with one rep who has a subscriber's consent."""
    for program in ("ssh", "sftp", "scp", "ssh-add"):
        require_program(program)
    gateway = RunningGateway(tmp_path_factory.mktemp("refused"))
    gateway.prepare({REP: "rep"}, [router.target(ROUTER)])
    loop = LoopThread()
    with gateway:
        _, subscriber = gateway.consent(loop, REP, ROUTER, sessions=1000)
        loop.run(subscriber.close())
        yield gateway
    loop.close()
    verified = gateway.vestibule("verify")
    assert verified.returncode == 0, verified.stdout.decode()


@pytest.fixture
def records(gateway: RunningGateway, router: OpenWrtRouter) -> Iterator[Records]:
    """The records of one test. Whatever was tried in it, the router heard of nothing but `uptime`."""
    records = Records(gateway)
    heard = len(router.received)
    yield records
    assert {data for _, data in router.received[heard:]} <= {b"uptime\n"}


def features(records: Records, at_least: int = 1) -> list[str]:
    return [attempt.feature for attempt in records.attempts(at_least)]


# --- forwarding -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def forwarding(gateway: RunningGateway, port: int, *options: str) -> Iterator[None]:
    """ssh with a forwarded port of this side, ready to be connected to."""
    words = ["ssh", *gateway.ssh_options(REP), "-N", *options, f"{ROUTER}@127.0.0.1"]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            assert time.monotonic() < deadline, "ssh did not open its side of the forwarding"
            time.sleep(0.05)
        yield
    finally:
        process.kill()  # SIGTERM is lost on an ssh that happens not to be waiting (OpenSSH before it had ppoll)
        process.communicate()


def connected_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def test_a_forwarded_local_port_leads_nowhere(gateway: RunningGateway, records: Records) -> None:
    port = free_port()
    with forwarding(gateway, port, "-L", f"127.0.0.1:{port}:{HOME}:22"), connected_to(port) as connection:
        assert connection.recv(64) == b""
    assert set(features(records, 2)) == {"channel:direct-tcpip"}


def test_a_socks_proxy_leads_nowhere(gateway: RunningGateway, records: Records) -> None:
    port = free_port()
    with forwarding(gateway, port, "-D", f"127.0.0.1:{port}"), connected_to(port) as connection:
        connection.sendall(b"\x04\x01\x00\x16" + socket.inet_aton(HOME) + b"\0")
        assert not connection.recv(64).startswith(b"SSH-")
    assert set(features(records)) == {"channel:direct-tcpip"}


def test_a_forwarded_local_socket_leads_nowhere(gateway: RunningGateway, records: Records, tmp_path: Path) -> None:
    port = free_port()
    with forwarding(gateway, port, "-L", f"127.0.0.1:{port}:/var/run/ubus.sock"), connected_to(port) as connection:
        assert connection.recv(64) == b""
    assert set(features(records, 2)) == {"channel:direct-streamlocal@openssh.com"}


def test_standard_input_cannot_be_forwarded(gateway: RunningGateway, records: Records) -> None:
    done = gateway.ssh(REP, ROUTER, options=("-W", f"{HOME}:22"))
    assert done.returncode == 255
    assert done.stdout == b""
    assert features(records) == ["channel:direct-tcpip"]


@pytest.mark.parametrize("jump", [ROUTER, "vestibule"])
def test_nobody_jumps_over_the_gateway(gateway: RunningGateway, records: Records, jump: str) -> None:
    inner = " ".join(["ssh", *gateway.ssh_options(REP), "-W", f"{HOME}:22", f"{jump}@127.0.0.1"])
    done = finish(["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", f"ProxyCommand={inner}", f"root@{HOME}"])
    assert done.returncode == 255
    assert records.attempts() == [Attempt("channel:direct-tcpip", "direct-tcpip", jump)]


@pytest.mark.parametrize(
    ("spec", "feature"),
    [
        (f"0:{HOME}:22", "forwarded-tcpip"),
        ("/tmp/there.sock:/tmp/here.sock", "forwarded-streamlocal"),
        ("0", "forwarded-tcpip"),
    ],
    ids=["port", "socket", "socks"],
)
def test_nothing_is_forwarded_back(gateway: RunningGateway, records: Records, spec: str, feature: str) -> None:
    done = gateway.ssh(REP, ROUTER, "uptime", options=("-R", spec, "-o", "ExitOnForwardFailure=yes"))
    assert done.returncode == 255
    assert done.stdout == b""
    assert features(records) == [feature]


# --- agent and X11: refused, and the session goes on without ----------------------------------------------------------


@pytest.fixture
def agent(require_program: Callable[[str], Path], tmp_path: Path, gateway: RunningGateway) -> Iterator[str]:
    """An agent that holds the rep's key; the path of its socket."""
    path = tmp_path / "agent"
    process = subprocess.Popen([require_program("ssh-agent"), "-D", "-a", path], stdout=subprocess.DEVNULL)
    wait_for(path.is_socket)
    key = str(gateway.people[REP].key)
    assert finish(["ssh-add", "-q", key], env={"SSH_AUTH_SOCK": str(path)}).returncode == 0
    yield str(path)
    process.terminate()
    process.wait(20)


def ask(gateway: RunningGateway, *options: str, env: dict[str, str]) -> "subprocess.CompletedProcess[bytes]":
    return finish(["ssh", *gateway.ssh_options(REP), *options, f"{ROUTER}@127.0.0.1", "uptime"], env=env)


def test_no_agent_is_forwarded(gateway: RunningGateway, records: Records, agent: str) -> None:
    done = ask(gateway, "-A", env={"SSH_AUTH_SOCK": agent})
    assert done.returncode == 0
    assert b"load average" in done.stdout
    assert features(records) == ["agent"]


def test_no_display_is_forwarded(gateway: RunningGateway, records: Records, tmp_path: Path) -> None:
    env = {"DISPLAY": "127.0.0.1:9", "XAUTHORITY": str(tmp_path / "none"), "HOME": str(tmp_path)}
    done = ask(gateway, "-Y", env=env)
    assert done.returncode == 0
    assert b"load average" in done.stdout
    assert features(records) == ["x11"]


# --- files and subsystems ---------------------------------------------------------------------------------------------


def transfer(gateway: RunningGateway, program: str, *words: str) -> "subprocess.CompletedProcess[bytes]":
    options = ["-P" if word == "-p" else word for word in gateway.ssh_options(REP)]
    return finish([program, "-q", *options, *words])


def test_there_is_no_sftp(gateway: RunningGateway, records: Records, tmp_path: Path) -> None:
    done = transfer(gateway, "sftp", f"{ROUTER}@127.0.0.1:/etc/passwd", str(tmp_path / "passwd"))
    assert done.returncode != 0
    assert not (tmp_path / "passwd").exists()
    assert records.attempts() == [Attempt("subsystem:sftp", "sftp", ROUTER)]


@pytest.mark.parametrize(
    ("options", "feature"), [((), "subsystem:sftp"), (("-O",), "exec:scp")], ids=["over sftp", "as it was"]
)
@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_there_is_no_scp(
    gateway: RunningGateway, records: Records, tmp_path: Path, options: tuple[str, ...], feature: str, up: bool
) -> None:
    here, there = tmp_path / "passwd", f"{ROUTER}@127.0.0.1:/etc/passwd"
    if up:
        here.write_text("root::0:0::/:/bin/sh\n")
    done = transfer(gateway, "scp", *options, *([str(here), there] if up else [there, str(here)]))
    assert done.returncode != 0
    assert here.exists() == up
    assert features(records) == [feature]


@pytest.mark.parametrize("name", ["netconf", "shell", "x" * 300, "\x1b]0;title\x07"])
def test_there_are_no_subsystems(gateway: RunningGateway, records: Records, name: str) -> None:
    done = gateway.ssh(REP, ROUTER, name, options=("-s",))
    assert done.returncode != 0
    (attempt,) = records.attempts()
    assert attempt == Attempt("subsystem:other", name[:256], ROUTER)


@pytest.mark.parametrize(
    "command", ["rsync --server . /etc", "/usr/libexec/sftp-server", "scp -t /tmp", " rcp -f /etc/shadow"]
)
def test_no_program_carries_files(gateway: RunningGateway, records: Records, command: str) -> None:
    done = gateway.ssh(REP, ROUTER, command)
    assert done.returncode == exits.REFUSED
    assert done.stdout == b""
    (attempt,) = records.attempts()
    assert attempt.asked == command
    assert attempt.feature.startswith("exec:")


# --- what no ordinary client asks for ---------------------------------------------------------------------------------


@contextlib.contextmanager
def transport(gateway: RunningGateway, user: str = ROUTER) -> Iterator[paramiko.Transport]:
    """paramiko below its client: anything can be asked for."""
    link = paramiko.Transport(("127.0.0.1", gateway.settings.ssh.port))
    try:
        link.start_client(timeout=20)
        link.auth_publickey(user, paramiko.Ed25519Key.from_private_key_file(str(gateway.people[REP].key)))
        yield link
    finally:
        link.close()


@pytest.mark.parametrize(
    ("kind", "feature"),
    [
        ("x11", "channel:x11"),
        ("auth-agent@openssh.com", "channel:auth-agent@openssh.com"),
        ("forwarded-tcpip", "channel:forwarded-tcpip"),
        ("direct-tcpip", "channel:direct-tcpip"),
        ("tun@openssh.com", "channel:tun@openssh.com"),
        ("shell@example.org", "channel:other"),
        ("Session", "channel:other"),
        ("session\0", "channel:other"),
        ("", "channel:other"),
        ("é" * 200, "channel:other"),
    ],
)
def test_sessions_are_the_only_channels(gateway: RunningGateway, records: Records, kind: str, feature: str) -> None:
    there = (HOME, 22) if kind.endswith("tcpip") or kind == "x11" else None
    with transport(gateway) as link:
        with pytest.raises(paramiko.ChannelException) as refused:
            link.open_channel(kind, dest_addr=there, src_addr=there, timeout=20)
        assert refused.value.code == 1  # SSH_OPEN_ADMINISTRATIVELY_PROHIBITED
        channel = link.open_session(timeout=20)  # the connection is as good as before
        channel.exec_command("uptime")
        assert channel.recv_exit_status() == 0
    assert features(records) == [feature]


def test_a_channel_starts_one_thing_once(gateway: RunningGateway, records: Records) -> None:
    with transport(gateway) as link:
        channel = link.open_session(timeout=20)
        channel.get_pty()
        channel.invoke_shell()
        _read_until(channel, b"# ")
        with pytest.raises(paramiko.SSHException):
            channel.exec_command("reboot")
    with transport(gateway) as link:
        channel = link.open_session(timeout=20)
        channel.get_pty()
        channel.invoke_shell()
        _read_until(channel, b"# ")
        with pytest.raises(paramiko.SSHException):
            channel.invoke_shell()
    assert features(records, 2) == ["second_request_on_channel"] * 2


def test_a_second_channel_is_a_second_session(gateway: RunningGateway, records: Records) -> None:
    """Not refused: it has a consent, a recording and a close of its own."""
    with transport(gateway) as link:
        for channel in (link.open_session(timeout=20), link.open_session(timeout=20)):
            channel.exec_command("uptime")
            assert channel.recv_exit_status() == 0
    opened = records.of(Kind.SESSION_OPENED)
    assert len({entry.session for entry in opened}) == len(opened) == 2
    assert records.of(Kind.SESSION_ATTEMPT) == []


def test_the_user_name_stays_what_it_was(gateway: RunningGateway, records: Records) -> None:
    link = paramiko.Transport(("127.0.0.1", gateway.settings.ssh.port))
    try:
        link.start_client(timeout=20)
        with pytest.raises(paramiko.AuthenticationException):
            link.auth_publickey("vestibule", paramiko.RSAKey.generate(2048))
        with pytest.raises(paramiko.SSHException):
            link.auth_publickey(ROUTER, paramiko.Ed25519Key.from_private_key_file(str(gateway.people[REP].key)))
        assert not link.is_authenticated()
    finally:
        link.close()
    assert features(records) == ["username_change"]


def test_variables_of_the_client_are_dropped(gateway: RunningGateway, records: Records) -> None:
    """OpenSSH sends some with every session, so they are not worth a record; they reach nothing."""
    with transport(gateway) as link:
        channel = link.open_session(timeout=20)
        channel.set_environment_variable("LD_PRELOAD", "/tmp/evil.so")
        channel.exec_command("uptime")
        assert channel.recv_exit_status() == 0
    env = {"LC_EVIL": "$(reboot)"}
    done = ask(gateway, "-o", "SendEnv=LC_EVIL", env=env)
    assert done.returncode == 0
    assert records.attempts(0) == []


@pytest.mark.parametrize("kind", ["password", "keyboard-interactive", "none"])
def test_there_is_no_way_in_without_a_key(gateway: RunningGateway, records: Records, kind: str) -> None:
    link = paramiko.Transport(("127.0.0.1", gateway.settings.ssh.port))
    try:
        link.start_client(timeout=20)
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            {
                "password": lambda: link.auth_password(ROUTER, "admin", fallback=False),
                "keyboard-interactive": lambda: link.auth_interactive(ROUTER, lambda *_: ["admin"]),
                "none": lambda: link.auth_none(ROUTER),
            }[kind]()
        assert refused.value.allowed_types == ["publickey"]
    finally:
        link.close()


def test_who_asks_for_too_much_is_cut(gateway: RunningGateway, records: Records) -> None:
    """Each attempt is a record, so their number on one connection is bounded."""
    tried = 0
    with transport(gateway) as link, pytest.raises((paramiko.SSHException, EOFError, OSError)):
        for tried in range(1000):
            with contextlib.suppress(paramiko.ChannelException):
                link.open_channel("direct-tcpip", dest_addr=(HOME, tried), src_addr=("::1", 1), timeout=20)
    assert 10 < tried < 500
    assert tried <= len(records.attempts(tried)) <= tried + 1


def _read_until(channel: paramiko.Channel, end: bytes) -> None:
    channel.settimeout(20)
    seen = b""
    while end not in seen:
        data = channel.recv(4096)
        assert data, seen
        seen += data


def test_this_side_is_clean_too(gateway: RunningGateway) -> None:
    """No socket, listener or file of a refused forwarding was made on the gateway's host."""
    assert not Path("/tmp/there.sock").exists()
    assert gateway.process is not None
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children")
    assert not children.exists() or children.read_text() == ""

"""Who gets in: a second factor after the key, certificates of the operator's own CA, and clients that try several keys.

With unmodified OpenSSH, paramiko and asyncssh, against a real gateway process.
"""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import paramiko
import pyotp
import pytest

from audit.entry import Kind
from config.settings import SshSettings
from drivers.lab.openwrt import OpenWrtRouter
from tests.real.ground import free_port
from tests.running import LoopThread, RunningGateway
from tests.system.records import Records
from tests.system.ways import finish

ROUTER = "home-1"
ENROLLED = ("otto", "olga", "odin", "ouma", "opal", "owen")
"""One for each test: a code counts once, and those of a person that are older than the last one count no more."""

STEP = 30


@dataclass
class SecondFactor:
    """Somebody's authenticator. Codes of the step before, of this one and of the next are good."""

    secret: str

    def code(self, steps: int = 0) -> str:
        """The code of now, or of so many steps from now."""
        return pyotp.TOTP(self.secret).at(int(time.time()) + steps * STEP)

    def wrong(self) -> str:
        """A code that is good at no time near."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in (f"{number:06}" for number in range(10)) if code not in near)


@pytest.fixture(scope="module")
def router() -> Iterator[OpenWrtRouter]:
    loop, router = LoopThread(), OpenWrtRouter()
    loop.run(router.__aenter__())
    yield router
    loop.run(router.__aexit__(None, None, None))
    loop.close()


@pytest.fixture(scope="module")
def ca(require_program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's CA, and a stranger's beside it."""
    for program in ("ssh", "ssh-keygen"):
        require_program(program)
    place = tmp_path_factory.mktemp("ca")
    for name in ("ca", "stranger"):
        _keygen("-t", "ed25519", "-N", "", "-C", "", "-f", str(place / name))
    return place / "ca"


@pytest.fixture(scope="module")
def gateway(router: OpenWrtRouter, ca: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    gateway = RunningGateway(tmp_path_factory.mktemp("door"))
    ssh = SshSettings(port=free_port(), user_ca_keys=ca.with_suffix(".pub"))
    gateway.settings = gateway.settings.model_copy(update={"ssh": ssh})
    people = {"alice": "rep", "bob": "rep", "root": "operator"} | dict.fromkeys(ENROLLED, "rep")
    gateway.prepare(people, [router.target(ROUTER)])  # type: ignore[arg-type]
    loop = LoopThread()
    with gateway:
        _, subscriber = gateway.consent(loop, "alice", ROUTER, sessions=100)
        loop.run(subscriber.close())
        yield gateway
    loop.close()


@pytest.fixture(scope="module")
def factors(gateway: RunningGateway) -> dict[str, SecondFactor]:
    """Authenticators, enrolled by the operator while the gateway runs."""
    with gateway.rest() as operator:
        answers = {name: operator.post(f"/v1/people/{name}/totp") for name in ENROLLED}
    return {name: SecondFactor(answer.json()["secret"]) for name, answer in answers.items()}


@pytest.fixture
def records(gateway: RunningGateway) -> Records:
    return Records(gateway)


def _keygen(*words: str) -> None:
    done = finish(["ssh-keygen", "-q", *words])
    assert done.returncode == 0, done.stderr


def by_openssh(
    gateway: RunningGateway, person: str, code: str | None, tmp_path: Path
) -> "subprocess.CompletedProcess[bytes]":
    """`ssh vestibule@gateway routers`, with a helper program that knows the code."""
    helper = tmp_path / "askpass"
    helper.write_text(f'#!/bin/sh\ncase "$1" in *One-time*) echo "{code}";; *) exit 1;; esac\n')
    helper.chmod(0o700)
    env = {"SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    options = [
        *gateway.ssh_options(person),
        "-o",
        "NumberOfPasswordPrompts=1",
        "-o",
        f"BatchMode={'no' if code else 'yes'}",
    ]
    return finish(["ssh", *options, "vestibule@127.0.0.1", "routers"], env=env)


# --- a second factor --------------------------------------------------------------------------------------------------


def test_a_code_after_the_key(
    gateway: RunningGateway, factors: dict[str, SecondFactor], records: Records, tmp_path: Path
) -> None:
    factor = factors["otto"]
    assert by_openssh(gateway, "otto", None, tmp_path).returncode == 255
    assert by_openssh(gateway, "otto", factor.wrong(), tmp_path).returncode == 255
    code = factor.code()
    done = by_openssh(gateway, "otto", code, tmp_path)
    assert (done.returncode, ROUTER in done.stdout.decode()) == (0, True), done.stderr
    assert by_openssh(gateway, "otto", code, tmp_path).returncode == 255, "a code counts once"
    assert by_openssh(gateway, "otto", factor.code(-1), tmp_path).returncode == 255, "an older one counts no more"

    (signed_in,) = records.until(lambda found: len(found) >= 1, Kind.AUTH_OK)
    assert set(signed_in.facts["factors"]) == {"key", "totp"}  # type: ignore[arg-type]
    assert [entry.facts["ok"] for entry in records.of(Kind.AUTH_MFA)] == [False, True, False, False]
    failed = records.until(lambda found: len(found) >= 4, Kind.AUTH_FAIL)
    assert [entry.facts.get("partly") for entry in failed] == [True] * 4


def test_a_code_in_paramiko(gateway: RunningGateway, factors: dict[str, SecondFactor]) -> None:
    link = paramiko.Transport(("127.0.0.1", gateway.settings.ssh.port))
    try:
        link.start_client(timeout=20)
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            link.auth_interactive("vestibule", lambda *_: [factors["olga"].code()])
        assert refused.value.allowed_types == ["publickey"], "no code before the key"
        key = paramiko.Ed25519Key.from_private_key_file(str(gateway.people["olga"].key))
        assert link.auth_publickey("vestibule", key) == ["keyboard-interactive"]
        assert not link.is_authenticated()
        with pytest.raises(paramiko.SSHException):
            link.open_session(timeout=2)
    finally:
        link.close()
    link = paramiko.Transport(("127.0.0.1", gateway.settings.ssh.port))
    try:
        link.start_client(timeout=20)
        link.auth_publickey("vestibule", key)
        assert link.auth_interactive("vestibule", lambda *_: [factors["olga"].code()]) == []
        channel = link.open_session(timeout=20)
        channel.exec_command("routers")
        assert channel.recv_exit_status() == 0
    finally:
        link.close()


async def test_a_code_in_asyncssh(gateway: RunningGateway, factors: dict[str, SecondFactor]) -> None:
    class Owner(asyncssh.SSHClient):
        asked = 0

        def kbdint_auth_requested(self) -> str:
            return ""

        def kbdint_challenge_received(self, name: str, instructions: str, lang: str, prompts: list) -> list[str]:  # type: ignore[type-arg]
            Owner.asked += 1
            # Wrong, then right: a typing error costs another try, not another connection.
            return [factors["odin"].wrong() if Owner.asked == 1 else factors["odin"].code()] if prompts else []

    async with asyncssh.connect(
        "127.0.0.1",
        gateway.settings.ssh.port,
        username="vestibule",
        client_keys=[str(gateway.people["odin"].key)],
        known_hosts=str(gateway.known_hosts),
        client_factory=Owner,
        config=None,
    ) as connection:
        done = await connection.run("routers")
        assert (done.exit_status, ROUTER in str(done.stdout)) == (0, True)
    assert Owner.asked == 2


def test_guesses_are_bounded(gateway: RunningGateway, factors: dict[str, SecondFactor], records: Records) -> None:
    """On one connection, and over connections: then even the right code is not looked at."""
    key = paramiko.Ed25519Key.from_private_key_file(str(gateway.people["ouma"].key))
    looked_at = []
    for _ in range(4):
        link = paramiko.Transport(("127.0.0.1", gateway.settings.ssh.port))
        try:
            link.start_client(timeout=20)
            link.auth_publickey("vestibule", key)
            for _ in range(5):
                with pytest.raises(paramiko.SSHException):
                    link.auth_interactive("vestibule", lambda *_: [factors["ouma"].wrong()])
                if not link.is_active():
                    break
        finally:
            link.close()
        looked_at.append(len(records.of(Kind.AUTH_MFA)))
    assert looked_at[0] <= 3
    link = paramiko.Transport(("127.0.0.1", gateway.settings.ssh.port))
    try:
        link.start_client(timeout=20)
        link.auth_publickey("vestibule", key)
        with pytest.raises(paramiko.SSHException):
            link.auth_interactive("vestibule", lambda *_: [factors["ouma"].code()])
        assert not link.is_authenticated()
    finally:
        link.close()


def test_who_is_enrolled_meanwhile_needs_the_code(gateway: RunningGateway, tmp_path: Path) -> None:
    """Bob's key was enough until the operator enrolled him; a connection from before is no way around it."""
    key = paramiko.Ed25519Key.from_private_key_file(str(gateway.people["bob"].key))
    link = paramiko.Transport(("127.0.0.1", gateway.settings.ssh.port))
    try:
        link.start_client(timeout=20)
        assert link.auth_publickey("vestibule", key) == []
        with gateway.rest() as operator:
            assert operator.post("/v1/people/bob/totp").is_success
            try:
                channel = link.open_session(timeout=20)
                channel.exec_command("routers")
                assert channel.recv_exit_status() != 0
                assert by_openssh(gateway, "bob", None, tmp_path).returncode == 255
            finally:
                operator.delete("/v1/people/bob/totp")
    finally:
        link.close()
    assert by_openssh(gateway, "bob", None, tmp_path).returncode == 0


# --- certificates -----------------------------------------------------------------------------------------------------


def certified(ca: Path, place: Path, *words: str) -> tuple[Path, Path]:
    """A fresh key that nobody knows, and a certificate for it; `words` go to ssh-keygen."""
    key = place / "fresh"
    _keygen("-t", "ed25519", "-N", "", "-C", "", "-f", str(key))
    _keygen("-s", str(ca), "-I", "test", *words, str(key.with_suffix(".pub")))
    return key, place / "fresh-cert.pub"


def with_certificate(
    gateway: RunningGateway, pair: tuple[Path, Path], user: str, command: str, **more: str
) -> "subprocess.CompletedProcess[bytes]":
    key, certificate = pair
    words = ["ssh", "-F", "none", "-i", str(key), "-o", f"CertificateFile={certificate}", "-o", "IdentitiesOnly=yes"]
    words += ["-o", f"UserKnownHostsFile={gateway.known_hosts}", "-o", "LogLevel=ERROR"]
    words += ["-o", "NumberOfPasswordPrompts=1", "-p", str(gateway.settings.ssh.port), f"{user}@127.0.0.1", command]
    return finish(words, env={"SSH_ASKPASS_REQUIRE": "never", **more})


def test_a_certificate_names_the_person(gateway: RunningGateway, ca: Path, records: Records, tmp_path: Path) -> None:
    pair = certified(ca, tmp_path, "-n", "alice", "-V", "-1m:+5m")
    done = with_certificate(gateway, pair, ROUTER, "uptime")
    assert (done.returncode, b"load average" in done.stdout) == (0, True), done.stderr
    (signed_in,) = records.until(lambda found: len(found) >= 1, Kind.AUTH_OK)
    assert signed_in.facts["factors"] == ["certificate"]


def test_a_certificate_with_names_of_machines_beside_the_persons(
    gateway: RunningGateway, ca: Path, tmp_path: Path
) -> None:
    pair = certified(ca, tmp_path, "-n", "router-admin,alice,backup", "-V", "-1m:+5m")
    assert with_certificate(gateway, pair, "vestibule", "routers").returncode == 0


NOW = ("-V", "-1m:+5m")
UNUSABLE = {
    "of a stranger's CA": ("stranger", "-n", "alice", *NOW),
    "that has expired": ("ca", "-n", "alice", "-V", "-2h:-1h"),
    "that does not count yet": ("ca", "-n", "alice", "-V", "+1h:+2h"),
    "for nobody known": ("ca", "-n", "mallory", *NOW),
    "for two people": ("ca", "-n", "alice,bob", *NOW),
    "for a router's name": ("ca", "-n", ROUTER, *NOW),
    "for anybody": ("ca", *NOW),
    "for a host": ("ca", "-h", "-n", "alice", *NOW),
    "for elsewhere": ("ca", "-n", "alice", "-O", "source-address=192.0.2.0/24", *NOW),
    "with an option nobody knows": ("ca", "-n", "alice", "-O", "critical:x@example.org=1", *NOW),
}


@pytest.mark.parametrize("words", UNUSABLE.values(), ids=UNUSABLE)
def test_a_certificate_that_does_not_count(
    gateway: RunningGateway, ca: Path, records: Records, tmp_path: Path, words: tuple[str, ...]
) -> None:
    pair = certified(ca.with_name(words[0]), tmp_path, *words[1:])
    assert with_certificate(gateway, pair, "vestibule", "routers").returncode == 255
    assert records.until(lambda found: len(found) >= 1, Kind.AUTH_FAIL)
    assert records.of(Kind.AUTH_OK) == []


def test_a_certificate_can_name_the_one_command(
    gateway: RunningGateway, ca: Path, router: OpenWrtRouter, tmp_path: Path
) -> None:
    pair = certified(ca, tmp_path, "-n", "alice", "-O", "force-command=uptime", *NOW)
    heard = len(router.received)
    done = with_certificate(gateway, pair, ROUTER, "reboot")
    assert (done.returncode, b"load average" in done.stdout) == (0, True), done.stderr
    assert [data for _, data in router.received[heard:]] == [b"uptime\n"]


def test_a_certificate_is_one_factor_only(
    gateway: RunningGateway, ca: Path, factors: dict[str, SecondFactor], tmp_path: Path
) -> None:
    pair = certified(ca, tmp_path, "-n", "opal", *NOW)
    assert with_certificate(gateway, pair, "vestibule", "routers").returncode == 255
    helper = tmp_path / "askpass"
    helper.write_text(f"#!/bin/sh\necho {factors['opal'].code()}\n")
    helper.chmod(0o700)
    asked = {"SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    assert with_certificate(gateway, pair, "vestibule", "routers", **asked).returncode == 0


# --- keys -------------------------------------------------------------------------------------------------------------


def test_the_right_key_is_found_among_several(gateway: RunningGateway, tmp_path: Path) -> None:
    """OpenSSH offers all, paramiko signs with one after another and asks for the service again before each."""
    _keygen("-t", "ed25519", "-N", "", "-C", "", "-f", str(tmp_path / "other"))
    words = ["ssh", "-i", str(tmp_path / "other"), *gateway.ssh_options("alice"), "vestibule@127.0.0.1", "routers"]
    assert finish(words).returncode == 0

    with paramiko.SSHClient() as client:
        client.load_host_keys(str(gateway.known_hosts))
        client.connect(
            "127.0.0.1",
            gateway.settings.ssh.port,
            "vestibule",
            key_filename=[str(tmp_path / "other"), str(gateway.people["alice"].key)],
            allow_agent=False,
            look_for_keys=False,
        )
        _, out, _ = client.exec_command("routers")
        assert ROUTER in out.read().decode()


async def test_old_signatures_do_not_count(gateway: RunningGateway, tmp_path: Path) -> None:
    """The same RSA key, signing with SHA-1 and with SHA-256."""
    _keygen("-t", "rsa", "-b", "2048", "-N", "", "-C", "", "-f", str(tmp_path / "rsa"))
    with gateway.rest() as operator:
        line = (tmp_path / "rsa.pub").read_text().strip()
        answer = operator.post("/v1/people/alice/keys", json={"key": line})
        assert answer.is_success, answer.text

    async def sign_in(algorithm: str) -> None:
        async with asyncssh.connect(
            "127.0.0.1",
            gateway.settings.ssh.port,
            username="vestibule",
            client_keys=[str(tmp_path / "rsa")],
            signature_algs=[algorithm],
            known_hosts=str(gateway.known_hosts),
            config=None,
        ):
            pass

    await sign_in("rsa-sha2-256")
    with pytest.raises(asyncssh.PermissionDenied):
        await sign_in("ssh-rsa")


async def test_a_name_that_is_none(gateway: RunningGateway) -> None:
    for name in ("x" * 2000, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "a\0b", ""):
        with pytest.raises((asyncssh.Error, OSError, ValueError)):
            await asyncio.wait_for(
                asyncssh.connect(
                    "127.0.0.1",
                    gateway.settings.ssh.port,
                    username=name,
                    client_keys=[],
                    known_hosts=str(gateway.known_hosts),
                    config=None,
                    agent_path=None,
                ),
                20,
            )
    assert gateway.process is not None
    assert gateway.process.poll() is None

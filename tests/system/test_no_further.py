"""The router and no further: from a session on a real dropbear router nothing that is typed reaches the home behind it.

The attempts stand in `attempts.yaml`. The home host writes down every connection and every frame that is addressed to
it; the first test shows that it would.
"""

import contextlib
import hashlib
import ipaddress
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from audit.entry import Kind
from audit.reader import EvidenceReader
from config.settings import SessionSettings
from tests.real.dropbear import DropbearBox
from tests.real.ground import free_port
from tests.running import LoopThread, RunningGateway

ATTEMPTS = yaml.safe_load((Path(__file__).parent / "attempts.yaml").read_text(encoding="utf-8"))
LINES = [row["do"] for row in ATTEMPTS["lines"]]
KEYS = [row["do"] for row in ATTEMPTS["keys"]]
SSH = [row for row in ATTEMPTS["ssh"] if not row.get("skip_nul")]


@pytest.fixture(scope="module")
def module_loop() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, dropbear_box: DropbearBox, module_loop: LoopThread
) -> Iterator[RunningGateway]:
    gateway = RunningGateway(tmp_path_factory.mktemp("no-further"))
    endless = SessionSettings(strikes=1_000_000, max_per_router=1000, idle_seconds=600, queue_lines=5000)
    gateway.prepare({"alice": "rep"}, [dropbear_box.router.target("home-1")], session=endless)
    with gateway:
        gateway.consent(module_loop, "alice", "home-1", sessions=5000, minutes=120)
        yield gateway


@pytest.fixture(autouse=True)
def _nothing_reaches_the_home(request: pytest.FixtureRequest, dropbear_box: DropbearBox) -> Iterator[None]:
    """After each test here but the positive control: no contact, no change on the router."""
    before, files = len(dropbear_box.home.reached()), _files(dropbear_box.root)
    yield
    if "control" not in request.node.name:
        assert dropbear_box.home.reached()[before:] == []
        assert _files(dropbear_box.root) == files


def _files(root: Path) -> dict[str, str]:
    """What could be left behind: names and content of the router's own files."""
    found = {}
    for top in ("etc", "root", "tmp", "usr/bin", "sbin"):
        for path in sorted((root / top).rglob("*")):
            if path.is_file() and not path.is_symlink():
                found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _real(text: str, box: DropbearBox) -> str:
    address = ipaddress.ip_address(box.home.address)
    text = text.replace("HOME", str(address)).replace("NAME", "laptop")
    return text.replace("DECIMAL", str(int(address))).replace("HEX", hex(int(address)))


def _refused(gateway: RunningGateway) -> int:
    """Refusals on record: of lines, and of programs that are refused before any policy."""
    with contextlib.closing(EvidenceReader.open(gateway.settings.evidence_dir)) as reader:
        return sum(entry.kind in {Kind.CMD_BLOCKED, Kind.SESSION_ATTEMPT} for entry in reader.entries())


def test_there_are_enough_attempts() -> None:
    assert len(LINES) + len(KEYS) + len(SSH) >= 120


def test_control_the_home_is_there_and_would_notice(dropbear_box: DropbearBox) -> None:
    before = len(dropbear_box.home.reached())
    subprocess.run(
        [*dropbear_box.router.ssh(), f"nc -w 1 {dropbear_box.home.address} 22 < /dev/null"],
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert any(contact["kind"] == "tcp" for contact in dropbear_box.home.reached()[before:])


@pytest.mark.timeout(300)
def test_typed_at_a_terminal(gateway: RunningGateway, dropbear_box: DropbearBox) -> None:
    before = _refused(gateway)
    typed = "\r".join([*(_real(line, dropbear_box) for line in LINES), "exit", ""])

    done = gateway.ssh("alice", "home-1", options=("-tt", "-e", "none"), stdin=typed.encode(), timeout=240)

    assert done.stdout.decode(errors="replace").count("Refused") >= len(LINES)
    assert _refused(gateway) - before >= len(LINES)


@pytest.mark.timeout(300)
def test_piped_without_a_terminal(gateway: RunningGateway, dropbear_box: DropbearBox) -> None:
    before = _refused(gateway)
    piped = "\n".join([*(_real(line, dropbear_box) for line in LINES), "echo end", ""])

    gateway.ssh("alice", "home-1", stdin=piped.encode(), timeout=240)

    assert _refused(gateway) - before >= len(LINES)


@pytest.mark.timeout(600)
def test_as_single_commands(gateway: RunningGateway, dropbear_box: DropbearBox) -> None:
    before = _refused(gateway)
    allowed = [
        line for line in LINES if gateway.ssh("alice", "home-1", "--", _real(line, dropbear_box)).returncode == 0
    ]

    assert allowed == []
    assert _refused(gateway) - before >= len(LINES)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("attempt", ATTEMPTS["keys"], ids=lambda attempt: re.sub(r"\W+", "-", attempt["why"]))
def test_keys(gateway: RunningGateway, dropbear_box: DropbearBox, attempt: dict[str, str]) -> None:
    typed = _real(attempt["do"], dropbear_box).encode() + b"\x15exit\r"

    done = gateway.ssh("alice", "home-1", options=("-tt", "-e", "none"), stdin=typed, timeout=60)

    assert done.returncode is not None


@pytest.mark.timeout(120)
@pytest.mark.parametrize("attempt", SSH, ids=lambda attempt: re.sub(r"\W+", "-", attempt["why"]))
def test_ssh_features(gateway: RunningGateway, dropbear_box: DropbearBox, attempt: dict[str, object]) -> None:
    port = free_port()
    words = [_real(str(word), dropbear_box).replace("PORT", str(port)) for word in attempt["do"]]  # type: ignore[attr-defined]
    options, command = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    subsystem = [options.pop()] if "-s" in options else []
    argv = ["ssh", *gateway.ssh_options("alice"), *options, "home-1@127.0.0.1", *command, *subsystem]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        if attempt.get("connect"):
            _knock(port, dropbear_box.home.address)
            client.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            client.communicate(timeout=10)
        client.kill()

    assert attempt.get("connect") or client.returncode != 0


def _knock(port: int, home: str) -> None:
    """Use the forwarded port as a program would: directly, and as SOCKS 5."""
    for _ in range(1200):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.settimeout(20)
                connection.sendall(b"\x05\x01\x00" + b"\x05\x01\x00\x01" + socket.inet_aton(home) + b"\x00\x16")
                with contextlib.suppress(OSError):
                    connection.recv(100)
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("the client never listened; the attempt proves nothing")


def test_the_features_were_recorded(gateway: RunningGateway) -> None:
    with contextlib.closing(EvidenceReader.open(gateway.settings.evidence_dir)) as reader:
        features = {str(e.facts["feature"]) for e in reader.entries() if e.kind is Kind.SESSION_ATTEMPT}

    for wanted in ("channel:direct-tcpip", "forwarded-tcpip", "subsystem:sftp", "subsystem:other", "exec:scp"):
        assert wanted in features, json.dumps(sorted(features))


def test_the_router_ran_only_what_policy_allows(gateway: RunningGateway) -> None:
    """Whatever was typed: what was sent is the gateway's own spelling of harmless reading."""
    settings = gateway.settings
    with contextlib.closing(EvidenceReader.open(settings.evidence_dir, settings.keys_dir)) as reader:
        sent = {
            str(reader.sealed(entry.index, "act")["canonical"])
            for entry in reader.entries()
            if entry.kind is Kind.CMD_INTENT
        }
    assert sent <= {"uptime", "logread", "echo end", "exit", "^C", ""}, sent

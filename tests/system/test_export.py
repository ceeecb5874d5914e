"""Evidence handed out by a running gateway with a witness: to a court, by the subscriber's own hand, entry by entry."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from audit.entry import Kind
from audit.reader import EvidenceReader
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import parse_note
from config.settings import EvidenceSettings
from drivers.lab.openwrt import OpenWrtRouter
from tests.real.ground import free_port
from tests.running import LoopThread, RunningGateway, wait_for

pytestmark = pytest.mark.system

VERIFIER = Path(__file__).resolve().parents[2] / "audit/verify/vestibule_verify.py"


class Witness:
    """`vestibule witness` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._data, self.port = folder / "witness", free_port()
        self._run("init", "--name", "witness.example/1")
        self.key = self._run("key").split()[-1]

    def _run(self, *words: str) -> str:
        command = [sys.executable, "-m", "gateway", "witness", words[0], "--data", str(self._data), *words[1:]]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def serve(self, log_key: Path) -> "subprocess.Popen[bytes]":
        self._run("add-log", str(log_key))
        command = ["witness", "serve", "--data", str(self._data), "--port", str(self.port)]
        return subprocess.Popen([sys.executable, "-m", "gateway", *command], stderr=subprocess.DEVNULL)

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/key", timeout=5).is_success
        except httpx.HTTPError:
            return False


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path)


@pytest.fixture
def gateway(tmp_path: Path, lab_router: OpenWrtRouter, witness: Witness) -> Iterator[RunningGateway]:
    policy = tmp_path / "witnesses"
    policy.write_text(f"witness w1 {witness.key} http://127.0.0.1:{witness.port}/\nquorum w1\n")
    gateway = RunningGateway(tmp_path)
    gateway.settings = gateway.settings.model_copy(update={"evidence": EvidenceSettings(witness_policy=policy)})
    gateway.prepare({"alice": "rep", "root": "operator"}, [lab_router.target("home-1")])
    process = witness.serve(gateway.settings.keys_dir / "log.pub")
    try:
        wait_for(witness.answers)
        with gateway:
            yield gateway
    finally:
        process.terminate()
        process.wait(30)


def verified(folder: Path, data: bytes, policy: Path) -> str:
    """What the standalone verifier says; the bundle must be beyond doubt."""
    (folder / "bundle.zip").write_bytes(data)
    command = [sys.executable, "-I", str(VERIFIER), "bundle.zip", "--policy", str(policy)]
    result = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def policy_of(folder: Path, data: bytes) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (folder / "policy.txt").write_bytes(archive.read("policy.txt"))
    return folder / "policy.txt"


def test_evidence_leaves(gateway: RunningGateway, loop_thread: LoopThread, tmp_path: Path) -> None:
    consent, subscriber = gateway.consent(loop_thread, "alice", "home-1")
    for line in ("uptime", "logread", "ubus call system board"):
        assert gateway.ssh("alice", "home-1", line).returncode == 0
    wait_for(lambda: _all_witnessed(gateway), lambda: gateway.log.read_text()[-3000:])

    out = tmp_path / "case.zip"
    words = ["--consent", consent, "--for", "court", "--disclose", "act,out,rec", "--basis", "Order 7"]
    done = gateway.vestibule("export", *words, "-o", str(out))
    assert done.returncode == 0, done.stderr.decode()
    assert b"on record as entry" in done.stdout
    data = out.read_bytes()
    policy = policy_of(tmp_path, data)
    found = verified(tmp_path, data, policy)
    assert "3 complete" in found
    assert "3 recorded" in found
    assert "1 of 1: w1" in found
    assert b"alice" not in data

    copy = tmp_path / "copy.zip"
    done = gateway.vestibule(
        "export", "--router", "home-1", "--for", "subscriber", "--basis", "gdpr-15", "-o", str(copy)
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "3 complete" in verified(tmp_path, copy.read_bytes(), policy)
    assert b"alice" not in copy.read_bytes()

    proof = tmp_path / "0.tlog-proof"
    assert gateway.vestibule("export", "--proof", "0", "-o", str(proof)).returncode == 0
    command = [sys.executable, "-I", str(VERIFIER), str(proof), "--policy", str(policy)]
    assert subprocess.run(command, env={}, capture_output=True, check=False).returncode == 0

    with gateway.rest() as rest:
        index = rest.get("/v1/proofs/0").json()["entry_index"]
    assert index == 0
    own = loop_thread.run(_downloads(subscriber))
    assert "3 complete" in verified(tmp_path, own["copy"], policy)
    assert b"alice" not in own["copy"]
    receipt = json.loads(own["receipt"])
    assert receipt["consent"] == consent
    assert json.loads(receipt["evidence"]["head"])["k"] == "consent.granted"
    proof.write_text(receipt["evidence"]["proof"])
    assert subprocess.run(command, env={}, capture_output=True, check=False).returncode == 0
    assert gateway.vestibule("verify").returncode == 0
    kinds = [row["facts"] for row in _log(gateway) if row["kind"] == "export.made"]
    assert [facts["for"] for facts in kinds] == ["court", "subscriber", "subscriber"]


def _all_witnessed(gateway: RunningGateway) -> bool:
    """Whether the three sessions are over, and the witness has cosigned all that there is."""
    with closing(EvidenceReader.open(gateway.settings.evidence_dir)) as reader:
        closed = [entry for entry in reader.entries() if entry.kind is Kind.SESSION_CLOSED]
        size = reader.size
    witnessed = gateway.settings.evidence_dir / "checkpoint.witnessed"
    return (
        len(closed) == 3
        and witnessed.exists()
        and Checkpoint.parse(parse_note(witnessed.read_bytes()).text).size >= size
    )


async def _downloads(subscriber: object) -> dict[str, bytes]:
    browser = subscriber._browser  # type: ignore[attr-defined]
    base = subscriber._page.url  # type: ignore[attr-defined]
    found = {}
    for name in ("copy", "receipt"):
        answer = await browser.get(base.copy_with(path=f"/case/{name}"))
        assert answer.status_code == 200, answer.text
        found[name] = answer.content
    return found


def _log(gateway: RunningGateway) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(gateway.vestibule("log", "--json").stdout)
    return rows

"""A gateway, its signer and two witnesses as processes: signed elsewhere, cosigned by others, forks refused."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from audit.errors import LogDamaged
from audit.reader import EvidenceReader
from audit.signing.remote import RemoteSigner
from audit.signing.span import Span
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import Frontier
from audit.tlog.note import SigningKey, VerifierKey, parse_note, sign_note
from audit.tlog.policy import Judgement, Policy
from audit.witness.protocol import encode_add_checkpoint
from config.settings import EvidenceSettings
from drivers.lab.openwrt import OpenWrtRouter
from gateway import exits
from tests.real.ground import free_port
from tests.running import LoopThread, RunningGateway, wait_for


def run(*words: object) -> dict:
    """A command of `vestibule` that prints JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *map(str, words), "--json"], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


class Process:
    """A `vestibule … serve` that can be stopped, killed and started again."""

    def __init__(self, log: Path, ready: Callable[[], bool], *words: object) -> None:
        self._log, self._ready = log, ready
        self._command = [sys.executable, "-m", "gateway", *map(str, words)]
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._ready, lambda: self._log.read_text()[-2000:])

    def end(self, *, kill: bool = False) -> int:
        if self.process is None:
            return 0
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        status = self.process.wait(20)
        self.process = None
        return status


class Ground:
    """Signer, witnesses and gateway below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.gateway = RunningGateway(directory)
        self.socket = directory / "signer.sock"
        self.state = directory / "signer"
        self.log_keys = run("signer", "init", "--state", self.state, "--origin", "logs.test")["keys"]
        self.signer = Process(
            directory / "signer.log",
            self.socket.is_socket,
            "signer",
            "serve",
            "--state",
            self.state,
            "--socket",
            self.socket,
        )
        self.ports = {name: free_port() for name in "ab"}
        self.witnesses = {name: self._witness(name) for name in self.ports}
        self.policy_file = directory / "witnesses.policy"
        keys = {name: run("witness", "key", "--data", directory / name)["keys"][0] for name in self.ports}
        lines = [f"log {self.log_keys[0]}"]
        lines += [f"witness {name} {key} http://127.0.0.1:{self.ports[name]}" for name, key in keys.items()]
        self.policy_file.write_text("\n".join([*lines, "group some any a b", "quorum some", ""]))
        self.gateway.settings = self.gateway.settings.model_copy(
            update={"evidence": EvidenceSettings(signer_socket=self.socket, witness_policy=self.policy_file)}
        )

    def _witness(self, name: str) -> Process:
        data = self.directory / name
        run("witness", "init", "--data", data, "--name", f"witness.example/{name}")
        run("witness", "add-log", *self.log_keys, "--data", data)
        return Process(
            self.directory / f"{name}.log",
            lambda: self.get(name, "/key"),
            *("witness", "serve", "--data", data, "--port", self.ports[name]),
        )

    def get(self, name: str, path: str) -> str:
        try:
            return httpx.get(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=5).text
        except httpx.HTTPError:
            return ""

    @property
    def evidence(self) -> Path:
        return self.gateway.settings.evidence_dir

    @property
    def key(self) -> VerifierKey:
        return VerifierKey.parse(self.log_keys[0])

    def shown(self, name: str = "checkpoint") -> bytes:
        try:
            return (self.evidence / name).read_bytes()
        except FileNotFoundError:
            return b""

    def judged(self, note: bytes) -> Judgement:
        return Policy.parse(self.policy_file.read_bytes()).judge(note, time.time())

    def cosigned_by(self, names: set[str]) -> bool:
        """Whether the newest checkpoint is cosigned by exactly these."""
        note = self.shown()
        return bool(note) and {name for name, _ in self.judged(note).cosigned} == names

    def sizes(self) -> dict[str, int]:
        """What each witness cosigned last."""
        return {name: int((self.get(name, "/logs") or "-1").partition(" ")[0]) for name in self.ports}

    def size(self) -> int:
        return open_checkpoint(self.shown(), self.key).size

    def entries(self) -> int:
        """How many there are, signed or not."""
        with closing(EvidenceReader.open(self.evidence)) as reader:
            return reader.size

    def log_of(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def close(self) -> None:
        if self.gateway.process is not None:
            self.gateway.stop()
        for process in (self.signer, *self.witnesses.values()):
            process.end()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path)
    yield made
    made.close()


def test_signed_elsewhere_and_cosigned_by_others(
    ground: Ground, lab_router: OpenWrtRouter, loop_thread: LoopThread
) -> None:
    gateway = ground.gateway
    gateway.prepare({"alice": "rep", "root": "operator"}, [lab_router.target("home-1")])
    assert not (gateway.settings.keys_dir / "log.key").exists()
    with gateway:
        gateway.consent(loop_thread, "alice", "home-1", sessions=50)
        assert gateway.ssh("alice", "home-1", "uptime").returncode == 0
        wait_for(lambda: ground.cosigned_by({"a", "b"}), lambda: gateway.log.read_text()[-3000:])
        judged = ground.judged(ground.shown())
        assert judged.quorum
        assert len(parse_note(ground.shown()).verified_by(map(VerifierKey.parse, ground.log_keys))) == 2
        wait_for(lambda: ground.shown("log/checkpoint") == ground.shown())  # the published log shows the same

        # One witness is away: the other is a quorum, and the first joins when it is back.
        ground.witnesses["b"].end(kill=True)
        before = ground.size()
        assert gateway.ssh("alice", "home-1", "uptime").returncode == 0
        wait_for(lambda: ground.size() > before and ground.cosigned_by({"a"}))
        assert ground.judged(ground.shown()).quorum
        ground.witnesses["b"].start()
        assert gateway.ssh("alice", "home-1", "uptime").returncode == 0
        wait_for(lambda: ground.cosigned_by({"a", "b"}), lambda: gateway.log.read_text()[-3000:])

        # The signer is away: commands go on, the checkpoint comes when it is back.
        wait_for(lambda: ground.size() == ground.entries())
        ground.signer.end(kill=True)
        before = ground.size()
        assert gateway.ssh("alice", "home-1", "uptime").returncode == 0
        assert ground.size() == before
        ground.signer.start()
        wait_for(lambda: ground.size() > before)
    assert ground.judged(ground.shown("checkpoint.witnessed")).quorum
    assert len(set(ground.sizes().values())) == 1
    verified = gateway.vestibule("verify")
    assert verified.returncode in (exits.OK, exits.INCOMPLETE), verified.stdout.decode() + verified.stderr.decode()


def test_an_old_copy_of_everything_the_gateway_has(
    ground: Ground, lab_router: OpenWrtRouter, loop_thread: LoopThread
) -> None:
    """Log, keys and all restored from yesterday: the signer's process does not open it, the gateway says why."""
    gateway = ground.gateway
    gateway.prepare({"alice": "rep"}, [lab_router.target("home-1")])
    shutil.copytree(gateway.settings.data_dir, ground.directory / "yesterday")
    with gateway:
        gateway.consent(loop_thread, "alice", "home-1")
        assert gateway.ssh("alice", "home-1", "uptime").returncode == 0
    shutil.rmtree(gateway.settings.data_dir)
    shutil.copytree(ground.directory / "yesterday", gateway.settings.data_dir)
    refused = gateway.vestibule("serve")
    assert refused.returncode not in (exits.OK, exits.INTERNAL)
    assert b"older than its checkpoint" in refused.stderr


def test_a_forked_log_is_refused_by_the_witnesses(
    ground: Ground, lab_router: OpenWrtRouter, loop_thread: LoopThread
) -> None:
    """Whoever has the signing key itself can sign a second history; no witness cosigns it, and all keep the proof."""
    gateway = ground.gateway
    gateway.prepare({"alice": "rep"}, [lab_router.target("home-1")])
    with gateway:
        wait_for(lambda: ground.cosigned_by({"a", "b"}), lambda: gateway.log.read_text()[-3000:])
    wait_for(lambda: set(ground.sizes().values()) == {ground.size()})
    size = ground.size()
    thief = SigningKey(ground.key.name, (ground.state / "log.key").read_bytes())
    fork = Frontier()
    fork.extend(os.urandom(32) for _ in range(size + 1))
    for forked, old, proof, status in (
        (Checkpoint(ground.key.name, size, os.urandom(32)), size, [], 409),
        (Checkpoint(ground.key.name, size + 1, fork.root()), size, [os.urandom(32)] * 3, 422),
        (Checkpoint(ground.key.name, size + 1, fork.root()), 0, [], 409),
    ):
        body = encode_add_checkpoint(old, proof, sign_note(forked.text(), thief).encode())
        for port in ground.ports.values():
            answer = httpx.post(f"http://127.0.0.1:{port}/add-checkpoint", content=body)
            assert (answer.status_code, "—" in answer.text) == (status, False)
    for name in ground.ports:
        (log,) = run("witness", "logs", "--data", ground.directory / name)
        assert (log["size"], log["contradictions"]) == (size, 2)


ACTIVATE = """
import os, socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "gateway", "signer", "serve", "--state", sys.argv[2]])
"""


def test_a_signer_on_a_socket_that_systemd_made(tmp_path: Path) -> None:
    """As systemd starts it: the socket belongs to somebody else and is there before the signer is."""
    state, path = tmp_path / "signer", tmp_path / "sock"
    run("signer", "init", "--state", state, "--origin", "logs.test/1")
    with subprocess.Popen([sys.executable, "-c", ACTIVATE, str(path), str(state)], stderr=subprocess.PIPE) as process:
        wait_for(path.is_socket)
        signer = RemoteSigner(path, seconds=30)
        leaf = os.urandom(32)
        assert open_checkpoint(signer.sign(1, leaf, Span(0, 1, [leaf])), signer.verifier).size == 1
        with pytest.raises(LogDamaged, match="not an extension"):
            signer.sign(1, os.urandom(32), Span(0, 1, [leaf]))
        second = subprocess.run(
            [sys.executable, "-m", "gateway", "signer", "serve", "--state", str(state), "--socket", str(path) + "2"],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert second.returncode != 0
        assert b"Another process signs" in second.stderr
        process.terminate()
        assert process.wait(20) == 0
    assert run("signer", "key", "--state", state)["signed"] == 1

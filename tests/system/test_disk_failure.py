"""The disk under the record is full, or fails: no command leaves, sessions end in a sentence, a restart recovers.

The gateway is a real process whose system calls fail for real: strace injects the error, a small file system runs
full, or a limit on file sizes is reached. Counterpart: `tests/unit/audit/test_faults.py` does it to the record alone.
"""

import contextlib
import errno
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit.journal import Journal
from audit.stores.memory import MemoryEntryStore
from config.clock import SystemClock
from drivers.lab.openwrt import OpenWrtRouter
from gateway import exits
from gateway.assembly import House
from gateway.demo.players import DemoFailed
from gateway.mediation.messages import CLOSING
from tests.evidence_checks import (
    commands_without_result,
    ends_of_sessions,
    lookup,
    mark_of,
    open_evidence,
    recorded_marks,
)
from tests.running import LoopThread, RunningGateway

PATIENCE = 90.0
LAST_WORDS = CLOSING["record_failed"].encode()
NOT_RECORDED = b"The record could not be written"

FAULTS = [
    # System call, error, which call of a thread fails first; with + all after it fail too. Starting and asking for
    # consent takes the committing thread about 20 synced transactions, a command about two. The publishing thread has
    # a handful a checkpoint, and on a slow machine there may be ten of these before the first command.
    ("fdatasync", "EIO", "140+"),
    ("fdatasync", "EIO", "145"),  # once only: a second try would be believed, and must not happen
    ("pwrite64", "ENOSPC", "500+"),
    ("pwrite64", "EIO", "600"),
    ("rename", "EIO", "60+"),
]


@pytest.fixture
def gateway(tmp_path: Path, lab_router: OpenWrtRouter) -> Iterator[RunningGateway]:
    gateway = RunningGateway(tmp_path)
    yield gateway
    if gateway.process is not None:
        gateway.kill()


@dataclass
class Clients:
    """A rep whose commands never stop coming, and one who does nothing."""

    busy: "subprocess.Popen[bytes]"
    idle: "subprocess.Popen[bytes]"

    def work(self, router: OpenWrtRouter) -> None:
        """Wait until commands are coming through."""
        deadline = time.monotonic() + PATIENCE
        while len(router.received) < 40:
            assert self.busy.poll() is None, "the busy session did not open"
            assert time.monotonic() < deadline, "no command came through"
            time.sleep(0.02)

    def both_were_told(self) -> None:
        """Each got the sentence and the exit status, and no traceback."""
        _, err = self.busy.communicate(timeout=PATIENCE)
        screen, _ = self.idle.communicate(timeout=PATIENCE)
        assert LAST_WORDS in err
        assert LAST_WORDS in screen
        assert b"Traceback" not in err + screen
        assert self.busy.returncode == exits.RECORD_FAILED
        assert self.idle.returncode == exits.RECORD_FAILED


@contextlib.contextmanager
def clients_of(gateway: RunningGateway, directory: Path) -> Iterator[Clients]:
    lines = directory / "lines"
    lines.write_text("".join(lookup(1, number) for number in range(20_000)))
    ssh = ["ssh", *gateway.ssh_options("alice")]
    idle = subprocess.Popen(
        [*ssh, "-tt", "home-1@127.0.0.1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert idle.stdout is not None
    assert idle.stdout.readline(), "the idle session did not open"
    with lines.open("rb") as stdin:
        busy = subprocess.Popen(
            [*ssh, "home-1@127.0.0.1"], stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    try:
        yield Clients(busy, idle)
    finally:
        for client in (busy, idle):
            client.kill()
            client.communicate()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("call", "error", "when"), FAULTS, ids=lambda value: value)
def test_a_failing_system_call(
    tmp_path: Path,
    gateway: RunningGateway,
    lab_router: OpenWrtRouter,
    loop_thread: LoopThread,
    require_program: Callable[[str], Path],
    call: str,
    error: str,
    when: str,
) -> None:
    trace = tmp_path / "trace"
    strace = (str(require_program("strace")), "-f", "-qq", "--seccomp-bpf", "-o", str(trace))
    gateway.prefix = (*strace, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}")
    gateway.prepare({"alice": "rep"}, [lab_router.target("home-1")])
    gateway.start()
    gateway.consent(loop_thread, "alice", "home-1", sessions=100)
    with clients_of(gateway, tmp_path) as clients:
        assert gateway.process is not None
        assert gateway.process.wait(PATIENCE) == exits.RECORD_FAILED
        gateway.process = None
        clients.both_were_told()
    assert "INJECTED" in trace.read_text()

    gateway.prefix = ()
    _recovers(gateway, lab_router)


@pytest.mark.timeout(300)
def test_a_full_disk(
    tmp_path: Path,
    gateway: RunningGateway,
    lab_router: OpenWrtRouter,
    loop_thread: LoopThread,
    small_disk: Callable[[Path], None],
) -> None:
    small_disk(gateway.settings.data_dir)
    gateway.prepare({"alice": "rep"}, [lab_router.target("home-1")])
    gateway.start()
    gateway.consent(loop_thread, "alice", "home-1", sessions=100)
    filler = gateway.settings.data_dir / "filler"
    with clients_of(gateway, tmp_path) as clients:
        clients.work(lab_router)
        _fill(filler)
        assert gateway.process is not None
        assert gateway.process.wait(PATIENCE) == exits.RECORD_FAILED
        gateway.process = None
        clients.both_were_told()

    filler.unlink()
    _recovers(gateway, lab_router)


@pytest.mark.timeout(300)
def test_a_file_that_may_not_grow(
    tmp_path: Path, gateway: RunningGateway, lab_router: OpenWrtRouter, loop_thread: LoopThread
) -> None:
    gateway.prepare({"alice": "rep"}, [lab_router.target("home-1")])
    gateway.start()
    gateway.consent(loop_thread, "alice", "home-1", sessions=100)
    with clients_of(gateway, tmp_path) as clients:
        clients.work(lab_router)
        assert gateway.process is not None
        largest = max(path.stat().st_size for path in gateway.directory.rglob("*") if path.is_file())
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (largest + 4096, largest + 4096))
        assert gateway.process.wait(PATIENCE) == exits.RECORD_FAILED
        gateway.process = None
        clients.both_were_told()
    _recovers(gateway, lab_router)


def test_a_process_that_cannot_record_does_nothing_any_more(
    gateway: RunningGateway, lab_router: OpenWrtRouter, loop_thread: LoopThread
) -> None:
    """`vestibule serve` ends such a process; here it stays, so that what it still answers can be seen."""
    store = MemoryEntryStore()
    gateway.prepare({"alice": "rep", "bot": "automation", "boss": "supervisor"}, [lab_router.target("home-1")])
    house = loop_thread.run(House.open(gateway.settings, journal=Journal.in_memory(SystemClock(), store=store)))
    loop_thread.run(house.start())
    try:
        _, subscriber = gateway.consent(loop_thread, "alice", "home-1")
        assert gateway.ssh("alice", "home-1", "uptime").returncode == 0
        sent = len(lab_router.received)
        size = store.size()
        store.fail = OSError(errno.EIO, "injected")

        # Whoever is first meets the error, everybody after that the poisoned process.
        for _ in range(2):
            refused = gateway.ssh("alice", "home-1", "uptime")
            assert refused.returncode == exits.RECORD_FAILED
            assert refused.stdout == b""
            assert NOT_RECORDED in refused.stderr
            assert b"Traceback" not in refused.stderr
        assert house.failed.is_set()
        for name, words in (("alice", "request home-1 --ticket T-2 --reason again"), ("boss", "sessions")):
            assert NOT_RECORDED in gateway.ssh(name, "vestibule", words).stderr
        with gateway.rest("bot") as bot:
            answer = bot.post("/v1/sessions", json={"router": "home-1"})
            assert (answer.status_code, answer.json()["code"]) == (503, "record_failed")
            assert NOT_RECORDED.decode() in answer.json()["detail"]
            assert bot.get("/v1/health").status_code == 503
        # A revocation that cannot be recorded is not confirmed.
        loop_thread.run(subscriber.reload())
        with pytest.raises(DemoFailed, match="503"):
            loop_thread.run(subscriber.press("/revoke"))
        assert len(lab_router.received) == sent
        assert store.size() == size
    finally:
        loop_thread.run(house.stop())


@pytest.fixture
def small_disk(require_program: Callable[[str], Path], leave_out: Callable[[str], None]) -> Iterator[Callable]:
    """`small_disk(path)` mounts a file system of 24 MiB there."""
    mounted: list[Path] = []

    def mount(path: Path) -> None:
        path.mkdir(parents=True)
        command = [require_program("mount"), "-t", "tmpfs", "-o", "size=24m,mode=0700", "vestibule-test", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            leave_out(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(path)

    yield mount
    for path in mounted:
        subprocess.run([require_program("umount"), "--lazy", path], check=True)


def _fill(path: Path) -> None:
    """Take what room there is, to the last byte."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\xff" * size)


def _recovers(gateway: RunningGateway, router: OpenWrtRouter) -> None:
    """Started again it closes what was cut off and takes new sessions; the log is whole and has all that was sent."""
    before = {mark_of(data) for _, data in router.received}
    assert len(before) > 5, "hardly a command was sent; the fault came too early to prove anything"
    gateway.start()
    done = gateway.ssh("alice", "home-1", "uptime")
    assert (done.returncode, done.stderr) == (0, b"")
    assert gateway.stop() == exits.OK
    with open_evidence(gateway) as reader:
        entries = list(reader.entries())
        recorded = recorded_marks(reader, entries)
    assert before <= recorded, "the router got what the log does not have"
    commands_without_result(entries)
    assert sorted(ends_of_sessions(entries)) == ["crash", "crash", "done"]
    verified = gateway.vestibule("verify")
    assert verified.returncode == 0, verified.stdout.decode() + verified.stderr.decode()

"""Workers of one log in PostgreSQL, killed again and again, and the database under them: what was acknowledged stands,
indexes are dense, no command stands behind the end of its consent, and the log verifies."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.reader import EvidenceReader
from audit.stores.postgres_connect import IDLE_IN_TRANSACTION_MS
from audit.verify.log import verify_log
from config.clock import SystemClock
from config.ids import new_id
from tests.postgres_server import PostgresServer, end_server, start_server

WORKER = Path(__file__).with_name("postgres_worker.py")
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def crashing_server(postgres_server):
    """One of its own, which may be killed. (`postgres_server` says whether there are programs for it.)"""
    server = start_server()
    yield server
    end_server(server)


@dataclass
class Crew:
    """Workers over one log."""

    server: PostgresServer
    path: Path
    log: str = ""
    consents: list[str] = field(default_factory=lambda: [new_id() for _ in range(12)])
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = self.server.new_log()
        with_grants = self.open("main")
        for consent in self.consents:
            with_grants.append_later(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=consent)).result()
        with_grants.close()

    def open(self, worker: str) -> Journal:
        place = self.server.place(self.path / "addresses", self.log, worker=worker)
        return Journal.open(
            self.path / "evidence", keys_dir=self.path / "keys", origin="logs.isp", clock=SystemClock(), database=place
        )

    def start(self, worker: str, seconds: float = 60) -> None:
        arguments = ["evidence", "keys", "addresses", worker, f"told-{worker}", ",".join(self.consents), str(seconds)]
        with (self.path / f"errors-{worker}").open("ab") as errors:
            self.running[worker] = subprocess.Popen(
                [sys.executable, str(WORKER), *arguments],
                cwd=self.path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=errors,
            )

    def kill(self, worker: str) -> None:
        process = self.running.pop(worker)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def leader(self) -> str:
        with self.server.connect(self.log) as connection:
            row = connection.execute("SELECT worker FROM evidence.leader").fetchone()
        assert row is not None
        return str(row[0])

    def size(self) -> int:
        with self.server.connect(self.log) as connection:
            row = connection.execute("SELECT next FROM evidence.seq").fetchone()
        assert row is not None
        return int(str(row[0]))

    def epoch(self, worker: str) -> int:
        """How often its place was taken."""
        with self.server.connect(self.log) as connection:
            row = connection.execute("SELECT epoch FROM evidence.worker WHERE id = %s", (worker,)).fetchone()
        assert row is not None
        return int(str(row[0]))

    def grow(self, entries: int) -> None:
        """Wait until there are so many more."""
        wanted, until = self.size() + entries, time.monotonic() + 90
        while self.size() < wanted:
            assert time.monotonic() < until, f"nothing is recorded any more: {self.activity()} {self.errors()}"
            time.sleep(0.02)

    def errors(self) -> list[str]:
        """The end of what each worker complained of."""
        return [path.read_text()[-1500:] for path in self.path.glob("errors-*")]

    def activity(self) -> list[tuple[object, ...]]:
        """Who does what in the database."""
        with self.server.connect(self.log) as connection:
            return connection.execute(
                "SELECT application_name, state, wait_event, pg_blocking_pids(pid), pid, left(query, 60) "
                "FROM pg_stat_activity WHERE application_name LIKE 'vestibule%'"
            ).fetchall()

    def end(self) -> None:
        for worker in list(self.running):
            self.kill(worker)

    def check(self, workers: "tuple[str, ...]") -> None:
        for worker in workers:
            self.open(worker).close()  # closes what its last run left open
        told: dict[int, bytes] = {}
        for path in self.path.glob("told-*"):
            lines = path.read_text().split("\n")[:-1]
            for line in lines:
                index, leaf = line.split(" ")
                assert told.setdefault(int(index), bytes.fromhex(leaf)) == bytes.fromhex(leaf), "an index twice"
        reader = EvidenceReader.open(self.path / "evidence", self.path / "keys")
        stored = {entry.index: entry.leaf_hash for entry in reader.entries()}
        assert list(stored) == list(range(len(stored))), "dense"
        assert told.items() <= stored.items(), "acknowledged, and lost"
        assert len(told) > 100
        ended = [entry.index for entry in reader.entries() if entry.kind is Kind.CONSENT_REVOKED]
        reader.close()
        report = verify_log(self.path / "evidence", self.path / "keys" / "log.pub", keys_dir=self.path / "keys")
        assert report.exit_code == 0, list(report.lines())
        assert report.size == len(stored)
        assert report.parts_checked == report.parts_committed
        assert all(check.complete for check in report.sessions)
        assert ended or len(stored) < 2000


@pytest.fixture
def crew(crashing_server, tmp_path):
    made = Crew(crashing_server, tmp_path)
    yield made
    made.end()


def test_workers_killed_again_and_again(crew):
    workers = ("one", "two", "three")
    for worker in workers:
        crew.start(worker)
    for _ in range(6):
        crew.grow(80)
        time.sleep(random.random() * 0.3)
        victim = random.choice(workers)
        crew.kill(victim)
        crew.start(victim)
    crew.grow(80)
    crew.end()
    crew.check(workers)


def test_the_leader_killed_while_it_signs(crew):
    workers = ("one", "two")
    for worker in workers:
        crew.start(worker)
    leaders = set()
    for _ in range(4):
        crew.grow(60)
        before = signed(crew)
        until = time.monotonic() + 60
        while signed(crew) <= before:
            assert time.monotonic() < until, "nobody signs"
            time.sleep(0.02)
        leader = crew.leader()
        leaders.add(leader)
        crew.kill(leader)
        crew.start(leader)
    crew.end()
    assert leaders == set(workers)
    crew.check(workers)


def ended(process: "subprocess.Popen[bytes]") -> int | None:
    """Its exit code; none, and it is killed, if it has not ended by itself within 60 s."""
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
        return None


def signed(crew: Crew) -> int:
    with crew.server.connect(crew.log) as connection:
        row = connection.execute(
            "SELECT split_part(value, E'\\n', 2) FROM evidence.meta WHERE key = 'checkpoint'"
        ).fetchone()
    return 0 if row is None else int(str(row[0]))


def test_the_database_stopped_at_once_again_and_again(crew):
    workers = ("one", "two")
    for _ in range(4):
        for worker in workers:
            crew.start(worker)
        crew.grow(150)
        time.sleep(random.random() * 0.3)
        crew.server.crash()
        for worker in workers:
            assert crew.running.pop(worker).wait(60) == 1, "a worker that lost its database stops"
        crew.server.start()
    crew.check(workers)


def test_a_worker_that_hangs_in_the_middle_of_writing_is_ended(crew):
    """Between statements that it sends in one go, where the server waits for the rest without a clock of its own."""
    crew.start("two")
    crew.grow(60)
    address = crew.server.address(crew.log, "gateway")
    with closing(psycopg.connect(address, autocommit=True, application_name="vestibule committer one")) as hanging:
        hanging.execute(f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}")
        hanging.execute("BEGIN; SELECT next FROM evidence.seq FOR UPDATE")
        hanging.pgconn.enter_pipeline_mode()
        hanging.pgconn.send_query_params(b"SELECT 1", None)
        hanging.pgconn.flush()
        crew.grow(150)
        with pytest.raises(psycopg.OperationalError, match="terminat"):
            for _ in range(3):  # its answer, the server's farewell, the end
                hanging.pgconn.consume_input()
    crew.end()
    crew.check(("two",))


def test_a_worker_that_hangs_is_replaced_and_shut_out(crew):
    crew.start("one")
    crew.start("two")
    crew.grow(60)
    hanging = crew.running.pop("one")
    hanging.send_signal(signal.SIGSTOP)
    try:
        crew.grow(60)  # the other goes on, at the latest when the server has ended a transaction that hangs
        with crew.server.connect(crew.log) as connection:
            connection.execute("UPDATE evidence.worker SET lease_until = now() WHERE id = 'one'")
        epoch = crew.epoch("one")
        crew.start("one")
        until = time.monotonic() + 60
        while crew.epoch("one") == epoch:  # awake before its place is taken, it would rightly go on
            assert time.monotonic() < until, f"nobody takes its place: {crew.errors()}"
            time.sleep(0.02)
        crew.grow(60)
    finally:
        hanging.send_signal(signal.SIGCONT)
        code = ended(hanging)
    assert code == 1, "the one that hung stops when it wakes"
    crew.end()
    crew.check(("one", "two"))

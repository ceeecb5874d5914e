"""The log in PostgreSQL, apart from the contract: what its roles may do, whose turn it is, and where the log is."""

import psycopg
import pytest

from audit.errors import KeyUnavailable, LogDamaged, LogInUse, LogMissing, RecordFailed, WorkerFenced
from audit.keys.postgres_store import PostgresKeyStore
from audit.store import Batch, ChunkRow, EntryRow, SealedPart
from audit.stores import choose, postgres_connect, postgres_reader, postgres_schema
from audit.stores.choose import Database, open_worker
from audit.stores.postgres_status import read_status
from audit.tlog.merkle import leaf_hash
from config.errors import ConfigError


def entry(index):
    head = f"head {index}".encode()
    return EntryRow(index, head, leaf_hash(head))


class Log:
    """A log with a few rows, and the ways to it."""

    def __init__(self, server, path):
        self.server, self.path = server, path
        self.name = server.new_log()
        self.opened = []

    def open(self, worker="main", **changes):
        place = self.server.place(self.path, self.name, worker=worker)
        store, watch = open_worker(Database(address=place.address, worker=worker, **changes))
        self.opened.append((store, watch))
        return store, watch

    def connect(self, user="owner"):
        return self.server.connect(self.name, user)

    def address(self, user):
        return self.server.address(self.name, user)


@pytest.fixture
def log(postgres_server, tmp_path):
    made = Log(postgres_server, tmp_path / "addresses")
    yield made
    for store, watch in made.opened:
        store.abandon()
        watch.stop()


@pytest.fixture
def filled(log):
    store, _ = log.open()
    parts = [SealedPart(index, "act", "K", b"ct") for index in range(3)]
    store.append(Batch(entries=[entry(index) for index in range(3)], sealed=parts, chunks=[ChunkRow("S", 0, 2, b"c")]))
    return log


EVIDENCE = ("entry", "sealed", "chunk", "entry_000000", "sealed_000000", "chunk_000000")


CHANGES = (
    "UPDATE {} SET idx = idx",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "DROP TABLE {}",
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "CREATE INDEX more ON {} (idx)",
)
MORE = (
    "DELETE FROM evidence.seq",
    "DELETE FROM evidence.meta",
    "DELETE FROM evidence.session",
    "DELETE FROM evidence.consent_end",
    "TRUNCATE evidence.worker",
    "INSERT INTO evidence.migration VALUES (99)",
    "CREATE TABLE evidence.more ()",
    "SELECT * FROM evidence_keys.dek",
    "SELECT * FROM evidence_keys.kek",
    "SET ROLE vestibule_eraser",
)


def test_a_gateway_cannot_change_or_remove_evidence(filled):
    statements = [statement.format(f"evidence.{table}") for table in EVIDENCE for statement in CHANGES]
    with filled.connect("gateway") as connection:
        for statement in (*statements, *MORE):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_readers_read_and_do_nothing_else(filled):
    reader = postgres_reader.open_reader(filled.address("auditor"))
    assert (reader.size(), [part.sealed for part in reader.sealed(0, 9)], reader.integrity()) == (3, [b"ct"] * 3, [])
    reader.close()
    with filled.connect("auditor") as connection:
        for statement in ("INSERT INTO evidence.meta VALUES ('a', 'b')", "UPDATE evidence.seq SET next = 0",
                          "SELECT evidence.prepare_partitions()", "DELETE FROM evidence.sealed"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_ciphertext_is_deleted_by_the_eraser_alone(filled):
    with pytest.raises(RecordFailed, match="eraser_url_file"):
        filled.opened[0][0].erase([(0, "act")], [])
    place = filled.server.place(filled.path, filled.name)
    store, _ = filled.open("other", eraser=place.eraser)
    assert store.erase([(0, "act"), (1, "who")], [("S", 0)]) == 2
    assert [part.index for part in store.sealed(0, 9)] == [1, 2]
    assert (store.chunk("S", 0), store.count(), store.scrub()) == (None, 3, True)
    with filled.connect("eraser") as connection:
        for table in ("entry", "meta", "seq", "session"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"DELETE FROM evidence.{table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE evidence.sealed SET ct = 'x'")


def test_entries_go_on_from_one_partition_to_the_next(log):
    with log.connect() as connection:
        connection.execute("DROP TABLE evidence.entry_000000, evidence.sealed_000000, evidence.chunk_000000, "
                           "evidence.entry_000001, evidence.sealed_000001, evidence.chunk_000001")  # fmt: skip
        connection.execute(
            "CREATE OR REPLACE FUNCTION evidence.partition_width() RETURNS bigint LANGUAGE sql IMMUTABLE "
            "AS 'SELECT 100::bigint'"
        )
    for start in range(0, 450, 90):
        store, watch = log.open(f"w{start}")  # opening prepares the partition after the present one
        store.append(Batch(entries=[entry(index) for index in range(start, start + 90)]))
        store.close()
        watch.stop()
    store, _ = log.open()
    assert [row.index for row in store.entries(0, 1000)] == list(range(450))
    with log.connect() as connection, pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("INSERT INTO evidence.entry SELECT * FROM evidence.entry WHERE idx = 250")


def test_a_name_has_one_worker_at_a_time(log):
    store, watch = log.open()
    with pytest.raises(LogInUse, match=r"evidence\.worker"):
        log.open()
    assert store.boot.epoch == 0
    store.close()
    watch.stop()
    assert log.open()[0].boot.epoch == 1


def test_a_worker_whose_lease_was_taken_over_matches_no_row(log):
    store, _ = log.open()
    store.append(Batch(entries=[entry(0)]))
    with log.connect() as connection:
        connection.execute("UPDATE evidence.worker SET lease_until = now()")
    successor, _ = log.open()
    assert successor.boot.epoch == 1
    with pytest.raises(WorkerFenced, match="replaced by another process"):
        store.append(Batch(entries=[entry(1)]))
    assert successor.size() == 1
    successor.append(Batch(entries=[entry(1)]))


def test_a_watch_whose_connection_is_gone_says_so(log):
    store, watch = log.open()
    lost = []
    watch.start(heard=lambda: None, lead=lambda: None, lost=lost.append)
    with log.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(backend) FROM evidence.worker")
    watch._thread.join(10)
    assert len(lost) == 1
    with pytest.raises(RecordFailed):
        watch.signed_size()
    assert store.size() == 0


def test_a_server_that_commits_before_it_is_on_disk_is_corrected(log):
    with log.connect() as connection:
        connection.execute("ALTER ROLE gateway SET synchronous_commit = off")
    try:
        store, _ = log.open()
        assert store._connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    finally:
        with log.connect() as connection:
            connection.execute("ALTER ROLE gateway RESET synchronous_commit")


def test_a_batch_is_written_whole_or_not_at_all(log):
    store, _ = log.open()
    parts = [SealedPart(0, "act", "K", b"a"), SealedPart(0, "act", "K", b"b")]
    with pytest.raises(psycopg.errors.UniqueViolation):
        store.append(Batch(entries=[entry(0)], sealed=parts, meta={"x": "y"}))
    assert (store.size(), store.meta("x"), list(store.sealed(0, 9))) == (0, None, [])
    store.append(Batch(entries=[entry(0)]))


def test_tables_are_made_once(log):
    assert postgres_schema.migrate(log.address("owner")) == []
    empty = log.server.new_database()
    with pytest.raises(LogDamaged, match="vestibule database migrate"):
        postgres_reader.open_reader(log.server.address(empty, "auditor"))
    with pytest.raises(LogDamaged, match="could not be made"):
        postgres_schema.migrate(log.server.address(empty, "gateway"))
    with pytest.raises(KeyUnavailable, match="vestibule database migrate"):
        PostgresKeyStore.open(log.server.address(empty, "keys"), log.path, "logs.isp/1")
    with log.connect() as connection:
        connection.execute("INSERT INTO evidence.migration VALUES (99)")
    with pytest.raises(LogDamaged, match="version 99"):
        log.open()


@pytest.mark.parametrize("address", ["passw0rd-in-a-bad-place", "postgresql://u:passw0rd@[", "host=/nowhere dbname=x"])
def test_addresses_are_not_repeated(address):
    with pytest.raises(LogMissing) as caught:
        postgres_connect.connect(address, "test")
    assert "passw0rd" not in str(caught.value)


def test_addresses_are_private(tmp_path):
    path = tmp_path / "url"
    path.write_text("host=x")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        postgres_connect.read_address(path)


def test_a_directory_says_where_its_log_is(filled, tmp_path):
    directory = tmp_path / "evidence"
    with pytest.raises(LogMissing):
        choose.open_reader(directory)
    choose.remember(directory, filled.server.place(filled.path, filled.name))
    choose.remember(directory, filled.server.place(filled.path, filled.name))
    assert choose.database_of(directory) == filled.server.place(filled.path, filled.name)
    reader = choose.open_reader(directory)
    assert reader.size() == 3
    reader.close()
    with pytest.raises(LogDamaged, match=r"evidence\.store"):
        choose.not_in_database(directory)
    (directory / choose.PLACE_FILE).write_text("{}")
    with pytest.raises(LogDamaged, match="does not say"):
        choose.open_reader(directory)
    (directory / "audit.db").touch()
    with pytest.raises(LogDamaged, match="log of its own"):
        choose.remember(directory, filled.server.place(filled.path, filled.name))


def test_a_snapshot_stands_still(filled):
    store = filled.opened[0][0]
    reader = postgres_reader.open_reader(filled.address("auditor"))
    reader.begin()
    store.append(Batch(entries=[entry(3)]))
    assert reader.size() == 3
    reader.end()
    assert reader.size() == 4
    reader.close()


def test_the_status_names_workers_and_leader(filled):
    found = read_status(filled.address("auditor"))
    assert (found.entries, found.signed, found.leader) == (3, 0, None)
    assert [(worker.id, worker.epoch, worker.alive) for worker in found.workers] == [("main", 0, True)]

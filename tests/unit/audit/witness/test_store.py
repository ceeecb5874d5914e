"""The memory of a witness: durable, compared and set in one step, the same for two processes."""

import sqlite3

import pytest

from audit.errors import BadEntry, LogDamaged
from audit.witness.store import Cosigned, WitnessStore

FIRST, SECOND = Cosigned(1, bytes(32), b"note", 10), Cosigned(2, bytes([1]) * 32, b"next", 11)


def test_it_is_there_after_a_restart(place):
    assert place.store.latest("logs.isp/1") is None
    assert place.store.advance("logs.isp/1", None, FIRST)
    assert place.store.advance("logs.isp/1", FIRST, SECOND)
    place.open()
    assert place.store.latest("logs.isp/1") == SECOND
    assert place.store.origins() == ["logs.isp/1"]
    assert place.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in place.path.parent.iterdir()] == ["witness.db"]


def test_who_looked_before_another_changed_it_changes_nothing(place):
    other = place.stores[0]
    place.open()
    assert place.store.advance("logs.isp/1", None, FIRST)
    assert not other.advance("logs.isp/1", None, SECOND)
    assert not other.advance("logs.isp/1", Cosigned(1, bytes([9]) * 32, b"", 0), SECOND)
    assert other.latest("logs.isp/1") == FIRST
    assert other.advance("logs.isp/1", FIRST, SECOND)


def test_commits_are_synced(place):
    assert place.store._connection.execute("PRAGMA synchronous").fetchone() == (3,)
    assert place.store._connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_keys_of_one_log_have_one_name(place, other_log, grown):
    with pytest.raises(BadEntry):
        place.store.add_log([grown.key.verifier, other_log.key.verifier])
    with pytest.raises(BadEntry):
        place.store.add_log([])
    place.store.add_log([other_log.key.verifier])
    place.store.add_log([other_log.key.verifier])
    assert place.store.keys("logs.isp/2") == [other_log.key.verifier]


def test_what_is_no_memory_of_a_witness(tmp_path):
    (tmp_path / "text").write_text("no database, though long enough to look like one" * 20)
    with pytest.raises(LogDamaged):
        WitnessStore(tmp_path / "text")
    with sqlite3.connect(tmp_path / "newer") as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(LogDamaged, match="version"):
        WitnessStore(tmp_path / "newer")

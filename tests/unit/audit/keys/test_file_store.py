"""The key database: wrapped keys only, gone when destroyed, useless without its root key."""

import sqlite3

import pytest

from audit.errors import KeyUnavailable, RecordFailed
from audit.keys.file_store import FileKeyStore
from audit.keys.store import KeySet, new_keys, unwrap, wrap
from config.ids import new_id


@pytest.fixture
def place(tmp_path):
    return tmp_path / "keys.db", tmp_path / "keys"


def open_store(place, **changes):
    return FileKeyStore.open(*place, **{"tenant": "logs.isp/1", **changes})


def key_set():
    return KeySet(
        id=new_id(),
        subject_kind="consent",
        subject=new_id(),
        retention="consent",
        month="2026-01",
        keys=new_keys(["who", "subj"]),
    )


def everything(path):
    return b"".join(file.read_bytes() for file in path.parent.glob("keys.db*"))


def test_keys_survive_closing_and_no_bare_key_is_in_the_file(place):
    made = key_set()
    store = open_store(place)
    store.add([made])
    raw = everything(place[0])
    store.close()
    raw += everything(place[0])
    root = (place[1] / "root.key").read_bytes()
    assert not any(key in raw for key in (root, *made.keys.values()))
    again = open_store(place)
    assert again.get(made.id, "who") == made.keys["who"]
    again.close()


def test_files_are_private(place):
    open_store(place).close()
    assert place[0].stat().st_mode & 0o777 == 0o600
    assert (place[1] / "root.key").stat().st_mode & 0o777 == 0o600


def test_a_destroyed_key_leaves_no_wrapped_copy_behind(place):
    made = key_set()
    store = open_store(place)
    store.add([made])
    reader = sqlite3.connect(place[0])
    wrapped = reader.execute("SELECT wrapped FROM dek WHERE ks = ? AND comp = 'subj'", (made.id,)).fetchone()[0]
    reader.close()
    assert wrapped in everything(place[0])
    store.destroy(made.id, ["subj"])
    assert wrapped not in everything(place[0])
    store.close()


@pytest.mark.parametrize("act", ["one", "month"])
def test_a_reader_in_the_way_is_told_of(place, act):
    """What is not cleared from the write-ahead log is not called destroyed; the next try clears it."""
    made = key_set()
    store = open_store(place)
    store.add([made])
    store._connection.execute("PRAGMA busy_timeout = 50")
    reader = sqlite3.connect(place[0], isolation_level=None)
    reader.execute("BEGIN")
    wrapped = reader.execute("SELECT wrapped FROM dek WHERE ks = ? AND comp = 'subj'", (made.id,)).fetchone()[0]

    def destroy():
        if act == "one":
            store.destroy(made.id, ["subj"])
        else:
            store.destroy_month("consent", "2026-01")

    with pytest.raises(RecordFailed, match="write-ahead log"):
        destroy()
    assert wrapped in everything(place[0])
    reader.close()
    destroy()
    assert wrapped not in everything(place[0])
    store.close()


def test_a_destroyed_month_leaves_no_wrapped_key_behind(place):
    made = key_set()
    store = open_store(place)
    store.add([made])
    reader = sqlite3.connect(place[0])
    wrapped = [row[0] for row in reader.execute("SELECT wrapped FROM dek UNION ALL SELECT wrapped FROM kek")]
    reader.close()
    store.destroy_month("consent", "2026-01")
    assert not any(item in everything(place[0]) for item in wrapped)
    with pytest.raises(KeyUnavailable):
        store.get(made.id, "who")
    with pytest.raises(KeyUnavailable, match="destroyed"):
        store.add([key_set()])
    store.close()


def test_read_only_beside_the_writer(place):
    made = key_set()
    store = open_store(place)
    store.add([made])
    reader = FileKeyStore.open_read_only(*place, tenant="logs.isp/1")
    assert reader.get(made.id, "subj") == made.keys["subj"]
    later = key_set()
    store.add([later])
    assert reader.get(later.id, "who") == later.keys["who"]
    with pytest.raises(sqlite3.OperationalError):
        reader.add([key_set()])
    reader.close()
    store.close()


def test_read_only_makes_nothing(place):
    with pytest.raises(KeyUnavailable):
        FileKeyStore.open_read_only(*place, tenant="logs.isp/1")
    assert not place[0].exists()
    assert not place[1].exists()


def test_a_lost_root_key_is_not_replaced(place):
    store = open_store(place)
    store.add([key_set()])
    store.close()
    (place[1] / "root.key").unlink()
    with pytest.raises(KeyUnavailable, match="missing"):
        open_store(place)
    assert not (place[1] / "root.key").exists()


def test_another_root_key_opens_nothing(place):
    made = key_set()
    store = open_store(place)
    store.add([made])
    store.close()
    (place[1] / "root.key").write_bytes(bytes(32))
    with pytest.raises(KeyUnavailable, match="root key"):
        open_store(place)
    reader = FileKeyStore.open_read_only(*place, tenant="logs.isp/1")
    with pytest.raises(KeyUnavailable, match="root key"):
        reader.get(made.id, "who")
    reader.close()


def test_a_damaged_file_is_named(place):
    place[0].write_bytes(b"no database" * 100)
    place[1].mkdir()
    (place[1] / "root.key").write_bytes(bytes(32))
    (place[1] / "root.key").chmod(0o600)
    with pytest.raises(KeyUnavailable, match=r"keys\.db"):
        open_store(place)


def test_a_failed_add_stores_nothing(place):
    made = key_set()
    store = open_store(place)
    with pytest.raises(sqlite3.IntegrityError):
        store.add([made, made])
    with pytest.raises(KeyUnavailable):
        store.get(made.id, "who")
    store.add([made])
    assert store.get(made.id, "who") == made.keys["who"]
    store.close()


def test_wrapping():
    kek, key = bytes(range(32)), bytes(range(32, 64))
    assert unwrap(kek, wrap(kek, key)) == key
    for wrapped in (b"", b"short", wrap(bytes(32), key), wrap(kek, key)[:-1] + b"x"):
        with pytest.raises(KeyUnavailable):
            unwrap(kek, wrapped)

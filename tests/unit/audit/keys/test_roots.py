"""Roots: derived from the secret and not the secret, old databases moved, rotation finished after a crash, recovery."""

import json
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from audit.errors import KeyUnavailable
from audit.keys import root_choice
from audit.keys.file_store import FileKeyStore
from audit.keys.root import FileRoot
from audit.keys.root_age import AgeRoot, make_identity, read_identities
from audit.keys.root_process import ProcessRoot, start_program
from audit.keys.store import KeySet, new_keys, unwrap, wrap
from config.ids import new_id

TENANT = "logs.isp/1"


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "keys.db", tmp_path / "keys"


def opened(place, **options) -> FileKeyStore:
    return FileKeyStore.open(*place, tenant=TENANT, **options)


def key_set(month="2026-01") -> KeySet:
    return KeySet(
        id=new_id(), subject_kind="session", subject=new_id(), retention="access", month=month, keys=new_keys(["act"])
    )


def wrapped_rows(place) -> list[tuple[str, bytes]]:
    connection = sqlite3.connect(place[0])
    rows = connection.execute("SELECT root, wrapped FROM kek ORDER BY id").fetchall()
    connection.close()
    return rows


OLD_TABLES = """
CREATE TABLE kek (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, class TEXT NOT NULL, month TEXT NOT NULL,
    wrapped BLOB, UNIQUE (tenant, class, month));
CREATE TABLE keyset (ks TEXT PRIMARY KEY, subject_kind TEXT NOT NULL, subject TEXT NOT NULL,
    kek INTEGER NOT NULL REFERENCES kek (id)) WITHOUT ROWID;
CREATE INDEX keyset_subject ON keyset (subject_kind, subject);
CREATE TABLE dek (ks TEXT NOT NULL REFERENCES keyset (ks), comp TEXT NOT NULL, wrapped BLOB,
    PRIMARY KEY (ks, comp)) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def old_database(place) -> tuple[bytes, str, bytes]:
    """As the first version wrote it: KEKs wrapped by root.key itself. Root, key set, DEK."""
    root, kek, dek, name = os.urandom(32), os.urandom(32), os.urandom(32), new_id()
    place[1].mkdir()
    (place[1] / "root.key").write_bytes(root)
    (place[1] / "root.key").chmod(0o600)
    connection = sqlite3.connect(place[0], isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(OLD_TABLES)
    connection.execute("INSERT INTO kek VALUES (1, ?, 'access', '2026-01', ?)", (TENANT, wrap(root, kek)))
    connection.execute("INSERT INTO kek VALUES (2, ?, 'access', '2025-01', NULL)", (TENANT,))
    connection.execute("INSERT INTO keyset VALUES (?, 'session', 'S', 1)", (name,))
    connection.execute("INSERT INTO dek VALUES (?, 'act', ?)", (name, wrap(kek, dek)))
    connection.close()
    return root, name, dek


def test_an_old_database_can_be_read_as_it_is_and_is_moved_at_the_next_open(place):
    root, name, dek = old_database(place)
    reader = FileKeyStore.open_read_only(*place, tenant=TENANT)
    assert reader.get(name, "act") == dek
    reader.close()
    store = opened(place)
    assert store.get(name, "act") == dek
    (found,) = store.key_sets()
    assert (found.month, found.alive, found.subject) == ("2026-01", ("act",), "S")
    store.close()
    rows = wrapped_rows(place)
    assert rows[0][0].startswith("file:")
    with pytest.raises(KeyUnavailable):
        unwrap(root, rows[0][1])  # root.key itself opens nothing any more
    again = opened(place)
    assert again.get(name, "act") == dek
    again.close()


def test_the_wrapping_key_is_not_the_secret():
    secret = os.urandom(32)
    kek = os.urandom(32)
    assert FileRoot.legacy(secret).unwrap(wrap(secret, kek)) == kek
    with pytest.raises(KeyUnavailable):
        FileRoot(secret).unwrap(wrap(secret, kek))
    assert secret.hex()[:8] not in FileRoot(secret).name
    assert FileRoot.legacy(secret).name == "root.key"


@pytest.mark.parametrize("crash", [None, "before", "after"])
def test_rotation_moves_every_kek_and_nothing_else(place, crash):
    store = opened(place)
    made = [key_set(), key_set("2026-02")]
    store.add(made)
    deks = sqlite3.connect(place[0]).execute("SELECT * FROM dek ORDER BY ks").fetchall()
    before, old = wrapped_rows(place), store.root
    store.close()
    root_choice.begin_rotation(place[1], {"kind": "file", "file": "evidence-root-2.key"})
    if crash == "after":  # every KEK is moved, and then the machine stops before the old root is forgotten
        kept = (place[1] / root_choice.CHOICE_FILE).read_bytes()
        opened(place).close()
        (place[1] / root_choice.CHOICE_FILE).write_bytes(kept)
    reader = FileKeyStore.open_read_only(*place, tenant=TENANT)
    assert reader.get(made[0].id, "act") == made[0].keys["act"], "in the middle of it, too"
    reader.close()
    again = opened(place)
    assert again.root != old
    assert [again.get(one.id, "act") for one in made] == [one.keys["act"] for one in made]
    again.close()
    after = wrapped_rows(place)
    assert {name for name, _ in after} == {again.root}
    assert not {wrapped for _, wrapped in before} & {wrapped for _, wrapped in after}
    assert sqlite3.connect(place[0]).execute("SELECT * FROM dek ORDER BY ks").fetchall() == deks
    raw = b"".join(path.read_bytes() for path in place[0].parent.glob("keys.db*"))
    assert not any(wrapped in raw for _, wrapped in before)
    root_choice.begin_rotation(place[1], {"kind": "file", "file": "evidence-root-3.key"})
    with pytest.raises(KeyUnavailable, match="not finished"):
        root_choice.begin_rotation(place[1], {"kind": "file", "file": "evidence-root-4.key"})
    opened(place).close()
    assert not (place[1] / "evidence-root-2.key").exists(), "an old root that serves nothing else is gone"
    assert (place[1] / "root.key").exists(), "the state is still sealed under it"


@pytest.mark.parametrize("data", ["b'short'", "bytes(32) if asked['op'] == 'unwrap' else b'x' * 40"])
def test_a_root_that_does_not_give_back_what_it_wrapped_gets_nothing(place, tmp_path, data):
    """A wrong handle, a truncated answer: the old root is not given up for it."""
    store = opened(place)
    made = key_set()
    store.add([made])
    store.close()
    root_choice.begin_rotation(place[1], {"kind": "file", "file": "evidence-root-2.key"})
    opened(place).close()
    before = wrapped_rows(place)
    helper = tmp_path / "helper.py"
    helper.write_text(
        "import base64, json, sys\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    told = {'name': 'bad'}\n"
        "    if asked['op'] != 'name':\n"
        f"        told = {{'data': base64.b64encode({data}).decode()}}\n"
        "    print(json.dumps(told), flush=True)\n"
    )
    root_choice.begin_rotation(place[1], {"kind": "command", "argv": [sys.executable, str(helper)]})
    with pytest.raises(KeyUnavailable, match="give back"):
        opened(place)
    assert wrapped_rows(place) == before
    assert (place[1] / "evidence-root-2.key").exists()
    root_choice.write_choice(place[1], {"current": {"kind": "file", "file": "evidence-root-2.key"}})
    again = opened(place)
    assert again.get(made.id, "act") == made.keys["act"]
    again.close()


def test_recovery_by_a_second_party(place, tmp_path):
    recipient = make_identity(tmp_path / "identity")
    store = opened(place)
    first, second = key_set(), key_set("2026-02")
    store.add([first])
    store.close()
    root_choice.write_choice(place[1], {"recovery": [recipient]})
    store = opened(place)
    store.add([second])
    assert store.wrapped_by()["recovery"] == 2
    store.close()
    (place[1] / "root.key").unlink()
    with pytest.raises(KeyUnavailable, match="missing"):
        opened(place)
    lost = opened(place, lost=True)
    identities = read_identities(tmp_path / "identity")
    assert lost.recover(AgeRoot([recipient], identities)) == 2
    lost.close()
    again = opened(place)
    assert [again.get(one.id, "act") for one in (first, second)] == [first.keys["act"], second.keys["act"]]
    again.close()


def test_only_recipients(place, tmp_path):
    """The machine seals, and after a restart opens nothing; whoever has the identity opens everything."""
    recipient = make_identity(tmp_path / "identity")
    opened(place).close()
    root_choice.begin_rotation(place[1], {"kind": "age", "recipients": [recipient]})
    store = opened(place)
    first, second = key_set(), key_set()
    store.add([first])
    assert store.get(first.id, "act") == first.keys["act"], "in this boot"
    store.close()
    store = opened(place)
    with pytest.raises(KeyUnavailable, match="age recipients"):
        store.get(first.id, "act")
    store.add([second])
    assert store.get(second.id, "act") == second.keys["act"]
    store.close()
    assert len(wrapped_rows(place)) == 2
    choice = {"kind": "age", "recipients": [recipient], "identity": str(tmp_path / "identity")}
    root_choice.write_choice(place[1], {"current": choice})
    holder = FileKeyStore.open_read_only(*place, tenant=TENANT)
    assert [holder.get(one.id, "act") for one in (first, second)] == [first.keys["act"], second.keys["act"]]
    holder.close()


def test_a_helper_program_holds_the_root(place):
    argv = [sys.executable, "-m", "audit.keys.root_helper", str(place[1] / "hsm.key")]
    opened(place).close()
    root_choice.begin_rotation(place[1], {"kind": "command", "argv": [*argv]})
    store, made = opened(place), key_set()
    store.add([made])
    assert store.root.startswith("kms:")
    store.close()
    again = opened(place)
    assert again.get(made.id, "act") == made.keys["act"]
    again.close()


HELPER = """
import sys, json
for line in sys.stdin:
    if json.loads(line)["op"] == "name":
        print('{"name":"x"}', flush=True)
    else:
        %s
"""


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("print('nonsense', flush=True)", "not JSON"),
        ("""print('{"data":5}', flush=True)""", "another object"),
        ("""print('{"data":"AA==","more":1}', flush=True)""", "another object"),
        ("""print('{"data":"!"}', flush=True)""", "not base64"),
        ("""print('{"error":"no such slot"}', flush=True)""", "no such slot"),
        ("""print('{"data":"AA=="}\\n{"data":"AA=="}', flush=True)""", "more than was asked"),
        ("print('x' * 100000, flush=True)", "too long"),
        ("sys.exit(1)", "gone"),
        ("import time; time.sleep(60)", "in time"),
    ],
)
def test_a_helper_that_misbehaves_is_not_asked_again(answer, said):
    root = ProcessRoot(start_program([sys.executable, "-c", HELPER % answer]), timeout=0.5)
    with pytest.raises(KeyUnavailable, match=said):
        root.wrap(bytes(32))
    if "error" not in answer:
        with pytest.raises(KeyUnavailable, match="failed before"):
            root.unwrap(bytes(40))
    root.close()


@pytest.mark.parametrize(
    "choice",
    [
        {"current": {"kind": "magic"}},
        {"current": {"kind": "file", "file": "../root.key"}},
        {"current": {"kind": "file", "file": "missing.key"}},
        {"current": {"kind": "age", "recipients": []}},
        {"current": {"kind": "age", "recipients": ["age1nonsense"]}},
        {"current": {"kind": "command", "argv": ["/nonexistent/helper"]}},
        {"current": {"kind": "socket", "path": "/nonexistent.sock"}},
        {"what": 1},
    ],
)
def test_a_choice_that_cannot_be_is_refused(place, choice):
    opened(place).close()
    (place[1] / root_choice.CHOICE_FILE).write_text(
        json.dumps({**choice, "v": 1}, separators=(",", ":"), sort_keys=True)
    )
    with pytest.raises(KeyUnavailable):
        opened(place)

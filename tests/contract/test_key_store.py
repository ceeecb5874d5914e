"""What every key store promises, over all of them."""

import sys
from collections.abc import Callable, Iterator

import pytest

from audit.errors import KeyHeld, KeyUnavailable
from audit.keys import root_choice
from audit.keys.file_store import FileKeyStore
from audit.keys.memory_store import MemoryKeyStore
from audit.keys.postgres_store import PostgresKeyStore
from audit.keys.store import KeySet, KeyStore, new_keys
from config.ids import new_id


@pytest.fixture(params=["memory", "file", "postgresql"])
def store(request, tmp_path) -> Iterator[KeyStore]:
    made: KeyStore
    match request.param:
        case "memory":
            made = MemoryKeyStore()
        case "file":
            made = FileKeyStore.open(tmp_path / "keys.db", tmp_path / "keys", "logs.isp/1")
        case _:
            server = request.getfixturevalue("postgres_server")
            made = PostgresKeyStore.open(server.address(server.new_log(), "keys"), tmp_path / "keys", "logs.isp/1")
    yield made
    made.close()


@pytest.fixture(params=["file", "postgresql"])
def reopen(request, tmp_path) -> Callable[[], FileKeyStore | PostgresKeyStore]:
    """Opens the same keys again; their roots lie in `tmp_path / "keys"`."""
    if request.param == "file":
        return lambda: FileKeyStore.open(tmp_path / "keys.db", tmp_path / "keys", "logs.isp/1")
    server = request.getfixturevalue("postgres_server")
    address = server.address(server.new_log(), "keys")
    return lambda: PostgresKeyStore.open(address, tmp_path / "keys", "logs.isp/1")


def key_set(month="2026-01", retention="access", compartments=("who", "act")):
    return KeySet(
        id=new_id(),
        subject_kind="session",
        subject=new_id(),
        retention=retention,
        month=month,
        keys=new_keys(compartments),
    )


def test_keys_are_given_back(store):
    sets = [key_set(), key_set(), key_set(month="2026-02"), key_set(retention="recording", compartments=("rec",))]
    store.add(sets[:2])
    store.add(sets[2:])
    for made in sets:
        for compartment, key in made.keys.items():
            assert store.get(made.id, compartment) == key
            assert len(key) == 32
    assert len({key for made in sets for key in made.keys.values()}) == 7


def test_unknown_keys_are_unavailable(store):
    made = key_set()
    store.add([made])
    for name, compartment in ((made.id, "out"), (new_id(), "who")):
        with pytest.raises(KeyUnavailable):
            store.get(name, compartment)


def test_one_compartment_is_destroyed_and_the_other_stays(store):
    made, other = key_set(), key_set()
    store.add([made, other])
    store.destroy(made.id, ["act"])
    store.destroy(made.id, ["act"])
    with pytest.raises(KeyUnavailable):
        store.get(made.id, "act")
    assert store.get(made.id, "who") == made.keys["who"]
    assert store.get(other.id, "act") == other.keys["act"]
    with pytest.raises(KeyUnavailable):
        store.destroy(new_id(), ["act"])


def test_a_month_of_one_class_is_destroyed(store):
    january, february, recording = key_set(), key_set(month="2026-02"), key_set(retention="recording")
    store.add([january, february, recording])
    assert store.destroy_month("access", "2026-01") == 1
    assert store.destroy_month("access", "2025-12") == 0
    with pytest.raises(KeyUnavailable):
        store.get(january.id, "who")
    assert store.get(february.id, "who") == february.keys["who"]
    assert store.get(recording.id, "who") == recording.keys["who"]


def test_several_are_destroyed_together_or_not_at_all(store):
    made, other = key_set(), key_set()
    store.add([made, other])
    with pytest.raises(KeyUnavailable):
        store.destroy_all({made.id: ["who"], new_id(): ["who"]})
    assert store.get(made.id, "who") == made.keys["who"]
    assert store.destroy_all({made.id: ["who", "act", "nothing"], other.id: ["act"]}) == 3
    assert store.destroy_all({made.id: ["who"], other.id: []}) == 0
    assert [found.alive for found in store.key_sets(ids=[made.id])] == [()]
    assert [found.alive for found in store.key_sets(ids=[other.id])] == [("who",)]


def test_key_sets_are_found_by_what_they_are(store):
    january, february, recording = key_set(), key_set(month="2026-02"), key_set(retention="recording")
    store.add([january, february, recording])

    def found(**conditions):
        return [one.id for one in store.key_sets(**conditions)]

    assert found() == sorted([january.id, february.id, recording.id])
    assert found(subjects=[("session", january.subject), ("consent", february.subject)]) == [january.id]
    assert found(retention="access", until="2026-01") == [january.id]
    assert found(retention="access", until="2026-02") == sorted([january.id, february.id])
    assert found(ids=[new_id()]) == found(subjects=[]) == found(until="2025-12") == []
    (one,) = store.key_sets(ids=[january.id])
    assert (one.subject_kind, one.subject, one.retention, one.month) == (
        "session",
        january.subject,
        "access",
        "2026-01",
    )
    assert (one.alive, one.holds) == (("act", "who"), ())


@pytest.mark.parametrize("by_subject", [False, True])
def test_what_is_held_is_not_destroyed(store, by_subject):
    held, free = key_set(), key_set()
    store.add([held, free])
    hold, second = new_id(), new_id()
    thing = ("session", held.subject) if by_subject else ("ks", held.id)
    assert store.hold(hold, [thing]) == 1
    assert store.hold(hold, [thing]) == 1
    for act in (
        lambda: store.destroy(held.id, ["act"]),
        lambda: store.destroy_all({free.id: ["act"], held.id: ["act"]}),
        lambda: store.destroy_month("access", "2026-01"),
    ):
        with pytest.raises(KeyHeld, match=hold) as caught:
            act()
        assert caught.value.hold == hold
    assert store.get(held.id, "act") == held.keys["act"]
    assert store.get(free.id, "act") == free.keys["act"], "nothing is done if something is held"
    assert [found.holds for found in store.key_sets(ids=[held.id])] == [(hold,)]
    store.hold(second, [("ks", held.id)])
    assert store.release(hold)
    assert not store.release(hold)
    with pytest.raises(KeyHeld, match=second):
        store.destroy(held.id, ["act"])
    assert store.holds() == {second: [("ks", held.id)]}
    assert store.release(second)
    store.destroy(held.id, ["act"])
    with pytest.raises(KeyUnavailable):
        store.get(held.id, "act")


def test_a_hold_covers_what_comes_later(store):
    first = key_set()
    store.add([first])
    hold = new_id()
    store.hold(hold, [("session", first.subject)])
    second = KeySet(
        id=new_id(),
        subject_kind="session",
        subject=first.subject,
        retention="strike",
        month="2026-01",
        keys=new_keys(["act"]),
    )
    store.add([second])
    with pytest.raises(KeyHeld, match=hold):
        store.destroy(second.id, ["act"])


def test_held_keys_outlive_their_month(store):
    held, dying, partly = key_set(), key_set(), key_set()
    store.add([held, dying, partly])
    store.destroy(partly.id, ["act"])
    hold = new_id()
    store.hold(hold, [("ks", held.id), ("session", partly.subject)])
    assert store.destroy_month("access", "2026-01", keep_held=True) == 1
    assert store.get(held.id, "act") == held.keys["act"]
    assert store.get(partly.id, "who") == partly.keys["who"]
    for gone in (dying.id, partly.id):
        with pytest.raises(KeyUnavailable):
            store.get(gone, "act")
    assert [one.id for one in store.key_sets(until="2026-01") if one.alive] == sorted([held.id, partly.id])
    with pytest.raises(KeyHeld, match=hold):
        store.destroy_all({held.id: ["who"]})
    with pytest.raises(KeyUnavailable, match="destroyed"):
        store.add([key_set()])
    store.release(hold)
    assert store.destroy_all({held.id: ["who", "act"]}) == 2
    assert store.destroy_month("access", "2026-01") == 1, "the one that was held as well"
    assert store.destroy_month("access", "2026-01") == 0
    with pytest.raises(KeyUnavailable):
        store.get(held.id, "who")


def test_a_rotation_moves_every_month_and_no_key(reopen, tmp_path):
    store, made = reopen(), [key_set(), key_set(month="2026-02")]
    store.add(made)
    old = store.root
    store.close()
    root_choice.begin_rotation(tmp_path / "keys", {"kind": "file", "file": "evidence-root-2.key"})
    for _ in range(2):
        again = reopen()
        assert again.root != old
        assert [again.get(one.id, "act") for one in made] == [one.keys["act"] for one in made]
        again.close()
    assert "previous" not in root_choice.read_choice(tmp_path / "keys"), "what is moved needs the old root no more"


_HELPER = """
import base64, json, sys
for line in sys.stdin:
    asked = json.loads(line)
    told = {"name": "bad"}
    if asked["op"] != "name":
        told = {"data": base64.b64encode(DATA).decode()}
    print(json.dumps(told), flush=True)
"""


@pytest.mark.parametrize("data", ["b'short'", "bytes(32) if asked['op'] == 'unwrap' else b'x' * 40"])
def test_a_root_that_does_not_give_back_what_it_wrapped_gets_nothing(reopen, tmp_path, data):
    """A wrong handle, a truncated answer: the old root is not given up for it, and opens all months as before."""
    store, made = reopen(), [key_set(), key_set(month="2026-02")]
    store.add(made)
    old = store.root
    store.close()
    helper, keys = tmp_path / "helper.py", tmp_path / "keys"
    helper.write_text(_HELPER.replace("DATA", data))
    root_choice.begin_rotation(keys, {"kind": "command", "argv": [sys.executable, str(helper)]})
    for _ in range(2):
        with pytest.raises(KeyUnavailable, match="give back"):
            reopen()
    assert "previous" in root_choice.read_choice(keys), "the rotation is not finished"
    root_choice.write_choice(keys, {})
    again = reopen()
    assert again.root == old
    assert [again.get(one.id, "act") for one in made] == [one.keys["act"] for one in made]
    again.close()

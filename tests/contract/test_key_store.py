"""What every key store promises, over all of them."""

from collections.abc import Iterator

import pytest

from audit.errors import KeyUnavailable
from audit.keys.file_store import FileKeyStore
from audit.keys.store import KeySet, KeyStore, MemoryKeyStore, new_keys
from config.ids import new_id


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path) -> Iterator[KeyStore]:
    made = (
        MemoryKeyStore()
        if request.param == "memory"
        else FileKeyStore.open(tmp_path / "keys.db", tmp_path / "keys", "logs.isp/1")
    )
    yield made
    made.close()


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

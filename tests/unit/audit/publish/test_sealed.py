"""Sealed objects, and the seals that name them: one for each range, in order, and an end to it."""

import base64
import hashlib
import struct

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import BadEntry, LogDamaged, Overloaded
from audit.journal import Journal
from audit.keys.memory_store import MemoryKeyStore
from audit.publish.published import Published
from audit.publish.sealed import SealedObjects, Sealer, StoredObjects, sealed_path
from audit.publish.seals import check_seals, last_erasure, last_seals, seals_in
from audit.signing.signer import MemoryState, Signer
from audit.stores.memory import MemoryEntryStore
from audit.stores.tiles_memory import MemoryTileStore
from audit.tlog.note import SigningKey
from config.clock import FakeClock


@pytest.fixture
def store():
    return MemoryEntryStore()


@pytest.fixture
def journal(store):
    """Nothing is sealed by itself."""
    key = SigningKey("logs.memory/test", bytes(32))
    made = Journal(store, MemoryKeyStore(), Signer(key, MemoryState()), FakeClock())
    yield made
    made.close()


def fill(journal, store, size):
    while store.size() < size:
        futures = [
            journal.append_later(NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"user": "alice"}, "out": {"a": 1}}))
        ]
        for future in futures:
            future.result()


def frames(data):
    found, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    assert at == len(data)
    return found


def test_an_object_is_the_ciphertext_of_its_entries(journal, store):
    fill(journal, store, 512)
    parts = {(part.index, part.compartment): part.sealed for part in store.sealed(0, 512)}
    for number in (0, 1):
        expected = []
        for row in store.entries(256 * number, 256 * number + 256):
            if b'"c":' in row.head:
                expected += [parts[row.index, "out"], parts[row.index, "who"]]
        assert frames(SealedObjects(store).get(number)) == expected
        assert len(expected) > 500


def test_what_was_erased_has_a_frame_without_bytes(journal, store):
    fill(journal, store, 256)
    before = frames(SealedObjects(store).get(0))
    store.erase([(5, "who")], [])
    after = frames(SealedObjects(store).get(0))
    assert [at for at, frame in enumerate(after) if not frame] == [
        at for at in range(len(before)) if before[at] != after[at]
    ]
    assert after.count(b"") == 1


async def test_a_recording_chunk_stands_behind_the_parts(scene):
    store = MemoryEntryStore()
    journal = scene.in_memory(store=store)
    await scene.story(journal)
    fill(journal, store, 256)
    chunks = [row.index for row in store.of_kinds([Kind.REC_CHUNK.value])]
    data = SealedObjects(store).get(0)
    sealed = [store.chunk(session, number).sealed for session, number, _ in store.chunk_places()]
    assert len(chunks) == 2
    assert all(chunk in frames(data) for chunk in sealed)
    session, number, _ = next(iter(store.chunk_places()))
    store.erase([], [(session, number)])
    assert len(frames(SealedObjects(store).get(0))) == len(frames(data))


def test_an_open_range_has_no_object(journal, store):
    fill(journal, store, 255)
    with pytest.raises(LogDamaged):
        SealedObjects(store).get(0)


def test_seals_come_in_order_and_come_to_rest(journal, store):
    fill(journal, store, 1100)
    sealer = Sealer(store)
    for _ in range(10):
        sealer.seal(store.size(), lambda entry: journal.append_later(entry).result())
    seals = [row.index for row in store.of_kinds([Kind.INTEGRITY_SEAL.value])]
    assert len(seals) == 4
    assert list(last_seals((row.index, row.head) for row in store.entries(0, 2000))) == [0, 1, 2, 3]
    size = store.size()
    Sealer(store).seal(size, lambda entry: pytest.fail("sealed twice"))


def test_a_seal_that_closes_a_range_is_sealed_too_and_no_more(journal, store):
    fill(journal, store, 767)
    sealer = Sealer(store)
    sealer.seal(store.size(), lambda entry: journal.append_later(entry).result())
    assert store.size() == 769  # the seal of range 0 closed range 2
    for _ in range(3):
        sealer.seal(store.size(), lambda entry: journal.append_later(entry).result())
    assert store.size() == 770


def test_who_goes_on_finds_the_last_seal_however_far_back(journal, store):
    fill(journal, store, 256)
    Sealer(store).seal(256, lambda entry: journal.append_later(entry).result())
    fill(journal, store, 3000)
    made = []
    other = Sealer(store)
    other.seal(store.size(), made.append)
    assert [entry.facts["from"] for entry in made] == [256 * number for number in range(1, 11)]
    made.clear()
    other.seal(store.size(), made.append)  # handed in, not yet in the log
    assert made == []


def test_a_busy_journal_is_asked_again(journal, store):
    fill(journal, store, 512)
    published = Published(sealer=Sealer(store))

    def busy(entry):
        raise Overloaded("busy")

    published.seal(512, busy)
    made = []
    published.seal(512, made.append)
    assert [entry.facts["from"] for entry in made] == [0, 256]


def test_a_seal_after_an_erasure_takes_the_place_of_the_first(journal, store):
    fill(journal, store, 256)
    objects = SealedObjects(store)
    journal.append_later(objects.seal(0)).result()
    assert check_seals(seals_in(store), objects).same == 1
    store.erase([(7, "who")], [])
    assert check_seals(seals_in(store), objects).different[0][0] == "sealed/000"
    done = journal.append_later(NewEntry(kind=Kind.ERASE_DONE)).result().index
    assert last_erasure(store) == done
    assert check_seals(seals_in(store), objects, erased=done).missing[0][0] == "sealed/000"
    journal.append_later(objects.seal(0, after=done)).result()
    check = check_seals(seals_in(store), objects, erased=done)
    assert (check.same, check.different, check.missing) == (1, [], [])
    made = []
    Sealer(store).seal(store.size(), made.append)
    assert made == []


def test_an_erasure_between_deriving_and_recording_is_noticed(journal, store):
    fill(journal, store, 256)
    sealer, handed = Sealer(store), []
    sealer.seal(256, handed.append)
    store.erase([(7, "who")], [])
    done = journal.append_later(NewEntry(kind=Kind.ERASE_DONE)).result().index
    sealer.seal(store.size(), lambda entry: pytest.fail("its seal does not stand yet"))
    journal.append_later(handed[0]).result()
    sealer.seal(store.size(), lambda entry: journal.append_later(entry).result())
    sealer.seal(store.size(), lambda entry: pytest.fail("sealed twice"))
    check = check_seals(seals_in(store), SealedObjects(store))
    assert (check.same, check.different, check.missing) == (1, [], [])
    assert seals_in(store)[0][0] == done + 2


def test_a_part_that_vanished_without_an_erasure_is_not_sealed_over(journal, store):
    fill(journal, store, 256)
    sealer = Sealer(store)
    sealer.seal(256, lambda entry: journal.append_later(entry).result())
    store.erase([(7, "who")], [])
    sealer.seal(store.size(), lambda entry: pytest.fail("sealed over"))
    assert check_seals(seals_in(store), SealedObjects(store)).different


def test_objects_beside_tiles():
    tiles = MemoryTileStore()
    tiles.put_new(sealed_path(1234), b"object")
    assert sealed_path(1234) == "sealed/x001/234"
    assert StoredObjects(tiles).get(1234) == b"object"
    digest = hashlib.sha256(b"object").digest()
    assert check_seals({1234: (9, digest)}, StoredObjects(tiles)).same == 1
    assert check_seals({1: (9, digest)}, StoredObjects(tiles)).missing == [
        ("sealed/001", "The sealed object is not there.")
    ]


@pytest.mark.parametrize(
    "facts",
    [
        '{"from":1,"sha256":"%s","to":256}',
        '{"from":0,"sha256":"%s","to":254}',
        '{"from":-256,"sha256":"%s","to":-1}',
        '{"from":0,"sha256":"AAAA","to":255}',
        '{"from":true,"sha256":"%s","to":256}',
        '{"from":0,"to":255}',
        "[]",
    ],
)
def test_a_seal_of_no_range_is_refused(facts):
    digest = base64.b64encode(bytes(32)).decode()
    head = '{"d":' + facts.replace("%s", digest) + ',"k":"integrity.seal"}'
    with pytest.raises(BadEntry):
        last_seals([(3, head.encode())])

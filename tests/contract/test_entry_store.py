"""What every entry store promises, over all of them."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.store import Batch, ChunkRow, ConsentEnd, EntryRow, EntryStore, SealedPart, SessionRow
from audit.stores.choose import open_worker
from audit.stores.memory import MemoryEntryStore
from audit.stores.sqlite import open_store
from audit.tlog.merkle import Frontier, leaf_hash


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request, tmp_path) -> Iterator[EntryStore]:
    match request.param:
        case "memory":
            made, watch = MemoryEntryStore(), None
        case "sqlite":
            made, watch = open_store(tmp_path / "log"), None
        case _:
            server = request.getfixturevalue("postgres_server")
            made, watch = open_worker(server.place(tmp_path / "addresses", server.new_log()))
    yield made
    made.close()
    if watch is not None:
        watch.stop()


def entry(index: int, session: str | None = None, consent: str | None = None) -> EntryRow:
    head = f"head {index}".encode()
    return EntryRow(index, head, leaf_hash(head), session, consent)


def frontier(size: int) -> Frontier:
    made = Frontier()
    made.extend(entry(index).leaf for index in range(size))
    return made


def test_a_new_store_is_empty(store):
    assert (store.size(), store.count(), list(store.entries(0, 10)), list(store.sessions())) == (0, 0, [], [])
    assert (store.frontier().size, store.meta("origin"), list(store.consent_ends())) == (0, None, [])
    assert (store.session("S"), store.chunk("S", 0), store.consent_end("C"), store.integrity()) == (
        None,
        None,
        None,
        [],
    )


def test_entries_are_read_back_by_index(store):
    rows = [entry(index, session="S1" if index % 2 else None, consent="C1") for index in range(300)]
    store.append(Batch(entries=rows[:1]))
    store.append(Batch(entries=rows[1:]))
    assert store.size() == store.count() == 300
    assert list(store.entries(0, 300)) == rows
    assert list(store.entries(17, 19)) == rows[17:19]
    assert list(store.entries(299, 500)) == rows[299:]
    assert list(store.entries(5, 5)) == []
    assert list(store.leaves(298, 300)) == [(298, rows[298].leaf), (299, rows[299].leaf)]


def test_chains_and_consents_are_found(store):
    rows = [entry(0), entry(1, consent="C1"), entry(2, session="S1"), entry(3, session="S2"), entry(4, session="S1")]
    store.append(Batch(entries=rows))
    assert list(store.session_entries("S1")) == [rows[2], rows[4]]
    assert list(store.consent_entries("C1")) == [rows[1]]
    assert list(store.session_entries("S3")) == list(store.consent_entries("C2")) == []


def test_sealed_parts_and_chunks(store):
    parts = [
        SealedPart(0, "act", "K1", b"a"),
        SealedPart(0, "who", "K1", b"w"),
        SealedPart(2, "act", "K1", b"b" * 9000),
    ]
    chunks = [ChunkRow("S1", number, number, bytes([number]) * 70_000) for number in range(3)]
    store.append(Batch(entries=[entry(index) for index in range(3)], sealed=parts[::-1], chunks=chunks))
    assert list(store.sealed(0, 3)) == parts
    assert list(store.sealed(1, 2)) == []
    assert store.chunk("S1", 1) == chunks[1]
    assert store.chunk("S1", 3) is store.chunk("S2", 0) is None
    assert list(store.chunk_places()) == [("S1", 0, 0), ("S1", 1, 1), ("S1", 2, 2)]


def test_derived_rows_are_replaced(store):
    store.append(
        Batch(
            sessions=[SessionRow("S1", "open", "C1", 0), SessionRow("S0", "closed", None, 4)],
            consent_ends=[ConsentEnd("C1", "used_up", 3)],
            meta={"origin": "a", "checkpoint": "one"},
        )
    )
    store.append(
        Batch(
            sessions=[SessionRow("S1", "killed", "C1", 0)],
            consent_ends=[ConsentEnd("C1", "revoked", 7)],
            meta={"checkpoint": "two"},
        )
    )
    assert list(store.sessions()) == [SessionRow("S1", "killed", "C1", 0), SessionRow("S0", "closed", None, 4)]
    assert list(store.sessions(only_unclosed=True)) == [SessionRow("S1", "killed", "C1", 0)]
    assert store.session("S0") == SessionRow("S0", "closed", None, 4)
    assert store.consent_end("C1") == ConsentEnd("C1", "revoked", 7)
    assert list(store.consent_ends()) == [ConsentEnd("C1", "revoked", 7)]
    assert (store.meta("origin"), store.meta("checkpoint")) == ("a", "two")


def test_the_frontier_is_kept(store):
    for size in (1, 2, 3, 7, 8, 100):
        store.append(Batch(entries=[entry(index) for index in range(store.size(), size)], frontier=frontier(size)))
        assert store.frontier().nodes == frontier(size).nodes
        assert store.frontier().size == size
    store.append(Batch(meta={"x": "y"}))
    assert store.frontier().size == 100


def test_a_stored_frontier_is_a_copy(store):
    growing = frontier(3)
    store.append(Batch(entries=[entry(index) for index in range(3)], frontier=growing))
    growing.append(leaf_hash(b"later"))
    assert store.frontier().size == 3


@pytest.mark.parametrize("indexes", [(1,), (0, 2), (0, 0), (0, 1, 3), (-1, 0)])
def test_indexes_are_dense_or_nothing_is_stored(store, indexes):
    with pytest.raises(ValueError, match="does not follow"):
        store.append(Batch(entries=[entry(index) for index in indexes], meta={"x": "y"}))
    assert (store.size(), store.meta("x")) == (0, None)
    store.append(Batch(entries=[entry(0)]))
    with pytest.raises(ValueError, match="does not follow"):
        store.append(Batch(entries=[entry(0)]))


@given(st.lists(st.integers(0, 200), min_size=1, max_size=5))
def test_any_division_into_batches_gives_the_same_log(tmp_path_factory, widths):
    total = sum(widths)
    for made in (MemoryEntryStore(), open_store(tmp_path_factory.mktemp("log"))):
        at = 0
        for width in widths:
            made.append(Batch(entries=[entry(index) for index in range(at, at + width)], frontier=frontier(at + width)))
            at += width
        assert [row.index for row in made.entries(0, total)] == list(range(total))
        assert made.frontier().root() == frontier(total).root()
        made.tidy()
        made.close()


def test_tidying_changes_nothing(store):
    for index in itertools.count():
        store.append(Batch(entries=[entry(index)], sealed=[SealedPart(index, "act", "K", bytes(60_000))]))
        store.tidy()
        if index == 100:
            break
    assert store.count() == 101
    assert len(list(store.sealed(0, 200))) == 101


def marked(index: int, kind: str) -> EntryRow:
    head = f'{{"d":{{}},"k":"{kind}","x":{index}}}'.encode()
    return EntryRow(index, head, leaf_hash(head))


def test_entries_are_found_by_kind(store):
    rows = [marked(0, "log.start"), marked(1, "erase.done"), marked(2, "hold.set"), marked(3, "erase.done")]
    store.append(Batch(entries=rows))
    assert list(store.of_kinds(["erase.done"])) == [rows[1], rows[3]]
    assert list(store.of_kinds(["hold.set", "erase.done"])) == rows[1:]
    assert list(store.of_kinds([])) == []


def test_ciphertext_is_erased_and_the_rest_stays(store):
    rows = [entry(index, session="S") for index in range(4)]
    parts = [SealedPart(index, name, f"K{index % 2}", b"ct") for index in range(4) for name in ("act", "who")]
    store.append(Batch(entries=rows, sealed=parts, chunks=[ChunkRow("S", 0, 3, b"a"), ChunkRow("S", 1, 3, b"b")]))
    doomed = [(1, "act"), (3, "act")]
    assert store.erase(doomed, [("S", 0), ("T", 9)]) == 3
    assert store.erase(doomed, [("S", 0)]) == 0
    assert store.scrub()
    assert [part for part in parts if (part.index, part.compartment) not in doomed] == list(store.sealed(0, 4))
    assert store.chunk("S", 0) is None
    assert store.chunk("S", 1) is not None
    assert list(store.entries(0, 4)) == rows

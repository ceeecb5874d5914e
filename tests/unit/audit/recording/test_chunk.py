"""`audit.recording.chunk`: frames there and back, and what a frame cannot do."""

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from audit.leaf import check_facts
from audit.recording.cast import Event, Header, parse_v3
from audit.recording.chunk import CHAIN_START, LARGEST, ChunkFacts, EndFacts, extend_chain, pack, unpack, unpack_bytes
from audit.recording.errors import BadRecording

HEADER = Header(80, 24)


@given(st.lists(st.text(), max_size=5))
def test_packed_and_unpacked(texts):
    frame, lines = pack(HEADER, [Event(5, "o", text) for text in texts], 0)
    assert unpack_bytes(frame, len(lines)) == lines
    shown = [item.data for item in parse_v3(unpack(frame, len(lines))).items]
    assert shown == [text.encode("utf-8", "replace").decode() for text in texts]


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_frame_of_another_length_is_refused(wrong):
    frame, lines = pack(HEADER, [], 0)
    with pytest.raises(BadRecording, match="another length"):
        unpack(frame, len(lines) + wrong)


def test_a_frame_cannot_take_more_memory_than_its_entry_says():
    bomb = zstandard.ZstdCompressor().compress(bytes(LARGEST + 1))
    for size in (10, LARGEST + 1):
        with pytest.raises(BadRecording, match="another length"):
            unpack(bomb, size)


@pytest.mark.parametrize("frame", [b"", b"no frame", b"\x28\xb5\x2f\xfd\x20\x05garbage"])
def test_garbage_is_refused(frame):
    with pytest.raises(BadRecording):
        unpack(frame, 5)


def test_what_is_no_utf8_is_refused():
    with pytest.raises(BadRecording, match="not UTF-8"):
        unpack(zstandard.ZstdCompressor().compress(b"\xff\xff"), 2)


def test_facts_there_and_back_and_fit_for_a_head():
    facts = ChunkFacts(3, 2_000_000, 4_100_000, 65_536)
    assert ChunkFacts.parse({**check_facts(facts.facts()), "cd": "digest"}) == facts
    end = EndFacts(4, extend_chain(CHAIN_START, bytes(32)))
    assert EndFacts.parse(check_facts(end.facts())) == end


@pytest.mark.parametrize(
    "change", [{"no": None}, {"no": -1}, {"no": "1"}, {"no": True}, {"t1": 1}, {"bytes": LARGEST + 1}, {"t0": -5}]
)
def test_chunk_facts_that_cannot_be_are_refused(change):
    with pytest.raises(BadRecording):
        ChunkFacts.parse({**ChunkFacts(1, 2, 3, 4).facts(), **change})


@pytest.mark.parametrize("change", [{"chunks": -1}, {"chunks": True}, {"chain": "AAAA"}, {"chain": "~"}, {"chain": 5}])
def test_end_facts_that_cannot_be_are_refused(change):
    with pytest.raises(BadRecording):
        EndFacts.parse({**EndFacts(1, CHAIN_START).facts(), **change})


def test_the_chain_depends_on_every_leaf_and_on_their_order():
    a, b = b"a" * 32, b"b" * 32
    ends = {extend_chain(extend_chain(CHAIN_START, x), y) for x in (a, b) for y in (a, b)}
    assert len(ends) == 4

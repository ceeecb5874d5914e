"""`audit.recording.recorder`: what a session showed becomes durable in order, or the session learns that it did not."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import Kind
from audit.errors import Overloaded, RecordFailed, RecordRefused
from audit.recording.cast import Cast, Event, parse_events, parse_v3
from audit.recording.chunk import CHAIN_START, ChunkFacts, EndFacts, extend_chain, unpack
from audit.recording.fakes import MemoryEvidence
from audit.recording.recorder import Limits, Recorder
from config.clock import FakeClock

SESSION = "01JD000000000000000000000A"
CONSENT = "01JD000000000000000000000B"
NEVER = 1e6


@pytest.fixture
def journal(clock) -> MemoryEvidence:
    return MemoryEvidence(clock)


def recorder(journal, clock, **options) -> Recorder:
    options.setdefault("limits", Limits(chunk_seconds=NEVER))
    return Recorder(journal, SESSION, CONSENT, clock, 80, 24, **options)


def chunks(journal) -> list[ChunkFacts]:
    return [ChunkFacts.parse(entry.facts) for entry in journal.session(SESSION) if entry.kind is Kind.REC_CHUNK]


def recorded(journal) -> Cast:
    """All chunks unpacked and joined: one asciicast v3 file."""
    return parse_v3("".join(unpack(journal.chunk(SESSION, facts.no), facts.size) for facts in chunks(journal)))


def items_of(journal, no: int) -> list[Event]:
    """The events of one chunk."""
    text = unpack(journal.chunk(SESSION, no), chunks(journal)[no].size)
    return [item for item in parse_events(text.partition("\n")[2] if no == 0 else text, 0) if isinstance(item, Event)]


def shown(cast: Cast) -> str:
    return "".join(event.data for event in cast.items if isinstance(event, Event) and event.code == "o")


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_session_is_one_asciicast(journal, clock):
    it = recorder(journal, clock)
    it.output("Router# ")
    clock.advance(1.5)
    it.command(4, "show version", "allow")
    clock.advance(0.25)
    it.output("IOS XE\r\n")
    it.resize(100, 30)
    await it.close(exit_status=0)
    cast = recorded(journal)
    assert (cast.header.width, cast.header.height) == (80, 24)
    assert cast.header.timestamp == 1_767_268_800
    assert cast.items == (
        Event(0, "o", "Router# "),
        Event(1_500_000, "m", "cmd 4 allow"),
        Event(1_500_000, "i", "show version"),
        Event(1_750_000, "o", "IOS XE\r\n"),
        Event(1_750_000, "r", "100x30"),
        Event(1_750_000, "x", "0"),
    )


def without_repeated_sizes(cast: Cast) -> Iterator[Event]:
    """The events, but for sizes that chunks say again at their beginning."""
    size = f"{cast.header.width}x{cast.header.height}"
    for event in cast.items:
        if isinstance(event, Event) and (event.code, event.data) != ("r", size):
            size = event.data if event.code == "r" else size
            yield event


async def test_a_chunk_at_another_size_says_so_first(journal, clock):
    it = recorder(journal, clock, limits=Limits(chunk_bytes=100, chunk_seconds=NEVER))
    for width in (80, 100, 100, 80):
        it.resize(width, 24)
        it.output("x" * 100)
    it.output("y" * 100)
    await it.close()
    items = [[(item.code, item.data[:6]) for item in items_of(journal, no)] for no in range(5)]
    assert items == [
        [("o", "xxxxxx")],
        [("r", "100x24"), ("o", "xxxxxx")],
        [("r", "100x24"), ("o", "xxxxxx")],
        [("r", "80x24"), ("o", "xxxxxx")],
        [("o", "yyyyyy")],
    ], "and one that is unchanged says nothing"


@pytest.mark.parametrize(
    ("told", "kept"), [((0, 0), "1x1"), ((2**32 - 1, 2**32 - 1), "1000x500"), ((1000, 500), "1000x500")]
)
async def test_a_size_that_no_terminal_has_is_bounded(journal, clock, told, kept):
    it = Recorder(journal, SESSION, CONSENT, clock, *told)
    it.output("a")
    it.resize(80, 24)
    it.resize(*told)
    await it.close()
    cast = recorded(journal)
    assert f"{cast.header.width}x{cast.header.height}" == kept
    assert [item.data for item in cast.items if item.code == "r"] == ["80x24", kept]


async def test_line_ends_are_those_of_a_terminal(journal, clock):
    it = recorder(journal, clock)
    it.output("a\nb\r\nc\rd\n")
    await it.close()
    assert shown(recorded(journal)) == "a\r\nb\r\nc\rd\r\n"


async def test_a_marker_may_name_the_entry(journal, clock):
    it = recorder(journal, clock)
    it.command(4, "show version", "allow", entry_index=99)
    await it.close()
    assert recorded(journal).items == (Event(0, "m", "cmd 4 allow entry 99"), Event(0, "i", "show version"))


async def test_entries_name_session_consent_and_class(journal, clock):
    entries = []

    class Listening(MemoryEvidence):
        async def append(self, entry):
            entries.append(entry)
            return await super().append(entry)

        async def append_chunk(self, entry, frame, lines):
            entries.append(entry)
            return await super().append_chunk(entry, frame, lines)

    it = recorder(Listening(clock), clock)
    it.output("secret output")
    await it.close()
    assert [entry.kind for entry in entries] == [Kind.REC_CHUNK, Kind.REC_END]
    assert {(e.session, e.consent_ref, e.retention, len(e.sealed)) for e in entries} == {
        (SESSION, CONSENT, "recording", 0)
    }
    assert "secret" not in repr(entries)


async def test_a_chunk_is_cut_by_size(journal, clock):
    it = recorder(journal, clock)
    line = "x" * 1000
    for _ in range(200):
        it.output(line)
        clock.advance(0.001)
        await it.ready()
    await it.close()
    sizes = [facts.size for facts in chunks(journal)]
    assert len(sizes) == 4
    assert all(60_000 < size < 70_000 for size in sizes[:-1])
    assert shown(recorded(journal)) == line * 200


async def test_a_chunk_is_cut_by_time(journal, clock):
    it = recorder(journal, clock, limits=Limits(chunk_seconds=0.01))
    it.output("a")
    while not journal.entries:
        await asyncio.sleep(0.005)
    it.output("b")
    while len(journal.entries) < 2:
        await asyncio.sleep(0.005)
    assert shown(recorded(journal)) == "ab"


async def test_single_bytes_fill_a_chunk_too(journal, clock):
    it = recorder(journal, clock)
    for _ in range(10_000):
        it.output("x")
    await it.close()
    assert len(chunks(journal)) >= 4


async def test_one_huge_output_is_cut_into_bounded_chunks(journal, clock):
    it = recorder(journal, clock)
    text = "\x1b[0mé" * 100_000
    it.output(text)
    await it.close()
    assert shown(recorded(journal)) == text
    assert max(facts.size for facts in chunks(journal)) < 1_000_000


async def test_chunks_join_in_time(journal, clock):
    it = recorder(journal, clock, limits=Limits(chunk_bytes=1, chunk_seconds=NEVER))
    for _ in range(5):
        clock.advance(0.7)
        it.output("x")
    await it.close()
    facts = chunks(journal)
    assert [f.no for f in facts] == list(range(5))
    assert [f.t0 for f in facts] == [0, *(f.t1 for f in facts[:-1])]
    assert facts[-1].t1 == 3_500_000


async def test_the_end_counts_and_chains_the_chunks(journal, clock):
    it = recorder(journal, clock, limits=Limits(chunk_bytes=1, chunk_seconds=NEVER))
    for _ in range(3):
        it.output("x")
    await it.close()
    await it.close()
    *parts, end = journal.session(SESSION)
    chain = CHAIN_START
    for part in parts:
        chain = extend_chain(chain, part.leaf_hash)
    assert end.kind is Kind.REC_END
    assert EndFacts.parse(end.facts) == EndFacts(3, chain)


async def test_a_session_without_output_has_an_end_and_no_chunk(journal, clock):
    it = recorder(journal, clock)
    await it.close()
    (end,) = journal.session(SESSION)
    assert EndFacts.parse(end.facts) == EndFacts(0, CHAIN_START)


# --- back-pressure ----------------------------------------------------------------------------------------------------


async def test_ready_holds_back_a_session_that_is_far_ahead(journal, clock):
    journal.go_on = asyncio.Event()
    it = recorder(journal, clock)
    it.output("x" * 250_000)
    await it.ready()
    it.output("x" * 50_000)
    waiting = asyncio.ensure_future(it.ready())
    await settled()
    assert not waiting.done()
    journal.go_on.set()
    await waiting
    await it.close()
    assert len(shown(recorded(journal))) == 300_000


async def test_ready_holds_back_by_time_and_sees_to_the_writing(journal, clock):
    it = recorder(journal, clock)
    it.output("x")
    clock.advance(5)
    await it.ready()
    assert not journal.entries
    clock.advance(0.1)
    await it.ready()
    assert len(journal.entries) == 1


async def test_what_waits_goes_out_together_in_order(journal, clock):
    journal.go_on = asyncio.Event()
    it = recorder(journal, clock, limits=Limits(chunk_bytes=1, chunk_seconds=NEVER))
    for text in "abcd":
        it.output(text)
        await settled()
    journal.go_on.set()
    await it.close()
    assert [f.no for f in chunks(journal)] == [0, 1, 2, 3]
    assert shown(recorded(journal)) == "abcd"


async def test_ready_stays_bounded_while_a_session_pours(journal, clock):
    it = recorder(journal, clock)
    for _ in range(100):
        it.output("y" * 40_000)
        await it.ready()
        assert it._ahead <= Limits().ahead_bytes
    await it.close()
    assert len(shown(recorded(journal))) == 4_000_000


async def test_nothing_runs_while_a_session_is_idle(journal, clock):
    it = recorder(journal, clock)
    it.output("x")
    await it.close()
    other = recorder(journal, clock)
    assert other._writer is None
    assert other._timer is None
    assert it._writer is None
    assert it._timer is None


# --- failure ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [RecordFailed("The disk is full."), Overloaded("The queue is full."), RecordRefused("killed"), OSError(5)],
)
async def test_a_failed_chunk_is_told_at_once_and_ever_after(journal, clock, failure):
    told = []
    it = recorder(journal, clock, on_failure=told.append, limits=Limits(chunk_bytes=1, chunk_seconds=NEVER))
    journal.failure = failure
    it.output("x")
    await settled()
    assert len(told) == 1
    assert isinstance(told[0], RecordFailed)
    journal.failure = None
    for call in (lambda: it.output("y"), lambda: it.command(1, "a", "allow"), lambda: it.resize(1, 1)):
        with pytest.raises(RecordFailed):
            call()
    for _ in range(2):
        with pytest.raises(RecordFailed):
            await it.ready()
        with pytest.raises(RecordFailed):
            await it.close()
    assert not journal.entries
    assert len(told) == 1


async def test_a_failure_wakes_who_waits(journal, clock):
    journal.go_on = asyncio.Event()
    it = recorder(journal, clock)
    it.output("x" * 300_000)
    waiting = asyncio.ensure_future(it.ready())
    await settled()
    journal.failure = RecordFailed("The disk is full.")
    journal.go_on.set()
    with pytest.raises(RecordFailed, match="disk is full"):
        await waiting


async def test_a_failure_in_the_last_chunk_is_raised_by_close(journal, clock):
    it = recorder(journal, clock)
    it.output("x")
    journal.failure = RecordFailed("The disk is full.")
    with pytest.raises(RecordFailed, match="disk is full"):
        await it.close()


async def test_a_failure_of_the_end_entry_is_raised_by_close(journal, clock):
    it = recorder(journal, clock)
    journal.failure = OSError(28)
    with pytest.raises(RecordFailed) as raised:
        await it.close()
    assert isinstance(raised.value.__cause__, OSError)


async def test_a_broken_off_close_still_finishes_the_chunk(journal, clock):
    journal.go_on = asyncio.Event()
    it = recorder(journal, clock)
    it.output("x")
    closing = asyncio.ensure_future(it.close())
    await settled()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    journal.go_on.set()
    await it.close()
    assert shown(recorded(journal)) == "x"
    assert journal.session(SESSION)[-1].kind is Kind.REC_END


async def test_a_cancelled_writer_fails_the_recording(journal, clock):
    journal.go_on = asyncio.Event()
    it = recorder(journal, clock, limits=Limits(chunk_bytes=1, chunk_seconds=NEVER))
    it.output("x")
    await settled()
    it._writer.cancel()
    await settled()
    with pytest.raises(RecordFailed, match="broken off"):
        it.output("y")


async def test_after_close_nothing_more_is_recorded(journal, clock):
    it = recorder(journal, clock)
    await it.close()
    with pytest.raises(RecordFailed, match="closed"):
        it.output("late")
    with pytest.raises(RecordFailed, match="closed"):
        await it.ready()


# --- any course -------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.floats(0, 3), st.text(max_size=50), st.sampled_from("ocrb")), max_size=30),
    st.integers(1, 400),
)
async def test_whatever_happens_all_of_it_is_there_in_order_and_on_time(course, chunk_bytes):
    clock = FakeClock()
    journal = MemoryEvidence(clock)
    it = recorder(journal, clock, limits=Limits(chunk_bytes=chunk_bytes, chunk_seconds=NEVER))
    expected, at, size = [], 0, "80x24"
    for seconds, text, what in course:
        clock.advance(seconds)
        at = clock.monotonic_ns() // 1000
        match what:
            case "o":
                it.output(text)
                lines = text.replace("\r\n", "\n").replace("\n", "\r\n")
                expected += [Event(at, "o", lines)] if text else []
            case "c":
                it.command(3, text, "allow")
                expected += [Event(at, "m", "cmd 3 allow"), Event(at, "i", text)]
            case "r" | "b":
                before, size = size, "90x30" if what == "r" else "80x24"
                it.resize(*map(int, size.split("x")))
                expected += [Event(at, "r", size)] if size != before else []
        await it.ready()
    await it.close()
    if expected:
        assert list(without_repeated_sizes(recorded(journal))) == expected

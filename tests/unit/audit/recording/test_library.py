"""`audit.recording.library`: what was recorded comes back, and what is missing is shown. Also with the real journal."""

import asyncio
import sqlite3
from dataclasses import replace

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import RecordFailed
from audit.journal import Journal
from audit.reader import EvidenceReader
from audit.recording.cast import CommandMark, Event
from audit.recording.chunk import EndFacts
from audit.recording.errors import BadRecording
from audit.recording.fakes import MemoryEvidence
from audit.recording.library import Gap, RecordedLine, read_recording
from audit.recording.recorder import Limits, Recorder
from config.ids import new_id

SESSION = "01JD000000000000000000000A"


@pytest.fixture
def evidence(clock) -> MemoryEvidence:
    return MemoryEvidence(clock)


@pytest.fixture
def record(evidence, clock):
    """Records three commands, one chunk each, one second apart; then ends as told."""

    async def run(*, end: bool = True, closed: bool = True) -> None:
        await evidence.append(NewEntry(kind=Kind.SESSION_OPENED, session=SESSION))
        it = Recorder(evidence, SESSION, None, clock, 100, 30, limits=Limits(chunk_bytes=150, chunk_seconds=1e6))
        for number in range(3):
            intent = await evidence.append(NewEntry(kind=Kind.CMD_INTENT, session=SESSION))
            it.command(intent.n, f"show {number}", "allow")
            it.output(f"answer {number} " + "." * 100 + "\n")
            await _written(it)
            clock.advance(1)
        if end:
            await it.close()
        if closed:
            await evidence.append(NewEntry(kind=Kind.SESSION_CLOSED, session=SESSION))

    return run


async def _written(it: Recorder) -> None:
    while it._writer is not None:
        await it._writer


def events(moments, code="o"):
    return [moment.data for moment in moments if isinstance(moment, Event) and moment.code == code]


async def test_a_whole_recording_comes_back_without_gaps(evidence, record):
    await record()
    recording = read_recording(evidence, SESSION)
    assert (recording.header.width, recording.header.height, recording.live) == (100, 30, False)
    assert recording.duration == 2_000_000
    assert recording.gaps() == []
    assert "".join(events(recording.moments())).count("answer") == 3


async def test_markers_name_the_entries_of_their_commands(evidence, record):
    await record()
    lines = list(read_recording(evidence, SESSION).lines())
    intents = [entry for entry in evidence.session(SESSION) if entry.kind is Kind.CMD_INTENT]
    assert lines == [
        RecordedLine(number * 1_000_000, CommandMark(entry.n, "allow", entry.index), f"show {number}")
        for number, entry in enumerate(intents)
    ]


async def test_seeking_opens_only_the_chunks_that_are_needed(evidence, record):
    await record()
    recording = read_recording(evidence, SESSION)
    opened = []
    original = evidence.chunk
    evidence.chunk = lambda session, no: opened.append(no) or original(session, no)
    assert "answer 2" in "".join(events(recording.moments(1_500_000)))
    assert opened == [2]


@pytest.mark.parametrize(
    ("stored", "kind", "why"),
    [
        (None, "closed", "key of the chunk is gone"),
        (b"changed", "damaged", "not the one that the log names"),
        (b"not a frame", "damaged", "cannot be unpacked"),
    ],
)
async def test_a_chunk_that_cannot_be_opened_is_a_gap_between_its_neighbours(evidence, record, stored, kind, why):
    await record()
    if stored is None:
        del evidence.chunks[SESSION, 1]
    else:
        evidence.chunks[SESSION, 1] = stored
    recording = read_recording(evidence, SESSION)
    (gap,) = recording.gaps()
    assert (gap.at, gap.until, gap.kind) == (0, 1_000_000, kind)
    assert "Chunk 1" in gap.why
    assert why in gap.why
    text = "".join(events(recording.moments()))
    assert ("answer 0" in text, "answer 1" in text, "answer 2" in text) == (True, False, True)


async def test_a_chunk_that_was_erased_names_its_erasure(evidence, record):
    await record()
    chunk = [entry for entry in evidence.session(SESSION) if entry.kind is Kind.REC_CHUNK][1]
    del evidence.chunks[SESSION, 1]
    evidence.erased[chunk.index] = 57
    (gap,) = read_recording(evidence, SESSION).gaps()
    assert (gap.kind, gap.why) == ("closed", f"Chunk 1 (entry {chunk.index}) was erased by entry 57.")
    evidence.chunks[SESSION, 1] = b"changed"
    (gap,) = read_recording(evidence, SESSION).gaps()
    assert gap.kind == "damaged", "an erasure excuses no change"


async def test_another_chunk_in_its_place_is_a_gap(evidence, record):
    await record()
    evidence.chunks[SESSION, 2] = evidence.chunks[SESSION, 0]
    (gap,) = read_recording(evidence, SESSION).gaps()
    assert (gap.at, gap.kind) == (1_000_000, "damaged")


async def test_without_its_first_chunk_the_rest_is_still_shown(evidence, record):
    await record()
    del evidence.chunks[SESSION, 0]
    recording = read_recording(evidence, SESSION)
    assert (recording.header.width, recording.header.height) == (80, 24)
    assert isinstance(next(recording.moments()), Gap)
    assert "answer 1" in "".join(events(recording.moments()))


async def test_a_chunk_entry_that_is_not_in_the_log_is_a_gap(evidence, record):
    await record()
    (hole,) = [pair for pair in evidence.entries if pair[1].facts.get("no") == 1]
    evidence.entries.remove(hole)
    gaps = read_recording(evidence, SESSION).gaps()
    assert [(gap.at, gap.until, gap.kind) for gap in gaps] == [(0, 1_000_000, "missing"), (2_000_000, None, "missing")]
    assert "names 3 chunks; the log holds 2" in gaps[1].why


async def test_a_changed_end_is_a_gap(evidence, record):
    await record()
    position, (session, end) = next((i, p) for i, p in enumerate(evidence.entries) if p[1].kind is Kind.REC_END)
    evidence.entries[position] = (session, replace(end, facts=EndFacts(3, bytes(32)).facts()))
    assert [gap.kind for gap in read_recording(evidence, SESSION).gaps()] == ["missing"]


async def test_after_a_crash_the_missing_tail_is_reported(evidence, record):
    await record(end=False)
    recording = read_recording(evidence, SESSION)
    (gap,) = recording.gaps()
    assert (gap.at, gap.until, gap.kind, recording.live) == (2_000_000, None, "unfinished", False)
    assert "breaks off" in gap.why
    assert list(recording.moments())[-1] == gap


async def test_a_session_without_an_end_is_said_to_be_live(evidence, record):
    await record(end=False, closed=False)
    recording = read_recording(evidence, SESSION)
    assert recording.live
    assert "still running" in recording.gaps()[0].why


async def test_a_session_that_showed_nothing_is_an_empty_recording(evidence, clock):
    await Recorder(evidence, SESSION, None, clock, 80, 24).close()
    recording = read_recording(evidence, SESSION)
    assert list(recording.moments()) == []
    assert recording.duration == 0


async def test_what_is_not_there_is_said(evidence):
    with pytest.raises(BadRecording, match="no session"):
        read_recording(evidence, SESSION)
    await evidence.append(NewEntry(kind=Kind.SESSION_REFUSED, session=SESSION))
    with pytest.raises(BadRecording, match="no recording"):
        read_recording(evidence, SESSION)


# --- with the real journal --------------------------------------------------------------------------------------------


@pytest.fixture
def journal_in(tmp_path, clock):
    """Opens the journal of this test's directory, again after it was closed."""
    (tmp_path / "keys").mkdir(mode=0o700, exist_ok=True)
    opened = []

    def open_it() -> Journal:
        opened.append(Journal.open(tmp_path / "log", keys_dir=tmp_path / "keys", origin="logs.test/one", clock=clock))
        return opened[-1]

    yield open_it
    for journal in opened:
        journal.close()


@pytest.fixture
def reading(tmp_path):
    """Reads the evidence as an auditor does: from the files."""
    readers = []

    def read(session: str):
        readers.append(EvidenceReader.open(tmp_path / "log", tmp_path / "keys"))
        return read_recording(readers[-1], session)

    yield read
    for reader in readers:
        reader.close()


async def start(journal: Journal, clock, **limits) -> tuple[str, Recorder]:
    session, consent = new_id(), new_id()
    await journal.append(NewEntry(kind=Kind.SESSION_OPENED, session=session, consent_ref=consent))
    return session, Recorder(journal, session, consent, clock, 80, 24, limits=Limits(chunk_seconds=1e6, **limits))


async def three_chunks(journal: Journal, clock) -> tuple[str, Recorder]:
    session, it = await start(journal, clock, chunk_bytes=1000)
    for number in range(3):
        it.output(f"answer {number} " + "." * 1000)
        clock.advance(1)
        await _written(it)
    return session, it


async def test_a_recording_goes_through_the_real_journal(journal_in, reading, clock):
    journal = journal_in()
    session, it = await three_chunks(journal, clock)
    await it.close(exit_status=0)
    await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session))
    recording = reading(session)
    assert recording.gaps() == []
    assert not recording.live
    assert "".join(events(recording.moments())).count("answer") == 3
    assert events(recording.moments(), "x") == ["0"]


async def test_nothing_of_it_stands_in_the_files_unsealed(journal_in, clock, tmp_path):
    journal = journal_in()
    _, it = await start(journal, clock)
    it.command(1, "show seeded-secret", "allow")
    it.output("seeded-secret")
    await it.close()
    journal.close()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"seeded-secret" not in path.read_bytes()


async def test_many_sessions_record_at_once(journal_in, reading, clock):
    journal = journal_in()
    started = [await start(journal, clock, chunk_bytes=5000) for _ in range(20)]

    async def work(number: int, it: Recorder) -> None:
        for line in range(50):
            it.output(f"session {number} line {line} " + "x" * 500 + "\n")
            await it.ready()
        await it.close()

    await asyncio.gather(*(work(number, it) for number, (_, it) in enumerate(started)))
    for number, (session, _) in enumerate(started):
        recording = reading(session)
        text = "".join(events(recording.moments()))
        assert recording.gaps() == []
        assert [line.split(" x")[0] for line in text.splitlines()] == [f"session {number} line {n}" for n in range(50)]


async def test_after_a_crash_what_was_durable_is_there_and_the_rest_is_said_to_be_lost(journal_in, reading, clock):
    journal = journal_in()
    session, it = await three_chunks(journal, clock)
    it.output("never durable")
    assert reading(session).live
    journal.close()  # without an end of recording or session: what a killed gateway leaves
    journal_in()
    recording = reading(session)
    assert [gap.kind for gap in recording.gaps()] == ["unfinished"]
    assert not recording.live
    text = "".join(events(recording.moments()))
    assert "answer 2" in text
    assert "never durable" not in text


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("UPDATE chunk SET ct = zeroblob(length(ct)) WHERE no = 1", ["damaged"]),
        ("UPDATE chunk SET ct = (SELECT ct FROM chunk WHERE no = 2) WHERE no = 1", ["damaged"]),
        ("DELETE FROM chunk WHERE no = 1", ["closed"]),
        ("DELETE FROM chunk", ["closed"] * 3),
    ],
)
async def test_tampering_with_stored_chunks_is_seen(journal_in, reading, clock, tmp_path, change, kinds):
    journal = journal_in()
    session, it = await three_chunks(journal, clock)
    await it.close()
    journal.close()
    database = sqlite3.connect(tmp_path / "log" / "audit.db")
    with database:
        changed = database.execute(change).rowcount
    database.close()
    assert changed >= 1
    recording = reading(session)
    assert [gap.kind for gap in recording.gaps()] == kinds
    assert (recording.header.width, recording.header.height) == (80, 24)


async def test_without_keys_every_chunk_is_a_gap_and_nothing_is_hidden(journal_in, clock, tmp_path):
    journal = journal_in()
    session, it = await three_chunks(journal, clock)
    await it.close()
    reader = EvidenceReader.open(tmp_path / "log")
    recording = read_recording(reader, session)
    assert [(gap.kind, gap.until) for gap in recording.gaps()] == [
        ("closed", 0),
        ("closed", 1_000_000),
        ("closed", 2_000_000),
    ]
    reader.close()


async def test_a_journal_that_stopped_fails_the_recording(journal_in, clock):
    journal = journal_in()
    _, it = await start(journal, clock)
    it.output("x")
    journal.close()
    with pytest.raises(RecordFailed):
        await it.close()

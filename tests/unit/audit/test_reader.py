"""Reading beside the writer, with and without keys, and what cannot be opened."""

import sqlite3

import pytest
import zstandard

from audit.entry import Kind, NewEntry
from audit.errors import KeyUnavailable, LogDamaged, LogMissing, SealBroken
from audit.reader import EvidenceReader
from config.ids import new_id


async def test_a_reader_beside_the_writer_follows(scene):
    journal = scene.open()
    reader = EvidenceReader.open(scene.directory, scene.keys_dir)
    before = reader.size
    session, _ = await scene.story(journal, close=False)
    assert reader.size > before
    assert reader.sessions()[0].state == "open"
    await scene.close(journal, session)
    assert reader.sessions()[0].state == "closed"
    assert zstandard.decompress(reader.chunk(session, 1)) == b"second chunk"
    assert [entry.index for entry in reader.entries(2, 5)] == [2, 3, 4]
    assert reader.entry(3).ref == "#3"
    await journal.checkpoint()
    assert reader.checkpoint().startswith(journal.origin.encode())
    reader.close()


async def test_without_keys_heads_can_be_read_and_parts_not(scene):
    journal = scene.open()
    session, _ = await scene.story(journal)
    reader = EvidenceReader.open(scene.directory)
    index = reader.session(session)[0].index
    assert reader.compartments(index) == ["subj", "who"]
    for call in (lambda: reader.sealed(index, "who"), lambda: reader.chunk(session, 0)):
        with pytest.raises(KeyUnavailable, match="without its keys"):
            call()
    reader.close()


async def test_what_is_not_there(scene, tmp_path):
    with pytest.raises(LogMissing):
        EvidenceReader.open(tmp_path)
    journal = scene.open()
    session, _ = await scene.story(journal)
    reader = journal.reader()
    assert reader.session(new_id()) == reader.consent(new_id()) == []
    with pytest.raises(LogDamaged, match="no entry 999"):
        reader.entry(999)
    with pytest.raises(KeyUnavailable, match="'out'"):
        reader.sealed(reader.session(session)[0].index, "out")
    with pytest.raises(KeyUnavailable, match="chunk 2"):
        reader.chunk(session, 2)
    reader.close()


async def test_damage_is_told_from_lost_keys(scene):
    journal = scene.open()
    session, _ = await scene.story(journal)
    journal.close()
    connection = sqlite3.connect(scene.directory / "audit.db")
    with connection:
        connection.execute("UPDATE sealed SET ct = zeroblob(60) WHERE comp = 'who'")
        connection.execute("UPDATE chunk SET ct = (SELECT ct FROM chunk WHERE no = 0) WHERE no = 1")
        connection.execute("UPDATE entry SET head = x'7b7d' WHERE idx = 1")
    connection.close()
    reader = EvidenceReader.open(scene.directory, scene.keys_dir)
    with pytest.raises(SealBroken):
        reader.sealed(reader.session(session)[0].index, "who")
    with pytest.raises(SealBroken):
        reader.chunk(session, 1)
    assert zstandard.decompress(reader.chunk(session, 0)) == b"first chunk"
    with pytest.raises(LogDamaged, match="Entry 1 cannot be read"):
        list(reader.entries())
    reader.close()


async def test_a_pass_with_parts_says_what_each_part_by_itself_says(scene):
    journal = scene.open()
    await scene.story(journal)
    journal.close()
    connection = sqlite3.connect(scene.directory / "audit.db")
    with connection:
        connection.execute("UPDATE sealed SET ct = zeroblob(60) WHERE comp = 'subj'")
        connection.execute("DELETE FROM sealed WHERE comp = 'out'")
    connection.close()
    reader = EvidenceReader.open(scene.directory, scene.keys_dir)
    opened = shut = 0
    for found in reader.with_parts(1, reader.size):
        for name in ("act", "out", "subj", "who"):
            try:
                content = reader.sealed(found.entry.index, name)
            except (KeyUnavailable, SealBroken) as error:
                with pytest.raises(type(error), match=str(error)):
                    found.sealed(name)
                shut += 1
            else:
                assert found.sealed(name) == content
                opened += 1
    assert opened
    assert shut
    assert [found.entry for found in reader.with_parts(2, 5)] == list(reader.entries(2, 5))
    reader.close()


async def test_the_memory_journal_reads_the_same(scene):
    journal = scene.in_memory()
    session, consent = await scene.story(journal)
    await journal.append(NewEntry(kind=Kind.REPLAY_VIEW, session=session))
    reader = journal.reader()
    assert [entry.n for entry in reader.session(session)] == list(range(10))
    assert zstandard.decompress(reader.chunk(session, 0)) == b"first chunk"
    assert len(reader.consent(consent)) == 2

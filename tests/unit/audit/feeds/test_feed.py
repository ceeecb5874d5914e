"""At least once, in order, nothing skipped: receivers that fail, crashes between delivery and cursor, filters."""

import json
import threading

import pytest

from audit.entry import Kind, NewEntry
from audit.feeds.cursor import CursorFile, MemoryCursor, position
from audit.feeds.errors import FeedError, SinkDown
from audit.feeds.feed import Feed, FeedThread
from audit.feeds.settings import FeedSettings
from audit.feeds.sinks import MemorySink

KEY = bytes(32)


def settings(**given):
    return FeedSettings(**{"name": "siem", "form": "ecs", "to": "file:///dev/null", "batch": 3, **given})


def indices(sink):
    return [json.loads(line)["event"]["sequence"] for line in sink.lines]


def feed(journal, sink, cursor, **given):
    return Feed(settings(**given), journal.reader(), KEY, sink, cursor)


async def test_everything_once_and_in_order_while_nothing_fails(journal, session):
    sink, cursor = MemorySink(), MemoryCursor()
    one = feed(journal, sink, cursor)
    size = journal.reader().size
    assert one.behind == size
    assert one.deliver_all() == size
    assert indices(sink) == list(range(size))
    await journal.append(NewEntry(kind=Kind.AUTH_FAIL))
    assert one.deliver_all() == 1
    assert indices(sink)[-1] == size
    assert one.behind == 0


async def test_a_receiver_that_fails_gets_the_batch_again(journal, session):
    sink, cursor = MemorySink(failures=2), MemoryCursor()
    one = feed(journal, sink, cursor)
    for _ in range(2):
        with pytest.raises(SinkDown):
            one.deliver_next()
    one.deliver_all()
    assert sorted(set(indices(sink))) == list(range(journal.reader().size))
    assert indices(sink)[:3] == [0, 0, 0]


async def test_a_crash_before_the_cursor_delivers_again_and_skips_nothing(journal, session):
    class Lost(MemoryCursor):
        def save(self, origin, index):
            raise OSError("crash")

    sink = MemorySink()
    with pytest.raises(OSError, match="crash"):
        feed(journal, sink, Lost()).deliver_next()
    feed(journal, sink, MemoryCursor()).deliver_all()
    assert indices(sink) == [0, 1, 2, *range(journal.reader().size)]


async def test_the_cursor_survives_and_belongs_to_one_log(journal, session, tmp_path):
    path = tmp_path / "siem.cursor"
    one = feed(journal, MemorySink(), CursorFile(path))
    one.deliver_all()
    one.close()
    size = journal.reader().size
    assert position(path, journal.origin) == size
    assert position(path, "logs.other/y") == 0
    again = feed(journal, MemorySink(), CursorFile(path))
    assert again.behind == 0
    with pytest.raises(FeedError, match="Another process"):
        CursorFile(path)
    again.close()
    path.write_bytes(b"12\n")
    with pytest.raises(FeedError, match="is no cursor"):
        CursorFile(path).load(journal.origin)


async def test_a_log_that_was_rolled_back_is_told_of_and_not_skipped(journal, session):
    sink, cursor = MemorySink(), MemoryCursor()
    cursor.save(journal.origin, journal.reader().size + 2)
    one = feed(journal, sink, cursor)
    for _ in range(2):
        with pytest.raises(FeedError, match="rolled back"):
            one.deliver_next()
        await journal.append(NewEntry(kind=Kind.AUTH_FAIL))
    assert sink.lines == []


async def test_only_the_kinds_that_are_wanted(journal, session):
    sink = MemorySink()
    one = feed(journal, sink, MemoryCursor(), kinds=("session.", "strike"))
    one.deliver_all()
    found = [json.loads(line)["event"]["action"] for line in sink.lines]
    assert found == ["session.requested", "session.opened", "strike", "session.closed"]
    assert one.behind == 0


async def test_the_thread_goes_on_after_failures(journal, session):
    sink, cursor, enough = MemorySink(failures=1), MemoryCursor(), threading.Event()
    size = journal.reader().size

    class Watched(MemoryCursor):
        def save(self, origin, index):
            cursor.save(origin, index)
            if index == size:
                enough.set()

        def load(self, origin):
            return cursor.load(origin)

    thread = FeedThread("siem", lambda: feed(journal, sink, Watched()))
    thread.start()
    assert enough.wait(20)
    thread.stop()
    assert set(indices(sink)) == set(range(size))

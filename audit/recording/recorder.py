"""Records what a rep sees during one session, in chunks that become durable while the session runs.

The counterpart that reads is `audit.recording.library`. A chunk is cut at 64 KiB or 2 s after its first event; the
journal seals it and makes it durable together with its `rec.chunk` entry. `ready` holds a session back that runs ahead
of its durable recording. Nothing here is best effort: once a chunk fails, every later call raises `RecordFailed`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from audit.entry import EntryRef, Kind, NewEntry
from audit.errors import RecordFailed
from audit.recording.cast import Code, CommandMark, Event, Header, size_text
from audit.recording.chunk import CHAIN_START, ChunkFacts, EndFacts, extend_chain, pack
from config.clock import Clock

_PIECE: Final = 32 * 1024
"""Characters of output in one event at most, so that a chunk overshoots its size by no more than that."""

_EVENT_BYTES: Final = 24
"""What an event costs besides its text. Counted, so that a router that sends single bytes fills a chunk as well."""

_T = TypeVar("_T")


class ChunkSink(Protocol):
    """What the recorder needs of the journal (`audit.journal.Journal`)."""

    async def append_chunk(self, entry: NewEntry, frame: bytes, lines: bytes) -> EntryRef:
        """Seal `frame`, which is `lines` compressed, and make it durable with its entry. Raises `RecordFailed`."""
        ...

    async def append(self, entry: NewEntry) -> EntryRef:
        """Make an entry durable. Raises `RecordFailed`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a chunk is cut, and how far a session may run ahead of its durable recording."""

    chunk_bytes: int = 64 * 1024
    chunk_seconds: float = 2.0
    ahead_bytes: int = 256 * 1024
    ahead_seconds: float = 5.0


@dataclass(slots=True)
class _Draft:
    """Events on their way into a chunk. `first_at` in microseconds since the start of the recording."""

    first_at: int
    events: list[Event] = field(default_factory=list)
    size: int = 0


class Recorder:
    """The recording of one session. Use it from one event loop.

    `on_failure` is called once, from the event loop, when a chunk could not be made durable.
    """

    def __init__(
        self,
        journal: ChunkSink,
        session: str,
        consent_ref: str | None,
        clock: Clock,
        width: int,
        height: int,
        *,
        on_failure: Callable[[RecordFailed], None] | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self._journal = journal
        self._session = session
        self._consent_ref = consent_ref
        self._clock = clock
        self._on_failure = on_failure
        self._limits = limits
        self._size = self._first_size = size_text(width, height)
        columns, _, rows = self._size.partition("x")
        self._header: Header | None = Header(
            int(columns), int(rows), int(clock.now().timestamp()), f"Vestibule session {session}"
        )
        self._start = clock.monotonic_ns()
        self._open: _Draft | None = None
        self._queue: deque[_Draft] = deque()
        self._ahead = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writer: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._failure: RecordFailed | None = None
        self._closed = False
        self._ended = False
        self._chunks = 0
        self._written_until = 0
        self._chain = CHAIN_START

    def output(self, text: str) -> None:
        """Text that the rep is about to see, already clean (`audit.recording.terminal`). Raises `RecordFailed`.

        Line ends are recorded as CR LF, as a terminal gets them, so that every player shows lines and no staircase.
        """
        self._check()
        if text.count("\n") != text.count("\r\n"):
            text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        for start in range(0, len(text), _PIECE):
            self._add("o", text[start : start + _PIECE])

    def command(self, n: int, shown: str, verdict: str, entry_index: int | None = None) -> None:
        """An approved line: its marker and its text. Never raw keys, never a secret. Raises `RecordFailed`.

        What a terminal echoed of it is output like any other, and comes by `output`.
        `n` is the number of the command's entry in its session. Where `entry_index` is none, `audit.recording.library`
        finds it in the log.
        """
        self._check()
        self._add("m", CommandMark(n, verdict, entry_index).label())
        self._add("i", shown)

    def resize(self, width: int, height: int) -> None:
        """The rep's terminal has another size now. Raises `RecordFailed`.

        Chunks that begin at another size than the recording did say so first, so that each can be shown alone.
        """
        self._check()
        size = size_text(width, height)
        if size != self._size:
            self._add("r", size)
            self._size = size

    async def ready(self) -> None:
        """Wait until the session may go on: not more than 256 KiB or 5 s ahead of what is durable.

        Raises `RecordFailed`, also while waiting.
        """
        self._check()
        while self._is_ahead():
            if not self._queue:
                self._cut()
            self._moved.clear()
            await self._moved.wait()
            self._check()

    async def close(self, exit_status: int | None = None) -> None:
        """Make the rest durable and write the `rec.end` entry. Safe to call twice. Raises `RecordFailed`."""
        if not self._closed:
            self._check()
            if exit_status is not None:
                self._add("x", str(exit_status))
            self._closed = True
        self._cut()
        while self._queue and self._failure is None:
            await asyncio.shield(self._writing())
        if self._failure is not None:
            raise self._failure
        if not self._ended:
            self._ended = True
            await self._write_end()

    # --- collecting ---------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise RecordFailed("The recording of this session is closed; nothing more can be recorded in it.")

    def _now(self) -> int:
        return (self._clock.monotonic_ns() - self._start) // 1000

    def _add(self, code: Code, data: str) -> None:
        now = self._now()
        if self._open is None:
            self._open = _Draft(now)
            self._timer = asyncio.get_running_loop().call_later(self._limits.chunk_seconds, self._cut)
            if self._size != self._first_size and code != "r":
                self._put(self._open, Event(now, "r", self._size))
        self._put(self._open, Event(now, code, data))
        if self._open.size >= self._limits.chunk_bytes:
            self._cut()

    def _put(self, draft: _Draft, event: Event) -> None:
        data = event.data
        size = _EVENT_BYTES + (len(data) if data.isascii() else len(data.encode("utf-8", "replace")))
        draft.events.append(event)
        draft.size += size
        self._ahead += size

    def _is_ahead(self) -> bool:
        if self._ahead > self._limits.ahead_bytes:
            return True
        oldest = self._queue[0] if self._queue else self._open
        return oldest is not None and self._now() - oldest.first_at > self._limits.ahead_seconds * 1_000_000

    def _cut(self) -> None:
        """Close the open chunk and see that it gets written. Also called by the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._open is None:
            return
        self._queue.append(self._open)
        self._open = None
        self._writing()

    # --- writing ------------------------------------------------------------------------------------------------------

    def _writing(self) -> asyncio.Task[None]:
        """The task that writes the queue. It lives only while there is something to write: most sessions are idle."""
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write_all())
        return self._writer

    async def _write_all(self) -> None:
        """Write the queue in order. What came in during one write goes out together in the next, for one sync."""
        try:
            while self._queue:
                batch = tuple(self._queue)
                await self._or_fail(self._write(batch))
                for draft in batch:
                    self._queue.popleft()
                    self._ahead -= draft.size
                self._moved.set()
        except RecordFailed:
            pass  # `_or_fail` has noted it for everyone who asks next
        finally:
            self._writer = None

    async def _write(self, batch: Sequence[_Draft]) -> None:
        packed = []
        for draft in batch:
            since, until = self._written_until, draft.events[-1].at
            # Packing 64 KiB takes a third of a millisecond, most of it JSON, which holds the interpreter's lock anyway:
            # a thread would cost more than it saves. Other sessions get their turn after each.
            frame, lines = pack(self._header, draft.events, since)
            packed.append((ChunkFacts(self._chunks, since, until, len(lines)), frame, lines))
            self._header = None
            self._chunks += 1
            self._written_until = until
            await asyncio.sleep(0)
        # Tasks start in the order in which they are made, so the journal gets the chunks in the order of their numbers.
        appended = [
            self._journal.append_chunk(self._entry(Kind.REC_CHUNK, facts), frame, lines)
            for facts, frame, lines in packed
        ]
        for ref in await asyncio.gather(*appended):
            self._chain = extend_chain(self._chain, ref.leaf_hash)

    async def _write_end(self) -> None:
        entry = self._entry(Kind.REC_END, EndFacts(self._chunks, self._chain))
        await self._or_fail(self._journal.append(entry))

    async def _or_fail(self, work: Awaitable[_T]) -> _T:
        """What `work` gives. If anything goes wrong, this session has no record any more: raises `RecordFailed`."""
        try:
            return await work
        except RecordFailed as error:
            self._fail(error)
            raise
        except asyncio.CancelledError:
            self._fail(RecordFailed("The recording was broken off before it was durable."))
            raise
        except Exception as error:
            failure = RecordFailed("The recording could not be made durable; the session has to end.")
            self._fail(failure)
            raise failure from error

    def _entry(self, kind: Kind, facts: ChunkFacts | EndFacts) -> NewEntry:
        return NewEntry(
            kind=kind,
            session=self._session,
            consent_ref=self._consent_ref,
            retention="recording",
            facts=facts.facts(),
        )

    def _fail(self, error: RecordFailed) -> None:
        if self._failure is not None:
            return
        self._failure = error
        self._open = None
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._moved.set()
        if self._on_failure is not None:
            self._on_failure(error)

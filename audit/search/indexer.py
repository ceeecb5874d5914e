"""Follows the log and fills the index, in a thread of its own: no command ever waits for it.

A batch is added before the cursor moves, and rows replace themselves, so a crash between the two repeats a batch and
loses nothing. Counterparts: `audit.search.gather`, `audit.search.index`.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Final

import structlog

from audit.errors import AuditError
from audit.reader import EvidenceReader
from audit.search.gather import Gatherer
from audit.search.index import Index

BATCH: Final = 2000
"""Entries at a time."""
_log = structlog.get_logger("search")


def fill(
    reader: EvidenceReader, index: Index, *, output: bool = True, told: Callable[[int], None] | None = None
) -> int:
    """Bring the index up to the log's end; returns that. `told` is called with the cursor after each batch."""
    return _Reading(reader, index, output=output).catch_up(told)


class _Reading:
    def __init__(self, reader: EvidenceReader, index: Index, *, output: bool) -> None:
        self._reader = reader
        self._index = index
        self._gatherer = Gatherer(reader, output=output)

    def catch_up(self, told: Callable[[int], None] | None = None, stop: threading.Event | None = None) -> int:
        cursor = self._index.cursor
        while cursor < (size := self._reader.size) and not (stop and stop.is_set()):
            until = min(size, cursor + BATCH)
            if rows := self._gatherer.rows(cursor, until):
                self._index.add(rows)
            cursor = until
            self._index.advance(cursor)
            if told is not None:
                told(cursor)
        return cursor


class Indexer:
    """Keeps an index up to date beside a running gateway."""

    def __init__(
        self, open_reader: Callable[[], EvidenceReader], index: Index, *, output: bool = True, seconds: float = 1.0
    ) -> None:
        """`seconds`: how often it looks whether there is something new."""
        self.index = index
        self._open_reader = open_reader
        self._output = output
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="search-indexer", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the batch at hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except AuditError as error:
                # Search falls behind, nothing else does. The reader is opened anew.
                _log.error("index_behind", error_type=type(error).__name__)
                self._stop.wait(30)

    def _follow(self) -> None:
        with closing(self._open_reader()) as reader:
            reading = _Reading(reader, self.index, output=self._output)
            while not self._stop.is_set():
                reading.catch_up(stop=self._stop)
                self._stop.wait(self._seconds)

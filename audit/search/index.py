"""What an index is: rows in, hits out, and rows that can be made to vanish.

Implementations: `audit.search.fts` (SQLite FTS5, one file a month) and `audit.search.memory` (the fake that ships).
Both pass tests/contract/test_search_index.py. Filled by `audit.search.indexer`; nothing in it is authoritative.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from audit.entry import RetentionClass
from audit.search.query import Query

What = Literal["command", "output", "rpc"]

LONGEST = 2048
"""Characters kept of a command or of output."""
PART_BITS = 12
PARTS = 1 << PART_BITS
"""Rows that one entry may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whose session it was. One for all rows of a session."""

    session: str
    consent: str = ""
    rep: str = ""
    rep_id: str = ""
    router: str = ""
    subscriber: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing to be found: a command with the first and last line it printed, a few lines of output, or a few names
    that an RPC of TR-069 asked for or wrote."""

    index: int
    """Of its entry in the log: the command's, or that of the recording chunk."""
    part: int = 0
    """Number among the rows of that entry, below `PARTS`."""
    what: What
    about: About
    n: int | None
    """Number of the command in its session, if it is known."""
    at: int | None = None
    """Microseconds since the start of the recording; none for commands and RPCs, which are found by `n`."""
    time: datetime
    month: str
    """`YYYYMM` of the key set that seals it: the row dies with that month's keys."""
    retention: RetentionClass
    verdict: str = ""
    command: str = ""
    """Its text. For output and RPCs, the command they belong to."""
    output: str = ""
    """Lines. For RPCs, the names."""

    @property
    def place(self) -> int:
        """Orders rows as the log does, and names this one."""
        return self.index << PART_BITS | self.part


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A row that fits, newest first. What it says is to be held against the log before anybody relies on it."""

    place: int
    index: int
    what: What
    session: str
    consent: str
    n: int | None
    at: int | None
    time: datetime
    verdict: str
    rep: str
    router: str
    command: str
    output: str


class Index(Protocol):
    """One index. Methods may be called from any thread and raise `IndexFailed`."""

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows in. One that is there already is replaced; one that was purged stays away."""
        ...

    def query(self, query: Query) -> list[Hit]:
        """At most `query.limit` hits, in falling order of `place`."""
        ...

    def purge(self, sessions: Iterable[str] = (), consents: Iterable[str] = (), indices: Iterable[int] = ()) -> int:
        """Forget all rows of these sessions, consents and entries, now and for ever; how many there were.

        When it returns no word of them is left in any file of the index.
        """
        ...

    def expire(self, retention: RetentionClass, month: str) -> int:
        """The same for a whole class and month (`YYYYMM` of the key sets), when their keys are destroyed."""
        ...

    def rewind(self) -> None:
        """Forget all rows and the cursor, to be filled anew. What was purged stays away."""
        ...

    @property
    def size(self) -> int:
        """Rows held."""
        ...

    @property
    def cursor(self) -> int:
        """Entries of the log below this index are in. An index of another log begins anew."""
        ...

    def advance(self, cursor: int) -> None:
        """Remember how far the log was read, after the rows of those entries were added."""
        ...

    def close(self) -> None: ...

"""The index that forgets: the fake that ships, for tests and for logs that are looked at once."""

import threading
import unicodedata
from collections.abc import Iterable, Sequence

from audit.entry import RetentionClass
from audit.search.index import Hit, Row
from audit.search.query import Query, Term, words


class MemoryIndex:
    """`audit.search.index.Index` over a dictionary. It looks at every row, so it is for thousands of them."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._gone: set[str | int] = set()
        self._cursor = 0
        self._lock = threading.Lock()

    def add(self, rows: Sequence[Row]) -> None:
        with self._lock:
            for row in rows:
                if not self._gone & {row.about.session, row.about.consent, row.index}:
                    self._rows[row.place] = row

    def query(self, query: Query) -> list[Hit]:
        with self._lock:
            rows = sorted(self._rows.values(), key=lambda row: -row.place)
        return [hit_of(row) for row in rows if _fits(row, query)][: query.limit]

    def purge(self, sessions: Iterable[str] = (), consents: Iterable[str] = (), indices: Iterable[int] = ()) -> int:
        gone: set[str | int] = {*sessions, *consents, *indices}
        with self._lock:
            self._gone |= gone
            return self._drop([r for r in self._rows.values() if gone & {r.about.session, r.about.consent, r.index}])

    def expire(self, retention: RetentionClass, month: str) -> int:
        with self._lock:
            return self._drop([r for r in self._rows.values() if (r.retention, r.month) == (retention, month)])

    def _drop(self, rows: Sequence[Row]) -> int:
        for row in rows:
            del self._rows[row.place]
        return len(rows)

    def rewind(self) -> None:
        with self._lock:
            self._rows.clear()
            self._cursor = 0

    @property
    def size(self) -> int:
        return len(self._rows)

    @property
    def cursor(self) -> int:
        return self._cursor

    def advance(self, cursor: int) -> None:
        self._cursor = cursor

    def close(self) -> None:
        """Nothing to let go of."""


def hit_of(row: Row) -> Hit:
    """A row as it is found."""
    about = row.about
    return Hit(
        place=row.place,
        index=row.index,
        what=row.what,
        session=about.session,
        consent=about.consent,
        n=row.n,
        at=row.at,
        time=row.time,
        verdict=row.verdict,
        rep=about.rep,
        router=about.router,
        command=row.command,
        output=row.output,
    )


def _fits(row: Row, query: Query) -> bool:
    about = row.about
    wanted = (
        (query.rep, {about.rep, about.rep_id}),
        (query.router, {about.router}),
        (query.subscriber, {about.subscriber}),
        (query.verdict, {row.verdict}),
        (query.session, {about.session}),
        (query.consent, {about.consent}),
    )
    if any(value is not None and value.casefold() not in {have.casefold() for have in held} for value, held in wanted):
        return False
    if query.before is not None and row.place >= query.before:
        return False
    if (query.since and row.time < query.since) or (query.until and row.time >= query.until):
        return False
    return _says(row, query.terms)


def _says(row: Row, terms: Sequence[Term]) -> bool:
    """Each term stands in the row or in the command it belongs to, and one of them in the row itself."""
    own = (row.command, row.output) if row.what == "command" else (row.output,)
    return all(_stands(term, (row.command, row.output)) for term in terms) and (
        not terms or any(_stands(term, own) for term in terms)
    )


def _stands(term: Term, texts: Sequence[str]) -> bool:
    wanted = words(_plain(term.text))
    for have in (words(_plain(text)) for text in texts):
        for start in range(len(have) - len(wanted) + 1):
            piece = have[start : start + len(wanted)]
            if piece == wanted or (term.prefix and piece[:-1] == wanted[:-1] and piece[-1].startswith(wanted[-1])):
                return True
    return False


def _plain(text: str) -> str:
    """Without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))

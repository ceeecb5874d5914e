"""Which sealed parts and chunks are gone lawfully: what the `erase.done` entries of a log say, and who approved. Pure.

The rule is `audit.erased`. Erasures are read before the pass over the log, because they stand behind what they erased.
Counterparts: `gateway.evidence`, `audit.retention`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from audit.entry import Kind
from audit.erased import Erased, words
from audit.errors import BadEntry
from audit.leaf import Head
from audit.verify.heads import QuickHead, read_head
from audit.verify.report import ErasedRange, Severity

SCHEDULE = "schedule"
"""In the place of persons: the end of retention, which nobody approves each time."""


@dataclass(slots=True)
class _Erased:
    """What one `erase.done` covers, as far as the pass has come."""

    basis: str
    scope: str
    parts: int = 0
    first: int = -1
    last: int = -1

    def count(self, index: int) -> None:
        self.parts += 1
        self.first = index if self.first < 0 else min(index, self.first)
        self.last = max(index, self.last)


@dataclass(slots=True)
class ErasureCheck:
    """All erasures of a log. `collect` first, then `feed` with every head in order."""

    _erased: Erased = field(default_factory=Erased)
    _done: dict[int, _Erased] = field(default_factory=dict)
    _met: set[int] = field(default_factory=set)
    _asked: dict[str, str] = field(default_factory=dict)
    _given: dict[str, set[str]] = field(default_factory=dict)

    def collect(self, heads: Iterable[tuple[int, bytes]]) -> None:
        """Index and bytes of all entries that may be erasures. What cannot be read is met again in the pass."""
        for index, data in heads:
            try:
                head = read_head(data)
            except BadEntry:
                continue
            if head.kind is Kind.ERASE_DONE:
                self._add(index, head)

    def _add(self, index: int, head: QuickHead | Head) -> None:
        facts = head.facts
        self._done[index] = _Erased(str(facts.get("basis", "-")), str(facts.get("scope")))
        self._erased.add(index, facts)

    def __bool__(self) -> bool:
        return bool(self._done)

    def by(self, retention: str, key_set: str | None, compartment: str) -> int | None:
        """Index of the entry that makes the absence of this part lawful."""
        return self._erased.by(retention, key_set, compartment) if self._done else None

    def count(self, erasure: int, index: int) -> None:
        """A part of entry `index` is covered by `erasure`."""
        self._done[erasure].count(index)

    def feed(self, index: int, head: QuickHead | Head) -> Iterator[tuple[Severity, str]]:
        """Take an entry of kind approval.* or erase.done; others may come too."""
        approval, by = str(head.facts.get("approval")), head.facts.get("by")
        if head.kind is Kind.APPROVAL_ASKED:
            self._asked[approval] = str(by)
        elif head.kind is Kind.APPROVAL_GIVEN:
            self._given.setdefault(approval, set()).add(str(by))
        elif head.kind is Kind.ERASE_DONE:
            self._met.add(index)
            if by != [SCHEDULE] and not self._approved(approval, words(by)):
                yield "missing", "it erased something, but no approval by a second person stands before it"

    def _approved(self, approval: str, by: list[str]) -> bool:
        asked = self._asked.get(approval)
        others = self._given.get(approval, set()) - {asked}
        return len(set(by)) > 1 and asked in by and bool(others & set(by))

    def unmet(self) -> list[int]:
        """Erasures that were collected and did not come by in the pass, or the other way round."""
        return sorted(self._done.keys() ^ self._met)

    def merge(self, other: "ErasureCheck") -> None:
        """Add what another part of the pass counted."""
        for index, done in other._done.items():
            if done.parts:
                mine = self._done[index]
                mine.first = done.first if mine.first < 0 else min(mine.first, done.first)
                mine.parts, mine.last = mine.parts + done.parts, max(mine.last, done.last)

    def ranges(self) -> tuple[ErasedRange, ...]:
        """What was erased, by entry."""
        return tuple(
            ErasedRange(index, done.scope, done.basis, done.parts, done.first, done.last)
            for index, done in sorted(self._done.items())
        )

"""A rule: one pattern of one row of a table. Counterparts: `compile` makes them, verdicts name them by id."""

from dataclasses import dataclass

from gateway.policy.pattern import Sequence
from gateway.policy.schema import RowSpec


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One pattern of one row. Compared by identity."""

    id: str
    order: int
    """Position in the table; earlier rules win among equals."""
    pattern: str
    capability: str
    weight: int
    row: RowSpec | None = None
    """None for filters and for words that are only known."""
    filters: frozenset[str] | None = frozenset()
    """Names of the filters it takes; none means all."""
    send: Sequence | None = None
    site: bool = False
    """Of a site's overlay: gives way to what the table refuses."""
    final: bool = False
    """Refuses every line that begins so, even those that a longer row allows."""
    known: bool = False
    """Only keeps abbreviations honest; gives way to every other rule."""

    @property
    def never(self) -> bool:
        """Whether the rule only refuses."""
        return self.weight == 3

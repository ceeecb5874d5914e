"""The words that can follow one another, as a graph that grows where lines go. Counterpart: `resolver`, which walks it.

A node stands for "these patterns, matched so far up to here". Its edges are keywords and slots; they are worked out
when a line first comes along, so that loading a table costs next to nothing. The graph of a table is finite and the
same whoever walks first; only so much of it is kept (`Graph.trim`).
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, TypeAlias

from gateway.policy.pattern import AnyOrder, Choice, Item, Keyword, Sequence, Slot, Template
from gateway.policy.rule import Rule

Rest: TypeAlias = "tuple[Item, int, Rest] | None"
"""What is still to come: an item, the parts of it already used (bits, for `AnyOrder`), and what follows."""


def chain(items: Sequence, rest: "Rest" = None) -> "Rest":
    """`items`, then `rest`."""
    for item in reversed(items):
        rest = (item, 0, rest)
    return rest


Edge: TypeAlias = Keyword | Slot | Template


def _steps(rest: "Rest") -> Iterator[tuple[Edge | None, "Rest"]]:
    """Every next word with what follows it; none as the word where the pattern may end."""
    if rest is None:
        yield None, None
        return
    item, used, after = rest
    if isinstance(item, Choice):
        for branch in item.branches:
            yield from _steps(chain(branch, after))
    elif isinstance(item, AnyOrder):
        yield from _any_order_steps(item, used, after)
    else:
        yield item, after


def _any_order_steps(item: AnyOrder, used: int, after: "Rest") -> Iterator[tuple[Edge | None, "Rest"]]:
    for index, part in enumerate(item.parts):
        bit = 1 << index
        if not used & bit:
            yield from _steps(chain(part, (item, used | bit, after)))
    if not any(need and not used >> index & 1 for index, need in enumerate(item.needed)):
        yield from _steps(after)


class Node:
    """A place in the graph. `items` are the patterns still possible: their rule and what remains of them."""

    __slots__ = ("_accepts", "_graph", "_keywords", "_order", "_slots", "items")

    def __init__(self, graph: "Graph", items: tuple[tuple[Rule, "Rest"], ...]) -> None:
        self.items = items
        self._graph = graph
        self._order: list[str] | None = None

    def _expand(self) -> list[str]:
        words: dict[str, tuple[str, dict[tuple[Rule, Rest], None]]] = {}
        slots: dict[Slot | Template, dict[tuple[Rule, Rest], None]] = {}
        accepts: dict[Rule, None] = {}
        for rule, rest in self.items:
            for edge, after in _steps(rest):
                if edge is None:
                    accepts[rule] = None
                elif isinstance(edge, Keyword):
                    key = self._graph.key(edge.text)
                    words.setdefault(key, (edge.text, {}))[1][rule, after] = None
                else:
                    slots.setdefault(edge, {})[rule, after] = None
        self._accepts = tuple(accepts)
        self._keywords = {key: (text, self._graph.node(tuple(items))) for key, (text, items) in words.items()}
        self._slots = tuple((slot, self._graph.node(tuple(items))) for slot, items in slots.items())
        self._order = sorted(self._keywords)  # last: whoever sees it finds the rest in place
        return self._order

    def forget(self) -> None:
        """Work the edges out anew when they are next asked for."""
        self._order, self._keywords, self._slots, self._accepts = None, {}, (), ()

    def key(self, word: str) -> str:
        """How `word` is compared here."""
        return self._graph.key(word)

    def keyword(self, key: str) -> tuple[str, "Node"] | None:
        """The keyword spelled exactly so, as sent, and where it leads."""
        if self._order is None:
            self._expand()
        return self._keywords.get(key)

    def beginning(self, key: str) -> list[tuple[str, "Node"]]:
        """All keywords that begin with `key`, in order."""
        order = self._expand() if self._order is None else self._order
        found: list[tuple[str, Node]] = []
        for at in range(bisect_left(order, key), len(order)):
            if not order[at].startswith(key):
                break
            found.append(self._keywords[order[at]])
        return found

    @property
    def slots(self) -> tuple[tuple[Slot | Template, "Node"], ...]:
        """Arguments that may follow."""
        if self._order is None:
            self._expand()
        return self._slots

    @property
    def accepts(self) -> tuple[Rule, ...]:
        """Rules whose pattern is complete here."""
        if self._order is None:
            self._expand()
        return self._accepts


MOST_NODES: Final = 20_000
"""Places of one graph that are kept: about 10 MB. There are 2^n of them where n options stand in any order."""


class Graph:
    """All nodes of one table. `fold`: keywords are the same in any case."""

    def __init__(self, *, fold: bool) -> None:
        self._fold = fold
        self._nodes: dict[tuple[tuple[Rule, Rest], ...], Node] = {}

    def key(self, word: str) -> str:
        """How a keyword is compared. Only for ASCII: case rules beyond it would let other letters pass for these."""
        return word.lower() if self._fold else word

    @property
    def places(self) -> int:
        """How many there are now."""
        return len(self._nodes)

    def trim(self) -> None:
        """Forget all places if they are too many. Call between two lines, in the thread that walks the graph."""
        if len(self._nodes) > MOST_NODES:
            nodes, self._nodes = self._nodes, {}
            for node in nodes.values():
                node.forget()

    def node(self, items: tuple[tuple[Rule, "Rest"], ...]) -> Node:
        """The node for these patterns; the same ones give the same node."""
        found = self._nodes.get(items)
        if found is None:
            found = self._nodes[items] = Node(self, items)
        return found

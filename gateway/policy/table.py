"""A policy table compiled: rules, graph, places. Immutable to its users. `load` makes it, `resolver` asks it.

A place is a position the table knows, written `mode` or `mode/context`; `mode/?` is a context it does not know.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.policy.cwmp.policy import CwmpPolicy
from gateway.policy.grammar import Graph, Node
from gateway.policy.lexer import Lexer
from gateway.policy.rule import Rule
from gateway.policy.schema import LexerSpec, TableSpec, TestSpec
from gateway.policy.verdict import Position


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """One platform."""

    platform: str
    title: str
    file: str
    spec: TableSpec = field(repr=False)
    lex: Lexer = field(repr=False)
    graph: Graph = field(repr=False)
    roots: Mapping[str, Node] = field(repr=False)
    """By place."""
    plain_roots: Mapping[str, Node] | None = field(repr=False)
    """The same without the rows of overlays; none where no overlay adds any."""
    plain_graph: Graph = field(repr=False)
    """Of `plain_roots`."""
    filter_root: Node | None = field(repr=False)
    tags: Mapping[tuple[str, str], tuple[str, ...]] = field(repr=False)
    """Mode and prompt tag to the contexts that show it. A tag may end in `*`; ask `tagged`."""
    programs: Mapping[str, tuple[frozenset[str], frozenset[str]]] = field(repr=False)
    """Shell filters: single-letter options that stand alone, and those that take a value."""
    rules: tuple[Rule, ...] = field(repr=False)
    site_tests: tuple[tuple[str, TestSpec], ...] = field(default=(), repr=False)
    """Tests of overlays, with the file they stand in."""
    places: dict[Position, str] = field(default_factory=dict, repr=False)
    """Remembers what `position.place_of` worked out; the same whoever asks first."""

    def trim(self) -> None:
        """Keep memory bounded, whatever lines came. Between two lines only."""
        self.graph.trim()
        self.plain_graph.trim()

    @property
    def lexer(self) -> LexerSpec:
        """How lines are cut."""
        return self.spec.lexer

    def tagged(self, mode: str, shown: str) -> tuple[str, ...]:
        """The contexts of `mode` that a prompt may show as `shown`; those that name it whole come before `X*`."""
        found = self.tags.get((mode, shown))
        if found is None:
            wild = (names for (m, tag), names in self.tags.items() if m == mode and _fits(tag, shown))
            found = tuple(dict.fromkeys(name for names in wild for name in names))
        return found


class Shelf(Mapping[str, Table]):
    """The tables of a bundle by platform, each compiled when it is first asked for, if it is not at hand.

    A compiled table takes one to three megabytes, and most providers have routers of two or three platforms. `load`
    has found all of them right, and makes one again from the same bytes.
    """

    def __init__(self, made: Mapping[str, Table | None], make: Callable[[str], Table]) -> None:
        """`made`: every platform, with none where `make` is to be asked first."""
        self._platforms: Final = frozenset(made)
        self._made = {name: table for name, table in made.items() if table is not None}
        self._order: Final = tuple(made)
        self._make = make

    def __getitem__(self, platform: str) -> Table:
        found = self._made.get(platform)
        if found is None:
            if platform not in self._platforms:
                raise KeyError(platform)
            # Two threads may make it at once; all are given the same one, because its nodes know one another.
            found = self._made.setdefault(platform, self._make(platform))
        return found

    def __contains__(self, platform: object) -> bool:
        return platform in self._platforms

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    @property
    def at_hand(self) -> frozenset[str]:
        """Platforms whose tables are compiled now."""
        return frozenset(self._made)

    def put_away(self, *, but: Collection[str] = ()) -> None:
        """Let go of the compiled tables of all other platforms. For a bundle that nobody judges by yet."""
        self._made = {name: table for name, table in self._made.items() if name in but}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBundle:
    """All tables. `digest` is the SHA-256 over their files, as every verdict carries it."""

    digest: str
    tables: Shelf = field(repr=False)
    cwmp: CwmpPolicy | None = field(default=None, repr=False)
    """For the platform `cwmp`, whose table only says which words there are: what its lines and RPCs are judged by."""


def _fits(tag: str, shown: str) -> bool:
    return tag.endswith("*") and shown.startswith(tag[:-1]) and len(shown) >= len(tag)


_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]+\Z", re.ASCII)

# Not `key=value`, nor what begins like a path or a command: the console would not take those for values.
_ROUTEROS_PLAIN: Final = re.compile(r"(?![/:.])[A-Za-z0-9_./:@%+,-]+\Z", re.ASCII)


def spell(text: str, lexer: LexerSpec) -> str:
    """A word as it is sent: in quotes if the platform would otherwise take it for something else."""
    if lexer.rest_of_line or (_ROUTEROS_PLAIN if lexer.kind == "routeros" else _PLAIN).match(text):
        return text
    if lexer.kind == "words":
        return f'"{text}"'
    if lexer.kind == "routeros":
        return f'"{_ROUTEROS_ODD.sub(_escaped, text)}"'
    return "'" + text.replace("'", "'\\''") + "'"


_ROUTEROS_ODD: Final = re.compile(r"[^A-Za-z0-9 _.,:/@%+=|*^-]")


def _escaped(found: re.Match[str]) -> str:
    """Every character that could mean something to the RouterOS console, as its hexadecimal escapes in UTF-8."""
    return "".join(f"\\{byte:02X}" for byte in found[0].encode())


_ROUTEROS_KEY: Final = re.compile(r"(?:!|[A-Za-z0-9._-]+(?:!?=|~|[<>]=?))\Z", re.ASCII)
_ROUTEROS_BARE: Final = re.compile(r"[A-Za-z0-9_.,-]+\Z", re.ASCII)


def spell_pair(head: str, tail: str, lexer: LexerSpec) -> str:
    """A word of fixed text and a value, as it is sent; quotes go around the value alone where that is enough.

    Behind a key of RouterOS, `/` and `:` are operators wherever conditions stand, so quotes hold it together.
    """
    if lexer.kind == "routeros" and _ROUTEROS_KEY.match(head):
        return head + (tail if _ROUTEROS_BARE.match(tail) else f'"{_ROUTEROS_ODD.sub(_escaped, tail)}"')
    return head + spell(tail, lexer) if spell(head, lexer) == head and tail else spell(head + tail, lexer)


def spell_keyword(text: str, lexer: LexerSpec) -> str:
    """A keyword of the table as it is sent: routers have keywords (`[`, `:put`) that mean something only unquoted."""
    return spell(text, lexer) if lexer.kind == "shell-strict" else text


def spellable(text: str, lexer: LexerSpec) -> bool:
    """Whether `spell` can write the value at all: quotes of router command lines have no safe escape."""
    return lexer.kind != "words" or lexer.quotes == "none" or not ('"' in text or "\\" in text)

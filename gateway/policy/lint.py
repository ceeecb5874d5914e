"""What is questionable about tables that load: for the network engineer who edits them. Pure; `vestibule policy lint`.

Errors are things that cannot be meant (a failing test, a row no line reaches). Warnings are things to look at: two rows
that judge one line differently, a word that is the beginning of a heavier one. Notes say what has no test.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from gateway.policy.capabilities import CAPABILITIES, weight
from gateway.policy.cwmp.policy import PLATFORM
from gateway.policy.decide import decide
from gateway.policy.examples import Example, examples
from gateway.policy.filters import resolve
from gateway.policy.grammar import Node
from gateway.policy.lexer import LineRefused
from gateway.policy.paths import root_of
from gateway.policy.pattern import Template
from gateway.policy.resolver import Match, Stop
from gateway.policy.rule import Rule
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE, failures
from gateway.policy.table import PolicyBundle, Table
from gateway.policy.verdict import Position

Level = Literal["error", "warning", "note"]
LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "note")

MOST_NODES: Final = 50_000
"""Places of a table's graph that are looked at for words that begin alike."""


Read: TypeAlias = tuple[Example, list[Match] | Stop]
"""A line of a rule, and what its words fit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, where it is (`ios.yaml, commands row 12`), and what to do about it."""

    level: Level
    kind: Literal["test", "unreachable", "overlap", "prefix", "untested"]
    where: str
    sentence: str


def lint(bundle: PolicyBundle, *, lines: Iterable[tuple[Position, str]] = ()) -> list[Finding]:
    """Everything found, errors first. Rows that `lines` (a corpus) reach need no test of their own."""
    found = [Finding("error", "test", *_split(sentence)) for sentence in failures(bundle)]
    by_platform: dict[str, list[tuple[Position, str]]] = {}
    for position, line in lines:
        by_platform.setdefault(position.platform, []).append((position, line))
    for table in bundle.tables.values():
        made = [(example, _resolved(table, example)) for example in examples(table)]
        found += _unreachable(table, made)
        found += _overlaps(table, made)
        found += _beginnings(table)
        if table.platform != PLATFORM:  # its verdicts name rows of parameters
            found += _untested(bundle, table, by_platform.get(table.platform, []))
    return sorted(found, key=lambda one: LEVELS.index(one.level))


def _split(sentence: str) -> tuple[str, str]:
    file, _, rest = sentence.partition(": ")
    row, _, told = rest.partition(", ")
    return f"{file}, {row}", told


def where(table: Table, rule: Rule) -> str:
    """The file and the row of `rule`, as people count."""
    *head, row, pattern = rule.id.split(".")
    if len(head) > 1:  # ios.+tier1.3.1, ios.+tier1.r3.1
        kind = "refuse" if row.startswith("r") else "add"
        return f"{table.platform}{head[1]}.yaml, {kind} row {row.removeprefix('r')}, pattern {pattern}"
    return f"{table.file}, commands row {row}, pattern {pattern}" if row.isdigit() else table.file


# --- rows that nothing reaches ----------------------------------------------------------------------------------------


def _unreachable(table: Table, made: list[Read]) -> Iterator[Finding]:
    """Rows of which no line is judged by them."""
    reached: set[str] = set()
    others: dict[str, str] = {}
    for example, found in made:
        if example.rule.id not in reached:
            decides = _decides(found)
            if decides is example.rule:
                reached.add(example.rule.id)
            elif decides is not None:
                others.setdefault(example.rule.id, decides.id)
    for rule in table.rules:
        if rule.id in reached or rule.final or rule.id.endswith(".top"):
            continue
        other = others.get(rule.id)
        why = "no value of its arguments fits" if other is None else f"{other} decides about its lines"
        level: Level = "warning" if rule.never or other is None else "error"
        yield Finding(level, "unreachable", where(table, rule), f"{rule.pattern!r} is never used: {why}.")


# --- two rows about one line ------------------------------------------------------------------------------------------


def _overlaps(table: Table, made: list[Read]) -> Iterator[Finding]:
    """Pairs of rules that fit one line and call it different things."""
    told: set[tuple[str, str]] = set()
    for example, found in made:
        for one, other in _pairs([] if isinstance(found, Stop) else found):
            pair = (one.id, other.id)
            if one.capability != other.capability and pair not in told:
                told.add(pair)
                level: Level = "warning" if weight(one.capability) != weight(other.capability) else "note"
                heavier = max((one, other), key=lambda rule: rule.weight)
                sentence = (
                    f"{example.line!r} also fits {other.id} ({other.pattern!r}), which says {other.capability} and not "
                    f"{one.capability}; {heavier.capability} counts."
                )
                yield Finding(level, "overlap", where(table, one), sentence)


def _resolved(table: Table, example: Example) -> list[Match] | Stop:
    """What the words of an example fit at its place. They are spelled from the top there, whatever the path."""
    try:
        (command,) = table.lex(example.line).commands
    except (LineRefused, ValueError):
        return []
    return resolve(table, root_of(table, example.place), command, example.line)


def _decides(found: list[Match] | Stop) -> Rule | None:
    """The rule by which such a line is judged, apart from what its arguments say."""
    if isinstance(found, Stop):
        return found.rule
    return max((m.rule for m in found), key=lambda rule: (rule.weight, -rule.order), default=None)


def _pairs(matches: list[Match]) -> Iterator[tuple[Rule, Rule]]:
    rules = sorted({match.rule.order: match.rule for match in matches}.values(), key=lambda rule: rule.order)
    for at, one in enumerate(rules):
        for other in rules[at + 1 :]:
            yield one, other


# --- words that begin alike -------------------------------------------------------------------------------------------


def _beginnings(table: Table) -> Iterator[Finding]:
    """Keywords that are the beginning of another one of a heavier class.

    The device prefers the whole word, and so do we; but a firmware that lacks it takes it for the longer one.
    """
    if not table.lexer.abbreviates:
        return
    told: set[tuple[str, str, str]] = set()
    seen: set[int] = set()
    waiting = [(place, "", node) for place, node in table.roots.items() if not place.endswith("/?")]
    while waiting and len(seen) < MOST_NODES:
        place, before, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        words = node.beginning("")
        for (short, one), (long, other) in pairwise(words):
            heavier = _weight(other) > _weight(one)
            if long.startswith(short) and heavier and (before, short, long) not in told:
                told.add((before, short, long))
                line, longer = f"{before} {short}".strip(), f"{before} {long}".strip()
                sentence = f"at {place}, {line!r} is also the beginning of {longer!r}, which weighs more."
                yield Finding("warning", "prefix", table.file, sentence)
        waiting += [(place, f"{before} {word}".strip(), after) for word, after in words]
        waiting += [(place, f"{before} {_label(slot)}".strip(), after) for slot, after in node.slots]


def _label(slot: object) -> str:
    return slot.label if isinstance(slot, Template) else getattr(getattr(slot, "type", None), "label", "<…>")


def _weight(node: Node) -> int:
    return max((rule.weight for rule, _ in node.items if not rule.known), default=0)


# --- rows without a test ----------------------------------------------------------------------------------------------


def _untested(bundle: PolicyBundle, table: Table, lines: Iterable[tuple[Position, str]]) -> Iterator[Finding]:
    start = table.spec.start or table.spec.modes[0]
    own = [
        (Position(table.platform, test.mode or start, test.context), test.line)
        for test in (*table.spec.tests, *(test for _, test in table.site_tests))
    ]
    hit: set[str] = set()
    for position, line in (*own, *lines):
        hit.add(decide(bundle, TEST_SITE, position, line, EVERYTHING, NOW).rule_id.rpartition(".")[0])
    told: set[str] = set()
    for rule in table.rules:
        row = rule.id.rpartition(".")[0]
        if row not in hit and row not in told and not rule.id.endswith(".top"):
            told.add(row)
            kind = CAPABILITIES[rule.capability].kind
            sentence = f"no test reaches this row ({rule.capability}, {kind}); add one for {rule.pattern!r}."
            yield Finding("note", "untested", where(table, rule).rpartition(", ")[0], sentence)

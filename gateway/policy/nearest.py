"""The allowed command that is nearest to a refused line, so that a refusal ends in something to type. Pure.

Only commands that may be sent here and now are named: what the subscriber would have to grant first is no help at this
moment, and `?` lists it anyway. Counterpart: `decide`, which puts the sentence into `Deny.hint`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from gateway.policy.capabilities import CAPABILITIES, granted
from gateway.policy.filters import resolve
from gateway.policy.grammar import Node
from gateway.policy.lexer import Command, Word
from gateway.policy.paths import root_of
from gateway.policy.resolver import Match, Stop, walk
from gateway.policy.rule import Rule
from gateway.policy.table import Table
from gateway.policy.verdict import Rights

FAR: Final = 2
"""Letters that may differ between a word and what was meant by it; one for words of up to four letters."""

LONGEST_WORD: Final = 32
_KEYWORD: Final = re.compile(r"[A-Za-z0-9:_-]+")
_LEAST_SHARE: Final = 0.5


def nearest(
    table: Table, place: str, command: Command, typed: Command, stop: Stop, text: str, rights: Rights
) -> str | None:
    """A sentence about what to type instead of `typed` (of the line `text`), or none.

    `command` is the same as it was looked up, with the path in front; it stopped at `stop`.
    """
    root = table.roots[root_of(table, place)]
    if stop.kind == "filter":
        return _filters(table, root, command, text, rights)
    return (
        _elsewhere(table, place, typed, text, rights)
        or _misspelt(table, root, command, stop, text, rights)
        or _alike(table, root, command, rights)
    )


def usable(rule: Rule, rights: Rights) -> bool:
    """Whether the subscriber has allowed what the rule does."""
    return not rule.never and granted(rule.capability, rights)


def _filters(table: Table, root: Node, command: Command, text: str, rights: Rights) -> str | None:
    plain = replace(command, filters=(), end=command.words[-1].end)
    found = walk(table, root, plain.words, plain.end, text)
    rules = [] if isinstance(found, Stop) else [rule for thread in found for rule in thread.node.accepts]
    names = _filter_names(table, [rule for rule in rules if usable(rule, rights)])
    return f"It takes these filters: {', '.join(names)}." if names else "It takes no filter here."


def _filter_names(table: Table, rules: Iterable[Rule]) -> list[str]:
    allowed = [name for name in table.spec.filters if not _refused_filter(table, name)]
    listed = [rule.filters for rule in rules]
    return [name for name in allowed if any(names is None or name in names for names in listed)]


def _refused_filter(table: Table, name: str) -> bool:
    entry = table.spec.filters[name]
    return isinstance(entry, str) and entry in CAPABILITIES


# --- the same words in another mode -----------------------------------------------------------------------------------


def _elsewhere(table: Table, place: str, command: Command, text: str, rights: Rights) -> str | None:
    if not command.words:
        return None
    for prefix in table.spec.prefixes:
        first = Word(prefix.word, command.words[0].start, command.words[0].start)
        found = _fits(table, place, replace(command, words=(first, *command.words)), text, rights)
        if found is not None:
            return f"Here it is `{found.shown}`."
    for other in table.roots:
        if other != place and not other.endswith("/?") and _fits(table, other, command, text, rights) is not None:
            mode, _, context = other.partition("/")
            where = f"mode {mode}" if not context else "an edit level" if context == "path" else context
            return f"This is a command of {where}; go there first."
    return None


def _fits(table: Table, place: str, command: Command, text: str, rights: Rights) -> Match | None:
    found = resolve(table, place, command, text)
    matches = [] if isinstance(found, Stop) else found
    if any(match.rule.never for match in matches):
        return None
    return next((match for match in matches if usable(match.rule, rights)), None)


# --- a letter amiss ---------------------------------------------------------------------------------------------------


def _misspelt(table: Table, root: Node, command: Command, stop: Stop, text: str, rights: Rights) -> str | None:
    if stop.at >= len(command.words):
        return None
    word = table.graph.key(command.words[stop.at].text)
    threads = walk(table, root, command.words[: stop.at], command.end, text)
    if isinstance(threads, Stop) or not word.isascii() or not 2 < len(word) <= LONGEST_WORD:
        return None
    near = sorted(
        (distance(word, table.graph.key(name)), name)
        for name, after in _keywords(thread.node for thread in threads)
        if abs(len(name) - len(word)) <= FAR and any(usable(rule, rights) for rule, _ in after.items)
    )
    if not near or near[0][0] > (1 if len(word) <= 4 else FAR):
        return None
    return f"Did you mean `{f'{stop.understood} {near[0][1]}'.strip()}`?"


def _keywords(nodes: Iterable[Node]) -> Iterator[tuple[str, Node]]:
    for node in nodes:
        yield from node.beginning("")


def distance(one: str, other: str) -> int:
    """Letters to change, leave out, put in or exchange with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before = before, row
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if older and j > 1 and a == other[j - 2] and b == one[i - 2]:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


# --- the same words in another command --------------------------------------------------------------------------------


def _alike(table: Table, root: Node, command: Command, rights: Rights) -> str | None:
    typed = {table.graph.key(word.text) for word in command.words if word.text.isascii()}
    best, share = None, 0.0
    for rule, _ in root.items:
        if rule.known or not usable(rule, rights):
            continue
        words = _words(rule.pattern, fold=table.lexer.case == "fold")
        common = len(typed & words)
        alike = common / len(typed | words) if common > 1 else 0.0
        if alike > share:
            best, share = rule, alike
    return f"The nearest command here is `{best.pattern}`." if best is not None and share >= _LEAST_SHARE else None


@lru_cache(maxsize=16_384)
def _words(pattern: str, *, fold: bool) -> frozenset[str]:
    """The keywords of a pattern, as they are compared."""
    text = re.sub(r"<[^>]*>", " ", pattern)
    return frozenset(_KEYWORD.findall(text.lower() if fold else text))

"""Every beginning of every word that is never allowed: refused, or a whole word of its own.

Deterministic and complete: all refusing rows of all tables, at all their places, every length of each of their words.
"""

from collections.abc import Iterator
from functools import cache

import pytest

from gateway.policy.decide import decide
from gateway.policy.examples import Example, examples
from gateway.policy.grammar import Node
from gateway.policy.lexer import Word
from gateway.policy.load import load_bundle
from gateway.policy.paths import BELOW, root_of
from gateway.policy.resolver import Stop, walk
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.table import Table
from gateway.policy.verdict import Allow, Position

SHIPPED = load_bundle()


def refused(table: Table) -> Iterator[tuple[Example, list[str], int]]:
    """Lines of refusing rows, their words, and how many of these are words of the table."""
    seen: set[tuple[str, str]] = set()
    for example in examples(table):
        if not example.rule.never:
            continue
        words = example.line.split(" ")
        keywords = next(
            (at for at, word in enumerate(words) if not is_whole_word(table, example.place, words[:at], word)),
            len(words),
        )
        key = (example.place, " ".join(words[:keywords]))
        if keywords and key not in seen:
            seen.add(key)
            yield example, words, keywords


@cache
def _nodes(table: Table, place: str, before: tuple[str, ...]) -> tuple[Node, ...]:
    words = tuple(Word(text, 0, 0) for text in before)
    found = walk(table, table.roots[root_of(table, place)], words, 0, "")
    return () if isinstance(found, Stop) else tuple(thread.node for thread in found)


def is_whole_word(table: Table, place: str, before: list[str], word: str) -> bool:
    """Whether the table has `word`, spelled so, behind the words `before`."""
    key = table.graph.key(word)
    return any(node.keyword(key) is not None for node in _nodes(table, place, tuple(before)))


@pytest.mark.parametrize("platform", [name for name in SHIPPED.tables if name != "cwmp"])  # it refuses no words
def test_a_beginning_of_a_refused_word_is_refused_or_a_whole_word(platform: str) -> None:
    table = SHIPPED.tables[platform]
    tried, wrong = 0, []
    for example, words, keywords in refused(table):
        mode, _, context = example.place.partition("/")
        position = Position(platform, mode, "" if context == BELOW else context)
        for at in range(keywords):
            for length in range(1, len(words[at])):
                short = words[at][:length]
                for rest in ([], words[at + 1 :]):
                    tried += 1
                    line = " ".join((*words[:at], short, *rest))
                    verdict = decide(SHIPPED, TEST_SITE, position, line, EVERYTHING, NOW)
                    if not isinstance(verdict, Allow) or verdict.help or not table.lexer.abbreviates:
                        continue
                    shorter = not rest and at < len(words) - 1  # what the row refuses comes behind this word
                    if not shorter and not is_whole_word(table, example.place, words[:at], short):
                        wrong.append((example.place, line, verdict.canonical, verdict.rule_id))
    assert tried > 200
    assert wrong == []

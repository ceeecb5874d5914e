"""Commands with their output filters (`| include x`, `| grep x`). Counterpart: `resolver`, which reads the words.

Filters are a fixed list for each platform. Where only one may follow, the rest of the line is its argument; programs
of a shell get listed options and no files.
"""

from collections.abc import Iterator
from typing import Literal

from gateway.policy.lexer import Command, Word
from gateway.policy.resolver import Match, Piece, Stop, Thread, as_sent, resolve_words, said, walk
from gateway.policy.rule import Rule
from gateway.policy.table import Table


def resolve(table: Table, place: str, command: Command, text: str) -> list[Match] | Stop:
    """Every rule that `command` (of the line `text`) fits at `place`, or where it stopped. The list is never empty."""
    found = resolve_words(table, place, command, text)
    if isinstance(found, Stop):
        return found
    plain, whole = found
    sent = [match for one in [*plain, *whole] if (match := as_sent(one, table.lexer)) is not None]
    if not command.filters or not plain:
        return sent or Stop("unknown", len(command.words), plain[0].shown if plain else "")
    filtered = _filtered(table, command, text, plain)
    # A value may have taken all of the line; a refusal of the other reading still counts.
    if isinstance(filtered, Stop):
        return whole if whole and filtered.kind != "never" else filtered
    return [*filtered, *whole]


def _filtered(table: Table, command: Command, text: str, matches: list[Match]) -> list[Match] | Stop:
    """The matches that take these filters, with them."""
    pipes: list[Piece] = []
    names: set[str] = set()
    segments = _joined(table, command.filters) if table.lexer.chains else command.filters[:1]
    for words in segments:
        found = _filter(table, words, command.end if not table.lexer.chains else words[-1].end, text)
        if isinstance(found, Stop):
            return found
        if not table.lexer.chains and len(command.filters) > 1 and not found.whole:
            return Stop("filter", 0, found.pieces[0].text)
        names.add(found.pieces[0].text)
        pipe = table.lexer.filter_char or "|"
        pipes += [Piece(pipe, pipe, words[0].start, words[0].start), *found.pieces]
    fitting = [m for m in matches if m.rule.never or m.rule.filters is None or names <= m.rule.filters]
    if not all(m in fitting for m in matches if not m.rule.site):
        # A filter that the table does not offer behind its command gets no other capability by an overlay's row.
        fitting = [m for m in fitting if not m.rule.site or m.rule.never]
    sent = [
        Match(m.rule, (*s.pieces, *pipes), m.values, m.typed)
        for m in fitting
        if (s := as_sent(m, table.lexer)) is not None
    ]
    return sent or Stop("filter", 0, matches[0].shown if matches else "")


def _joined(table: Table, segments: tuple[tuple[Word, ...], ...]) -> list[tuple[Word, ...]]:
    """The filters, with `include CRC|drops` as one: where there are no quotes, what begins no filter is the rest of a
    regular expression. This takes a table that lists every filter of its device, offered or not."""
    joined: list[tuple[Word, ...]] = []
    for words in segments:
        known = table.filter_root is None or table.filter_root.beginning(table.graph.key(words[0].text))
        if not joined or known or table.lexer.quotes != "none" or table.lexer.kind != "words":
            joined.append(words)
            continue
        *before, last = joined[-1]
        pipe = table.lexer.filter_char or "|"
        glued = words[0].start == last.end + len(pipe)
        one = [Word(f"{last.text}{pipe}{words[0].text}", last.start, words[0].end)] if glued else [last, words[0]]
        joined[-1] = (*before, *one, *words[1:])
    return joined


def _filter(table: Table, words: tuple[Word, ...], end: int, text: str) -> Thread | Stop:
    if table.filter_root is None:
        return Stop("filter", 0, "")
    threads = walk(table, table.filter_root, _separate(table, words), end, text)
    if isinstance(threads, Stop):
        kind: Literal["never", "filter"] = "filter" if threads.rule is None else "never"
        return Stop(kind, 0, threads.understood, threads.rule, threads.options)
    for thread in threads:
        stop = thread.stop or (_hidden_filter(table, thread) if thread.whole else None)
        if stop is not None:
            return Stop("never", 0, said([thread]), stop)
    done = [thread for thread in threads if thread.node.accepts]
    return done[0] if done else Stop("filter", 0, said(threads))


def _hidden_filter(table: Table, thread: Thread) -> Rule | None:
    """A second filter inside the rest of the line. The device may take it for one where the table says it cannot."""
    for segment in thread.values[-1].text.split(table.lexer.filter_char or "|")[1:]:
        words = segment.split()
        if len(words) > 1 and table.filter_root is not None and words[0].isascii():
            for _, node in table.filter_root.beginning(table.graph.key(words[0])):
                for rule in node.accepts:
                    if rule.never:
                        return rule
    return None


def _separate(table: Table, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Joined options of a shell filter one by one: `-iE` as `-i -E`, `-A3` as `-A 3`."""
    known = table.programs.get(words[0].text)
    return words if known is None else (words[0], *(part for word in words[1:] for part in _options(word, *known)))


def _options(word: Word, alone: frozenset[str], valued: frozenset[str]) -> Iterator[Word]:
    letters = word.text[1:]
    if not word.text.startswith("-") or word.quoted or len(letters) < 2 or letters[0] not in alone | valued:
        yield word
        return
    at = next((index for index, letter in enumerate(letters) if letter not in alone), len(letters))
    if at < len(letters) and letters[at] not in valued:
        yield word
        return
    for letter in letters[: at + 1]:
        yield Word(f"-{letter}", word.start, word.end)
    if letters[at + 1 :]:
        yield Word(letters[at + 1 :], word.start, word.end)

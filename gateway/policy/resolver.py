"""Word by word from a lexed command to the rules it fits, or to the word at which it stopped. Counterpart: `grammar`.

At every word: an exact keyword wins; else the one keyword that begins so, several are ambiguous; else arguments. A line
may then fit several rules (the same words as different arguments); `decide` takes the strictest.
"""

from dataclasses import dataclass, replace
from typing import Literal

from gateway.policy.grammar import Node
from gateway.policy.lexer import Command, Word
from gateway.policy.pattern import Keyword, Slot, Template
from gateway.policy.rule import Rule
from gateway.policy.schema import LexerSpec
from gateway.policy.table import Table, spell, spell_keyword, spell_pair, spellable

REDACTED = "<redacted>"


@dataclass(frozen=True, slots=True)
class Value:
    """A typed argument as it will be sent, without quotes."""

    slot: Slot
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A word as it will be sent, as it may be shown, and where it stood in the typed line."""

    text: str
    shown: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that fits the whole command, filters included."""

    rule: Rule
    pieces: tuple[Piece, ...]
    values: tuple[Value, ...]
    typed: tuple[Piece, ...]
    """Like `pieces`, before the rule's own wording: with positions in the typed line."""
    lead: str = ""
    """What stands before the first word without a blank: the slash of an absolute line."""

    @property
    def canonical(self) -> str:
        """The text to send."""
        return self.lead + " ".join(piece.text for piece in self.pieces)

    @property
    def shown(self) -> str:
        """The same without secrets."""
        return self.lead + " ".join(piece.shown for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Stop:
    """Where and why a command went no further. `understood` are the words before, as they may be shown."""

    kind: Literal["unknown", "ambiguous", "incomplete", "never", "filter"]
    at: int
    """Index of the word, from 0."""
    understood: str
    rule: Rule | None = None
    """The refusing rule with which the line begins."""
    options: tuple[str, ...] = ()
    """Keywords an ambiguous word may mean."""
    barred: Rule | None = None
    """A refusing rule of the table that some reading of the words began with."""


@dataclass(slots=True)
class Thread:
    """One reading of the words so far. Only `walk` sets `stop`, before anyone else sees the thread."""

    node: Node
    at: int
    """Words read."""
    pieces: tuple[Piece, ...] = ()
    values: tuple[Value, ...] = ()
    stop: Rule | None = None
    """The longest refusing rule passed on the way."""
    whole: bool = False
    """A value took the rest of the line, filters included."""
    barred: Rule | None = None
    """A refusing rule of the table that some reading of the words began with; rules of an overlay give way to it."""


def resolve_words(table: Table, place: str, command: Command, text: str) -> tuple[list[Match], list[Match]] | Stop:
    """Every rule that the words of `command` (of the line `text`) fit at `place`, or where they stopped.

    First the readings in which the words are all there is to it, then those in which a value took the filters too.
    """
    threads = walk(table, table.roots[place], command.words, command.end, text)
    if isinstance(threads, Stop):
        return threads
    complete = [(thread, rule) for thread in threads for rule in thread.node.accepts]
    if any(rule.site and not rule.never for _, rule in complete):
        complete = _beside_table(table, place, command, text, complete)
    firm = [(thread, rule) for thread, rule in complete if not rule.known and not (rule.site and _barred(thread, rule))]
    if not firm:
        stop = _stop(threads) or next((thread.barred for thread, rule in complete if rule.site), None)
        kind: Literal["unknown", "incomplete", "never"] = "never" if stop else "unknown" if complete else "incomplete"
        return Stop(kind, len(command.words), said(threads), stop)
    matches = [(thread.whole, Match(rule, thread.pieces, thread.values, thread.pieces)) for thread, rule in firm]
    return [match for whole, match in matches if not whole], [match for whole, match in matches if whole]


def _beside_table(
    table: Table, place: str, command: Command, text: str, complete: list[tuple[Thread, Rule]]
) -> list[tuple[Thread, Rule]]:
    """`complete` with what the table alone makes of the words, for a keyword of an overlay hides its arguments.

    Rules of overlays give way to a refusal that the words begin with then.
    """
    assert table.plain_roots is not None
    alone = walk(table, table.plain_roots[place], command.words, command.end, text)
    if isinstance(alone, Stop):
        if alone.kind == "ambiguous":
            return [(thread, rule) for thread, rule in complete if not rule.site or rule.never]
        barred = alone.barred
    else:
        complete = [*complete, *((thread, rule) for thread in alone for rule in thread.node.accepts)]
        barred = alone[0].barred
    for thread, _ in complete:
        thread.barred = thread.barred or barred
    return complete


def walk(table: Table, root: Node, words: tuple[Word, ...], end: int, text: str) -> list[Thread] | Stop:
    """All readings of `words` from `root`; never an empty list. `end` is where the command stops in `text`."""
    threads = [Thread(root, 0)]
    barred: Rule | None = None
    for at in range(len(words)):
        active = [thread for thread in threads if thread.at == at]
        waiting = [thread for thread in threads if thread.at > at]
        if not active:
            continue
        moved = _step(table, active, words, end, text)
        if isinstance(moved, Stop):
            if moved.kind == "ambiguous" or not waiting:
                return replace(moved, barred=barred)
            moved = []
        for thread in moved:
            for rule in thread.node.accepts:
                if rule.final:
                    return Stop("never", at, said([thread]), rule)
            refusing = [rule for rule in thread.node.accepts if rule.never and not rule.known]
            thread.stop = refusing[0] if refusing else thread.stop
            barred = barred or next((rule for rule in refusing if not rule.site), None)
        threads = moved + waiting
    for thread in threads:
        thread.barred = barred
    return threads


def _barred(thread: Thread, rule: Rule) -> bool:
    return not rule.never and thread.barred is not None


def _step(table: Table, active: list[Thread], words: tuple[Word, ...], end: int, text: str) -> list[Thread] | Stop:
    at = active[0].at
    word = words[at]
    found: list[tuple[Thread, tuple[str, Node]]] = []
    if word.text.isascii() and not (word.quoted and table.lexer.kind != "shell-strict"):
        key = table.graph.key(word.text)
        found = [(thread, edge) for thread in active if (edge := thread.node.keyword(key)) is not None]
        if not found and table.lexer.abbreviates and key:
            found = [(thread, edge) for thread in active for edge in thread.node.beginning(key)]
            names = dict.fromkeys(name for _, (name, _) in found)
            if len({table.graph.key(name) for name in names}) > 1:
                return Stop("ambiguous", at, said(active), _stop(active), tuple(names))
    if not found:
        moved = _arguments(table, active, words, end, text, only_split=False)
        if moved or table.lexer.kind != "routeros":
            return moved or Stop("never" if _stop(active) else "unknown", at, said(active), _stop(active))
        return _short_key(table, active, words, end, text)
    return _beside_keyword(table, active, found, words, end, text)


def _short_key(table: Table, active: list[Thread], words: tuple[Word, ...], end: int, text: str) -> list[Thread] | Stop:
    """Readings of `freq=auto` where the one key that begins so is `frequency=`. A key written out stays itself."""
    at = active[0].at
    word = words[at]
    typed, sign, value = word.text.partition("=")
    keys = {
        slot.parts[0]: None
        for thread in active
        for slot, _ in thread.node.slots
        if isinstance(slot, Template) and isinstance(slot.parts[0], str) and slot.parts[0].startswith(typed)
    }
    whole = [key for key in keys if key.endswith("=")] if typed and sign and not word.quoted else []
    if len(whole) > 1 and f"{typed}=" not in whole:
        return Stop("ambiguous", at, said(active), _stop(active), tuple(whole))
    if len(whole) == 1:
        spelled = replace(word, text=whole[0] + value)
        moved = _arguments(table, active, (*words[:at], spelled, *words[at + 1 :]), end, text, only_split=False)
        if moved:
            return moved
    return Stop("never" if _stop(active) else "unknown", at, said(active), _stop(active))


def _beside_keyword(
    table: Table,
    active: list[Thread],
    found: list[tuple[Thread, tuple[str, Node]]],
    words: tuple[Word, ...],
    end: int,
    text: str,
) -> list[Thread] | Stop:
    """Readings as the one keyword found, and as an interface in two words (`Gi 0/1`), whose kind is a keyword too.

    Both count if it is the same word (`dot11Radio 0`); else an exact keyword wins, and an abbreviation is ambiguous.
    """
    at = active[0].at
    keyword = found[0][1][0]
    moved = [_take(thread, spell_keyword(name, table.lexer), node, words[at]) for thread, (name, node) in found]
    for thread in _arguments(table, active, words, end, text, only_split=True):
        kind = thread.pieces[-1].text.removesuffix(words[at + 1].text)
        if table.graph.key(kind) == table.graph.key(keyword):
            moved.append(thread)
        elif table.graph.key(words[at].text) != table.graph.key(keyword):
            return Stop("ambiguous", at, said(active), _stop(active), (keyword, kind))
    return moved


def _take(thread: Thread, name: str, node: Node, word: Word) -> Thread:
    piece = Piece(name, name, word.start, word.end)
    return Thread(node, thread.at + 1, (*thread.pieces, piece), thread.values, thread.stop)


def _arguments(
    table: Table, active: list[Thread], words: tuple[Word, ...], end: int, text: str, *, only_split: bool
) -> list[Thread]:
    """Readings of the next word (or words) as an argument. `only_split`: only as an interface name in two words."""
    moved: list[Thread] = []
    for thread in active:
        word = words[thread.at]
        for slot, node in thread.node.slots:
            if isinstance(slot, Template):
                taken = None if only_split else _template(slot, word, table.lexer)
                if taken is not None:
                    piece, values = taken
                    moved.append(
                        Thread(node, thread.at + 1, (*thread.pieces, piece), thread.values + values, thread.stop)
                    )
                continue
            value, last, whole = _raw_value(table, slot, words, thread.at, end, text, only_split=only_split)
            canonical = None if value is None else _accepted(slot, value, table.lexer)
            if canonical is None:
                continue
            spelled = spell(canonical, table.lexer)
            piece = Piece(spelled, REDACTED if slot.secret else spelled, word.start, end if whole else words[last].end)
            moved.append(
                Thread(
                    node,
                    len(words) if whole else last + 1,
                    (*thread.pieces, piece),
                    (*thread.values, Value(slot, canonical)),
                    thread.stop,
                    whole,
                )
            )
    return moved


def _raw_value(
    table: Table, slot: Slot, words: tuple[Word, ...], at: int, end: int, text: str, *, only_split: bool
) -> tuple[str | None, int, bool]:
    """The text to try for `slot`, the last word it takes, and whether it takes the rest of the line."""
    word = words[at]
    after = words[at + 1].text if at + 1 < len(words) else ""
    if slot.type.split and after[:1].isdigit() and not word.quoted and not word.text[-1:].isdigit():
        return f"{word.text} {after}", at + 1, False
    if only_split or _looks_like_option(word.text, slot, table.lexer):
        return None, at, False
    if slot.type.blank and table.lexer.rest_of_line:
        return text[word.start : end], at, True
    return word.text, at, False


def _looks_like_option(text: str, slot: Slot, lexer: LexerSpec) -> bool:
    """Whether a program may take the value for an option; quotes do not help against that."""
    return text.startswith("-") and not slot.type.minus and not (slot.type.blank and lexer.rest_of_line)


def _accepted(slot: Slot, text: str, lexer: LexerSpec) -> str | None:
    canonical = slot.type.match(text) if spellable(text, lexer) else None
    if canonical is None or (slot.refuse and canonical.startswith(slot.refuse)):
        return None
    return canonical


def _template(template: Template, word: Word, lexer: LexerSpec) -> tuple[Piece, tuple[Value, ...]] | None:
    """A word of fixed text and arguments. Quotes go around the last part if only that needs them."""
    found = template.whole.match(word.text)
    first = template.parts[0]
    if found is None or (isinstance(first, Slot) and _looks_like_option(word.text, first, lexer)):
        return None
    if word.quoted and lexer.kind == "routeros":
        return None  # "key=value" in quotes is a value, not a key with one
    values: list[Value] = []
    plain: list[str] = []
    shown: list[str] = []
    for at, part in enumerate(template.parts):
        if isinstance(part, str):
            canonical: str | None = part
            shown.append(part)
        else:
            canonical = _accepted(part, found[f"slot{at}"], lexer)
            values.append(Value(part, canonical or ""))
            shown.append(REDACTED if part.secret else canonical or "")
        if canonical is None:
            return None
        plain.append(canonical)
    head, tail = "".join(plain[:-1]), plain[-1]
    sent = spell_pair(head, tail, lexer)
    secret = any(value.slot.secret for value in values)
    return Piece(sent, "".join(shown) if secret else sent, word.start, word.end), tuple(values)


def said(threads: list[Thread]) -> str:
    """The words read so far, as they may be shown."""
    return " ".join(piece.shown for piece in threads[0].pieces)


def _stop(threads: list[Thread]) -> Rule | None:
    return min((t.stop for t in threads if t.stop is not None), key=lambda rule: rule.order, default=None)


def as_sent(match: Match, lexer: LexerSpec) -> Match | None:
    """The match with the text of its rule's `send`, if it has one; none if an argument of that was not given."""
    if match.rule.send is None:
        return match
    values = {value.slot.name: value for value in match.values}
    pieces: list[Piece] = []
    for item in match.rule.send:
        text = shown = ""
        for part in item.parts if isinstance(item, Template) else (item,):
            if isinstance(part, Slot):
                value = values.get(part.name)
                if value is None:
                    return None
                text += value.text
                shown += REDACTED if value.slot.secret else value.text
            elif isinstance(part, Keyword | str):
                text += part if isinstance(part, str) else part.text
                shown += part if isinstance(part, str) else part.text
        sent = spell_keyword(text, lexer) if isinstance(item, Keyword) else spell(text, lexer)
        pieces.append(Piece(sent, shown, 0, 0))
    return Match(match.rule, tuple(pieces), match.values, match.typed)

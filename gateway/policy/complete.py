"""Tab and `?`, answered from our own tables; the router never sees them. Counterpart: the line editor of a front end.

Tab offers only what may be sent here and now. Help also lists what the subscriber could still grant, and says so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gateway.policy.capabilities import granted
from gateway.policy.cwmp.completion import NamesOf, Offers, offers
from gateway.policy.cwmp.policy import PLATFORM, CwmpPolicy
from gateway.policy.filters import resolve
from gateway.policy.grammar import Node
from gateway.policy.lexer import Command, LineRefused, Word
from gateway.policy.paths import Path, root_of, rooted
from gateway.policy.pattern import Slot, Template
from gateway.policy.position import path_at, place_of, position_after
from gateway.policy.resolver import Stop, Thread, walk
from gateway.policy.rule import Rule
from gateway.policy.table import PolicyBundle, Table
from gateway.policy.verdict import Position, Rights

END = "<cr>"
"""Stands for "the line may end here"."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Words that can stand where the cursor is, and what to insert there (empty if Tab adds nothing)."""

    candidates: tuple[str, ...] = ()
    insertion: str = ""


@dataclass(frozen=True, slots=True)
class HelpLine:
    """A word that can come next. `needs`: capabilities of which the subscriber must grant one first; empty if none."""

    word: str
    text: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cursor:
    """What was typed before the word under the cursor, read, and that word as far as it was typed."""

    table: Table
    nodes: tuple[Node, ...]
    partial: str
    filters: frozenset[str] | None
    """Names of filters that may stand here; none if any word may."""


@dataclass(frozen=True, slots=True)
class _Offer:
    word: str
    node: Node
    open_end: bool = False
    """Only the beginning of a word: no blank after it."""


def complete(
    bundle: PolicyBundle, position: Position, line: str, rights: Rights, names: NamesOf | None = None
) -> Completion:
    """Completion of `line`, the text before the cursor. `names`: what is known of the tree of a CWMP router."""
    if bundle.cwmp is not None and position.platform == PLATFORM:
        return _of_cwmp(bundle.cwmp, position, line, rights, names)
    cursor = _cursor(bundle, position, line)
    if cursor is None or rights.ended is not None:
        return Completion()
    offers = [offer for offer in _offers(cursor) if _usable(offer.node, rights)]
    words = tuple(dict.fromkeys(offer.word for offer in offers))
    if len(words) == 1:
        return Completion(words, words[0][len(cursor.partial) :] + ("" if offers[0].open_end else " "))
    shared = _shared_beginning([cursor.table.graph.key(word) for word in words])
    return Completion(words, shared[len(cursor.partial) :])


def _of_cwmp(policy: CwmpPolicy, position: Position, line: str, rights: Rights, names: NamesOf | None) -> Completion:
    found = offers(policy, position, line, rights, names) if rights.ended is None else Offers()
    usable = [one for one in found.words if one.needs is None and not one.slot]
    words = tuple(dict.fromkeys(one.word for one in usable))
    shared = _shared_beginning([word.lower() for word in words])
    whole = words[0] if len(words) == 1 else shared
    end = " " if len(words) == 1 and not usable[0].open_end else ""
    return Completion(words, whole[len(found.partial) :] + end)


def _shared_beginning(words: list[str]) -> str:
    first, last = (min(words), max(words)) if words else ("", "")
    return next((first[:at] for at, letter in enumerate(first) if last[at : at + 1] != letter), first)


def help_lines(bundle: PolicyBundle, position: Position, line: str, rights: Rights) -> tuple[HelpLine, ...]:
    """What can follow `line` (with or without a help character at its end). Empty if nothing can; of a CWMP router's
    line that is whole, what its last word means."""
    if bundle.cwmp is not None and position.platform == PLATFORM:
        return _help_of_cwmp(bundle.cwmp, position, line, rights)
    cursor = _cursor(bundle, position, _without_help(bundle, position, line))
    if cursor is None or rights.ended is not None:
        return ()
    found: dict[str, HelpLine] = {}
    for word, rules in (*_help_words(cursor), *_help_slots(cursor), *_help_end(cursor)):
        open_to = [rule for rule in rules if not rule.never]
        if open_to and word not in found:
            found[word] = HelpLine(word, _text(open_to), _needs(open_to, rights))
    ends = found.pop(END, None)
    return (*sorted(found.values(), key=lambda entry: entry.word.lower()), *([ends] if ends else []))


def _help_of_cwmp(policy: CwmpPolicy, position: Position, line: str, rights: Rights) -> tuple[HelpLine, ...]:
    typed = line.rstrip()
    asked = typed.removesuffix("?") if typed.endswith("?") else line
    head, blank, rest = asked.lstrip().partition(" ")
    if head.lower() == "help":  # `help show` is `show ?`
        asked = f"{rest.strip()}{blank}" if rest.strip() else ""
    found = offers(policy, position, asked, rights).words if rights.ended is None else ()
    if not found and rights.ended is None and (whole := asked.rstrip()):
        last = whole.rpartition(" ")[2].lower()
        found = tuple([one for one in offers(policy, position, whole, rights).words if one.word.lower() == last])
    lines = {one.word: HelpLine(one.word, one.text, (one.needs,) if one.needs else ()) for one in found}
    return tuple(sorted(lines.values(), key=lambda entry: entry.word.lower()))


def help_text(bundle: PolicyBundle, position: Position, line: str, rights: Rights) -> str:
    """`help_lines` for a terminal, each line ended by LF; empty if nothing can follow."""
    return "".join(f"  {_shown(entry)}\n" for entry in help_lines(bundle, position, line, rights))


def _shown(entry: HelpLine) -> str:
    needs = f"[needs consent: {', '.join(entry.needs)}]" if entry.needs else ""
    return f"{entry.word:<22} {' '.join(filter(None, (entry.text, needs)))}".rstrip()


# --- where the cursor is ----------------------------------------------------------------------------------------------


def _without_help(bundle: PolicyBundle, position: Position, line: str) -> str:
    table = bundle.tables.get(position.platform)
    mark = "" if table is None else table.lexer.help
    stripped = line.rstrip()
    return stripped[: -len(mark)] if mark and stripped.endswith(mark) else line


def _cursor(bundle: PolicyBundle, position: Position, line: str) -> _Cursor | None:
    table = bundle.tables.get(position.platform)
    place = None if table is None else place_of(table, position)
    if table is None or place is None:
        return None
    table.trim()
    try:
        # A stand-in for the word under the cursor when nothing of it was typed yet.
        fresh = not line or line[-1] in {
            " ",
            "\t",
            table.lexer.filter_char,
            *(mark[-1] for mark in table.lexer.separators),
            *("/[" if table.lexer.kind == "routeros" else ""),
        }
        lexed = table.lex(f"{line} x" if fresh else line)
    except LineRefused:
        return None
    *before, command = lexed.commands
    path = path_at(table, position)
    for earlier in before:
        place, path = _place_after(table, place, path, earlier, lexed.text)
    words = command.filters[-1] if command.filters else command.words
    partial = Word("", 0, 0) if fresh else words[-1]
    if partial.quoted or not partial.text.isascii():
        return None
    behind = command if command.filters else replace(command, words=command.words[:-1])
    from_top = rooted(table, place, path, behind)
    return None if from_top is None else _at_word(table, root_of(table, place), from_top, lexed.text, partial.text)


def _place_after(table: Table, place: str, path: Path, command: Command, text: str) -> tuple[str, Path]:
    from_top = rooted(table, place, path, command)
    found = None if from_top is None else resolve(table, root_of(table, place), from_top, text)
    if found is None or isinstance(found, Stop):
        return place, path
    entered = position_after(table, found[0], place, path)
    return (place, path) if entered is None else (place_of(table, entered) or place, path_at(table, entered))


def _at_word(table: Table, place: str, command: Command, text: str, partial: str) -> _Cursor | None:
    """`command`: without the word under the cursor, unless that belongs to a filter."""
    if not command.filters:
        threads = walk(table, table.roots[place], command.words, command.end, text)
        return None if isinstance(threads, Stop) else _Cursor(table, _nodes(threads, len(command.words)), partial, None)
    main = resolve(table, place, Command(command.words, (), command.words[-1].end), text)
    if isinstance(main, Stop) or table.filter_root is None:
        return None
    allowed = [m.rule.filters for m in main if not m.rule.never]
    names = frozenset(table.spec.filters) if None in allowed else frozenset().union(*(f for f in allowed if f))
    words = command.filters[-1]
    threads = walk(table, table.filter_root, words[:-1], command.end, text)
    if isinstance(threads, Stop):
        return None
    return _Cursor(table, _nodes(threads, len(words) - 1), partial, names if len(words) == 1 else None)


def _nodes(threads: list[Thread], read: int) -> tuple[Node, ...]:
    return tuple(thread.node for thread in threads if thread.at == read and not thread.whole)


# --- what can stand there ---------------------------------------------------------------------------------------------


def _offers(cursor: _Cursor) -> Iterator[_Offer]:
    key = cursor.table.graph.key(cursor.partial)
    for node in cursor.nodes:
        for name, after in node.beginning(key):
            if cursor.filters is None or name in cursor.filters:
                yield _Offer(name, after)
        for slot, after in node.slots:
            if isinstance(slot, Template):
                head = slot.parts[0] if isinstance(slot.parts[0], str) else ""
                if head.startswith(cursor.partial) and len(head) > len(cursor.partial):
                    yield _Offer(head, after, open_end=True)
            else:
                yield from (
                    _Offer(v, after) for v in slot.type.values if cursor.partial and v.startswith(cursor.partial)
                )


def _help_words(cursor: _Cursor) -> Iterator[tuple[str, Iterable[Rule]]]:
    key = cursor.table.graph.key(cursor.partial)
    for node in cursor.nodes:
        for name, after in node.beginning(key):
            if cursor.filters is None or name in cursor.filters:
                yield name, [rule for rule, _ in after.items]


def _help_slots(cursor: _Cursor) -> Iterator[tuple[str, Iterable[Rule]]]:
    for node in cursor.nodes:
        for slot, after in node.slots:
            if _could_be(slot, cursor.partial):
                label = slot.label if isinstance(slot, Template) else slot.type.label
                yield label, [rule for rule, _ in after.items]


def _could_be(slot: Slot | Template, partial: str) -> bool:
    """Whether the typed beginning may become this argument; only fixed beginnings can rule it out."""
    head = slot.parts[0] if isinstance(slot, Template) else ""
    return not isinstance(head, str) or head.startswith(partial) or partial.startswith(head)


def _help_end(cursor: _Cursor) -> Iterator[tuple[str, Iterable[Rule]]]:
    if not cursor.partial:
        yield from ((END, node.accepts) for node in cursor.nodes if node.accepts)


def _usable(node: Node, rights: Rights) -> bool:
    return any(not rule.never and not _needs([rule], rights) for rule, _ in node.items)


def _needs(rules: list[Rule], rights: Rights) -> tuple[str, ...]:
    """Capabilities of which one is needed; empty if one of the rules can be used as things are."""
    missing = [rule.capability for rule in rules if not granted(rule.capability, rights)]
    return tuple(sorted(set(missing))) if len(missing) == len(rules) else ()


def _text(rules: list[Rule]) -> str:
    texts = {rule.row.help for rule in rules if rule.row is not None and rule.row.help}
    return texts.pop() if len(texts) == 1 else ""

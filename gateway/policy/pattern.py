"""Command patterns as tables write them (`show ip interface [brief] [<iface>]`), parsed. Counterpart: `grammar`.

    item     = word | "[" branches "]" | "{" branches "}" | "(" item ... ")"
    branches = items *("|" items)
    word     = keyword | "<" [name ":"] type ">" | a mixture of both
A backslash makes the next character plain.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from gateway.policy.types import ArgType


@dataclass(frozen=True, slots=True, eq=False)
class Keyword:
    """A word the rep may abbreviate where the platform does, spelled as it is sent."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A typed argument. Equal slots of a table are the same object, so that rows share the edge."""

    name: str
    type: ArgType
    secret: bool
    refuse: tuple[str, ...] = ()
    """Beginnings of canonical values that do not fit."""


@dataclass(frozen=True, eq=False)
class Template:
    """One word of fixed text and arguments, such as `wireless.<radio>.channel=<chan>`."""

    parts: tuple[str | Slot, ...]
    label: str

    @cached_property
    def whole(self) -> re.Pattern[str]:
        """The whole word, with a group `slot<n>` for the argument at `parts[n]`. Made when first needed."""
        # Named groups: an expression of a table may have groups of its own.
        regex = "".join(
            re.escape(part) if isinstance(part, str) else f"(?P<slot{at}>{part.type.fragment})"
            for at, part in enumerate(self.parts)
        )
        return re.compile(rf"(?:{regex})\Z", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Exactly one of these sequences; an empty one makes it optional."""

    branches: tuple["Sequence", ...]


@dataclass(frozen=True, slots=True, eq=False)
class AnyOrder:
    """These parts in any order, each once. A part may be left out if `needed` is false for it."""

    parts: tuple["Sequence", ...]
    needed: tuple[bool, ...]


Item: TypeAlias = Keyword | Slot | Template | Choice | AnyOrder
Sequence: TypeAlias = tuple[Item, ...]

SlotOf: TypeAlias = Callable[[str, str], Slot]
"""From an argument's name and type name to its slot. Raises ValueError."""

MOST_PARTS: Final = 40
"""Parts of one `(…)`."""

_MARK: Final = r"[][{}()|]|(?:\\.|<[^<>\s]*>|[^][{}()|<>\\\s]+)+"
_TOKEN: Final = re.compile(rf"\[[^][{{}}()<>\\]+\]|\{{[^][{{}}()<>\\]+\}}|{_MARK}")
"""A bracket, a bar, a word; or a whole group of plain words."""

_TOKEN_OR_BLANK: Final = re.compile(rf"\s+|{_MARK}")
_PIECE: Final = re.compile(r"\\(.)|<([^<>]*)>|([^\\<]+)")
_RANGE: Final = r"-?\d+--?\d+"
_ARGUMENT: Final = re.compile(
    rf"(?:([A-Za-z][A-Za-z0-9_-]*):)?([A-Za-z][A-Za-z0-9_-]*(?::{_RANGE})?|{_RANGE})\Z", re.ASCII
)
_CLOSERS: Final = {"[": "]", "{": "}", "(": ")"}
_ENDS: Final = frozenset(")]}")
_KEYWORDS: Final[dict[str, Keyword]] = {}
"""Words that were read before: the same object for the same word, because tables write few words often."""


def parse_pattern(text: str, slot_of: SlotOf) -> Sequence:
    """The items of `text`. Raises ValueError with a sentence that says what is wrong where."""
    marks = _tokens(text)
    branches, _ = _branches(marks, 0, "", slot_of)
    if len(branches) != 1:
        raise ValueError(f"in {text!r}, put a choice in braces: {{a|b}}")
    if not branches[0]:
        raise ValueError("a command pattern is empty")
    return branches[0]


_MARKS: Final = frozenset("[]{}()|<\\")


def _tokens(text: str) -> list[str]:
    if _MARKS.isdisjoint(text):
        return text.split()
    marks = _TOKEN.findall(text)
    if "".join("".join(marks).split()) != "".join(text.split()):
        raise ValueError(f"in {text!r}, something cannot be read; arguments are written <type> or <name:type>")
    if _GLUED.search(text) if "\\" not in text else _glued(text):
        raise ValueError(f"in {text!r}, put blanks around brackets; inside a word use an enumeration type")
    return marks


_GLUED: Final = re.compile(r"[^\s|(\[{][(\[{]|[)\]}][^\s|)\]}]")


def _glued(text: str) -> bool:
    """Whether a bracket touches a word; for patterns in which a backslash makes brackets parts of words."""
    before = " "
    for mark in _TOKEN_OR_BLANK.findall(text):
        if mark[0] not in _AFTER_WORDS and before[0] not in _BEFORE_WORDS:
            return True
        before = mark
    return False


_AFTER_WORDS: Final = frozenset(" \t|)]}")
_BEFORE_WORDS: Final = frozenset(" \t|([{")


def _branches(marks: list[str], at: int, closer: str, slot_of: SlotOf) -> tuple[list[Sequence], int]:
    """Sequences separated by `|` up to `closer`; the position of the closer (or the end)."""
    done: list[Sequence] = []
    items: list[Item] = []
    end = len(marks)
    while at < end:
        mark = marks[at]
        known = _KEYWORDS.get(mark)
        if known is not None:
            items.append(known)
        elif mark == "|":
            done.append(tuple(items))
            items = []
        elif mark in _CLOSERS:
            item, at = _group(marks, at, slot_of)
            items.append(item)
            continue
        elif mark[0] in "[{":
            branches = _flat(mark)
            items.append(Choice((*branches, ()) if mark[0] == "[" else branches))
        elif mark in _ENDS:
            break
        else:
            items.append(_word(mark, slot_of))
        at += 1
    if (marks[at] if at < len(marks) else "") != closer:
        raise ValueError(f"in {' '.join(marks)!r}, {closer or marks[at]!r} is missing its partner")
    return [*done, tuple(items)], at


def _group(marks: list[str], at: int, slot_of: SlotOf) -> tuple[Item, int]:
    opener = marks[at]
    if opener == "(":
        return _any_order(marks, at + 1, slot_of)
    branches, end = _branches(marks, at + 1, _CLOSERS[opener], slot_of)
    if not all(branches):
        raise ValueError(f"in {' '.join(marks)!r}, a branch is empty; write [a] for what may be left out")
    return Choice((*branches, ()) if opener == "[" else tuple(branches)), end + 1


def _flat(mark: str) -> tuple[Sequence, ...]:
    """The branches of a group of plain words, `{a|b c}`: most groups are such, and long ones."""
    branches = tuple(tuple(map(_keyword, branch.split())) for branch in mark[1:-1].split("|"))
    if not all(branches):
        raise ValueError(f"in {mark!r}, a branch is empty; write [a] for what may be left out")
    return branches


def _keyword(text: str) -> Keyword:
    known = _KEYWORDS.get(text)
    return _KEYWORDS.setdefault(text, Keyword(text)) if known is None else known


def _any_order(marks: list[str], at: int, slot_of: SlotOf) -> tuple[Item, int]:
    parts: list[Sequence] = []
    needed: list[bool] = []
    while at < len(marks) and marks[at] != ")":
        mark = marks[at]
        if mark == "[":
            branches, end = _branches(marks, at + 1, "]", slot_of)
            parts.append((Choice(tuple(branches)),) if len(branches) > 1 else branches[0])
            needed.append(False)
            at = end + 1
        elif mark in {"{", "("}:
            item, at = _group(marks, at, slot_of)
            parts.append((item,))
            needed.append(True)
        elif mark[0] in "[{":
            flat = _flat(mark)
            parts.append(flat[0] if mark[0] == "[" and len(flat) == 1 else (Choice(flat),))
            needed.append(mark[0] == "{")
            at += 1
        elif mark in {"|", "]", "}"}:
            raise ValueError(f"in {' '.join(marks)!r}, {mark!r} cannot stand in (...)")
        else:
            parts.append((_word(mark, slot_of),))
            needed.append(True)
            at += 1
    if at >= len(marks):
        raise ValueError(f"in {' '.join(marks)!r}, ')' is missing")
    if len(parts) > MOST_PARTS or any(may_be_empty(part) for part in parts):
        raise ValueError(f"in {' '.join(marks)!r}, (...) takes up to {MOST_PARTS} parts, none of them empty")
    return AnyOrder(tuple(parts), tuple(needed)), at + 1


def may_be_empty(sequence: Sequence) -> bool:
    """Whether the sequence fits no words at all."""
    for item in sequence:
        if isinstance(item, Keyword | Slot | Template):
            return False
        if isinstance(item, Choice) and not any(may_be_empty(branch) for branch in item.branches):
            return False
        if isinstance(item, AnyOrder) and any(item.needed):
            return False
    return True


def _word(mark: str, slot_of: SlotOf) -> Item:
    if "<" not in mark and "\\" not in mark:
        return _keyword(mark)
    parts: list[str | Slot] = []
    for plain, argument, run in _PIECE.findall(mark):
        if argument or (not plain and not run):
            found = _ARGUMENT.match(argument)
            if found is None:
                raise ValueError(f"<{argument}> is not an argument; write <type>, <name:type> or <name:1-100>")
            name = found[1] or found[2]
            parts.append(slot_of(name.partition(":")[0], found[2]))
        elif parts and isinstance(parts[-1], str):
            parts[-1] += plain or run
        else:
            parts.append(plain or run)
    if len(parts) == 1:
        return Keyword(parts[0]) if isinstance(parts[0], str) else parts[0]
    return _template(mark, tuple(parts))


def _template(mark: str, parts: tuple[str | Slot, ...]) -> Template:
    label = re.sub(r"<(?:([A-Za-z][\w-]*):)?[^<>]*>", lambda m: f"<{m[1]}>" if m[1] else m[0], mark)
    return Template(parts, label)

"""Lines that a table accepts, made from its patterns: every rule, every branch, every value of an enumeration once.

Deterministic and pure, so that pages made from it do not change by themselves. The tests run these lines against the
real programs. Counterpart: `pattern`, whose notation is unfolded here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, TypeAlias

from gateway.policy.compile import UNKNOWN
from gateway.policy.lexer import LineRefused
from gateway.policy.pattern import AnyOrder, Item, Keyword, Sequence, Slot, Template, parse_pattern
from gateway.policy.resolver import Stop, resolve_words
from gateway.policy.rule import Rule
from gateway.policy.schema import IfaceSpec, ListSpec, RowSpec
from gateway.policy.table import Table, spell, spell_keyword, spell_pair, spellable
from gateway.policy.types import ArgType, Types, enumeration

Words: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A line that `rule` accepts at `place` (`mode` or `mode/context`). It is spelled in full, as it would be sent."""

    place: str
    rule: Rule
    line: str


def examples(table: Table) -> Iterator[Example]:
    """Lines of every rule, refusing ones included, and of every filter.

    A rule is unfolded at the first place that has it; at its other places there is its shortest line only. A rule whose
    arguments nothing here fits has no examples; `tests/unit` keeps that from happening to shipped tables.
    """
    sampler = _Sampler(table)
    places = [place for place in table.roots if not place.endswith(f"/{UNKNOWN}")]
    for rule in table.rules:
        unfolded = False
        for place in (place for place in places if _offers(table, place, rule)):
            accepted = (_accepted(table, place, rule, spellings) for spellings in sampler.lines(rule))
            for line in filter(None, accepted):
                yield Example(place, rule, line)
                if unfolded:
                    break
            unfolded = True
    yield from _filtered(table, sampler, places)


def _offers(table: Table, place: str, rule: Rule) -> bool:
    """Whether the rule stands at `place` itself, not behind a prefix."""
    prefixes = {prefix.word for prefix in table.spec.prefixes}
    for offered, rest in table.roots[place].items:
        if offered is rule:
            first = rest[0] if rest is not None else None
            behind = isinstance(first, Keyword) and first.text in prefixes
            return not behind or rule.pattern.split()[0] in prefixes
    return False


def _accepted(table: Table, place: str, rule: Rule, candidates: list[Words]) -> str | None:
    """The first of `candidates` (the same words with other values) that the resolver reads as this rule."""
    for words in candidates:
        line = " ".join(words)
        try:
            lexed = table.lex(line)
        except LineRefused:
            continue
        if len(lexed.commands) != 1 or lexed.commands[0].filters:
            continue
        found = resolve_words(table, place, lexed.commands[0], line)
        if not isinstance(found, Stop) and any(match.rule is rule for matches in found for match in matches):
            return line
    return None


def _filtered(table: Table, sampler: "_Sampler", places: list[str]) -> Iterator[Example]:
    """Every filter behind a short line that takes all of them."""
    if table.filter_root is None:
        return
    head = next(
        (
            (place, line)
            for place in places
            for rule in table.rules
            if not rule.never and rule.filters is None and rule.send is None and _offers(table, place, rule)
            for words in sampler.lines(rule)
            if (line := _accepted(table, place, rule, words)) is not None
        ),
        None,
    )
    if head is None:
        return
    for rule, first in table.filter_root.items:
        items: list[Item] = []
        rest = first
        while rest is not None:
            items.append(rest[0])
            rest = rest[2]
        for words in sampler.unfolded(tuple(items)):
            yield Example(head[0], rule, f"{head[1]} {table.lexer.filter_char} {' '.join(words[0])}")


# --- unfolding --------------------------------------------------------------------------------------------------------

_TRIES: Final = 3
"""Values that are tried for an argument, should the first one read as a keyword."""


class _Sampler:
    """Unfolds the patterns of one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._types = Types(table.spec.types)
        self._written: dict[int, tuple[Slot, tuple[str, ...]]] = {}
        self._made: dict[str, list[list[Words]]] = {}

    def lines(self, rule: Rule) -> list[list[Words]]:
        """Every example of `rule`: a list of spellings of it, the preferred one first."""
        if rule.row is None or rule.known or rule.pattern == "/":
            return [[(rule.pattern,)]] if rule.pattern == "/" else []
        if rule.id not in self._made:
            row = rule.row
            self._made[rule.id] = self.unfolded(parse_pattern(rule.pattern, lambda n, t: self._slot(n, t, row)))
        return self._made[rule.id]

    def unfolded(self, items: Sequence) -> list[list[Words]]:
        """Every way through `items`, each with the values of several tries."""
        tries = [self._ways(items, attempt) for attempt in range(_TRIES)]
        if not tries[0]:
            return []
        ways = [list(dict.fromkeys(same)) for same in zip(*tries, strict=True)]
        return [list(way) for way in dict.fromkeys(tuple(way) for way in ways)]

    def _slot(self, name: str, type_name: str, row: RowSpec) -> Slot:
        where = row.where.get(name, ())
        if not where and type_name[0] in "-0123456789" and name in {"text", "utf8", "print", "secret"}:
            type_name = f"{name}:{type_name}"
        found = enumeration(f"<{name}>", where) if where else self._types.find(type_name)
        slot = Slot(name, found, found.secret or name in row.secret, row.refuse.get(name, ()))
        written: object = where or self._table.spec.types.get(type_name)
        if isinstance(written, ListSpec):
            type_name = written.list
            written = self._table.spec.types.get(type_name)
        values = _listed(written, found)
        fitting = self._fitting(slot, values or (*_named(name), *_named(type_name)), every=bool(values))
        self._written[id(slot)] = (slot, fitting)
        return slot

    def _fitting(self, slot: Slot, values: tuple[str, ...], *, every: bool) -> tuple[str, ...]:
        """Canonical values, the preferred one first; all of them if the type lists them."""
        span = _SPAN.match(slot.type.label)
        limits = (span[1], span[2]) if span else ()
        # Not to be taken for a name: arguments of the fragment come last, they are seldom nice to look at.
        tried = values if every else (*values, *limits, *slot.type.values, *_POOL, *_from_pattern(slot.type.fragment))
        fits: dict[str, None] = {}
        for text in tried:
            sent = slot.type.match(text)
            if sent is not None and not sent.startswith(slot.refuse or ("\0",)) and self._can_stand(slot, sent):
                fits[sent] = None
        return tuple(fits)

    def _can_stand(self, slot: Slot, text: str) -> bool:
        return spellable(text, self._table.lexer) and (slot.type.minus or not text.startswith("-"))

    def _values(self, slot: Slot, attempt: int) -> list[str]:
        """All values of an enumeration, one of any other type."""
        found = self._written.get(id(slot))
        if found is None:  # of a filter, made by the compiler
            fitting = self._fitting(slot, _named(slot.name), every=False)
            self._written[id(slot)] = found = (slot, fitting)
        fitting = found[1]
        if slot.type.values or slot.type.split:
            return list(fitting)
        return [fitting[min(attempt, len(fitting) - 1)]] if fitting else []

    def _ways(self, items: Sequence, attempt: int) -> list[Words]:
        """The plainest way first, then one for every other branch, then the way with everything in it."""
        choices = [self._item(item, attempt) for item in items]
        if not all(choices):
            return []
        ways = [_joined([ways[0] for ways in choices])]
        for at, others in enumerate(choices):
            plain = [ways[0] for ways in choices]
            ways += [_joined([*plain[:at], other, *plain[at + 1 :]]) for other in others[1:]]
        ways.append(_joined([max(ways, key=len) for ways in choices]))
        return ways

    def _item(self, item: Item, attempt: int) -> list[Words]:
        lexer = self._table.lexer
        if isinstance(item, Keyword):
            return [(spell_keyword(item.text, lexer),)]
        if isinstance(item, Slot):
            return [(spell(value, lexer),) for value in self._values(item, attempt)]
        if isinstance(item, Template):
            return [(text,) for text in self._texts(item, attempt)]
        if isinstance(item, AnyOrder):
            return self._any_order(item, attempt)
        branches = sorted(item.branches, key=len)  # what may be left out is left out first
        return [way for branch in branches for way in (self._ways(branch, attempt) if branch else [()])]

    def _texts(self, template: Template, attempt: int) -> list[str]:
        choices = [[part] if isinstance(part, str) else self._values(part, attempt) for part in template.parts]
        if not all(choices):
            return []
        plain = [values[0] for values in choices]
        texts = [plain]
        for at, others in enumerate(choices):
            texts += [[*plain[:at], other, *plain[at + 1 :]] for other in others[1:]]
        return [spell_pair("".join(parts[:-1]), parts[-1], self._table.lexer) for parts in texts]

    def _any_order(self, item: AnyOrder, attempt: int) -> list[Words]:
        parts = [self._ways(part, attempt) for part in item.parts]
        if not all(part for part, needed in zip(parts, item.needed, strict=True) if needed):
            return []

        def line(chosen: Mapping[int, Words]) -> Words:
            shown = [
                chosen.get(at, part[0] if needed else ())
                for at, (part, needed) in enumerate(zip(parts, item.needed, strict=True))
                if part
            ]
            return _joined(shown)

        ways = [line({})]
        for at, part in enumerate(parts):
            ways += [line({at: way}) for way in (part[1:] if item.needed[at] else part)]
        return [*ways, line({at: part[0] for at, part in enumerate(parts) if part})]


def _listed(written: object, found: ArgType) -> tuple[str, ...]:
    """All values of an enumeration, a name of every kind of interface; nothing for other types."""
    if isinstance(written, IfaceSpec):
        names = ([f"{kind}{number}" for number in _NUMBERS if found.match(f"{kind}{number}")] for kind in written.iface)
        return tuple(name[0] for name in names if name)
    return tuple(value.replace("*", _STAND_IN) for value in written) if isinstance(written, tuple) else ()


def _joined(parts: list[Words]) -> Words:
    return tuple(word for part in parts for word in part)


# --- values -----------------------------------------------------------------------------------------------------------

_SPAN: Final = re.compile(r"<(-?\d+)-(\d+)>\Z", re.ASCII)
_NUMBERS: Final = ("0", "1", "0/0", "0/1", "0/0/0", "0/0/1", "1/1", "1/1/1", "0/0/0/0", "1/0/1", "ge-0/0/0")
_STAND_IN: Final = "eth0"

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "address": ("198.51.100.9", "192.168.1.9", "fd00::9"),
    "as": ("65001",),
    "dev": ("eth0", "ge-0/0/0"),
    "dns": ("203.0.113.53",),
    "host": ("9.9.9.9", "2620:fe::9"),
    "iface": ("eth0", "ge-0/0/0", "GigabitEthernet0/0/1"),
    "int": ("100", "1"),
    "item": ("EXAMPLE", "example"),
    "ipv4": ("198.51.100.9",),
    "key": ("Blue99Horse",),
    "mac": ("aa:bb:cc:dd:ee:ff", "aabb-ccdd-eeff", "aabb.ccdd.eeff"),
    "mask": ("255.255.255.0",),
    "name": ("example",),
    "net4": ("198.51.100.9",),
    "net4len": ("198.51.100.0/24",),
    "net6": ("2001:db8::9",),
    "net6len": ("2001:db8::/32",),
    "package": ("dnsmasq",),
    "prefix": ("198.51.100.0/24",),
    "regex": ("down",),
    "section": ("default_radio0", "lan"),
    "ssid": ("Smith home",),
    "text": ("to the provider",),
    "user": ("user@isp.example",),
    "vrf": ("blue", "default"),
    "word": ("example",),
}
"""Values that read well, by the name of an argument or of its type."""

_POOL: Final = (
    *("10", "1", "5", "60", "100", "1492", "64", "36", "eth0", "example", "EXAMPLE", "198.51.100.9", "198.51.100.0/24"),
    *("2001:db8::9", "2001:db8::/32", "203.0.113.53", "192.168.1.1", "192.168.1.1/24", "https://fw.isp.example/a.bin"),
    *(
        "aa:bb:cc:dd:ee:ff",
        "255.255.255.0",
        "Blue99Horse",
        "Smith home",
        "12:30",
        "12h",
        "65001:1",
        "GigabitEthernet0/1",
    ),
    *("0/1", "ge-0/0/0", "wan", "lan", "radio0", "phy0", "default_radio0", "auto", "HT20", "DE", "on", "a|b", "x"),
)


def _named(name: str) -> tuple[str, ...]:
    return _VALUES.get(name, ())


def _from_pattern(fragment: str) -> tuple[str, ...]:
    """A short text that a regular expression is made for; what looks around in it is not heeded."""
    parser: Any = import_module("re._parser")  # the standard library's own reading of expressions has no public name
    return tuple(_text(parser.parse(fragment), several) for several in (0, 1, 3))


def _text(parsed: Any, several: int) -> str:
    text = ""
    for operation, argument in parsed:
        kind = str(operation)
        if kind == "LITERAL":
            text += chr(argument)
        elif kind == "ANY":
            text += "x"
        elif kind == "IN":
            text += _one_of(argument)
        elif kind == "BRANCH":
            text += _text(argument[1][0], several)
        elif kind == "SUBPATTERN":
            text += _text(argument[3], several)
        elif kind in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            low, high, inner = argument
            text += _text(inner, several) * min(max(low, several), high)
    return text


def _one_of(members: Any) -> str:
    """A letter or digit of a set if it has one."""
    letters = [chr(value) for kind, value in members if str(kind) == "LITERAL"]
    letters += [chr(low) for kind, value in members if str(kind) == "RANGE" for low in value[:1]]
    letters += ["1" for kind, value in members if str(value) == "CATEGORY_DIGIT"]
    letters += ["x" for kind, value in members if str(value) in {"CATEGORY_WORD", "CATEGORY_NOT_SPACE"}]
    return next((letter for letter in reversed(letters) if letter.isalnum()), letters[0] if letters else "x")

"""A validated table into rules and a graph. Counterpart: `load`, which reads the files.

Names that a row mentions are checked here: positions, contexts, filters, arguments. Errors are `PolicyError`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Final, TypeAlias

from gateway.policy.capabilities import weight
from gateway.policy.errors import PolicyError
from gateway.policy.grammar import Graph, Node, Rest, chain
from gateway.policy.lexer import make_lexer
from gateway.policy.overlay import OverlaySpec, escapes, shadows, with_types
from gateway.policy.paths import BELOW
from gateway.policy.pattern import AnyOrder, Choice, Keyword, Sequence, Slot, Template, parse_pattern
from gateway.policy.rule import Rule
from gateway.policy.schema import FilterProgram, PrefixSpec, RowSpec, TableSpec
from gateway.policy.table import Table
from gateway.policy.types import ArgType, Types, enumeration

Place: TypeAlias = str
Items: TypeAlias = list[tuple[Rule, Rest]]

UNKNOWN = "?"
"""The context of a place whose prompt the table does not know."""


def compile_table(file: str, spec: TableSpec, overlays: Mapping[str, OverlaySpec] = MappingProxyType({})) -> Table:
    """The table ready for lines, with the site's overlays by file name. Raises `PolicyError`."""
    for name, overlay in overlays.items():
        spec = with_types(name, spec, overlay)
    with _at(f"{file}: types"):
        slots = _Slots(Types(spec.types))
    with _at(f"{file}: contexts"):
        tags = _tags(spec)
    places: dict[Place, Items] = {place: [] for place in _places(spec)}
    rules: list[Rule] = []
    for number, row in enumerate(spec.commands, 1):
        with _at(f"{file}: commands row {number} ({row.cmd[0]!r}…)"):
            _add_row(spec, slots, f"{spec.platform}.{number}", row, places, rules)
    if spec.path is not None and spec.path.kind == "menu":
        _add_top(spec, places, rules)
    for name, overlay in overlays.items():
        _add_overlay(name, overlay, spec, slots, places, rules)
    _add_known(file, spec, slots, places, len(rules))
    for number, prefix in enumerate(spec.prefixes, 1):
        with _at(f"{file}: prefixes row {number}"):
            _add_prefix(spec, prefix, places)
    graph, plain_graph = (Graph(fold=spec.lexer.case == "fold") for _ in range(2))
    _check_overlays(overlays, spec, places)
    with _at(f"{file}: filters"):
        filters = _filters(spec, slots, graph)
        programs = dict(_programs(spec))
    return Table(
        platform=spec.platform,
        title=spec.title or spec.platform,
        file=file,
        spec=spec,
        lex=make_lexer(spec.lexer),
        graph=graph,
        roots=MappingProxyType({place: graph.node(tuple(items)) for place, items in places.items()}),
        plain_roots=_plain_roots(overlays, plain_graph, places),
        plain_graph=plain_graph,
        filter_root=filters,
        tags=MappingProxyType(tags),
        programs=MappingProxyType(programs),
        rules=tuple(rules),
        site_tests=tuple((name, test) for name, overlay in overlays.items() for test in overlay.tests),
    )


@contextmanager
def _at(where: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise PolicyError(f"{where}: {str(error).rstrip('.')}.") from error


class _Slots:
    """Makes slots; the same name, type and limits give the same object, so that rows share edges of the graph."""

    def __init__(self, types: Types) -> None:
        self.types = types
        self._made: dict[tuple[str, ArgType, bool, tuple[str, ...]], Slot] = {}
        self._enumerations: dict[tuple[str, ...], ArgType] = {}

    def make(self, name: str, type_name: str, row: RowSpec | None) -> Slot:
        """The argument `name` in `row`. Raises ValueError."""
        where = () if row is None else row.where.get(name, ())
        found = self._enumeration(name, where) if where else self._type(name, type_name)
        secret = found.secret or (row is not None and name in row.secret)
        refuse = () if row is None else row.refuse.get(name, ())
        key = (name, found, secret, refuse)
        if key not in self._made:
            self._made[key] = Slot(name, found, secret, refuse)
        return self._made[key]

    def _enumeration(self, name: str, values: tuple[str, ...]) -> ArgType:
        if values not in self._enumerations:
            self._enumerations[values] = enumeration(f"<{name}>", values)
        return self._enumerations[values]

    def _type(self, name: str, type_name: str) -> ArgType:
        if type_name[0] in "-0123456789" and name in {"text", "utf8", "print", "secret"}:
            return self.types.find(f"{name}:{type_name}")
        return self.types.find(type_name)


# --- places -----------------------------------------------------------------------------------------------------------


def _places(spec: TableSpec) -> list[Place]:
    return [
        *spec.modes,
        *([f"{spec.path.mode}/{BELOW}"] if spec.path is not None and spec.path.mode in spec.modes else []),
        *(f"{context.mode}/{name}" for name, context in spec.contexts.items()),
        *(f"{mode}/{UNKNOWN}" for mode in spec.modes),
    ]


def _tags(spec: TableSpec) -> dict[tuple[str, str], tuple[str, ...]]:
    tags: dict[tuple[str, str], tuple[str, ...]] = {}
    if spec.path is not None and spec.path.mode not in spec.modes:
        raise ValueError(f"path belongs to mode {spec.path.mode}, which is not in modes")
    for name, context in spec.contexts.items():
        if name in {"top", BELOW} and spec.path is not None and context.mode == spec.path.mode:
            raise ValueError(f"{name} already names a place of this mode, because it has a path")
        if context.mode not in spec.modes:
            raise ValueError(f"{name} belongs to mode {context.mode}, which is not in modes")
        parent = spec.contexts.get(context.parent) if context.parent else None
        if context.parent and (parent is None or parent.mode != context.mode or context.parent == name):
            raise ValueError(f"the parent of {name} must be another context of mode {context.mode}")
        for tag in context.prompts:
            tags[context.mode, tag] = (*tags.get((context.mode, tag), ()), name)
    return tags


def _expand_place(spec: TableSpec, place: Place) -> list[Place]:
    mode, slash, context = place.partition("/")
    if mode not in spec.modes:
        raise ValueError(f"{place!r}: {mode} is not in modes")
    if spec.path is not None and mode == spec.path.mode and context in {"", "top", BELOW}:
        below = f"{mode}/{BELOW}"
        return [mode] if context == "top" else [below] if context else [mode, below]
    if context == "*":
        return [f"{mode}/{name}" for name, entry in spec.contexts.items() if entry.mode == mode]
    if slash and (context not in spec.contexts or spec.contexts[context].mode != mode):
        raise ValueError(f"{place!r}: there is no context {context} of mode {mode}; declare it under contexts")
    return [place]


def _expand_all(spec: TableSpec, places: Iterable[Place]) -> list[Place]:
    listed = tuple(places) or spec.modes
    return list(dict.fromkeys(made for place in listed for made in _expand_place(spec, place)))


# --- rows -------------------------------------------------------------------------------------------------------------


def _add_row(
    spec: TableSpec,
    slots: _Slots,
    row_id: str,
    row: RowSpec,
    places: Mapping[Place, Items],
    rules: list[Rule],
    *,
    site: bool = False,
    final: bool = False,
) -> None:
    where = _expand_all(spec, row.places)
    if row.resync:
        where += [f"{mode}/{UNKNOWN}" for mode in dict.fromkeys(place.partition("/")[0] for place in where)]
    if row.enter in {"path", "up", "top"}:
        if spec.path is None or any(place.partition("/")[0] != spec.path.mode for place in where):
            raise ValueError(f"enter: {row.enter} is for modes that have a path; declare it under path")
    elif row.enter not in {None, "parent"}:
        _expand_place(spec, str(row.enter))
        if str(row.enter).endswith("/*"):
            raise ValueError("enter names one position, not all of them")
    if row.filters != "all" and not set(row.filters) <= set(spec.filters):
        raise ValueError(f"there is no filter {min(set(row.filters) - set(spec.filters))!r}; declare it under filters")
    mentioned: set[str] = set()
    made: dict[tuple[str, str], Slot] = {}
    for count, pattern in enumerate(row.cmd, 1):
        used: dict[str, Slot] = {}

        def slot_of(name: str, type_name: str, used: dict[str, Slot] = used) -> Slot:
            slot = made.get((name, type_name))
            if slot is None:
                slot = made[name, type_name] = slots.make(name, type_name, row)
            used[name] = slot
            return slot

        items = parse_pattern(pattern, slot_of)
        _check(spec, pattern, items, ends=any(slot.type.blank for slot in used.values()))
        if row.lan and not any(slot.type.check == "host" for slot in used.values()):
            raise ValueError(f"lan needs an argument of type host in {pattern!r}")
        mentioned |= set(used)
        rule = Rule(
            id=f"{row_id}.{count}",
            order=len(rules),
            pattern=pattern,
            capability=row.cap,
            weight=weight(row.cap),
            row=row,
            filters=None if row.filters == "all" else frozenset(row.filters),
            send=_send(row.send, used),
            site=site,
            final=final,
        )
        rules.append(rule)
        first = rule, chain(items)
        for place in where:
            places[place].append(first)
    for kind, names in (("secret", row.secret), ("where", row.where), ("not", row.refuse)):
        unknown = set(names) - mentioned
        if unknown:
            raise ValueError(f"{kind} names {min(unknown)!r}, which is no argument of this row")


def _add_overlay(
    file: str, overlay: OverlaySpec, spec: TableSpec, slots: _Slots, places: Mapping[Place, Items], rules: list[Rule]
) -> None:
    """The overlay's rows behind those of the table. Their ids name the overlay: `ios.+tier1.2.1`."""
    name = file.partition("+")[2].removesuffix(".yaml")
    for number, row in enumerate(overlay.add, 1):
        with _at(f"{file}: add row {number} ({row.cmd[0]!r}…)"):
            _add_row(spec, slots, f"{spec.platform}.+{name}.{number}", row, places, rules, site=True)
    for number, refusal in enumerate(overlay.refuse, 1):
        with _at(f"{file}: refuse row {number} ({refusal.cmd[0]!r}…)"):
            row_id = f"{spec.platform}.+{name}.r{number}"
            _add_row(spec, slots, row_id, refusal.row(), places, rules, site=True, final=True)


def _check_overlays(overlays: Mapping[str, OverlaySpec], spec: TableSpec, places: Mapping[Place, Items]) -> None:
    if not overlays:
        return
    graph = Graph(fold=spec.lexer.case == "fold")
    for place, items in places.items():
        added = tuple((rule, rest) for rule, rest in items if rule.site and not rule.never)
        known = tuple(item for item in items if not item[0].site)
        wrong = added and shadows(graph.node(known), graph.node(added), abbreviates=spec.lexer.abbreviates)
        if wrong:
            raise PolicyError(f"{' and '.join(overlays)}: add: at {place}, {wrong}.")
        refused = tuple((rule, rest) for rule, rest in items if rule.final)
        wrong = refused and escapes(graph.node(known), graph.node(refused))
        if wrong:
            sentence = f"{wrong}, a word of the table; list such words beside it, or leave out the argument"
            raise PolicyError(f"{' and '.join(overlays)}: refuse: at {place}, {sentence}.")


def _plain_roots(
    overlays: Mapping[str, OverlaySpec], graph: Graph, places: Mapping[Place, Items]
) -> Mapping[Place, Node] | None:
    if not any(overlay.add for overlay in overlays.values()):
        return None
    plain = {place: tuple(item for item in items if not item[0].site) for place, items in places.items()}
    return MappingProxyType({place: graph.node(items) for place, items in plain.items()})


def _add_top(spec: TableSpec, places: Mapping[Place, Items], rules: list[Rule]) -> None:
    """The line `/` alone, which every platform with menus has."""
    assert spec.path is not None
    row = RowSpec.model_validate({"cmd": ["/"], "cap": "session.control", "enter": "top", "help": "to the top menu"})
    rule = Rule(f"{spec.platform}.top", len(rules), "/", row.cap, weight(row.cap), row)
    rules.append(rule)
    for place in (spec.path.mode, f"{spec.path.mode}/{BELOW}"):
        places[place].append((rule, None))


def _send(text: str | None, used: Mapping[str, Slot]) -> Sequence | None:
    if text is None:
        return None

    def slot_of(name: str, _type_name: str) -> Slot:
        if name not in used:
            raise ValueError(f"send uses <{name}>, which is no argument of the pattern")
        return used[name]

    items = parse_pattern(text, slot_of)
    if any(isinstance(item, Choice | AnyOrder) for item in items):
        raise ValueError("send is a plain text with arguments, without choices or options")
    return items


_NOTATION: Final = frozenset("|<>[]{}()")


@cache
def _reserved(forbid: str, pipe: str, separators: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Characters that no keyword can hold; the same without those that patterns are written with."""
    reserved = frozenset((*forbid, *pipe, *"".join(separators)))
    return reserved, reserved - _NOTATION


def _check(spec: TableSpec, pattern: str, items: Sequence, *, ends: bool) -> None:
    """Things no line could ever match, or that would swallow what follows."""
    reserved, odd = _reserved(spec.lexer.forbid, spec.lexer.filter_char or "", spec.lexer.separators)
    # Most patterns show at a glance that nothing is wrong with them: brackets and bars are the notation's own unless
    # a backslash stands before them.
    if "\\" not in pattern and pattern.isascii() and odd.isdisjoint(pattern) and not ends:
        return
    for item, last in _walk(items, last=True):
        if isinstance(item, Keyword):
            wrong = reserved & set(item.text) if spec.lexer.kind == "words" else set()
            if wrong or not item.text.isascii() or not item.text.isprintable():
                raise ValueError(f"in {pattern!r}, the keyword {item.text!r} holds a character that lines cannot have")
        elif isinstance(item, Slot) and item.type.blank and spec.lexer.rest_of_line and not last:
            raise ValueError(f"in {pattern!r}, <{item.name}> takes the rest of the line and must come last")


def _walk(items: Sequence, *, last: bool) -> Iterator[tuple[Keyword | Slot | Template, bool]]:
    for at, item in enumerate(items):
        final = last and at == len(items) - 1
        if isinstance(item, Choice):
            for branch in item.branches:
                yield from _walk(branch, last=final)
        elif isinstance(item, AnyOrder):
            for part in item.parts:
                yield from _walk(part, last=final and len(item.parts) == 1)
        else:
            yield item, final


def _add_known(file: str, spec: TableSpec, slots: _Slots, places: Mapping[Place, Items], order: int) -> None:
    rule = Rule(f"{spec.platform}.known", order, "", "unknown.command", weight("unknown.command"), known=True)
    for number, known in enumerate(spec.known, 1):
        with _at(f"{file}: known row {number}"):
            where = _expand_all(spec, known.places)
            words = Choice(tuple((Keyword(word),) for word in known.words))
            before = parse_pattern(known.after, lambda n, t: slots.make(n, t, None)) if known.after else ()
            for place in where:
                places[place].append((rule, chain((*before, words))))


def _add_prefix(spec: TableSpec, prefix: PrefixSpec, places: Mapping[Place, Items]) -> None:
    """Commands of the other mode behind a word. Those that change position stay out: there is no telling whose."""
    if prefix.to not in spec.modes:
        raise ValueError(f"{prefix.to} is not in modes")
    word = Keyword(prefix.word)
    target = [(_behind(word, rule), rest) for rule, rest in places[prefix.to] if not _moves(rule)]
    for place in _expand_all(spec, prefix.places):
        places[place].extend((rule, (word, 0, rest)) for rule, rest in target)


def _behind(word: Keyword, rule: Rule) -> Rule:
    return rule if rule.send is None else replace(rule, send=(word, *rule.send))


def _moves(rule: Rule) -> bool:
    return rule.row is not None and (rule.row.enter is not None or (rule.row.leaves and rule.weight == 0))


# --- filters ----------------------------------------------------------------------------------------------------------


def _filters(spec: TableSpec, slots: _Slots, graph: Graph) -> Node | None:
    if not spec.filters:
        return None
    if spec.lexer.filter_char is None:
        raise ValueError("filters need a filter_char in the lexer")
    items: Items = []
    for name, entry in spec.filters.items():
        capability = entry if isinstance(entry, str) and weight(entry) == 3 and "." in entry else "session.control"
        pattern = name
        if isinstance(entry, FilterProgram):
            opts = " ".join(f"[{opt}]" for opt in entry.opts)
            args = " ".join(arg if arg.startswith("{") else f"<{arg}>" for arg in entry.args)
            joined = f"{opts} {args}" if len(entry.args) <= 1 else opts
            pattern = f"{name} ({joined}){f' {args}' if len(entry.args) > 1 else ''}" if joined.strip() else name
        elif capability == "session.control" and entry != "none":
            pattern = f"{name} <{entry}>"
        parsed = parse_pattern(pattern, lambda n, t: slots.make(n, t, None))
        _check(spec, pattern, parsed, ends=True)
        rule = Rule(f"{spec.platform}.f.{name}", 0, pattern, capability, weight(capability))
        items.append((rule, chain(parsed)))
    return graph.node(tuple(items))


def _programs(spec: TableSpec) -> Iterator[tuple[str, tuple[frozenset[str], frozenset[str]]]]:
    for name, entry in spec.filters.items():
        if isinstance(entry, FilterProgram):
            short = [opt.split(" ", 1) for opt in entry.opts if len(opt.split(" ", 1)[0]) == 2 and "<" not in opt[:2]]
            alone = frozenset(opt[0][1] for opt in short if len(opt) == 1)
            valued = frozenset(opt[0][1] for opt in short if len(opt) == 2)
            yield name, (alone, valued)

"""A site's own file beside a table (`ios+tier1.yaml`): commands it adds, lines it refuses. Counterpart: `compile`.

An overlay may only narrow or add. It cannot allow what the table refuses, because its rows give way to every refusal
that the same words begin with (`resolver`), and because the strictest of several rules decides (`decide`). What is left
is a word that the router would take for another one; `shadows` finds those when the file is read.
"""

import re
from collections.abc import Iterator
from typing import Final

from pydantic import Field, ValidationError, field_validator

from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.errors import PolicyError
from gateway.policy.grammar import Node
from gateway.policy.pattern import Slot
from gateway.policy.schema import (
    CapabilityName,
    Name,
    Place,
    RowSpec,
    Strict,
    TableSpec,
    TestSpec,
    TypeSpec,
    told,
)
from gateway.policy.types import built_in

FILE: Final = re.compile(r"(?P<platform>[a-z][a-z0-9_]{1,31})\+(?P<name>[a-z0-9][a-z0-9_-]{0,31})\.yaml\Z")
"""Name of an overlay's file."""

MOST_PLACES: Final = 20_000
"""Pairs of places in the two grammars that a check looks at; an overlay that needs more is refused."""


class RefusalSpec(Strict):
    """Lines that begin so are refused, whatever the table says."""

    cmd: tuple[str, ...] = Field(min_length=1)
    places: tuple[Place, ...] = Field(default=(), alias="in")
    cap: CapabilityName = "unknown.command"
    say: str = "This provider has switched this command off."
    hint: str | None = None

    @field_validator("cap")
    @classmethod
    def _never(cls, cap: str) -> str:
        if CAPABILITIES[cap].kind != "never":
            raise ValueError(f"{cap} can be granted; a refusal names a capability that never is")
        return cap

    def row(self) -> RowSpec:
        """The same as a row of a table."""
        return RowSpec.model_validate(
            {"cmd": self.cmd, "in": self.places, "cap": self.cap, "say": self.say, "hint": self.hint}
        )


_PLAIN_ANSWER: Final = re.compile(r"(?:y|n|yes|no)?[\r\n]{0,2}", re.IGNORECASE)


class OverlaySpec(Strict):
    """A whole file. `types` are new ones; rows of `add` may use them and those of the table."""

    overlay: str
    title: str = ""
    types: dict[Name, TypeSpec] = Field(default_factory=dict)
    add: tuple[RowSpec, ...] = ()
    refuse: tuple[RefusalSpec, ...] = ()
    tests: tuple[TestSpec, ...] = ()

    @field_validator("add")
    @classmethod
    def _sends_what_was_judged(cls, rows: tuple[RowSpec, ...]) -> tuple[RowSpec, ...]:
        # Neither is looked up in the table, so either could be a line that the table refuses.
        for number, row in enumerate(rows, 1):
            if row.send is not None:
                raise ValueError(f"row {number} has send; an overlay's rows are sent as they are written")
            if not all(_PLAIN_ANSWER.fullmatch(answer) for answer in row.prompts.values()):
                raise ValueError(f"row {number} answers a question; an overlay's answers are Enter, yes and no")
        return rows


def read_overlay(file: str, document: object) -> OverlaySpec:
    """The overlay in `document` (what YAML parsing gave). Raises `PolicyError` naming `file` and the row."""
    named = FILE.match(file)
    if named is None:
        raise PolicyError(f"{file}: name an overlay <platform>+<name>.yaml, such as ios+tier1.yaml.")
    try:
        spec = OverlaySpec.model_validate(document)
    except ValidationError as error:
        raise PolicyError(f"{file}: {told(error)}.") from error
    if spec.overlay != named["platform"]:
        raise PolicyError(f"{file}: overlay is {spec.overlay!r}; the file's name says {named['platform']!r}.")
    return spec


def with_types(file: str, spec: TableSpec, overlay: OverlaySpec) -> TableSpec:
    """The table's spec with the overlay's types. Raises `PolicyError` when one exists already: it would change rows."""
    taken = sorted(name for name in overlay.types if name in spec.types or built_in(name) is not None)
    if taken:
        raise PolicyError(
            f"{file}: types: {taken[0]} is a type of the table or built in; an overlay gives its own another name."
        )
    return spec.model_copy(update={"types": {**spec.types, **overlay.types}})


def shadows(base: Node, added: Node, *, abbreviates: bool) -> str | None:
    """A sentence about a word of `added` that the router may take for one of `base`, or none.

    `show` may be abbreviated `sh`. If an overlay could allow `sh users` as words of its own, the router would run
    `show users`, which nobody allowed.
    """
    if not abbreviates:
        return None
    seen: set[tuple[int, frozenset[int]]] = set()
    waiting: list[tuple[Node, frozenset[Node]]] = [(added, frozenset({base}))]
    while waiting:
        node, here = waiting.pop()
        key = (id(node), frozenset(map(id, here)))
        if key in seen or not here:
            continue
        seen.add(key)
        if len(seen) > MOST_PLACES:
            return "its patterns have too many options to be checked against the table; write simpler ones"
        for name, after in node.beginning(""):
            longer = _longer(name, here)
            if longer is not None:
                return f"{name!r} is the beginning of {longer!r}, which the router would take it for"
            waiting.append((after, frozenset(_follow(name, here))))
        waiting += [(after, frozenset(_arguments(here))) for _, after in node.slots]
    return None


def escapes(base: Node, refused: Node) -> str | None:
    """A sentence about a word of the table `base` that passes an argument of a refusal, or none.

    A word is read as itself and not as an argument, so `show <word>` would not refuse `show version`.
    """
    seen: set[tuple[int, frozenset[int]]] = set()
    waiting: list[tuple[Node, frozenset[Node]]] = [(refused, frozenset({base}))]
    while waiting:
        node, here = waiting.pop()
        key = (id(node), frozenset(map(id, here)))
        if key in seen or not here or node.accepts:
            continue
        seen.add(key)
        if len(seen) > MOST_PLACES:
            return "its patterns have too many options to be checked against the table; write simpler ones"
        for slot, after in node.slots:
            for word in _offered(here):
                if node.keyword(node.key(word)) is not None:
                    continue
                fits = slot.type.match(word) if isinstance(slot, Slot) else slot.whole.match(word)
                if fits is not None:
                    return (
                        f"{slot.label if not isinstance(slot, Slot) else slot.type.label} does not stand for {word!r}"
                    )
            waiting.append((after, frozenset(_arguments(here))))
        waiting += [(after, frozenset(_follow(name, here))) for name, after in node.beginning("")]
    return None


def _offered(here: frozenset[Node]) -> Iterator[str]:
    for node in here:
        yield from (word for word, after in node.beginning("") if any(not rule.never for rule, _ in after.items))


def _longer(name: str, here: frozenset[Node]) -> str | None:
    for node in here:
        words = [word for word, _ in node.beginning(node.key(name))]
        if words and node.keyword(node.key(name)) is None:
            return words[0]
    return None


def _follow(name: str, here: frozenset[Node]) -> Iterator[Node]:
    for node in here:
        exact = node.keyword(node.key(name))
        if exact is not None:
            yield exact[1]
        for slot, after in node.slots:
            if not isinstance(slot, Slot) or slot.type.match(name) is not None:
                yield after


def _arguments(here: frozenset[Node]) -> Iterator[Node]:
    for node in here:
        yield from (after for _, after in node.slots)

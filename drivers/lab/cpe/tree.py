"""A CPE's data model as it stands: parameters, objects, instances. Counterpart: `drivers.lab.cpe.model` loads one.

Source: TR-106 (paths, instances), TR-069 A.3.2.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from drivers.lab.cpe.patterns import matches

_INSTANCE: Final = re.compile(r"\d+")


class Refused(Exception):
    """What a CPE answers with a fault."""

    def __init__(self, code: int, text: str, parameters: tuple[tuple[str, int, str], ...] = ()) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.parameters = parameters
        """Of SetParameterValues: name, code, text of each that was wrong."""


@dataclass(slots=True)
class Leaf:
    """A parameter. `type` without `xsd:`."""

    value: str
    type: str = "string"
    writable: bool = False
    secret: bool = False
    """The model marks it hidden or secured; this CPE returns it in clear all the same."""
    notification: int = 0
    access: tuple[str, ...] = ("Subscriber",)


@dataclass(slots=True)
class Table:
    """A multi-instance object that instances can be added to: what a new one has, and its next number."""

    template: dict[str, Leaf]
    """By the part of the path after the instance number."""
    next: int = 1


@dataclass(slots=True)
class Tree:
    """`leaves` by full path; `tables` by the path of the object, with its dot."""

    root: str
    leaves: dict[str, Leaf] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    empty: set[str] = field(default_factory=set)
    """Objects without a parameter below them."""
    live: dict[str, Callable[[], str]] = field(default_factory=dict)
    """Values that are made when they are read."""

    def text(self, path: str) -> str:
        """The present value. Raises `KeyError`."""
        if path.endswith("NumberOfEntries") and path not in self.live:
            return self._count(path)
        return self.live[path]() if path in self.live else self.leaves[path].value

    def below(self, path: str) -> Iterator[str]:
        """Full paths of the parameters at or below a path."""
        if path in self.leaves:
            yield path
        elif path in ("", "."):
            yield from self.leaves
        elif path.endswith("."):
            yield from (name for name in self.leaves if name.startswith(path))

    def objects(self) -> list[str]:
        """Paths of all objects, with their dots, each before what is in it."""
        found: dict[str, None] = {}
        for name in [*self.leaves, *self.tables, *self.empty]:
            parts = name.rstrip(".").split(".")
            depth = len(parts) if name.endswith(".") else len(parts) - 1
            found.update({".".join(parts[: n + 1]) + ".": None for n in range(depth)})
        return sorted(found)

    def exists(self, path: str) -> bool:
        """Whether it is a parameter, or an object (with its dot)."""
        return path in self.leaves or path in ("", *self.objects())

    def can_change(self, path: str) -> bool:
        """What GetParameterNames says: a parameter can be set, a table added to, an instance deleted."""
        if path in self.leaves:
            return self.leaves[path].writable
        if path in self.tables:
            return True
        table, _, last = path.rstrip(".").rpartition(".")
        return f"{table}." in self.tables and _INSTANCE.fullmatch(last) is not None

    def add(self, path: str) -> int:
        """A new instance. Raises `Refused`."""
        table = self.tables.get(path)
        if table is None:
            raise Refused(9005, "Invalid parameter name")
        number = table.next
        table.next += 1
        base = f"{path}{number}."
        if not table.template:
            self.empty.add(base)
        for rest, leaf in table.template.items():
            self.leaves[base + rest] = replace(leaf)
        return number

    def delete(self, path: str) -> None:
        """Delete an instance. Raises `Refused`."""
        if not path.endswith(".") or not self.exists(path) or not self.can_change(path) or path in self.tables:
            raise Refused(9005, "Invalid parameter name")
        for name in [one for one in self.leaves if one.startswith(path)]:
            del self.leaves[name]
        for name in [one for one in self.tables if one.startswith(path)]:
            del self.tables[name]
        self.empty = {one for one in self.empty if not one.startswith(path)}

    def instances_for(self, pattern: str) -> list[str]:
        """Parameters that a pattern of `drivers.lab.cpe.patterns` means."""
        return [name for name in self.leaves if matches(pattern, name)]

    def fresh(self, path: str, count: int, template: dict[str, Leaf]) -> list[str]:
        """Replace the instances of a read-only table by `count` new ones; their paths. For results of diagnostics."""
        for name in [one for one in self.leaves if one.startswith(path)]:
            del self.leaves[name]
        bases = [f"{path}{number}." for number in range(1, count + 1)]
        self.leaves.update({base + rest: replace(leaf) for base in bases for rest, leaf in template.items()})
        return bases

    def _count(self, path: str) -> str:
        table = path.removesuffix("NumberOfEntries") + "."
        numbers = {
            name[len(table) :].partition(".")[0] for name in [*self.leaves, *self.empty] if name.startswith(table)
        }
        found = {one for one in numbers if one.isdigit()}
        return str(len(found)) if found or table in self.tables else self.leaves[path].value

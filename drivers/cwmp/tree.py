"""Names of a CPE's data model that were seen in this session: for completion, and to ask less often. Pure."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from drivers.cwmp.paths import generic, parent

MOST_NAMES: Final = 20_000
MOST_ANSWERS: Final = 50


class NameTree:
    """What was seen. Only names that the gate lets a rep see are put in."""

    def __init__(self) -> None:
        self._children: OrderedDict[str, dict[str, str]] = OrderedDict()
        """Object to its children, by lower-case letters; children that are objects end in a dot."""
        self._count = 0
        self._leaves: dict[str, frozenset[str]] = {}
        """Generic object to the lower-case names of its parameters, once it was listed."""

    def see(self, names: Iterable[str]) -> None:
        """These exist."""
        for name in names:
            self._see(name)

    def forget(self, path: str) -> None:
        """The object is gone, with all below it."""
        self._children.get(parent(path).lower(), {}).pop(path.lower(), None)
        for key in [key for key in self._children if key.startswith(path.lower())]:
            self._count -= len(self._children.pop(key))

    def listed(self, path: str, leaves: Iterable[str]) -> None:
        """An object was listed: these are its parameters, and likely those of its other instances."""
        self._leaves[generic(path).lower()] = frozenset(leaf.lower() for leaf in leaves)

    def leaves(self, path: str) -> frozenset[str] | None:
        """Lower-case names of the parameters of objects like this one, if one was listed."""
        return self._leaves.get(generic(path).lower())

    def names(self, prefix: str) -> tuple[str, ...]:
        """What can follow `prefix`: whole names up to the next dot, sorted, at most `MOST_ANSWERS`."""
        found = self._children.get(parent_of_prefix(prefix).lower(), {})
        return tuple(sorted(name for key, name in found.items() if key.startswith(prefix.lower())))[:MOST_ANSWERS]

    def _see(self, name: str) -> None:
        while name:
            above = parent(name)
            mine = self._children.setdefault(above.lower(), {})
            if name.lower() in mine:
                return
            if self._count >= MOST_NAMES:
                self._count -= len(self._children.popitem(last=False)[1])
                mine = self._children.setdefault(above.lower(), {})
            mine[name.lower()] = name
            self._count += 1
            name = above


def parent_of_prefix(prefix: str) -> str:
    """The object in which a half-typed name stands."""
    return prefix[: prefix.rfind(".") + 1]

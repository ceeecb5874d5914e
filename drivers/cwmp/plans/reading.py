"""Reading names and values through the gate: what every plan that reads is made of. Pure.

What the gate hides is neither asked for nor shown; what it masks is never asked for. All that comes back is looked at
again: a CPE may send more than it was asked for. Quirks 13, 14, 16, 17.
"""

import re
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers.cwmp.messages import (
    Fault,
    GetParameterNames,
    GetParameterValues,
    Names,
    ParameterInfo,
    ParameterValue,
    Values,
)
from drivers.cwmp.paths import INSTANCE, parent, readable
from drivers.cwmp.plans.ground import Ground
from drivers.cwmp.plans.steps import CannotGoOn, Reply, Step, call
from drivers.cwmp.rendering import count
from drivers.cwmp.saying import sentence

MOST_NAMES: Final = 20_000
"""Names of one listing that are looked at."""
MOST_LISTINGS: Final = 1000
"""GetParameterNames of one walk."""

INVALID_NAME: Final = 9005
_TOKEN: Final = re.compile(r"[a-z0-9_.\-]+")
_SMALLER_HELPS: Final = frozenset({9003, 9004, INVALID_NAME})
"""Faults of a batch that may go away with fewer names."""


@dataclass(slots=True)
class Tally:
    """What was not shown, for the sentence at the end."""

    hidden: int = 0
    masked: int = 0
    unasked: int = 0
    """Values that came without having been asked for."""
    dropped: list[str] = field(default_factory=list)
    """Names that the CPE listed, or that were asked for, and that it does not know."""

    def sentence(self) -> str:
        """One line, or nothing."""
        parts = []
        if self.hidden:
            parts.append(f"{count(self.hidden, 'name')} not shown: outside of what the subscriber agreed to")
        if self.masked:
            # `secret shown` would look like a secret with its value to whoever masks this text.
            parts.append(f"{count(self.masked, 'secret')} {'is' if self.masked == 1 else 'are'} shown as <hidden>")
        if self.unasked:
            parts.append(f"{count(self.unasked, 'value')} that nobody asked for left out")
        return f"({'; '.join(parts)}.)\n" if parts else ""


@dataclass(slots=True)
class Listing:
    """Names below a path. `fault` if the CPE did not list them."""

    infos: list[ParameterInfo]
    fault: Fault | None = None

    @property
    def parameters(self) -> list[str]:
        return [info.name for info in self.infos if not info.name.endswith(".")]

    @property
    def objects(self) -> list[str]:
        return [info.name for info in self.infos if info.name.endswith(".")]


def next_level(ground: Ground, path: str, tally: Tally) -> Generator[Step, Reply, Listing]:
    """What stands directly below an object, without what is hidden."""
    listing = yield from _listing(ground, path, True)
    _through_gate(ground, listing, tally)
    if listing.fault is None and path:
        ground.tree.listed(path, [name[len(path) :] for name in listing.parameters])
    return listing


def all_below(ground: Ground, path: str, tally: Tally) -> Generator[Step, Reply, Listing]:
    """Everything below an object, without what is hidden; of a CPE with little memory level by level."""
    if not ground.quirks.next_level_walk:
        listing = yield from _listing(ground, path, False)
        _through_gate(ground, listing, tally, objects=False)
        return listing
    return (yield from _walk(ground, path, tally))


def _walk(ground: Ground, path: str, tally: Tally) -> Generator[Step, Reply, Listing]:
    found = Listing([])
    waiting = deque([path])
    for _ in range(MOST_LISTINGS):
        if not waiting or len(found.infos) >= MOST_NAMES:
            break
        at = waiting.popleft()
        listing = yield from next_level(ground, at, tally)
        if listing.fault is not None and at == path:
            return listing
        found.infos += listing.infos
        waiting.extend(name for name in listing.objects if name.lower() != at.lower())
    return found


def _listing(ground: Ground, path: str, level: bool) -> Generator[Step, Reply, Listing]:
    asked = path or (ground.root if ground.quirks.root_path_names else "")
    answer = yield from call(GetParameterNames(asked, level))
    if not asked and (isinstance(answer, Fault) or (isinstance(answer, Names) and not answer.infos)):
        answer = yield from call(GetParameterNames(ground.root, level))
    if isinstance(answer, Fault):
        return Listing([], answer)
    return Listing(_normal(answer.infos, path) if isinstance(answer, Names) else [])


def _normal(infos: Sequence[ParameterInfo], path: str) -> list[ParameterInfo]:
    """Names below `path`, each once; objects end in a dot also where the CPE forgot it."""
    start = path.lower()
    below = [info for info in infos[:MOST_NAMES] if info.name.lower().startswith(start) and readable(info.name)]
    parents = {parent(info.name).lower() for info in below}
    found: dict[str, ParameterInfo] = {}
    for info in below:
        name = info.name
        last = name.rpartition(".")[2]
        if last and (last.isdigit() or f"{name.lower()}." in parents):
            name += "."
        if name.lower() != start:
            found.setdefault(name.lower(), ParameterInfo(name, info.writable))
    return list(found.values())


def _through_gate(ground: Ground, listing: Listing, tally: Tally, *, objects: bool = True) -> None:
    """Take out what is hidden. `objects`: they count too, as what is below them was not listed."""
    shown: list[ParameterInfo] = []
    hidden: list[ParameterInfo] = []
    for info in listing.infos:
        (shown if ground.reading(info.name) != "hide" else hidden).append(info)
    tally.hidden += sum(objects or not info.name.endswith(".") for info in hidden)
    listing.infos = shown
    ground.tree.see(info.name for info in shown)


def read_values(
    ground: Ground, names: Iterable[str], tally: Tally
) -> Generator[Step, Reply, dict[str, ParameterValue]]:
    """The values of `names` that may be shown, by lower-case name. Names that the CPE does not know are in
    `tally.dropped`. Raises `CannotGoOn`."""
    wanted = list(dict.fromkeys(name for name in names if ground.reading(name) == "show"))
    size = max(1, ground.quirks.batch)
    waiting = deque(wanted[start : start + size] for start in range(0, len(wanted), size))
    found: dict[str, ParameterValue] = {}
    while waiting:
        batch = waiting.popleft()
        answer = yield from call(GetParameterValues(tuple(batch)))
        if isinstance(answer, Fault):
            waiting.extendleft(reversed(_smaller(batch, answer, tally)))
        elif isinstance(answer, Values):
            _take(ground, batch, answer.values, found, tally)
    return found


def _smaller(batch: list[str], fault: Fault, tally: Tally) -> list[list[str]]:
    """What to ask instead of a batch that was answered with a fault (quirk 17)."""
    if fault.code not in _SMALLER_HELPS or (len(batch) == 1 and fault.code != INVALID_NAME):
        raise CannotGoOn(f"{', '.join(batch[:3])}: {sentence(fault, batch)}.")
    if len(batch) == 1:
        tally.dropped += batch
        return []
    said = {token.rstrip(".") for token in _TOKEN.findall(fault.text.lower())}
    named = [name for name in batch if name.lower() in said]
    if fault.code == INVALID_NAME and named:
        tally.dropped += named
        rest = [name for name in batch if name not in named]
        return [rest] if rest else []
    half = len(batch) // 2
    return [batch[:half], batch[half:]]


def _take(
    ground: Ground, batch: list[str], values: Sequence[ParameterValue], found: dict[str, ParameterValue], tally: Tally
) -> None:
    asked = {name.lower(): name for name in batch}
    for value in values:
        name = asked.get(value.name.lower())
        if name is None or value.name.lower() in found or ground.reading(value.name) != "show":
            tally.unasked += 1
        else:
            found[name.lower()] = ParameterValue(name, value.value, value.type)
    tally.dropped += [name for key, name in asked.items() if key not in found]
    ground.tree.see(asked[key] for key in asked if key in found)


def instances(ground: Ground, pattern: str, tally: Tally) -> Generator[Step, Reply, list[str]]:
    """The objects that `pattern`, an object with `{i}`, stands for; hidden ones are left out."""
    found = [""]
    parts = pattern.split(INSTANCE)
    for n, part in enumerate(parts):
        heads = [head + part for head in found]
        if n == len(parts) - 1:
            return heads
        found = []
        for head in heads:
            listing = yield from next_level(ground, head, tally)
            numbers = {name[len(head) : -1] for name in listing.objects}
            found += [f"{head}{number}" for number in sorted((n for n in numbers if n.isdigit()), key=int)]
    return found


def existing(ground: Ground, names: Iterable[str], tally: Tally) -> Generator[Step, Reply, list[str]]:
    """Those of `names` that are worth asking for: their object was listed and has them, or could not be listed."""
    found = []
    unlistable: set[str] = set()
    for name in names:
        above = parent(name)
        leaves = ground.tree.leaves(above)
        if leaves is None and above not in unlistable:
            listing = yield from next_level(ground, above, tally)
            leaves = ground.tree.leaves(above)
            if leaves is None and listing.fault is not None and listing.fault.code == INVALID_NAME:
                leaves = frozenset()
                ground.tree.listed(above, leaves)
            elif leaves is None:
                unlistable.add(above)
        if leaves is None or name[len(above) :].lower() in leaves:
            found.append(name)
    return found

"""Plans that write: `set`, in paths and in words, `add`, `delete`, `undo`. Pure.

A write reads the old value, shows the difference, writes all or nothing, reads back, and can be undone.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

from drivers.cwmp import line
from drivers.cwmp.gate import MASK
from drivers.cwmp.messages import AddObject, DeleteObject, Done, Fault, ParameterValue, SetParameterValues
from drivers.cwmp.plans.ground import Ground
from drivers.cwmp.plans.pick import picked
from drivers.cwmp.plans.reading import Tally, all_below, read_values
from drivers.cwmp.plans.steps import CannotGoOn, Plan, Reply, Say, Step, call
from drivers.cwmp.rendering import MOST_LINES, bounded, pairs, printable
from drivers.cwmp.saying import by_parameter, sentence
from drivers.cwmp.undo import Added, Deleted, Written
from drivers.cwmp.values import BadValue, same, written

_MOMENTARY = frozenset({"reset"})
"""Parameters that do something when they are written, and read as before afterwards."""

LATER = "The router will apply it when this call ends or when it restarts next.\n"


@dataclass(frozen=True, slots=True)
class _Change:
    """One parameter: what is written, and what it was if that may be read."""

    name: str
    value: ParameterValue = field(repr=False)
    before: ParameterValue | None = field(default=None, repr=False)

    @property
    def momentary(self) -> bool:
        return self.name.rpartition(".")[2].lower() in _MOMENTARY

    @property
    def needed(self) -> bool:
        return self.before is None or self.momentary or not same(self.before.value, self.value.value, self.value.type)


def set_paths(ground: Ground, command: line.Set) -> Plan:
    """`set PATH VALUE …`"""
    return (yield from _set(ground, command.pairs))


def set_word(ground: Ground, command: line.SetWord) -> Plan:
    """`set wifi channel 11`"""
    setting = ground.words.setting(command.topic, command.word, ground.root)
    writes = setting.writes(command.value)
    if setting.pick is None:
        return (yield from _set(ground, writes))
    tally = Tally()
    objects = yield from picked(ground, setting, command, tally)
    each = setting.pick.each
    many = [(path + pattern[len(each) :], value) for path in objects for pattern, value in writes]
    return (yield from _set(ground, many))


def undo(ground: Ground) -> Plan:
    """Take back the last change of this session."""
    step = ground.undo.last()
    match step:
        case None:
            yield Say("(Nothing was changed in this session that could be undone.)\n")
            return True
        case Deleted(path):
            ground.undo.drop()
            yield Say(f"% {path} was deleted and cannot be brought back; its old values were shown then.\n")
            return False
        case Added(path):
            yield Say(f"{path} was added in this session; it is deleted again.\n")
            fine = yield from _delete(ground, path)
            if fine:
                ground.undo.drop()
            return fine
        case Written(before, lost):
            return (yield from _write_back(ground, before, lost))


def _write_back(ground: Ground, before: tuple[ParameterValue, ...], lost: tuple[str, ...]) -> Plan:
    for name in lost:
        yield Say(f"% Its old value was never read, so this stays as it is: {name}\n")
    if not before:
        ground.undo.drop()
        return False
    fine = yield from _set(ground, [(value.name, value.value) for value in before], keep=False)
    if fine:
        ground.undo.drop()
    return fine


# --- writing ----------------------------------------------------------------------------------------------------------


def _set(ground: Ground, writes: Sequence[tuple[str, str]], *, keep: bool = True) -> Plan:
    changes = yield from _prepared(ground, writes)
    if not any(change.needed for change in changes):
        yield Say("".join(f"{change.name}: is {printable(change.value.value)} already.\n" for change in changes))
        return True
    yield Say("".join(_difference(ground, change) for change in changes))
    answer = yield from call(SetParameterValues(tuple(change.value for change in changes), ground.parameter_key))
    if isinstance(answer, Fault):
        yield Say(_refused(answer, [change.name for change in changes]))
        return False
    if keep and not all(change.momentary for change in changes):
        lasting = [change for change in changes if not change.momentary]
        before = tuple(change.before for change in lasting if change.before is not None)
        ground.undo.push(Written(before, tuple(change.name for change in lasting if change.before is None)))
    later = isinstance(answer, Done) and answer.status == 1
    if later:
        yield Say(LATER)
    return (yield from _read_back(ground, changes, later=later))


def _prepared(ground: Ground, writes: Sequence[tuple[str, str]]) -> Generator[Step, Reply, list[_Change]]:
    """The changes, checked against the types that the CPE gives. Raises `CannotGoOn`, `BadValue`."""
    if len({name.lower() for name, _ in writes}) != len(writes):
        raise CannotGoOn("A parameter stands twice in the line; nothing was written.")
    tally = Tally()
    readable = [name for name, _ in writes if _readable(ground, name)]
    before = yield from read_values(ground, readable, tally)
    missing = [name for name in readable if name.lower() not in before]
    if missing:
        raise CannotGoOn(f"The router has no {', '.join(missing)}; nothing was written.")
    changes = []
    for name, value in writes:
        old = before.get(name.lower())
        kind = ParameterValue(name, value) if old is None else replace(old, name=name, value=value)
        try:
            checked = replace(kind, value=written(name, value, kind.type, ground.quirks))
        except BadValue as error:
            raise CannotGoOn(f"{error} Nothing was written.") from error
        changes.append(_Change(name, checked, old))
    return changes


def _readable(ground: Ground, name: str) -> bool:
    return ground.reading(name) == "show" and not ground.gate.secret_write(name)


def _difference(ground: Ground, change: _Change) -> str:
    if change.before is None:
        secret = ground.gate.secret_write(change.name) or ground.reading(change.name) == "mask"
        new = MASK if secret else printable(change.value.value)
        return f"{change.name}: {MASK} -> {new}\n"
    if not change.needed:
        return f"{change.name}: stays {printable(change.value.value)}\n"
    return f"{change.name}: {_quoted(change.before.value)} -> {_quoted(change.value.value)}\n"


def _quoted(value: str) -> str:
    return printable(value) if value else '""'


def _refused(fault: Fault, names: list[str]) -> str:
    """The name stands last: what follows the name of a secret would be masked as its value."""
    single = by_parameter(fault, names) or [(", ".join(names[:3]), sentence(fault, names))]
    return "".join(f"% {what[:1].upper()}{what[1:]}: {name}\n" for name, what in single) + "Nothing was written.\n"


def _read_back(ground: Ground, changes: list[_Change], *, later: bool) -> Plan:
    readable = [change for change in changes if change.before is not None and not change.momentary]
    unread = [change.name for change in changes if change.before is None]
    now = yield from read_values(ground, [change.name for change in readable], Tally())
    other = []
    for change in readable:
        value = now.get(change.name.lower())
        if value is not None and not same(value.value, change.value.value, change.value.type):
            other.append((change.name, value.value))
    if other and not later:
        yield Say("".join(f"% {name}: the router keeps {_quoted(value)}.\n" for name, value in other))
        return False
    if not later:
        done = "Written, and read back the same." if readable else "Written."
        yield Say(f"{done}\n")
    if unread:
        yield Say(f"(What was there before is not read, so undo cannot bring it back: {', '.join(unread)})\n")
    return True


# --- objects ----------------------------------------------------------------------------------------------------------


def add(ground: Ground, command: line.Add) -> Plan:
    """A new instance."""
    path = command.path if command.path.endswith(".") else f"{command.path}."
    answer = yield from call(AddObject(path, ground.parameter_key))
    if isinstance(answer, Fault):
        yield Say(f"% {path}: {sentence(answer, [path])}.\n")
        return False
    number = answer.instance if isinstance(answer, Done) else None
    if number is None:
        yield Say(f"% The router added to {path} and did not say which number it gave; look with: names {path}\n")
        return False
    new = f"{path}{number}."
    ground.undo.push(Added(new))
    ground.tree.see([new] if ground.reading(new) != "hide" else [])
    later = isinstance(answer, Done) and answer.status == 1
    yield Say(f"Added {new}\n{LATER if later else ''}")
    return True


def delete(ground: Ground, command: line.Delete) -> Plan:
    """An instance goes; what it held is shown first, since it cannot be brought back."""
    path = command.path if command.path.endswith(".") else f"{command.path}."
    tally = Tally()
    listing = yield from all_below(ground, path, tally)
    if listing.fault is not None:
        yield Say(f"% {path}: {sentence(listing.fault, [path])}. Nothing was deleted.\n")
        return False
    wanted = listing.parameters[:MOST_LINES]
    values = yield from read_values(ground, wanted, tally)
    tally.masked += sum(ground.reading(name) == "mask" for name in wanted)
    rows = [(f"  {name}", values[name.lower()].value) for name in wanted if name.lower() in values]
    yield Say(bounded(f"{path} holds:\n{pairs(rows)}{tally.sentence()}"))
    fine = yield from _delete(ground, path)
    if fine:
        ground.undo.push(Deleted(path))
    return fine


def _delete(ground: Ground, path: str) -> Plan:
    answer = yield from call(DeleteObject(path, ground.parameter_key))
    if isinstance(answer, Fault):
        yield Say(f"% {path}: {sentence(answer, [path])}. It was not deleted.\n")
        return False
    ground.tree.forget(path)
    later = isinstance(answer, Done) and answer.status == 1
    yield Say(f"Deleted {path}\n{LATER if later else ''}")
    return True

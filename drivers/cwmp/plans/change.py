"""Plans that write: `set`, in paths and in words, `add`, `delete`. Pure.

A write reads the old value, shows the difference, writes all or nothing, reads back, and can be undone
(`drivers.cwmp.plans.undoing`).
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace

from drivers.cwmp import line
from drivers.cwmp.gate import MASK
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import AddObject, DeleteObject, Done, Fault, ParameterValue, SetParameterValues
from drivers.cwmp.plans.ground import Ground
from drivers.cwmp.plans.pick import picked
from drivers.cwmp.plans.reading import Tally, all_below, read_values
from drivers.cwmp.plans.steps import CannotGoOn, Forget, Plan, Remember, Reply, Say, Step, Stopped, call
from drivers.cwmp.rendering import MOST_LINES, bounded, pairs, printable
from drivers.cwmp.saying import by_parameter, sentence
from drivers.cwmp.undo import Added, Changed, Deleted, Written
from drivers.cwmp.values import BadValue, same, written

_MOMENTARY = frozenset({"reset"})
"""Parameters that do something when they are written, and read as before afterwards."""

LATER = "The router will apply it when this call ends or when it restarts next.\n"


@dataclass(frozen=True, slots=True)
class Change:
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


# --- writing ----------------------------------------------------------------------------------------------------------


def _set(ground: Ground, writes: Sequence[tuple[str, str]]) -> Plan:
    changes = yield from _checked(ground, writes)
    if not any(change.needed for change in changes):
        yield Say(stays(changes))
        return True
    yield Say(differences(ground, changes))
    return (yield from write(ground, changes))


def write(ground: Ground, changes: Sequence[Change], *, keep: bool = True) -> Plan:
    """Write, and read back. `keep`: undo can take it back."""
    answer = yield from call(SetParameterValues(tuple(change.value for change in changes), ground.parameter_key))
    names = [change.name for change in changes]
    if isinstance(answer, Fault):
        yield Say(_refused(answer, names))
        return False
    later = _is_later(answer)
    step = _step(changes, later=later)
    if keep and step is not None:
        ground.undo.push(step)
    for path in ground.undo.finish(names):
        yield Forget(Leftover("object", path))
    if later:
        yield Say(LATER)
    now, fine = yield from _read_back(ground, changes, later=later)
    if keep and step is not None:
        ground.undo.renew(step.seen(now))
    unread = [change.name for change in changes if change.before is None]
    if keep and fine and unread:
        yield Say(f"(What was there before is not read, so undo cannot bring it back: {', '.join(unread)})\n")
    return fine


def _is_later(answer: Reply) -> bool:
    """Whether the router has taken it and not applied it yet (status 1; TR-069, A.3.2.1)."""
    return isinstance(answer, Done) and answer.status == 1


def _step(changes: Sequence[Change], *, later: bool) -> Written | None:
    """What undo has to take back; nothing where all that was written only sets something going."""
    lasting = [change for change in changes if not change.momentary]
    known = tuple(Changed(change.before, change.value.value) for change in lasting if change.before is not None)
    lost = tuple(change.name for change in lasting if change.before is None)
    return Written(known, lost, later) if lasting else None


def _checked(ground: Ground, writes: Sequence[tuple[str, str]]) -> Generator[Step, Reply, list[Change]]:
    """The changes, checked against the types that the CPE gives. Raises `CannotGoOn`."""
    if len({name.lower() for name, _ in writes}) != len(writes):
        raise CannotGoOn("A parameter stands twice in the line; nothing was written.")
    changes = yield from prepared(ground, [ParameterValue(name, value) for name, value in writes])
    checked = []
    for change in changes:
        one = change.value
        try:
            value = written(one.name, one.value, one.type, ground.quirks)
        except BadValue as error:
            raise CannotGoOn(f"{error} Nothing was written.") from error
        checked.append(replace(change, value=replace(one, value=value)))
    return checked


def prepared(ground: Ground, values: Sequence[ParameterValue]) -> Generator[Step, Reply, list[Change]]:
    """The changes to `values`, with the types that the CPE gives. Raises `CannotGoOn`."""
    readable = [value.name for value in values if _readable(ground, value.name)]
    before = yield from read_values(ground, readable, Tally())
    missing = [name for name in readable if name.lower() not in before]
    if missing:
        raise CannotGoOn(f"The router has no {', '.join(missing)}; nothing was written.")
    changes = []
    for value in values:
        old = before.get(value.name.lower())
        changes.append(Change(value.name, value if old is None else replace(value, type=old.type), old))
    return changes


def _readable(ground: Ground, name: str) -> bool:
    return ground.reading(name) == "show" and not ground.gate.secret_write(name)


def stays(changes: Iterable[Change]) -> str:
    """Of changes that change nothing."""
    return "".join(f"{change.name}: is {printable(change.value.value)} already.\n" for change in changes)


def differences(ground: Ground, changes: Iterable[Change]) -> str:
    """A line for each change: from which value to which."""
    return "".join(_difference(ground, change) for change in changes)


def _difference(ground: Ground, change: Change) -> str:
    if change.before is None:
        secret = ground.gate.secret_write(change.name) or ground.reading(change.name) == "mask"
        return difference(change.name, None, None if secret else change.value.value)
    if not change.needed:
        return f"{change.name}: stays {printable(change.value.value)}\n"
    return difference(change.name, change.before.value, change.value.value)


def difference(name: str, before: str | None, after: str | None) -> str:
    """`NAME: 6 -> 11`; what must not be seen is None."""
    known = before is not None
    new = MASK if after is None else _quoted(after) if known else printable(after)
    return f"{name}: {MASK if before is None else _quoted(before)} -> {new}\n"


def _quoted(value: str) -> str:
    return printable(value) if value else '""'


def _refused(fault: Fault, names: list[str]) -> str:
    """The name stands last: what follows the name of a secret would be masked as its value."""
    single = by_parameter(fault, names) or [(", ".join(names[:3]), sentence(fault, names))]
    return "".join(f"% {what[:1].upper()}{what[1:]}: {name}\n" for name, what in single) + "Nothing was written.\n"


def _read_back(
    ground: Ground, changes: Sequence[Change], *, later: bool
) -> Generator[Step, Reply, tuple[dict[str, ParameterValue], bool]]:
    """What is there now, and whether it is what was written."""
    readable = [change for change in changes if change.before is not None and not change.momentary]
    if later:
        return {}, True
    now = yield from read_values(ground, [change.name for change in readable], Tally())
    other = []
    for change in readable:
        value = now.get(change.name.lower())
        if value is not None and not same(value.value, change.value.value, change.value.type):
            other.append((change.name, value.value))
    if other:
        yield Say("".join(f"% {name}: the router keeps {_quoted(value)}.\n" for name, value in other))
        return now, False
    yield Say("Written, and read back the same.\n" if readable else "Written.\n")
    return now, True


# --- objects ----------------------------------------------------------------------------------------------------------


def _object(path: str) -> str:
    """An object's path, with the dot that a rep may have left out."""
    return path if path.endswith(".") else f"{path}."


def add(ground: Ground, command: line.Add) -> Plan:
    """A new instance, with its values if the line has some."""
    path = _object(command.path)
    answer = yield from call(AddObject(path, ground.parameter_key))
    if isinstance(answer, Fault):
        yield Say(f"% {path}: {sentence(answer, [path])}. Nothing was added.\n")
        return False
    number = answer.instance if isinstance(answer, Done) else None
    if number is None:
        yield Say(f"% The router added to {path} and did not say which number it gave; look with: names {path}\n")
        return False
    new = f"{path}{number}."
    ground.undo.push(Added(new))
    ground.tree.see([new] if ground.reading(new) != "hide" else [])
    later = _is_later(answer)
    yield Say(f"Added {new}\n{LATER if later else ''}")
    if not command.pairs:
        return True
    ground.undo.unfinished(new)
    yield Remember(Leftover("object", new))
    return (yield from _fill(ground, new, [(new + name, value) for name, value in command.pairs]))


def _fill(ground: Ground, new: str, writes: Sequence[tuple[str, str]]) -> Plan:
    """Write the values of a new instance; it does not stay without them."""
    try:
        changes = yield from _checked(ground, writes)
        yield Say(differences(ground, changes))
        fine = yield from write(ground, changes, keep=False)
    except CannotGoOn as error:
        yield Say(f"% {error}\n")
        fine = False
    except Stopped:
        if ground.undo.waits_for(new):
            yield Say(f"{new} has not got its values; it is deleted again.\n")
            yield from take_away(ground, new, undo=True)
        raise
    if ground.undo.waits_for(new):
        yield from take_away(ground, new, undo=True)
    return fine


def delete(ground: Ground, command: line.Delete) -> Plan:
    """An instance goes; what it held is shown first, since it cannot be brought back."""
    path = _object(command.path)
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
    fine = yield from take_away(ground, path)
    if fine:
        ground.undo.push(Deleted(path))
    return fine


def take_away(ground: Ground, path: str, *, undo: bool = False) -> Plan:
    """Delete an instance. `undo`: it must not be left behind."""
    answer = yield from call(DeleteObject(path, ground.parameter_key), undo=undo)
    if isinstance(answer, Fault):
        yield Say(f"% {path}: {sentence(answer, [path])}. It was not deleted.\n")
        return False
    for gone in ground.undo.finish([path]):
        yield Forget(Leftover("object", gone))
    ground.undo.gone(path)
    ground.tree.forget(path)
    later = _is_later(answer)
    yield Say(f"Deleted {path}\n{LATER if later else ''}")
    return True

"""`undo`: what the last change of a session was, told before it is taken back, and taking it back. Pure.

What was foretold is what is done: if the router shows other values by then, nothing is written, and the rep is told.
"""

from typing import assert_never

from drivers.cwmp.plans.change import Change, difference, differences, prepared, stays, take_away, write
from drivers.cwmp.plans.ground import Ground
from drivers.cwmp.plans.steps import Plan, Say
from drivers.cwmp.rendering import printable
from drivers.cwmp.rules import Sight
from drivers.cwmp.undo import Added, Changed, Deleted, UndoList, Written
from drivers.cwmp.values import same
from drivers.session import Preview

NOTHING = "(Nothing was changed in this session that could be undone.)\n"


def foretold(undo: UndoList, sight: Sight) -> Preview:
    """What `undo` would do now. A step that cannot be taken back is told of once, and left."""
    step = undo.last()
    match step:
        case None:
            return Preview(NOTHING, does=False)
        case Deleted(path):
            undo.drop()
            return Preview(_deleted(path), does=False)
        case Added(path):
            undo.foretold = True
            return Preview(_added(path), does=True)
        case Written(changes, lost):
            text = _lost(lost) + "".join(_change(one, sight) for one in changes)
            if changes:
                undo.foretold = True
            else:
                undo.drop()
            return Preview(text, does=bool(changes))
    assert_never(step)


def undo(ground: Ground) -> Plan:
    """Take back the last change of this session."""
    step = ground.undo.last()
    match step:
        case None:
            yield Say(NOTHING)
            return True
        case Deleted(path):
            ground.undo.drop()
            yield Say(f"% {_deleted(path)}")
            return False
        case Added(path):
            if not ground.undo.foretold:
                yield Say(_added(path))
            return (yield from take_away(ground, path))
        case Written():
            return (yield from _write_back(ground, step))
    assert_never(step)


def _write_back(ground: Ground, step: Written) -> Plan:
    told = ground.undo.foretold
    if step.lost and not told:
        yield Say(_lost(step.lost))
    if not step.changes:
        ground.undo.drop()
        return False
    changes = yield from prepared(ground, [one.before for one in step.changes])
    moved = [pair for pair in zip(step.changes, changes, strict=True) if _moved(*pair)]
    if told and moved:
        found = {change.name.lower(): change.before for _, change in moved if change.before is not None}
        ground.undo.renew(step.seen(found))
        ground.undo.foretold = False
        yield Say("".join(f"% {change.name} is not {printable(one.after)} any more.\n" for one, change in moved))
        yield Say("Somebody else changed it, so nothing was written. Type undo again to see what it would do now.\n")
        return False
    if not step.later and not any(change.needed for change in changes):
        ground.undo.drop()
        yield Say(stays(changes))
        return True
    if not told:
        yield Say(differences(ground, changes))
    fine = yield from write(ground, changes, keep=False)
    if fine:
        ground.undo.drop()
    return fine


def _moved(one: Changed, change: Change) -> bool:
    """Whether the router shows neither what was foretold nor what is to be there again."""
    if change.before is None:
        return False
    now = change.before
    return not any(same(now.value, value, now.type) for value in (one.after, one.before.value))


# --- in words ---------------------------------------------------------------------------------------------------------


def _added(path: str) -> str:
    return f"{path} was added in this session; it is deleted again.\n"


def _deleted(path: str) -> str:
    return f"{path} was deleted and cannot be brought back; its old values were shown then.\n"


def _lost(names: tuple[str, ...]) -> str:
    return "".join(f"% Its old value was never read, so this stays as it is: {name}\n" for name in names)


def _change(one: Changed, sight: Sight) -> str:
    """As `set` shows it; what must not be seen any more is masked."""
    if sight.gate.reading(one.name, sight.caps) != "show" or sight.gate.secret_write(one.name):
        return difference(one.name, None, None)
    if same(one.after, one.before.value, one.before.type):
        return f"{one.name}: stays {printable(one.after)}\n"
    return difference(one.name, one.after, one.before.value)


__all__ = ["foretold", "undo"]

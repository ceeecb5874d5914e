"""The plan of a command, with an end for each way in which it can fail. Pure."""

from typing import assert_never

from drivers.cwmp import line
from drivers.cwmp.plans import act, change, look, probe, undoing
from drivers.cwmp.plans.ground import Ground
from drivers.cwmp.plans.steps import CannotGoOn, LetGo, Plan, Say
from drivers.cwmp.words import BadWord


def plan_of(ground: Ground, command: line.Command) -> Plan:
    """How `command` is carried out. What cannot be done is said, and ends it; `exit` is the console's own."""
    try:
        return (yield from _plan(ground, command))
    except (CannotGoOn, BadWord) as error:
        yield Say(f"% {error}\n")
        return False


def _plan(ground: Ground, command: line.Command) -> Plan:
    match command:
        case line.Get():
            return look.get(ground, command)
        case line.Names():
            return look.names(ground, command)
        case line.Attributes():
            return look.attributes(ground, command)
        case line.Show():
            return look.show(ground, command)
        case line.Set():
            return change.set_paths(ground, command)
        case line.SetWord():
            return change.set_word(ground, command)
        case line.Add():
            return change.add(ground, command)
        case line.Delete():
            return change.delete(ground, command)
        case line.Diagnose():
            return probe.diagnose(ground, command)
        case line.Firmware():
            return act.firmware(ground, command)
        case line.Plain():
            return _plain(ground, command)
    assert_never(command)


def _plain(ground: Ground, command: line.Plain) -> Plan:
    match command.word:
        case "reboot":
            return act.reboot(ground)
        case "factory-reset":
            return act.factory_reset(ground)
        case "undo":
            return undoing.undo(ground)
        case "methods":
            return look.methods(ground)
        case "exit":
            return _nothing()
    assert_never(command.word)


def _nothing() -> Plan:
    yield LetGo()
    return True

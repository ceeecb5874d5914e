"""What `drivers/cwmp/undo.py` promises: the last change first, and no secret in its repr."""

from drivers.cwmp.messages import ParameterValue
from drivers.cwmp.undo import MOST_STEPS, Added, Deleted, UndoList, Written


def test_the_last_one_first():
    undo = UndoList()
    assert undo.last() is None
    undo.push(Added("Device.A.1."))
    undo.push(Deleted("Device.A.2."))
    assert undo.last() == Deleted("Device.A.2.")
    undo.drop()
    assert undo.last() == Added("Device.A.1.")
    assert len(undo) == 1


def test_it_is_bounded():
    undo = UndoList()
    for number in range(MOST_STEPS + 5):
        undo.push(Added(f"Device.A.{number}."))
    assert len(undo) == MOST_STEPS


def test_old_values_are_not_in_a_repr():
    assert "hush" not in repr(Written((ParameterValue("Device.A", "hush"),), ("Device.B",)))

"""What `drivers/cwmp/undo.py` promises: the last change first, and no secret in its repr."""

from drivers.cwmp.messages import ParameterValue
from drivers.cwmp.undo import MOST_STEPS, Added, Changed, Deleted, UndoList, Written


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
    assert "hush" not in repr(Written((Changed(ParameterValue("Device.A", "hush"), "hush now"),), ("Device.B",)))


def test_what_is_below_an_object_that_is_gone_cannot_be_taken_back():
    undo = UndoList()
    undo.push(Added("Device.A.1."))
    undo.push(Written((changed("Device.A.1.X"),), ("Device.a.1.Y",)))
    undo.push(Written((changed("Device.A.1.X"), changed("Device.B"))))
    undo.push(Added("Device.A.10."))
    undo.gone("Device.A.1.")
    assert len(undo) == 2
    assert undo.last() == Added("Device.A.10.")


def test_an_object_is_unfinished_until_something_in_it_is_written_or_it_goes():
    undo = UndoList()
    for path in ("Device.A.1.", "Device.A.2.", "Device.A.3.B.1."):
        undo.unfinished(path)
    assert undo.finish(["Device.a.1.X", "Device.C"]) == ["Device.A.1."]
    assert not undo.waits_for("Device.A.1.")
    assert undo.finish(["Device.A.3."]) == ["Device.A.3.B.1."]
    assert undo.untold() == ["Device.A.2."]
    assert undo.untold() == []
    assert undo.waits_for("Device.A.2.")


def test_what_was_foretold_is_of_the_last_step():
    undo = UndoList()
    undo.push(Added("Device.A.1."))
    undo.foretold = True
    undo.push(Added("Device.A.2."))
    assert not undo.foretold


def changed(name):
    return Changed(ParameterValue(name, "old"), "new")


def test_what_is_there_now_is_known_in_any_letters():
    step = Written((changed("Device.A"), changed("Device.B")))
    now = step.seen({"device.a": ParameterValue("Device.A", "third")})
    assert [one.after for one in now.changes] == ["third", "new"]

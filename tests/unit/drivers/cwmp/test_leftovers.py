"""What `drivers/cwmp/leftovers.py` promises: what would outlive a consent is known, and can be taken back."""

import pytest

from drivers.cwmp.leftovers import Leftover, MemoryLeftovers, undo_requests
from drivers.cwmp.messages import (
    Attribute,
    CancelTransfer,
    DeleteObject,
    ParameterValue,
    ScheduleInform,
    SetParameterAttributes,
    SetParameterValues,
)

EVERY = (
    Leftover("transfer", "key-1"),
    Leftover("test", "Device.IP.Diagnostics.IPPing.DiagnosticsState"),
    Leftover("notification", "Device.X", 1),
    Leftover("schedule", ""),
    Leftover("object", "Device.NAT.PortMapping.3."),
)


def test_each_kind_is_taken_back_last_first():
    assert undo_requests(EVERY) == (
        DeleteObject("Device.NAT.PortMapping.3."),
        ScheduleInform(1, ""),
        SetParameterAttributes((Attribute("Device.X", 1),)),
        SetParameterValues((ParameterValue("Device.IP.Diagnostics.IPPing.DiagnosticsState", "None"),)),
        CancelTransfer("key-1"),
    )
    assert undo_requests(()) == ()


@pytest.mark.parametrize("leftover", EVERY)
def test_they_survive_being_kept(leftover):
    assert Leftover.from_json(leftover.as_json()) == leftover


@pytest.mark.parametrize(
    "kept", [{}, {"kind": "moon", "name": "", "before": 0}, {"kind": "test", "name": 1, "before": 0}]
)
def test_what_cannot_be_read_is_told(kept):
    with pytest.raises(ValueError, match="cannot be read"):
        Leftover.from_json(kept)


async def test_they_are_due_when_the_session_is_over():
    kept = MemoryLeftovers()
    await kept.remember("r1", "s1", EVERY[0])
    await kept.remember("r1", "s1", EVERY[1])
    await kept.forget("r1", "s1", EVERY[1])
    await kept.forget("r1", "s2", EVERY[1])
    assert kept.due("r1") == ()
    kept.ended("r1", "s1")
    assert kept.due("r1") == (CancelTransfer("key-1"),)
    assert kept.due("r2") == ()

"""Which exit status says what: one number for each kind of error, the same in a session as before it."""

import pytest

from audit.errors import AuditError, LogDamaged, Overloaded, RecordFailed, RecordRefused
from config.errors import ConfigError, VestibuleError
from drivers.errors import HostKeyChanged, RouterUnreachable
from gateway import exits
from gateway.errors import BadRequest, ConsentProblem, NotAllowed, NotAuthenticated, Unavailable
from gateway.mediation.setup import ended_status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadRequest(""), 64),
        (Unavailable(""), 69),
        (RouterUnreachable(""), 69),
        (HostKeyChanged(""), 69),
        (RecordFailed(""), 74),
        (Overloaded(""), 74),
        (LogDamaged(""), 3),
        (AuditError(""), 74),
        (ConsentProblem("expired", ""), 77),
        (NotAllowed(""), 77),
        (NotAuthenticated(""), 77),
        (ConfigError(""), 78),
        (RecordRefused("revoked"), 125),
        (VestibuleError(""), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_family_has_its_status(error: VestibuleError, status: int) -> None:
    assert exits.status_of(error) == status


def test_a_session_ends_with_the_same_numbers() -> None:
    assert ended_status("record_failed") == exits.RECORD_FAILED
    assert ended_status("revoked") == exits.ENDED

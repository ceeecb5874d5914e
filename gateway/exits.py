"""Exit statuses, one list for the `vestibule` command and for what plain ssh returns. See docs/reference/exit-codes.md.

A command that ran on the router returns the router's own status; these are the gateway's. Numbers follow sysexits.h
where one fits, so that they differ from what programs usually return.
"""

from typing import Final

from audit.errors import AuditError, LogDamaged, RecordFailed, RecordRefused
from config.errors import ConfigError, VestibuleError
from drivers.errors import DriverError
from gateway.errors import BadRequest, ConsentProblem, NotAllowed, NotAuthenticated, Unavailable

OK: Final = 0
FAILED: Final = 1
"""A check found something: verification contradicted, policy score critical, demo step failed."""
INCOMPLETE: Final = 2
"""Verification could not see everything."""
UNVERIFIABLE: Final = 3
"""Verification could not begin: no log there, no key to check with, or wrong usage. Or nothing was opened for
recording, because the log contradicts itself or what was signed or published: it stays read-only."""
USAGE: Final = 64
UNAVAILABLE: Final = 69
"""The router or a service cannot be reached."""
INTERNAL: Final = 70
RECORD_FAILED: Final = 74
"""The evidence could not be written; the session ended."""
NOT_PERMITTED: Final = 77
"""No consent, or not yours."""
CONFIG: Final = 78
REFUSED: Final = 126
"""Policy refused the command; it was not sent."""
INTERRUPTED: Final = 130
"""Ctrl-C at the `vestibule` command."""
OUTPUT_CLOSED: Final = 141
"""Whoever read the output of `vestibule` stopped reading."""
ENDED: Final = 125
"""The session was ended from outside: revoked, expired, killed."""


def status_of(error: VestibuleError) -> int:
    """The exit status that says what kind of error this was."""
    for family, status in _STATUS:
        if isinstance(error, family):
            return status
    return FAILED


_STATUS: Final[tuple[tuple[type[VestibuleError], int], ...]] = (
    (BadRequest, USAGE),
    (ConsentProblem, NOT_PERMITTED),
    (NotAllowed, NOT_PERMITTED),
    (NotAuthenticated, NOT_PERMITTED),
    (Unavailable, UNAVAILABLE),
    (DriverError, UNAVAILABLE),
    (RecordRefused, ENDED),  # the record is sound; what was to be recorded has ended
    (RecordFailed, RECORD_FAILED),
    (LogDamaged, UNVERIFIABLE),
    (AuditError, RECORD_FAILED),
    (ConfigError, CONFIG),
)

"""How often somebody may guess a one-time code, over all their connections. Pure; `now` comes in as an argument.

A code has a million values and three of them count at any time, so a thief of a key who may try without end gets in
within the hour. Counterpart: `gateway.session.service`, which asks before each code is looked at.
"""

from datetime import datetime, timedelta
from typing import Final

FREE: Final = 5
"""Wrong codes in a row before the first wait."""
FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=1)


class WrongCodes:
    """Wrong codes in a row of each person. One instance a worker; forgets everything when it ends."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[int, datetime]] = {}
        """Wrong codes in a row, and when the next one is looked at."""

    def wait(self, principal_id: str, now: datetime) -> timedelta:
        """How long no code of this person is looked at; zero if one may be tried."""
        _, until = self._counted.get(principal_id, (0, now))
        return max(until - now, timedelta())

    def tried(self, principal_id: str, now: datetime) -> None:
        """A code is about to be looked at; it counts as wrong until `right` says otherwise."""
        count = self._counted.get(principal_id, (0, now))[0] + 1
        doublings = min(count - FREE, 10)
        wait = timedelta() if doublings < 0 else min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
        self._counted[principal_id] = (count, now + wait)

    def right(self, principal_id: str) -> None:
        """The code was right."""
        self._counted.pop(principal_id, None)

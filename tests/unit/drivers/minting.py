"""Recorded commands for tests of what is handed to a router: minted here, where no journal is."""

import itertools

from audit._mint import KEY
from audit.command import Purpose, RecordedCommand


class Minting:
    """Mints commands of one session, numbered as a journal would."""

    def __init__(self, session: str = "01J00000000000000000000000") -> None:
        self.session = session
        self._numbers = itertools.count(2)

    def __call__(self, wire: str | bytes, purpose: Purpose = "command") -> RecordedCommand:
        """The next command."""
        number = next(self._numbers)
        return RecordedCommand(
            wire=wire.encode() if isinstance(wire, str) else wire,
            session=self.session,
            consent_ref="consent-1",
            entry_index=100 + number,
            n=number,
            generation=0,
            purpose=purpose,
            mint=KEY,
        )

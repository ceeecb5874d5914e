"""What every driver session checks before it writes: a recorded command goes out once, and in its own session only.

Counterpart: `audit.command.RecordedCommand`, whose docstring states the rule that is held here.
"""

from audit.command import RecordedCommand
from drivers.errors import DriverError


class SendOnce:
    """Admits each command of one session at most once. Entry numbers in a session only ever grow."""

    def __init__(self) -> None:
        self._session: str | None = None
        self._last = -1

    def admit(self, command: RecordedCommand) -> bytes:
        """The bytes to write. Raises `DriverError` if the command was sent before or belongs to another session."""
        if self._session is not None and command.session != self._session:
            raise DriverError("A command recorded for one session was about to be sent to another; nothing was sent.")
        if command.n <= self._last:
            raise DriverError("A recorded command was about to be sent a second time; nothing was sent.")
        self._session = command.session
        self._last = command.n
        return command.wire

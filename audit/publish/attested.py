"""What others say about the log's checkpoints: witnesses, and an authority for time. Used by `audit.journal` alone.

All of it happens beside the log: nothing here can hold up a command. Counterparts: `audit.publish.published` is where
the log is shown, `audit.publish.witnessing` and `audit.publish.timestamping` do the asking, and
are imported when somebody is to be asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.publish.board import Board
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import VerifierKey
from audit.tlog.policy import Policy
from config.clock import Clock

if TYPE_CHECKING:
    from audit.publish.timestamping import Timestamper
    from audit.publish.witnessing import Alarm, Witnessing


@dataclass(frozen=True, slots=True)
class Attestation:
    """Whom to ask. All of it may be missing."""

    policy: Policy | None = None
    alarm_seconds: float = 15 * 60.0
    """Age of the last signature or quorum that is an alarm."""
    timestamp_url: str | None = None


NOBODY = Attestation()


class Attested:
    """Shows each checkpoint and asks for it. `close` ends the threads."""

    def __init__(
        self,
        asked: Attestation,
        directory: Path | None,
        show: Callable[[bytes], None],
        prove: Callable[[Checkpoint, int], Sequence[bytes]],
        alarm: "Alarm",
        failed: Callable[[Exception], None],
        clock: Clock,
        *,
        log_keys: Sequence[VerifierKey],
    ) -> None:
        """`directory`: of the log. `show`: in the published log. `failed` hears when a cosigned checkpoint could not be
        shown, which is as final as for any other."""
        self._board = Board(directory, show)
        self._failed = failed
        self._witnessing: Witnessing | None = None
        self._timestamper: Timestamper | None = None
        if asked.policy is not None:
            from audit.publish import witnessing

            self._witnessing = witnessing.Witnessing(
                asked.policy,
                prove,
                self._cosigned,
                alarm,
                clock,
                log_keys=log_keys,
                alarm_seconds=asked.alarm_seconds,
                before=self._board.witnessed(),
            )
        if asked.timestamp_url is not None and directory is not None:
            from audit.publish import timestamping

            self._timestamper = timestamping.Timestamper(asked.timestamp_url, directory)

    def show(self, note: bytes) -> None:
        """A checkpoint was signed: show it, then have it asked for. Raises what showing raises."""
        self._board.show(note)
        if self._witnessing is not None:
            self._witnessing.submit(note)
        if self._timestamper is not None:
            self._timestamper.submit(note)

    @property
    def quorum_age(self) -> float | None:
        """Seconds since a quorum of witnesses cosigned; None if none is asked for."""
        return None if self._witnessing is None else self._witnessing.quorum_age

    def close(self) -> None:
        """End the threads; what is in flight is given up. Safe to call twice."""
        for part in (self._witnessing, self._timestamper):
            if part is not None:
                part.stop()

    def _cosigned(self, note: bytes, quorum: bool) -> None:
        try:
            self._board.show_cosigned(note, quorum=quorum)
        except Exception as error:  # noqa: BLE001 - handed on, whatever it is
            self._failed(error)

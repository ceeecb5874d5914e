"""Publishes to a place that may be slow or away, in a thread of its own: nobody waits for it, and only the newest
checkpoint counts. A place that cannot be reached is tried again, ever more rarely; what it missed it gets then.

Counterpart: `audit.publish.place`. A place that holds another history is an alarm and is never tried again.
"""

import threading
import time
from collections.abc import Callable

import structlog

from audit.errors import LogDamaged, PublishFailed
from audit.publish.place import Place

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
LAST_SECONDS = 10.0
"""How long the end of the process waits for a last delivery."""


class Delivery:
    """Owns the thread and the place."""

    def __init__(self, place: Place, *, first_pause: float = FIRST_PAUSE) -> None:
        self._place = place
        self._first_pause = first_pause
        self._change = threading.Condition()
        self._newest: bytes | None = None
        self._since: float | None = None
        """Since when something waits to be delivered."""
        self._stopping = False
        self._damaged: Callable[[LogDamaged], None] = _unheard
        self._thread = threading.Thread(target=self._run, name="audit-delivery", daemon=True)
        self._thread.start()

    def on_damage(self, damaged: Callable[[LogDamaged], None]) -> None:
        """Have `damaged` called, from the delivery's thread, if the place holds another history than the log."""
        self._damaged = damaged

    @property
    def undelivered_seconds(self) -> float:
        """How long the oldest checkpoint that was not delivered has waited; 0 if there is none."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def publish(self, note: bytes) -> None:
        """Deliver this checkpoint, and nothing older than it."""
        with self._change:
            self._newest = note
            if self._since is None:
                self._since = time.monotonic()
            self._change.notify()

    def close(self) -> None:
        """Try once more to deliver what is left, for a short while, and end. Safe to call twice."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        pause = 0.0
        try:
            while (note := self._take(pause)) is not None:
                pause = self._deliver(note, pause)
        except LogDamaged as error:
            self._damaged(error)
        except Exception as error:  # noqa: BLE001 - said aloud; the log itself does not depend on it
            structlog.get_logger("audit").exception("delivery_ended", error_type=type(error).__name__)
        finally:
            self._place.close()

    def _take(self, pause: float) -> bytes | None:
        """The newest checkpoint, once there is one and the pause is over; none at the end."""
        with self._change:
            if pause:
                self._change.wait_for(lambda: self._stopping, pause)
            self._change.wait_for(lambda: self._stopping or self._newest is not None)
            note, self._newest = self._newest, None
            return note

    def _deliver(self, note: bytes, pause: float) -> float:
        """The pause before the next one."""
        try:
            self._place.publish(note)
        except (PublishFailed, OSError) as error:
            if not pause:
                structlog.get_logger("audit").warning("delivery_failed", step=str(error))
            with self._change:
                if not self._stopping:
                    self._newest = self._newest or note
            return min(LONGEST_PAUSE, 2 * pause or self._first_pause)
        with self._change:
            self._since = None if self._newest is None else time.monotonic()
        if pause:
            structlog.get_logger("audit").info("delivered_again")
        return 0.0


def _unheard(error: LogDamaged) -> None:
    structlog.get_logger("audit").critical("delivery_damaged", step=str(error))

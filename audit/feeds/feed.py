"""Delivers the log, entry after entry, to one sink: at least once, in order, from a cursor that survives restarts.

The cursor moves only after the sink has a batch for certain; a crash between the two delivers that batch again, with
the same `uid` for each entry. A feed never holds up the log, and never skips an entry because a receiver is down.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from audit.errors import AuditError
from audit.feeds.cef import cef
from audit.feeds.cursor import Cursor
from audit.feeds.ecs import ecs
from audit.feeds.errors import FeedError, SinkDown
from audit.feeds.event import Event, Evidence, Teller
from audit.feeds.ocsf import ocsf
from audit.feeds.settings import FeedSettings
from audit.feeds.syslog import syslog, wrapped

if TYPE_CHECKING:
    from audit.feeds.sinks import Sink

Form: TypeAlias = Callable[[Event], bytes]

POLL_SECONDS: Final = 0.5
LONGEST_PAUSE: Final = 60.0
STOP_SECONDS: Final = 15.0

_FORMS: Final[dict[str, Form]] = {"ocsf": ocsf, "ecs": ecs, "cef": cef, "syslog": syslog}


def form_of(feed: FeedSettings) -> Form:
    """How this feed spells an entry; CEF inside syslog gets a syslog header."""
    if feed.form == "cef" and feed.to.startswith("syslog"):
        return lambda event: wrapped(event, cef(event))
    return _FORMS[feed.form]


class Feed:
    """One feed over one log. Not thread-safe."""

    def __init__(
        self, settings: FeedSettings, evidence: Evidence, pseudonym_key: bytes, sink: "Sink", cursor: Cursor
    ) -> None:
        self.settings = settings
        self._evidence = evidence
        self._teller = Teller(evidence, pseudonym_key, cleared=settings.cleared)
        self._form = form_of(settings)
        self._sink = sink
        self._cursor = cursor
        self._next = cursor.load(evidence.origin)

    @property
    def behind(self) -> int:
        """Entries that wait."""
        return max(0, self._evidence.size - self._next)

    def deliver_next(self) -> int:
        """Deliver the next batch; how many entries it went on by, 0 when there is nothing.

        Raises `SinkDown`; then the same batch is next again. `FeedError` if the log has become shorter.
        """
        size = self._evidence.size
        if self._next > size:  # going on when the log has grown past it would skip what is recorded until then
            raise FeedError(
                f"feed {self.settings.name}: {self._next} entries were delivered, but the log has {size}: it was "
                "rolled back. Look for a restored backup; to deliver this log from its start, remove the feed's cursor."
            )
        until = min(self._next + self.settings.batch, size)
        if until <= self._next:
            return 0
        wanted = [e for e in self._evidence.entries(self._next, until) if self.settings.wants(e.kind.value)]
        if wanted:
            self._sink.deliver([self._form(self._teller.tell(entry)) for entry in wanted])
        went = until - self._next
        self._next = until
        self._cursor.save(self._evidence.origin, until)
        return went

    def deliver_all(self) -> int:
        """Everything that is there now. Raises `SinkDown`."""
        total = 0
        while went := self.deliver_next():
            total += went
        return total

    def close(self) -> None:
        """Let go of sink and log."""
        self._sink.close()
        self._evidence.close()
        self._cursor.close()


class FeedThread:
    """Runs one feed beside the gateway. What goes wrong is logged once and tried again, ever more slowly."""

    def __init__(self, name: str, make: Callable[[], Feed]) -> None:
        """`make` opens the feed; it is called in the thread, again after whatever went wrong."""
        self._name = name
        self._make = make
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end, and wait for the batch in work."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        log = structlog.get_logger("feeds")
        pause, down = POLL_SECONDS, False
        while not self._stop.is_set():
            try:
                feed = self._make()
                try:
                    while not self._stop.is_set():
                        went = feed.deliver_next()
                        if down and went:
                            log.info("feed_delivers_again", feed=self._name)
                            down = False
                        pause = POLL_SECONDS
                        if not went:
                            self._stop.wait(POLL_SECONDS)
                finally:
                    feed.close()
            except (AuditError, OSError) as error:
                if not down:
                    step = str(error) if isinstance(error, SinkDown | FeedError) else type(error).__name__
                    log.warning("feed_down", feed=self._name, step=step, error_type=type(error).__name__)
                down = True
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

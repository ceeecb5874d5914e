"""Publishes signed checkpoints: at most once a second while the log grows, at once when asked, never while it is idle.

A thread of its own, so that no command waits for a signature. Counterparts: `audit.signing.signer` signs,
`audit.committer` tells what became durable.
"""

import concurrent.futures
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from audit.errors import RecordFailed, SignerUnavailable
from audit.publish.standing import Signing
from audit.signing.signer import CheckpointSigner
from audit.signing.span import Span

INTERVAL_SECONDS = 1.0
LATE_SECONDS = 15 * 60.0


class Publisher:
    """Owns the thread and the signer."""

    def __init__(
        self,
        signer: CheckpointSigner,
        publish: Callable[[bytes], None],
        on_failure: Callable[[Exception], None],
        *,
        interval: float = INTERVAL_SECONDS,
        on_late: Callable[[int], None] | None = None,
        late_seconds: float = LATE_SECONDS,
    ) -> None:
        """`publish` stores a signed checkpoint. `on_failure` hears of the first error; after it nothing is signed.

        A signer that does not answer is no error: it is asked again every `interval`. `on_late` hears, once until there
        is a signature again, that entries have waited for one for longer than `late_seconds`, and how many.
        """
        self._signer = signer
        self._publish = publish
        self._on_failure = on_failure
        self._interval = interval
        self._on_late = on_late
        self._late_seconds = late_seconds
        self._change = threading.Condition()
        self._size = signer.state.size
        signed = signer.state.root
        self._root: Callable[[], bytes] = lambda: signed
        self._added = Span(self._size)
        self._asked: tuple[int, bytes, Span] | None = None
        """What a signer that did not answer was asked. It may have signed it, so it is asked the same again first."""
        self._since: float | None = None
        """Since when entries wait for a signature."""
        self._told_late = False
        self._answers = True
        self._signed: tuple[int, float] | None = None
        """Size of the last checkpoint, and when it was signed."""
        self._urgent = False
        self._waiting: list[concurrent.futures.Future[None]] = []
        self._stopping = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="audit-publisher", daemon=True)
        self._thread.start()

    @property
    def unsigned_seconds(self) -> float:
        """How long the oldest entry without a signed checkpoint has waited for one; 0 if all are covered."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def standing(self) -> Signing:
        """How signing goes. Any thread."""
        size, at = self._signed or (None, None)
        return Signing(
            size=size,
            age_seconds=None if at is None else time.monotonic() - at,
            unsigned_seconds=self.unsigned_seconds,
            answers=self._answers and self._failure is None,
        )

    def durable(self, leaves: Sequence[bytes], size: int, root: Callable[[], bytes], *, urgent: bool) -> None:
        """These leaf hashes are durable now; the log has this size. `urgent`: sign without delay.

        `root` gives the root of this size, also later and on another thread: it costs a hash for each level of the
        tree, and is asked for only when it is signed.
        """
        with self._change:
            first = not self._added
            self._added.extend(leaves)
            self._size, self._root = size, root
            self._urgent = self._urgent or urgent
            if self._since is None and leaves:
                self._since = time.monotonic()
            if first or urgent:  # otherwise the thread waits for its time already
                self._change.notify()

    def request(self) -> concurrent.futures.Future[None]:
        """Sign what is durable now; the future is done when the checkpoint is published.

        It fails with `RecordFailed` if nothing is signed any more, with `SignerUnavailable` if only not now.
        """
        future: concurrent.futures.Future[None] = concurrent.futures.Future()
        with self._change:
            if self._failure is not None or self._stopping:
                future.set_exception(RecordFailed("The checkpoint was not signed: the record is closed."))
                return future
            self._waiting.append(future)
            self._urgent = True
            self._change.notify()
        return future

    def stop(self) -> None:
        """Sign what is left and end the thread. Safe to call twice."""
        with self._change:
            self._stopping = True
            self._change.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def fail(self, error: Exception) -> None:
        """Nothing more is signed; who waits for a checkpoint is told."""
        with self._change:
            self._failure = self._failure or error
            waiting, self._waiting = self._waiting, []
            self._stopping = True
            self._change.notify()
        for future in waiting:
            future.set_exception(RecordFailed("The checkpoint could not be signed or stored."))

    def _run(self) -> None:
        last = -self._interval
        while self._wait(last):
            waiting = self._take_waiting()
            try:
                self._sign_all(wanted=bool(waiting))
            except SignerUnavailable as error:
                self._unavailable(error, waiting)
                if self._stopping:
                    self.fail(error)
                    return
            except Exception as error:  # noqa: BLE001 - an unsigned log is not run on
                with self._change:
                    self._waiting += waiting
                self.fail(error)
                self._on_failure(error)
                return
            else:
                self._told_late = False
                for future in waiting:
                    future.set_result(None)
            last = time.monotonic()

    def _take_waiting(self) -> list[concurrent.futures.Future[None]]:
        with self._change:
            waiting, self._waiting = self._waiting, []
            self._urgent = False
            return waiting

    def _sign_all(self, *, wanted: bool) -> None:
        """Sign what was asked for before, then what came since; `wanted`: even if that is nothing new."""
        if self._asked is not None:
            self._sign_asked()
        with self._change:
            if not (self._added or self._size == 0 or wanted):
                return
            self._asked = (self._size, self._root(), self._added)
            self._added = Span(self._size)
        self._sign_asked()

    def _sign_asked(self) -> None:
        assert self._asked is not None
        size = self._asked[0]
        note = self._signer.sign(*self._asked)
        with self._change:
            self._asked = None
            self._answers, self._signed = True, (size, time.monotonic())
            self._since = time.monotonic() if self._added else None
        self._publish(note)

    def _unavailable(self, error: SignerUnavailable, waiting: list[concurrent.futures.Future[None]]) -> None:
        self._answers = False
        for future in waiting:
            future.set_exception(error)
        seconds = int(self.unsigned_seconds)
        structlog.get_logger("audit").warning("checkpoint_delayed", duration_ms=seconds * 1000, step=str(error))
        if seconds >= self._late_seconds and not self._told_late and self._on_late is not None:
            self._told_late = True
            self._on_late(seconds)

    def _wait(self, last: float) -> bool:
        """Wait until there is something to sign and it is time; false when it is over."""
        with self._change:
            while self._failure is None:
                unsigned = bool(self._added) or self._asked is not None
                if self._urgent or (self._stopping and unsigned):
                    return True
                if self._stopping:
                    return False
                remaining = last + self._interval - time.monotonic() if unsigned else None
                if remaining is not None and remaining <= 0:
                    return True
                self._change.wait(remaining)
            return False

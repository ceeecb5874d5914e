"""Publishes signed checkpoints: at most once a second while the log grows, at once when asked, never while it is idle.

A thread of its own, so that no command waits for a signature. Counterparts: `audit.signing.signer` signs,
`audit.committer` tells what became durable.
"""

import concurrent.futures
import threading
import time
from collections.abc import Callable, Sequence

from audit.errors import RecordFailed
from audit.signing.signer import Signer

INTERVAL_SECONDS = 1.0


class Publisher:
    """Owns the thread and the signer."""

    def __init__(
        self,
        signer: Signer,
        publish: Callable[[bytes], None],
        on_failure: Callable[[Exception], None],
        *,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        """`publish` stores a signed checkpoint. `on_failure` hears of the first error; after it nothing is signed."""
        self._signer = signer
        self._publish = publish
        self._on_failure = on_failure
        self._interval = interval
        self._change = threading.Condition()
        self._added: list[bytes] = []
        self._size = signer.state.size
        self._root = signer.state.root
        self._urgent = False
        self._waiting: list[concurrent.futures.Future[None]] = []
        self._stopping = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="audit-publisher", daemon=True)
        self._thread.start()

    def durable(self, leaves: Sequence[bytes], size: int, root: bytes, *, urgent: bool) -> None:
        """These leaf hashes are durable now; the log has this size and root. `urgent`: sign without delay."""
        with self._change:
            first = not self._added
            self._added.extend(leaves)
            self._size, self._root = size, root
            self._urgent = self._urgent or urgent
            if first or urgent:  # otherwise the thread waits for its time already
                self._change.notify()

    def request(self) -> concurrent.futures.Future[None]:
        """Sign what is durable now; the future is done when the checkpoint is published."""
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
            with self._change:
                added, self._added = self._added, []
                size, root, waiting = self._size, self._root, self._waiting
                self._urgent, self._waiting = False, []
            try:
                if added or size == 0 or waiting:
                    self._publish(self._signer.sign(size, root, added))
            except Exception as error:  # noqa: BLE001 - an unsigned log is not run on
                with self._change:
                    self._waiting += waiting
                self.fail(error)
                self._on_failure(error)
                return
            last = time.monotonic()
            for future in waiting:
                future.set_result(None)

    def _wait(self, last: float) -> bool:
        """Wait until there is something to sign and it is time; false when it is over."""
        with self._change:
            while self._failure is None:
                if self._urgent or (self._stopping and self._added):
                    return True
                if self._stopping:
                    return False
                remaining = last + self._interval - time.monotonic() if self._added else None
                if remaining is not None and remaining <= 0:
                    return True
                self._change.wait(remaining)
            return False

"""Signing where several workers write one log: one of them leads, and when it is gone another goes on.

Every worker has a `SharedPublisher`; that of the leader signs as `audit.publish.publisher` does, the others wait. What
has to be signed follows from the log and from the signer's own state, so a leader that dies leaves nothing behind that
the next one would need. Counterpart: `audit.stores.postgres_watch` elects.
"""

import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from audit.errors import AuditError, LogDamaged, LogInUse, RecordFailed, SignerUnavailable
from audit.publish.published import Published
from audit.publish.publisher import Publisher
from audit.publish.standing import Signing
from audit.signing.signer import CheckpointSigner
from audit.tlog.merkle import Frontier
from config.counting import entries

LEADER_SECONDS = 10.0
"""How long who asks for a checkpoint waits for the worker that leads."""

SETTLE_SECONDS = 3.0
"""How long a worker that stops waits for the same."""

_ASK_SECONDS = 0.1


class Watch(Protocol):
    """A worker's eye on the others and on its own lease. Its callbacks come from a thread of its own."""

    def start(self, *, heard: Callable[[], None], lead: Callable[[], None], lost: Callable[[Exception], None]) -> None:
        """Begin. `heard`: there may be something new, at least every quarter of a second. `lead`: this worker signs
        from now on. `lost`: the lease or the connection is gone, for good; nothing else is called after it."""
        ...

    def signed_size(self) -> int:
        """Size of the newest checkpoint in the store. Any thread. Raises `LogDamaged`."""
        ...

    def stop(self) -> None:
        """End, and give up lease and lead. Safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class Others:
    """What a journal beside other workers needs. `open_signer` raises `LogInUse` or `SignerUnavailable` while another
    process has the signer; `open_published` gives places that were compared with the log."""

    watch: Watch
    open_signer: Callable[[], CheckpointSigner]
    open_published: Callable[[CheckpointSigner], Published]


class SharedPublisher:
    """A publisher that signs only while this worker leads."""

    def __init__(self, others: Others, publisher_of: Callable[[CheckpointSigner, Published], Publisher]) -> None:
        self._others = others
        self._publisher_of = publisher_of
        self._elected = False
        self._opening: concurrent.futures.Future[tuple[CheckpointSigner, Published]] | None = None
        self._inner: Publisher | None = None
        self._signer: CheckpointSigner | None = None
        self._stopping = threading.Event()
        self._turn = threading.Lock()
        """Held while what was opened finds its owner, so that it is always somebody's to close."""
        self._size = 0
        """Entries known to be durable."""

    @property
    def leads(self) -> bool:
        """Whether this worker signs."""
        return self._inner is not None

    def standing(self) -> Signing | None:
        """As `Publisher.standing`; none if this worker does not lead."""
        return None if self._inner is None else self._inner.standing()

    def take_turn(
        self, frontier: Frontier, leaves: Callable[[int, int], Iterable[tuple[int, bytes]]], *, elected: bool
    ) -> None:
        """Committer thread, again and again: begin to sign if this worker was elected and has got hold of the signer.

        `frontier`: all that is durable; `leaves` reads leaf hashes. Raises `LogDamaged`, and what `Others` raises.
        """
        with self._turn:
            self._take_turn(frontier, leaves, elected=elected)

    def _take_turn(
        self, frontier: Frontier, leaves: Callable[[int, int], Iterable[tuple[int, bytes]]], *, elected: bool
    ) -> None:
        self._elected = self._elected or elected
        if not self._elected or self._inner is not None or self._stopping.is_set():
            return
        if self._opening is None:
            self._opening = concurrent.futures.Future()
            threading.Thread(target=self._open, args=(self._opening,), name="audit-opens", daemon=True).start()
        elif self._opening.done():
            opening, self._opening = self._opening, None
            try:
                signer, published = opening.result()
            except (LogInUse, SignerUnavailable) as error:
                structlog.get_logger("audit").warning("signer_not_free", step=str(error))
            else:
                self._begin(signer, published, frontier, leaves)

    def _open(self, opening: "concurrent.futures.Future[tuple[CheckpointSigner, Published]]") -> None:
        """A thread of its own: comparing what is published takes its time, and nobody's line waits for it."""
        try:
            signer = self._others.open_signer()
            try:
                published = self._others.open_published(signer)
            except BaseException:
                signer.close()
                raise
        except Exception as error:  # noqa: BLE001 - raised again where it is asked for
            opening.set_exception(error)
        else:
            opening.set_result((signer, published))

    def _begin(
        self,
        signer: CheckpointSigner,
        published: Published,
        frontier: Frontier,
        leaves: Callable[[int, int], Iterable[tuple[int, bytes]]],
    ) -> None:
        signed = signer.state.size
        if frontier.size < signed:
            signer.close()
            published.close()
            raise LogDamaged(f"The log has {entries(frontier.size)}, but {signed} were signed.")
        inner = self._publisher_of(signer, published)
        added = [leaf for _, leaf in leaves(signed, frontier.size)]
        inner.durable(added, frontier.size, frontier.copy().root, urgent=True)
        self._signer, self._inner = signer, inner
        structlog.get_logger("audit").info("leads", step=f"{signed} of {entries(frontier.size)} are signed")

    def durable(self, leaves: Sequence[bytes], size: int, root: Callable[[], bytes], *, urgent: bool) -> None:
        """As `Publisher.durable`; who does not lead need not keep it."""
        if self._inner is not None:
            self._inner.durable(leaves, size, root, urgent=urgent)
        self._size = size

    def request(self) -> "concurrent.futures.Future[None]":
        """As `Publisher.request`; who does not lead waits for the worker that does."""
        if self._inner is not None:
            return self._inner.request()
        future: concurrent.futures.Future[None] = concurrent.futures.Future()
        threading.Thread(target=self._await_leader, args=(future,), name="audit-waits", daemon=True).start()
        return future

    def _await_leader(self, future: "concurrent.futures.Future[None]") -> None:
        until = time.monotonic() + LEADER_SECONDS
        size = self._size
        try:
            while self._others.watch.signed_size() < size:
                if time.monotonic() > until or self._stopping.wait(_ASK_SECONDS):
                    future.set_exception(RecordFailed("No worker of this log has signed a checkpoint in time."))
                    return
            future.set_result(None)
        except AuditError as error:
            future.set_exception(error)

    def settle(self) -> None:
        """Before `stop`: give whoever leads, or this worker if nobody does, the time to sign what is durable."""
        until = time.monotonic() + SETTLE_SECONDS
        with contextlib.suppress(AuditError):
            while self._inner is None and self._others.watch.signed_size() < self._size and time.monotonic() < until:
                time.sleep(_ASK_SECONDS / 2)

    def stop(self) -> None:
        """As `Publisher.stop`; gives the signer back, also one that is still being opened."""
        with self._turn:
            self._stopping.set()
            opening, self._opening = self._opening, None
        if opening is not None:
            opening.add_done_callback(_let_go)
        if self._inner is not None:
            self._inner.stop()
        if self._signer is not None:
            self._signer.close()

    def fail(self, error: Exception) -> None:
        """As `Publisher.fail`."""
        self._stopping.set()
        if self._inner is not None:
            self._inner.fail(error)


def _let_go(opening: "concurrent.futures.Future[tuple[CheckpointSigner, Published]]") -> None:
    """Nobody wants it any more."""
    if opening.exception() is None:
        signer, published = opening.result()
        published.close()
        signer.close()

"""Natural group commit: one thread takes all that is queued, makes it durable in one transaction, answers everybody.

A batch is what arrived during the last sync; nobody who waits is made to wait for company. Work that nobody waits for
may ride along with the next that somebody does, for at most `ALONG_SECONDS`. Any error of the commit function poisons
the committer for good (a failed sync cannot be retried: the kernel may have dropped the pages); from then on `submit`
raises `RecordFailed` at once and nothing queued is written. The remedy is a restart, which verifies the log.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from audit.errors import Overloaded, RecordFailed
from config.records import record

CAPACITY = 4096
"""Jobs that may wait. Beyond it a line is refused at once instead of being late."""

ALONG_SECONDS = 0.2
"""So long may work that nobody waits for stay queued without company."""

J = TypeVar("J")
R = TypeVar("R")


class Ticket(Generic[R]):
    """Where a job's answer goes: a future of an event loop, one for threads, or nowhere."""

    __slots__ = ("future", "loop")

    def __init__(
        self,
        future: asyncio.Future[R] | concurrent.futures.Future[R] | None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.future = future
        self.loop = loop


@record
class Job(Generic[J, R]):
    """A piece of work and who waits for it."""

    work: J
    ticket: Ticket[R]


class Committer(Generic[J, R]):
    """Owns the thread. `commit` gets all queued work, and answers each with a result or an exception."""

    def __init__(
        self,
        commit: Callable[[Sequence[J]], Sequence[R | Exception]],
        *,
        after: Callable[[], None],
        on_poison: Callable[[Exception], None],
        capacity: int = CAPACITY,
        name: str = "audit-committer",
    ) -> None:
        """`after` is housekeeping off the waiting path; its errors poison too. `on_poison` is called once, from the
        thread that met the error, after all waiting jobs have failed."""
        self._commit = commit
        self._after = after
        self._on_poison = on_poison
        self._capacity = capacity
        self._queue: list[Job[J, R]] = []
        self._change = threading.Condition()
        self._awaited = False
        """Somebody waits for something in the queue."""
        self._dozing = False
        """The thread looks again within `ALONG_SECONDS`: work that nobody waits for need not wake it."""
        self._poison: Exception | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def poisoned(self) -> bool:
        """Whether nothing can be recorded any more."""
        return self._poison is not None

    def check(self) -> None:
        """Raises `RecordFailed` if nothing can be recorded any more."""
        if self._poison is not None:
            raise _failure(self._poison)

    def submit(self, work: J, ticket: Ticket[R], *, along: bool = False) -> None:
        """Queue work; with `along`, nobody waits for it and it may ride with the next.

        Raises `RecordFailed` (poisoned or closed) or `Overloaded`; then it was not queued.
        """
        with self._change:
            self.check()
            if self._stopping:
                raise RecordFailed("The record is closed: the gateway is shutting down.")
            if len(self._queue) >= self._capacity:
                raise Overloaded(f"More than {self._capacity} records wait to be written. Try again in a moment.")
            self._queue.append(Job(work, ticket))
            if not along:
                self._awaited = True
            if not along or not self._dozing:
                self._change.notify()

    def poison(self, error: Exception) -> None:
        """Stop recording for good, after an error elsewhere that is as final."""
        self._fail(error, ())

    def _fail(self, error: Exception, jobs: Sequence[Job[J, R]]) -> None:
        """Poisoned first, answered then: who hears of the failure finds nothing open any more."""
        with self._change:
            first = self._poison is None
            self._poison = self._poison or error
            waiting, self._queue = [*jobs, *self._queue], []
            self._change.notify()
        _answer((job.ticket, _failure(error)) for job in waiting)
        if first:
            self._on_poison(error)

    def stop(self) -> None:
        """Finish what is queued and end the thread. Safe to call twice."""
        with self._change:
            self._stopping = True
            self._change.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while jobs := self._take():
            try:
                answers = self._commit([job.work for job in jobs])
            except Exception as error:  # noqa: BLE001 - whatever it was, the medium cannot be trusted any more
                self._fail(error, jobs)
                return
            _answer((job.ticket, answer) for job, answer in zip(jobs, answers, strict=True))
            try:
                self._after()
            except Exception as error:  # noqa: BLE001 - the same
                self._fail(error, ())
                return

    def _take(self) -> list[Job[J, R]]:
        """Everything queued; nothing once it is over."""
        with self._change:
            self._doze()
            while not self._queue and not self._over():
                self._change.wait()
                self._doze()
            jobs, self._queue = self._queue, []
            self._awaited = False
            return jobs

    def _doze(self) -> None:
        """Wait for somebody who waits, or for `ALONG_SECONDS`."""
        self._dozing = True
        self._change.wait_for(lambda: self._awaited or self._over(), timeout=ALONG_SECONDS)
        self._dozing = False

    def _over(self) -> bool:
        return self._stopping or self._poison is not None


_SENTENCE = (
    "The record could not be written, so nothing more is sent. "
    "Restart the gateway once its disk is sound; it checks the log at start."
)


def _failure(error: Exception) -> RecordFailed:
    """What waiters are told: the error's own sentence if it was meant for them."""
    failure = RecordFailed(str(error) if isinstance(error, RecordFailed) else _SENTENCE)
    failure.__cause__ = error
    return failure


def _answer(answers: Iterable[tuple[Ticket[R], R | Exception]]) -> None:
    """Give results to their waiters; one wake-up an event loop, however many wait there."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[R], R | Exception]]] = {}
    for ticket, answer in answers:
        future = ticket.future
        if future is None:
            continue
        if isinstance(future, concurrent.futures.Future):
            _settle_thread(future, answer)
        else:
            assert ticket.loop is not None
            by_loop.setdefault(ticket.loop, []).append((future, answer))
    for loop, pairs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, pairs)
        except RuntimeError:
            continue  # the loop is closed; nobody waits


def _settle_all(pairs: list[tuple[asyncio.Future[R], R | Exception]]) -> None:
    for future, answer in pairs:
        if future.done():
            continue  # the waiter was cancelled; the entry stands all the same
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _settle_thread(future: concurrent.futures.Future[R], answer: R | Exception) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)

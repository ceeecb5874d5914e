"""Time limits for waits that are many and nearly always short: one timer an event loop for all of them.

`asyncio.timeout` makes a timer for each wait and takes it back; that is a turn of the loop more for each, in which the
thread that writes the log waits for the interpreter. Here the timer stays and finds nobody.
"""

import asyncio
import math
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_LIMITS: "Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Limits]]" = WeakKeyDictionary()


async def within(future: "asyncio.Future[T]", seconds: float) -> T:
    """The future's result. Raises `TimeoutError`, also in the future, if it has none after `seconds`.

    Who sets the future must look first whether it is done, as for any future that may be cancelled.
    """
    loop = future.get_loop()
    limits = _LIMITS.get(loop)
    if limits is None:
        limits = _LIMITS[loop] = _Limits()
    limits.add(loop, future, loop.time() + seconds)
    try:
        return await future
    finally:
        limits.remove(future)


class _Limits:
    """Of one event loop, used in it only. At all times the timer is set for the first limit, or earlier."""

    __slots__ = ("_at", "_due")

    def __init__(self) -> None:
        self._due: dict[asyncio.Future[Any], float] = {}
        """Until when each waits, in the loop's time."""
        self._at = math.inf
        """When the timer goes off; infinite: there is none."""

    def add(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], due: float) -> None:
        self._due[future] = due
        if due < self._at:
            self._set(loop, due)

    def remove(self, future: asyncio.Future[Any]) -> None:
        del self._due[future]

    def _set(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._at = due
        loop.call_at(due, self._look, loop, due)

    def _look(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        """The timer went off: end what is too late, and set it anew for the next if there is one."""
        if at != self._at:
            return  # an earlier one was set since, and looked after all
        now = loop.time()
        for future, due in self._due.items():
            if due <= now and not future.done():
                future.set_exception(TimeoutError())
        self._at = math.inf
        left = [due for due in self._due.values() if due > now]
        if left:
            self._set(loop, min(left))

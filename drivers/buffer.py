"""Output of a router between its arrival and its reading: bounded, in order, with back-pressure.

Counterparts: `drivers.shell_ssh` and `drivers.fakes` fill it from callbacks; `DriverSession.read` empties it.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from drivers.session import Output

READ_LIMIT = 64 * 1024
"""Most bytes that one `read` returns."""

HIGH_WATER = 32 * 1024
"""Bytes held here at which the source is told to pause. One more packet (32 KiB) can follow before it does."""


class OutputBuffer:
    """One producer (callbacks), one reader (a coroutine). `pause` and `resume` steer the producer."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._pieces: deque[Output] = deque()
        self._size = 0
        self._paused = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size

    @property
    def ended(self) -> bool:
        """Whether no more output will arrive; what is held can still be read."""
        return self._ended

    def put(self, data: bytes, *, stderr: bool = False) -> None:
        """Add output. Empty data is ignored: it would read as the end."""
        if not data or self._ended:
            return
        self._pieces.append(Output(data, stderr))
        self._size += len(data)
        if self._size >= HIGH_WATER and not self._paused:
            self._paused = True
            self._pause()
        self._wake()

    def end(self) -> None:
        """No more output will come."""
        self._ended = True
        self._wake()

    def discard(self) -> None:
        """Forget what is held and end: the reader is to see the end at once."""
        self._pieces.clear()
        self._size = 0
        self.end()

    async def take(self) -> Output:
        """Wait for output of one stream, at most `READ_LIMIT` bytes. Empty data is the end, also when asked again."""
        while not self._pieces:
            if self._ended:
                return Output(b"")
            await self._wait()
        return self._pop()

    async def _wait(self) -> None:
        assert self._waiter is None, "one reader at a time"
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _pop(self) -> Output:
        stderr = self._pieces[0].stderr
        taken: list[bytes] = []
        room = READ_LIMIT
        while self._pieces and self._pieces[0].stderr is stderr and room > 0:
            data = self._pieces.popleft().data
            if len(data) > room:
                self._pieces.appendleft(Output(data[room:], stderr))
                data = data[:room]
            taken.append(data)
            room -= len(data)
        self._size -= READ_LIMIT - room
        if self._paused and self._size < HIGH_WATER and not self._ended:
            self._paused = False
            self._resume()
        return Output(b"".join(taken), stderr)

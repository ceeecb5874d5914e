"""Lines typed ahead, in order, with a mark at which reading from the client stops. Pure."""

from collections import deque

from gateway.mediation.events import Throttle


class LineQueue:
    """First in, first out. `limit` is where the client is told to wait; it goes on when half of that is left.

    One packet may carry many lines more than the limit, so the limit does not refuse any.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines: deque[str] = deque()
        self._throttled = False

    def __len__(self) -> int:
        return len(self._lines)

    def push(self, line: str) -> list[Throttle]:
        """Take a line; say so when the client must wait."""
        self._lines.append(line)
        if len(self._lines) < self._limit or self._throttled:
            return []
        self._throttled = True
        return [Throttle(on=True)]

    def push_front(self, line: str) -> None:
        """Put a line back that is to be the next."""
        self._lines.appendleft(line)

    def pop(self) -> str:
        """The next line. Raises IndexError when there is none. Follow with `room`."""
        return self._lines.popleft()

    def clear(self) -> int:
        """Forget all lines; how many there were. Follow with `room`."""
        count = len(self._lines)
        self._lines.clear()
        return count

    def room(self) -> list[Throttle]:
        """Let the client go on, if it waits and there is room again."""
        if not self._throttled or len(self._lines) > self._limit // 2:
            return []
        self._throttled = False
        return [Throttle(on=False)]

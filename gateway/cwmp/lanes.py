"""One after the other: requests from addresses where too much went wrong. Counterpart: `gateway.cwmp.reception`.

Somebody who guesses passwords, or floods, may share his address with routers that know theirs. None of them is turned
away for what another one did: each is looked at in its turn, and so is each guess. Only who waits is looked at, and an
address can have only so many waiting (`Limits.strangers`), so the last of them waits some seconds.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from gateway.cwmp.connections import Connection

TURN_SECONDS: Final = 0.04
"""From one to the next: with 256 waiting, the last one waits 10 s. Real routers wait 30 s at least."""


class Lanes:
    """Of each address one. Used from the event loop only."""

    def __init__(self, seconds: float = TURN_SECONDS) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[str, OrderedDict[Connection, Callable[[], None]]] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def line_up(self, connection: Connection, work: Callable[[], None]) -> None:
        """Do `work` when it is the connection's turn: at once if nobody had one a moment ago."""
        lane = self._lanes.get(connection.address)
        if lane is not None:
            lane[connection] = work
            return
        self._lanes[connection.address] = OrderedDict()
        self._loop.call_later(self._seconds, self._next, connection.address)
        work()

    def left(self, connection: Connection) -> None:
        """It is gone, and its turn with it."""
        lane = self._lanes.get(connection.address)
        if lane is not None:
            lane.pop(connection, None)

    def _next(self, address: str) -> None:
        lane = self._lanes[address]
        if not lane:
            del self._lanes[address]
            return
        self._loop.call_later(self._seconds, self._next, address)
        _, work = lane.popitem(last=False)
        work()

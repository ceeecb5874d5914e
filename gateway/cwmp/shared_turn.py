"""One waiting CPE for two who speak to it: a rep's console and the provider's ACS, one RPC at a time.

`lent` is what the hub gives to the console; the relay calls through `call`, which lets a console that waits go first.
Counterparts: `drivers.cwmp.turns`, `gateway.cwmp.relay`.
"""

import asyncio
from collections.abc import Callable

from audit.rpc import RecordedRpc
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Answer
from drivers.cwmp.turns import Turn


class SharedTurn:
    """A `Turn` that two may call at the same time. Cutting it cuts both off."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._one = asyncio.Lock()
        self._asked = 0
        self._free = asyncio.Event()
        self._free.set()

    @property
    def contact(self) -> Contact:
        return self._turn.contact

    @property
    def alive(self) -> bool:
        return self._turn.alive

    async def call(self, rpc: RecordedRpc, *, seconds: float = 30.0) -> Answer:
        """For the console: next, whatever the ACS has waiting."""
        self._asked += 1
        self._free.clear()
        try:
            async with self._one:
                return await self._turn.call(rpc, seconds=seconds)
        finally:
            self._asked -= 1
            if not self._asked:
                self._free.set()

    async def call_behind(self, rpc: RecordedRpc, *, seconds: float = 30.0) -> Answer:
        """For the ACS: when no console waits."""
        while True:
            await self._free.wait()
            async with self._one:
                if not self._asked:
                    return await self._turn.call(rpc, seconds=seconds)

    def on_lost(self, callback: Callable[[], None]) -> None:
        self._turn.on_lost(callback)

    def cut(self) -> None:
        self._turn.cut()

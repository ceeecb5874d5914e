"""A journal of RPCs in memory, minted here where no journal is: keeps the order, and can refuse and fail."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from audit._mint import KEY
from audit.entry import Json
from audit.errors import RecordFailed, RecordRefused
from audit.rpc import NewRpc, RecordedRpc


@dataclass(kw_only=True)
class FakeRpcJournal:
    """Holds `drivers.cwmp.link.RpcJournal`."""

    next_number: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)
    refuse: bool = False
    fail: bool = False
    fail_answers: bool = False
    slow: float = 0.0
    early: bool = False
    """Hands out the proof before the entry is durable: an oracle must see that."""
    durable: dict[str, int] = field(default_factory=dict)
    """rpc_id to the moment at which its entry was durable."""
    asked: list[NewRpc] = field(default_factory=list)
    answers: list[tuple[int, RecordedRpc, Mapping[str, Json], Mapping[str, Json]]] = field(default_factory=list)

    async def record(self, rpc: NewRpc) -> RecordedRpc:
        await asyncio.sleep(self.slow)
        if self.refuse:
            raise RecordRefused("revoked")
        if self.fail:
            raise RecordFailed("The disk is full.")
        self.asked.append(rpc)
        if self.early:
            asyncio.get_running_loop().call_later(0.001, self._write, rpc)
        else:
            self._write(rpc)
        return RecordedRpc(
            rpc_id=rpc.rpc_id,
            method=rpc.method,
            wire=rpc.wire,
            purpose=rpc.purpose,
            session=rpc.session,
            consent_ref=rpc.consent_ref,
            subscriber=rpc.subscriber,
            entry_index=len(self.asked),
            n=len(self.asked),
            generation=0,
            mint=KEY,
        )

    def _write(self, rpc: NewRpc) -> None:
        self.durable[rpc.rpc_id] = self.next_number()

    async def answered(self, rpc: RecordedRpc, facts: Mapping[str, Json], kept: Mapping[str, Json]) -> None:
        await asyncio.sleep(0)
        if self.fail_answers:
            raise RecordFailed("The disk is full.")
        self.answers.append((self.next_number(), rpc, facts, kept))

    @property
    def purposes(self) -> list[str]:
        return [rpc.purpose for rpc in self.asked]

"""Two who speak to one CPE: one RPC at a time, the console first."""

import asyncio

import pytest

from audit._mint import KEY
from audit.rpc import RecordedRpc
from drivers.cwmp.messages import Done
from drivers.errors import RouterUnreachable
from gateway.cwmp.shared_turn import SharedTurn


def rpc(name: str) -> RecordedRpc:
    return RecordedRpc(
        rpc_id=name, method=name, wire=b"<x/>", purpose="machine", session=None, consent_ref=None, subscriber="s",
        entry_index=1, n=None, generation=0, mint=KEY,
    )  # fmt: skip


class SlowCpe:
    """A `Turn` that answers when it is told to, and fails if it is asked two things at once."""

    def __init__(self) -> None:
        self.contact = None
        self.alive = True
        self.asked: list[str] = []
        self.out = 0
        self.go = asyncio.Semaphore(0)
        self.cuts = 0
        self.callbacks = []

    async def call(self, rpc, *, seconds=30.0):
        self.asked.append(rpc.rpc_id)
        self.out += 1
        assert self.out == 1
        try:
            await self.go.acquire()
            if not self.alive:
                raise RouterUnreachable("gone")
            return Done(rpc.method)
        finally:
            self.out -= 1

    def on_lost(self, callback):
        self.callbacks.append(callback)

    def cut(self):
        self.alive = False
        self.cuts += 1
        self.go.release()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_console_that_waits_goes_before_the_ACS():
    cpe = SlowCpe()
    shared = SharedTurn(cpe)
    first = asyncio.create_task(shared.call_behind(rpc("acs-1")))
    await settled()
    others = [asyncio.create_task(shared.call_behind(rpc("acs-2"))), asyncio.create_task(shared.call(rpc("rep-1")))]
    await settled()
    assert cpe.asked == ["acs-1"]
    for _ in range(3):
        cpe.go.release()
        await settled()
    assert cpe.asked == ["acs-1", "rep-1", "acs-2"]
    assert await first == Done("acs-1")
    await asyncio.gather(*others)


async def test_the_ACS_goes_on_while_the_console_is_silent():
    cpe = SlowCpe()
    shared = SharedTurn(cpe)
    for who, call in (("rep", shared.call), ("acs", shared.call_behind), ("rep", shared.call)):
        cpe.go.release()
        assert await call(rpc(who)) == Done(who)


async def test_a_console_that_gives_up_waiting_does_not_block_the_ACS():
    cpe = SlowCpe()
    shared = SharedTurn(cpe)
    first = asyncio.create_task(shared.call_behind(rpc("acs-1")))
    await settled()
    rep = asyncio.create_task(shared.call(rpc("rep-1")))
    behind = asyncio.create_task(shared.call_behind(rpc("acs-2")))
    await settled()
    rep.cancel()
    await settled()
    cpe.go.release()
    cpe.go.release()
    assert await first == Done("acs-1")
    assert await behind == Done("acs-2")
    assert cpe.asked == ["acs-1", "acs-2"]


async def test_a_cut_is_for_both():
    cpe = SlowCpe()
    shared = SharedTurn(cpe)
    lost = []
    shared.on_lost(lambda: lost.append(1))
    acs = asyncio.create_task(shared.call_behind(rpc("acs-1")))
    await settled()
    shared.cut()
    with pytest.raises(RouterUnreachable):
        await acs
    assert not shared.alive
    assert len(cpe.callbacks) == 1
    assert cpe.cuts == 1

"""Consoles and CPEs meet: who gets a session, who is told to wait, and what ends a loan."""

import asyncio

import pytest

from audit._mint import KEY
from audit.rpc import RecordedRpc
from drivers.cwmp.device import DeviceId
from drivers.cwmp.hub import CpeHub, NeverCalled, NotToBeWoken
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Done, Event, Inform
from drivers.cwmp.quirks import STRICT
from drivers.errors import RouterUnreachable

DEVICE = DeviceId(oui="00D09E", product_class="DSL2800", serial="ABC123")


def contact(*events, router_id="r1"):
    inform = Inform(manufacturer="Acme", device=DEVICE, events=tuple(Event(code) for code in events or ("2 PERIODIC",)))
    return Contact(
        router_id=router_id,
        device=DEVICE,
        root="Device.",
        namespace="urn:dslforum-org:cwmp-1-0",
        identity="tls-password",
        quirks=STRICT,
        inform=inform,
    )


def recorded(rpc_id="1"):
    return RecordedRpc(
        rpc_id=rpc_id, method="Reboot", wire=b"<x/>", purpose="machine", session=None, consent_ref=None,
        subscriber="s", entry_index=1, n=None, generation=0, mint=KEY,
    )  # fmt: skip


class FakeTurn:
    """A CPE that answers `Done` to everything, unless `stuck`."""

    def __init__(self, shown=None):
        self.contact = shown or contact()
        self.alive = True
        self.sent = []
        self.stuck = False
        self._callbacks = []

    async def call(self, rpc, *, seconds=30.0):
        if not self.alive:
            raise RouterUnreachable("gone")
        self.sent.append(rpc)
        if self.stuck:
            await asyncio.Event().wait()
        return Done(rpc.method)

    def on_lost(self, callback):
        self._callbacks.append(callback)
        if not self.alive:
            callback()

    def cut(self):
        if self.alive:
            self.alive = False
            for callback in self._callbacks:
                callback()


class FakeWaker:
    def __init__(self, *failures, due=None):
        self.asked = []
        self.due = due
        self._failures = list(failures)

    async def wake(self, router_id):
        self.asked.append(router_id)
        if self._failures:
            raise self._failures.pop(0)

    def expected_in(self, router_id):
        return self.due


async def lent(hub, turn):
    """Lend in the background, as a mode does."""
    task = asyncio.create_task(hub.lend(turn))
    await asyncio.sleep(0)
    return task


async def test_the_console_that_waits_gets_the_session_and_gives_it_back():
    waker, turn = FakeWaker(), FakeTurn()
    hub = CpeHub(waker)
    waiting = asyncio.create_task(hub.attach("r1"))
    await asyncio.sleep(0)
    assert hub.wanted(turn.contact)
    loan = await lent(hub, turn)
    link = await waiting
    assert waker.asked == ["r1"]
    assert not hub.wanted(turn.contact)
    assert await link.call(recorded()) == Done("Reboot")
    assert link.alive
    link.release()
    link.release()
    assert not link.alive
    await loan
    assert turn.alive, "the front end still owes it a 204"


async def test_nobody_waits_so_the_loan_is_over_at_once():
    turn = FakeTurn()
    await asyncio.wait_for(CpeHub(FakeWaker()).lend(turn), 0.1)
    assert turn.alive


async def test_one_console_for_each_router_and_again_after_release():
    hub = CpeHub(FakeWaker())
    waiting = asyncio.create_task(hub.attach("r1"))
    await asyncio.sleep(0)
    with pytest.raises(RouterUnreachable, match="in use"):
        await hub.attach("r1")
    loan = await lent(hub, FakeTurn())
    link = await waiting
    with pytest.raises(RouterUnreachable, match="in use"):
        await hub.attach("r1")
    link.release()
    second = asyncio.create_task(hub.attach("r1"))  # before the loan's task has ended
    await loan
    await asyncio.sleep(0)
    loan = await lent(hub, FakeTurn())
    again = await second
    assert again.alive
    again.cut()
    await loan


async def test_other_routers_do_not_wait_for_each_other():
    hub = CpeHub(FakeWaker())
    one, two = asyncio.create_task(hub.attach("r1")), asyncio.create_task(hub.attach("r2"))
    await asyncio.sleep(0)
    loan = await lent(hub, FakeTurn(contact(router_id="r2")))
    assert (await two).contact.router_id == "r2"
    assert not one.done()
    one.cancel()
    loan.cancel()


async def test_only_a_session_with_a_wanted_event():
    hub = CpeHub(FakeWaker())
    wanted = frozenset({"8 DIAGNOSTICS COMPLETE"})
    waiting = asyncio.create_task(hub.attach("r1", wanted=wanted, wake=False))
    await asyncio.sleep(0)
    assert not hub.wanted(contact("2 PERIODIC"))
    right = FakeTurn(contact("6 CONNECTION REQUEST", "8 DIAGNOSTICS COMPLETE"))
    loan = await lent(hub, right)
    (await waiting).release()
    await loan


async def test_a_cpe_that_goes_ends_the_link_at_once_and_nothing_is_sent():
    hub, turn = CpeHub(FakeWaker()), FakeTurn()
    waiting = asyncio.create_task(hub.attach("r1"))
    await asyncio.sleep(0)
    loan = await lent(hub, turn)
    link = await waiting
    turn.cut()
    assert not link.alive
    with pytest.raises(RouterUnreachable, match="nothing was sent"):
        await link.call(recorded())
    assert turn.sent == []
    await loan


async def test_release_in_a_call_cuts():
    hub, turn = CpeHub(FakeWaker()), FakeTurn()
    turn.stuck = True
    waiting = asyncio.create_task(hub.attach("r1"))
    await asyncio.sleep(0)
    loan = await lent(hub, turn)
    link = await waiting
    call = asyncio.create_task(link.call(recorded()))
    await asyncio.sleep(0)
    with pytest.raises(RouterUnreachable, match="busy"):
        await link.call(recorded("2"))
    link.release()
    assert not turn.alive
    await loan
    call.cancel()


async def test_a_console_that_forgets_the_cpe_loses_it():
    hub, turn = CpeHub(FakeWaker(), safe_hold=0.02), FakeTurn()
    waiting = asyncio.create_task(hub.attach("r1"))
    await asyncio.sleep(0)
    loan = await lent(hub, turn)
    link = await waiting
    await asyncio.wait_for(loan, 1)
    assert not link.alive
    assert turn.alive


async def test_a_console_that_stops_waiting_leaves_no_trace():
    hub = CpeHub(FakeWaker())
    waiting = asyncio.create_task(hub.attach("r1"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not hub.wanted(contact())


async def test_a_console_cancelled_as_it_gets_the_link_gives_it_back():
    hub, turn = CpeHub(FakeWaker()), FakeTurn()
    waiting = asyncio.create_task(hub.attach("r1"))
    await asyncio.sleep(0)
    loan = asyncio.create_task(hub.lend(turn))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(loan, 1)


async def test_in_vain_says_when_the_router_is_expected():
    hub = CpeHub(FakeWaker(due=240.0))
    with pytest.raises(RouterUnreachable, match=r"did not call within 0 s\. Next contact expected in 240 s"):
        await hub.attach("r1", seconds=0.01)
    with pytest.raises(RouterUnreachable, match="Next contact expected in 240 s"):
        await hub.attach("r1", seconds=0.01, wake=False)


@pytest.mark.parametrize(
    ("why", "due"),
    [(NeverCalled("it never told an address"), None), (NotToBeWoken("it never told an address"), 300.0)],
)
async def test_who_never_called_or_calls_later_is_not_waited_for(why, due):
    with pytest.raises(RouterUnreachable, match="could not be woken: it never told an address"):
        await asyncio.wait_for(CpeHub(FakeWaker(why, due=due)).attach("r1", seconds=60), 1)


@pytest.mark.parametrize("due", [5.0, None])
async def test_who_cannot_be_woken_is_waited_for_if_it_may_call(due):
    """Behind an ACS that sets no password for Connection Requests nobody knows when a router calls."""
    hub = CpeHub(FakeWaker(NotToBeWoken("it never told an address"), due=due))
    waiting = asyncio.create_task(hub.attach("r1", seconds=60))
    await asyncio.sleep(0.01)
    loan = await lent(hub, FakeTurn())
    (await waiting).release()
    await loan


async def test_a_failed_connection_request_is_sent_again():
    waker = FakeWaker(RouterUnreachable("busy"), RouterUnreachable("busy"))
    hub = CpeHub(waker, pauses=(0.001, 0.001, 0.001))
    waiting = asyncio.create_task(hub.attach("r1"))
    await asyncio.sleep(0.03)
    assert waker.asked == ["r1", "r1", "r1"]
    loan = await lent(hub, FakeTurn())
    (await waiting).release()
    await loan


async def test_in_vain_after_failures_names_the_last_one():
    waker = FakeWaker(*[RouterUnreachable("no answer")] * 9)
    with pytest.raises(RouterUnreachable, match="could not be woken: no answer It is not known when"):
        await CpeHub(waker, pauses=(0.001,)).attach("r1")
    assert len(waker.asked) == 2

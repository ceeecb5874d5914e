"""What `drivers/cwmp/console.py` promises: recorded, sent, recorded, shown; and how plans wait, stop and end."""

import asyncio

import pytest

from config.clock import FakeClock
from drivers.cwmp.console import SLOW, Bound, Console
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import Done, Event, GetRPCMethods, Methods, Reboot, TransferComplete
from drivers.cwmp.plans.steps import Await, Call, Ended, Expect, Forget, Hear, LetGo, Remember, Say, Stopped
from drivers.cwmp.rules import Sight
from drivers.errors import RouterClosed, RouterUnreachable
from tests.unit.drivers.cwmp.driver_stage import DriverStage


class Desk:
    """A console, and what it said."""

    def __init__(self, patience: float = 3.0, around=lambda links: links) -> None:
        self.patience = patience
        self.stage = DriverStage()
        self.said: list[str] = []
        self.clock = FakeClock()
        self.console = Console(
            "r1",
            links=around(self.stage.links),
            rpcs=self.stage.journal,
            sight=lambda: Sight(self.stage.gate),
            leftovers=self.stage.leftovers,
            clock=self.clock,
            wait_seconds=1,
            say=self._say,
            note=self.said.append,
            patience=self.patience,
        )
        self.command = self.stage.mint("methods\n")
        self.console.bound = Bound(self.command.session, self.command.consent_ref)

    async def _say(self, text: str) -> None:
        self.said.append(text)

    async def run(self, plan):
        return await self.console.run(plan, self.command, Sight(self.stage.gate))


async def test_a_plan_gets_its_answers_and_attaches_when_it_needs_the_router():
    desk, seen = Desk(), []

    def plan():
        seen.append((yield Call(GetRPCMethods())))
        yield Say("one\n")
        yield LetGo()
        seen.append((yield Call(Reboot("k"))))
        return True

    assert await desk.run(plan()) == "done"
    assert isinstance(seen[0], Methods)
    assert seen[1] == Done("Reboot")
    assert desk.said == ["one\n"]
    assert desk.stage.links.happened == ["attached", "released", "attached"]
    assert desk.stage.early_bytes() == []
    assert len({rpc.rpc_id for rpc in desk.stage.journal.asked}) == 2


async def test_false_is_failed_and_an_undo_is_recorded_as_one():
    desk = Desk()

    def plan():
        yield Call(GetRPCMethods(), undo=True)
        return False

    assert await desk.run(plan()) == "failed"
    assert desk.stage.journal.purposes == ["undo"]


class Restarting:
    """Links to a router on its way down: it would still take a Connection Request. `boots`: it comes up again."""

    def __init__(self, links, *, boots):
        self.links = links
        self.boots = boots
        self.asked = []

    async def attach(self, router_id, *, wanted=frozenset(), seconds=60.0, wake=True):
        self.asked.append((wanted, wake))
        if wanted and not self.boots:
            raise RouterUnreachable("It did not call.")
        return await self.links.attach(router_id, seconds=seconds, wake=wake)


@pytest.mark.parametrize("boots", [True, False])
async def test_a_router_that_restarts_is_woken_only_when_it_did_not_call(boots):
    """A simulator of CPEs takes a Connection Request before it goes down and then begins two sessions at once."""
    links = []

    def around(inner):
        links.append(Restarting(inner, boots=boots))
        return links[0]

    desk = Desk(around=around)

    def plan():
        yield Call(Reboot("k"))
        yield LetGo(until=frozenset({"1 BOOT"}))
        yield Call(GetRPCMethods())
        yield LetGo()
        yield Call(GetRPCMethods())
        return True

    assert await desk.run(plan()) == "done"
    waited = [(frozenset({"1 BOOT"}), False)]
    woken = [(frozenset(), True)]
    assert links[0].asked == woken + waited + ([] if boots else woken) + woken


async def test_what_is_left_is_remembered_and_taken_back():
    desk = Desk()
    kept = Leftover("transfer", "a"), Leftover("transfer", "b")

    def plan():
        yield Expect("key", "reboot")
        for leftover in kept:
            yield Remember(leftover)
        yield Forget(kept[1])
        yield Call(GetRPCMethods())
        return True

    await desk.run(plan())
    mine = ("r1", desk.command.session)
    assert desk.stage.leftovers.kept[mine] == [kept[0]]
    assert desk.stage.leftovers.expected == {"key": (*mine, "reboot")}
    await desk.console.undo_all()
    assert desk.stage.links.methods[-1] == "CancelTransfer"
    assert desk.stage.leftovers.kept[mine] == []
    desk.console.over()
    assert desk.stage.leftovers.over == [mine]


async def test_nothing_is_undone_without_a_router():
    desk = Desk()

    def plan():
        yield Remember(Leftover("transfer", "a"))
        return True

    await desk.run(plan())
    await desk.console.undo_all()
    assert desk.stage.links.received == []
    assert len(desk.stage.leftovers.kept["r1", desk.command.session]) == 1


async def test_waiting_for_an_event_ends_by_it_or_by_time():
    desk, seen = Desk(), []

    def plan():
        seen.append((yield Await(frozenset({"6 CONNECTION REQUEST"}), 5)))
        seen.append((yield Await(frozenset({"8 DIAGNOSTICS COMPLETE"}), 0.01)))
        return True

    assert await desk.run(plan()) == "done"
    assert seen == [True, False]


async def test_a_wait_stops_at_once():
    desk, seen = Desk(), []

    def plan():
        try:
            yield Await(frozenset({"8 DIAGNOSTICS COMPLETE"}), 60)
        except Stopped:
            seen.append("stopped")
            yield Say("bye\n")
            raise
        return True

    running = asyncio.ensure_future(desk.run(plan()))
    await asyncio.sleep(0.01)
    desk.console.interrupt()
    assert await asyncio.wait_for(running, 1) == "stopped"
    assert seen == ["stopped"]
    assert desk.said == ["bye\n"]


async def test_an_interrupt_comes_behind_the_answer_and_its_text():
    desk, seen = Desk(), []

    def plan():
        seen.append((yield Call(GetRPCMethods())))
        yield Say("answered\n")
        yield Call(GetRPCMethods())

    desk.stage.links.on_call = lambda _: desk.console.interrupt()
    assert await desk.run(plan()) == "stopped"
    assert len(seen) == 1
    assert desk.said == ["answered\n"]
    assert len(desk.stage.links.received) == 1


async def test_nothing_is_sent_after_a_cut():
    desk = Desk()
    await desk.console.attach()
    desk.console.cut()

    def plan():
        yield Call(GetRPCMethods())
        return True

    with pytest.raises(RouterClosed):
        await desk.run(plan())
    assert desk.stage.links.received == []
    assert not desk.console.alive


async def test_a_router_that_is_gone_ends_the_plan():
    desk, ended = Desk(), []

    def plan():
        try:
            yield Call(GetRPCMethods())
        finally:
            ended.append(True)
        return True

    desk.stage.links.reachable = False
    with pytest.raises(RouterUnreachable):
        await desk.run(plan())
    assert ended == [True]


async def test_quiet_is_measured_from_the_last_rpc():
    desk = Desk()
    await desk.console.attach()
    desk.clock.advance(15)
    assert desk.console.quiet_seconds == 15
    await desk.console.keep_alive()
    assert desk.console.quiet_seconds == 0
    assert desk.stage.journal.purposes == ["keepalive"]


def asks(count=1):
    for _ in range(count):
        yield Call(GetRPCMethods())
    return True


async def test_a_router_that_does_not_answer_can_be_left():
    desk = Desk(patience=0.01)
    desk.stage.links.silent = True
    running = asyncio.ensure_future(desk.run(asks()))
    async with asyncio.timeout(5):
        while not desk.said:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    assert desk.said == [SLOW], "once"
    assert not running.done()
    desk.console.interrupt()
    assert await asyncio.wait_for(running, 5) == "stopped"
    assert desk.stage.links.happened == ["attached", "cut"]
    assert len(desk.stage.journal.answers) == 1, "that no answer came is on record"
    desk.stage.links.silent = False
    assert await desk.run(asks()) == "done"
    assert desk.stage.links.happened[-1] == "attached"


async def test_an_interrupt_before_that_leaves_when_patience_ends():
    desk = Desk(patience=0.05)
    desk.stage.links.silent = True
    desk.stage.links.on_call = lambda _: desk.console.interrupt()
    assert await asyncio.wait_for(desk.run(asks()), 5) == "stopped"
    assert desk.said == []


async def test_a_slow_router_is_told_of_once_in_a_command():
    desk = Desk(patience=0.01)
    desk.stage.links.silent = True
    running = asyncio.ensure_future(desk.run(asks(2)))
    async with asyncio.timeout(5):
        while not desk.said:
            await asyncio.sleep(0.005)
    desk.stage.links.links[-1].hang_up()
    with pytest.raises(RouterUnreachable):
        await running
    assert desk.said == [SLOW]


def hears(seen, seconds=5.0):
    seen.append((yield Hear("k", seconds)))
    return True


TOLD = TransferComplete(command_key="k", fault_code=9016)


async def test_the_end_of_a_transfer_is_heard_in_the_call_that_tells_it():
    desk, seen = Desk(), []
    await desk.console.attach()

    def call_later():
        desk.stage.links.events = (Event("1 BOOT"), Event("7 TRANSFER COMPLETE"), Event("M Download", "k"))
        desk.stage.leftovers.outcomes["r1", "k"] = TOLD

    desk.stage.links.events = ()
    asyncio.get_running_loop().call_soon(call_later)
    await desk.run(hears(seen))
    assert seen == [Ended(TOLD, booted=True)]
    assert desk.stage.links.received == []
    assert desk.console.alive


async def test_a_router_that_tells_only_when_it_is_asked_something_is_asked():
    desk, seen = Desk(), []
    desk.stage.links.events = (Event("7 TRANSFER COMPLETE"),)
    desk.stage.links.on_call = lambda _: desk.stage.leftovers.outcomes.update({("r1", "k"): TOLD})
    await desk.run(hears(seen))
    assert seen == [Ended(TOLD)]
    assert desk.stage.journal.purposes == ["keepalive"]


async def test_what_is_never_told_is_not_waited_for_any_longer():
    desk, seen = Desk(), []
    await desk.run(hears(seen, 0.02))
    assert seen == [None]

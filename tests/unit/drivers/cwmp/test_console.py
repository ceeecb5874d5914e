"""What `drivers/cwmp/console.py` promises: recorded, sent, recorded, shown; and how plans wait, stop and end."""

import asyncio

import pytest

from config.clock import FakeClock
from drivers.cwmp.console import Bound, Console
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import Done, GetRPCMethods, Methods, Reboot
from drivers.cwmp.plans.steps import Await, Call, Expect, Forget, LetGo, Remember, Say, Stopped
from drivers.errors import RouterClosed, RouterUnreachable
from tests.unit.drivers.cwmp.driver_stage import DriverStage

NONE: frozenset[str] = frozenset()


class Desk:
    """A console, and what it said."""

    def __init__(self) -> None:
        self.stage = DriverStage()
        self.said: list[str] = []
        self.clock = FakeClock()
        self.console = Console(
            "r1",
            links=self.stage.links,
            rpcs=self.stage.journal,
            gate=self.stage.gate,
            leftovers=self.stage.leftovers,
            clock=self.clock,
            wait_seconds=1,
            say=self._say,
        )
        self.command = self.stage.mint("methods\n")
        self.console.bound = Bound(self.command.session, self.command.consent_ref)

    async def _say(self, text: str) -> None:
        self.said.append(text)

    async def run(self, plan):
        return await self.console.run(plan, self.command, NONE)


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

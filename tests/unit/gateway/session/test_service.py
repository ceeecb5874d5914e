"""Sessions end to end in memory: what opens, what is sent, what ends them."""

import asyncio
import contextlib
import dataclasses

import pytest

from audit.entry import Kind
from audit.leaf import parse
from drivers.fakes import FakeDriver, FakeReply
from gateway.access.identity import Authenticated, Router
from gateway.errors import ConsentProblem, NotAllowed, Unavailable
from gateway.session.runner import Closing, LiveSession
from gateway.session.terminal import FakeTerminal, TerminalTraits
from tests.stage import Stage, stage


@pytest.fixture
async def on_stage() -> Stage:
    return stage(driver=FakeDriver(respond=lambda wire: FakeReply(output=b"output of " + wire)))


async def _open(
    on: Stage, auth: Authenticated, router: Router, terminal: FakeTerminal | None = None
) -> tuple[LiveSession, "asyncio.Task[Closing]"]:
    shown = terminal or FakeTerminal(TerminalTraits(pty=True, asks=True))
    live = await on.service.open(auth, router.name, shown, shape="shell", front_end="test")
    return live, asyncio.create_task(on.service.run(live))


async def _until(holds, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


def _sent(on: Stage) -> list[str]:
    assert isinstance(on.driver, FakeDriver)
    return [item.data.decode().strip() for item in on.driver.received if item.command.purpose == "command"]


def _kinds(on: Stage) -> list[Kind]:
    assert on.store is not None
    return [parse(row.head).kind for row in on.store.entries(0, on.store.size())]


async def test_without_consent_nothing_opens_and_the_refusal_is_on_record(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()

    with pytest.raises(ConsentProblem) as refused:
        await _open(on_stage, auth, router)

    assert refused.value.code == "missing"
    assert on_stage.driver.opened == []
    assert _kinds(on_stage)[-1] is Kind.SESSION_REFUSED


@pytest.mark.parametrize("role", ["supervisor", "automation", "operator", "auditor"])
async def test_nobody_is_above_consent(on_stage: Stage, role) -> None:
    auth, router = await on_stage.person("boss", role), on_stage.router()

    with pytest.raises((ConsentProblem, NotAllowed)):
        await _open(on_stage, auth, router)

    assert on_stage.driver.opened == []


async def test_a_session_sends_the_canonical_line(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    live, running = await _open(on_stage, auth, router)

    live.line("sh ip int br")
    live.input_ended()
    closing = await asyncio.wait_for(running, 5)

    assert closing.reason == "input_ended"
    assert _sent(on_stage) == ["show ip interface brief"]
    assert _kinds(on_stage).count(Kind.SESSION_CLOSED) == 1


async def test_an_extension_reaches_the_live_session(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    consent, case = await on_stage.consent(auth, router, minutes=10)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live, running = await _open(on_stage, auth, router, terminal)
    before = live.grant.deadline

    live.line("show ip arp")
    await _until(lambda: "could still allow" in terminal.text)
    await on_stage.consents.request_extension(auth, consent.id, minutes=5, scope=("lan.hosts.read",))
    await on_stage.consents.grant_extension(case)
    live.line("show ip arp")
    await _until(lambda: _sent(on_stage) == ["show ip arp"])

    assert (live.grant.deadline - before).total_seconds() == 300
    assert "also agreed to: lan.hosts.read" in terminal.text
    live.input_ended()
    await asyncio.wait_for(running, 5)


async def test_a_revocation_cuts_a_session_whose_client_does_not_read(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    _, case = await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True), open=asyncio.Event())
    live, running = await _open(on_stage, auth, router, terminal)
    live.line("show version")
    await asyncio.sleep(0.05)

    await on_stage.consents.revoke(case)

    assert (await asyncio.wait_for(running, 1)).reason == "revoked"
    assert on_stage.driver.sessions[0].closed


async def test_a_client_that_does_not_read_slows_the_router(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    _, case = await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True), open=asyncio.Event())
    _, running = await _open(on_stage, auth, router, terminal)
    on_stage.driver.sessions[0].emit(b"x" * 4_000_000)
    await asyncio.sleep(0.1)

    assert sum(len(text) for text in terminal.out) < 400_000
    assert on_stage.driver.sessions[0].paused

    await on_stage.consents.revoke(case)
    await asyncio.wait_for(running, 1)


async def test_a_router_that_cannot_be_reached_uses_nothing_up(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    consent, _ = await on_stage.consent(auth, router, sessions=1)
    on_stage.driver.reachable = False

    with pytest.raises(Exception, match="cannot be reached"):
        await _open(on_stage, auth, router)

    on_stage.driver.reachable = True
    assert (await on_stage.consents.get(auth, consent.id)).sessions_used == 0
    live, running = await _open(on_stage, auth, router)
    live.input_ended()
    await asyncio.wait_for(running, 5)


async def test_only_one_session_a_router_unless_allowed(on_stage: Stage) -> None:
    session = on_stage.settings.session.model_copy(update={"max_per_router": 1})
    settings = on_stage.settings.model_copy(update={"session": session})
    on_stage.service.parts = dataclasses.replace(on_stage.service.parts, settings=settings)
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router, sessions=2)
    live, running = await _open(on_stage, auth, router)
    await asyncio.sleep(0)

    with pytest.raises(Unavailable, match="only one at a time"):
        await _open(on_stage, auth, router)

    live.input_ended()
    await asyncio.wait_for(running, 5)


async def test_a_supervisor_ends_a_session_and_others_cannot(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    other = await on_stage.person("other")
    boss = await on_stage.person("boss", "supervisor")
    await on_stage.consent(auth, router)
    live, running = await _open(on_stage, auth, router)
    await _until(lambda: len(on_stage.live) == 1)

    with pytest.raises(NotAllowed):
        await on_stage.service.kill(other, live.id)
    assert on_stage.service.sessions(other) == []
    assert [view.id for view in on_stage.service.sessions(boss)] == [live.id]
    await on_stage.service.kill(boss, live.id)

    assert (await asyncio.wait_for(running, 1)).reason == "killed"
    assert Kind.SESSION_KILLED in _kinds(on_stage)


async def test_a_lost_journal_ends_the_session_and_sends_nothing_more(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live, running = await _open(on_stage, auth, router, terminal)
    live.line("show version")
    await _until(lambda: _sent(on_stage) == ["show version"])
    assert on_stage.store is not None
    on_stage.store.fail = OSError(28, "No space left on device")

    live.line("show clock")
    closing = await asyncio.wait_for(running, 5)

    assert closing.reason == "record_failed"
    assert closing.message
    assert _sent(on_stage) == ["show version"]
    with contextlib.suppress(Exception):
        on_stage.journal.close()

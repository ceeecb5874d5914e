"""Sessions end to end in memory: what opens, what is sent, what ends them."""

import asyncio
import contextlib
import dataclasses

import pyotp
import pytest

from audit.entry import EntryRef, Kind, NewEntry
from audit.errors import Overloaded, RecordRefused
from audit.journal import Journal
from audit.leaf import parse
from audit.recording.cast import Event
from audit.recording.library import read_recording
from audit.stores.memory import MemoryEntryStore
from config.clock import SystemClock
from drivers.fakes import FakeDriver, FakeReply
from gateway.access.identity import Authenticated, Router
from gateway.errors import ConsentProblem, NotAllowed, Unavailable
from gateway.session.entries import Closing
from gateway.session.runner import LiveSession
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
    await _until(lambda: "[y/N]" in terminal.text)
    await on_stage.consents.request_extension(auth, consent.id, minutes=5, scope=("lan.hosts.read",))
    await on_stage.consents.grant_extension(case)
    live.line("show ip arp")
    await _until(lambda: _sent(on_stage) == ["show ip arp"])

    assert (live.grant.deadline - before).total_seconds() == 300
    assert "also agreed to: lan.hosts.read" in terminal.text
    live.input_ended()
    await asyncio.wait_for(running, 5)


async def test_a_rep_has_the_subscriber_asked_from_within_a_session(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    _, case = await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live, running = await _open(on_stage, auth, router, terminal)
    told = len(on_stage.notifier.sent)

    live.line("show ip arp")
    await _until(lambda: "Ask the subscriber for it now (lan.hosts.read)? [y/N]" in terminal.text)
    assert len(on_stage.notifier.sent) == told, "nobody is asked before the rep says so"
    live.line("y")
    await _until(lambda: "The subscriber was asked for lan.hosts.read." in terminal.text)
    assert len(on_stage.notifier.sent) == told + 1
    await on_stage.consents.grant_extension(case)
    live.line("show ip arp")
    await _until(lambda: _sent(on_stage) == ["show ip arp"])

    live.input_ended()
    await asyncio.wait_for(running, 5)


@pytest.mark.parametrize("line", ["show ip arp", "clear counters"])
async def test_what_came_before_a_question_was_shown_is_no_answer_to_it(on_stage: Stage, line: str) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live, running = await _open(on_stage, auth, router, terminal)
    await _until(lambda: live.position.mode == "privileged" and terminal.text.endswith("#"))
    told = len(on_stage.notifier.sent)

    live.line(line)
    live.line("y")  # in the same packet: nobody can have read what is asked
    live.line("show clock")
    await _until(lambda: "show clock" in _sent(on_stage))

    assert len(on_stage.notifier.sent) == told
    assert _sent(on_stage) == ["show clock"]
    live.input_ended()
    await asyncio.wait_for(running, 5)


async def test_a_rep_is_told_when_the_subscriber_cannot_be_asked(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    consent, _ = await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live, running = await _open(on_stage, auth, router, terminal)

    live.line("show ip arp")
    await _until(lambda: "[y/N]" in terminal.text)
    await on_stage.consents.request_extension(auth, consent.id, scope=("config.read",))
    live.line("y")
    await _until(lambda: "The subscriber could not be asked" in terminal.text)

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


# --- what goes wrong on the way in, and at the end --------------------------------------------------------------------


class _Busy(Journal):
    """A journal whose queue is full for some kinds of entries."""

    full: frozenset[Kind] = frozenset()

    async def append(self, entry: NewEntry) -> EntryRef:
        self._look(entry)
        return await super().append(entry)

    async def append_chunk(self, entry: NewEntry, frame: bytes, lines: bytes) -> EntryRef:
        self._look(entry)
        return await super().append_chunk(entry, frame, lines)

    def _look(self, entry: NewEntry) -> None:
        if entry.kind in self.full:
            raise Overloaded("Too many records wait to be written.")


def _busy_stage() -> tuple[Stage, _Busy, MemoryEntryStore]:
    store = MemoryEntryStore()
    journal = _Busy.in_memory(SystemClock(), store=store)
    assert isinstance(journal, _Busy)
    return stage(journal=journal), journal, store


async def test_a_revocation_that_cannot_be_recorded_ends_the_session_all_the_same() -> None:
    on, journal, _ = _busy_stage()
    auth, router = await on.person("rep"), on.router()
    _, case = await on.consent(auth, router)
    _, running = await _open(on, auth, router)
    await _until(lambda: len(on.live) == 1)
    journal.full = frozenset({Kind.CONSENT_REVOKED})

    with pytest.raises(Overloaded):
        await on.consents.revoke(case)

    assert (await asyncio.wait_for(running, 1)).reason == "record_failed"
    assert on.driver.sessions[0].closed
    journal.close()


async def test_a_kill_that_cannot_be_recorded_ends_the_session_all_the_same() -> None:
    on, journal, _ = _busy_stage()
    auth, router = await on.person("rep"), on.router()
    boss = await on.person("boss", "supervisor")
    await on.consent(auth, router)
    live, running = await _open(on, auth, router)
    await _until(lambda: len(on.live) == 1)
    journal.full = frozenset({Kind.SESSION_KILLED})

    with pytest.raises(Overloaded):
        await on.service.kill(boss, live.id)

    assert (await asyncio.wait_for(running, 1)).reason == "killed"
    journal.close()


async def test_a_session_that_cannot_be_recorded_as_open_leaves_nothing_behind() -> None:
    on, journal, store = _busy_stage()
    auth, router = await on.person("rep"), on.router()
    consent, _ = await on.consent(auth, router)
    journal.full = frozenset({Kind.SESSION_OPENED})

    with pytest.raises(Overloaded):
        await _open(on, auth, router)

    assert on.driver.sessions[0].closed
    assert [row.state for row in store.sessions()] == ["closed"]
    assert (await on.consents.get(auth, consent.id)).sessions_live == 0
    journal.close()


async def test_a_recording_that_breaks_off_ends_the_session_while_nobody_types() -> None:
    on, journal, _ = _busy_stage()
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router)
    journal.full = frozenset({Kind.REC_CHUNK})
    _, running = await _open(on, auth, router)

    # The prompt that was shown is cut into a chunk after two seconds.
    assert (await asyncio.wait_for(running, 5)).reason == "record_failed"
    assert on.driver.sessions[0].closed
    journal.close()


async def test_the_recording_follows_the_size_of_the_terminal(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live, running = await _open(on_stage, auth, router, terminal)

    for width in range(100, 121):  # as while somebody drags the corner of a window
        live.resized(width, 40)
    live.line("show version")
    await _until(lambda: "output of show version" in terminal.text)
    live.resized(90, 30)
    live.resized(80, 24)
    live.resized(90, 30)
    live.line("show clock")
    live.input_ended()
    await asyncio.wait_for(running, 5)

    with contextlib.closing(on_stage.journal.reader()) as reader:
        moments = list(read_recording(reader, live.id).moments())
    told = [f"{one.code} {one.data}" for one in moments if isinstance(one, Event) and one.code in {"r", "i"}]
    assert told == ["r 120x40", "i show version", "r 90x30", "i show clock"]


async def test_a_size_that_cannot_be_recorded_ends_the_session(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    live, running = await _open(on_stage, auth, router)
    await live._recorder.close()

    live.resized(120, 40)

    assert (await asyncio.wait_for(running, 5)).reason == "record_failed"
    assert live.cut_off
    assert on_stage.driver.sessions[0].closed


async def test_two_openings_at_once_share_one_session_of_a_consent(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router, sessions=1)

    both = await asyncio.gather(_open(on_stage, auth, router), _open(on_stage, auth, router), return_exceptions=True)

    refused = [one for one in both if isinstance(one, BaseException)]
    assert [type(one) for one in refused] == [ConsentProblem]
    assert sum(session.closed for session in on_stage.driver.sessions) == len(on_stage.driver.sessions) - 1
    assert on_stage.store is not None
    assert sorted(row.state for row in on_stage.store.sessions()) == ["closed", "open"]
    live, running = next(one for one in both if not isinstance(one, BaseException))
    live.input_ended()
    await asyncio.wait_for(running, 5)


async def test_two_openings_at_once_share_one_place_at_a_router(on_stage: Stage) -> None:
    session = on_stage.settings.session.model_copy(update={"max_per_router": 1})
    settings = on_stage.settings.model_copy(update={"session": session})
    on_stage.service.parts = dataclasses.replace(on_stage.service.parts, settings=settings)
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router, sessions=5)

    both = await asyncio.gather(_open(on_stage, auth, router), _open(on_stage, auth, router), return_exceptions=True)

    assert [type(one) for one in both if isinstance(one, BaseException)] == [Unavailable]
    live, running = next(one for one in both if not isinstance(one, BaseException))
    live.input_ended()
    await asyncio.wait_for(running, 5)


async def test_a_consent_that_ends_while_the_session_opens_ends_it_at_once(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router(platform="openwrt")
    _, case = await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live = await on_stage.service.open(auth, router.name, terminal, shape="shell", front_end="test")

    await on_stage.consents.revoke(case)  # no session runs that could be cut

    assert (await asyncio.wait_for(on_stage.service.run(live), 1)).reason == "revoked"
    assert _sent(on_stage) == []


async def test_a_consent_that_cannot_be_read_is_no_consent(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router(platform="openwrt")
    await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live = await on_stage.service.open(auth, router.name, terminal, shape="shell", front_end="test")

    async def broken(consent_id):
        raise Unavailable("The state database failed.")

    on_stage.consents.ended = broken  # type: ignore[method-assign]

    assert (await asyncio.wait_for(on_stage.service.run(live), 1)).reason == "ended"
    assert on_stage.driver.sessions[0].closed
    assert Kind.SESSION_CLOSED in _kinds(on_stage)


async def test_a_revocation_on_record_refuses_the_opening(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    _, case = await on_stage.consent(auth, router)
    driver = on_stage.driver
    assert isinstance(driver, FakeDriver)
    opened = driver.open

    async def slow(target, shape):
        session = await opened(target, shape)
        await on_stage.consents.revoke(case)
        return session

    driver.open = slow  # type: ignore[method-assign]

    with pytest.raises((ConsentProblem, RecordRefused)):
        await _open(on_stage, auth, router)

    assert driver.sessions[0].closed
    assert on_stage.store is not None
    assert [row.state for row in on_stage.store.sessions()] == ["closed"]


async def test_a_suspended_person_opens_nothing_with_an_old_identity(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    on_stage.directory.add_principal(dataclasses.replace(auth.principal, disabled=True))

    with pytest.raises(NotAllowed, match="suspended"):
        await _open(on_stage, auth, router)

    assert on_stage.driver.opened == []
    assert _kinds(on_stage)[-1] is Kind.SESSION_REFUSED


async def test_somebody_with_the_name_of_one_who_left_is_not_that_person(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    left = await on_stage.directory.principal_by_name("rep")
    assert left is not None
    on_stage.directory.remove_principal(left.id)
    await on_stage.person("rep")

    with pytest.raises(NotAllowed, match="suspended"):
        await _open(on_stage, auth, router)


async def test_suspending_ends_live_sessions_of_that_person_only(on_stage: Stage) -> None:
    one, other = await on_stage.person("one"), await on_stage.person("other")
    router, second = on_stage.router(), on_stage.router("r-2")
    await on_stage.consent(one, router)
    await on_stage.consent(other, second)
    _, first_run = await _open(on_stage, one, router)
    kept, kept_run = await _open(on_stage, other, second)
    await _until(lambda: len(on_stage.live) == 2)

    on_stage.live.end_person("one", "suspended")

    assert (await asyncio.wait_for(first_run, 1)).reason == "suspended"
    assert not kept_run.done()
    kept.input_ended()
    await asyncio.wait_for(kept_run, 5)


async def test_codes_are_not_looked_at_after_too_many_wrong_ones(on_stage: Stage) -> None:
    secret = pyotp.random_base32()
    auth = await on_stage.person("rep", totp_secret=secret)
    for _ in range(5):
        assert await on_stage.service.authenticate_totp(auth, "000000") is None

    assert on_stage.service.totp_wait(auth).total_seconds() > 50
    assert await on_stage.service.authenticate_totp(auth, pyotp.TOTP(secret).now()) is None
    assert _kinds(on_stage).count(Kind.AUTH_MFA) == 6


# --- bounds -----------------------------------------------------------------------------------------------------------


async def test_a_client_that_types_and_never_reads_is_not_read_from(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    _, case = await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True), open=asyncio.Event())
    live, running = await _open(on_stage, auth, router, terminal)
    await asyncio.sleep(0.02)  # it waits for the client to take the prompt

    for _ in range(1000):
        live.line("show clock")

    assert terminal.throttled == [True]
    await on_stage.consents.revoke(case)
    await asyncio.wait_for(running, 1)


async def test_reading_goes_on_when_what_was_typed_is_dealt_with(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live, running = await _open(on_stage, auth, router, terminal)

    for _ in range(1500):
        live.line("")
    live.input_ended()
    await asyncio.wait_for(running, 5)

    assert terminal.throttled[0] is True
    assert terminal.throttled[-1] is False


async def test_a_driver_that_breaks_ends_the_session(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    _, running = await _open(on_stage, auth, router)
    await asyncio.sleep(0.02)
    session = on_stage.driver.sessions[0]

    async def broken():
        raise ZeroDivisionError

    session.read = broken  # type: ignore[method-assign]
    session.emit(b"x")

    assert (await asyncio.wait_for(running, 2)).reason == "router_ended"
    assert session.closed
    assert Kind.SESSION_CLOSED in _kinds(on_stage)


async def test_a_router_that_cannot_be_let_go_of_does_not_keep_the_end_off_the_record(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    live, running = await _open(on_stage, auth, router)

    async def broken():
        raise ZeroDivisionError

    on_stage.driver.sessions[0].close = broken  # type: ignore[method-assign]
    live.input_ended()

    assert (await asyncio.wait_for(running, 2)).reason == "input_ended"
    assert Kind.SESSION_CLOSED in _kinds(on_stage)


async def test_one_session_whose_clock_breaks_does_not_stop_the_others(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await on_stage.consent(auth, router)
    live, running = await _open(on_stage, auth, router)
    other, other_run = await _open(on_stage, auth, router)
    await _until(lambda: len(on_stage.live) == 2)
    ticks: list[int] = []
    other_tick = other.tick

    def broken() -> None:
        raise ZeroDivisionError

    def counted() -> None:
        ticks.append(1)
        other_tick()

    live.tick, other.tick = broken, counted  # type: ignore[method-assign]
    assert (await asyncio.wait_for(running, 2)).reason == "aborted"
    seen = len(ticks)
    await _until(lambda: len(ticks) > seen + 1)

    other.input_ended()
    await asyncio.wait_for(other_run, 5)

"""Scripted diagnostics: the same rules as in every session, line by line, and an honest report of what was not run."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from audit.entry import Kind
from audit.leaf import parse
from drivers.definition import load_definition, platforms
from drivers.errors import RouterUnreachable
from drivers.fakes import FakeDriver, FakeReply
from drivers.lab import OpenWrtRouter
from drivers.netmiko_batch import BatchDriver
from gateway.errors import BadRequest, ConsentProblem, NotAllowed
from gateway.policy.decide import decide
from gateway.policy.verdict import Allow, Position, Rights, Site
from gateway.session.diagnostics import run_script
from tests.stage import BUNDLE, Stage, stage

PLACES = {
    "bcm_cpe": ("exec",),
    "cwmp": ("exec",),
    "edgeos": ("exec",),
    "frr": ("exec", "privileged"),
    "huawei_vrp": ("exec",),
    "ios": ("exec", "privileged"),
    "iosxr": ("privileged",),
    "junos": ("exec",),
    "nxos": ("exec", "privileged"),
    "openwrt": ("shell",),
    "routeros": ("exec",),
    "sros": ("exec",),
    "vyos": ("exec",),
}
"""Modes in which a login can begin."""


@pytest.fixture
def on() -> Stage:
    return stage(driver=FakeDriver(respond=_router))


def _router(wire: bytes) -> FakeReply:
    line = wire.decode().strip()
    if line == "show version":
        return FakeReply(output=b"Cisco IOS Software, Version 15.9\r\n\x1b[2Juptime is 3 weeks\x07\r\n")
    if line == "show ip route":
        return FakeReply(output=b"% Invalid input detected at '^' marker.\r\n")
    if line == "show logging":
        return FakeReply(output=b"halfway\r\n", prompt=False)
    return FakeReply()


def _sent(on: Stage) -> list[str]:
    assert isinstance(on.driver, FakeDriver)
    return [item.data.decode().strip() for item in on.driver.received if item.command.purpose == "command"]


def _entries(on: Stage) -> list:
    assert on.store is not None
    return [parse(row.head) for row in on.store.entries(0, on.store.size())]


def _kinds(on: Stage) -> list[Kind]:
    return [entry.kind for entry in _entries(on)]


async def _until(holds) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


# --- what the platforms list --------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", sorted(BUNDLE.tables))
def test_every_platform_lists_lines_that_need_neither_scope_nor_confirmation(platform: str):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    rights = Rights(scope=frozenset(), deadline=now + timedelta(hours=1))
    lines = load_definition(platform).diagnostics
    assert lines
    for mode in PLACES[platform]:
        for line in lines:
            verdict = decide(BUNDLE, Site(), Position(platform=platform, mode=mode), line, rights, now)
            assert isinstance(verdict, Allow), (mode, line)
            assert (verdict.canonical, verdict.confirm, verdict.enters, verdict.leaves) == (line, False, None, False)
            assert verdict.capabilities == ("diagnose.read",), line


def test_only_platforms_with_a_policy_list_any():
    assert {name for name in platforms() if load_definition(name).diagnostics} == set(BUNDLE.tables)


# --- a run --------------------------------------------------------------------------------------------------------


async def test_the_lines_of_the_platform_run_one_after_another_in_one_session(on):
    auth, router = await on.person("rep"), on.router()
    consent, _ = await on.consent(auth, router, sessions=2)

    done = await run_script(on.service, auth, "r-1", front_end="test")

    lines = list(load_definition("ios").diagnostics)
    assert [report.line for report in done.reports] == lines
    assert {report.verdict for report in done.reports} == {"allow"}
    assert _sent(on) == lines
    assert done.closing.reason == "input_ended"
    assert done.reports[0].outcome.output == "Cisco IOS Software, Version 15.9\nuptime is 3 weeks\n"
    failed = {report.line for report in done.reports if report.outcome.failed}
    assert failed == {"show ip route"}
    assert (await on.consents.get(auth, consent.id)).sessions_used == 1
    assert len(on.live) == 0
    assert on.driver.sessions[0].closed


async def test_each_line_is_on_record_before_it_is_sent_with_its_result_behind_it(on):
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router)
    seen: list[tuple[str, int]] = []
    on.driver.on_send = lambda command: seen.append((command.wire.decode().strip(), on.store.size()))

    done = await run_script(on.service, auth, "r-1", ["show version", "show clock"], front_end="test")

    sizes = dict(seen)
    for report in done.reports:
        assert report.outcome.command.entry_index < sizes[report.outcome.record.verdict.canonical]
    kinds = [entry.kind for entry in _entries(on) if entry.session == done.session]
    assert kinds[0] is Kind.SESSION_REQUESTED
    assert kinds[-1] is Kind.SESSION_CLOSED
    for kind in (Kind.SESSION_OPENED, Kind.REC_CHUNK):
        assert kind in kinds
    sent, results = kinds.count(Kind.CMD_SENT), kinds.count(Kind.CMD_RESULT)
    assert sent == results == len(seen)  # the platform's preparation lines are commands like any other


async def test_what_is_refused_or_needs_a_confirmation_is_recorded_reported_and_not_sent(on):
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router, scope=("device.reboot",))
    lines = ["telnet 192.168.1.5", "reload", "show ip arp", "show version", "enable secret hunter2-secret", "sh clo"]

    done = await run_script(on.service, auth, "r-1", lines, front_end="test")

    assert [report.verdict for report in done.reports] == ["deny", "deny", "deny", "allow", "deny", "allow"]
    assert _sent(on) == ["show version", "show clock"]
    assert [entry.kind for entry in _entries(on)].count(Kind.CMD_BLOCKED) == 4
    _, reload, arp, _, secret, clock = done.reports
    assert reload.outcome.unconfirmed
    assert "does not send it" in reload.outcome.refused.reason
    assert arp.outcome.refused.askable == "lan.hosts.read"
    assert "hunter2" not in secret.line
    assert (clock.line, clock.outcome.record.verdict.canonical) == ("sh clo", "show clock")


async def test_what_the_gateway_answers_itself_goes_nowhere(on):
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router)

    done = await run_script(on.service, auth, "r-1", ["", "show ?", "show\x03version"], front_end="test")

    assert [report.verdict for report in done.reports] == ["answered", "answered", "deny"]
    assert _sent(on) == []


async def test_output_is_bounded_and_the_recording_has_all_of_it(on):
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router)
    on.driver.respond = lambda wire: FakeReply(output="é".encode() * 100_000)

    done = await run_script(on.service, auth, "r-1", ["show version"], front_end="test", most_output=1001)

    (report,) = done.reports
    assert (len(report.outcome.output.encode()), report.outcome.truncated) == (1000, True)
    assert report.outcome.result.output_bytes >= 200_000


# --- what ends it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["revoked", "killed", "expired"])
async def test_an_end_cuts_the_line_under_way_and_nothing_more_is_sent(on, end):
    auth, router = await on.person("rep"), on.router()
    consent, case = await on.consent(auth, router)
    lines = ["show version", "show logging", "show clock", "show interfaces"]
    script = asyncio.create_task(run_script(on.service, auth, "r-1", lines, front_end="test"))
    await _until(lambda: _sent(on) == lines[:2])

    if end == "revoked":
        await on.consents.revoke(case)
    elif end == "killed":
        (live,) = on.live
        await on.service.kill(await on.person("boss", "supervisor"), live.id)
    else:
        on.live.end_consent(consent.id, "expired")
    done = await asyncio.wait_for(script, 5)

    assert done.closing.reason == end
    assert on.driver.sessions[0].closed
    assert _sent(on) == lines[:2]
    assert [report.verdict for report in done.reports] == ["allow", "allow", "not_run", "not_run"]
    cut = done.reports[1].outcome
    assert (cut.result.outcome, cut.failed) == ("closed", True)


async def test_a_line_that_does_not_come_back_is_interrupted(on):
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router)

    def interrupted(command) -> None:
        if command.purpose == "interrupt":
            asyncio.get_running_loop().call_soon(on.driver.sessions[-1].emit, b"^C\r\nR1#")

    on.driver.on_send = interrupted
    lines = ["show logging", "show clock"]
    done = await run_script(on.service, auth, "r-1", lines, front_end="test", line_seconds=0.1)

    assert [report.outcome.result.outcome for report in done.reports] == ["interrupted", "done"]
    assert done.closing.reason == "input_ended"


async def test_a_caller_that_gives_up_ends_the_session(on):
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router)
    script = asyncio.create_task(run_script(on.service, auth, "r-1", ["show logging"], front_end="test"))
    await _until(lambda: _sent(on) == ["show logging"])

    script.cancel()
    with pytest.raises(asyncio.CancelledError):
        await script

    assert len(on.live) == 0
    assert _kinds(on)[-1] is Kind.SESSION_CLOSED


async def test_strikes_end_it_and_the_rest_is_not_run(on):
    session = on.settings.session.model_copy(update={"strikes": 2})
    on.service.parts = replace(on.service.parts, settings=on.settings.model_copy(update={"session": session}))
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router)

    lines = ["telnet 192.168.1.5", "telnet 192.168.1.6", "show version"]
    done = await run_script(on.service, auth, "r-1", lines, front_end="test")

    assert done.closing.reason == "strikes"
    assert [report.verdict for report in done.reports] == ["deny", "deny", "not_run"]
    assert _sent(on) == []


# --- what does not begin ------------------------------------------------------------------------------------------


async def test_no_consent_no_script(on):
    auth = await on.person("rep")
    on.router()
    with pytest.raises(ConsentProblem):
        await run_script(on.service, auth, "r-1", front_end="test")
    with pytest.raises(NotAllowed, match="r-9"):
        await run_script(on.service, auth, "r-9", front_end="test")
    assert on.driver.opened == []


async def test_a_script_has_lines_and_not_too_many(on):
    auth = await on.person("rep")
    on.router()
    on.router("r-2", platform="linux")
    for router, lines in (("r-1", []), ("r-2", None), ("r-1", ["show version"] * 33)):
        with pytest.raises(BadRequest, match="lines"):
            await run_script(on.service, auth, router, lines, front_end="test")
    assert on.driver.opened == []


async def test_a_router_that_cannot_be_reached_uses_nothing_up(on):
    auth, router = await on.person("rep"), on.router()
    consent, _ = await on.consent(auth, router)
    on.driver.reachable = False
    with pytest.raises(RouterUnreachable):
        await run_script(on.service, auth, "r-1", front_end="test")
    assert (await on.consents.get(auth, consent.id)).sessions_used == 0


# --- over netmiko -------------------------------------------------------------------------------------------------


async def test_netmiko_carries_a_script_to_a_router_and_is_cut_by_a_revocation(on):
    async with OpenWrtRouter(pause=0.05) as home:
        on.service.parts = replace(on.service.parts, script_driver=BatchDriver())
        auth, router = await on.person("rep"), on.router("home-1", "openwrt")
        on.directory.add_router(router, replace(home.target(), router_id=router.id))
        _, case = await on.consent(auth, router)

        done = await run_script(on.service, auth, "home-1", front_end="test")

        assert {report.verdict for report in done.reports} == {"allow"}
        assert not [report.line for report in done.reports if report.outcome.failed]
        assert '"board_name"' in done.reports[0].outcome.output
        received = b"".join(data for _, data in home.received).decode()
        assert received == "".join(f"{line}\n" for line in load_definition("openwrt").diagnostics)
        assert on.driver.opened == []

        lines = ["ping -c 20 9.9.9.9", "uptime"]
        script = asyncio.create_task(run_script(on.service, auth, "home-1", lines, front_end="test"))
        await _until(lambda: b"ping" in home.received[-1][1])
        await on.consents.revoke(case)
        done = await asyncio.wait_for(script, 5)

    assert done.closing.reason == "revoked"
    assert [report.verdict for report in done.reports] == ["allow", "not_run"]

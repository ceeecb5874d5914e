"""Scripted diagnostics against real programs: consent, policy, record and mediation over netmiko's terminal."""

import asyncio
from dataclasses import replace

import pytest

from audit.entry import Kind
from audit.leaf import parse
from drivers.definition import load_definition
from drivers.netmiko_batch import BatchDriver
from gateway.session.diagnostics import run_script
from tests.stage import Stage, stage

pytestmark = pytest.mark.system

SIGNS = {"frr": "FRRouting", "openwrt": "up"}
"""What the answer to one line of the platform's list holds, on every machine."""

TELLING = {"frr": "show version", "openwrt": "uptime"}


@pytest.fixture(params=["frr", "openwrt"])
def place(request):
    if request.param == "frr":
        return request.getfixturevalue("frr_router")
    return request.getfixturevalue("dropbear_box").router


@pytest.fixture
def on() -> Stage:
    made = stage()
    made.service.parts = replace(made.service.parts, script_driver=BatchDriver())
    return made


async def _registered(on: Stage, place):
    auth, router = await on.person("rep"), on.router("real-1", place.platform)
    on.directory.add_router(router, replace(place.target(), router_id=router.id))
    _, case = await on.consent(auth, router)
    return auth, case


async def test_the_platforms_lines_run_and_their_answers_stand_alone(on, place):
    auth, _ = await _registered(on, place)

    done = await run_script(on.service, auth, "real-1", front_end="test")

    lines = list(load_definition(place.platform).diagnostics)
    assert [report.line for report in done.reports] == lines
    assert {report.verdict for report in done.reports} == {"allow"}
    assert (done.closing.reason, done.closing.message) == ("input_ended", "")
    answers = {report.line: report.outcome.output for report in done.reports}
    assert SIGNS[place.platform] in answers[TELLING[place.platform]]
    for line, answer in answers.items():
        assert line not in answer.splitlines()[:1], "the echo belongs to the terminal"
        assert "\x1b" not in answer
    kinds = [entry.kind for row in on.store.entries(0, on.store.size()) if (entry := parse(row.head)).session]
    assert kinds.count(Kind.CMD_SENT) == kinds.count(Kind.CMD_RESULT) >= len(lines)
    assert kinds[-1] is Kind.SESSION_CLOSED


async def test_a_revocation_ends_the_script_at_once(on, place):
    auth, case = await _registered(on, place)
    lines = [TELLING[place.platform]] * 32
    script = asyncio.create_task(run_script(on.service, auth, "real-1", lines, front_end="test"))
    async with asyncio.timeout(20):
        while not (len(on.live) and next(iter(on.live)).totals.commands):
            await asyncio.sleep(0.001)
    await on.consents.revoke(case)

    done = await asyncio.wait_for(script, 10)

    assert done.closing.reason == "revoked"
    assert done.reports[-1].verdict == "not_run"

"""What `drivers/cwmp/driver.py` promises: a CPE is a router session like any other."""

import asyncio
import re

import pytest

from drivers.cwmp.gate import OpenGate
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import DeleteObject, GetParameterValues, SetParameterValues
from drivers.cwmp.plans.undoing import NOTHING
from drivers.definition import load_definition
from drivers.errors import DriverError, RouterClosed, RouterUnreachable
from drivers.session import Preview
from tests.unit.drivers.cwmp.driver_stage import PROMPT, TARGET, DriverStage, to_the_end, until
from tests.unit.drivers.minting import Minting

UPTIME = "Device.DeviceInfo.UpTime"


async def test_opening_wakes_the_router_and_sends_nothing():
    stage = DriverStage()
    session = await stage.shell()
    assert stage.links.happened == ["attached"]
    assert stage.links.received == []
    assert stage.journal.asked == []
    await session.close()


@pytest.mark.parametrize("model", ["tr181", "tr098"])
async def test_the_prompt_is_the_one_of_the_definition(model):
    stage = DriverStage(model=model)
    session = await stage.shell()
    await session.close()
    prompt = load_definition("cwmp").modes[0].prompt
    match = re.fullmatch(prompt, f"home-1({model})>")
    assert match is not None
    assert (match["host"], match["tag"]) == ("home-1", model)


async def test_every_rpc_is_durable_before_its_first_byte_and_answered_before_its_text():
    stage = DriverStage()
    session = await stage.shell()
    for line in (
        f"get {UPTIME}",
        "show wifi",
        "set wifi channel 11",
        "undo",
        "names",
        "methods",
        "diagnose ping a.example",
    ):
        text = await stage.ask(session, line)
        assert text
        assert len(stage.journal.answers) == len(stage.links.received)
    assert len(stage.links.received) > 20
    assert stage.early_bytes() == []
    by_id = {rpc.rpc_id: number for number, rpc, _, _ in stage.journal.answers}
    assert all(by_id[item.rpc.rpc_id] > item.sequence for item in stage.links.received)
    assert len(by_id) == len(stage.links.received)
    await session.close()


async def test_the_oracle_sees_a_journal_that_is_early():
    stage = DriverStage()
    stage.journal.early = True
    session = await stage.shell()
    await stage.ask(session, f"get {UPTIME}")
    assert len(stage.early_bytes()) == 1
    await session.close()


async def test_the_record_names_session_consent_and_command():
    stage = DriverStage()
    session = await stage.shell()
    command = stage.mint(f"get {UPTIME}\n")
    await session.send(command)
    await until(session, PROMPT)
    (rpc,) = stage.journal.asked
    assert (rpc.session, rpc.consent_ref, rpc.of) == (command.session, command.consent_ref, command.n)
    assert (rpc.purpose, rpc.method) == ("command", "GetParameterValues")
    assert rpc.kept == {"names": [UPTIME]}
    ((_, _, facts, kept),) = stage.journal.answers
    assert facts == {"values": 1, "masked": 0, "unasked": 0}
    assert kept == {"values": [{"name": UPTIME, "value": "90061"}]}
    await session.close()


async def test_exec_runs_one_command_after_another_with_a_status():
    stage = DriverStage()
    session = await stage.exec()
    assert session.exit_status is None
    for line, status, text in (
        (f"get {UPTIME}", 0, f"{UPTIME}  90061\n"),
        ("get Device.Nope", 1, "% Device.Nope: there is no such parameter or object on this router; "),
        ("show events", 0, "6 CONNECTION REQUEST"),
    ):
        await session.send(stage.mint(line))
        out, err = await to_the_end(session)
        assert out.startswith(text)
        assert (err, session.exit_status) == ("", status)
    await session.close()


async def test_a_line_in_another_spelling_sends_nothing():
    stage = DriverStage()
    session = await stage.shell()
    assert (await stage.ask(session, "get  Device.DeviceInfo.UpTime")).startswith("% ")
    assert stage.links.received == []
    await session.send(stage.mint(b"\xff\n"))
    assert (await until(session, PROMPT)).startswith("% The line is no UTF-8 text")
    await session.close()


async def test_a_lost_link_is_attached_again_by_the_next_command():
    stage = DriverStage()
    session = await stage.shell()
    stage.links.links[-1].hang_up()
    text = await stage.ask(session, f"get {UPTIME}")
    assert text == f"(calling the router again...)\n{UPTIME}  90061\n"
    stage.links.links[-1].hang_up()
    stage.links.reachable = False
    assert "% It took no Connection Request." in await stage.ask(session, f"get {UPTIME}")
    stage.links.reachable = True
    assert "90061" in await stage.ask(session, f"get {UPTIME}")
    await session.close()


async def test_a_router_that_goes_away_in_the_middle_is_told_and_recorded():
    stage = DriverStage()
    session = await stage.shell()
    stage.links.silent = True
    stage.links.on_call = lambda _: asyncio.get_running_loop().call_soon(stage.links.links[-1].hang_up)
    assert "% The router went away before it answered." in await stage.ask(session, f"get {UPTIME}")
    assert [facts for _, _, facts, _ in stage.journal.answers] == [{"lost": 1}]
    await session.close()


@pytest.mark.parametrize("shape", ["shell", "exec"])
async def test_closing_in_the_middle_of_an_rpc_cuts_at_once(shape):
    stage = DriverStage()
    session = await stage.driver.open(TARGET, shape)
    if shape == "shell":
        await until(session, PROMPT)
    stage.links.silent = True
    await session.send(stage.mint(f"get {UPTIME}\n"))
    while not stage.links.received:
        await asyncio.sleep(0)
    reading = asyncio.ensure_future(session.read())
    await asyncio.sleep(0)
    async with asyncio.timeout(0.1):
        await session.close()
        await session.close()
    assert stage.links.happened == ["attached", "cut"]
    assert (await asyncio.wait_for(reading, 1)).data == b""
    with pytest.raises(RouterClosed, match="home-1"):
        await session.send(stage.mint("show wifi\n"))
    await asyncio.sleep(0.01)
    assert len(stage.links.received) == 1


async def test_nothing_is_sent_after_a_close_while_an_rpc_is_being_recorded():
    stage = DriverStage()
    session = await stage.shell()
    stage.journal.slow = 0.02
    await session.send(stage.mint(f"get {UPTIME}\n"))
    await asyncio.sleep(0.005)
    await session.close()
    await asyncio.sleep(0.05)
    assert stage.links.received == []


@pytest.mark.parametrize("fault", ["refuse", "fail"])
async def test_without_a_record_nothing_is_sent_and_the_session_ends(fault):
    stage = DriverStage()
    session = await stage.shell()
    setattr(stage.journal, fault, True)
    await session.send(stage.mint("show wifi\n"))
    out, _ = await to_the_end(session)
    assert out.startswith("% The gateway could not record this")
    assert stage.links.received == []
    assert stage.links.happened == ["attached", "cut"]
    with pytest.raises(RouterClosed):
        await session.send(stage.mint("show wifi\n"))
    await session.close()


async def test_an_answer_that_cannot_be_recorded_is_not_shown():
    stage = DriverStage()
    session = await stage.shell()
    stage.journal.fail_answers = True
    await session.send(stage.mint(f"get {UPTIME}\n"))
    out, _ = await to_the_end(session)
    assert "90061" not in out
    assert stage.links.happened[-1] == "cut"
    await session.close()


async def test_a_command_goes_out_once_and_in_its_own_session():
    stage = DriverStage()
    session = await stage.shell()
    command = stage.mint(f"get {UPTIME}\n")
    await session.send(command)
    await until(session, PROMPT)
    with pytest.raises(DriverError, match="second time"):
        await session.send(command)
    strange = Minting("01J99999999999999999999999")
    strange("skipped")
    with pytest.raises(DriverError, match="another"):
        await session.send(strange("show wifi\n"))
    with pytest.raises(DriverError, match="asks nothing back"):
        await session.send(stage.mint("y\n", "answer"))
    assert len(stage.links.received) == 1
    await session.close()


async def test_a_bound_session_takes_no_command_of_another():
    stage = DriverStage()
    session = await stage.shell()
    session.bind("01J99999999999999999999999", "consent-9")
    with pytest.raises(DriverError, match="another"):
        await session.send(stage.mint(f"get {UPTIME}\n"))
    assert stage.journal.asked == []
    await session.close()


async def test_lines_sent_ahead_run_in_order():
    stage = DriverStage()
    session = await stage.shell()
    await session.send(stage.mint(f"get {UPTIME}\n"))
    await session.send(stage.mint("show events\n"))
    seen = await until(session, PROMPT)
    while seen.count(PROMPT) < 2:
        seen += await until(session, PROMPT)
    assert seen.index("90061") < seen.index("6 CONNECTION REQUEST")
    await session.close()


async def test_an_interrupt_stops_behind_the_rpc_under_way():
    stage = DriverStage()
    session = await stage.shell()
    asked = asyncio.Event()
    stage.links.on_call = lambda _: asked.set()
    await session.send(stage.mint("show wifi\n"))
    await asked.wait()
    await session.send(stage.mint("\x03", "interrupt"))
    assert await until(session, PROMPT) == f"^C\n{PROMPT}"
    assert len(stage.links.received) == len(stage.journal.answers) == 1
    assert "90061" in await stage.ask(session, f"get {UPTIME}")
    await session.close()


async def test_an_interrupt_leaves_a_test_to_the_router_and_to_the_end_of_the_session():
    stage = DriverStage()
    stage.cpe.moods.endless_tests = True
    session = await stage.exec()
    await session.send(stage.mint("diagnose ping a.example"))
    while "released" not in stage.links.happened:
        await asyncio.sleep(0)
    await session.send(stage.mint("\x03", "interrupt"))
    out, _ = await to_the_end(session)
    assert out.endswith("it is stopped when this session ends.\n^C\n")
    assert session.exit_status == 130
    state = "Device.IP.Diagnostics.IPPing.DiagnosticsState"
    assert stage.leftovers.kept["r1", stage.mint.session] == [Leftover("test", state)]
    await session.close()
    assert stage.leftovers.over == [("r1", stage.mint.session)]
    (undoing,) = stage.leftovers.due("r1")
    assert isinstance(undoing, SetParameterValues)
    assert (undoing.values[0].name, undoing.values[0].value) == (state, "None")


async def test_an_interrupt_while_the_router_is_called():
    stage = DriverStage()
    session = await stage.shell()
    stage.links.links[-1].hang_up()
    stage.links.attach = never  # type: ignore[method-assign]
    await session.send(stage.mint(f"get {UPTIME}\n"))
    await until(session, "again...)\n")
    await session.send(stage.mint("\x03", "interrupt"))
    assert await until(session, PROMPT) == f"^C\n{PROMPT}"
    assert stage.links.received == []
    await session.close()


async def never(*args, **kwargs):
    await asyncio.Event().wait()


async def test_exit_takes_back_what_would_stay_and_lets_the_router_go():
    stage = DriverStage()
    stage.cpe.moods.endless_tests = True
    session = await stage.shell()
    text = await stage.ask(session, "diagnose ping a.example")
    assert "did not end in time" in text
    await session.send(stage.mint("exit\n"))
    assert await to_the_end(session) == ("", "")
    assert stage.journal.purposes[-1] == "undo"
    assert stage.cpe.cells["Device.IP.Diagnostics.IPPing.DiagnosticsState"].value == "None"
    assert stage.leftovers.kept["r1", stage.mint.session] == []
    assert stage.links.happened[-1] == "released"
    assert session.exit_status == 0
    await session.close()


async def test_a_rep_who_leaves_without_a_word_lets_the_router_go_like_one_who_says_exit():
    stage = DriverStage()
    stage.cpe.moods.endless_tests = True
    session = await stage.shell()
    await stage.ask(session, "diagnose ping a.example")
    await session.leave()
    await session.leave()
    assert stage.journal.purposes[-1] == "undo"
    assert stage.leftovers.kept["r1", stage.mint.session] == []
    assert stage.links.happened[-1] == "released"
    with pytest.raises(RouterClosed):
        await session.send(stage.mint("show wifi\n"))


async def test_leaving_in_the_middle_of_an_rpc_cuts():
    stage = DriverStage()
    session = await stage.shell()
    stage.links.silent = True
    await session.send(stage.mint(f"get {UPTIME}\n"))
    while not stage.links.received:
        await asyncio.sleep(0)
    async with asyncio.timeout(0.1):
        await session.leave()
    assert stage.links.happened == ["attached", "cut"]


async def test_leaving_cuts_when_what_is_taken_back_cannot_be_recorded():
    stage = DriverStage()
    stage.cpe.moods.endless_tests = True
    session = await stage.shell()
    await stage.ask(session, "diagnose ping a.example")
    stage.journal.fail = True
    await session.leave()
    assert stage.links.happened[-1] == "cut"
    assert stage.leftovers.kept["r1", stage.mint.session] != []


async def test_a_reboot_is_expected_by_its_key_and_the_next_command_calls_again():
    stage = DriverStage()
    session = await stage.shell()
    await stage.ask(session, "reboot")
    (key,) = stage.leftovers.expected
    assert stage.leftovers.expected[key] == ("r1", stage.mint.session, "reboot")
    assert key.startswith(stage.mint.session)
    assert len(key) <= 32
    text = await stage.ask(session, "show events")
    assert text.startswith("(calling the router again...)\n1 BOOT")
    assert "M Reboot" in text
    await session.close()


async def test_keys_of_writes_are_the_session():
    stage = DriverStage()
    session = await stage.shell()
    await stage.ask(session, "set Device.WiFi.Radio.1.Channel 11")
    assert stage.cpe.keys == [stage.mint.session]
    await session.close()


async def test_a_held_router_is_kept_waiting_and_let_go_when_nothing_happens():
    stage = DriverStage(hold_seconds=0.02, idle_seconds=0.12)
    session = await stage.shell()
    session.bind(stage.mint.session, "consent-1")
    async with asyncio.timeout(2):
        while "released" not in stage.links.happened:
            await asyncio.sleep(0.01)
    assert set(stage.journal.purposes) == {"keepalive"}
    assert len(stage.journal.purposes) >= 2
    assert all(message == GetParameterValues((UPTIME,)) for message in stage.cpe.asked)
    assert {rpc.session for rpc in stage.journal.asked} == {stage.mint.session}
    assert stage.early_bytes() == []
    count = len(stage.cpe.asked)
    await asyncio.sleep(0.05)
    assert len(stage.cpe.asked) == count
    assert (await stage.ask(session, f"get {UPTIME}")).startswith("(calling the router again...)")
    await session.close()


async def test_a_router_is_not_asked_for_nobody():
    stage = DriverStage(hold_seconds=0.02)
    session = await stage.shell()
    async with asyncio.timeout(2):
        while "released" not in stage.links.happened:
            await asyncio.sleep(0.01)
    assert stage.journal.asked == []
    await session.close()


async def test_a_keepalive_that_cannot_be_recorded_ends_the_session():
    stage = DriverStage(hold_seconds=0.02)
    session = await stage.shell()
    session.bind(stage.mint.session, "consent-1")
    stage.journal.refuse = True
    out, _ = await to_the_end(session)
    assert "% The gateway could not record this" in out
    assert stage.links.happened[-1] == "cut"
    await session.close()


async def test_completion_knows_what_was_seen_and_nothing_hidden():
    stage = DriverStage(gate=OpenGate(hidden=("Device.Hosts.",)))
    session = await stage.shell()
    assert session.completions("Device.") == ()
    await stage.ask(session, "names Device.")
    assert "Device.WiFi." in session.completions("device.w")
    assert "Device.Hosts." not in session.completions("Device.")
    await stage.ask(session, "get Device.WiFi.Radio.")
    assert session.completions("Device.WiFi.Radio.1.Ch") == ("Device.WiFi.Radio.1.Channel",)
    await session.close()


async def test_much_output_waits_for_a_slow_reader_and_loses_nothing():
    stage = DriverStage()
    for number in range(1, 1500):
        stage.cpe.cells[f"Device.X.Y.{number}.Value"] = type(stage.cpe.cells[UPTIME])("v" * 60)
    session = await stage.exec()
    await session.send(stage.mint("get Device.X."))
    await asyncio.sleep(0.05)
    out, _ = await to_the_end(session)
    assert out.count("v" * 60) == 1499
    await session.close()


async def test_a_router_that_is_not_there():
    stage = DriverStage()
    stage.links.reachable = False
    with pytest.raises(RouterUnreachable, match="home-1"):
        await stage.driver.open(TARGET, "shell")


async def test_undo_takes_back_an_object():
    stage = DriverStage()
    session = await stage.shell()
    assert await stage.ask(session, "add Device.NAT.PortMapping.") == "Added Device.NAT.PortMapping.1.\n"
    assert (await stage.ask(session, "undo")).endswith("Deleted Device.NAT.PortMapping.1.\n")
    assert isinstance(stage.cpe.asked[-1], DeleteObject)
    await session.close()


async def test_a_line_goes_by_the_rules_of_the_moment_when_it_was_judged():
    stage = DriverStage()
    session = await stage.shell()
    session.line_judged()
    stage.gate = OpenGate(hidden=(UPTIME,))
    assert "90061" in await stage.ask(session, f"get {UPTIME}")
    assert "90061" not in await stage.ask(session, f"get {UPTIME}"), "nobody told, so the rules in force count"
    await session.close()


async def test_what_undo_does_is_told_before_and_of_other_lines_nothing():
    stage = DriverStage()
    session = await stage.shell()
    channel = "Device.WiFi.Radio.1.Channel"
    assert session.preview("undo") == Preview(NOTHING, does=False)
    await stage.ask(session, f"set {channel} 11")
    sent = len(stage.links.received)
    assert session.preview("undo") == Preview(f"{channel}: 11 -> 6\n", does=True)
    assert session.preview("reboot") is None
    assert len(stage.links.received) == sent
    assert await stage.ask(session, "undo") == "Written, and read back the same.\n"
    await session.close()


async def test_an_instance_whose_router_goes_away_is_told_and_deleted_at_the_end():
    stage = DriverStage()
    session = await stage.shell()
    table = "Device.NAT.PortMapping."

    def hang_up(request):
        if isinstance(request, SetParameterValues):
            stage.links.links[-1].hang_up()

    stage.links.on_call = hang_up
    text = await stage.ask(session, f"add {table} Enable true")
    assert "% The router went away" in text
    assert f"({table}1. has not got its values. It is deleted when this session ends" in text
    stage.links.on_call = None
    assert "has not got" not in await stage.ask(session, f"get {UPTIME}")
    await session.close()
    assert stage.leftovers.due("r1") == (DeleteObject(f"{table}1."),)

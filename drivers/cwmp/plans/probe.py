"""`diagnose`: tests that the CPE runs after it was let go. Pure.

Inputs and DiagnosticsState=Requested are written in one RPC; the CPE calls with event 8 when it is done, or is asked
now and then, since some never do. Source: TR-181, IP.Diagnostics; TR-098, IPPingDiagnostics and others.
"""

from collections.abc import Generator
from datetime import datetime
from typing import Final

from drivers.cwmp import line
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import Fault, ParameterValue, SetParameterValues
from drivers.cwmp.plans.ground import Ground
from drivers.cwmp.plans.look import instance_numbers
from drivers.cwmp.plans.reading import Tally, existing, instances, read_values
from drivers.cwmp.plans.steps import CannotGoOn, Forget, Plan, Remember, Reply, Say, Step, Stopped, call, wait_for
from drivers.cwmp.rendering import NOTHING, bounded, formed, pairs, table
from drivers.cwmp.saying import by_parameter, sentence
from drivers.cwmp.words import Column, Test

COMPLETE_EVENT: Final = frozenset({"8 DIAGNOSTICS COMPLETE"})
_RUNNING: Final = frozenset({"requested", "inprogress", "running"})
_COMPLETE: Final = frozenset({"complete", "completed"})
_NUMBERS: Final = frozenset({"NumberOfRepetitions", "DataBlockSize", "Timeout", "MaxHopCount", "TestFileLength"})
_ERRORS: Final = {
    "error_cannotresolvehostname": "the router could not find an address for that name",
    "error_noroutetohost": "there is no way to that address",
    "error_maxhopcountexceeded": "the way there has more hops than were allowed",
    "error_dnsservernotresolved": "the router could not find the name server",
    "error_dnsservernotavailable": "the name server did not answer",
    "error_initconnectionfailed": "the server could not be reached",
    "error_noresponse": "the server did not answer",
    "error_passwordrequestfailed": "the server did not accept the router's login",
    "error_loginfailed": "the server did not accept the router's login",
    "error_notransfermode": "the server offers no way to transfer that the router knows",
    "error_nopasv": "the server does not take connections for the transfer",
    "error_nocwd": "the server does not have that folder",
    "error_nostor": "the server does not take that file",
    "error_notransfercomplete": "the transfer did not come to its end",
    "error_transferfailed": "the transfer failed",
    "error_timeout": "it took too long",
    "error_incorrectsize": "the file has another size than expected",
    "error_internal": "the router had an internal error",
    "error_other": "the router gave no reason",
}
_NO_DATE: Final = "0001-01-01"


def diagnose(ground: Ground, command: line.Diagnose) -> Plan:
    """Run one test and show what came of it."""
    test = ground.words.test(command.kind, ground.root)
    leftover = Leftover("test", test.state)
    values = _inputs(test, command)
    yield Remember(leftover)
    answer = yield from call(SetParameterValues(values, ground.parameter_key))
    if isinstance(answer, Fault) and test.fixed:
        # Not every CPE lets all of its limits be set.
        values = tuple(value for value in values if value.name.rpartition(".")[2] not in test.fixed)
        answer = yield from call(SetParameterValues(values, ground.parameter_key))
    if isinstance(answer, Fault):
        yield Forget(leftover)
        names = [value.name for value in values]
        single = "".join(f"% {name}: {what}.\n" for name, what in by_parameter(answer, names))
        yield Say(single or f"% diagnose {command.kind}: {sentence(answer, names)}.\n")
        return False
    yield Say("The router runs the test; Ctrl-C stops the waiting.\n")
    try:
        state = yield from _until_done(ground, test, min(ground.times.test, ground.words.seconds(command.kind)))
    except Stopped:
        yield Say("The test may still run in the router; it is stopped when this session ends.\n")
        raise
    if state.lower() in _RUNNING:
        yield Say("% The test did not end in time; it is stopped when this session ends.\n")
        return False
    yield Forget(leftover)
    if state.lower() not in _COMPLETE:
        yield Say(f"% diagnose {command.kind}: {_failure(state)}.\n")
        return False
    return (yield from _results(ground, test))


def _inputs(test: Test, command: line.Diagnose) -> tuple[ParameterValue, ...]:
    typed = {"target": command.target, "server": command.server, "count": command.count, "size": command.size}
    given = [(name, str(typed[word])) for word, name in test.inputs.items() if typed[word] not in (None, "")]
    inputs = [
        ParameterValue(test.at + name, value, "xsd:unsignedInt" if name in _NUMBERS else "xsd:string")
        for name, value in (*given, *test.fixed.items())
    ]
    return (*inputs, ParameterValue(test.state, "Requested"))


def _until_done(ground: Ground, test: Test, seconds: float) -> Generator[Step, Reply, str]:
    """The state in which the test ended, or is when the time is up."""
    left, pause = seconds, ground.times.first_look
    while True:
        pause = max(0.0, min(pause, left))
        yield from wait_for(COMPLETE_EVENT, pause)
        left -= pause
        found = yield from read_values(ground, [test.state], Tally())
        value = found.get(test.state.lower())
        if value is None:
            raise CannotGoOn(f"The router does not tell how far the test is ({test.state}).")
        if value.value.strip().lower() not in _RUNNING or left <= 0:
            return value.value.strip()
        pause = ground.times.look_again


def _failure(state: str) -> str:
    if state.lower() == "none":
        return "the test was taken back, somebody else may have changed it"
    return _ERRORS.get(state.lower(), "the test failed in a way that only this router's maker knows")


def _results(ground: Ground, test: Test) -> Plan:
    tally = Tally()
    wanted = [test.at + column.name for column in test.columns]
    rows: list[str] = []
    if test.rows is not None:
        rows = yield from instances(ground, test.at + test.rows.each, tally)
        wanted += [path + column.name for path in rows for column in test.rows.columns]
    known = yield from existing(ground, wanted, Tally())
    values = yield from read_values(ground, known, tally)
    cells = {key: value.value for key, value in values.items()}
    single = [(column.title, _cell(cells, test.at, column)) for column in test.columns if _has(cells, test, column)]
    text = pairs([*single, *_rate(test, cells)])
    if test.rows is not None and rows:
        columns = test.rows.columns
        lines = [[instance_numbers(path[len(test.at) :]), *(_cell(cells, path, c) for c in columns)] for path in rows]
        text += table(["#", *(column.title for column in columns)], lines)
    yield Say(bounded(text + tally.sentence()) or "(The test ended; the router shows no results.)\n")
    return True


def _has(cells: dict[str, str], test: Test, column: Column) -> bool:
    return (test.at + column.name).lower() in cells


def _cell(cells: dict[str, str], path: str, column: Column) -> str:
    value = cells.get((path + column.name).lower(), "")
    return NOTHING if not value else formed(value, column.form)


def _rate(test: Test, cells: dict[str, str]) -> list[tuple[str, str]]:
    """Mbit/s of a transfer, from its bytes and times."""
    found = {name: cells.get((test.at + name).lower(), "") for name in ("BOMTime", "EOMTime")}
    counts = [cells.get((test.at + name).lower(), "") for name in ("TestBytesReceived", "TotalBytesSent")]
    number = next((int(text) for text in counts if text.isdigit() and len(text) < 16), 0)
    try:
        began, ended = (datetime.fromisoformat(found[name]) for name in ("BOMTime", "EOMTime"))
        seconds = (ended - began).total_seconds()
    except (ValueError, TypeError):
        return []
    if seconds <= 0 or not number or found["BOMTime"].startswith(_NO_DATE):
        return []
    return [("Speed", f"{number * 8 / seconds / 1e6:.1f} Mbit/s")]

"""What the record keeps of an RPC and of its answer: names, counts, and values with every secret masked. Pure.

Nothing is kept that the rep could not see, and of what a rep may see on the screen the key of the Wi-Fi still is not.
A CPE's own words in a fault are not kept either: they may repeat a value.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from audit.entry import Json
from drivers.cwmp.gate import MASK, ParameterGate
from drivers.cwmp.messages import (
    AddObject,
    Answer,
    Attributes,
    CancelTransfer,
    DeleteObject,
    Done,
    Download,
    Fault,
    GetParameterAttributes,
    GetParameterNames,
    GetParameterValues,
    Methods,
    Names,
    ParameterValue,
    Reboot,
    Request,
    ScheduleInform,
    SetParameterAttributes,
    SetParameterValues,
    Transfers,
    Upload,
    Values,
)
from drivers.cwmp.rendering import printable

NEVER_KEPT: Final = frozenset({"wifi.credentials.read"})
"""Rights to see what is shown on the screen and kept nowhere."""

MOST_KEPT: Final = 2000
"""Names or values of one entry; `left_out` counts the others."""
MOST_LOOKED_AT: Final = 20_000
"""Names of one answer that the gate is asked about; a rep is shown none of those behind them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """`facts` are not personal; `sealed` is for the compartment of the session's content."""

    facts: Mapping[str, Json]
    sealed: Mapping[str, Json]


def of_request(request: Request, gate: ParameterGate, caps: frozenset[str]) -> Kept:
    """What an RPC asks for or writes."""
    match request:
        case GetParameterValues(names) | GetParameterAttributes(names):
            return Kept({"names": len(names)}, {"names": list(names)})
        case GetParameterNames(path, next_level):
            return Kept({}, {"path": path, "next_level": next_level})
        case SetParameterValues(values, key):
            written: list[Json] = [_written(value, gate, caps) for value in values]
            return Kept({"names": len(values)}, {"values": written, "key": key})
        case SetParameterAttributes(attributes):
            set_to: list[Json] = [{"name": one.name, "notification": one.notification} for one in attributes]
            return Kept({"names": len(attributes)}, {"attributes": set_to})
        case AddObject(path, key) | DeleteObject(path, key):
            return Kept({}, {"path": path, "key": key})
        case Reboot(key) | CancelTransfer(key):
            return Kept({}, {"command_key": key})
        case ScheduleInform(delay, key):
            return Kept({"delay_seconds": delay}, {"command_key": key})
        case Download() | Upload():
            return Kept({}, {"command_key": request.command_key, "file_type": request.file_type, "url": request.url})
        case _:
            return Kept({}, {})


def of_answer(request: Request, answer: Answer, gate: ParameterGate, caps: frozenset[str]) -> Kept:
    """What came back, as far as it may be seen."""
    match answer:
        case Fault():
            return _of_fault(request, answer)
        case Values(values):
            return _of_values(request, values, gate, caps)
        case Names(infos):
            looked_at = infos[:MOST_LOOKED_AT]
            shown = [info.name for info in looked_at if _reading(info.name, gate, caps) != "hide"]
            facts: dict[str, Json] = {"names": len(infos), "hidden": len(looked_at) - len(shown)}
            return _cut(facts, "names", shown)
        case Attributes(attributes):
            asked = _names_of(request)
            mine = [one for one in attributes if one.name.lower() in asked]
            told: list[Json] = [{"name": one.name, "notification": one.notification} for one in mine]
            return _cut({"names": len(attributes)}, "attributes", told)
        case Done():
            facts = {"status": answer.status}
            return Kept(facts, {} if answer.instance is None else {"instance": answer.instance})
        case Methods(names):
            return _cut({"names": len(names)}, "methods", [printable(name, 80) for name in names])
        case Transfers(transfers):
            return Kept({"transfers": len(transfers)}, {})


def lost() -> Kept:
    """No answer came."""
    return Kept({"lost": 1}, {})


def _reading(name: str, gate: ParameterGate, caps: frozenset[str]) -> str:
    return gate.reading(name, caps - NEVER_KEPT)


def _written(value: ParameterValue, gate: ParameterGate, caps: frozenset[str]) -> Json:
    secret = gate.secret_write(value.name) or _reading(value.name, gate, caps) == "mask"
    return {"name": value.name, "value": MASK if secret else value.value, "type": value.type}


def _names_of(request: Request) -> set[str]:
    match request:
        case GetParameterValues(names) | GetParameterAttributes(names):
            return {name.lower() for name in names}
        case SetParameterValues(values, _):
            return {value.name.lower() for value in values}
        case _:
            return set()


def _of_fault(request: Request, fault: Fault) -> Kept:
    known = _names_of(request)
    named: list[Json] = [
        {"name": entry.name, "fault": entry.code} for entry in fault.parameters if entry.name.lower() in known
    ]
    return Kept({"fault": fault.code}, {"parameters": named} if named else {})


def _of_values(request: Request, values: Iterable[ParameterValue], gate: ParameterGate, caps: frozenset[str]) -> Kept:
    asked = _names_of(request)
    found: list[Json] = []
    masked = unasked = 0
    for value in values:
        key = value.name.lower()
        if key not in asked or gate.reading(value.name, caps) != "show":
            unasked += 1
            continue
        asked.discard(key)
        shown = _reading(value.name, gate, caps) == "show"
        masked += not shown
        found.append({"name": value.name, "value": value.value if shown else MASK})
    return _cut({"values": len(found), "masked": masked, "unasked": unasked}, "values", found)


def _cut(facts: dict[str, Json], what: str, items: Iterable[Json]) -> Kept:
    every = list(items)
    if len(every) > MOST_KEPT:
        facts["left_out"] = len(every) - MOST_KEPT
    return Kept(facts, {what: every[:MOST_KEPT]})

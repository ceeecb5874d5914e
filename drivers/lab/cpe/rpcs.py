"""What a CPE does with each RPC of its ACS, and how it answers. No I/O. Source: TR-069, A.3.2 and A.4.1."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from drivers.lab.cpe import attributes, queue
from drivers.lab.cpe.diagnostics import kind_of
from drivers.lab.cpe.soap import Letter, Pen, Received, child, elements, text_of
from drivers.lab.cpe.state import State
from drivers.lab.cpe.tree import Leaf, Refused

_BOOLEANS: Final = {"true", "false", "1", "0"}
_RANGES: Final = {
    "unsignedInt": (0, 2**32 - 1),
    "int": (-(2**31), 2**31 - 1),
    "unsignedLong": (0, 2**64 - 1),
    "long": (-(2**63), 2**63 - 1),
}
_SMALL: Final = 32
NAMES_UNKNOWN: Final = "DeviceInfo.AdditionalHardwareVersion"
"""What a CPE in the mood `fault-9005-listed` lists and does not know."""


class Overwhelmed(Exception):
    """The request was too much for this CPE: its session breaks off."""


def answer(state: State, pen: Pen, rpc: Received) -> Letter:
    """Carry out one RPC; the envelope of its answer or fault. Raises `Overwhelmed`."""
    method = _METHODS.get(rpc.method)
    if method is None:
        return pen.fault(9000, "Method not supported", rpc.id)
    try:
        content = method(state, pen, rpc)
    except Refused as refused:
        return pen.fault(refused.code, refused.text, rpc.id, refused.parameters)
    except (ValueError, KeyError) as error:
        return pen.fault(9003, f"Invalid arguments: {type(error).__name__}", rpc.id)
    return pen.letter(f"{rpc.method}Response", content, rpc.id)


def _status(pen: Pen, status: int) -> str:
    return "" if "missing-fields" in pen.moods else pen.tag("Status", status)


def _methods(_state: State, pen: Pen, _rpc: Received) -> str:
    return pen.array("MethodList", "xsd:string", (f"<string>{name}</string>" for name in _METHODS))


def _get_names(state: State, pen: Pen, rpc: Received) -> str:
    tree, path = state.tree, found(state, rpc.text("ParameterPath"))
    following = rpc.text("NextLevel").strip().lower() in ("1", "true")
    if path == "" and "empty-path-fault" in pen.moods:
        raise Refused(9005, "Invalid parameter name")
    if path == "" and "empty-path-nothing" in pen.moods:
        return pen.array("ParameterList", "ParameterInfoStruct", ())
    if path in ("", tree.root) and not following and "small-memory" in pen.moods:
        raise Overwhelmed
    if not tree.exists(path) or (following and path in tree.leaves):
        raise Refused(9005 if not tree.exists(path) else 9003, "Invalid parameter name")
    names = [path] if path in tree.leaves else [one for one in [*tree.objects(), *tree.leaves] if one.startswith(path)]
    if following:
        names = [one for one in names if one[len(path) :].rstrip(".").count(".") == 0 and one != path]
    if "no-trailing-dots" in pen.moods:
        names = [one.rstrip(".") for number, one in enumerate(names) if number % 7 != 3]
    return pen.array("ParameterList", "ParameterInfoStruct", (_info(state, pen, name) for name in names))


def _info(state: State, pen: Pen, name: str) -> str:
    if "missing-fields" in pen.moods:
        return f"<ParameterInfoStruct>{pen.tag('Name', name)}</ParameterInfoStruct>"
    writable = "wrong-writable" not in pen.moods and state.tree.can_change(name)
    return f"<ParameterInfoStruct>{pen.tag('Name', name)}{pen.tag('Writable', int(writable))}</ParameterInfoStruct>"


def found(state: State, path: str) -> str:
    """The path as the tree spells it: CPEs differ in whether letters' case matters to them."""
    if "any-case" not in state.config.moods:
        return path
    known = {name.lower(): name for name in [*state.tree.leaves, *state.tree.objects()]}
    return known.get(path.lower(), path)


def _get_values(state: State, pen: Pen, rpc: Received) -> str:
    asked = [found(state, name) for name in strings(rpc, "ParameterNames")]
    if "small-memory" in pen.moods and (len(asked) > _SMALL or "" in asked or state.tree.root in asked):
        raise Refused(9004, "Resources exceeded")
    names: list[str] = []
    for path in asked:
        got = list(_expanded(state, path))
        if not got and not state.tree.exists(path):
            raise Refused(9005, "Invalid parameter name")
        names += got
    if "fault-9005-listed" in pen.moods and state.tree.root + NAMES_UNKNOWN in names:
        raise Refused(9005, "Invalid parameter name")
    if "says-more" in pen.moods:
        names = [one for name in names for one in state.tree.below(name.rpartition(".")[0] + ".")]
    wanted = list(dict.fromkeys(names))
    return pen.array("ParameterList", "ParameterValueStruct", (value(state, pen, name) for name in wanted))


def _expanded(state: State, path: str) -> list[str]:
    if "*" in path and "wildcards" in state.config.moods:
        shape = re.compile(re.escape(path).replace(r"\*", r"\d+") + (".*" if path.endswith(".") else ""))
        return [name for name in state.tree.leaves if shape.fullmatch(name)]
    return list(state.tree.below(path))


def value(state: State, pen: Pen, name: str) -> str:
    """A parameter with its present value. Secrets in clear, as real CPEs do."""
    return pen.value(name, state.tree.text(name), state.tree.leaves[name].type)


def strings(rpc: Received, name: str) -> list[str]:
    """Texts of an array of strings. Raises `ValueError` without it."""
    array = child(rpc.element, name)
    if array is None:
        raise ValueError(name)
    return ["".join(str(part) for part in one.itertext()) for one in elements(array)]


def _set_values(state: State, pen: Pen, rpc: Received) -> str:
    array = child(rpc.element, "ParameterList")
    if array is None:
        raise Refused(9003, "Invalid arguments")
    wanted = [(found(state, text_of(one, "Name")), text_of(one, "Value")) for one in elements(array)]
    names = [name for name, _ in wanted]
    wrong = [(name, 9003, "Named twice") for name in dict.fromkeys(names) if names.count(name) > 1]
    for name, text in wanted:
        leaf = state.tree.leaves.get(name)
        problem = (9005, "Invalid parameter name") if leaf is None else wrong_value(leaf, text, pen.moods)
        if problem:
            wrong.append((name, *problem))
    if wrong:
        raise Refused(9003, "Invalid arguments", tuple(wrong))
    for name, text in wanted:
        _write(state, name, text)
    state.set_server("ParameterKey", rpc.text("ParameterKey"))
    return _status(pen, 0)


def wrong_value(leaf: Leaf, text: str, moods: frozenset[str]) -> tuple[int, str] | None:
    """Code and text of the fault that a value is; none if it is fine."""
    if not leaf.writable:
        return 9008, "Attempt to set a non-writable parameter"
    if leaf.type == "boolean":
        allowed = {"1", "0"} if "booleans-1-0" in moods else _BOOLEANS
        return None if text.strip() in allowed else (9007, "Invalid parameter value")
    if leaf.type in _RANGES:
        low, high = _RANGES[leaf.type]
        if not re.fullmatch(r"[+-]?\d{1,20}", text.strip()):
            return 9006, "Invalid parameter type"
        return None if low <= int(text) <= high else (9007, "Invalid parameter value")
    if leaf.type == "dateTime":
        return _wrong_time(text, moods)
    return (9007, "Invalid parameter value") if len(text) > 32_768 else None


def _wrong_time(text: str, moods: frozenset[str]) -> tuple[int, str] | None:
    if "no-milliseconds" in moods and "." in text:
        return 9007, "Invalid parameter value"
    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return 9006, "Invalid parameter type"
    return None


def _write(state: State, name: str, text: str) -> None:
    tree, leaf = state.tree, state.tree.leaves[name]
    if leaf.type == "boolean":
        text = "true" if text.strip() in ("1", "true") else "false"
    if name == f"{tree.root}ManagementServer.URL" and text != leaf.value:
        state.moved = True
    base, _, last = name.rpartition(".")
    if kind_of(f"{base}.") is not None:
        if last.endswith("DiagnosticsState"):
            state.diagnostics = [one for one in state.diagnostics if one != f"{base}."]
            if text == "Requested":
                state.diagnostics.append(f"{base}.")
        elif f"{base}.DiagnosticsState" in tree.leaves and f"{base}." not in state.diagnostics:
            tree.leaves[f"{base}.DiagnosticsState"].value = "None"
    if last == "Reset" and text == "true":
        text = "false"  # the connection comes back by itself
    leaf.value = text


def _add(state: State, pen: Pen, rpc: Received) -> str:
    number = state.tree.add(found(state, rpc.text("ObjectName")))
    state.set_server("ParameterKey", rpc.text("ParameterKey"))
    return pen.tag("InstanceNumber", number) + _status(pen, 0)


def _delete(state: State, pen: Pen, rpc: Received) -> str:
    state.tree.delete(found(state, rpc.text("ObjectName")))
    state.set_server("ParameterKey", rpc.text("ParameterKey"))
    return _status(pen, 0)


def _reboot(state: State, _pen: Pen, rpc: Received) -> str:
    state.reboot.append(rpc.text("CommandKey"))
    return ""


def _factory_reset(state: State, _pen: Pen, _rpc: Received) -> str:
    state.reset = True
    return ""


def _schedule_inform(state: State, _pen: Pen, rpc: Received) -> str:
    if rpc.number("DelaySeconds") < 1:
        raise Refused(9003, "Invalid arguments")
    state.scheduled.append((rpc.number("DelaySeconds"), rpc.text("CommandKey")))
    return ""


_METHODS: Final[dict[str, Callable[[State, Pen, Received], str]]] = {
    "GetRPCMethods": _methods,
    "SetParameterValues": _set_values,
    "GetParameterValues": _get_values,
    "GetParameterNames": _get_names,
    "SetParameterAttributes": attributes.set_attributes,
    "GetParameterAttributes": attributes.get_attributes,
    "AddObject": _add,
    "DeleteObject": _delete,
    "Download": queue.download,
    "Reboot": _reboot,
    "Upload": queue.upload,
    "FactoryReset": _factory_reset,
    "ScheduleInform": _schedule_inform,
    "GetQueuedTransfers": queue.queued,
    "GetAllQueuedTransfers": queue.all_queued,
    "ScheduleDownload": queue.schedule_download,
    "CancelTransfer": queue.cancel,
}

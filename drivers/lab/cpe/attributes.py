"""Notification and access attributes of a CPE's parameters. Source: TR-069, A.3.2.4 and A.3.2.5."""

from drivers.lab.cpe.soap import Pen, Received, child, elements, text_of
from drivers.lab.cpe.state import State
from drivers.lab.cpe.tree import Refused


def set_attributes(state: State, _pen: Pen, rpc: Received) -> str:
    """All or nothing."""
    array = child(rpc.element, "ParameterList")
    if array is None:
        raise Refused(9003, "Invalid arguments")
    todo: list[tuple[str, int | None, tuple[str, ...] | None]] = []
    for one in elements(array):
        paths = list(state.tree.below(text_of(one, "Name")))
        if not paths:
            raise Refused(9005, "Invalid parameter name")
        notification, access = None, None
        if _yes(text_of(one, "NotificationChange")):
            notification = int(text_of(one, "Notification"))
            if not 0 <= notification <= 6:
                raise Refused(9003, "Invalid arguments")
        if notification == 2 and any(path.endswith(("UpTime", "Uptime")) for path in paths):
            raise Refused(9009, "Notification request rejected")
        entries = child(one, "AccessList")
        if _yes(text_of(one, "AccessListChange")):
            access = () if entries is None else tuple("".join(map(str, name.itertext())) for name in elements(entries))
        todo += [(path, notification, access) for path in paths]
    for path, notification, access in todo:
        leaf = state.tree.leaves[path]
        leaf.notification = leaf.notification if notification is None else notification
        leaf.access = leaf.access if access is None else access
    return ""


def get_attributes(state: State, pen: Pen, rpc: Received) -> str:
    """Of parameters, and of all below objects."""
    array = child(rpc.element, "ParameterNames")
    if array is None:
        raise Refused(9003, "Invalid arguments")
    names: dict[str, None] = {}
    for one in elements(array):
        path = "".join(str(part) for part in one.itertext())
        found = list(state.tree.below(path))
        if not found:
            raise Refused(9005, "Invalid parameter name")
        names.update(dict.fromkeys(found))
    return pen.array("ParameterList", "ParameterAttributeStruct", (_struct(state, pen, name) for name in names))


def _struct(state: State, pen: Pen, name: str) -> str:
    leaf = state.tree.leaves[name]
    access = pen.array("AccessList", "xsd:string", (f"<string>{one}</string>" for one in leaf.access))
    inside = pen.tag("Name", name) + pen.tag("Notification", leaf.notification) + access
    return f"<ParameterAttributeStruct>{inside}</ParameterAttributeStruct>"


def _yes(text: str) -> bool:
    return text.strip().lower() in ("1", "true")

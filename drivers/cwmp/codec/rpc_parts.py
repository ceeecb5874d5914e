"""Parts that several RPCs have: arrays, parameters with values, attributes, faults. Pure.

Counterpart: `drivers.cwmp.codec.rpc_reading`, which reads whole RPCs of them.
"""

from typing import Final

from lxml.etree import _Element

from drivers.cwmp import messages as m
from drivers.cwmp.codec import names
from drivers.cwmp.codec.xml_reading import WHITE, Reading, called, elements, split_tag, written_type
from drivers.errors import BadEnvelope

_STRUCT: Final = frozenset({"Name", "Value"})
ATTRIBUTE: Final = frozenset({"Name", "NotificationChange", "Notification", "AccessListChange", "AccessList"})
_FAULT: Final = frozenset({"faultcode", "faultstring", "faultactor", "detail"})
_DETAIL: Final = frozenset({"FaultCode", "FaultString"})


def array(parent: _Element, found: dict[str, _Element], name: str, member: str, reading: Reading) -> list[_Element]:
    """Members of the array `name`; none if it is missing."""
    element = found.get(name)
    if element is None:
        reading.odd(f"{called(parent)} has no {name}")
        return []
    return reading.items(element, member)


def only(element: _Element, name: str, member: str, reading: Reading) -> list[_Element]:
    """Members of the array that is all of `element`."""
    return array(element, reading.parts(element, (name,)), name, member, reading)


def strings(element: _Element, name: str, reading: Reading) -> tuple[str, ...]:
    """Texts of the array `name`, which is all of `element`."""
    return tuple(reading.text(item).strip(WHITE) for item in only(element, name, "string", reading))


def parameters(structs: list[_Element], reading: Reading) -> tuple[m.ParameterValue, ...]:
    """Names with values; of a CPE those without a name are left out."""
    values = []
    for struct in structs:
        if len(struct) == 2 and not reading.may_be_nil:  # what nearly all look like, in a third of the time
            first, second = struct
            if first.tag == "Name" and second.tag == "Value" and not len(first) and not len(second):
                name = (first.text or "").strip(WHITE)
                if name:
                    value, kind = reading.of_type(second.text or "", written_type(second))
                    values.append(m.ParameterValue(name, value, kind))
                    continue
        found = reading.parts(struct, _STRUCT)
        name = reading.word(struct, found, "Name")
        if not name:
            reading.odd("a parameter has no name and is left out")
            continue
        element = found.get("Value")
        if element is None:
            reading.odd("a parameter has no Value")
            values.append(m.ParameterValue(name, ""))
        else:
            value, kind = reading.typed(element)
            values.append(m.ParameterValue(name, value, kind))
    return tuple(values)


def attribute(struct: _Element, reading: Reading) -> m.Attribute:
    """What it gives, changed or not. An ACS that changes only the list may leave the Notification empty (GenieACS)."""
    found = reading.parts(struct, ATTRIBUTE)
    name = reading.word(struct, found, "Name")
    told = found.get("Notification")
    given = told is not None and (reading.tolerant or reading.text(told).strip(WHITE) != "")
    notification = reading.number(told) if told is not None and given else None
    access = found.get("AccessList")
    listed = None
    if access is not None:
        listed = tuple(reading.text(item).strip(WHITE) for item in reading.items(access, "string"))
    return m.Attribute(name, notification, listed)


def fault(element: _Element, reading: Reading) -> m.Fault:
    """A SOAP fault. One without CWMP's detail is an internal error. TR-069 A.5; SOAP 1.1, section 4.4."""
    found = reading.parts(element, _FAULT, soap=True)
    text = reading.text(found["faultstring"]).strip(WHITE) if "faultstring" in found else ""
    detail = cwmp_detail(element)
    if detail is None:
        reading.note("a SOAP fault has no detail of CWMP")
        return m.Fault(9002 if reading.tolerant else 8002, text)
    parameters: list[m.ParameterFault] = []
    plain: dict[str, _Element] = {}
    for tag, child in elements(detail):
        name = split_tag(tag)[1]
        if name == "SetParameterValuesFault":
            values = reading.fields(child, _PARAMETER_FAULT)
            parameters.append(m.ParameterFault(values.get("name", ""), values.get("code", 0), values.get("text", "")))
        elif name in plain:
            raise BadEnvelope(f"Fault has more than one {name}.")
        elif name in _DETAIL:
            plain[name] = child
        else:
            reading.note("Fault has an element that is not known there")
    code = reading.number(plain["FaultCode"]) if "FaultCode" in plain else 9002 if reading.tolerant else 8002
    said = reading.text(plain["FaultString"]) if "FaultString" in plain else text
    return m.Fault(code, said, tuple(parameters))


_PARAMETER_FAULT: Final[tuple[names.Field, ...]] = (
    ("ParameterName", "name", "word", False),
    ("FaultCode", "code", "number", False),
    ("FaultString", "text", "text", False),
)


def cwmp_detail(element: _Element) -> _Element | None:
    """`cwmp:Fault` in the detail of a SOAP fault. Raises `BadEnvelope` for two of them."""
    details = [child for tag, child in elements(element) if split_tag(tag)[1] == "detail"]
    faults = [
        child
        for detail in details
        for tag, child in elements(detail)
        if split_tag(tag)[1] == "Fault" and names.is_cwmp(split_tag(tag)[0])
    ]
    if len(faults) > 1:
        raise BadEnvelope("The detail of the SOAP fault has more than one Fault.")
    return faults[0] if faults else None

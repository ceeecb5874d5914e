"""The element in a SOAP body to a message. Pure. Counterpart: `drivers.cwmp.codec.rpc_writing`."""

from collections.abc import Callable
from typing import Any, Final

from lxml.etree import _Element

from drivers.cwmp import messages as m
from drivers.cwmp.codec import names, rpc_parts
from drivers.cwmp.codec.xml_reading import Reading
from drivers.cwmp.device import MOST_CHARACTERS, DeviceId
from drivers.errors import BadEnvelope

_INFORM: Final = frozenset({"DeviceId", "Event", "MaxEnvelopes", "CurrentTime", "RetryCount", "ParameterList"})
_DEVICE: Final = frozenset({"Manufacturer", "OUI", "ProductClass", "SerialNumber"})
_EVENT: Final = frozenset({"EventCode", "CommandKey"})
MOST_OF_INFORM: Final = 4000
"""Members of each array of an Inform, which is read before it is known who sent it. Real ones have some dozens."""


def from_cpe(element: _Element, name: str, reading: Reading) -> m.Message:
    """What a CPE sent: a request of its own, or an answer. Raises `BadEnvelope`."""
    read = _FROM_CPE.get(name)
    if read is not None:
        return read(element, reading)
    request, response, rest = name.rpartition("Response")
    if response and not rest:
        if request not in names.DONE:
            raise BadEnvelope("The CPE answers a request that is never sent.")
        # Without a Status a transfer is not said to have been done: its end is told later (quirk 9).
        least = {"status": 1} if request in names.TRANSFERS else {}
        return m.Done(request, **{**least, **reading.fields(element, names.DONE[request])})
    return _cpe_request(element, _method(name), reading)


def from_acs(element: _Element, name: str, reading: Reading) -> m.Message:
    """What an ACS sent: a request, or an answer to one of the CPE's. Raises `BadEnvelope`."""
    read = _FROM_ACS.get(name)
    if read is not None:
        return read(element, reading)
    if name in ("GetQueuedTransfers", "GetAllQueuedTransfers"):
        reading.parts(element, ())
        return m.GetQueuedTransfers(all=name == "GetAllQueuedTransfers")
    if name in names.REQUESTS:
        kind, fields = names.REQUESTS[name]
        keys = {field: "" for _, field, read_as, _ in fields if read_as == "key"}
        return kind(**(keys | reading.fields(element, fields)))
    if name.removesuffix("Response") in names.ACS_DONE and name.endswith("Response"):
        return m.Done(name.removesuffix("Response"))
    return m.OtherRpc(_method(name))


def _method(name: str) -> str:
    if names.METHOD.fullmatch(name) is None:
        raise BadEnvelope("The SOAP body holds an element whose name is none of an RPC.")
    return name


# --- from a CPE -------------------------------------------------------------------------------------------------------


def _inform(element: _Element, reading: Reading) -> m.Inform:
    found = reading.parts(element, _INFORM)
    if "DeviceId" not in found:
        raise BadEnvelope("Inform has no DeviceId: nobody knows which CPE this is.")
    manufacturer, device = _device(found["DeviceId"], reading)
    for name in ("Event", "ParameterList"):
        if name in found and len(found[name]) > MOST_OF_INFORM:
            raise BadEnvelope(f"The {name} of the Inform has more than {MOST_OF_INFORM} members.")
    numbers = reading.values(element, found, (("RetryCount", "retry_count", "number", False),))
    return m.Inform(
        manufacturer=manufacturer,
        device=device,
        events=_events(element, found, reading),
        current_time=reading.word(element, found, "CurrentTime"),
        retry_count=numbers.get("retry_count", 0),
        parameters=rpc_parts.parameters(
            rpc_parts.array(element, found, "ParameterList", "ParameterValueStruct", reading), reading
        ),
    )


def _device(element: _Element, reading: Reading) -> tuple[str, DeviceId]:
    found = reading.parts(element, _DEVICE)
    manufacturer = reading.word(element, found, "Manufacturer")
    oui, product_class, serial = (
        reading.word(element, found, name) for name in ("OUI", "ProductClass", "SerialNumber")
    )
    if not oui or not serial:
        raise BadEnvelope("The DeviceId of the Inform has no OUI or no SerialNumber: nobody knows which CPE this is.")
    if max(len(oui), len(product_class), len(serial)) > MOST_CHARACTERS:
        raise BadEnvelope(f"The DeviceId of the Inform has a part of more than {MOST_CHARACTERS} characters.")
    return manufacturer, DeviceId(oui=oui, product_class=product_class, serial=serial)


def _events(element: _Element, found: dict[str, _Element], reading: Reading) -> tuple[m.Event, ...]:
    events = []
    for struct in rpc_parts.array(element, found, "Event", "EventStruct", reading):
        parts = reading.parts(struct, _EVENT)
        code = reading.word(struct, parts, "EventCode")
        key = parts.get("CommandKey")
        if key is None:
            reading.note("EventStruct has no CommandKey")
        events.append(m.Event(code, "" if key is None else reading.unfolded(reading.text(key))))
    return tuple(events)


def _transfer_complete(element: _Element, reading: Reading) -> m.TransferComplete:
    fields = (("CommandKey", "command_key", "key", False), *names.TIMES)
    return _completed(element, reading, fields, autonomous=False)


def _autonomous(element: _Element, reading: Reading) -> m.TransferComplete:
    return _completed(element, reading, (*names.AUTONOMOUS, *names.TIMES), autonomous=True)


def _completed(
    element: _Element, reading: Reading, fields: tuple[names.Field, ...], *, autonomous: bool
) -> m.TransferComplete:
    found = reading.parts(element, {*(field[0] for field in fields), "FaultStruct"})
    values = reading.values(element, found, fields)
    fault = reading.fields(found["FaultStruct"], names.FAULT_STRUCT) if "FaultStruct" in found else {}
    if "fault_code" not in fault:
        reading.odd("a finished transfer has no FaultStruct with a code, so nobody knows whether it worked")
    return m.TransferComplete(autonomous=autonomous, **{"fault_code": None, **values, **fault})


def _cpe_request(element: _Element, name: str, reading: Reading) -> m.CpeRequest:
    shape = names.CPE_REQUESTS.get(name)
    return m.CpeRequest(name) if shape is None else m.CpeRequest(name, _arguments(element, shape, reading))


def _arguments(element: _Element, shape: names.Shape, reading: Reading) -> tuple[m.Argument, ...]:
    """In the schema's order; what is missing is left out."""
    found = reading.parts(element, {name.removesuffix("[]") for name in shape})
    arguments = []
    for name, inside in shape.items():
        part = found.get(name.removesuffix("[]"))
        if part is None:
            continue
        if inside is None:
            arguments.append(m.Argument(name, reading.text(part)))
        elif name.endswith("[]"):
            ((member, struct),) = inside.items()
            assert struct is not None
            members = (
                m.Argument(member, "", _arguments(item, struct, reading)) for item in reading.items(part, member)
            )
            arguments.append(m.Argument(name.removesuffix("[]"), "", tuple(members)))
        else:
            arguments.append(m.Argument(name, "", _arguments(part, inside, reading)))
    return tuple(arguments)


def _values(element: _Element, reading: Reading) -> m.Values:
    return m.Values(
        rpc_parts.parameters(rpc_parts.only(element, "ParameterList", "ParameterValueStruct", reading), reading)
    )


def _names(element: _Element, reading: Reading) -> m.Names:
    infos = []
    for struct in rpc_parts.only(element, "ParameterList", "ParameterInfoStruct", reading):
        found = reading.parts(struct, ("Name", "Writable"))
        name = reading.word(struct, found, "Name")
        if not name:
            reading.odd("a parameter has no name and is left out")
            continue
        writable = found.get("Writable")
        if writable is None:
            reading.odd("a parameter has no Writable and is taken for one that cannot be written")
        infos.append(m.ParameterInfo(name, writable is not None and reading.flag(writable)))
    return m.Names(tuple(infos))


def _attributes(element: _Element, reading: Reading) -> m.Attributes:
    structs = rpc_parts.only(element, "ParameterList", "ParameterAttributeStruct", reading)
    return m.Attributes(tuple(rpc_parts.attribute(struct, reading) for struct in structs))


def _queued(element: _Element, reading: Reading) -> m.Transfers:
    structs = rpc_parts.only(element, "TransferList", "QueuedTransferStruct", reading)
    return m.Transfers(tuple(_transfer(struct, names.QUEUED, reading) for struct in structs))


def _all_queued(element: _Element, reading: Reading) -> m.Transfers:
    structs = rpc_parts.only(element, "TransferList", "AllQueuedTransferStruct", reading)
    return m.Transfers(tuple(_transfer(struct, names.ALL_QUEUED, reading) for struct in structs), all=True)


def _transfer(struct: _Element, fields: tuple[names.Field, ...], reading: Reading) -> m.QueuedTransfer:
    values: dict[str, Any] = {"command_key": "", "state": 0}
    return m.QueuedTransfer(**(values | reading.fields(struct, fields)))


# --- from an ACS ------------------------------------------------------------------------------------------------------


def _set_values(element: _Element, reading: Reading) -> m.SetParameterValues:
    found = reading.parts(element, ("ParameterList", "ParameterKey"))
    values = rpc_parts.parameters(
        rpc_parts.array(element, found, "ParameterList", "ParameterValueStruct", reading), reading
    )
    if len({value.name for value in values}) != len(values):
        raise BadEnvelope("SetParameterValues sets one parameter twice.")
    key = found.get("ParameterKey")
    return m.SetParameterValues(values, "" if key is None else reading.text(key))


def _set_attributes(element: _Element, reading: Reading) -> m.SetParameterAttributes:
    attributes = []
    for struct in rpc_parts.only(element, "ParameterList", "SetParameterAttributesStruct", reading):
        read = rpc_parts.attribute(struct, reading)
        found = reading.parts(struct, rpc_parts.ATTRIBUTE)
        changes = [name in found and reading.flag(found[name]) for name in ("NotificationChange", "AccessListChange")]
        if (changes[0] and read.notification is None) or (changes[1] and read.access is None):
            raise BadEnvelope("SetParameterAttributes is to change what it does not give.")
        attributes.append(
            m.Attribute(read.name, read.notification if changes[0] else None, read.access if changes[1] else None)
        )
    return m.SetParameterAttributes(tuple(attributes))


def _schedule_download(element: _Element, reading: Reading) -> m.ScheduleDownload:
    known = {*(field[0] for field in names.SCHEDULED), "TimeWindowList"}
    found = reading.parts(element, known)
    windows = rpc_parts.array(element, found, "TimeWindowList", "TimeWindowStruct", reading)
    return m.ScheduleDownload(
        **({"command_key": ""} | reading.values(element, found, names.SCHEDULED)),
        windows=tuple(m.TimeWindow(**reading.fields(window, names.WINDOW)) for window in windows),
    )


_Reader = Callable[[_Element, Reading], m.Message]

_FROM_CPE: Final[dict[str, _Reader]] = {
    "Inform": _inform,
    "TransferComplete": _transfer_complete,
    "AutonomousTransferComplete": _autonomous,
    "GetRPCMethodsResponse": lambda element, reading: m.Methods(rpc_parts.strings(element, "MethodList", reading)),
    "GetParameterValuesResponse": _values,
    "GetParameterNamesResponse": _names,
    "GetParameterAttributesResponse": _attributes,
    "GetQueuedTransfersResponse": _queued,
    "GetAllQueuedTransfersResponse": _all_queued,
}
_FROM_ACS: Final[dict[str, _Reader]] = {
    "SetParameterValues": _set_values,
    "GetParameterValues": lambda element, reading: m.GetParameterValues(
        rpc_parts.strings(element, "ParameterNames", reading)
    ),
    "SetParameterAttributes": _set_attributes,
    "GetParameterAttributes": lambda element, reading: m.GetParameterAttributes(
        rpc_parts.strings(element, "ParameterNames", reading)
    ),
    "ScheduleDownload": _schedule_download,
    "GetRPCMethodsResponse": lambda element, reading: m.Methods(rpc_parts.strings(element, "MethodList", reading)),
}

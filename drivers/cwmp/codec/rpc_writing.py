"""A message to the element in a SOAP body. Pure. Counterpart: `drivers.cwmp.codec.rpc_reading`."""

from collections.abc import Callable
from typing import Any, Final

from drivers.cwmp import messages as m
from drivers.cwmp.codec import names
from drivers.cwmp.codec.xml_writing import array, element, flag, parameters, strings
from drivers.cwmp.faults import soap_code
from drivers.cwmp.quirks import Quirks
from drivers.errors import BadEnvelope

_METHODS: Final[dict[type, str]] = {
    **{kind: name for name, (kind, _) in names.REQUESTS.items()},
    m.SetParameterValues: "SetParameterValues",
    m.GetParameterValues: "GetParameterValues",
    m.SetParameterAttributes: "SetParameterAttributes",
    m.GetParameterAttributes: "GetParameterAttributes",
    m.ScheduleDownload: "ScheduleDownload",
    m.Inform: "Inform",
    m.Methods: "GetRPCMethodsResponse",
    m.Values: "GetParameterValuesResponse",
    m.Names: "GetParameterNamesResponse",
    m.Attributes: "GetParameterAttributesResponse",
    m.Fault: "Fault",
}


def method_of(message: m.Message) -> str:
    """The name of the element in the SOAP body: `GetParameterValues`, `InformResponse`, `Fault`."""
    if isinstance(message, m.Done):
        return f"{message.method}Response"
    if isinstance(message, m.CpeRequest | m.OtherRpc):
        return message.method
    if isinstance(message, m.TransferComplete):
        return "AutonomousTransferComplete" if message.autonomous else "TransferComplete"
    if isinstance(message, m.GetQueuedTransfers):
        return "GetAllQueuedTransfers" if message.all else "GetQueuedTransfers"
    if isinstance(message, m.Transfers):
        return "GetAllQueuedTransfersResponse" if message.all else "GetQueuedTransfersResponse"
    return _METHODS[type(message)]


def body_of(message: m.Message, quirks: Quirks) -> str:
    """The element in the SOAP body with all that is inside. Raises `BadEnvelope` for what is never sent on."""
    if isinstance(message, m.Fault):
        return _fault(message)
    name = method_of(message)
    if isinstance(message, m.CpeRequest):
        if names.METHOD.fullmatch(name) is None:
            raise BadEnvelope("A CPE's request has a name that is none of an RPC.")
        inside = _cpe_request(message)
    elif isinstance(message, m.Done):
        inside = _done(message)
    elif isinstance(message, m.GetQueuedTransfers):
        inside = ""
    elif name in names.REQUESTS:
        inside = _fields(message, names.REQUESTS[name][1], quirks)
    else:
        write = _WRITERS.get(type(message))
        if write is None:
            raise BadEnvelope("An RPC that is known by name only is never sent on.")
        inside = write(message, quirks)
    return f"<cwmp:{name}>{inside}</cwmp:{name}>"


def _fields(message: Any, fields: tuple[names.Field, ...], quirks: Quirks) -> str:
    """Plain arguments in the schema's order; a field that is None is left out."""
    parts = []
    for name, field, kind, _ in fields:
        value = getattr(message, field)
        if value is not None:
            parts.append(element(name, flag(value, quirks) if kind == "flag" else str(value)))
    return "".join(parts)


def _struct(name: str, inside: str) -> str:
    return f"<{name}>{inside}</{name}>"


# --- requests ---------------------------------------------------------------------------------------------------------


def _set_values(message: m.SetParameterValues, quirks: Quirks) -> str:
    return parameters(message.values, quirks) + element("ParameterKey", message.key)


def _get(message: m.GetParameterValues | m.GetParameterAttributes, _: Quirks) -> str:
    return strings("ParameterNames", message.names)


def _set_attributes(message: m.SetParameterAttributes, quirks: Quirks) -> str:
    structs = [
        _struct(
            "SetParameterAttributesStruct",
            element("Name", attribute.name)
            + element("NotificationChange", flag(attribute.notification is not None, quirks))
            + element("Notification", str(attribute.notification or 0))
            + element("AccessListChange", flag(attribute.access is not None, quirks))
            + strings("AccessList", attribute.access or ()),
        )
        for attribute in message.attributes
    ]
    return array("ParameterList", "cwmp:SetParameterAttributesStruct", structs)


def _schedule_download(message: m.ScheduleDownload, quirks: Quirks) -> str:
    windows = [_struct("TimeWindowStruct", _fields(window, names.WINDOW, quirks)) for window in message.windows]
    listed = array("TimeWindowList", "cwmp:TimeWindowStruct", windows)
    return _fields(message, names.SCHEDULED, quirks) + listed


# --- from a CPE, to an upstream ACS -----------------------------------------------------------------------------------


def _inform(message: m.Inform, quirks: Quirks) -> str:
    device = message.device
    events = [
        _struct("EventStruct", element("EventCode", event.code) + element("CommandKey", event.command_key))
        for event in message.events
    ]
    identity = (
        element("Manufacturer", message.manufacturer)
        + element("OUI", device.oui)
        + element("ProductClass", device.product_class)
        + element("SerialNumber", device.serial)
    )
    return (
        _struct("DeviceId", identity)
        + array("Event", "cwmp:EventStruct", events)
        + "<MaxEnvelopes>1</MaxEnvelopes>"
        + element("CurrentTime", message.current_time)
        + element("RetryCount", str(message.retry_count))
        + parameters(message.parameters, quirks)
    )


def _transfer_complete(message: m.TransferComplete, quirks: Quirks) -> str:
    first = (
        _fields(message, names.AUTONOMOUS, quirks) if message.autonomous else element("CommandKey", message.command_key)
    )
    unknown = message.fault_code is None
    fault = "" if unknown else _struct("FaultStruct", _fields(message, names.FAULT_STRUCT, quirks))
    return first + fault + _fields(message, names.TIMES, quirks)


def _cpe_request(message: m.CpeRequest) -> str:
    return _arguments(message.arguments, names.CPE_REQUESTS.get(message.method, {}))


def _arguments(arguments: tuple[m.Argument, ...], shape: names.Shape) -> str:
    """Only what the schema has for this request."""
    parts = []
    given = {argument.name: argument for argument in arguments}
    for name, inside in shape.items():
        argument = given.get(name.removesuffix("[]"))
        if argument is None:
            continue
        if inside is None:
            parts.append(element(name, argument.value))
        elif name.endswith("[]"):
            ((member, struct),) = inside.items()
            members = [_struct(member, _arguments(item.inside, struct or {})) for item in argument.inside]
            parts.append(array(argument.name, f"cwmp:{member}", members))
        else:
            parts.append(_struct(name, _arguments(argument.inside, inside)))
    return "".join(parts)


# --- answers ----------------------------------------------------------------------------------------------------------


def _done(message: m.Done) -> str:
    """Of a CPE with its status; of an ACS empty but for InformResponse. The page that KickedResponse could send the
    customer's browser to is always empty."""
    if message.method == "Inform":
        return "<MaxEnvelopes>1</MaxEnvelopes>"
    if message.method == "Kicked":
        return "<NextURL></NextURL>"
    if message.method in names.ACS_DONE:
        return ""
    fields = names.DONE.get(message.method)
    if fields is None:
        raise BadEnvelope(f"{message.method[:64]!r} has no answer that could be written.")
    return _fields(message, fields, Quirks())


def _methods(message: m.Methods, _: Quirks) -> str:
    return strings("MethodList", message.names)


def _values(message: m.Values, quirks: Quirks) -> str:
    return parameters(message.values, quirks)


def _names(message: m.Names, quirks: Quirks) -> str:
    structs = [
        _struct("ParameterInfoStruct", element("Name", info.name) + element("Writable", flag(info.writable, quirks)))
        for info in message.infos
    ]
    return array("ParameterList", "cwmp:ParameterInfoStruct", structs)


def _attributes(message: m.Attributes, _: Quirks) -> str:
    structs = []
    for attribute in message.attributes:
        notification = "" if attribute.notification is None else element("Notification", str(attribute.notification))
        access = "" if attribute.access is None else strings("AccessList", attribute.access)
        structs.append(_struct("ParameterAttributeStruct", element("Name", attribute.name) + notification + access))
    return array("ParameterList", "cwmp:ParameterAttributeStruct", structs)


def _transfers(message: m.Transfers, quirks: Quirks) -> str:
    kind, fields = (
        ("AllQueuedTransferStruct", names.ALL_QUEUED) if message.all else ("QueuedTransferStruct", names.QUEUED)
    )
    structs = [_struct(kind, _fields(transfer, fields, quirks)) for transfer in message.transfers]
    return array("TransferList", f"cwmp:{kind}", structs)


def _fault(message: m.Fault) -> str:
    """TR-069 A.5."""
    parameters_ = "".join(
        _struct(
            "SetParameterValuesFault",
            element("ParameterName", fault.name)
            + element("FaultCode", str(fault.code))
            + element("FaultString", fault.text),
        )
        for fault in message.parameters
    )
    return (
        f"<soap-env:Fault><faultcode>{soap_code(message.code)}</faultcode><faultstring>CWMP fault</faultstring>"
        f"<detail><cwmp:Fault><FaultCode>{message.code:d}</FaultCode>{element('FaultString', message.text)}"
        f"{parameters_}</cwmp:Fault></detail></soap-env:Fault>"
    )


_WRITERS: Final[dict[type, Callable[[Any, Quirks], str]]] = {
    m.SetParameterValues: _set_values,
    m.GetParameterValues: _get,
    m.GetParameterAttributes: _get,
    m.SetParameterAttributes: _set_attributes,
    m.ScheduleDownload: _schedule_download,
    m.Inform: _inform,
    m.TransferComplete: _transfer_complete,
    m.Methods: _methods,
    m.Values: _values,
    m.Names: _names,
    m.Attributes: _attributes,
    m.Transfers: _transfers,
}

"""Names that CWMP's schema gives to elements: one table for what is read and what is written. Pure.

Source: cwmp-1-0.xsd to cwmp-1-4.xsd; TR-069 Annex A.
"""

import re
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from drivers.cwmp import messages as m

Kind: TypeAlias = Literal["text", "key", "word", "number", "flag"]
"""How the text of an element is read: `text` as it is; `key` too, but for line breaks that pretty-printing put round
it; `word`, `number`, `flag` without white space around."""

Field: TypeAlias = tuple[str, str, Kind, bool]
"""Element, field of the message, kind, whether a request without it means nothing."""

DEFAULT_NAMESPACE: Final = "urn:dslforum-org:cwmp-1-0"
NAMESPACE: Final = re.compile(r"urn:dslforum-org:cwmp-[A-Za-z0-9.-]{1,32}")
"""1.0 to 1.2 are what the schemas have (1.3 and 1.4 use cwmp-1-2); what else begins so is taken and echoed."""

METHOD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""What an RPC may be called, those of vendors too."""

_KEY: Final[Field] = ("CommandKey", "command_key", "key", False)
_TRANSFER: Final[tuple[Field, ...]] = (
    _KEY,
    ("FileType", "file_type", "word", True),
    ("URL", "url", "word", True),
    ("Username", "username", "text", False),
    ("Password", "password", "text", False),
)

REQUESTS: Final[dict[str, tuple[type[m.Request], tuple[Field, ...]]]] = {
    "GetRPCMethods": (m.GetRPCMethods, ()),
    "GetParameterNames": (
        m.GetParameterNames,
        (("ParameterPath", "path", "word", True), ("NextLevel", "next_level", "flag", True)),
    ),
    "AddObject": (m.AddObject, (("ObjectName", "path", "word", True), ("ParameterKey", "key", "key", False))),
    "DeleteObject": (m.DeleteObject, (("ObjectName", "path", "word", True), ("ParameterKey", "key", "key", False))),
    "Reboot": (m.Reboot, (_KEY,)),
    "Download": (
        m.Download,
        (
            *_TRANSFER,
            ("FileSize", "file_size", "number", False),
            ("TargetFileName", "target_file_name", "text", False),
            ("DelaySeconds", "delay_seconds", "number", False),
            ("SuccessURL", "success_url", "word", False),
            ("FailureURL", "failure_url", "word", False),
        ),
    ),
    "Upload": (m.Upload, (*_TRANSFER, ("DelaySeconds", "delay_seconds", "number", False))),
    "FactoryReset": (m.FactoryReset, ()),
    "ScheduleInform": (m.ScheduleInform, (("DelaySeconds", "delay_seconds", "number", True), _KEY)),
    "CancelTransfer": (m.CancelTransfer, (_KEY,)),
}
"""Requests to a CPE that are a list of plain arguments, in the schema's order."""

WINDOW: Final[tuple[Field, ...]] = (
    ("WindowStart", "start", "number", True),
    ("WindowEnd", "end", "number", True),
    ("WindowMode", "mode", "word", True),
    ("UserMessage", "user_message", "text", False),
    ("MaxRetries", "max_retries", "number", False),
)
SCHEDULED: Final[tuple[Field, ...]] = (
    *_TRANSFER,
    ("FileSize", "file_size", "number", False),
    ("TargetFileName", "target_file_name", "text", False),
)
QUEUED: Final[tuple[Field, ...]] = (("CommandKey", "command_key", "key", False), ("State", "state", "number", False))
ALL_QUEUED: Final[tuple[Field, ...]] = (
    *QUEUED,
    ("IsDownload", "download", "flag", False),
    ("FileType", "file_type", "word", False),
    ("FileSize", "file_size", "number", False),
    ("TargetFileName", "target_file_name", "text", False),
)

AUTONOMOUS: Final[tuple[Field, ...]] = (
    ("AnnounceURL", "announce_url", "word", False),
    ("TransferURL", "transfer_url", "word", False),
    ("IsDownload", "is_download", "flag", False),
    ("FileType", "file_type", "word", False),
    ("FileSize", "file_size", "number", False),
    ("TargetFileName", "target_file_name", "text", False),
)
TIMES: Final[tuple[Field, ...]] = (
    ("StartTime", "start_time", "word", False),
    ("CompleteTime", "complete_time", "word", False),
)
FAULT_STRUCT: Final[tuple[Field, ...]] = (
    ("FaultCode", "fault_code", "number", False),
    ("FaultString", "fault_string", "text", False),
)

_STATUS: Final[Field] = ("Status", "status", "number", False)
DONE: Final[dict[str, tuple[Field, ...]]] = {
    "SetParameterValues": (_STATUS,),
    "SetParameterAttributes": (),
    "AddObject": (("InstanceNumber", "instance", "number", False), _STATUS),
    "DeleteObject": (_STATUS,),
    "Reboot": (),
    "FactoryReset": (),
    "ScheduleInform": (),
    "Download": (_STATUS, *TIMES),
    "Upload": (_STATUS, *TIMES),
    "ScheduleDownload": (),
    "CancelTransfer": (),
}
"""Answers of a CPE of which a status matters, by the request's name."""

TRANSFERS: Final = frozenset({"Download", "Upload"})
"""Requests whose end is told by a TransferComplete, unless the status of their answer is 0."""

ACS_DONE: Final = (
    "Inform",
    "TransferComplete",
    "AutonomousTransferComplete",
    "DUStateChangeComplete",
    "AutonomousDUStateChangeComplete",
    "RequestDownload",
    "Kicked",
)
"""Requests of a CPE whose answer says no more than that it came."""

Shape: TypeAlias = dict[str, "Shape | None"]
"""Elements inside an element, in order; None: text. A name ending in `[]` is an array of structs of that one name."""

_RESULT: Final[Shape] = {
    "UUID": None,
    "DeploymentUnitRef": None,
    "Version": None,
    "CurrentState": None,
    "Resolved": None,
    "ExecutionUnitRefList": None,
    "StartTime": None,
    "CompleteTime": None,
    "Fault": {"FaultCode": None, "FaultString": None},
}
CPE_REQUESTS: Final[dict[str, Shape]] = {
    "GetRPCMethods": {},
    "Kicked": {"Command": None, "Referer": None, "Arg": None, "Next": None},
    "RequestDownload": {"FileType": None, "FileTypeArg[]": {"ArgStruct": {"Name": None, "Value": None}}},
    "DUStateChangeComplete": {"Results[]": {"OpResultStruct": _RESULT}, "CommandKey": None},
    "AutonomousDUStateChangeComplete": {
        "Results[]": {"AutonOpResultStruct": {**_RESULT, "OperationPerformed": None}},
    },
}
"""Other requests of a CPE, with what they say."""

HEADERS: Final = frozenset(
    {
        "ID",
        "HoldRequests",
        "NoMoreRequests",
        "SessionTimeout",
        "sessionTimeout",
        "SupportedCWMPVersions",
        "UseCWMPVersion",
    }
)
"""Headers that are understood; only the ID is kept. The gateway gives an ACS no list of versions to choose from."""

XSD_TYPES: Final = frozenset(
    (
        *(
            "string",
            "token",
            "normalizedString",
            "language",
            "NMTOKEN",
            "anyURI",
            "base64Binary",
            "hexBinary",
            "boolean",
        ),
        *("int", "integer", "unsignedInt", "long", "unsignedLong", "short", "unsignedShort", "byte", "unsignedByte"),
        *("nonNegativeInteger", "positiveInteger", "float", "double", "decimal"),
        *("dateTime", "date", "time", "duration"),
    )
)

_OTHER: Final = (
    "GetParameterValues SetParameterValues SetParameterAttributes GetParameterAttributes GetQueuedTransfers "
    "GetAllQueuedTransfers ScheduleDownload ParameterNames ParameterList ParameterValueStruct ParameterInfoStruct "
    "SetParameterAttributesStruct ParameterAttributeStruct ParameterKey Name Value Writable NotificationChange "
    "Notification AccessListChange AccessList string MethodList DeviceId Manufacturer OUI ProductClass SerialNumber "
    "Event EventStruct EventCode MaxEnvelopes CurrentTime RetryCount FaultStruct FaultCode FaultString "
    "SetParameterValuesFault ParameterName TransferList QueuedTransferStruct AllQueuedTransferStruct TimeWindowList "
    "TimeWindowStruct NextURL ArgStruct FileTypeArg Results OpResultStruct AutonOpResultStruct"
)


def _words() -> frozenset[str]:
    tables = (REQUESTS, DONE, CPE_REQUESTS, dict.fromkeys(ACS_DONE))
    methods = {*(name for table in tables for name in table), *_OTHER.split()}
    rows = (*(row for _, row in REQUESTS.values()), *DONE.values(), WINDOW, SCHEDULED, ALL_QUEUED, AUTONOMOUS)
    plain = {field[0] for row in rows for field in row}
    inside = {name for shape in (_RESULT, *CPE_REQUESTS.values()) for name in shape}
    return frozenset(methods | {f"{name}Response" for name in methods} | plain | inside | HEADERS)


WORDS: Final = _words()
"""All of them, in any place."""


@lru_cache(maxsize=64)
def is_cwmp(namespace: str) -> bool:
    """Whether it is a namespace of CWMP."""
    return NAMESPACE.fullmatch(namespace) is not None

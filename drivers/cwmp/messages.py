"""RPCs, their answers and faults as values. Pure. Source: TR-069 Annex A, cwmp-1-4.xsd.

Nothing here knows XML: `drivers.cwmp.codec.envelope` reads and writes it. All that is not needed to act on a message is
left out of it, so that what is sent on is only what was understood.
"""

from dataclasses import field
from typing import Final, TypeAlias

from config.records import record
from drivers.cwmp.device import DeviceId

STRING: Final = "xsd:string"


@record
class ParameterValue:
    """A name and its value as text. `type` is `xsd:string`, `xsd:unsignedInt`, …; `xsd:string` if none was given."""

    name: str
    value: str = field(repr=False)
    type: str = STRING


@record
class ParameterInfo:
    """An entry of GetParameterNames; names of objects end in a dot."""

    name: str
    writable: bool


@record
class Event:
    """`EventStruct`: `6 CONNECTION REQUEST`, `M Reboot`, …, with its CommandKey."""

    code: str
    command_key: str = ""


# --- from the CPE -----------------------------------------------------------------------------------------------------


@record(kw_only=True)
class Inform:
    """A.3.3.1. Begins every session."""

    manufacturer: str
    device: DeviceId
    events: tuple[Event, ...]
    current_time: str = ""
    retry_count: int = 0
    parameters: tuple[ParameterValue, ...] = field(default=(), repr=False)


@record(kw_only=True)
class TransferComplete:
    """A.3.3.2, and AutonomousTransferComplete (A.3.3.3) with `autonomous`.

    `fault_code` 0: it worked; None: the CPE did not say whether it did."""

    command_key: str = ""
    fault_code: int | None = 0
    fault_string: str = ""
    start_time: str = ""
    complete_time: str = ""
    autonomous: bool = False
    announce_url: str = ""
    """From here on only of an autonomous one."""
    transfer_url: str = ""
    is_download: bool = False
    file_type: str = ""
    file_size: int = 0
    target_file_name: str = ""


@record
class Argument:
    """One argument of a `CpeRequest`: text, or what is inside it."""

    name: str
    value: str = field(default="", repr=False)
    inside: tuple["Argument", ...] = ()


@record
class CpeRequest:
    """Any other request of a CPE: GetRPCMethods, Kicked, RequestDownload, DUStateChangeComplete, AutonomousDUState…
    with the arguments that the schema gives them, to be told to an upstream ACS. Of `X_…` only the name is kept."""

    method: str
    arguments: tuple[Argument, ...] = ()


# --- to the CPE -------------------------------------------------------------------------------------------------------


@record
class GetRPCMethods:
    """A.3.1.1"""


@record
class SetParameterValues:
    """A.3.2.1; all or nothing."""

    values: tuple[ParameterValue, ...]
    key: str = ""


@record
class GetParameterValues:
    """A.3.2.2; full names, or partial paths that end in a dot."""

    names: tuple[str, ...]


@record
class GetParameterNames:
    """A.3.2.3; an empty path is the root."""

    path: str
    next_level: bool


@record
class Attribute:
    """One parameter's attributes: notification 0 off … 6; `access` is its AccessList. None: not to be changed."""

    name: str
    notification: int | None
    access: tuple[str, ...] | None = None


@record
class SetParameterAttributes:
    """A.3.2.4"""

    attributes: tuple[Attribute, ...]


@record
class GetParameterAttributes:
    """A.3.2.5"""

    names: tuple[str, ...]


@record
class AddObject:
    """A.3.2.6; the path ends in a dot."""

    path: str
    key: str = ""


@record
class DeleteObject:
    """A.3.2.7; the path ends in an instance number and a dot."""

    path: str
    key: str = ""


@record
class Reboot:
    """A.3.2.9"""

    command_key: str = ""


@record(kw_only=True)
class Download:
    """A.3.2.8. `repr` shows no credential."""

    command_key: str
    file_type: str
    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    file_size: int = 0
    target_file_name: str = ""
    delay_seconds: int = 0
    success_url: str = ""
    failure_url: str = ""


@record(kw_only=True)
class Upload:
    """A.4.1.5"""

    command_key: str
    file_type: str
    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    delay_seconds: int = 0


@record
class FactoryReset:
    """A.4.1.6"""


@record
class ScheduleInform:
    """A.4.1.2"""

    delay_seconds: int
    command_key: str = ""


@record
class GetQueuedTransfers:
    """A.4.1.1; with `all`, GetAllQueuedTransfers (A.4.1.7)."""

    all: bool = False


@record
class TimeWindow:
    """`TimeWindowStruct` of ScheduleDownload."""

    start: int
    end: int
    mode: str
    user_message: str = ""
    max_retries: int = 0


@record(kw_only=True)
class ScheduleDownload:
    """A.4.1.8"""

    command_key: str
    file_type: str
    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    file_size: int = 0
    target_file_name: str = ""
    windows: tuple[TimeWindow, ...] = ()


@record
class CancelTransfer:
    """A.4.1.9"""

    command_key: str


@record
class OtherRpc:
    """A request of an ACS that is known by name only (ChangeDUState, GetOptions, SetVouchers, `X_…`); never sent on."""

    method: str


Request: TypeAlias = (
    GetRPCMethods
    | SetParameterValues
    | GetParameterValues
    | GetParameterNames
    | SetParameterAttributes
    | GetParameterAttributes
    | AddObject
    | DeleteObject
    | Reboot
    | Download
    | Upload
    | FactoryReset
    | ScheduleInform
    | GetQueuedTransfers
    | ScheduleDownload
    | CancelTransfer
)
"""What can be sent to a CPE."""

FromCpe: TypeAlias = Inform | TransferComplete | CpeRequest


# --- answers ----------------------------------------------------------------------------------------------------------


@record
class Methods:
    """GetRPCMethodsResponse, both ways."""

    names: tuple[str, ...]


@record
class Values:
    """GetParameterValuesResponse"""

    values: tuple[ParameterValue, ...]


@record
class Names:
    """GetParameterNamesResponse"""

    infos: tuple[ParameterInfo, ...]


@record
class Attributes:
    """GetParameterAttributesResponse"""

    attributes: tuple[Attribute, ...]


@record
class Done:
    """An answer of which only `status` matters (0 done, 1 later; 0 where the RPC has none), and of AddObject the
    instance number. `method` is the RPC's name without `Response`."""

    method: str
    status: int = 0
    instance: int | None = None
    start_time: str = ""
    complete_time: str = ""


@record
class QueuedTransfer:
    """One entry of Get(All)QueuedTransfersResponse: state 1 not yet started, 2 in progress, 3 completed."""

    command_key: str
    state: int
    download: bool | None = None
    file_type: str = ""
    file_size: int = 0
    target_file_name: str = ""


@record
class Transfers:
    """GetQueuedTransfersResponse; with `all`, GetAllQueuedTransfersResponse."""

    transfers: tuple[QueuedTransfer, ...]
    all: bool = False


@record
class ParameterFault:
    """`SetParameterValuesFault`"""

    name: str
    code: int
    text: str = ""


@record
class Fault:
    """A SOAP fault with CWMP's detail. `code` 9000-9899 from a CPE, 8000-8899 from an ACS. A.5"""

    code: int
    text: str
    parameters: tuple[ParameterFault, ...] = ()


Answer: TypeAlias = Methods | Values | Names | Attributes | Done | Transfers | Fault

Message: TypeAlias = Request | OtherRpc | FromCpe | Answer
"""All that stands in a body."""

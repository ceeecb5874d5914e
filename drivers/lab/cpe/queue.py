"""Downloads, uploads and their queue, as the ACS asks for them; `drivers.lab.cpe.transfers` carries them out.

Source: TR-069, A.3.2.8, A.4.1.1, A.4.1.5, A.4.1.7 to A.4.1.9.
"""

from typing import Literal

from drivers.lab.cpe.soap import Pen, Received, child, elements, text_of
from drivers.lab.cpe.state import State, Transfer
from drivers.lab.cpe.tree import Refused

_MOST = 5
_NO_TIME = "0001-01-01T00:00:00Z"


def download(state: State, pen: Pen, rpc: Received) -> str:
    """Accepted; carried out when the session is over."""
    if not rpc.text("FileType").startswith(("1 ", "2 ", "3 ", "4 ", "5 ", "X ")):
        raise Refused(9003, "Invalid arguments")
    _enqueue(state, _transfer(rpc, "M Download"))
    return _later(pen)


def upload(state: State, pen: Pen, rpc: Received) -> str:
    """Most CPEs that ask nothing refuse nothing; this one refuses unless it is told otherwise."""
    if not state.config.uploads:
        raise Refused(9001, "Request denied")
    _enqueue(state, _transfer(rpc, "M Upload"))
    return _later(pen)


def schedule_download(state: State, _pen: Pen, rpc: Received) -> str:
    """Starts in the first of its time windows."""
    windows = child(rpc.element, "TimeWindowList")
    if windows is None or not list(elements(windows)):
        raise Refused(9003, "Invalid arguments")
    transfer = _transfer(rpc, "M ScheduleDownload")
    transfer.delay = int(text_of(next(elements(windows)), "WindowStart") or 0)
    _enqueue(state, transfer)
    return ""


def cancel(state: State, _pen: Pen, rpc: Received) -> str:
    """Of one that has not begun; an unknown one is no fault."""
    for transfer in [one for one in state.transfers if one.command_key == rpc.text("CommandKey")]:
        if transfer.state == 2:
            raise Refused(9021, "Cancellation of file transfer not permitted in current transfer state")
        state.transfers.remove(transfer)
    return ""


def queued(state: State, pen: Pen, _rpc: Received) -> str:
    """CommandKey and state of each."""
    return pen.array("TransferList", "QueuedTransferStruct", (_struct(pen, one) for one in state.transfers))


def all_queued(state: State, pen: Pen, _rpc: Received) -> str:
    """All that is known of each."""
    found = (_full(pen, one) for one in state.transfers)
    return pen.array("TransferList", "AllQueuedTransferStruct", found)


def _transfer(rpc: Received, event: Literal["M Download", "M Upload", "M ScheduleDownload"]) -> Transfer:
    if len(rpc.text("CommandKey")) > 32:
        raise Refused(9003, "Invalid arguments")
    return Transfer(
        event=event,
        command_key=rpc.text("CommandKey"),
        file_type=rpc.text("FileType"),
        url=rpc.text("URL"),
        user=rpc.text("Username"),
        password=rpc.text("Password"),
        size=rpc.number("FileSize"),
        target=rpc.text("TargetFileName"),
        delay=rpc.number("DelaySeconds"),
    )


def _enqueue(state: State, transfer: Transfer) -> None:
    if "://" not in transfer.url:
        raise Refused(9003, "Invalid arguments")
    if not transfer.url.startswith(("http://", "https://")):
        raise Refused(9013, "Unsupported protocol for file transfer")
    if len(state.transfers) >= _MOST:
        raise Refused(9004, "Resources exceeded")
    state.transfers.append(transfer)


def _later(pen: Pen) -> str:
    if "missing-fields" in pen.moods:
        return ""
    return pen.tag("Status", 1) + pen.tag("StartTime", _NO_TIME) + pen.tag("CompleteTime", _NO_TIME)


def _struct(pen: Pen, transfer: Transfer) -> str:
    inside = pen.tag("CommandKey", transfer.command_key) + pen.tag("State", transfer.state)
    return f"<QueuedTransferStruct>{inside}</QueuedTransferStruct>"


def _full(pen: Pen, transfer: Transfer) -> str:
    inside = "".join(
        (
            pen.tag("CommandKey", transfer.command_key),
            pen.tag("State", transfer.state),
            pen.tag("IsDownload", int(transfer.event != "M Upload")),
            pen.tag("FileType", transfer.file_type),
            pen.tag("FileSize", transfer.size),
            pen.tag("TargetFileName", transfer.target),
        )
    )
    return f"<AllQueuedTransferStruct>{inside}</AllQueuedTransferStruct>"

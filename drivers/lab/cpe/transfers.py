"""Carries out a CPE's transfers, once its session is over. Counterpart: `drivers.lab.cpe.queue`."""

import hashlib
from dataclasses import dataclass, field

from drivers.lab.cpe.http import LostAcs, fetch
from drivers.lab.cpe.state import FIRMWARE, State, Transfer

_VERSION = b"LAB-FIRMWARE "


@dataclass(slots=True)
class Files:
    """What a CPE fetched and gave away: for tests to look at."""

    fetched: list[tuple[str, bytes]] = field(default_factory=list, repr=False)
    """URL and content."""
    given: list[tuple[str, bytes]] = field(default_factory=list, repr=False)


async def carry_out(state: State, transfer: Transfer, files: Files) -> bool:
    """Do it and note what came of it in `transfer`. True: the CPE must boot for it to take effect."""
    if transfer.event == "M Upload":
        content = "\n".join(f"{path}={state.tree.text(path)}" for path in state.tree.leaves).encode()
        await _give(transfer, content, files)
        return False
    taken = await _take(transfer, files)
    if taken is None or transfer.file_type != FIRMWARE:
        return False
    info = f"{state.tree.root}DeviceInfo.SoftwareVersion"
    state.tree.leaves[info].value = version_of(taken)
    return True


def version_of(content: bytes) -> str:
    """The version of a firmware file: what its first line says behind `LAB-FIRMWARE `, otherwise after its hash."""
    first = content.split(b"\n", 1)[0]
    if first.startswith(_VERSION):
        return first[len(_VERSION) :].decode("ascii", "replace").strip()
    return f"lab-{hashlib.sha256(content).hexdigest()[:8]}"


async def _take(transfer: Transfer, files: Files) -> bytes | None:
    try:
        answer = await fetch(transfer.url, user=transfer.user, password=transfer.password)
    except LostAcs:
        transfer.fault = (9015, "File transfer failure: unable to contact file server")
        return None
    if answer.status in (401, 403):
        transfer.fault = (9012, "File transfer server authentication failure")
    elif answer.status != 200:
        transfer.fault = (9016, "File transfer failure: unable to access file")
    elif transfer.size and transfer.size != len(answer.body):
        transfer.fault = (9018, "File transfer failure: file corrupted")
    if transfer.fault[0]:
        return None
    files.fetched.append((transfer.url, answer.body))
    return answer.body


async def _give(transfer: Transfer, content: bytes, files: Files) -> None:
    try:
        answer = await fetch(transfer.url, user=transfer.user, password=transfer.password, put=content)
    except LostAcs:
        transfer.fault = (9015, "File transfer failure: unable to contact file server")
        return
    if answer.status >= 300:
        transfer.fault = (9011, "Upload failure")
    else:
        files.given.append((transfer.url, content))

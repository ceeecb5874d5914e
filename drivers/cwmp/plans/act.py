"""Plans that make the CPE do something: `reboot`, `factory-reset`, `firmware`. Pure.

What happens later is tied to the session by its CommandKey, and told to the gateway before the RPC is sent.
"""

from typing import Final

from drivers.cwmp import line
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import Done, Download, FactoryReset, Fault, Reboot
from drivers.cwmp.plans.ground import FirmwareFile, Ground
from drivers.cwmp.plans.reading import Tally, read_values
from drivers.cwmp.plans.steps import CannotGoOn, Expect, Forget, LetGo, Plan, Remember, Say, Stopped, call, hear
from drivers.cwmp.rendering import printable
from drivers.cwmp.saying import sentence

RESTARTED: Final = frozenset({"1 BOOT", "M Reboot"})
FIRMWARE_IMAGE: Final = "1 Firmware Upgrade Image"
_STILL_LOADING: Final = (
    "The router still loads the file. Its result is recorded when it comes; if this session ends before that, the "
    "transfer is cancelled.\n"
)
_UNHEARD: Final = "% The router was told to load the file; nothing was heard of it within {}. Look with show device.\n"


def reboot(ground: Ground) -> Plan:
    """Restart; the BOOT that follows belongs to this session."""
    yield Expect(ground.command_key, "reboot")
    answer = yield from call(Reboot(ground.command_key))
    if isinstance(answer, Fault):
        yield Say(f"% {sentence(answer)}.\n")
        return False
    yield LetGo(until=RESTARTED)
    yield Say("The router restarts now. It calls again when it is up; the next command waits for that.\n")
    return True


def factory_reset(ground: Ground) -> Plan:  # noqa: ARG001 (all plans stand on a ground)
    """All settings of the customer are gone; so is the consent's router, until it is asked anew."""
    answer = yield from call(FactoryReset())
    if isinstance(answer, Fault):
        yield Say(f"% {sentence(answer)}.\n")
        return False
    yield LetGo()
    yield Say("The router goes back to factory settings now. When it calls again, consent is asked for anew.\n")
    return True


def firmware(ground: Ground, command: line.Firmware) -> Plan:
    """Load software from the approved list, and wait until the CPE has it."""
    file = ground.firmware.get(command.file)
    if file is None:
        known = ", ".join(sorted(ground.firmware)) or "none"
        raise CannotGoOn(f"{printable(command.file, 60)} is not on the approved list. On it: {known}.")
    leftover = Leftover("transfer", ground.command_key)
    yield Expect(ground.command_key, "download")
    yield Remember(leftover)
    yield Say(f"{file.name}: {file.size} bytes, SHA-256 {file.sha256}\n")
    answer = yield from call(_download(ground, file))
    if isinstance(answer, Fault):
        yield Forget(leftover)
        yield Say(f"% {file.name}: {sentence(answer)}.\n")
        return False
    if isinstance(answer, Done) and answer.status == 0:
        yield Forget(leftover)
        yield Say("The router has loaded the file.\n")
        return True
    return (yield from _until_told(ground, file, leftover))


def _until_told(ground: Ground, file: FirmwareFile, leftover: Leftover) -> Plan:
    yield Say("The router loads the file; Ctrl-C stops the waiting, not the loading.\n")
    seconds = _longest(ground)
    try:
        ended = yield from hear(ground.command_key, seconds)
    except Stopped:
        yield Say(_STILL_LOADING)
        raise
    if ended is None:
        # Some models never tell (quirk 23); that it failed is not known either.
        yield Say(_UNHEARD.format(_spoken(seconds)) + _STILL_LOADING)
        return False
    yield Forget(leftover)
    if ended.told.fault_code is None:
        return (yield from _not_said(ground, file, booted=ended.booted))
    if ended.told.fault_code:
        wrong = Fault(ended.told.fault_code, ended.told.fault_string)
        yield Say(f"% {file.name} was not installed: {sentence(wrong)}.\n")
        return False
    if ended.booted:
        yield Say(f"The router has installed {file.name} and restarted. Look with show device what it runs now.\n")
        return True
    yield LetGo()
    yield Say(f"The router has {file.name} and installs it; it restarts for that. The next command calls it again.\n")
    return True


def _not_said(ground: Ground, file: FirmwareFile, *, booted: bool) -> Plan:
    """The loading has ended, nobody knows how (quirk 9); the software that runs may tell."""
    yield Say(f"{file.name}: the router did not say whether it succeeded.\n")
    if not booted:
        yield LetGo()
        yield Say("If it did, the router restarts for that. Look with show device then, what it runs.\n")
        return False
    path = f"{ground.root}DeviceInfo.SoftwareVersion"
    told = [one.value for one in ground.contact.inform.parameters if one.name.lower() == path.lower()]
    values = yield from read_values(ground, [path], Tally())
    now = values.get(path.lower())
    if now is None or not told:
        yield Say("It has restarted. Look with show device what it runs now.\n")
        return False
    if now.value == told[-1]:
        yield Say(f"It has restarted, and still runs {printable(now.value, 60)}.\n")
        return False
    yield Say(f"It has restarted, and runs {printable(now.value, 60)} now; before it was {printable(told[-1], 60)}.\n")
    return True


def _longest(ground: Ground) -> float:
    """Seconds to wait for the end of a transfer: less for models that may never tell."""
    minutes = ground.quirks.no_transfer_complete_minutes
    return ground.times.transfer if minutes is None else min(ground.times.transfer, minutes * 60.0)


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"


def _download(ground: Ground, file: FirmwareFile) -> Download:
    return Download(command_key=ground.command_key, file_type=FIRMWARE_IMAGE, url=file.url, file_size=file.size)

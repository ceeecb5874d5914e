"""What the reception and the keeper of open sessions work with; put together by `gateway.cwmp.station`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from config.clock import Clock
from drivers.cwmp.device import DeviceId
from drivers.cwmp.known import CpeDirectory
from drivers.cwmp.quirks import Quirks
from gateway.cwmp.happenings import Happenings
from gateway.cwmp.limits import Limits
from gateway.cwmp.recording import CpeJournal
from gateway.cwmp.responder import Responder
from gateway.cwmp.seen import SeenDevices
from gateway.cwmp.sign_in import Doorkeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One for all listeners of a gateway."""

    directory: CpeDirectory
    journal: CpeJournal
    happenings: Happenings
    doorkeeper: Doorkeeper
    responder: Responder
    seen: SeenDevices
    clock: Clock
    quirks_of: Callable[[DeviceId, str], Quirks]
    """By device and software version."""
    limits: Limits = field(default_factory=Limits)
    record_informs: Literal["events", "all"] = "events"

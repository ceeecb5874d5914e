"""What a CPE remembers between its sessions: its tree, events not yet delivered, transfers, what it does next. No I/O.

Counterparts: `drivers.lab.cpe.rpcs` changes it on the ACS's word, `drivers.lab.cpe.cpe` lives it.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.lab.cpe.config import CpeConfig
from drivers.lab.cpe.model import load
from drivers.lab.cpe.tree import Leaf, Tree

BOOTSTRAP: Final = "0 BOOTSTRAP"
BOOT: Final = "1 BOOT"
PERIODIC: Final = "2 PERIODIC"
SCHEDULED: Final = "3 SCHEDULED"
VALUE_CHANGE: Final = "4 VALUE CHANGE"
CONNECTION_REQUEST: Final = "6 CONNECTION REQUEST"
TRANSFER_COMPLETE: Final = "7 TRANSFER COMPLETE"
DIAGNOSTICS_COMPLETE: Final = "8 DIAGNOSTICS COMPLETE"
_TELLING: Final = (1, 2, 4, 6)
_AT_ONCE: Final = (2, 6)
FIRMWARE: Final = "1 Firmware Upgrade Image"


@dataclass(slots=True, kw_only=True)
class Transfer:
    """A Download, Upload or ScheduleDownload. `state` as in QueuedTransferStruct: 1 waits, 2 runs, 3 is over."""

    event: Literal["M Download", "M Upload", "M ScheduleDownload"]
    command_key: str
    file_type: str
    url: str = field(repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    size: int = 0
    target: str = ""
    delay: int = 0
    state: int = 1
    fault: tuple[int, str] = (0, "")
    started: str = ""
    ended: str = ""


@dataclass(slots=True)
class State:
    """`pending`: events to tell, each with its CommandKey."""

    config: CpeConfig
    tree: Tree = field(init=False)
    pending: list[tuple[str, str]] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    """Parameters that the next Inform tells because of their notification attribute."""
    transfers: list[Transfer] = field(default_factory=list)
    reboot: list[str] = field(default_factory=list)
    """CommandKeys of Reboots not yet carried out; they are when the session is over."""
    reset: bool = False
    """A FactoryReset is to be carried out then."""
    scheduled: list[tuple[int, str]] = field(default_factory=list)
    """ScheduleInforms to be started: seconds, CommandKey."""
    diagnostics: list[str] = field(default_factory=list)
    """Objects whose diagnostics are to run when the session is over."""
    probed: list[str] = field(default_factory=list)
    """Whom the diagnostics went to."""
    retries: int = 0
    moved: bool = False
    """The URL of the ACS was changed: the next contact is a BOOTSTRAP."""

    def __post_init__(self) -> None:
        self.tree = self._factory()
        if not self.config.bootstrapped:
            self.tell(BOOTSTRAP)
        self.tell(BOOT)

    def factory_reset(self) -> None:
        """Everything as it left the factory."""
        self.tree = self._factory()
        self.transfers.clear()
        self.pending.clear()
        self.diagnostics.clear()
        self.changed.clear()
        self.reset = False
        if "no-bootstrap" not in self.config.moods:
            self.tell(BOOTSTRAP)
        self.tell(BOOT)

    def tell(self, code: str, key: str = "") -> None:
        """An event for the next Inform. Several of one kind are one, unless their keys differ (TR-069, 3.7.1.5)."""
        if (code, key) not in self.pending:
            self.pending.append((code, key))

    def delivered(self, events: list[tuple[str, str]]) -> None:
        """The ACS answered an Inform with these."""
        self.pending = [event for event in self.pending if event not in events]
        self.changed.clear()
        self.retries = 0

    def server(self, name: str) -> str:
        """A parameter of ManagementServer."""
        return self.tree.text(f"{self.tree.root}ManagementServer.{name}")

    def set_server(self, name: str, value: str) -> None:
        """From inside, read-only or not."""
        self.tree.leaves[f"{self.tree.root}ManagementServer.{name}"].value = value

    def noticed(self, path: str) -> None:
        """A value changed otherwise than by the ACS: what its notification attribute asks for (A.3.2.4)."""
        notification = self.tree.leaves[path].notification
        if notification in _TELLING:
            self.changed.add(path)
        if notification in _AT_ONCE:
            self.tell(VALUE_CHANGE)

    def _factory(self) -> Tree:
        config = self.config
        tree = load(config.model, config.extra)
        facts = {
            "DeviceInfo.Manufacturer": config.manufacturer,
            "DeviceInfo.ManufacturerOUI": config.oui,
            "DeviceInfo.ProductClass": config.product_class,
            "DeviceInfo.SerialNumber": config.serial,
            "ManagementServer.URL": config.acs,
            "ManagementServer.Username": config.user,
            "ManagementServer.Password": config.password,
            "ManagementServer.ConnectionRequestUsername": config.knock_user,
            "ManagementServer.ConnectionRequestPassword": config.knock_password,
        }
        for name, value in facts.items():
            tree.leaves.setdefault(tree.root + name, Leaf("")).value = value
        return tree

"""A CPE in memory behind links without a network. Ships for tests and benchmarks.

`FakeCpe` answers RPCs over a data model of its own and can be in every mood that real ones are; `FakeLinks` hands out
its sessions and numbers every RPC at the moment at which its first byte would arrive.
Counterparts: `drivers.cwmp.hub` is the real `CpeLinks`; the journal's fake lives with the tests, as proofs are minted
by the journal alone.
"""

import asyncio
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from audit.rpc import RecordedRpc
from drivers.cwmp.codec.envelope import decode
from drivers.cwmp.device import DeviceId
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import (
    AddObject,
    Answer,
    Attribute,
    Attributes,
    CancelTransfer,
    DeleteObject,
    Done,
    Download,
    Event,
    FactoryReset,
    Fault,
    GetParameterAttributes,
    GetParameterNames,
    GetParameterValues,
    GetRPCMethods,
    Inform,
    Message,
    Methods,
    Names,
    ParameterFault,
    ParameterInfo,
    ParameterValue,
    Reboot,
    ScheduleInform,
    SetParameterAttributes,
    SetParameterValues,
    Values,
)
from drivers.cwmp.paths import TR181, parent
from drivers.cwmp.quirks import STRICT, Quirks
from drivers.cwmp.values import BadValue, local_type, written
from drivers.errors import RouterUnreachable

METHODS = (
    "GetRPCMethods SetParameterValues GetParameterValues GetParameterNames SetParameterAttributes "
    "GetParameterAttributes AddObject DeleteObject Reboot Download FactoryReset CancelTransfer"
)


@dataclass(slots=True)
class Cell:
    """One parameter."""

    value: str
    type: str = "xsd:string"
    writable: bool = False
    allowed: str = ""
    """Regular expression; empty: anything of its type."""
    notification: int = 0


@dataclass(kw_only=True)
class Moods:
    """What real CPEs do otherwise."""

    empty_path: Literal["lists", "fault", "nothing"] = "lists"
    dotless_objects: bool = False
    refused: frozenset[str] = frozenset()
    """Listed, and then answered with 9005."""
    other_case: bool = False
    """Answers in other letters than it was asked in."""
    extra: tuple[ParameterValue, ...] = ()
    """Sent along with all values."""
    talkative: bool = False
    """Repeats what it holds in the text of its faults."""
    most_names: int = 1_000_000
    """Of one answer; more is fault 9004."""
    keeps: frozenset[str] = frozenset()
    """Says yes to new values of these and stays as it is."""
    status: int = 0
    never_tells: bool = False
    """Calls with no event 8 when a test is done."""
    endless_tests: bool = False


@dataclass(kw_only=True)
class FakeCpe:
    """One CPE. `cells` by name, `tables` are objects of which instances can be added: leaf to cell."""

    cells: dict[str, Cell] = field(default_factory=dict, repr=False)
    tables: dict[str, dict[str, Cell]] = field(default_factory=dict)
    results: dict[str, dict[str, str]] = field(default_factory=dict)
    """Object of a test to what it finds out; `DiagnosticsState` in it is how it ends, `Complete` if absent."""
    moods: Moods = field(default_factory=Moods)
    transfers: dict[str, Download] = field(default_factory=dict)
    reboots: list[str] = field(default_factory=list)
    resets: int = 0
    keys: list[str] = field(default_factory=list)
    """ParameterKeys that came, in order."""
    asked: list[Message] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    """States of tests that were requested."""

    def answer(self, request: Message) -> Answer:
        """What it answers, after it did what it was told."""
        self.asked.append(request)
        match request:
            case GetParameterNames(path, next_level):
                return self._names(path, level=next_level)
            case GetParameterValues(names):
                return self._values(names)
            case SetParameterValues(values, key):
                return self._set(values, key)
            case GetParameterAttributes(names):
                return self._attributes(names)
            case SetParameterAttributes(attributes):
                for one in attributes:
                    self.cells[one.name].notification = one.notification or 0
                return Done("SetParameterAttributes")
            case AddObject(path, key):
                return self._add(path, key)
            case DeleteObject(path, _):
                return self._delete(path)
            case _:
                return self._other(request)

    def let_go(self) -> tuple[Event, ...]:
        """Its session ended: it runs tests and restarts. The events of its next call."""
        events = [Event("M Reboot", key) for key in self.reboots]
        if events:
            events.insert(0, Event("1 BOOT"))
            self.reboots.clear()
        for state in [] if self.moods.endless_tests else sorted(self.running):
            found = self.results.get(parent(state), {})
            self.cells[state].value = "Complete"
            for name, value in found.items():
                self.cells.setdefault(parent(state) + name, Cell("")).value = value
            self.running.discard(state)
            if not self.moods.never_tells:
                events.append(Event("8 DIAGNOSTICS COMPLETE"))
        return tuple(events)

    def _other(self, request: Message) -> Answer:
        match request:
            case GetRPCMethods():
                return Methods(tuple(METHODS.split()))
            case Reboot(key):
                self.reboots.append(key)
                return Done("Reboot")
            case FactoryReset():
                self.resets += 1
                return Done("FactoryReset")
            case Download():
                self.transfers[request.command_key] = request
                return Done("Download", self.moods.status)
            case CancelTransfer(key):
                found = self.transfers.pop(key, None)
                return Done("CancelTransfer") if found else Fault(9021, "cannot cancel")
            case ScheduleInform():
                return Done("ScheduleInform")
        return Fault(9000, "Method not supported")

    def _names(self, path: str, *, level: bool) -> Answer:
        if not path and self.moods.empty_path != "lists":
            return Names(()) if self.moods.empty_path == "nothing" else self._fault(9005)
        every = self._all_names()
        at = path.lower()
        below = [info for info in every if info.name.lower().startswith(at) and (path.endswith(".") or not path)]
        below = [info for info in below if info.name.lower() != at] if level else below
        if not below and at not in {info.name.lower() for info in every}:
            return self._fault(9005)
        if path and not path.endswith("."):
            below = [info for info in every if info.name.lower() == at]
        elif level:
            below = [info for info in below if parent(info.name).lower() == at]
        if len(below) > self.moods.most_names:
            return self._fault(9004)
        return Names(tuple(ParameterInfo(self._spelled(info.name), info.writable) for info in below))

    def _all_names(self) -> list[ParameterInfo]:
        found: dict[str, ParameterInfo] = {}
        for name, cell in self.cells.items():
            above = parent(name)
            missing = []
            while above and above not in found:
                missing.append(above)
                above = parent(above)
            for each in reversed(missing):
                found[each] = ParameterInfo(each, parent(each) in self.tables)
            found[name] = ParameterInfo(name, cell.writable)
        for table in self.tables:
            found.setdefault(table, ParameterInfo(table, True))
        return list(found.values())

    def _values(self, names: tuple[str, ...]) -> Answer:
        by_key = {name.lower(): name for name in self.cells}
        found = []
        for asked in names:
            if asked.endswith("."):
                found += [name for name in self.cells if name.lower().startswith(asked.lower())]
            elif asked.lower() not in by_key or by_key[asked.lower()] in self.moods.refused:
                return self._fault(9005)
            else:
                found.append(by_key[asked.lower()])
        if len(found) > self.moods.most_names:
            return self._fault(9004)
        values = [ParameterValue(self._spelled(name), self.cells[name].value, self.cells[name].type) for name in found]
        return Values((*values, *self.moods.extra))

    def _set(self, values: tuple[ParameterValue, ...], key: str) -> Answer:
        faults = [fault for value in values if (fault := self._checked(value)) is not None]
        if faults:
            return replace(self._fault(9003), parameters=tuple(faults))
        for value in values:
            if value.name not in self.moods.keeps:
                self.cells[value.name].value = value.value
            if value.name.endswith(".DiagnosticsState"):
                (self.running.add if value.value == "Requested" else self.running.discard)(value.name)
        self.keys.append(key)
        return Done("SetParameterValues", self.moods.status)

    def _checked(self, value: ParameterValue) -> ParameterFault | None:
        cell = self.cells.get(value.name)
        if cell is None:
            return ParameterFault(value.name, 9005, self._said(9005))
        if not cell.writable:
            return ParameterFault(value.name, 9008, self._said(9008))
        if local_type(value.type) != local_type(cell.type):
            return ParameterFault(value.name, 9006, self._said(9006))
        try:
            written(value.name, value.value, cell.type, STRICT)
        except BadValue:
            return ParameterFault(value.name, 9007, self._said(9007))
        fits = not cell.allowed or re.fullmatch(cell.allowed, value.value) is not None
        return None if fits else ParameterFault(value.name, 9007, self._said(9007))

    def _attributes(self, names: tuple[str, ...]) -> Answer:
        if not set(names) <= set(self.cells):
            return self._fault(9005)
        return Attributes(tuple(Attribute(name, self.cells[name].notification, ("Subscriber",)) for name in names))

    def _add(self, path: str, key: str) -> Answer:
        table = self.tables.get(path)
        if table is None:
            return self._fault(9005)
        used = {int(name[len(path) :].partition(".")[0]) for name in self.cells if name.startswith(path)}
        number = max(used, default=0) + 1
        for leaf, cell in table.items():
            self.cells[f"{path}{number}.{leaf}"] = replace(cell)
        self.keys.append(key)
        return Done("AddObject", self.moods.status, number)

    def _delete(self, path: str) -> Answer:
        gone = [name for name in self.cells if name.startswith(path)]
        if not gone or parent(path) not in self.tables:
            return self._fault(9005)
        for name in gone:
            del self.cells[name]
        return Done("DeleteObject", self.moods.status)

    def _spelled(self, name: str) -> str:
        name = name.removesuffix(".") if self.moods.dotless_objects else name
        root, dot, rest = name.partition(".")
        return f"{root}{dot}{rest.swapcase()}" if self.moods.other_case else name

    def _said(self, code: int) -> str:
        if not self.moods.talkative:
            return ""
        return f"{code}: " + " ".join(cell.value for cell in self.cells.values())

    def _fault(self, code: int) -> Fault:
        return Fault(code, self._said(code) or "Invalid parameter name")


class FakeLink:
    """One session of a CPE. Holds the contract of `drivers.cwmp.link.CpeLink`."""

    def __init__(self, links: "FakeLinks", contact: Contact, cpe: FakeCpe) -> None:
        self._links = links
        self._contact = contact
        self._cpe = cpe
        self._over = asyncio.Event()
        self.calling = False

    @property
    def contact(self) -> Contact:
        return self._contact

    @property
    def alive(self) -> bool:
        return not self._over.is_set()

    async def call(self, rpc: RecordedRpc, *, seconds: float = 30.0) -> Answer:  # noqa: ARG002
        if not self.alive:
            raise RouterUnreachable("The router has ended its session; nothing was sent.")
        self._links.received.append(Received(self._links.next_number(), rpc))
        request = decode(rpc.wire, sender="acs").message
        self.calling = True
        if self._links.on_call is not None:
            self._links.on_call(request)
        await asyncio.sleep(0)
        if self._links.silent:
            await self._over.wait()
        if not self.alive:
            raise RouterUnreachable("The router went away before it answered.")
        self.calling = False
        return self._cpe.answer(request)

    def release(self) -> None:
        self._end("released")

    def cut(self) -> None:
        self._end("cut")

    def hang_up(self) -> None:
        """The CPE closes the connection by itself."""
        self._end("hung up")

    def _end(self, how: str) -> None:
        if self.alive:
            self._over.set()
            self._links.happened.append(how)
            self._links.events = self._cpe.let_go() or self._links.events


@dataclass(frozen=True, slots=True)
class Received:
    """An RPC that reached the CPE, with the number that the shared sequence gave to that moment."""

    sequence: int
    rpc: RecordedRpc


@dataclass(kw_only=True)
class FakeLinks:
    """Hands out a CPE's sessions, one at a time. What the CPE is like is set by the fields, at any time."""

    cpes: Mapping[str, FakeCpe]
    """By router id."""
    root: str = TR181
    quirks: Quirks = STRICT
    reachable: bool = True
    silent: bool = False
    """Answers nothing more."""
    on_call: Callable[[Message], None] | None = None
    """Called with each RPC as it arrives."""
    next_number: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)
    """The sequence. An ordering test gives the same one to its journal."""
    events: tuple[Event, ...] = (Event("6 CONNECTION REQUEST"),)
    """Why it calls next."""
    received: list[Received] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    """`attached`, `released`, `cut`, `hung up`, in order."""
    links: list[FakeLink] = field(default_factory=list)

    async def attach(
        self, router_id: str, *, wanted: frozenset[str] = frozenset(), seconds: float = 60.0, wake: bool = True
    ) -> FakeLink:
        """As `drivers.cwmp.link.CpeLinks.attach`."""
        await asyncio.sleep(0)
        if wanted and not any(event.code in wanted for event in self.events):
            await asyncio.sleep(seconds)
            raise RouterUnreachable(f"The router did not call within {seconds:g} s.")
        if not self.reachable or router_id not in self.cpes:
            raise RouterUnreachable("It took no Connection Request." if wake else "It did not call.")
        device = DeviceId(oui="00D09E", product_class="Fake", serial="0001")
        inform = Inform(manufacturer="Fake", device=device, events=self.events)
        contact = Contact(
            router_id=router_id,
            device=device,
            root=self.root,
            namespace="urn:dslforum-org:cwmp-1-2",
            identity="tls-password",
            quirks=self.quirks,
            inform=inform,
        )
        self.events = (Event("6 CONNECTION REQUEST"),)
        self.happened.append("attached")
        link = FakeLink(self, contact, self.cpes[router_id])
        self.links.append(link)
        return link

    @property
    def methods(self) -> list[str]:
        """Names of the RPCs that arrived, in order."""
        return [item.rpc.method for item in self.received]


# --- trees ------------------------------------------------------------------------------------------------------------


def cells_of(text: str) -> dict[str, Cell]:
    """Cells from lines `name = value`, with `type`, `rw` and nothing else in between: `name type rw = value`."""
    found = {}
    for line in filter(None, (raw.strip() for raw in text.splitlines())):
        head, _, value = line.partition("=")
        name, *words = head.split()
        kinds = [word for word in words if word != "rw"]
        found[name] = Cell(value.strip(), f"xsd:{kinds[0] if kinds else 'string'}", "rw" in words)
    return found

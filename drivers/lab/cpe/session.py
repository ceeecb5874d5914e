"""One session of a CPE with its ACS, from Inform to the empty answer. Source: TR-069, 3.7.

Counterparts: `drivers.lab.cpe.http` carries it, `drivers.lab.cpe.rpcs` does what the ACS asks.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from drivers.lab.cpe import rpcs
from drivers.lab.cpe.http import Client, LostAcs, Response
from drivers.lab.cpe.soap import Letter, NotUnderstood, Pen, Received, read
from drivers.lab.cpe.state import VALUE_CHANGE, State, Transfer

_TIME: Final = "2026-11-23T10:00:00Z"
_RETRY: Final = "8005"
ODD_NAMESPACE: Final = "urn:dslforum-org:cwmp-1-3"

Note = Callable[[str, bytes], None]
"""Told of every message that arrived, before anything is done with it: its method (`?` if it has none) and body."""


@dataclass(slots=True)
class Session:
    """`run` it once."""

    state: State
    client: Client
    note: Note
    told: Callable[[list[tuple[str, str]]], None]
    """Told of the events of its Inform, once the ACS answered it."""
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _hold: bool = False
    _gone_early: bool = False

    @property
    def _pen(self) -> Pen:
        moods = self.state.config.moods
        return Pen(ODD_NAMESPACE if "odd-namespace" in moods else self.state.config.namespace, moods)

    async def run(self) -> None:
        """To its end. Raises `LostAcs` when it breaks off."""
        try:
            await self._inform()
            early = "transfer-complete-early" in self.state.config.moods
            if not self._hold and not early:
                await self._own_requests()
            await self._obey(early)
        finally:
            await self.client.close()

    async def _inform(self) -> None:
        state, pen = self.state, self._pen
        if state.changed:
            state.tell(VALUE_CHANGE)
        events = list(state.pending)
        answer = await self._ask("Inform", _inform(state, pen, events), "InformResponse")
        state.delivered(events)
        self.told(events)
        self._hold = answer.hold

    async def _own_requests(self) -> None:
        """What this CPE has to say itself."""
        for transfer in [one for one in self.state.transfers if one.state == 3]:
            content = _transfer_complete(self._pen, transfer)
            try:
                await self._ask("TransferComplete", content, "TransferCompleteResponse")
            except _AcsFault as fault:
                if fault.code == _RETRY:
                    continue
            self.state.transfers.remove(transfer)

    async def _obey(self, early: bool) -> None:
        """The ACS's turn."""
        answer = await self._post(Letter(b"", ""))
        while answer.status == 200 and answer.body.strip():
            rpc = self._read(answer)
            if rpc.method.endswith("Response") or rpc.method == "Fault":
                raise LostAcs(f"the ACS sent {rpc.method} when it was to ask")
            if early:
                await self._interrupt()
            try:
                letter = rpcs.answer(self.state, self._pen, rpc)
            except rpcs.Overwhelmed as error:
                self.client.cut()
                raise LostAcs("out of memory") from error
            answer = await self._post(letter)
        if answer.status not in (200, 204):
            raise LostAcs(f"the ACS answered {answer.status}")
        if early and any(one.state == 3 for one in self.state.transfers):
            await self._own_requests()

    async def _interrupt(self) -> None:
        """Ask something when asked."""
        if any(one.state == 3 for one in self.state.transfers):
            await self._own_requests()
        elif not self._gone_early:
            self._gone_early = True
            await self._ask("GetRPCMethods", "", "GetRPCMethodsResponse")

    async def _ask(self, method: str, content: str, wanted: str) -> Received:
        """A request of this CPE. Raises `LostAcs`, and its kind `_AcsFault`."""
        ident = f"{next(self._numbers)}"
        answer = self._read(await self._post(self._pen.letter(method, content, ident)))
        if answer.method == "Fault":
            detail = next((one for one in answer.element.iter() if str(one.tag).endswith("FaultCode")), None)
            raise _AcsFault("" if detail is None else str(detail.text or "").strip())
        if answer.method != wanted:
            raise LostAcs(f"the ACS answered {method} with {answer.method}")
        if answer.id != ident:
            raise LostAcs(f"the ACS answered id {ident} with id {answer.id!r}")
        return answer

    async def _post(self, letter: Letter) -> Response:
        answer = await self.client.post(letter.body, letter.content_type, length=letter.length)
        if answer.status == 503:
            after = answer.first("retry-after")
            raise LostAcs("the ACS is busy", retry_after=float(after) if after.isdigit() else None)
        return answer

    def _read(self, answer: Response) -> Received:
        if answer.status != 200:
            raise LostAcs(f"the ACS answered {answer.status}: {answer.body[:120]!r}")
        try:
            message = read(answer.body)
        except NotUnderstood as error:
            self.note("?", answer.body)
            raise LostAcs(str(error)) from error
        self.note(message.method, answer.body)
        if message.namespace not in (self._pen.namespace, "http://schemas.xmlsoap.org/soap/envelope/"):
            raise LostAcs(f"the ACS speaks {message.namespace}")
        return message


class _AcsFault(LostAcs):
    def __init__(self, code: str) -> None:
        super().__init__(f"the ACS answered with fault {code}")
        self.code = code


def _inform(state: State, pen: Pen, events: list[tuple[str, str]]) -> str:
    config, bare = state.config, "missing-fields" in pen.moods
    maker = config.manufacturer + ("ö" * 3 if pen.moods & _SPELLED else "")
    device = {
        "Manufacturer": maker,
        "OUI": config.oui,
        "ProductClass": config.product_class,
        "SerialNumber": config.serial,
    }
    told = (
        f"<EventStruct>{pen.tag('EventCode', code)}{'' if bare else pen.tag('CommandKey', key)}</EventStruct>"
        for code, key in events
    )
    names = [state.tree.root + one for one in _FORCED if state.tree.root + one in state.tree.leaves]
    names += sorted(state.changed - set(names))
    return "".join(
        (
            "<DeviceId>", *(pen.tag(name, value) for name, value in device.items()), "</DeviceId>",
            pen.array("Event", "EventStruct", told),
            pen.tag("MaxEnvelopes", 1),
            "" if bare else pen.tag("CurrentTime", _TIME),
            "" if bare else pen.tag("RetryCount", state.retries),
            pen.array("ParameterList", "ParameterValueStruct", (rpcs.value(state, pen, name) for name in names)),
        )
    )  # fmt: skip


def _transfer_complete(pen: Pen, transfer: Transfer) -> str:
    if "missing-fields" in pen.moods:
        return pen.tag("CommandKey", transfer.command_key)
    code, text = transfer.fault
    fault = f"<FaultStruct>{pen.tag('FaultCode', code)}{pen.tag('FaultString', text)}</FaultStruct>"
    times = pen.tag("StartTime", transfer.started) + pen.tag("CompleteTime", transfer.ended)
    return pen.tag("CommandKey", transfer.command_key) + fault + times


_SPELLED: Final = frozenset({"content-length-in-characters", "charset-latin1", "charset-utf16"})
"""Moods that show in letters beyond ASCII only."""
_FORCED: Final = (
    "RootDataModelVersion",
    "DeviceSummary",
    "DeviceInfo.SpecVersion",
    "DeviceInfo.HardwareVersion",
    "DeviceInfo.SoftwareVersion",
    "DeviceInfo.ProvisioningCode",
    "DeviceInfo.UpTime",
    "ManagementServer.ParameterKey",
    "ManagementServer.ConnectionRequestURL",
    "ManagementServer.PeriodicInformInterval",
)
"""In every Inform: those that the models force, and two that many CPEs add."""

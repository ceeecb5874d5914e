"""The seam to a CPE in a session. Counterparts: `drivers.cwmp.hub` gives links, `drivers.cwmp.driver` uses them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from audit.entry import Json
from audit.rpc import NewRpc, RecordedRpc
from drivers.cwmp.device import DeviceId
from drivers.cwmp.messages import Answer, Inform
from drivers.cwmp.quirks import Quirks

HOLD_SECONDS = 20.0
"""So long may a CPE wait for the next RPC; real ones give up after 30 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a CPE showed when its session began."""

    router_id: str
    device: DeviceId
    root: str
    """`Device.` (TR-181) or `InternetGatewayDevice.` (TR-098)."""
    namespace: str
    """The `cwmp:` namespace of its Inform; every answer uses the same."""
    identity: str
    """How it proved who it is: `tls-certificate`, `tls-password`, `plain-digest` or `plain-basic`."""
    quirks: Quirks
    inform: Inform = field(repr=False)


class CpeLink(Protocol):
    """A CPE that waits for an RPC. MUST NOT be given any byte of an RPC but that of a `RecordedRpc`."""

    @property
    def contact(self) -> Contact: ...

    async def call(self, rpc: RecordedRpc, *, seconds: float = 30.0) -> Answer:
        """Send one RPC and wait for its answer (a `Fault` is an answer). Raises `RouterUnreachable` when the CPE is
        gone or silent, and then the link is over."""
        ...

    @property
    def alive(self) -> bool:
        """Whether the CPE still waits."""
        ...

    def release(self) -> None:
        """Nothing more for now: the CPE gets its 204 and closes. Safe to call twice."""
        ...

    def cut(self) -> None:
        """Cut the TCP connection now. Safe to call twice."""
        ...


class CpeLinks(Protocol):
    """Where consoles get links."""

    async def attach(
        self, router_id: str, *, wanted: frozenset[str] = frozenset(), seconds: float = 60.0, wake: bool = True
    ) -> CpeLink:
        """The CPE's link, for one console at a time: its present session, or the next one, for which it is woken by a
        Connection Request if `wake`. `wanted`: only a session whose Inform has one of these event codes.

        Raises `RouterUnreachable` with what was tried and when the CPE is expected (its periodic Inform).
        """
        ...


class RpcJournal(Protocol):
    """Where RPCs are recorded before they are sent; `gateway.cwmp.recording` implements it over `audit.journal`."""

    async def record(self, rpc: NewRpc) -> RecordedRpc:
        """Durable. Raises `RecordRefused` (the consent or session ended), `RecordFailed`."""
        ...

    async def answered(self, rpc: RecordedRpc, facts: Mapping[str, Json], kept: Mapping[str, Json]) -> None:
        """The answer, recorded before it is shown. `facts`: code of a fault, counts; `kept` (sealed): names, values
        with secrets already masked. Raises `RecordFailed`."""
        ...

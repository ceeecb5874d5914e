"""`NewRpc`, a CWMP RPC that is to be recorded, and `RecordedRpc`, the proof that it was.

A CPE is given an RPC only in the form of a `RecordedRpc` (`drivers.cwmp.link.CpeLink.call`), and only `audit.journal`
makes one, after the entry is durable. Counterpart of `audit.command` for routers without a command line.
"""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Final, Literal

from audit._mint import KEY
from audit.entry import Json
from config.records import record

RpcPurpose = Literal["command", "keepalive", "undo", "machine"]
"""Why an RPC is sent: for a rep's command; to keep a held CPE waiting; to undo what must not outlive the consent;
for the provider's own ACS or the gateway itself, with no rep."""

CLAIMING: Final[frozenset[RpcPurpose]] = frozenset({"command", "keepalive"})
"""Purposes that rely on a consent: without it, nothing of the kind is sent."""


@record(kw_only=True)
class NewRpc:
    """An RPC that policy allowed, ready to be recorded.

    `wire` (the whole envelope) may hold secrets and is never stored. `kept` is for the record: names and values,
    secrets in them already masked. With a session it is refused like a command once the consent or the
    session has ended, or after `deadline`; purposes `undo` and `machine` belong to no consent and are never refused.
    """

    rpc_id: str
    """The envelope's cwmp:ID."""
    method: str
    wire: bytes = field(repr=False)
    purpose: RpcPurpose
    subscriber: str | None = None
    """Whom the router belongs to, for an RPC outside a session."""
    session: str | None = None
    consent_ref: str | None = None
    deadline: datetime | None = None
    """None: the end of the consent or session alone counts. A command was recorded before its own; what runs longer is
    cut when the session ends, as on any router."""
    of: int | None = None
    """Number, in the session's chain, of the command that it carries out."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    """Counts and rule ids; not personal."""
    kept: Mapping[str, Json] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRpc:
    """Proof that an RPC's entry is durable. MUST be sent at most once, unchanged, to the CPE it was made for."""

    rpc_id: str
    method: str
    wire: bytes = field(repr=False)
    purpose: RpcPurpose
    session: str | None
    consent_ref: str | None
    subscriber: str | None
    entry_index: int
    n: int | None
    generation: int
    mint: InitVar[object]

    def __post_init__(self, mint: object) -> None:
        if mint is not KEY:
            raise TypeError("RecordedRpc is made by audit.journal only")

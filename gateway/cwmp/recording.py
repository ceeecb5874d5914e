"""What is recorded of CPEs and of RPCs: facts that are not personal, and the sealed rest.

Two sides. `RpcRecord` implements `drivers.cwmp.link.RpcJournal`: durable before an RPC is sent, and again before its
answer is shown to a person. `CpeRecord` is what the listener tells: Informs, refusals, violations, events. Device keys,
addresses and parameter names are personal; they are sealed, under the subscriber of the router where it is known.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from audit.entry import Json, Kind, NewEntry, token
from audit.errors import RecordRefused
from audit.journal import Journal
from audit.rpc import NewRpc, RecordedRpc
from drivers.cwmp.known import KnownCpe

MOST_EVENTS = 16
"""Event codes of one Inform that stand in its entry."""
_NUMBERED = (
    "BOOTSTRAP", "BOOT", "PERIODIC", "SCHEDULED", "VALUE CHANGE", "KICKED", "CONNECTION REQUEST", "TRANSFER COMPLETE",
    "DIAGNOSTICS COMPLETE", "REQUEST DOWNLOAD", "AUTONOMOUS TRANSFER COMPLETE", "DU STATE CHANGE COMPLETE",
    "AUTONOMOUS DU STATE CHANGE COMPLETE", "WAKEUP",
)  # fmt: skip
_METHODS = ("Reboot", "ScheduleInform", "Download", "ScheduleDownload", "Upload", "ChangeDUState")
_STANDARD = frozenset((*(f"{n} {name}" for n, name in enumerate(_NUMBERED)), *(f"M {name}" for name in _METHODS)))
"""Event codes of TR-069, 3.7.1.5. Any other is the CPE's own text: a head, which is never erased, says `other`."""


class RpcRecord:
    """`RpcJournal` over the evidence."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def record(self, rpc: NewRpc) -> RecordedRpc:
        """Durable, and its consent has not ended since. Raises `RecordRefused`, `RecordFailed`, `Overloaded`."""
        recorded = await self._journal.append_rpc(rpc)
        ended = self._journal.why_rpc_ended(recorded)
        if ended is not None:
            raise RecordRefused(ended)
        return recorded

    async def answered(self, rpc: RecordedRpc, facts: Mapping[str, Json], kept: Mapping[str, Json]) -> None:
        """The answer to a recorded RPC. Raises `RecordFailed`; `RecordRefused` if its session was closed meanwhile.

        Durable when it returns; where no rep is shown it (purpose `machine`), in order and with the next entry: the
        next RPC does not leave before.
        """
        chained = rpc.n is not None
        entry = NewEntry(
            kind=Kind.RPC_RESULT,
            session=rpc.session if chained else None,
            consent_ref=rpc.consent_ref if chained else None,
            subscriber=None if chained else rpc.subscriber,
            facts={**({"of": rpc.n} if chained else {"entry": rpc.entry_index}), **facts},
            sealed={"out": kept} if kept else {},
        )
        if rpc.purpose == "machine":
            self._journal.append_along(entry)
        else:
            await self._journal.append(entry)


class CpeJournal(Protocol):
    """What the listener and the modes tell of CPEs. What only informs is queued in order, not waited for."""

    def inform(
        self, cpe: KnownCpe, *, identity: str, address: str, events: Sequence[str], retries: int, unrecorded: int = 0
    ) -> None:
        """An authenticated Inform. `unrecorded` ones of it were passed over before, for there were too many.

        Raises `RecordFailed` when nothing can be recorded any more.
        """
        ...

    def refused(self, why: str, *, device: str, address: str, cpe: KnownCpe | None = None, count: int = 1) -> None:
        """Somebody who is not known, or proved nothing. `why`: `unknown`, `credentials`, `certificate`, `weak`, …"""
        ...

    def violation(self, what: str, *, address: str, cpe: KnownCpe | None = None, detail: str = "") -> None:
        """The protocol was broken, and the connection closed. `detail` is sealed."""
        ...

    async def event(self, what: str, cpe: KnownCpe, *, session: str | None, detail: Mapping[str, Json]) -> None:
        """What a session had set going came to its end; durable. `detail` is sealed."""
        ...

    async def blocked(self, cpe: KnownCpe, *, method: str, rule: str, detail: Mapping[str, Json]) -> None:
        """An RPC of the provider's ACS that the machine profile refused; durable. `detail` is sealed."""
        ...


class CpeRecord:
    """`CpeJournal` over the evidence."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def inform(
        self, cpe: KnownCpe, *, identity: str, address: str, events: Sequence[str], retries: int, unrecorded: int = 0
    ) -> None:
        codes: list[Json] = [token(event_code(code)) for code in events[:MOST_EVENTS]]
        own: list[Json] = [code[:128] for code in events[:MOST_EVENTS] if code not in _STANDARD]
        self._journal.append_along(
            NewEntry(
                kind=Kind.CPE_INFORM,
                subscriber=cpe.subscriber_ref,
                facts={
                    "identity": token(identity),
                    "events": codes,
                    "retries": retries,
                    **({"unrecorded": unrecorded} if unrecorded else {}),
                },
                sealed={
                    "subj": {"router": cpe.router_name, "device": cpe.device_key},
                    "who": {"source": address},
                    **({"act": {"events": own}} if own else {}),
                },
            )
        )

    def refused(self, why: str, *, device: str, address: str, cpe: KnownCpe | None = None, count: int = 1) -> None:
        self._journal.append_along(
            NewEntry(
                kind=Kind.CPE_REFUSED,
                subscriber=None if cpe is None else cpe.subscriber_ref,
                facts={"why": token(why), "count": count},
                sealed={"who": {"source": address, "device": device[:256]}},
            )
        )

    def violation(self, what: str, *, address: str, cpe: KnownCpe | None = None, detail: str = "") -> None:
        self._journal.append_along(
            NewEntry(
                kind=Kind.CPE_VIOLATION,
                subscriber=None if cpe is None else cpe.subscriber_ref,
                facts={"why": token(what)},
                sealed={"who": {"source": address}, "act": {"detail": detail[:512]}},
            )
        )

    async def event(self, what: str, cpe: KnownCpe, *, session: str | None, detail: Mapping[str, Json]) -> None:
        facts: dict[str, Json] = {"what": token(what)}
        if session is not None:
            facts["session"] = session
        await self._append(Kind.CPE_EVENT, cpe, facts, detail)

    async def blocked(self, cpe: KnownCpe, *, method: str, rule: str, detail: Mapping[str, Json]) -> None:
        await self._append(Kind.RPC_BLOCKED, cpe, {"method": token(method), "rule": token(rule)}, detail)

    async def _append(self, kind: Kind, cpe: KnownCpe, facts: Mapping[str, Json], detail: Mapping[str, Json]) -> None:
        await self._journal.append(
            NewEntry(
                kind=kind,
                subscriber=cpe.subscriber_ref,
                facts=facts,
                sealed={"subj": {"router": cpe.router_name}, "act": dict(detail)},
            )
        )


def event_code(code: str) -> str:
    """An event code, if it is none that the CPE invented."""
    return code if code in _STANDARD else "other"

"""Legal holds: what must not be erased, by whose word, until two persons let it go.

A hold counts from the moment its keys are marked; it is recorded right after. At every start the key store is brought
in line with the log (`audit.retention.again`). Counterparts: `gateway.evidence.reach` knows what else is held by it,
`audit.keys.store` refuses to destroy what is held, `gateway.evidence.erasure` and `gateway.evidence.retention` meet the
refusal.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from audit.entry import Json, Kind, NewEntry
from audit.errors import KeyUnavailable, RecordFailed, SealBroken
from audit.journal import Journal
from audit.keys.store import HeldThing
from audit.reader import EvidenceReader, StoredEntry
from audit.retention.again import held_things
from config.ids import is_id, new_id
from gateway.access.identity import Authenticated
from gateway.errors import BadRequest, NotAllowed
from gateway.evidence.approvals import Approval, Approvals
from gateway.evidence.reach import FACTS, Reach, facts_of

ROLES: Final = frozenset({"operator", "supervisor", "auditor"})
MOST: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One hold. `released_at` is none while it stands."""

    id: str
    things: tuple[HeldThing, ...]
    set_by: str
    """Principal id."""
    set_at: datetime
    authority: str = field(repr=False)
    reference: str = field(repr=False)
    released_at: datetime | None = None


class Holds:
    """The use cases of one log."""

    def __init__(self, journal: Journal, approvals: Approvals, reach: Reach) -> None:
        self._journal = journal
        self._approvals = approvals
        self._reach = reach

    async def set(
        self, auth: Authenticated, things: Sequence[HeldThing], *, authority: str, reference: str, reason: str
    ) -> str:
        """Keep these, and what belongs to them, from being erased, from now on; the hold's id.

        One person is enough: holding destroys nothing.
        Raises `NotAllowed`, `BadRequest`, `RecordFailed`.
        """
        _check_role(auth)
        things = list(dict.fromkeys(things))
        if not 0 < len(things) <= MOST or not all(kind in FACTS and is_id(name) for kind, name in things):
            raise BadRequest(f"Name 1 to {MOST} sessions, consents, subscribers or key sets by their ids.")
        if not all(0 < len(text.strip()) <= 1000 for text in (authority, reference, reason)):
            raise BadRequest("A hold names the authority, its reference and the reason, at most 1000 characters each.")
        hold = new_id()
        async with self._reach.turn:
            things = await self._reach.of(things)
            await asyncio.to_thread(self._mark, hold, things)
            try:
                for entry in _entries(auth, hold, things, authority, reference, reason):
                    await self._journal.append(entry)
            except RecordFailed:
                await asyncio.to_thread(self._unmark, hold)
                raise
        return hold

    async def ask_release(self, auth: Authenticated, hold: str, reason: str) -> str:
        """Ask for the end of a hold; the approval's id. Raises `NotAllowed`, `BadRequest`."""
        _check_role(auth)
        if all(one.id != hold or one.released_at is not None for one in await self.all(auth)):
            raise BadRequest("There is no such hold that still stands.")
        return await self._approvals.ask("hold.release", auth.principal, {"hold": hold}, reason)

    async def approve_release(self, auth: Authenticated, approval_id: str, reason: str = "") -> Approval:
        """The second person agrees: the hold ends. Raises `NotAllowed`, `RecordFailed`."""
        await self._approvals.refresh()
        if self._approvals.get(approval_id).act != "hold.release":
            raise NotAllowed(f"Approval {approval_id} is for another act.")
        given = await self._approvals.approve(approval_id, auth.principal, reason)
        await self._release(given)
        return self._approvals.get(approval_id)

    async def all(self, auth: Authenticated) -> list[Hold]:
        """Every hold that was ever set, oldest first. Raises `NotAllowed`."""
        _check_role(auth)
        return await asyncio.to_thread(self._read)

    async def finish(self) -> int:
        """Do the releases that were approved and not finished; how many there were."""
        unfinished = self._approvals.unfinished("hold.release")
        for approval in unfinished:
            await self._release(approval)
        return len(unfinished)

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _release(self, approval: Approval) -> None:
        """On record first: at a start the key store follows the log."""
        hold = str(approval.subject["hold"])
        facts: dict[str, Json] = {"hold": hold, "approval": approval.id, "by": [*approval.by]}
        async with self._reach.turn:
            await self._journal.append(NewEntry(kind=Kind.HOLD_RELEASE, facts=facts))
            self._approvals.spend(approval.id)
            await asyncio.to_thread(self._unmark, hold)

    def _mark(self, hold: str, things: Sequence[HeldThing]) -> None:
        self._journal.between(lambda _, keys, __: keys.hold(hold, things))

    def _unmark(self, hold: str) -> None:
        self._journal.between(lambda _, keys, __: keys.release(hold))

    def _read(self) -> list[Hold]:
        found: dict[str, Hold] = {}
        with closing(self._journal.reader()) as reader:
            for entry in reader.of_kinds({Kind.HOLD_SET, Kind.HOLD_RELEASE}):
                _take(reader, entry, found)
        return list(found.values())


def _take(reader: EvidenceReader, entry: StoredEntry, found: dict[str, Hold]) -> None:
    name = str(entry.facts["hold"])
    known = found.get(name)
    if entry.kind is Kind.HOLD_SET:
        words = _words(reader, entry)
        found[name] = Hold(
            id=name,
            things=(*(known.things if known else ()), *held_things(entry.head)),
            set_by=known.set_by if known else str(entry.facts.get("by", "")),
            set_at=known.set_at if known else entry.time,
            authority=known.authority if known else words.get("authority", ""),
            reference=known.reference if known else words.get("reference", ""),
        )
    elif known is not None:
        found[name] = Hold(
            id=name,
            things=known.things,
            set_by=known.set_by,
            set_at=known.set_at,
            authority=known.authority,
            reference=known.reference,
            released_at=entry.time,
        )


def _words(reader: EvidenceReader, entry: StoredEntry) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in reader.sealed(entry.index, "act").items()}
    except (KeyUnavailable, SealBroken):
        return {}


def _entries(
    auth: Authenticated, hold: str, things: Sequence[HeldThing], authority: str, reference: str, reason: str
) -> Iterator[NewEntry]:
    act: dict[str, Json] = {"authority": authority, "reference": reference, "reason": reason}
    for facts in facts_of(hold, auth.principal.id, things):
        yield NewEntry(
            kind=Kind.HOLD_SET,
            facts=facts,
            sealed={"who": {"id": auth.principal.id, "name": auth.principal.name}, "act": act},
        )


def _check_role(auth: Authenticated) -> None:
    if auth.principal.role not in ROLES:
        raise NotAllowed("Your role may not see or set holds.")

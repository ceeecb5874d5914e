"""Acts that take two persons: asked for by one, approved or refused by another, each step on record before it counts.

The log is the only memory: what is pending is rebuilt from the `approval.*` entries at start, so an approval cannot be
forged in a table, and a restored backup knows no more than its log. Of several decisions, whichever workers took them,
the first in the log counts. Counterparts: `gateway.evidence.erasure`, `gateway.evidence.holds` and
`gateway.evidence.reading`, which do what was approved.
"""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal, cast, get_args

from audit.entry import Json, Kind, NewEntry
from audit.errors import KeyUnavailable, SealBroken
from audit.journal import Journal
from audit.reader import EvidenceReader, StoredEntry
from audit.store import kind_mark
from config.clock import Clock
from config.ids import is_id, new_id
from gateway.access.identity import Principal, Role
from gateway.errors import BadRequest, NotAllowed

Act = Literal["erase", "hold.release", "unseal", "log.rotate"]
ApprovalState = Literal["asked", "given", "refused", "lapsed", "used"]

MAY_ASK: Final[Mapping[Act, frozenset[Role]]] = {
    "erase": frozenset({"operator", "supervisor", "auditor"}),
    "hold.release": frozenset({"operator", "supervisor", "auditor"}),
    "unseal": frozenset({"operator", "supervisor", "auditor", "reviewer"}),
    "log.rotate": frozenset({"operator", "supervisor", "auditor"}),
}
"""Who may ask for an act, and who may approve it: the same roles, two different persons. Never a machine or a rep."""

LONGEST_REASON: Final = 1000

KINDS: Final = frozenset({Kind.APPROVAL_ASKED, Kind.APPROVAL_GIVEN, Kind.APPROVAL_REFUSED})
USES: Final = frozenset({Kind.ERASE_DONE, Kind.HOLD_RELEASE, Kind.LOG_ROTATE})
"""Kinds that use an approval up, by their fact `approval`."""

SCHEDULE: Final = "schedule"
"""Stands for nobody in `by`: an approval that lapsed, an expiry by retention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One act that takes two persons, and where it stands. `subject` is what exactly was asked for."""

    id: str
    act: Act
    state: ApprovalState
    subject: Mapping[str, Json] = field(repr=False)
    reason: str = field(repr=False)
    asked_by: str
    """Principal id."""
    asked_at: datetime
    lapses_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def by(self) -> list[str]:
        """The principals who asked and who decided."""
        return [self.asked_by] if self.decided_by is None else [self.asked_by, self.decided_by]


class Approvals:
    """All approvals of one log. One instance a worker; used from its event loop."""

    def __init__(self, journal: Journal, clock: Clock, *, hours: int = 72) -> None:
        """`hours`: so long an asked approval waits, and so long a given one may be used."""
        self._journal = journal
        self._clock = clock
        self._patience = timedelta(hours=hours)
        self._known: dict[str, Approval] = {}
        self._deciding: dict[str, int] = {}
        """Index of the entry that decided, by approval."""
        self._seen = 0
        self._turn, self._learning = asyncio.Lock(), asyncio.Lock()

    @classmethod
    async def open(cls, journal: Journal, clock: Clock, *, hours: int = 72) -> "Approvals":
        """With everything the log says. Raises `LogDamaged`."""
        approvals = cls(journal, clock, hours=hours)
        await approvals.refresh()
        return approvals

    async def refresh(self) -> None:
        """Learn what was recorded since, by other workers too. Raises `LogDamaged`."""
        async with self._learning:
            found, self._seen = await asyncio.to_thread(self._read, self._seen)
            for entry, asked in found:
                self._take(entry, asked)

    async def ask(self, act: Act, who: Principal, subject: Mapping[str, Json], reason: str) -> str:
        """Put on record that `who` wants the act done; the approval's id. Raises `NotAllowed`, `BadRequest`."""
        _check_person(act, who)
        approval = Approval(
            id=new_id(),
            act=act,
            state="asked",
            subject=dict(subject),
            reason=_checked(reason),
            asked_by=who.id,
            asked_at=self._clock.now(),
            lapses_at=self._clock.now() + self._patience,
        )
        content: dict[str, Json] = {"subject": dict(subject), "reason": approval.reason}
        await self._record(Kind.APPROVAL_ASKED, approval, who, content)
        self._known[approval.id] = approval
        return approval.id

    async def approve(self, approval_id: str, who: Principal, reason: str = "") -> Approval:
        """The second person agrees. Raises `NotAllowed`: unknown, not pending, not theirs to give, or the same person.

        Durable when it returns; only then may the act be begun.
        """
        return await self._decide(approval_id, who, reason, "given")

    async def refuse(self, approval_id: str, who: Principal, reason: str = "") -> Approval:
        """Somebody does not agree; who asked may also take it back. Raises `NotAllowed`."""
        return await self._decide(approval_id, who, reason, "refused")

    def given(self, approval_id: str, act: Act | None = None) -> Approval:
        """The approval, if it was given, is for `act`, was not used and has not lapsed. Raises `NotAllowed`."""
        approval = self.get(approval_id)
        if act is not None and approval.act != act:
            raise NotAllowed(f"Approval {approval_id} is for another act ({approval.act}).")
        if approval.state != "given":
            raise NotAllowed(f"Approval {approval_id} cannot be used: it is {approval.state}.")
        return approval

    def get(self, approval_id: str) -> Approval:
        """As it stands now. Raises `NotAllowed` if there is none."""
        found = self._known.get(approval_id)
        if found is None:
            raise NotAllowed("There is no such approval.")
        return self._now(found)

    def pending(self) -> list[Approval]:
        """Those that wait for the second person, oldest first."""
        return [approval for approval in self.all() if approval.state == "asked"]

    def all(self) -> list[Approval]:
        """All that the log knows, oldest first."""
        return sorted(map(self._now, self._known.values()), key=lambda approval: (approval.asked_at, approval.id))

    def unfinished(self, act: Act) -> list[Approval]:
        """Given and not used: an act that was approved and not finished. They do not lapse for this question."""
        return [a for a in self._known.values() if a.act == act and a.state == "given"]

    def spend(self, approval_id: str) -> None:
        """The act was done, and its own entry is durable: the approval cannot be used again."""
        self._known[approval_id] = replace(self._known[approval_id], state="used")

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _decide(
        self, approval_id: str, who: Principal, reason: str, state: Literal["given", "refused"]
    ) -> Approval:
        async with self._turn:
            await self.refresh()
            approval = self.get(approval_id)
            _check_person(approval.act, who)
            if approval.state == "lapsed" and self._known[approval_id].state == "asked":
                await self._lapse(approval)
            if approval.state != "asked":
                raise NotAllowed(f"Approval {approval_id} was decided already: it is {approval.state}.")
            if state == "given" and who.id == approval.asked_by:
                raise NotAllowed("Another person than the one who asked has to approve.")
            kind = Kind.APPROVAL_GIVEN if state == "given" else Kind.APPROVAL_REFUSED
            index = await self._record(kind, approval, who, {"reason": _checked(reason, needed=False)})
            await self.refresh()
            if self._deciding.get(approval_id) != index:
                raise NotAllowed(f"Approval {approval_id} was decided already, by another in the same moment.")
            return self._known[approval_id]

    async def _lapse(self, approval: Approval) -> None:
        facts: dict[str, Json] = {"approval": approval.id, "act": approval.act, "by": SCHEDULE, "why": "lapsed"}
        await self._journal.append(NewEntry(kind=Kind.APPROVAL_REFUSED, facts=facts))
        self._known[approval.id] = approval

    async def _record(self, kind: Kind, approval: Approval, who: Principal, content: Mapping[str, Json]) -> int:
        """Index of the entry."""
        recorded = await self._journal.append(
            NewEntry(
                kind=kind,
                facts={"approval": approval.id, "act": approval.act, "by": who.id},
                sealed={"who": {"id": who.id, "name": who.name}, "act": content},
            )
        )
        return recorded.index

    def _now(self, approval: Approval) -> Approval:
        lapsed = approval.state in {"asked", "given"} and self._clock.now() >= approval.lapses_at
        return replace(approval, state="lapsed") if lapsed else approval

    def _read(self, low: int) -> tuple[list[tuple[StoredEntry, Approval | None]], int]:
        """What is to be learnt from index `low` on, and up to where that was read."""
        marks = [kind_mark(kind.value) for kind in KINDS | USES]
        with closing(self._journal.reader()) as reader:
            size = reader.size
            if low:
                rows = reader.rows.entries(low, size)
                indexes = [row.index for row in rows if any(mark in row.head for mark in marks)]
                entries = [reader.entry(index) for index in indexes]
            else:  # the store looks for them: there may be a million others
                entries = list(reader.of_kinds(KINDS | USES))
            wanted = [entry for entry in entries if entry.kind in KINDS | USES]
            asked = [self._asked(reader, one) if one.kind is Kind.APPROVAL_ASKED else None for one in wanted]
        return list(zip(wanted, asked, strict=True)), size

    def _take(self, entry: StoredEntry, asked: Approval | None) -> None:
        """One entry, in the log's order. What is known of it already changes nothing."""
        name = str(entry.facts.get("approval", ""))
        known = self._known.get(name)
        if asked is not None:
            self._known.setdefault(name, asked)
        elif known is None:
            return
        elif entry.kind in USES:
            if entry.facts.get("part", 0) == int(str(entry.facts.get("parts", 1))) - 1:
                self.spend(name)
        elif known.state == "asked" and (decided := _decided(known, entry, self._patience)) is not known:
            self._known[name] = decided
            self._deciding[name] = entry.index

    def _asked(self, reader: EvidenceReader, entry: StoredEntry) -> Approval:
        """An approval whose content cannot be opened any more cannot be decided any more either."""
        try:
            content: dict[str, Json] | None = reader.sealed(entry.index, "act")
        except (KeyUnavailable, SealBroken):
            content = None
        subject = (content or {}).get("subject")
        return Approval(
            id=str(entry.facts["approval"]),
            act=_act(entry),
            state="asked" if content is not None else "lapsed",
            subject=subject if isinstance(subject, dict) else {},
            reason=str((content or {}).get("reason", "")),
            asked_by=str(entry.facts["by"]),
            asked_at=entry.time,
            lapses_at=entry.time + self._patience,
        )


def _decided(known: Approval, entry: StoredEntry, patience: timedelta) -> Approval:
    by = str(entry.facts["by"])
    if entry.facts.get("why") == "lapsed":
        return replace(known, state="lapsed")
    if entry.kind is Kind.APPROVAL_REFUSED:
        return replace(known, state="refused", decided_by=by, decided_at=entry.time)
    if by == known.asked_by:
        return known  # no log that this program wrote says so; it does not count
    return replace(known, state="given", decided_by=by, decided_at=entry.time, lapses_at=entry.time + patience)


def _act(entry: StoredEntry) -> Act:
    act = entry.facts.get("act")
    return cast("Act", act if act in get_args(Act) else "unseal")


def _check_person(act: Act, who: Principal) -> None:
    if who.role not in MAY_ASK[act] or who.disabled or not is_id(who.id):
        raise NotAllowed(f"Your role may neither ask for nor decide this ({act}).")


def _checked(reason: str, *, needed: bool = True) -> str:
    reason = reason.strip()
    if (needed and not reason) or len(reason) > LONGEST_REASON:
        raise BadRequest(f"Give a reason of at most {LONGEST_REASON} characters; it is kept, sealed.")
    return reason

"""Erasure of a person, a router, a consent or a session: planned, asked for, approved by another person, carried out.

What is approved is exactly what was shown: the key sets are frozen when the erasure is asked for. An approved erasure
that a crash or a hold stopped is taken up again at every start (`finish`). Counterparts: `audit.retention.erasure`
destroys, `gateway.evidence.approvals` keeps who agreed, `gateway.evidence.holds` stands in the way.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, get_args

import structlog

from audit.entry import Json
from audit.erased import words
from audit.errors import AuditError, KeyHeld
from audit.journal import Journal
from audit.keys.store import RECORDING, StoredKeys
from audit.keys.store import SubjectKind as KeySubject
from audit.reader import EvidenceReader
from audit.retention.ciphertext import sealed_under
from audit.retention.erasure import Erased, Eraser, Erasure
from audit.retention.purge import Purgeable
from config.ids import is_id
from gateway.access.identity import Authenticated
from gateway.errors import BadRequest, NotAllowed, Unavailable
from gateway.evidence.approvals import MAY_ASK, Approval, Approvals
from gateway.evidence.persons import Found, Persons, Subject, SubjectKind
from gateway.evidence.reach import Reach

log = structlog.get_logger("evidence")

COMPARTMENTS: Final = ("who", "subj", "act", "out", RECORDING)
OF_SESSIONS: Final = ("subj", "act", "out", RECORDING)
"""What is erased of a session unless told otherwise: not `who`, which is the rep."""

MOST_KEY_SETS: Final = 20_000
_BASIS: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An erasure as somebody asks for it."""

    subject: Subject
    basis: str
    """A token, for example `gdpr-17`."""
    compartments: tuple[str, ...] = OF_SESSIONS
    """Of sessions; of consents everything goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePlan:
    """What an erasure would destroy, and what stands in its way."""

    keys: Mapping[str, tuple[str, ...]] = field(repr=False)
    sessions: tuple[str, ...]
    consents: tuple[str, ...]
    entries: int
    """That lose something. Their heads stay."""
    ciphertexts: int
    chunks: int
    contacts: int
    routers: tuple[str, ...] = field(repr=False)
    """Names that leave the inventory."""
    subscriber: str | None
    holds: tuple[str, ...]
    """Ids of the holds that forbid it."""
    living: tuple[str, ...]
    """Sessions and consents that have not ended, which forbids it too."""

    @property
    def possible(self) -> bool:
        """Whether it may be asked for now."""
        return not self.holds and not self.living and bool(self.keys)


class Erasures:
    """The use cases of one log. One instance a worker."""

    def __init__(
        self,
        journal: Journal,
        approvals: Approvals,
        persons: Persons,
        purgeable: Sequence[Purgeable] = (),
        *,
        eraser: Eraser | None = None,
        reach: Reach,
    ) -> None:
        self._journal = journal
        self._approvals = approvals
        self._persons = persons
        self._reach = reach
        self._eraser = eraser or Eraser(journal, purgeable)
        self._turn = asyncio.Lock()

    async def plan(self, auth: Authenticated, wanted: Wanted) -> ErasurePlan:
        """What would be destroyed; destroys nothing. Raises `NotAllowed`, `BadRequest`."""
        if auth.principal.role not in MAY_ASK["erase"]:
            raise NotAllowed("Your role may not erase evidence.")
        return await self._plan(wanted)

    async def ask(self, auth: Authenticated, wanted: Wanted, reason: str) -> tuple[str, ErasurePlan]:
        """Ask for it: the approval's id, and what exactly was asked for.

        Raises `NotAllowed`, `BadRequest` (nothing is known of the subject, or it still lives), `Unavailable` (a hold).
        """
        plan = await self.plan(auth, wanted)
        _check(plan)
        subject: dict[str, Json] = {
            "kind": wanted.subject.kind,
            "id": wanted.subject.id,
            "basis": wanted.basis,
            "keys": {name: [*compartments] for name, compartments in plan.keys.items()},
            "consents": [*plan.consents],
            "subscriber": plan.subscriber or "",
            "sessions": [*plan.sessions],
            "beside": [plan.contacts, len(plan.routers)],
        }
        return await self._approvals.ask("erase", auth.principal, subject, reason), plan

    async def approve(self, auth: Authenticated, approval_id: str, reason: str = "") -> Erased:
        """The second person agrees, and it is done. Raises `NotAllowed`, `Unavailable` (a hold), `RecordFailed`."""
        async with self._turn:
            await self._approvals.refresh()
            approval = self._approvals.get(approval_id)
            if approval.act != "erase":
                raise NotAllowed(f"Approval {approval_id} is for another act ({approval.act}).")
            # Asked before the approval is given: what is held is refused and not left half approved.
            await self._reach.widen()
            await self._check_unchanged(approval)
            holds = await asyncio.to_thread(self._holds, frozen_keys(approval))
            if holds:
                raise Unavailable(str(KeyHeld(holds[0])))
            given = await self._approvals.approve(approval_id, auth.principal, reason)
            try:
                return await self._run(given)
            except KeyHeld as error:
                raise Unavailable(f"{error} The erasure is approved and is tried again at every start.") from error

    def all(self, auth: Authenticated) -> list[Approval]:
        """Every erasure that was asked for. Raises `NotAllowed`."""
        if auth.principal.role not in MAY_ASK["erase"]:
            raise NotAllowed("Your role may not see erasures.")
        return [approval for approval in self._approvals.all() if approval.act == "erase"]

    async def finish(self) -> int:
        """Do what was approved and not finished, before anything is served; how many were.

        What a hold forbids stays approved and is tried again at the next start. Raises `RecordFailed`.
        """
        done = 0
        for approval in self._approvals.unfinished("erase"):
            try:
                await self._run(approval)
                done += 1
            except KeyHeld as error:
                log.warning("erasure_held", approval=approval.id, hold=error.hold)
        return done

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _run(self, approval: Approval) -> Erased:
        subject = approval.subject
        subscriber = str(subject.get("subscriber") or "") or None
        erasure = Erasure(
            keys=frozen_keys(approval),
            basis=str(subject["basis"]),
            by=tuple(approval.by),
            approval=approval.id,
            subscriber=subscriber,
        )
        consents = words(subject.get("consents"))
        loop = asyncio.get_running_loop()

        def state() -> None:
            work = self._persons.erase(consents=consents, subscriber=subscriber)
            asyncio.run_coroutine_threadsafe(work, loop).result()

        erased = await asyncio.to_thread(self._eraser.run, erasure, state)
        self._approvals.spend(approval.id)
        log.info("erased", approval=approval.id, count=erased.deleted)
        return erased

    async def _check_unchanged(self, approval: Approval) -> None:
        """What stands beside the log goes by subscriber, so nothing may have come to them that was not shown."""
        asked = approval.subject
        if approval.state != "asked" or not asked.get("subscriber"):
            return
        found = await self._persons.find(Subject("subscriber", str(asked["subscriber"])))
        if found is None:
            return
        names = {one.id for one in found.consents}
        beside = [found.contacts, len(found.routers)]
        if not names <= set(words(asked.get("consents"))) or asked.get("beside", beside) != beside:
            raise BadRequest(
                "Since this erasure was asked for, a consent, a contact or a router of the same subscriber was added "
                "or changed. Refuse it, look at the plan, and ask again."
            )

    async def _plan(self, wanted: Wanted) -> ErasurePlan:
        subject = wanted.subject
        if subject.kind not in get_args(SubjectKind) or (subject.kind != "router" and not is_id(subject.id)):
            raise BadRequest("Say what to erase: a subscriber, consent or session by its id, or a router by name.")
        if not _BASIS.match(wanted.basis) or not set(wanted.compartments) <= set(COMPARTMENTS):
            raise BadRequest(f"The basis is a word like gdpr-17; compartments are {', '.join(COMPARTMENTS)}.")
        found = Found() if subject.kind == "session" else await self._persons.find(subject)
        if found is None:
            raise BadRequest(f"Nothing is known of this {subject.kind}.")
        await self._reach.widen()
        return await asyncio.to_thread(self._look, wanted, found)

    def _look(self, wanted: Wanted, found: Found) -> ErasurePlan:
        with closing(self._journal.reader()) as reader:
            consents = {consent.id for consent in found.consents}
            rows = list(reader.rows.sessions())
            if wanted.subject.kind == "session":
                chosen = [row for row in rows if row.session == wanted.subject.id]
            else:
                chosen = [row for row in rows if row.consent_ref in consents]
            subjects: list[tuple[KeySubject, str]] = [("session", row.session) for row in chosen]
            subjects += [("consent", name) for name in consents]
            subjects += [("subscriber", found.subscriber)] if found.subscriber is not None else []
            sets = list(_keys(reader, subjects))
            keys = {one.id: doomed for one in sets if (doomed := _doomed(one, wanted.compartments))}
            if len(keys) > MOST_KEY_SETS:
                raise BadRequest(f"That are more than {MOST_KEY_SETS} key sets; erase single consents or sessions.")
            ciphertext = list(sealed_under(reader.rows, keys))
        living = [row.session for row in chosen if row.state != "closed"]
        return ErasurePlan(
            keys=keys,
            sessions=tuple(row.session for row in chosen),
            consents=tuple(sorted(consents)),
            entries=len(ciphertext),
            ciphertexts=sum(one.count for one in ciphertext),
            chunks=sum(one.chunk is not None for one in ciphertext),
            contacts=found.contacts,
            routers=tuple(name for _, name in found.routers) if found.subscriber else (),
            subscriber=found.subscriber,
            holds=tuple(sorted({hold for one in sets if one.id in keys for hold in one.holds})),
            living=tuple(living + [consent.id for consent in found.consents if not consent.final]),
        )

    def _holds(self, keys: Mapping[str, tuple[str, ...]]) -> list[str]:
        with closing(self._journal.reader()) as reader:
            assert reader.keys is not None
            return sorted({hold for one in reader.keys.key_sets(ids=keys.keys()) for hold in one.holds})


def frozen_keys(approval: Approval) -> dict[str, tuple[str, ...]]:
    """The key sets and compartments that an approval of an erasure is for."""
    keys = approval.subject.get("keys")
    return {name: tuple(words(parts)) for name, parts in keys.items()} if isinstance(keys, dict) else {}


def _keys(reader: EvidenceReader, subjects: Sequence[tuple[KeySubject, str]]) -> list[StoredKeys]:
    if reader.keys is None:
        raise AuditError("The log was opened without its keys.")
    return list(reader.keys.key_sets(subjects=frozenset(subjects)))


def _doomed(one: StoredKeys, compartments: Sequence[str]) -> tuple[str, ...]:
    """Of a session what was chosen; of a consent and of what is about the subscriber everything."""
    return tuple(name for name in one.alive if one.subject_kind != "session" or name in compartments)


def _check(plan: ErasurePlan) -> None:
    if plan.living:
        raise BadRequest(
            f"{plan.living[0]} has not ended: end its sessions and close or revoke its consents first, then ask again."
        )
    if plan.holds:
        raise Unavailable(str(KeyHeld(plan.holds[0])))
    if not plan.keys:
        raise BadRequest("There is nothing left to erase: no keys of this exist any more.")

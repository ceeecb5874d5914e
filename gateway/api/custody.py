"""`/v1/approvals`, `/v1/erasures`, `/v1/holds`, `/v1/retention`, `/v1/rotations`: what ends evidence, or keeps it.

What destroys or releases takes two persons. Reasons and what exactly was asked for are sealed in the log.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from fastapi import Depends, Path, Request
from pydantic import Field

from gateway.api.fields import Id, Text, Wire
from gateway.api.given import Caller, Service, guarded
from gateway.errors import Unavailable
from gateway.evidence.approvals import MAY_ASK, Act, Approval, ApprovalState
from gateway.evidence.custody import Custody
from gateway.evidence.deciding import about
from gateway.evidence.erasure import ErasurePlan, Wanted
from gateway.evidence.persons import Subject, SubjectKind

routes = guarded("evidence")


def _custody(request: Request) -> Custody:
    custody: Custody | None = request.app.state.custody
    if custody is None:
        raise Unavailable("This gateway keeps its evidence elsewhere.")
    return custody


Keeper: TypeAlias = Annotated[Custody, Depends(_custody)]
ApprovalId: TypeAlias = Annotated[Id, Path(description="The approval.")]
HoldId: TypeAlias = Annotated[Id, Path(description="The hold.")]
Reason: TypeAlias = Annotated[str, Field(max_length=1000, description="Kept, sealed.")]
Compartment = Literal["who", "subj", "act", "out", "rec"]


class ApprovalOut(Wire):
    """Something that takes two persons."""

    id: Id
    act: Act
    state: ApprovalState
    asked_by: Id
    asked_at: datetime
    lapses_at: datetime
    decided_by: Id | None
    decided_at: datetime | None
    reason: str
    about: str = Field(description="What it is about, in one line.")


class Decision(Wire):
    """Why somebody approves or refuses."""

    reason: Reason = ""


class NewErasure(Wire):
    """What is to be erased."""

    kind: SubjectKind
    id: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Id of the subscriber, consent or session; name or id of the router."
    )
    basis: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")] = Field(
        "gdpr-17", description="Why the law allows or wants it, as a word."
    )
    compartments: tuple[Compartment, ...] = Field(
        ("subj", "act", "out", "rec"), description="Of sessions; of consents all are erased."
    )
    reason: Reason = Field("", description="Needed for asking; kept, sealed.")


class ErasurePlanOut(Wire):
    """What would be erased. Heads of entries stay, and every proof with them."""

    possible: bool
    key_sets: int
    sessions: tuple[Id, ...]
    consents: tuple[Id, ...]
    entries: int = Field(description="That lose something.")
    ciphertexts: int
    chunks: int = Field(description="Of recordings.")
    contacts: int
    routers: tuple[str, ...] = Field(description="That leave the inventory.")
    holds: tuple[Id, ...] = Field(description="That forbid it.")
    living: tuple[Id, ...] = Field(description="Sessions and consents that have not ended, which forbids it.")


class AskedOut(Wire):
    """What was asked for, and by which approval it is done."""

    approval: Id
    plan: ErasurePlanOut | None = None


class ErasedOut(Wire):
    """What was done."""

    approval: Id
    entries: tuple[int, ...] = Field(description="Indexes of the `erase.done` entries.")
    deleted: int = Field(description="Ciphertexts.")
    purged: int = Field(description="Rows of indexes.")


class NewHold(Wire):
    """What must not be erased, and by whose word."""

    sessions: tuple[Id, ...] = ()
    consents: tuple[Id, ...] = ()
    subscribers: tuple[Id, ...] = ()
    key_sets: tuple[Id, ...] = ()
    authority: Text = Field(description="Who wants it kept, for example a court.")
    reference: Text = Field(description="Their reference.")
    reason: Text


class HoldOut(Wire):
    """A hold."""

    id: Id
    set_by: str
    set_at: datetime
    released_at: datetime | None
    authority: str
    reference: str
    things: tuple[str, ...] = Field(description="What is held, each as `kind:id`.")


class HoldSetOut(Wire):
    """The new hold."""

    hold: Id


class MonthOut(Wire):
    """One class and month that is due."""

    retention: str
    month: str
    key_sets: int
    held: int
    holds: tuple[Id, ...]
    sessions: int
    consents: int


class RetentionOut(Wire):
    """What is due."""

    digest: str = Field(description="Name it to run exactly this.")
    due: tuple[MonthOut, ...]
    warnings: tuple[str, ...]


class RetentionRun(Wire):
    """Which plan is to be carried out."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = Field(
        None, description="Of the plan that was looked at; none: whatever is due now."
    )


# --- approvals --------------------------------------------------------------------------------------------------------


@routes.get("/v1/approvals", operation_id="list_approvals", summary="What waits for a second person")
async def list_approvals(auth: Caller, keeper: Keeper, every: bool = False) -> list[ApprovalOut]:
    """Those that you may decide; with `every` also those that were decided, used or lapsed."""
    await keeper.approvals.refresh()
    found = keeper.approvals.all() if every else keeper.approvals.pending()
    return [_approval(one) for one in found if auth.principal.role in MAY_ASK[one.act]]


@routes.get("/v1/approvals/{approval}", operation_id="show_approval", summary="One approval")
async def show_approval(auth: Caller, keeper: Keeper, approval: ApprovalId) -> ApprovalOut:
    """With its reason."""
    return _approval(await keeper.deciding.show(auth, approval))


@routes.post("/v1/approvals/{approval}/approve", operation_id="approve", summary="Agree, as the second person")
async def approve(auth: Caller, keeper: Keeper, approval: ApprovalId, decision: Decision) -> ApprovalOut:
    """An erasure or the end of a hold is done before this answers."""
    return _approval(await keeper.deciding.approve(auth, approval, decision.reason))


@routes.post("/v1/approvals/{approval}/refuse", operation_id="refuse", summary="Do not agree, or take it back")
async def refuse(auth: Caller, keeper: Keeper, approval: ApprovalId, decision: Decision) -> ApprovalOut:
    """Nothing is done."""
    return _approval(await keeper.deciding.refuse(auth, approval, decision.reason))


@routes.post("/v1/rotations", operation_id="ask_rotation", status_code=201, summary="Ask that the log be ended")
async def ask_rotation(auth: Caller, keeper: Keeper, service: Service, decision: Decision) -> AskedOut:
    """Another person approves it (`/v1/approvals`). Done on the stopped gateway: `vestibule audit rotate`."""
    subject = {"origin": service.parts.journal.origin}
    return AskedOut(approval=await keeper.approvals.ask("log.rotate", auth.principal, subject, decision.reason))


# --- erasure ----------------------------------------------------------------------------------------------------------


@routes.post("/v1/erasures/plan", operation_id="plan_erasure", summary="What an erasure would destroy")
async def plan_erasure(auth: Caller, keeper: Keeper, new: NewErasure) -> ErasurePlanOut:
    """Changes nothing."""
    return _plan(await keeper.erasures.plan(auth, _wanted(new)))


@routes.post("/v1/erasures", operation_id="ask_erasure", status_code=201, summary="Ask for an erasure")
async def ask_erasure(auth: Caller, keeper: Keeper, new: NewErasure) -> AskedOut:
    """Another person approves it; exactly what the plan shows now is then destroyed."""
    approval, plan = await keeper.erasures.ask(auth, _wanted(new), new.reason)
    return AskedOut(approval=approval, plan=_plan(plan))


@routes.get("/v1/erasures", operation_id="list_erasures", summary="Erasures that were asked for")
async def list_erasures(auth: Caller, keeper: Keeper) -> list[ApprovalOut]:
    """Whatever became of them."""
    return [_approval(one) for one in keeper.erasures.all(auth)]


@routes.post("/v1/erasures/{approval}/approve", operation_id="approve_erasure", summary="Approve an erasure")
async def approve_erasure(auth: Caller, keeper: Keeper, approval: ApprovalId, decision: Decision) -> ErasedOut:
    """As another person than the one who asked."""
    erased = await keeper.erasures.approve(auth, approval, decision.reason)
    return ErasedOut(approval=approval, entries=erased.entries, deleted=erased.deleted, purged=erased.purged)


# --- holds ------------------------------------------------------------------------------------------------------------


@routes.get("/v1/holds", operation_id="list_holds", summary="Holds, also those that were released")
async def list_holds(auth: Caller, keeper: Keeper) -> list[HoldOut]:
    """Oldest first."""
    return [
        HoldOut(
            id=hold.id,
            set_by=hold.set_by,
            set_at=hold.set_at,
            released_at=hold.released_at,
            authority=hold.authority,
            reference=hold.reference,
            things=tuple(f"{kind}:{name}" for kind, name in hold.things),
        )
        for hold in await keeper.holds.all(auth)
    ]


@routes.post("/v1/holds", operation_id="set_hold", status_code=201, summary="Keep evidence from being erased")
async def set_hold(auth: Caller, keeper: Keeper, new: NewHold) -> HoldSetOut:
    """Counts at once, for what exists and for what is recorded later."""
    hold = await keeper.holds.set(
        auth,
        [
            *(("session", name) for name in new.sessions),
            *(("consent", name) for name in new.consents),
            *(("subscriber", name) for name in new.subscribers),
            *(("ks", name) for name in new.key_sets),
        ],
        authority=new.authority,
        reference=new.reference,
        reason=new.reason,
    )
    return HoldSetOut(hold=hold)


@routes.post("/v1/holds/{hold}/release", operation_id="ask_release", status_code=201, summary="Ask to end a hold")
async def ask_release(auth: Caller, keeper: Keeper, hold: HoldId, decision: Decision) -> AskedOut:
    """Another person approves it (`/v1/approvals`)."""
    return AskedOut(approval=await keeper.holds.ask_release(auth, hold, decision.reason))


# --- retention --------------------------------------------------------------------------------------------------------


@routes.get("/v1/retention", operation_id="plan_retention", summary="What is due to be destroyed")
async def plan_retention(auth: Caller, keeper: Keeper) -> RetentionOut:
    """Changes nothing."""
    plan = await keeper.retention.plan(auth)
    return RetentionOut(
        digest=plan.digest,
        due=tuple(MonthOut(**{name: getattr(month, name) for name in MonthOut.model_fields}) for month in plan.due),
        warnings=tuple(keeper.retention.warnings),
    )


@routes.post("/v1/retention/run", operation_id="run_retention", summary="Destroy what is due")
async def run_retention(auth: Caller, keeper: Keeper, wanted: RetentionRun) -> RetentionOut:
    """For operators. What was done is answered."""
    plan = await keeper.retention.run(auth, wanted.digest)
    return RetentionOut(
        digest=plan.digest,
        due=tuple(MonthOut(**{name: getattr(month, name) for name in MonthOut.model_fields}) for month in plan.due),
        warnings=tuple(keeper.retention.warnings),
    )


def _wanted(new: NewErasure) -> Wanted:
    return Wanted(subject=Subject(new.kind, new.id), basis=new.basis, compartments=new.compartments)


def _approval(one: Approval) -> ApprovalOut:
    return ApprovalOut(
        id=one.id,
        act=one.act,
        state=one.state,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        lapses_at=one.lapses_at,
        decided_by=one.decided_by if one.decided_by != "schedule" else None,
        decided_at=one.decided_at,
        reason=one.reason,
        about=about(one),
    )


def _plan(plan: ErasurePlan) -> ErasurePlanOut:
    fields = {name: getattr(plan, name) for name in ErasurePlanOut.model_fields if name != "key_sets"}
    return ErasurePlanOut(key_sets=len(plan.keys), **fields)

"""`vestibule erase|hold|retention|approval`: what ends evidence, and what keeps it. Over the REST API.

Whatever destroys or releases is asked for by one person and approved by another. Nothing is shown of reasons but to
those who may decide.
"""

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from gateway import exits
from gateway.cli.call import Call, command, group
from gateway.cli.evidence import PANEL, an_id
from gateway.cli.output import moment, note, print_record, print_table, print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from gateway.cli.client import Api

Kind = Literal["subscriber", "router", "consent", "session"]
_HEADS: Final = ["approval", "act", "state", "about", "asked by", "asked at", "lapses at"]

ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL", help="Id, as `vestibule approval list` shows.")]
Why = Annotated[str, typer.Option("--reason", help="Why; kept, sealed.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    erase = group("erase", "Destroy what is known of a person; two persons. Proofs stay valid.")
    command(erase, "plan", remote=True)(erase_plan)
    command(erase, "ask", remote=True)(erase_ask)
    command(erase, "list", remote=True)(erase_list)
    hold = group("hold", "Keep evidence from being erased, until two persons let it go.")
    command(hold, "set", remote=True)(hold_set)
    command(hold, "release", remote=True)(hold_release)
    command(hold, "list", remote=True)(hold_list)
    retention = group("retention", "What has come to the end of its time: shown, then destroyed.")
    command(retention, "plan", remote=True)(retention_plan)
    command(retention, "run", remote=True)(retention_run)
    approval = group("approval", "What waits for a second person.")
    command(approval, "list", remote=True)(approval_list)
    for below in (erase, approval):
        command(below, "show", remote=True)(show)
        command(below, "approve", remote=True)(approve)
        command(below, "refuse", remote=True)(refuse)
    for below in (erase, hold, retention, approval):
        app.add_typer(below, rich_help_panel=PANEL)


Subject = Annotated[Kind, typer.Argument(metavar="KIND", help="subscriber, router, consent or session.")]
SubjectId = Annotated[str, typer.Argument(metavar="ID", help="Its id; of a router its name.")]
Compartments = Annotated[
    str, typer.Option("--compartments", help="Of sessions: some of who,subj,act,out,rec. Of consents all are erased.")
]
Basis = Annotated[str, typer.Option("--basis", help="Why the law allows or wants it, as a word.")]


# --- erasure ----------------------------------------------------------------------------------------------------------


def erase_plan(call: Call, kind: Subject, name: SubjectId, *, compartments: Compartments = "subj,act,out,rec") -> int:
    """Show what an erasure would destroy, and what stands in its way. Changes nothing."""
    with call.api() as api:
        plan = api.post("/v1/erasures/plan", _erasure(kind, name, compartments))
    call.show(plan, lambda: print_record(_plan(plan)))
    return exits.OK if plan["possible"] else exits.FAILED


def erase_ask(
    call: Call,
    kind: Subject,
    name: SubjectId,
    *,
    reason: Why,
    basis: Basis = "gdpr-17",
    compartments: Compartments = "subj,act,out,rec",
) -> None:
    """Ask for an erasure of exactly what is shown. Another person approves it."""
    with call.api() as api:
        body = {**_erasure(kind, name, compartments), "basis": basis, "reason": reason}
        asked = api.post("/v1/erasures", body)

    def people() -> None:
        print_record({"approval": asked["approval"], **_plan(asked["plan"])})
        note(f"Another person now: vestibule erase approve {asked['approval']}")

    call.show(asked, people)


def erase_list(call: Call) -> None:
    """List erasures, whatever became of them."""
    with call.api() as api:
        found = api.get("/v1/erasures")
        names = _names(call, api, found)
    call.show(found, lambda: print_table(_HEADS, _rows(found, names), empty="No erasure was ever asked for."))


# --- approvals --------------------------------------------------------------------------------------------------------


def approval_list(
    call: Call, *, every: Annotated[bool, typer.Option("--all", help="Also those that were decided.")] = False
) -> None:
    """List what waits for a second person, as far as you may decide it."""
    with call.api() as api:
        found = api.get("/v1/approvals", every=every or None)
        names = _names(call, api, found)
    call.show(found, lambda: print_table(_HEADS, _rows(found, names), empty="Nothing waits for a second person."))


def show(call: Call, approval: ApprovalId) -> None:
    """Show one, with its reason."""
    with call.api() as api:
        found = api.get(f"/v1/approvals/{an_id(approval, 'approval')}")
        names = _names(call, api, [found])
    (row,) = _rows([found], names)
    call.show(found, lambda: print_record(dict(zip([*_HEADS, "reason"], [*row, found["reason"]], strict=True))))


def approve(call: Call, approval: ApprovalId, *, reason: Why = "") -> None:
    """Agree, as another person than the one who asked. An erasure or the end of a hold is done at once."""
    with call.api() as api:
        done = api.post(f"/v1/approvals/{an_id(approval, 'approval')}/approve", {"reason": reason})
    call.show(done, lambda: print_text(f"Approved: {done['about']} ({done['state']})."))


def refuse(call: Call, approval: ApprovalId, *, reason: Why = "") -> None:
    """Do not agree, or take back what you asked for. Nothing is done."""
    with call.api() as api:
        done = api.post(f"/v1/approvals/{an_id(approval, 'approval')}/refuse", {"reason": reason})
    call.show(done, lambda: print_text(f"Refused: {done['about']}."))


# --- holds ------------------------------------------------------------------------------------------------------------

Names = Annotated[list[str] | None, typer.Option(metavar="ID", help="May be repeated.")]


def hold_set(
    call: Call,
    *,
    authority: Annotated[str, typer.Option(help="Who wants it kept, for example a court.")],
    reference: Annotated[str, typer.Option(help="Their reference.")],
    reason: Why,
    session: Names = None,
    consent: Names = None,
    subscriber: Names = None,
) -> None:
    """Keep evidence of sessions, consents or subscribers from being erased. One person is enough."""
    if not (session or consent or subscriber):
        raise BadRequest("Say what to hold: --session, --consent or --subscriber.")
    with call.api() as api:
        done = api.post(
            "/v1/holds",
            {
                "sessions": [an_id(name, "session") for name in session or ()],
                "consents": [an_id(name, "consent") for name in consent or ()],
                "subscribers": [an_id(name, "subscriber") for name in subscriber or ()],
                "authority": authority,
                "reference": reference,
                "reason": reason,
            },
        )
    call.show(done, lambda: print_text(f"Held: {done['hold']}."))


def hold_release(
    call: Call, hold: Annotated[str, typer.Argument(metavar="HOLD", help="Id of the hold.")], *, reason: Why
) -> None:
    """Ask for the end of a hold. Another person approves it."""
    with call.api() as api:
        asked = api.post(f"/v1/holds/{an_id(hold, 'hold')}/release", {"reason": reason})

    def people() -> None:
        print_text(f"Asked, as {asked['approval']}.")
        note(f"Another person now: vestibule approval approve {asked['approval']}")

    call.show(asked, people)


def hold_list(call: Call) -> None:
    """List holds, also those that were released."""
    with call.api() as api:
        found = api.get("/v1/holds")
    heads = ["hold", "authority", "reference", "set at", "released at", "holds"]

    def row(one: dict[str, Any]) -> list[object]:
        when = [moment(one["set_at"]), moment(one["released_at"])]
        return [one["id"], one["authority"], one["reference"], *when, one["things"]]

    call.show(found, lambda: print_table(heads, map(row, found), empty="Nothing is held."))


# --- retention --------------------------------------------------------------------------------------------------------


def retention_plan(call: Call) -> None:
    """Show exactly what a run would destroy now: months, how many sessions, and the holds in the way."""
    with call.api() as api:
        plan = api.get("/v1/retention")

    def people() -> None:
        _print_due(plan, "Nothing is due.")
        if plan["due"]:
            note(f"To destroy exactly this: vestibule retention run --plan {plan['digest']}")

    call.show(plan, people)


def retention_run(
    call: Call,
    *,
    plan: Annotated[str | None, typer.Option("--plan", metavar="DIGEST", help="Of the plan you looked at.")] = None,
    now: Annotated[bool, typer.Option("--now", help="Whatever is due, unseen.")] = False,
) -> None:
    """Destroy what is due: what the plan showed and nothing else. For operators."""
    if (plan is None) != now:
        raise BadRequest("Look at `vestibule retention plan` first and name it with --plan, or give --now.")
    with call.api() as api:
        done = api.post("/v1/retention/run", {"digest": plan})
    call.show(done, lambda: _print_due(done, "Nothing was due."))


def _print_due(plan: dict[str, Any], empty: str) -> None:
    heads = ["class", "month", "key sets", "sessions", "consents", "held", "holds"]
    names = ["retention", "month", "key_sets", "sessions", "consents", "held", "holds"]
    print_table(heads, [[month[name] for name in names] for month in plan["due"]], empty=empty)
    for warning in plan["warnings"]:
        note(warning)


def _erasure(kind: str, name: str, compartments: str) -> dict[str, Any]:
    wanted = name.strip() if kind == "router" else an_id(name, kind)
    return {"kind": kind, "id": wanted, "compartments": [part for part in compartments.split(",") if part]}


def _plan(plan: dict[str, Any]) -> dict[str, object]:
    return {
        "possible": plan["possible"],
        "sessions": len(plan["sessions"]),
        "consents": len(plan["consents"]),
        "entries": plan["entries"],
        "ciphertexts": f"{plan['ciphertexts']}, {plan['chunks']} of recordings",
        "key sets": plan["key_sets"],
        "contacts": plan["contacts"],
        "routers": plan["routers"],
        "holds": plan["holds"],
        "not ended": plan["living"],
    }


def _names(call: Call, api: "Api", found: list[dict[str, Any]]) -> dict[str, str]:
    """Names by id, where people are shown to people who may list them. Others see ids, and so do programs."""
    if call.as_json or not found:
        return {}
    from gateway.cli.client import Refused

    try:
        return {one["id"]: one["name"] for one in api.get("/v1/people")}
    except Refused:
        return {}


def _rows(found: list[dict[str, Any]], names: dict[str, str]) -> list[list[object]]:
    return [_row(one, names.get(one["asked_by"], one["asked_by"])) for one in found]


def _row(one: dict[str, Any], asked_by: str) -> list[object]:
    when = [moment(one["asked_at"]), moment(one["lapses_at"])]
    return [one["id"], one["act"], one["state"], one["about"], asked_by, *when]

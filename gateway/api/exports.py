"""`/v1/exports` and `/v1/proofs`: put on record that evidence leaves, sign what is recorded, prove single entries.

Counterparts: `gateway.evidence.exporting`; `vestibule export`, which makes the bundle from the files.
"""

from typing import Annotated, TypeAlias

from fastapi import Path
from pydantic import Field

from audit.export.request import BadExport, Disclosure, ExportRequest, Profile
from gateway.api.fields import Id, Wire
from gateway.api.given import Caller, Exporting, guarded
from gateway.errors import BadRequest, NotAllowed
from gateway.evidence.exporting import NewExport
from gateway.evidence.reading import READERS

routes = guarded("evidence")

Index: TypeAlias = Annotated[int, Path(ge=0, le=2**53 - 1, description="Index of the entry.")]


class ExportTerms(Wire):
    """What a bundle of this log carries, whoever makes it."""

    signer: str = Field(description="C2SP verifier key of the manifests that this gateway signs.")
    policy: str = Field(description="C2SP tlog-policy: the log's key and its witnesses.")


class NewBundle(Wire):
    """A bundle that is about to leave."""

    manifest: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of its manifest.json.")
    profile: Profile = Field(description="For whom.")
    sessions: tuple[Id, ...] = Field((), max_length=10_000, description="All sessions in it.")
    consents: tuple[Id, ...] = Field((), max_length=10_000, description="The consents it was asked for by.")
    disclose: str = Field("", max_length=4000, description="What is laid open: `act,out,rec`, `1042:who`.")
    basis: str = Field(min_length=1, max_length=500, description="Why; kept in the log, sealed.")
    approvals: tuple[Id, ...] = Field((), max_length=64, description="Where two persons are needed.")


class ExportOut(Wire):
    """What goes into the bundle: the entry, its proof, the signed manifest."""

    entry_index: int
    head: str
    proof: str = Field(description="C2SP tlog-proof of the entry.")
    note: str = Field(description="C2SP signed note over the manifest's digest.")


class ProofOut(Wire):
    """One entry and its proof."""

    entry_index: int
    proof: str = Field(description="C2SP tlog-proof; the entry itself is its extra data.")


@routes.get("/v1/exports/terms", operation_id="export_terms", summary="Key and trust policy of bundles")
async def export_terms(auth: Caller, exports: Exporting) -> ExportTerms:
    """Public values; asked for before a bundle is made."""
    _check(auth)
    return ExportTerms(signer=exports.signer(), policy=str(exports.policy))


@routes.post("/v1/exports", operation_id="record_export", status_code=201, summary="Put an export on record")
async def record_export(auth: Caller, exports: Exporting, bundle: NewBundle) -> ExportOut:
    """For auditors, reviewers, supervisors and operators. Durable when it is answered; only then is it signed.

    Where two persons are needed, what is laid open needs an approval for each session, or for the consent.
    """
    _check(auth)
    try:
        request = ExportRequest(
            profile=bundle.profile,
            sessions=bundle.sessions,
            consents=bundle.consents,
            disclosure=Disclosure.parse(bundle.disclose),
            basis=bundle.basis,
            approvals=bundle.approvals,
        )
    except BadExport as error:
        raise BadRequest(str(error)) from error
    made = await exports.register(auth, NewExport(request=request, sessions=bundle.sessions, manifest=bundle.manifest))
    return ExportOut(
        entry_index=made.index, head=made.head.decode(), proof=made.proof.decode(), note=made.note.decode()
    )


@routes.get("/v1/proofs/{index}", operation_id="entry_proof", summary="Prove one entry")
async def entry_proof(auth: Caller, exports: Exporting, index: Index) -> ProofOut:
    """The entry's open half and a proof that it stands in the signed log. Names nobody."""
    _check(auth)
    try:
        proof = await exports.proof(index)
    except BadExport as error:
        raise BadRequest(str(error)) from error
    return ProofOut(entry_index=index, proof=proof.decode())


def _check(auth: Caller) -> None:
    if auth.principal.role not in READERS:
        raise NotAllowed("Your role does not include looking at evidence.")

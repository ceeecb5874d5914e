"""`vestibule export`: an evidence bundle for a court, a subscriber or an auditor, or the proof of one entry.

The bundle is made here, from the files; the running gateway puts the export on record and signs it (`/v1/exports`).
From a copy (`--dir`) it is neither on record nor signed, and says so. Counterparts: `audit.export`,
`gateway.evidence.exporting`.
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from config.counting import counted, entries
from gateway import exits
from gateway.cli.call import Call, command
from gateway.cli.evidence import PANEL, Directory, Keys, Place, an_id, find
from gateway.cli.output import note, print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from audit.export.bundle import Draft, Source
    from audit.export.custody import Custody, Registered
    from audit.export.request import ExportRequest
    from audit.reader import EvidenceReader


_PATIENCE = 100
"""Tenths of a second."""


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    command(app, "export", rich_help_panel=PANEL)(export)


def export(
    call: Call,
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="[SESSION]...", help="Ids, as `vestibule log --sessions` shows.")
    ] = None,
    *,
    consent: Annotated[str | None, typer.Option(metavar="ID", help="Everything under this consent.")] = None,
    router: Annotated[
        str | None, typer.Option(metavar="NAME", help="Everything at this router. Needs the keys.")
    ] = None,
    profile: Annotated[
        Literal["court", "subscriber", "auditor"],
        typer.Option(
            "--for",
            help="`court`: what --disclose names; `subscriber`: all but who acted; `auditor`: heads and proofs only.",
        ),
    ] = "court",
    basis: Annotated[
        str, typer.Option(metavar="TEXT", help="Why it is handed out: `gdpr-15`, or a sentence (kept sealed).")
    ] = "",
    disclose: Annotated[
        str | None,
        typer.Option(metavar="PARTS", help="Of who,subj,act,out,rec; `1042:who` for a single entry's part."),
    ] = None,
    approval: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Where two persons are needed; may be repeated.")
    ] = None,
    proof: Annotated[
        int | None, typer.Option(metavar="INDEX", min=0, help="Instead: the tlog-proof of this entry, the entry in it.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where it goes.")] = None,
    directory: Directory = None,
    keys: Keys = None,
) -> int:
    """Hand out evidence: what was done, proved entry by entry, in one file that anybody can check.

    The export is on record before the file is written. Parts that are not laid open are not in the file, yet their
    place is proved. Nothing is written over.
    """
    if output is None:
        raise BadRequest("Say where it goes: -o FILE.")
    if output.exists():
        raise BadRequest(f"{output}: is there already; nothing was written.")
    place = find(call, directory, keys)
    if proof is not None:
        _write(output, _proof(place, call, proof))
        call.show({"file": output, "entry_index": proof}, lambda: print_text(f"{output}: the proof of entry {proof}"))
        return exits.OK
    wanted = _Wanted(tuple(sessions or ()), consent, router, profile, basis, disclose, tuple(approval or ()))
    with place.reader() as reader:
        request = wanted.request(reader)
        data, found = _bundle(call, place, reader, request, recorded=directory is None)
    _write(output, data)
    call.show({"file": output, **found}, lambda: _tell(output, found))
    return exits.OK


class _Wanted:
    """What stood on the command line."""

    def __init__(
        self,
        sessions: tuple[str, ...],
        consent: str | None,
        router: str | None,
        profile: Literal["court", "subscriber", "auditor"],
        basis: str,
        disclose: str | None,
        approvals: tuple[str, ...],
    ) -> None:
        self.sessions, self.consent, self.router = sessions, consent, router
        self.profile, self.basis, self.disclose, self.approvals = profile, basis, disclose, approvals

    def request(self, reader: "EvidenceReader") -> "ExportRequest":
        """The request it means. Raises `BadRequest`."""
        from audit.export.request import BadExport, ExportRequest, disclosure_for
        from audit.export.selection import of_router

        sessions = tuple(an_id(one, "session") for one in self.sessions)
        consents = () if self.consent is None else (an_id(self.consent, "consent"),)
        if self.router is not None:
            history = of_router(reader, {self.router})
            if history.unread:
                note(f"{entries(history.unread)} could not be opened: whether this router is meant there is not known.")
            if not history.sessions and not history.consents:
                raise BadRequest(f"Nothing in the log that can be opened is about a router {self.router}.")
            sessions, consents = (*sessions, *history.sessions), (*consents, *history.consents)
        try:
            return ExportRequest(
                profile=self.profile,
                sessions=sessions,
                consents=consents,
                disclosure=disclosure_for(self.profile, self.disclose),
                basis=self.basis,
                approvals=tuple(an_id(one, "approval") for one in self.approvals),
            )
        except BadExport as error:
            raise BadRequest(str(error)) from error


def _bundle(
    call: Call, place: Place, reader: "EvidenceReader", request: "ExportRequest", *, recorded: bool
) -> tuple[bytes, dict[str, Any]]:
    from audit.export.checkpoints import reach
    from audit.export.custody import Custody, Exporter
    from audit.export.request import BadExport

    try:
        if not recorded:
            by = Exporter(role="copy")
            custody = Custody(by=by, basis=request.basis, approvals=request.approvals, recorded=False)
            source = _source(call, place, reader, reach(reader, request))
            draft = _draft(call, source, request, custody, None)
            note("This export is not on record and not signed: it was made from a copy. The bundle says so.")
            return draft.finish(None), _found(draft, None)
        with call.api() as api:
            me, terms = api.get("/v1/me"), api.get("/v1/exports/terms")
            # The subscriber's copy names nobody, its maker included: the alias is what subscribers know staff by.
            by = Exporter(
                role=me["role"], alias=me["alias"], name=None if request.profile == "subscriber" else me["name"]
            )
            custody = Custody(by=by, basis=request.basis, approvals=request.approvals, recorded=True)
            source = _source(call, place, reader, reach(reader, request), terms["policy"])
            draft = _draft(call, source, request, custody, terms["signer"])
            registered = _register(api, request, draft)
        return draft.finish(registered), _found(draft, registered.index)
    except BadExport as error:
        raise BadRequest(str(error)) from error


def _draft(call: Call, source: "Source", request: "ExportRequest", custody: "Custody", signer: str | None) -> "Draft":
    from audit.export.bundle import Making, prepare
    from config.clock import SystemClock
    from gateway.evidence.exporting import consents_of, plain_lines

    plain = plain_lines(source.reader, consents_of(source.reader, request)) if request.profile == "subscriber" else {}
    now = SystemClock().now()
    return prepare(
        source, request, Making(now=now, custody=custody, controller=_controller(call), signer=signer, plain=plain)
    )


def _register(api: Any, request: "ExportRequest", draft: "Draft") -> "Registered":
    from audit.export.custody import Registered

    answer = api.post(
        "/v1/exports",
        {
            "manifest": draft.digest,
            "profile": request.profile,
            "sessions": list(draft.sessions),
            "consents": list(request.consents),
            "disclose": ",".join(request.disclosure.words()),
            "basis": request.basis,
            "approvals": list(request.approvals),
        },
    )
    head, proof, signed = (answer[name].encode() for name in ("head", "proof", "note"))
    return Registered(answer["entry_index"], head, proof, signed)


def _source(call: Call, place: Place, reader: "EvidenceReader", least: int, policy: str | None = None) -> "Source":
    from audit.export.bundle import Source
    from audit.export.checkpoints import choose, is_enough, published, stamps_beside, tiles_beside
    from audit.tlog.policy import Policy

    judge = _policy(call, place) if policy is None else Policy.parse(policy)
    checkpoint = choose(published(reader, place.evidence), reader.origin, judge, least)
    if policy is not None:
        for _ in range(_PATIENCE):  # a gateway runs: what is too new for its witnesses will be cosigned in a moment
            if is_enough(checkpoint, judge, least):
                break
            time.sleep(0.1)
            checkpoint = choose(published(reader, place.evidence), reader.origin, judge, least)
        else:
            note("The witnesses have not cosigned these entries yet, so a verifier will call the bundle incomplete.")
    return Source(
        reader=reader,
        checkpoint=checkpoint,
        policy=str(judge),
        fetch=tiles_beside(place.evidence),
        stamps=stamps_beside(place.evidence, least),
    )


def _policy(call: Call, place: Place) -> Any:
    """Of a log whose gateway is not asked: its public key, and this machine's witnesses if there are settings."""
    from audit.tlog.note import VerifierKey
    from config.load import settings_path
    from gateway.evidence.exporting import policy_for

    if place.verifier_key is None:
        raise BadRequest("The log's public key was not found beside it; name the directory it lies in with --keys.")
    key = VerifierKey.parse(place.verifier_key.read_text().strip())
    known = settings_path(call.config).exists()
    return policy_for(key, call.settings().evidence.witness_policy if known else None)


def _proof(place: Place, call: Call, index: int) -> bytes:
    from audit.export.proofs import Prover
    from audit.tlog.checkpoint import Checkpoint
    from audit.tlog.note import parse_note

    with place.reader() as reader:
        source = _source(call, place, reader, index + 1)
        checkpoint = Checkpoint.parse(parse_note(source.checkpoint).text)
        if index >= checkpoint.size:
            raise BadRequest(f"No signed checkpoint covers an entry {index}; the log has {entries(reader.size)}.")
        prover = Prover(reader, checkpoint, [index], source.fetch)
        return prover.proof(index, source.checkpoint, reader.entry(index).head_bytes)


def _controller(call: Call) -> str:
    from config.load import settings_path

    known = settings_path(call.config).exists()
    return call.settings().consent.controller if known else "the provider"


def _write(path: Path, data: bytes) -> None:
    try:
        # Evidence in the clear: readable by its owner only, and never over something else.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadRequest(f"{path}: is there already; nothing was written.") from error
    except OSError as error:
        raise BadRequest(f"{path}: cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _found(draft: "Draft", index: int | None) -> dict[str, Any]:
    return {
        "sessions": list(draft.sessions),
        "manifest": draft.digest,
        "recorded": index is not None,
        "entry_index": index,
    }


def _tell(output: Path, found: dict[str, Any]) -> None:
    where = f"on record as entry {found['entry_index']}" if found["recorded"] else "not on record"
    print_text(f"{output}: {counted(len(found['sessions']), 'session')}, {where}, manifest {found['manifest']}")

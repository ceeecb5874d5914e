"""Evidence leaves the house: on record first, with the digest of what leaves, then signed. Also single proofs.

A bundle is made where the files can be read (`vestibule export`), or here for a subscriber's own copy; either way the
running gateway writes the `export.made` entry and signs the manifest, and nothing that it did not record.
Counterparts: `audit.export`, `gateway.api.exports`, `gateway.cli.export`, `gateway.web`.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from audit.entry import Json
from audit.errors import BadEntry, KeyUnavailable, SealBroken
from audit.export.bundle import Draft, Making, Source, prepare
from audit.export.checkpoints import choose, is_enough, published, reach, stamps_beside, tiles_beside
from audit.export.custody import Custody, Exporter, Registered, export_entry, open_export_key, sign_manifest
from audit.export.disclosure import b64
from audit.export.pages import PlainLine
from audit.export.proofs import Prover
from audit.export.request import BadExport, ExportRequest, disclosure_for
from audit.journal import Journal
from audit.reader import EvidenceReader
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import SigningKey, VerifierKey, parse_note
from audit.tlog.policy import NONE, KnownLog, Policy
from config.clock import Clock
from config.counting import entries
from gateway.access.identity import Authenticated
from gateway.consent.model import Consent, Language
from gateway.errors import BadRequest, NotAllowed, Unavailable
from gateway.evidence.approvals import Approvals
from gateway.evidence.plain_log import plain_log
from gateway.evidence.reading import READERS

LANGUAGES: Final[tuple[Language, ...]] = ("en", "fr")
PATIENCE: Final = 200
"""Twentieths of a second that an export waits for its witnesses."""
OWN_COPY: Final = "own-copy"
"""The basis of what subscribers take themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExport:
    """A bundle that is about to leave: what was asked for, the sessions in it, and the digest of its manifest (hex)."""

    request: ExportRequest
    sessions: tuple[str, ...]
    manifest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantProof:
    """What lets a subscriber check a receipt: the entry as it stands, its part about them, and a tlog-proof."""

    head: bytes
    proof: bytes
    subj: Mapping[str, str] | None = field(repr=False)
    """`content` (canonical JSON) and `salt` (base64); none if it can no longer be opened."""


class Exports:
    """Registers exports of one log. One instance a worker; used from its event loop."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        evidence_dir: Path | None = None,
        keys_dir: Path | None = None,
        controller: str = "",
        witness_policy: Path | None = None,
        approvals: Approvals | None = None,
        persons: Literal[1, 2] = 1,
    ) -> None:
        """`persons`: how many it takes to lay sealed parts open. Without `keys_dir` a key is made for this process."""
        self._journal, self._clock = journal, clock
        self._evidence_dir = evidence_dir
        self._keys_dir = keys_dir
        self._controller = controller
        self._witness_policy = witness_policy
        self._approvals = approvals
        self._persons = persons
        self._signing: SigningKey | None = None
        self._one_copy = asyncio.Lock()

    @property
    def policy(self) -> Policy:
        """The trust policy that bundles of this log carry. Raises `BadRequest` if the file is not one."""
        return policy_for(VerifierKey.parse(self._journal.verifier_key), self._witness_policy)

    def signer(self) -> str:
        """Verifier key of the manifests. Raises `KeyUnavailable`, OSError."""
        return str(self._key().verifier)

    async def register(self, auth: Authenticated, made: NewExport) -> Registered:
        """Put an export on record and sign its manifest. Raises `NotAllowed`, `AuditError`."""
        if auth.principal.role not in READERS:
            raise NotAllowed("Your role does not include handing out evidence.")
        if self._persons == 2:
            self._check_approvals(auth, made)
        factors: list[Json] = [*sorted(auth.factors)]
        who: dict[str, Json] = {
            "id": auth.principal.id,
            "name": auth.principal.name,
            "source": auth.source,
            "factors": factors,
        }
        return await self._record(made, who)

    async def own_copy(self, consent: Consent, language: Language) -> bytes:
        """The subscriber's copy of everything under one consent; on record as taken by the subscriber.

        Raises `BadExport`, `AuditError`. One at a time: making one keeps a processor busy.
        """
        request = ExportRequest(
            profile="subscriber",
            consents=(consent.id,),
            disclosure=disclosure_for("subscriber", None),
            basis=OWN_COPY,
        )
        custody = Custody(by=Exporter(role="subscriber"), basis=OWN_COPY, approvals=(), recorded=True)
        async with self._one_copy:
            await self._journal.checkpoint()
            draft = await asyncio.to_thread(self._prepare, request, custody)
            made = NewExport(request=request, sessions=draft.sessions, manifest=draft.digest)
            registered = await self._record(made, {"by": "subscriber", "lang": language})
            return await asyncio.to_thread(draft.finish, registered)

    async def proof(self, index: int) -> bytes:
        """A C2SP tlog-proof of one entry, the entry itself as its extra data. Raises `BadExport`, `LogDamaged`."""
        return (await asyncio.to_thread(self._entry_proof, index)).proof

    async def grant_proof(self, index: int) -> GrantProof:
        """The same for a `consent.granted` entry, with what it says of the subscriber."""
        return await asyncio.to_thread(self._entry_proof, index)

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _record(self, made: NewExport, who: Mapping[str, Json]) -> Registered:
        key = self._key()
        entry = export_entry(made.request, made.sessions, made.manifest, who)
        ref = await self._journal.append(entry)
        await self._journal.checkpoint()
        stood = await self._covered(ref.index)
        return Registered(ref.index, stood.head, stood.proof, sign_manifest(key, made.manifest))

    async def _covered(self, index: int) -> GrantProof:
        """The proof of an entry that was just signed for, under a checkpoint that the witnesses cosigned, too.

        Their cosignatures come a moment later; if they do not come in time, the checkpoint goes without. Raises
        `BadExport`.
        """
        for _ in range(PATIENCE):
            if await asyncio.to_thread(self._is_witnessed, index + 1):
                break
            await asyncio.sleep(0.05)
        return await asyncio.to_thread(self._entry_proof, index, extra=False)

    def _is_witnessed(self, least: int) -> bool:
        with closing(self._journal.reader()) as reader:
            policy, notes = self.policy, published(reader, self._evidence_dir)
            return is_enough(choose(notes, reader.origin, policy, least), policy, least)

    def _check_approvals(self, auth: Authenticated, made: NewExport) -> None:
        """Every session that is laid open needs an approved look of this person. Raises `NotAllowed`, `Unavailable`."""
        disclosure = made.request.disclosure
        if not disclosure.compartments and not disclosure.single:
            return
        if self._approvals is None:
            raise Unavailable("Two persons are needed to lay this open, and approvals are not available here.")
        given = [self._approvals.given(approval, "unseal") for approval in made.request.approvals]
        mine = [approval.subject for approval in given if approval.asked_by == auth.principal.id]
        sessions = {str(subject.get("session") or "") for subject in mine}
        consents = {str(subject.get("consent") or "") for subject in mine}
        open_sessions = () if consents & {*made.request.consents} else made.sessions
        if {*open_sessions} - sessions or {*made.request.consents} - consents:
            raise NotAllowed(
                "This takes a second person: have each session, or the consent, approved first (`/v1/views` with what "
                "`export` asks for it), then name the approvals."
            )

    def _key(self) -> SigningKey:
        if self._signing is None:
            if self._keys_dir is None:
                self._signing = SigningKey(f"{self._journal.origin}/export", secrets.token_bytes(32))
            else:
                self._signing = open_export_key(self._keys_dir, self._journal.origin)
        return self._signing

    def _prepare(self, request: ExportRequest, custody: Custody) -> Draft:
        with closing(self._journal.reader()) as reader:
            making = Making(
                now=self._clock.now(),
                custody=custody,
                controller=self._controller,
                signer=self.signer(),
                plain=plain_lines(reader, request.consents),
            )
            return prepare(self._source(reader, reach(reader, request)), request, making)

    def _source(self, reader: EvidenceReader, least: int) -> Source:
        policy = self.policy
        notes = published(reader, self._evidence_dir)
        return Source(
            reader=reader,
            checkpoint=choose(notes, reader.origin, policy, least),
            policy=str(policy),
            fetch=tiles_beside(self._evidence_dir),
            stamps=stamps_beside(self._evidence_dir, least),
        )

    def _entry_proof(self, index: int, *, extra: bool = True) -> GrantProof:
        with closing(self._journal.reader()) as reader:
            source = self._source(reader, index + 1)
            checkpoint = Checkpoint.parse(parse_note(source.checkpoint).text)
            if not 0 <= index < checkpoint.size:
                raise BadExport(f"No signed checkpoint covers an entry {index}; the log has {entries(reader.size)}.")
            head = reader.entry(index).head_bytes
            prover = Prover(reader, checkpoint, [index], source.fetch)
            proof = prover.proof(index, source.checkpoint, head if extra else b"")
            return GrantProof(head=head, proof=proof, subj=_subject(reader, index) if extra else None)


def _subject(reader: EvidenceReader, index: int) -> dict[str, str] | None:
    try:
        part = reader.disclose(index, "subj")
    except (KeyUnavailable, SealBroken):
        return None
    return {"content": part.content.decode(), "salt": b64(part.salt)}


def policy_for(key: VerifierKey, witness_policy: Path | None) -> Policy:
    """The witnesses of the file, if there is one, and this log. Raises `BadRequest` if the file is no policy."""
    if witness_policy is None:
        return Policy((KnownLog(key),), (), (), NONE)
    try:
        policy = Policy.parse(witness_policy.read_bytes())
    except (OSError, BadEntry) as error:
        raise BadRequest(f"{witness_policy}: is no trust policy, or cannot be read: {error}") from error
    if any(log.key == key for log in policy.logs):
        return policy
    return replace(policy, logs=(*policy.logs, KnownLog(key)))


def consents_of(reader: EvidenceReader, request: ExportRequest) -> list[str]:
    """The consents that a request is about: those it names, and those of its sessions."""
    found = dict.fromkeys(request.consents)
    for session in request.sessions:
        for entry in reader.session(session):
            if entry.consent_ref is not None:
                found.setdefault(entry.consent_ref)
                break
    return list(found)


def plain_lines(reader: EvidenceReader, consents: Sequence[str]) -> dict[str, list[PlainLine]]:
    """The log of these consents in plain words, by language, in order of time."""
    found: dict[str, list[PlainLine]] = {}
    for language in LANGUAGES:
        lines = [line for consent in consents for line in plain_log(reader, consent, language)]
        found[language] = [
            PlainLine(line.at, line.text, line.refused) for line in sorted(lines, key=lambda one: one.at)
        ]
    return found

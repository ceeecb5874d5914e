"""Ends this gateway's log and begins the next, while nothing is served: `vestibule audit rotate`.

What is meant stands in `rotation.json` before anything is done; each step can be done again, so a crash anywhere is
finished by the same command, and a gateway does not start in between. Nothing is deleted: the old evidence and what it
was signed with go to `archive/` below the data directory. Counterparts: `audit.signing.rotation` (what the two logs say
of each other), `gateway.evidence.approvals` (the two persons).
"""

import asyncio
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from audit.encoding import decode, encode
from audit.entry import Json, Kind
from audit.errors import BadEntry, LogDamaged, LogMissing
from audit.files import OWNER_ONLY, sync_directory, write_durably
from audit.journal import Journal
from audit.keys.root_choice import CHOICE_FILE, ROOT_KEY_FILE
from audit.publish.attested import NOBODY, Attestation
from audit.publish.tile_store import TileStore
from audit.reader import EvidenceReader
from audit.signing.handover import SECRETS
from audit.signing.key_files import MLDSA_PUBLIC_FILE, PUBLIC_FILE
from audit.signing.opening import fits, new_origin
from audit.signing.remote import RemoteSigner
from audit.signing.rotation import Rotation, arriving
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import VerifierKey, parse_note
from config.clock import Clock
from config.errors import ConfigError, VestibuleError
from config.files import make_private_dir
from config.settings import Settings
from gateway.consent import lifecycle
from gateway.consent.ledger import Ledger
from gateway.consent.reconcile import reconcile
from gateway.consent.record import GATEWAY
from gateway.consent.store import ConsentStore
from gateway.errors import BadRequest, NotAllowed, Unavailable
from gateway.evidence.approvals import Act, Approvals

ACT: Final[Act] = "log.rotate"
PLAN_FILE: Final = "rotation.json"
STAGED: Final = "rotation"
ARCHIVE: Final = "archive"
_EVERY: Final = 1_000_000
_SIGNER_FILES: Final = (*SECRETS, PUBLIC_FILE, MLDSA_PUBLIC_FILE)
_ROOT_FILES: Final = (ROOT_KEY_FILE, CHOICE_FILE, "evidence-root-*.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is being done, as `rotation.json` keeps it until it is done."""

    old: str
    new: str
    approval: str
    by: tuple[str, str]
    key: str
    """Verifier key of the old log."""
    signer: str | None
    """Socket of the new log's signer; none if the gateway signs for itself."""

    @property
    def rotation(self) -> Rotation:
        return Rotation(self.old, self.new, self.approval, self.by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What was done."""

    old: str
    new: str
    size: int
    """Entries of the old log."""
    archive: Path
    key: str
    """Verifier key of the new log."""


def no_step(_: str) -> None:
    """What a seam does outside of tests."""


def begun(settings: Settings) -> Plan | None:
    """The rotation that was begun and not finished. Raises `ConfigError` if what is written of it cannot be read."""
    path = settings.data_dir / PLAN_FILE
    try:
        match decode(path.read_bytes()):
            case {"old": str(old), "new": str(new), "approval": str(approval), "by": [str(one), str(two)], **rest}:
                signer = rest.get("signer")
                key = str(rest["key"])
                return Plan(
                    old=old, new=new, approval=approval, by=(one, two), key=key, signer=str(signer) if signer else None
                )
    except FileNotFoundError:
        return None
    except (OSError, BadEntry, KeyError) as error:
        raise ConfigError(f"{path} cannot be read; it says which rotation of the log was begun.") from error
    raise ConfigError(f"{path} does not say which rotation of the log was begun. It was changed by hand.")


def refuse_if_begun(settings: Settings) -> None:
    """A log must not go on in the middle of its rotation. Raises `ConfigError`."""
    if (settings.data_dir / PLAN_FILE).exists():
        raise ConfigError("A rotation of the log was begun and not finished. Finish it: vestibule audit rotate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotating:
    """One rotation, begun or gone on with. `step` is a seam for tests, called after each step with its name."""

    settings: Settings
    consents: ConsentStore
    clock: Clock
    objects: TileStore | None = None
    attestation: Attestation = NOBODY
    step: Callable[[str], None] = no_step

    async def run(self, approval: str | None = None, *, signer: Path | None = None) -> Rotated:
        """End the log and begin the next. `approval` is needed to begin, `signer` if the new log's is a process.

        Raises `BadRequest`, `NotAllowed`, `Unavailable`, `ConfigError`, and what `Journal.open` raises: a log that is
        damaged, or refused by its signer, cannot say that it ends, and is left as it is.
        """
        with _alone(self.settings.data_dir):
            plan = begun(self.settings)
            self._check(plan, approval, signer)
            if plan is None:
                shutil.rmtree(self.settings.data_dir / STAGED, ignore_errors=True)  # of one that was finished
            if plan is None or not (self._archive(plan.old) / "evidence").exists():
                plan, final = await self._end(plan, approval, signer)
                self.step("ended")
                await asyncio.to_thread(self._begin, plan, final)
                self.step("begun")
                self._put_away(plan)
            return await self._take_place(plan)

    def _check(self, plan: Plan | None, approval: str | None, signer: Path | None) -> None:
        if self.settings.evidence.store != "sqlite":
            raise BadRequest("The log is in PostgreSQL; only a log in the data directory can be rotated.")
        if plan is not None:
            if approval not in (None, plan.approval) or (signer is not None and str(signer) != plan.signer):
                raise BadRequest(f"Another rotation was begun (approval {plan.approval}); finish that one first.")
        elif approval is None:
            raise BadRequest("Name the approval: two persons ask for it and give it while the gateway runs.")
        elif signer is None and self.settings.evidence.signer_socket is not None:
            raise BadRequest(
                "This log's signer signs no other log. Make one for the new log (`vestibule signer init`), serve it, "
                "and name its socket with --signer."
            )

    # --- the old log -------------------------------------------------------------------------------------------------

    async def _end(self, plan: Plan | None, approval: str | None, signer: Path | None) -> tuple[Plan, bytes]:
        """The old log says where it goes on; its final checkpoint."""
        if plan is not None and (final := _final(self.settings.evidence_dir, plan)) is not None:
            return plan, final
        _size(self.settings.evidence_dir)  # there is a log, or `LogMissing`
        journal = await asyncio.to_thread(self._open_old)
        try:
            approved = await self._approved(journal, plan, approval)
            if plan is None:
                plan = self._plan(journal, *approved, signer)
                write_durably(self.settings.data_dir / PLAN_FILE, encode(_words(plan)), OWNER_ONLY)
                self.step("planned")
            await self._end_consents(journal)
            self.step("consents")
            return plan, await asyncio.to_thread(journal.end_for, plan.rotation)
        except VestibuleError:
            journal.close()
            raise
        except BaseException:
            journal.abandon()
            raise

    def _open_old(self) -> Journal:
        settings = self.settings
        return Journal.open(
            settings.evidence_dir,
            keys_dir=settings.keys_dir,
            origin=f"logs.{settings.tenant}",
            clock=self.clock,
            signer_socket=settings.evidence.signer_socket,
            objects=self.objects,
            attestation=self.attestation,
        )

    async def _approved(self, journal: Journal, plan: Plan | None, approval: str | None) -> tuple[str, tuple[str, str]]:
        """The approval and its two persons, as the log has them; a plan alone proves nothing. Raises `NotAllowed`."""
        approvals = await Approvals.open(journal, self.clock, hours=self.settings.evidence.approval_hours)
        if plan is None:
            found = approvals.given(str(approval), ACT)
        else:
            # What was begun in time is finished, whatever the hour; and the log may have said already that it ends.
            found = approvals.get(plan.approval)
            unfinished = found.id in {one.id for one in approvals.unfinished(ACT)}
            if found.act != ACT or not (unfinished or found.state == "used"):
                raise NotAllowed(f"Approval {found.id} is not one that this rotation could have been begun with.")
        asked, decided = found.by
        if plan is not None and plan.by != (asked, decided):
            raise NotAllowed(f"{PLAN_FILE} names other persons than the log does.")
        return found.id, (asked, decided)

    def _plan(self, journal: Journal, approval: str, by: tuple[str, str], signer: Path | None) -> Plan:
        wanted = f"logs.{self.settings.tenant}"
        new = new_origin(wanted)
        if signer is not None:
            with closing(RemoteSigner(signer)) as remote:
                new, signed = remote.verifier.name, remote.state.size
            if new == journal.origin or not fits(new, wanted) or signed:
                raise BadRequest(f"The signer at {signer} is not a new one for a log of '{wanted}': it signs '{new}'.")
        return Plan(
            old=journal.origin,
            new=new,
            approval=approval,
            by=by,
            key=journal.verifier_key,
            signer=None if signer is None else str(signer),
        )

    async def _end_consents(self, journal: Journal) -> None:
        """No consent outlives the log it stands in: the new one could not show that it was given."""
        with closing(journal.reader()) as reader:
            await reconcile(reader, self.consents)
        ledger = Ledger(journal, self.consents)
        for consent in await self.consents.latest(unfinished=True, limit=_EVERY):
            await ledger.step(consent.id, lambda found: lifecycle.close(found, GATEWAY, self.clock.now()))

    # --- the new log -------------------------------------------------------------------------------------------------

    def _begin(self, plan: Plan, final: bytes) -> None:
        """The new log, complete and signed, beside the old one. Blocks.

        Nobody has seen what an earlier try left, so it is made anew; unless a signer remembers it.
        """
        signer = None if plan.signer is None else Path(plan.signer)
        remembered = signer is not None and _signed(signer) > 0
        if not remembered:
            shutil.rmtree(self.settings.data_dir / STAGED, ignore_errors=True)
        staged = make_private_dir(self.settings.data_dir / STAGED)
        for name in ("evidence", "keys"):
            make_private_dir(staged / name)
        _copy(self.settings.keys_dir, staged / "keys", _ROOT_FILES)
        if remembered:
            _check_begun(staged / "evidence", plan)
        first = None if remembered else arriving(plan.rotation, final, VerifierKey.parse(plan.key))
        journal = Journal.open(
            staged / "evidence",
            keys_dir=staged / "keys",
            origin=plan.new,
            clock=self.clock,
            signer_socket=signer,
            first=first,
        )
        try:
            asyncio.run(journal.checkpoint())
        finally:
            journal.close()

    # --- one takes the place of the other ----------------------------------------------------------------------------

    def _archive(self, origin: str) -> Path:
        last = origin.rpartition("/")[2]
        name = last if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", last) else sha256(origin.encode()).hexdigest()[:16]
        return self.settings.data_dir / ARCHIVE / name

    def _put_away(self, plan: Plan) -> None:
        archive = self._archive(plan.old)
        for directory in (archive.parent, archive, archive / "keys"):
            make_private_dir(directory)
        _copy(self.settings.keys_dir, archive / "keys", (*_ROOT_FILES, *_SIGNER_FILES))
        for directory in (archive, archive.parent, self.settings.data_dir):
            sync_directory(directory)
        self.step("keys")
        _move(self.settings.evidence_dir, archive / "evidence")
        self.step("archived")

    async def _take_place(self, plan: Plan) -> Rotated:
        """From here on the old log is in the archive, whole."""
        settings, archive = self.settings, self._archive(plan.old)
        staged = settings.data_dir / STAGED
        if (staged / "evidence").exists():
            _move(staged / "evidence", settings.evidence_dir)
        self.step("moved")
        if (staged / "keys").exists():
            _copy(staged / "keys", settings.keys_dir, _SIGNER_FILES)
            for name in SECRETS:
                if not (staged / "keys" / name).exists():  # they are in the archive; the new signer is another process
                    (settings.keys_dir / name).unlink(missing_ok=True)
            sync_directory(settings.keys_dir)
        self.step("installed")
        await self.consents.set_reconciled_to(0)
        self.step("state")
        size = _size(archive / "evidence")
        key = (settings.keys_dir / PUBLIC_FILE).read_text().strip()
        (settings.data_dir / PLAN_FILE).unlink()
        sync_directory(settings.data_dir)
        self.step("done")
        shutil.rmtree(staged, ignore_errors=True)
        return Rotated(old=plan.old, new=plan.new, size=size, archive=archive, key=key)


def _words(plan: Plan) -> dict[str, Json]:
    words: dict[str, Json] = {name: value for name, value in asdict(plan).items() if value is not None}
    return {**words, "by": list(plan.by)}


def _final(evidence: Path, plan: Plan) -> bytes | None:
    """The final checkpoint of a log that said where it goes on and was signed to its end; none if it did not come to
    that."""
    with closing(EvidenceReader.open(evidence)) as reader:
        note = reader.checkpoint()
        last = reader.entry(reader.size - 1)
    ended = last.kind is Kind.LOG_ROTATE and last.facts.get("to") == plan.new
    return note if ended and note and Checkpoint.parse(parse_note(note).text).size == last.index + 1 else None


def _signed(signer: Path) -> int:
    with closing(RemoteSigner(signer)) as remote:
        return remote.state.size


def _check_begun(evidence: Path, plan: Plan) -> None:
    """The signer signed the log in `evidence` before. Raises `LogDamaged` if that is not the one that was begun."""
    try:
        with closing(EvidenceReader.open(evidence)) as reader:
            first = reader.entry(0)
    except LogMissing as error:
        raise LogDamaged(f"{evidence} is gone, but its signer signed it. Take a new signer.") from error
    if first.kind is not Kind.LOG_ROTATE or first.facts.get("from") != plan.old:
        raise LogDamaged(f"{evidence} holds another log than the one that was begun. Look at it, and move it away.")


def _size(evidence: Path) -> int:
    with closing(EvidenceReader.open(evidence)) as reader:
        return reader.size


def _copy(source: Path, target: Path, patterns: tuple[str, ...]) -> None:
    """Copy files, each whole or not at all."""
    for path in sorted({found for pattern in patterns for found in source.glob(pattern)}):
        write_durably(target / path.name, path.read_bytes(), path.stat().st_mode & 0o777)


def _move(source: Path, target: Path) -> None:
    """Rename a directory. Raises `Unavailable`."""
    try:
        source.rename(target)
    except OSError as error:
        raise Unavailable(
            f"{source} cannot be moved to {target} ({error.strerror}); both must be on one file system."
        ) from error
    for parent in {source.parent, target.parent}:
        sync_directory(parent)


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    descriptor = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Unavailable("Another process rotates this log.") from error
    finally:
        os.close(descriptor)

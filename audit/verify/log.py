"""Verification of a whole log or one session, offline, trusting nothing but a public key.

Counterparts: `audit.verify.report`; `audit.verify.vestibule_verify` does the same for what leaves the house.

Everything is recomputed from the heads: leaf hashes, tree, session chains, the order of commands and revocations,
derived tables, published tiles, seals; with the keys also every sealed part and recording chunk against its commitment.
It works beside a running gateway: all reads see one snapshot.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.entry import Kind
from audit.errors import BadEntry, LogDamaged
from audit.files import CHECKPOINT_FILE
from audit.keys.store import KeyStore
from audit.leaf import Head
from audit.publish.published import FOLDER
from audit.signing.key_files import MLDSA_PUBLIC_FILE
from audit.signing.signer import STATE_FILE, FileState
from audit.store import EntryReader, EntryRow
from audit.stores.choose import open_keys, open_reader
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import EMPTY_ROOT, Frontier, leaf_hash
from audit.tlog.note import VerifierKey, parse_note
from audit.tlog.policy import Judgement, Policy
from audit.verify.chains import ChainCheck
from audit.verify.erasures import ErasureCheck
from audit.verify.heads import QuickHead, read_head
from audit.verify.parts import PartCheck, Tally
from audit.verify.published import PublishedCheck
from audit.verify.report import Problem, Report, Severity, Witnessing
from audit.verify.sharing import PartsElsewhere
from config.counting import entries

MAX_PROBLEMS = 1000
"""Findings that are listed; a log with more is beyond listing them."""

_OF_ERASURE = frozenset({Kind.APPROVAL_ASKED, Kind.APPROVAL_GIVEN, Kind.ERASE_DONE})


def read_verifier_key(key: str | Path) -> VerifierKey:
    """A verifier key from its text or from a file that holds it. Raises `BadEntry`."""
    if isinstance(key, Path):
        try:
            key = key.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadEntry(f"The verifier key file {key} cannot be read.") from error
    return VerifierKey.parse(key.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What besides the log's own key is asked for. `max_age`: seconds since a quorum of the policy saw the log."""

    policy: Policy | None = None
    max_age: float | None = None
    now: float | None = None
    """Unix time; else that of this machine."""

    @property
    def moment(self) -> float:
        return time.time() if self.now is None else self.now  # noqa: TID251 - ages are told by this machine's clock


_NO_TRUST = Trust()


def verify_log(
    directory: Path,
    verifier_key: str | Path,
    *,
    keys_dir: Path | None = None,
    since: bytes | None = None,
    trust: Trust = _NO_TRUST,
    jobs: int = 1,
) -> Report:
    """Verify the log in `directory` against the log's public key.

    With `keys_dir` sealed parts are opened and the signer's own state is compared. `since` is an older signed
    checkpoint of this log: the log must be an extension of it. With `jobs` > 1 sealed parts are checked by other
    processes, one fewer than that. Raises `LogMissing`, `BadEntry` (no usable key or checkpoint was given),
    `KeyUnavailable` (no root key); whatever is wrong with the log itself is in the report.
    """
    return _verify(directory, verifier_key, keys_dir, since, None, trust, jobs)


def verify_session(
    directory: Path,
    session: str,
    verifier_key: str | Path,
    *,
    keys_dir: Path | None = None,
    since: bytes | None = None,
    trust: Trust = _NO_TRUST,
) -> Report:
    """Verify the log, but open the sealed parts and list the chain of this one session only. As `verify_log`."""
    return _verify(directory, verifier_key, keys_dir, since, session, trust, 1)


def _verify(
    directory: Path,
    verifier_key: str | Path,
    keys_dir: Path | None,
    since: bytes | None,
    session: str | None,
    trust: Trust,
    jobs: int,
) -> Report:
    key = read_verifier_key(verifier_key)
    verification = _Verification(key, session, trust)
    verification.also_signed_by(_second_key(verifier_key))
    if since is not None:
        verification.expect(_OLDER, open_checkpoint(since, key))
    # What is read before the snapshot cannot be ahead of it on a sound log; what is read after it not behind.
    if keys_dir is not None:
        verification.expect_state(FileState(keys_dir / STATE_FILE))
    published = _read_note(directory)
    verification.expect_published(directory / FOLDER)
    try:
        with closing(open_reader(directory)) as store:
            store.begin()
            verification.expect_notes(published, store.meta("checkpoint"))
            verification.not_older(_read_note(directory))
            with _keys(directory, keys_dir, key.name) as keys:
                others = PartsElsewhere(directory, keys_dir, key.name, jobs) if jobs > 1 else None
                verification.run(store, keys, others)
    except LogDamaged as damage:
        verification.add("contradiction", None, str(damage))
    return verification.report()


def _second_key(verifier_key: str | Path) -> VerifierKey | None:
    """The log's second key, if its public half lies beside the first one."""
    if isinstance(verifier_key, Path):
        beside = verifier_key.with_name(MLDSA_PUBLIC_FILE)
        if beside != verifier_key and beside.is_file():
            return read_verifier_key(beside)
    return None


@contextmanager
def _keys(directory: Path, keys_dir: Path | None, origin: str) -> Iterator[KeyStore | None]:
    if keys_dir is None:
        yield None
        return
    with closing(open_keys(directory, keys_dir, origin, read_only=True)) as keys:
        yield keys


def _read_note(directory: Path) -> bytes | None:
    try:
        return (directory / CHECKPOINT_FILE).read_bytes()
    except OSError:
        return None


class _Verification:
    """One run: collects what the log must agree with, the findings and the counts."""

    def __init__(self, key: VerifierKey, only: str | None, trust: Trust) -> None:
        self._key = key
        self._only = only
        self._trust = trust
        self._judged: list[Judgement] = []
        self._signers = [key]
        self._own_signatures: dict[str, frozenset[int]] = {}
        self._problems: list[Problem] = []
        self._expected: list[tuple[str, Checkpoint]] = []
        self._goes_on_from: int | None = None
        self._chains = ChainCheck()
        self._tally = Tally(ErasureCheck())
        self._published: PublishedCheck | None = None
        self._published_note: tuple[Path, bytes] | None = None
        self._gaps: list[str] = []
        self._frontier = Frontier()
        self._roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self._kept: Checkpoint | None = None
        self._keys_given = False

    def add(self, severity: Severity, index: int | None, text: str) -> None:
        """Note a finding. Those about the log as a whole are few and always noted."""
        if index is None or len(self._problems) < MAX_PROBLEMS:
            self._problems.append(Problem(severity, index, text))

    def _add_all(self, index: int | None, found: Iterable[tuple[Severity, str]]) -> None:
        for severity, text in found:
            self.add(severity, index, text)

    # --- what the log must agree with --------------------------------------------------------------------------------

    def expect(self, what: str, checkpoint: Checkpoint) -> None:
        """The log must have this root at this size."""
        self._expected.append((what, checkpoint))

    def also_signed_by(self, second: VerifierKey | None) -> None:
        """Signatures of this key are checked too where a checkpoint carries them."""
        self._signers = [self._key, *([] if second is None else [second])]

    def expect_state(self, keeper: FileState) -> None:
        """The log must go on from what its signer signed last."""
        try:
            state = keeper.load()
        except LogDamaged as damage:
            self.add("contradiction", None, str(damage))
            return
        if state is not None and state.size:
            self.expect("the signer's own state", Checkpoint(state.origin, state.size, state.root))

    def expect_notes(self, published: bytes | None, stored: str | None) -> None:
        """The checkpoint file and the checkpoint kept in the database."""
        self._kept = self._signed_note("the checkpoint in the database", None if stored is None else stored.encode())
        note = self._signed_note("the checkpoint file", published)
        if note is None and self._kept is None and self._published is not None:
            self.add("missing", None, "neither the checkpoint file nor its copy is there; the published one was used")
        elif note is None and self._kept is None:
            self.add(
                "missing", None, "no checkpoint signed by this key was found: nothing proves that the log is whole"
            )
        elif published is None:
            self.add("missing", None, "the checkpoint file is not there; the one in the database was used")

    def expect_published(self, folder: Path) -> None:
        """The published log beside the database, if there is one."""
        note = _read_note(folder)
        if note is None:
            if (folder / "tile").is_dir():
                self.add("missing", None, "the published log has no checkpoint")
            return
        checkpoint = self._signed_note("the published checkpoint", note)
        if checkpoint is not None:
            self._published = PublishedCheck(folder, checkpoint.size)
            self._published_note = folder, note

    def not_older(self, latest: bytes | None) -> None:
        """The file is written first, so it is never older than what the database keeps."""
        if latest is None or self._kept is None:
            return
        try:
            older = open_checkpoint(latest, self._key).size < self._kept.size
        except BadEntry:
            return  # noted already
        if older:
            self.add("contradiction", None, "the checkpoint file is older than the one in the database")

    def _signed_note(self, what: str, note: bytes | None) -> Checkpoint | None:
        if note is None:
            return None
        try:
            checkpoint = open_checkpoint(note, self._key)
            parsed = parse_note(note)
            parsed.verified_by(self._signers)
        except BadEntry as error:
            self.add("contradiction", None, f"{what} does not verify: {error}")
            return None
        self.expect(what, checkpoint)
        # Witnesses may have been added to one copy and not to another, and a tree may be signed twice; but by
        # which keys it is signed in the log's name is the same everywhere.
        own = frozenset(signature.key_id for signature in parsed.signatures if signature.name == self._key.name)
        if self._own_signatures.setdefault(parsed.text, own) != own:
            self.add("contradiction", None, f"{what} is signed by other keys of the log than its copies")
        elif len(self._signers) > 1 and not own <= {key.key_id for key in self._signers}:
            self.add(
                "contradiction", None, f"{what} carries a signature in the log's name by a key that it does not have"
            )
        if self._trust.policy is not None:
            try:
                self._judged.append(self._trust.policy.judge(note, self._trust.moment, logs=[self._key]))
            except BadEntry as error:
                self.add("contradiction", None, f"{what} does not stand up to the policy: {error}")
        return checkpoint

    # --- the pass over the log ---------------------------------------------------------------------------------------

    def run(self, store: EntryReader, keys: KeyStore | None, others: PartsElsewhere | None) -> None:
        """Recompute everything. Raises `LogDamaged` where the medium cannot be read."""
        self._keys_given = keys is not None
        if store.meta("origin") != self._key.name:
            self.add("contradiction", None, "the log belongs to another origin than the key")
        for finding in store.integrity():
            self.add("contradiction", None, f"the database is damaged: {finding}")
        try:
            self._tally.erasures.collect((row.index, row.head) for row in store.of_kinds([Kind.ERASE_DONE.value]))
            if others is None:
                self._pass(store, PartCheck(store, keys, self._key.name, self._only, self._tally.erasures))
            else:
                with others.checking(store.size(), self._only, self._tally.erasures):
                    self._pass(store, None)
                self._collect(others)
            self._check_derived(store)
        except (TypeError, ValueError, AttributeError) as error:
            raise LogDamaged("A row of the database holds values of a wrong type.") from error
        for what, checkpoint in self._expected:
            self._check_expected(what, checkpoint)
        for index, text in self._tally.seals.findings():
            self.add("contradiction", index, text)
        for index in self._tally.erasures.unmet():
            self.add("contradiction", index, "an erasure is there at one look and not at the next")

    def _pass(self, store: EntryReader, parts: PartCheck | None) -> None:
        wanted = {checkpoint.size for _, checkpoint in self._expected}
        expected_index, frontier = 0, self._frontier
        if parts is not None:
            self._tally = parts.tally
        for row in store.entries(-(1 << 62), 1 << 62):
            index = row.index
            if index != expected_index:
                self._gaps.append(f"{expected_index} to {index - 1}")
                self.add("contradiction", index, f"gap: entry {expected_index} was expected here")
            expected_index = index + 1
            frontier.append(row.leaf)
            if frontier.size in wanted:
                self._roots[frontier.size] = frontier.root()
            head = self._check_row(row)
            if head is not None and parts is not None and (found := parts.check(index, head)):
                self._add_all(index, found)
        if parts is not None:
            for index, severity, text in parts.left_over():
                self.add(severity, index, text)
        self._finish_published()

    def _collect(self, others: PartsElsewhere) -> None:
        """What the other processes found."""
        for tally, problems in others.results():
            for index, severity, text in problems:
                self.add(severity, index, text)
            self._tally.sealed.add(tally.sealed)
            self._tally.chunks.add(tally.chunks)
            self._tally.seals.merge(tally.seals)
            self._tally.erasures.merge(tally.erasures)

    def _finish_published(self) -> None:
        if self._published is None or self._published_note is None:
            return
        folder, note = self._published_note
        found = list(self._published.finish())
        moved_on = _read_note(folder) != note  # partial tiles may have been cleared away meanwhile
        for severity, text in found:
            if severity == "contradiction" or not moved_on:
                self.add(severity, None, f"the published log: {text}")

    def _check_row(self, row: EntryRow) -> QuickHead | Head | None:
        index = row.index
        if leaf_hash(row.head) != row.leaf:
            self.add("contradiction", index, "its bytes do not have the hash that is stored with them")
        if self._published is not None and (found := self._published.feed(row.head, row.leaf)):
            self._add_all(None, [(severity, f"the published log: {text}") for severity, text in found])
        try:
            head = read_head(row.head)
        except BadEntry as error:
            self.add("contradiction", index, f"it cannot be read: {error}")
            return None
        session = head.session
        if row.session != session or row.consent_ref != (None if session else head.consent_ref):
            self.add("contradiction", index, "the database files it under another session or consent")
        if found := self._chains.feed(index, head, row.leaf):
            self._add_all(index, found)
        if head.kind in _OF_ERASURE:
            self._add_all(index, self._tally.erasures.feed(index, head))
        elif head.kind is Kind.INTEGRITY_SEAL:
            self._tally.seals.seal(index, head)
        return head

    def _check_expected(self, what: str, checkpoint: Checkpoint) -> None:
        size = self._frontier.size
        if checkpoint.origin != self._key.name:
            self.add("contradiction", None, f"{what} belongs to another log")
        elif checkpoint.size > size:
            self.add("contradiction", None, f"{what} covers {entries(checkpoint.size)}, the log has only {size}")
        elif self._roots.get(checkpoint.size) != checkpoint.root:
            self.add("contradiction", None, f"{what} has another root over the first {entries(checkpoint.size)}")
        elif what == _OLDER:
            self._goes_on_from = checkpoint.size

    def _check_derived(self, store: EntryReader) -> None:
        kept = store.frontier()
        if (kept.size, kept.nodes) != (self._frontier.size, self._frontier.nodes):
            self.add("contradiction", None, "the tree that the database keeps is not that of its entries")
        if {row.session: row for row in store.sessions()} != self._chains.rows():
            self.add("contradiction", None, "the table of sessions does not follow from the entries")
        if {end.consent_ref: end for end in store.consent_ends()} != self._chains.consent_ends:
            self.add("contradiction", None, "the table of ended consents does not follow from the entries")

    def report(self) -> Report:
        """What was found."""
        sessions = self._chains.sessions(self._only)
        if self._only is not None and not sessions:
            self.add("missing", None, f"the log has no session {self._only}")
        witnessing = self._weigh()
        sealed, chunks, size = self._tally.sealed, self._tally.chunks, self._frontier.size
        signed = [checkpoint.size for what, checkpoint in self._expected if what.startswith(_OWN)]
        return Report(
            origin=self._key.name,
            signer=str(self._key),
            size=size,
            root=self._frontier.root(),
            signed_size=min(max(signed, default=0), size),
            entries_checked=size,
            sessions=sessions,
            clock_steps=tuple(self._chains.clock_steps),
            starts=self._chains.starts,
            parts_committed=sealed.committed,
            parts_checked=sealed.matching,
            parts_erased=sealed.erased,
            chunks_recorded=chunks.committed,
            chunks_checked=chunks.matching,
            chunks_erased=chunks.erased,
            keys_given=self._keys_given,
            problems=tuple(self._problems),
            erased=self._tally.erasures.ranges(),
            gaps=tuple(self._gaps),
            seals_compared=self._tally.seals.compared,
            tiles_compared=None if self._published is None else self._published.compared,
            witnessing=witnessing,
            goes_on_from=self._goes_on_from,
        )

    def _weigh(self) -> Witnessing | None:
        """What the policy says of the checkpoints that were found."""
        policy, now = self._trust.policy, self._trust.moment
        if policy is None:
            return None
        if not self._judged:
            self.add("missing", None, "no checkpoint was found that the policy could be asked about")
            return None
        best = max(self._judged, key=lambda one: (one.quorum, one.quorum_time or 0, one.checkpoint.size))
        age = None if best.quorum_time is None else int(now - best.quorum_time)
        if not best.quorum:
            self.add("missing", None, f"too few witnesses cosigned for the policy's quorum, {policy.quorum}")
        elif self._trust.max_age is not None and (age is None or age > self._trust.max_age):
            self.add("missing", None, "the quorum of witnesses is older than allowed, or the policy asks for none")
        return Witnessing(
            quorum_name=policy.quorum,
            quorum=best.quorum,
            cosigned=best.cosigned,
            witnesses=len(policy.witnesses),
            size=best.checkpoint.size,
            age=age,
        )


_OLDER = "the older checkpoint"
_OWN = ("the checkpoint ", "the published checkpoint")
"""How the log's own checkpoints are called in findings."""

"""Verification of a whole log or one session, offline, trusting nothing but a public key.

Counterpart: `audit.verify.report`.

Everything is recomputed from the heads: leaf hashes, tree, session chains, the order of commands and revocations,
derived tables; with the keys also every sealed part and recording chunk against its commitment. It works beside a
running gateway: all reads see one snapshot.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from audit.errors import BadEntry, LogDamaged
from audit.files import CHECKPOINT_FILE
from audit.keys.file_store import KEYS_FILE, FileKeyStore
from audit.keys.store import KeyStore
from audit.leaf import Head, parse
from audit.signing.signer import STATE_FILE, FileState
from audit.store import EntryReader, EntryRow
from audit.stores.sqlite import open_reader
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import EMPTY_ROOT, Frontier, leaf_hash
from audit.tlog.note import VerifierKey
from audit.verify.chains import ChainCheck
from audit.verify.parts import Count, PartCheck
from audit.verify.report import Problem, Report, Severity

MAX_PROBLEMS = 1000
"""Findings that are listed; a log with more is beyond listing them."""


def read_verifier_key(key: str | Path) -> VerifierKey:
    """A verifier key from its text or from a file that holds it. Raises `BadEntry`."""
    if isinstance(key, Path):
        try:
            key = key.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadEntry(f"The verifier key file {key} cannot be read.") from error
    return VerifierKey.parse(key.strip())


def verify_log(
    directory: Path, verifier_key: str | Path, *, keys_dir: Path | None = None, since: bytes | None = None
) -> Report:
    """Verify the log in `directory` against the log's public key.

    With `keys_dir` sealed parts are opened and the signer's own state is compared. `since` is an older signed
    checkpoint of this log: the log must be an extension of it. Raises `LogMissing`, `BadEntry` (no usable key or
    checkpoint was given), `KeyUnavailable` (no root key); whatever is wrong with the log itself is in the report.
    """
    return _verify(directory, verifier_key, keys_dir, since, None)


def verify_session(directory: Path, session: str, verifier_key: str | Path, *, keys_dir: Path | None = None) -> Report:
    """Verify the log, but open the sealed parts and list the chain of this one session only. As `verify_log`."""
    return _verify(directory, verifier_key, keys_dir, None, session)


def _verify(
    directory: Path, verifier_key: str | Path, keys_dir: Path | None, since: bytes | None, session: str | None
) -> Report:
    key = read_verifier_key(verifier_key)
    verification = _Verification(key, session)
    if since is not None:
        verification.expect("the older checkpoint", open_checkpoint(since, key))
    # What is read before the snapshot cannot be ahead of it on a sound log; what is read after it not behind.
    if keys_dir is not None:
        verification.expect_state(FileState(keys_dir / STATE_FILE))
    published = _read_note(directory)
    try:
        with closing(open_reader(directory)) as store:
            store.begin()
            verification.expect_notes(published, store.meta("checkpoint"))
            verification.not_older(_read_note(directory))
            with _keys(directory, keys_dir, key.name) as keys:
                verification.run(store, keys)
    except LogDamaged as damage:
        verification.add("contradiction", None, str(damage))
    return verification.report()


@contextmanager
def _keys(directory: Path, keys_dir: Path | None, origin: str) -> Iterator[KeyStore | None]:
    if keys_dir is None:
        yield None
        return
    with closing(FileKeyStore.open_read_only(directory / KEYS_FILE, keys_dir, origin)) as keys:
        yield keys


def _read_note(directory: Path) -> bytes | None:
    try:
        return (directory / CHECKPOINT_FILE).read_bytes()
    except OSError:
        return None


class _Verification:
    """One run: collects what the log must agree with, the findings and the counts."""

    def __init__(self, key: VerifierKey, only: str | None) -> None:
        self._key = key
        self._only = only
        self._problems: list[Problem] = []
        self._expected: list[tuple[str, Checkpoint]] = []
        self._chains = ChainCheck()
        self._parts: PartCheck | None = None
        self._frontier = Frontier()
        self._roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self._kept: Checkpoint | None = None
        self._keys_given = False

    def add(self, severity: Severity, index: int | None, text: str) -> None:
        """Note a finding. Those about the log as a whole are few and always noted."""
        if index is None or len(self._problems) < MAX_PROBLEMS:
            self._problems.append(Problem(severity, index, text))

    # --- what the log must agree with --------------------------------------------------------------------------------

    def expect(self, what: str, checkpoint: Checkpoint) -> None:
        """The log must have this root at this size."""
        self._expected.append((what, checkpoint))

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
        if note is None and self._kept is None:
            self.add(
                "missing", None, "no checkpoint signed by this key was found: nothing proves that the log is whole"
            )
        elif published is None:
            self.add("missing", None, "the checkpoint file is not there; the one in the database was used")

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
        except BadEntry as error:
            self.add("contradiction", None, f"{what} does not verify: {error}")
            return None
        self.expect(what, checkpoint)
        return checkpoint

    # --- the pass over the log ---------------------------------------------------------------------------------------

    def run(self, store: EntryReader, keys: KeyStore | None) -> None:
        """Recompute everything. Raises `LogDamaged` where the medium cannot be read."""
        self._keys_given = keys is not None
        if store.meta("origin") != self._key.name:
            self.add("contradiction", None, "the log belongs to another origin than the key")
        for finding in store.integrity():
            self.add("contradiction", None, f"the database is damaged: {finding}")
        try:
            self._pass(store, keys)
            self._check_derived(store)
        except (TypeError, ValueError, AttributeError) as error:
            raise LogDamaged("A row of the database holds values of a wrong type.") from error
        for what, checkpoint in self._expected:
            self._check_expected(what, checkpoint)

    def _pass(self, store: EntryReader, keys: KeyStore | None) -> None:
        parts = self._parts = PartCheck(store, keys, self._key.name, self._only)
        wanted = {checkpoint.size for _, checkpoint in self._expected}
        expected_index = 0
        for row in store.entries(-(1 << 62), 1 << 62):
            if row.index != expected_index:
                self.add("contradiction", row.index, f"gap: entry {expected_index} was expected here")
            expected_index = row.index + 1
            self._frontier.append(row.leaf)
            if self._frontier.size in wanted:
                self._roots[self._frontier.size] = self._frontier.root()
            head = self._check_row(row)
            if head is not None:
                for severity, text in parts.check(row.index, head):
                    self.add(severity, row.index, text)
        for index, severity, text in parts.left_over():
            self.add(severity, index, text)

    def _check_row(self, row: EntryRow) -> Head | None:
        if leaf_hash(row.head) != row.leaf:
            self.add("contradiction", row.index, "its bytes do not have the hash that is stored with them")
        try:
            head = parse(row.head)
        except BadEntry as error:
            self.add("contradiction", row.index, f"it cannot be read: {error}")
            return None
        if (row.session, row.consent_ref) != (head.session, None if head.session else head.consent_ref):
            self.add("contradiction", row.index, "the database files it under another session or consent")
        for severity, text in self._chains.feed(row.index, head, row.leaf):
            self.add(severity, row.index, text)
        return head

    def _check_expected(self, what: str, checkpoint: Checkpoint) -> None:
        size = self._frontier.size
        if checkpoint.origin != self._key.name:
            self.add("contradiction", None, f"{what} belongs to another log")
        elif checkpoint.size > size:
            self.add("contradiction", None, f"{what} covers {checkpoint.size} entries, the log has only {size}")
        elif self._roots.get(checkpoint.size) != checkpoint.root:
            self.add("contradiction", None, f"{what} has another root over the first {checkpoint.size} entries")

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
        sealed, chunks = (Count(), Count()) if self._parts is None else (self._parts.sealed, self._parts.chunks)
        signed = [checkpoint.size for what, checkpoint in self._expected if what.startswith("the checkpoint ")]
        return Report(
            origin=self._key.name,
            signer=str(self._key),
            size=self._frontier.size,
            root=self._frontier.root(),
            signed_size=min(max(signed, default=0), self._frontier.size),
            entries_checked=self._frontier.size,
            sessions=sessions,
            clock_steps=tuple(self._chains.clock_steps),
            starts=self._chains.starts,
            parts_committed=sealed.committed,
            parts_checked=sealed.matching,
            chunks_recorded=chunks.committed,
            chunks_checked=chunks.matching,
            keys_given=self._keys_given,
            problems=tuple(self._problems),
        )

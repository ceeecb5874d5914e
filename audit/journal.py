"""The evidence journal: what every part of Vestibule records through. Counterparts: `audit.reader`, `audit.verify.log`.

Two promises. Durable: what `append`, `append_command` and `append_chunk` return stands in the log across a crash or
power cut. Linearised: a command is refused in the same order in which ends of consents and sessions are recorded, so
it stands before the revocation in the log, or it does not stand there and is never sent.
"""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from typing import TypeAlias, TypeVar

import structlog

from audit._mint import KEY
from audit.command import NewCommand, RecordedCommand
from audit.committer import CAPACITY, Committer, Ticket
from audit.entry import EntryRef, Json, Kind, NewEntry
from audit.errors import AuditError, BadEntry, LogDamaged, RecordFailed
from audit.keys.file_store import KEYS_FILE, FileKeyStore
from audit.keys.memory_store import MemoryKeyStore
from audit.keys.ring import KeyRing
from audit.keys.store import KeyStore
from audit.leaf import Outline
from audit.ledger import RAISES_GENERATION, Ledger
from audit.publish.attested import NOBODY, Attestation, Attested
from audit.publish.leading import Others, SharedPublisher
from audit.publish.prove import from_leaves, from_tiles
from audit.publish.published import NOT_PUBLISHED, Published, open_published
from audit.publish.publisher import Publisher
from audit.publish.standing import Standing
from audit.publish.tile_store import TileStore
from audit.reader import EvidenceReader
from audit.recovery import Recovered, recover, repairs
from audit.rpc import CLAIMING, NewRpc, RecordedRpc
from audit.sharing import Shared, open_shared
from audit.signing.opening import open_signer
from audit.signing.rotation import Rotation, leaving
from audit.signing.signer import CheckpointSigner, MemoryState, Signer
from audit.staging import CHECKPOINTED, Draft, Staged, Stager, draft_chunk, draft_command, draft_entry, draft_rpc
from audit.store import Batch, EntryRow, EntryStore
from audit.stores.choose import Database, not_in_database
from audit.stores.memory import MemoryEntryStore
from audit.stores.sqlite import open_store
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import SigningKey, parse_note
from config.clock import Clock
from config.waiting import within

_T = TypeVar("_T")

APPEND_SECONDS = 2.0
"""How long a writer waits for durability before its line is given up."""

_AT_ONCE = CAPACITY // 4
"""Entries of the recovery that are queued together: well below what the queue holds."""

HEARD_SECONDS = 1.0
"""A worker beside others sends nothing if it has not heard of them for this long."""

_BEYOND = 1 << 62
"""More than any index."""


@dataclass(frozen=True, slots=True)
class _Notice:
    """Not an entry: facts about the log to keep beside it (the last checkpoint)."""

    meta: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Chore:
    """Not an entry: something about the log's stores that must not happen in the middle of an append."""

    act: Callable[[EntryStore, KeyStore, KeyRing], object]
    done: "concurrent.futures.Future[object]"


class _Turn(Enum):
    """Not an entry either: what a worker does beside others."""

    HEAR = auto()
    """Read what they recorded."""
    LEAD = auto()
    """Sign from now on: nobody else does."""


_Work: TypeAlias = Draft | _Notice | _Turn | _Chore
_Answer: TypeAlias = Staged | None


class Journal:
    """One worker's way into one log. Methods may be called from any thread; the awaitable ones from any event loop."""

    def __init__(
        self,
        store: EntryStore,
        keys: KeyStore,
        signer: CheckpointSigner,
        clock: Clock,
        *,
        directory: Path | None = None,
        keys_dir: Path | None = None,
        full_check: bool | None = None,
        others: Others | None = None,
        published: Published = NOT_PUBLISHED,
        attestation: Attestation = NOBODY,
        first: NewEntry | None = None,
    ) -> None:
        """Recover the log and start recording; `open` and `in_memory` are the usual ways here.

        `published`: where checkpoints and tiles go besides the database. `attestation`: who else vouches for them.
        `first`: entry 0 of a log that continues another one (`audit.signing.rotation`).
        `others`: there may be more workers; this one signs only while it leads, and until then `signer` is only asked
        for keys and state. Raises `LogDamaged` or `RecordFailed`; the caller then still owns store, keys and signer.
        """
        recovered = recover(store, signer.state, full=full_check, boot=store.boot)
        signed = Checkpoint(signer.verifier.name, signer.state.size, signer.state.root)
        restored = published.restore(signed, whole=recovered.checked >= recovered.frontier.size)
        recovered = replace(recovered, steps=(*recovered.steps, *restored))
        ledger = Ledger(recovered.generation, store.session, store.consent_end)
        for session in (*recovered.unclosed, *recovered.others):
            ledger.restore(session.chain)
        self.origin = signer.verifier.name
        self.verifier_key = str(signer.verifier)
        """C2SP verifier key of the log's checkpoints."""
        self.append_seconds = APPEND_SECONDS
        self._store, self._keys, self._signer, self._clock = store, keys, signer, clock
        self._directory, self._keys_dir = directory, keys_dir
        self._ledger = ledger
        self._keyring = KeyRing(keys)
        self._stager = Stager(
            origin=self.origin,
            worker=f"{recovered.boot.worker}/{recovered.boot.epoch}",
            clock=clock,
            ledger=ledger,
            keyring=self._keyring,
            frontier=recovered.frontier,
        )
        self._poison_callbacks: list[Callable[[], None]] = []
        self._closed = False
        self._ended = False
        self._signed: bytes | None = None
        self._end_callbacks: list[Callable[[Outline], object]] = []
        self._others = others
        self._published = published
        published.on_damage(self._published_differs)
        self._attestation = attestation
        self._attested = Attested(
            attestation,
            directory,
            self._place,
            self._prove,
            self._alarm,
            self._not_shown,
            clock,
            log_keys=signer.verifiers,
        )
        self._heard_ns = clock.monotonic_ns()
        self._hearing: concurrent.futures.Future[_Answer] | None = None
        self._publisher = self._publisher_of(signer) if others is None else SharedPublisher(others, self._take_lead)
        self._committer: Committer[_Work, _Answer] = Committer(self._commit, after=store.tidy, on_poison=self._poisoned)
        found = recovered.frontier
        self._publisher.durable(recovered.added, found.size, found.copy().root, urgent=False)
        try:
            if others is not None:
                others.watch.start(heard=self._hear, lead=self._lead, lost=self._committer.poison)
            self._begin(recovered, first)
        except BaseException:
            self._end_threads()
            raise

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        keys_dir: Path,
        origin: str,
        clock: Clock,
        full_check: bool | None = None,
        signer_socket: Path | None = None,
        objects: TileStore | None = None,
        database: Database | None = None,
        attestation: Attestation = NOBODY,
        first: NewEntry | None = None,
    ) -> "Journal":
        """Open (or make) the log in `directory`, check it, close what a crash left open.

        `origin` names a new log: without a slash it is a prefix, and a random part is added. An existing log keeps its
        own origin, which must fit. Checkpoints are signed with the key in `keys_dir`, or by the process that listens
        at `signer_socket`. The log is published in the folder `log`, and delivered to `objects`. With `database` the
        entries are there, and this is one of several workers. Raises `LogDamaged`, `LogInUse`, `LogMissing`,
        `KeyUnavailable`, `SignerUnavailable`, `RecordFailed`. `attestation`: witnesses and an authority for time.
        `first`: entry 0 of a new log that continues another one; a log that has entries raises `BadEntry`.
        """
        if database is not None:
            shared = open_shared(
                directory, database, keys_dir, origin, clock, signer_socket=signer_socket, objects=objects
            )
            return cls._beside_others(
                shared, clock, directory, keys_dir, full_check=full_check, attestation=attestation
            )
        not_in_database(directory)
        try:
            store = open_store(directory)
        except OSError as error:
            raise RecordFailed(f"The log in {directory} cannot be opened ({error.strerror}).") from error
        keys: KeyStore | None = None
        signer: CheckpointSigner | None = None
        published: Published | None = None
        try:
            signer = open_signer(store, origin, keys_dir, clock, socket=signer_socket)
            keys = FileKeyStore.open(directory / KEYS_FILE, keys_dir, signer.verifier.name)
            published = open_published(directory, signer.verifier, objects)
            return cls(
                store,
                keys,
                signer,
                clock,
                directory=directory,
                keys_dir=keys_dir,
                full_check=full_check,
                published=published,
                attestation=attestation,
                first=first,
            )
        except BaseException as error:
            for opened in (published, keys, signer):
                if opened is not None:
                    opened.close()
            store.abandon()
            if isinstance(error, OSError):
                raise RecordFailed(f"The log in {directory} cannot be opened ({error.strerror}).") from error
            raise

    @classmethod
    def _beside_others(
        cls,
        shared: Shared,
        clock: Clock,
        directory: Path,
        keys_dir: Path,
        *,
        full_check: bool | None,
        attestation: Attestation,
    ) -> "Journal":
        try:
            return cls(
                shared.store,
                shared.keys,
                shared.signer,
                clock,
                directory=directory,
                keys_dir=keys_dir,
                full_check=full_check,
                others=shared.others,
                attestation=attestation,
            )
        except BaseException:
            shared.others.watch.stop()
            shared.keys.close()
            shared.store.abandon()
            raise

    @classmethod
    def in_memory(
        cls, clock: Clock, *, store: MemoryEntryStore | None = None, keys: MemoryKeyStore | None = None
    ) -> "Journal":
        """The same journal over stores that forget everything and can be told to fail."""
        key = SigningKey("logs.memory/test", bytes(range(32)))
        return cls(store or MemoryEntryStore(), keys or MemoryKeyStore(), Signer(key, MemoryState()), clock)

    # --- recording ---------------------------------------------------------------------------------------------------

    async def append(self, entry: NewEntry) -> EntryRef:
        """Record; durable when it returns.

        Raises `RecordFailed` (nothing may be built on it), `Overloaded`, `RecordRefused` (its session has ended, or is
        to be opened under a consent that has), `BadEntry`. If the waiter is cancelled the entry may stand all the same.
        """
        return (await self._record(draft_entry(entry))).ref

    def append_later(self, entry: NewEntry) -> "concurrent.futures.Future[EntryRef]":
        """Queue in order and go on; the future is done when the entry is durable. Raises at once like `append`."""
        future: concurrent.futures.Future[EntryRef] = concurrent.futures.Future()
        inner = self._submit_thread(draft_entry(entry))
        inner.add_done_callback(lambda done: _pass_on(done, future))
        return future

    def append_along(self, entry: NewEntry) -> None:
        """Queue in order what nobody waits for: it is durable with the next entry, or within `ALONG_SECONDS`.

        For what follows from a recorded command (sent, result): a crash before that is reported as `cmd.unknown`.
        Raises at once like `append`.
        """
        self._committer.submit(draft_entry(entry), Ticket(None), along=True)

    async def append_command(self, command: NewCommand) -> RecordedCommand:
        """Record a command that policy allowed, and prove it: the only maker of `RecordedCommand`.

        Raises `RecordRefused` if, in log order, its consent or session has ended or its deadline has passed; else as
        `append`. The caller MUST ask `why_ended` before sending the first byte.
        """
        staged = await self._record(draft_command(command))
        assert staged.ref.n is not None
        return RecordedCommand(
            wire=command.wire,
            session=command.session,
            consent_ref=command.consent_ref,
            entry_index=staged.ref.index,
            n=staged.ref.n,
            generation=staged.generation,
            purpose=command.purpose,
            mint=KEY,
        )

    async def append_rpc(self, rpc: NewRpc) -> RecordedRpc:
        """Record a CWMP RPC that policy allowed, and prove it: the only maker of `RecordedRpc`.

        What is sent for a rep is refused like a command (`append_command`); raises as that. The caller MUST ask
        `why_rpc_ended` before sending the first byte.
        """
        staged = await self._record(draft_rpc(rpc))
        return RecordedRpc(
            rpc_id=rpc.rpc_id,
            method=rpc.method,
            wire=rpc.wire,
            purpose=rpc.purpose,
            session=rpc.session,
            consent_ref=rpc.consent_ref,
            subscriber=rpc.subscriber,
            entry_index=staged.ref.index,
            n=staged.ref.n,
            generation=staged.generation,
            mint=KEY,
        )

    async def append_chunk(self, entry: NewEntry, frame: bytes, lines: bytes) -> EntryRef:
        """Record a recording chunk: `frame`, which is `lines` compressed, sealed and stored in the transaction of its
        `rec.chunk` entry.

        The entry's fact `no` is the chunk's number; the journal adds `cd` (digest of the stored bytes) and `pc` (salted
        commitment to `lines`, so that it can be checked without a decompressor). Raises as `append`.
        """
        return (await self._record(draft_chunk(entry, frame, lines))).ref

    def why_ended(self, command: RecordedCommand) -> str | None:
        """Why a recorded command may not be sent any more, in the words of `RecordRefused`; none while it may.

        Its consent or its session ended since it was recorded, in log order.

        Raises `RecordFailed` if nothing can be recorded any more, or other workers were not heard of lately.
        """
        self._check_hearing()
        return self._ledger.why_ended(command.session, command.consent_ref)

    def why_rpc_ended(self, rpc: RecordedRpc) -> str | None:
        """The same for a recorded RPC; one that relies on no consent may always be sent."""
        self._check_hearing()
        if rpc.purpose not in CLAIMING or rpc.session is None or rpc.consent_ref is None:
            return None
        return self._ledger.why_ended(rpc.session, rpc.consent_ref)

    def _check_hearing(self) -> None:
        """That ends of consents are still heard of. Raises `RecordFailed`."""
        self._committer.check()
        if self._others is not None and self._clock.monotonic_ns() - self._heard_ns > HEARD_SECONDS * 1e9:
            raise RecordFailed(
                f"The log's database has not answered for {HEARD_SECONDS:g} s. The consent may have ended elsewhere: "
                "nothing is sent."
            )

    @property
    def generation(self) -> int:
        """Revocations, kills and the like recorded so far."""
        return self._ledger.generation

    @property
    def poisoned(self) -> bool:
        """Whether a write failed: nothing is recorded any more until a restart."""
        return self._committer.poisoned

    @property
    def quorum_age(self) -> float | None:
        """Seconds since a quorum of witnesses cosigned a checkpoint; None if the settings ask for none."""
        return self._attested.quorum_age

    def standing(self) -> Standing:
        """How the log's checkpoints are doing. Any thread; waits for nobody."""
        return Standing(
            signing=self._publisher.standing(),
            quorum_age=self.quorum_age,
            undelivered_seconds=self._published.undelivered_seconds,
        )

    def on_poison(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, once and from another thread, when recording has failed for good."""
        self._poison_callbacks.append(callback)
        if self._committer.poisoned:
            callback()

    def on_end_elsewhere(self, callback: Callable[[Outline], object]) -> None:
        """Have `callback` called, from another thread, when another worker recorded the end of a consent or session."""
        self._end_callbacks.append(callback)

    @property
    def leads(self) -> bool:
        """Whether it is this worker that signs the log."""
        return isinstance(self._publisher, Publisher) or self._publisher.leads

    def between(self, act: Callable[[EntryStore, KeyStore, KeyRing], _T]) -> _T:
        """Do `act` on the thread that writes the log, after everything queued so far and before anything later.

        For erasure and holds only, and for a moment only: every writer waits meanwhile. Blocks; what `act` raises as
        `AuditError` is raised here, anything else poisons the journal. Raises as `append`.
        """
        done: concurrent.futures.Future[object] = concurrent.futures.Future()
        self._submit_thread(_Chore(act, done)).result()
        result: _T = done.result()  # type: ignore[assignment]
        return result

    async def checkpoint(self) -> None:
        """Sign and publish a checkpoint over all that is durable now. Raises `RecordFailed`, `SignerUnavailable`."""
        await asyncio.wrap_future(self._publisher.request())

    def reader(self) -> EvidenceReader:
        """Read this log, beside the writer."""
        if self._directory is None or self._keys_dir is None:
            return EvidenceReader(self._store, self._keys, self.origin)
        return EvidenceReader.open(self._directory, self._keys_dir)

    def close(self) -> None:
        """Record `log.stop`, finish what is queued, sign a last checkpoint, let go. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if not self._committer.poisoned and not self._ended:
            try:
                self._append_now(NewEntry(kind=Kind.LOG_STOP))
            except RecordFailed:
                structlog.get_logger("audit").warning("log_stop_not_recorded")
            if isinstance(self._publisher, SharedPublisher):
                self._publisher.settle()
        self._end_threads()
        self._keys.close()
        self._signer.close()
        if self._committer.poisoned:
            self._store.abandon()
        else:
            self._store.close()

    def end_for(self, rotation: Rotation) -> bytes:
        """End this log in favour of another one: its last entry, its final checkpoint (the result), and close.

        Nobody else may be recording. Blocks. Raises `RecordFailed`, `SignerUnavailable`, and `BadEntry` if somebody did
        record meanwhile: the log then goes on, and the entry says what was meant.
        """
        if rotation.old != self.origin:
            raise BadEntry(f"This is the log {self.origin}, not the one that is to be ended.")
        last = self._submit_thread(draft_entry(leaving(rotation))).result()
        self._publisher.request().result()
        assert last is not None
        if self._signed is None or Checkpoint.parse(parse_note(self._signed).text).size != last.ref.index + 1:
            raise BadEntry("Something was recorded after the log's last entry; it is not ended.")
        self._ended = True
        self.close()
        return self._signed

    def abandon(self) -> None:
        """Let go at once, as a crash would: no `log.stop`, no last checkpoint. The next open recovers the log."""
        if self._closed:
            return
        self._closed = True
        self._publisher.fail(RecordFailed("The log was abandoned."))
        self._end_threads()
        self._keys.close()
        self._signer.close()
        self._store.abandon()

    def _end_threads(self) -> None:
        """The publisher first: its last checkpoint goes through the committer. The watch last: it holds the lease."""
        self._publisher.stop()
        self._attested.close()
        self._published.close()
        self._committer.stop()
        if self._others is not None:
            self._others.watch.stop()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _begin(self, recovered: Recovered, first: NewEntry | None) -> None:
        if first is not None and recovered.frontier.size:
            raise BadEntry("The log has entries already, so it cannot begin with the end of another one.")
        log = structlog.get_logger("audit")
        for step in recovered.steps:
            log.info("log_check", step=step)
        closing = repairs(recovered)
        started = NewEntry(
            kind=Kind.LOG_START,
            facts={
                "size": recovered.frontier.size,
                "checked": recovered.checked,
                "sessions": len(recovered.unclosed),
                "unknown": sum(len(session.pending) for session in recovered.unclosed),
            },
        )
        self._append_now(*([] if first is None else [first]), started, *closing)

    def _append_now(self, *entries: NewEntry) -> None:
        """Record from a thread and wait. Raises as `append`."""
        for start in range(0, len(entries), _AT_ONCE):
            for future in [self._submit_thread(draft_entry(entry)) for entry in entries[start : start + _AT_ONCE]]:
                future.result()

    def _submit_thread(self, work: _Work) -> "concurrent.futures.Future[_Answer]":
        future: concurrent.futures.Future[_Answer] = concurrent.futures.Future()
        self._committer.submit(work, Ticket(future))
        return future

    async def _record(self, draft: Draft) -> Staged:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Answer] = loop.create_future()
        self._committer.submit(draft, Ticket(future, loop))
        try:
            staged = await within(future, self.append_seconds)
        except TimeoutError as error:
            raise RecordFailed(
                f"The record was not on disk within {self.append_seconds:g} seconds, so nothing was sent."
            ) from error
        assert staged is not None
        return staged

    def _commit(self, work: Sequence[_Work]) -> list[_Answer | Exception]:
        """Committer thread: one transaction for all of `work`. What it raises is final."""
        drafts = [item for item in work if isinstance(item, Draft)]
        meta = {key: value for item in work if isinstance(item, _Notice) for key, value in item.meta}
        if self._stager.frontier.size == 0:
            meta["origin"] = self.origin
        answers = iter(self._append(drafts, meta) if drafts or meta else ())
        for chore in work:
            if isinstance(chore, _Chore):
                self._do(chore)
        if _Turn.HEAR in work or _Turn.LEAD in work:
            self._take_turn(lead=_Turn.LEAD in work)
        return [next(answers) if isinstance(item, Draft) else None for item in work]

    def _do(self, chore: _Chore) -> None:
        """Committer thread. A refusal goes to who asked; what the medium raises is as final as for an entry."""
        try:
            chore.done.set_result(chore.act(self._store, self._keys, self._keyring))
        except AuditError as refusal:
            chore.done.set_exception(refusal)
        except BaseException as error:
            chore.done.set_exception(RecordFailed(f"The log's stores failed ({type(error).__name__})."))
            raise

    def _append(self, drafts: Sequence[Draft], meta: Mapping[str, str]) -> list[Staged | AuditError]:
        outcomes: list[Staged | AuditError] = []
        batch = Batch()

        def stage(foreign: Sequence[EntryRow]) -> Batch:
            nonlocal batch
            self._absorb(foreign)
            batch, staged = self._stager.stage(drafts, meta)
            outcomes.extend(staged)
            return batch

        self._stager.prepare(drafts)
        self._store.append_with(self._stager.frontier.size, stage)
        if batch.frontier is not None:
            # Told before anybody is answered: who asks for a checkpoint after an append gets one that covers it.
            urgent = any(
                isinstance(outcome, Staged) and draft.entry.kind in CHECKPOINTED
                for draft, outcome in zip(drafts, outcomes, strict=True)
            )
            leaves = [entry.leaf for entry in batch.entries]
            self._publisher.durable(leaves, batch.frontier.size, batch.frontier.root, urgent=urgent)
        return outcomes

    def _absorb(self, foreign: Sequence[EntryRow]) -> None:
        """Committer thread: go on behind what others recorded, all of it durable."""
        heard_ns = self._clock.monotonic_ns()
        if foreign:
            outlines = self._stager.absorb(foreign)
            urgent = any(found.kind in CHECKPOINTED for found in outlines)
            tree = self._stager.frontier.copy()
            self._publisher.durable([row.leaf for row in foreign], tree.size, tree.root, urgent=urgent)
            for found in outlines:
                if found.kind in RAISES_GENERATION:
                    for callback in self._end_callbacks:
                        callback(found)
        self._heard_ns = heard_ns

    def _hear(self) -> None:
        """Watch thread: see what others recorded, unless that is about to happen anyway."""
        if self._hearing is None or self._hearing.done():
            with contextlib.suppress(RecordFailed):
                self._hearing = self._submit_thread(_Turn.HEAR)

    def _lead(self) -> None:
        """Watch thread: no other worker signs now."""
        with contextlib.suppress(RecordFailed):
            self._submit_thread(_Turn.LEAD)

    def _take_turn(self, *, lead: bool) -> None:
        """Committer thread: read on; sign, if this worker is to and gets hold of the signer."""
        self._absorb(list(self._store.entries(self._stager.frontier.size, _BEYOND)))
        if isinstance(self._publisher, SharedPublisher):
            self._publisher.take_turn(self._stager.frontier, self._store.leaves, elected=lead)

    def _take_lead(self, signer: CheckpointSigner, published: Published) -> Publisher:
        self._published = published
        published.on_damage(self._published_differs)
        return self._publisher_of(signer)

    def _publisher_of(self, signer: CheckpointSigner) -> Publisher:
        late = self._attestation.alarm_seconds
        return Publisher(signer, self._publish, self._sign_failed, on_late=self._late, late_seconds=late)

    def _publish(self, note: bytes) -> None:
        """Publisher thread: a checkpoint was signed. What it needs first, then itself, for those who watch it."""
        try:
            self._attested.show(note)
            self._signed = note
            self._submit_thread(_Notice((("checkpoint", note.decode()),)))
            if not self._closed:
                self._published.seal(Checkpoint.parse(parse_note(note).text).size, self.append_along)
        except LogDamaged as error:
            self._published_differs(error)
            raise RecordFailed("What is published is not what the log holds.") from error

    def _sign_failed(self, error: Exception) -> None:
        """Publisher thread. A log that its signer refuses says so as its last entry, if it can, and is closed."""
        if isinstance(error, RecordFailed):
            return
        if isinstance(error, LogDamaged):
            structlog.get_logger("audit").critical("signer_refused", step=str(error))
            self._alarm("signer_refused", {"signed": self._signer.state.size})
        self._committer.poison(error)

    def _published_differs(self, error: LogDamaged) -> None:
        """Publisher or delivery thread: somebody was shown another history. Says so as the last entry, if it can."""
        structlog.get_logger("audit").critical("published_differs", step=str(error))
        self._alarm("published_differs", {})
        self._committer.poison(error)

    def _not_shown(self, error: Exception) -> None:
        """Witnessing thread: a cosigned checkpoint could not be shown. It is the disk of the signed one, so the end."""
        if isinstance(error, LogDamaged):
            self._published_differs(error)
        else:
            self._sign_failed(error)

    def _place(self, note: bytes) -> None:
        self._published.publish(note)  # where to may change: who leads publishes

    def _prove(self, checkpoint: Checkpoint, old: int) -> Sequence[bytes]:
        """Witnessing thread: that the tree goes on from the one of `old` entries."""
        beside = self._published.beside
        return (from_leaves(self._read_leaves) if beside is None else from_tiles(beside.tiles))(checkpoint, old)

    def _read_leaves(self, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        """Witnessing thread: stored leaf hashes, by a connection of its own."""
        with contextlib.closing(self.reader()) as reader:
            yield from reader.leaves(low, high)

    def _late(self, seconds: int) -> None:
        """Publisher thread: the signer has not answered for long."""
        structlog.get_logger("audit").error("checkpoint_age", duration_ms=seconds * 1000)
        self._alarm("checkpoint_age", {"seconds": seconds})

    def _alarm(self, what: str, facts: Mapping[str, Json]) -> None:
        """Record `integrity.alarm` where that is possible; waits no longer than a writer would."""
        with contextlib.suppress(RecordFailed, concurrent.futures.TimeoutError):
            entry = NewEntry(kind=Kind.INTEGRITY_ALARM, facts={"what": what, **facts})
            self._submit_thread(draft_entry(entry)).result(self.append_seconds)

    def _poisoned(self, error: Exception) -> None:
        structlog.get_logger("audit").critical("record_failed", error=type(error).__name__)
        self._publisher.fail(error)
        for callback in self._poison_callbacks:
            callback()


def _pass_on(done: "concurrent.futures.Future[_Answer]", future: "concurrent.futures.Future[EntryRef]") -> None:
    if not future.set_running_or_notify_cancel():
        return
    error = done.exception()
    staged = None if error is not None else done.result()
    if staged is None:
        future.set_exception(error or RecordFailed("The record was given up."))
    else:
        future.set_result(staged.ref)

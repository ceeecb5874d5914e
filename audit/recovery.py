"""Opening a log: check that it is whole and not older than what was signed, and find what a crash left open.

Reads only; `audit.journal` writes the entries that follow from it (`log.start`, `cmd.unknown`, `session.closed`). Any
contradiction raises `LogDamaged`, and the log stays closed.
"""

from dataclasses import dataclass, field

from audit.entry import Kind, NewEntry
from audit.errors import BadEntry, LogDamaged
from audit.leaf import Head, parse
from audit.ledger import RAISES_GENERATION, ChainedSession
from audit.signing.signer import SignedState
from audit.store import Boot, EntryReader, EntryRow, SessionRow
from audit.tlog.merkle import Frontier, leaf_hash

FULL_CHECK = 250_000
"""Logs up to this many entries are recomputed whole at every start (about a second); larger ones from the last signed
size on, with a sample of the rest. `verify` always recomputes all."""

SAMPLE = 1000
WORKER = "main"
_ALARM = "Sessions stay closed. Look for a restored backup or a change to the database, and run 'vestibule verify'."


@dataclass(frozen=True, slots=True)
class UnclosedSession:
    """A session that is not closed; `pending`: its commands without a result, and whether they were sent."""

    worker: str
    """Whose it is: the one that recorded its first entry."""
    chain: ChainedSession
    pending: dict[int, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What the journal goes on from."""

    frontier: Frontier
    generation: int
    boot: Boot
    added: tuple[bytes, ...]
    """Leaf hashes beyond the last signed size; the signer has to see them."""
    unclosed: tuple[UnclosedSession, ...]
    """What the crash left open."""
    others: tuple[UnclosedSession, ...]
    """Those of other workers, which may well be running."""
    checked: int
    """Entries whose leaf hash was recomputed."""
    steps: tuple[str, ...] = field(default=())
    """One line for each check that was passed."""


def recover(
    store: EntryReader, signed: SignedState, *, full: bool | None = None, boot: Boot | None = None
) -> Recovered:
    """Check the stored log against itself and against the signer's state. Raises `LogDamaged`.

    `full` forces (or forbids) recomputing everything; by default the size decides. `boot`: this run, where several
    workers append to the log; without it all open sessions are this worker's, and the log tells the epoch.
    """
    store.begin()
    try:
        return _recover(store, signed, full, boot)
    finally:
        store.end()


def _recover(store: EntryReader, signed: SignedState, full: bool | None, boot: Boot | None) -> Recovered:
    size = store.size()
    count = store.count()
    if count != size:
        raise LogDamaged(f"The log has {count} entries but its last index is {size - 1}: some are gone. {_ALARM}")
    if size < signed.size:
        raise LogDamaged(
            f"The log has {size} entries, but {signed.size} were signed: it is older than its checkpoint. {_ALARM}"
        )
    whole = size <= FULL_CHECK if full is None else full
    frontier, added = _recompute(store, signed, size, whole=whole)
    if store.frontier().nodes != frontier.nodes or store.frontier().size != size:
        raise LogDamaged(f"The tree over the {size} entries is not the one that was stored. {_ALARM}")
    checked = len(added)
    if whole:
        checked = size
    elif signed.size:
        checked += _sample(store, signed.size)
    last = _last_head(store, size)
    open_ones = [_unclosed(store, row) for row in store.sessions(only_unclosed=True)]
    unclosed = tuple(session for session in open_ones if boot is None or session.worker == boot.worker)
    return Recovered(
        frontier=frontier,
        generation=0 if last is None else last.generation + (last.kind in RAISES_GENERATION),
        boot=boot or Boot(WORKER, 0 if last is None else int(last.worker.rpartition("/")[2]) + 1),
        added=added,
        unclosed=unclosed,
        others=tuple(session for session in open_ones if session not in unclosed),
        checked=checked,
        steps=(
            f"{size} entries, dense; {checked} recomputed",
            f"root agrees with the {signed.size} entries signed last",
            f"{len(unclosed)} sessions left open, {sum(len(s.pending) for s in unclosed)} commands without a result",
        ),
    )


def repairs(recovered: Recovered) -> list[NewEntry]:
    """Entries that close what the crash left open: `cmd.unknown` for each command whose fate nobody knows, then
    `session.closed` with the reason `crash`. The recording gets no end entry: it breaks off, and players show that."""
    entries = []
    for session in recovered.unclosed:
        chain = session.chain
        for number, sent in session.pending.items():
            entries.append(
                NewEntry(
                    kind=Kind.CMD_UNKNOWN,
                    session=chain.id,
                    consent_ref=chain.consent_ref,
                    facts={"of": number, "sent": sent},
                )
            )
        entries.append(
            NewEntry(
                kind=Kind.SESSION_CLOSED,
                session=chain.id,
                consent_ref=chain.consent_ref,
                facts={"reason": "crash", "chunks": chain.chunks, "unknown": len(session.pending)},
            )
        )
    return entries


def _recompute(
    store: EntryReader, signed: SignedState, size: int, *, whole: bool
) -> tuple[Frontier, tuple[bytes, ...]]:
    """The frontier of all entries, and the leaf hashes beyond the signed size."""
    frontier = Frontier() if whole else signed.frontier()
    added: list[bytes] = []
    for row in store.entries(frontier.size, size):
        if frontier.size == signed.size:
            _agree(frontier, signed)
        _check_row(row, frontier.size)
        frontier.append(row.leaf)
        if row.index >= signed.size:
            added.append(row.leaf)
    if frontier.size == signed.size:
        _agree(frontier, signed)
    return frontier, tuple(added)


def _agree(frontier: Frontier, signed: SignedState) -> None:
    if frontier.nodes != signed.nodes:
        raise LogDamaged(f"The first {signed.size} entries are not those that were signed. {_ALARM}")


def _check_row(row: EntryRow, index: int) -> None:
    if row.index != index:
        raise LogDamaged(f"Entry {index} is missing. {_ALARM}")
    if leaf_hash(row.head) != row.leaf:
        raise LogDamaged(f"Entry {index} was changed: its hash is another one. {_ALARM}")


def _sample(store: EntryReader, below: int) -> int:
    """Recompute evenly spread entries of the part that is not recomputed whole."""
    step = max(1, below // SAMPLE)
    for index in range(0, below, step):
        for row in store.entries(index, index + 1):
            _check_row(row, index)
    return len(range(0, below, step))


def _last_head(store: EntryReader, size: int) -> Head | None:
    heads = [_parse(row) for row in store.entries(size - 1, size)] if size else []
    return heads[0] if heads else None


def _unclosed(store: EntryReader, row: SessionRow) -> UnclosedSession:
    chain = ChainedSession(row.session, row.consent_ref, row.first_index, row.state)
    pending: dict[int, bool] = {}
    worker = ""
    for entry in store.session_entries(row.session):
        head = _parse(entry)
        if head.n != chain.n or head.previous != chain.previous:
            raise LogDamaged(f"The chain of session {row.session} is broken at entry {entry.index}. {_ALARM}")
        worker = worker or head.worker.rpartition("/")[0]
        chain.n += 1
        chain.previous = entry.leaf
        of = head.facts.get("of")
        if head.kind is Kind.CMD_INTENT:
            pending[chain.n - 1] = False
        elif head.kind is Kind.REC_CHUNK:
            chain.chunks += 1
        elif head.kind is Kind.CMD_SENT and isinstance(of, int) and of in pending:
            pending[of] = True
        elif head.kind in (Kind.CMD_RESULT, Kind.CMD_UNKNOWN) and isinstance(of, int):
            pending.pop(of, None)
    return UnclosedSession(worker, chain, pending)


def _parse(row: EntryRow) -> Head:
    try:
        return parse(row.head)
    except BadEntry as error:
        raise LogDamaged(f"Entry {row.index} cannot be read: {error} {_ALARM}") from error

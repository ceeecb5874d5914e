"""Places in the log: dense indexes, chains, one key write a session, and what is refused leaves no trace."""

from datetime import timedelta

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import BadEntry, RecordRefused
from audit.keys.memory_store import MemoryKeyStore
from audit.keys.ring import KeyRing
from audit.keys.sealing import part_aad, salt, unseal
from audit.leaf import commit, parse
from audit.ledger import Ledger
from audit.staging import EPOCH_NS, Staged, Stager, draft_chunk, draft_command, draft_entry
from audit.tlog.merkle import Frontier, leaf_hash, root
from config.ids import new_id

ORIGIN = "logs.isp/1"


class Keys(MemoryKeyStore):
    """Counts durable writes."""

    writes = 0

    def add(self, sets):
        self.writes += 1
        super().add(sets)


class Desk:
    def __init__(self, clock):
        self.keys = Keys()
        self.clock = clock
        self.stager = Stager(
            origin=ORIGIN,
            worker="main/7",
            clock=clock,
            ledger=Ledger(0, lambda _: None, lambda _: None),
            keyring=KeyRing(self.keys),
            frontier=Frontier(),
        )
        self.rows = []

    def stage(self, *drafts):
        self.stager.prepare(drafts)
        batch, outcomes = self.stager.stage(drafts, {})
        self.rows += batch.entries
        return batch, outcomes


@pytest.fixture
def desk(clock):
    return Desk(clock)


def opened(session, consent=None, **changes):
    return draft_entry(NewEntry(kind=Kind.SESSION_OPENED, session=session, consent_ref=consent, **changes))


def test_indexes_links_and_tree_follow_each_other_over_batches(desk):
    one, two = new_id(), new_id()
    for _ in range(3):
        desk.stage(*[draft_entry(NewEntry(kind=Kind.AUTH_OK))] * 2)
    desk.stage(opened(one), opened(two))
    for session in (one, two, one):
        batch, _ = desk.stage(draft_entry(NewEntry(kind=Kind.CMD_BLOCKED, session=session)))
    assert [row.index for row in desk.rows] == list(range(11))
    assert all(leaf_hash(row.head) == row.leaf for row in desk.rows)
    assert batch.frontier.root() == root(row.leaf for row in desk.rows)
    chain = [row for row in desk.rows if row.session == one]
    heads = [parse(row.head) for row in chain]
    assert [head.n for head in heads] == [0, 1, 2]
    assert [head.previous for head in heads] == [None, chain[0].leaf, chain[1].leaf]
    assert {head.worker for head in heads} == {"main/7"}


def test_a_session_costs_one_key_write_at_its_start(desk):
    session, consent = new_id(), new_id()
    desk.stage(opened(session, consent, sealed={"who": {"a": 1}}))
    assert desk.keys.writes == 1
    deadline = desk.clock.now() + timedelta(hours=1)
    command = _command(session, consent, deadline)
    chunk = draft_chunk(NewEntry(kind=Kind.REC_CHUNK, session=session, facts={"no": 0}), b"x", b"lines")
    desk.stage(draft_command(command), chunk)
    desk.stage(draft_command(command))
    assert desk.keys.writes == 1
    desk.stage(*[opened(new_id()) for _ in range(50)])
    assert desk.keys.writes == 2


def _command(session, consent, deadline, **changes):
    from audit.command import NewCommand

    values = {"wire": b"x", "typed": "x", "canonical": "x", "capability": "c", "rule_id": "r", "policy_digest": "d"}
    return NewCommand(session=session, consent_ref=consent, deadline=deadline, **{**values, **changes})


def test_parts_are_sealed_and_committed_for_their_place(desk):
    session = new_id()
    batch, _ = desk.stage(
        draft_entry(NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"id": "bob"}})),
        opened(session, sealed={"who": {"id": "bob"}, "subj": {"x": 1}}),
    )
    assert [(part.index, part.compartment) for part in batch.sealed] == [(0, "who"), (1, "who"), (1, "subj")]
    for part, name, number in zip(batch.sealed, (None, session, session), (0, 0, 0), strict=True):
        head = parse(batch.entries[part.index].head)
        assert part.key_set == head.key_set
        dek = desk.keys.get(part.key_set, part.compartment)
        content = unseal(dek, part.sealed, part_aad(ORIGIN, name, number, part.compartment))
        assert head.commitments[part.compartment] == commit(part.compartment, content, salt(dek, number))


def test_a_refused_draft_leaves_no_trace(desk):
    session, stranger = new_id(), new_id()
    big = {f"f{number}": ["x" * 128] * 3 for number in range(30)}
    batch, outcomes = desk.stage(
        opened(session),
        draft_entry(NewEntry(kind=Kind.CMD_RESULT, session=stranger, sealed={"out": {"a": 1}})),
        draft_entry(NewEntry(kind=Kind.CMD_BLOCKED, session=session, facts=big, sealed={"act": {"a": 1}})),
        draft_entry(NewEntry(kind=Kind.CMD_BLOCKED, session=session)),
    )
    assert [type(outcome) for outcome in outcomes] == [Staged, RecordRefused, BadEntry, Staged]
    assert [row.index for row in batch.entries] == [0, 1]
    assert batch.sealed == []
    assert outcomes[3].ref.n == 1
    assert not any(made.subject == stranger for made in desk.keys._sets.values())


def test_a_batch_of_refusals_only_has_no_frontier(desk):
    batch, _ = desk.stage(draft_entry(NewEntry(kind=Kind.CMD_RESULT, session=new_id())))
    assert (batch.entries, batch.frontier) == ([], None)


def test_state_rows_are_written_when_the_state_changes(desk):
    session, consent = new_id(), new_id()

    def states(*kinds):
        entries = [draft_entry(NewEntry(kind=kind, session=session, consent_ref=consent)) for kind in kinds]
        batch, _ = desk.stage(*entries)
        return [row.state for row in batch.sessions], [end.reason for end in batch.consent_ends]

    assert states(Kind.SESSION_REQUESTED) == (["requested"], [])
    assert states(Kind.SESSION_OPENED) == (["open"], [])
    assert states(Kind.CMD_BLOCKED, Kind.CMD_BLOCKED) == ([], [])
    assert states(Kind.CONSENT_REVOKED) == ([], ["revoked"])
    assert states(Kind.CONSENT_REVOKED, Kind.SESSION_KILLED) == (["killed"], [])
    assert states(Kind.SESSION_CLOSED) == (["closed"], [])


def test_the_clocks_epoch_is_renewed_before_numbers_get_too_large(desk):
    desk.stage(draft_entry(NewEntry(kind=Kind.AUTH_OK)))
    desk.clock.advance(EPOCH_NS / 1e9)
    batch, outcomes = desk.stage(draft_entry(NewEntry(kind=Kind.AUTH_OK)))
    heads = [parse(row.head) for row in batch.entries]
    assert [(head.kind, head.worker, head.monotonic_ns) for head in heads] == [
        (Kind.LOG_CLOCK, "main/8", 0),
        (Kind.AUTH_OK, "main/8", 0),
    ]
    assert len(outcomes) == 1
    assert outcomes[0].ref.index == 2


def test_keys_change_with_the_month_of_the_boot(desk):
    entry = draft_entry(NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"a": 1}}))
    first, _ = desk.stage(entry)
    second, _ = desk.stage(entry)
    desk.clock.advance(40 * 24 * 3600)
    third, _ = desk.stage(entry)
    sets = [batch.sealed[0].key_set for batch in (first, second, third)]
    assert sets[0] == sets[1] != sets[2]


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        ({}, {}),
        ({"no": True}, {}),
        ({"no": "0"}, {}),
        ({"no": 0}, {"session": None}),
        ({"no": 0}, {"kind": Kind.REC_END}),
        ({"no": 0}, {"sealed": {"out": {}}}),
    ],
)
def test_chunks_that_are_none(facts, changes):
    values = {"kind": Kind.REC_CHUNK, "session": new_id(), "facts": facts, **changes}
    with pytest.raises(BadEntry):
        draft_chunk(NewEntry(**values), b"x", b"x")


def test_chunks_have_a_limit():
    with pytest.raises(BadEntry, match="1 MiB"):
        draft_chunk(NewEntry(kind=Kind.REC_CHUNK, session=new_id(), facts={"no": 0}), bytes((1 << 20) + 1), b"")


def test_drafts_show_no_content(clock):
    assert "Ann" not in repr(draft_entry(NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"name": "Ann"}})))
    secret = {"wire": b"hunter2", "typed": "hunter2", "canonical": "hunter2"}
    command = draft_command(_command(new_id(), new_id(), clock.now(), **secret))
    assert "hunter2" not in repr(command)
    assert "hunter2" not in repr(
        draft_chunk(NewEntry(kind=Kind.REC_CHUNK, session=new_id(), facts={"no": 0}), b"hunter2", b"hunter2")
    )

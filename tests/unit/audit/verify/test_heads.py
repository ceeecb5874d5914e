"""The quick reader of heads accepts what `audit.leaf.parse` accepts, says the same of it, and refuses the rest."""

import random
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from audit.encoding import decode, encode
from audit.entry import Kind
from audit.errors import BadEntry
from audit.leaf import Head, build, parse
from audit.verify.heads import QuickHead, committed, read_head
from config.ids import new_id

TOKENS = st.text("abcXYZ019_-./:{}[],", max_size=8)
SCALARS = st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TOKENS
FACTS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True), SCALARS | st.lists(SCALARS, max_size=4), max_size=6
)


@st.composite
def heads(draw):
    session = new_id() if draw(st.booleans()) else None
    n = draw(st.integers(0, 3)) if session else None
    parts = draw(st.sets(st.sampled_from(["who", "subj", "act", "out"])))
    return Head(
        kind=draw(st.sampled_from(list(Kind))),
        time=datetime(2026, 1, 1, tzinfo=UTC),
        monotonic_ns=draw(st.integers(0, 2**53 - 1)),
        worker="main/7",
        session=session,
        n=n,
        previous=draw(st.binary(min_size=32, max_size=32)) if n else None,
        consent_ref=new_id() if draw(st.booleans()) else None,
        policy_digest="ab" * 32 if draw(st.booleans()) else None,
        generation=draw(st.integers(0, 9)),
        retention=draw(st.sampled_from(["access", "recording", "strike", "consent"])),
        key_set=new_id() if parts or draw(st.booleans()) else None,
        commitments={name: draw(st.binary(min_size=32, max_size=32)) for name in parts},
        facts=draw(FACTS),
    )


def says(head):
    return (
        head.kind, head.time, head.monotonic_ns, head.worker, head.session, head.n, head.previous, head.consent_ref,
        head.generation, head.retention, head.key_set, dict(head.facts), dict(committed(head)),
    )  # fmt: skip


def strictly(data):
    try:
        return says(parse(data))
    except BadEntry:
        return None


def quickly(data):
    try:
        return says(read_head(data))
    except BadEntry:
        return None


@given(heads())
def test_it_says_the_same(head):
    data = build(head)
    assert quickly(data) == strictly(data) is not None


async def test_the_usual_heads_take_the_quick_way(scene):
    journal = scene.in_memory()
    await scene.story(journal)
    for entry in journal.reader().entries():
        assert isinstance(read_head(entry.head_bytes), QuickHead)


@given(heads(), st.randoms(use_true_random=False))
def test_it_refuses_the_same(head, randomness):
    data = build(head)
    for _ in range(40):
        at = randomness.randrange(len(data))
        for changed in (
            data[:at] + bytes([data[at] ^ 1 << randomness.randrange(8)]) + data[at + 1 :],
            data[:at] + data[at + 1 :],
            data[:at] + data[at : at + 5] + data[at:],
        ):
            assert quickly(changed) == strictly(changed)


@given(heads(), st.randoms(use_true_random=False))
def test_it_refuses_the_same_of_other_values(head, randomness):
    """Fields left out, doubled, moved, and of another sort."""
    value = decode(build(head))
    odd = [None, 0, -1, 1, 2**53, "", "x", "A" * 43 + "=", [], {}, True, {"a": "b"}, {"who": "A" * 43 + "="}, [1, [2]]]
    for _ in range(30):
        changed = dict(value)
        name = randomness.choice([*changed, "s", "n", "prev", "ks", "c", "zz"])
        if randomness.random() < 0.3:
            changed.pop(name, None)
        else:
            changed[name] = randomness.choice(odd)
        try:
            data = encode(changed)
        except BadEntry:
            continue
        assert quickly(data) == strictly(data)


def test_facts_out_of_order_or_twice():
    head = Head(kind=Kind.AUTH_OK, time=datetime(2026, 1, 1, tzinfo=UTC), monotonic_ns=1, worker="main/1",
        facts={"a": 1, "b": "x"})  # fmt: skip
    data = build(head)
    for wrong in (b'{"b":"x","a":1}', b'{"a":1,"a":1}', b'{"a":1,"b":-0}', b'{"a": 1}', b'{"a":1.0}', b'{"a":null}'):
        changed = data.replace(b'{"a":1,"b":"x"}', wrong)
        assert changed != data
        assert strictly(changed) is None
        assert quickly(changed) is None
    randomness = random.Random(1)
    many = {f"f{n}": randomness.randrange(9) for n in range(33)}
    assert quickly(data.replace(b'{"a":1,"b":"x"}', encode(many))) is None

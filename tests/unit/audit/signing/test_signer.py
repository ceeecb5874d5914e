"""The signer: signs extensions only, and remembers before it gives a signature away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import LogDamaged
from audit.signing.signer import STATE_FILE, FileState, MemoryState, SignedState, Signer
from audit.signing.span import Span
from audit.tlog.checkpoint import open_checkpoint
from audit.tlog.cosignature import CosigningKey, cosigned_at
from audit.tlog.merkle import EMPTY_ROOT, leaf_hash, root
from audit.tlog.messages import MLDSA44_COSIGNATURE
from audit.tlog.note import SigningKey, parse_note
from config.clock import FakeClock

KEY = SigningKey("logs.isp/1", bytes(range(32)))


def leaves(count, name="leaf"):
    return [leaf_hash(f"{name} {number}".encode()) for number in range(count)]


def span(start, added):
    made = Span(start)
    made.extend(added)
    return made


@given(st.lists(st.integers(0, 30), max_size=6))
def test_every_extension_is_signed(widths):
    keeper = MemoryState()
    signer, log = Signer(KEY, keeper), leaves(sum(widths))
    size = 0
    for width in widths:
        added = log[size : size + width]
        size += width
        note = signer.sign(size, root(log[:size]), span(size - width, added))
        assert open_checkpoint(note, KEY.verifier).root == root(log[:size])
        signer = Signer(KEY, keeper)  # as after a restart
    assert signer.state.root == root(log)


@pytest.mark.parametrize(
    ("size", "expected_root", "added"),
    [
        (4, root(leaves(4)), []),  # shorter: an old backup
        (5, root(leaves(4) + leaves(1, "other")), []),  # the same size, other content
        (6, root(leaves(6, "other")), leaves(1, "other")),  # a fork
        (6, root(leaves(6)), []),  # a leaf is kept back
        (7, root(leaves(6)), leaves(6)[5:]),  # the size lies
        (6, EMPTY_ROOT, leaves(6)[5:]),
    ],
)
def test_anything_else_is_refused_and_not_remembered(size, expected_root, added):
    keeper = MemoryState()
    signer = Signer(KEY, keeper)
    signer.sign(5, root(leaves(5)), span(0, leaves(5)))
    before = keeper.load()
    with pytest.raises(LogDamaged, match="not an extension"):
        signer.sign(size, expected_root, span(5, added))
    assert keeper.load() == signer.state == before
    assert signer.sign(6, root(leaves(6)), span(5, leaves(6)[5:]))


def test_the_state_is_kept_before_the_signature_leaves():
    class Failing(MemoryState):
        def save(self, state):
            raise OSError(28, "No space left on device")

    signer = Signer(KEY, Failing())
    with pytest.raises(OSError, match="No space"):
        signer.sign(1, root(leaves(1)), span(0, leaves(1)))
    assert signer.state.size == 0
    with pytest.raises(OSError, match="restart the signer"):  # what the failed write left, nobody knows
        signer.sign(1, root(leaves(1)), span(0, leaves(1)))


def test_both_keys_sign_and_the_log_outlives_either():
    cosigner = CosigningKey("logs.isp/1", bytes(32), MLDSA44_COSIGNATURE)
    clock = FakeClock()
    signer = Signer(KEY, MemoryState(), cosigner=cosigner, clock=clock)
    note = parse_note(signer.sign(1, root(leaves(1)), span(0, leaves(1))))
    assert note.verified_by(signer.verifiers) == [KEY.verifier, cosigner.verifier]
    assert cosigned_at(note.signatures[1]) == int(clock.now().timestamp())


def test_signing_the_same_again_writes_nothing():
    class Counting(MemoryState):
        saves = 0

        def save(self, state):
            self.saves += 1
            super().save(state)

    keeper = Counting()
    signer = Signer(KEY, keeper)
    signer.sign(2, root(leaves(2)), span(0, leaves(2)))
    signer.sign(2, root(leaves(2)), Span(2))
    assert keeper.saves == 1


def test_a_state_of_another_log_is_refused():
    keeper = MemoryState()
    keeper.save(SignedState("logs.isp/other", 1, tuple(leaves(1))))
    with pytest.raises(LogDamaged, match="another log"):
        Signer(KEY, keeper)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"nodes":[],"origin":"a","size":1}',
        b'{"nodes":["x"],"origin":"a","size":1}',
        b'{"nodes":[1],"origin":"a","size":1}',
        b'{"nodes":[],"origin":"a","size":"0"}',
        b'{"nodes":[], "origin":"a","size":0}',
        b"\xff",
    ],
)
def test_a_damaged_state_is_refused(tmp_path, data):
    (tmp_path / STATE_FILE).write_bytes(data)
    with pytest.raises(LogDamaged, match="damaged"):
        FileState(tmp_path / STATE_FILE).load()

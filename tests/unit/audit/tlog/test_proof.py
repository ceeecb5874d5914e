"""Proof files: their form line by line, what they prove under a policy, and every changed byte."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import Tree, leaf_hash
from audit.tlog.note import SigningKey, sign_note
from audit.tlog.policy import Policy
from audit.tlog.proof import MAX_EXTRA, TlogProof

LOG = SigningKey("logs.example/1", bytes(range(32)))
WITNESS = CosigningKey("witness.example/w1", bytes(32))
POLICY = Policy.parse(f"log {LOG.verifier}\nwitness W {WITNESS.verifier}\nquorum W\n")
LEAVES = [leaf_hash(b"%d" % number) for number in range(40)]


def proof_of(index, size=40, extra=b"", cosigned=True):
    tree = Tree(LEAVES[:size])
    checkpoint = Checkpoint(LOG.verifier.name, size, tree.root())
    note = sign_note(checkpoint.text(), LOG)
    if cosigned:
        note = note.with_signatures(WITNESS.cosign(checkpoint.text(), 1000))
    return TlogProof(index, extra, tuple(tree.inclusion(index, size)), note.encode())


def test_the_form_of_the_file():
    proof = proof_of(3, size=4, extra=b"\x00\x01")
    first, second = (b64encode(node).decode() for node in proof.path)
    head = f"c2sp.org/tlog-proof@v1\nextra AAE=\nindex 3\n{first}\n{second}\n\n"
    assert proof.encode() == head.encode() + proof.checkpoint
    bare = proof_of(0, size=1)
    assert bare.encode() == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + bare.checkpoint


@given(st.integers(1, 40), st.binary(max_size=50), st.data())
def test_read_back_and_verified(size, extra, data):
    index = data.draw(st.integers(0, size - 1))
    proof = proof_of(index, size, extra)
    assert TlogProof.parse(proof.encode()) == proof
    found = proof.verify(LEAVES[index], POLICY)
    assert (found.origin, found.size) == (LOG.verifier.name, size)


def test_another_entry_another_place_are_not_proved():
    proof = proof_of(5)
    with pytest.raises(BadEntry, match="does not lead"):
        proof.verify(LEAVES[6], POLICY)
    for index in (4, 6, 39, 40):
        with pytest.raises(BadEntry, match="does not lead"):
            TlogProof(index, b"", proof.path, proof.checkpoint).verify(LEAVES[5], POLICY)
    with pytest.raises(BadEntry, match="does not lead"):
        proof.verify(b"short", POLICY)


def test_without_its_quorum_a_proof_proves_nothing():
    with pytest.raises(BadEntry, match="quorum"):
        proof_of(5, cosigned=False).verify(LEAVES[5], POLICY)
    with pytest.raises(BadEntry, match="quorum"):
        proof_of(5).verify(LEAVES[5], POLICY, now=0)
    alone = Policy.parse(f"log {LOG.verifier}\nquorum none\n")
    assert proof_of(5, cosigned=False).verify(LEAVES[5], alone).size == 40
    with pytest.raises(BadEntry, match="not signed by a log"):
        proof_of(5).verify(LEAVES[5], Policy.parse("quorum none\n"))
    assert proof_of(5).verify(LEAVES[5], Policy.parse("quorum none\n"), logs=[LOG.verifier]).size == 40


@given(st.data())
def test_every_changed_byte_of_a_proof_is_refused(data):
    raw = FILE
    at = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != raw[at]))
    for changed in (raw[:at] + bytes([byte]) + raw[at + 1 :], raw[:at] + raw[at + 1 :], raw[:at]):
        with pytest.raises(BadEntry):
            TlogProof.parse(changed).verify(LEAVES[5], POLICY)


FILE = proof_of(5).encode()
NOTE = proof_of(5).checkpoint
HASH = b64encode(bytes(32))
V1 = b"c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        V1,
        V1 + b"index 0\n",
        V1 + b"index 0\n\n",
        V1 + b"\n" + NOTE,
        b"c2sp.org/tlog-proof@v2\nindex 0\n\n" + NOTE,
        b"\n" + V1 + b"index 0\n\n" + NOTE,
        b"index 0\n\n" + NOTE,
        V1 + b"index 00\n\n" + NOTE,
        V1 + b"index -1\n\n" + NOTE,
        V1 + b"index +1\n\n" + NOTE,
        V1 + b"index  1\n\n" + NOTE,
        V1 + b"index 1 \n\n" + NOTE,
        V1 + b"index\n\n" + NOTE,
        V1 + b"index \n\n" + NOTE,
        V1 + b"index 9223372036854775808\n\n" + NOTE,
        V1 + b"index " + b"9" * 5000 + b"\n\n" + NOTE,
        V1 + b"index 0\r\n\n" + NOTE,
        V1 + b"index 0\nextra AA==\n\n" + NOTE,
        V1 + b"extra \nindex 0\n\n" + NOTE,
        V1 + b"extra\nindex 0\n\n" + NOTE,
        V1 + b"extra AA\nindex 0\n\n" + NOTE,
        V1 + b"extra AB==\nindex 0\n\n" + NOTE,
        V1 + b"extra AA==\nextra AA==\nindex 0\n\n" + NOTE,
        V1 + b"index 0\nindex 0\n\n" + NOTE,
        V1 + b"index 0\n" + HASH[:-4] + b"\n\n" + NOTE,
        V1 + b"index 0\n" + HASH + b" \n\n" + NOTE,
        V1 + b"index 0\n" + (HASH + b"\n") * 64 + b"\n" + NOTE,
        V1 + "index ٣\n\n".encode() + NOTE,
        V1 + b"index 0\n\n" + b"x" * 2_000_000,
    ],
)
def test_files_that_are_no_proof(data):
    with pytest.raises(BadEntry):
        TlogProof.parse(data)


def test_the_longest_path_is_read():
    proof = TlogProof(2**63 - 1, b"\xff" * MAX_EXTRA, (bytes(32),) * 63, NOTE)
    assert TlogProof.parse(proof.encode()) == proof


@pytest.mark.parametrize(
    "proof",
    [
        TlogProof(-1, b"", (), NOTE),
        TlogProof(2**63, b"", (), NOTE),
        TlogProof(0, b"", (bytes(31),), NOTE),
        TlogProof(0, b"", (bytes(32),) * 64, NOTE),
        TlogProof(0, bytes(MAX_EXTRA + 1), (), NOTE),
    ],
)
def test_what_could_not_be_read_back_is_not_written(proof):
    with pytest.raises(BadEntry):
        proof.encode()


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_one_kind_of_error(data):
    for raw in (data, V1 + data, V1 + b"index 0\n" + data):
        try:
            proof = TlogProof.parse(raw)
        except BadEntry:
            continue
        assert proof.encode() == raw
        with pytest.raises(BadEntry):
            proof.verify(LEAVES[0], POLICY)

"""Cosignatures: the published message forms byte by byte, vectors, and what must not be taken for one."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.cosignature import CosigningKey, cosigned_at
from audit.tlog.merkle import leaf_hash
from audit.tlog.messages import cosigned_text, cosigned_tree, split_cosignature
from audit.tlog.note import Note, Signature, SigningKey, VerifierKey, parse_note, sign_note

LOG = SigningKey("logs.example/1", bytes(range(32)))
CHECKPOINT = Checkpoint("logs.example/1", 7, leaf_hash(b"root"))
TYPES = [0x04, 0x06]
KEYS = {algorithm: CosigningKey("witness.example/w1", bytes(32), algorithm) for algorithm in TYPES}


def test_the_cosignature_v1_vector_is_made_and_verified(vectors):
    """Block cosignature_v1: the same bytes from the same seed, time and checkpoint."""
    block = vectors["cosignature_v1"]
    whole = parse_note(block["checkpoint"].encode())
    key = CosigningKey("witness.example.com/w1", bytes.fromhex(block["seed_hex"]))
    assert str(key.verifier) == block["witness_vkey"]
    assert VerifierKey.parse(block["witness_vkey"]) == key.verifier
    published, cosignature = whole.signatures
    assert key.cosign(whole.text, block["timestamp"]) == cosignature
    assert cosigned_at(cosignature) == block["timestamp"]
    assert Note(whole.text, (published,)).with_signatures(cosignature).encode() == block["checkpoint"].encode()
    assert whole.signatures_of(key.verifier) == [cosignature]


def test_a_checkpoint_that_another_implementation_signed_with_mldsa44(vectors):
    """Block cosignature_mldsa44: key from its seed, key id, and a signature that is not ours."""
    block = vectors["cosignature_mldsa44"]
    key = VerifierKey.parse(block["vkey"])
    assert CosigningKey(key.name, bytes.fromhex(block["seed_hex"]), 0x06).verifier == key
    note = parse_note(block["checkpoint"].encode())
    assert note.verified_by([key]) == [key]
    assert cosigned_at(note.signatures[0]) == 0
    assert open_checkpoint(block["checkpoint"].encode(), key) == Checkpoint(key.name, 1, leaf_hash(b"testonly"))
    changed = Note(Checkpoint(key.name, 2, leaf_hash(b"testonly")).text(), note.signatures)
    with pytest.raises(BadEntry, match="did not make"):
        changed.verified_by([key])


def test_an_ed25519_cosignature_signs_header_time_and_the_text_as_it_is():
    text = CHECKPOINT.text() + "extension line\n"
    assert cosigned_text(text.encode(), 1679315147) == b"cosignature/v1\ntime 1679315147\n" + text.encode()


def test_an_mldsa44_cosignature_signs_the_structure_of_the_specification():
    text = CHECKPOINT.text() + "extension lines are no part of it\n"
    expected = (
        b"subtree/v1\n\x00"
        b"\x12witness.example/w1"
        + bytes.fromhex("000000006418 50cb")
        + b"\x0elogs.example/1"
        + bytes(8)
        + bytes([0, 0, 0, 0, 0, 0, 0, 7])
        + CHECKPOINT.root
    )
    assert cosigned_tree("witness.example/w1", text.encode(), 1679315147) == expected
    value = KEYS[0x06].cosign(text, 1679315147).value
    assert len(value) == 8 + 2420
    MLDSA44PublicKey.from_public_bytes(KEYS[0x06].verifier.public).verify(value[8:], expected)


@pytest.mark.parametrize(("algorithm", "size"), [(0x04, 32), (0x06, 1312)])
def test_key_ids_hash_name_type_and_key(algorithm, size):
    key = KEYS[algorithm].verifier
    assert len(key.public) == size
    digest = hashlib.sha256(key.name.encode() + b"\n" + bytes([algorithm]) + key.public).digest()
    assert key.key_id.to_bytes(4, "big") == digest[:4]
    assert VerifierKey.parse(str(key)) == key


@pytest.mark.parametrize("algorithm", TYPES)
def test_no_part_and_no_neighbour_of_a_cosigners_key_is_one(algorithm):
    text = str(KEYS[algorithm].verifier)
    ends = [*range(60), *range(len(text) - 60, len(text) + 1)]
    parts = {text[low:high] for low in ends for high in ends if low < high} - {text}
    changed = {text[:at] + chr(ord(text[at]) + 1) + text[at + 1 :] for at in range(len(text))}
    for wrong in parts | changed:
        with pytest.raises(BadEntry):
            VerifierKey.parse(wrong)


def test_the_log_signs_with_both_kinds_of_key_and_either_verifies():
    """C2SP asks new logs for an ML-DSA-44 cosignature of their own beside Ed25519, under the same name."""
    own = CosigningKey(LOG.verifier.name, bytes(range(1, 33)), 0x06)
    text = CHECKPOINT.text()
    note = parse_note(sign_note(text, LOG).with_signatures(own.cosign(text, 1)).encode())
    assert note.verified_by([LOG.verifier, own.verifier]) == [LOG.verifier, own.verifier]
    assert note.verified_by([own.verifier]) == [own.verifier]
    assert note.verified_by([KEYS[0x06].verifier]) == []


@pytest.mark.parametrize("algorithm", TYPES)
def test_another_time_another_tree_another_name_are_refused(algorithm):
    key, text = KEYS[algorithm], CHECKPOINT.text()
    signature = key.cosign(text, 1000)
    verify = key.verifier.verify
    assert verify(text.encode(), signature.value)
    assert not verify(text.encode(), (1001).to_bytes(8, "big") + signature.value[8:])
    assert not verify(Checkpoint(CHECKPOINT.origin, 8, CHECKPOINT.root).text().encode(), signature.value)
    assert not verify(Checkpoint("logs.example/2", 7, CHECKPOINT.root).text().encode(), signature.value)
    assert not verify(text.encode(), signature.value + b"\x00")
    assert not verify(text.encode(), signature.value[8:])
    assert not verify(b"no checkpoint\n" if algorithm == 0x06 else b"another text\n", signature.value)
    assert not verify(b"\xff\n0\n", signature.value)


def test_an_mldsa44_cosignature_is_bound_to_its_cosigner():
    one = KEYS[0x06]
    renamed = VerifierKey("witness.example/w2", one.verifier.public, 0x06)
    value = one.cosign(CHECKPOINT.text(), 1000).value
    assert not renamed.verify(CHECKPOINT.text().encode(), value)


@pytest.mark.parametrize("algorithm", TYPES)
def test_a_forged_cosignature_of_a_known_key_is_an_error(algorithm):
    key = KEYS[algorithm].verifier
    length = {0x04: 72, 0x06: 2428}[algorithm]
    for value in (bytes(length), bytes(length - 1), b"x"):
        forged = sign_note(CHECKPOINT.text(), LOG).with_signatures(Signature(key.name, key.key_id, value))
        with pytest.raises(BadEntry, match="did not make"):
            parse_note(forged.encode()).verified_by([LOG.verifier, key])
        assert parse_note(forged.encode()).verified_by([LOG.verifier]) == [LOG.verifier]


@given(st.sampled_from(TYPES), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.data())
def test_what_is_cosigned_verifies_and_no_changed_byte_does(algorithm, timestamp, size, data):
    key = KEYS[algorithm]
    text = Checkpoint("logs.example/1", size, leaf_hash(b"root")).text()
    signature = key.cosign(text, timestamp)
    assert cosigned_at(signature) == timestamp
    assert Signature.parse(signature.line()) == signature
    assert key.verifier.verify(text.encode(), signature.value)
    at = data.draw(st.integers(0, len(signature.value) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    changed = signature.value[:at] + bytes([signature.value[at] ^ bit]) + signature.value[at + 1 :]
    assert not key.verifier.verify(text.encode(), changed)


@pytest.mark.parametrize("timestamp", [-1, 2**63])
def test_times_out_of_range_are_refused(timestamp):
    with pytest.raises(BadEntry, match="2\\^63"):
        KEYS[0x04].cosign(CHECKPOINT.text(), timestamp)


def test_a_time_beyond_the_limit_does_not_verify_though_signed():
    value = (2**63).to_bytes(8, "big") + bytes(64)
    with pytest.raises(BadEntry, match="2\\^63"):
        split_cosignature(0x04, value)
    with pytest.raises(BadEntry, match="2\\^63"):
        cosigned_at(Signature("w", 1, value))
    assert not KEYS[0x04].verifier.verify(CHECKPOINT.text().encode(), value)


@pytest.mark.parametrize("text", ["", "hello\n", "a\n1\nAAAA\n", CHECKPOINT.text()[:-1], CHECKPOINT.text() + "\n"])
@pytest.mark.parametrize("algorithm", TYPES)
def test_only_checkpoints_are_cosigned(algorithm, text):
    with pytest.raises(BadEntry):
        KEYS[algorithm].cosign(text, 1)


def test_names_and_types_that_cannot_cosign():
    for name in ("", "a b", "a+b", "a\u202eb"):
        with pytest.raises(BadEntry, match="name"):
            CosigningKey(name, bytes(32))
    with pytest.raises(BadEntry, match="0x04"):
        CosigningKey("w", bytes(32), 0x01)
    with pytest.raises(BadEntry, match="255"):
        CosigningKey("w" * 256, bytes(32), 0x06).cosign(CHECKPOINT.text(), 1)
    assert CosigningKey("w" * 255, bytes(32), 0x06).cosign(CHECKPOINT.text(), 1)


def test_a_plain_signature_has_no_time():
    with pytest.raises(BadEntry, match="no cosignature"):
        cosigned_at(sign_note("text\n", LOG).signatures[0])


def test_the_cosigning_key_shows_no_secret():
    for key in KEYS.values():
        assert bytes(32).hex() not in repr(vars(key))

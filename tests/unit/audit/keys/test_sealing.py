"""Seals open only in their own place, and no nonce is used twice."""

import hashlib

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import KeyUnavailable, SealBroken
from audit.keys.sealing import NONCE_BYTES, Salts, SealingKey, SeldomKeys, chunk_aad, expand, part_aad, salt, unseal

DEK = hashlib.sha256(b"dek").digest()


def test_expand_is_hkdf_expand():
    for info in (b"", b"salt7", b"x" * 50):
        assert expand(DEK, info) == HKDFExpand(SHA256(), 32, info).derive(DEK)
    assert salt(DEK, 7) == expand(DEK, b"salt7") != salt(DEK, 8)


@given(st.binary(max_size=500), st.binary(max_size=50))
def test_sealed_and_opened(content, aad):
    assert unseal(DEK, SealingKey(DEK).seal(content, aad), aad) == content


def test_nonces_count_up_from_one_and_never_repeat():
    key = SealingKey(DEK)
    nonces = [key.seal(b"same", b"same")[:NONCE_BYTES] for _ in range(2000)]
    assert nonces == [number.to_bytes(12, "big") for number in range(1, 2001)]


def test_a_worn_out_key_seals_nothing_more():
    key = SealingKey(DEK, counter=(1 << 32) - 1)
    with pytest.raises(KeyUnavailable):
        key.seal(b"x", b"")


PLACES = [
    part_aad("logs.a/1", "S1", 3, "act"),
    part_aad("logs.a/1", "S1", 4, "act"),
    part_aad("logs.a/1", "S2", 3, "act"),
    part_aad("logs.a/1", "S1", 3, "out"),
    part_aad("logs.a/2", "S1", 3, "act"),
    part_aad("logs.a/1", None, 3, "act"),
    chunk_aad("logs.a/1", "S1", 3),
]


def test_a_part_opens_in_no_other_place():
    assert len(set(PLACES)) == len(PLACES)
    for place in PLACES:
        sealed = SealingKey(DEK).seal(b"content", place)
        for other in PLACES:
            if other != place:
                with pytest.raises(SealBroken):
                    unseal(DEK, sealed, other)


@given(st.data())
def test_every_changed_byte_is_noticed(data):
    sealed = SealingKey(DEK).seal(b"content", b"place")
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ (1 << data.draw(st.integers(0, 7)))]) + sealed[at + 1 :]
    with pytest.raises(SealBroken):
        unseal(DEK, changed, b"place")


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(12), bytes(27)])
def test_fragments_are_refused(sealed):
    with pytest.raises(SealBroken):
        unseal(DEK, sealed, b"")


def test_another_key_does_not_open_and_no_key_is_shown():
    key = SealingKey(DEK)
    with pytest.raises(SealBroken):
        unseal(bytes(32), key.seal(b"x", b""), b"")
    assert repr(DEK) not in repr(key)


@given(st.binary(min_size=32, max_size=32), st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=4))
def test_salts_of_one_key_are_those_made_one_by_one(dek, numbers):
    salts = Salts(dek)
    assert [salts.of(number) for number in numbers] == [salt(dek, number) for number in numbers]


def test_keys_that_are_seldom_used_seal_as_others_and_never_repeat_a_nonce() -> None:
    keys = SeldomKeys("K", {"who": b"w" * 32, "act": b"a" * 32})
    sealed = [(name, keys[name].seal(b"content", b"aad")) for name in ("who", "act", "who", "who")]
    assert [part[:NONCE_BYTES] for _, part in sealed] == [n.to_bytes(NONCE_BYTES, "big") for n in (1, 2, 3, 4)]
    assert [unseal(keys[name].dek, part, b"aad") for name, part in sealed] == [b"content"] * 4
    often = SealingKey(b"w" * 32)
    assert often.seal(b"content", b"aad") == sealed[0][1]
    assert {name: keys[name].dek for name in keys} == {"who": b"w" * 32, "act": b"a" * 32}
    assert len(keys) == 2
    with pytest.raises(KeyError):
        keys["out"]


def test_no_key_that_is_seldom_used_is_shown_and_none_is_used_for_ever() -> None:
    keys = SeldomKeys("K", {"who": DEK})
    assert repr(DEK)[2:-1] not in repr(keys) + repr(keys["who"])
    keys.counter = (1 << 32) - 1
    with pytest.raises(KeyUnavailable):
        keys["who"].seal(b"", b"")

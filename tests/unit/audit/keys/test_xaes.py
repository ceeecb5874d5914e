"""XAES-256-GCM: the specification's vectors, and what does not open."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import SealBroken
from audit.keys import xaes


def test_the_two_vectors(vectors):
    """Block xaes_256_gcm: vectors."""
    for case in vectors["xaes_256_gcm"]["vectors"]:
        key, nonce = bytes.fromhex(case["K"]), case["N_ascii"].encode()
        plaintext, aad = case["plaintext_ascii"].encode(), case["aad_ascii"].encode()
        sealed = xaes.seal(key, plaintext, aad, nonce)
        assert sealed == nonce + bytes.fromhex(case["ciphertext"])
        assert xaes.open_(key, sealed, aad) == plaintext


def accumulated(rounds):
    stream = memoryview(hashlib.shake_128(b"").digest(rounds * (32 + 24 + 2 + 2 * 255)))
    at, digest = 0, hashlib.shake_128()

    def take(count):
        nonlocal at
        at += count
        return bytes(stream[at - count : at])

    for _ in range(rounds):
        key, nonce = take(32), take(24)
        plaintext = take(take(1)[0])
        aad = take(take(1)[0])
        digest.update(xaes.seal(key, plaintext, aad, nonce)[24:])
    return digest.hexdigest(32)


def test_ten_thousand_accumulated(vectors):
    """Block xaes_256_gcm: accumulated, n_10000."""
    assert accumulated(10_000) == vectors["xaes_256_gcm"]["accumulated"]["n_10000"]


@pytest.mark.slow
def test_a_million_accumulated(vectors):
    """Block xaes_256_gcm: accumulated, n_1000000."""
    assert accumulated(1_000_000) == vectors["xaes_256_gcm"]["accumulated"]["n_1000000"]


@given(st.binary(max_size=64), st.binary(max_size=32), st.data())
def test_any_change_is_found(plaintext, aad, data):
    key = bytes(range(32))
    sealed = xaes.seal(key, plaintext, aad)
    assert xaes.open_(key, sealed, aad) == plaintext
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ 1 << data.draw(st.integers(0, 7))]) + sealed[at + 1 :]
    for wrong in (changed, sealed[:at], sealed + b"\x00"):
        with pytest.raises(SealBroken):
            xaes.open_(key, wrong, aad)
    with pytest.raises(SealBroken):
        xaes.open_(key, sealed, aad + b"x")
    with pytest.raises(SealBroken):
        xaes.open_(bytes(32), sealed, aad)


def test_each_message_has_a_nonce_of_its_own():
    assert len({xaes.seal(bytes(32), b"")[:24] for _ in range(100)}) == 100


@pytest.mark.parametrize(("key", "nonce"), [(31, 24), (33, 24), (32, 12), (32, 0)])
def test_keys_and_nonces_of_another_length(key, nonce):
    with pytest.raises(ValueError, match="32 bytes"):
        xaes.seal(bytes(key), b"", nonce=bytes(nonce))

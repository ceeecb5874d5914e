"""Modern algorithms for all, old ones only by name."""

import asyncssh
import pytest

from drivers.algorithms import LEGACY, check_legacy, choose, missing_legacy
from drivers.errors import DriverError


def offered(algorithms) -> set[str]:
    return {
        *algorithms.key_exchange,
        *algorithms.ciphers,
        *algorithms.macs,
        *algorithms.host_key,
        *algorithms.signatures,
    }


def test_nothing_old_is_offered_by_itself():
    assert not offered(choose("ssh-ed25519", frozenset())) & LEGACY.keys()


@pytest.mark.parametrize("name", LEGACY)
def test_an_old_algorithm_is_offered_last_and_only_by_name(name):
    chosen = choose("ssh-ed25519", frozenset({name}))
    lists = (chosen.key_exchange, chosen.ciphers, chosen.macs, chosen.host_key, chosen.signatures)
    holding = [names for names in lists if name in names]
    assert holding
    assert all(names[-1] == name for names in holding)
    assert offered(chosen) & LEGACY.keys() == {name}


def test_every_name_is_one_that_asyncssh_knows():
    chosen = choose("ssh-ed25519", frozenset(LEGACY))
    asyncssh.SSHClientConnectionOptions(
        config=[],
        kex_algs=chosen.key_exchange,
        encryption_algs=chosen.ciphers,
        mac_algs=chosen.macs,
        server_host_key_algs=chosen.host_key,
        signature_algs=chosen.signatures,
    )


def test_the_cheapest_cipher_comes_first():
    assert choose("ssh-ed25519", frozenset()).ciphers[0] == "aes128-gcm@openssh.com"


@pytest.mark.parametrize(
    ("key_type", "first"),
    [("ssh-ed25519", "ssh-ed25519"), ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"), ("ssh-rsa", "rsa-sha2-256")],
)
def test_the_pinned_type_of_host_key_comes_first(key_type, first):
    chosen = choose(key_type, frozenset())
    assert chosen.host_key[0] == first
    assert len(set(chosen.host_key)) == len(chosen.host_key)


def test_an_rsa_key_is_not_used_with_sha1_unless_named():
    assert "ssh-rsa" not in choose("ssh-rsa", frozenset()).host_key
    assert choose("ssh-rsa", frozenset({"ssh-rsa"})).host_key[:3] == ("rsa-sha2-256", "rsa-sha2-512", "ssh-rsa")


def test_a_dss_host_key_needs_the_entry_to_allow_it():
    with pytest.raises(DriverError, match="allow it in the router's legacy algorithms"):
        choose("ssh-dss", frozenset())
    assert choose("ssh-dss", frozenset({"ssh-dss"})).host_key[0] == "ssh-dss"


def test_a_strange_host_key_type_is_refused():
    with pytest.raises(DriverError, match="register another host key"):
        choose("sk-ssh-ed25519@openssh.com", frozenset())


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(DriverError, match=r"arcfour: not an old SSH algorithm .*diffie-hellman-group1-sha1"):
        check_legacy(["aes128-cbc", "arcfour"])
    with pytest.raises(DriverError, match="arcfour"):
        choose("ssh-ed25519", frozenset({"arcfour"}))
    check_legacy(LEGACY)


def test_what_would_have_helped_is_read_from_the_refusal():
    reason = (
        "No matching key exchange algorithm found, sent curve25519-sha256,ext-info-c and received "
        "diffie-hellman-group1-sha1,made-up"
    )
    assert missing_legacy(reason) == ("diffie-hellman-group1-sha1",)
    assert missing_legacy("No matching encryption algorithm found, sent a and received rot13") == ()
    assert missing_legacy("Connection reset") == ()

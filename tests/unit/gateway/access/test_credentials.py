"""What is sealed opens in its place only; the root key is made once and kept private."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from gateway.access.credentials import Vault, derive, ensure_root_key, load_root_key
from gateway.errors import Unavailable

ROOT = bytes(range(32))


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_it_opens_where_it_was_sealed(text: str, row: str) -> None:
    vault = Vault(ROOT)
    assert vault.open(row, "routers.credential", vault.seal(row, "routers.credential", text)) == text


def test_it_opens_nowhere_else() -> None:
    vault = Vault(ROOT)
    sealed = vault.seal("row-1", "routers.credential", "secret")
    for row, field in (("row-2", "routers.credential"), ("row-1", "routers.place"), ("row-", "1routers.credential")):
        with pytest.raises(Unavailable, match="does not open"):
            vault.open(row, field, sealed)
    with pytest.raises(Unavailable):
        Vault(bytes(32)).open("row-1", "routers.credential", sealed)


@given(st.integers(0, 33), st.integers(1, 255))
def test_a_changed_byte_is_noticed(position: int, flip: int) -> None:
    vault = Vault(ROOT)
    sealed = bytearray(vault.seal("row", "field", "secret"))
    sealed[position] ^= flip
    with pytest.raises(Unavailable):
        vault.open("row", "field", bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(27)])
def test_what_is_too_short_is_refused(sealed: bytes) -> None:
    with pytest.raises(Unavailable):
        Vault(ROOT).open("row", "field", sealed)


def test_the_same_text_never_seals_the_same() -> None:
    vault = Vault(ROOT)
    assert vault.seal("row", "field", "secret") != vault.seal("row", "field", "secret")


def test_tags_find_again_and_tell_nothing_apart_from_that() -> None:
    vault = Vault(ROOT)
    assert vault.tag("principals.name", "ada") == Vault(ROOT).tag("principals.name", "ada")
    others = {
        vault.tag("principals.name", "adb"),
        vault.tag("routers.name", "ada"),
        vault.tag("principals.nam", "eada"),
    }
    assert len({*others, vault.tag("principals.name", "ada")}) == 4
    assert Vault(bytes(32)).tag("principals.name", "ada") != vault.tag("principals.name", "ada")


def test_derived_keys_differ_by_purpose() -> None:
    assert len({derive(ROOT, "a"), derive(ROOT, "b"), derive(bytes(32), "a"), ROOT}) == 4
    assert len(derive(ROOT, "a")) == 32


def test_the_root_key_is_made_once_and_private(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    root = ensure_root_key(keys)
    assert len(root) == 32
    assert ensure_root_key(keys) == load_root_key(keys) == root
    assert (keys / "root.key").stat().st_mode & 0o777 == 0o600


def test_a_root_key_that_is_open_damaged_or_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        load_root_key(tmp_path)
    ensure_root_key(tmp_path)
    (tmp_path / "root.key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_root_key(tmp_path)
    (tmp_path / "root.key").chmod(0o600)
    (tmp_path / "root.key").write_bytes(b"short")
    with pytest.raises(ConfigError, match="damaged"):
        ensure_root_key(tmp_path)

"""A witness's directory: made once, private, and useless in part."""

import pytest

from audit.errors import KeyUnavailable
from audit.witness.key_files import make_witness, open_keys, open_store
from config.errors import ConfigError


@pytest.mark.parametrize("mldsa", [False, True])
def test_it_is_made_once(tmp_path, mldsa):
    made = make_witness(tmp_path / "w", "witness.example/1", mldsa=mldsa)
    again = open_keys(tmp_path / "w")
    assert [str(key.verifier) for key in again] == [str(key.verifier) for key in made]
    assert len(again) == 1 + mldsa
    open_store(tmp_path / "w").close()
    for name in ("witness.key", "witness.db"):
        assert (tmp_path / "w" / name).stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="already"):
        make_witness(tmp_path / "w", "witness.example/1", mldsa=mldsa)


def test_one_that_forgot_is_not_opened(tmp_path):
    make_witness(tmp_path, "witness.example/1", mldsa=False)
    (tmp_path / "witness.db").unlink()
    with pytest.raises(KeyUnavailable, match="retire"):
        open_store(tmp_path)


def test_other_keys_than_it_had(tmp_path):
    with pytest.raises(KeyUnavailable, match="witness init"):
        open_keys(tmp_path)
    make_witness(tmp_path, "witness.example/1", mldsa=True)
    (tmp_path / "witness.mldsa.key").write_bytes(bytes(32))
    with pytest.raises(KeyUnavailable, match=r"witness\.pub"):
        open_keys(tmp_path)
    (tmp_path / "witness.key").unlink()
    with pytest.raises(KeyUnavailable, match="missing"):
        open_keys(tmp_path)

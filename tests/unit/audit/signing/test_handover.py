"""A signing key moves whole, while nobody signs with it, and never onto another."""

import pytest

from audit.errors import KeyUnavailable, LogDamaged, LogInUse
from audit.signing.handover import SECRETS, take_over
from audit.signing.key_files import open_file_signer
from audit.signing.span import Span
from audit.tlog.merkle import leaf_hash, root

LEAF = leaf_hash(b"x")


@pytest.fixture
def used(tmp_path):
    signer = open_file_signer(tmp_path / "keys", "logs.isp/1", create=True)
    signer.sign(1, root([LEAF]), Span(0, 1, [LEAF]))
    signer.close()
    return tmp_path / "keys"


def test_it_moves(used, tmp_path):
    before = {name: (used / name).read_bytes() for name in SECRETS}
    take_over(used, tmp_path / "signer")
    assert {name: (tmp_path / "signer" / name).read_bytes() for name in SECRETS} == before
    assert not any((used / name).exists() for name in SECRETS)
    assert (used / "log.pub").read_text() == (tmp_path / "signer" / "log.pub").read_text()
    assert (tmp_path / "signer" / "log.key").stat().st_mode & 0o777 == 0o600
    assert open_file_signer(tmp_path / "signer", "logs.isp/1", create=False).state.size == 1


def test_a_move_that_broke_off_is_finished(used, tmp_path):
    (tmp_path / "signer").mkdir()
    (tmp_path / "signer" / "log.key").write_bytes((used / "log.key").read_bytes())
    take_over(used, tmp_path / "signer")
    assert not (used / "log.key").exists()


def test_not_while_somebody_signs(used, tmp_path):
    working = open_file_signer(used, "logs.isp/1", create=False)
    with pytest.raises(LogInUse):
        take_over(used, tmp_path / "signer")
    working.close()


def test_not_onto_another(used, tmp_path):
    open_file_signer(tmp_path / "signer", "logs.isp/2", create=True).close()
    with pytest.raises(LogDamaged, match="another signer"):
        take_over(used, tmp_path / "signer")
    assert all((used / name).exists() for name in SECRETS)


def test_nothing_to_move(tmp_path):
    with pytest.raises(KeyUnavailable):
        take_over(tmp_path, tmp_path / "signer")

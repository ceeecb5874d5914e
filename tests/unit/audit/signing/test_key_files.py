"""Keys and state of a signer in one directory: private, never replaced, used by one process."""

import subprocess
import sys

import pytest

from audit.errors import KeyUnavailable, LogInUse
from audit.signing.key_files import LOCK_FILE, lock, open_file_signer
from audit.signing.signer import STATE_FILE
from audit.signing.span import Span
from audit.tlog.merkle import leaf_hash, root
from audit.tlog.note import VerifierKey

LEAVES = [leaf_hash(bytes([number])) for number in range(3)]


def signed(keys, *, create=True):
    signer = open_file_signer(keys, "logs.isp/1", create=create)
    added = Span(signer.state.size)
    added.extend(LEAVES[signer.state.size :])
    signer.sign(3, root(LEAVES), added)
    signer.close()
    return signer


def test_files(tmp_path):
    keys = tmp_path / "keys"
    signer = signed(keys)
    again = open_file_signer(keys, "logs.isp/1", create=False)
    assert again.state == signer.state
    assert again.state.size == 3
    assert again.verifiers == signer.verifiers
    for name, key in zip(("log.pub", "log.pub.mldsa"), again.verifiers, strict=True):
        assert VerifierKey.parse((keys / name).read_text().strip()) == key
    for name in ("log.key", "log.mldsa.key", STATE_FILE, LOCK_FILE):
        assert (keys / name).stat().st_mode & 0o777 == 0o600
    again.close()
    again.close()


def test_a_lost_signing_key_is_not_replaced(tmp_path):
    with pytest.raises(KeyUnavailable, match=r"log\.key"):
        open_file_signer(tmp_path, "logs.isp/1", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_lost_cosigning_key_is_not_replaced_either(tmp_path):
    signed(tmp_path)
    (tmp_path / "log.mldsa.key").unlink()
    with pytest.raises(KeyUnavailable, match=r"log\.mldsa\.key"):
        open_file_signer(tmp_path, "logs.isp/1", create=False)
    with pytest.raises(KeyUnavailable, match=r"log\.mldsa\.key"):  # and the failure held nothing
        open_file_signer(tmp_path, "logs.isp/1", create=False)


def test_a_log_from_before_gets_its_second_key(tmp_path):
    signed(tmp_path)
    (tmp_path / "log.mldsa.key").unlink()
    (tmp_path / "log.pub.mldsa").unlink()
    assert len(signed(tmp_path, create=False).verifiers) == 2


def test_the_second_signer_is_refused(tmp_path):
    first = open_file_signer(tmp_path, "logs.isp/1", create=True)
    with pytest.raises(LogInUse, match="Two signers"):
        open_file_signer(tmp_path, "logs.isp/1", create=False)
    first.close()
    signed(tmp_path, create=False)


def test_the_lock_ends_with_its_process(tmp_path):
    code = (
        "import os, sys, pathlib; from audit.signing.key_files import lock; lock(pathlib.Path(sys.argv[1])); print(1)"
    )
    code += "; sys.stdout.flush(); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"1\n"
        with pytest.raises(LogInUse):
            lock(tmp_path)
        other.kill()
        other.wait()
    lock(tmp_path)()

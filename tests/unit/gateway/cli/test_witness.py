"""`vestibule witness`: keys, logs and what it cosigned; serving is tried by tests/system/test_witnessed.py."""

from contextlib import closing

import pytest

from audit.tlog.note import SigningKey, VerifierKey
from audit.witness.key_files import open_store
from audit.witness.store import Cosigned, Refusal
from gateway import exits

LOG = SigningKey("logs.isp/1", bytes(32)).verifier
OTHER = SigningKey("logs.isp/2", bytes(32)).verifier


@pytest.fixture
def data(vestibule, tmp_path):
    assert vestibule("witness", "init", "--data", tmp_path / "w", "--name", "witness.example/1").status == exits.OK
    return tmp_path / "w"


def test_keys_for_policy_files(vestibule, tmp_path, data):
    key = VerifierKey.parse(vestibule("witness", "key", "--data", data).out.strip())
    assert (key.name, key.algorithm) == ("witness.example/1", 0x04)
    both = vestibule("witness", "init", "--data", tmp_path / "m", "--name", "w.example/1", "--mldsa", "--json")
    assert [VerifierKey.parse(text).algorithm for text in both.json["keys"]] == [0x04, 0x06]
    assert vestibule("witness", "init", "--data", data, "--name", "x").status == exits.CONFIG
    assert vestibule("witness", "init", "--data", tmp_path / "n", "--name", "a b").status == exits.USAGE
    assert vestibule("witness", "key", "--data", tmp_path / "n").status == exits.RECORD_FAILED


def test_logs(vestibule, tmp_path, data):
    assert "add-log" in vestibule("witness", "logs", "--data", data).out
    (tmp_path / "log.pub").write_text(f"# the key\n{LOG}\n")
    assert vestibule("witness", "add-log", tmp_path / "log.pub", "--data", data).status == exits.OK
    assert vestibule("witness", "add-log", OTHER, "--data", data, "--json").json["origin"] == "logs.isp/2"
    with closing(open_store(data)) as store:
        store.advance("logs.isp/1", None, Cosigned(7, bytes(32), b"note", 1_800_000_000))
        store.keep_refusal("logs.isp/1", Refusal(1, 422, b"body"), b"text")
    listed = vestibule("witness", "logs", "--data", data)
    assert "logs.isp/1" in listed.out
    assert "2027-01-15" in listed.out
    assert [
        (log["size"], log["contradictions"]) for log in vestibule("witness", "logs", "--data", data, "--json").json
    ] == [
        (7, 1),
        (0, 0),
    ]


def test_keys_that_are_none(vestibule, tmp_path, data):
    (tmp_path / "bad").write_text("logs.isp/1+00000000+AAAA\n")
    for given, status in (
        (tmp_path / "bad", exits.USAGE),
        (tmp_path / "nowhere", exits.CONFIG),
        ("a+b+c", exits.USAGE),
        (f"{LOG}", exits.USAGE),
    ):
        more = [OTHER] if str(given) == str(LOG) else []
        assert vestibule("witness", "add-log", given, *more, "--data", data).status == status


def test_one_that_lost_its_memory(vestibule, data):
    (data / "witness.db").unlink()
    refused = vestibule("witness", "serve", "--data", data, "--port", "0")
    assert refused.status == exits.RECORD_FAILED
    assert "retire" in refused.err

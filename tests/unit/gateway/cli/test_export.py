"""`vestibule export` over a real log: beside a gateway, from a copy, and single proofs."""

import json
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from audit.entry import Kind
from audit.leaf import parse
from audit.tlog.proof import TlogProof
from config.ids import new_id
from gateway import exits

VERIFIER = Path(__file__).resolve().parents[4] / "audit" / "verify" / "vestibule_verify.py"


@pytest.fixture
def bundle(vestibule, evidence, tmp_path):
    """From a copy: `bundle(*options)` gives the outcome and the file's names with contents."""

    def made(*options, file="out.zip", read=True):
        outcome = vestibule("export", *options, "--dir", evidence.data_dir, "-o", tmp_path / file)
        if not read or not (tmp_path / file).exists():
            return outcome, {}
        with zipfile.ZipFile(tmp_path / file) as archive:
            return outcome, {name: archive.read(name) for name in archive.namelist()}

    return made


def test_a_session_from_a_copy_says_that_it_is_not_on_record(bundle, evidence, tmp_path):
    outcome, files = bundle(evidence.session.lower(), "--basis", "gdpr-15", "--disclose", "act,rec")
    assert outcome.status == 0
    assert "not on record" in outcome.err
    custody = json.loads(files["custody.json"])
    assert (custody["recorded"], custody["by"], custody["entry"]) == (False, {"role": "copy"}, None)
    assert "manifest.note" not in files
    assert b"show clock" in files["README.html"]
    assert b"r-10442#" in files[f"recording/{evidence.session}.cast"]
    assert stat.S_IMODE((tmp_path / "out.zip").stat().st_mode) == 0o600


def test_the_verifier_reads_it(bundle, evidence, tmp_path):
    bundle(evidence.session, "--basis", "gdpr-15", "--disclose", "act,out,rec,subj,who")
    key = evidence.data_dir / "keys/log.pub"
    command = [sys.executable, "-I", str(VERIFIER), "out.zip", "--key", str(key)]
    result = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert result.returncode in {0, 2}, result.stdout
    assert "contradiction" not in result.stdout.lower()
    assert "2 commands" in result.stdout


def test_by_consent_and_by_router(bundle, evidence):
    for number, options in enumerate((("--consent", evidence.consent), ("--router", "r-10442"))):
        _, files = bundle(*options, "--for", "subscriber", "--basis", "gdpr-15", file=f"{number}.zip")
        manifest = json.loads(files["manifest.json"])
        if options[0] == "--router":
            assert [one["session"] for one in manifest["sessions"]] == [evidence.session]
        assert evidence.consent in manifest["consents"]
        assert b"alice" not in b"".join(files.values())


def test_what_is_no_export(bundle, evidence, vestibule, tmp_path):
    for options, why in (
        ((), "Nothing was asked for"),
        ((evidence.session,), "needs a basis"),
        ((new_id(), "--basis", "x"), "has no session"),
        (("x", "--basis", "x"), "no id of a session"),
        ((evidence.session, "--basis", "x", "--disclose", "all"), "no part"),
        ((evidence.session, "--basis", "x", "--for", "subscriber", "--disclose", "who"), "names nobody"),
        (("--router", "nobody", "--basis", "x"), "about a router nobody"),
    ):
        outcome, files = bundle(*options)
        assert (outcome.status, files) == (exits.USAGE, {}), options
        assert why in outcome.err
    assert "-o FILE" in vestibule("export", evidence.session, "--basis", "x").err
    (tmp_path / "out.zip").write_bytes(b"")
    outcome = vestibule(
        "export", evidence.session, "--basis", "x", "--dir", evidence.data_dir, "-o", tmp_path / "out.zip"
    )
    assert "already" in outcome.err
    assert (tmp_path / "out.zip").read_bytes() == b""


ME = {"role": "auditor", "alias": "Auditor 1", "name": "amelia.ashdown"}


@pytest.fixture
def gateway(vestibule, evidence):
    """A gateway that takes exports, and what every bundle carries."""
    key = (evidence.data_dir / "keys/log.pub").read_text().strip()
    vestibule.api.on("GET", "/v1/me", ME)
    vestibule.api.on("GET", "/v1/exports/terms", {"signer": "name+0+key", "policy": f"log {key}\nquorum none\n"})
    return vestibule.api


def test_the_gateway_is_told_before_the_file_is_there(vestibule, evidence, gateway, tmp_path):
    out = tmp_path / "out.zip"
    gateway.on("POST", "/v1/exports", {"entry_index": 99, "head": "{}", "proof": "p", "note": "n"}, 201)
    options = ("--basis", "Order 7", "--disclose", "act", "--config", evidence.config, "-o", out)
    outcome = vestibule("export", evidence.session, *options)
    assert outcome.status == 0, outcome.err
    assert "on record as entry 99" in outcome.out
    with zipfile.ZipFile(out) as archive:
        custody = json.loads(archive.read("custody.json"))
        assert (archive.read("manifest.note"), archive.read("entries/99.json")) == (b"n", b"{}")
    auditor = {"role": "auditor", "alias": "Auditor 1", "name": "amelia.ashdown"}
    assert (custody["entry"], custody["by"]) == (99, auditor)
    told = gateway.asked[-1][2]
    assert (told["manifest"], told["sessions"], told["basis"]) == (custody["manifest"], [evidence.session], "Order 7")


def test_the_subscribers_copy_does_not_name_who_made_it(vestibule, evidence, gateway, tmp_path):
    out = tmp_path / "out.zip"
    gateway.on("POST", "/v1/exports", {"entry_index": 99, "head": "{}", "proof": "p", "note": "n"}, 201)
    options = ("--for", "subscriber", "--basis", "gdpr-15", "--config", evidence.config, "-o", out)
    assert vestibule("export", evidence.session, *options).status == 0
    assert b"amelia" not in out.read_bytes()


def test_what_is_not_on_record_does_not_leave(vestibule, evidence, gateway, tmp_path):
    out = tmp_path / "out.zip"
    gateway.problem("POST", "/v1/exports", 403, "not-allowed", "This takes a second person.", "not_allowed")
    options = ("--basis", "x", "--config", evidence.config, "-o", out)
    outcome = vestibule("export", evidence.session, *options)
    assert outcome.status == exits.NOT_PERMITTED
    assert "second person" in outcome.err
    assert not out.exists()


def test_the_proof_of_one_entry(vestibule, evidence, tmp_path):
    outcome = vestibule("export", "--proof", "0", "--dir", evidence.data_dir, "-o", tmp_path / "0.tlog-proof")
    assert outcome.status == 0
    proof = TlogProof.parse((tmp_path / "0.tlog-proof").read_bytes())
    assert (proof.index, parse(proof.extra).kind) == (0, Kind.LOG_START)
    outcome = vestibule("export", "--proof", "999", "--dir", evidence.data_dir, "-o", tmp_path / "999.tlog-proof")
    assert outcome.status == exits.USAGE

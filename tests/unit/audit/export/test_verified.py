"""The standalone verifier on bundles: another program, from the formats alone, comes to the same result."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from audit.entry import Kind, NewEntry
from config.ids import new_id
from tests.bundles import Desk, court, record

VERIFIER = Path(__file__).resolve().parents[4] / "audit" / "verify" / "vestibule_verify.py"


@pytest.fixture
def journal(scene):
    return scene.open()


def run(folder, data, policy, *options):
    (folder / "bundle.zip").write_bytes(data)
    (folder / "policy.txt").write_text(policy)
    command = [sys.executable, "-I", str(VERIFIER), "bundle.zip", "--policy", "policy.txt", *options]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)


def with_file(data, name, content):
    """The bundle with one file replaced, added, or (None) taken out."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info, old.read(info))
        if content is not None:
            new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return target.getvalue()


@pytest.mark.parametrize("rpcs", [False, True])
async def test_a_bundle_is_verified(journal, clock, tmp_path, rpcs):
    made = await record(journal, clock, commands=14, rpcs=rpcs)
    desk = Desk(journal, clock)
    data = await desk.bundle(court([made.session], "act,out,rec"))
    result = run(tmp_path, data, desk.policy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "14 commands" in result.stdout, "RPCs count as none"
    assert made.session in result.stdout


async def test_what_was_changed_or_taken_out_is_found(journal, clock, tmp_path):
    made = await record(journal, clock)
    desk = Desk(journal, clock)
    data = await desk.bundle(court([made.session], "act,out,rec"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    part = next(name for name in files if name.startswith("disclosed/"))
    cast = f"recording/{made.session}.cast"
    changed = {
        part: files[part].replace(b"plugh", b"plain").replace(b"xyzzy", b"plain"),
        cast: files[cast].replace(b"moment 1", b"moment 7"),
        "custody.json": files["custody.json"].replace(b"operator", b"auditor_"),
        "README.html": files["README.html"] + b" ",
        f"entries/{made.commands[0]}.json": files[f"entries/{made.commands[0]}.json"].replace(b"allow", b"alloy"),
    }
    for name, content in changed.items():
        assert content != files[name]
        assert run(tmp_path, with_file(data, name, content), desk.policy).returncode == 1, name
    for name in (f"entries/{made.commands[0]}.json", f"proofs/{made.commands[0]}.tlog-proof", cast):
        assert run(tmp_path, with_file(data, name, None), desk.policy).returncode in {1, 2}, name
    assert run(tmp_path, with_file(data, "entries/999.json", b"{}"), desk.policy).returncode == 1


async def test_a_bundle_that_is_not_on_record_is_not_called_verified_without_saying_so(journal, clock, tmp_path):
    made = await record(journal, clock)
    desk = Desk(journal, clock)
    data = desk.draft(court([made.session], "act"), recorded=False).finish(None)
    result = run(tmp_path, data, desk.policy)
    assert result.returncode in {0, 2}, result.stdout
    assert "not signed" in result.stdout
    found = json.loads(run(tmp_path, data, desk.policy, "--json").stdout)
    assert found


async def test_what_was_lawfully_erased_does_not_break_the_proof(journal, clock, tmp_path):
    made = await record(journal, clock)
    reader = journal.reader()
    sets = {entry.head.key_set: entry.head.retention for entry in reader.session(made.session) if entry.head.key_set}
    reader.close()
    for key_set, retention in sets.items():
        journal._keys.destroy(key_set, ["rec"] if retention == "recording" else ["act", "out"])
    facts = {"scope": "keys", "ks": sorted(sets), "comp": ["act", "out", "rec"], "approval": new_id(), "by": ["a", "b"]}
    await journal.append(NewEntry(kind=Kind.ERASE_DONE, facts={**facts, "basis": "gdpr-17", "class": "access"}))
    await journal.checkpoint()
    desk = Desk(journal, clock)
    data = await desk.bundle(court([made.session], "act,out,rec,subj"))
    result = run(tmp_path, data, desk.policy)
    assert result.returncode == 0, result.stdout
    assert "1 complete" in result.stdout
    assert "erased" in result.stdout
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert "player.html" not in archive.namelist()
        assert "effacé légalement" in archive.read("README.html").decode()

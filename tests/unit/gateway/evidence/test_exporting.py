"""`gateway.evidence.exporting`: on record before it leaves; a copy that the standalone verifier accepts."""

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.entry import Kind
from audit.export.request import BadExport, Disclosure
from audit.journal import Journal
from audit.leaf import parse
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import leaf_hash
from audit.tlog.note import SigningKey, VerifierKey
from audit.tlog.proof import TlogProof
from config.clock import FakeClock
from config.ids import new_id
from gateway.access import authenticate
from gateway.access.identity import Principal
from gateway.consent.model import Consent, State
from gateway.errors import BadRequest, NotAllowed
from gateway.evidence.exporting import Exports, NewExport, policy_for
from tests.bundles import TOKENS, court, record

VERIFIER = Path(__file__).resolve().parents[4] / "audit" / "verify" / "vestibule_verify.py"


def person(name, role):
    principal = Principal(id=new_id(), name=name, role=role, alias=f"Alias of {name}")
    found = authenticate._mint(principal, {"key"}, "192.0.2.9", datetime.now(UTC))
    assert found is not None
    return found


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def journal(tmp_path, clock):
    opened = Journal.open(tmp_path / "evidence", keys_dir=tmp_path / "keys", origin="logs.isp", clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def exports(journal, clock, tmp_path):
    return Exports(
        journal, clock, evidence_dir=tmp_path / "evidence", keys_dir=tmp_path / "keys", controller="Example Ltd."
    )


def consent_of(made):
    return Consent(
        id=made.consent,
        state=State.IN_USE,
        rep_id=new_id(),
        router_id=new_id(),
        subscriber_ref=new_id(),
        ticket="T-1",
        reason="x",
        language="fr",
        asked=(),
        minutes=30,
        sessions=1,
        requested_at=datetime.now(UTC),
        lapses_at=datetime.now(UTC),
        statement_digest="ab",
    )


async def test_the_subscribers_own_copy(journal, clock, exports, tmp_path):
    made = await record(journal, clock)
    data = await exports.own_copy(consent_of(made), "fr")
    (tmp_path / "copy.zip").write_bytes(data)
    (tmp_path / "policy.txt").write_text(str(exports.policy))
    command = [sys.executable, "-I", str(VERIFIER), "copy.zip", "--policy", "policy.txt"]
    result = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert TOKENS["who"].encode() not in data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        custody = json.loads(archive.read("custody.json"))
        head = parse(archive.read(f"entries/{custody['entry']}.json"))
        readme = archive.read("README.html").decode()
    assert (custody["by"], custody["basis"]) == ({"role": "subscriber"}, "own-copy")
    assert (head.kind, head.facts["for"]) == (Kind.EXPORT_MADE, "subscriber")
    assert "looked at the condition of your router and line" in readme
    reader = journal.reader()
    assert reader.sealed(custody["entry"], "who") == {"by": "subscriber", "lang": "fr"}
    reader.close()


async def test_the_key_of_exports_is_kept(exports, journal, clock, tmp_path):
    again = Exports(journal, clock, keys_dir=tmp_path / "keys")
    assert again.signer() == exports.signer()
    assert VerifierKey.parse(exports.signer()).name == f"{journal.origin}/export"
    assert (tmp_path / "keys" / "export.key").stat().st_mode & 0o077 == 0


async def test_only_who_may_read_may_hand_out(exports):
    made = NewExport(request=court([new_id()]), sessions=(), manifest="ab" * 32)
    for role in ("rep", "automation"):
        with pytest.raises(NotAllowed):
            await exports.register(person("bob", role), made)


async def test_a_proof_stands_alone(exports, journal, clock):
    made = await record(journal, clock)
    reader = journal.reader()
    granted = next(entry for entry in reader.consent(made.consent) if entry.kind is Kind.CONSENT_GRANTED)
    reader.close()
    found = await exports.grant_proof(granted.index)
    proof = TlogProof.parse(found.proof)
    proof.verify(leaf_hash(proof.extra), exports.policy)
    assert proof.extra == found.head == granted.head_bytes
    assert found.subj is not None
    assert TOKENS["subj"] in found.subj["content"]
    assert await exports.proof(granted.index) == found.proof
    with pytest.raises(BadExport, match="No signed checkpoint covers"):
        await exports.proof(10_000)


@dataclass
class Given:
    """An approval, as far as exports look at it."""

    subject: dict
    asked_by: str


class Approvals:
    def __init__(self, known):
        self.known = known

    def given(self, approval, act=None):
        assert act == "unseal"
        if approval not in self.known:
            raise NotAllowed("There is no such approval.")
        return self.known[approval]


async def test_with_two_persons_each_session_needs_its_approval(journal, clock, tmp_path):
    made = await record(journal, clock)
    amy = person("amy", "auditor")
    mine, others, approval = new_id(), new_id(), {"session": made.session, "consent": ""}
    known = {mine: Given(approval, amy.principal.id), others: Given(approval, new_id())}
    two = Exports(journal, clock, keys_dir=tmp_path / "keys", approvals=Approvals(known), persons=2)
    wanted = court([made.session], "act")

    def export(request):
        return NewExport(request=request, sessions=(made.session,), manifest="ab" * 32)

    for approvals in ((), (others,), (new_id(),)):
        with pytest.raises(NotAllowed):
            await two.register(amy, export(replace(wanted, approvals=approvals)))
    registered = await two.register(amy, export(replace(wanted, approvals=(mine,))))
    assert parse(registered.head).facts["approvals"] == [mine]
    await two.register(amy, export(replace(wanted, disclosure=Disclosure())))


def test_the_policy_names_the_log_and_its_witnesses(tmp_path):
    key, witness = SigningKey("logs.isp/1", bytes(32)).verifier, CosigningKey("witness.example/1", bytes(32)).verifier
    assert [log.key for log in policy_for(key, None).logs] == [key]
    path = tmp_path / "policy"
    path.write_text(f"witness w1 {witness}\nquorum w1\n")
    policy = policy_for(key, path)
    assert ([log.key for log in policy.logs], policy.quorum) == ([key], "w1")
    with pytest.raises(BadRequest, match="is no trust policy"):
        policy_for(key, tmp_path / "nowhere")
    path.write_text("nonsense\n")
    with pytest.raises(BadRequest, match="is no trust policy"):
        policy_for(key, path)

"""Exports over REST: on record before they are signed, for those who may; proofs of single entries."""

import pytest

from audit.entry import Kind
from audit.leaf import parse
from audit.tlog.merkle import leaf_hash
from audit.tlog.note import VerifierKey, parse_note
from audit.tlog.policy import Policy
from audit.tlog.proof import TlogProof
from config.ids import new_id

BODY = {"manifest": "ab" * 32, "profile": "court", "disclose": "act,17:out", "basis": "Court order 7 of 2026"}


async def test_an_export_is_on_record_proved_and_signed(gateway):
    session = new_id()
    terms = (await gateway.call("amy", "GET", "/v1/exports/terms")).json()
    answer = await gateway.call("amy", "POST", "/v1/exports", {**BODY, "sessions": [session]})
    assert answer.status_code == 201
    made = answer.json()
    head = parse(made["head"].encode())
    assert head.kind is Kind.EXPORT_MADE
    assert head.facts == {
        "what": "bundle",
        "manifest": "ab" * 32,
        "for": "court",
        "sessions": [session],
        "count": 1,
        "comp": ["act", "17:out"],
        "basis": "other",
    }
    proof = TlogProof.parse(made["proof"].encode())
    proof.verify(leaf_hash(made["head"].encode()), Policy.parse(terms["policy"]))
    key = VerifierKey.parse(terms["signer"])
    note = parse_note(made["note"].encode())
    assert note.verified_by([key]) == [key]
    assert note.text == f"{key.name}\nsha256 {'ab' * 32}\n"


async def test_who_and_why_are_sealed(gateway):
    index = (await gateway.call("amy", "POST", "/v1/exports", {**BODY, "sessions": [new_id()]})).json()["entry_index"]
    reader = gateway.journal.reader()
    assert b"amy" not in reader.entry(index).head_bytes
    assert b"Court" not in reader.entry(index).head_bytes
    assert reader.sealed(index, "who")["name"] == "amy"
    assert reader.sealed(index, "act")["basis"] == BODY["basis"]


@pytest.mark.parametrize(
    "change",
    [
        {"manifest": "x"},
        {"profile": "press"},
        {"disclose": "everything"},
        {"basis": ""},
        {"sessions": []},
        {"sessions": ["x"]},
        {"more": 1},
        {"profile": "subscriber", "disclose": "who"},
        {"profile": "auditor", "disclose": "act"},
    ],
)
async def test_what_is_no_export(gateway, change):
    answer = await gateway.call("amy", "POST", "/v1/exports", {**BODY, "sessions": [new_id()], **change})
    assert answer.status_code in {400, 422}
    assert await gateway.facts(Kind.EXPORT_MADE) == []


@pytest.mark.parametrize("who", ["bob", "crm"])
async def test_reps_and_machines_hand_out_nothing(gateway, who):
    for method, path, body in (
        ("POST", "/v1/exports", {**BODY, "sessions": [new_id()]}),
        ("GET", "/v1/exports/terms", None),
        ("GET", "/v1/proofs/0", None),
    ):
        assert (await gateway.call(who, method, path, body)).status_code == 403
    assert await gateway.facts(Kind.EXPORT_MADE) == []


async def test_one_entry_is_proved_by_one_text(gateway):
    answer = await gateway.call("amy", "GET", "/v1/proofs/0")
    assert answer.status_code == 200
    proof = TlogProof.parse(answer.json()["proof"].encode())
    terms = (await gateway.call("amy", "GET", "/v1/exports/terms")).json()
    proof.verify(leaf_hash(proof.extra), Policy.parse(terms["policy"]))
    assert parse(proof.extra).kind is Kind.LOG_START
    assert (await gateway.call("amy", "GET", "/v1/proofs/999999")).status_code == 400

"""`vestibule erase|hold|retention|approval`: what is sent, what is shown, which statuses."""

import pytest

from config.ids import new_id
from gateway import exits

ID = new_id()
PLAN = {
    "possible": True, "key_sets": 7, "sessions": [new_id()], "consents": [ID], "entries": 12, "ciphertexts": 20,
    "chunks": 2, "contacts": 1, "routers": ["r-10442"], "holds": [], "living": [],
}  # fmt: skip
APPROVAL = {
    "id": ID, "act": "erase", "state": "asked", "asked_by": new_id(), "asked_at": "2026-01-01T12:00:00Z",
    "lapses_at": "2026-01-04T12:00:00Z", "decided_by": None, "decided_at": None, "reason": "she asked",
    "about": "consent X: 7 key sets, 1 session",
}  # fmt: skip
DUE = {
    "digest": "ab" * 8,
    "due": [
        {
            "retention": "recording", "month": "2026-01", "key_sets": 2, "held": 1, "holds": [ID], "sessions": 2,
            "consents": 0,
        }
    ],
    "warnings": ["retention.access_months is 6."],
}  # fmt: skip


def test_an_erasure_is_planned_and_asked_for(vestibule):
    vestibule.api.on("POST", "/v1/erasures/plan", PLAN)
    shown = vestibule("erase", "plan", "consent", ID.lower())
    assert shown.status == exits.OK
    assert "key sets     7" in shown.out
    vestibule.api.on("POST", "/v1/erasures", {"approval": ID, "plan": PLAN}, 201)
    words = ("--basis", "gdpr-17", "--reason", "she asked", "--compartments", "act,rec")
    asked = vestibule("erase", "ask", "router", "r-10442", *words)
    assert asked.status == 0
    assert f"vestibule erase approve {ID}" in asked.err
    body = {
        "kind": "router",
        "id": "r-10442",
        "compartments": ["act", "rec"],
        "basis": "gdpr-17",
        "reason": "she asked",
    }
    assert vestibule.api.asked[1] == ("POST", "/v1/erasures", body)


def test_what_stands_in_the_way_is_a_finding(vestibule):
    vestibule.api.on("POST", "/v1/erasures/plan", {**PLAN, "possible": False, "holds": [ID]})
    shown = vestibule("erase", "plan", "session", ID)
    assert shown.status == exits.FAILED
    assert ID in shown.out


@pytest.mark.parametrize("words", [("erase", "list"), ("approval", "list"), ("approval", "show", ID)])
def test_who_may_see_names_sees_who_asked(vestibule, words):
    vestibule.api.on("GET", "/v1/erasures", [APPROVAL])
    vestibule.api.on("GET", "/v1/approvals", [APPROVAL])
    vestibule.api.on("GET", f"/v1/approvals/{ID}", APPROVAL)
    assert vestibule(*words, "--json").status == 0
    assert [path for _, path, _ in vestibule.api.asked if path == "/v1/people"] == [], "programs get ids"
    vestibule.api.on("GET", "/v1/people", [{"id": APPROVAL["asked_by"], "name": "ada"}])
    shown = vestibule(*words).out
    assert "ada" in shown
    assert APPROVAL["asked_by"] not in shown


def test_who_may_not_sees_ids(vestibule):
    vestibule.api.on("GET", "/v1/approvals", [APPROVAL])
    vestibule.api.problem("GET", "/v1/people", 403, "not-allowed", "Only operators may.", "not_allowed")
    shown = vestibule("approval", "list")
    assert shown.status == 0
    assert APPROVAL["asked_by"] in shown.out


def test_nothing_that_waits_has_no_names(vestibule):
    vestibule.api.on("GET", "/v1/approvals", [])
    assert vestibule("approval", "list").status == 0


@pytest.mark.parametrize("group", ["erase", "approval"])
def test_a_second_person_decides(vestibule, group):
    vestibule.api.on("GET", f"/v1/approvals/{ID}", APPROVAL)
    vestibule.api.on("GET", "/v1/people", [])
    assert "she asked" in vestibule(group, "show", ID).out
    for word, state in (("approve", "used"), ("refuse", "refused")):
        vestibule.api.on("POST", f"/v1/approvals/{ID}/{word}", {**APPROVAL, "state": state})
        assert vestibule(group, word, ID, "--reason", "seen").status == 0
        assert vestibule.api.asked[-1] == ("POST", f"/v1/approvals/{ID}/{word}", {"reason": "seen"})
    vestibule.api.on("GET", "/v1/erasures", [APPROVAL])
    vestibule.api.on("GET", "/v1/approvals", [APPROVAL])
    assert ID in vestibule(group, "list").out
    assert vestibule(group, "list", "--json").json == [APPROVAL]


def test_the_same_person_is_told(vestibule):
    said = "Another person than the one who asked has to approve."
    vestibule.api.problem("POST", f"/v1/approvals/{ID}/approve", 403, "not-allowed", said, "not_allowed")
    refused = vestibule("approval", "approve", ID)
    assert (refused.status, said in refused.err) == (exits.NOT_PERMITTED, True)


def test_holds(vestibule):
    vestibule.api.on("POST", "/v1/holds", {"hold": ID}, 201)
    words = ("--authority", "court", "--reference", "1/26", "--reason", "case")
    assert ID in vestibule("hold", "set", "--session", ID, "--subscriber", ID, *words).out
    body = vestibule.api.asked[0][2]
    assert (body["sessions"], body["subscribers"], body["consents"], body["authority"]) == ([ID], [ID], [], "court")
    assert vestibule("hold", "set", *words).status == exits.USAGE
    vestibule.api.on("POST", f"/v1/holds/{ID}/release", {"approval": ID}, 201)
    assert f"vestibule approval approve {ID}" in vestibule("hold", "release", ID, "--reason", "over").err
    listed = {"id": ID, "set_by": ID, "set_at": "2026-01-01T12:00:00Z", "released_at": None}
    vestibule.api.on("GET", "/v1/holds", [{**listed, "authority": "court", "reference": "1/26", "things": ["ks:X"]}])
    assert "court" in vestibule("hold", "list").out


def test_retention_is_shown_before_it_is_run(vestibule):
    vestibule.api.on("GET", "/v1/retention", DUE)
    shown = vestibule("retention", "plan")
    assert shown.out.splitlines()[1].split() == ["recording", "2026-01", "2", "2", "0", "1", ID]
    assert f"--plan {DUE['digest']}" in shown.err
    assert "access_months" in shown.err
    for words in ((), ("--plan", "x", "--now")):
        assert vestibule("retention", "run", *words).status == exits.USAGE
    vestibule.api.on("POST", "/v1/retention/run", DUE)
    vestibule("retention", "run", "--plan", DUE["digest"])
    vestibule("retention", "run", "--now")
    assert [one[2] for one in vestibule.api.asked[1:]] == [{"digest": DUE["digest"]}, {}]
